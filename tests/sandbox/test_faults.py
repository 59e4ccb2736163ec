"""What goes wrong on purpose, on every endpoint that a reader uses, and rows that come twice."""

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from sandbox.faults import PRESETS, Fault, parse_faults
from sandbox.world import World
from tests.sandbox.test_hubspot_api import where
from tests.sandbox.worlds import Bench, plan, small_company


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("faults") / "home", plan(), small_company)
    yield world
    world.close()


@pytest.fixture
def spoilt(company: World) -> Iterator[Bench]:
    """The simulated company, whose faults end with the test."""
    yield Bench(company)
    company.faults.replace([])


EVERYTHING = {"query": {"field": "updated_at", "operator": ">", "value": "0"}}
ANYTHING = where("hs_object_id", "GT", value="0")
READS: list[tuple[str, str, str, Any]] = [
    ("hubspot", "GET", "/crm/v3/objects/contacts?limit=20", None),
    ("hubspot", "POST", "/crm/v3/objects/contacts/search", {**ANYTHING, "limit": 20}),
    ("hubspot", "POST", "/crm/v3/objects/deals/batch/read", {"inputs": [{"id": "1"}]}),
    ("hubspot", "POST", "/crm/v4/associations/contacts/companies/batch/read", {"inputs": [{"id": "1"}]}),
    ("hubspot", "GET", "/crm/v3/owners", None),
    ("hubspot", "GET", "/crm/v3/properties/contacts", None),
    ("intercom", "GET", "/contacts?per_page=20", None),
    ("intercom", "POST", "/contacts/search", EVERYTHING),
    ("intercom", "POST", "/conversations/search", EVERYTHING),
    ("intercom", "POST", "/tickets/search", EVERYTHING),
    ("intercom", "GET", "/companies/scroll", None),
    ("mailchimp", "GET", "/lists/9f2b6c41d0/members?count=20", None),
    ("mailchimp", "GET", "/audiences/9f2b6c41d0/contacts?count=20", None),
    ("mailchimp", "GET", "/reports", None),
    ("mandrill", "POST", "/messages/search.json", {"key": "made-up", "query": "*"}),
]  # fmt: skip


def ask(bench: Bench, vendor: str, method: str, path: str, body: Any) -> httpx.Response:
    client: httpx.Client = getattr(bench, vendor)
    return client.request(method, path, json=body)


@pytest.mark.parametrize(("vendor", "method", "path", "body"), READS, ids=lambda part: str(part)[:40])
def test_every_read_can_be_cut_off_truncated_refused_and_broken(
    spoilt: Bench, vendor: str, method: str, path: str, body: Any
) -> None:
    faults = spoilt.world.faults
    ask(spoilt, "mandrill", "POST", "/messages/send.json", _mail("a@nowhere.example"))
    faults.replace([Fault("cut_connection", vendor=vendor, times=1)])
    with pytest.raises(httpx.RemoteProtocolError):
        ask(spoilt, vendor, method, path, body)
    faults.replace([Fault("truncate_page", vendor=vendor, times=1)])
    cut = ask(spoilt, vendor, method, path, body)
    assert cut.status_code < 300
    with pytest.raises(ValueError, match=r"."):
        cut.json()
    spoilt.seconds += 100  # an earlier scroll expires
    for fault, status in ((Fault("rate_429", vendor=vendor, status=429, times=1), 429), (Fault("error_rate_5xx", vendor=vendor, status=500, times=1), 500)):  # fmt: skip
        faults.replace([fault])
        assert ask(spoilt, vendor, method, path, body).status_code == status
    spoilt.seconds += 100
    assert ask(spoilt, vendor, method, path, body).status_code < 300


def _mail(to: str) -> dict[str, Any]:
    return {
        "key": "made-up",
        "message": {"to": [{"email": to}], "subject": "S", "from_email": "us@x.example"},
    }


def hubspot_list(bench: Bench) -> list[list[str]]:
    pages: list[list[str]] = []
    after: str | None = ""
    while after is not None:
        params = {"limit": "10", "after": after}
        body = bench.hubspot.get("/crm/v3/objects/contacts", params=params).json()
        pages.append([row["id"] for row in body["results"]])
        after = body.get("paging", {}).get("next", {}).get("after")
    return pages


