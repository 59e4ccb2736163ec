"""Leads, and how some of them become clients: everything before a company's first subscription starts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from sandbox.company import (
    INDUSTRIES,
    OPEN_DEAL_STAGES,
    PLANS,
    STAFF,
    add_months,
    cents,
    instant,
    is_working_day,
    local,
)
from sandbox.events import (
    DealCreated,
    DealLost,
    DealStageMoved,
    DealWon,
    Event,
    LeadArchived,
    LeadCreated,
    LeadStageChanged,
    PeopleMerged,
    PersonAdded,
)
from sandbox.names import NameBook, address

# A client's lead appears at most this long before the start, so later cohorts cannot touch the past.
LONGEST_SALE = timedelta(days=35)
LOST_DEALS_PER_CLIENT = 1.0
COLD_LEADS_PER_CLIENT = 1.8


@dataclass(frozen=True, slots=True)
class Offer:
    """What a deal sells."""

    plan: str
    interval: str
    amount: Decimal
    list_amount: Decimal


@dataclass(slots=True)
class Client:
    """A won company, as the later chapters of its life need it."""

    company: str
    name: str
    language: str
    industry: str
    owner: str
    deal: str
    offer: Offer
    start: datetime
    people: list[tuple[datetime, str]] = field(default_factory=list)

    def people_at(self, moment: datetime) -> list[str]:
        """Who of the company is known by then, the first person first."""
        return [person for since, person in self.people if since <= moment]


@dataclass(slots=True)
class Sales:
    """What the sales chapter hands on: its events, the clients in order of key, every lead's first person."""

    events: list[Event] = field(default_factory=list)
    clients: list[Client] = field(default_factory=list)
    leads: list[tuple[datetime, str, str]] = field(default_factory=list)  # created, person, language


def planned_clients(seed: int, index: int, months: int, first: int, last: int) -> int:
    """New clients of the month with that index: a straight line from `first` to `last`, a little uneven."""
    if index == 0:
        return first
    if index == months - 1:
        return last
    if index >= months:
        return round(last * Random(f"{seed}/growth/{index}").uniform(0.94, 1.08))
    line = first + (last - first) * index / (months - 1)
    return max(1, round(line * Random(f"{seed}/growth/{index}").uniform(0.94, 1.06)))


def offer(dice: Random, month_index: int, plan: str | None = None, interval: str | None = None) -> Offer:
    """A plan, an interval and a price; one client in five gets a discount that lasts."""
    later = min(month_index, 12) / 12
    plan = (
        plan or dice.choices(("basic", "growth", "pro"), (0.50 - 0.10 * later, 0.37, 0.13 + 0.10 * later))[0]
    )
    interval = interval or dice.choices(("month", "year", "quarter", "week"), (0.74, 0.11, 0.10, 0.05))[0]
    full = PLANS[plan][interval]
    off = dice.choice((5, 10, 10, 15, 20)) if dice.random() < 0.22 else 0
    return Offer(plan, interval, cents(full * (100 - off) / 100), full)


