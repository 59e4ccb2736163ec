"""Which properties are asked for: ours, every one of the portal's own, and however many there are."""

from datetime import timedelta

import httpx
import pytest

from connectors.errors import UnexpectedData
from connectors.hubspot_paths import OBJECT_TYPES, modified_property
from connectors.hubspot_properties import HISTORY, PROPERTIES
from connectors.pages import Window
from tests.connectors.connector_doubles import NOON, FakeHubSpot, answering, row
from tests.connectors.hubspot_reader import batches, hubspot, records, searches

FULL = Window(None, NOON)
HOUR = timedelta(hours=1)
LAST_HOUR = Window(NOON - HOUR, NOON)
MANY = [f"our_very_own_property_number_{number:03d}" for number in range(1, 301)]


def lists(portal: FakeHubSpot, kind: str) -> list[dict]:
    return [body for _, path, body in portal.requests if path == f"/crm/objects/2026-09/{kind}"]


@pytest.mark.parametrize("kind", OBJECT_TYPES)
def test_what_a_kind_is_asked_for_holds_its_change_time_and_its_history(kind: str) -> None:
    assert {modified_property(kind), *HISTORY.get(kind, ())} <= set(PROPERTIES[kind])
    assert len(PROPERTIES[kind]) == len(set(PROPERTIES[kind]))


@pytest.mark.parametrize("window", [FULL, LAST_HOUR])
def test_every_property_that_the_portal_added_itself_is_read(window: Window) -> None:
    portal = FakeHubSpot(deals=[row(1, NOON - HOUR / 2, color="red", dealname="A")])
    portal.custom["deals"] = ["color"]
    (deal,) = records(hubspot(portal).read("deals", window))
    assert (deal["properties"]["color"], deal["properties"]["dealname"]) == ("red", "A")
    assert sum(path == "/crm/properties/2026-09/deals" for _, path, _ in portal.requests) == 1


@pytest.mark.parametrize("window", [FULL, LAST_HOUR])
def test_what_the_portal_does_not_define_is_not_asked_for_and_absent(window: Window) -> None:
    portal = FakeHubSpot(deals=[row(1, NOON - HOUR / 2)])
    portal.undefined = {"tenfold_plan"}
    (deal,) = records(hubspot(portal).read("deals", window))
    assert "tenfold_plan" not in deal["properties"]
    assert deal["properties"]["tenfold_end_at"] is None
    asked = [name for body in [*lists(portal, "deals"), *searches(portal)] for name in body["properties"]]
    assert "tenfold_plan" not in asked


def test_an_archived_property_is_not_asked_for() -> None:
    def portal(request: httpx.Request) -> httpx.Response:
        if request.url.path.startswith("/crm/properties"):
            rows = [{"name": "amount", "hubspotDefined": True}, {"name": "old", "archived": True}]
            return httpx.Response(200, json={"results": rows})
        assert request.url.path.endswith("/search") or request.url.params["properties"] == "amount"
        return httpx.Response(200, json={"total": 0, "results": []})

    assert records(hubspot(portal).read("deals", FULL)) == []


def test_without_the_right_to_see_definitions_our_own_list_is_read_and_the_gap_is_said() -> None:
    portal = FakeHubSpot(deals=[row(1, NOON - HOUR / 2, amount="10", color="red")])
    portal.custom["deals"] = ["color"]
    portal.forbidden = {"properties/deals"}
    for window in (FULL, LAST_HOUR):
        pages = list(hubspot(portal).read("deals", window))
        (deal,) = records(pages)
        assert deal["properties"]["amount"] == "10"
        assert "color" not in deal["properties"]
        assert (pages[-1].warning or "").startswith("properties of your own are not read.")
        assert "crm.objects.tickets.read" in (pages[-1].warning or "")  # as the portal named the right
    (page,) = hubspot(portal).read_ids("deals", ["1"])
    assert "not read" in (page.warning or "")


@pytest.mark.parametrize("body", [{"properties": []}, {"results": [{"label": "Amount"}]}])
def test_definitions_that_break_their_promises_stop_the_read(body: dict) -> None:
    handler, _ = answering(httpx.Response(200, json=body))
    with pytest.raises(UnexpectedData, match="format changed"):
        list(hubspot(handler).read("deals", FULL))


