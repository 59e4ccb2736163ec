"""A declared source through the whole house: ActiveCampaign into raw and staging, with what is gone and missing."""

import os
import signal
import subprocess
import sys
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tasks.sync import SyncReport, sync_source
from tests.connectors.activecampaign_double import FakeActiveCampaign, account, contact, deal
from tests.connectors.connector_doubles import NOON, serving
from warehouse.engine import discover
from warehouse.landing import Landing
from warehouse.staging import refresh
from warehouse.status import resource_statuses, source_statuses
from warehouse.store import Store

ROOT = Path(__file__).parents[2]
HOUR = timedelta(hours=1)
SOURCE = "activecampaign"


def sync(fake: FakeActiveCampaign, home: Path, as_of: datetime = NOON, **options: Any) -> SyncReport:
    with account(fake, home / "limits") as made:
        return sync_source(made, Landing(home), Store(home), as_of, **options)


def rows(home: Path, sql: str) -> list[tuple[Any, ...]]:
    with Store(home).read() as con:
        return con.execute(sql).fetchall()


def stage(home: Path) -> None:
    models = [each for each in discover() if each.layer == "staging" and each.spec.source == SOURCE]
    with Store(home).write() as con:
        assert refresh(con, models).failed == {}


def keys(home: Path, resource: str) -> list[int]:
    found = rows(home, f"select key from raw.{SOURCE}_{resource}_current where body ->> '$.gone_at' is null")
    return sorted(int(key) for (key,) in found)


def whole() -> FakeActiveCampaign:
    return FakeActiveCampaign(
        contacts=[contact(number) for number in range(1, 231)],
        lists=[{"id": "1", "name": "Newsletter"}],
        deals=[deal(number) for number in range(1, 131)],
    )


def test_a_first_sync_brings_everything_and_a_second_adds_nothing(tmp_path: Path) -> None:
    fake = whole()
    first = sync(fake, tmp_path)
    assert (first.state, first.rows_added) == ("complete", 361)
    assert keys(tmp_path, "contacts") == list(range(1, 231))
    assert keys(tmp_path, "deals") == list(range(1, 131))
    assert {(each.resource, each.total, each.given) for each in resource_statuses(Store(tmp_path))} == {
        ("contacts", 230, 230),
        ("lists", 1, 1),
        ("deals", 130, 130),
    }
    assert sync(fake, tmp_path, NOON + HOUR).rows_added == 0


def test_an_edit_comes_with_an_increment_and_every_version_is_kept(tmp_path: Path) -> None:
    fake = whole()
    sync(fake, tmp_path)
    fake.objects["contacts"][6] = contact(7, NOON + HOUR / 2, phone="600 123 123")
    fake.requests.clear()
    report = sync(fake, tmp_path, NOON + HOUR)
    assert report.rows_added == 1
    assert len([path for path, _ in fake.requests if path == "contacts"]) == 2
    assert rows(tmp_path, f"select count(*) from raw.{SOURCE}_contacts where key = '7'") == [(2,)]


def test_what_was_deleted_gets_a_tombstone_with_the_next_sweep(tmp_path: Path) -> None:
    fake = whole()
    sync(fake, tmp_path)
    del fake.objects["contacts"][0], fake.objects["deals"][0]
    sync(fake, tmp_path, NOON + HOUR)
    assert (1 in keys(tmp_path, "contacts"), 1 in keys(tmp_path, "deals")) == (True, False)
    sync(fake, tmp_path, NOON + 25 * HOUR)
    assert keys(tmp_path, "contacts") == list(range(2, 231))
    stage(tmp_path)
    assert rows(
        tmp_path, "select contact_id, archived from staging.activecampaign_contact where archived"
    ) == [("1", True)]


def behind_the_reader(fake: FakeActiveCampaign, often: int) -> None:
    """Delete the first deal so many times, each time before the second page of deals is given."""
    left = [None] * often

    def delete(_: int) -> None:
        path, params = fake.requests[-1]
        if left and path == "deals" and params.get("offset") == "99":
            left.pop()
            del fake.objects["deals"][0]

    fake.before = delete


def test_deals_that_moved_while_they_were_read_are_read_again(tmp_path: Path) -> None:
    fake = whole()
    behind_the_reader(fake, often=1)
    report = sync(fake, tmp_path)
    assert keys(tmp_path, "deals") == list(range(1, 131))
    assert report.state == "complete"
    sync(fake, tmp_path, NOON + HOUR)
    assert keys(tmp_path, "deals") == list(range(2, 131))


