"""The events known at a clock, gathered into the few facts that KPIs are made of. Times are aware UTC."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

from sandbox.company import CHART, CHECKLIST, MONTHS_OF_INTERVAL
from sandbox.events import (
    ConversationOpened,
    ConversationPart,
    ConversationRated,
    ConversationTagged,
    DealCreated,
    DealWon,
    DeliverableDelivered,
    DeliverableErrorReported,
    DeliverableReopened,
    DeliverableRequested,
    Event,
    JournalEntry,
    LeadCreated,
    OnboardingItemDone,
    PeopleMerged,
    PersonAdded,
    SubscriptionEnded,
    SurveyAnswered,
)

FOUR_PLACES = Decimal("0.0001")
ACCOUNTS = {account.name: account for account in CHART}


@dataclass(slots=True)
class Subscription:
    """A won deal; `end` is None while open."""

    company: str
    start: datetime
    end: datetime | None
    monthly: Decimal

    def active_at(self, moment: datetime) -> bool:
        """True when start <= moment < end."""
        return self.start <= moment and (self.end is None or moment < self.end)


@dataclass(slots=True)
class Conversation:
    """A conversation with its parts in order."""

    created: datetime
    parts: list[ConversationPart] = field(default_factory=list)
    tags: set[str] = field(default_factory=set)
    rating: tuple[datetime, int] | None = None


@dataclass(slots=True)
class Deliverable:
    """A piece of work; `delivered` is the first delivery."""

    requested: datetime
    delivered: datetime | None = None
    errors: int = 0
    reopened: int = 0


@dataclass(slots=True)
class Booked:
    """What one day's entries add up to: revenue as credits less debits, costs as debits less credits."""

    kinds: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    acquisition: Decimal = Decimal(0)


@dataclass(slots=True)
class Facts:
    """Everything known at the clock."""

    contacts: dict[str, datetime] = field(default_factory=dict)
    first_company: datetime | None = None
    sources: dict[str, str] = field(default_factory=dict)
    subscriptions: list[Subscription] = field(default_factory=list)
    client_start: dict[str, datetime] = field(default_factory=dict)
    onboarded: dict[str, datetime] = field(default_factory=dict)
    conversations: dict[str, Conversation] = field(default_factory=dict)
    deliverables: dict[str, Deliverable] = field(default_factory=dict)
    surveys: dict[str, SurveyAnswered] = field(default_factory=dict)
    booked: dict[date, Booked] = field(default_factory=lambda: defaultdict(Booked))


def monthly_amount(amount: Decimal, interval: str) -> Decimal:
    """The amount of one interval as an amount per month, half-up to 4 decimals."""
    monthly = amount * 52 / 12 if interval == "week" else amount / MONTHS_OF_INTERVAL[interval]
    return monthly.quantize(FOUR_PLACES, ROUND_HALF_UP)


def gather(events: Iterable[Event], clock: datetime) -> Facts:
    """The facts of the events with at <= clock, in whatever order they are given.

    Raises KeyError when an event refers to a deal, conversation, deliverable or account that does not exist.
    """
    facts = Facts()
    offers: dict[str, DealCreated] = {}
    sold: dict[str, Subscription] = {}
    done: dict[str, dict[str, datetime]] = defaultdict(dict)
    for event in sorted((event for event in events if event.at <= clock), key=lambda event: event.at):
        match event:
            case ConversationPart():
                facts.conversations[event.conversation].parts.append(event)
            case ConversationOpened():
                facts.conversations[event.conversation] = Conversation(event.at)
            case ConversationTagged():
                facts.conversations[event.conversation].tags.add(event.tag)
            case ConversationRated():
                facts.conversations[event.conversation].rating = (event.at, event.rating)
            case JournalEntry():
                _book(facts.booked[event.day], event)
            case LeadCreated():
                facts.contacts[event.person] = event.at
                facts.sources[event.company] = event.source
                facts.first_company = facts.first_company or event.at
            case PersonAdded():
                facts.contacts[event.person] = event.at
            case PeopleMerged():
                facts.contacts.pop(event.gone, None)
            case DealCreated():
                offers[event.deal] = event
            case DealWon():
                deal = offers[event.deal]
                monthly = monthly_amount(deal.amount, deal.interval)
                sold[event.deal] = Subscription(deal.company, event.start_at, None, monthly)
            case SubscriptionEnded():
                sold[event.deal].end = event.end_at
            case OnboardingItemDone():
                done[event.company].setdefault(event.item, event.at)
            case DeliverableRequested():
                facts.deliverables[event.deliverable] = Deliverable(event.at)
            case DeliverableDelivered():
                work = facts.deliverables[event.deliverable]
                work.delivered = work.delivered or event.at
            case DeliverableErrorReported():
                facts.deliverables[event.deliverable].errors += 1
            case DeliverableReopened():
                facts.deliverables[event.deliverable].reopened += 1
            case SurveyAnswered():
                facts.surveys[event.company] = event
            case _:
                pass
    facts.subscriptions = list(sold.values())
    for subscription in facts.subscriptions:
        known = facts.client_start.get(subscription.company, subscription.start)
        facts.client_start[subscription.company] = min(known, subscription.start)
    for company, items in done.items():
        if company in facts.client_start and all(item in items for item in CHECKLIST):
            facts.onboarded[company] = max(items[item] for item in CHECKLIST)
    return facts


def _book(booked: Booked, entry: JournalEntry) -> None:
    for name, debit, credit in entry.lines:
        account = ACCOUNTS[name]
        if account.kind == "balance":
            continue
        amount = credit - debit if account.kind == "revenue" else debit - credit
        booked.kinds[account.kind] += amount
        if account.acquisition:
            booked.acquisition += amount