def hubspot_search(bench: Bench) -> list[list[str]]:
    pages: list[list[str]] = []
    after: str | None = "0"
    while after is not None:
        query = {**ANYTHING, "limit": 10, "after": after}
        body = bench.hubspot.post("/crm/v3/objects/deals/search", json=query).json()
        pages.append([row["id"] for row in body["results"]])
        after = body.get("paging", {}).get("next", {}).get("after")
    return pages


def intercom_search(bench: Bench) -> list[list[str]]:
    pages: list[list[str]] = []
    paging: dict[str, Any] | None = {"per_page": 40}
    while paging is not None:
        body = bench.intercom.post("/conversations/search", json={**EVERYTHING, "pagination": paging}).json()
        pages.append([row["id"] for row in body["conversations"]])
        following = body["pages"].get("next")
        paging = {"per_page": 40, "starting_after": following["starting_after"]} if following else None
    return pages


def mailchimp_list(bench: Bench) -> list[list[str]]:
    pages: list[list[str]] = []
    while not pages or pages[-1]:
        params = {"count": "20", "offset": str(20 * len(pages))}
        body = bench.mailchimp.get("/lists/9f2b6c41d0/members", params=params).json()
        pages.append([row["contact_id"] for row in body["members"]])
    return pages


@pytest.mark.parametrize("walk", [hubspot_list, hubspot_search, intercom_search, mailchimp_list])
def test_pages_repeat_rows_of_the_page_before_and_lose_none(
    spoilt: Bench, walk: Callable[[Bench], list[list[str]]]
) -> None:
    plain = walk(spoilt)
    assert max(Counter(row for page in plain for row in page).values()) == 1
    spoilt.world.faults.add([Fault("duplicates")])
    again = walk(spoilt)
    assert len(again) == len(plain)
    assert {row for page in again for row in page} == {row for page in plain for row in page}
    for before, page, clean in zip(again, again[1:], plain[1:], strict=False):
        if clean:
            assert set(page) - set(clean)
            assert set(page) - set(clean) <= set(before)


def test_a_share_of_the_pages_repeats_rows(spoilt: Bench) -> None:
    plain = hubspot_list(spoilt)
    spoilt.world.faults.add([Fault("duplicates", share=0.5)])
    again = hubspot_list(spoilt)
    longer = sum(len(page) > len(clean) for page, clean in zip(again, plain, strict=True))
    assert 0 < longer < len(plain)


def test_answers_that_are_no_pages_are_never_doubled(spoilt: Bench) -> None:
    hubspot, intercom = spoilt.hubspot, spoilt.intercom
    contact = hubspot_list(spoilt)[0][0]
    talk = intercom_search(spoilt)[0][0]
    plain = [
        hubspot.get(f"/crm/v3/objects/contacts/{contact}").json(),
        intercom.get(f"/conversations/{talk}").json(),
    ]
    batch = {"inputs": [{"id": contact}]}
    spoilt.world.faults.add([Fault("duplicates")])
    assert plain == [
        hubspot.get(f"/crm/v3/objects/contacts/{contact}").json(),
        intercom.get(f"/conversations/{talk}").json(),
    ]
    assert len(hubspot.post("/crm/v3/objects/contacts/batch/read", json=batch).json()["results"]) == 1


def test_a_standing_fault_of_one_vendor_leaves_the_others_alone(empty: Bench) -> None:
    empty.world.faults.add([Fault("search_lag_seconds", vendor="intercom", seconds=60)])
    made = empty.hubspot.post("/crm/v3/objects/contacts", json={"properties": {"email": "n@nowhere.example"}})
    query = where("hs_object_id", "EQ", value=made.json()["id"])
    assert empty.hubspot.post("/crm/v3/objects/contacts/search", json=query).json()["total"] == 1


@pytest.mark.parametrize("name", sorted(PRESETS))
def test_a_preset_is_made_of_faults_that_there_are(name: str) -> None:
    assert len(parse_faults(name)) == len(PRESETS[name])
