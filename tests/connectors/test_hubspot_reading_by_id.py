"""Records by their ids, what belongs to them, and what a batch says beside its records."""

from datetime import timedelta

import httpx
import orjson
import pytest

from connectors.errors import NotPermitted, RetryLater, UnexpectedData
from connectors.hubspot_paths import LINKS, OBJECT_TYPES
from connectors.hubspot_properties import HISTORY
from connectors.pages import Page, Window
from tests.connectors.connector_doubles import NOON, FakeHubSpot, answering, row
from tests.connectors.hubspot_reader import batches, defining, hubspot, ids, links, records

FULL = Window(None, NOON)
HOUR = timedelta(hours=1)


def test_records_come_by_id_live_or_archived_and_what_is_gone_does_not() -> None:
    portal = FakeHubSpot(deals=[row(1, amount="10"), row(2, archived=True), row(3)])
    pages = list(hubspot(portal).read_ids("deals", ["1", "2", "4", "1"]))
    assert {each["id"]: each["archived"] for each in records(pages)} == {"1": False, "2": True}
    assert [page.cursor is None for page in pages] == [False] * (len(pages) - 1) + [True]


def test_what_search_does_not_know_yet_comes_by_id() -> None:
    portal = FakeHubSpot(deals=[row(1, NOON, amount="2")])
    portal.index["deals"] = [row(1, NOON - HOUR, amount="1")]
    (deal,) = records(hubspot(portal).read_ids("deals", ["1"]))
    assert deal["properties"]["amount"] == "2"


@pytest.mark.parametrize("kind", OBJECT_TYPES)
def test_ids_are_asked_for_a_hundred_at_a_time(kind: str) -> None:
    portal = FakeHubSpot(**{kind: [row(number, NOON, archived=number % 2 == 0) for number in range(1, 251)]})
    pages = list(hubspot(portal).read_ids(kind, [str(number) for number in range(1, 301)]))
    assert sorted(ids(pages), key=int) == [str(number) for number in range(1, 251)]
    assert all(len(each["inputs"]) <= 100 for each in batches(portal))
    assert [page.cursor for page in pages].count(None) == 1
    assert pages[-1].cursor is None


def test_no_ids_are_no_question() -> None:
    portal = FakeHubSpot()
    assert list(hubspot(portal).read_ids("deals", [])) == []
    assert batches(portal) == []


@pytest.mark.parametrize("archived", ["true", "false"])
def test_an_answer_that_falls_short_without_a_word_is_not_taken_for_a_deletion(archived: str) -> None:
    portal = FakeHubSpot(deals=[row(1), row(2), row(3, archived=True)])
    shortened: list[str] = []

    def handle(request: httpx.Request) -> httpx.Response:
        answer = portal(request)
        if request.url.path.endswith("/batch/read") and request.url.params["archived"] == archived:
            shortened.append(archived)
            if len(shortened) == 1:
                return httpx.Response(200, json={"status": "COMPLETE", "results": []})
        return answer

    assert set(ids(hubspot(handle).read_ids("deals", ["1", "2", "3"]))) == {"1", "2", "3"}


def test_a_batch_that_never_answers_for_an_id_ends_all_the_same() -> None:
    handler, seen = answering(httpx.Response(200, json={"status": "COMPLETE", "results": []}))
    assert ids(hubspot(defining(handler)).read_ids("deals", ["1"])) == []
    assert len(seen) == 4


def test_a_history_brings_the_values_and_their_times_fifty_records_at_a_time() -> None:
    portal = FakeHubSpot(deals=[row(number) for number in range(1, 121)])
    entered = [
        {"value": "closedwon", "timestamp": "2026-02-01T10:00:00.000Z", "sourceType": "CRM_UI"},
        {"value": "contractsent", "timestamp": "2026-01-10T10:00:00.000Z", "sourceType": "CRM_UI"},
    ]
    portal.history["deals", "7"] = {"dealstage": entered}
    asked = [str(number) for number in range(1, 122)]
    pages = list(hubspot(portal).read("deal_history", FULL, ids=asked))
    found = {each["id"]: each["propertiesWithHistory"] for each in records(pages)}
    assert len(found) == 120  # the last one does not exist
    assert found["7"]["dealstage"] == entered
    assert set(found["8"]) == set(HISTORY["deals"])
    assert sum(page.count for page in pages) == 120
    assert all(len(each["inputs"]) <= 50 for each in batches(portal))
    assert [page.warning for page in pages] == [None] * 3
    for number, page in enumerate(pages[:-1], start=1):
        rest = list(hubspot(portal).read("deal_history", FULL, page.cursor, ids=asked))
        assert [each.body for each in rest] == [each.body for each in pages[number:]]


def test_a_history_asks_only_for_what_the_portal_defines() -> None:
    portal = FakeHubSpot(contacts=[row(1)])
    portal.undefined = {"hs_lead_status"}
    (page,) = hubspot(portal).read("contact_history", FULL, ids=["1"])
    assert records([page])[0]["propertiesWithHistory"] == {"lifecyclestage": []}
    assert batches(portal)[0]["propertiesWithHistory"] == ["lifecyclestage"]


