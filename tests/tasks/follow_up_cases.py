"""Rows that the tests of follow-ups share: one client who needs nothing but the next mail."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from playbook.loader import Playbook, load_playbook
from tasks import switches
from tasks.journey import Client, Person
from warehouse.ledger import Ledger, open_ledger

START = datetime(
    2026, 3, 2, 10, 30, tzinfo=UTC
)  # a Monday, 11:30 in Madrid, four weeks before the clocks change
ALWAYS = date(2025, 1, 1)
LIVE = {"mail": ALWAYS, "hubspot_task": ALWAYS}
PLAYBOOK: Playbook = load_playbook()


def person(**changes: object) -> Person:
    ana = Person(person_id="501", email="ana@client.test", first_name="Ana", language="es", opted_out=False)
    return replace(ana, **changes)


def client(**changes: object) -> Client:
    usual = Client(
        client_id="c1",
        name="Clínica Sol",
        industry="clinics",
        language="es",
        owner_id="77",
        started_at=START,
        ended_at=None,
        person=person(),
    )
    return replace(usual, **changes)


def clients(count: int, **changes: object) -> list[Client]:
    return [
        client(
            client_id=f"c{number}",
            person=person(person_id=str(1000 + number), email=f"p{number}@client.test"),
            **changes,
        )
        for number in range(1, count + 1)
    ]


def live_ledger(home: Path, as_of: datetime = START, channels: tuple[str, ...] = switches.CHANNELS) -> Ledger:
    ledger = open_ledger(home)
    switches.prepare_home(ledger, "real", as_of, "Europe/Madrid")
    for channel in channels:
        switches.go_live(ledger, channel, ALWAYS, as_of)
    return ledger


def after(days: float) -> datetime:
    return START + timedelta(days=days)
