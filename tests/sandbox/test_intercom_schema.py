"""Every answer of the Intercom server against Intercom's own description of its API (2.16)."""

import copy
import functools
import os
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
import yaml

from tests.sandbox.worlds import Bench

SHARED = Path(os.environ.get("TENFOLD_SHARED", Path(__file__).parents[3] / "shared"))
DESCRIPTION = SHARED / "realdata" / "intercom-openapi" / "api.intercom.io-2.16.yaml"


@functools.cache
def description() -> dict[str, Any]:
    if not DESCRIPTION.exists():
        pytest.skip(f"needs {DESCRIPTION.name} (set TENFOLD_SHARED to the folder of shared files)")
    with DESCRIPTION.open() as file:
        found: dict[str, Any] = yaml.load(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - safe, and quick
    for schema in found["components"]["schemas"].values():
        nullable(schema)
    return found


def nullable(schema: Any) -> None:
    """OpenAPI 3.0's `nullable` said as JSON Schema says it; `$ref` with siblings loses nothing by it."""
    if isinstance(schema, list):
        for each in schema:
            nullable(each)
    if not isinstance(schema, dict):
        return
    for each in schema.values():
        nullable(each)
    if schema.pop("nullable", False):
        kept = copy.copy(schema)
        schema.clear()
        schema["anyOf"] = [{"type": "null"}, kept]


def check(answer: httpx.Response, path: str, method: str) -> Any:
    """The answer's JSON, after validating it against the description of this operation and status."""
    operation = description()["paths"][path][method]
    content = operation["responses"][str(answer.status_code)]["content"]["application/json"]
    schema = copy.deepcopy(content["schema"])
    nullable(schema)
    whole = {**schema, "components": description()["components"]}
    body = answer.json()
    wrong = [
        f"{'/'.join(map(str, error.absolute_path))}: {error.message[:200]}"
        for error in jsonschema.Draft4Validator(whole).iter_errors(body)
    ]
    assert not wrong, "\n".join(wrong[:10])
    return body


LISTS = (
    "/me",
    "/admins",
    "/teams",
    "/tags",
    "/segments",
    "/ticket_types",
    "/articles",
    "/contacts",
    "/companies",
    "/conversations",
    "/conversations/deleted",
)


@pytest.mark.parametrize("path", LISTS)
def test_a_list_is_as_described(bench: Bench, path: str) -> None:
    assert check(bench.intercom.get(path), path, "get")


def test_a_scroll_is_as_described_but_for_its_nulls(fresh: Bench) -> None:
    body = fresh.intercom.get("/companies/scroll")
    said = body.json()
    # The description forbids the null that the vendor's own example of a scroll shows.
    said["pages"] = {"type": "pages", "page": 1, "per_page": 100, "total_pages": 1}
    check(httpx.Response(200, json=said), "/companies/scroll", "get")


@pytest.mark.parametrize("what", ["contacts", "conversations", "tickets"])
def test_a_search_is_as_described_on_every_page(bench: Bench, what: str) -> None:
    cursor, pages = None, 0
    while pages < 4:
        paging = {"per_page": 50, **({"starting_after": cursor} if cursor else {})}
        query = {"field": "updated_at", "operator": ">", "value": "0"}
        answer = bench.intercom.post(f"/{what}/search", json={"query": query, "pagination": paging})
        following = check(answer, f"/{what}/search", "post")["pages"].get("next")
        pages += 1
        if following is None:
            break
        cursor = following["starting_after"]


def test_every_single_record_is_as_described(bench: Bench) -> None:
    some = list(bench.world.intercom.conversations.values())[:25]
    rated = [each for each in bench.world.intercom.conversations.values() if each.rating][:10]
    snoozed = [
        each
        for each in bench.world.intercom.conversations.values()
        if any(part.kind == "snoozed" for part in each.parts)
    ][:10]
    assert rated
    for each in (*some, *rated, *snoozed):
        check(bench.intercom.get(f"/conversations/{each.id}"), "/conversations/{conversation_id}", "get")
    contact = next(iter(bench.world.intercom.contacts.values()))
    check(bench.intercom.get(f"/contacts/{contact.id}"), "/contacts/{contact_id}", "get")
    external = f"/contacts/find_by_external_id/{contact.external_id}"
    check(bench.intercom.get(external), "/contacts/find_by_external_id/{external_id}", "get")
    for part in ("tags", "notes", "companies"):
        answer = bench.intercom.get(f"/contacts/{contact.id}/{part}")
        check(answer, f"/contacts/{{contact_id}}/{part}", "get")
    check(bench.intercom.get(f"/contacts/{contact.id}/merge_history"), "/contacts/{id}/merge_history", "get")
    company = next(iter(bench.world.intercom.companies))
    check(bench.intercom.get(f"/companies/{company}"), "/companies/{company_id}", "get")
    check(bench.intercom.get(f"/companies/{company}/contacts"), "/companies/{company_id}/contacts", "get")
    for kind in ("admin", "team", "article", "tag"):
        listed = bench.intercom.get(f"/{kind}s").json()
        one = (listed.get("data") or listed.get(f"{kind}s"))[0]
        check(bench.intercom.get(f"/{kind}s/{one['id']}"), f"/{kind}s/{{{kind}_id}}", "get")


def test_tickets_segments_and_notes_are_as_described(bench: Bench) -> None:
    intercom, records = bench.intercom, bench.world.intercom
    resolved = [each for each in records.tickets.values() if each.state == "resolved"]
    assert resolved
    for each in resolved[:10]:
        check(intercom.get(f"/tickets/{each.id}"), "/tickets/{ticket_id}", "get")
    check(intercom.get("/segments", params={"include_count": "true"}), "/segments", "get")
    one = intercom.get("/segments").json()["segments"][0]["id"]
    check(intercom.get(f"/segments/{one}"), "/segments/{segment_id}", "get")
    noted = next(each for each in records.contacts.values() if each.notes)
    for part in ("notes", "segments"):
        answer = intercom.get(f"/contacts/{noted.id}/{part}")
        assert check(answer, f"/contacts/{{contact_id}}/{part}", "get")["data"]
    check(intercom.get("/ticket_types/81"), "/ticket_types/{ticket_type_id}", "get")
    linked = next(each for each in records.conversations.values() if each.tickets)
    check(intercom.get(f"/conversations/{linked.id}"), "/conversations/{conversation_id}", "get")


def test_writing_tickets_and_merging_answer_as_described(empty: Bench) -> None:
    intercom = empty.intercom
    ids = [
        intercom.post("/contacts", json={"email": "same@nowhere.example", "role": role}).json()["id"]
        for role in ("lead", "user")
    ]
    unlike = intercom.post("/contacts", json={"email": "other@nowhere.example", "role": "lead"}).json()["id"]
    refused = intercom.post("/contacts/merge", json={"from": unlike, "into": ids[1]})
    assert refused.status_code == 400
    check(refused, "/contacts/merge", "post")
    merged = intercom.post("/contacts/merge", json={"from": ids[0], "into": ids[1]})
    check(merged, "/contacts/merge", "post")
    body = {
        "ticket_type_id": "81",
        "contacts": [{"id": ids[1]}],
        "ticket_attributes": {"_default_title_": "T", "_default_description_": "D"},
    }
    ticket = check(intercom.post("/tickets", json=body), "/tickets", "post")
    path, admin = f"/tickets/{ticket['id']}", intercom.get("/admins").json()["admins"][0]["id"]
    update = {
        "ticket_state_id": "8482",
        "assignee_id": admin,
        "admin_id": int(admin),
        "snoozed_until": 1_900_000_000,
    }
    check(intercom.put(path, json=update), "/tickets/{ticket_id}", "put")
    check(intercom.get(path), "/tickets/{ticket_id}", "get")
    check(intercom.delete(path), "/tickets/{ticket_id}", "delete")
    own = {"type": "admin", "admin_id": admin}
    opened = intercom.post(
        "/conversations", json={"from": {"type": "user", "id": ids[1]}, "body": "Hi"}
    ).json()
    place = f"/conversations/{opened['conversation_id']}"
    for assignee in (admin, "0"):
        part = {**own, "message_type": "assignment", "assignee_id": assignee}
        check(intercom.post(f"{place}/parts", json=part), "/conversations/{conversation_id}/parts", "post")


def test_every_write_answers_as_described(fresh: Bench) -> None:
    intercom = fresh.intercom
    admin = intercom.get("/admins").json()["admins"][0]["id"]
    contact = check(
        intercom.post("/contacts", json={"email": "new@nowhere.example", "role": "user"}), "/contacts", "post"
    )
    path = f"/contacts/{contact['id']}"
    check(intercom.put(path, json={"name": "New"}), "/contacts/{contact_id}", "put")
    tag = check(intercom.post("/tags", json={"name": "vip"}), "/tags", "post")
    check(intercom.post(f"{path}/tags", json={"id": tag["id"]}), "/contacts/{contact_id}/tags", "post")
    check(intercom.delete(f"{path}/tags/{tag['id']}"), "/contacts/{contact_id}/tags/{tag_id}", "delete")
    note = intercom.post(f"{path}/notes", json={"body": "Called", "admin_id": admin})
    check(note, "/contacts/{contact_id}/notes", "post")
    company = check(
        intercom.post("/companies", json={"company_id": "77", "name": "New SL"}), "/companies", "post"
    )
    attached = intercom.post(f"{path}/companies", json={"id": company["id"]})
    check(attached, "/contacts/{contact_id}/companies", "post")
    message = {"from": {"type": "user", "id": contact["id"]}, "body": "Hello"}
    opened = check(intercom.post("/conversations", json=message), "/conversations", "post")
    place = f"/conversations/{opened['conversation_id']}"
    team = intercom.get("/teams").json()["teams"][1]["id"]
    own = {"type": "admin", "admin_id": admin}
    reply = {**own, "message_type": "comment", "body": "Hi"}
    check(intercom.post(f"{place}/reply", json=reply), "/conversations/{conversation_id}/reply", "post")
    for part in (
        {"message_type": "assignment", "type": "team", "admin_id": admin, "assignee_id": team},
        {**own, "message_type": "snoozed", "snoozed_until": 1_900_000_000},
        {**own, "message_type": "open"},
        {**own, "message_type": "close"},
    ):
        check(intercom.post(f"{place}/parts", json=part), "/conversations/{conversation_id}/parts", "post")
    tagged = intercom.post(f"{place}/tags", json={"id": tag["id"], "admin_id": admin})
    check(tagged, "/conversations/{conversation_id}/tags", "post")
    check(
        intercom.put(place, json={"custom_attributes": {"plan": "pro"}}),
        "/conversations/{conversation_id}",
        "put",
    )
    check(intercom.delete(place), "/conversations/{conversation_id}", "delete")
    deleted = check(intercom.get("/conversations/deleted"), "/conversations/deleted", "get")
    assert [each["id"] for each in deleted["conversations"]] == [opened["conversation_id"]]
    check(intercom.post(f"{path}/archive"), "/contacts/{contact_id}/archive", "post")
    check(intercom.post(f"{path}/unarchive"), "/contacts/{contact_id}/unarchive", "post")
    check(intercom.delete(path), "/contacts/{contact_id}", "delete")


def test_errors_are_as_described(bench: Bench) -> None:
    unknown = bench.intercom.get("/conversations/1")
    assert unknown.status_code == 404
    check(unknown, "/conversations/{conversation_id}", "get")
    stranger = bench.intercom.get("/admins", headers={"Authorization": "Bearer nobody"})
    assert stranger.status_code == 401
    check(stranger, "/admins", "get")


def test_the_check_refuses_what_is_not_as_described(bench: Bench) -> None:
    body = bench.intercom.get("/contacts").json()
    body["data"][0]["created_at"] = "yesterday"
    with pytest.raises(AssertionError, match="created_at"):
        check(httpx.Response(200, json=body), "/contacts", "get")
