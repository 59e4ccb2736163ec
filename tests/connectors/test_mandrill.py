"""Mailchimp Transactional: a 200 is not success, an error is what its name says, silence proves nothing."""

from datetime import UTC, datetime

import httpx
import orjson
import pytest

from connectors.errors import (
    ConnectorError,
    FixConfig,
    HandOverUnknown,
    NotCertain,
    PermanentRefusal,
    Refused,
    RetryLater,
    UnexpectedData,
)
from connectors.mandrill import Mandrill, explain
from tests.connectors.connector_doubles import answering, transport_to

ANA = "ana@client.example"
SINCE = datetime(2026, 3, 2, 0, 30, tzinfo=UTC)


def account(*answers: httpx.Response | Exception) -> tuple[Mandrill, list[httpx.Request]]:
    handler, seen = answering(*answers)
    return Mandrill(transport_to(handler, explain=explain), "md-SECRET"), seen


def send(to: Mandrill) -> str:
    return to.send_template("welcome", ANA, "[tenfold:1]", variables={"first_name": "Ana"})


def row(**changes: object) -> dict:
    return {"email": ANA, "status": "sent", "reject_reason": None, "_id": "abc", **changes}


def error(name: str, status: int = 500) -> httpx.Response:
    said = {"status": "error", "code": -1, "name": name, "message": f"{ANA} is wrong"}
    return httpx.Response(status, json=said)


def test_a_mail_carries_its_marker_and_the_key_only_in_the_body() -> None:
    to, seen = account(httpx.Response(200, json=[row()]))
    assert send(to) == "abc"
    assert seen[0].url.path == "/messages/send-template.json"
    assert orjson.loads(seen[0].content) == {
        "key": "md-SECRET",
        "template_name": "welcome",
        "template_content": [],
        "message": {
            "to": [{"email": ANA, "type": "to"}],
            "global_merge_vars": [{"name": "first_name", "content": "Ana"}],
            "metadata": {"tenfold": "[tenfold:1]"},
        },
    }


def test_a_mail_in_our_own_words_has_our_sender() -> None:
    to, seen = account(httpx.Response(200, json=[row()]))
    words = {
        "sender": "us@tenfold.example",
        "sender_name": "Us",
        "subject": "Hi",
        "text": "Hi.",
        "html": None,
    }
    assert to.send(ANA, "[tenfold:1]", **words) == "abc"
    assert seen[0].url.path == "/messages/send.json"
    assert orjson.loads(seen[0].content)["message"] == {
        "to": [{"email": ANA, "type": "to"}],
        "metadata": {"tenfold": "[tenfold:1]"},
        "from_email": "us@tenfold.example",
        "from_name": "Us",
        "subject": "Hi",
        "text": "Hi.",
    }


@pytest.mark.parametrize("status", ["sent", "queued", "scheduled"])
def test_what_mandrill_took_is_sent(status: str) -> None:
    assert send(account(httpx.Response(200, json=[row(status=status)]))[0]) == "abc"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (row(status="rejected", reject_reason="hard-bounce"), "rejected (hard-bounce)"),
        (row(status="invalid"), "invalid (no reason given)"),
        (row(status="rejected", reject_reason=f"{ANA} is on a list"), "rejected (no reason given)"),
    ],
)
def test_a_200_that_turned_the_address_away_is_a_refusal_with_its_reason(answer: dict, reason: str) -> None:
    with pytest.raises(PermanentRefusal) as refused:
        send(account(httpx.Response(200, json=[answer]))[0])
    assert reason in str(refused.value)
    assert "ana" not in str(refused.value)


@pytest.mark.parametrize("answer", [[], [row(), row()], [row(status="dreaming")], [row(_id="")]])
def test_an_answer_that_says_nothing_known_is_not_taken_for_success(answer: list) -> None:
    with pytest.raises(UnexpectedData):
        send(account(httpx.Response(200, json=answer))[0])


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error("Invalid_Key"), FixConfig),
        (error("Invalid_Key", 401), FixConfig),
        (error("PaymentRequired"), FixConfig),
        (error("Unknown_Template"), Refused),
        (error("ValidationError"), Refused),
        (error("ServiceUnavailable"), RetryLater),
        # Mandrill itself does not know what became of it.
        (error("GeneralError"), HandOverUnknown),
        (error("NeverHeardOf"), HandOverUnknown),
        (httpx.Response(502, content=b"<html>"), HandOverUnknown),
        (httpx.ReadTimeout("slow"), HandOverUnknown),
        (httpx.Response(200, json={"status": "sent"}), HandOverUnknown),
        (error("Too_Many_Requests", 429), RetryLater),
    ],
)
def test_an_error_means_what_its_name_says_whatever_its_status(
    answer: httpx.Response | Exception, kind: type[ConnectorError]
) -> None:
    to, seen = account(answer)
    with pytest.raises(kind) as raised:
        send(to)
    assert type(raised.value) is kind
    assert "ana" not in str(raised.value)
    assert "SECRET" not in str(raised.value)
    assert len(seen) == (6 if kind is RetryLater else 1)


def test_a_mail_is_found_by_its_marker_among_those_to_the_person() -> None:
    found = [
        {"_id": "other", "state": "sent", "metadata": {"tenfold": "[tenfold:2]"}},
        {"_id": "plain", "state": "sent", "metadata": None},
        {"_id": "mine", "state": "bounced", "metadata": {"tenfold": "[tenfold:1]"}},
    ]
    to, seen = account(httpx.Response(200, json=found))
    assert to.find(ANA, "[tenfold:1]", SINCE) == "mine"
    asked = orjson.loads(seen[0].content)
    assert (asked["query"], asked["date_from"]) == (f"full_email:{ANA}", "2026-03-01")


def test_a_mail_that_is_not_shown_may_have_been_sent_all_the_same() -> None:
    with pytest.raises(NotCertain):
        account(httpx.Response(200, json=[]))[0].find(ANA, "[tenfold:1]", SINCE)


def test_a_mail_that_was_turned_away_is_found_as_such() -> None:
    found = {"_id": "a", "state": "rejected", "reject_reason": "spam", "metadata": {"tenfold": "[tenfold:1]"}}
    with pytest.raises(PermanentRefusal, match="spam"):
        account(httpx.Response(200, json=[found]))[0].find(ANA, "[tenfold:1]", SINCE)


def test_a_search_that_fails_may_be_asked_again() -> None:
    to, seen = account(error("GeneralError"))
    with pytest.raises(RetryLater):
        to.find(ANA, "[tenfold:1]", SINCE)
    assert len(seen) == 6
