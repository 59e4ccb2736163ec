"""Writing to Intercom's conversations: open, reply, assign, close, snooze, tag, set attributes, delete."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sandbox import intercom_answers as show
from sandbox.intercom_answers import Refused
from sandbox.intercom_records import Contact, Conversation, IntercomRecords, Part
from sandbox.intercom_team import ADMIN_IDS, STAFF_OF_ADMIN, TEAM_IDS
from sandbox.messages import Answer, Request, said

if TYPE_CHECKING:
    from sandbox.intercom import IntercomServer


def known_admin(body: dict[str, Any]) -> int:
    """The admin that a request names. Raises Refused."""
    given = str(body.get("admin_id") or "")
    if not given.isdigit() or int(given) not in STAFF_OF_ADMIN:
        raise Refused(404, "admin_not_found", "Admin Not Found")
    return int(given)


def known_tag(server: IntercomServer, given: object) -> str:
    """The tag of that id. Raises Refused."""
    number = str(given)
    if number not in server.records.tags:
        raise Refused(404, "tag_not_found", "Resource Not Found")
    return number


def _conversation_tag(records: IntercomRecords, args: dict[str, Any], at: int) -> None:
    one = records.conversations[args["conversation"]]
    records.changing(one, at)
    if args["on"]:
        one.tags.setdefault(args["tag"], (at, str(args["admin"])))
    else:
        one.tags.pop(args["tag"], None)
    kind = "created" if args["on"] else "deleted"
    records.announce(f"conversation_part.tag.{kind}", one, at)


def _conversation(records: IntercomRecords, args: dict[str, Any], at: int) -> Conversation:
    return records.add_conversation(
        Conversation(records.next_id(at), args["contact"], "", args["body"], at, at, waiting_since=at)
    )


def _delete_conversation(records: IntercomRecords, args: dict[str, Any], at: int) -> None:
    records.delete_conversation(records.conversations[args["conversation"]], at)


def _part(records: IntercomRecords, args: dict[str, Any], at: int) -> Conversation:
    one = records.conversations[args["conversation"]]
    assigned = args.get("assigned")
    records.add_part(
        one,
        Part(
            id=records.next_id(at),
            kind=args["kind"],
            author=(args["author"][0], args["author"][1]),
            body=args.get("body", ""),
            at=at,
            assigned=(assigned[0], assigned[1]) if assigned else None,
            until=args.get("until"),
        ),
    )
    return one


def _attributes(records: IntercomRecords, args: dict[str, Any], at: int) -> Conversation:
    one = records.conversations[args["conversation"]]
    records.changing(one, at)
    one.custom.update(args["custom_attributes"])
    if args["read"] is not None:
        one.read = bool(args["read"])
    return one


OPERATIONS: dict[str, Callable[[IntercomRecords, dict[str, Any], int], Any]] = {
    "conversation_tag": _conversation_tag,
    "conversation": _conversation,
    "delete_conversation": _delete_conversation,
    "part": _part,
    "attributes": _attributes,
}


def add_routes(server: IntercomServer) -> None:
    """Register the writing endpoints."""
    replies = Replies(server)
    add = server.routes.add
    add("POST", "/conversations", replies.open)
    add("PUT", "/conversations/{id}", replies.update)
    add("DELETE", "/conversations/{id}", replies.delete)
    add("POST", "/conversations/{id}/reply", replies.reply)
    add("POST", "/conversations/{id}/parts", replies.part)
    add("POST", "/conversations/{id}/tags", replies.tag)
    add("DELETE", "/conversations/{id}/tags/{tag}", replies.untag)


class Replies:
    """The handlers; every one checks first and then commits."""

    def __init__(self, server: IntercomServer) -> None:
        self.server = server

    @property
    def _records(self) -> IntercomRecords:
        return self.server.records

    def _commit(self, op: str, /, **args: object) -> Any:
        return self.server.world.commit((f"intercom.{op}", args))[0]

    def open(self, request: Request) -> Answer:
        """200 with the contact's first message."""
        body = request.object()
        contact = self.server.contact(str((body.get("from") or {}).get("id")))
        if not body.get("body"):
            raise Refused(400, "parameter_missing", "body is required")
        one = self._commit("conversation", contact=contact.id, body=str(body["body"]))
        return said(
            {
                "type": "user_message",
                "id": str(one.id + 500),
                "created_at": one.created,
                "body": one.body,
                "message_type": "inapp",
                "conversation_id": str(one.id),
            }
        )

    def update(self, request: Request, given: str) -> Answer:
        """200 with the conversation."""
        one, body = self.server.conversation(given), request.object()
        custom = body.get("custom_attributes") or {}
        self._commit("attributes", conversation=one.id, custom_attributes=custom, read=body.get("read"))
        return self._shown(one)

    def delete(self, _request: Request, given: str) -> Answer:
        """200; from then on it is among the deleted ones only."""
        one = self.server.conversation(given)
        self._commit("delete_conversation", conversation=one.id)
        return said({"id": str(one.id), "object": "conversation", "deleted": True})

    def reply(self, request: Request, given: str) -> Answer:
        """200 with the conversation, its new part last. Sent twice, it is there twice."""
        one, body = self._target(given, request.object()), request.object()
        kind = str(body.get("message_type"))
        if kind not in ("comment", "note", "quick_reply"):
            raise Refused(400, "parameter_invalid", "message_type must be comment or note")
        if not body.get("body"):
            raise Refused(400, "parameter_missing", "body is required")
        if body.get("type") == "admin":
            author = ("admin", STAFF_OF_ADMIN[known_admin(body)].id)
        else:
            author = ("user", self._writer(body, one).id)
        self._commit("part", conversation=one.id, kind=kind, author=author, body=str(body["body"]))
        return self._shown(one)

    def part(self, request: Request, given: str) -> Answer:
        """200 with the conversation, assigned, closed, opened or snoozed."""
        body = request.object()
        one = self._target(given, body)
        kind, admin = str(body.get("message_type")), known_admin(body)
        if kind not in ("assignment", "close", "open", "snoozed"):
            raise Refused(400, "parameter_invalid", "message_type must be assignment, close, open or snoozed")
        more: dict[str, Any] = {}
        if kind == "assignment":
            more["assigned"] = self._assignee(body)
        if kind == "snoozed":
            if not isinstance(body.get("snoozed_until"), int):
                raise Refused(400, "parameter_missing", "snoozed_until is required")
            more["until"] = body["snoozed_until"]
        text = str(body.get("body") or "")
        author = ("admin", STAFF_OF_ADMIN[admin].id)
        self._commit("part", conversation=one.id, kind=kind, author=author, body=text, **more)
        return self._shown(one)

    def tag(self, request: Request, given: str) -> Answer:
        """200 with the tag."""
        one, body = self.server.conversation(given), request.object()
        tag = known_tag(self.server, body.get("id"))
        self._commit("conversation_tag", conversation=one.id, tag=tag, admin=known_admin(body), on=True)
        return said({"type": "tag", "id": tag, "name": self._records.tags[tag]})

    def untag(self, request: Request, given: str, tag: str) -> Answer:
        """200 with the tag."""
        one, number = self.server.conversation(given), known_tag(self.server, tag)
        self._commit(
            "conversation_tag", conversation=one.id, tag=number, admin=known_admin(request.object()), on=False
        )
        return said({"type": "tag", "id": number, "name": self._records.tags[number]})

    def _shown(self, one: Conversation) -> Answer:
        return said(show.whole_conversation(self._records, one))

    def _target(self, given: str, body: dict[str, Any]) -> Conversation:
        if given != "last":
            return self.server.conversation(given)
        contact = self._writer(body, None)
        own = [each for each in self._records.conversations.values() if each.contact == contact.id]
        if not own:
            raise Refused(404, "not_found", "Resource Not Found")
        return max(own, key=lambda each: each.id)

    def _writer(self, body: dict[str, Any], one: Conversation | None) -> Contact:
        for each in self._records.contacts.values():
            if (
                body.get("intercom_user_id") == each.id
                or (body.get("email") and body["email"] == each.email)
                or (body.get("user_id") and str(body["user_id"]) == each.external_id)
            ):
                return each
        if one is not None and body.get("type") == "user" and one.contact in self._records.contacts:
            return self._records.contacts[one.contact]
        raise Refused(404, "not_found", "User Not Found")

    def _assignee(self, body: dict[str, Any]) -> tuple[str, int]:
        given = str(body.get("assignee_id") or "")
        number = int(given) if given.isdigit() else -1
        if number == 0:
            return ("team" if body.get("type") == "team" else "admin"), 0  # nobody
        if number in TEAM_IDS.values():
            return "team", number
        if number in ADMIN_IDS.values():
            return "admin", number
        raise Refused(404, "assignee_not_found", "Assignee Not Found")
