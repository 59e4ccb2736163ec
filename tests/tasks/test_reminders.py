"""Reminders of unpaid invoices: in time, once, and never of what is paid, disputed or perhaps paid already."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from tasks.follow_up import decide as decide_follow_ups
from tasks.reminders import Books, Unpaid, decide, remind
from tests.tasks.follow_up_cases import ALWAYS, LIVE, PLAYBOOK, client, clients, live_ledger, person

DUE = date(2026, 5, 16)


def noon(days: int) -> datetime:
    """Noon, so many days after the invoice was due."""
    return datetime(2026, 5, 16, 10, tzinfo=UTC) + timedelta(days=days)


def unpaid(**changes: object) -> Unpaid:
    usual = Unpaid(
        invoice_id="e1", number="F2026-00012", client=client(), issued_on=date(2026, 5, 1), due_on=DUE,
        open=Decimal("121.00"), currency="EUR", status="open",
    )  # fmt: skip
    return replace(usual, **changes)  # type: ignore[arg-type]


def books(*invoices: Unpaid, until: date | None = None, at: datetime | None = None) -> Books:
    return Books(invoices or (unpaid(),), until or (at or noon(0)).date())


def due(at: datetime, *invoices: Unpaid, **changes: object) -> list[tuple[str, str]]:
    found = decide(books(*invoices, at=at), PLAYBOOK, at, {}, set(), LIVE)
    return [(each.rule, each.outcome) for each in found]


@pytest.mark.parametrize(
    ("days", "steps"),
    [
        (0, []),
        (3, []),
        (4, [("payment/reminder", "queued")]),
        (13, [("payment/reminder", "queued")]),
        (14, [("payment/reminder", "skipped_stale")]),
        (15, [("payment/reminder", "skipped_stale"), ("payment/second", "queued")]),
        (26, [("payment/reminder", "skipped_stale"), ("payment/second", "skipped_stale")]),
    ],
)
def test_a_step_is_due_so_many_days_after_the_due_date_and_only_while_it_is_useful(
    days: int, steps: list[tuple[str, str]]
) -> None:
    assert due(noon(days)) == steps


def test_the_mail_names_the_invoice_its_dates_and_what_is_open_in_the_persons_language() -> None:
    at = noon(4)
    (spanish,) = decide(books(at=at), PLAYBOOK, at, {}, set(), LIVE)
    assert spanish.effect is not None
    assert spanish.effect.payload["to"] == "ana@client.test"
    assert spanish.effect.payload["subject"] == "Factura F2026-00012: un recordatorio"
    for text in ("16 de mayo de 2026", "121,00\N{NO-BREAK SPACE}€", "1 de mayo de 2026"):
        assert text.replace("\N{NO-BREAK SPACE}", " ") in " ".join(spanish.effect.payload["text"].split())
    english = unpaid(client=client(person=person(language="en")), currency="USD")
    (found,) = decide(books(english, at=at), PLAYBOOK, at, {}, set(), LIVE)
    assert found.effect is not None
    assert "US$121.00" in found.effect.payload["text"], "an amount keeps its own currency"


def test_nothing_goes_out_while_the_books_end_too_long_ago() -> None:
    at = noon(5)
    assert decide(books(until=at.date() - timedelta(days=7)), PLAYBOOK, at, {}, set(), LIVE)
    assert decide(books(until=at.date() - timedelta(days=8)), PLAYBOOK, at, {}, set(), LIVE) == []
    assert decide(Books((unpaid(),), None), PLAYBOOK, at, {}, set(), LIVE) == []


def test_what_is_disputed_uncollectible_or_told_by_nobody_is_left_alone() -> None:
    at = noon(5)
    finance = PLAYBOOK.finance.model_copy(update={"disputed": ("F2026-00012",)})
    playbook = PLAYBOOK.model_copy(update={"finance": finance})
    assert decide(books(at=at), playbook, at, {}, set(), LIVE) == []
    for status in ("uncollectible", "unknown", "paid", "credit"):
        assert due(at, unpaid(status=status)) == []


def test_who_cannot_be_reached_waits_and_who_opted_out_is_not_written_to() -> None:
    at = noon(5)
    assert due(at, unpaid(client=None)) == []
    assert due(at, unpaid(client=client(person=None))) == []
    assert due(at, unpaid(client=client(person=person(email=None)))) == []
    assert due(at, unpaid(client=client(person=person(opted_out=True)))) == [
        ("payment/reminder", "suppressed")
    ]


def test_debts_from_before_the_channel_was_live_are_not_dug_out() -> None:
    at = noon(5)
    live = {"mail": DUE + timedelta(days=1), "hubspot_task": ALWAYS}
    assert decide(books(at=at), PLAYBOOK, at, {}, set(), live) == []
    assert decide(books(at=at), PLAYBOOK, at, {}, set(), {"mail": None}) == []


def test_a_client_with_many_late_invoices_gets_one_reminder_in_a_week_the_oldest_first() -> None:
    at = noon(6)
    newer = unpaid(invoice_id="e2", number="F2", due_on=DUE + timedelta(days=1))
    (first,) = decide(books(newer, unpaid(), at=at), PLAYBOOK, at, {}, set(), LIVE)
    assert first.inputs["invoice"] == "e1"
    already = {("c1", "payment/reminder"): {"queued": at}}
    keys = {first.key}
    for days, count in ((1, 0), (6, 0), (7, 1)):
        later = at + timedelta(days=days)
        found = decide(books(newer, unpaid(), at=later), PLAYBOOK, later, already, keys, LIVE)
        assert len([each for each in found if each.outcome == "queued"]) == count


def test_each_step_of_each_invoice_happens_once_however_often_it_is_decided(tmp_path: Path) -> None:
    invoices = [unpaid(invoice_id=f"e{n}", client=one) for n, one in enumerate(clients(5))]
    with live_ledger(tmp_path, noon(-30)) as ledger:
        queued = 0
        for day in range(60):
            for hour in (0, 5):
                at = noon(day) + timedelta(hours=hour)
                queued += remind(ledger, books(*invoices, at=at), PLAYBOOK, at).decided.get("queued", 0)
        rows = ledger.outbox_rows()
    assert queued == 15
    assert sorted(row.business_key for row in rows) == sorted(
        f"payment/{step}/e{n}/1" for n in range(5) for step in ("reminder", "second", "call")
    )


def test_an_invoice_that_is_paid_in_between_is_not_asked_for_again(tmp_path: Path) -> None:
    with live_ledger(tmp_path, noon(-30)) as ledger:
        assert remind(ledger, books(at=noon(4)), PLAYBOOK, noon(4)).decided == {"queued": 1}
        assert remind(ledger, Books((), noon(15).date()), PLAYBOOK, noon(15)).decided == {}
        assert len(ledger.outbox_rows()) == 1


def test_new_clients_journeys_know_nothing_of_invoices() -> None:
    old = client(started_at=noon(-60))
    assert {
        each.rule.partition("/")[0] for each in decide_follow_ups([old], PLAYBOOK, noon(0), {}, LIVE)
    } == {"onboarding"}
