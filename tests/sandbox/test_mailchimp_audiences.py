"""Mailchimp's beta of audiences, whose cursor loses nobody; journeys; and what outlives an address."""

import hashlib
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sandbox.faults import Fault
from tests.sandbox.test_mailchimp_api import audience, members, place_of
from tests.sandbox.worlds import CLOCK, Bench


def path_of(mailchimp: httpx.Client) -> str:
    return f"/audiences/{audience(mailchimp)['id']}/contacts"


def pages(mailchimp: httpx.Client, **params: str) -> list[list[dict[str, Any]]]:
    found: list[list[dict[str, Any]]] = []
    cursor: str | None = ""
    while cursor is not None:
        given = {"count": "20", **params, **({"cursor": cursor} if cursor else {})}
        answer = mailchimp.get(path_of(mailchimp), params=given)
        assert answer.status_code == 200, answer.text
        found.append(answer.json()["contacts"])
        cursor = answer.json().get("next_cursor")
    return found


def everybody(mailchimp: httpx.Client) -> dict[str, dict[str, Any]]:
    rows = [*members(mailchimp)["members"], *members(mailchimp, status="archived")["members"]]
    return {row["contact_id"]: row for row in rows}


@pytest.mark.parametrize("field", ["created_at", "updated_at"])
@pytest.mark.parametrize("direction", ["ASC", "DESC"])
def test_the_cursor_walks_everybody_once_in_order(fresh: Bench, field: str, direction: str) -> None:
    mailchimp = fresh.mailchimp
    email = members(mailchimp)["members"][0]["email_address"]
    mailchimp.delete(place_of(mailchimp, email))
    rows = [row for page in pages(mailchimp, sort_field=field, sort_dir=direction) for row in page]
    known = everybody(mailchimp)
    assert sorted(row["id"] for row in rows) == sorted(known)
    stamps = [row["created_at" if field == "created_at" else "last_updated_at"] for row in rows]
    assert stamps == sorted(stamps, reverse=direction == "DESC")
    for row in rows:
        member = known[row["id"]]
        assert row["email_channel"]["email"] == member["email_address"]
        assert row["email_channel"]["hashed_email"] == member["id"]
        assert (row["status"] == "archived") == (member["status"] == "archived")
        assert row["last_updated_at"] == member["last_changed"]
        assert set(row["tags"]) >= {tag["name"] for tag in member["tags"]}


def test_an_edit_between_two_pages_makes_nobody_missed(fresh: Bench) -> None:
    mailchimp = fresh.mailchimp
    known = everybody(mailchimp)
    fresh.world.advance(CLOCK + timedelta(hours=1))
    params = {"count": "20", "sort_field": "updated_at"}
    first = mailchimp.get(path_of(mailchimp), params=params).json()
    seen = [row["id"] for row in first["contacts"]]
    moved = known[seen[0]]["email_address"]
    assert mailchimp.patch(place_of(mailchimp, moved), json={"vip": True}).status_code == 200
    cursor = first["next_cursor"]
    while cursor:
        page = mailchimp.get(path_of(mailchimp), params={**params, "cursor": cursor}).json()
        seen += [row["id"] for row in page["contacts"]]
        cursor = page.get("next_cursor")
    assert set(seen) >= known.keys()
    assert seen.count(seen[0]) == 2


def test_since_leaves_its_instant_out_and_before_lets_it_in(bench: Bench) -> None:
    rows = [row for page in pages(bench.mailchimp, sort_field="updated_at") for row in page]
    stamps = [row["last_updated_at"] for row in rows]
    low, high = stamps[5], stamps[-5]
    window = {"updated_since": low, "updated_before": high}
    found = {row["id"] for page in pages(bench.mailchimp, **window) for row in page}
    assert found == {row["id"] for row in rows if low < row["last_updated_at"] <= high}
    assert 0 < len(found) < len(rows)


def test_a_full_last_page_is_followed_by_an_empty_one(fresh: Bench) -> None:
    count = len(everybody(fresh.mailchimp))
    found = pages(fresh.mailchimp, count=str(count))
    assert [len(page) for page in found] == [count, 0]
    refused = fresh.mailchimp.get(path_of(fresh.mailchimp), params={"cursor": "nonsense"})
    assert refused.status_code == 400


