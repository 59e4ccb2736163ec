"""Reading HubSpot past its caps, its loose order and its archived records."""

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import httpx
import orjson
import pytest

from connectors.errors import NotPermitted, UnexpectedData
from connectors.hubspot import HubSpot
from connectors.hubspot_paths import PROPERTIES
from connectors.pages import Page, Window
from connectors.transport import Transport
from tests.connectors.connector_doubles import NOON, FakeHubSpot, answering, quick, row

FULL = Window(None, NOON)
HOUR = timedelta(hours=1)


def hubspot(portal: object) -> HubSpot:
    return HubSpot(
        Transport(
            "hubspot",
            "https://api.test",
            headers={"Authorization": "Bearer pat"},
            policy=quick(),
            transport=httpx.MockTransport(portal),
        )
    )


def ids(pages: Sequence[Page], records: str = "results") -> list[str]:
    return [each["id"] for page in pages for each in orjson.loads(page.body)[records]]


def test_a_full_read_brings_live_and_archived_records_in_one_stream() -> None:
    rows = [row(number) for number in range(1, 251)]
    archived = [row(number, archived=True) for number in range(1000, 1120)]
    pages = list(hubspot(FakeHubSpot(deals=rows + archived)).read("deals", FULL))
    assert ids(pages) == [str(each) for each in [*range(1, 251), *range(1000, 1120)]]
    assert [page.count for page in pages] == [100, 100, 50, 100, 20]
    assert [page.cursor is None for page in pages] == [False] * 4 + [True]
    assert [page.warning for page in pages] == [None] * 5


def test_a_body_is_kept_byte_for_byte() -> None:
    body = b'{ "results":\n [ {"id": "1",  "properties": {"name": "Caf\\u00e9"}, "new": 1.50} ] }'
    handler, _ = answering(
        httpx.Response(200, content=body),
        httpx.Response(200, json={"total": 1, "results": []}),
        httpx.Response(200, json={"results": []}),
    )
    pages = list(hubspot(handler).read("companies", FULL))
    assert pages[0].body == body


@pytest.mark.parametrize("kind", PROPERTIES)
def test_an_increment_brings_what_changed_since_the_window_began(kind: str) -> None:
    old = [row(number, NOON - 30 * HOUR) for number in range(1, 400)]
    new = [row(number, NOON - HOUR) for number in range(400, 1000)]
    portal = FakeHubSpot(**{kind: old + new})
    pages = list(hubspot(portal).read(kind, Window(NOON - 3 * HOUR, NOON)))
    assert ids(pages) == [str(number) for number in range(400, 1000)]
    asked = [body for method, path, body in portal.requests if path.endswith("/search")]
    assert asked[0]["properties"] == list(PROPERTIES[kind])
    assert all(page.warning is None for page in pages)


def test_an_increment_overlaps_what_was_read_before_because_search_lags() -> None:
    late = row(7, NOON - timedelta(minutes=40))
    pages = list(hubspot(FakeHubSpot(deals=[late])).read("deals", Window(NOON, NOON + HOUR)))
    assert ids(pages) == ["7"]


def test_an_increment_brings_archived_records_which_search_never_shows() -> None:
    gone = row(7, NOON - 900 * HOUR, archived=True)
    pages = list(hubspot(FakeHubSpot(deals=[gone])).read("deals", Window(NOON - HOUR, NOON)))
    assert ids(pages) == ["7"]
    assert pages[-1].cursor is None


def test_12000_records_of_one_timestamp_all_arrive_once() -> None:
    portal = FakeHubSpot(deals=[row(number) for number in range(1, 12_001)])
    pages = list(hubspot(portal).read("deals", Window(NOON - HOUR, NOON)))
    assert ids(pages) == [str(number) for number in range(1, 12_001)]
    searches = [body for _, path, body in portal.requests if path.endswith("/search")]
    assert len(searches) == 12_000 / 200 + 1  # one more for the control total


def test_ties_and_spread_records_above_the_cap_all_arrive() -> None:
    rows = [row(number, NOON - timedelta(seconds=number % 3)) for number in range(1, 15_001)]
    pages = list(hubspot(FakeHubSpot(tickets=rows)).read("tickets", Window(NOON - HOUR, NOON)))
    assert sorted(ids(pages), key=int) == [str(number) for number in range(1, 15_001)]


def shuffled(rows: list[dict]) -> list[dict]:
    return random.Random(11).sample(rows, len(rows))


