"""The true KPIs of the simulated company, from its event log alone: plain Python, exact fractions.

Written from the KPI definitions and docs/data-contract.md; it must never share code with the warehouse,
whose judge it is.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any

from sandbox.company import LEVELS, SLA, STAFF, add_months, instant, local
from sandbox.events import Event
from sandbox.truth_facts import Facts, gather
from sandbox.truth_support import Service, is_counted, serve

Number = int | Fraction
BASE_ACTIVE = 10  # K11's base is the first complete month that ends with this many active clients

NAMES = {
    "K1": "Clients per employee",
    "K2": "Onboarding time",
    "K2.share_48h": "Onboarded within 48 hours",
    "K3": "Support resolution time",
    "K3.p50": "Support resolution time, median",
    "K3.p90": "Support resolution time, 90th percentile",
    "K5": "Customer acquisition cost",
    "K6": "Lifetime value",
    "K7": "Lifetime value to acquisition cost",
    "K8": "Profit margin",
    "K9": "Gross margin",
    "K10": "Net margin",
    "K11": "Cost per client, change",
    "K12": "Net promoter score",
    "K13": "Customer satisfaction",
    "K14": "Churn",
    "K15": "Referral rate",
    "K16": "Error rate",
    "K17": "Rework rate",
    "K18": "Delivery time",
    "K18.share_24h": "Delivered within 24 hours",
    "K19": "SLA compliance",
    "K20": "Client growth",
    "K21": "Revenue growth",
    "K24": "First answer time, 90th percentile",
    "MRR": "Monthly recurring revenue",
    "NEW_CLIENTS": "New clients",
    "ACTIVE_CLIENTS": "Active clients",
    "LEADS": "Leads",
}


@dataclass(frozen=True, slots=True)
class Period:
    """A local month or ISO week: days [first, last), instants [start, end)."""

    name: str
    first: date
    last: date
    is_month: bool

    @property
    def start(self) -> datetime:
        """The first instant."""
        return instant(self.first)

    @property
    def end(self) -> datetime:
        """The first instant after it."""
        return instant(self.last)


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its parts; `reason` says why there is none. `money` names the parts that are money."""

    value: Number | None
    numerator: Number | None = None
    denominator: Number | None = None
    n: int | None = None
    money: str = ""  # of "vnd": value, numerator, denominator
    reason: str | None = None


def truth(events: Sequence[Event], clock: datetime, month: str | None = None) -> list[dict[str, Any]]:
    """One row per period, KPI and segment, for every local month and ISO week that is complete at `clock`.

    Uses the events with at <= clock. `month` ("2026-10") keeps that period's rows only (or a week's).
    Keys: kpi, name, period, segment, value, numerator, denominator, n, status, reason. Money is a decimal
    string with 4 decimals, other numbers are int or float; status is "ok", or "not_evaluated" with a reason.
    """
    judge = Judge(gather(events, clock), clock)
    return [
        _row(period, kpi, segment, figure)
        for period in judge.periods
        if month is None or period.name == month
        for kpi, segment, figure in judge.figures(period)
    ]


