"""Mailchimp Transactional: 200 is no success, a message sent twice is there twice, and the search lags."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from sandbox.faults import Fault
from tests.sandbox.worlds import CLOCK, TOKEN, Bench, Served


def call(mandrill: httpx.Client, what: str, **body: Any) -> httpx.Response:
    return mandrill.post(f"/{what}.json", json={"key": TOKEN, **body})


def message(*to: str, **more: Any) -> dict[str, Any]:
    return {
        "from_email": "us@tenfold.example",
        "subject": "Your report",
        "text": "Hello",
        "to": [{"email": each, "type": "to"} for each in to],
        **more,
    }


def test_the_account_answers_to_its_key_alone(bench: Bench) -> None:
    assert call(bench.mandrill, "users/ping2").json() == {"PING": "PONG!"}
    assert call(bench.mandrill, "users/info").json()["username"]
    for body in ({"key": "wrong"}, {}):
        refused = bench.mandrill.post("/users/ping2.json", json=body)
        assert (refused.status_code, refused.json()["name"]) == (401, "Invalid_Key")
        assert refused.json()["status"] == "error"


def test_each_recipient_has_a_status_of_its_own(empty: Bench) -> None:
    mandrill = empty.mandrill
    assert call(mandrill, "rejects/add", email="No@nowhere.example").json()["added"] is True
    sent = call(
        mandrill, "messages/send", message=message("a@nowhere.example", "no@nowhere.example", "no address")
    )
    assert sent.status_code == 200
    rows = sent.json()
    assert [(row["email"], row["status"], row["reject_reason"]) for row in rows] == [
        ("a@nowhere.example", "sent", None),
        ("no@nowhere.example", "rejected", "custom"),
        ("no address", "invalid", None),
    ]
    assert len({row["_id"] for row in rows}) == 3
    assert call(mandrill, "rejects/delete", email="no@nowhere.example").json()["deleted"] is True
    again = call(mandrill, "messages/send", message=message("no@nowhere.example")).json()
    assert again[0]["status"] == "sent"
    assert call(mandrill, "rejects/list").json() == []


def test_a_message_is_found_by_marker_tag_sender_and_id(empty: Bench) -> None:
    mandrill = empty.mandrill
    marked = message("a@nowhere.example", tags=["welcome"], metadata={"marker": "m-1"})
    (row,) = call(
        mandrill, "messages/send-template", template_name="hello", template_content=[], message=marked
    ).json()
    call(mandrill, "messages/send", message=message("b@nowhere.example", from_email="other@tenfold.example"))
    for query in (
        {"query": "u_marker:m-1"},
        {"query": "email:a@nowhere.example"},
        {"query": "*", "tags": ["welcome", "unused"]},
        {"senders": ["us@tenfold.example"]},
    ):
        found = call(mandrill, "messages/search", **query).json()
        assert [each["_id"] for each in found] == [row["_id"]], query
    assert len(call(mandrill, "messages/search", query="*", limit=1).json()) == 1
    assert call(mandrill, "messages/search", query="u_marker:m-2").json() == []
    info = call(mandrill, "messages/info", id=row["_id"]).json()
    assert info == found[0]
    assert (info["template"], info["metadata"], info["ts"]) == (
        "hello",
        {"marker": "m-1"},
        int(CLOCK.timestamp()),
    )
    unknown = call(mandrill, "messages/info", id="0")
    assert (unknown.status_code, unknown.json()["name"]) == (500, "Unknown_Message")


def test_the_search_lags_while_the_id_answers_at_once(empty: Bench) -> None:
    empty.world.faults.add([Fault("search_lag_seconds", vendor="mandrill", seconds=60)])
    (row,) = call(empty.mandrill, "messages/send", message=message("a@nowhere.example")).json()
    assert call(empty.mandrill, "messages/search", query="*").json() == []
    assert call(empty.mandrill, "messages/info", id=row["_id"]).status_code == 200
    empty.world.advance(CLOCK + timedelta(seconds=60))
    assert [each["_id"] for each in call(empty.mandrill, "messages/search", query="*").json()] == [row["_id"]]


def test_a_search_without_dates_looks_back_a_week(empty: Bench) -> None:
    call(empty.mandrill, "messages/send", message=message("a@nowhere.example"))
    empty.world.advance(CLOCK + timedelta(days=8))
    assert call(empty.mandrill, "messages/search", query="*").json() == []
    day = f"{CLOCK:%Y-%m-%d}"
    assert len(call(empty.mandrill, "messages/search", query="*", date_from=day, date_to=day).json()) == 1


def test_sent_again_after_a_lost_answer_it_is_there_twice(empty: Bench) -> None:
    empty.world.faults.add([Fault("status", vendor="mandrill", status=500, times=1, done=True)])
    lost = call(empty.mandrill, "messages/send", message=message("a@nowhere.example"))
    assert (lost.status_code, lost.json()["status"]) == (500, "error")
    assert call(empty.mandrill, "messages/send", message=message("a@nowhere.example")).status_code == 200
    assert [each["email"] for each in empty.state("mandrill")["messages"]] == ["a@nowhere.example"] * 2


def test_many_recipients_wait_and_later_ones_are_scheduled(empty: Bench) -> None:
    many = [f"p{number}@nowhere.example" for number in range(11)]
    states = {row["status"] for row in call(empty.mandrill, "messages/send", message=message(*many)).json()}
    assert states == {"queued"}
    later = f"{CLOCK + timedelta(days=1):%Y-%m-%d %H:%M:%S}"
    body = {"message": message("a@nowhere.example"), "send_at": later}
    assert call(empty.mandrill, "messages/send", **body).json()[0]["status"] == "scheduled"


@pytest.mark.parametrize(
    ("what", "body"),
    [
        ("messages/send", {}),
        ("messages/send", {"message": {"to": []}}),
        ("messages/send-template", {"template_content": [], "message": message("a@nowhere.example")}),
        ("messages/send-template", {"template_name": "hello", "message": message("a@nowhere.example")}),
        ("messages/search", {"limit": 0}),
        ("messages/search", {"date_from": "soon"}),
        ("rejects/add", {"email": "nobody"}),
    ],
)
def test_a_call_against_the_rules_is_an_error_of_status_500(
    bench: Bench, what: str, body: dict[str, Any]
) -> None:
    answer = call(bench.mandrill, what, **body)
    assert (answer.status_code, answer.json()["name"]) == (500, "ValidationError")
    assert bench.state("mandrill")["messages"] == []


def test_it_has_a_port_of_its_own_and_the_control_shows_what_was_sent(served: Served) -> None:
    said = served.said["mandrill"]
    assert said["base_url"].endswith("/api/1.3")
    body = {"key": said["key"], "message": message("port@nowhere.example")}
    (row,) = httpx.post(f"{said['base_url']}/messages/send.json", json=body, trust_env=False).json()
    rows = served.control.get("/transactional").json()["messages"]
    (kept,) = [each for each in rows if each["email"] == "port@nowhere.example"]
    assert (kept["id"], kept["message"]["text"]) == (row["_id"], "Hello")
    assert served.control.get("/violations").json()["mandrill"]["requests"] == 1
