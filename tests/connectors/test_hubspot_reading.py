"""Reading HubSpot whole: lists, archived records, and what a portal has beside records."""

from datetime import timedelta

import httpx
import orjson
import pytest

from connectors.errors import NotPermitted, UnexpectedData
from connectors.hubspot_paths import OBJECT_TYPES, RESOURCES
from connectors.pages import Window
from tests.connectors.connector_doubles import NOON, FakeHubSpot, answering, row
from tests.connectors.hubspot_reader import defining, hubspot, ids

FULL = Window(None, NOON)
HOUR = timedelta(hours=1)


def test_a_full_read_brings_live_and_archived_records_in_one_stream() -> None:
    rows = [row(number) for number in range(1, 251)]
    archived = [row(number, archived=True) for number in range(1000, 1120)]
    pages = list(hubspot(FakeHubSpot(deals=rows + archived)).read("deals", FULL))
    assert ids(pages) == [str(each) for each in [*range(1, 251), *range(1000, 1120)]]
    assert [page.count for page in pages] == [100, 100, 50, 100, 20]
    assert [page.cursor is None for page in pages] == [False] * 4 + [True]
    assert [page.warning for page in pages] == [None] * 5
    assert (pages[-1].total, pages[-1].given) == (250, 250)


def test_a_body_is_kept_byte_for_byte() -> None:
    body = b'{ "results":\n [ {"id": "1",  "properties": {"name": "Caf\\u00e9"}, "new": 1.50} ] }'
    handler, _ = answering(
        httpx.Response(200, content=body),
        httpx.Response(200, json={"total": 1, "results": []}),
        httpx.Response(200, json={"results": []}),
    )
    pages = list(hubspot(defining(handler)).read("companies", FULL))
    assert pages[0].body == body


@pytest.mark.parametrize("window", [FULL, Window(NOON - HOUR, NOON)])
@pytest.mark.parametrize("stop", range(1, 6))
def test_a_read_goes_on_after_the_last_page_that_landed(window: Window, stop: int) -> None:
    rows = [row(number) for number in range(1, 451)] + [row(900, archived=True)]
    whole = list(hubspot(FakeHubSpot(deals=rows)).read("deals", window))
    cursor = whole[min(stop, len(whole) - 1) - 1].cursor
    rest = list(hubspot(FakeHubSpot(deals=rows)).read("deals", window, cursor))
    assert [page.body for page in rest] == [page.body for page in whole[min(stop, len(whole) - 1) :]]
    assert all(page.warning is None for page in rest)
    assert (rest[-1].total, rest[-1].given) == (450, 450)