def random_moment(dice: Random, day: date) -> datetime:
    """A moment of that local day, mostly in office hours."""
    seconds = dice.gauss(13.5, 3.0) * 3600 if dice.random() < 0.88 else dice.uniform(0, 86_399)
    second = int(min(max(seconds, 0), 86_399))
    return instant(day, time(second // 3600, second // 60 % 60, second % 60))


class SalesOffice:
    """Writes the cohorts one after another; a cohort is what is sold in, or first heard of in, one month."""

    def __init__(self, seed: int, begin: date) -> None:
        self._seed = seed
        self._begin = begin
        self._names = NameBook()
        self._companies = 0
        self._people = 0
        self._deals = 0
        self.sales = Sales()

    def cohort(self, index: int, clients: int) -> None:
        """Add the month with that index: its new clients, its lost deals, and leads that stay leads."""
        month = add_months(self._begin, index)
        # The number of leads per client varies: marketing has better and worse months.
        luck = Random(f"{self._seed}/luck/{index}").uniform(0.85, 1.2)
        for _ in range(clients):
            self._client(index, month)
        for _ in range(round(clients * LOST_DEALS_PER_CLIENT * luck)):
            self._lead(index, month, with_deal=True)
        for _ in range(round(clients * COLD_LEADS_PER_CLIENT * luck)):
            self._lead(index, month, with_deal=False)

    def _client(self, index: int, month: date) -> None:
        dice = Random(f"{self._seed}/lead/{self._companies + 1}")
        start = self._start(dice, index, month)
        days = min(dice.lognormvariate(2.3, 0.6), LONGEST_SALE.days - 1)
        created = (start - timedelta(days=days)).replace(microsecond=0)
        opening = instant(self._begin, time(8))
        if created < opening:
            created = opening + (start - timedelta(hours=5) - opening) * dice.random()
            created = created.replace(microsecond=0)
        lead = self._company(dice, index, created)
        steps = sorted(dice.uniform(0.05, 0.95) for _ in range(7))
        at = [(created + (start - created) * step).replace(microsecond=0) for step in steps]
        self._stages(lead, at[:2])
        sold = offer(dice, index)
        deal = self._deal(lead, at[2], sold)
        self._stages(lead, at[2:3], ("opportunity",))
        out = self.sales.events
        out.extend(
            DealStageMoved(at=when, deal=deal, stage=stage)
            for when, stage in zip(at[3:6], OPEN_DEAL_STAGES[1:], strict=True)
        )
        # Half of the contracts start when they are signed, the others some time after.
        won = start if dice.random() < 0.5 and local(start).hour else at[6]
        out.append(DealWon(at=won, deal=deal, start_at=start))
        self._stages(lead, [won], ("customer",))
        client = Client(lead.company, lead.name, lead.language, lead.industry, lead.owner, deal, sold, start)
        client.people.append((created, lead.person))
        for _ in range(dice.choices((0, 1, 2), (0.62, 0.29, 0.09))[0]):
            joined = start + timedelta(seconds=int(dice.uniform(1, 25 * 86_400)))
            client.people.append((joined, self._colleague(dice, lead, joined)))
        client.people.sort()
        self.sales.clients.append(client)

    def _start(self, dice: Random, index: int, month: date) -> datetime:
        # Some contracts run from the first of the month, which puts their start exactly on a period's edge.
        if index and dice.random() < 0.05:
            return instant(month)
        following = add_months(month, 1)
        while True:
            day = month + timedelta(days=dice.randrange((following - month).days))
            if day - self._begin < timedelta(days=2):
                continue
            if is_working_day(day) or dice.random() < 0.06:
                return instant(day, time(dice.randrange(9, 19), dice.randrange(60), dice.randrange(60)))

    def _lead(self, index: int, month: date, *, with_deal: bool) -> None:
        dice = Random(f"{self._seed}/lead/{self._companies + 1}")
        following = add_months(month, 1)
        day = month + timedelta(days=dice.randrange((following - month).days))
        lead = self._company(dice, index, max(random_moment(dice, day), instant(self._begin, time(8))))
        created = lead.at
        out = self.sales.events

        def later(days: float) -> datetime:
            return created + timedelta(seconds=int(days * 86_400))

        if with_deal:
            at = sorted(later(dice.uniform(0.2, 16)) for _ in range(3))
            self._stages(lead, at[:2])
            deal = self._deal(lead, at[2], offer(dice, index))
            self._stages(lead, at[2:], ("opportunity",))
            when = at[2]
            for stage in OPEN_DEAL_STAGES[1 : dice.randrange(1, 5)]:
                when += timedelta(seconds=int(dice.uniform(0.3, 8) * 86_400))
                out.append(DealStageMoved(at=when, deal=deal, stage=stage))
            if dice.random() < 0.93:
                out.append(
                    DealLost(at=when + timedelta(seconds=int(dice.uniform(1, 25) * 86_400)), deal=deal)
                )
        elif dice.random() < 0.5:
            at = sorted(later(dice.uniform(0.2, 30)) for _ in range(2))
            self._stages(lead, at if dice.random() < 0.3 else at[:1])
        fate = dice.random()
        if fate < 0.03:
            out.append(LeadArchived(at=later(dice.uniform(20, 90)), person=lead.person))
        elif fate < 0.045:
            self._people += 1
            twin = PersonAdded(
                at=later(dice.uniform(0.01, 6)),
                company=lead.company,
                person=f"p{self._people:05d}",
                first_name=lead.first_name,
                last_name=lead.last_name,
                email=f"info.{lead.email}",
                language=lead.language,
            )
            merged = twin.at + timedelta(seconds=int(dice.uniform(0.1, 20) * 86_400))
            out += [twin, PeopleMerged(at=merged, kept=lead.person, gone=twin.person)]
        elif fate < 0.13:
            self._colleague(dice, lead, later(dice.uniform(0.5, 20)))
        self.sales.leads.append((created, lead.person, lead.language))

    def _company(self, dice: Random, index: int, created: datetime) -> LeadCreated:
        self._companies += 1
        self._people += 1
        industry = dice.choice(INDUSTRIES)
        language = "en" if dice.random() < 0.22 else "es"
        name, domain = self._names.company(dice, industry)
        first, last = self._names.person(dice, language)
        later = min(index, 12) / 12
        source = dice.choices(
            ("referral", "ads", "organic", "outbound", ""),
            (0.14 + 0.15 * later, 0.36 - 0.08 * later, 0.28, 0.17 - 0.07 * later, 0.05),
        )[0]
        sellers = [key for key in ("sdr1", "bd1", "am1") if _employed(key, created)]
        lead = LeadCreated(
            at=created,
            company=f"c{self._companies:05d}",
            person=f"p{self._people:05d}",
            name=name,
            domain=domain,
            industry=industry,
            country="ES",
            language=language,
            source=source,
            first_name=first,
            last_name=last,
            email=address(first, last, domain),
            owner=dice.choice(sellers),
        )
        self.sales.events.append(lead)
        return lead

    def _colleague(self, dice: Random, lead: LeadCreated, at: datetime) -> str:
        self._people += 1
        first, last = self._names.person(dice, lead.language)
        person = f"p{self._people:05d}"
        self.sales.events.append(
            PersonAdded(
                at=at,
                company=lead.company,
                person=person,
                first_name=first,
                last_name=last,
                email=address(first, last, lead.domain, self._people),
                language=lead.language,
            )
        )
        return person

    def _deal(self, lead: LeadCreated, at: datetime, sold: Offer) -> str:
        self._deals += 1
        deal = f"d{self._deals:05d}"
        self.sales.events.append(
            DealCreated(
                at=at,
                deal=deal,
                company=lead.company,
                person=lead.person,
                kind="newbusiness",
                plan=sold.plan,
                interval=sold.interval,
                amount=sold.amount,
                list_amount=sold.list_amount,
                owner=lead.owner,
            )
        )
        return deal

    def _stages(
        self,
        lead: LeadCreated,
        at: Sequence[datetime],
        stages: tuple[str, ...] = ("marketingqualifiedlead", "salesqualifiedlead"),
    ) -> None:
        self.sales.events.extend(
            LeadStageChanged(at=when, company=lead.company, person=lead.person, stage=stage)
            for when, stage in zip(at, stages, strict=False)
        )


def _employed(key: str, moment: datetime) -> bool:
    day = local(moment).date()
    return any(person.id == key and person.employed_on(day) for person in STAFF)
