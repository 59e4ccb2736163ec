"""HubSpot's traps: what makes a naive reader lose rows, and what its writes refuse."""

from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sandbox.faults import Fault
from sandbox.limits import VENDOR
from tests.sandbox.worlds import CLOCK, Bench

CONTACTS = "/crm/objects/2026-09/contacts"


def ms(days: float) -> str:
    return str(int((CLOCK + timedelta(days=days)).timestamp() * 1000))


def where(name: str, operator: str, **more: Any) -> dict[str, Any]:
    return {"filterGroups": [{"filters": [{"propertyName": name, "operator": operator, **more}]}]}


def listed(hubspot: httpx.Client, kind: str, **params: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    after: str | None = ""
    while after is not None:
        answer = hubspot.get(f"/crm/v3/objects/{kind}", params={"limit": "100", "after": after, **params})
        rows += answer.json()["results"]
        after = answer.json().get("paging", {}).get("next", {}).get("after")
    return rows


def searched(hubspot: httpx.Client, kind: str, query: dict[str, Any]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    after = "0"
    while True:
        body = hubspot.post(
            f"/crm/v3/objects/{kind}/search", json={**query, "limit": 200, "after": after}
        ).json()
        rows += body["results"]
        if "paging" not in body:
            assert len(rows) == body["total"]
            return rows
        after = body["paging"]["next"]["after"]


def create(hubspot: httpx.Client, **properties: str) -> dict[str, Any]:
    answer = hubspot.post(CONTACTS, json={"properties": properties})
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_a_list_walks_all_living_records_once_in_id_order(bench: Bench) -> None:
    rows = listed(bench.hubspot, "contacts")
    numbers = [int(row["id"]) for row in rows]
    assert numbers == sorted(set(numbers))
    archived = listed(bench.hubspot, "contacts", archived="true")
    assert archived
    assert all(row["archived"] and row["archivedAt"] for row in archived)
    held = bench.world.hubspot.tables["contacts"].records
    assert {row["id"] for row in [*rows, *archived]} == {str(number) for number in held}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(low=st.floats(-70, 0), span=st.floats(0, 40), kind=st.sampled_from(["contacts", "deals"]))
def test_a_search_in_a_window_finds_what_the_list_says(
    bench: Bench, low: float, span: float, kind: str
) -> None:
    name = "lastmodifieddate" if kind == "contacts" else "hs_lastmodifieddate"
    start, end = ms(low), ms(low + span)
    found = searched(bench.hubspot, kind, where(name, "BETWEEN", value=start, highValue=end))
    rows = listed(bench.hubspot, kind)
    stamps = {row["id"]: row["properties"][name] for row in rows}
    wanted = {number for number, stamp in stamps.items() if start <= _as_ms(stamp) <= end}
    assert {row["id"] for row in found} == wanted


def _as_ms(stamp: str) -> str:
    return str(int(datetime.fromisoformat(stamp).timestamp() * 1000))


@pytest.mark.parametrize(
    ("query", "keep"),
    [
        (where("amount", "GT", value="300"), lambda p: float(p["amount"]) > 300),
        (where("amount", "LTE", value="199.00"), lambda p: float(p["amount"]) <= 199),
        (where("tenfold_plan", "IN", values=["basic", "pro"]), lambda p: p["tenfold_plan"] in ("basic", "pro")),
        (where("tenfold_plan", "NOT_IN", values=["basic"]), lambda p: p["tenfold_plan"] != "basic"),
        (where("closedate", "HAS_PROPERTY"), lambda p: p["closedate"] is not None),
        (where("tenfold_start_at", "NOT_HAS_PROPERTY"), lambda p: p["tenfold_start_at"] is None),
        (where("dealstage", "NEQ", value="closedwon"), lambda p: p["dealstage"] != "closedwon"),
        (where("dealname", "CONTAINS_TOKEN", value="pro"), lambda p: "pro" in p["dealname"].lower().split()),
    ],
)  # fmt: skip
def test_every_operator_agrees_with_the_list(bench: Bench, query: dict[str, Any], keep: Any) -> None:
    names = "amount,tenfold_plan,closedate,tenfold_start_at,dealstage,dealname"
    rows = listed(bench.hubspot, "deals", properties=names)
    wanted = {row["id"] for row in rows if keep(row["properties"])}
    assert {row["id"] for row in searched(bench.hubspot, "deals", query)} == wanted
    assert 0 < len(wanted) < len(rows)


def test_the_wrong_modified_property_finds_no_contacts_and_says_nothing(bench: Bench) -> None:
    query = where("hs_lastmodifieddate", "GTE", value="0")
    answer = bench.hubspot.post(f"{CONTACTS}/search", json=query)
    assert (answer.status_code, answer.json()["total"]) == (200, 0)
    assert bench.hubspot.post("/crm/v3/objects/deals/search", json=query).json()["total"] > 0


@pytest.mark.parametrize(
    "body",
    [
        {"limit": 201},
        {"limit": 200, "after": "9900"},
        {"filterGroups": [{"filters": []}] * 6},
        {"sorts": ["createdate", "email"]},
        {"query": "x" * 3_001},
        where("email", "RESEMBLES", value="x"),
    ],
)
def test_a_search_beyond_the_rules_is_refused(bench: Bench, body: dict[str, Any]) -> None:
    answer = bench.hubspot.post(f"{CONTACTS}/search", json=body)
    assert answer.status_code == 400
    assert answer.json()["category"] == "VALIDATION_ERROR"
    assert answer.json()["correlationId"]


def test_search_lags_while_reading_does_not(fresh: Bench) -> None:
    hubspot = fresh.hubspot
    someone = listed(hubspot, "contacts")[0]
    made = create(hubspot, email="late@nowhere.example")
    hubspot.patch(f"{CONTACTS}/{someone['id']}", json={"properties": {"firstname": "Changed"}})
    fresh.world.faults.add([_lag(30)])
    by_mail = {**where("email", "EQ", value="late@nowhere.example"), "properties": ["firstname"]}
    assert hubspot.post(f"{CONTACTS}/search", json=by_mail).json()["total"] == 0
    assert hubspot.get(f"{CONTACTS}/{made['id']}").status_code == 200
    old = {**where("hs_object_id", "EQ", value=someone["id"]), "properties": ["firstname"]}
    (row,) = hubspot.post(f"{CONTACTS}/search", json=old).json()["results"]
    assert row["properties"]["firstname"] == someone["properties"]["firstname"]
    assert row["updatedAt"] == someone["updatedAt"]
    fresh.world.advance(CLOCK + timedelta(seconds=31))
    assert hubspot.post(f"{CONTACTS}/search", json=by_mail).json()["total"] == 1
    (row,) = hubspot.post(f"{CONTACTS}/search", json=old).json()["results"]
    assert row["properties"]["firstname"] == "Changed"


def _lag(seconds: float) -> Any:
    return Fault("search_lag_seconds", seconds=seconds)


def test_rows_sorted_by_time_come_out_of_order_when_a_fault_says_so(fresh: Bench) -> None:
    query = {**where("hs_object_id", "GT", value="0"), "sorts": ["lastmodifieddate"]}
    straight = [row["updatedAt"] for row in searched(fresh.hubspot, "contacts", query)]
    assert straight == sorted(straight)
    fresh.world.faults.add([Fault("disorder")])
    body = {**query, "limit": 200}
    mixed = fresh.hubspot.post(f"{CONTACTS}/search", json=body).json()["results"]
    assert [row["updatedAt"] for row in mixed] != straight[:200]


def test_archiving_hides_from_search_and_moves_no_change_time(fresh: Bench) -> None:
    someone = listed(fresh.hubspot, "contacts")[0]
    fresh.world.advance(CLOCK + timedelta(hours=1))
    assert fresh.hubspot.delete(f"{CONTACTS}/{someone['id']}").status_code == 204
    assert fresh.hubspot.get(f"{CONTACTS}/{someone['id']}").status_code == 404
    query = where("hs_object_id", "EQ", value=someone["id"])
    assert fresh.hubspot.post(f"{CONTACTS}/search", json=query).json()["total"] == 0
    (kept,) = [
        row for row in listed(fresh.hubspot, "contacts", archived="true") if row["id"] == someone["id"]
    ]
    assert kept["updatedAt"] == someone["updatedAt"]
    assert kept["archivedAt"] > someone["updatedAt"]


def test_a_merged_contact_is_gone_but_its_id_still_takes_a_single_patch(fresh: Bench) -> None:
    first, second = (create(fresh.hubspot, email=f"{name}@nowhere.example") for name in ("one", "two"))
    body = {"primaryObjectId": first["id"], "objectIdToMerge": second["id"]}
    assert fresh.hubspot.post(f"{CONTACTS}/merge", json=body).status_code == 200
    assert fresh.hubspot.get(f"{CONTACTS}/{second['id']}").status_code == 404
    patched = fresh.hubspot.patch(f"{CONTACTS}/{second['id']}", json={"properties": {"city": "Vigo"}})
    assert (patched.status_code, patched.json()["id"]) == (200, first["id"])
    batch = {"inputs": [{"id": second["id"], "properties": {"city": "Lugo"}}]}
    answer = fresh.hubspot.post("/crm/v3/objects/contacts/batch/update", json=batch)
    assert (answer.status_code, answer.json()["numErrors"]) == (207, 1)
    names = {"properties": "hs_merged_object_ids,hs_additional_emails,city"}
    kept = fresh.hubspot.get(f"{CONTACTS}/{first['id']}", params=names).json()["properties"]
    assert kept["hs_merged_object_ids"] == second["id"]
    assert kept["hs_additional_emails"] == second["properties"]["email"]
    assert kept["city"] == "Vigo"


def test_the_last_of_a_chain_of_merges_tells_of_all_of_them(fresh: Bench) -> None:
    made = [create(fresh.hubspot, email=f"{name}@nowhere.example") for name in ("one", "two", "three")]
    one, two, three = (each["id"] for each in made)
    for kept, gone in ((two, three), (one, two)):
        body = {"primaryObjectId": kept, "objectIdToMerge": gone}
        assert fresh.hubspot.post(f"{CONTACTS}/merge", json=body).status_code == 200
    query = where("hs_object_id", "EQ", value=one)
    query["properties"] = ["hs_merged_object_ids", "hs_additional_emails"]
    (found,) = fresh.hubspot.post(f"{CONTACTS}/search", json=query).json()["results"]
    assert found["properties"]["hs_merged_object_ids"] == f"{three};{two}"
    assert found["properties"]["hs_additional_emails"] == "three@nowhere.example;two@nowhere.example"


def test_partial_errors_of_a_batch_are_207_before_2026_09_and_inside_200_after(bench: Bench) -> None:
    known = listed(bench.hubspot, "contacts")[0]["id"]
    inputs = {"inputs": [{"id": known}, {"id": "404404"}]}
    for path, status in (
        ("/crm/v3/objects", 207),
        ("/crm/objects/2026-03", 207),
        ("/crm/objects/2026-09", 200),
    ):
        answer = bench.hubspot.post(f"{path}/contacts/batch/read", json=inputs)
        assert answer.status_code == status
        assert [row["id"] for row in answer.json()["results"]] == [known]
        assert answer.json()["errors"][0]["context"] == {"ids": ["404404"]}
    too_many = {"inputs": [{"id": known}] * 101}
    assert bench.hubspot.post("/crm/v3/objects/contacts/batch/read", json=too_many).status_code == 400


def test_a_traced_batch_creates_what_is_right_and_names_what_is_wrong(fresh: Bench) -> None:
    inputs = [
        {"objectWriteTraceId": "a", "properties": {"email": "a@nowhere.example"}},
        {"objectWriteTraceId": "b", "properties": {"email": "b@nowhere.example", "nosuch": "1"}},
    ]
    answer = fresh.hubspot.post("/crm/v3/objects/contacts/batch/create", json={"inputs": inputs})
    assert answer.status_code == 207
    assert [row["properties"]["email"] for row in answer.json()["results"]] == ["a@nowhere.example"]
    (error,) = answer.json()["errors"]
    assert error["context"] == {"objectWriteTraceId": ["b"]}
    assert "PROPERTY_DOESNT_EXIST" in error["message"]


def test_an_upsert_says_which_records_are_new(fresh: Bench) -> None:
    held = listed(fresh.hubspot, "contacts")[0]
    inputs = [
        {"idProperty": "email", "id": email, "properties": {"firstname": "Eva"}}
        for email in (held["properties"]["email"], "eva@nowhere.example")
    ]
    answer = fresh.hubspot.post("/crm/v3/objects/contacts/batch/upsert", json={"inputs": inputs})
    assert [(row["id"] == held["id"], row["new"]) for row in answer.json()["results"]] == [
        (True, False),
        (False, True),
    ]


@pytest.mark.parametrize(
    ("properties", "code"),
    [
        ({"hs_email_optout": "perhaps"}, "INVALID_OPTION"),
        ({"email": "no address"}, "INVALID_EMAIL"),
        ({"nosuch": "1"}, "PROPERTY_DOESNT_EXIST"),
        ({"hs_object_id": "1"}, "READ_ONLY_VALUE"),
    ],
)
def test_a_value_against_the_rules_changes_nothing(
    fresh: Bench, properties: dict[str, str], code: str
) -> None:
    someone = listed(fresh.hubspot, "contacts")[0]
    fresh.world.advance(CLOCK + timedelta(hours=1))
    answer = fresh.hubspot.patch(f"{CONTACTS}/{someone['id']}", json={"properties": properties})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, code)
    assert fresh.hubspot.get(f"{CONTACTS}/{someone['id']}").json()["updatedAt"] == someone["updatedAt"]


def test_a_time_in_milliseconds_is_shown_in_iso(fresh: Bench) -> None:
    body = {"properties": {"hs_timestamp": "1773133200000"}}
    task = fresh.hubspot.post("/crm/v3/objects/tasks", json=body).json()
    assert task["properties"]["hs_timestamp"] == "2026-03-10T09:00:00.000Z"
    wanted = where("hs_timestamp", "EQ", value="1773133200000")
    assert [row["id"] for row in searched(fresh.hubspot, "tasks", wanted)] == [task["id"]]


def test_the_lifecycle_stage_moves_forward_only(fresh: Bench) -> None:
    one = create(fresh.hubspot, email="x@nowhere.example", lifecyclestage="opportunity")

    def stage_after(stage: str) -> str | None:
        path = f"{CONTACTS}/{one['id']}"
        assert fresh.hubspot.patch(path, json={"properties": {"lifecyclestage": stage}}).status_code == 200
        shown = fresh.hubspot.get(path, params={"properties": "lifecyclestage"}).json()
        value: str | None = shown["properties"]["lifecyclestage"]
        return value

    assert stage_after("lead") == "opportunity"
    assert stage_after("customer") == "customer"
    assert stage_after("") is None
    assert stage_after("lead") == "lead"


def test_associations_are_both_ways_paged_and_move_no_change_time(fresh: Bench) -> None:
    hubspot = fresh.hubspot
    contact = listed(hubspot, "contacts")[0]
    fresh.world.advance(CLOCK + timedelta(hours=1))
    company = hubspot.post("/crm/v3/objects/companies", json={"properties": {"name": "Second SL"}}).json()[
        "id"
    ]
    path = f"/crm/objects/2026-09/contacts/{contact['id']}/associations/default/companies/{company}"
    for _ in range(2):
        assert hubspot.put(path).status_code == 200
    read = hubspot.post(
        "/crm/associations/2026-09/contacts/companies/batch/read", json={"inputs": [{"id": contact["id"]}]}
    ).json()
    (row,) = read["results"]
    types = {str(each["toObjectId"]): {t["typeId"] for t in each["associationTypes"]} for each in row["to"]}
    assert types[company] == {279}
    assert len(types) == 2
    assert {1, 279} in types.values()
    back = hubspot.get(f"/crm/v4/objects/companies/{company}/associations/contacts").json()["results"]
    assert [str(each["toObjectId"]) for each in back] == [contact["id"]]
    assert hubspot.get(f"{CONTACTS}/{contact['id']}").json()["updatedAt"] == contact["updatedAt"]
    first = hubspot.get(
        f"/crm/v4/objects/contacts/{contact['id']}/associations/companies", params={"limit": 1}
    ).json()
    rest = hubspot.get(
        f"/crm/v4/objects/contacts/{contact['id']}/associations/companies",
        params={"limit": 1, "after": first["paging"]["next"]["after"]},
    ).json()
    assert {str(each["results"][0]["toObjectId"]) for each in (first, rest)} == types.keys()
    assert "paging" not in rest


def test_nothing_associated_is_an_error_inside_the_answer(fresh: Bench) -> None:
    lonely = create(fresh.hubspot, email="lonely@nowhere.example")["id"]
    inputs = {"inputs": [{"id": lonely}]}
    answer = fresh.hubspot.post("/crm/associations/2026-09/contacts/companies/batch/read", json=inputs)
    assert (answer.status_code, answer.json()["results"]) == (200, [])
    assert answer.json()["errors"][0]["subCategory"] == "crm.associations.NO_ASSOCIATIONS_FOUND"


def test_the_three_limits_have_their_own_words_and_search_no_headers(bench: Bench) -> None:
    limited = Bench(bench.world, VENDOR)
    path = "/account-info/v3/details"
    answers = [limited.hubspot.get(path) for _ in range(101)]
    assert {answer.status_code for answer in answers[:100]} == {200}
    assert answers[99].headers["X-HubSpot-RateLimit-Remaining"] == "0"
    assert answers[100].status_code == 429
    assert answers[100].json()["policyName"] == "TEN_SECONDLY_ROLLING"
    limited.seconds += 9.9
    assert limited.hubspot.get(path).status_code == 429
    searches = [limited.hubspot.post(f"{CONTACTS}/search", json={}) for _ in range(6)]
    assert [answer.status_code for answer in searches] == [200] * 5 + [429]
    assert "secondly limit" in searches[5].json()["message"]
    assert not [name for name in searches[0].headers if name.startswith("x-hubspot")]
    limited.seconds += 0.2
    assert limited.hubspot.get(path).status_code == 200
    assert limited.violations.as_json()["hubspot"] == {
        "requests": 109,
        "ten_secondly": 2,
        "search_secondly": 1,
        "daily": 0,
    }


def test_strangers_and_long_addresses_are_turned_away(bench: Bench) -> None:
    stranger = bench.hubspot.get(CONTACTS, headers={"Authorization": "Bearer nobody"})
    assert (stranger.status_code, stranger.json()["category"]) == (401, "INVALID_AUTHENTICATION")
    assert bench.hubspot.get(CONTACTS, params={"properties": "x" * 9_000}).status_code == 414
    assert bench.hubspot.get("/crm/objects/2026-09/unicorns").status_code == 400
    assert bench.hubspot.get(CONTACTS, params={"limit": "101"}).status_code == 400
    assert bench.hubspot.put(CONTACTS).status_code == 405
    assert bench.hubspot.post(CONTACTS, content=b"{").status_code == 400


def test_a_customer_property_can_be_made_and_then_used(fresh: Bench) -> None:
    body = {"name": "tenfold_marker", "type": "string", "fieldType": "text", "groupName": "tenfold"}
    assert fresh.hubspot.post("/crm/v3/properties/tasks", json=body).status_code == 201
    assert fresh.hubspot.post("/crm/v3/properties/tasks", json=body).status_code == 409
    properties = {"hs_timestamp": ms(1), "tenfold_marker": "m-1"}
    task = fresh.hubspot.post("/crm/v3/objects/tasks", json={"properties": properties}).json()
    found = searched(fresh.hubspot, "tasks", where("tenfold_marker", "EQ", value="M-1"))
    assert [row["id"] for row in found] == [task["id"]]


def test_every_change_is_in_the_history(fresh: Bench) -> None:
    one = create(fresh.hubspot, email="h@nowhere.example", firstname="A")
    for hours, name in ((1, "B"), (2, "C")):
        fresh.world.advance(CLOCK + timedelta(hours=hours))
        fresh.hubspot.patch(f"{CONTACTS}/{one['id']}", json={"properties": {"firstname": name}})
    params = {"propertiesWithHistory": "firstname"}
    shown = fresh.hubspot.get(f"{CONTACTS}/{one['id']}", params=params).json()
    versions = shown["propertiesWithHistory"]["firstname"]
    assert [(each["value"], each["timestamp"][:16]) for each in versions] == [
        ("C", "2026-03-10T11:00"),
        ("B", "2026-03-10T10:00"),
        ("A", "2026-03-10T09:00"),
    ]
