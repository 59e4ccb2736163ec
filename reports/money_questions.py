"""The three questions and the plan: pure decisions over the facts, each with its evidence and range."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import pairwise
from math import ceil
from typing import Literal

from playbook.finance import Channel, Plan
from playbook.loader import Playbook
from reports.cash import CASES, WEEKS, Forecast, NotEstimable, monthly_costs
from reports.money import ZERO, Money, Month

Verdict = Literal["yes", "maybe", "no", "unknown"]
_HORIZON = 52  # weeks after the hire for which the floor must hold, so that a late start is not easier
_LEAST_MONTHS = 6  # fewer pairs of months tell money from chance no more


@dataclass(frozen=True, slots=True)
class Hire:
    """Can we afford to hire? `start` is the first day on which the answer holds, `room` the posts that fit.

    `asked_by`: the figure that asks for the role; None when none does. `lowest`: the lowest balance until
    a year after `start` with the new post, in the low and the middle case.
    """

    verdict: Verdict
    role: str | None
    asked_by: str | None
    monthly_cost: Decimal | None
    start: date | None
    floor: Decimal | None
    lowest: tuple[Decimal, Decimal] | None
    room: tuple[int, int] | None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChannelAnswer:
    """What more money in one channel would bring. Ranges are 95 % intervals, or None.

    `average` = cost of a client so far; `marginal` = of one more; months of gross margin that pay it back.
    """

    channel: Channel
    verdict: Verdict
    months: int
    spent: Decimal | None
    clients: int
    average: Decimal | None
    marginal: tuple[Decimal, Decimal, Decimal] | None
    payback: tuple[Decimal, Decimal, Decimal] | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Marketing:
    """Should we spend more? The channels, what a client leaves a month, and costs that no channel holds."""

    verdict: Verdict
    channels: tuple[ChannelAnswer, ...]
    margin_per_client: Decimal | None
    shared_cost: Decimal
    unknown_source: int


@dataclass(frozen=True, slots=True)
class MarginMonth:
    """A month's margins (0 to 1) as (low, high): the two differ by what is not classified."""

    period: str
    revenue: Decimal
    gross: tuple[Decimal, Decimal] | None
    operating: tuple[Decimal, Decimal] | None
    net: tuple[Decimal, Decimal] | None
    unclassified: tuple[Decimal, Decimal]
    accounts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Margin:
    """What is our real margin? `missing`: accounts with a cost in each month before, none in the last."""

    months: tuple[MarginMonth, ...]
    missing: tuple[tuple[str, Decimal], ...]
    foreign_lines: int


@dataclass(frozen=True, slots=True)
class PhaseNow:
    """A phase of the plan: planned and spent so far; `outside`: costs without a name in the plan."""

    months: tuple[int, int]
    months_done: int
    planned: Mapping[str, Decimal]
    spent: Mapping[str, Decimal]
    outside: Decimal


@dataclass(frozen=True, slots=True)
class Against:
    """The plan held against what happened; a value is None while its month is not over."""

    month: int
    phases: tuple[PhaseNow, ...]
    mrr: tuple[tuple[int, Decimal, Decimal | None], ...]
    break_even: tuple[int | None, int | None]
    roi: tuple[tuple[int, Decimal, Decimal | None], ...]


# -- Can we afford to hire?


def hire(money: Money, found: Forecast | NotEstimable, playbook: Playbook) -> Hire:
    """The role that a figure asks for (else the cheapest one), and from when the floor bears it."""
    role, asked_by = _role(money, playbook)
    cost = _cost_of(role, playbook) if role else None
    if isinstance(found, NotEstimable):
        return Hire("unknown", role, asked_by, cost, None, None, None, None, found.reasons)
    costs = monthly_costs(money, playbook)
    floor = (costs * playbook.finance.cash_floor_months).quantize(Decimal("0.01"), ROUND_HALF_UP)
    if role is None or cost is None:
        return Hire("unknown", role, asked_by, None, None, floor, None, None, ("no_role",))
    starts = _starts(money.today)
    for verdict, case in (("yes", "low"), ("maybe", "mid")):
        for start in starts:
            if _lowest(found, case, cost, start) >= floor:
                lowest = (_lowest(found, "low", cost, start), _lowest(found, "mid", cost, start))
                room = (_room(found, "low", cost, start, floor), _room(found, "mid", cost, start, floor))
                return Hire(
                    "yes" if verdict == "yes" else "maybe", role, asked_by, cost, start, floor, lowest, room
                )
    lowest = (_lowest(found, "low", cost, starts[0]), _lowest(found, "mid", cost, starts[0]))
    return Hire("no", role, asked_by, cost, None, floor, lowest, (0, 0))


def _role(money: Money, playbook: Playbook) -> tuple[str | None, str | None]:
    for rule in playbook.finance.hire_when:
        figure = money.figures.get(rule.kpi)
        if figure is not None and figure.status == "off":
            return rule.role, rule.kpi
    by_cost = sorted((member.monthly_cost, member.role) for member in playbook.team if member.fte >= 1)
    return (by_cost[0][1], None) if by_cost else (None, None)


