"""Writing to Mailchimp: members, their tags and events, and automation queues, by the rules of consent."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox import mailchimp_answers as show
from sandbox.mailchimp_answers import FOUND_NOTHING, Refused
from sandbox.mailchimp_records import MailchimpRecords, Member, Trigger, subscriber_hash
from sandbox.mailchimp_reports import known_automation
from sandbox.messages import Answer, Request, is_email, said

if TYPE_CHECKING:
    from sandbox.mailchimp import MailchimpServer

WRITABLE = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional")
MOST_IN_BULK = 500
INVALID = (
    "Invalid Resource",
    "The resource submitted could not be validated. For field-specific details, see errors.",
)


def replay(records: MailchimpRecords, name: str, args: dict[str, Any], at: datetime) -> Any:
    """Do one write that was checked before; the same call serves requests and the log read at start."""
    if name == "create":
        member = records.add(args["email"], args["status"], at, args["merge_fields"], f"api/{args['email']}")
        return _change(records, member, args, at, new=True)
    if name == "trigger":
        return records.triggers.append(Trigger(args["journey"], args["step"], args["email"], at))
    if name == "queue":
        records.queued.setdefault(args["mail"], []).append((args["email"], at))
        return None
    member = records.members[args["contact"]]
    if name == "update":
        return _change(records, member, args, at)
    if name == "archive":
        return records.set_status(member, "archived", at)
    if name == "forget":
        return records.forget(member, at)
    if name == "tags":
        for tag, on in args["tags"]:
            number = records.tag_id(tag)
            if on:
                member.tags.setdefault(number, at)
            else:
                member.tags.pop(number, None)
        return records.touched(member, at)
    if name == "event":
        rows = records.member_events.setdefault(member.contact_id, [])
        rows.append(
            {"occurred_at": args["occurred_at"], "name": args["name"], "properties": args["properties"]}
        )
        return None
    raise ValueError(name)


def _change(
    records: MailchimpRecords, member: Member, args: dict[str, Any], at: datetime, *, new: bool = False
) -> Member:
    if args.get("new_email"):
        records.rename(member, args["new_email"], at)
    if args.get("status") and args["status"] != member.status:
        records.set_status(member, args["status"], at)
    before = member.merge_fields
    member.merge_fields = {**before, **(args.get("merge_fields") or {})}
    if args.get("language") is not None:
        member.language = args["language"]
    if args.get("vip") is not None:
        member.vip = args["vip"]
    for tag in args.get("tags") or ():
        member.tags.setdefault(records.tag_id(tag), at)
    records.touched(member, at)
    if not new and member.merge_fields != before:
        records.profile_changed(member, at)
    return member


def add_routes(server: MailchimpServer) -> None:
    """Register the writing endpoints."""
    writes = Writes(server)
    add = server.routes.add
    members = "/3.0/lists/{list}/members"
    add("POST", "/3.0/lists/{list}", writes.bulk)
    add("POST", members, writes.create)
    add("PUT", members + "/{member}", writes.upsert)
    add("PATCH", members + "/{member}", writes.update)
    add("DELETE", members + "/{member}", writes.archive)
    add("POST", members + "/{member}/actions/delete-permanent", writes.forget)
    add("POST", members + "/{member}/tags", writes.tags)
    add("POST", members + "/{member}/events", writes.event)
    add("POST", "/3.0/automations/{id}/emails/{mail}/queue", writes.queue)
    journey = "/3.0/customer-journeys/journeys/{journey}/steps/{step}/actions/trigger"
    add("POST", journey, writes.trigger)


def _invalid(field: str, message: str) -> Refused:
    return Refused(400, *INVALID, [{"field": field, "message": message}])


class Writes:
    """The handlers; every one checks first and then commits."""

    def __init__(self, server: MailchimpServer) -> None:
        self.server = server

    @property
    def _records(self) -> MailchimpRecords:
        return self.server.records

    def _commit(self, op: str, /, **args: object) -> Any:
        return self.server.world.commit((f"mailchimp.{op}", args))[0]

    def create(self, request: Request, given: str) -> Answer:
        """200 with the member; 400 Member Exists."""
        self.server.known_list(given)
        body = request.object()
        email = self._email(body)
        if not body.get("status"):
            raise _invalid("status", "This value should not be blank.")
        existing = self._records.by_hash.get(subscriber_hash(email))
        if existing is not None and existing.status != "archived":
            raise Refused(
                400,
                "Member Exists",
                f"{email} is already a list member. Use PUT to insert or update list members.",
            )
        if existing is not None:
            return self._shown(self._updated(existing, body))
        return self._shown(self._created(email, str(body["status"]), body))

    def upsert(self, request: Request, given: str, who: str) -> Answer:
        """200 with the member, made when there was none; `status` moves an existing one."""
        self.server.known_list(given)
        body = request.object()
        existing = self._records.by_hash.get(who.lower()) or self._records.members.get(who)
        if existing is None and "@" in who:
            existing = self._records.by_hash.get(subscriber_hash(who))
        if existing is not None:
            return self._shown(self._updated(existing, body))
        email = self._email(body)
        status = str(body.get("status_if_new") or body.get("status") or "")
        if not status:
            raise _invalid("status_if_new", "This value should not be blank.")
        return self._shown(self._created(email, status, body))

    def update(self, request: Request, given: str, who: str) -> Answer:
        """200 with the member."""
        self.server.known_list(given)
        return self._shown(self._updated(self.server.known_member(who), request.object()))

    def archive(self, _request: Request, given: str, who: str) -> Answer:
        """204; the member is archived."""
        self.server.known_list(given)
        member = self.server.known_member(who)
        if member.status == "archived":
            raise Refused(405, "Method Not Allowed", "This list member cannot be removed.")
        self._commit("archive", contact=member.contact_id)
        return Answer(204)

    def forget(self, _request: Request, given: str, who: str) -> Answer:
        """204; the address can never be added again by API."""
        self.server.known_list(given)
        self._commit("forget", contact=self.server.known_member(who).contact_id)
        return Answer(204)

    def tags(self, request: Request, given: str, who: str) -> Answer:
        """204; doing it twice changes nothing more."""
        self.server.known_list(given)
        member, rows = self.server.known_member(who), request.object().get("tags")
        if not isinstance(rows, list) or not all(
            isinstance(each, dict) and each.get("name") for each in rows
        ):
            raise _invalid("tags", "This value should not be blank.")
        if any(each.get("status") not in ("active", "inactive") for each in rows):
            raise _invalid("tags.item:0.status", "Value must be one of active, inactive.")
        wanted = [(str(each["name"]), each["status"] == "active") for each in rows]
        held = {self._records.tags[number].lower() for number in member.tags}
        changes = [(name, on) for name, on in wanted if (name.lower() in held) != on]
        if changes:
            self._commit("tags", contact=member.contact_id, tags=changes)
        return Answer(204)

    def event(self, request: Request, given: str, who: str) -> Answer:
        """204."""
        self.server.known_list(given)
        member, body = self.server.known_member(who), request.object()
        if not 2 <= len(str(body.get("name") or "")) <= 30:
            raise _invalid("name", "This value should have between 2 and 30 characters.")
        self._commit(
            "event",
            contact=member.contact_id,
            name=str(body["name"]),
            properties=body.get("properties") or {},
            occurred_at=str(body.get("occurred_at") or show.stamp(self.server.world.clock)),
        )
        return Answer(204)

    def bulk(self, request: Request, given: str) -> Answer:
        """200: what was added, what was changed, and which rows were wrong."""
        self.server.known_list(given)
        body = request.object()
        rows = body.get("members")
        if not isinstance(rows, list) or len(rows) > MOST_IN_BULK:
            raise _invalid("members", f"This collection should contain {MOST_IN_BULK} elements or less.")
        made, changed, errors = [], [], []
        for row in rows:
            try:
                email = self._email(row)
                existing = self._records.by_hash.get(subscriber_hash(email))
                if existing is None:
                    status = str(row.get("status") or row.get("status_if_new") or "")
                    made.append(show.member(self._records, self._created(email, status, row)))
                elif body.get("update_existing"):
                    changed.append(show.member(self._records, self._updated(existing, row)))
                else:
                    errors.append(
                        _bulk_error(email, f"{email} is already a list member", "ERROR_CONTACT_EXISTS")
                    )
            except Refused as refused:
                errors.append(_bulk_error(str(row.get("email_address")), str(refused), "ERROR_GENERIC"))
        return said(
            {
                "new_members": made,
                "updated_members": changed,
                "errors": errors,
                "total_created": len(made),
                "total_updated": len(changed),
                "error_count": len(errors),
                "_links": [],
            }
        )

    def queue(self, request: Request, given: str, mail: str) -> Answer:
        """200: the subscriber waits for this mail; sent twice, they wait twice."""
        one, email = known_automation(self.server, given), self._email(request.object())
        if mail not in [number for number, _, _ in one.mails]:
            raise Refused(404, "Resource Not Found", "The requested resource could not be found.")
        if subscriber_hash(email) not in self._records.by_hash:
            raise _invalid("email_address", "The email address is not in this list.")
        self._commit("queue", mail=mail, email=email)
        return said(
            {
                "id": subscriber_hash(email),
                "workflow_id": one.id,
                "email_id": mail,
                "list_id": given,
                "email_address": email,
                "next_send": show.stamp(self.server.world.clock),
                "_links": [],
            }
        )

    def trigger(self, request: Request, journey: str, step: str) -> Answer:
        """204: the step begins for this address; sent twice, it begins twice."""
        email = self._email(request.object())
        if not (journey.isdigit() and step.isdigit()):
            raise Refused(404, *FOUND_NOTHING)
        member = self._records.by_hash.get(subscriber_hash(email))
        if member is None or member.status == "archived":
            raise _invalid("email_address", "The email address is not in this audience.")
        self._commit("trigger", journey=journey, step=step, email=email)
        return Answer(204)

    def _shown(self, member: Member) -> Answer:
        return said(show.member(self._records, member))

    def _email(self, body: dict[str, Any]) -> str:
        email = str(body.get("email_address") or "")
        if not is_email(email):
            raise Refused(400, "Invalid Resource", "Please provide a valid email address.")
        return email

    def _created(self, email: str, status: str, body: dict[str, Any]) -> Member:
        if subscriber_hash(email) in self._records.forgotten:
            raise Refused(
                400,
                "Forgotten Email Not Subscribed",
                f"{email} was permanently deleted and cannot be re-imported. The contact must re-subscribe.",
            )
        changes = {**self._changes(body), "status": _status(status)}
        member: Member = self._commit("create", email=email, **changes)
        return member

    def _updated(self, member: Member, body: dict[str, Any]) -> Member:
        changes = self._changes(body)
        status = str(body.get("status") or "")
        if status:
            changes["status"] = _status(status)
        closed = member.status == "cleaned" or (member.status == "unsubscribed" and member.by_contact)
        if closed and status in ("subscribed", "transactional"):
            # Consent that a person took back cannot be given by an API call; "pending" asks them.
            raise Refused(
                400,
                "Member In Compliance State",
                f"{member.email} is in a compliance state due to unsubscribe, bounce, or compliance review "
                "and cannot be subscribed.",
            )
        email = str(body.get("email_address") or member.email)
        if email.lower() != member.email.lower():
            if not is_email(email):
                raise Refused(400, "Invalid Resource", "Please provide a valid email address.")
            if subscriber_hash(email) in self._records.by_hash:
                raise Refused(400, "Member Exists", f"{email} is already a list member.")
            changes["new_email"] = email
        self._commit("update", contact=member.contact_id, **changes)
        return member

    @staticmethod
    def _changes(body: dict[str, Any]) -> dict[str, Any]:
        fields = body.get("merge_fields") or {}
        if not isinstance(fields, dict):
            raise _invalid("merge_fields", "This value should be of type object.")
        changes: dict[str, Any] = {"merge_fields": {str(key): value for key, value in fields.items()}}
        if "language" in body:
            changes["language"] = str(body["language"])
        if "vip" in body:
            changes["vip"] = bool(body["vip"])
        if body.get("tags"):
            changes["tags"] = [str(each["name"] if isinstance(each, dict) else each) for each in body["tags"]]
        return changes


def _status(status: str) -> str:
    if status not in WRITABLE:
        raise _invalid("status", f"Value must be one of {', '.join(WRITABLE)}.")
    return status


def _bulk_error(email: str, error: str, code: str) -> dict[str, str]:
    return {"email_address": email, "error": error, "error_code": code, "field": "", "field_message": ""}
