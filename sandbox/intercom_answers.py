"""Intercom's words: its records as JSON and its errors.

Fields that Intercom's own description calls never null are left out where there is nothing to say.
"""

from random import Random
from typing import Any
from uuid import UUID

import orjson

from sandbox.intercom_records import (
    Company,
    Contact,
    Conversation,
    IntercomRecords,
    Part,
)
from sandbox.intercom_team import ADMIN_IDS, BOT_EMAIL, BOT_ID, STAFF_OF_ADMIN
from sandbox.messages import Answer, said

APP_ID = "tf9demo1"
MOST_PARTS = 500
STARTED_AT = 1_759_300_000  # when the workspace was made
_dice = Random("intercom/request")


class Refused(Exception):
    """A request that Intercom answers with an error; carries that answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.answer = problem(status, code, message)


def request_id() -> str:
    """The id that every answer carries."""
    return str(UUID(int=_dice.getrandbits(128), version=4))


def problem(status: int, code: str, message: str) -> Answer:
    """An error.list."""
    body = {
        "type": "error.list",
        "request_id": request_id(),
        "errors": [{"code": code, "message": message}],
    }
    return said(body, status)


def contact(records: IntercomRecords, one: Contact) -> orjson.Fragment:
    """A contact."""
    if one.shown is None:
        one.shown = orjson.dumps(_contact(records, one))
    return orjson.Fragment(one.shown)


def _contact(records: IntercomRecords, one: Contact) -> dict[str, Any]:
    base = f"/contacts/{one.id}"
    companies = [
        {"type": "company", "id": each, "url": f"/companies/{each}"}
        for each in one.companies
        if each in records.companies
    ]
    tags = [{"type": "tag", "id": each, "url": f"/tags/{each}"} for each in one.tags]
    notes = [{"type": "note", "id": each["id"], "url": f"/notes/{each['id']}"} for each in one.notes]
    return {
        "type": "contact",
        "id": one.id,
        "workspace_id": APP_ID,
        "external_id": one.external_id or None,
        "role": one.role,
        "email": one.email,
        "email_domain": one.email.partition("@")[2],
        "phone": one.phone,
        "name": one.name,
        "avatar": None,
        "owner_id": None,
        "social_profiles": {"type": "list", "data": []},
        "has_hard_bounced": one.bounced,
        "marked_email_as_spam": False,
        "unsubscribed_from_emails": one.unsubscribed,
        "created_at": one.created,
        "updated_at": one.updated,
        "signed_up_at": one.created if one.role == "user" else None,
        "last_seen_at": None,
        "last_replied_at": one.last_replied,
        "last_contacted_at": None,
        "last_email_opened_at": None,
        "last_email_clicked_at": None,
        "language_override": one.language or None,
        "browser": None,
        "browser_version": None,
        "browser_language": None,
        "os": None,
        "location": {"type": "location", "country": None, "region": None, "city": None},
        "custom_attributes": one.custom,
        "tags": {
            "type": "list",
            "data": tags,
            "url": f"{base}/tags",
            "total_count": len(tags),
            "has_more": False,
        },
        "notes": {
            "type": "list",
            "data": notes,
            "url": f"{base}/notes",
            "total_count": len(notes),
            "has_more": False,
        },
        "companies": {
            "type": "list",
            "data": companies,
            "url": f"{base}/companies",
            "total_count": len(companies),
            "has_more": False,
        },
        "merge_history": one.merged or None,
    }


def company(one: Company) -> orjson.Fragment:
    """A company."""
    if one.shown is None:
        one.shown = orjson.dumps(
            {
                "type": "company",
                "company_id": one.company_id,
                "id": one.id,
                "app_id": APP_ID,
                "name": one.name,
                "remote_created_at": one.created,
                "created_at": one.created,
                "updated_at": one.updated,
                "monthly_spend": 0,
                "session_count": 0,
                "user_count": len(one.contacts),
                "website": one.website,
                "industry": one.industry,
                "tags": {"type": "tag.list", "tags": []},
                "segments": {"type": "segment.list", "segments": []},
                "plan": {"type": "plan", "id": one.plan, "name": one.plan} if one.plan else {},
                "custom_attributes": one.custom,
            }
        )
    return orjson.Fragment(one.shown)


def conversation(records: IntercomRecords, one: Conversation) -> orjson.Fragment:
    """A conversation as in lists, without its parts."""
    if one.shown is None:
        one.shown = orjson.dumps(_conversation(records, one))
    return orjson.Fragment(one.shown)


def whole_conversation(
    records: IntercomRecords, one: Conversation, *, plain: bool = False, most: int = MOST_PARTS
) -> dict[str, Any]:
    """A conversation with its parts, the `most` recent of them: 500 as the API shows it."""
    parts = one.parts[-most:]
    body = _conversation(records, one)
    if plain:
        body["source"]["body"] = one.body
    body["conversation_parts"] = {
        "type": "conversation_part.list",
        "conversation_parts": [_part(records, each, plain=plain) for each in parts],
        "total_count": len(one.parts),
    }
    return body


def _conversation(records: IntercomRecords, one: Conversation) -> dict[str, Any]:
    person = records.contacts.get(one.contact)
    writer = _person(person) if person else {"type": "user", "id": one.contact, "name": None, "email": None}
    body: dict[str, Any] = {
        "type": "conversation",
        "id": str(one.id),
        "title": one.subject or None,
        "created_at": one.created,
        "updated_at": one.updated,
        "waiting_since": one.waiting_since,
        "snoozed_until": one.snoozed_until,
        "source": {
            "type": "conversation",
            "id": str(one.id + 500),
            "delivered_as": "customer_initiated",
            "subject": f"<p>{one.subject}</p>" if one.subject else "",
            "body": f"<p>{one.body}</p>",
            "author": writer,
            "attachments": [],
            "url": None,
            "redacted": False,
        },
        "contacts": {
            "type": "contact.list",
            "contacts": [
                {
                    "type": "contact",
                    "id": one.contact,
                    "external_id": (person.external_id or None) if person else None,
                }
            ],
        },
        "first_contact_reply": {"created_at": one.created, "type": "conversation", "url": None},
        "open": one.state != "closed",
        "state": one.state,
        "read": one.read,
        "tags": {"type": "tag.list", "tags": [_tag(records, each, *one.tags[each]) for each in one.tags]},
        "priority": "none",
        "sla_applied": None,
        "statistics": _statistics(one),
        "conversation_rating": _rating(one, person),
        "teammates": _teammates(one),
        "custom_attributes": one.custom,
        "linked_objects": linked(
            [{"type": "ticket", "id": str(each), "category": "Customer"} for each in one.tickets]
        ),
        "ai_agent_participated": any(part.author[0] == "bot" for part in one.parts),
    }
    if one.admin is not None:
        body["admin_assignee_id"] = one.admin
    if one.team is not None:
        body["team_assignee_id"] = one.team
    return body


def linked(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The list of what belongs to a conversation or ticket."""
    return {"type": "list", "data": rows, "total_count": len(rows), "has_more": False}