def test_a_history_that_falls_short_without_a_word_says_so() -> None:
    handler, _ = answering(httpx.Response(200, json={"status": "COMPLETE", "results": [row(1)]}))
    (page,) = hubspot(defining(handler)).read("deal_history", FULL, ids=["1", "2"])
    assert page.warning == "HubSpot did not answer for 1 records"


@pytest.mark.parametrize("resource", ["deal_history", "deal_companies"])
def test_what_belongs_to_nobody_is_no_question(resource: str) -> None:
    portal = FakeHubSpot()
    assert list(hubspot(portal).read(resource, FULL)) == []
    assert portal.requests == []


@pytest.mark.parametrize("name", LINKS)
def test_each_association_stream_asks_for_its_own_pair(name: str) -> None:
    portal = FakeHubSpot()
    portal.associations[LINKS[name]] = {"1": ["10", "11"]}
    assert links(hubspot(portal).read(name, FULL, ids=["1", "2"])) == {"1": ["10", "11"], "2": []}
    assert links(hubspot(portal).read_ids(name, ["1", "2"])) == {"1": ["10", "11"], "2": []}


def test_associations_come_in_batches_and_an_id_without_any_comes_empty() -> None:
    portal = FakeHubSpot()
    portal.associations["deals", "companies"] = {
        str(number): [str(9000 + number)] for number in range(1, 1101)
    }
    asked = [str(number) for number in range(1, 1151)]
    pages = list(hubspot(portal).read("deal_companies", FULL, ids=asked))
    assert links(pages) == {
        str(number): [str(9000 + number)] if number <= 1100 else [] for number in range(1, 1151)
    }
    assert sum(page.count for page in pages) == 1150
    assert pages[-1].cursor is None


def test_an_association_read_goes_on_after_the_last_page_that_landed() -> None:
    portal = FakeHubSpot()
    portal.associations["deals", "companies"] = {str(number): ["1"] for number in range(1, 2501, 2)}
    asked = [str(number) for number in range(1, 2501)]
    whole = list(hubspot(portal).read("deal_companies", FULL, ids=asked))

    def told(pages: list[Page]) -> set[str]:
        return links(pages).keys()

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
    assert links([page]) == {"1": ["10", "11"], "2": ["12"]}
    assert orjson.loads(seen[1].content)["inputs"] == [{"id": "1", "after": "x"}]


def test_the_companies_of_one_deal_that_go_in_a_circle_stop_the_read() -> None:
    page = {"from": {"id": "1"}, "to": [{"toObjectId": 10}], "paging": {"next": {"after": "x"}}}
    handler, _ = answering(httpx.Response(200, json={"results": [page]}))
    with pytest.raises(UnexpectedData, match="same page twice"):
        list(hubspot(handler).read("deal_companies", FULL, ids=["1"]))


FAULTS = [
    ({"category": "INTERNAL_ERROR"}, RetryLater, "run it again later"),
    ({"category": "RATE_LIMITS", "message": "too many"}, RetryLater, "run it again later"),
    (
        {"category": "MISSING_SCOPES", "context": {"requiredGranularScopes": ["crm.objects.deals.read"]}},
        NotPermitted,
        r"crm\.objects\.deals\.read",
    ),
    (
        {
            "category": "FORBIDDEN",
            "errors": [{"context": {"requiredGranularScopes": ["crm.objects.deals.read"]}}],
        },
        NotPermitted,
        r"crm\.objects\.deals\.read",
    ),
    ({"category": "SOMETHING_NEW"}, UnexpectedData, "does not document"),
    ({}, UnexpectedData, "does not document"),
]


@pytest.mark.parametrize(("fault", "kind", "said"), FAULTS)
@pytest.mark.parametrize("status", [200, 207])
@pytest.mark.parametrize("resource", ["deals", "deal_history", "deal_companies"])
def test_an_error_inside_a_batch_is_never_taken_for_nothing(
    resource: str, status: int, fault: dict, kind: type[Exception], said: str
) -> None:
    gone = {"category": "OBJECT_NOT_FOUND", "context": {"ids": ["2"]}}
    body = {"results": [], "numErrors": 2, "errors": [gone, {"status": "error", **fault}]}
    handler, _ = answering(httpx.Response(status, json=body))
    with pytest.raises(kind, match=said):
        list(hubspot(defining(handler)).read_ids(resource, ["1", "2"]))


def test_an_error_inside_a_batch_repeats_nothing_of_what_hubspot_wrote() -> None:
    fault = {"category": "INTERNAL_ERROR", "message": "contact ana@clinic.test failed", "id": "c0ffee"}
    handler, _ = answering(httpx.Response(207, json={"results": [], "numErrors": 1, "errors": [fault]}))
    with pytest.raises(RetryLater) as caught:
        list(hubspot(defining(handler)).read_ids("contacts", ["1"]))
    assert "ana@" not in str(caught.value)