def test_an_account_without_the_beta_answers_404(fresh: Bench) -> None:
    path = path_of(fresh.mailchimp)
    one = fresh.mailchimp.get(path).json()["contacts"][0]["id"]
    assert fresh.mailchimp.get(f"{path}/{one}").json()["id"] == one
    fresh.world.faults.add([Fault("no_cursor")])
    for each in (path, f"{path}/{one}"):
        assert fresh.mailchimp.get(each).json()["title"] == "Resource Not Found"
    assert members(fresh.mailchimp)["total_items"] > 0


def test_a_change_of_address_keeps_the_ids_of_the_person(fresh: Bench) -> None:
    mailchimp = fresh.mailchimp
    path = f"/lists/{audience(mailchimp)['id']}/members"
    body = {"email_address": "first@nowhere.example", "status": "subscribed"}
    made = mailchimp.post(path, json=body).json()
    for before in (made, members(mailchimp, status="subscribed")["members"][0]):
        email = f"moved-{before['web_id']}@nowhere.example"
        answer = mailchimp.patch(place_of(mailchimp, before["email_address"]), json={"email_address": email})
        after = answer.json()
        assert after["id"] == hashlib.md5(email.encode(), usedforsecurity=False).hexdigest() != before["id"]
        for name in ("contact_id", "unique_email_id", "web_id", "timestamp_opt"):
            assert after[name] == before[name]
    # The address that is free again may be somebody else's.
    other = mailchimp.post(path, json=body).json()
    assert other["email_address"] == made["email_address"]
    for name in ("contact_id", "unique_email_id", "web_id"):
        assert other[name] != made[name]
    assert mailchimp.get(f"{path}/{made['contact_id']}").json()["email_address"].startswith("moved-")


def test_a_journey_begins_as_often_as_it_is_triggered(fresh: Bench) -> None:
    mailchimp = fresh.mailchimp
    email = members(mailchimp, status="subscribed")["members"][0]["email_address"]
    path = "/customer-journeys/journeys/3/steps/7/actions/trigger"
    for _ in range(2):
        answer = mailchimp.post(path, json={"email_address": email})
        assert (answer.status_code, answer.content) == (204, b"")
    assert mailchimp.post(path, json={"email_address": "nobody@nowhere.example"}).status_code == 400
    assert mailchimp.post(path, json={}).status_code == 400
    wrong = "/customer-journeys/journeys/x/steps/7/actions/trigger"
    assert mailchimp.post(wrong, json={"email_address": email}).status_code == 404
    rows = fresh.state("mailchimp")["triggers"]
    assert [(row["journey"], row["step"], row["email"]) for row in rows] == [("3", "7", email)] * 2


def test_a_trigger_can_happen_although_its_answer_is_lost(fresh: Bench) -> None:
    email = members(fresh.mailchimp, status="subscribed")["members"][0]["email_address"]
    path = "/customer-journeys/journeys/3/steps/7/actions/trigger"
    fresh.world.faults.add([Fault("cut_connection", vendor="mailchimp", times=1, done=True)])
    with pytest.raises(httpx.RemoteProtocolError):
        fresh.mailchimp.post(path, json={"email_address": email})
    assert len(fresh.state("mailchimp")["triggers"]) == 1


def test_events_are_read_back_as_posted_until_the_member_is_deleted_for_good(fresh: Bench) -> None:
    mailchimp = fresh.mailchimp
    member = members(mailchimp, status="subscribed")["members"][0]
    path = place_of(mailchimp, member["email_address"])
    posted = {"name": "marker", "properties": {"key": "k-1"}, "occurred_at": "2026-03-09T10:00:00+00:00"}
    assert mailchimp.post(f"{path}/events", json=posted).status_code == 204
    assert mailchimp.get(f"{path}/events").json()["events"] == [
        {"name": "marker", "properties": {"key": "k-1"}, "occurred_at": "2026-03-09T10:00:00+00:00"}
    ]
    assert mailchimp.post(f"{path}/actions/delete-permanent").status_code == 204
    assert mailchimp.get(f"{path}/events").status_code == 404
    assert member["contact_id"] not in {row["id"] for page in pages(mailchimp) for row in page}
    assert member["contact_id"] not in everybody(mailchimp)
    assert member["contact_id"] not in fresh.state("mailchimp")["members"]
