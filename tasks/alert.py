"""Opens and resolves alerts from what the rules found, and queues the notices, each once."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session
from sqlmodel import col, select

from playbook.loader import Playbook
from tasks.alert_rules import Facts, Finding, Gate, SourceState, evaluate
from tasks.follow_up import marker
from warehouse.ledger import Alert, Decision, Ledger, LedgerError, NewEffect, Outbox, add_effects

__all__ = ["Alerted", "Facts", "Gate", "SourceState", "ack", "alert", "evaluate", "silence", "unknown_rows"]

NOTICE_USEFUL = timedelta(days=2)  # a notice that could not go out for longer would only confuse
NAMED_CHECKS = 5


@dataclass(frozen=True, slots=True)
class Alerted:
    """What an evaluation changed: alerts opened, still firing, resolved, rung again after a silence."""

    opened: int
    still_open: int
    resolved: int
    again: int = 0


def unknown_rows(ledger: Ledger) -> dict[str, int]:
    """Channel -> rows whose delivery is unknown, zero for channels without any: for `Facts.unknown`."""
    counts = dict.fromkeys(ledger.switches(), 0)
    for (channel, state), count in ledger.outbox_counts().items():
        if state == "unknown":
            counts[channel] = count
    return counts


def alert(ledger: Ledger, playbook: Playbook, facts: Facts, as_of: datetime) -> Alerted:
    """Evaluate the playbook's rules at `as_of`, change the alerts accordingly and queue the notices.

    An alert, its decision and its notice are written in one transaction. An open alert is not notified
    again; a silenced one is, once its silence has run out. Doing it twice changes nothing more.
    """
    findings = evaluate(playbook.alerts, facts, as_of)
    opened = still = resolved = again = 0
    with ledger.write() as session:
        known = {
            row.dedup_key: row for row in session.scalars(select(Alert).where(col(Alert.state) != "resolved"))
        }
        for finding in findings:
            row = known.get(finding.dedup_key)
            if finding.verdict == "firing" and row is None:
                row = _open(finding, playbook, as_of)
                known[row.dedup_key] = row
                session.add(row)
                session.flush()
                _notice(session, row, finding, playbook, "opened")
                opened += 1
            elif finding.verdict == "firing" and row is not None:
                row.last_value, row.period, row.evaluated_at = finding.value, finding.period, as_of
                row.detail = _detail(finding, playbook)
                still += 1
                if row.silenced_until is not None and row.silenced_until <= as_of:
                    until = row.silenced_until
                    row.state, row.silenced_until, row.silence_reason = "open", None, None
                    _notice(session, row, finding, playbook, f"again/{until.isoformat()}")
                    again += 1
            elif row is not None:
                silent = row.silenced_until is not None and row.silenced_until > as_of
                row.state, row.resolved_at, row.evaluated_at = "resolved", as_of, as_of
                del known[row.dedup_key]
                if not silent:
                    _notice(session, row, finding, playbook, "resolved")
                resolved += 1
    return Alerted(opened, still, resolved, again)


def ack(ledger: Ledger, dedup_key: str, by: str) -> Alert:
    """Note that `by` has taken the alert on; it stays until it clears. LedgerError if none is open."""
    with ledger.write() as session:
        row = _unresolved(session, dedup_key)
        row.acked_by = by
        if row.state == "open":
            row.state = "acked"
        return row


def silence(ledger: Ledger, dedup_key: str, reason: str, until: datetime, as_of: datetime) -> Alert:
    """Keep an open alert quiet until `until` (aware). LedgerError without a reason or a future end."""
    if not reason.strip():
        raise LedgerError("a silence needs a reason, so that the next person knows why it is quiet")
    if until <= as_of:
        raise LedgerError("a silence needs an end in the future")
    with ledger.write() as session:
        row = _unresolved(session, dedup_key)
        row.state, row.silenced_until, row.silence_reason = "silenced", until, reason.strip()
        return row


def _unresolved(session: Session, dedup_key: str) -> Alert:
    query = select(Alert).where(col(Alert.dedup_key) == dedup_key, col(Alert.state) != "resolved")
    row: Alert | None = session.scalars(query).first()
    if row is None:
        raise LedgerError(f"no open alert has the key '{dedup_key}'; `tenfold alerts` lists them")
    return row


def _open(finding: Finding, playbook: Playbook, as_of: datetime) -> Alert:
    language = playbook.company.languages[0]
    return Alert(
        dedup_key=finding.dedup_key,
        rule=finding.rule.id,
        entity=finding.entity,
        severity=finding.rule.severity,
        title=finding.rule.title.in_language(language).replace("{entity}", finding.entity),
        detail=_detail(finding, playbook),
        opened_at=as_of,
        evaluated_at=as_of,
        last_value=finding.value,
        period=finding.period,
    )


def _notice(session: Session, row: Alert, finding: Finding, playbook: Playbook, event: str) -> None:
    """Queue what is said about an alert at its last evaluation; `event` makes it happen once."""
    as_of = row.evaluated_at
    key = f"alert/{row.dedup_key}/{row.opened_at.isoformat()}/{event}"
    kind = event.partition("/")[0]
    language = playbook.company.languages[0]
    words = playbook.wording[language]
    lines = [row.detail or ""]
    if kind == "resolved":
        lines = [
            words["notify.cleared"].format(moment=_local(row.opened_at, playbook)),
            _detail(finding, playbook),
        ]
    else:
        remedy = finding.rule.what_to_do.in_language(language).replace("{entity}", row.entity)
        lines.append(words["notify.what_to_do"].format(text=remedy))
    add_effects(
        session,
        [
            NewEffect(
                business_key=key,
                channel="notify",
                marker=marker(key),
                useful_until=as_of + NOTICE_USEFUL,
                payload={
                    "title": f"{words[f'notify.{kind}']}: {row.title}",
                    "body": "\n\n".join(line for line in lines if line),
                    "severity": "success" if kind == "resolved" else row.severity,
                    "alert": row.dedup_key,
                },
            )
        ],
        as_of,
    )
    decision = Decision(
        key=key,
        as_of=as_of,
        rule=f"alert/{row.rule}",
        rule_version=playbook.digest[:12],
        subject=row.dedup_key,
        outcome=kind,
        reason=row.detail,
        inputs={
            "value": finding.value,
            "low": finding.low,
            "high": finding.high,
            "period": finding.period,
            "names": list(finding.names),
        },
    )
    session.add(decision)
    session.flush()
    for effect in session.scalars(select(Outbox).where(col(Outbox.business_key) == key)):
        effect.decision_id = decision.id


def _detail(finding: Finding, playbook: Playbook) -> str:
    """What was found, in the company's first language; empty where the title says it all."""
    words = playbook.wording[playbook.company.languages[0]]
    kind = finding.rule.kind
    if kind == "kpi" and finding.value is not None and finding.rule.kpi is not None:
        return _kpi_detail(finding, playbook, words)
    if kind == "source_late":
        if finding.moment is None:
            return str(words["notify.source_never"])
        return str(words["notify.source_late"].format(moment=_local(finding.moment, playbook)))
    if kind in ("source_failed", "source_partial"):
        return "; ".join(finding.names)
    if kind == "gate_failed" and finding.names:
        shown, more = ", ".join(finding.names[:NAMED_CHECKS]), len(finding.names) - NAMED_CHECKS
        text = words["notify.gate_more" if more > 0 else "notify.gate"]
        return str(text.format(checks=shown, more=more))
    if kind == "job_failed":
        return str(words["notify.job"].format(run=", ".join(finding.names)))
    if kind == "outbox_unknown" and finding.value is not None:
        return str(words["notify.unknown"].format(count=int(finding.value)))
    return ""


def _kpi_detail(finding: Finding, playbook: Playbook, words: dict[str, str]) -> str:
    from babel.numbers import format_decimal, format_percent  # only when there is something to tell

    language = playbook.company.languages[0]
    kpi = playbook.kpi(finding.rule.kpi or "")

    def shown(number: float) -> str:
        if kpi.unit == "share":
            return str(format_percent(number, format="#,##0.0 %", locale=language))
        return str(format_decimal(round(number, 2), locale=language))

    rule = finding.rule
    threshold = rule.fire_below if rule.fire_below is not None else rule.fire_above
    parts = {
        "name": kpi.name.in_language(language),
        "period": finding.period,
        "value": shown(finding.value or 0.0),
        "threshold": shown(threshold or 0.0),
    }
    if finding.low is None or finding.high is None:
        return words["notify.kpi"].format(**parts)
    return words["notify.kpi_interval"].format(**parts, low=shown(finding.low), high=shown(finding.high))


def _local(instant: datetime, playbook: Playbook) -> str:
    return instant.astimezone(ZoneInfo(playbook.company.zone)).strftime("%Y-%m-%d %H:%M")
