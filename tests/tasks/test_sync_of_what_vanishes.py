"""Intercom and Mailchimp into raw: what merges, moves, is deleted, and what needs no second look."""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from connectors.intercom_events import affected as intercom_affected
from connectors.mailchimp_events import affected as mailchimp_affected
from connectors.pages import Connector
from sandbox import seeds
from sandbox.faults import parse_faults
from sandbox.world import World
from tasks.sync import SyncReport, reread, sync_source
from tests.connectors.sandbox_readers import Noting, intercom, mailchimp, to_intercom
from tests.sandbox.worlds import Bench, plan, told
from warehouse.landing import Landing
from warehouse.store import Store

HOUR = timedelta(hours=1)


class Home:
    """A sandbox, and a home that is synced from it."""

    def __init__(self, folder: Path) -> None:
        self.world = World(folder / "world", plan(), told([]))
        self.bench = Bench(self.world)
        self.folder = folder / "home"
        month_ago = (self.world.clock - timedelta(days=30)).isoformat()
        crowd = {"at": month_ago, "seconds_apart": 3600}
        for vendor, kind, count in (
            ("intercom", "contacts", 5),
            ("intercom", "conversations", 60),
            ("mailchimp", "members", 30),
        ):
            sown = {"vendor": vendor, "kind": kind, "count": count, "parts": 2, **crowd}
            self.world.commit(seeds.checked(self.world, sown))
        self.admin = self.bench.intercom.get("/admins").json()["admins"][0]["id"]
        close = {"message_type": "close", "type": "admin", "admin_id": self.admin}
        for number in list(self.bench.state("intercom")["conversations"])[:50]:
            self.bench.intercom.post(f"/conversations/{number}/parts", json=close).raise_for_status()

    def sync(self, source: Connector, **options: object) -> SyncReport:
        report = sync_source(source, Landing(self.folder), Store(self.folder), self.world.clock, **options)
        assert (report.state, report.reason) == ("complete", None)
        return report

    def reread(self, source: Connector, pairs: Sequence[tuple[str, str]]) -> SyncReport:
        wanted: dict[str, list[str]] = {}
        for resource, key in pairs:
            wanted.setdefault(resource, []).append(key)
        return reread(source, Landing(self.folder), Store(self.folder), wanted, self.world.clock)

    def note(self, number: str) -> None:
        body = {"message_type": "note", "type": "admin", "admin_id": self.admin, "body": "Looked into it"}
        self.bench.intercom.post(f"/conversations/{number}/reply", json=body).raise_for_status()

    def later(self, step: timedelta) -> None:
        self.world.advance(self.world.clock + step)

    def current(self, table: str) -> Mapping[str, dict]:
        with Store(self.folder).read() as con:
            rows = con.execute(f"select key, body from raw.{table}_current").fetchall()
        return {key: json.loads(body) for key, body in rows}

    def versions(self, table: str, key: str) -> int:
        with Store(self.folder).read() as con:
            row = con.execute(f"select count(*) from raw.{table} where key = ?", [key]).fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    yield made
    made.world.close()


def test_a_contact_that_was_merged_is_gone_and_the_one_that_stays_says_so(home: Home) -> None:
    home.sync(intercom(home.bench), only=["contacts"])
    kept = next(key for key, each in home.current("intercom_contacts").items() if each["role"] == "user")
    lead = {"role": "lead", "email": "lead@nowhere.example"}
    gone = home.bench.intercom.post("/contacts", json=lead).json()["id"]
    home.later(HOUR)
    home.sync(intercom(home.bench), only=["contacts"])
    assert gone in home.current("intercom_contacts")
    merge = {"from": gone, "into": kept, "skip_duplicate_validation": True}
    home.bench.intercom.post("/contacts/merge", json=merge).raise_for_status()
    home.later(25 * HOUR)
    home.sync(intercom(home.bench), only=["contacts"])
    found = home.current("intercom_contacts")
    assert "gone_at" in found[gone]
    assert "gone_at" not in found[kept]
    assert gone in {each["source_contact_id"] for each in found[kept]["merge_history"]}


def test_a_deleted_conversation_is_gone_and_listed_as_deleted(home: Home) -> None:
    resources = ["conversations", "deleted_conversations"]
    home.sync(intercom(home.bench), only=resources)
    number = next(iter(home.current("intercom_conversations")))
    home.bench.intercom.delete(f"/conversations/{number}").raise_for_status()
    home.later(HOUR)
    home.sync(intercom(home.bench), only=resources)
    assert number in home.current("intercom_deleted_conversations")
    home.later(25 * HOUR)
    home.sync(intercom(home.bench), only=resources)
    assert "gone_at" in home.current("intercom_conversations")[number]
    living = set(home.bench.state("intercom")["conversations"])
    buried = {key for key, each in home.current("intercom_conversations").items() if "gone_at" in each}
    assert buried == {number}
    assert living == set(home.current("intercom_conversations")) - buried


def test_a_change_that_a_search_shows_minutes_late_comes_with_the_next_increment(home: Home) -> None:
    # 2.17 filters by the second, so that no day-wide filter helps.
    home.sync(intercom(home.bench, "2.17"), only=["conversations"])
    number = next(iter(home.current("intercom_conversations")))
    before = home.current("intercom_conversations")[number]
    home.later(HOUR)
    home.world.faults.add(
        parse_faults([{"kind": "search_lag_seconds", "vendor": "intercom", "seconds": 600}])
    )
    home.note(number)
    home.later(timedelta(minutes=5))
    home.sync(intercom(home.bench, "2.17"), only=["conversations"])
    assert home.current("intercom_conversations")[number] == before
    home.later(timedelta(minutes=6))
    home.sync(intercom(home.bench, "2.17"), only=["conversations"])
    parts = home.current("intercom_conversations")[number]["conversation_parts"]["conversation_parts"]
    assert "Looked into it" in parts[-1]["body"]


