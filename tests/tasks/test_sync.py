"""A source into raw: nothing lost by a kill, nothing added twice, and a status that says what is missing."""

import fcntl
import json
import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from connectors.errors import FixConfig, RetryLater
from connectors.hubspot import HubSpot
from connectors.transport import Transport
from settings import HubSpotSettings, IntercomSettings, MailchimpSettings, Settings
from tasks.sync import SyncReport, build_connectors, sync_source
from tests.connectors.connector_doubles import NOON, FakeHubSpot, quick, row, serving
from warehouse.errors import WarehouseBusy
from warehouse.landing import Landing
from warehouse.raw import cursors
from warehouse.status import SourceStatus, resource_statuses, source_statuses
from warehouse.store import Store, lock

ROOT = Path(__file__).parents[2]
HOUR = timedelta(hours=1)
SOURCES = ("hubspot", "intercom", "mailchimp")


def portal(deals: int = 250) -> FakeHubSpot:
    """Deals changed over the last days, each of one of 20 companies; a few of everything else."""
    fake = FakeHubSpot(
        companies=[row(number, NOON - 50 * HOUR, name=f"Company {number}") for number in range(1, 21)],
        contacts=[row(number, NOON - 40 * HOUR) for number in range(1, 31)],
        deals=[row(number, NOON - 30 * HOUR, amount="10") for number in range(1, deals + 1)],
        tickets=[row(1, NOON - 30 * HOUR)],
        owners=[row(1, NOON - 900 * HOUR)],
        pipelines=[{"id": "default", "label": "Sales", "stages": []}],
    )
    fake.associations["deals", "companies"] = {
        str(each): [str(each % 20 + 1)] for each in range(1, deals + 1)
    }
    return fake


def sync(fake: object, home: Path, as_of: datetime = NOON, **options: object) -> SyncReport:
    transport = Transport(
        "hubspot", "https://api.test", headers={}, policy=quick(), transport=httpx.MockTransport(fake)
    )
    source = HubSpot(transport)
    try:
        return sync_source(source, Landing(home), Store(home), as_of, **options)
    finally:
        source.close()


def raw(home: Path, sql: str) -> list[tuple]:
    with Store(home).read() as con:
        return con.execute(sql).fetchall()


def status(home: Path) -> SourceStatus:
    return source_statuses(Store(home))["hubspot"]


def keys(home: Path, resource: str) -> list[int]:
    return [
        int(key)
        for (key,) in raw(home, f"select key from raw.hubspot_{resource}_current order by key::bigint")
    ]


def test_a_first_sync_brings_everything_and_a_second_adds_nothing(tmp_path: Path) -> None:
    fake = portal()
    first = sync(fake, tmp_path)
    assert (first.state, first.reason) == ("complete", None)
    assert keys(tmp_path, "deals") == list(range(1, 251))
    assert keys(tmp_path, "companies") == list(range(1, 21))
    assert keys(tmp_path, "deal_companies") == list(range(1, 251))
    # 20 companies, 30 contacts, 250 deals, 1 ticket, 1 owner; the two pipeline resources read the same fake
    # pipeline. A contact has companies and a history; a deal companies, contacts, line items and a history; a
    # ticket companies and contacts.
    records = 20 + 30 + 250 + 1 + 1 + 2
    read = {each.resource: each.rows_seen for each in first.resources}
    definitions = sum(count for name, count in read.items() if name.endswith("_properties"))
    assert first.rows_added == first.rows_seen == records + definitions + 30 * 2 + 250 * 4 + 1 * 2
    second = sync(fake, tmp_path)
    assert (second.state, second.rows_added) == ("complete", 0)
    assert sync(fake, tmp_path, full=True).rows_added == 0
    assert sync(fake, tmp_path, NOON + HOUR).rows_added == 0
    assert status(tmp_path) == SourceStatus("hubspot", "complete", None, NOON + HOUR, NOON + HOUR)


