"""How HubSpot's records vanish: archived, aged out, deleted for good, merged; and what a late index still shows."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sandbox.events import PeopleMerged
from sandbox.faults import Fault
from sandbox.world import World
from tests.sandbox.test_hubspot_api import CONTACTS, create, listed, where
from tests.sandbox.test_intercom_api import lead
from tests.sandbox.worlds import CLOCK, Bench

MERGE_ANEW = Fault("merge_makes_new_id")
TO_CREATE = {
    "contacts": {"firstname": "X"},
    "companies": {"name": "X"},
    "deals": {"dealname": "X"},
    "tickets": {"hs_pipeline_stage": "1"},
}


def make(hubspot: httpx.Client, kind: str) -> str:
    answer = hubspot.post(f"/crm/v3/objects/{kind}", json={"properties": TO_CREATE[kind]})
    number: str = answer.json()["id"]
    return number


def merge(hubspot: httpx.Client, kind: str, kept: str, gone: str) -> str:
    body = {"primaryObjectId": kept, "objectIdToMerge": gone}
    answer = hubspot.post(f"/crm/objects/2026-09/{kind}/merge", json=body)
    assert answer.status_code == 200, answer.text
    number: str = answer.json()["id"]
    return number


def everywhere(hubspot: httpx.Client, kind: str, number: str) -> dict[str, bool]:
    """Where the record shows: five reads that a client could find it by."""
    batch = {"inputs": [{"id": number}]}
    query = where("hs_object_id", "EQ", value=number)
    return {
        "list": number in {row["id"] for row in listed(hubspot, kind)},
        "archived": number in {row["id"] for row in listed(hubspot, kind, archived="true")},
        "get": hubspot.get(f"/crm/v3/objects/{kind}/{number}").status_code == 200,
        "batch": bool(hubspot.post(f"/crm/v3/objects/{kind}/batch/read", json=batch).json()["results"]),
        "search": hubspot.post(f"/crm/v3/objects/{kind}/search", json=query).json()["total"] == 1,
    }


def shown_in(hubspot: httpx.Client, kind: str, number: str) -> set[str]:
    return {place for place, there in everywhere(hubspot, kind, number).items() if there}


@pytest.mark.parametrize(
    "path", ["/crm/v3/objects/contacts/gdpr-delete", "/crm/objects/2026-09/contacts/gdpr-delete"]
)
@pytest.mark.parametrize("archived_before", [False, True])
def test_a_contact_deleted_for_good_shows_nowhere(fresh: Bench, path: str, archived_before: bool) -> None:
    hubspot = fresh.hubspot
    someone = listed(hubspot, "contacts", associations="companies")[0]
    company = someone["associations"]["companies"]["results"][0]["id"]
    if archived_before:
        hubspot.delete(f"{CONTACTS}/{someone['id']}")
    answer = hubspot.post(path, json={"objectId": someone["id"]})
    assert (answer.status_code, answer.content) == (204, b"")
    assert shown_in(hubspot, "contacts", someone["id"]) == set()
    back = {"inputs": [{"id": company}]}
    linked = hubspot.post("/crm/v4/associations/companies/contacts/batch/read", json=back).json()
    assert someone["id"] not in {str(each["toObjectId"]) for row in linked["results"] for each in row["to"]}
    (row,) = [each for each in listed(hubspot, "companies", associations="contacts") if each["id"] == company]
    assert someone["id"] not in str(row.get("associations"))
    assert hubspot.patch(f"{CONTACTS}/{someone['id']}", json={"properties": {"city": "x"}}).status_code == 404
    assert hubspot.post(path, json={"objectId": someone["id"]}).status_code == 404


def test_an_address_deleted_for_good_before_anybody_had_it_is_blocked(empty: Bench) -> None:
    held = create(empty.hubspot, email="Held@nowhere.example")
    path = "/crm/v3/objects/contacts/gdpr-delete"
    for email in ("held@nowhere.example", "nobody@nowhere.example"):
        assert empty.hubspot.post(path, json={"objectId": email, "idProperty": "email"}).status_code == 204
    assert shown_in(empty.hubspot, "contacts", held["id"]) == set()
    again = empty.hubspot.post(CONTACTS, json={"properties": {"email": "held@nowhere.example"}})
    blocked = empty.hubspot.post(CONTACTS, json={"properties": {"email": "nobody@nowhere.example"}})
    assert (again.status_code, blocked.status_code) == (201, 400)


def test_the_archive_forgets_after_ninety_days(fresh: Bench) -> None:
    hubspot = fresh.hubspot
    before = {row["id"] for row in listed(hubspot, "contacts", archived="true")}
    one = create(hubspot, email="old@nowhere.example")["id"]
    fresh.world.advance(CLOCK + timedelta(days=1))
    hubspot.delete(f"{CONTACTS}/{one}")
    fresh.world.advance(CLOCK + timedelta(days=89))
    assert {*before, one} <= {row["id"] for row in listed(hubspot, "contacts", archived="true")}
    # What was archived before the sandbox began counts from its beginning.
    fresh.world.advance(CLOCK + timedelta(days=90))
    left = {row["id"] for row in listed(hubspot, "contacts", archived="true")}
    assert one in left
    assert not before & left
    fresh.world.advance(CLOCK + timedelta(days=91))
    assert one not in {row["id"] for row in listed(hubspot, "contacts", archived="true")}
    assert hubspot.get(f"{CONTACTS}/{one}", params={"archived": "true"}).status_code == 404


@pytest.mark.parametrize("kind", sorted(TO_CREATE))
def test_a_merge_makes_a_third_record_and_both_old_ids_vanish(empty: Bench, kind: str) -> None:
    hubspot = empty.hubspot
    empty.world.faults.add([MERGE_ANEW])
    one, two, three = (make(hubspot, kind) for _ in range(3))
    first = merge(hubspot, kind, one, two)
    assert first not in (one, two)
    last = merge(hubspot, kind, first, three)
    for gone in (one, two, three, first):
        assert shown_in(hubspot, kind, gone) == set()
    assert shown_in(hubspot, kind, last) == {"list", "get", "batch", "search"}
    path, name = f"/crm/v3/objects/{kind}", next(iter(TO_CREATE[kind]))
    params = {"properties": f"hs_merged_object_ids,{name}"}
    shown = hubspot.get(f"{path}/{last}", params=params).json()["properties"]
    assert shown["hs_merged_object_ids"].split(";") == [one, two, first, three]
    assert shown[name] == TO_CREATE[kind][name]
    # The single endpoint alone still takes the old ids.
    for gone in (one, three):
        assert (
            hubspot.patch(f"{path}/{gone}", json={"properties": {name: TO_CREATE[kind][name]}}).json()["id"]
            == last
        )
    batch = {"inputs": [{"id": one, "properties": {}}]}
    assert hubspot.post(f"{path}/batch/update", json=batch).json()["numErrors"] == 1


@pytest.mark.parametrize("anew", [False, True])
def test_what_belonged_to_the_merged_companies_belongs_to_the_one_that_stays(
    empty: Bench, anew: bool
) -> None:
    hubspot = empty.hubspot
    if anew:
        empty.world.faults.add([MERGE_ANEW])
    companies = [make(hubspot, "companies") for _ in range(2)]
    contacts = [make(hubspot, "contacts") for _ in range(2)]
    for contact, company in zip(contacts, companies, strict=True):
        hubspot.put(f"/crm/v4/objects/contacts/{contact}/associations/default/companies/{company}")
    stays = merge(hubspot, "companies", companies[0], companies[1])
    assert (stays not in companies) is anew
    read = {"inputs": [{"id": each} for each in contacts]}
    answer = hubspot.post("/crm/v4/associations/contacts/companies/batch/read", json=read).json()
    for row in answer["results"]:
        ((only),) = row["to"]
        assert str(only["toObjectId"]) == stays
        assert {each["typeId"] for each in only["associationTypes"]} == {1, 279}
    assert len(answer["results"]) == 2
    for contact in contacts:
        shown = hubspot.get(f"{CONTACTS}/{contact}", params={"properties": "associatedcompanyid"}).json()
        assert shown["properties"]["associatedcompanyid"] == stays


@pytest.mark.parametrize("anew", [False, True])
def test_a_merge_in_the_company_is_told_again_after_a_restart(
    open_world: Callable[..., World], anew: bool
) -> None:
    day = CLOCK - timedelta(days=3)
    events = [lead(1, day), lead(2, day), PeopleMerged(at=CLOCK + timedelta(hours=1), kept="p1", gone="p2")]
    world = open_world(events)
    before = {row["id"] for row in listed(Bench(world).hubspot, "contacts")}
    if anew:
        world.faults.add([MERGE_ANEW])
    world.advance(CLOCK + timedelta(hours=2))
    (kept,) = [row["id"] for row in listed(Bench(world).hubspot, "contacts")]
    assert (kept not in before) is anew
    again = open_world(events)  # the fault stands no more, but this is what happened
    assert [row["id"] for row in listed(Bench(again).hubspot, "contacts")] == [kept]


def test_a_late_index_shows_what_is_archived_merged_or_deleted_until_it_catches_up(empty: Bench) -> None:
    hubspot = empty.hubspot
    empty.world.faults.add([Fault("search_lag_seconds", vendor="hubspot", seconds=30), MERGE_ANEW])
    ids = [create(hubspot, email=f"{name}@nowhere.example")["id"] for name in "abcd"]
    archived, kept, gone, erased = ids
    for number in ids:
        assert shown_in(hubspot, "contacts", number) == {"list", "get", "batch"}
    empty.world.advance(CLOCK + timedelta(minutes=1))
    assert all(everywhere(hubspot, "contacts", number)["search"] for number in ids)
    hubspot.delete(f"{CONTACTS}/{archived}")
    stays = merge(hubspot, "contacts", kept, gone)
    hubspot.post("/crm/v3/objects/contacts/gdpr-delete", json={"objectId": erased})
    assert shown_in(hubspot, "contacts", archived) == {"archived", "search"}
    for number in (kept, gone, erased):
        assert shown_in(hubspot, "contacts", number) == {"search"}
    assert shown_in(hubspot, "contacts", stays) == {"list", "get", "batch"}
    query = {**where("hs_object_id", "EQ", value=archived), "properties": ["email"]}
    (row,) = hubspot.post(f"{CONTACTS}/search", json=query).json()["results"]
    assert (row["archived"], row["properties"]["email"]) == (False, "a@nowhere.example")
    empty.world.advance(CLOCK + timedelta(minutes=1, seconds=31))
    assert shown_in(hubspot, "contacts", archived) == {"archived"}
    assert not any(shown_in(hubspot, "contacts", number) for number in (kept, gone, erased))
    assert shown_in(hubspot, "contacts", stays) == {"list", "get", "batch", "search"}


def test_an_archived_record_is_no_longer_among_the_others_associations(fresh: Bench) -> None:
    hubspot = fresh.hubspot
    someone = listed(hubspot, "contacts", associations="companies")[0]
    company = someone["associations"]["companies"]["results"][0]["id"]
    hubspot.delete(f"{CONTACTS}/{someone['id']}")

    def of_company() -> Any:
        rows = listed(hubspot, "companies", associations="contacts")
        return next(row for row in rows if row["id"] == company).get("associations", {})

    assert someone["id"] not in str(of_company())
