"""Invoices that are not paid in time: what is due for each, decided on published facts, once for all.

A reminder of something that is paid does harm. So nothing is due while the books end too long ago, for what a
customer disputes, or before the day from which a channel is live; and a client gets at most one in some days.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from playbook.letter import render, render_note
from playbook.loader import Journey, Playbook, Step
from reports.formatting import Format, Wording
from tasks.clock import day_start, local_day
from tasks.effects import marker
from tasks.follow_up import FollowedUp, language_of, read_clients
from tasks.journey import QUEUED, Already, Client, mailed_today, rule_of
from warehouse.ledger import Ledger, NewDecision, NewEffect

_EVERYBODY = timedelta(days=36525)
# States in which somebody is asked; the books may tell no more of others.
_ASKED = frozenset({"open", "partial"})


@dataclass(frozen=True, slots=True)
class Unpaid:
    """An invoice with something open. `client` is None when the books' customer is no client we know."""

    invoice_id: str
    number: str | None
    client: Client | None
    issued_on: date
    due_on: date
    open: Decimal
    currency: str
    status: str


@dataclass(frozen=True, slots=True)
class Books:
    """All invoices with something open, and the last day of which the books tell."""

    invoices: tuple[Unpaid, ...]
    until: date | None


def decide(
    books: Books,
    playbook: Playbook,
    as_of: datetime,
    already: Already,
    keys: AbstractSet[str],
    go_live: Mapping[str, date | None],
) -> list[NewDecision]:
    """The decisions due at `as_of`: pure, in a stable order, the invoice longest due first.

    `already` and `go_live` as in `follow_up.decide`; `keys` are those of decisions taken before. A step that
    could not go out in time is skipped, a later one is not sent before it was due.
    """
    zone = playbook.company.zone
    today = local_day(as_of, zone)
    if books.until is None or (today - books.until).days > playbook.finance.books_fresh_days:
        return []
    found: list[NewDecision] = []
    asked: set[str] = set()
    for invoice in sorted(books.invoices, key=lambda each: (each.due_on, each.invoice_id)):
        if invoice.status not in _ASKED or invoice.number in playbook.finance.disputed:
            continue
        for journey in (j for j in playbook.journeys if j.of == "invoice"):
            for step in journey.steps:
                key = f"{rule_of(journey, step)}/{invoice.invoice_id}/1"
                first_day = go_live.get(step.channel)
                due = invoice.due_on + timedelta(days=step.after_days)
                if key in keys or first_day is None or invoice.due_on < first_day or due > today:
                    continue
                late = today > due + timedelta(days=step.latest_useful_days)
                outcome, reason = ("skipped_stale", "too_late") if late else _outcome(invoice, step)
                if outcome is None:
                    continue
                client = invoice.client
                if outcome == QUEUED and client is not None:
                    if client.client_id in asked or _asked_lately(client, playbook, as_of, already):
                        continue
                    asked.add(client.client_id)
                found.append(_decision(invoice, journey, step, key, as_of, playbook, outcome, reason))
    return found


def _outcome(invoice: Unpaid, step: Step) -> tuple[str | None, str | None]:
    """Queued, or suppressed for good; None while there is nobody to write to, who may yet turn up."""
    person = invoice.client.person if invoice.client else None
    if person is None or (step.channel == "mail" and not person.email):
        return None, None
    if step.channel == "mail" and person.opted_out:
        return "suppressed", "opted_out"
    return QUEUED, None


def _asked_lately(client: Client, playbook: Playbook, as_of: datetime, already: Already) -> bool:
    if mailed_today(client, playbook, as_of, already):
        return True
    gap = timedelta(days=playbook.finance.reminder_gap_days)
    return any(
        (sent := client.taken(already, rule_of(journey, step)).get(QUEUED)) is not None and as_of - sent < gap
        for journey in playbook.journeys
        if journey.of == "invoice"
        for step in journey.steps
    )