def test_an_edit_and_an_archived_record_arrive_with_the_next_increment(tmp_path: Path) -> None:
    fake = portal()
    sync(fake, tmp_path, only=["deals"])
    fake.objects["deals"][6] = row(7, NOON + HOUR, amount="99")
    fake.objects["deals"][8] = row(9, NOON - 30 * HOUR, archived=True, amount="10")
    fake.associations["deals", "companies"]["7"] = ["13"]
    fake.requests.clear()
    report = sync(fake, tmp_path, NOON + 2 * HOUR, only=["deals"])
    assert report.rows_added == 3  # the edit, the archiving, the new company of deal 7
    found = dict(raw(tmp_path, "select key, body->'properties'->>'amount' from raw.hubspot_deals_current"))
    assert found["7"] == "99"
    assert raw(tmp_path, "select key from raw.hubspot_deals_current where (body->>'archived')::bool") == [
        ("9",)
    ]
    assert raw(tmp_path, "select count(*) from raw.hubspot_deals where key = '7'") == [(2,)]
    assert raw(
        tmp_path, "select body->>'$.to[0].toObjectId' from raw.hubspot_deal_companies_current where key = '7'"
    ) == [("13",)]
    # Only the changed deal is asked for its companies, contacts and line items.
    asked = [
        body["inputs"] for _, path, body in fake.requests if "/associations/" in path and "deals" in path
    ]
    assert asked == [[{"id": "7"}]] * 3


def amount(home: Path, deal: int) -> str:
    sql = f"select body->'properties'->>'amount' from raw.hubspot_deals_current where key = '{deal}'"
    ((found,),) = raw(home, sql)
    return str(found)


@pytest.mark.parametrize(
    ("asked_at", "caught_up_at"),
    [
        pytest.param((30,), 40, id="minutes late, seen by the overlap"),
        pytest.param((30, 45), 60, id="most of an hour late, seen once the hour has settled"),
    ],
)
def test_what_an_index_shows_late_is_not_lost_to_the_increments(
    tmp_path: Path, asked_at: tuple[int, ...], caught_up_at: int
) -> None:
    minute = timedelta(minutes=1)
    fake = portal(30)
    sync(fake, tmp_path, only=["deals"])
    fake.index["deals"] = list(fake.objects["deals"])  # search stands still
    late = 5 if len(asked_at) > 1 else 20
    fake.objects["deals"][6] = row(7, NOON + late * minute, amount="99")
    for minutes in asked_at:
        sync(fake, tmp_path, NOON + minutes * minute, only=["deals"])
    assert amount(tmp_path, 7) == "10"
    del fake.index["deals"]
    report = sync(fake, tmp_path, NOON + caught_up_at * minute, only=["deals"])
    assert amount(tmp_path, 7) == "99"
    assert report.rows_seen < 30  # an increment, not everything again


def test_what_changes_while_a_sync_runs_comes_with_the_next_one(tmp_path: Path) -> None:
    fake = portal(30)

    def edit() -> None:
        if fake.requests[-1][1].endswith("/objects/2026-09/tickets"):  # the deals were read before
            fake.objects["deals"][6] = row(7, NOON + HOUR / 2, amount="99")

    fake.on_request = edit
    sync(fake, tmp_path)
    assert amount(tmp_path, 7) == "10"
    sync(fake, tmp_path, NOON + 3 * HOUR)
    assert amount(tmp_path, 7) == "99"


def test_a_record_without_a_change_time_comes_with_the_daily_sweep(tmp_path: Path) -> None:
    """A filter by change time never finds it; a list does."""
    fake = portal(30)
    sync(fake, tmp_path, only=["deals"])
    fake.index["deals"] = list(fake.objects["deals"])
    fake.objects["deals"].append({**row(31, NOON + HOUR, amount="10"), "updatedAt": None})
    sync(fake, tmp_path, NOON + 2 * HOUR, only=["deals"])
    assert keys(tmp_path, "deals") == list(range(1, 31))
    assert sync(fake, tmp_path, NOON + 25 * HOUR, only=["deals"]).state == "complete"
    assert keys(tmp_path, "deals") == list(range(1, 32))


