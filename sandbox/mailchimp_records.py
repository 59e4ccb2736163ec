"""Mailchimp's records: one audience with its members and tags, campaigns with what people did, automations.

Times are aware UTC with whole seconds, as Mailchimp's are.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sandbox import events as ev
from sandbox.company import NAME

LIST_ID = "9f2b6c41d0"
STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived")
FIRST_WEB_ID = 546_044_001
FIRST_TAG_ID = 13_506_101


@dataclass(slots=True, eq=False)
class Member:
    """One address of the audience. `by_contact` marks an unsubscribe that only the person can take back."""

    email: str
    web_id: int
    status: str
    signed_up: datetime
    changed: datetime
    contact_id: str
    merge_fields: dict[str, str]
    language: str = ""
    vip: bool = False
    source: str = "API - Generic"
    by_contact: bool = False
    unsubscribed_at: datetime | None = None
    campaign: str = ""  # the one that led to the unsubscribe or bounce
    tags: dict[int, datetime] = field(default_factory=dict)
    sent: int = 0
    opened: set[str] = field(default_factory=set)
    clicked: set[str] = field(default_factory=set)
    shown: dict[object, bytes] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The MD5 of the lower-case address, Mailchimp's own key."""
        return subscriber_hash(self.email)

    @property
    def unique_email_id(self) -> str:
        """The id that stays when the address changes, as webhooks and merge tags know it."""
        return hashlib.md5(self.contact_id.encode(), usedforsecurity=False).hexdigest()[:10]


@dataclass(frozen=True, slots=True)
class Activity:
    """What one recipient did with one campaign: open, click or bounce."""

    action: str
    at: datetime
    url: str = ""


@dataclass(slots=True, eq=False)
class Campaign:
    """A campaign that was sent."""

    id: str
    web_id: int
    title: str
    subject: str
    sent_at: datetime
    recipients: tuple[str, ...]  # contact ids
    activity: dict[str, list[Activity]] = field(default_factory=dict)  # by contact id
    changed: int = 0


@dataclass(frozen=True, slots=True)
class Trigger:
    """A step of a customer journey was started for an address."""

    journey: str
    step: str
    email: str
    at: datetime


# Told of each announced change: what, whom it concerns, when, and what else the vendor says of it.
Tell = Callable[..., None]


def subscriber_hash(email: str) -> str:
    """Mailchimp's member id of an address."""
    return hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()


def _mark(kind: str, key: str, digits: int) -> str:
    return hashlib.md5(f"{kind}/{key}".encode(), usedforsecurity=False).hexdigest()[:digits]


