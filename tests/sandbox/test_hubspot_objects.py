"""HubSpot's further object types: what the company logs in them, and that each answers like every other."""

from decimal import Decimal
from typing import Any

import httpx
import pytest
from hubspot.crm.association_type import AssociationType

from sandbox.hubspot_associations import LINKS
from tests.sandbox.test_hubspot_api import create, listed, searched, where
from tests.sandbox.worlds import Bench

NEW = ("products", "line_items", "calls", "meetings", "emails", "notes", "feedback_submissions")
STAMP = {"hs_timestamp": "2026-03-10T09:00:00Z"}
TO_CREATE = {
    "products": {"name": "Plan"},
    "line_items": {"name": "Plan", "quantity": "2"},
    "feedback_submissions": {"hs_submission_name": "NPS", "hs_value": "9"},
    **dict.fromkeys(("calls", "meetings", "emails", "notes", "tasks"), STAMP),
}


def linked(hubspot: httpx.Client, kind: str, to: str, ids: list[str]) -> dict[str, list[str]]:
    body = {"inputs": [{"id": each} for each in ids]}
    rows = hubspot.post(f"/crm/v4/associations/{kind}/{to}/batch/read", json=body).json()["results"]
    return {row["from"]["id"]: [str(each["toObjectId"]) for each in row["to"]] for row in rows}


def test_association_types_have_hubspot_s_own_numbers() -> None:
    """Against the list in HubSpot's own client."""
    names = {"companies": "COMPANY", "contacts": "CONTACT"}
    for (one, other), link in LINKS.items():
        here, there = (names.get(kind, kind.removesuffix("s").upper()) for kind in (one, other))
        assert getattr(AssociationType, f"{here}_TO_{there}") == link.default
        if link.primary:
            assert getattr(AssociationType, f"PRIMARY_{here}_TO_{there}") == link.primary


def test_every_won_deal_has_the_line_item_of_its_plan_s_product(bench: Bench) -> None:
    hubspot = bench.hubspot
    names = "dealstage,amount,tenfold_plan,tenfold_list_amount"
    won = [
        row
        for row in listed(hubspot, "deals", properties=names)
        if row["properties"]["dealstage"] == "closedwon"
    ]
    items = {
        row["id"]: row["properties"]
        for row in listed(hubspot, "line_items", properties="amount,price,discount,hs_product_id,hs_sku")
    }
    products = {
        row["id"]: row["properties"]["price"] for row in listed(hubspot, "products", properties="price")
    }
    of_deal = linked(hubspot, "deals", "line_items", [row["id"] for row in won][:100])
    assert len(items) == len(won) > 20
    for deal in won[:100]:
        (number,) = of_deal[deal["id"]]
        item, properties = items[number], deal["properties"]
        assert item["amount"] == properties["amount"]
        assert Decimal(item["price"]) - Decimal(item["discount"]) == Decimal(item["amount"])
        assert item["price"] == properties["tenfold_list_amount"] == products[item["hs_product_id"]]
        assert item["hs_sku"].split("-")[0] == properties["tenfold_plan"]


def test_a_survey_answer_is_two_submissions_that_agree_with_the_company(bench: Bench) -> None:
    hubspot = bench.hubspot
    names = "hs_survey_type,hs_value,hs_response_group,hs_submission_timestamp,hs_submission_name"
    rows = listed(hubspot, "feedback_submissions", properties=names)
    of_contact = linked(hubspot, "feedback_submissions", "contacts", [row["id"] for row in rows][:100])
    contacts = {row["id"]: row for row in listed(hubspot, "contacts", properties="email,associatedcompanyid")}
    latest: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        (who,) = of_contact[row["id"]]
        company = contacts[who]["properties"]["associatedcompanyid"]
        latest[company, row["properties"]["hs_survey_type"]] = row["properties"]
        assert contacts[who]["properties"]["email"] in row["properties"]["hs_submission_name"]
        if row["properties"]["hs_survey_type"] == "NPS":
            score, group = int(row["properties"]["hs_value"]), row["properties"]["hs_response_group"]
            assert group == ("PROMOTER" if score >= 9 else "PASSIVE" if score >= 7 else "DETRACTOR")
    surveyed = "tenfold_survey_csat,tenfold_survey_nps,tenfold_survey_answered_at"
    companies = {
        row["id"]: row["properties"]
        for row in listed(hubspot, "companies", properties=surveyed)
        if row["properties"]["tenfold_survey_nps"]
    }
    assert {company for company, _ in latest} == companies.keys()
    assert companies
    for company, told in companies.items():
        assert latest[company, "NPS"]["hs_value"] == told["tenfold_survey_nps"]
        assert latest[company, "CSAT"]["hs_value"] == told["tenfold_survey_csat"]
        at = latest[company, "NPS"]["hs_submission_timestamp"]
        assert at.removesuffix(".000Z") == told["tenfold_survey_answered_at"].removesuffix("Z")


@pytest.mark.parametrize("kind", ["calls", "meetings", "emails", "notes"])
def test_activities_belong_to_somebody(bench: Bench, kind: str) -> None:
    rows = listed(bench.hubspot, kind, properties="hs_timestamp,hubspot_owner_id")
    assert len(rows) > 10
    assert all(row["properties"]["hs_timestamp"] and row["properties"]["hubspot_owner_id"] for row in rows)
    ids = [row["id"] for row in rows][:100]
    owned = [linked(bench.hubspot, kind, to, ids) for to in ("contacts", "companies", "deals", "tickets")]
    assert set().union(*owned) == set(ids)