def test_deals_that_never_hold_still_are_partial_and_none_that_slipped_through_is_buried(
    tmp_path: Path,
) -> None:
    fake = whole()
    sync(fake, tmp_path)
    behind_the_reader(fake, often=3)
    report = sync(fake, tmp_path, NOON + HOUR)
    assert report.state == "partial"
    assert "the list moved each time" in str(report.reason)
    assert set(keys(tmp_path, "deals")) >= set(range(4, 131))
    assert sync(fake, tmp_path, NOON + 2 * HOUR).state == "complete"
    assert keys(tmp_path, "deals") == list(range(4, 131))


def test_a_missing_right_costs_only_its_own_resource(tmp_path: Path) -> None:
    fake = whole()
    fake.forbidden = {"deals"}
    report = sync(fake, tmp_path)
    assert report.state == "partial"
    assert {each.resource: each.state for each in resource_statuses(Store(tmp_path))} == {
        "contacts": "complete",
        "lists": "complete",
        "deals": "not_permitted",
    }
    assert keys(tmp_path, "contacts") == list(range(1, 231))


def test_a_vendor_that_counts_more_than_it_gives_makes_the_source_partial(tmp_path: Path) -> None:
    fake = whole()
    own = fake._list
    fake._list = lambda kind, params: (
        httpx.Response(200, json={**own(kind, params).json(), "meta": {"total": "999"}})
        if kind == "lists"
        else own(kind, params)
    )
    assert sync(fake, tmp_path).state == "partial"
    status = source_statuses(Store(tmp_path))[SOURCE]
    assert "activecampaign counts 999 records and gave 1" in str(status.reason)


def test_staging_types_what_the_vendor_writes_as_text(tmp_path: Path) -> None:
    fake = FakeActiveCampaign(
        contacts=[
            contact(1, datetime.fromisoformat("2026-03-01T15:04:05Z"), firstName=" Ana ", bounced_hard="2"),
            contact(2, anonymized="1", bounced_hard=""),
        ],
        deals=[
            deal(1, "1872151", status="1"),
            deal(2, "", status="2", currency="", winProbability=None),
            deal(3, "5", status="7"),
            {"id": "4", "title": "Other pipeline", "isDisabled": True},
        ],
    )
    sync(fake, tmp_path)
    stage(tmp_path)
    people = rows(
        tmp_path,
        "select contact_id, first_name, last_name, hard_bounces, anonymized, archived, epoch(updated_at) "
        "from staging.activecampaign_contact order by 1",
    )
    assert people[0] == ("1", "Ana", None, 2, False, False, 1772377445)
    assert people[1][:6] == ("2", None, None, None, True, False)
    assert rows(
        tmp_path,
        "select deal_id, amount, currency, status, win_probability, is_hidden "
        "from staging.activecampaign_deal order by 1",
    ) == [
        ("1", Decimal("18721.5100"), "USD", "won", 44, False),
        ("2", None, None, "lost", None, False),
        ("3", Decimal("0.0500"), "USD", None, 44, False),
        ("4", None, None, None, None, True),
    ]
    assert rows(tmp_path, "select * from quality.rejected") == []
    assert rows(tmp_path, "select * from quality.drift") == []
    assert dict(
        rows(tmp_path, "select expectation, violations from quality.staging_result where status = 'failed'")
    ) == {
        "expect_column_values_to_be_in_set(is_hidden)": 1,
        "no_rows(select deal_id from this where status is null and not is_hidden)": 1,
    }


KILLED = """
import sys
from pathlib import Path
from connectors import activecampaign
from connectors.pages import Access
from tasks.sync import sync_source
from tests.connectors.activecampaign_double import settings_for
from tests.connectors.connector_doubles import NOON, quick
from warehouse.landing import Landing
from warehouse.store import Store
url, home = sys.argv[1], Path(sys.argv[2])
made = activecampaign.SOURCE.connect(Access(settings_for(url), home / "limits", quick()))
print(sync_source(made, Landing(home), Store(home), NOON).rows_added)
"""


@pytest.mark.parametrize(
    ("at", "goes_on"),
    [
        (3, ("contacts", "id_greater", "100")),
        (4, ("contacts", "id_greater", "200")),
        (8, ("deals", "offset", "99")),
    ],
)
def test_a_sync_that_was_killed_goes_on_after_its_last_page(
    at: int, goes_on: tuple[str, str, str], tmp_path: Path
) -> None:
    fake = whole()
    with serving(fake) as url:
        command = [sys.executable, "-c", KILLED, url, str(tmp_path)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        fake.before = lambda number: os.kill(process.pid, signal.SIGKILL) if number == at else None
        assert process.wait(timeout=120) == -signal.SIGKILL
        process.stdout.close()
        fake.before = lambda _: None
        fake.requests.clear()
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "361"
    resource, param, place = goes_on
    assert next(params for path, params in fake.requests if path == resource)[param] == place
    assert keys(tmp_path, "contacts") == list(range(1, 231))
    assert keys(tmp_path, "deals") == list(range(1, 131))
