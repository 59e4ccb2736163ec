"""The charts of the weekly report, drawn from the history of kpi.value."""

from collections.abc import Callable, Sequence
from datetime import datetime

from reports.charts import About, Axis, Chart, Point, Series, bar_chart, line_chart
from reports.figures import MONTHS_SHOWN, WEEKS_SHOWN, KpiRow, KpiTable
from reports.formatting import Format
from reports.view import spelled

LEVELS = ("L1", "L2", "L3")
MAILED = ("mrr", "sla", "csat")


def weekly_charts(table: KpiTable, until: datetime, fmt: Format) -> tuple[Chart, ...]:
    """All charts, each up to the last complete period at `until`; a series without any row is left out."""
    drawn = [
        _line(table, fmt, until, ("mrr", "MRR", "week"), from_zero=True),
        _clients(table, fmt, until),
        _line(table, fmt, until, ("churn", "K14", "month"), from_zero=True),
        _line(table, fmt, until, ("sla", "K19", "week"), at_most=1.0),
        _line(table, fmt, until, ("csat", "K13", "week"), at_most=1.0),
        _support(table, fmt, until),
        _margins(table, fmt, until),
        _line(table, fmt, until, ("acquisition", "K5", "month"), from_zero=True),
        _line(table, fmt, until, ("onboarding", "K2", "week"), from_zero=True),
    ]
    return tuple(chart for chart in drawn if chart is not None)


def _axis(rows: Sequence[KpiRow], fmt: Format) -> Axis:
    def full(row: KpiRow) -> str:
        name = fmt.period(row.period)
        return name[:1].upper() + name[1:]

    return Axis([fmt.short_period(r.period) for r in rows], [full(r) for r in rows])


def _points(rows: Sequence[KpiRow]) -> list[Point]:
    return [
        Point(float(r.value), r.low, r.high) if r.evaluated and r.value is not None else Point(None)
        for r in rows
    ]


def _writers(row: KpiRow, fmt: Format) -> tuple[Callable[[float], str], Callable[[float], str]]:
    def write(value: float) -> str:
        return fmt.amount(value, row.unit, currency=row.currency)

    def short(value: float) -> str:
        return fmt.amount(value, row.unit, currency=row.currency, rough=True)

    return write, short


def _takeaway(rows: Sequence[KpiRow], fmt: Format) -> str:
    """The last value beside the one a quarter of the chart before, so that the sentence tells the trend."""
    words = fmt.wording
    last = rows[-1]
    if not last.evaluated or last.value is None:
        return words.text("chart.takeaway.none", period=fmt.period(last.period, inside=True))
    value, period = spelled(last, fmt), fmt.period(last.period, inside=True)
    earlier = [r for r in rows[:-1] if r.evaluated]
    if not earlier:
        return words.text("chart.takeaway.first", value=value, period=period)
    since = earlier[max(0, len(earlier) - (8 if last.grain == "week" else 3))]
    before = spelled(since, fmt)
    key = "same" if before == value else "up" if last.value > (since.value or 0) else "down"
    return words.text(
        f"chart.takeaway.{key}",
        value=value,
        period=period,
        before=before,
        since=fmt.period(since.period, inside=True),
    )


def _target(row: KpiRow, fmt: Format, better: str) -> tuple[float, str] | None:
    value, key = (row.target_high, "at_most") if better == "lower" else (row.target_low, "at_least")
    if value is None:
        return None
    shown = fmt.amount(value, row.unit, currency=row.currency, rough=True)
    return value, fmt.wording.text(f"target.label.{key}", value=shown)


