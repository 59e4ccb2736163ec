"""Clients who need somebody: why, since when, what to do, in the reader's words."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from playbook.loader import Playbook
from reports.activity import severity_word
from reports.figures import Build
from reports.formatting import Format

TOP = 10
_GRAVITY = {"critical": 0, "high": 0, "warning": 1, "medium": 1}
_ORDER = (
    "churn_notice",
    "low_rating",
    "unhappy_survey",
    "sla_miss",
    "deliverable_overdue",
    "onboarding_stuck",
)


@dataclass(frozen=True, slots=True)
class Sign:
    """One reason to look at a client; `detail` holds the facts by name."""

    severity: str
    code: str
    detail: Mapping[str, Any]
    since: datetime


@dataclass(frozen=True, slots=True)
class Troubled:
    """A client with its reasons, the gravest first."""

    client_id: str
    name: str
    mrr: Decimal | None  # None: a subscription has no price in home currency
    owner: str | None
    signs: tuple[Sign, ...]


@dataclass(frozen=True, slots=True)
class ClientView:
    """A card: every reason with how long it has lasted, one thing to do."""

    name: str
    severity: str
    severity_word: str
    reasons: tuple[tuple[str, str], ...]
    do: str
    owner: str
    mrr: str


def read_attention(build: Build) -> tuple[Troubled, ...]:
    """Clients of kpi.client_attention, the gravest first, then those who pay most."""
    rows = build.con.execute(
        "select a.client_id, coalesce(a.name, a.client_id), c.mrr, c.owner_name, a.severity, a.reason_code, "
        "a.detail, a.since from kpi.client_attention a left join core.client c using (client_id) "
        "order by a.client_id, a.since, a.reason_code"
    ).fetchall()
    grouped: dict[str, tuple[str, Decimal | None, str | None, list[Sign]]] = {}
    for client_id, name, mrr, owner, severity, code, detail, since in rows:
        paid = None if mrr is None else Decimal(str(mrr))
        entry = grouped.setdefault(client_id, (name, paid, owner, []))
        entry[3].append(Sign(severity, code, _facts(detail), since))
    found = [
        Troubled(client_id, name, mrr, owner, tuple(sorted(signs, key=_urgency)))
        for client_id, (name, mrr, owner, signs) in grouped.items()
    ]
    found.sort(key=lambda t: (*_urgency(t.signs[0]), -len(t.signs), -(t.mrr or 0), t.name))
    return tuple(found)


def client_view(client: Troubled, playbook: Playbook, fmt: Format, as_of: datetime) -> ClientView:
    """The card of one client."""
    words = fmt.wording
    first = client.signs[0]
    reasons = []
    for sign in client.signs:
        lasted = as_of - sign.since
        # A reason that began with this build (such as a notice just known) has not lasted yet.
        since = (
            words.text("attention.since", duration=fmt.duration(lasted), day=fmt.short_day(sign.since))
            if lasted >= timedelta(hours=1)
            else ""
        )
        reasons.append((sign_text(sign, playbook, fmt), since))
    todo = f"attention.{first.code}.do"
    return ClientView(
        name=client.name,
        severity=first.severity,
        severity_word=severity_word(first.severity, fmt),
        reasons=tuple(reasons),
        do=words.text(todo if words.has(todo) else "attention.other.do"),
        owner=words.text("attention.owner", owner=client.owner)
        if client.owner
        else words.text("attention.no_owner"),
        mrr=words.text("attention.no_mrr")
        if client.mrr is None
        else words.text("attention.mrr", mrr=fmt.money(client.mrr)),
    )


def sign_text(sign: Sign, playbook: Playbook, fmt: Format) -> str:
    """Why, in one sentence with the facts; a code unknown to the catalogue is named as it is."""
    words, facts = fmt.wording, sign.detail
    if sign.code == "sla_miss":
        talks = fmt.amount(int(facts["conversations"]), "count", kpi="conversations")
        return words.count("attention.sla_miss", int(facts["misses"]), conversations=talks)
    if sign.code == "low_rating":
        return words.count("attention.low_rating", int(facts["ratings"]), lowest=fmt.number(facts["lowest"]))
    if sign.code == "onboarding_stuck":
        labels = {i.item: i.label.in_language(fmt.language) for i in playbook.onboarding.checklist}
        items = fmt.listed([labels.get(item, item) for item in facts["missing_items"]])
        return words.text(
            "attention.onboarding_stuck",
            duration=fmt.duration(timedelta(hours=int(facts["hours"]))),
            items=items,
        )
    if sign.code == "deliverable_overdue":
        return words.count(
            "attention.deliverable_overdue",
            int(facts["deliverables"]),
            subject=facts["subject"] or "–",
            duration=fmt.duration(timedelta(hours=int(facts["hours"]))),
        )
    if sign.code == "churn_notice":
        return words.text("attention.churn_notice", day=fmt.day(datetime.fromisoformat(facts["ends_at"])))
    if sign.code == "unhappy_survey":
        answers = [
            words.text(f"attention.unhappy_survey.{name}", **{name: fmt.number(facts[name])})
            for name in ("nps", "csat")
            if facts.get(name) is not None
        ]
        return words.text("attention.unhappy_survey", answers=fmt.listed(answers))
    return words.text("attention.other", reason=sign.code)


def _facts(detail: object) -> dict[str, Any]:
    parsed = json.loads(detail) if isinstance(detail, str) and detail.startswith("{") else detail
    return parsed if isinstance(parsed, dict) else {}


def _urgency(sign: Sign) -> tuple[int, int]:
    """Gravest first; among equals, what a call today can still change."""
    order = _ORDER.index(sign.code) if sign.code in _ORDER else len(_ORDER)
    return _GRAVITY.get(sign.severity, 2), order
