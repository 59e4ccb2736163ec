"""Increments past search's cap, its loose order, its late index and its silence about archived records."""

import random
from datetime import datetime, timedelta

import httpx
import pytest

from connectors.errors import UnexpectedData
from connectors.hubspot_paths import OBJECT_TYPES
from connectors.hubspot_properties import PROPERTIES
from connectors.pages import Window
from tests.connectors.connector_doubles import NOON, FakeHubSpot, answering, row
from tests.connectors.hubspot_reader import defining, hubspot, ids, records, searches

HOUR = timedelta(hours=1)
LAST_HOUR = Window(NOON - HOUR, NOON)


def numbers(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last + 1)]


@pytest.mark.parametrize("kind", OBJECT_TYPES)
def test_an_increment_brings_what_changed_since_the_window_began(kind: str) -> None:
    old = [row(number, NOON - 30 * HOUR) for number in range(1, 400)]
    new = [row(number, NOON - HOUR) for number in range(400, 1000)]
    portal = FakeHubSpot(**{kind: old + new})
    pages = list(hubspot(portal).read(kind, Window(NOON - 3 * HOUR, NOON)))
    assert ids(pages) == numbers(400, 999)
    assert set(searches(portal)[0]["properties"]) == set(PROPERTIES[kind])
    assert all(page.warning is None for page in pages)
    assert (pages[-1].total, pages[-1].given) == (600, 600)


def test_a_quiet_increment_asks_three_questions() -> None:
    portal = FakeHubSpot(deals=[row(1, NOON - 30 * HOUR)])
    (search, archived) = hubspot(portal).read("deals", LAST_HOUR)
    assert (search.count, archived.count) == (0, 0)
    assert [path.rsplit("/", 1)[1] for _, path, _ in portal.requests] == ["deals", "search", "deals"]
    assert (archived.total, archived.given) == (0, 0)


def test_the_window_is_closed_on_both_sides_and_overlaps_only_as_the_caller_wants() -> None:
    rows = [
        row(number, NOON + timedelta(milliseconds=offset))
        for number, offset in enumerate((-3_600_001, -3_600_000, 0, 1), start=1)
    ]
    assert ids(hubspot(FakeHubSpot(deals=rows)).read("deals", LAST_HOUR)) == ["2", "3"]


def test_an_increment_brings_archived_records_which_search_never_shows() -> None:
    gone = row(7, NOON - 900 * HOUR, archived=True)
    pages = list(hubspot(FakeHubSpot(deals=[gone])).read("deals", LAST_HOUR))
    assert ids(pages) == ["7"]
    assert pages[-1].cursor is None


def test_25000_records_of_one_timestamp_all_arrive_once_and_never_by_offset() -> None:
    portal = FakeHubSpot(deals=[row(number) for number in range(1, 25_001)])
    pages = list(hubspot(portal).read("deals", LAST_HOUR))
    assert ids(pages) == numbers(1, 25_000)
    assert (pages[-1].total, pages[-1].given) == (25_000, 25_000)
    asked = searches(portal)
    assert len(asked) == 25_000 / 200
    assert all("after" not in body for body in asked)


def test_ties_and_spread_records_above_the_cap_all_arrive() -> None:
    rows = [row(number, NOON - timedelta(seconds=number % 3)) for number in range(1, 15_001)]
    pages = list(hubspot(FakeHubSpot(tickets=rows)).read("tickets", LAST_HOUR))
    assert sorted(ids(pages), key=int) == numbers(1, 15_000)


def shuffled(rows: list[dict]) -> list[dict]:
    return random.Random(11).sample(rows, len(rows))


@pytest.mark.parametrize("spread", [timedelta(0), timedelta(seconds=7)])
def test_nothing_is_lost_when_search_does_not_keep_to_its_order(spread: timedelta) -> None:
    rows = [row(number, NOON - spread * (number % 100)) for number in range(1, 1301)]
    portal = FakeHubSpot(deals=rows)
    portal.shuffle = shuffled
    pages = list(hubspot(portal).read("deals", LAST_HOUR))
    assert set(ids(pages)) == set(numbers(1, 1300))
    assert all(page.warning is None for page in pages)
    assert (pages[-1].total, pages[-1].given) == (1300, 1300)


