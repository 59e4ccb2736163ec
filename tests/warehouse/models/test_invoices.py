"""Invoices followed until paid: what settles which, what stays open, when the money is to be expected."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_world import World

RECEIVABLE, BANK, REVENUE, VAT = (
    "430 Accounts receivable",
    "572 Bank main",
    "700 Service revenue",
    "477 VAT output",
)


def invoice(world: World, day: str, amount: str, name: str = "Acme") -> str:
    world.entry(day, (RECEIVABLE, amount, ""), (REVENUE, "", amount), name=name)
    return f"e{len(world.raw['accounting', 'entries'])}"


def payment(world: World, day: str, amount: str, name: str = "Acme", document: str | None = None) -> None:
    world.entry(day, (BANK, amount, ""), (RECEIVABLE, "", amount), kind="Payment", name=name)
    if document is not None:
        rename(world, document)


def rename(world: World, document: str) -> None:
    key, body = world.raw["accounting", "entries"][-1]
    number = key.removeprefix("e")
    world.raw["accounting", "entries"][-1] = (
        key,
        body.replace(f'"document":"{number}"', f'"document":"{document}"'),
    )


def states(world: World) -> dict[str, tuple[str, Decimal, Decimal]]:
    return {
        row["invoice_id"]: (row["status"], row["paid"], row["open"])
        for row in world.rows("core.invoice", "total > 0")
    }


def test_a_payment_settles_the_invoice_that_it_names_and_not_the_oldest(world: World) -> None:
    old, new = invoice(world, "2026-05-01", "100"), invoice(world, "2026-05-10", "100")
    payment(world, "2026-05-20", "100", document="2")
    assert states(world) == {old: ("open", 0, 100), new: ("paid", 100, 0)}
    assert world.rows("core.invoice", f"invoice_id = '{new}'", "paid_on") == [date(2026, 5, 20)]


def test_a_payment_that_names_none_settles_the_oldest_first_and_the_next_in_part(world: World) -> None:
    old, new = invoice(world, "2026-05-01", "100"), invoice(world, "2026-05-10", "100")
    payment(world, "2026-05-20", "130", document="no such number")
    assert states(world) == {old: ("paid", 100, 0), new: ("partial", 30, 70)}


def test_nobodys_payment_settles_somebody_elses_invoice(world: World) -> None:
    theirs = invoice(world, "2026-05-01", "100", name="Other")
    payment(world, "2026-05-20", "100", name="Acme")
    assert states(world) == {theirs: ("open", 0, 100)}
    assert world.rows("kpi.customer_balance", "customer = 'Acme'", "on_account") == [100]


def test_a_credit_note_that_was_paid_back_leaves_the_other_invoices_as_they_are(world: World) -> None:
    paid, waiting = invoice(world, "2026-05-01", "100"), invoice(world, "2026-05-10", "50")
    payment(world, "2026-05-02", "100", document="1")
    world.entry("2026-05-12", (REVENUE, "40", ""), (RECEIVABLE, "", "40"), kind="Credit Memo", name="Acme")
    world.entry("2026-05-13", (RECEIVABLE, "40", ""), (BANK, "", "40"), kind="Refund", name="Acme")
    assert states(world) == {paid: ("paid", 100, 0), waiting: ("open", 0, 50)}


def test_a_credit_note_that_was_not_paid_back_settles_the_oldest_open_invoice(world: World) -> None:
    first = invoice(world, "2026-05-01", "100")
    world.entry("2026-05-12", (REVENUE, "40", ""), (RECEIVABLE, "", "40"), kind="Credit Memo", name="Acme")
    assert states(world) == {first: ("partial", 40, 60)}


amounts = st.integers(1, 500).map(lambda cents: f"{cents / 100:.2f}")
events = st.lists(
    st.tuples(
        st.sampled_from(["invoice", "payment", "credit", "refund"]),
        st.sampled_from(["Acme", "Bolt"]),
        st.integers(1, 28),
        amounts,
        st.integers(1, 6),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=25, deadline=None)
@given(events)
def test_what_invoices_leave_open_is_what_the_books_say_is_owed_to_the_cent(
    drawn: list[tuple[str, str, int, str, int]],
) -> None:
    world = World()
    invoice(world, "2026-05-01", "1.00")
    for what, name, day, amount, number in drawn:
        when = f"2026-05-{day:02d}"
        if what == "invoice":
            invoice(world, when, amount, name)
        elif what == "payment":
            payment(world, when, amount, name, document=str(number))
        elif what == "credit":
            world.entry(when, (REVENUE, amount, ""), (RECEIVABLE, "", amount), kind="Credit Memo", name=name)
        else:
            world.entry(when, (RECEIVABLE, amount, ""), (BANK, "", amount), kind="Refund", name=name)
    for row in world.rows("kpi.customer_balance"):
        # Counted by hand from the events: claims less what came in.
        mine = [e for e in drawn if e[1] == row["customer"]]
        sums = {
            kind: sum((Decimal(e[3]) for e in mine if e[0] == kind), Decimal(0))
            for kind in ("invoice", "payment", "credit", "refund")
        }
        claims = sums["invoice"] + (1 if row["customer"] == "Acme" else 0)
        assert row["balance"] == claims + sums["refund"] - sums["payment"] - sums["credit"]
        assert row["open"] - row["on_account"] == row["balance"]
        assert not (row["open"] > 0 and row["on_account"] > 0), "money lies beside an open invoice"
    for row in world.rows("core.invoice", "total > 0"):
        assert 0 <= row["open"] <= row["total"]
        assert row["open"] + row["paid"] == row["total"]


def test_an_open_invoice_is_late_from_its_due_date_on_and_sorted_by_age(world: World) -> None:
    for day in ("2026-06-25", "2026-06-01", "2026-05-01", "2026-04-01", "2026-03-01"):
        invoice(world, day, "10")
    found = {row["issued_on"]: row for row in world.rows("kpi.open_invoice")}  # on 1 July, terms of 15 days
    assert [(found[day]["days_late"], found[day]["bucket"]) for day in sorted(found)] == [
        (107, "over_90"),
        (76, "61-90"),
        (46, "31-60"),
        (15, "1-30"),
        (0, "not_due"),
    ]
    assert {row["basis"] for row in found.values()} == {"none"}, "nobody ever paid: nothing can be said"
    assert {row["expected_on"] for row in found.values()} == {None}


@pytest.mark.parametrize(("own", "basis", "expected"), [(3, "own", 20), (2, "all", 30)])
def test_the_customers_own_habit_counts_where_there_is_one_else_everybodys(
    world: World, own: int, basis: str, expected: int
) -> None:
    for number in range(own):
        invoice(world, f"2026-03-0{number + 1}", "10")
        payment(world, f"2026-03-{number + 21}", "10", document=str(2 * number + 1))
    for number in range(9):
        invoice(world, "2026-03-01", "10", name=f"Other {number}")
        payment(world, "2026-03-31", "10", name=f"Other {number}", document=str(2 * (own + number) + 1))
    invoice(world, "2026-06-20", "10")
    (row,) = world.rows("kpi.open_invoice")
    assert (row["basis"], (row["expected_on"] - row["issued_on"]).days) == (basis, expected)


def test_a_habit_that_the_invoice_has_outlived_says_nothing_of_it(world: World) -> None:
    for number in range(6):
        invoice(world, "2026-03-01", "10")
        payment(world, "2026-03-06", "10", document=str(2 * number + 1))
    invoice(world, "2026-06-20", "10")
    (row,) = world.rows("kpi.open_invoice")
    assert (row["basis"], row["expected_on"]) == ("none", None)


def paper(world: World, **changes: object) -> None:
    body = {
        "key": f"d{len(world.raw['accounting', 'documents'])}", "kind": "invoice", "number": "1",
        "counterparty": "Acme", "issued_on": "2026-05-01", "due_on": "2026-05-31", "currency": "EUR",
        "net": "100", "tax": "0", "total": "100", "paid": "0", "open": "100", "status": "open",
    }  # fmt: skip
    world.add("accounting", "documents", body | changes)


def test_an_invoicing_programs_due_date_and_state_count_for_the_invoice_of_the_books(world: World) -> None:
    invoice(world, "2026-05-01", "100")
    paper(world, paid="60", open="40", status="partial")
    (row,) = world.rows("core.invoice")
    assert (row["status"], row["open"], row["due_on"], row["due_from"]) == (
        "partial",
        40,
        date(2026, 5, 31),
        "document",
    )


def test_an_invoice_that_only_an_invoicing_program_knows_is_followed_too(world: World) -> None:
    paper(world, number="77")
    paper(world, number="78", paid=None, open=None, status=None)
    paper(world, number="79", status="uncollectible")
    paper(world, number="80", kind="bill")
    found = {row["number"]: row["status"] for row in world.rows("core.invoice")}
    assert found == {"77": "open", "78": "unknown", "79": "uncollectible"}
    assert world.rows("kpi.open_invoice", "number = '79'", "basis") == ["none"]


def test_days_sales_outstanding_is_what_is_owed_in_days_of_invoices(world: World) -> None:
    for month in ("2026-02", "2026-03", "2026-04", "2026-05"):
        invoice(world, f"{month}-10", "300")
        payment(world, f"{month}-28", "250")
    found = {row["period"]: row["days"] for row in world.rows("kpi.receivable_month")}
    # May ends with 200 owed, 900 invoiced in the 92 days of March, April and May.
    assert found["2026-05"] == pytest.approx(200 / 900 * 92)
    assert found["2026-03"] is None, "less than three months of invoices are no measure"
