"""What Tenfold writes into Intercom: one call each, and the conversation as it is at that moment.

Intercom has no idempotency key, and each call adds a part that stays: whoever calls compares first.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from connectors.errors import UnexpectedData
from connectors.intercom_conversation import Conversation, conversation_in
from connectors.transport import Transport

Assignee = Literal["admin", "team"]


class IntercomWrites:
    """The writing half of a workspace's connector. Ids are Intercom's own, as text."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport

    def conversation(self, conversation_id: str) -> Conversation:
        """One conversation as it is now, from no index. Raises NotFound when it was deleted."""
        reply = self._http.get("/conversations/{id}", parts={"id": conversation_id}, purpose="act")
        return conversation_in(reply.data or {})

    def contact(self, contact_id: str) -> Mapping[str, Any]:
        """One contact as it is now. Raises NotFound when it was deleted or merged away."""
        said: Any = self._http.get("/contacts/{id}", parts={"id": contact_id}, purpose="act").data
        if not isinstance(said, dict) or not isinstance(said.get("custom_attributes"), dict):
            raise UnexpectedData("intercom: a contact came without its attributes.")
        return said

    # What adds a part: not repeatable, so a lost answer raises HandOverUnknown.

    def reply(self, conversation_id: str, admin_id: str, body: str) -> Conversation:
        """Answer the client, as that admin; the conversation with the answer in it."""
        return self._say("comment", conversation_id, admin_id, body)

    def note(self, conversation_id: str, admin_id: str, body: str) -> Conversation:
        """Write a note that only colleagues see."""
        return self._say("note", conversation_id, admin_id, body)

    def assign(self, conversation_id: str, admin_id: str, to: Assignee, assignee_id: str) -> Conversation:
        """Assign to a colleague or a team."""
        more = {"type": to, "assignee_id": assignee_id}
        return self._step("assignment", conversation_id, admin_id, more)

    def close(self, conversation_id: str, admin_id: str) -> Conversation:
        """Close it."""
        return self._step("close", conversation_id, admin_id)

    def open(self, conversation_id: str, admin_id: str) -> Conversation:
        """Open it again, also out of a snooze."""
        return self._step("open", conversation_id, admin_id)

    def snooze(self, conversation_id: str, admin_id: str, until: datetime) -> Conversation:
        """Hide it until an instant (aware; whole seconds)."""
        return self._step("snoozed", conversation_id, admin_id, {"snoozed_until": int(until.timestamp())})

    def _say(self, kind: str, conversation_id: str, admin_id: str, body: str) -> Conversation:
        said = {"message_type": kind, "type": "admin", "admin_id": admin_id, "body": body}
        return self._part("/conversations/{id}/reply", conversation_id, said)

    def _step(
        self, kind: str, conversation_id: str, admin_id: str, more: Mapping[str, object] | None = None
    ) -> Conversation:
        said = {"message_type": kind, "type": "admin", "admin_id": admin_id, **(more or {})}
        return self._part("/conversations/{id}/parts", conversation_id, said)

    def _part(self, path: str, conversation_id: str, said: Mapping[str, object]) -> Conversation:
        reply = self._http.call(
            "POST", path, json=said, parts={"id": conversation_id}, repeatable=False, purpose="act"
        )
        return conversation_in(reply.data or {})

    # What may be done twice.

    def tag(self, conversation_id: str, admin_id: str, name: str) -> None:
        """Put the tag of that name on a conversation; a tag that does not exist is made."""
        made: Any = self._http.post("/tags", {"name": name}, purpose="act").data or {}
        if not made.get("id"):
            raise UnexpectedData("intercom: POST /tags told no id; the vendor's format changed.")
        self._http.post(
            "/conversations/{id}/tags",
            {"id": str(made["id"]), "admin_id": admin_id},
            parts={"id": conversation_id},
            purpose="act",
        )

    def untag(self, conversation_id: str, admin_id: str, tag_id: str) -> None:
        """Take a tag off a conversation."""
        self._http.call(
            "DELETE",
            "/conversations/{id}/tags/{tag}",
            json={"admin_id": admin_id},
            parts={"id": conversation_id, "tag": tag_id},
            purpose="act",
        )

    def set_attributes(self, conversation_id: str, attributes: Mapping[str, object]) -> None:
        """Set custom attributes of a conversation; the others stay."""
        self._put("/conversations/{id}", conversation_id, {"custom_attributes": dict(attributes)})

    def set_contact(self, contact_id: str, changes: Mapping[str, object]) -> None:
        """Set fields of a contact (`custom_attributes` among them); the others stay."""
        self._put("/contacts/{id}", contact_id, changes)

    def _put(self, path: str, record_id: str, said: Mapping[str, object]) -> None:
        self._http.call("PUT", path, json=said, parts={"id": record_id}, purpose="act")
