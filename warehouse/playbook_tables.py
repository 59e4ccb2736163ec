"""The playbook and the calendar as tables that models read: `playbook.*`, `build.run`, `build.period`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from playbook.loader import Calendar, Playbook, Weekday

_WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_MARGIN = timedelta(days=400)  # A clock may start before the first event kept and fall due after the last.


@dataclass(frozen=True, slots=True)
class Run:
    """What one build is: its id, the instant it speaks for, until when it knew things (both UTC)."""

    build_id: str
    as_of: datetime
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar month, ISO week or quarter, half-open, cut at local midnight; instants in UTC.

    `month_start_at` is the first instant of the local month in which the period begins.
    """

    grain: str
    period: str
    starts_at: datetime
    ends_at: datetime
    month_start_at: datetime


def write_tables(
    con: duckdb.DuckDBPyConnection, playbook: Playbook, run: Run, first_event: datetime | None
) -> None:
    """Create and fill the tables in the current catalog; schemas `playbook` and `build` must exist."""
    company = playbook.company
    zone = ZoneInfo(company.zone)
    _table(
        con,
        "build.run",
        "build_id varchar, as_of timestamptz, known_at timestamptz, zone varchar, currency varchar",
        [(run.build_id, run.as_of, run.known_at, company.zone, company.currency)],
    )
    _table(
        con,
        "build.period",
        "grain varchar, period varchar, starts_at timestamptz, ends_at timestamptz, "
        "month_start_at timestamptz",
        [
            (found.grain, found.period, found.starts_at, found.ends_at, found.month_start_at)
            for found in (periods(first_event, run.as_of, zone) if first_event else ())
        ],
    )
    _table(
        con,
        "playbook.team",
        "id varchar, role varchar, fte double, starts_at timestamptz, ends_at timestamptz, "
        "monthly_cost decimal(18, 4), direct boolean, acquisition boolean",
        [
            (
                member.id,
                member.role,
                member.fte,
                midnight(member.start, zone),
                midnight(member.end, zone) if member.end else None,
                member.monthly_cost,
                member.direct,
                member.acquisition,
            )
            for member in playbook.team
        ],
    )
    _table(
        con,
        "playbook.account",
        "name varchar, kind varchar, acquisition boolean, pgc varchar, view varchar",
        [
            (account.name, account.kind, account.acquisition, account.pgc, account.view)
            for account in playbook.accounts
        ],
    )
    revenue = playbook.revenue
    _table(
        con,
        "playbook.revenue",
        "policy varchar, churn_date varchar, discounts varchar, reactivation_in_nrr boolean, "
        "overdue_days integer, renewal_days integer, one_off varchar[]",
        [
            (
                revenue.policy,
                revenue.churn_date,
                revenue.discounts,
                revenue.reactivation_in_nrr,
                revenue.overdue_days,
                revenue.renewal_days,
                [word.lower() for word in revenue.one_off],
            )
        ],
    )
    _table(
        con,
        "playbook.checklist",
        "item varchar, property varchar, required boolean",
        [(item.item, item.property, item.required) for item in playbook.onboarding.checklist],
    )
    _table(
        con,
        "playbook.sla",
        "level varchar, team varchar, calendar varchar, first_answer_minutes integer, "
        "resolution_minutes integer",
        [
            (name, level.team, level.calendar, level.first_answer_minutes, level.resolution_minutes)
            for name, level in playbook.sla.levels.items()
        ],
    )
    write_finance(con, playbook)
    begin = (first_event or run.as_of) - _MARGIN
    _table(
        con,
        "playbook.calendar_period",
        "calendar varchar, starts_at timestamptz, ends_at timestamptz, minutes_before double",
        [
            (name, *row)
            for name, calendar in playbook.sla.calendars.items()
            for row in open_periods(calendar, begin, run.as_of + _MARGIN)
        ],
    )
    _table(
        con,
        "playbook.kpi",
        "id varchar, name_es varchar, name_en varchar, unit varchar, target_low double, target_high double, "
        "direction varchar, needs varchar[]",
        [
            (
                kpi.id,
                kpi.name.es,
                kpi.name.en,
                kpi.unit,
                kpi.target_low,
                kpi.target_high,
                kpi.direction,
                list(kpi.needs),
            )
            for kpi in playbook.kpis
        ],
    )
    _table(
        con,
        "playbook.kpi_segment",
        "id varchar, segment varchar, target_low double, target_high double",
        [
            (kpi.id, segment, target.target_low, target.target_high)
            for kpi in playbook.kpis
            for segment, target in kpi.segments.items()
        ],
    )