class Repeating:
    """Puts the last rows of the page before in front of the next one, or at its end."""

    def __init__(self, *, at_end: bool) -> None:
        self.at_end = at_end
        self.before: list[dict] = []

    def __call__(self, rows: list[dict]) -> list[dict]:
        again = self.before or rows[-3:]
        self.before = rows[-3:]
        return [*rows, *again] if self.at_end else [*again, *rows]


@pytest.mark.parametrize("at_end", [True, False])
@pytest.mark.parametrize("disorder", [True, False])
@pytest.mark.parametrize("size", [1, 3, 200, 1300])
def test_pages_that_repeat_rows_lose_nothing_and_are_no_shortfall(
    size: int, disorder: bool, at_end: bool
) -> None:
    rows = [row(number, NOON - timedelta(seconds=number % 7)) for number in range(1, size + 1)]
    portal = FakeHubSpot(deals=rows)
    portal.spoil = Repeating(at_end=at_end)
    if disorder:
        portal.shuffle = shuffled
    pages = list(hubspot(portal).read("deals", LAST_HOUR))
    assert set(ids(pages)) == set(numbers(1, size))
    assert pages[-1].warning is None
    assert (pages[-1].total, pages[-1].given) == (size, size)


def test_rows_shown_twice_in_place_of_others_only_make_the_read_longer() -> None:
    portal = FakeHubSpot(deals=[row(number, NOON - HOUR / 2) for number in range(1, 301)])
    portal.spoil = lambda rows: [*rows[: len(rows) // 2 + 1], *rows[: len(rows) // 2]]
    pages = list(hubspot(portal).read("deals", LAST_HOUR))
    assert set(ids(pages)) == set(numbers(1, 300))
    assert (pages[-1].warning, pages[-1].total, pages[-1].given) == (None, 300, 300)


def test_a_record_that_changes_meanwhile_does_not_push_another_out_of_the_read() -> None:
    portal = FakeHubSpot(deals=[row(number, NOON - HOUR / 2) for number in range(1, 601)])
    later = (NOON + HOUR).isoformat()

    def edit() -> None:
        if len(searches(portal)) == 2:  # the first page is out, the second not yet
            for each in portal.objects["deals"][:50]:
                each["properties"]["hs_lastmodifieddate"] = later

    portal.on_request = edit
    pages = list(hubspot(portal).read("deals", LAST_HOUR))
    assert ids(pages) == numbers(1, 600)
    assert all(page.warning is None for page in pages)


def test_records_that_leave_the_window_before_they_are_reached_are_no_shortfall() -> None:
    portal = FakeHubSpot(deals=[row(number, NOON - HOUR / 2) for number in range(1, 601)])

    def edit() -> None:
        if len(searches(portal)) == 2:
            for each in portal.objects["deals"][-50:]:
                each["properties"]["hs_lastmodifieddate"] = (NOON + HOUR).isoformat()

    portal.on_request = edit
    pages = list(hubspot(portal).read("deals", LAST_HOUR))
    assert ids(pages) == numbers(1, 550)  # the others come with the window into which they moved
    assert (pages[-1].warning, pages[-1].total, pages[-1].given) == (None, 550, 550)


def test_a_record_newer_than_the_window_is_kept_as_it_is() -> None:
    old, new = row(1, NOON - HOUR / 2), row(1, NOON + HOUR, amount="12")
    portal = FakeHubSpot(deals=[new])

    def handle(request: httpx.Request) -> httpx.Response:
        answer = portal(request)
        if request.url.path.endswith("/search"):  # found by what the index knew, shown as it is now
            return httpx.Response(200, json={"total": 1, "results": [new]})
        return answer

    assert old["updatedAt"] < new["updatedAt"]
    pages = list(hubspot(handle).read("deals", LAST_HOUR))
    assert [each["properties"]["amount"] for each in records(pages)] == ["12"]
    assert pages[-1].warning is None


def test_an_index_that_lags_shows_an_edit_in_a_later_window_that_overlaps() -> None:
    portal = FakeHubSpot(deals=[row(1, NOON - HOUR / 2, amount="2")])
    portal.index["deals"] = [row(1, NOON - 5 * HOUR, amount="1")]
    assert ids(hubspot(portal).read("deals", LAST_HOUR)) == []
    del portal.index["deals"]
    pages = hubspot(portal).read("deals", Window(NOON - HOUR, NOON + HOUR))
    assert [each["properties"]["amount"] for each in records(pages)] == ["2"]


def test_what_an_index_still_shows_as_living_is_told_to_be_archived_afterwards() -> None:
    portal = FakeHubSpot(deals=[row(1, NOON - HOUR / 2, archived=True)])
    portal.index["deals"] = [row(1, NOON - HOUR / 2)]
    found = records(hubspot(portal).read("deals", LAST_HOUR))
    assert [each["archived"] for each in found] == [False, True]


def test_a_page_that_keeps_a_record_back_is_made_good_by_a_second_look() -> None:
    portal = FakeHubSpot(deals=[row(number, NOON - HOUR / 2) for number in range(1, 301)])
    portal.spoil = lambda rows: (
        [each for each in rows if each["id"] != "100"] if len(searches(portal)) == 1 else rows
    )
    pages = list(hubspot(portal).read("deals", LAST_HOUR))
    assert set(ids(pages)) == set(numbers(1, 300))
    assert (pages[-1].warning, pages[-1].total, pages[-1].given) == (None, 300, 300)


def test_what_search_counts_and_never_gives_is_said() -> None:
    portal = FakeHubSpot(deals=[row(number, NOON - HOUR / 2) for number in range(1, 301)])
    portal.spoil = lambda rows: [each for each in rows if each["id"] != "100"]
    pages = list(hubspot(portal).read("deals", LAST_HOUR))
    assert pages[-1].warning == "HubSpot counts 300 changed records, its search gave 299"
    assert (pages[-1].total, pages[-1].given) == (300, 299)


@pytest.mark.parametrize("disorder", [False, True])
def test_a_search_killed_after_any_page_goes_on_and_loses_nothing(disorder: bool) -> None:
    def portal() -> FakeHubSpot:
        fake = FakeHubSpot(
            deals=[row(number, NOON - timedelta(seconds=number % 5)) for number in range(1, 451)]
        )
        if disorder:
            fake.shuffle = shuffled
        return fake

    whole = list(hubspot(portal()).read("deals", LAST_HOUR))
    for stop, page in enumerate(whole[:-1], start=1):
        rest = list(hubspot(portal()).read("deals", LAST_HOUR, page.cursor))
        assert [each.body for each in rest] == [each.body for each in whole[stop:]]
        assert (rest[-1].total, rest[-1].given, rest[-1].warning) == (450, 450, None)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"results": [row(1)]}, "no 'total'"),
        ({"total": 3, "results": []}, "gives none"),
        ({"total": 999, "results": [row(5)]}, "id filter"),
        ({"total": 999, "results": [row(5) | {"id": "x5"}]}, "no number"),
    ],
)
def test_a_search_that_breaks_its_promises_stops_the_read(body: dict, said: str) -> None:
    handler, seen = answering(httpx.Response(200, json=body))
    with pytest.raises(UnexpectedData, match=said):
        list(hubspot(defining(handler)).read("deals", LAST_HOUR))
    assert len(seen) <= 40  # halved by time down to one instant at worst


def test_times_are_sent_in_milliseconds_of_utc() -> None:
    portal = FakeHubSpot()
    since = datetime.fromisoformat("2026-03-10T12:00:00.250+01:00")
    list(hubspot(portal).read("contacts", Window(since, since + HOUR)))
    (changed,) = searches(portal)[0]["filterGroups"][0]["filters"]
    # 2026-03-10T11:00:00.250Z and an hour later, by `date -u -d … +%s`.
    assert (changed["value"], changed["highValue"]) == ("1773140400250", "1773144000250")
    assert changed["propertyName"] == "lastmodifieddate"
