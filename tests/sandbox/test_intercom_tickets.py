"""Intercom's tickets, segments, merges and notes, and conversations that grow beyond what is shown."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sandbox.world import World
from tests.sandbox.test_intercom_api import START, lead, only, talk
from tests.sandbox.worlds import CLOCK, Bench


def person(intercom: httpx.Client, email: str, role: str = "user", **more: Any) -> str:
    answer = intercom.post("/contacts", json={"email": email, "role": role, **more})
    assert answer.status_code == 200, answer.text
    number: str = answer.json()["id"]
    return number


def admin(intercom: httpx.Client) -> dict[str, str]:
    return {"type": "admin", "admin_id": intercom.get("/admins").json()["admins"][0]["id"]}


def all_tickets(intercom: httpx.Client, size: int = 30) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    paging: dict[str, Any] | None = {"per_page": size}
    while paging is not None:
        query = {"field": "created_at", "operator": ">", "value": "0"}
        body = intercom.post("/tickets/search", json={"query": query, "pagination": paging}).json()
        rows += body["tickets"]
        following = body["pages"].get("next")
        paging = {"per_page": size, "starting_after": following["starting_after"]} if following else None
    assert body["total_count"] == len(rows)
    return rows


def test_tickets_come_from_escalated_conversations_and_end_with_them(bench: Bench) -> None:
    intercom = bench.intercom
    rows = all_tickets(intercom)
    assert len({row["id"] for row in rows}) == len({row["ticket_id"] for row in rows}) == len(rows) > 10
    for row in rows:
        (linked,) = row["linked_objects"]["data"]
        talk_ = intercom.get(f"/conversations/{linked['id']}").json()
        assert {"type": "ticket", "id": row["id"], "category": "Customer"} in talk_["linked_objects"]["data"]
        assert row["contacts"]["contacts"][0]["id"] == talk_["contacts"]["contacts"][0]["id"]
        assert any(
            each["part_type"] == "assignment" and each["created_at"] == row["created_at"]
            for each in talk_["conversation_parts"]["conversation_parts"]
        )
        if talk_["state"] == "closed":
            assert (row["ticket_state"]["category"], row["open"]) == ("resolved", False)
    states = {row["ticket_state"]["category"] for row in rows}
    assert "resolved" in states


def test_a_ticket_is_made_moved_assigned_and_deleted(empty: Bench) -> None:
    intercom = empty.intercom
    contact = person(intercom, "t@nowhere.example")
    body = {
        "ticket_type_id": "82",
        "contacts": [{"email": "t@nowhere.example"}],
        "ticket_attributes": {"_default_title_": "Broken", "_default_description_": "It is"},
    }
    made = intercom.post("/tickets", json=body).json()
    assert made["contacts"]["contacts"][0]["id"] == contact
    assert (made["category"], made["ticket_state"]["category"]) == ("Back-office", "submitted")
    empty.world.advance(CLOCK + timedelta(minutes=5))
    (kind,) = [each for each in intercom.get("/ticket_types").json()["data"] if each["id"] == "82"]
    states = {each["category"]: each["id"] for each in kind["ticket_states"]["data"]}
    who, path = admin(intercom)["admin_id"], f"/tickets/{made['id']}"
    update = {
        "ticket_state_id": states["in_progress"],
        "assignee_id": who,
        "admin_id": int(who),
        "ticket_attributes": {"_default_title_": "Mended"},
    }
    changed = intercom.put(path, json=update).json()
    assert changed == intercom.get(path).json()
    assert changed["ticket_attributes"] == {"_default_title_": "Mended", "_default_description_": "It is"}
    assert (changed["ticket_state"]["category"], str(changed["admin_assignee_id"])) == ("in_progress", who)
    assert changed["updated_at"] == made["updated_at"] + 300
    moves = [
        (each["previous_ticket_state"], each["ticket_state"])
        for each in changed["ticket_parts"]["ticket_parts"]
        if each["part_type"] == "ticket_state_updated_by_admin"
    ]
    assert moves == [("submitted", "submitted"), ("submitted", "in_progress")]
    assert intercom.put(path, json={"ticket_state_id": states["resolved"]}).json()["open"] is False
    assert intercom.put(path, json={"ticket_state_id": "0"}).status_code == 400
    assert intercom.delete(path).json()["deleted"] is True
    assert intercom.get(path).status_code == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"ticket_type_id": "999", "contacts": [{"id": "x"}]}, 404),
        ({"ticket_type_id": "81"}, 400),
        ({"ticket_type_id": "81", "contacts": [{"email": "nobody@nowhere.example"}]}, 404),
    ],
)
def test_a_ticket_that_cannot_be_is_refused(bench: Bench, body: dict[str, Any], status: int) -> None:
    assert bench.intercom.post("/tickets", json=body).status_code == status


def test_segments_count_their_contacts_only_when_asked(bench: Bench) -> None:
    intercom = bench.intercom
    assert all("count" not in each for each in intercom.get("/segments").json()["segments"])
    counted = intercom.get("/segments", params={"include_count": "true"}).json()["segments"]
    members = dict.fromkeys((each["id"] for each in counted), 0)
    cursor, more = None, True
    while more:
        params = {"per_page": "150", **({"starting_after": cursor} if cursor else {})}
        page = intercom.get("/contacts", params=params).json()
        for each in page["data"]:
            for segment in intercom.get(f"/contacts/{each['id']}/segments").json()["data"]:
                members[segment["id"]] += 1
        more = "next" in page["pages"]
        cursor = page["pages"]["next"]["starting_after"] if more else None
    assert {each["id"]: each["count"] for each in counted} == members
    assert sum(members.values()) > 0
    one = counted[0]["id"]
    assert intercom.get(f"/segments/{one}").json()["id"] == one
    assert intercom.get("/segments/none").status_code == 404


def test_a_lead_goes_into_a_user_with_all_that_is_its(open_world: Callable[..., World]) -> None:
    bench = Bench(open_world([lead(1, START - timedelta(days=1)), *talk("t", "p1")]))
    intercom = bench.intercom
    gone = only(intercom)["source"]["author"]["id"]
    user = person(intercom, "ana@f1.example")
    own = admin(intercom)
    tag = intercom.post("/tags", json={"name": "vip"}).json()["id"]
    intercom.post(f"/contacts/{gone}/tags", json={"id": tag})
    intercom.post(f"/contacts/{gone}/notes", json={"body": "called", "admin_id": own["admin_id"]})
    company = intercom.post("/companies", json={"company_id": "9", "name": "X"}).json()["id"]
    intercom.post(f"/contacts/{gone}/companies", json={"id": company})
    bench.world.advance(CLOCK + timedelta(minutes=1))
    merged = intercom.post("/contacts/merge", json={"from": gone, "into": user})
    assert (merged.status_code, merged.json()["id"]) == (200, user)
    assert intercom.get(f"/contacts/{gone}").status_code == 404
    assert only(intercom)["contacts"]["contacts"][0]["id"] == user
    whole = intercom.get(f"/contacts/{user}").json()
    assert [each["id"] for each in whole["tags"]["data"]] == [tag]
    assert [each["id"] for each in whole["companies"]["data"]] == [company]
    assert [each["body"] for each in intercom.get(f"/contacts/{user}/notes").json()["data"]] == [
        "<p>called</p>"
    ]
    people = intercom.get(f"/companies/{company}/contacts").json()["data"]
    assert [each["id"] for each in people] == [user]
    history = intercom.get(f"/contacts/{user}/merge_history").json()["data"]
    assert [each["source_contact_id"] for each in history] == [gone]
    assert only(intercom)["updated_at"] == int((CLOCK + timedelta(minutes=1)).timestamp())


def test_only_a_lead_into_a_user_and_only_duplicates_are_merged(empty: Bench) -> None:
    intercom = empty.intercom
    user, other = person(intercom, "u@nowhere.example"), person(intercom, "o@nowhere.example")
    stranger = person(intercom, "s@nowhere.example", "lead")
    wrong = {"from": other, "into": user}
    assert intercom.post("/contacts/merge", json=wrong).status_code == 400
    unlike = intercom.post("/contacts/merge", json={"from": stranger, "into": user})
    assert (unlike.status_code, unlike.json()["errors"][0]["code"]) == (400, "invalid_merge")
    meant = {"from": stranger, "into": user, "skip_duplicate_validation": True}
    assert intercom.post("/contacts/merge", json=meant).status_code == 200


def test_notes_come_by_page_the_last_one_first(empty: Bench) -> None:
    intercom = empty.intercom
    contact, own = person(intercom, "n@nowhere.example"), admin(intercom)
    for number in range(7):
        body = {"body": f"note {number}", "admin_id": own["admin_id"]}
        assert intercom.post(f"/contacts/{contact}/notes", json=body).status_code == 200
    pages = [
        intercom.get(f"/contacts/{contact}/notes", params={"per_page": "3", "page": str(page)}).json()
        for page in (1, 2, 3)
    ]
    assert [len(each["data"]) for each in pages] == [3, 3, 1]
    bodies = [each["body"] for page in pages for each in page["data"]]
    assert bodies == [f"<p>note {number}</p>" for number in range(6, -1, -1)]
    assert [bool(each["pages"]["next"]) for each in pages] == [True, True, False]
    assert {each["total_count"] for each in pages} == {7}


def test_some_clients_have_a_note_of_their_welcome(bench: Bench) -> None:
    noted = [each for each in bench.world.intercom.contacts if _notes(bench.intercom, each)]
    assert 0 < len(noted) < len(bench.world.intercom.contacts)


def _notes(intercom: httpx.Client, contact: str) -> list[Any]:
    notes: list[Any] = intercom.get(f"/contacts/{contact}/notes").json()["data"]
    return notes


def test_deleted_conversations_come_the_last_deleted_first_sixty_at_most(fresh: Bench) -> None:
    intercom = fresh.intercom
    ids = [each["id"] for each in intercom.get("/conversations?per_page=70").json()["conversations"]]
    for number in ids:  # all in one instant of the clock
        intercom.delete(f"/conversations/{number}")
    assert intercom.get("/conversations/deleted", params={"per_page": "61"}).status_code == 400
    first = intercom.get("/conversations/deleted", params={"per_page": "60"}).json()
    assert [each["id"] for each in first["conversations"]] == ids[:9:-1]
    rest = intercom.get(first["pages"]["next"].removeprefix("https://api.intercom.io")).json()
    assert [each["id"] for each in rest["conversations"]] == ids[9::-1]
    assert (rest["pages"]["next"], rest["total_count"]) == (None, 70)
    oldest = intercom.get("/conversations/deleted", params={"order": "asc"}).json()
    assert [each["id"] for each in oldest["conversations"]] == ids[:20]


def test_replies_by_the_hundred_are_counted_and_the_last_five_hundred_shown(
    open_world: Callable[..., World],
) -> None:
    bench = Bench(open_world([lead(1, START - timedelta(days=1)), *talk("t", "p1")]))
    own, place = admin(bench.intercom), f"/conversations/{only(bench.intercom)['id']}"
    for number in range(520):
        body = {**own, "message_type": "note", "body": str(number)}
        assert bench.intercom.post(f"{place}/reply", json=body).status_code == 200
    parts = only(bench.intercom)["conversation_parts"]
    bodies = [each["body"] for each in parts["conversation_parts"]]
    assert bodies == [f"<p>{number}</p>" for number in range(20, 520)]
    assert parts["total_count"] == 520
    assert len({each["id"] for each in parts["conversation_parts"]}) == 500


def test_a_conversation_is_assigned_taken_back_snoozed_and_described(fresh: Bench) -> None:
    intercom = fresh.intercom
    number = intercom.get("/conversations").json()["conversations"][0]["id"]
    own, place = admin(intercom), f"/conversations/{number}"
    who = own["admin_id"]
    given = {**own, "message_type": "assignment", "assignee_id": who}
    assert str(intercom.post(f"{place}/parts", json=given).json()["admin_assignee_id"]) == who
    taken = intercom.post(f"{place}/parts", json={**given, "assignee_id": "0"}).json()
    assert "admin_assignee_id" not in taken
    until = int(CLOCK.timestamp()) + 3600
    snoozed = intercom.post(
        f"{place}/parts", json={**own, "message_type": "snoozed", "snoozed_until": until}
    ).json()
    assert (snoozed["state"], snoozed["snoozed_until"]) == ("snoozed", until)
    described = intercom.put(place, json={"custom_attributes": {"plan": "pro"}, "read": False}).json()
    assert (described["custom_attributes"]["plan"], described["read"]) == ("pro", False)


def test_somebody_whose_contact_was_deleted_comes_back_as_a_new_one(open_world: Callable[..., World]) -> None:
    events = [
        lead(1, START - timedelta(days=1)),
        *talk("t", "p1"),
        *talk("u", "p1", at=CLOCK + timedelta(hours=1)),
    ]
    bench = Bench(open_world(events))
    gone = only(bench.intercom)["source"]["author"]["id"]
    bench.intercom.delete(f"/contacts/{gone}")
    bench.world.advance(CLOCK + timedelta(hours=2))
    rows = bench.intercom.get("/conversations").json()["conversations"]
    (back,) = {row["contacts"]["contacts"][0]["id"] for row in rows} - {gone}
    assert bench.intercom.get(f"/contacts/{back}").json()["email"] == "ana@f1.example"
