"""A figure put into words: value, target, status, trend and how sure it is, in the reader's language."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from reports.charts import sparkline
from reports.figures import SMALL_SAMPLE, Figure, KpiRow
from reports.formatting import Format, readable, rounded
from reports.trust import source_name

_NO_POPULATION = re.compile(r"no (.+) in period")
_SOURCE_MISSING = re.compile(
    r"([a-z][a-z0-9]*(?:\.[a-z][a-z0-9_]*)?) (is not configured|was never loaded|is not permitted)"
)
_SOURCE_TEXTS = {
    "is not configured": "reason.not_configured",
    "was never loaded": "reason.never_loaded",
    "is not permitted": "reason.not_permitted",
}


@dataclass(frozen=True, slots=True)
class FigureView:
    """All that a card or a table row prints of one figure; empty strings where there is nothing to say."""

    kpi: str
    segment: str
    name: str
    period: str
    value: str
    prefix: str
    target: str
    status: str
    status_word: str
    arrow: Literal["up", "down", "same", ""]
    trend: str
    trend_from: str
    trend_tone: Literal["good", "bad", ""]
    trend_word: str
    sample: str
    interval: str
    chance: str
    reason: str
    stale: str
    spark: str


def figure_view(figure: Figure, fmt: Format) -> FigureView:
    """`figure` in words."""
    row = figure.row
    arrow, trend, trend_from = _trend(figure, fmt)
    tone = _tone(figure, arrow.replace("same", ""))
    shown = row is not None and row.evaluated
    sample, interval = (
        _sure(row, figure.interval_holds_target, fmt) if row is not None and shown else ("", "")
    )
    status = figure.status
    return FigureView(
        kpi=figure.kpi,
        segment=figure.segment,
        name=figure_name(figure, fmt),
        period=fmt.period(row.period) if row else "",
        value=spelled(row, fmt),
        prefix=fmt.wording.text("percentile.90") if figure.kpi == "K24" and shown else "",
        target=target_text(row, fmt),
        status=status,
        status_word=fmt.wording.text(f"status.{status}"),
        arrow=arrow,
        trend=trend,
        trend_from=trend_from,
        trend_tone=tone,
        trend_word=fmt.wording.text(f"trend.{tone}") if tone else "",
        sample=sample,
        interval=interval,
        chance=fmt.wording.text("sample.chance") if figure.interval_holds_target else "",
        reason="" if shown else reason_text(figure, fmt),
        stale=fmt.wording.text("data.stale", day=fmt.short_day(row.stale_since))
        if row is not None and row.stale_since is not None
        else "",
        spark=sparkline(
            [float(r.value) if r.evaluated and r.value is not None else None for r in figure.history]
        ),
    )


def figure_name(figure: Figure, fmt: Format) -> str:
    """The KPI's name from the playbook, with its segment where it has one."""
    definition = figure.definition
    name = definition.name.in_language(fmt.language) if definition else figure.kpi
    if figure.segment == "all":
        return name
    return fmt.wording.text("segment.name", name=name, segment=level_name(figure.segment, fmt))


def level_name(segment: str, fmt: Format) -> str:
    """`level 1` for L1; a segment that the catalogue does not know stays as it is."""
    key = f"segment.{segment}"
    return fmt.wording.text(key) if fmt.wording.has(key) else segment


def spelled(row: KpiRow | None, fmt: Format) -> str:
    """The row's value with its unit, empty when it was not evaluated."""
    if row is None or not row.evaluated or row.value is None:
        return ""
    return fmt.amount(row.value, row.unit, currency=row.currency, kpi=row.kpi)


def target_text(row: KpiRow | None, fmt: Format) -> str:
    """`Target: above 98%`, empty when there is none."""
    if row is None or (row.target_low is None and row.target_high is None):
        return ""
    low, high = (
        "" if t is None else fmt.amount(t, row.unit, currency=row.currency, kpi=row.kpi, rough=True)
        for t in (row.target_low, row.target_high)
    )
    if low and high:
        if row.unit == "ratio":  # its unit is a phrase; once is enough
            low = fmt.number(row.target_low or 0, 0 if (row.target_low or 0) % 1 == 0 else 1)
        return fmt.wording.text("target.between", low=low, high=high)
    return (
        fmt.wording.text("target.at_least", low=low) if low else fmt.wording.text("target.at_most", high=high)
    )