def write_finance(con: duckdb.DuckDBPyConnection, playbook: Playbook) -> None:
    """How money is judged, as far as models read it: terms, cash accounts, activities."""
    finance = playbook.finance
    _table(
        con,
        "playbook.finance",
        "payment_terms_days integer, hours_per_month decimal(18, 4), practical_share decimal(18, 4), "
        "minutes_spread decimal(18, 4)",
        [
            (
                finance.payment_terms_days,
                finance.hours_per_month,
                finance.practical_share,
                finance.minutes_spread,
            )
        ],
    )
    _table(
        con,
        "playbook.cash_account",
        "account varchar",
        [(found.account,) for found in finance.cash_accounts],
    )
    _table(
        con,
        "playbook.payroll_account",
        "account varchar",
        [(account,) for account in finance.payroll_accounts],
    )
    _table(
        con,
        "playbook.activity",
        "activity varchar, counted varchar, level varchar, minutes decimal(18, 4), role varchar",
        [(found.id, found.of, found.level, found.minutes, found.role) for found in finance.activities],
    )


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The first instant of a local day, in UTC."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


def periods(first_event: datetime, as_of: datetime, zone: ZoneInfo) -> Iterator[Period]:
    """Months, ISO weeks and quarters from that of `first_event` on, as far as they ended by `as_of`."""
    first = first_event.astimezone(zone).date()
    starts = {
        "month": (first.replace(day=1), _next_month),
        "week": (first - timedelta(days=first.weekday()), lambda day: day + timedelta(days=7)),
        "quarter": (date(first.year, (first.month - 1) // 3 * 3 + 1, 1), _next_quarter),
    }
    for grain, (start, following) in starts.items():
        day = start
        while (end := midnight(following(day), zone)) <= as_of:
            yield Period(
                grain, _label(grain, day), midnight(day, zone), end, midnight(day.replace(day=1), zone)
            )
            day = following(day)


def open_periods(
    calendar: Calendar, begin: datetime, end: datetime
) -> Iterator[tuple[datetime, datetime, float]]:
    """(start, end, open minutes of all earlier periods) of a calendar, UTC, touching periods merged.

    Whole local days from that of `begin` through that of `end`.
    """
    zone = ZoneInfo(calendar.zone)
    first, last = begin.astimezone(zone).date(), end.astimezone(zone).date()
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    spans: list[tuple[datetime, datetime]] = []
    for day in days:
        for start, stop in _hours(calendar, day, zone):
            if spans and spans[-1][1] == start:
                spans[-1] = (spans[-1][0], stop)
            elif start < stop:  # Hours inside a spring gap do not exist.
                spans.append((start, stop))
    before = 0.0
    for start, stop in spans:
        yield start, stop, before
        before += (stop - start).total_seconds() / 60


def _hours(calendar: Calendar, day: date, zone: ZoneInfo) -> Iterator[tuple[datetime, datetime]]:
    if calendar.always:
        yield midnight(day, zone), midnight(day + timedelta(days=1), zone)
    elif day not in calendar.holidays:
        for start, stop in calendar.periods.get(_WEEKDAYS[day.weekday()], ()):
            yield _instant(day, start, zone), _instant(day, stop, zone)


def _instant(day: date, clock: str, zone: ZoneInfo) -> datetime:
    if clock == "24:00":
        return midnight(day + timedelta(days=1), zone)
    return datetime.combine(day, time.fromisoformat(clock), zone).astimezone(UTC)


def _next_month(day: date) -> date:
    return (day + timedelta(days=31)).replace(day=1)


def _next_quarter(day: date) -> date:
    return (day + timedelta(days=93)).replace(day=1)


def _label(grain: str, day: date) -> str:
    if grain == "week":
        year, week, _ = day.isocalendar()
        return f"{year}-W{week:02d}"
    return f"{day.year}-Q{(day.month + 2) // 3}" if grain == "quarter" else f"{day:%Y-%m}"


def _table(con: duckdb.DuckDBPyConnection, name: str, columns: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Create and fill a table of a few thousand rows, column by column (row by row is slow in DuckDB)."""
    con.execute(f"create table {name} ({columns})")
    if not rows:
        return
    described = con.execute(f"describe {name}").fetchall()
    listed = ", ".join(f"unnest(?::{column[1]}[])" for column in described)
    con.execute(
        f"insert into {name} select {listed}", [[row[at] for row in rows] for at in range(len(described))]
    )
