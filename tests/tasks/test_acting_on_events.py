"""What is read again after vendors told something, and what raw then holds."""

import fcntl
import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.errors import ConnectorError, FixConfig, NotPermitted, Refused, RetryLater
from connectors.pages import Identity, Page, Probe, Resource, Window
from tasks.events import EventsReport, act_on_events
from warehouse.landing import Landing
from warehouse.store import Store, lock

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)
RESOURCES = {
    **{
        name: Resource("hubspot", name, "$.results", "$.id", mark="$.updatedAt", by_id=True)
        for name in ("contacts", "companies", "deals")
    },
    "owners": Resource("hubspot", "owners", "$.results", "$.id", whole=True),
    "deal_companies": Resource("hubspot", "deal_companies", "$.results", "$.from", parent="deals"),
}


class Portal:
    """HubSpot as far as single records go. `troubles` are what a resource answers instead of records."""

    source = "hubspot"
    api_version = "1"
    resources = RESOURCES

    def __init__(self) -> None:
        self.records: dict[str, dict[str, str]] = {name: {} for name in RESOURCES}
        self.troubles: dict[str, ConnectorError] = {}
        self.asked: list[tuple[str, list[str]]] = []
        self.opened = self.closed = 0

    def edit(self, resource: str, ident: int, name: str) -> None:
        self.records[resource][str(ident)] = name

    def identity(self) -> Identity:
        return Identity("62515", None, None)

    def probe(self) -> list[Probe]:
        return []

    def read(self, resource: str, _window: Window, *, ids: Sequence[str] = (), **_: object) -> Iterator[Page]:
        yield from self._pages(resource, ids, "from")

    def read_ids(self, resource: str, ids: Sequence[str]) -> Iterator[Page]:
        yield from self._pages(resource, ids, "id")

    def _pages(self, resource: str, ids: Sequence[str], key: str) -> Iterator[Page]:
        if resource in self.troubles:
            raise self.troubles[resource]
        self.asked.append((resource, list(ids)))
        held = self.records[resource]
        rows = [{key: ident, "name": held[ident], "updatedAt": held[ident]} for ident in ids if ident in held]
        yield Page(json.dumps({"results": rows}).encode(), len(rows), None)

    def close(self) -> None:
        self.closed += 1


class World:
    """A home with a portal that tells of its changes."""

    def __init__(self, home: Path) -> None:
        self.now = AT
        self.landing = Landing(home, clock=lambda: self.now)
        self.store = Store(home)
        self.portal = Portal()

    def tell(self, *events: dict) -> None:
        found = [
            {"key": json.dumps(event, sort_keys=True), "event": event | {"attemptNumber": 0}}
            for event in events
        ]
        with self.landing.open("hubspot", "events", None, self.now) as run:
            run.append(json.dumps({"events": found}).encode(), len(found), None)
            run.complete()

    def connect(self, _source: str) -> Portal:
        self.portal.opened += 1
        return self.portal

    def act(self) -> list[EventsReport]:
        return act_on_events(self.connect, self.landing, self.store, self.now)

    def raw(self, resource: str) -> dict[str, str]:
        """Names of the records that are current and not gone."""
        with self.store.read() as con:
            rows = con.execute(f"select key, body from raw.hubspot_{resource}_current").fetchall()
        return {key: body["name"] for key, text in rows if "gone_at" not in (body := json.loads(text))}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def changed(kind: str, ident: int, at: int = 1) -> dict:
    return {"subscriptionType": f"{kind}.propertyChange", "objectId": ident, "occurredAt": at}


def test_where_nobody_ever_told_anything_the_warehouse_is_not_even_opened(world: World) -> None:
    assert world.act() == []
    assert not world.store.path.exists()


def test_each_record_is_read_once_as_it_is_now_however_often_it_was_told(world: World) -> None:
    world.tell(changed("contact", 1), changed("company", 9), changed("contact", 1, at=2))
    world.tell(changed("contact", 2), changed("contact", 1))
    for resource, ident in (("contacts", 1), ("contacts", 2), ("companies", 9)):
        world.portal.edit(resource, ident, f"{resource} {ident} now")
    assert world.act() == [EventsReport("hubspot", "done", events=4, records=3)]
    assert world.raw("contacts") == {"1": "contacts 1 now", "2": "contacts 2 now"}
    assert world.raw("companies") == {"9": "companies 9 now"}
    assert sorted(world.portal.asked) == [("companies", ["9"]), ("contacts", ["1", "2"])]
    assert world.act() == [EventsReport("hubspot", "done")]
    assert (world.portal.opened, world.portal.closed) == (1, 1)  # nothing told, nobody connected


def test_disorder_and_repetition_end_in_the_state_of_now(world: World) -> None:
    for name in ("a", "b", "c"):
        world.portal.edit("contacts", 1, name)
        world.tell(changed("contact", 1, at=3))
        world.tell(changed("contact", 1, at=1))
        world.act()
        world.tell(changed("contact", 1, at=2))
        world.tell(changed("contact", 1, at=ord(name)))
        world.act()
        assert world.raw("contacts") == {"1": name}


def test_a_record_that_is_gone_gets_a_tombstone(world: World) -> None:
    world.portal.edit("contacts", 1, "a")
    world.tell(changed("contact", 1))
    world.act()
    world.portal.records["contacts"].clear()
    world.tell({"subscriptionType": "contact.privacyDeletion", "objectId": 1})
    assert [report.state for report in world.act()] == ["done"]
    assert world.raw("contacts") == {}
    with world.store.read() as con:
        ((body,),) = con.execute("select body from raw.hubspot_contacts_current").fetchall()
    assert json.loads(body)["name"] == "a"


