"""What happened, in the words of each vendor's webhooks."""

import hashlib
from datetime import UTC, datetime
from typing import Any

import orjson

from sandbox import intercom_answers
from sandbox.hubspot_records import Record
from sandbox.hubspot_schema import PORTAL_ID, SINGULAR
from sandbox.intercom_answers import APP_ID
from sandbox.intercom_records import Company, Contact, Conversation, IntercomRecords, Part, Ticket
from sandbox.intercom_tickets import ticket_json
from sandbox.mailchimp_records import LIST_ID, Campaign, Member

ANNOUNCED = ("contacts", "companies", "deals", "tickets", "products", "line_items")
HUBSPOT_APP = 1_160_452
EVENT_IDS = 997  # HubSpot's event ids are not unique: these come round again


def hubspot_event(
    what: str, record: Record, at: int, place: int, seed: int, source: str, more: dict[str, Any]
) -> dict[str, Any] | None:
    """One event; None for what HubSpot announces to nobody. `place` counts the events."""
    other = more.pop("other", None)
    if record.kind not in ANNOUNCED or (other is not None and other.kind not in ANNOUNCED):
        return None
    name = SINGULAR[record.kind]
    kind = f"{name}.{what}"
    event: dict[str, Any] = {
        "eventId": 100 + place % EVENT_IDS,
        "subscriptionId": int(hashlib.md5(kind.encode(), usedforsecurity=False).hexdigest()[:6], 16),
        "portalId": PORTAL_ID + seed,
        "appId": HUBSPOT_APP,
        "occurredAt": at,
        "subscriptionType": kind,
        "attemptNumber": 0,
        "changeSource": source,
    }
    if other is not None:
        event |= {
            "associationType": f"{name}_to_{SINGULAR[other.kind]}".upper(),
            "fromObjectId": record.id,
            "toObjectId": other.id,
        }
    else:
        event["objectId"] = record.id
    if what in ("creation", "deletion", "privacyDeletion"):
        event["changeFlag"] = "NEW" if what == "creation" else "DELETED"
    return {**event, **more}


def intercom_notification(
    records: IntercomRecords, topic: str, about: object, at: int, place: int, seed: int, part: Part | None
) -> dict[str, Any]:
    """One notification with the object as it is now; a conversation brings its newest part alone."""
    mark = hashlib.md5(f"{seed}/notification/{place}".encode(), usedforsecurity=False).hexdigest()
    number = f"notif_{mark[:8]}-{mark[8:12]}-{mark[12:16]}-{mark[16:20]}-{mark[20:32]}"
    return {
        "type": "notification_event",
        "app_id": f"{APP_ID}{seed}",
        "id": number,
        "topic": topic,
        "created_at": at,
        "first_sent_at": at,
        "delivery_attempts": 1,
        "delivery_status": "pending",
        "delivered_at": 0,
        "self": None,
        "links": {},
        "data": {"type": "notification_event_data", "item": _item(records, topic, about, part)},
    }


def _item(records: IntercomRecords, topic: str, about: object, part: Part | None) -> object:
    if isinstance(about, Contact):
        if topic == "contact.deleted":
            return {"type": "contact", "id": about.id, "external_id": about.external_id or None}
        return orjson.loads(orjson.dumps(intercom_answers.contact(records, about)))
    if isinstance(about, Company):
        return orjson.loads(orjson.dumps(intercom_answers.company(about)))
    if isinstance(about, Ticket):
        return ticket_json(records, about)
    if not isinstance(about, Conversation):
        raise TypeError(topic)
    if topic == "conversation.deleted":
        return {"type": "conversation", "id": str(about.id)}
    body = intercom_answers.whole_conversation(records, about, most=1)
    if part is None:
        body["conversation_parts"]["conversation_parts"] = []
    shown = body["conversation_parts"]["conversation_parts"]
    body["conversation_parts"]["total_count"] = len(shown)
    return body


def mailchimp_form(what: str, about: object, at: datetime, more: dict[str, Any]) -> dict[str, str]:
    """The fields of one form, flat, as they are posted."""
    form = {"type": what, "fired_at": f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"}
    if isinstance(about, Campaign):
        return form | {
            "data[id]": about.id,
            "data[subject]": about.subject,
            "data[status]": "sent",
            "data[reason]": "",
            "data[list_id]": LIST_ID,
        }
    if not isinstance(about, Member):
        raise TypeError(what)
    if what == "upemail":
        return form | {
            "data[list_id]": LIST_ID,
            "data[new_id]": about.unique_email_id,
            "data[new_email]": about.email,
            "data[old_email]": str(more["before"]),
        }
    if what == "cleaned":
        return form | {
            "data[list_id]": LIST_ID,
            "data[campaign_id]": about.campaign,
            "data[reason]": "hard",
            "data[email]": about.email,
        }
    if what == "unsubscribe":
        form |= {
            "data[action]": str(more.get("action", "unsub")),
            "data[reason]": "manual",
            "data[campaign_id]": about.campaign,
        }
    return form | {
        "data[id]": about.unique_email_id,
        "data[list_id]": LIST_ID,
        "data[email]": about.email,
        "data[email_type]": "html",
        "data[web_id]": str(about.web_id),
        "data[merges][EMAIL]": about.email,
        **{f"data[merges][{name}]": str(value) for name, value in about.merge_fields.items()},
    }
