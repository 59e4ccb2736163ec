"""What was done for clients and what rings, counted from the ledger."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from playbook.loader import AlertRule, Playbook
from reports.figures import KpiTable
from reports.formatting import Format
from warehouse.ledger import Ledger

COLUMNS = ("sent", "waiting", "held", "failed", "unknown")
_COLUMN_OF_STATE = {
    "sent": "sent",
    "queued": "waiting",
    "sending": "waiting",
    "failed": "failed",
    "unknown": "unknown",
    "skipped_stale": "held",
    "suppressed": "held",
}


@dataclass(frozen=True, slots=True)
class Activity:
    """Effects decided in a window: rule -> column (`COLUMNS`) -> count, and why others were not done."""

    by_rule: Mapping[str, Mapping[str, int]]
    held: Mapping[str, int]
    dry_run: int

    def total(self, column: str) -> int:
        """All effects in that column."""
        return sum(counts.get(column, 0) for counts in self.by_rule.values())


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert that still rings, as the ledger holds it."""

    rule: str
    entity: str
    severity: str
    title: str
    detail: str | None
    period: str | None
    opened_at: datetime
    acknowledged: bool
    silenced_until: datetime | None
    silence_reason: str | None


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert in the reader's words."""

    title: str
    detail: str
    severity: str
    severity_word: str
    since: str
    note: str
    what_to_do: str


def read_activity(ledger: Ledger, start: datetime, as_of: datetime, rules: Sequence[str]) -> Activity:
    """Decisions under `rules` with start <= as_of of the decision <= `as_of`, and how their effects stand."""
    dry = {name for name, switch in ledger.switches().items() if switch.mode == "dry_run"}
    by_rule: dict[str, Counter[str]] = {}
    held: Counter[str] = Counter()
    waiting_dry = 0
    for decision, effect in ledger.decisions_between(start, as_of + timedelta(microseconds=1)):
        if decision.rule not in rules:
            continue
        counts = by_rule.setdefault(decision.rule, Counter())
        if effect is None:
            counts["held"] += 1
            held[decision.reason or decision.outcome] += 1
            continue
        column = _COLUMN_OF_STATE.get(effect.state, "unknown")
        counts[column] += 1
        if column == "held":
            held[effect.error or effect.state] += 1
        waiting_dry += column == "waiting" and effect.channel in dry
    return Activity(by_rule, held, waiting_dry)


def read_alerts(ledger: Ledger) -> tuple[OpenAlert, ...]:
    """Alerts not resolved, the gravest and oldest first."""
    gravity = {"critical": 0, "warning": 1, "info": 2}
    found = [
        OpenAlert(
            row.rule,
            row.entity,
            row.severity,
            row.title,
            row.detail,
            row.period,
            row.opened_at,
            row.acked_by is not None,
            row.silenced_until,
            row.silence_reason,
        )
        for row in ledger.open_alerts()
    ]
    return tuple(sorted(found, key=lambda a: (gravity.get(a.severity, 3), a.opened_at, a.rule, a.entity)))


def alert_views(
    alerts: Sequence[OpenAlert], table: KpiTable, playbook: Playbook, fmt: Format, as_of: datetime
) -> tuple[AlertView, ...]:
    """The alerts with title, figure and remedy in the reader's language."""
    rules = {rule.id: rule for rule in playbook.alerts}
    words = fmt.wording
    views = []
    for alert in alerts:
        rule = rules.get(alert.rule)
        source = f"source.{alert.entity}"
        entity = words.text(source) if words.has(source) else alert.entity
        note = ""
        if alert.silenced_until and alert.silenced_until > as_of:
            note = words.text("alerts.silenced", moment=fmt.moment(alert.silenced_until))
            note += f": {alert.silence_reason}" if alert.silence_reason else ""
        elif alert.acknowledged:
            note = words.text("alerts.acknowledged")
        # The remedy names commands, which take the source's id and not its name.
        remedy = rule.what_to_do.in_language(fmt.language).replace("{entity}", alert.entity) if rule else ""
        views.append(
            AlertView(
                title=rule.title.in_language(fmt.language).replace("{entity}", entity)
                if rule
                else alert.title,
                detail=_figure(alert, rule, table, playbook, fmt) or alert.detail or "",
                severity=alert.severity,
                severity_word=severity_word(alert.severity, fmt),
                since=words.text(
                    "alerts.since",
                    duration=fmt.duration(as_of - alert.opened_at),
                    day=fmt.short_day(alert.opened_at),
                )
                if as_of - alert.opened_at >= timedelta(hours=1)
                else words.text("alerts.new"),
                note=note,
                what_to_do=remedy,
            )
        )
    return tuple(views)


def _figure(
    alert: OpenAlert, rule: AlertRule | None, table: KpiTable, playbook: Playbook, fmt: Format
) -> str:
    """The figure that rings, beside its limit; the ledger's own text is in one language only."""
    if rule is None or rule.kpi is None or rule.grain is None or alert.period is None:
        return ""
    rows = table.series.get((rule.kpi, rule.segment, rule.grain), ())
    row = next((r for r in rows if r.period == alert.period and r.value is not None), None)
    limit = rule.fire_below if rule.fire_below is not None else rule.fire_above
    if row is None or row.value is None or limit is None:
        return ""
    return fmt.wording.text(
        "alerts.figure",
        name=playbook.kpi(rule.kpi).name.in_language(fmt.language),
        period=fmt.period(alert.period, inside=True),
        value=fmt.amount(row.value, row.unit, currency=row.currency, kpi=row.kpi),
        limit=fmt.amount(limit, row.unit, currency=row.currency, kpi=row.kpi, rough=True),
    )


def severity_word(severity: str, fmt: Format) -> str:
    """`urgent` for critical; a severity that the catalogue does not know stays as it is."""
    key = f"severity.{severity}"
    return fmt.wording.text(key) if fmt.wording.has(key) else severity


def step_name(rule: str, fmt: Format) -> str:
    """The name of a journey's step from the catalogue, else its id."""
    key = "step." + rule.replace("/", ".")
    return fmt.wording.text(key) if fmt.wording.has(key) else rule


def held_reason(reason: str, fmt: Format) -> str:
    """Why nothing was sent, in the reader's language; a reason unknown to the catalogue stays as it is."""
    key = f"decision.reason.{reason}"
    if fmt.wording.has(key):
        return fmt.wording.text(key)
    state = f"state.{reason}"
    if fmt.wording.has(state):
        return fmt.wording.text(state)
    return fmt.wording.text("decision.reason.other", reason=reason)