def _cost_of(role: str, playbook: Playbook) -> Decimal | None:
    """What the role cost a full-time month when it was last filled."""
    posts = [member for member in playbook.team if member.role == role]
    if not posts:
        return None
    last = max(posts, key=lambda member: member.start)
    return (last.monthly_cost / Decimal(str(last.fte))).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _starts(today: date) -> list[date]:
    """The first days of the next twelve months."""
    found = []
    month = today.replace(day=1)
    for _ in range(12):
        month = date(month.year + month.month // 12, month.month % 12 + 1, 1)
        found.append(month)
    return found


def _lowest(found: Forecast, case: str, cost: Decimal, start: date) -> Decimal:
    """The lowest weekly balance until a year after `start`, with `cost` a month more from then on.

    After the 13 weeks every further one is like their mean.
    """
    at = CASES.index(case)
    weekly = (found.balances[-1][at] - found.start) / WEEKS
    hired = (start - found.first_day).days / 7
    lowest = None
    for week in range(1, ceil(hired) + _HORIZON + 1):
        known = (
            found.balances[week - 1][at]
            if week <= WEEKS
            else found.balances[-1][at] + weekly * (week - WEEKS)
        )
        paid = cost * 12 / 52 * Decimal(max(0.0, week - hired))
        balance = known - paid
        lowest = balance if lowest is None else min(lowest, balance)
    return (lowest or ZERO).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _room(found: Forecast, case: str, cost: Decimal, start: date, floor: Decimal) -> int:
    """How many such posts from that day on still leave the floor, at most 20."""
    fits = 0
    while fits < 20 and _lowest(found, case, cost * (fits + 1), start) >= floor:
        fits += 1
    return fits


# -- Should we spend more on marketing?


def marketing(money: Money, playbook: Playbook) -> Marketing:
    """Per channel what one more client costs, from how both moved from month to month."""
    margin = _margin_per_client(money)
    answers = tuple(
        _channel(channel, money, playbook.finance.payback_months, margin)
        for channel in playbook.finance.channels
    )
    last = money.months[-1] if money.months else None
    held = {account for channel in playbook.finance.channels for account in channel.accounts}
    acquisition = {a.name for a in playbook.accounts if a.acquisition}
    verdicts = {answer.verdict for answer in answers}
    order: tuple[Verdict, ...] = ("yes", "maybe", "no")
    return Marketing(
        verdict=next((v for v in order if v in verdicts), "unknown"),
        channels=answers,
        margin_per_client=margin,
        shared_cost=last.of_accounts(tuple(acquisition - held)) if last else ZERO,
        unknown_source=sum(by_source.get("unknown", 0) for by_source in money.new_clients.values()),
    )


def _margin_per_client(money: Money) -> Decimal | None:
    """What a client leaves a month after direct costs: MRR a client times the gross margin."""
    gross = money.figures.get("K9")
    if money.mrr_now is None or not money.clients or gross is None or gross.value is None or gross.value <= 0:
        return None
    return (money.mrr_now / money.clients * gross.value).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _channel(channel: Channel, money: Money, limit: int, margin: Decimal | None) -> ChannelAnswer:
    won = [sum(money.new_clients.get(m.period, {}).get(s, 0) for s in channel.sources) for m in money.months]

    def cannot(reason: str, spent: Decimal | None = None) -> ChannelAnswer:
        average = (spent / sum(won)).quantize(Decimal("0.01"), ROUND_HALF_UP) if spent and sum(won) else None
        return ChannelAnswer(
            channel, "unknown", len(money.months), spent, sum(won), average, None, None, reason
        )

    if not channel.accounts:
        return cannot("no_cost")
    spends = [m.of_accounts(channel.accounts) for m in money.months]
    total = sum(spends, ZERO)
    if len(spends) < _LEAST_MONTHS + 1:
        return cannot("few_months", total)
    slope = _slope(spends, won, money.t975)
    if slope is None:
        return cannot("no_variation", total)
    middle, half = slope
    if middle - half <= 0:
        return cannot("chance", total)
    marginal = tuple(
        (1 / s).quantize(Decimal("0.01"), ROUND_HALF_UP) for s in (middle + half, middle, middle - half)
    )
    average = (total / sum(won)).quantize(Decimal("0.01"), ROUND_HALF_UP) if sum(won) else None
    ranges = (marginal[0], marginal[1], marginal[2])
    if margin is None:
        return ChannelAnswer(
            channel, "unknown", len(spends), total, sum(won), average, ranges, None, "no_margin"
        )
    back = tuple((cost / margin).quantize(Decimal("0.1"), ROUND_HALF_UP) for cost in ranges)
    verdict: Verdict = "yes" if back[2] <= limit else "no" if back[0] > limit else "maybe"
    return ChannelAnswer(
        channel, verdict, len(spends), total, sum(won), average, ranges, (back[0], back[1], back[2])
    )


def _slope(
    spends: Sequence[Decimal], won: Sequence[int], t975: Mapping[int, float]
) -> tuple[Decimal, Decimal] | None:
    """Clients for one unit of money more, and half of the 95 % interval, from month-on-month changes.

    Changes, because in a company that grows both rise with time without an effect of one on the other.
    """
    xs = [b - a for a, b in pairwise(spends)]
    ys = [Decimal(b - a) for a, b in pairwise(won)]
    n = len(xs)
    mean_x, mean_y = sum(xs, ZERO) / n, sum(ys, ZERO) / n
    square = sum(((x - mean_x) ** 2 for x in xs), ZERO)
    if square == 0:
        return None
    slope = sum(((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)), ZERO) / square
    rest = sum(((y - mean_y - slope * (x - mean_x)) ** 2 for x, y in zip(xs, ys, strict=True)), ZERO)
    error = (rest / (n - 2) / square).sqrt()
    return slope, error * Decimal(str(t975.get(n - 2, 1.96)))


# -- What is our real margin?


def margin(money: Money, months: int) -> Margin:
    """The margins of the latest months, each as a range over what is not classified."""
    last = money.months[-months:]
    return Margin(tuple(_margins(month) for month in last), _missing(money.months), money.foreign_lines)


def _margins(month: Month) -> MarginMonth:
    debit, credit = month.unclassified
    direct = month.of_kind("direct")
    operating = direct + month.of_kind("operating")
    net = operating + month.of_kind("financial", "tax_on_profit")

    def bounds(costs: Decimal) -> tuple[Decimal, Decimal] | None:
        """All of the unclassified money a cost and none of it income, and the other way round."""
        low, high = month.revenue, month.revenue + credit
        if low <= 0:
            return None
        return (low - costs - debit) / low, (high - costs) / high

    return MarginMonth(
        month.period, month.revenue, bounds(direct), bounds(operating), bounds(net), (debit, credit),
        month.unclassified_accounts,
    )  # fmt: skip


def _missing(months: Sequence[Month], before: int = 3) -> tuple[tuple[str, Decimal], ...]:
    """Accounts that cost something in each of the months before and nothing in the last one."""
    if len(months) <= before:
        return ()
    *earlier, last = months[-before - 1 :]
    kinds = ("direct", "operating", "financial", "tax_on_profit")

    def costs(month: Month) -> dict[str, Decimal]:
        return {a: d - c for (a, kind), (d, c) in month.sums.items() if kind in kinds and d - c > 0}

    always = set.intersection(*(set(costs(month)) for month in earlier))
    usual = {a: sum((costs(m)[a] for m in earlier), ZERO) / before for a in always - set(costs(last))}
    return tuple(sorted(usual.items(), key=lambda item: (-item[1], item[0])))


# -- Plan against actual


def against(money: Money, plan: Plan) -> Against:
    """The plan's months that are over, held against the books and MRR."""
    by_number = {_number(month.period, plan.start): month for month in money.months}
    done = max((n for n in by_number if n >= 1), default=0)
    phases = tuple(_phase(phase.months, phase.investment, by_number, plan) for phase in plan.phases)
    mrr = {_number(period, plan.start): value for period, value in money.mrr.items()}
    profits = {n: m.revenue - m.of_kind("direct", "operating") for n, m in by_number.items()}
    first = next((n for n in sorted(profits) if n >= 1 and profits[n] >= 0), None)
    return Against(
        month=done,
        phases=phases,
        mrr=tuple((n, Decimal(v), mrr.get(n)) for n, v in sorted(plan.mrr.items())),
        break_even=(plan.break_even_month, first),
        roi=tuple((n, Decimal(v), _roi(n, by_number)) for n, v in sorted(plan.roi.items())),
    )


def _phase(
    months: tuple[int, int], planned: Mapping[str, Decimal], by_number: Mapping[int, Month], plan: Plan
) -> PhaseNow:
    inside = [by_number[n] for n in range(months[0], months[1] + 1) if n in by_number]
    spent = {
        name: sum((m.of_accounts(plan.accounts.get(name, ())) for m in inside), ZERO) for name in planned
    }
    costs = sum((m.of_kind("direct", "operating") for m in inside), ZERO)
    return PhaseNow(months, len(inside), planned, spent, costs - sum(spent.values(), ZERO))


def _roi(month: int, by_number: Mapping[int, Month]) -> Decimal | None:
    """Profit before tax so far over the costs so far; None until the month is over."""
    if month not in by_number:
        return None
    so_far = [by_number[n] for n in by_number if 1 <= n <= month]
    costs = sum((m.of_kind("direct", "operating", "financial") for m in so_far), ZERO)
    return (sum((m.revenue for m in so_far), ZERO) - costs) / costs if costs > 0 else None


def _number(period: str, start: date) -> int:
    """The plan's number of a month: 1 for that of its start."""
    year, month = map(int, period.split("-"))
    return (year - start.year) * 12 + month - start.month + 1
