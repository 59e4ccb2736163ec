"""The journeys of the playbook as judged for one client: pure, knows no database and no clock.

Each step of each enrolled client ends in exactly one final decision. `no_contact` and `no_email` are not
final: they are noted once, and the step is still done if a contact turns up in time.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from playbook.loader import Journey, Playbook, Step
from tasks.clock import day_start, local_day, plus_days

QUEUED = "queued"
FINAL = frozenset({QUEUED, "skipped_stale", "suppressed", "not_needed", "exited"})
LOW_RATING = 3

Already = Mapping[tuple[str, str], Mapping[str, datetime]]


@dataclass(frozen=True, slots=True)
class Person:
    """A client's main contact; `person_id` is HubSpot's contact id."""

    person_id: str
    email: str | None
    first_name: str | None
    language: str | None
    opted_out: bool


@dataclass(frozen=True, slots=True)
class Client:
    """What the journeys need to know of one client; instants aware UTC.

    `former_ids` are those of companies that were merged into it in the CRM.
    """

    client_id: str
    name: str
    industry: str | None
    language: str | None
    owner_id: str | None
    started_at: datetime
    ended_at: datetime | None
    person: Person | None
    missing_items: tuple[str, ...] = ()
    lowest_rating: int | None = None
    open_conversations: int = 0
    archived: bool = False
    former_ids: tuple[str, ...] = ()

    def taken(self, already: Already, rule: str) -> dict[str, datetime]:
        """Outcome -> when, of what was decided under the rule for this client under any of its ids."""
        found: dict[str, datetime] = {}
        for client_id in (*self.former_ids, self.client_id):
            found |= already.get((client_id, rule), {})
        return found


@dataclass(frozen=True, slots=True)
class Planned:
    """A step that would be decided at `at` if nothing changes until then."""

    at: datetime
    client_id: str
    client_name: str
    rule: str
    channel: str
    outcome: str
    reason: str | None


@dataclass(frozen=True, slots=True)
class Due:
    """One step whose time has come."""

    journey: Journey
    step: Step
    client: Client
    due: datetime
    until: datetime

    @property
    def rule(self) -> str:
        """journey/step."""
        return rule_of(self.journey, self.step)

    @property
    def key(self) -> str:
        """journey/step/client/occurrence: what makes the step happen once."""
        return f"{self.rule}/{self.client.client_id}/1"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of a step; `outcome` one of FINAL, or `no_contact`; `reason` a code."""

    due: Due
    outcome: str
    reason: str | None = None


def rule_of(journey: Journey, step: Step) -> str:
    """The name under which a step's decisions are kept: journey/step."""
    return f"{journey.id}/{step.id}"


def judge(
    client: Client, playbook: Playbook, as_of: datetime, already: Already, go_live: Mapping[str, date | None]
) -> list[Verdict]:
    """The verdicts on the steps of one client whose time has come at `as_of`.

    `already`: (client id, rule) -> outcome -> when. `go_live`: channel -> first local day enrolled.
    """
    verdicts: list[Verdict] = []
    mails: list[Due] = []
    for journey in playbook.client_journeys:
        for step in journey.steps:
            taken = client.taken(already, rule_of(journey, step))
            if FINAL & taken.keys() or not enrolled(client, step, playbook, go_live):
                continue
            due = _due(journey, step, client, playbook.company.zone)
            if due.due > as_of:
                continue
            verdict = _verdict(due, as_of, noted="no_contact" in taken)
            if verdict is None:
                continue
            if verdict.outcome == QUEUED and step.channel == "mail":
                mails.append(due)
            else:
                verdicts.append(verdict)
    if mails and not mailed_today(client, playbook, as_of, already):
        verdicts.append(Verdict(max(mails, key=lambda mail: (mail.due, mail.step.after_days)), QUEUED))
    return verdicts


def enrolled(client: Client, step: Step, playbook: Playbook, go_live: Mapping[str, date | None]) -> bool:
    """True when the client started on or after the day from which the step's channel is live."""
    first_day = go_live.get(step.channel)
    return first_day is not None and local_day(client.started_at, playbook.company.zone) >= first_day


def _due(journey: Journey, step: Step, client: Client, zone: str) -> Due:
    due = plus_days(client.started_at, step.after_days, zone)
    return Due(journey, step, client, due, plus_days(due, step.latest_useful_days, zone))