def wide_portal(count: int) -> FakeHubSpot:
    rows = [
        row(number, NOON - HOUR / 2, **{MANY[number % 300]: str(number)}) for number in range(1, count + 1)
    ]
    gone = [row(number, NOON - 50 * HOUR, archived=True, **{MANY[0]: "gone"}) for number in range(5000, 5003)]
    portal = FakeHubSpot(contacts=[*rows, *gone])
    portal.custom["contacts"] = MANY
    return portal


@pytest.mark.parametrize("window", [FULL, LAST_HOUR])
@pytest.mark.parametrize("count", [1, 100, 450])
def test_300_properties_of_the_portals_own_arrive_whole(window: Window, count: int) -> None:
    portal = wide_portal(count)
    pages = list(hubspot(portal).read("contacts", window))
    found = {each["id"]: each for each in records(pages)}
    assert len(found) == count + 3
    assert found["1"]["properties"][MANY[1]] == "1"
    assert (found["5000"]["properties"][MANY[0]], found["5000"]["archived"]) == ("gone", True)
    assert all(set(MANY) <= each["properties"].keys() for each in found.values())
    assert [page.warning for page in pages] == [None] * len(pages)
    assert (pages[-1].total, pages[-1].given) == (count, count)
    assert all(len(each["inputs"]) <= 100 for each in batches(portal))


def test_a_record_has_the_same_shape_whichever_way_its_values_came() -> None:
    def one(custom: list[str]) -> dict:
        portal = FakeHubSpot(contacts=[row(1, NOON - HOUR / 2, email="a@x.test")])
        portal.custom["contacts"] = custom
        (found,) = records(hubspot(portal).read("contacts", FULL))
        return found

    short, long = one(MANY[:1]), one(MANY)
    assert short.keys() == long.keys()
    assert {name: long["properties"][name] for name in short["properties"]} == short["properties"]


def test_names_that_fit_an_address_and_no_search_are_asked_for_in_each_way() -> None:
    portal = FakeHubSpot(
        deals=[row(1, NOON - HOUR / 2, p007="x"), row(2, NOON - HOUR, archived=True, p007="y")]
    )
    portal.custom["deals"] = [f"p{number:03d}" for number in range(340)]
    found = records(hubspot(portal).read("deals", LAST_HOUR))
    assert [each["properties"]["p007"] for each in found] == ["x", "y"]
    assert [len(body["properties"]) for body in searches(portal)] == [2]
    assert len(batches(portal)) == 1
    assert "p339" in lists(portal, "deals")[0]["properties"]


@pytest.mark.parametrize("window", [FULL, LAST_HOUR])
def test_a_wide_read_goes_on_after_the_last_page_that_landed(window: Window) -> None:
    whole = list(hubspot(wide_portal(450)).read("contacts", window))
    everyone = {each["id"] for each in records(whole)}
    for stop, page in enumerate(whole[:-1], start=1):
        rest = list(hubspot(wide_portal(450)).read("contacts", window, page.cursor))
        assert {each["id"] for each in records([*whole[:stop], *rest])} == everyone
        assert (rest[-1].total, rest[-1].given, rest[-1].warning) == (450, 450, None)


def test_a_record_archived_between_the_index_and_the_batch_comes_as_archived() -> None:
    portal = wide_portal(3)
    portal.index["contacts"] = list(portal.objects["contacts"][:3])
    portal.objects["contacts"][1] = {**portal.objects["contacts"][1], "archived": True}
    pages = list(hubspot(portal).read("contacts", LAST_HOUR))
    assert {each["id"] for each in records(pages) if not each["archived"]} == {"1", "3"}
    assert {each["id"] for each in records(pages) if each["archived"]} == {"2", "5000", "5001", "5002"}
    assert pages[-1].warning is None


@pytest.mark.parametrize("window", [FULL, LAST_HOUR])
def test_a_batch_that_drops_a_record_without_a_word_is_a_shortfall(window: Window) -> None:
    portal = wide_portal(3)

    def handle(request: httpx.Request) -> httpx.Response:
        answer = portal(request)
        if not request.url.path.endswith("/batch/read") or request.url.params["archived"] == "true":
            return answer
        said = answer.json()
        return httpx.Response(200, json={**said, "results": said["results"][:2]})

    *_, last = hubspot(handle).read("contacts", window)
    assert (last.total, last.given) == (3, 2)
    assert "HubSpot counts 3" in (last.warning or "")