@pytest.mark.parametrize("spread", [timedelta(0), timedelta(seconds=7)])
def test_nothing_is_lost_when_search_does_not_keep_to_its_order(spread: timedelta) -> None:
    rows = [row(number, NOON - spread * (number % 100)) for number in range(1, 1301)]
    portal = FakeHubSpot(deals=rows)
    portal.shuffle = shuffled
    pages = list(hubspot(portal).read("deals", Window(NOON - HOUR, NOON)))
    assert set(ids(pages)) == {str(number) for number in range(1, 1301)}
    assert all(page.warning is None for page in pages)


def test_a_record_that_changes_meanwhile_does_not_push_another_out_of_the_read() -> None:
    portal = FakeHubSpot(deals=[row(number, NOON - HOUR / 2) for number in range(1, 601)])
    later = (NOON + HOUR).isoformat()

    def edit() -> None:
        if len(portal.requests) == 2:  # the first page is out, the second not yet
            for each in portal.objects["deals"][:50]:
                each["properties"]["hs_lastmodifieddate"] = later

    portal.on_request = edit
    pages = list(hubspot(portal).read("deals", Window(NOON - HOUR, NOON)))
    assert ids(pages) == [str(number) for number in range(1, 601)]
    assert all(page.warning is None for page in pages)


@pytest.mark.parametrize("window", [FULL, Window(NOON - HOUR, NOON)])
@pytest.mark.parametrize("stop", range(1, 6))
def test_a_read_goes_on_after_the_last_page_that_landed(window: Window, stop: int) -> None:
    rows = [row(number) for number in range(1, 451)] + [row(900, archived=True)]
    whole = list(hubspot(FakeHubSpot(deals=rows)).read("deals", window))
    cursor = whole[min(stop, len(whole) - 1) - 1].cursor
    rest = list(hubspot(FakeHubSpot(deals=rows)).read("deals", window, cursor))
    assert [page.body for page in rest] == [page.body for page in whole[min(stop, len(whole) - 1) :]]
    assert all(page.warning is None for page in rest)


def test_what_hubspots_own_count_shows_missing_is_said() -> None:
    def portal(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/search"):
            return httpx.Response(200, json={"total": 5, "results": [row(1)]})
        return httpx.Response(200, json={"results": [row(1)]})

    pages = list(hubspot(portal).read("deals", FULL))
    assert [page.warning for page in pages] == ["deals: HubSpot counts 5 records, its list gave 1", None]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"items": []}, "no list 'results'"),
        ({"results": None}, "no list 'results'"),
        ({"results": [{"properties": {}}]}, "no 'id'"),
        ({"results": [row(1)], "paging": {"next": {"after": "5"}}}, "same page twice"),
    ],
)
def test_a_list_that_breaks_its_promises_stops_the_read(body: dict, said: str) -> None:
    handler, seen = answering(httpx.Response(200, json=body))
    with pytest.raises(UnexpectedData, match=said):
        list(hubspot(handler).read("deals", FULL))
    assert len(seen) <= 2


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
        list(hubspot(handler).read("deals", Window(NOON - HOUR, NOON)))
    assert len(seen) <= 2


def test_associations_come_in_batches_and_an_id_without_any_comes_empty() -> None:
    portal = FakeHubSpot()
    portal.associations["deals", "companies"] = {
        str(number): [str(9000 + number)] for number in range(1, 1101)
    }
    asked = [str(number) for number in range(1, 1151)]
    pages = list(hubspot(portal).read("deal_companies", FULL, ids=asked))
    found = {
        each["from"]["id"]: [str(to["toObjectId"]) for to in each["to"]]
        for page in pages
        for each in orjson.loads(page.body)["results"]
    }
    assert found == {str(number): [str(9000 + number)] if number <= 1100 else [] for number in range(1, 1151)}
    assert sum(page.count for page in pages) == 1150
    assert pages[-1].cursor is None


def test_an_association_read_goes_on_after_the_last_page_that_landed() -> None:
    portal = FakeHubSpot()
    portal.associations["deals", "companies"] = {str(number): ["1"] for number in range(1, 2501, 2)}
    asked = [str(number) for number in range(1, 2501)]
    whole = list(hubspot(portal).read("deal_companies", FULL, ids=asked))

    def told(pages: list[Page]) -> set[str]:
        return {each["from"]["id"] for page in pages for each in orjson.loads(page.body)["results"]}

    assert told(whole) == set(asked)
    for number, page in enumerate(whole[:-1], start=1):
        rest = list(hubspot(portal).read("deal_companies", FULL, page.cursor, ids=asked))
        assert told(whole[:number]) | told(rest) == set(asked)
        assert len(rest) <= len(whole) - number + 1


