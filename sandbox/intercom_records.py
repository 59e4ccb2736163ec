"""Intercom's records: contacts, companies, conversations with parts, written by events and API calls.

Times are Unix seconds. Contact and company ids are hexadecimal and come from the company's own keys;
conversation and part ids are numbers that rise with creation.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox import events as ev
from sandbox.company import STAFF, TEAM_OF_LEVEL, instant
from sandbox.hubspot_story import HubSpotStory

ID_EPOCH = 1_735_689_600
PER_SECOND = 1_000
TEAM_IDS = {"L1": 6_407_161, "L2": 6_407_162, "L3": 6_407_163}
ADMIN_IDS = {person.id: 4_423_400 + 11 * place for place, person in enumerate(STAFF)}
BOT_ID = 4_423_399
BOT_EMAIL = "operator+tenfold@intercom.io"
# Where a rating carries no `updated_at`, `created_at` is the answer's time; the last digit of the id decides.
RATINGS_WITHOUT_UPDATE = "7"


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
    assigned: tuple[str, int] | None = None  # ("team" or "admin", id)
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
    team: int = TEAM_IDS["L1"]
    admin: int | None = None
    read: bool = True
    snoozed_until: int | None = None
    waiting_since: int | None = None
    parts: list[Part] = field(default_factory=list)
    tags: dict[str, tuple[int, str]] = field(default_factory=dict)  # tag id -> applied at, by admin
    rating: dict[str, Any] | None = None
    custom: dict[str, Any] = field(default_factory=dict)
    shown: bytes | None = None  # as in lists, until it changes


def unix(moment: datetime) -> int:
    """Unix seconds."""
    return int(moment.timestamp())


def hex_id(kind: str, key: str) -> str:
    """A stable id of 24 hexadecimal digits."""
    return hashlib.md5(f"{kind}/{key}".encode(), usedforsecurity=False).hexdigest()[:24]


class IntercomRecords:
    """The workspace's content."""

    def __init__(self, hubspot: HubSpotStory) -> None:
        """HubSpot's records give the external ids; they must already show an event given here."""
        self.hubspot = hubspot
        self.contacts: dict[str, Contact] = {}
        self.companies: dict[str, Company] = {}
        self.conversations: dict[int, Conversation] = {}
        self.deleted: list[tuple[int, int]] = []  # conversation id, when
        self.tags: dict[str, str] = {}  # id -> name
        self.version = 0
        self._people: dict[str, ev.LeadCreated | ev.PersonAdded] = {}
        self._contact_of: dict[str, str] = {}  # person key -> contact id
        self._company_of: dict[str, str] = {}  # company key -> company id
        self._conversation_of: dict[str, int] = {}
        self._members: dict[str, list[str]] = {}  # company key -> person keys
        self._companies: dict[str, ev.LeadCreated] = {}
        self._deals: dict[str, ev.DealCreated] = {}
        self._second, self._in_second = 0, 0
        self._appliers: dict[type[ev.Event], Callable[[Any], None]] = {
            ev.LeadCreated: self._lead_created,
            ev.PersonAdded: self._person_added,
            ev.OptedOut: self._opted_out,
            ev.PeopleMerged: self._people_merged,
            ev.DealCreated: self._deal_created,
            ev.DealWon: self._deal_won,
            ev.ConversationOpened: self._opened,
            ev.ConversationPart: self._part,
            ev.ConversationTagged: self._tagged,
            ev.ConversationRated: self._rated,
            ev.CampaignBounced: self._bounced,
        }

    def apply(self, event: ev.Event) -> None:
        """Show what happened."""
        applier = self._appliers.get(type(event))
        if applier is not None:
            applier(event)

    # Changes, used by events and API calls alike.

    def next_id(self, at: int) -> int:
        """A fresh number for a conversation or part."""
        if at != self._second:
            self._second, self._in_second = at, 0
        self._in_second += 1
        return (at - ID_EPOCH) * PER_SECOND + self._in_second

    def add_contact(self, contact: Contact) -> Contact:
        """Put a contact in."""
        self.contacts[contact.id] = contact
        self.version += 1
        return contact

    def changed(self, record: Contact | Company | Conversation, at: int) -> None:
        """Note a change of the record."""
        record.updated = max(at, record.updated)
        record.shown = None
        self.version += 1

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
            conversation.team = part.assigned[1]
        elif part.assigned:
            conversation.admin = part.assigned[1]
        elif part.kind == "comment" and part.author[0] == "admin":
            conversation.admin = ADMIN_IDS.get(part.author[1], conversation.admin)
        part.state = conversation.state
        conversation.parts.append(part)
        self.changed(conversation, part.at)
        return part

    # What happened in the company.

    def _lead_created(self, event: ev.LeadCreated) -> None:
        self._companies[event.company] = event
        self._person(event)

    def _person_added(self, event: ev.PersonAdded) -> None:
        self._person(event)
        if event.company in self._company_of:
            self._ensure_contact(event.person, unix(event.at))

    def _person(self, event: ev.LeadCreated | ev.PersonAdded) -> None:
        self._people[event.person] = event
        self._members.setdefault(event.company, []).append(event.person)

    def _ensure_contact(self, person: str, at: int) -> Contact:
        if person in self._contact_of:
            return self.contacts[self._contact_of[person]]
        about = self._people[person]
        contact = Contact(
            id=hex_id("contact", person),
            external_id=str(self.hubspot.person_id(person)),
            role="user" if about.company in self._company_of else "lead",
            email=about.email,
            name=f"{about.first_name} {about.last_name}",
            created=at,
            updated=at,
            language=about.language,
        )
        if company := self._company_of.get(about.company):
            contact.companies.append(company)
            self.companies[company].contacts.append(contact.id)
            self.changed(self.companies[company], at)
        self._contact_of[person] = contact.id
        return self.add_contact(contact)

    def _opted_out(self, event: ev.OptedOut) -> None:
        if contact := self._known(event.person):
            contact.unsubscribed = True
            self.changed(contact, unix(event.at))

    def _bounced(self, event: ev.CampaignBounced) -> None:
        if contact := self._known(event.person):
            contact.bounced = True
            self.changed(contact, unix(event.at))

    def _known(self, person: str) -> Contact | None:
        return self.contacts.get(self._contact_of.get(person, ""))

    def _people_merged(self, event: ev.PeopleMerged) -> None:
        gone = self._known(event.gone)
        if gone is None:
            return
        at = unix(event.at)
        kept = self._ensure_contact(event.kept, at)
        del self.contacts[gone.id]
        self._contact_of[event.gone] = kept.id
        kept.merged.append(
            {
                "type": "merge_history_item",
                "source_contact_id": gone.id,
                "source_contact_role": gone.role,
                "merged_at": at,
            }
        )
        for conversation in self.conversations.values():
            if conversation.contact == gone.id:
                conversation.contact = kept.id
                self.changed(conversation, at)
        self.changed(kept, at)

    def _deal_created(self, event: ev.DealCreated) -> None:
        self._deals[event.deal] = event

    def _deal_won(self, event: ev.DealWon) -> None:
        deal, at = self._deals[event.deal], unix(event.at)
        about = self._companies[deal.company]
        if deal.company in self._company_of:
            company = self.companies[self._company_of[deal.company]]
            company.plan = deal.plan
            self.changed(company, at)
            return
        company = Company(
            id=hex_id("company", deal.company),
            company_id=str(self.hubspot.company_id(deal.company)),
            name=about.name,
            created=at,
            updated=at,
            website=f"https://{about.domain}",
            industry=about.industry,
            plan=deal.plan,
        )
        self.companies[company.id] = company
        self._company_of[deal.company] = company.id
        for person in self._members[deal.company]:
            contact = self._ensure_contact(person, at)
            if contact.id in company.contacts:
                continue
            contact.role = "user"
            contact.companies.append(company.id)
            company.contacts.append(contact.id)
            self.changed(contact, at)
        self.version += 1

    def _opened(self, event: ev.ConversationOpened) -> None:
        at = unix(event.at)
        contact = self._ensure_contact(event.person, at)
        conversation = Conversation(
            id=self.next_id(at),
            contact=contact.id,
            subject=event.subject,
            body=event.body,
            created=at,
            updated=at,
            waiting_since=at,
        )
        self.conversations[conversation.id] = conversation
        self._conversation_of[event.conversation] = conversation.id
        contact.last_replied = at
        self.changed(contact, at)

    def _part(self, event: ev.ConversationPart) -> None:
        conversation, at = self._conversation(event.conversation), unix(event.at)
        if conversation is None:
            return
        author = (event.author_kind, event.author)
        if event.author_kind == "user":
            contact = self._ensure_contact(event.author, at)
            author = ("user", contact.id)
            contact.last_replied = at
            self.changed(contact, at)
        self.add_part(
            conversation,
            Part(
                id=self.next_id(at),
                kind=event.kind,
                author=author,
                body=event.body,
                at=at,
                assigned=("team", TEAM_IDS[event.to_level]) if event.to_level else None,
                until=at + 86_400 if event.kind == "snoozed" else None,
            ),
        )

    def _conversation(self, key: str) -> Conversation | None:
        """The conversation, unless an API call has meanwhile deleted it."""
        return self.conversations.get(self._conversation_of[key])

    def _tagged(self, event: ev.ConversationTagged) -> None:
        number = self.tag_id(event.tag)
        if conversation := self._conversation(event.conversation):
            conversation.tags[number] = (unix(event.at), str(conversation.admin or BOT_ID))
            self.changed(conversation, unix(event.at))

    def _rated(self, event: ev.ConversationRated) -> None:
        conversation, at = self._conversation(event.conversation), unix(event.at)
        if conversation is None:
            return
        closes = [part.at for part in conversation.parts if part.kind == "close"]
        asked = closes[-1] if closes else conversation.created
        plain = str(conversation.id).endswith(RATINGS_WITHOUT_UPDATE)
        # The request for a rating makes it; the answer only updates it.
        conversation.rating = {
            "rating": event.rating,
            "remark": event.remark,
            "created_at": at if plain else asked,
            **({} if plain else {"updated_at": at}),
            "admin": conversation.admin,
        }
        self.changed(conversation, at)


