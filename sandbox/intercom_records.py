"""Intercom's records: contacts, companies, conversations with parts, tickets; and every change to them.

Times are Unix seconds. Conversation, part, note and ticket ids are numbers that rise with creation.
"""

import copy
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from sandbox.intercom_team import ADMIN_IDS, STAFF_OF_ADMIN, TEAM_IDS

ID_EPOCH = 1_735_689_600
PER_SECOND = 1_000
LONGEST_LAG = 86_400  # of a search's index behind the records, in seconds
TICKET_STATES = ("submitted", "in_progress", "waiting_on_customer", "resolved")

# Told of each announced change: the topic, the record, when, and what else belongs to it.
Tell = Callable[..., None]


@dataclass(slots=True, eq=False)
class Contact:
    """A person; `role` is lead until the company is a client."""

    id: str
    external_id: str
    role: str
    email: str
    name: str
    created: int
    updated: int
    language: str = ""
    phone: str | None = None
    unsubscribed: bool = False
    bounced: bool = False
    last_replied: int | None = None
    archived: bool = False
    companies: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    notes: list[dict[str, Any]] = field(default_factory=list)
    custom: dict[str, Any] = field(default_factory=dict)
    merged: list[dict[str, Any]] = field(default_factory=list)
    shown: bytes | None = None
    past: "list[tuple[int, Contact, int]]" = field(default_factory=list)


@dataclass(slots=True, eq=False)
class Company:
    """A client's company; `company_id` is its id in HubSpot."""

    id: str
    company_id: str
    name: str
    created: int
    updated: int
    website: str = ""
    industry: str = ""
    plan: str = ""
    custom: dict[str, Any] = field(default_factory=dict)
    contacts: list[str] = field(default_factory=list)
    shown: bytes | None = None


@dataclass(slots=True)
class Part:
    """One step of a conversation. `author` is ("user", contact id), ("admin", staff id) or ("bot", "")."""

    id: int
    kind: str
    author: tuple[str, str]
    body: str
    at: int
    assigned: tuple[str, int] | None = None  # ("team" or "admin", id); an id of 0 is nobody
    state: str = "open"
    until: int | None = None


@dataclass(slots=True, eq=False)
class Conversation:
    """A conversation and everything that happened in it."""

    id: int
    contact: str
    subject: str
    body: str
    created: int
    updated: int
    state: str = "open"
    team: int | None = TEAM_IDS["L1"]
    admin: int | None = None
    read: bool = True
    snoozed_until: int | None = None
    waiting_since: int | None = None
    parts: list[Part] = field(default_factory=list)
    tags: dict[str, tuple[int, str]] = field(default_factory=dict)  # tag id -> applied at, by admin
    rating: dict[str, Any] | None = None
    custom: dict[str, Any] = field(default_factory=dict)
    tickets: list[int] = field(default_factory=list)
    shown: bytes | None = None  # as in lists, until it changes
    past: "list[tuple[int, Conversation, int]]" = field(default_factory=list)


@dataclass(slots=True)
class TicketPart:
    """One step of a ticket; `state` and `before` are told where the step moved its state."""

    id: int
    kind: str
    author: tuple[str, str]
    at: int
    body: str = ""
    state: str = ""
    before: str = ""
    assigned: tuple[str, int] | None = None


@dataclass(slots=True, eq=False)
class Ticket:
    """A ticket; `number` is what people see, `id` what the API takes."""

    id: int
    number: int
    type_id: str
    contacts: list[str]
    attributes: dict[str, Any]
    created: int
    updated: int
    state: str = "submitted"
    admin: int = 0
    team: int = 0
    open: bool = True
    shared: bool = False
    snoozed_until: int | None = None
    conversation: int | None = None
    parts: list[TicketPart] = field(default_factory=list)
    past: "list[tuple[int, Ticket, int]]" = field(default_factory=list)


Searchable = TypeVar("Searchable", Contact, Conversation, Ticket)


