"""Intercom's tickets and ticket types: search, read, create, update, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox import intercom_answers as show
from sandbox.intercom_answers import APP_ID, STARTED_AT, Refused
from sandbox.intercom_records import TICKET_STATES, IntercomRecords, Ticket, TicketPart
from sandbox.intercom_search import Field, Rules, pages
from sandbox.intercom_team import ADMIN_IDS, STAFF_OF_ADMIN, TEAM_IDS
from sandbox.messages import Answer, Request, said

if TYPE_CHECKING:
    from sandbox.intercom import IntercomServer

STATE_IDS = {state: str(8_481 + place) for place, state in enumerate(TICKET_STATES)}
STATE_OF_ID = {number: state for state, number in STATE_IDS.items()}
STATE_LABELS = {
    "submitted": "Submitted",
    "in_progress": "In progress",
    "waiting_on_customer": "Waiting on you",
    "resolved": "Resolved",
}
# Type id -> its name, its category, and the word by which search knows the category.
TYPES = {
    "81": ("Incidencia de cliente", "Customer", "request"),
    "82": ("Tarea interna", "Back-office", "task"),
}
ATTRIBUTES = ("_default_title_", "_default_description_")
FIELDS = {
    "id": Field(lambda one: str(one.id)),
    "created_at": Field(lambda one: one.created, is_date=True),
    "updated_at": Field(lambda one: one.updated, is_date=True),
    "title": Field(lambda one: one.attributes.get("_default_title_")),
    "description": Field(lambda one: one.attributes.get("_default_description_")),
    "category": Field(lambda one: TYPES[one.type_id][2]),
    "ticket_type_id": Field(lambda one: one.type_id),
    "contact_ids": Field(lambda one: one.contacts),
    "admin_assignee_id": Field(lambda one: one.admin),
    "team_assignee_id": Field(lambda one: one.team),
    "open": Field(lambda one: one.open),
    "state": Field(lambda one: one.state),
    "snoozed_until": Field(lambda one: one.snoozed_until, is_date=True),
}


def add_routes(server: IntercomServer) -> None:
    """Register the endpoints."""
    tickets = Tickets(server)
    add = server.routes.add
    add("GET", "/ticket_types", tickets.types)
    add("GET", "/ticket_types/{id}", tickets.one_type)
    add("POST", "/tickets/search", tickets.searched)
    add("POST", "/tickets", tickets.create)
    add("GET", "/tickets/{id}", tickets.read)
    add("PUT", "/tickets/{id}", tickets.update)
    add("DELETE", "/tickets/{id}", tickets.delete)


def replay(records: IntercomRecords, name: str, args: dict[str, Any], at: int) -> Ticket | None:
    """Do one write that was checked before; None when it left no ticket."""
    author = (args["author"][0], args["author"][1]) if "author" in args else ("bot", "")
    if name == "new_ticket":
        ticket = records.add_ticket(args["type"], args["contacts"], args["attributes"], author, at)
        ticket.conversation = args["conversation"]
        if (conversation := records.conversations.get(args["conversation"] or 0)) is not None:
            conversation.tickets.append(ticket.id)
            conversation.shown = None
        return ticket
    ticket = records.tickets[args["id"]]
    if name == "delete_ticket":
        records.delete_ticket(ticket, at)
        return None
    if args.get("attributes"):
        records.change_ticket(ticket, args["attributes"], at)
    if args.get("state") and args["state"] != ticket.state:
        records.move_ticket(ticket, args["state"], author, at)
    if args.get("assigned"):
        records.assign_ticket(ticket, (args["assigned"][0], args["assigned"][1]), author, at)
    if set(args) & {"open", "is_shared", "snoozed_until"}:
        records.changing(ticket, at)
        ticket.open = args.get("open", ticket.open)
        ticket.shared = args.get("is_shared", ticket.shared)
        ticket.snoozed_until = args.get("snoozed_until", ticket.snoozed_until)
    return ticket


class Tickets:
    """The handlers; every write checks first and then commits."""

    def __init__(self, server: IntercomServer) -> None:
        self.server = server

    @property
    def _records(self) -> IntercomRecords:
        return self.server.records

    def _commit(self, op: str, /, **args: object) -> Any:
        return self.server.world.commit((f"intercom.{op}", args))[0]

    def types(self, _request: Request) -> Answer:
        """Every ticket type."""
        return said({"type": "list", "data": [_type(number) for number in TYPES]})

    def one_type(self, _request: Request, given: str) -> Answer:
        """One ticket type."""
        if given not in TYPES:
            raise Refused(404, "not_found", "Ticket type not found")
        return said(_type(given))

    def searched(self, request: Request) -> Answer:
        """A page of tickets; "greater" includes the instant itself, as for conversations."""
        body = request.object()
        sortable = ("created_at", "updated_at")
        found, size, total = self.server.searched(
            "tickets", body, FIELDS, Rules(greater_or_equal=True), sortable, "updated_at"
        )
        return said(
            {
                "type": "ticket.list",
                "pages": pages(found, size, total),
                "total_count": total,
                "tickets": [ticket_json(self._records, each) for each in found.rows],
            }
        )

    def read(self, _request: Request, given: str) -> Answer:
        """One ticket with all its parts."""
        return self._shown(self._ticket(given))

    def create(self, request: Request) -> Answer:
        """200 with the ticket. Sent twice, there are two."""
        body = request.object()
        kind = str(body.get("ticket_type_id") or "")
        if kind not in TYPES:
            raise Refused(404, "not_found", "Ticket type not found")
        rows = body.get("contacts")
        if not isinstance(rows, list) or not rows:
            raise Refused(400, "parameter_missing", "contacts is required")
        contacts = [self._contact(each) for each in rows]
        conversation = body.get("conversation_to_link_id")
        linked = None if conversation is None else self.server.conversation(str(conversation)).id
        return self._shown(
            self._commit(
                "new_ticket",
                type=kind,
                contacts=contacts,
                attributes=self._attributes(body),
                conversation=linked,
            )
        )

    def update(self, request: Request, given: str) -> Answer:
        """200 with the ticket."""
        one, body = self._ticket(given), request.object()
        args: dict[str, Any] = {}
        if "ticket_attributes" in body:
            args["attributes"] = self._attributes(body)
        if "ticket_state_id" in body:
            if str(body["ticket_state_id"]) not in STATE_OF_ID:
                raise Refused(
                    400,
                    "ticket_state_id_invalid",
                    "Ticket state id is not valid or is not associated with the ticket type",
                )
            args["state"] = STATE_OF_ID[str(body["ticket_state_id"])]
        if "assignee_id" in body:
            args["assigned"] = self._assignee(body["assignee_id"])
        if (admin := str(body.get("admin_id") or "")).isdigit() and int(admin) in STAFF_OF_ADMIN:
            args["author"] = ("admin", STAFF_OF_ADMIN[int(admin)].id)
        args |= {name: body[name] for name in ("open", "is_shared", "snoozed_until") if name in body}
        return self._shown(self._commit("change_ticket", id=one.id, **args))

    def delete(self, _request: Request, given: str) -> Answer:
        """200; nothing is left of it."""
        one = self._ticket(given)
        self._commit("delete_ticket", id=one.id)
        return said({"id": str(one.id), "object": "ticket", "deleted": True})

    def _shown(self, one: Ticket) -> Answer:
        return said(ticket_json(self._records, one))

    def _ticket(self, given: str) -> Ticket:
        found = self._records.tickets.get(int(given)) if given.isdigit() else None
        if found is None:
            raise Refused(404, "ticket_not_found", "Ticket not found")
        return found

    def _attributes(self, body: dict[str, Any]) -> dict[str, Any]:
        given = body.get("ticket_attributes") or {}
        if not isinstance(given, dict):
            raise Refused(400, "parameter_invalid", "ticket_attributes must be an object")
        return {str(name): value for name, value in given.items()}

    def _contact(self, given: object) -> str:
        row = given if isinstance(given, dict) else {}
        for each in self._records.contacts.values():
            if each.archived:
                continue
            if (
                row.get("id") == each.id
                or (row.get("external_id") and str(row["external_id"]) == each.external_id)
                or (row.get("email") and str(row["email"]).lower() == each.email.lower())
            ):
                return each.id
        raise Refused(404, "not_found", "User Not Found")

    def _assignee(self, given: object) -> tuple[str, int]:
        number = int(str(given)) if str(given).isdigit() else -1
        if number in TEAM_IDS.values():
            return "team", number
        if number in ADMIN_IDS.values() or number == 0:
            return "admin", number
        raise Refused(404, "assignee_not_found", "Assignee not found")


def ticket_json(records: IntercomRecords, one: Ticket) -> dict[str, Any]:
    """A ticket with its parts, as everywhere in the API."""
    body: dict[str, Any] = {
        "type": "ticket",
        "id": str(one.id),
        "ticket_id": str(one.number),
        "category": TYPES[one.type_id][1],
        "ticket_attributes": {**dict.fromkeys(ATTRIBUTES), **one.attributes},
        "ticket_state": _state(one.state),
        "ticket_type": _type(one.type_id),
        "contacts": {
            "type": "contact.list",
            "contacts": [
                {
                    "type": "contact",
                    "id": each,
                    "external_id": records.contacts[each].external_id or None
                    if each in records.contacts
                    else None,
                }
                for each in one.contacts
            ],
        },
        "admin_assignee_id": one.admin,
        "team_assignee_id": one.team,
        "created_at": one.created,
        "updated_at": one.updated,
        "open": one.open,
        "is_shared": one.shared,
        "linked_objects": show.linked(
            [{"type": "conversation", "id": str(one.conversation), "category": None}]
            if one.conversation is not None
            else []
        ),
        "ticket_parts": {
            "type": "ticket_part.list",
            "ticket_parts": [_part(records, each) for each in one.parts],
            "total_count": len(one.parts),
        },
    }
    if one.snoozed_until is not None:
        body["snoozed_until"] = one.snoozed_until
    return body


def _part(records: IntercomRecords, part: TicketPart) -> dict[str, Any]:
    body: dict[str, Any] = {
        "type": "ticket_part",
        "id": str(part.id),
        "part_type": part.kind,
        "created_at": part.at,
        "updated_at": part.at,
        "author": show.author(records, part.author),
        "attachments": [],
        "redacted": False,
    }
    if part.body:
        body["body"] = part.body
    if part.state:
        body |= {"ticket_state": part.state, "previous_ticket_state": part.before}
    if part.assigned and part.assigned[1]:
        body["assigned_to"] = {"type": part.assigned[0], "id": str(part.assigned[1])}
    return body


def _state(state: str) -> dict[str, Any]:
    label = STATE_LABELS[state]
    return {
        "type": "ticket_state",
        "id": STATE_IDS[state],
        "category": state,
        "internal_label": label,
        "external_label": label,
    }


def _type(number: str) -> dict[str, Any]:
    name, category, _ = TYPES[number]
    return {
        "type": "ticket_type",
        "id": number,
        "name": name,
        "description": "",
        "icon": "🎟️",
        "workspace_id": APP_ID,
        "category": category,
        "archived": False,
        "is_internal": category != "Customer",
        "created_at": STARTED_AT,
        "updated_at": STARTED_AT,
        "ticket_states": {"type": "list", "data": [_state(each) for each in TICKET_STATES]},
        "ticket_type_attributes": {
            "type": "list",
            "data": [
                {
                    "type": "ticket_type_attribute",
                    "id": str(10 * int(number) + place),
                    "workspace_id": APP_ID,
                    "name": each,
                    "description": "",
                    "data_type": "string",
                    "order": place,
                    "required_to_create": place == 0,
                    "required_to_create_for_contacts": False,
                    "visible_on_create": True,
                    "visible_to_contacts": True,
                    "default": True,
                    "ticket_type_id": int(number),
                    "archived": False,
                    "created_at": STARTED_AT,
                    "updated_at": STARTED_AT,
                }
                for place, each in enumerate(ATTRIBUTES)
            ],
        },
    }
