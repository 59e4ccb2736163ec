"""Why a figure moved: sums over the published rows that add up to the change, never a guess.

Each function returns facts (names, amounts, counts); the catalogue turns them into sentences.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from reports.figures import Build, KpiRow, KpiTable

MOVEMENTS = ("new", "reactivation", "expansion", "contraction", "churn", "fx")
LOOK_BACK = timedelta(days=60)  # what happened to a client before it left


@dataclass(frozen=True, slots=True)
class ClientAmount:
    """A client and its part of a movement, in home currency per month."""

    name: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Movement:
    """All clients of one kind of MRR movement in a period, largest first."""

    kind: str
    amount: Decimal
    clients: tuple[ClientAmount, ...]


@dataclass(frozen=True, slots=True)
class Bridge:
    """From MRR at the start of a period to MRR at its end; `unexplained` is 0 when the movements add up."""

    period: str
    start: Decimal
    end: Decimal
    movements: tuple[Movement, ...]

    @property
    def unexplained(self) -> Decimal:
        """What the movements leave open, to the cent."""
        return (self.end - self.start - sum((m.amount for m in self.movements), Decimal(0))).quantize(
            Decimal("0.01")
        )


@dataclass(frozen=True, slots=True)
class Part:
    """One segment's share in a change: by its own rate, and by its weight in the whole."""

    segment: str
    before: KpiRow | None
    after: KpiRow | None
    by_rate: float
    by_mix: float


@dataclass(frozen=True, slots=True)
class Misses:
    """SLA clocks missed in a period at one level: which clock, how many, and whose."""

    level: str
    clock: str
    count: int
    clients: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Departure:
    """A client that left: what it paid per month, how long it stayed, and what was seen before."""

    name: str
    plan: str | None
    industry: str | None
    ended_at: datetime
    stayed: timedelta
    lost: Decimal
    misses: int
    lowest_rating: int | None


@dataclass(frozen=True, slots=True)
class CostChange:
    """An account's cost in two periods (home currency), and what its change does to the margin (0-1)."""

    account: str
    kind: str
    before: Decimal
    after: Decimal
    margin_effect: float


@dataclass(frozen=True, slots=True)
class Revenues:
    """Revenue in two periods (home currency), and what its change alone does to the margin (0-1)."""

    before: Decimal
    after: Decimal
    margin_effect: float


def mrr_bridge(build: Build, table: KpiTable, period: str, until: datetime) -> Bridge | None:
    """The movements of `period` (month or week) between two MRR rows; None when one has no figure.

    The first period of the business starts at 0.
    """
    grain = "week" if "-W" in period else "month"
    rows = table.history("MRR", "all", grain, until, 2)
    if not rows or rows[-1].period != period or any(row.value is None for row in rows):
        return None
    end = Decimal(str(rows[-1].value))
    start = Decimal(str(rows[0].value)) if len(rows) > 1 else Decimal(0)
    found = build.con.execute(
        "select m.kind, coalesce(c.name, m.client_id), m.amount from kpi.mrr_movement m "
        "left join core.client c using (client_id) where m.period = ? "
        "order by abs(m.amount) desc, 2",
        [period],
    ).fetchall()
    by_kind: dict[str, list[ClientAmount]] = {}
    for kind, name, amount in found:
        by_kind.setdefault(kind, []).append(ClientAmount(name, Decimal(str(amount))))
    order = [*MOVEMENTS, *sorted(set(by_kind) - set(MOVEMENTS))]
    movements = tuple(
        Movement(kind, sum((c.amount for c in by_kind[kind]), Decimal(0)), tuple(by_kind[kind]))
        for kind in order
        if kind in by_kind
    )
    return Bridge(period, start, end, movements)


def by_segment(table: KpiTable, kpi: str, grain: str, until: datetime) -> tuple[Part, ...]:
    """The change of a KPI that is a ratio of sums, split exactly over its segments; empty if not possible.

    With w = a segment's part of the denominator and r = its ratio, the change of sum(w*r) is
    sum(mean(w)*dr) + sum((mean(r) - mean total)*dw). The parts sum to the change, because dw sums to 0.
    """
    whole = table.history(kpi, "all", grain, until, 2)
    if len(whole) < 2 or not all(row.evaluated for row in whole):
        return ()
    before_all, after_all = whole
    middle = (_ratio(before_all) + _ratio(after_all)) / 2
    parts = []
    for segment in table.segments(kpi, grain):
        rows = {row.period: row for row in table.history(kpi, segment, grain, until, 2)}
        before, after = rows.get(before_all.period), rows.get(after_all.period)
        w0, w1 = _weight(before, before_all), _weight(after, after_all)
        r0 = _ratio(before) if before and w0 else _ratio(after) if after and w1 else middle
        r1 = _ratio(after) if after and w1 else r0
        by_rate = (w0 + w1) / 2 * (r1 - r0)
        by_mix = (w1 - w0) * ((r0 + r1) / 2 - middle)
        parts.append(Part(segment, before, after, by_rate, by_mix))
    return tuple(parts)