def test_what_was_deleted_for_good_gets_a_tombstone_with_the_daily_sweep_and_what_is_archived_does_not(
    tmp_path: Path,
) -> None:
    fake = portal(30)
    sync(fake, tmp_path, only=["deals"])
    fake.objects["deals"][6] = row(7, NOON - 30 * HOUR, archived=True, amount="10")
    del fake.objects["deals"][4]
    gone = (
        "select key, body->'properties'->>'amount' from raw.hubspot_deals_current "
        "where (body->>'gone_at') is not null order by key"
    )
    sync(fake, tmp_path, NOON + HOUR, only=["deals"])
    assert raw(tmp_path, gone) == []  # no increment can tell
    sync(fake, tmp_path, NOON + 25 * HOUR, only=["deals"])
    assert raw(tmp_path, gone) == [("5", "10")]  # with its last body
    archived = "select key from raw.hubspot_deals_current where (body->>'archived')::bool"
    assert raw(tmp_path, archived) == [("7",)]
    # After some months HubSpot forgets what was archived.
    fake.objects["deals"] = [each for each in fake.objects["deals"] if not each["archived"]]
    sync(fake, tmp_path, NOON + 50 * HOUR, only=["deals"])
    assert raw(tmp_path, gone) == [("5", "10"), ("7", "10")]
    assert len(keys(tmp_path, "deals")) == 30


def test_an_association_that_changes_without_its_record_arrives_with_the_daily_sweep(tmp_path: Path) -> None:
    fake = portal(30)
    sync(fake, tmp_path, only=["deals"])
    fake.associations["deals", "companies"]["7"] = ["13", "14"]
    del fake.associations["deals", "companies"]["8"]
    found = (
        "select key, body->>'$.to[*].toObjectId' from raw.hubspot_deal_companies_current "
        "where key in ('7', '8') order by key"
    )
    sync(fake, tmp_path, NOON + HOUR, only=["deals"])
    assert raw(tmp_path, found) == [("7", ["8"]), ("8", ["9"])]
    sync(fake, tmp_path, NOON + 25 * HOUR, only=["deals"])
    assert raw(tmp_path, found) == [("7", ["13", "14"]), ("8", [])]


def test_an_association_that_was_removed_is_removed(tmp_path: Path) -> None:
    fake = portal()
    sync(fake, tmp_path, only=["deals"])
    fake.objects["deals"][6] = row(7, NOON + HOUR, amount="99")
    del fake.associations["deals", "companies"]["7"]
    sync(fake, tmp_path, NOON + 2 * HOUR, only=["deals"])
    sql = "select json_array_length(body->'to') from raw.hubspot_deal_companies_current where key = '7'"
    assert raw(tmp_path, sql) == [(0,)]


CHILD = """
import sys
from datetime import datetime
from pathlib import Path
from connectors.hubspot import HubSpot
from connectors.transport import Transport
from tasks.sync import sync_source
from warehouse.landing import Landing
from warehouse.store import Store
url, home, as_of = sys.argv[1], Path(sys.argv[2]), datetime.fromisoformat(sys.argv[3])
source = HubSpot(Transport("hubspot", url, headers={}))
sync_source(source, Landing(home), Store(home), as_of)
"""


@pytest.mark.parametrize(
    ("path", "number"),
    [("/objects/2026-09/deals", 4), ("/deals/companies/batch/read", 1), ("/objects/2026-09/tickets", 1)],
)
def test_a_sync_killed_between_two_pages_goes_on_after_the_last_one(
    tmp_path: Path, path: str, number: int
) -> None:
    fake = portal(650)
    children: list[subprocess.Popen] = []
    hits = 0

    def kill() -> None:
        nonlocal hits
        if fake.requests[-1][1].endswith(path):
            hits += 1
            if hits == number:
                os.kill(children[0].pid, signal.SIGKILL)

    fake.on_request = kill
    with serving(fake) as url:
        children.append(
            subprocess.Popen([sys.executable, "-c", CHILD, url, str(tmp_path), NOON.isoformat()], cwd=ROOT)
        )
        assert children[0].wait(60) == -signal.SIGKILL
    fake.on_request = lambda: None
    before = len(fake.requests)
    report = sync(fake, tmp_path, NOON)
    assert report.state == "complete"
    listed = "/objects/2026-09/deals"
    again = [(where, body) for _, where, body in fake.requests[before:] if where.endswith(listed)]
    if path == listed:
        # Three pages of a hundred had landed; the fourth, unanswered, is the first to be asked for now.
        assert again[0][1]["after"] == "301"
    assert keys(tmp_path, "deals") == list(range(1, 651))
    assert keys(tmp_path, "deal_companies") == list(range(1, 651))
    assert raw(tmp_path, "select count(*) from raw.hubspot_deals") == [(650,)]


