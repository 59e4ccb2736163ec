from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from warehouse.status import ResourceStatus, record_resources, resource_statuses, summed_up
from warehouse.store import Store

NOW = datetime(2026, 4, 15, 7, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
NO_RIGHT = ResourceStatus(
    "hubspot", "tickets", "not_permitted", "the token has no right to read tickets", finished_at=LATER
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path)


def complete(resource: str, count: int = 3) -> ResourceStatus:
    return ResourceStatus("hubspot", resource, "complete", None, count, count, NOW)


def by_name(store: Store) -> dict[str, ResourceStatus]:
    return {status.resource: status for status in resource_statuses(store)}


def test_a_resource_is_good_until_its_last_complete_read(store: Store) -> None:
    record_resources(store, [complete("tickets"), complete("deals")])
    record_resources(store, [NO_RIGHT])
    tickets = by_name(store)["tickets"]
    assert (tickets.state, tickets.finished_at, tickets.good_until) == ("not_permitted", LATER, NOW)
    assert tickets.total is None, "what may not be read has no count, least of all zero"


def test_a_resource_that_was_never_whole_is_good_until_no_time(store: Store) -> None:
    record_resources(store, [NO_RIGHT, ResourceStatus("hubspot", "deals", "partial", "2 short", 5, 3, NOW)])
    assert [status.good_until for status in resource_statuses(store)] == [None, None]
    assert (by_name(store)["deals"].total, by_name(store)["deals"].given) == (5, 3)


def test_reading_one_resource_says_nothing_of_the_others(store: Store) -> None:
    record_resources(store, [complete("deals"), NO_RIGHT])
    record_resources(store, [complete("deals", 9)])
    assert by_name(store)["tickets"].state == "not_permitted"
    assert by_name(store)["deals"].given == 9


def test_a_home_of_before_gets_the_table_and_keeps_what_it_holds(store: Store) -> None:
    with store.write() as con:
        con.execute("insert into meta.identity values ('hubspot', '1')")
        con.execute("drop table meta.resource_status")
    again = Store(store.home)
    assert resource_statuses(again) == []
    record_resources(again, [complete("deals")])
    assert [status.resource for status in resource_statuses(again)] == ["deals"]
    with again.read() as con:
        assert con.execute("from meta.identity").fetchall() == [("hubspot", "1")]


def test_a_missing_right_makes_the_source_partial_and_what_may_be_read_stays_good() -> None:
    status = summed_up("hubspot", [complete("deals"), NO_RIGHT], LATER)
    assert (status.state, status.good_until) == ("partial", LATER)
    assert status.reason == "tickets: the token has no right to read tickets"


def test_records_that_are_missing_leave_a_source_as_good_as_it_was_before() -> None:
    short = ResourceStatus("hubspot", "deals", "partial", "2 short", 5, 3, LATER)
    assert summed_up("hubspot", [short], LATER).good_until is None
    assert summed_up("hubspot", [short, NO_RIGHT], LATER).reason == (
        "deals: 2 short; tickets: the token has no right to read tickets"
    )


def test_a_resource_is_named_once_though_its_connector_names_it_too() -> None:
    short = ResourceStatus("hubspot", "deals", "partial", "deals: HubSpot counts 5 and gave 3", 5, 3, LATER)
    assert short.text == "deals: partial, 3 of 5 came. HubSpot counts 5 and gave 3"
    assert summed_up("hubspot", [short], LATER).reason == "deals: HubSpot counts 5 and gave 3"
    members = ResourceStatus(
        "mailchimp", "members", "partial", "members (cleaned): 3 of 5", None, None, LATER
    )
    assert summed_up("mailchimp", [members], LATER).reason == "members (cleaned): 3 of 5"


def test_a_source_is_complete_only_when_every_resource_is() -> None:
    assert summed_up("hubspot", [complete("deals"), complete("tickets")], LATER).state == "complete"
    failed = ResourceStatus("hubspot", "tickets", "failed", "HTTP 500", finished_at=LATER)
    assert summed_up("hubspot", [complete("deals"), failed, NO_RIGHT], LATER).state == "failed"