def unix(moment: datetime) -> int:
    """Unix seconds."""
    return int(moment.timestamp())


def hex_id(kind: str, key: str) -> str:
    """A stable id of 24 hexadecimal digits."""
    return hashlib.md5(f"{kind}/{key}".encode(), usedforsecurity=False).hexdigest()[:24]


class Numbers:
    """Ids that rise with creation, and depend on the instant alone where not many are made in one second."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, at: int) -> int:
        """A fresh id, above every earlier one."""
        self._last = max(self._last + 1, (at - ID_EPOCH) * PER_SECOND + 1)
        return self._last


def as_of(records: Iterable[Searchable], moment: int) -> Iterator[Searchable]:
    """The records as they were at `moment`; those made later are left out."""
    for record in records:
        if record.created > moment:
            continue
        state = record
        if record.updated > moment:
            for changed_at, before, parts in record.past:
                if changed_at > moment:
                    state = before
                    _cut(state, record, parts)
                    break
        yield state


def _cut(state: Any, record: Any, parts: int) -> None:
    """Give an earlier state the parts that it had."""
    if not isinstance(state, Contact):
        state.parts = record.parts[:parts]


class IntercomRecords:
    """The workspace's content."""

    def __init__(self) -> None:
        self.contacts: dict[str, Contact] = {}
        self.companies: dict[str, Company] = {}
        self.conversations: dict[int, Conversation] = {}
        self.tickets: dict[int, Ticket] = {}
        self.deleted: list[tuple[int, int]] = []  # conversation id, when
        # What was merged away or deleted, and when: a search index that lags still knows it.
        self.gone: list[tuple[int, Contact | Conversation | Ticket]] = []
        self.merged: dict[str, str] = {}  # contact that went -> contact that stayed
        self.tags: dict[str, str] = {}  # id -> name
        self.version = 0
        self.remembers = False  # keep earlier states, for a search that lags
        self.tell: Tell | None = None
        self._changed: dict[int, Contact | Company] = {}
        self._numbers, self._ticket_numbers, self._note_numbers = Numbers(), Numbers(), Numbers()
        self._tickets_made = 0

    # Changes, used by events and API calls alike.

    def next_id(self, at: int) -> int:
        """A fresh number for a conversation or part."""
        return self._numbers.next(at)

    def add_contact(self, contact: Contact, at: int) -> Contact:
        """Put a contact in."""
        self.contacts[contact.id] = contact
        self.version += 1
        self.announce(f"contact.{contact.role}.created", contact, at)
        return contact

    def add_conversation(self, conversation: Conversation) -> Conversation:
        """Put a conversation in."""
        self.conversations[conversation.id] = conversation
        self.version += 1
        self.announce("conversation.user.created", conversation, conversation.created)
        return conversation

    def changing(self, record: Contact | Company | Conversation | Ticket, at: int) -> None:
        """Note that the record is about to change."""
        if self.remembers and not isinstance(record, Company):
            _remember(record, at)
        record.updated = max(at, record.updated)
        if not isinstance(record, Ticket):
            record.shown = None
        self.version += 1
        if self.tell is not None and isinstance(record, Contact | Company):
            self._changed[id(record)] = record

    def settle(self, at: int) -> None:
        """Announce the contacts and companies that changed since the last call."""
        changed, self._changed = self._changed, {}
        for record in changed.values():
            kind = f"contact.{record.role}" if isinstance(record, Contact) else "company"
            self.announce(f"{kind}.updated", record, at)

    def announce(self, topic: str, record: object, at: int, **more: object) -> None:
        """Tell whoever listens."""
        if self.tell is not None:
            self.tell(topic, record, at, **more)

    def tag_id(self, name: str) -> str:
        """The id of the tag of that name, made when there is none."""
        for number, existing in self.tags.items():
            if existing.lower() == name.lower():
                return number
        number = str(7_800_201 + len(self.tags))
        self.tags[number] = name
        return number

    def add_part(self, conversation: Conversation, part: Part) -> Part:
        """Let something happen in the conversation."""
        self.changing(conversation, part.at)
        if part.kind == "close":
            conversation.state, conversation.snoozed_until = "closed", None
        elif part.kind == "open":
            conversation.state, conversation.snoozed_until = "open", None
        elif part.kind == "snoozed":
            conversation.state, conversation.snoozed_until = "snoozed", part.until
        elif part.kind == "comment" and part.author[0] == "user":
            # A client who writes again wakes the conversation up.
            conversation.state, conversation.snoozed_until = "open", None
            conversation.waiting_since = conversation.waiting_since or part.at
        elif part.kind == "comment":
            conversation.waiting_since = None
        if part.assigned and part.assigned[0] == "team":
            conversation.team = part.assigned[1] or None
        elif part.assigned:
            conversation.admin = part.assigned[1] or None
        elif part.kind == "comment" and part.author[0] == "admin":
            conversation.admin = ADMIN_IDS.get(part.author[1], conversation.admin)
        part.state = conversation.state
        conversation.parts.append(part)
        if topic := _topic(part):
            self.announce(topic, conversation, part.at, part=part)
        return part

    def merge_contacts(self, kept: Contact, gone: Contact, at: int) -> Contact:
        """`gone` disappears into `kept`, with its conversations, companies, tags and notes."""
        self.changing(kept, at)
        self._remove(gone, at)
        self.merged[gone.id] = kept.id
        kept.merged.append(
            {
                "type": "merge_history_item",
                "source_contact_id": gone.id,
                "source_contact_role": gone.role,
                "merged_at": at,
            }
        )
        for number in gone.companies:
            company = self.companies[number]
            self.changing(company, at)
            company.contacts.remove(gone.id)
            if number not in kept.companies:
                kept.companies.append(number)
                company.contacts.append(kept.id)
        kept.tags += [each for each in gone.tags if each not in kept.tags]
        kept.notes += [{**each, "contact": {"type": "contact", "id": kept.id}} for each in gone.notes]
        for conversation in self.conversations.values():
            if conversation.contact == gone.id:
                self.changing(conversation, at)
                conversation.contact = kept.id
        for ticket in self.tickets.values():
            if gone.id in ticket.contacts:
                self.changing(ticket, at)
                ticket.contacts = [kept.id if each == gone.id else each for each in ticket.contacts]
        self.announce("contact.merged", kept, at)
        return kept

    def delete_contact(self, contact: Contact, at: int) -> None:
        """Take a contact out for good; its conversations stay."""
        self._remove(contact, at)
        for number in contact.companies:
            self.changing(self.companies[number], at)
            self.companies[number].contacts.remove(contact.id)
        self.announce("contact.deleted", contact, at)

    def _remove(self, contact: Contact, at: int) -> None:
        del self.contacts[contact.id]
        self._changed.pop(id(contact), None)
        self.gone.append((at, contact))
        self.version += 1

    def delete_conversation(self, conversation: Conversation, at: int) -> None:
        """From then on it is among the deleted ones only."""
        del self.conversations[conversation.id]
        self.deleted.append((conversation.id, at))
        self.gone.append((at, conversation))
        self.version += 1
        self.announce("conversation.deleted", conversation, at)

    def add_note(self, contact: Contact, body: str, admin: int, at: int) -> dict[str, Any]:
        """The new note on the contact; the contact's own change time stays as it was."""
        person = STAFF_OF_ADMIN[admin]
        note = {
            "type": "note",
            "id": str(self._note_numbers.next(at)),
            "created_at": at,
            "contact": {"type": "contact", "id": contact.id},
            "author": {
                "type": "admin",
                "id": str(admin),
                "name": f"{person.first_name} {person.last_name}",
                "email": person.email,
                "away_mode_enabled": False,
                "away_mode_reassign": False,
            },
            "body": f"<p>{body}</p>",
        }
        contact.notes.append(note)
        contact.shown = None
        self.version += 1
        return note

    def add_ticket(
        self, type_id: str, contacts: list[str], attributes: dict[str, Any], author: tuple[str, str], at: int
    ) -> Ticket:
        """A new ticket, submitted."""
        number = self._ticket_numbers.next(at)
        self._tickets_made += 1
        ticket = Ticket(number, self._tickets_made, type_id, contacts, attributes, at, at)
        ticket.parts.append(self._ticket_step(at, author, "ticket_state_updated_by_admin", state="submitted"))
        ticket.parts[0].before = "submitted"
        self.tickets[number] = ticket
        self.version += 1
        self.announce("ticket.created", ticket, at)
        return ticket

    def move_ticket(self, ticket: Ticket, state: str, author: tuple[str, str], at: int) -> None:
        """Put it in another state; a resolved one is closed."""
        self.changing(ticket, at)
        step = self._ticket_step(at, author, "ticket_state_updated_by_admin", state=state)
        step.before, ticket.state = ticket.state, state
        ticket.open = state != "resolved"
        ticket.parts.append(step)
        self.announce("ticket.state.updated", ticket, at)

    def assign_ticket(self, ticket: Ticket, to: tuple[str, int], author: tuple[str, str], at: int) -> None:
        """Give it to an admin or a team."""
        self.changing(ticket, at)
        if to[0] == "team":
            ticket.team = to[1]
        else:
            ticket.admin = to[1]
        ticket.parts.append(self._ticket_step(at, author, "assignment", assigned=to))
        self.announce(f"ticket.{to[0]}.assigned", ticket, at)

    def change_ticket(self, ticket: Ticket, attributes: dict[str, Any], at: int) -> None:
        """Set attributes of it."""
        self.changing(ticket, at)
        ticket.attributes = {**ticket.attributes, **attributes}
        ticket.parts.append(self._ticket_step(at, ("bot", ""), "ticket_attribute_updated_by_admin"))
        self.announce("ticket.attribute.updated", ticket, at)

    def delete_ticket(self, ticket: Ticket, at: int) -> None:
        """Take it out for good."""
        del self.tickets[ticket.id]
        self.gone.append((at, ticket))
        self.version += 1
        if (conversation := self.conversations.get(ticket.conversation or 0)) is not None:
            conversation.tickets.remove(ticket.id)
            conversation.shown = None

    def _ticket_step(self, at: int, author: tuple[str, str], kind: str, **more: Any) -> TicketPart:
        return TicketPart(self._ticket_numbers.next(at), kind, author, at, **more)


def _remember(record: Contact | Conversation | Ticket, at: int) -> None:
    while record.past and record.past[0][0] <= at - LONGEST_LAG:
        del record.past[0]
    before: Any = copy.copy(record)
    before.past = []
    if isinstance(record, Contact):
        before.companies, before.tags, before.notes = [*record.companies], [*record.tags], [*record.notes]
        before.custom, before.merged = {**record.custom}, [*record.merged]
        record.past.append((at, before, 0))
        return
    if isinstance(record, Conversation):
        before.tags, before.custom, before.tickets = {**record.tags}, {**record.custom}, [*record.tickets]
    # Parts are only ever added: their number is enough to know them again.
    record.past.append((at, before, len(record.parts)))


_ADMIN_TOPICS = {
    "comment": "conversation.admin.replied",
    "note": "conversation.admin.noted",
    "assignment": "conversation.admin.assigned",
    "close": "conversation.admin.closed",
    "open": "conversation.admin.opened",
    "snoozed": "conversation.admin.snoozed",
}


def _topic(part: Part) -> str:
    if part.kind == "comment" and part.author[0] == "user":
        return "conversation.user.replied"
    return _ADMIN_TOPICS.get(part.kind, "")