def test_a_run_that_landed_whole_but_was_not_merged_is_merged_first(tmp_path: Path) -> None:
    run = Landing(tmp_path).open("hubspot", "deals", None, NOON - HOUR)
    run.append(json.dumps({"results": [row(5, NOON - 30 * HOUR, amount="10")]}).encode(), 1, None)
    run.complete()
    fake = portal(4)
    fake.objects["deals"] = [row(number, NOON, amount="10") for number in range(1, 5)]
    report = sync(fake, tmp_path, only=["deals"])
    assert report.state == "complete"
    assert keys(tmp_path, "deals") == [1, 2, 3, 4, 5]


def test_an_open_window_of_a_killed_run_is_finished_before_the_next_begins(tmp_path: Path) -> None:
    sync(portal(), tmp_path, only=["deals"])
    with Landing(tmp_path).open("hubspot", "deals", NOON, NOON + HOUR):
        pass  # killed before its first page
    fake = portal()
    fake.objects["deals"][0] = row(1, NOON + HOUR / 2, amount="11")
    fake.objects["deals"][1] = row(2, NOON + 4 * HOUR, amount="12")
    report = sync(fake, tmp_path, NOON + 5 * HOUR, only=["deals"])
    assert report.state == "complete"
    found = dict(raw(tmp_path, "select key, body->'properties'->>'amount' from raw.hubspot_deals_current"))
    assert (found["1"], found["2"]) == ("11", "12")
    assert cursors(Store(tmp_path), "hubspot").get("deals") == NOON + 5 * HOUR


def test_a_cursor_that_the_vendor_no_longer_takes_starts_its_window_again(tmp_path: Path) -> None:
    run = Landing(tmp_path).open("hubspot", "deals", None, NOON)
    run.append(b'{"results": []}', 0, json.dumps({"stage": "live", "after": "stale", "seen": 0}))
    run.close()
    fake = portal()

    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.params.get("after") == "stale":
            return httpx.Response(400, json={"category": "VALIDATION_ERROR"})
        return fake(request)

    assert sync(handle, tmp_path, only=["deals"]).state == "complete"
    assert keys(tmp_path, "deals") == list(range(1, 251))


def test_a_home_filled_from_another_account_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    sync(portal(), tmp_path)
    other = portal()
    other.portal = 777
    report = sync(other, tmp_path, NOON + HOUR)
    assert report.state == "failed"
    assert isinstance(report.error, FixConfig)
    assert "4242" in (report.reason or "")
    assert "777" in (report.reason or "")
    assert [path for _, path, _ in other.requests] == ["/account-info/2026-09/details"]
    assert status(tmp_path).good_until == NOON


def test_a_missing_right_costs_its_own_resource_only(tmp_path: Path) -> None:
    fake = portal()
    fake.forbidden = {"tickets"}
    report = sync(fake, tmp_path)
    assert report.state == "partial"
    assert "crm.objects.tickets.read" in (report.reason or "")
    assert keys(tmp_path, "deals") == list(range(1, 251))
    assert keys(tmp_path, "deal_companies") == list(range(1, 251))
    # What may be read of it is whole until now; the tickets are not.
    assert (status(tmp_path).state, status(tmp_path).good_until) == ("partial", NOON)
    stands = {each.resource: each.state for each in resource_statuses(Store(tmp_path))}
    assert (stands["tickets"], stands["ticket_companies"], stands["deals"]) == (
        "not_permitted",
        "not_permitted",
        "complete",
    )
    fake.forbidden = set()
    assert sync(fake, tmp_path, NOON + HOUR).state == "complete"
    assert keys(tmp_path, "tickets") == [1]
    assert keys(tmp_path, "ticket_companies") == [1]