def quantile(ordered: Sequence[Number], share: Fraction) -> Fraction:
    """The quantile of a sorted, non-empty list, by linear interpolation between its neighbours."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * Fraction(ordered[above] - ordered[below])


def money_text(amount: Number) -> str:
    """The amount with 4 decimals, rounded half away from zero."""
    scaled = abs(Fraction(amount)) * 10_000
    units = int(scaled + Fraction(1, 2))
    return str((Decimal(units) if amount >= 0 else -Decimal(units) if units else Decimal(0)).scaleb(-4))


class Judge:
    """Answers for every figure; the facts are those known at the clock."""

    def __init__(self, facts: Facts, clock: datetime) -> None:
        self._facts = facts
        self._clock = clock
        self._days = sorted(facts.booked)
        self._active: dict[datetime, frozenset[str]] = {}

    @cached_property
    def periods(self) -> list[Period]:
        """Complete months from that of the first company on, then complete weeks from its first Monday on."""
        if self._facts.first_company is None:
            return []
        begin = local(self._facts.first_company).date().replace(day=1)
        found = []
        first = begin
        while instant(after := add_months(first, 1)) <= self._clock:
            found.append(Period(f"{first:%Y-%m}", first, after, is_month=True))
            first = after
        first = begin + timedelta(days=-begin.weekday() % 7)
        while instant(after := first + timedelta(days=7)) <= self._clock:
            year, week, _ = first.isocalendar()
            found.append(Period(f"{year}-W{week:02d}", first, after, is_month=False))
            first = after
        return found

    def figures(self, period: Period) -> Iterable[tuple[str, str, Figure]]:
        """Every (kpi, segment, figure) of the period, in a fixed order."""
        yield from self._clients(period)
        yield from self._money(period)
        yield from self._work(period)
        yield from self._support(period)

    # -- clients -------------------------------------------------------------------------

    def active(self, moment: datetime) -> frozenset[str]:
        """The companies active at an instant."""
        if moment not in self._active:
            self._active[moment] = frozenset(
                each.company for each in self._facts.subscriptions if each.active_at(moment)
            )
        return self._active[moment]

    def mrr(self, moment: datetime) -> Fraction:
        """The monthly amounts of the subscriptions active at an instant, summed."""
        return Fraction(
            sum((each.monthly for each in self._facts.subscriptions if each.active_at(moment)), Decimal(0))
        )

    def new(self, start: datetime, end: datetime) -> list[str]:
        """The clients whose first subscription starts in [start, end)."""
        return [company for company, at in self._facts.client_start.items() if start <= at < end]

    def _clients(self, period: Period) -> Iterable[tuple[str, str, Figure]]:
        facts = self._facts
        before, after = self.active(period.start), self.active(period.end)
        new = self.new(period.start, period.end)
        staff = sum((who.fte for who in STAFF if who.employed_on(period.last)), Decimal(0))
        mrr0, mrr1 = self.mrr(period.start), self.mrr(period.end)
        nobody = "no active clients in period"
        yield (
            "K1",
            "all",
            _ratio(len(after), Fraction(staff), "no staff in period", n=len(after)),
        )
        yield "K14", "all", _ratio(len(before - after), len(before), nobody)
        referred = sum(facts.sources[company] == "referral" for company in new)
        yield "K15", "all", _ratio(referred, len(new), "no new clients in period")
        yield "K20", "all", _ratio(len(after) - len(before), len(before), nobody)
        yield "K21", "all", _ratio(mrr1 - mrr0, mrr0, "no MRR in period", n=len(after), money="nd")
        yield "MRR", "all", Figure(mrr1, mrr1, None, len(after), "vn")
        leads = sum(period.start <= at < period.end for at in facts.contacts.values())
        for kpi, count in (("NEW_CLIENTS", len(new)), ("ACTIVE_CLIENTS", len(after)), ("LEADS", leads)):
            yield kpi, "all", Figure(count, count, None, count)

    # -- money ---------------------------------------------------------------------------

    def booked(self, first: date, last: date, kind: str) -> Fraction:
        """What was booked on days [first, last) of that kind of account, or as "acquisition"."""
        days = self._days[bisect_left(self._days, first) : bisect_left(self._days, last)]
        total = Decimal(0)
        for day in days:
            entry = self._facts.booked[day]
            total += entry.acquisition if kind == "acquisition" else entry.kinds.get(kind, Decimal(0))
        return Fraction(total)

    def _money(self, period: Period) -> Iterable[tuple[str, str, Figure]]:
        first, last = period.first, period.last
        revenue, direct, operating, financial, tax = (
            self.booked(first, last, kind)
            for kind in ("revenue", "direct", "operating", "financial", "tax_on_profit")
        )
        active = len(self.active(period.end))
        new = len(self.new(period.start, period.end))
        acquisition = self.booked(first, last, "acquisition")
        yield "K5", "all", _ratio(acquisition, new, "no new clients in period", money="vn")
        yield from self._lifetime(period)
        for kpi, profit in (
            ("K8", revenue - direct - operating),
            ("K9", revenue - direct),
            ("K10", revenue - direct - operating - financial - tax),
        ):
            yield kpi, "all", _ratio(profit, revenue, "no revenue in period", n=active, money="nd")
        yield "K11", "all", self._cost_change(period, active)

    def _lifetime(self, period: Period) -> Iterable[tuple[str, str, Figure]]:
        edges = [add_months(period.first, -2), add_months(period.first, -1), period.first, period.last]
        at_start = lost = 0
        for left, right in pairwise(edges):
            before, after = self.active(instant(left)), self.active(instant(right))
            at_start += len(before)
            lost += len(before - after)
        revenue = self.booked(edges[0], edges[-1], "revenue")
        direct = self.booked(edges[0], edges[-1], "direct")
        active = len(self.active(period.end))
        reason = None
        if not active or not at_start:
            reason = "no active clients in period"
        elif not revenue:
            reason = "no revenue in period"
        elif not lost:
            reason = "not estimable"
        new = len(self.new(instant(edges[0]), period.end))
        acquisition = self.booked(edges[0], edges[-1], "acquisition")
        if reason:
            yield "K6", "all", Figure(None, n=active, reason=reason)
            yield "K7", "all", Figure(None, n=active, reason=reason)
            return
        worth = self.mrr(period.end) / active * (revenue - direct) / revenue
        churn = Fraction(lost, at_start)
        value = worth / churn
        yield "K6", "all", Figure(value, worth, churn, active, "vn")
        if not new or not acquisition:
            reason = "no acquisition cost in period" if new else "no new clients in period"
            yield "K7", "all", Figure(None, n=active, reason=reason)
            return
        cost = acquisition / new
        yield "K7", "all", Figure(value / cost, value, cost, active, "nd")

    def cost_per_client(self, period: Period) -> Fraction | None:
        """Direct and operating costs over the mean of active clients at start and end; None without any."""
        people = len(self.active(period.start)) + len(self.active(period.end))
        costs = self.booked(period.first, period.last, "direct") + self.booked(
            period.first, period.last, "operating"
        )
        return costs / Fraction(people, 2) if people else None

    @cached_property
    def base(self) -> tuple[date, Fraction] | None:
        """K11's base month, as its first day, and its cost per client."""
        for period in self.periods:
            if period.is_month and len(self.active(period.end)) >= BASE_ACTIVE:
                cost = self.cost_per_client(period)
                return (period.first, cost) if cost else None
        return None

    def _cost_change(self, period: Period, active: int) -> Figure:
        if not period.is_month:
            return Figure(None, n=active, reason="monthly only")
        if self.base is None or period.first < self.base[0]:
            return Figure(None, n=active, reason="no base month in period")
        cost = self.cost_per_client(period)
        if cost is None:
            return Figure(None, n=active, reason="no active clients in period")
        base = self.base[1]
        return Figure((cost - base) / base, cost - base, base, active, "nd")

    # -- work and opinions ---------------------------------------------------------------

    def _work(self, period: Period) -> Iterable[tuple[str, str, Figure]]:
        facts = self._facts

        def inside(moment: datetime | None) -> bool:
            return moment is not None and period.start <= moment < period.end

        hours = [
            _hours(facts.client_start[company], at) for company, at in facts.onboarded.items() if inside(at)
        ]
        yield from _mean_and_share("K2", "K2.share_48h", hours, 48, "no completed onboardings in period")

        latest = facts.surveys.values()
        since = instant(period.last - timedelta(days=90))
        scores = [answer.nps for answer in latest if since <= answer.at < period.end]
        net = sum(score >= 9 for score in scores) - sum(score <= 6 for score in scores)
        yield "K12", "all", _ratio(100 * net, len(scores), "no survey answers in period")
        given = [
            talk.rating for talk in facts.conversations.values() if talk.rating and inside(talk.rating[0])
        ]
        ratings = [rating for _, rating in given] + [answer.csat for answer in latest if inside(answer.at)]
        content = sum(rating >= 4 for rating in ratings)
        yield "K13", "all", _ratio(content, len(ratings), "no ratings in period")

        nothing = "no deliverables in period"
        done = [work for work in facts.deliverables.values() if inside(work.delivered)]
        yield "K16", "all", _ratio(sum(work.errors > 0 for work in done), len(done), nothing)
        yield "K17", "all", _ratio(sum(work.reopened > 0 for work in done), len(done), nothing)
        hours = [_hours(work.requested, work.delivered) for work in done if work.delivered]
        yield from _mean_and_share("K18", "K18.share_24h", hours, 24, nothing)

    # -- support -------------------------------------------------------------------------

    @cached_property
    def _services(self) -> list[tuple[datetime, Service]]:
        return [
            (talk.created, serve(talk, self._clock))
            for talk in self._facts.conversations.values()
            if is_counted(talk)
        ]

    def _support(self, period: Period) -> Iterable[tuple[str, str, Figure]]:
        start, end = period.start, period.end
        resolved = [
            (service.level, _hours(created, service.resolved))
            for created, service in self._services
            if service.resolved is not None and start <= service.resolved < end
        ]
        nothing = "no resolved conversations in period"
        for segment in ("all", *LEVELS):
            hours = sorted(spent for level, spent in resolved if segment in ("all", level))
            yield "K3", segment, _ratio(sum(hours, Fraction(0)), len(hours), nothing)
            if segment == "all":
                for kpi, share in (("K3.p50", Fraction(1, 2)), ("K3.p90", Fraction(9, 10))):
                    value = quantile(hours, share) if hours else None
                    yield (
                        kpi,
                        "all",
                        Figure(value, None, len(hours), len(hours), "", None if hours else nothing),
                    )
        clocks = [
            clock for _, service in self._services for clock in service.clocks if start <= clock.decided < end
        ]
        for segment in ("all", *LEVELS):
            own = [clock.hit for clock in clocks if segment in ("all", clock.level)]
            yield "K19", segment, _ratio(sum(own), len(own), "no decided clocks in period")
        answered = [
            answer for _, service in self._services for answer in service.answers if start <= answer.at < end
        ]
        for level in LEVELS:
            minutes = sorted(_hours(each.since, each.at) * 60 for each in answered if each.level == level)
            hit = sum(spent <= SLA[level].first_answer_minutes for spent in minutes)
            value = quantile(minutes, Fraction(9, 10)) if minutes else None
            reason = None if minutes else "no answers in period"
            yield "K24", level, Figure(value, hit, len(minutes), len(minutes), "", reason)