def _decision(
    invoice: Unpaid,
    journey: Journey,
    step: Step,
    key: str,
    as_of: datetime,
    playbook: Playbook,
    outcome: str,
    reason: str | None,
) -> NewDecision:
    client = invoice.client
    effect = None
    if outcome == QUEUED and client is not None:
        until = day_start(
            invoice.due_on + timedelta(days=step.after_days + step.latest_useful_days + 1),
            playbook.company.zone,
        )
        effect = _effect(invoice, client, rule_of(journey, step), step, key, until, playbook)
    return NewDecision(
        key=key,
        as_of=as_of,
        rule=rule_of(journey, step),
        rule_version=playbook.digest[:12],
        outcome=outcome,
        client_id=client.client_id if client else None,
        subject=client.person.person_id if client and client.person else None,
        reason=reason,
        inputs={
            "invoice": invoice.invoice_id,
            "number": invoice.number,
            "due_on": invoice.due_on.isoformat(),
            "open": str(invoice.open),
            "currency": invoice.currency,
            "status": invoice.status,
        },
        effect=effect,
    )


def _effect(
    invoice: Unpaid, client: Client, rule: str, step: Step, key: str, until: datetime, playbook: Playbook
) -> NewEffect:
    company, person = playbook.company, client.person
    if person is None:
        raise ValueError(f"{key} has nobody to ask")
    mail = step.channel == "mail"
    language = language_of(client, playbook) if mail else company.languages[0]
    fmt = Format(Wording(language, playbook.wording[language]), company.currency, company.zone)
    values = {
        "first_name": person.first_name or "",
        "client_name": client.name,
        "number": invoice.number or "",
        "issued_on": fmt.day(invoice.issued_on),
        "due_on": fmt.day(invoice.due_on),
        "amount": fmt.money(invoice.open, invoice.currency, cents=True),
    }
    payload: dict[str, Any] = {"person_id": person.person_id, "company_id": client.client_id, "step": rule}
    if mail:
        letter = render(playbook, step.template, language, values, promotional=step.kind == "promotional")
        payload |= {
            "to": person.email,
            "kind": step.kind,
            "language": language,
            "subject": letter.subject,
            "text": letter.text,
            "html": letter.html,
        }
        mark = f"<{marker(key)}@{company.sender_email.partition('@')[2]}>"
    else:
        subject, body = render_note(playbook, step.template, language, values)
        mark = f"[tenfold:{marker(key)}]"
        payload |= {
            "subject": subject,
            "body": f"{body}\n\n{mark}",
            "owner_id": client.owner_id or company.task_owner,
            "due": until.isoformat(),
        }
    return NewEffect(business_key=key, channel=step.channel, marker=mark, useful_until=until, payload=payload)


def remind(ledger: Ledger, books: Books, playbook: Playbook, as_of: datetime) -> FollowedUp:
    """Take the decisions due at `as_of` and queue their effects; channels in dry run are only previewed."""
    keys: set[str] = set()
    for journey in playbook.journeys:
        if journey.of == "invoice":
            keys |= ledger.decision_keys(f"{journey.id}/%")
    switches, already = ledger.switches(), ledger.decided()
    live = {name: s.go_live_date for name, s in switches.items() if s.mode != "dry_run"}
    decisions = decide(books, playbook, as_of, already, keys, live)
    ledger.record(decisions)
    dry = {name: s.go_live_date or date.min for name, s in switches.items() if s.mode == "dry_run"}
    previewed = decide(books, playbook, as_of, already, keys, dry)
    return FollowedUp(_counts(decisions), _counts(previewed))


def _counts(decisions: Iterable[NewDecision]) -> dict[str, int]:
    return dict(Counter(decision.outcome for decision in decisions))


def read_unpaid(con: Any, as_of: datetime) -> Books:
    """What the published build (`con`: its connection) holds; nothing of one made before invoices."""
    there = con.execute(
        "select count(*) from duckdb_tables() where schema_name = 'kpi' and table_name = 'open_invoice'"
    ).fetchall()
    if not there[0][0]:
        return Books((), None)
    clients = {client.client_id: client for client in read_clients(con, as_of, _EVERYBODY)}
    rows: Sequence[tuple[Any, ...]] = con.execute(
        "select invoice_id, number, client_id, issued_on, due_on, open, currency, status "
        "from kpi.open_invoice"
    ).fetchall()
    (until,) = con.execute(
        # Where there is no journal, the newest invoice or payment says how far the papers go.
        "select greatest((select max(booked_on) from core.journal_line), max(issued_on), max(paid_on)) "
        "from core.invoice"
    ).fetchall()[0]
    return Books(
        tuple(
            Unpaid(invoice_id, number, clients.get(str(client_id)), issued, due, open_, currency, status)
            for invoice_id, number, client_id, issued, due, open_, currency, status in rows
        ),
        until,
    )