def _teammates(one: Conversation) -> dict[str, Any]:
    seen = dict.fromkeys(ADMIN_IDS[part.author[1]] for part in one.parts if part.author[1] in ADMIN_IDS)
    return {"type": "admin.list", "teammates": [{"type": "admin", "id": str(each)} for each in seen]}


def _rating(one: Conversation, person: Contact | None) -> dict[str, Any] | None:
    if one.rating is None:
        return None
    body = {key: value for key, value in one.rating.items() if key != "admin"}
    body["contact"] = {
        "type": "contact",
        "id": one.contact,
        "external_id": (person.external_id or None) if person else None,
    }
    body["teammate"] = {"type": "admin", "id": str(one.rating["admin"] or BOT_ID)}
    return body


def _tag(records: IntercomRecords, number: str, at: int, by: str) -> dict[str, Any]:
    return {
        "type": "tag",
        "id": number,
        "name": records.tags[number],
        "applied_at": at,
        "applied_by": {"type": "admin", "id": by},
    }


def _statistics(one: Conversation) -> dict[str, Any]:
    replies = [part.at for part in one.parts if part.kind == "comment" and part.author[0] == "admin"]
    from_contact = [one.created] + [
        part.at for part in one.parts if part.kind == "comment" and part.author[0] == "user"
    ]
    closes = [part for part in one.parts if part.kind == "close"]
    assigned = [part.at for part in one.parts if part.kind == "assignment"]
    body: dict[str, Any] = {
        "type": "conversation_statistics",
        "first_contact_reply_at": one.created,
        "last_contact_reply_at": from_contact[-1],
        "count_reopens": sum(part.kind == "open" for part in one.parts),
        "count_assignments": len(assigned),
        "count_conversation_parts": len(one.parts),
    }
    if replies:
        body |= {
            "time_to_admin_reply": replies[0] - one.created,
            "first_admin_reply_at": replies[0],
            "last_admin_reply_at": replies[-1],
            "median_time_to_reply": replies[0] - one.created,
        }
    if assigned:
        body |= {
            "time_to_assignment": assigned[0] - one.created,
            "first_assignment_at": assigned[0],
            "last_assignment_at": assigned[-1],
        }
    if closes:
        body |= {
            "time_to_first_close": closes[0].at - one.created,
            "time_to_last_close": closes[-1].at - one.created,
            "first_close_at": closes[0].at,
            "last_close_at": closes[-1].at,
            "last_closed_by_id": str(ADMIN_IDS.get(closes[-1].author[1], BOT_ID)),
        }
    return body


def _part(records: IntercomRecords, part: Part, *, plain: bool) -> dict[str, Any]:
    text = part.body if plain or not part.body else f"<p>{part.body}</p>"
    body: dict[str, Any] = {
        "type": "conversation_part",
        "id": str(part.id),
        "part_type": part.kind,
        "body": text or None,
        "created_at": part.at,
        "updated_at": part.at,
        "notified_at": part.at,
        "author": author(records, part.author),
        "attachments": [],
        "external_id": None,
        "redacted": False,
        "state": part.state,
        "tags": None,
        "app_package_code": None,
    }
    if part.assigned and part.assigned[1]:
        body["assigned_to"] = {"type": part.assigned[0], "id": str(part.assigned[1])}
    return body


def author(records: IntercomRecords, given: tuple[str, str]) -> dict[str, Any]:
    """Who did something: a contact, an admin or the bot."""
    kind, key = given
    if kind == "user":
        person = records.contacts.get(key)
        if person is not None:
            return _person(person)
        return {"type": "user", "id": key, "name": None, "email": "merged@tenfold.example"}
    number = ADMIN_IDS.get(key)
    if kind == "admin" and number is not None:
        person_ = STAFF_OF_ADMIN[number]
        name = f"{person_.first_name} {person_.last_name}"
        return {"type": "admin", "id": str(number), "name": name, "email": person_.email}
    return {"type": "bot", "id": str(BOT_ID), "name": "Tenfold bot", "email": BOT_EMAIL}


def _person(one: Contact) -> dict[str, Any]:
    return {"type": "user", "id": one.id, "name": one.name, "email": one.email}