def test_a_source_that_fails_keeps_what_landed_and_says_why(tmp_path: Path) -> None:
    fake = portal()
    down = True

    def handle(request: httpx.Request) -> httpx.Response:
        answer = fake(request)
        late = request.url.path.endswith("/deals") and request.url.params.get("after") == "201"
        return httpx.Response(503) if down and late else answer

    report = sync(handle, tmp_path)
    assert report.state == "failed"
    assert isinstance(report.error, RetryLater)
    assert "503" in (report.reason or "")
    assert keys(tmp_path, "companies") == list(range(1, 21))
    assert status(tmp_path).state == "failed"
    down = False
    fake.requests.clear()
    assert sync(handle, tmp_path).state == "complete"
    deals = [body for _, path, body in fake.requests if path.endswith("/objects/2026-09/deals")]
    assert deals[0]["after"] == "201"
    assert keys(tmp_path, "deals") == list(range(1, 251))


def test_what_the_vendor_counts_and_did_not_give_makes_the_read_partial(tmp_path: Path) -> None:
    fake = portal()

    def handle(request: httpx.Request) -> httpx.Response:
        answer = fake(request)
        if request.url.path.endswith("/companies/search"):
            return httpx.Response(200, json={**answer.json(), "total": 23})
        return answer

    report = sync(handle, tmp_path)
    assert (report.state, report.reason) == (
        "partial",
        "companies: HubSpot counts 23 records, its list gave 20",
    )


def test_a_second_sync_of_the_same_source_is_refused_while_the_first_runs(tmp_path: Path) -> None:
    with (
        lock(tmp_path / "landing" / "hubspot" / ".sync.lock", fcntl.LOCK_EX, timedelta(0)),
        pytest.raises(WarehouseBusy, match=str(os.getpid())),
    ):
        sync(portal(), tmp_path, patience=timedelta(0))
    assert sync(portal(), tmp_path, patience=timedelta(0)).state == "complete"


def test_some_resources_can_be_read_alone_with_their_associations(tmp_path: Path) -> None:
    report = sync(portal(), tmp_path, only=["deal_companies"])
    read = [each.resource for each in report.resources]
    assert read == ["deals", "deal_companies", "deal_contacts", "deal_line_items", "deal_history"]
    assert source_statuses(Store(tmp_path)) == {}  # it says nothing of the other resources
    failed = sync(portal(), tmp_path, only=["invoices"])
    assert failed.state == "failed"
    assert "invoices" in (failed.reason or "")
    assert status(tmp_path).state == "failed"


def test_reading_from_a_later_day_than_known_leaves_no_gap(tmp_path: Path) -> None:
    fake = portal()
    sync(fake, tmp_path, only=["deals"])
    fake.objects["deals"][0] = row(1, NOON + 5 * HOUR, amount="11")
    sync(fake, tmp_path, NOON + 50 * HOUR, since=NOON + 40 * HOUR, only=["deals"])
    assert raw(tmp_path, "select count(*) from raw.hubspot_deals where key = '1'") == [(2,)]


def test_only_what_has_credentials_is_a_connector(tmp_path: Path) -> None:
    assert build_connectors(Settings(_env_file=None), tmp_path, only=SOURCES) == {}
    settings = Settings(
        _env_file=None,
        hubspot=HubSpotSettings(token=SecretStr("pat-1")),
        intercom=IntercomSettings(token=SecretStr("ic-1"), version="2.17"),
        mailchimp=MailchimpSettings(api_key=SecretStr("abc-us7")),
    )
    made = build_connectors(settings, tmp_path, only=SOURCES)
    assert list(made) == ["hubspot", "intercom", "mailchimp"]
    for connector in made.values():
        connector.close()
    with pytest.raises(FixConfig, match="data centre"):
        build_connectors(
            Settings(_env_file=None, mailchimp=MailchimpSettings(api_key=SecretStr("abc"))),
            tmp_path,
            only=SOURCES,
        )