def test_what_belongs_to_a_record_is_read_with_it(world: World) -> None:
    world.portal.edit("deals", 5, "won")
    world.portal.edit("deal_companies", 5, "9")
    world.tell(changed("deal", 5))
    world.act()
    assert (world.raw("deals"), world.raw("deal_companies")) == ({"5": "won"}, {"5": "9"})


def test_what_is_not_read_by_id_is_left_to_the_scheduled_read(world: World) -> None:
    world.tell(changed("owner", 1), changed("unicorn", 1), {"subscriptionType": "contact.creation"})
    assert world.act() == [EventsReport("hubspot", "done", events=3)]
    assert world.portal.asked == []


@pytest.mark.parametrize("trouble", [RetryLater("HTTP 503"), FixConfig("HTTP 401")])
def test_what_heals_is_tried_again_and_forgets_nothing(world: World, trouble: ConnectorError) -> None:
    world.tell(changed("contact", 1), changed("company", 9))
    world.portal.troubles = {"companies": trouble}
    assert world.act() == [EventsReport("hubspot", "waiting", events=2, reason=str(trouble))]
    world.tell(changed("contact", 2))
    world.portal.troubles = {}
    for resource, ident in (("contacts", 1), ("contacts", 2), ("companies", 9)):
        world.portal.edit(resource, ident, "now")
    assert world.act() == [EventsReport("hubspot", "done", events=1, records=3)]
    assert (world.raw("contacts"), world.raw("companies")) == ({"1": "now", "2": "now"}, {"9": "now"})


@pytest.mark.parametrize("trouble", [NotPermitted("no right to read companies"), Refused("HTTP 400")])
def test_one_resource_that_cannot_be_had_keeps_no_other(world: World, trouble: ConnectorError) -> None:
    world.tell(changed("contact", 1), changed("company", 9), changed("deal", 5))
    world.portal.edit("contacts", 1, "now")
    world.portal.edit("deals", 5, "now")
    world.portal.troubles = {"companies": trouble}
    assert world.act() == [EventsReport("hubspot", "done", events=3, records=3, reason=str(trouble))]
    assert (world.raw("contacts"), world.raw("deals")) == ({"1": "now"}, {"5": "now"})
    assert world.act() == [EventsReport("hubspot", "done")]


def test_a_refusal_hides_no_trouble_that_heals(world: World) -> None:
    world.tell(changed("contact", 1), changed("company", 9), changed("deal", 5))
    world.portal.troubles = {"contacts": Refused("HTTP 400"), "deals": RetryLater("HTTP 503")}
    assert [report.state for report in world.act()] == ["waiting"]
    world.portal.troubles = {}
    world.portal.edit("deals", 5, "now")
    world.act()
    assert world.raw("deals") == {"5": "now"}


def test_an_event_that_is_misread_holds_up_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    world.portal.edit("contacts", 1, "now")
    world.tell({"subscriptionType": "contact.creation", "objectId": [[]]}, changed("contact", 1))
    assert [report.state for report in world.act()] == ["done"]
    assert world.raw("contacts") == {"1": "now"}


def test_without_credentials_events_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.tell(changed("contact", 1))
    monkeypatch.setattr(world, "connect", lambda _source: None)
    assert world.act() == [EventsReport("hubspot", "waiting", events=1, reason="no credentials are set")]
    monkeypatch.undo()
    assert world.act() == [EventsReport("hubspot", "done", records=1)]


def test_while_a_long_sync_goes_on_events_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tasks.events.SYNC_PATIENCE", timedelta(0))
    world.portal.edit("contacts", 1, "now")
    world.tell(changed("contact", 1))
    with lock(world.landing.folder / "hubspot" / ".sync.lock", fcntl.LOCK_EX, timedelta(0)):
        (report,) = world.act()
    assert (report.state, report.events) == ("waiting", 1)
    assert ".sync.lock" in (report.reason or "")
    assert [report.state for report in world.act()] == ["done"]
    assert world.raw("contacts") == {"1": "now"}


class Killed(BaseException):
    """The process ended here."""


@pytest.mark.parametrize("place", ["tasks.events.reread", "tasks.events.mark_acted_on"])
@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
def test_a_kill_anywhere_repeats_and_loses_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch, place: str, done: bool
) -> None:
    from tasks import events

    world.portal.edit("contacts", 1, "now")
    world.tell(changed("contact", 1))
    step = getattr(events, place.rpartition(".")[2])

    def die(*arguments: object, **options: object) -> None:
        if done:
            step(*arguments, **options)
        raise Killed

    monkeypatch.setattr(place, die)
    with pytest.raises(Killed):
        world.act()
    monkeypatch.undo()
    assert [report.state for report in world.act()] == ["done"]
    assert world.raw("contacts") == {"1": "now"}
    assert world.act() == [EventsReport("hubspot", "done")]


def test_runs_of_events_and_of_their_records_do_not_pile_up(world: World) -> None:
    for hour in range(12):
        world.now = AT + timedelta(hours=hour)
        world.portal.edit("contacts", 1, f"at {hour:02d}")
        world.tell(changed("contact", 1, at=hour))
        world.act()
    left = {name: len(world.landing.runs("hubspot", name)) for _, name in world.landing.resources()}
    assert left == {"events": 7, "contacts_by_id": 7}
    with world.store.read() as con:
        rows = con.execute("select resource, count(*) from meta.merged_run group by resource").fetchall()
        ((versions,),) = con.execute("select count(*) from raw.hubspot_contacts").fetchall()
    assert dict(rows) == left
    assert versions == 12