def _verdict(due: Due, as_of: datetime, *, noted: bool) -> Verdict | None:
    client, step = due.client, due.step
    if client.archived or (client.ended_at is not None and client.ended_at <= as_of):
        return Verdict(due, "exited", "ended")
    missing = _no_contact(client, step)
    if as_of > due.until:
        return Verdict(due, "skipped_stale", missing if noted and missing else "too_late")
    reasons = call_reasons(client) if step.when == "call_needed" else ()
    if step.when == "call_needed" and not reasons:
        return Verdict(due, "not_needed", "not_needed")
    if missing:
        return None if noted else Verdict(due, "no_contact", missing)
    if step.channel == "mail" and client.person is not None and client.person.opted_out:
        return Verdict(due, "suppressed", "opted_out")
    return Verdict(due, QUEUED, ", ".join(reasons) or None)


def _no_contact(client: Client, step: Step) -> str | None:
    if client.person is None:
        return "no_contact"
    if step.channel == "mail" and not client.person.email:
        return "no_email"
    return None


def call_reasons(client: Client) -> tuple[str, ...]:
    """Why a person should call this client, as codes; empty when nothing asks for it."""
    found = []
    if client.missing_items:
        found.append("checklist_incomplete")
    if client.lowest_rating is not None and client.lowest_rating <= LOW_RATING:
        found.append("low_rating")
    if client.open_conversations:
        found.append("open_conversation")
    return tuple(found)


def mailed_today(client: Client, playbook: Playbook, as_of: datetime, already: Already) -> bool:
    """True when a mail of any journey was queued for the client on the local day of `as_of`."""
    zone = playbook.company.zone
    today = local_day(as_of, zone)
    for journey in playbook.journeys:
        for step in journey.steps:
            sent_at = client.taken(already, rule_of(journey, step)).get(QUEUED)
            if step.channel == "mail" and sent_at is not None and local_day(sent_at, zone) == today:
                return True
    return False


def plan(
    clients: Iterable[Client],
    playbook: Playbook,
    as_of: datetime,
    already: Already,
    go_live: Mapping[str, date | None],
    *,
    days: int,
) -> list[Planned]:
    """What would be decided from `as_of` over the next `days`, under a virtual clock, if no fact changes.

    In order of time. Nothing is written.
    """
    horizon = as_of + timedelta(days=days)
    planned: list[Planned] = []
    for client in clients:
        ids = {client.client_id, *client.former_ids}
        known = {key: dict(value) for key, value in already.items() if key[0] in ids}
        for moment in _moments(client, playbook, as_of, horizon):
            for verdict in judge(client, playbook, moment, known, go_live):
                rule = verdict.due.rule
                known.setdefault((client.client_id, rule), {})[verdict.outcome] = moment
                planned.append(
                    Planned(
                        moment,
                        client.client_id,
                        client.name,
                        rule,
                        verdict.due.step.channel,
                        verdict.outcome,
                        verdict.reason,
                    )
                )
    return sorted(planned, key=lambda row: (row.at, row.client_id, row.rule))


def _moments(client: Client, playbook: Playbook, as_of: datetime, horizon: datetime) -> list[datetime]:
    """When a verdict can change: as_of, each step's time and end, the days between, the client's end."""
    zone = playbook.company.zone
    moments = {as_of}
    if client.ended_at is not None and as_of < client.ended_at <= horizon:
        moments.add(client.ended_at)
    for journey in playbook.client_journeys:
        for step in journey.steps:
            due = _due(journey, step, client, zone)
            if due.until < as_of or due.due > horizon:
                continue
            first = max(due.due, as_of)
            moments.add(first)
            if due.until < horizon:
                moments.add(due.until + timedelta(microseconds=1))
            # A mail that was held back by the limit of one a day goes on a later one.
            day = local_day(first, zone) + timedelta(days=1)
            moments.update(
                start
                for start in (
                    day_start(day + timedelta(days=n), zone) for n in range(step.latest_useful_days + 1)
                )
                if start <= horizon
            )
    return sorted(moments)


def step_states(
    client: Client, playbook: Playbook, as_of: datetime, already: Already, go_live: Mapping[str, date | None]
) -> list[tuple[str, str, datetime]]:
    """(rule, state, due) of every step of a client, for `why`.

    State is the outcome decided, else `not_enrolled`, `not_due` or `due`.
    """
    found = []
    for journey in playbook.client_journeys:
        for step in journey.steps:
            due = _due(journey, step, client, playbook.company.zone)
            taken = client.taken(already, due.rule)
            outcome = next(iter(FINAL & taken.keys()), None)
            if outcome is None and not enrolled(client, step, playbook, go_live):
                outcome = "not_enrolled"
            found.append((due.rule, outcome or ("not_due" if due.due > as_of else "due"), due.due))
    return found
