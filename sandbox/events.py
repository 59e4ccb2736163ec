"""What happens in the simulated company: the one event log behind every vendor's records and the truth.

Shared contract of the simulation (which writes it), the vendor servers (which show it through their own
protocols) and the truth (which computes KPIs from it). Every `at` is aware UTC with whole seconds.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened at `at`; events with at > clock have not happened yet."""

    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadCreated(Event):
    """A company and its first person enter the CRM (HubSpot) as a lead."""

    company: str  # our key, e.g. "c0001"
    person: str  # our key, e.g. "p0001"
    name: str
    domain: str
    industry: str
    country: str
    language: str
    source: str  # referral, ads, organic, outbound or ""
    first_name: str
    last_name: str
    email: str
    owner: str  # staff id


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonAdded(Event):
    """A further person of a company already known."""

    company: str
    person: str
    first_name: str
    last_name: str
    email: str
    language: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadStageChanged(Event):
    """HubSpot lifecyclestage of the person and the company."""

    company: str
    person: str
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OptedOut(Event):
    """The person refuses mail (HubSpot hs_email_optout, Mailchimp unsubscribed)."""

    person: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadArchived(Event):
    """The contact is archived in HubSpot; never the only contact of a client."""

    person: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PeopleMerged(Event):
    """HubSpot merge: `gone` disappears into `kept`; never concerns a client's contacts."""

    kept: str
    gone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DealCreated(Event):
    """A deal enters the pipeline."""

    deal: str
    company: str
    person: str
    kind: str  # newbusiness, existingbusiness
    plan: str
    interval: str  # week, month, quarter, year
    amount: Decimal
    list_amount: Decimal
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DealStageMoved(Event):
    """An open deal moves: appointmentscheduled, qualifiedtobuy, presentationscheduled, contractsent."""

    deal: str
    stage: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DealWon(Event):
    """The deal is won; its subscription starts at `start_at` (>= at)."""

    deal: str
    start_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class DealLost(Event):
    """The deal is lost."""

    deal: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionEnded(Event):
    """It becomes known at `at` that the deal's subscription ends at `end_at`."""

    deal: str
    end_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OnboardingItemDone(Event):
    """A checklist item (platform_access, first_settings, integrations) is done at `at`."""

    company: str
    item: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationOpened(Event):
    """A person writes; starts at L1."""

    conversation: str
    person: str
    subject: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationPart(Event):
    """kind: comment, note, assignment, close, open, snoozed. author_kind: user, admin, bot."""

    conversation: str
    kind: str
    author_kind: str
    author: str  # person key, staff id or "bot"
    body: str = ""
    to_level: str = ""  # for assignment: L1, L2, L3


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationTagged(Event):
    """Tag by name, e.g. spam, merged, billing."""

    conversation: str
    tag: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationRated(Event):
    """The client's rating 1-5, given at `at`."""

    conversation: str
    rating: int
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverableRequested(Event):
    """A HubSpot ticket in the pipeline Deliverables."""

    deliverable: str
    company: str
    kind: str
    subject: str
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverableDelivered(Event):
    """Delivered (the first delivery, or again after it was reopened)."""

    deliverable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverableErrorReported(Event):
    """The client reports an error in it."""

    deliverable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliverableReopened(Event):
    """Sent back for rework."""

    deliverable: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SurveyAnswered(Event):
    """The company's answer to the survey; a later one replaces it."""

    company: str
    csat: int
    nps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AudienceJoined(Event):
    """The person becomes a subscribed Mailchimp member."""

    person: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignSent(Event):
    """A Mailchimp campaign leaves for these people."""

    campaign: str
    title: str
    subject: str
    recipients: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignOpened(Event):
    """A recipient opens it (may happen again)."""

    campaign: str
    person: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignClicked(Event):
    """A recipient clicks a link."""

    campaign: str
    person: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignBounced(Event):
    """Hard bounce; the member becomes cleaned."""

    campaign: str
    person: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry(Event):
    """A double entry; lines = (account, debit, credit) and sum to zero. `day` is the local booking date."""

    number: int
    day: date
    kind: str  # Invoice, Payment, Expense, Bill, Bill Payment, Journal Entry, Payroll, Deposit
    document: str  # the Num column, e.g. invoice number
    name: str  # customer or supplier
    memo: str
    lines: tuple[tuple[str, Decimal, Decimal], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BankMoved(Event):
    """A line of a bank account: main (CSV) or savings (Norma 43); amount signed, balance after it."""

    account: str
    day: date
    value_day: date
    text: str
    amount: Decimal
    balance: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class StripeMoved(Event):
    """A Stripe balance transaction: charge, refund, fee or payout."""

    transaction: str
    category: str
    gross: Decimal
    fee: Decimal
    description: str
    payout: str = ""