def _ratio(row: KpiRow) -> float:
    return float(row.numerator or 0) / float(row.denominator) if row.denominator else 0.0


def _weight(row: KpiRow | None, whole: KpiRow) -> float:
    if row is None or not row.denominator or not whole.denominator:
        return 0.0
    return float(row.denominator) / float(whole.denominator)


def missed_clocks(build: Build, start: datetime, end: datetime) -> tuple[Misses, ...]:
    """Clocks decided as missed in [start, end), by level and clock, each with its clients by count."""
    rows = build.con.execute(
        "select s.level, s.clock, coalesce(c.name, ''), count(*) from kpi.sla_clock s "
        "left join core.client c using (client_id) "
        "where s.decided_at >= ? and s.decided_at < ? and not s.hit "
        "group by all order by s.level, s.clock, 4 desc, 3",
        [start, end],
    ).fetchall()
    grouped: dict[tuple[str, str], list[tuple[str, int]]] = {}
    for level, clock, name, count in rows:
        grouped.setdefault((level, clock), []).append((name, count))
    return tuple(
        Misses(level, clock, sum(n for _, n in clients), tuple(c for c in clients if c[0]))
        for (level, clock), clients in grouped.items()
    )


def departures(build: Build, start: datetime, end: datetime) -> tuple[Departure, ...]:
    """Clients whose last subscription ended in [start, end), the most valuable first."""
    rows = build.con.execute(
        """
        with leavers as (
            select client_id, name, plan, industry, started_at, ended_at
            from core.client
            where not is_active and ended_at >= $start and ended_at < $end
        ), losses as (
            select s.client_id, sum(s.monthly_amount) as lost
            from core.subscription s join leavers l on l.client_id = s.client_id and s.ends_at = l.ended_at
            group by s.client_id
        ), misses as (
            select k.client_id, count(*) as missed
            from kpi.sla_clock k join leavers l on l.client_id = k.client_id
            where not k.hit and k.decided_at < l.ended_at and k.decided_at >= l.ended_at - $back
            group by k.client_id
        ), ratings as (
            select v.client_id, min(v.rating) as lowest
            from core.conversation v join leavers l on l.client_id = v.client_id
            where v.rating is not null and v.rated_at < l.ended_at and v.rated_at >= l.ended_at - $back
            group by v.client_id
        )
        select l.name, l.plan, l.industry, l.ended_at, l.ended_at - l.started_at,
            coalesce(losses.lost, 0), coalesce(misses.missed, 0), ratings.lowest
        from leavers l
        left join losses using (client_id)
        left join misses using (client_id)
        left join ratings using (client_id)
        order by 6 desc, l.name
        """,
        {"start": start, "end": end, "back": LOOK_BACK},
    ).fetchall()
    return tuple(
        Departure(name, plan, industry, ended, stayed, Decimal(str(lost)), missed, rating)
        for name, plan, industry, ended, stayed, lost, missed, rating in rows
    )


def cost_changes(build: Build, before: KpiRow, after: KpiRow) -> tuple[tuple[CostChange, ...], Revenues]:
    """Direct and operating costs by account in the periods of two K8 rows, strongest effect first.

    The margin is 1 - C/R. Revenue's effect is that of R at the old costs, C0/R0 - C0/R1; an account's is that
    of its own change at the new revenue, (c0 - c1)/R1. All sum to the change; without revenue they are 0.
    """
    sums = build.con.execute(
        """
        with lines as (
            select account, kind, debit - credit as cost, booked_at from core.journal_line
            where kind in ('direct', 'operating', 'revenue')
        )
        select account, kind,
            coalesce(sum(cost) filter (booked_at >= $s0 and booked_at < $e0), 0),
            coalesce(sum(cost) filter (booked_at >= $s1 and booked_at < $e1), 0)
        from lines group by account, kind order by account, kind
        """,
        {"s0": before.starts_at, "e0": before.ends_at, "s1": after.starts_at, "e1": after.ends_at},
    ).fetchall()
    r0 = -sum((Decimal(str(r[2])) for r in sums if r[1] == "revenue"), Decimal(0))
    r1 = -sum((Decimal(str(r[3])) for r in sums if r[1] == "revenue"), Decimal(0))
    c0 = sum((Decimal(str(r[2])) for r in sums if r[1] != "revenue"), Decimal(0))
    known = r0 > 0 and r1 > 0
    revenues = Revenues(r0, r1, float(c0 / r0 - c0 / r1) if known else 0.0)
    changes = []
    for account, kind, cost0, cost1 in sums:
        old, new = Decimal(str(cost0)), Decimal(str(cost1))
        if kind == "revenue" or not (old or new):
            continue
        effect = float((old - new) / r1) if known else 0.0
        changes.append(CostChange(account, kind, old, new, effect))
    changes.sort(key=lambda c: (-abs(c.margin_effect), -abs(c.after - c.before), c.account))
    return tuple(changes), revenues


def largest(parts: Sequence[Part]) -> Part | None:
    """The segment that moved the whole most, None without any."""
    return max(parts, key=lambda part: abs(part.by_rate + part.by_mix), default=None)
