"""HubSpot's reading side against the sandbox's portal: what it holds is what arrives, whatever goes wrong."""

import random
from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import NotPermitted
from connectors.hubspot import HubSpot
from connectors.hubspot_events import affected
from connectors.hubspot_paths import HISTORIES, LINKS, OBJECT_TYPES
from connectors.pages import Page, Window
from connectors.transport import Transport
from sandbox.faults import Fault
from sandbox.webhook_news import hubspot_event
from sandbox.world import World
from tests.connectors.connector_doubles import quick
from tests.connectors.hubspot_reader import ids, links, records
from tests.sandbox.worlds import CLOCK, TOKEN, Bench, plan, small_company, told

LAG = timedelta(seconds=30)
WRONG = [
    Fault("search_lag_seconds", vendor="hubspot", seconds=LAG.total_seconds()),
    Fault("disorder", vendor="hubspot"),
    Fault("duplicates", vendor="hubspot", share=0.4),
    Fault("merge_makes_new_id", vendor="hubspot"),
    Fault("error_rate_5xx", vendor="hubspot", status=500, share=0.05),
    Fault("truncate_page", vendor="hubspot", share=0.05),
]


def reader(bench: Bench) -> HubSpot:
    direct = bench.hubspot._transport
    headers = {"Authorization": f"Bearer {TOKEN}"}
    return HubSpot(
        Transport("hubspot", "http://sandbox", headers=headers, policy=quick(attempts=12), transport=direct)
    )


class Shelf:
    """Keeps of each record what raw would: the newest by the vendor's change time, the last received of those."""

    def __init__(self) -> None:
        self.held: dict[str, dict[str, Any]] = {}
        self.swept: set[str] = set()

    def put(self, pages: Iterable[Page]) -> None:
        for each in records(pages):
            self.swept.add(each["id"])
            known = self.held.get(each["id"])
            if known is None or known["updatedAt"] <= each["updatedAt"]:
                self.held[each["id"]] = each


def shown(record: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """What must agree: everything but the properties that were not asked for."""
    return {**record, "properties": {name: record["properties"].get(name) for name in names}}


def agree(held: dict[str, dict[str, Any]], true: dict[str, dict[str, Any]]) -> None:
    assert held.keys() == true.keys()
    for number, record in held.items():
        assert record == shown(true[number], record["properties"]), number


def untimed(record: dict[str, Any]) -> dict[str, Any]:
    values = {name: value for name, value in record["properties"].items() if name != "lastmodifieddate"}
    return {**record, "updatedAt": None, "properties": values}


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    world = World(tmp_path_factory.mktemp("company") / "home", plan(), small_company)
    bench = Bench(world)
    # Its people file no task and link no ticket to a contact; so one of each is made.
    contact, ticket = (next(iter(bench.state("hubspot")[kind])) for kind in ("contacts", "tickets"))
    link = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": 204}
    task = {
        "properties": {"hs_timestamp": "2026-03-09T09:00:00Z", "hs_task_subject": "Call"},
        "associations": [{"to": {"id": contact}, "types": [link]}],
    }
    bench.hubspot.post("/crm/v3/objects/tasks", json=task).raise_for_status()
    pair = f"/crm/v4/objects/tickets/{ticket}/associations/default/contacts/{contact}"
    bench.hubspot.put(pair).raise_for_status()
    yield bench
    world.close()


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Bench]:
    world = World(tmp_path / "home", plan(), told([]))
    yield Bench(world)
    world.close()


@pytest.mark.parametrize("kind", OBJECT_TYPES)
def test_everything_that_a_portal_holds_arrives(company: Bench, kind: str) -> None:
    true = company.state("hubspot")[kind]
    assert true
    pages = list(reader(company).read(kind, Window(None, company.world.clock)))
    agree({each["id"]: each for each in records(pages)}, true)
    living = sum(not each["archived"] for each in true.values())
    assert (pages[-1].warning, pages[-1].total, pages[-1].given) == (None, living, living)


@pytest.mark.parametrize("name", LINKS)
def test_every_association_arrives(company: Bench, name: str) -> None:
    parent, other = LINKS[name]
    state = company.state("hubspot")
    living = [number for number, each in state[parent].items() if not each["archived"]]
    true = state["associations"].get(f"{parent}/{other}", {})
    assert true
    found = links(reader(company).read(name, Window(None, company.world.clock), ids=living))
    assert {number: sorted(to) for number, to in found.items()} == {
        number: sorted(true.get(number, {})) for number in living
    }