def admins(clock: datetime) -> list[dict[str, Any]]:
    """Everyone of the team who works at `clock`, with the teams they serve."""
    day = clock.date()
    return [
        {
            "type": "admin",
            "id": str(ADMIN_IDS[person.id]),
            "name": f"{person.first_name} {person.last_name}",
            "email": person.email,
            "job_title": person.role,
            "away_mode_enabled": False,
            "away_mode_reassign": False,
            "away_status_reason_id": None,
            "has_inbox_seat": bool(person.levels),
            "team_ids": [TEAM_IDS[level] for level in person.levels],
            "team_priority_level": {},
        }
        for person in STAFF
        if instant(person.start) <= clock and person.employed_on(day)
    ]


def teams(clock: datetime) -> list[dict[str, Any]]:
    """The teams of the support levels."""
    day = clock.date()
    return [
        {
            "type": "team",
            "id": str(TEAM_IDS[level]),
            "name": name,
            "admin_ids": [
                ADMIN_IDS[person.id] for person in STAFF if level in person.levels and person.employed_on(day)
            ],
            "admin_priority_level": {},
            "assignment_limit": None,
            "distribution_method": "manual",
        }
        for level, name in TEAM_OF_LEVEL.items()
    ]


STAFF_OF_ADMIN = {number: person for person in STAFF for number in (ADMIN_IDS[person.id],)}