def reason_text(figure: Figure, fmt: Format) -> str:
    """Why there is no value, in the reader's language."""
    words = fmt.wording
    row = figure.row
    if row is None or not row.reason:
        return words.text("reason.no_row")
    return "; ".join(_reason_part(part.strip().rstrip("."), fmt) for part in row.reason.split(";"))


def _reason_part(reason: str, fmt: Format) -> str:
    words = fmt.wording
    if match := _NO_POPULATION.fullmatch(reason):
        key = f"reason.none.{_slug(match[1])}"
        return words.text(key) if words.has(key) else words.text("reason.none.other", what=match[1])
    if match := _SOURCE_MISSING.fullmatch(reason):
        return words.text(_SOURCE_TEXTS[match[2]], source=source_name(match[1], fmt))
    if reason.startswith("unknown accounts in the journal: "):
        return words.text("reason.accounts", accounts=reason.partition(": ")[2])
    if reason.startswith("no exchange rate for "):
        return words.text("reason.rate", currencies=reason.removeprefix("no exchange rate for "))
    key = f"reason.{_slug(reason)}"
    return words.text(key) if words.has(key) else words.text("reason.other", reason=reason)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")


def interval_text(row: KpiRow, fmt: Format) -> str:
    """The 95% interval with its unit, empty without one."""
    if row.low is None or row.high is None:
        return ""
    low, high = (fmt.amount(v, row.unit, currency=row.currency) for v in (row.low, row.high))
    return fmt.wording.text("sample.interval", low=low, high=high)


def _sure(row: KpiRow, chance: bool, fmt: Format) -> tuple[str, str]:
    """K of n (or n) and the interval; a large sample needs neither beside its value."""
    if row.is_share_of_counts:
        sample = fmt.wording.text(
            "sample.share", k=fmt.number(row.numerator or 0), n=fmt.number(row.denominator or 0)
        )
    elif row.n is not None and row.low is not None:
        sample = fmt.wording.count("sample.n", row.n)
    else:
        return "", ""
    return sample, interval_text(row, fmt) if chance or (row.n or 0) < SMALL_SAMPLE else ""


def _trend(figure: Figure, fmt: Format) -> tuple[Literal["up", "down", "same", ""], str, str]:
    row, before = figure.row, figure.previous
    if row is None or not row.evaluated:
        return "", "", ""
    if figure.change is None or before is None:
        return "", fmt.wording.text("trend.first") if len(figure.history) < 2 else "", ""
    source = fmt.wording.text(
        "trend.versus", value=spelled(before, fmt), period=fmt.short_period(before.period)
    )
    change = change_text(figure, fmt)
    if not change:
        return "same", fmt.wording.text("trend.same"), source
    arrow: Literal["up", "down"] = "up" if figure.change > 0 else "down"
    direction = fmt.wording.text(f"trend.{arrow}")
    return arrow, fmt.wording.text("trend.by", direction=direction, change=change), source


def change_text(figure: Figure, fmt: Format) -> str:
    """The size of the change without its sign, in the figure's unit; empty when it does not show."""
    row, before, change = figure.row, figure.previous, figure.change
    if row is None or before is None or change is None or spelled(row, fmt) == spelled(before, fmt):
        return ""
    if row.unit == "money" and figure.relative_change is not None:
        return fmt.share(abs(figure.relative_change))
    # The difference of what is printed: a reader who subtracts the two must get it.
    (now, unit), (then, unit_then) = (readable(r.value or 0, r.unit) for r in (row, before))
    if unit != unit_then:
        now, then, unit = Decimal(str(row.value)), Decimal(str(before.value)), row.unit
    digits = {"share": 3, "hours": 1, "minutes": 1, "ratio": 1}.get(unit, 0)
    if unit in {"hours", "minutes", "ratio"} and max(abs(now), abs(then)) >= 100:
        digits = 0
    size = abs(rounded(now, digits) - rounded(then, digits))
    if not size:
        return ""
    if unit == "share":
        return fmt.points(size, sign=False)
    if unit == "ratio":
        return fmt.number(size, 1)
    return fmt.amount(size, unit, currency=row.currency)


def _tone(figure: Figure, shown: str) -> Literal["good", "bad", ""]:
    if not figure.change or not shown or figure.better == 0:
        return ""
    return "good" if figure.change * figure.better > 0 else "bad"


def tally(views: Sequence[FigureView]) -> dict[str, int]:
    """How many figures have each status, those without a target left out."""
    order = ("off", "watch", "ok", "not_evaluated")
    return {status: sum(view.status == status for view in views) for status in order}
