"""The alert rules of the playbook, evaluated: pure, on plain rows.

A rule says `firing` or `clear` of an entity, or nothing when it could not be evaluated. Nothing changes no
alert: one ends only because something was found to be in order again, never because nobody looked.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

from playbook.loader import AlertRule

GRAIN_MARKS = {"week": "-W", "quarter": "-Q"}


@dataclass(frozen=True, slots=True)
class SourceState:
    """One source, as `meta.source_status` has it; instants aware UTC."""

    source: str
    state: str
    reason: str | None
    good_until: datetime | None
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Gate:
    """How the last completed check of a build ended, and the names of what failed."""

    passed: bool
    failed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobState:
    """How the last finished run of a flow ended; `run` is the name that Prefect gave it."""

    flow: str
    run: str
    completed: bool


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the rules look at. `gate` None: no check was completed. `unknown`: channel -> rows."""

    kpi_rows: Sequence[Mapping[str, Any]] = ()
    sources: Sequence[SourceState] = ()
    gate: Gate | None = None
    unknown: Mapping[str, int] = field(default_factory=dict)
    jobs: Sequence[JobState] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """What a rule says of an entity. The numbers are those it judged by, as far as it judged by numbers."""

    rule: AlertRule
    entity: str
    verdict: Literal["firing", "clear"]
    value: float | None = None
    low: float | None = None
    high: float | None = None
    period: str | None = None
    moment: datetime | None = None
    names: tuple[str, ...] = ()

    @property
    def dedup_key(self) -> str:
        """What makes it the same alert: the rule and the entity, over all runs."""
        return f"{self.rule.id}:{self.entity}"


def evaluate(rules: Iterable[AlertRule], facts: Facts, as_of: datetime) -> list[Finding]:
    """What each rule says at `as_of`, in the rules' order; entities that could not be judged are left out."""
    return [finding for rule in rules for finding in _EVALUATE[rule.kind](rule, facts, as_of)]


def _source_late(rule: AlertRule, facts: Facts, as_of: datetime) -> Iterator[Finding]:
    limit = as_of - timedelta(hours=rule.grace_hours)
    for source in facts.sources:
        # A source that failed has an alert of its own, and its lateness follows from that.
        if source.state in ("not_configured", "failed"):
            continue
        # Of one that is partial too, as long as it is read: what is missing does not get older by that.
        moment = source.good_until
        if source.state == "partial" and source.finished_at is not None:
            moment = source.finished_at
        late = moment is None or moment < limit
        yield Finding(rule, source.source, "firing" if late else "clear", moment=moment)


def _source_partial(rule: AlertRule, facts: Facts, as_of: datetime) -> Iterator[Finding]:  # noqa: ARG001
    for source in facts.sources:
        if source.state == "partial":
            yield Finding(rule, source.source, "firing", names=(source.reason,) if source.reason else ())
        elif source.state == "complete":
            yield Finding(rule, source.source, "clear")


def _source_failed(rule: AlertRule, facts: Facts, as_of: datetime) -> Iterator[Finding]:  # noqa: ARG001
    for source in facts.sources:
        if source.state == "failed":
            yield Finding(rule, source.source, "firing", names=(source.reason,) if source.reason else ())
        elif source.state in ("complete", "partial"):  # what is partial could be read
            yield Finding(rule, source.source, "clear")


def _gate_failed(rule: AlertRule, facts: Facts, as_of: datetime) -> Iterator[Finding]:  # noqa: ARG001
    if facts.gate is not None:
        yield Finding(rule, "build", "clear" if facts.gate.passed else "firing", names=facts.gate.failed)


def _outbox_unknown(rule: AlertRule, facts: Facts, as_of: datetime) -> Iterator[Finding]:  # noqa: ARG001
    for channel, count in sorted(facts.unknown.items()):
        yield Finding(rule, channel, "firing" if count else "clear", value=float(count))


def _job_failed(rule: AlertRule, facts: Facts, as_of: datetime) -> Iterator[Finding]:  # noqa: ARG001
    for job in facts.jobs:
        yield Finding(rule, job.flow, "clear" if job.completed else "firing", names=(job.run,))


def _kpi(rule: AlertRule, facts: Facts, as_of: datetime) -> Iterator[Finding]:
    row = _latest(rule, facts.kpi_rows, as_of)
    if row is None:
        return
    value, n = _number(row.get("value")), row.get("n")
    if value is None or row.get("stale_since") is not None or (n or 0) < rule.min_n:
        return
    low, high = _number(row.get("low")), _number(row.get("high"))
    verdict: Literal["firing", "clear"]
    if _beyond(rule, value, low, high):
        verdict = "firing"
    elif _in_order(rule, value):
        verdict = "clear"
    else:
        return  # between the two thresholds: as it was before
    yield Finding(rule, f"{rule.kpi}/{rule.segment}", verdict, value, low, high, str(row["period"]))


def _latest(rule: AlertRule, rows: Sequence[Mapping[str, Any]], as_of: datetime) -> Mapping[str, Any] | None:
    finished = [
        row
        for row in rows
        if row["kpi"] == rule.kpi
        and row["segment"] == rule.segment
        and grain_of(str(row["period"])) == rule.grain
        and row["ends_at"] <= as_of
    ]
    return max(finished, key=lambda row: row["ends_at"], default=None)


def grain_of(period: str) -> str:
    """Week for 2026-W46, quarter for 2026-Q3, else month."""
    return next((grain for grain, mark in GRAIN_MARKS.items() if mark in period), "month")


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))


def _beyond(rule: AlertRule, value: float, low: float | None, high: float | None) -> bool:
    """The figure and, where it has one, its whole interval lie on the wrong side."""
    if rule.fire_below is not None:
        return value < rule.fire_below and (high is None or high < rule.fire_below)
    if rule.fire_above is not None:
        return value > rule.fire_above and (low is None or low > rule.fire_above)
    return False


def _in_order(rule: AlertRule, value: float) -> bool:
    if rule.clear_at_least is not None:
        return value >= rule.clear_at_least
    return rule.clear_at_most is not None and value <= rule.clear_at_most


_EVALUATE = {
    "source_late": _source_late,
    "source_partial": _source_partial,
    "source_failed": _source_failed,
    "gate_failed": _gate_failed,
    "outbox_unknown": _outbox_unknown,
    "job_failed": _job_failed,
    "kpi": _kpi,
}
