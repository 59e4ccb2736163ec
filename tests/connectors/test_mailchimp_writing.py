"""Writing into Mailchimp: nobody is subscribed again, nothing starts an automation but a trigger."""

from datetime import UTC, datetime

import httpx
import orjson
import pytest

from connectors.errors import HandOverUnknown, NotFound, NotWanted, Refused
from connectors.mailchimp_write import MailchimpWrites
from tests.connectors.connector_doubles import answering, transport_to

ANA = "Ana@Client.example"
HASH = "26a08b483c40cffc52702131353e2bac"  # md5 of the lower-case address
AT = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)


def problem(title: str, status: int = 400) -> httpx.Response:
    return httpx.Response(status, json={"title": title, "status": status, "detail": f"{ANA} no"})


def test_a_member_is_put_without_a_status_of_their_own() -> None:
    handler, seen = answering(httpx.Response(200, json={"status": "unsubscribed"}))
    status = MailchimpWrites(transport_to(handler)).upsert(
        "l1", ANA, status_if_new="pending", merge_fields={"FNAME": "Ana"}
    )
    assert status == "unsubscribed"
    assert (seen[0].method, seen[0].url.path) == ("PUT", f"/lists/l1/members/{HASH}")
    assert orjson.loads(seen[0].content) == {
        "email_address": ANA,
        "status_if_new": "pending",
        "merge_fields": {"FNAME": "Ana"},
    }


@pytest.mark.parametrize(
    ("title", "word"),
    [("Member In Compliance State", "compliance_state"), ("Forgotten Email Not Subscribed", "forgotten")],
)
def test_what_a_person_decided_is_the_end_of_it(title: str, word: str) -> None:
    handler, seen = answering(problem(title))
    with pytest.raises(NotWanted) as end:
        MailchimpWrites(transport_to(handler)).upsert("l1", ANA, status_if_new="subscribed", merge_fields={})
    assert (end.value.code, len(seen)) == (word, 1)
    assert "client" not in str(end.value).lower()


def test_any_other_refusal_stays_one() -> None:
    handler, _ = answering(problem("Invalid Resource"))
    with pytest.raises(Refused) as refused:
        MailchimpWrites(transport_to(handler)).upsert("l1", ANA, status_if_new="subscribed", merge_fields={})
    assert not isinstance(refused.value, NotWanted)


def test_tags_and_events_start_no_automation() -> None:
    handler, seen = answering(httpx.Response(204))
    to = MailchimpWrites(transport_to(handler))
    to.set_tags("l1", ANA, {"onboarded": True, "lead": False})
    to.send_event("l1", ANA, "first_import", {"rows": "12"}, "[tenfold:1]", AT)
    tags, event = (orjson.loads(request.content) for request in seen)
    assert tags == {
        "tags": [{"name": "onboarded", "status": "active"}, {"name": "lead", "status": "inactive"}],
        "is_syncing": True,
    }
    assert event == {
        "name": "first_import",
        "properties": {"rows": "12", "tenfold": "[tenfold:1]"},
        "is_syncing": True,
        "occurred_at": "2026-03-02T10:30:00+00:00",
    }


def test_more_tags_than_a_member_shows_are_all_known() -> None:
    pages = [
        {"tags": [{"name": f"Tag {n}"} for n in range(1000)], "total_items": 1001},
        {"tags": [{"name": "Last"}], "total_items": 1001},
    ]
    handler, seen = answering(*(httpx.Response(200, json=page) for page in pages))
    found = MailchimpWrites(transport_to(handler)).tags("l1", ANA)
    assert {"tag 0", "tag 999", "last"} <= found
    assert [request.url.params["offset"] for request in seen] == ["0", "1000"]


@pytest.mark.parametrize(
    "write",
    [
        lambda to: to.send_event("l1", ANA, "first_import", {}, "[tenfold:1]", AT),
        lambda to: to.trigger("12", "3", ANA),
    ],
    ids=["event", "journey"],
)
@pytest.mark.parametrize("answer", [httpx.ReadTimeout("slow"), httpx.Response(500)])
def test_what_may_not_be_done_twice_is_sent_once(write, answer: httpx.Response | Exception) -> None:
    handler, seen = answering(answer)
    with pytest.raises(HandOverUnknown):
        write(MailchimpWrites(transport_to(handler)))
    assert len(seen) == 1


def test_an_audience_without_the_member_says_none_and_its_tags_are_not_found() -> None:
    handler, _ = answering(problem("Resource Not Found", 404))
    to = MailchimpWrites(transport_to(handler))
    assert to.member("l1", ANA) is None
    with pytest.raises(NotFound):
        to.tags("l1", ANA)
