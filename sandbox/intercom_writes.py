"""Writing to Intercom: contacts, companies, tags, replies and what else happens in a conversation."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox import intercom_answers as show
from sandbox.intercom_answers import Refused
from sandbox.intercom_records import (
    ADMIN_IDS,
    STAFF_OF_ADMIN,
    TEAM_IDS,
    Company,
    Contact,
    Conversation,
    IntercomRecords,
    Part,
    hex_id,
    unix,
)
from sandbox.messages import Answer, Request, is_email, said

if TYPE_CHECKING:
    from sandbox.intercom import IntercomServer

CONTACT_KEYS = {
    "email": "email",
    "name": "name",
    "phone": "phone",
    "external_id": "external_id",
    "role": "role",
}


def replay(records: IntercomRecords, name: str, args: dict[str, Any], moment: datetime) -> Any:
    """Do one write that was checked before; the same call serves requests and the log read at start."""
    at = unix(moment)
    do = {
        "contact": _contact,
        "company": _company,
        "attach": _attach,
        "tag": _new_tag,
        "note": _note,
        "contact_tag": _contact_tag,
        "conversation_tag": _conversation_tag,
        "conversation": _conversation,
        "delete_conversation": _delete_conversation,
        "part": _part,
        "attributes": _attributes,
    }[name]
    return do(records, args, at)


def _contact(records: IntercomRecords, args: dict[str, Any], at: int) -> Contact:
    one = records.contacts.get(args["id"])
    if one is None:
        one = records.add_contact(Contact(args["id"], "", "user", "", "", at, at))
    for key in CONTACT_KEYS:
        if key in args:
            setattr(one, key, args[key])
    if "unsubscribed_from_emails" in args:
        one.unsubscribed = bool(args["unsubscribed_from_emails"])
    if "archived" in args:
        one.archived = bool(args["archived"])
    one.custom.update(args.get("custom_attributes") or {})
    records.changed(one, at)
    return one


def _company(records: IntercomRecords, args: dict[str, Any], at: int) -> Company:
    one = records.companies.get(args["id"])
    if one is None:
        one = records.companies[args["id"]] = Company(args["id"], args["company_id"], "", at, at)
    for name in ("name", "website", "industry", "plan"):
        if args.get(name) is not None:
            setattr(one, name, str(args[name]))
    one.custom.update(args.get("custom_attributes") or {})
    records.changed(one, at)
    return one


def _attach(records: IntercomRecords, args: dict[str, Any], at: int) -> Company:
    one, company = records.contacts[args["contact"]], records.companies[args["company"]]
    if company.id not in one.companies:
        one.companies.append(company.id)
        company.contacts.append(one.id)
        records.changed(one, at)
        records.changed(company, at)
    return company


def _new_tag(records: IntercomRecords, args: dict[str, Any], _at: int) -> str:
    return records.tag_id(args["name"])


def _note(records: IntercomRecords, args: dict[str, Any], at: int) -> dict[str, Any]:
    one = records.contacts[args["contact"]]
    person = STAFF_OF_ADMIN[args["admin"]]
    note = {
        "type": "note",
        "id": str(records.next_id(at)),
        "created_at": at,
        "contact": {"type": "contact", "id": one.id},
        "author": {
            "type": "admin",
            "id": str(args["admin"]),
            "name": f"{person.first_name} {person.last_name}",
            "email": person.email,
            "away_mode_enabled": False,
            "away_mode_reassign": False,
        },
        "body": f"<p>{args['body']}</p>",
    }
    one.notes.append(note)
    records.changed(one, at)
    return note


def _contact_tag(records: IntercomRecords, args: dict[str, Any], at: int) -> None:
    one = records.contacts[args["contact"]]
    if args["on"] and args["tag"] not in one.tags:
        one.tags.append(args["tag"])
    elif not args["on"] and args["tag"] in one.tags:
        one.tags.remove(args["tag"])
    records.changed(one, at)


def _conversation_tag(records: IntercomRecords, args: dict[str, Any], at: int) -> None:
    one = records.conversations[args["conversation"]]
    if args["on"]:
        one.tags.setdefault(args["tag"], (at, str(args["admin"])))
    else:
        one.tags.pop(args["tag"], None)
    records.changed(one, at)


def _conversation(records: IntercomRecords, args: dict[str, Any], at: int) -> Conversation:
    one = Conversation(records.next_id(at), args["contact"], "", args["body"], at, at, waiting_since=at)
    records.conversations[one.id] = one
    records.changed(one, at)
    return one


def _delete_conversation(records: IntercomRecords, args: dict[str, Any], at: int) -> None:
    del records.conversations[args["conversation"]]
    records.deleted.append((args["conversation"], at))
    records.version += 1


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
    one.custom.update(args["custom_attributes"])
    if args["read"] is not None:
        one.read = bool(args["read"])
    records.changed(one, at)
    return one


def add_routes(server: IntercomServer) -> None:
    """Register the writing endpoints."""
    writes = Writes(server)
    add = server.routes.add
    add("POST", "/contacts", writes.create_contact)
    add("PUT", "/contacts/{id}", writes.update_contact)
    add("DELETE", "/contacts/{id}", writes.delete_contact)
    add("POST", "/contacts/{id}/archive", writes.archive_contact)
    add("POST", "/contacts/{id}/unarchive", writes.unarchive_contact)
    add("POST", "/contacts/{id}/tags", writes.tag_contact)
    add("DELETE", "/contacts/{id}/tags/{tag}", writes.untag_contact)
    add("POST", "/contacts/{id}/notes", writes.note)
    add("POST", "/contacts/{id}/companies", writes.attach_company)
    add("POST", "/companies", writes.company)
    add("POST", "/tags", writes.tag)
    add("POST", "/conversations", writes.open_conversation)
    add("PUT", "/conversations/{id}", writes.update_conversation)
    add("DELETE", "/conversations/{id}", writes.delete_conversation)
    add("POST", "/conversations/{id}/reply", writes.reply)
    add("POST", "/conversations/{id}/parts", writes.part)
    add("POST", "/conversations/{id}/tags", writes.tag_conversation)
    add("DELETE", "/conversations/{id}/tags/{tag}", writes.untag_conversation)


class Writes:
    """The handlers; every one checks first and then commits."""

    def __init__(self, server: IntercomServer) -> None:
        self.server = server

    @property
    def _records(self) -> IntercomRecords:
        return self.server.records

    def _commit(self, op: str, /, **args: object) -> Any:
        return self.server.world.commit((f"intercom.{op}", args))[0]

    # Contacts and companies.

    def create_contact(self, request: Request) -> Answer:
        """200 with the contact, or 409 for one that is there, archived or not."""
        body = self._contact_body(request.object())
        if not body.get("email") and not body.get("external_id"):
            raise Refused(400, "parameter_missing", "email or external_id is required")
        self._refuse_duplicate(body, None)
        key = f"api/{body.get('external_id') or body.get('email')}/{len(self._records.contacts)}"
        one = self._commit("contact", id=hex_id("contact", key), **body)
        return said(show.contact(self._records, one))

    def update_contact(self, request: Request, given: str) -> Answer:
        """200 with the contact."""
        one, body = self.server.contact(given), self._contact_body(request.object())
        self._refuse_duplicate(body, one)
        self._commit("contact", id=one.id, **body)
        return said(show.contact(self._records, one))

    def _contact_body(self, body: dict[str, Any]) -> dict[str, Any]:
        known = {*CONTACT_KEYS, "custom_attributes", "unsubscribed_from_emails"}
        kept = {key: value for key, value in body.items() if key in known}
        if kept.get("email") and not is_email(str(kept["email"])):
            raise Refused(400, "parameter_invalid", "email is invalid")
        if kept.get("role") not in (None, "user", "lead"):
            raise Refused(400, "parameter_invalid", "role must be user or lead")
        return kept

    def _refuse_duplicate(self, body: dict[str, Any], own: Contact | None) -> None:
        for each in self._records.contacts.values():
            if each is own:
                continue
            same_mail = body.get("email") and each.email.lower() == str(body["email"]).lower()
            if (same_mail and each.role == body.get("role", "user")) or (
                body.get("external_id") and each.external_id == str(body["external_id"])
            ):
                archived = "An archived contact" if each.archived else "A contact"
                raise Refused(
                    409, "conflict", f"{archived} matching those details already exists with id={each.id}"
                )

    def delete_contact(self, _request: Request, given: str) -> Answer:
        """200; the contact is hidden from then on."""
        one = self.server.contact(given)
        self._commit("contact", id=one.id, archived=True)
        return said(
            {"type": "contact", "id": one.id, "external_id": one.external_id or None, "deleted": True}
        )

    def archive_contact(self, _request: Request, given: str) -> Answer:
        """200."""
        return self._archived(given, archived=True)

    def unarchive_contact(self, _request: Request, given: str) -> Answer:
        """200."""
        return self._archived(given, archived=False)

    def _archived(self, given: str, *, archived: bool) -> Answer:
        one = self.server.contact(given)
        self._commit("contact", id=one.id, archived=archived)
        return said(
            {"type": "contact", "id": one.id, "external_id": one.external_id or None, "archived": archived}
        )

    def tag_contact(self, request: Request, given: str) -> Answer:
        """200 with the tag."""
        one, tag = self.server.contact(given), self._tag(request.object().get("id"))
        self._commit("contact_tag", contact=one.id, tag=tag, on=True)
        return said({"type": "tag", "id": tag, "name": self._records.tags[tag]})

    def untag_contact(self, _request: Request, given: str, tag: str) -> Answer:
        """200 with the tag."""
        one, number = self.server.contact(given), self._tag(tag)
        self._commit("contact_tag", contact=one.id, tag=number, on=False)
        return said({"type": "tag", "id": number, "name": self._records.tags[number]})

    def note(self, request: Request, given: str) -> Answer:
        """200 with the note."""
        one, body = self.server.contact(given), request.object()
        return said(
            self._commit("note", contact=one.id, body=str(body.get("body", "")), admin=self._admin(body))
        )

    def attach_company(self, request: Request, given: str) -> Answer:
        """200 with the company."""
        one, company = self.server.contact(given), str(request.object().get("id"))
        if company not in self._records.companies:
            raise Refused(404, "company_not_found", "Company Not Found")
        return said(show.company(self._commit("attach", contact=one.id, company=company)))

    def company(self, request: Request) -> Answer:
        """200: made, or changed when the `company_id` is known."""
        body = request.object()
        given = str(body.get("company_id") or "")
        if not given:
            raise Refused(400, "parameter_missing", "company_id is required")
        companies = self._records.companies.values()
        one = next((each for each in companies if each.company_id == given), None)
        number = one.id if one else hex_id("company", f"api/{given}")
        known = {
            key: body[key]
            for key in ("name", "website", "industry", "plan", "custom_attributes")
            if key in body
        }
        return said(show.company(self._commit("company", id=number, company_id=given, **known)))

    def tag(self, request: Request) -> Answer:
        """200 with the tag of that name, made when there was none."""
        name = str(request.object().get("name") or "")
        if not name:
            raise Refused(400, "parameter_missing", "name is required")
        number = self._commit("tag", name=name)
        return said({"type": "tag", "id": number, "name": self._records.tags[number]})

    # Conversations.

    def open_conversation(self, request: Request) -> Answer:
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

    def update_conversation(self, request: Request, given: str) -> Answer:
        """200 with the conversation."""
        one, body = self.server.conversation(given), request.object()
        custom = body.get("custom_attributes") or {}
        self._commit("attributes", conversation=one.id, custom_attributes=custom, read=body.get("read"))
        return self._shown(one)

    def delete_conversation(self, _request: Request, given: str) -> Answer:
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
            author = ("admin", STAFF_OF_ADMIN[self._admin(body)].id)
        else:
            author = ("user", self._writer(body, one).id)
        self._commit("part", conversation=one.id, kind=kind, author=author, body=str(body["body"]))
        return self._shown(one)

    def part(self, request: Request, given: str) -> Answer:
        """200 with the conversation, assigned, closed, opened or snoozed."""
        body = request.object()
        one = self._target(given, body)
        kind, admin = str(body.get("message_type")), self._admin(body)
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

    def tag_conversation(self, request: Request, given: str) -> Answer:
        """200 with the tag."""
        one, body = self.server.conversation(given), request.object()
        tag = self._tag(body.get("id"))
        self._commit("conversation_tag", conversation=one.id, tag=tag, admin=self._admin(body), on=True)
        return said({"type": "tag", "id": tag, "name": self._records.tags[tag]})

    def untag_conversation(self, request: Request, given: str, tag: str) -> Answer:
        """200 with the tag."""
        one, number = self.server.conversation(given), self._tag(tag)
        self._commit(
            "conversation_tag", conversation=one.id, tag=number, admin=self._admin(request.object()), on=False
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

    def _admin(self, body: dict[str, Any]) -> int:
        given = str(body.get("admin_id") or "")
        if not given.isdigit() or int(given) not in STAFF_OF_ADMIN:
            raise Refused(404, "admin_not_found", "Admin Not Found")
        return int(given)

    def _assignee(self, body: dict[str, Any]) -> tuple[str, int]:
        given = str(body.get("assignee_id") or "")
        number = int(given) if given.isdigit() else 0
        if number in TEAM_IDS.values():
            return "team", number
        if number in ADMIN_IDS.values():
            return "admin", number
        raise Refused(404, "assignee_not_found", "Assignee Not Found")

    def _tag(self, given: object) -> str:
        number = str(given)
        if number not in self._records.tags:
            raise Refused(404, "tag_not_found", "Resource Not Found")
        return number