def test_what_hubspots_own_count_shows_missing_is_said() -> None:
    def portal(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/search"):
            return httpx.Response(200, json={"total": 5, "results": [row(1)]})
        return httpx.Response(200, json={"results": [row(1)]})

    pages = list(hubspot(defining(portal)).read("deals", FULL))
    assert [page.warning for page in pages] == [None, "HubSpot counts 5 records, its list gave 1"]
    assert (pages[-1].total, pages[-1].given) == (5, 1)


def archived_row(number: int, at: str) -> dict:
    return {**row(number, NOON - 900 * HOUR, archived=True), "archivedAt": at}


@pytest.mark.parametrize(
    ("archived_at", "said"),
    [
        ("2026-03-10T11:58:00Z", None),  # two minutes ago: search still counts it among the living
        ("2026-02-10T11:58:00Z", "HubSpot counts 4 records, its list gave 3"),
    ],
)
def test_an_index_that_still_counts_what_was_just_archived_is_no_shortfall(
    archived_at: str, said: str | None
) -> None:
    portal = FakeHubSpot(deals=[*(row(number) for number in range(1, 4)), archived_row(4, archived_at)])
    portal.index["deals"] = [row(number) for number in range(1, 5)]
    *_, last = hubspot(portal).read("deals", FULL)
    assert last.warning == said


def test_an_archived_record_that_a_list_shows_twice_excuses_one_that_search_counts_and_no_other() -> None:
    older = [archived_row(number, "2026-02-10T11:58:00Z") for number in range(100, 200)]
    older[99] = archived_row(199, "2026-03-10T11:58:00Z")
    portal = FakeHubSpot(deals=[row(1), *older, archived_row(200, "2026-02-10T11:58:00Z")])
    portal.index["deals"] = [row(number) for number in (1, 198, 199)]
    portal.spoil = lambda rows: [older[99], *rows] if rows and rows[0]["id"] == "200" else rows
    *_, last = hubspot(portal).read("deals", FULL)
    assert last.warning == "HubSpot counts 3 records, its list gave 1"


def test_an_index_that_does_not_know_new_records_yet_is_no_shortfall() -> None:
    portal = FakeHubSpot(deals=[row(number) for number in range(1, 4)])
    portal.index["deals"] = []
    pages = list(hubspot(portal).read("deals", FULL))
    assert ids(pages) == ["1", "2", "3"]
    assert (pages[-1].warning, pages[-1].total, pages[-1].given) == (None, 0, 3)


def test_rows_that_a_list_shows_twice_do_not_hide_one_that_it_keeps_back() -> None:
    portal = FakeHubSpot(deals=[row(number) for number in range(1, 251)])
    held: list[dict] = []

    def repeat_and_keep_back(rows: list[dict]) -> list[dict]:
        again = held[-3:]
        held[:] = rows
        return again + [each for each in rows if each["id"] != "150"]

    portal.spoil = repeat_and_keep_back
    pages = list(hubspot(portal).read("deals", FULL))
    assert pages[-1].warning == "HubSpot counts 250 records, its list gave 249"
    assert sum(page.count for page in pages) == len(ids(pages))  # what lands is counted as it lands


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
        list(hubspot(defining(handler)).read("deals", FULL))
    assert len(seen) <= 2


def test_a_list_that_goes_in_a_circle_is_stopped() -> None:
    def portal(request: httpx.Request) -> httpx.Response:
        following = {"5": "9", "9": "5"}.get(request.url.params.get("after"), "5")
        return httpx.Response(200, json={"results": [row(1)], "paging": {"next": {"after": following}}})

    with pytest.raises(UnexpectedData, match="same page twice"):
        list(hubspot(defining(portal)).read("deals", FULL))


def test_owners_and_pipelines_and_definitions_are_read_whole() -> None:
    portal = FakeHubSpot(owners=[row(1), row(2, archived=True)], pipelines=[{"id": "default", "stages": []}])
    portal.custom["deals"] = ["color"]
    assert ids(hubspot(portal).read("owners", FULL)) == ["1", "2"]
    assert ids(hubspot(portal).read("deal_pipelines", FULL)) == ["default"]
    (page,) = hubspot(portal).read("deal_properties", FULL)
    names = {each["name"] for each in orjson.loads(page.body)["results"]}
    assert page.count == len(names)
    assert {"amount", "color"} <= names
    assert portal.requests[-1][1] == "/crm/properties/2026-09/deals"


@pytest.mark.parametrize("stop", [1, 2, 3])
def test_owners_go_on_after_the_last_page_that_landed(stop: int) -> None:
    rows = [row(number) for number in range(1, 151)] + [
        row(number, archived=True) for number in range(200, 350)
    ]
    whole = list(hubspot(FakeHubSpot(owners=rows)).read("owners", FULL))
    assert ids(whole) == [each["id"] for each in rows]
    rest = list(hubspot(FakeHubSpot(owners=rows)).read("owners", FULL, whole[stop - 1].cursor))
    assert [page.body for page in rest] == [page.body for page in whole[stop:]]


def test_every_path_carries_the_one_version() -> None:
    portal = FakeHubSpot(deals=[row(1)])
    connector = hubspot(portal)
    for name in connector.resources:
        list(connector.read(name, Window(NOON - HOUR, NOON), ids=["1"]))
    connector.identity()
    connector.probe()
    assert all("/2026-09" in path for _, path, _ in portal.requests)


def test_parents_are_read_before_what_belongs_to_them() -> None:
    names = list(RESOURCES)
    assert all(
        names.index(each.parent) < names.index(each.name) for each in RESOURCES.values() if each.parent
    )


def test_objects_have_a_change_time_and_can_be_asked_for_one_by_one() -> None:
    assert all(
        (RESOURCES[kind].mark, RESOURCES[kind].by_id) == ("$.updatedAt", True) for kind in OBJECT_TYPES
    )


def test_the_identity_is_the_portal_and_its_zone() -> None:
    identity = hubspot(FakeHubSpot()).identity()
    assert (identity.account_id, identity.zone) == ("4242", "Europe/Madrid")


def test_a_probe_names_the_right_that_is_missing_and_goes_on() -> None:
    portal = FakeHubSpot()
    portal.forbidden = {"tickets", "associations", "properties/deals"}
    found = {probe.what: probe.status for probe in hubspot(portal).probe()}
    lacking = {what for what, status in found.items() if status == "not_permitted"}
    assert lacking == {"tickets", "ticket pipelines", "ticket properties", "deal properties", "associations"}
    assert set(found.values()) == {"not_permitted", "ok"}
    assert {"account details", "owners", "deal pipelines", *OBJECT_TYPES} <= found.keys()
    with pytest.raises(NotPermitted, match=r"crm\.objects\.tickets\.read"):
        list(hubspot(portal).read("tickets", FULL))


def test_a_probe_asks_one_small_question_for_each_right() -> None:
    portal = FakeHubSpot(**{kind: [row(number) for number in range(1, 50)] for kind in OBJECT_TYPES})
    found = hubspot(portal).probe()
    assert len(portal.requests) == len(found)
    assert all(body.get("limit", "1") == "1" for _, _, body in portal.requests)


def test_objects_that_the_plan_does_not_have_are_not_permitted_and_never_zero_rows() -> None:
    portal = FakeHubSpot()
    portal.forbidden = {"feedback_submissions"}
    for window in (FULL, Window(NOON - HOUR, NOON)):
        with pytest.raises(NotPermitted):
            list(hubspot(portal).read("feedback_submissions", window))

    def unknown(request: httpx.Request) -> httpx.Response:
        refused = {"category": "VALIDATION_ERROR", "message": "Unable to infer object type from: it"}
        return httpx.Response(400, json=refused) if "feedback" in request.url.path else portal(request)

    with pytest.raises(NotPermitted, match="does not offer feedback_submissions"):
        list(hubspot(unknown).read("feedback_submissions", FULL))


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
