from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from made_build import AS_OF, Made, make_build
from sqlmodel import select

from playbook.loader import Playbook, load_playbook
from reports.weekly import Facts, Html, compose, gather, render
from warehouse.ledger import Home, Ledger, NewDecision, NewEffect, Outbox, Switch, open_ledger
from warehouse.ledger_tables import Alert

WEEK = "2026-W46"


@pytest.fixture(scope="session")
def playbook() -> Playbook:
    return load_playbook()


@pytest.fixture(scope="session")
def made_once() -> Iterator[Made]:
    made = make_build()
    yield made
    made.con.close()


@pytest.fixture
def build(made_once: Made) -> Iterator[Made]:
    """The build, to be changed at will: what a test does to it is taken back."""
    made_once.con.begin()
    yield made_once
    made_once.con.rollback()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with open_ledger(tmp_path / "home") as found:
        fill(found)
        yield found


@pytest.fixture(scope="session")
def facts(made_once: Made, playbook: Playbook, tmp_path_factory: pytest.TempPathFactory) -> Facts:
    """The facts of the week, for tests that only read."""
    with open_ledger(tmp_path_factory.mktemp("ledger")) as found:
        fill(found)
        return gather(made_once, found, playbook, WEEK)


@pytest.fixture(scope="session")
def pages(playbook: Playbook, facts: Facts) -> dict[str, Html]:
    return {language: render(compose(facts, playbook, language)) for language in ("es", "en")}


def fill(ledger: Ledger) -> None:
    """A week's work: mails in every state, a call task, decisions not to send, three alerts."""
    with ledger.write() as session:
        session.add(Home(kind="sandbox", created_at=AS_OF))
        session.add(Switch(channel="mail", mode="live", set_at=AS_OF))
        session.add(Switch(channel="hubspot_task", mode="dry_run", set_at=AS_OF))
        for rule, entity, severity, days in (
            ("sla_compliance", "K19/all", "critical", 9),
            ("source_late", "accounting", "warning", 1),
            ("rule_of_old", "x", "info", 40),
        ):
            session.add(
                Alert(
                    dedup_key=f"{rule}/{entity}", rule=rule, entity=entity, severity=severity, title=f"Old title of {rule}",
                    detail="94.9 % in week 46, limit 95 %" if rule == "sla_compliance" else None,
                    period="2026-W46" if entity == "K19/all" else None,
                    opened_at=AS_OF - timedelta(days=days), evaluated_at=AS_OF,
                )
            )  # fmt: skip
    steps = (
        [("welcome", "sent")] * 24 + [("tutorial", "sent")] * 21 + [("tutorial", "unknown")] + [("day7", "sent")] * 18
        + [("day7", "suppressed")] * 2 + [("call", "queued")] * 3 + [("survey", "sent")] * 16 + [("survey", "failed")]
    )  # fmt: skip
    decisions = [
        NewDecision(
            key=f"onboarding/{step}/c{i}/1", as_of=AS_OF - timedelta(hours=i), rule=f"onboarding/{step}",
            rule_version="1", outcome="queued", client_id=f"c{i}",
            effect=NewEffect(
                f"onboarding/{step}/c{i}/1", "hubspot_task" if step == "call" else "mail", {}, f"<m{i}>"
            ),
        )
        for i, (step, _) in enumerate(steps)
    ]  # fmt: skip
    decisions += [
        NewDecision(
            key=f"onboarding/call/d{i}/1", as_of=AS_OF, rule="onboarding/call", rule_version="1",
            outcome="not_needed", client_id=f"d{i}", reason="not_needed",
        )
        for i in range(9)
    ]  # fmt: skip
    # Decided before the week: not of this report.
    decisions.append(
        NewDecision(
            key="onboarding/welcome/old/1", as_of=AS_OF - timedelta(days=30), rule="onboarding/welcome",
            rule_version="1", outcome="suppressed", client_id="old", reason="opted_out",
        )
    )  # fmt: skip
    ledger.record(decisions)
    with ledger.write() as session:
        for row in session.scalars(select(Outbox)):
            _, _, client, _ = row.business_key.split("/")
            row.state = steps[int(client[1:])][1]
            if row.state == "suppressed":
                row.error = "opted_out"