@pytest.mark.parametrize(("name", "kind"), HISTORIES.items())
def test_the_history_of_a_record_begins_with_its_value_now(company: Bench, name: str, kind: str) -> None:
    living = {number: each for number, each in company.state("hubspot")[kind].items() if not each["archived"]}
    found = records(reader(company).read(name, Window(None, company.world.clock), ids=list(living)))
    assert {each["id"] for each in found} == set(living)
    moved = 0
    for each in found:
        for prop, versions in each["propertiesWithHistory"].items():
            now = living[each["id"]]["properties"].get(prop)
            assert (versions[0]["value"] or None if versions else None) == now
            moved += len(versions) > 1
    assert moved


def test_every_right_that_reading_needs_is_there(company: Bench) -> None:
    assert {probe.status for probe in reader(company).probe()} == {"ok"}


def test_feedback_that_the_plan_does_not_have_is_its_own_status(company: Bench) -> None:
    faults = company.world.faults
    faults.replace([Fault("status", status=403, path="/crm/objects/2026-09/feedback_submissions")])
    try:
        with pytest.raises(NotPermitted):
            list(reader(company).read("feedback_submissions", Window(None, company.world.clock)))
        assert records(reader(company).read("deals", Window(None, company.world.clock)))
    finally:
        faults.replace([])


def test_300_properties_of_the_portals_own_arrive_past_its_limits(empty: Bench) -> None:
    names = [f"our_very_own_property_number_{number:03d}" for number in range(300)]
    for name in names:
        made = {
            "name": name,
            "label": name,
            "type": "string",
            "fieldType": "text",
            "groupName": "information",
        }
        empty.hubspot.post("/crm/v3/properties/deals", json=made).raise_for_status()
    stage = {"dealname": "A", "pipeline": "default", "dealstage": "qualifiedtobuy"}
    for name in names[::60]:
        created = {"properties": {**stage, name: "kept"}}
        empty.hubspot.post("/crm/v3/objects/deals", json=created).raise_for_status()
    true = empty.state("hubspot")["deals"]
    for window in (Window(None, CLOCK), Window(CLOCK - timedelta(hours=1), CLOCK)):
        pages = list(reader(empty).read("deals", window))
        found = {each["id"]: each for each in records(pages)}
        agree(found, true)
        assert all(set(names) <= each["properties"].keys() for each in found.values())
        assert pages[-1].warning is None


def test_what_is_deleted_for_good_or_merged_away_is_in_no_page_by_id(empty: Bench) -> None:
    hubspot = empty.hubspot

    def made(name: str) -> str:
        properties = {"email": f"{name}@x.example"}
        answer = hubspot.post("/crm/v3/objects/contacts", json={"properties": properties})
        return str(answer.raise_for_status().json()["id"])

    kept, gone, archived, erased = (made(name) for name in ("kept", "gone", "archived", "erased"))
    merge = {"primaryObjectId": kept, "objectIdToMerge": gone}
    hubspot.post("/crm/v3/objects/contacts/merge", json=merge).raise_for_status()
    hubspot.delete(f"/crm/v3/objects/contacts/{archived}").raise_for_status()
    hubspot.post("/crm/v3/objects/contacts/gdpr-delete", json={"objectId": erased}).raise_for_status()
    found = records(reader(empty).read_ids("contacts", [kept, gone, archived, erased, "1"]))
    assert {each["id"]: each["archived"] for each in found} == {kept: False, archived: True}
    (stays,) = (each for each in found if each["id"] == kept)
    assert gone in stays["properties"]["hs_merged_object_ids"].split(";")


class Edits:
    """Random work in a portal: records made, changed, changed back, archived, merged, deleted for good."""

    def __init__(self, bench: Bench, seed: int) -> None:
        self.hubspot, self.bench, self.dice = bench.hubspot, bench, random.Random(seed)
        self.made = 0

    def one(self) -> None:
        living = [
            number for number, each in self.bench.state("hubspot")["contacts"].items() if not each["archived"]
        ]
        what = self.dice.choice(("make", "make", "change", "change", "archive", "merge", "erase"))
        if what == "make" or len(living) < 3:
            self.made += 1
            self.ask("POST", "", {"properties": {"email": f"p{self.made}@x.example"}})
        elif what == "change":
            name = self.dice.choice(("Ana", "Berta"))
            self.ask("PATCH", f"/{self.dice.choice(living)}", {"properties": {"firstname": name}})
        elif what == "archive":
            self.ask("DELETE", f"/{self.dice.choice(living)}")
        elif what == "merge":
            kept, gone = self.dice.sample(living, 2)
            self.ask("POST", "/merge", {"primaryObjectId": kept, "objectIdToMerge": gone})
        else:
            self.ask("POST", "/gdpr-delete", {"objectId": self.dice.choice(living)})

    def ask(self, method: str, path: str, body: object = None) -> None:
        faults = self.bench.world.faults
        standing = [Fault(**each) for each in faults.as_json()]
        # The work is done by others, on good lines.
        faults.replace([each for each in standing if each.kind == "merge_makes_new_id"])
        answer = self.hubspot.request(method, f"/crm/v3/objects/contacts{path}", json=body)
        faults.replace(standing)
        answer.raise_for_status()


