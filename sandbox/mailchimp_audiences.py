"""Mailchimp's beta of audiences: contacts by cursor, which loses nobody while the set moves."""

from __future__ import annotations

import base64
from bisect import bisect_left, bisect_right
from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from sandbox import mailchimp_answers as show
from sandbox.mailchimp_answers import FOUND_NOTHING, Refused
from sandbox.mailchimp_records import LIST_ID, MailchimpRecords, Member
from sandbox.messages import Answer, Request

if TYPE_CHECKING:
    from sandbox.mailchimp import MailchimpServer

MOST_PER_PAGE = 1_000
Key = tuple[datetime, str]  # the time sorted by, and the contact's id
CONSENT = {"subscribed": "confirmed", "pending": "unknown", "unsubscribed": "denied"}


def add_routes(server: MailchimpServer) -> None:
    """Register the endpoints."""
    audiences = Audiences(server)
    add = server.routes.add
    contacts = "/3.0/audiences/{audience}/contacts"
    add("GET", contacts, audiences.contacts)
    add("GET", contacts + "/{contact}", audiences.contact)


class Audiences:
    """The handlers; with the fault `no_cursor` this account does not have the beta."""

    def __init__(self, server: MailchimpServer) -> None:
        self.server = server
        self._last: tuple[object, list[Key], list[Member]] | None = None

    def contacts(self, request: Request, given: str) -> Answer:
        """A page of contacts, archived ones too; a full page has the cursor of the next one."""
        self._open(given)
        count = self.server.number(request, "count", 10, MOST_PER_PAGE)
        keys, rows = self._chosen(request)
        cursor = request.param("cursor")
        if request.param("sort_dir").upper() == "DESC":
            end = bisect_left(keys, _opened(cursor)) if cursor else len(keys)
            start = max(0, end - count)
            page, edge = rows[start:end][::-1], start
        else:
            start = bisect_right(keys, _opened(cursor)) if cursor else 0
            page, edge = rows[start : start + count], start + count - 1
        body: dict[str, Any] = {
            "contacts": [_contact(self.server.records, each) for each in page],
            "_links": [show.link("self", f"/audiences/{given}/contacts")],
        }
        if page and len(page) == count:
            # It may be that nothing follows: the next page is empty then.
            body["next_cursor"] = _sealed(keys[edge])
        return self.server.shaped(request, body)

    def contact(self, request: Request, given: str, who: str) -> Answer:
        """One contact by its id."""
        self._open(given)
        member = self.server.records.members.get(who)
        if member is None:
            raise Refused(404, *FOUND_NOTHING)
        return self.server.shaped(request, _contact(self.server.records, member))

    def _open(self, given: str) -> None:
        if self.server.world.faults.has("no_cursor", self.server.name):
            raise Refused(404, *FOUND_NOTHING)
        self.server.known_list(given)

    def _chosen(self, request: Request) -> tuple[list[Key], list[Member]]:
        """The contacts in the windows asked for, in ascending order; "since" is open, "before" is closed."""
        field = request.param("sort_field") or "created_at"
        if field not in ("created_at", "updated_at"):
            wrong = {"field": "sort_field", "message": "Value must be one of created_at, updated_at."}
            raise Refused(400, "Invalid Resource", "The resource submitted could not be validated.", [wrong])
        names = ("created_since", "created_before", "updated_since", "updated_before")
        windows = tuple(self.server.time(request, name) for name in names)
        mark = (field, windows, self.server.records.version)
        if self._last is not None and self._last[0] == mark:
            return self._last[1], self._last[2]
        since, before, changed_since, changed_before = windows
        chosen = [
            each
            for each in self.server.records.members.values()
            if (since is None or each.signed_up > since)
            and (before is None or each.signed_up <= before)
            and (changed_since is None or each.changed > changed_since)
            and (changed_before is None or each.changed <= changed_before)
        ]
        at = "signed_up" if field == "created_at" else "changed"
        chosen.sort(key=lambda each: (getattr(each, at), each.contact_id))
        keys = [(getattr(each, at), each.contact_id) for each in chosen]
        self._last = (mark, keys, chosen)
        return keys, chosen


def _sealed(key: Key) -> str:
    return base64.urlsafe_b64encode(orjson.dumps([key[0].isoformat(), key[1]])).decode()


def _opened(cursor: str) -> Key:
    try:
        at, contact = orjson.loads(base64.urlsafe_b64decode(cursor))
        return datetime.fromisoformat(at), str(contact)
    except (ValueError, TypeError):
        wrong = {"field": "cursor", "message": "This value is not a valid cursor."}
        raise Refused(
            400, "Invalid Resource", "The resource submitted could not be validated.", [wrong]
        ) from None


def _contact(records: MailchimpRecords, one: Member) -> dict[str, Any]:
    source = {"name": one.source}
    consent: dict[str, Any] = {"status": CONSENT.get(one.status, "unknown"), "source": source}
    if consent["status"] == "confirmed":
        consent["captured_at"] = show.stamp(one.signed_up)
    return {
        "id": one.contact_id,
        "audience_id": LIST_ID,
        "status": "archived" if one.status == "archived" else "active",
        "email_channel": {
            "email": one.email,
            "hashed_email": one.id,
            "marketing_consent": consent,
            "effective_subscription_status": {"value": one.status},
            "source": source,
        },
        "language": one.language,
        "merge_fields": one.merge_fields,
        "tags": [records.tags[number] for number in one.tags],
        "source": source,
        "created_at": show.stamp(one.signed_up),
        "last_updated_at": show.stamp(one.changed),
    }
