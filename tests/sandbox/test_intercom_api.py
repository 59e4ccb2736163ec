"""Intercom's traps: days instead of instants, cursors, the one scroll, and parts that are cut off."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest

from sandbox.events import (
    AudienceJoined,
    ConversationOpened,
    ConversationPart,
    ConversationRated,
    ConversationTagged,
    DealCreated,
    DealWon,
    Event,
    LeadCreated,
    PeopleMerged,
)
from sandbox.limits import VENDOR
from sandbox.world import World
from tests.sandbox.worlds import CLOCK, Bench

START = CLOCK - timedelta(days=20)


def lead(number: int, at: datetime = START) -> LeadCreated:
    return LeadCreated(
        at=at, company=f"c{number}", person=f"p{number}", name=f"Firm {number}", domain=f"f{number}.example",
        industry="legal", country="ES", language="es", source="ads", first_name="Ana", last_name=str(number),
        email=f"ana@f{number}.example", owner="sdr1",
    )  # fmt: skip


def client(number: int, at: datetime) -> list[Event]:
    deal, price = f"d{number}", Decimal(100)
    return [
        lead(number, at - timedelta(hours=2)),
        DealCreated(
            at=at - timedelta(hours=1), deal=deal, company=f"c{number}", person=f"p{number}",
            kind="newbusiness", plan="pro", interval="month", amount=price, list_amount=price, owner="sdr1",
        ),
        DealWon(at=at, deal=deal, start_at=at),
        AudienceJoined(at=at, person=f"p{number}"),
    ]  # fmt: skip


def talk(key: str, person: str, *parts: Event, at: datetime = START) -> list[Event]:
    return [ConversationOpened(at=at, conversation=key, person=person, subject="Hi", body="Help"), *parts]


def part(key: str, minutes: float, kind: str, author: str = "ts1", **more: str) -> ConversationPart:
    return ConversationPart(
        at=START + timedelta(minutes=minutes),
        conversation=key,
        kind=kind,
        author_kind="user" if author.startswith("p") else "admin",
        author=author,
        **more,
    )


def only(intercom: httpx.Client) -> dict[str, Any]:
    (row,) = intercom.get("/conversations").json()["conversations"]
    body: dict[str, Any] = intercom.get(f"/conversations/{row['id']}").json()
    return body


def ids(intercom: httpx.Client, operator: str, at: datetime, version: str = "2.16") -> set[str]:
    query = {"field": "created_at", "operator": operator, "value": str(int(at.timestamp()))}
    answer = intercom.post("/contacts/search", json={"query": query}, headers={"Intercom-Version": version})
    assert answer.status_code == 200, answer.text
    return {row["email"].split("@")[1][:2] for row in answer.json()["data"]}


def test_contact_dates_are_days_of_the_workspace_until_2_16_and_exact_after(
    open_world: Callable[..., World],
) -> None:
    # 23:30 in Madrid is 22:30 UTC; an hour later it is the next day there and the same day in UTC.
    late = datetime(2026, 3, 1, 22, 30, tzinfo=UTC)
    events = [*client(1, late), *client(2, late + timedelta(hours=1)), *client(3, late + timedelta(hours=20))]
    intercom = Bench(open_world(events)).intercom
    # ">" begins with the next day, so the same day's later contact is missed …
    assert ids(intercom, ">", late - timedelta(minutes=1)) == {"f2", "f3"}
    assert ids(intercom, "=", late + timedelta(hours=1)) == {"f2", "f3"}
    assert ids(intercom, "<", late + timedelta(hours=1)) == {"f1"}
    # … and 2.17 compares instants.
    assert ids(intercom, ">", late - timedelta(minutes=1), "2.17") == {"f1", "f2", "f3"}
    assert ids(intercom, ">=", late + timedelta(hours=1), "2.17") == {"f2", "f3"}
    refused = {"query": {"field": "created_at", "operator": ">=", "value": "1"}}
    assert intercom.post("/contacts/search", json=refused).status_code == 400


def test_a_cursor_counts_in_the_body_and_not_in_the_address(bench: Bench) -> None:
    query = {"query": {"field": "created_at", "operator": ">", "value": "0"}, "pagination": {"per_page": 5}}
    first = bench.intercom.post("/conversations/search", json=query).json()
    cursor = first["pages"]["next"]["starting_after"]
    again = bench.intercom.post("/conversations/search", json=query, params={"starting_after": cursor}).json()
    assert [each["id"] for each in again["conversations"]] == [each["id"] for each in first["conversations"]]
    onward = {**query, "pagination": {"per_page": 5, "starting_after": cursor}}
    second = bench.intercom.post("/conversations/search", json=onward).json()
    assert not {each["id"] for each in second["conversations"]} & {
        each["id"] for each in first["conversations"]
    }
    wrong = {**query, "pagination": {"starting_after": "not a cursor"}}
    assert bench.intercom.post("/conversations/search", json=wrong).status_code == 400


def test_a_sorted_search_gives_every_conversation_once(bench: Bench) -> None:
    found: list[tuple[int, str]] = []
    paging: dict[str, Any] = {"per_page": 150}
    while True:
        body = {
            "query": {"field": "updated_at", "operator": ">", "value": "0"},
            "sort": {"field": "updated_at", "order": "ascending"},
            "pagination": paging,
        }
        page = bench.intercom.post("/conversations/search", json=body).json()
        found += [(each["updated_at"], each["id"]) for each in page["conversations"]]
        if "next" not in page["pages"]:
            break
        paging = {"per_page": 150, "starting_after": page["pages"]["next"]["starting_after"]}
    assert len(found) == page["total_count"] == len(bench.world.intercom.conversations)
    assert [at for at, _ in found] == sorted(at for at, _ in found)
    assert len({number for _, number in found}) == len(found)


def test_greater_includes_the_instant_for_conversations(open_world: Callable[..., World]) -> None:
    intercom = Bench(open_world([lead(1, START - timedelta(days=1)), *talk("t", "p1")])).intercom
    for operator, count in ((">", 1), ("=", 1), ("!=", 0)):
        value = str(int(START.timestamp()))
        body = {"query": {"field": "created_at", "operator": operator, "value": value}}
        assert intercom.post("/conversations/search", json=body).json()["total_count"] == count


def test_a_conversation_tells_its_levels_pauses_rating_and_state(open_world: Callable[..., World]) -> None:
    events = [
        lead(1, START - timedelta(days=1)),
        *talk(
            "t",
            "p1",
            part("t", 4, "comment"),
            part("t", 30, "assignment", to_level="L2"),
            part("t", 40, "snoozed", "cs1"),
            part("t", 90, "comment", "p1"),
            part("t", 95, "comment", "cs1"),
            part("t", 100, "close", "cs1"),
        ),
        ConversationTagged(at=START + timedelta(minutes=101), conversation="t", tag="billing"),
        ConversationRated(at=START + timedelta(minutes=200), conversation="t", rating=4),
    ]
    bench = Bench(open_world(events))
    body = only(bench.intercom)
    teams = {each["id"]: each["name"] for each in bench.intercom.get("/teams").json()["teams"]}
    shown = body["conversation_parts"]["conversation_parts"]
    assert [each["part_type"] for each in shown] == [
        "comment", "assignment", "snoozed", "comment", "comment", "close",
    ]  # fmt: skip
    assert [each["author"]["type"] for each in shown] == ["admin", "admin", "admin", "user", "admin", "admin"]
    assert shown[1]["assigned_to"]["type"] == "team"
    assert teams[shown[1]["assigned_to"]["id"]] == "L2 Specialists"
    assert [each["state"] for each in shown] == ["open", "open", "snoozed", "open", "open", "closed"]
    assert (body["state"], body["open"]) == ("closed", False)
    assert [tag["name"] for tag in body["tags"]["tags"]] == ["billing"]
    rating = body["conversation_rating"]
    answered = int((START + timedelta(minutes=200)).timestamp())
    assert (rating["rating"], rating.get("updated_at", rating["created_at"])) == (4, answered)
    assert body["updated_at"] == answered
    assert body["statistics"]["time_to_admin_reply"] == 4 * 60
    contact = bench.intercom.get(f"/contacts/{body['source']['author']['id']}").json()
    crm = bench.hubspot.get(f"/crm/v3/objects/contacts/{contact['external_id']}").json()
    assert crm["properties"]["email"] == contact["email"] == "ana@f1.example"


def test_only_the_last_500_parts_are_shown_but_all_are_counted(open_world: Callable[..., World]) -> None:
    parts = [part("t", number, "comment", body=f"n{number}") for number in range(1, 504)]
    body = only(Bench(open_world([lead(1, START - timedelta(days=1)), *talk("t", "p1", *parts)])).intercom)
    shown = body["conversation_parts"]["conversation_parts"]
    assert (len(shown), body["conversation_parts"]["total_count"]) == (500, 503)
    assert [shown[0]["body"], shown[-1]["body"]] == ["<p>n4</p>", "<p>n503</p>"]


def test_there_is_one_scroll_and_it_expires_after_a_minute(open_world: Callable[..., World]) -> None:
    world = open_world([event for number in range(130) for event in client(number, START)])
    bench = Bench(world)

    def scroll(param: str | None = None) -> httpx.Response:
        return bench.intercom.get("/companies/scroll", params={"scroll_param": param} if param else {})

    first = scroll().json()
    assert (len(first["data"]), first["pages"]) == (100, None)
    assert scroll().json()["errors"][0]["code"] == "scroll_exists"
    rest = scroll(first["scroll_param"]).json()
    assert len({each["id"] for each in (*first["data"], *rest["data"])}) == 130
    assert scroll(first["scroll_param"]).json()["data"] == []
    abandoned = scroll().json()["scroll_param"]
    bench.seconds += 59
    assert scroll(abandoned).status_code == 200
    bench.seconds += 61
    assert scroll(abandoned).status_code == 404
    assert scroll().status_code == 200


def test_a_merged_contact_is_not_found_and_the_kept_one_knows_it(open_world: Callable[..., World]) -> None:
    day_before = START - timedelta(days=1)
    events = [
        lead(1, day_before),
        lead(2, day_before),
        *talk("t", "p2"),
        PeopleMerged(at=CLOCK + timedelta(hours=1), kept="p1", gone="p2"),
    ]
    bench = Bench(open_world(events))
    gone = only(bench.intercom)["source"]["author"]["id"]
    assert bench.intercom.get(f"/contacts/{gone}").status_code == 200
    bench.world.advance(CLOCK + timedelta(hours=2))
    assert bench.intercom.get(f"/contacts/{gone}").status_code == 404
    kept = only(bench.intercom)["contacts"]["contacts"][0]["id"]
    history = bench.intercom.get(f"/contacts/{kept}/merge_history").json()["data"]
    assert [each["source_contact_id"] for each in history] == [gone]


def test_a_duplicate_is_a_conflict_even_when_it_is_archived(fresh: Bench) -> None:
    body = {"email": "twice@nowhere.example", "role": "user"}
    made = fresh.intercom.post("/contacts", json=body).json()
    assert fresh.intercom.post("/contacts", json=body).status_code == 409
    fresh.intercom.post(f"/contacts/{made['id']}/archive")
    refused = fresh.intercom.post("/contacts", json=body)
    assert (refused.status_code, made["id"] in refused.text) == (409, True)


def test_a_version_that_there_is_not_is_refused_and_deletions_need_one(bench: Bench) -> None:
    wrong = bench.intercom.get("/admins", headers={"Intercom-Version": "9.9"})
    assert (wrong.status_code, wrong.json()["errors"][0]["code"]) == (400, "intercom_version_invalid")
    plain = httpx.Client(transport=bench.intercom._transport, base_url="http://sandbox")
    plain.headers["Authorization"] = bench.intercom.headers["Authorization"]
    assert plain.get("/admins").headers["Intercom-Version"] == "2.11"
    assert plain.get("/conversations/deleted").json()["errors"][0]["code"] == "intercom_version_invalid"


def test_the_window_s_end_is_told_and_exceeding_it_is_counted(bench: Bench) -> None:
    limited = Bench(bench.world, VENDOR)
    answers = [limited.intercom.get("/tags") for _ in range(1_668)]
    last, refused = answers[-2:]
    assert last.headers["X-RateLimit-Remaining"] == "0"
    assert int(last.headers["X-RateLimit-Reset"]) == limited.seconds + 10
    assert (refused.status_code, refused.json()["errors"][0]["code"]) == (429, "rate_limit_exceeded")
    limited.seconds += 10
    assert limited.intercom.get("/tags").status_code == 200
    assert limited.violations.as_json()["intercom"]["ten_secondly"] == 1


@pytest.mark.parametrize(
    "query",
    [
        {"field": "nosuch", "operator": "=", "value": "1"},
        {"field": "created_at", "operator": "~", "value": "1"},
        {"operator": "AND", "value": [{"operator": "OR", "value": [{"operator": "AND", "value": []}]}]},
        {"operator": "AND", "value": [{"field": "id", "operator": "=", "value": "1"}] * 16},
        None,
    ],
)
def test_a_query_against_the_rules_is_refused(bench: Bench, query: object) -> None:
    answer = bench.intercom.post("/contacts/search", json={"query": query})
    assert (answer.status_code, answer.json()["type"]) == (400, "error.list")
