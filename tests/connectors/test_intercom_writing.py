"""Writing into Intercom: what is sent, and how a part of a conversation is recognised."""

from datetime import UTC, datetime
from typing import Any

import httpx
import orjson
import pytest

from connectors.errors import HandOverUnknown, NotFound, UnexpectedData
from connectors.intercom_conversation import Part, conversation_in
from connectors.intercom_write import IntercomWrites
from tests.connectors.connector_doubles import answering, transport_to

AT = 1_772_447_400


def said(**changes: Any) -> dict[str, Any]:
    part = {
        "type": "conversation_part",
        "id": 17,
        "part_type": "assignment",
        "body": None,
        "created_at": AT,
        "author": {"type": "admin", "id": "274"},
        "assigned_to": {"type": "team", "id": 5017691},
    }
    usual = {
        "id": "471",
        "state": "snoozed",
        "snoozed_until": AT + 60,
        "admin_assignee_id": 991267715,
        "team_assignee_id": None,
        "tags": {"type": "tag.list", "tags": [{"type": "tag", "id": "9", "name": "Billing"}]},
        "custom_attributes": {"topic": "billing"},
        "conversation_parts": {"conversation_parts": [part], "total_count": 1},
    }
    return {**usual, **changes}


def test_a_conversation_is_told_as_it_is() -> None:
    found = conversation_in(said())
    at = datetime.fromtimestamp(AT, UTC)
    assert (found.state, found.snoozed_until) == ("snoozed", datetime.fromtimestamp(AT + 60, UTC))
    assert (found.admin_id, found.team_id) == ("991267715", None)
    assert (found.tags, found.attributes) == ({"billing": "9"}, {"topic": "billing"})
    assert found.parts == (Part("17", "assignment", "274", "", at, "5017691"),)


@pytest.mark.parametrize("lost", ["state", "tags", "conversation_parts"])
def test_a_conversation_that_lost_a_field_is_not_guessed_at(lost: str) -> None:
    broken = said()
    del broken[lost]
    with pytest.raises(UnexpectedData, match="not as documented"):
        conversation_in(broken)


@pytest.mark.parametrize(
    ("body", "text", "same"),
    [
        ("<p>It is done.</p>", "It is done.", True),
        ("<p>It is done.</p>", "<p>It is done.</p>", True),
        ("<p>One.<br>Two.</p>\n<p>Three.</p>", "One.\nTwo.\n\nThree.", True),
        ('<p>See <a href="https://a.example">https://a.example</a></p>', "See https://a.example", True),
        ("<p>3 &lt; 4 &amp; 5</p>", "3 < 4 & 5", True),
        ("<p>3 &lt; 4 and 6 &gt; 5</p>", "3 < 4 and 6 > 5", True),
        ("<p>a &lt;b&gt; c</p>", "a <b> c", True),
        ("<p>Año&nbsp;nuevo</p>", "Año nuevo", True),
        ("<p>It is done!</p>", "It is done.", False),
        ("<p>It is done. Bye.</p>", "It is done.", False),
        ("<p></p>", "It is done.", False),
    ],
)
def test_a_text_is_recognised_whatever_became_of_its_markup(body: str, text: str, same: bool) -> None:
    part = Part("1", "comment", "274", body, datetime.fromtimestamp(AT, UTC), None)
    assert part.says(text) is same


@pytest.mark.parametrize(
    ("write", "path", "body"),
    [
        (
            lambda to: to.reply("471", "274", "Done."),
            "/conversations/471/reply",
            {"message_type": "comment", "type": "admin", "admin_id": "274", "body": "Done."},
        ),
        (
            lambda to: to.note("471", "274", "A draft."),
            "/conversations/471/reply",
            {"message_type": "note", "type": "admin", "admin_id": "274", "body": "A draft."},
        ),
        (
            lambda to: to.assign("471", "274", "team", "5017691"),
            "/conversations/471/parts",
            {"message_type": "assignment", "type": "team", "admin_id": "274", "assignee_id": "5017691"},
        ),
        (
            lambda to: to.close("471", "274"),
            "/conversations/471/parts",
            {"message_type": "close", "type": "admin", "admin_id": "274"},
        ),
        (
            lambda to: to.open("471", "274"),
            "/conversations/471/parts",
            {"message_type": "open", "type": "admin", "admin_id": "274"},
        ),
        (
            lambda to: to.snooze("471", "274", datetime.fromtimestamp(AT, UTC)),
            "/conversations/471/parts",
            {"message_type": "snoozed", "type": "admin", "admin_id": "274", "snoozed_until": AT},
        ),
    ],
    ids=["reply", "note", "assign", "close", "open", "snooze"],
)
@pytest.mark.parametrize("answer", [httpx.ReadTimeout("slow"), httpx.Response(502)])
def test_what_adds_a_part_is_sent_once_and_its_lost_answer_is_no_failure(
    write: Any, path: str, body: dict[str, Any], answer: httpx.Response | Exception
) -> None:
    handler, seen = answering(httpx.Response(200, json=said()))
    assert write(IntercomWrites(transport_to(handler))).parts[0].id == "17"
    assert [(request.method, request.url.path) for request in seen] == [("POST", path)]
    assert orjson.loads(seen[0].content) == body
    handler, seen = answering(answer)
    with pytest.raises(HandOverUnknown):
        write(IntercomWrites(transport_to(handler)))
    assert len(seen) == 1


def test_a_tag_is_named_and_intercom_says_its_id() -> None:
    handler, seen = answering(httpx.Response(200, json={"type": "tag", "id": "9", "name": "Billing"}))
    IntercomWrites(transport_to(handler)).tag("471", "274", "Billing")
    assert [(request.url.path, orjson.loads(request.content)) for request in seen] == [
        ("/tags", {"name": "Billing"}),
        ("/conversations/471/tags", {"id": "9", "admin_id": "274"}),
    ]


def test_taking_a_tag_off_names_the_colleague_too() -> None:
    handler, seen = answering(httpx.Response(200, json={"id": "9"}))
    IntercomWrites(transport_to(handler)).untag("471", "274", "9")
    assert (seen[0].method, seen[0].url.path) == ("DELETE", "/conversations/471/tags/9")
    assert orjson.loads(seen[0].content) == {"admin_id": "274"}


def test_a_contact_that_was_merged_away_is_not_found() -> None:
    handler, _ = answering(httpx.Response(404, json={"errors": [{"code": "not_found"}]}))
    with pytest.raises(NotFound):
        IntercomWrites(transport_to(handler)).contact("6762f0f31bb69f9f2193bb8b")
