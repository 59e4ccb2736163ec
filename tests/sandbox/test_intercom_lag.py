"""Intercom's search behind its records: what is new, changed or gone shows late, and a GET shows it at once."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from sandbox.faults import Fault
from sandbox.world import World
from tests.sandbox.test_intercom_api import START, lead, part, talk
from tests.sandbox.worlds import CLOCK, Bench

LAG = Fault("search_lag_seconds", vendor="intercom", seconds=60)
FIELD = {"contacts": "data", "conversations": "conversations", "tickets": "tickets"}


def searched(bench: Bench, what: str, field: str, operator: str, value: str) -> list[dict[str, Any]]:
    body = {"query": {"field": field, "operator": operator, "value": value}}
    answer = bench.intercom.post(f"/{what}/search", json=body, headers={"Intercom-Version": "2.17"})
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()[FIELD[what]]
    assert answer.json()["total_count"] == len(rows)
    return rows


def found(bench: Bench, what: str, number: str) -> dict[str, Any] | None:
    rows = searched(bench, what, "id", "=", number)
    return rows[0] if rows else None


@pytest.fixture
def late(open_world: Callable[..., World]) -> Bench:
    """Two leads and a conversation of the past, and an index that is a minute behind."""
    day = START - timedelta(days=1)
    world = open_world([lead(1, day), lead(2, day), *talk("t", "p1", part("t", 5, "comment"))])
    world.faults.add([LAG])
    return Bench(world)


def admin(bench: Bench) -> dict[str, str]:
    return {"type": "admin", "admin_id": bench.intercom.get("/admins").json()["admins"][0]["id"]}


def minute_later(bench: Bench) -> None:
    bench.world.advance(bench.world.clock + timedelta(seconds=60))


def test_a_new_contact_is_read_at_once_and_found_a_minute_later(late: Bench) -> None:
    made = late.intercom.post("/contacts", json={"email": "new@nowhere.example", "role": "user"}).json()
    assert late.intercom.get(f"/contacts/{made['id']}").status_code == 200
    assert found(late, "contacts", made["id"]) is None
    late.world.advance(CLOCK + timedelta(seconds=59))
    assert found(late, "contacts", made["id"]) is None
    late.world.advance(CLOCK + timedelta(seconds=60))
    assert found(late, "contacts", made["id"]) == late.intercom.get(f"/contacts/{made['id']}").json()


def test_a_changed_conversation_is_found_as_it_was(late: Bench) -> None:
    (before,) = searched(late, "conversations", "updated_at", ">", "0")
    place = f"/conversations/{before['id']}"
    body = {**admin(late), "message_type": "close"}
    late.intercom.post(f"{place}/parts", json=body)
    late.intercom.put(place, json={"custom_attributes": {"plan": "pro"}})
    assert late.intercom.get(place).json()["state"] == "closed"
    assert found(late, "conversations", before["id"]) == before
    since = str(before["updated_at"] + 1)
    assert searched(late, "conversations", "updated_at", ">", since) == []
    assert searched(late, "conversations", "state", "=", "closed") == []
    minute_later(late)
    (after,) = searched(late, "conversations", "updated_at", ">", since)
    whole = late.intercom.get(place).json()
    assert after == {name: value for name, value in whole.items() if name != "conversation_parts"}
    assert (after["state"], after["custom_attributes"]) == ("closed", {"plan": "pro"})


def test_changes_become_known_one_after_the_other(late: Bench) -> None:
    (row,) = searched(late, "conversations", "updated_at", ">", "0")
    place, counts = f"/conversations/{row['id']}", []
    for step in range(3):
        body = {**admin(late), "message_type": "note", "body": f"n{step}"}
        late.intercom.post(f"{place}/reply", json=body)
        late.world.advance(CLOCK + timedelta(seconds=20 * (step + 1)))
    for second in (60, 80, 100, 120):
        late.world.advance(CLOCK + timedelta(seconds=second))
        shown = found(late, "conversations", row["id"])
        assert shown is not None
        counts.append(shown["statistics"]["count_conversation_parts"])
    assert counts == [2, 3, 4, 4]


def test_what_was_deleted_merged_or_archived_is_still_found_for_a_minute(late: Bench) -> None:
    intercom = late.intercom
    (conversation,) = searched(late, "conversations", "updated_at", ">", "0")
    ids = [
        intercom.post("/contacts", json={"email": f"{name}@nowhere.example", "role": role}).json()["id"]
        for name, role in (("a", "user"), ("b", "lead"), ("c", "user"), ("d", "user"))
    ]
    into, merged, archived, deleted = ids
    minute_later(late)
    intercom.delete(f"/conversations/{conversation['id']}")
    body = {"from": merged, "into": into, "skip_duplicate_validation": True}
    assert intercom.post("/contacts/merge", json=body).status_code == 200
    intercom.post(f"/contacts/{archived}/archive")
    intercom.delete(f"/contacts/{deleted}")
    for path in (f"/conversations/{conversation['id']}", f"/contacts/{merged}", f"/contacts/{deleted}"):
        assert intercom.get(path).status_code == 404
    assert found(late, "conversations", conversation["id"]) == conversation
    assert all(found(late, "contacts", number) for number in ids)
    minute_later(late)
    assert found(late, "conversations", conversation["id"]) is None
    assert [bool(found(late, "contacts", number)) for number in ids] == [True, False, False, False]


def test_a_ticket_lags_like_the_rest(late: Bench) -> None:
    contact = late.intercom.get("/contacts").json()["data"][0]["id"]
    body = {
        "ticket_type_id": "81",
        "contacts": [{"id": contact}],
        "ticket_attributes": {"_default_title_": "T"},
    }
    ticket = late.intercom.post("/tickets", json=body).json()
    assert found(late, "tickets", ticket["id"]) is None
    minute_later(late)
    assert found(late, "tickets", ticket["id"]) == ticket


def test_what_the_company_itself_does_lags_as_well(open_world: Callable[..., World]) -> None:
    day = START - timedelta(days=1)
    later = [lead(1, day), *talk("t", "p1", at=CLOCK + timedelta(seconds=30))]
    world = open_world(later)
    world.faults.add([LAG])
    bench = Bench(world)
    world.advance(CLOCK + timedelta(seconds=40))
    assert searched(bench, "conversations", "updated_at", ">", "0") == []
    assert len(bench.intercom.get("/conversations").json()["conversations"]) == 1
    world.advance(CLOCK + timedelta(seconds=90))
    assert len(searched(bench, "conversations", "updated_at", ">", "0")) == 1
