"""The KPI rows of one published build, and those of them that a weekly report shows, with their history.

Reads only what is published; says nothing in words (that is the templates' and the catalogue's job).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

from playbook.loader import Kpi

WEEKS_SHOWN = 26
MONTHS_SHOWN = 12
SMALL_SAMPLE = 200  # below it a share shows k of n and its interval

# Each figure at the grain its target is meant for: shares of a month are not read off one week.
HEADLINES = (
    ("MRR", "all", "week"),
    ("ACTIVE_CLIENTS", "all", "week"),
    ("K14", "all", "month"),
    ("K8", "all", "month"),
    ("K19", "all", "week"),
    ("K13", "all", "week"),
)
GROUPS = {
    "growth": (
        ("NEW_CLIENTS", "all", "week"),
        ("LEADS", "all", "week"),
        ("K20", "all", "month"),
        ("K21", "all", "month"),
        ("K15", "all", "month"),
        ("K1", "all", "week"),
        ("K22", "all", "quarter"),
    ),
    "money": (
        ("K9", "all", "month"),
        ("K10", "all", "month"),
        ("K5", "all", "month"),
        ("K6", "all", "month"),
        ("K7", "all", "month"),
        ("CAC_PAYBACK", "all", "month"),
        ("GRR", "all", "month"),
        ("NRR", "all", "month"),
        ("QUICK_RATIO", "all", "month"),
        ("K11", "all", "month"),
    ),
    "service": (
        ("K24", "L1", "week"),
        ("K24", "L2", "week"),
        ("K24", "L3", "week"),
        ("K3", "all", "week"),
        ("K2", "all", "week"),
        ("K12", "all", "month"),
        ("K4", "all", "week"),
    ),
    "quality": (
        ("K18", "all", "week"),
        ("K16", "all", "week"),
        ("K17", "all", "week"),
        ("K23", "all", "quarter"),
    ),
}


class Build(Protocol):
    """What a report needs of a published build: a read-only connection, its time and its id."""

    @property
    def con(self) -> Any:
        """A DuckDB connection, read only."""

    @property
    def as_of(self) -> datetime:
        """The instant up to which facts count, UTC."""

    @property
    def build_id(self) -> str:
        """The build's id."""


@dataclass(frozen=True, slots=True)
class KpiRow:
    """One row of kpi.value. `value`, `numerator`, `denominator` are Decimal for money, else float."""

    kpi: str
    grain: str
    period: str
    starts_at: datetime
    ends_at: datetime
    segment: str
    unit: str
    currency: str | None
    value: Decimal | float | None
    numerator: Decimal | float | None
    denominator: Decimal | float | None
    n: int | None
    low: float | None
    high: float | None
    target_low: float | None
    target_high: float | None
    status: str
    reason: str | None
    stale_since: datetime | None

    @property
    def evaluated(self) -> bool:
        """False when there is no value to show."""
        return self.value is not None and self.status != "not_evaluated"

    @property
    def is_share_of_counts(self) -> bool:
        """True for k of n: a share whose numerator and denominator count things."""
        return (
            self.unit == "share"
            and self.low is not None
            and self.n is not None
            and self.numerator is not None
            and self.denominator == self.n
        )


@dataclass(frozen=True, slots=True)
class Figure:
    """A KPI as the report shows it: this period, the one before, the way here."""

    kpi: str
    segment: str
    grain: str
    row: KpiRow | None
    previous: KpiRow | None
    history: tuple[KpiRow, ...] = ()
    definition: Kpi | None = None

    @property
    def status(self) -> str:
        """`ok`, `watch`, `off`, `not_evaluated`, or `no_target` for a value that nothing is asked of."""
        if self.row is None or not self.row.evaluated:
            return "not_evaluated"
        if self.row.target_low is None and self.row.target_high is None:
            return "no_target"
        return self.row.status

    @property
    def change(self) -> float | None:
        """Value minus the previous period's, or None when either is missing."""
        if self.row is None or self.previous is None or not (self.row.evaluated and self.previous.evaluated):
            return None
        return float(self.row.value or 0) - float(self.previous.value or 0)

    @property
    def relative_change(self) -> float | None:
        """`change` over the previous value, None when that is not positive."""
        before = None if self.previous is None else self.previous.value
        if self.change is None or not before or before <= 0:
            return None
        return self.change / float(before)

    @property
    def better(self) -> int:
        """1 when higher is better, -1 when lower is, 0 when the figure should stay inside a band."""
        direction = self.definition.direction if self.definition else "range"
        return {"higher": 1, "lower": -1}.get(direction, 0)

    @property
    def interval_holds_target(self) -> bool:
        """True when so few cases were seen that the target lies inside the interval: it may be chance."""
        row = self.row
        if row is None or row.low is None or row.high is None or not row.evaluated:
            return False
        goals = {1: (row.target_low,), -1: (row.target_high,)}.get(
            self.better, (row.target_low, row.target_high)
        )
        return any(goal is not None and row.low < goal < row.high for goal in goals)


