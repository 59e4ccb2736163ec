"""What Tenfold writes into Mailchimp: members, tags, events and steps of journeys.

Nobody is ever subscribed again: an existing member's `status` is not written, and where Mailchimp says that
a person does not want it, that is the end (NotWanted). Nothing here starts an automation but `trigger`.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from connectors.errors import NotFound, NotWanted, Refused, UnexpectedData
from connectors.transport import Reply, Transport, records_in

PAGE = 1000  # Mailchimp's maximum
MARK = "tenfold"  # the event property that carries our marker

NewStatus = Literal["subscribed", "pending", "transactional", "unsubscribed"]

# Mailchimp's titles for what a person decided, and our word for it.
WILL = {
    "Member In Compliance State": "compliance_state",
    "Forgotten Email Not Subscribed": "forgotten",
}
MEMBER = "/lists/{list}/members/{member}"


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an audience as it is now."""

    status: str
    merge_fields: Mapping[str, Any]
    language: str


class MailchimpWrites:
    """The writing half of an account's connector."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport

    def member(self, list_id: str, email: str) -> Member | None:
        """The member with that address, in whatever status; None when the audience has none."""
        try:
            said: Any = self._http.get(MEMBER, parts=_parts(list_id, email), purpose="act").data or {}
        except NotFound:
            return None
        if not said.get("status") or not isinstance(said.get("merge_fields"), dict):
            raise UnexpectedData("mailchimp: a member came without status or merge_fields.")
        return Member(str(said["status"]), said["merge_fields"], said.get("language") or "")

    def upsert(
        self,
        list_id: str,
        email: str,
        *,
        status_if_new: NewStatus,
        merge_fields: Mapping[str, object],
        language: str | None = None,
    ) -> str:
        """Make the member so; the status that it has. Doing it twice changes nothing more.

        Who is there already keeps their status, archived and unsubscribed too.
        """
        said: dict[str, object] = {
            "email_address": email,
            "status_if_new": status_if_new,
            "merge_fields": dict(merge_fields),
        }
        if language is not None:
            said["language"] = language
        reply = self._write("PUT", MEMBER, _parts(list_id, email), said)
        told: Any = reply.data or {}
        return str(told.get("status") or "")

    def tags(self, list_id: str, email: str) -> frozenset[str]:
        """The member's tags in lower case, all of them. Raises NotFound when there is no such member."""
        # The member itself shows at most 50.
        return frozenset(
            str(row.get("name", "")).lower()
            for row in self._pages(f"{MEMBER}/tags", _parts(list_id, email), "tags")
        )

    def set_tags(self, list_id: str, email: str, wanted: Mapping[str, bool]) -> None:
        """Put tags on (True) and off; tags not named stay. Starts no automation."""
        rows = [{"name": name, "status": "active" if on else "inactive"} for name, on in wanted.items()]
        said = {"tags": rows, "is_syncing": True}
        self._write("POST", f"{MEMBER}/tags", _parts(list_id, email), said)

    def send_event(
        self, list_id: str, email: str, name: str, properties: Mapping[str, str], marker: str, at: datetime
    ) -> None:
        """Note an event of a member's, with a marker among its properties. Starts no automation.

        Raises HandOverUnknown when the answer was lost; then ask `has_event` before doing it again.
        """
        said = {
            "name": name,
            "properties": {**properties, MARK: marker},
            "is_syncing": True,
            "occurred_at": at.astimezone(UTC).isoformat(timespec="seconds"),
        }
        self._write("POST", f"{MEMBER}/events", _parts(list_id, email), said, repeatable=False)

    def has_event(self, list_id: str, email: str, marker: str) -> bool:
        """Whether the member has the event with that marker."""
        rows = self._pages(f"{MEMBER}/events", _parts(list_id, email), "events")
        return any((row.get("properties") or {}).get(MARK) == marker for row in rows)

    def trigger(self, journey_id: str, step_id: str, email: str) -> None:
        """Send a contact into a step of a customer journey.

        Each call is one more pass through it, and nobody can be asked whether it was done: HandOverUnknown
        is then the end of what can be known.
        """
        self._write(
            "POST",
            "/customer-journeys/journeys/{journey}/steps/{step}/actions/trigger",
            {"journey": journey_id, "step": step_id},
            {"email_address": email},
            repeatable=False,
        )

    def _write(
        self,
        method: str,
        path: str,
        parts: Mapping[str, str],
        said: Mapping[str, object],
        *,
        repeatable: bool = True,
    ) -> Reply:
        try:
            return self._http.call(method, path, json=said, parts=parts, repeatable=repeatable, purpose="act")
        except Refused as refused:
            if refused.code in WILL:
                raise NotWanted(
                    f"mailchimp: {method} {path}: {refused.code}; that is the person's own doing and stays.",
                    WILL[refused.code],
                ) from None
            raise

    def _pages(self, path: str, parts: Mapping[str, str], field: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while True:
            params: dict[str, str | int | bool] = {"count": PAGE, "offset": len(found)}
            reply = self._http.get(path, params, parts=parts, purpose="act")
            rows = records_in(reply, field, f"mailchimp {field}")
            found += rows
            if not rows or len(found) >= int(reply.data.get("total_items") or 0):
                return found


def _parts(list_id: str, email: str) -> dict[str, str]:
    # Mailchimp names a member by this digest of the address; it is no secret and protects nothing.
    return {
        "list": list_id,
        "member": hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest(),
    }