@pytest.mark.parametrize("kind", [*NEW, "tasks"])
def test_every_type_is_made_read_found_changed_and_archived(empty: Bench, kind: str) -> None:
    hubspot, path = empty.hubspot, f"/crm/objects/2026-09/{kind}"
    made = hubspot.post(path, json={"properties": TO_CREATE[kind]})
    assert made.status_code == 201, made.text
    number = made.json()["id"]
    assert hubspot.get(f"{path}/{number}").json()["id"] == number
    batch = {"inputs": [{"id": number}], "properties": list(TO_CREATE[kind])}
    (row,) = hubspot.post(f"{path}/batch/read", json=batch).json()["results"]
    assert row["properties"].keys() >= TO_CREATE[kind].keys()
    found = searched(hubspot, kind, where("hs_object_id", "EQ", value=number))
    assert [each["id"] for each in found] == [number]
    changed = hubspot.patch(f"{path}/{number}", json={"properties": TO_CREATE[kind]})
    assert changed.status_code == 200
    assert hubspot.delete(f"{path}/{number}").status_code == 204
    assert number in {each["id"] for each in listed(hubspot, kind, archived="true")}
    assert number not in {each["id"] for each in listed(hubspot, kind)}


@pytest.mark.parametrize(("one", "other"), sorted(LINKS))
def test_every_association_is_made_by_default_and_seen_from_both_ends(
    empty: Bench, one: str, other: str
) -> None:
    given = {
        **TO_CREATE,
        "contacts": {"email": "x@nowhere.example"},
        "companies": {"name": "X"},
        "deals": {"dealname": "X"},
        "tickets": {"hs_pipeline_stage": "1"},
    }
    ids = {
        kind: empty.hubspot.post(f"/crm/v3/objects/{kind}", json={"properties": given[kind]}).json()["id"]
        for kind in (one, other)
    }
    path = f"/crm/v4/objects/{one}/{ids[one]}/associations/default/{other}/{ids[other]}"
    assert empty.hubspot.put(path).status_code == 200
    assert linked(empty.hubspot, one, other, [ids[one]]) == {ids[one]: [ids[other]]}
    assert linked(empty.hubspot, other, one, [ids[other]]) == {ids[other]: [ids[one]]}


def test_history_comes_for_fifty_at_a_time_in_lists_and_batches(bench: Bench) -> None:
    known = [row["id"] for row in listed(bench.hubspot, "contacts")][:51]
    path, body = "/crm/v3/objects/contacts/batch/read", {"propertiesWithHistory": ["email"], "properties": []}
    fifty = {**body, "inputs": [{"id": each} for each in known[:50]]}
    answer = bench.hubspot.post(path, json=fifty).json()
    assert len(answer["results"]) == 50
    assert answer["results"][0]["propertiesWithHistory"]["email"]
    more = {**body, "inputs": [{"id": each} for each in known]}
    assert bench.hubspot.post(path, json=more).status_code == 400
    params = {"propertiesWithHistory": "email", "limit": "51"}
    assert bench.hubspot.get("/crm/v3/objects/contacts", params=params).status_code == 400


def test_hundreds_of_own_properties_fit_a_body_but_no_address_and_no_search(empty: Bench) -> None:
    hubspot = empty.hubspot
    names = [f"tenfold_field_with_a_long_name_{number:04d}" for number in range(300)]
    for name in names:
        body = {"name": name, "type": "string", "fieldType": "text", "groupName": "tenfold"}
        assert hubspot.post("/crm/v3/properties/contacts", json=body).status_code == 201
    one = create(hubspot, email="wide@nowhere.example", **{names[0]: "first", names[-1]: "last"})
    wide = hubspot.get("/crm/v3/objects/contacts", params={"properties": ",".join(names)})
    assert wide.status_code == 414
    search = {**where("hs_object_id", "EQ", value=one["id"]), "properties": names}
    assert hubspot.post("/crm/v3/objects/contacts/search", json=search).status_code == 400
    batch = {"inputs": [{"id": one["id"]}], "properties": names}
    (row,) = hubspot.post("/crm/v3/objects/contacts/batch/read", json=batch).json()["results"]
    assert (row["properties"][names[0]], row["properties"][names[-1]]) == ("first", "last")
    assert row["properties"][names[1]] is None
    own = {
        each["name"] for each in hubspot.get("/crm/v3/properties/contacts").json()["results"]
        if not each["hubspotDefined"]
    }  # fmt: skip
    assert set(names) <= own


def test_only_a_property_that_is_unique_names_a_record(empty: Bench) -> None:
    hubspot = empty.hubspot
    for name, unique in (("tenfold_key", True), ("tenfold_plain", False)):
        body = {"name": name, "type": "string", "fieldType": "text", "hasUniqueValue": unique}
        assert hubspot.post("/crm/v3/properties/tasks", json=body).json()["hasUniqueValue"] is unique
    inputs = [{"idProperty": "tenfold_key", "id": "k-1", "properties": STAMP}]
    path = "/crm/v3/objects/tasks/batch/upsert"
    ids = []
    for new in (True, False):
        (row,) = hubspot.post(path, json={"inputs": inputs}).json()["results"]
        assert row["new"] is new
        ids.append(row["id"])
    assert len(set(ids)) == 1
    inputs[0]["idProperty"] = "tenfold_plain"
    assert hubspot.post(path, json={"inputs": inputs}).status_code == 400