def caught_up(connector: HubSpot, shelf: Shelf, window: Window) -> Sequence[Page]:
    pages = list(connector.read("contacts", window))
    shelf.put(pages)
    return pages


@pytest.mark.parametrize("seed", range(12))
def test_a_portal_that_is_worked_in_while_everything_goes_wrong_arrives_in_the_end(
    empty: Bench, seed: int
) -> None:
    world, dice = empty.world, random.Random(seed)
    world.faults.replace(WRONG)
    edits, shelf, connector = Edits(empty, seed), Shelf(), reader(empty)
    since = world.clock
    caught_up(connector, shelf, Window(None, since))
    for _ in range(40):
        edits.one()
        world.advance(world.clock + timedelta(seconds=dice.choice((0, 1, 20, 40))))
        if dice.random() < 0.4:
            caught_up(connector, shelf, Window(since - 2 * LAG, world.clock))
            since = world.clock
    # A quiet last increment knows every living record as it is, by search alone …
    world.advance(world.clock + 2 * LAG)
    pages = caught_up(connector, shelf, Window(since - 2 * LAG, world.clock))
    assert pages[-1].warning is None
    true = empty.state("hubspot")["contacts"]
    assert true.keys() <= shelf.held.keys()
    agree({number: shelf.held[number] for number in true}, true)
    # … and a sweep with one question for what it did not bring knows what is gone.
    shelf.swept.clear()
    pages = caught_up(connector, shelf, Window(None, world.clock))
    assert pages[-1].warning is None
    doubtful = [number for number in shelf.held if number not in shelf.swept]
    still_there = ids(connector.read_ids("contacts", doubtful))
    assert set(shelf.held) - set(doubtful) | set(still_there) == set(true)


@pytest.mark.parametrize("seed", range(4))
def test_everything_that_an_event_tells_of_is_read_again_by_id(empty: Bench, seed: int) -> None:
    """After each edit, what `affected` names of its events is enough to know everything that changed."""
    world, events = empty.world, []

    def hear(what: str, record: Any, at: int, **more: Any) -> None:
        events.append(hubspot_event(what, record, at, len(events), seed, "CRM", more))

    world.hubspot.tell = hear
    edits, connector = Edits(empty, seed), reader(empty)
    held: dict[str, dict[str, Any]] = {}
    links_held: dict[str, list[str]] = {}
    company = empty.hubspot.post("/crm/v3/objects/companies", json={"properties": {"name": "A"}}).json()["id"]
    for _ in range(40):
        edits.one()
        living = [
            number for number, each in empty.state("hubspot")["contacts"].items() if not each["archived"]
        ]
        if living and edits.dice.random() < 0.5:
            path = f"/crm/v4/objects/contacts/{edits.dice.choice(living)}/associations"
            empty.hubspot.put(f"{path}/default/companies/{company}").raise_for_status()
        concerned = [pair for event in events for pair in affected(event)]
        events.clear()
        world.advance(world.clock + timedelta(seconds=1))
        asked = [number for name, number in concerned if name == "contacts"]
        for number in asked:
            held.pop(number, None)
        held |= {each["id"]: each for each in records(connector.read_ids("contacts", asked))}
        linked = [number for name, number in concerned if name == "contact_companies"]
        links_held |= links(connector.read_ids("contact_companies", linked))
        state = empty.state("hubspot")
        # A change to the value that was there already moves the change time, which HubSpot announces to nobody.
        agree(
            *({number: untimed(each) for number, each in some.items()} for some in (held, state["contacts"]))
        )
        true = {
            number: list(to) for number, to in state["associations"].get("contacts/companies", {}).items()
        }
        living = [number for number, each in state["contacts"].items() if not each["archived"]]
        assert {number: to for number, to in links_held.items() if to and number in living} == true