def _line(
    table: KpiTable,
    fmt: Format,
    until: datetime,
    which: tuple[str, str, str],
    *,
    from_zero: bool = False,
    at_most: float | None = None,
) -> Chart | None:
    key, kpi, grain = which
    rows = _history(table, kpi, "all", grain, until)
    if not rows:
        return None
    last = rows[-1]
    better = "lower" if last.target_low is None else "higher"
    return line_chart(
        About(key, fmt.wording.text(f"chart.{key}"), _takeaway(rows, fmt), *_writers(last, fmt)),
        _axis(rows, fmt),
        [Series(fmt.wording.text(f"chart.{key}"), _points(rows))],
        target=_target(last, fmt, better),
        from_zero=from_zero,
        at_most=at_most,
    )


def _margins(table: KpiTable, fmt: Format, until: datetime) -> Chart | None:
    profit = _history(table, "K8", "all", "month", until)
    gross = {r.period: r for r in _history(table, "K9", "all", "month", until)}
    if not profit:
        return None
    gross_points = [
        Point(float(row.value))
        if row is not None and row.evaluated and row.value is not None
        else Point(None)
        for row in (gross.get(r.period) for r in profit)
    ]
    words = fmt.wording
    return line_chart(
        About("margin", words.text("chart.margin"), _takeaway(profit, fmt), *_writers(profit[-1], fmt)),
        _axis(profit, fmt),
        [
            Series(words.text("chart.margin.profit"), _points(profit)),
            Series(words.text("chart.margin.gross"), gross_points),
        ],
        target=_target(profit[-1], fmt, "higher"),
    )


def _clients(table: KpiTable, fmt: Format, until: datetime) -> Chart | None:
    """New clients above, departures (the numerator of churn) below, by month."""
    joined = _history(table, "NEW_CLIENTS", "all", "month", until)
    if not joined:
        return None
    left = {r.period: r.numerator for r in _history(table, "K14", "all", "month", until)}
    gone = [left.get(r.period) for r in joined]
    words = fmt.wording
    last, period = joined[-1], fmt.period(joined[-1].period, inside=True)
    if last.value is None or gone[-1] is None:
        takeaway = words.text("chart.takeaway.none", period=period)
    else:
        new, lost = fmt.number(last.value), fmt.number(gone[-1])
        takeaway = words.text("chart.clients.takeaway", new=new, left=lost, period=period)
    about = About(
        "clients",
        words.text("chart.clients"),
        takeaway,
        lambda v: fmt.number(abs(v)),
        lambda v: fmt.number(abs(v)),
    )
    return bar_chart(
        about,
        _axis(joined, fmt),
        [
            Series(words.text("chart.clients.new"), _points(joined)),
            Series(words.text("chart.clients.left"), [Point(None if g is None else -float(g)) for g in gone]),
        ],
    )


def _support(table: KpiTable, fmt: Format, until: datetime) -> Chart | None:
    """Conversations resolved each week, by the highest level they reached."""
    weeks = _history(table, "K3", "all", "week", until)
    if not weeks:
        return None
    words = fmt.wording
    series, last_counts = [], []
    for level in LEVELS:
        rows = {r.period: r for r in _history(table, "K3", level, "week", until)}
        counts = [row.n if (row := rows.get(w.period)) else None for w in weeks]
        points = [Point(None if count is None else float(count)) for count in counts]
        series.append(Series(words.text(f"segment.{level}"), points))
        last_counts.append(counts[-1])
    known = [count for count in last_counts if count is not None]
    total, period = sum(known), fmt.period(weeks[-1].period, inside=True)
    if len(known) < len(LEVELS):
        takeaway = words.text("chart.takeaway.none", period=period)
    elif not total:
        takeaway = words.text("chart.support.none", period=period)
    else:
        share = fmt.share(known[0] / total, 0)
        takeaway = words.text("chart.support.takeaway", value=fmt.number(total), period=period, share=share)
    return bar_chart(
        About("support", words.text("chart.support"), takeaway, fmt.number, fmt.number),
        _axis(weeks, fmt),
        series,
    )


def _history(table: KpiTable, kpi: str, segment: str, grain: str, until: datetime) -> list[KpiRow]:
    return table.history(kpi, segment, grain, until, WEEKS_SHOWN if grain == "week" else MONTHS_SHOWN)