class MailchimpRecords:
    """The account's content."""

    def __init__(self) -> None:
        self.tell: Tell | None = None
        self._made = 0
        self.members: dict[str, Member] = {}  # by contact id, in order of joining
        self.by_hash: dict[str, Member] = {}
        self.forgotten: set[str] = set()  # hashes of members deleted for good
        self.tags: dict[int, str] = {}
        self.campaigns: dict[str, Campaign] = {}
        self.queued: dict[str, list[tuple[str, datetime]]] = {}  # automation mail -> who waits since when
        self.triggers: list[Trigger] = []  # every start of a step of a customer journey, as often as asked
        self.member_events: dict[str, list[dict[str, Any]]] = {}
        self.version = 0
        self._people: dict[str, ev.LeadCreated | ev.PersonAdded] = {}
        self._companies: dict[str, ev.LeadCreated] = {}
        self._member_of: dict[str, str] = {}  # person -> contact id
        self._campaign_of: dict[str, str] = {}
        self._opted_out: set[str] = set()
        self._appliers: dict[type[ev.Event], Callable[[Any], None]] = {
            ev.LeadCreated: self._lead_created,
            ev.PersonAdded: self._person_added,
            ev.AudienceJoined: self._joined,
            ev.OptedOut: self._left,
            ev.CampaignSent: self._sent,
            ev.CampaignOpened: self._opened,
            ev.CampaignClicked: self._clicked,
            ev.CampaignBounced: self._bounced,
        }

    def apply(self, event: ev.Event) -> None:
        """Show what happened."""
        applier = self._appliers.get(type(event))
        if applier is not None:
            applier(event)

    # Changes, used by events and API calls alike.

    def add(self, email: str, status: str, at: datetime, merge_fields: Mapping[str, str], key: str) -> Member:
        """A new member."""
        contact_id = _mark("contact", key, 32)
        if contact_id in self.members:
            contact_id = _mark("contact", f"{key}/{self._made}", 32)
        member = Member(
            email=email,
            web_id=FIRST_WEB_ID + self._made,
            status=status,
            signed_up=at,
            changed=at,
            contact_id=contact_id,
            merge_fields={"FNAME": "", "LNAME": "", "COMPANY": "", **merge_fields},
        )
        self.members[member.contact_id] = member
        self.by_hash[member.id] = member
        self._made += 1
        self.version += 1
        if status in ("subscribed", "unsubscribed", "cleaned"):
            self._say(_TOLD[status], member, at)
        return member

    def set_status(self, member: Member, status: str, at: datetime, *, by_contact: bool = False) -> None:
        """Move a member to another status."""
        if status == "unsubscribed" and member.status != "unsubscribed":
            member.unsubscribed_at = at
            member.by_contact = by_contact
        elif status == "subscribed":
            member.by_contact, member.unsubscribed_at = False, None
        told = _TOLD.get(status) if status != member.status else None
        member.status = status
        self.touched(member, at)
        if told is not None:
            self._say(told, member, at, action="delete" if status == "archived" else "unsub")

    def rename(self, member: Member, email: str, at: datetime) -> None:
        """Change the address, and with it the member's hash."""
        before = member.email
        del self.by_hash[member.id]
        member.email = email
        self.by_hash[member.id] = member
        self.touched(member, at)
        self._say("upemail", member, at, before=before)

    def forget(self, member: Member, at: datetime) -> None:
        """Delete for good."""
        self._say("unsubscribe", member, at, action="delete")
        self.forgotten.add(member.id)
        del self.members[member.contact_id], self.by_hash[member.id]
        self.member_events.pop(member.contact_id, None)
        self.version += 1

    def touched(self, member: Member, at: datetime) -> None:
        """Note a change of the member."""
        member.changed = max(at, member.changed)
        member.shown.clear()
        self.version += 1

    def profile_changed(self, member: Member, at: datetime) -> None:
        """Tell of new names or other merge fields."""
        self._say("profile", member, at)

    def _say(self, what: str, about: object, at: datetime, **more: object) -> None:
        if self.tell is not None:
            self.tell(what, about, at, **more)

    def tag_id(self, name: str) -> int:
        """The id of the tag of that name, made when there is none."""
        for number, existing in self.tags.items():
            if existing.lower() == name.lower():
                return number
        number = FIRST_TAG_ID + len(self.tags)
        self.tags[number] = name
        return number

    # What happened in the company.

    def _lead_created(self, event: ev.LeadCreated) -> None:
        self._companies[event.company] = event
        self._people[event.person] = event

    def _person_added(self, event: ev.PersonAdded) -> None:
        self._people[event.person] = event

    def _joined(self, event: ev.AudienceJoined) -> None:
        about = self._people[event.person]
        company = self._companies[about.company]
        known = self.by_hash.get(subscriber_hash(about.email))
        if known is None:
            names = {"FNAME": about.first_name, "LNAME": about.last_name, "COMPANY": company.name}
            known = self.add(about.email, "subscribed", event.at, names, event.person)
            known.language = about.language
            for name in (company.industry, f"lang-{about.language}"):
                known.tags[self.tag_id(name)] = event.at
        self._member_of[event.person] = known.contact_id
        if event.person in self._opted_out:
            self.set_status(known, "unsubscribed", event.at, by_contact=True)

    def _member(self, person: str) -> Member | None:
        return self.members.get(self._member_of.get(person, ""))

    def _left(self, event: ev.OptedOut) -> None:
        self._opted_out.add(event.person)
        member = self._member(event.person)
        if member is not None and member.status == "subscribed":
            received = [each.id for each in self.campaigns.values() if member.contact_id in each.activity]
            member.campaign = received[-1] if received else ""
            self.set_status(member, "unsubscribed", event.at, by_contact=True)

    def _sent(self, event: ev.CampaignSent) -> None:
        members = [member for person in event.recipients if (member := self._member(person)) is not None]
        campaign = Campaign(
            id=_mark("campaign", event.campaign, 10),
            web_id=13_531_001 + len(self.campaigns),
            title=event.title,
            subject=event.subject,
            sent_at=event.at,
            recipients=tuple(member.contact_id for member in members),
        )
        self.campaigns[campaign.id] = campaign
        self._campaign_of[event.campaign] = campaign.id
        for member in members:
            member.sent += 1
            member.shown.clear()
        self._say("campaign", campaign, event.at)

    def _did(self, campaign: str, person: str, activity: Activity) -> Member | None:
        member = self._member(person)
        if member is None:
            return None
        found = self.campaigns[self._campaign_of[campaign]]
        found.activity.setdefault(member.contact_id, []).append(activity)
        found.changed += 1
        member.shown.clear()
        return member

    def _opened(self, event: ev.CampaignOpened) -> None:
        if member := self._did(event.campaign, event.person, Activity("open", event.at)):
            member.opened.add(event.campaign)

    def _clicked(self, event: ev.CampaignClicked) -> None:
        if member := self._did(event.campaign, event.person, Activity("click", event.at, event.url)):
            member.clicked.add(event.campaign)

    def _bounced(self, event: ev.CampaignBounced) -> None:
        if member := self._did(event.campaign, event.person, Activity("bounce", event.at)):
            member.campaign = self._campaign_of[event.campaign]
            self.set_status(member, "cleaned", event.at)


_TOLD = {
    "subscribed": "subscribe",
    "unsubscribed": "unsubscribe",
    "cleaned": "cleaned",
    "archived": "unsubscribe",
}


@dataclass(frozen=True, slots=True)
class Automation:
    """A classic automation with its mails (id, subject, days after joining)."""

    id: str
    title: str
    started_after: timedelta
    mails: tuple[tuple[str, str, int], ...]


AUTOMATIONS = (
    Automation(
        "c17d40a2be",
        f"{NAME}: newsletter welcome",
        timedelta(days=14),
        (("e1f0a9d311", "Bienvenida a la newsletter", 0), ("e1f0a9d312", "Lo mejor del mes", 7)),
    ),
    Automation(
        "c17d40a2bf", f"{NAME}: win-back", timedelta(days=120), (("e1f0a9d321", "Te echamos de menos", 60),)
    ),
)
