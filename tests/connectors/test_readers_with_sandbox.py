"""Intercom and Mailchimp as the sandbox plays them, judged by all that it holds, with its faults on."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from connectors.intercom import Intercom
from connectors.mailchimp import Mailchimp
from connectors.pages import Page, Window
from sandbox import seeds
from sandbox.faults import parse_faults
from sandbox.world import World
from tests.connectors.sandbox_readers import intercom, mailchimp
from tests.sandbox.worlds import CLOCK, Bench, plan, small_company

SWEEP = Window(None, CLOCK)
TROUBLE = [
    {"kind": "duplicates", "share": 0.5},
    *(
        {"kind": kind, "share": 0.05}
        for kind in ("error_rate_5xx", "rate_429", "cut_connection", "truncate_page")
    ),
]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    world = World(tmp_path / "home", plan(), small_company)
    yield Bench(world)
    world.close()


def latest(connector: Intercom | Mailchimp, resource: str, window: Window = SWEEP) -> dict[str, Any]:
    """What raw would hold: of each key the record that came last. The read must be whole by its own count."""
    pages: list[Page] = list(connector.read(resource, window))
    declared = connector.resources[resource]
    assert [page.warning for page in pages if page.warning] == []
    assert pages[-1].total in (pages[-1].given, None)
    return {
        "+".join(str(record[part.removeprefix("$.")]) for part in declared.key.split("+")): record
        for page in pages
        for record in orjson.loads(page.body)[declared.records.removeprefix("$.")]
    }


@pytest.mark.parametrize("trouble", [[], TROUBLE], ids=["calm", "trouble"])
@pytest.mark.parametrize("version", ["2.16", "2.17"])
def test_all_of_intercom_arrives(bench: Bench, version: str, trouble: list[dict]) -> None:
    bench.world.faults.add(parse_faults(trouble))
    reader, held = intercom(bench, version), bench.state("intercom")
    for resource in ("contacts", "companies", "conversations", "tickets"):
        found = latest(reader, resource)
        living = {key for key, each in held[resource].items() if not each.get("archived")}
        assert found.keys() == living, resource
        assert found
        for key, record in found.items():
            assert record["updated_at"] == held[resource][key]["updated_at"]
    conversation = next(iter(latest(reader, "conversations").values()))
    assert conversation == held["conversations"][conversation["id"]]


@pytest.mark.parametrize("version", ["2.16", "2.17"])
def test_an_increment_of_intercom_brings_what_changed_since(bench: Bench, version: str) -> None:
    since = bench.world.clock
    admin = bench.intercom.get("/admins").json()["admins"][0]["id"]
    contact = next(iter(bench.state("intercom")["contacts"]))
    conversation = next(iter(bench.state("intercom")["conversations"]))
    ticket = next(iter(bench.state("intercom")["tickets"]))
    bench.intercom.put(f"/contacts/{contact}", json={"name": "Renamed"}).raise_for_status()
    note = {"message_type": "note", "type": "admin", "admin_id": admin, "body": "Looked into it"}
    bench.intercom.post(f"/conversations/{conversation}/reply", json=note).raise_for_status()
    bench.intercom.put(f"/tickets/{ticket}", json={"open": False}).raise_for_status()
    reader, window = intercom(bench, version), Window(since, since + timedelta(hours=1))
    assert latest(reader, "contacts", window)[contact]["name"] == "Renamed"
    assert ticket in latest(reader, "tickets", window)
    parts = latest(reader, "conversations", window)[conversation]["conversation_parts"]
    assert "Looked into it" in parts["conversation_parts"][-1]["body"]


def test_a_conversation_of_more_than_500_parts_is_told_as_short(bench: Bench) -> None:
    sown = {"vendor": "intercom", "kind": "conversations", "count": 1, "parts": 502}
    bench.world.commit(seeds.checked(bench.world, sown))
    held = bench.state("intercom")["conversations"]
    longest = max(held, key=lambda each: len(held[each]["conversation_parts"]["conversation_parts"]))
    pages = list(intercom(bench).read("conversations", SWEEP))
    (warning,) = [page.warning for page in pages if page.warning]
    assert warning.startswith(f"conversation {longest}: Intercom counts 50")
    assert warning.endswith("parts and gave 500 (500 at most)")


@pytest.mark.parametrize("trouble", [[], TROUBLE], ids=["calm", "trouble"])
def test_all_of_mailchimp_arrives(bench: Bench, trouble: list[dict]) -> None:
    bench.world.faults.add(parse_faults(trouble))
    reader, held = mailchimp(bench), bench.state("mailchimp")
    found = latest(reader, "members")
    assert {key.partition("+")[2] for key in found} == set(held["members"])
    for record in found.values():
        assert record["last_changed"] == held["members"][record["contact_id"]]["last_changed"]
    assert latest(reader, "audience_contacts").keys() == found.keys()
    campaigns = latest(reader, "campaigns")
    assert campaigns.keys() == latest(reader, "reports").keys() == held["campaigns"].keys()
    activity = latest(reader, "email_activity")
    assert len(activity) == sum(each["emails_sent"] for each in campaigns.values())
    for resource in ("lists", "tags", "automations", "automation_emails"):
        assert latest(reader, resource), resource


def test_an_account_without_the_beta_has_nothing_to_read_there(bench: Bench) -> None:
    bench.world.faults.add(parse_faults([{"kind": "no_cursor", "vendor": "mailchimp"}]))
    assert list(mailchimp(bench).read("audience_contacts", SWEEP)) == []