def test_a_daily_sweep_fetches_no_settled_conversation_again(home: Home) -> None:
    home.sync(intercom(home.bench), only=["conversations"])
    settled = [
        key for key, each in home.current("intercom_conversations").items() if each["state"] == "closed"
    ]
    assert len(settled) == 50
    home.later(8 * 24 * HOUR)
    home.note(settled[3])
    home.sync(intercom(home.bench), only=["conversations"])
    home.later(25 * HOUR)
    home.note(settled[7])
    way = to_intercom(home.bench)
    home.sync(intercom(home.bench, way=way), only=["conversations"])
    fetched = {path.rpartition("/")[2] for path in way.asked if path.startswith("GET /conversations/")}
    # What moved, and what is so young that a second change in its second could hide.
    assert fetched & set(settled) == {settled[7], settled[3]}
    found, held = home.current("intercom_conversations"), home.bench.state("intercom")["conversations"]
    assert fetched - set(settled) == {key for key, each in held.items() if each["state"] != "closed"}
    assert {key: each["updated_at"] for key, each in found.items()} == {
        key: each["updated_at"] for key, each in held.items()
    }
    assert not any("gone_at" in each for each in found.values())


def test_reading_everything_again_asks_for_every_conversation(home: Home) -> None:
    home.sync(intercom(home.bench), only=["conversations"])
    way = to_intercom(home.bench)
    report = home.sync(intercom(home.bench, way=way), only=["conversations"], full=True)
    fetched = {path for path in way.asked if path.startswith("GET /conversations/")}
    assert len(fetched) == len(home.current("intercom_conversations"))
    assert report.rows_added == 0


def test_a_member_with_a_new_address_stays_one_member_and_keeps_both_versions(home: Home) -> None:
    home.sync(mailchimp(home.bench), only=["members"])
    key, before = next(iter(home.current("mailchimp_members").items()))
    path = f"/lists/{before['list_id']}/members/{before['id']}"
    home.bench.mailchimp.patch(path, json={"email_address": "another@nowhere.example"}).raise_for_status()
    home.later(HOUR)
    home.sync(mailchimp(home.bench), only=["members"])
    found = home.current("mailchimp_members")
    assert found[key]["email_address"] == "another@nowhere.example"
    assert found[key]["id"] != before["id"]
    assert home.versions("mailchimp_members", key) == 2
    assert len(found) == len(home.bench.state("mailchimp")["members"])


def test_a_member_deleted_for_good_is_gone_after_a_sweep_and_an_archived_one_is_not(home: Home) -> None:
    home.sync(mailchimp(home.bench), only=["members"])
    (first, forgotten), (second, archived) = list(home.current("mailchimp_members").items())[:2]
    path = f"/lists/{forgotten['list_id']}/members"
    home.bench.mailchimp.post(f"{path}/{forgotten['id']}/actions/delete-permanent").raise_for_status()
    home.bench.mailchimp.delete(f"{path}/{archived['id']}").raise_for_status()
    home.later(25 * HOUR)
    home.sync(mailchimp(home.bench), only=["members"])
    found = home.current("mailchimp_members")
    assert "gone_at" in found[first]
    assert "gone_at" not in found[second]
    assert found[second]["status"] == "archived"


def test_a_beta_that_is_withdrawn_leaves_what_was_read_and_says_so(home: Home) -> None:
    home.sync(mailchimp(home.bench), only=["audience_contacts"])
    assert home.current("mailchimp_audience_contacts")
    home.world.faults.add(parse_faults([{"kind": "no_cursor", "vendor": "mailchimp"}]))
    home.later(25 * HOUR)
    store = Store(home.folder)
    report = sync_source(
        mailchimp(home.bench), Landing(home.folder), store, home.world.clock, only=["audience_contacts"]
    )
    assert report.state == "partial"
    assert "not offered to this account any more" in (report.reason or "")
    assert not any("gone_at" in each for each in home.current("mailchimp_audience_contacts").values())


def test_webhooks_lead_to_the_records_as_they_are_now(home: Home) -> None:
    home.sync(mailchimp(home.bench), only=["members"])
    key, before = next(iter(home.current("mailchimp_members").items()))
    path = f"/lists/{before['list_id']}/members/{before['id']}"
    home.bench.mailchimp.patch(path, json={"email_address": "another@nowhere.example"}).raise_for_status()
    sent = {
        "type": "upemail",
        "data[list_id]": before["list_id"],
        "data[old_email]": before["email_address"],
        "data[new_email]": "another@nowhere.example",
    }
    home.reread(mailchimp(home.bench), mailchimp_affected(sent))
    found = home.current("mailchimp_members")
    assert found[key]["email_address"] == "another@nowhere.example"
    assert not any("gone_at" in each for each in found.values())

    home.sync(intercom(home.bench), only=["conversations"])
    number = next(iter(home.current("intercom_conversations")))
    home.bench.intercom.delete(f"/conversations/{number}").raise_for_status()
    item = {"type": "conversation", "id": number}
    home.reread(
        intercom(home.bench), intercom_affected({"topic": "conversation.deleted", "data": {"item": item}})
    )
    assert "gone_at" in home.current("intercom_conversations")[number]


def test_a_second_look_at_mailchimp_asks_little_and_adds_nothing(home: Home) -> None:
    home.sync(mailchimp(home.bench))
    home.later(timedelta(minutes=1))
    way = Noting(home.bench.mailchimp_app)
    assert home.sync(mailchimp(home.bench, way), only=["members"]).rows_added == 0
    assert len(way.asked) < 12  # the account, its audiences, and a page of each status