def _hours(start: datetime, end: datetime) -> Fraction:
    return Fraction((end - start) // timedelta(microseconds=1), 3_600_000_000)


def _ratio(
    numerator: Number, denominator: Number, reason: str, *, n: int | None = None, money: str = ""
) -> Figure:
    count = int(denominator) if n is None else n
    if not denominator:
        return Figure(None, numerator, denominator, count, money, reason)
    return Figure(Fraction(numerator) / denominator, numerator, denominator, count, money)


def _mean_and_share(
    mean: str, share: str, hours: Sequence[Fraction], limit: int, reason: str
) -> Iterable[tuple[str, str, Figure]]:
    yield mean, "all", _ratio(sum(hours, Fraction(0)), len(hours), reason)
    yield share, "all", _ratio(sum(spent < limit for spent in hours), len(hours), reason)


def _row(period: Period, kpi: str, segment: str, figure: Figure) -> dict[str, Any]:
    def shown(part: str, number: Number | None) -> int | float | str | None:
        if number is None:
            return None
        if part in figure.money:
            return money_text(number)
        exact = Fraction(number)
        return exact.numerator if exact.denominator == 1 else float(exact)

    return {
        "kpi": kpi,
        "name": NAMES[kpi],
        "period": period.name,
        "segment": segment,
        "value": shown("v", figure.value),
        "numerator": shown("n", figure.numerator),
        "denominator": shown("d", figure.denominator),
        "n": figure.n,
        "status": "not_evaluated" if figure.reason else "ok",
        "reason": figure.reason,
    }