@dataclass(frozen=True, slots=True)
class KpiTable:
    """All rows of kpi.value of a build, found by (kpi, segment, grain)."""

    series: Mapping[tuple[str, str, str], Sequence[KpiRow]] = field(repr=False)

    def history(self, kpi: str, segment: str, grain: str, until: datetime, count: int) -> list[KpiRow]:
        """The last `count` rows of complete periods that end at or before `until`, oldest first."""
        rows = [row for row in self.series.get((kpi, segment, grain), ()) if row.ends_at <= until]
        return rows[-count:]

    def segments(self, kpi: str, grain: str) -> list[str]:
        """The segments of a KPI other than `all`, in order."""
        return sorted({s for k, s, g in self.series if k == kpi and g == grain and s != "all"})

    def latest_period(self, grain: str, until: datetime) -> str | None:
        """The last complete period of `grain` at `until` that the build holds, None without any."""
        found = [
            r for (_, _, g), rows in self.series.items() if g == grain for r in rows if r.ends_at <= until
        ]
        return max(found, key=lambda row: row.ends_at).period if found else None

    def figure(
        self,
        which: tuple[str, str, str],
        period: str | None,
        until: datetime,
        definition: Kpi | None,
    ) -> Figure:
        """The figure `which` (kpi, segment, grain) of `period` (None = the build holds no such period)."""
        kpi, segment, grain = which
        count = WEEKS_SHOWN if grain == "week" else MONTHS_SHOWN
        history = self.history(kpi, segment, grain, until, count)
        if not history or history[-1].period != period:
            return Figure(kpi, segment, grain, None, None, tuple(history), definition)
        previous = history[-2] if len(history) > 1 else None
        return Figure(kpi, segment, grain, history[-1], previous, tuple(history), definition)


_COLUMNS = (
    "kpi, grain, period, starts_at, ends_at, segment, unit, currency, value, money_value, numerator, "
    "money_numerator, denominator, money_denominator, n, low, high, target_low, target_high, status, reason, "
    "stale_since"
)


def read_kpis(build: Build) -> KpiTable:
    """Every row of kpi.value, each series in order of time."""
    series: dict[tuple[str, str, str], list[KpiRow]] = {}
    for found in build.con.execute(
        f"select {_COLUMNS} from kpi.value order by starts_at, kpi, segment"
    ).fetchall():
        (kpi, grain, period, starts_at, ends_at, segment, unit, currency, *numbers) = found
        (value, money, numerator, money_numerator, denominator, money_denominator, *rest) = numbers
        row = KpiRow(
            kpi, grain, period, starts_at, ends_at, segment, unit, currency,
            value if money is None else money,
            numerator if money_numerator is None else money_numerator,
            denominator if money_denominator is None else money_denominator,
            *rest,
        )  # fmt: skip
        series.setdefault((kpi, segment, grain), []).append(row)
    return KpiTable(series)


def chosen(
    table: KpiTable,
    which: Iterable[tuple[str, str, str]],
    periods: Mapping[str, str | None],
    until: datetime,
    definitions: Mapping[str, Kpi],
) -> list[Figure]:
    """The figures named by (kpi, segment, grain), each at its grain's period."""
    return [table.figure(one, periods.get(one[2]), until, definitions.get(one[0])) for one in which]
