"""Writing to Intercom: contacts, companies, notes and tags. Conversations are in a module of their own."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from sandbox import intercom_answers as show
from sandbox import intercom_replies, intercom_tickets
from sandbox.intercom_answers import Refused
from sandbox.intercom_records import Company, Contact, IntercomRecords, hex_id, unix
from sandbox.intercom_replies import known_admin, known_tag
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
    if name.endswith("_ticket"):
        return intercom_tickets.replay(records, name, args, at)
    do = {
        "contact": _contact,
        "delete_contact": _delete_contact,
        "merge": _merge,
        "company": _company,
        "attach": _attach,
        "tag": _new_tag,
        "note": _note,
        "contact_tag": _contact_tag,
        **intercom_replies.OPERATIONS,
    }[name]
    return do(records, args, at)


def _contact(records: IntercomRecords, args: dict[str, Any], at: int) -> Contact:
    known = records.contacts.get(args["id"])
    one = known or Contact(args["id"], "", "user", "", "", at, at)
    if known is not None:
        records.changing(known, at)
    for key in CONTACT_KEYS:
        if key in args:
            setattr(one, key, args[key])
    if "unsubscribed_from_emails" in args:
        one.unsubscribed = bool(args["unsubscribed_from_emails"])
    if "archived" in args:
        one.archived = bool(args["archived"])
    one.custom.update(args.get("custom_attributes") or {})
    if known is None:
        records.add_contact(one, at)
    elif "archived" in args:
        records.announce("contact.archived" if one.archived else "contact.unarchived", one, at)
    return one


def _delete_contact(records: IntercomRecords, args: dict[str, Any], at: int) -> None:
    records.delete_contact(records.contacts[args["id"]], at)


def _merge(records: IntercomRecords, args: dict[str, Any], at: int) -> Contact:
    return records.merge_contacts(records.contacts[args["into"]], records.contacts[args["from"]], at)


def _company(records: IntercomRecords, args: dict[str, Any], at: int) -> Company:
    one = records.companies.get(args["id"])
    new = one is None
    if one is None:
        one = records.companies[args["id"]] = Company(args["id"], args["company_id"], "", at, at)
    records.changing(one, at)
    for name in ("name", "website", "industry", "plan"):
        if args.get(name) is not None:
            setattr(one, name, str(args[name]))
    one.custom.update(args.get("custom_attributes") or {})
    if new:
        records.announce("company.created", one, at)
    return one


def _attach(records: IntercomRecords, args: dict[str, Any], at: int) -> Company:
    one, company = records.contacts[args["contact"]], records.companies[args["company"]]
    if company.id not in one.companies:
        records.changing(one, at)
        records.changing(company, at)
        one.companies.append(company.id)
        company.contacts.append(one.id)
    return company


def _new_tag(records: IntercomRecords, args: dict[str, Any], _at: int) -> str:
    return records.tag_id(args["name"])


def _note(records: IntercomRecords, args: dict[str, Any], at: int) -> dict[str, Any]:
    one = records.contacts[args["contact"]]
    records.changing(one, at)
    return records.add_note(one, args["body"], args["admin"], at)


def _contact_tag(records: IntercomRecords, args: dict[str, Any], at: int) -> None:
    one = records.contacts[args["contact"]]
    records.changing(one, at)
    if args["on"] and args["tag"] not in one.tags:
        one.tags.append(args["tag"])
    elif not args["on"] and args["tag"] in one.tags:
        one.tags.remove(args["tag"])


def add_routes(server: IntercomServer) -> None:
    """Register the writing endpoints."""
    writes = Writes(server)
    add = server.routes.add
    add("POST", "/contacts", writes.create_contact)
    add("POST", "/contacts/merge", writes.merge)
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


class Writes:
    """The handlers; every one checks first and then commits."""

    def __init__(self, server: IntercomServer) -> None:
        self.server = server

    @property
    def _records(self) -> IntercomRecords:
        return self.server.records

    def _commit(self, op: str, /, **args: object) -> Any:
        return self.server.world.commit((f"intercom.{op}", args))[0]

    def create_contact(self, request: Request) -> Answer:
        """200 with the contact, or 409 for one that is there, archived or not."""
        body = self._contact_body(request.object())
        if not body.get("email") and not body.get("external_id"):
            raise Refused(400, "parameter_missing", "email or external_id is required")
        self._refuse_duplicate(body, None)
        key = f"api/{body.get('external_id') or body.get('email')}/{self._records.version}"
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
        """200; from then on there is no such contact."""
        one = self.server.contact(given)
        self._commit("delete_contact", id=one.id)
        return said(
            {"type": "contact", "id": one.id, "external_id": one.external_id or None, "deleted": True}
        )

    def merge(self, request: Request) -> Answer:
        """200 with the user into whom the lead went; the lead is not found from then on."""
        body = request.object()
        gone = self.server.contact(str(body.get("from")))
        kept = self.server.contact(str(body.get("into")))
        if (gone.role, kept.role) != ("lead", "user"):
            raise Refused(400, "parameter_invalid", "A lead can be merged into a user, and nothing else")
        same = (gone.email and gone.email.lower() == kept.email.lower()) or (
            gone.phone and gone.phone == kept.phone
        )
        if not same and body.get("skip_duplicate_validation") is not True:
            raise Refused(
                400,
                "invalid_merge",
                "Contacts can only be merged when they are duplicates (matching email or phone). "
                "Pass skip_duplicate_validation=true to override this check.",
            )
        self._commit("merge", **{"from": gone.id, "into": kept.id})
        return said(show.contact(self._records, kept))

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
        one, tag = self.server.contact(given), known_tag(self.server, request.object().get("id"))
        self._commit("contact_tag", contact=one.id, tag=tag, on=True)
        return said({"type": "tag", "id": tag, "name": self._records.tags[tag]})

    def untag_contact(self, _request: Request, given: str, tag: str) -> Answer:
        """200 with the tag."""
        one, number = self.server.contact(given), known_tag(self.server, tag)
        self._commit("contact_tag", contact=one.id, tag=number, on=False)
        return said({"type": "tag", "id": number, "name": self._records.tags[number]})

    def note(self, request: Request, given: str) -> Answer:
        """200 with the note."""
        one, body = self.server.contact(given), request.object()
        return said(
            self._commit("note", contact=one.id, body=str(body.get("body", "")), admin=known_admin(body))
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