def test_the_further_companies_of_one_deal_are_joined_into_its_record() -> None:
    first = {"from": {"id": "1"}, "to": [{"toObjectId": 10}], "paging": {"next": {"after": "x"}}}
    more = {"from": {"id": "1"}, "to": [{"toObjectId": 11}]}
    other = {"from": {"id": "2"}, "to": [{"toObjectId": 12}]}
    handler, seen = answering(
        httpx.Response(200, json={"results": [first, other]}), httpx.Response(200, json={"results": [more]})
    )
    (page,) = hubspot(handler).read("deal_companies", FULL, ids=["1", "2"])
    links = {each["from"]["id"]: each["to"] for each in orjson.loads(page.body)["results"]}
    assert links == {"1": [{"toObjectId": 10}, {"toObjectId": 11}], "2": [{"toObjectId": 12}]}
    assert orjson.loads(seen[1].content)["inputs"] == [{"id": "1", "after": "x"}]


def test_an_error_inside_a_batch_answer_is_not_taken_for_no_association() -> None:
    fault = {"status": "error", "category": "INTERNAL_ERROR"}
    handler, _ = answering(httpx.Response(207, json={"results": [], "numErrors": 1, "errors": [fault]}))
    with pytest.raises(UnexpectedData, match="errors inside"):
        list(hubspot(handler).read("deal_companies", FULL, ids=["1"]))


def test_owners_and_pipelines_are_read_whole() -> None:
    portal = FakeHubSpot(owners=[row(1), row(2, archived=True)], pipelines=[{"id": "default", "stages": []}])
    assert ids(list(hubspot(portal).read("owners", FULL))) == ["1", "2"]
    assert ids(list(hubspot(portal).read("deal_pipelines", FULL))) == ["default"]


def test_every_path_carries_the_one_version() -> None:
    portal = FakeHubSpot(deals=[row(1)])
    connector = hubspot(portal)
    for name in connector.resources:
        list(connector.read(name, Window(NOON - HOUR, NOON), ids=["1"]))
    connector.identity()
    connector.probe()
    assert all("/2026-09" in path for _, path, _ in portal.requests)


def test_the_identity_is_the_portal_and_its_zone() -> None:
    identity = hubspot(FakeHubSpot()).identity()
    assert (identity.account_id, identity.zone) == ("4242", "Europe/Madrid")


def test_a_probe_names_the_right_that_is_missing_and_goes_on() -> None:
    portal = FakeHubSpot()
    portal.forbidden = {"tickets"}
    found = {probe.what: probe.status for probe in hubspot(portal).probe()}
    assert found["tickets"] == "not_permitted"
    assert found["deals"] == found["owners"] == found["account details"] == "ok"
    with pytest.raises(NotPermitted, match=r"crm\.objects\.tickets\.read"):
        list(hubspot(portal).read("tickets", FULL))


def test_a_probe_of_a_dead_server_asks_twice_and_stops() -> None:
    handler, seen = answering(httpx.ConnectError("nobody"))
    (probe,) = hubspot(handler).probe()
    assert probe.status == "unreachable"
    assert len(seen) == 2


def test_a_token_that_is_not_accepted_is_told_once() -> None:
    handler, _ = answering(httpx.Response(401))
    (probe,) = hubspot(handler).probe()
    assert probe.status == "not_permitted"
    assert "token" in probe.remedy


def test_times_are_sent_in_milliseconds_of_utc() -> None:
    portal = FakeHubSpot()
    since = datetime.fromisoformat("2026-03-10T12:00:00.250+01:00")
    list(hubspot(portal).read("contacts", Window(since, since + HOUR)))
    (search, *_) = [body for _, path, body in portal.requests if path.endswith("/search")]
    (changed,) = search["filterGroups"][0]["filters"]
    # 2026-03-10T10:00:00.250Z and two hours later, by `date -u -d … +%s`.
    assert (changed["value"], changed["highValue"]) == ("1773136800250", "1773144000250")
    assert changed["propertyName"] == "lastmodifieddate"
