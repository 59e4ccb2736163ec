"""Why something did or did not happen to a client: one query on the ledger, and what is still to come."""

from dataclasses import dataclass
from datetime import date, datetime

from playbook.loader import Playbook
from tasks.journey import Client, step_states
from warehouse.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Happened:
    """One decision about the client and how its effect stands (None: it has none)."""

    at: datetime
    rule: str
    outcome: str
    reason: str | None
    inputs: dict[str, object]
    outbox_id: int | None
    channel: str | None
    state: str | None
    delivered_at: datetime | None
    error: str | None


@dataclass(frozen=True, slots=True)
class StepState:
    """How one step of a journey stands: an outcome, or `not_enrolled`, `not_due`, `due`."""

    rule: str
    state: str
    due: datetime
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Why:
    """Everything about one client, oldest first."""

    happened: tuple[Happened, ...]
    steps: tuple[StepState, ...]


def why(
    ledger: Ledger, client_id: str, playbook: Playbook, as_of: datetime, client: Client | None = None
) -> Why:
    """What was decided about a client and why; with the published `client`, also where each step stands."""
    happened = tuple(
        Happened(
            at=decision.as_of,
            rule=decision.rule,
            outcome=decision.outcome,
            reason=decision.reason,
            inputs=dict(decision.inputs),
            outbox_id=effect.id if effect else None,
            channel=effect.channel if effect else None,
            state=effect.state if effect else None,
            delivered_at=effect.settled_at if effect and effect.state == "sent" else None,
            error=effect.error if effect else None,
        )
        for known_as in (*(client.former_ids if client else ()), client_id)
        for decision, effect in ledger.why(known_as)
    )
    if client is None:
        return Why(happened, ())
    live: dict[str, date | None] = {
        name: switch.go_live_date for name, switch in ledger.switches().items() if switch.mode != "dry_run"
    }
    states = step_states(client, playbook, as_of, ledger.decided(), live)
    return Why(
        happened,
        tuple(
            StepState(rule, state, due, _explain(state, rule, playbook, live)) for rule, state, due in states
        ),
    )


def _explain(state: str, rule: str, playbook: Playbook, live: dict[str, date | None]) -> str | None:
    if state != "not_enrolled":
        return None
    channels = {f"{j.id}/{step.id}": step.channel for j in playbook.journeys for step in j.steps}
    channel = channels[rule]
    first_day = live.get(channel)
    if first_day is None:
        return f"{channel} is not live"
    return f"started before {first_day.isoformat()}, the day from which {channel} is live"
