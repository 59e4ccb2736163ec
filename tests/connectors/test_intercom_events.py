"""Which records an Intercom notification is about."""

import pytest

from connectors.intercom_events import affected

MESSAGE = {
    "type": "conversation",
    "id": "403918320",
}  # a conversation's `source` is a message with its own id


def event(topic: str, **item: object) -> dict:
    return {
        "type": "notification_event",
        "id": "notif_1",
        "topic": topic,
        "data": {"type": "notification_event_data", "item": item},
    }


CASES = [
    (
        event("conversation.user.replied", type="conversation", id="471", source=MESSAGE),
        [("conversations", "471")],
    ),
    (event("conversation.admin.closed", type="conversation", id=471), [("conversations", "471")]),
    (event("conversation.deleted", type="conversation", id="471"), [("conversations", "471")]),
    (event("conversation.deleted", conversation_id="471"), [("conversations", "471")]),
    (
        event(
            "conversation.contact.attached", type="conversation_contact", conversation=MESSAGE | {"id": "9"}
        ),
        [("conversations", "9")],
    ),
    (
        event("conversation_part.tag.created", type="conversation_part", id="1", conversation={"id": "471"}),
        [("conversations", "471")],
    ),
    (event("contact.user.updated", type="contact", id="c1", external_id="70"), [("contacts", "c1")]),
    (event("contact.deleted", type="contact", id="c1"), [("contacts", "c1")]),
    (event("contact.archived", type="contact", id="c1"), [("contacts", "c1")]),
    (
        event(
            "contact.tag.created",
            type="contact_tag",
            tag={"type": "tag", "id": "t"},
            contact={"type": "contact", "id": "c1"},
        ),
        [("contacts", "c1")],
    ),
    (
        event("contact.merged", type="contact", id="c1", merge_history=[{"source_contact_id": "c0"}]),
        [("contacts", "c1"), ("contacts", "c0")],
    ),
    (
        event(
            "contact.merged", into={"type": "contact", "id": "c1"}, **{"from": {"type": "lead", "id": "c0"}}
        ),
        [("contacts", "c1"), ("contacts", "c0")],
    ),
    (event("user.created", type="user", id="c1", user_id="70"), [("contacts", "c1")]),
    (event("company.updated", type="company", id="k1", company_id="remote-9"), [("companies", "k1")]),
    (
        event("company.contact.attached", company={"type": "company", "id": "k1"}, contact={"id": "c1"}),
        [("companies", "k1")],
    ),
    (event("ticket.state.updated", type="ticket", id="631", ticket_id="38"), [("tickets", "631")]),
    (
        event("ticket.note.created", ticket={"type": "ticket", "id": "631"}, ticket_part={"id": "4"}),
        [("tickets", "631")],
    ),
    (event("ping", type="ping", message="something something"), []),
    (event("admin.logged_in", type="admin", id="1"), []),
    (event("conversation.user.created", type="conversation"), []),
    ({"topic": "conversation.user.created", "data": None}, []),
    ({"type": "notification_event"}, []),
]


@pytest.mark.parametrize(
    ("notification", "keys"), CASES, ids=lambda value: value.get("topic") if isinstance(value, dict) else ""
)
def test_a_notification_names_the_records_to_read_again(notification: dict, keys: list) -> None:
    assert affected(notification) == keys
