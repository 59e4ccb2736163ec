"""What is due to each client: decided on published facts, written down with what is to be sent for it."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from playbook.letter import render, render_note
from playbook.loader import INDUSTRIES, Playbook, Step
from tasks.effects import marker
from tasks.journey import (
    FINAL,
    QUEUED,
    Already,
    Client,
    Due,
    Person,
    Verdict,
    call_reasons,
    judge,
    plan,
    step_states,
)
from warehouse.ledger import Ledger, NewDecision, NewEffect

__all__ = [
    "Client",
    "FollowedUp",
    "Person",
    "decide",
    "follow_up",
    "marker",
    "plan",
    "read_clients",
    "step_states",
]

KEPT_IN_VIEW = timedelta(days=120)  # older clients have no step of any journey left


@dataclass(frozen=True, slots=True)
class FollowedUp:
    """New decisions written by outcome, and what the channels in dry run would do, not written."""

    decided: Mapping[str, int]
    previewed: Mapping[str, int] = field(default_factory=dict)


def decide(
    clients: Iterable[Client],
    playbook: Playbook,
    as_of: datetime,
    already: Already,
    go_live: Mapping[str, date | None],
) -> list[NewDecision]:
    """The decisions to take at `as_of`, with the effect of each: pure, in a stable order.

    `already`: what `Ledger.decided` gives. `go_live`: channel -> first local day whose new clients are
    enrolled; a client who started before, or a channel without such a day, gets nothing. At most one mail a
    client and local day: of several due, the newest step goes first and the others wait for the next day,
    if they are still useful then. Raises PlaybookError for a template that cannot be filled.
    """
    return [
        _decision(verdict, playbook, as_of)
        for client in clients
        for verdict in judge(client, playbook, as_of, already, go_live)
    ]


# What a decision does


def _decision(verdict: Verdict, playbook: Playbook, as_of: datetime) -> NewDecision:
    due, client = verdict.due, verdict.due.client
    effect = None
    if verdict.outcome == QUEUED:
        make = _mail if due.step.channel == "mail" else _task
        effect = make(due, playbook)
    # A decision that is not final has a key of its own, so that the final one still fits beside it.
    key = due.key if verdict.outcome in FINAL else f"{due.key}/{verdict.outcome}"
    return NewDecision(
        key=key,
        as_of=as_of,
        rule=due.rule,
        rule_version=playbook.digest[:12],
        outcome=verdict.outcome,
        client_id=client.client_id,
        subject=client.person.person_id if client.person else None,
        reason=verdict.reason,
        inputs={
            "started_at": client.started_at.isoformat(),
            "ended_at": client.ended_at.isoformat() if client.ended_at else None,
            "due": due.due.isoformat(),
            "useful_until": due.until.isoformat(),
            "industry": client.industry,
            "missing_items": list(client.missing_items),
            "lowest_rating": client.lowest_rating,
            "open_conversations": client.open_conversations,
        },
        effect=effect,
    )


def _mail(due: Due, playbook: Playbook) -> NewEffect:
    client, step, company = due.client, due.step, playbook.company
    person = client.person
    if person is None or person.email is None:
        raise ValueError(f"{due.key} has nobody to write to")
    language = language_of(client, playbook)
    letter = render(
        playbook,
        _template(step, client),
        language,
        {
            "first_name": person.first_name or "",
            "client_name": client.name,
            "industry": client.industry or "general",
            "missing": _labels(client, playbook, language),
            "survey_url": company.survey_url,
        },
        promotional=step.kind == "promotional",
    )
    return NewEffect(
        business_key=due.key,
        channel=step.channel,
        marker=f"<{marker(due.key)}@{company.sender_email.partition('@')[2]}>",
        useful_until=due.until,
        payload={
            "to": person.email,
            "person_id": person.person_id,
            "company_id": client.client_id,
            "step": due.rule,
            "kind": step.kind,
            "language": language,
            "subject": letter.subject,
            "text": letter.text,
            "html": letter.html,
        },
    )


def _task(due: Due, playbook: Playbook) -> NewEffect:
    client, company = due.client, playbook.company
    if client.person is None:
        raise ValueError(f"{due.key} has nobody to call")
    language = company.languages[0]  # colleagues read it, not the client
    words = playbook.wording[language]
    subject, body = render_note(
        playbook,
        _template(due.step, client),
        language,
        {
            "client_name": client.name,
            "missing": _labels(client, playbook, language),
            "reasons": [words[f"call.reason.{code}"] for code in call_reasons(client)],
        },
    )
    mark = f"[tenfold:{marker(due.key)}]"
    return NewEffect(
        business_key=due.key,
        channel=due.step.channel,
        marker=mark,
        useful_until=due.until,
        payload={
            "person_id": client.person.person_id,
            "company_id": client.client_id,
            "step": due.rule,
            "subject": subject,
            "body": f"{body}\n\n{mark}",
            "owner_id": client.owner_id or company.task_owner,
            "due": due.until.isoformat(),
        },
    )


def _template(step: Step, client: Client) -> str:
    industry = client.industry if client.industry in INDUSTRIES else "general"
    return step.template.replace("{industry}", industry)


def language_of(client: Client, playbook: Playbook) -> str:
    """The person's own language, else the company's, else ours."""
    for language in (client.person.language if client.person else None, client.language):
        short = (language or "").lower()[:2]
        if short in playbook.company.languages:
            return short
    return playbook.company.languages[0]


def _labels(client: Client, playbook: Playbook, language: str) -> list[str]:
    labels = {item.item: item.label.in_language(language) for item in playbook.onboarding.checklist}
    return [labels.get(item, item) for item in client.missing_items]


# Running it


def follow_up(ledger: Ledger, clients: Sequence[Client], playbook: Playbook, as_of: datetime) -> FollowedUp:
    """Take the decisions due at `as_of` and queue their effects, each pair in one transaction.

    Channels in dry run are only previewed: nothing of them is written, so that going live starts afresh.
    """
    switches = ledger.switches()
    already = ledger.decided()
    live = {name: s.go_live_date for name, s in switches.items() if s.mode != "dry_run"}
    decisions = decide(clients, playbook, as_of, already, live)
    written = ledger.record(decisions)
    dry = {name: s.go_live_date or date.min for name, s in switches.items() if s.mode == "dry_run"}
    previewed = Counter(
        verdict.outcome for client in clients for verdict in judge(client, playbook, as_of, already, dry)
    )
    decided = Counter(decision.outcome for decision in decisions)
    if written < len(decisions):  # another process took some of them a moment ago
        decided["taken_elsewhere"] = len(decisions) - written
    return FollowedUp(dict(decided), dict(previewed))


# Reading the published facts

_CLIENTS = """
with talks as (
    select client_id, min(rating) as lowest_rating, count(*) filter (state <> 'closed') as open_conversations
    from core.conversation
    where client_id is not null and not coalesce(excluded, false)
    group by client_id
)
select
    c.client_id, c.name, c.industry, c.language, c.owner_id, c.started_at, c.ended_at, c.archived,
    c.missing_items, c.former_ids, p.person_id, p.email, p.first_name, p.language, p.opted_out,
    t.lowest_rating, t.open_conversations
from core.client as c
left join core.person as p on p.person_id = c.main_person_id
left join talks as t on t.client_id = c.client_id
where c.started_at <= ? and c.started_at >= ?
order by c.client_id
"""


def read_clients(con: Any, as_of: datetime, since: timedelta = KEPT_IN_VIEW) -> list[Client]:
    """Clients of the published build (`con`: its connection) who started within `since` before `as_of`."""
    return list(_clients(con.execute(_CLIENTS, [as_of, as_of - since]).fetchall()))


def _clients(rows: Iterable[Sequence[Any]]) -> Iterator[Client]:
    for row in rows:
        (client_id, name, industry, language, owner, start, end, archived, missing, formers, *rest) = row
        *person, low, talks = rest
        person_id, email, first_name, spoken, opted_out = person
        yield Client(
            client_id=str(client_id),
            name=name or str(client_id),
            industry=industry,
            language=language,
            owner_id=owner,
            started_at=start,
            ended_at=end,
            person=Person(str(person_id), email, first_name, spoken, bool(opted_out)) if person_id else None,
            missing_items=tuple(missing or ()),
            lowest_rating=low,
            open_conversations=talks or 0,
            archived=bool(archived),
            former_ids=tuple(formers or ()),
        )
