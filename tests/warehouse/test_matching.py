"""What bank lines are compared to: every pair that is told, none that is guessed."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from playbook.loader import load_playbook
from warehouse.matching import compare

PLAYBOOK = load_playbook()
DAY = date(2026, 3, 10)
MAIN, SAVINGS, CARD = "ES9121000418450200051332", "ES7921000813610123456789", "Visa card 4242"


class Books:
    """Staging tables as the models make them, filled by hand."""

    def __init__(self) -> None:
        self.con = duckdb.connect(":memory:", config={"threads": 1})
        self.con.execute("create schema staging")
        self.con.execute(
            "create table staging.accounting_movement (movement_key varchar, format varchar, account varchar, "
            "currency varchar, moved_on date, value_on date, amount decimal(18, 4), text varchar, "
            "balance decimal(18, 4), bank_id varchar, category varchar, gross decimal(18, 4), fee decimal(18, 4))"
        )
        self.con.execute(
            "create table staging.accounting_document (document_key varchar, kind varchar, number varchar, "
            "counterparty varchar, issued_on date, currency varchar, total decimal(18, 4))"
        )
        self.con.execute(
            "create table staging.accounting_entry (entry_key varchar, booked_on date, document varchar, "
            "name varchar, currency varchar)"
        )
        self.con.execute(
            "create table staging.accounting_line (entry_key varchar, position integer, booked_on date, "
            "account varchar, name varchar, memo varchar, debit decimal(18, 4), credit decimal(18, 4))"
        )

    def line(
        self,
        key: str,
        amount: str | Decimal,
        text: str,
        *,
        day: int = 0,
        account: str = MAIN,
        form: str = "bank_csv",
        category: str | None = None,
        gross: str | None = None,
        currency: str | None = "EUR",
    ) -> None:
        fee = None if gross is None else Decimal(gross) - Decimal(amount)
        self.con.execute(
            "insert into staging.accounting_movement values (?, ?, ?, ?, ?, null, ?, ?, null, null, ?, ?, ?)",
            [key, form, account, currency, DAY + timedelta(days=day), amount, text, category, gross, fee],
        )

    def stripe(self, key: str, amount: str | Decimal, category: str, text: str, **more: Any) -> None:
        self.line(key, amount, text, account="stripe", form="stripe_balance", category=category, **more)

    def document(
        self, key: str, total: str | Decimal, number: str, who: str, *, kind: str = "invoice", day: int = -10
    ) -> None:
        self.con.execute(
            "insert into staging.accounting_document values (?, ?, ?, ?, ?, 'EUR', ?)",
            [key, kind, number, who, DAY + timedelta(days=day), total],
        )

    def entry(self, key: str, name: str, lines: Sequence[tuple[str, str]], *, day: int = 0) -> None:
        when = DAY + timedelta(days=day)
        self.con.execute(
            "insert into staging.accounting_entry values (?, ?, null, ?, 'EUR')", [key, when, name]
        )
        for position, (account, amount) in enumerate(lines, 1):
            value = Decimal(amount)
            self.con.execute(
                "insert into staging.accounting_line values (?, ?, ?, ?, ?, null, ?, ?)",
                [key, position, when, account, name, max(value, Decimal(0)), max(-value, Decimal(0))],
            )

    def matched(self) -> dict[str, set[tuple[str, str | None, Decimal]]]:
        compare(self.con, PLAYBOOK)
        found: dict[str, set[tuple[str, str | None, Decimal]]] = {}
        for key, kind, other, amount in self.con.execute(
            "select movement_key, kind, other_key, amount from matched"
        ).fetchall():
            found.setdefault(key, set()).add((kind, other, amount))
        return found

    def kinds(self) -> dict[str, str]:
        return {key: "+".join(sorted({kind for kind, _, _ in rows})) for key, rows in self.matched().items()}

    def undecided(self) -> set[str]:
        return {
            row[0]
            for row in self.con.execute(
                "select movement_key from several where movement_key in (select movement_key from free)"
            ).fetchall()
        }


@pytest.fixture
def books() -> Iterator[Books]:
    made = Books()
    yield made
    made.con.close()


# Between our own accounts


def test_a_transfer_between_our_accounts_is_told_on_both_sides(books: Books) -> None:
    books.line("out", "-1000", "TRASPASO CUENTA AHORRO")
    books.line("in", "1000", "TRASPASO CUENTA CORRIENTE", account=SAVINGS, day=2)
    assert books.matched() == {
        "out": {("transfer", "in", Decimal(-1000))},
        "in": {("transfer", "out", Decimal(1000))},
    }


def test_opposite_amounts_alone_are_no_transfer(books: Books) -> None:
    books.line("supplier", "-1000", "PAGO PROVEEDOR LOPEZ")
    books.line("client", "1000", "TRANSF. DE ACME", account=SAVINGS)
    assert books.matched() == {}


def test_a_transfer_that_takes_four_days_or_another_currency_is_none(books: Books) -> None:
    books.line("out", "-1000", "TRASPASO")
    books.line("late", "1000", "TRASPASO", account=SAVINGS, day=4)
    books.line("dollars", "1000", "TRASPASO", account="US1", currency="USD")
    assert books.matched() == {}


def test_two_candidates_alike_are_listed_and_not_guessed(books: Books) -> None:
    books.line("out", "-1000", "TRASPASO")
    books.line("one", "1000", "TRASPASO", account=SAVINGS)
    books.line("two", "1000", "TRASPASO", account="ES55")
    assert books.matched() == {}
    assert books.undecided() == {"out", "one", "two"}


def test_the_other_accounts_number_decides_between_two(books: Books) -> None:
    books.line("out", "-1000", f"TRASPASO A {SAVINGS}")
    books.line("one", "1000", "TRASPASO", account=SAVINGS)
    books.line("two", "1000", "TRASPASO", account="ES55")
    assert set(books.matched()) == {"out", "one"}


def test_as_many_out_as_in_between_two_accounts_go_in_order(books: Books) -> None:
    for n in range(3):
        books.line(f"out{n}", "-500", "TRASPASO", day=n)
        books.line(f"in{n}", "500", "TRASPASO", account=SAVINGS, day=n + 1)
    assert {key: other for key, rows in books.matched().items() for _, other, _ in rows} == {
        f"{side}{n}": f"{back}{n}" for n in range(3) for side, back in (("out", "in"), ("in", "out"))
    }


# Payment providers and cards


def test_a_payout_goes_with_the_banks_deposit(books: Books) -> None:
    books.stripe("charge", "97", "charge", "Order 1", gross="100")
    books.stripe("payout", "-97", "payout", "STRIPE PAYOUT", day=1)
    books.line("deposit", "97", "TRANSF. STRIPE TECHNOLOGY EUROPE", day=3)
    assert books.kinds() == {"payout": "payout", "deposit": "payout"}


def test_one_deposit_of_two_payouts_is_told_by_the_sum(books: Books) -> None:
    books.stripe("p1", "-97", "payout", "STRIPE PAYOUT")
    books.stripe("p2", "-50.10", "payout", "STRIPE PAYOUT", day=1)
    books.line("deposit", "147.10", "STRIPE PAYMENTS", day=2)
    found = books.matched()
    assert found["deposit"] == {("payout", "p1", Decimal(97)), ("payout", "p2", Decimal("50.1"))}
    assert found["p1"] == {("payout", "deposit", Decimal(-97))}


def test_one_side_of_a_payout_is_no_income_either(books: Books) -> None:
    books.stripe("charge", "20", "charge", "Order 1")
    books.stripe("payout", "-97", "payout", "STRIPE PAYOUT")
    books.line("other", "55", "STRIPE PAYMENTS", day=1)
    assert books.kinds() == {"payout": "payout", "other": "payout"}


def test_a_deposit_from_a_provider_that_we_have_no_lines_of_is_left_to_the_categories(books: Books) -> None:
    books.line("deposit", "97", "TRANSF. STRIPE TECHNOLOGY EUROPE")
    assert books.matched() == {}


def test_a_card_is_settled_by_its_payment_or_by_its_month(books: Books) -> None:
    books.line("paid", "-300", "RECIBO VISA")
    books.line("thanks", "300", "PAYMENT THANK YOU", account=CARD, day=1)
    books.line("lunch", "-20", "LUNCH", account="Mastercard card 1", day=-20)
    books.line("train", "-30", "TRAIN", account="Mastercard card 1", day=-25)
    books.line("month", "-50", "LIQUIDACION TARJETA")
    assert books.kinds() == dict.fromkeys(("paid", "thanks", "month"), "card_settlement")


# By their own words


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("AEAT MODELO 303", "tax"),
        ("TGSS SEGUROS SOCIALES", "tax"),
        ("RECIBO TESORERÍA GENERAL DE LA SEGURIDAD SOCIAL", "tax"),
        ("CUOTA PRÉSTAMO 00012", "loan"),
        ("HACIENDA LAS FLORES HOTEL", None),
        ("COMISION APERTURA PRESTAMO", None),
        ("RECARGO AEAT", None),
        ("SALOON BAR", None),
    ],
)
def test_taxes_and_loans_are_told_by_whole_words(books: Books, text: str, kind: str | None) -> None:
    books.line("it", "-100", text)
    assert books.kinds().get("it") == kind


# Invoices and bills


def test_a_number_in_the_text_and_the_amount_settle_an_invoice(books: Books) -> None:
    books.document("d", "121", "INV-2026-001", "Acme S.L.")
    books.document("other", "121", "INV-2026-002", "Acme S.L.")
    books.line("it", "121", "TRANSF. DE ACME INV2026001")
    assert books.matched() == {"it": {("document", "d", Decimal(121))}}


def test_the_payer_named_and_the_amount_settle_the_only_invoice(books: Books) -> None:
    books.document("d", "121", "1", "Acme Consulting S.L.")
    books.line("it", "121", "TRANSF. DE ACME CONSULTING")
    assert books.kinds() == {"it": "document"}


def test_two_invoices_alike_of_one_payer_are_listed(books: Books) -> None:
    books.document("d1", "121", "1", "Acme Consulting S.L.")
    books.document("d2", "121", "2", "Acme Consulting S.L.")
    books.line("it", "121", "TRANSF. DE ACME CONSULTING")
    assert books.matched() == {}
    assert books.undecided() == {"it"}


def test_an_invoice_of_later_is_not_what_was_paid(books: Books) -> None:
    books.document("d1", "121", "1", "Acme Consulting S.L.")
    books.document("d2", "121", "2", "Acme Consulting S.L.", day=5)
    books.line("first", "121", "TRANSF. DE ACME CONSULTING")
    books.line("second", "121", "TRANSF. DE ACME CONSULTING", day=20)
    found = books.matched()
    assert found == {
        "first": {("document", "d1", Decimal(121))},
        "second": {("document", "d2", Decimal(121))},
    }


def test_the_same_amount_from_somebody_else_settles_nothing(books: Books) -> None:
    books.document("d", "121", "INV-2026-001", "Acme S.L.")
    books.line("it", "121", "TRANSF. DE BETA")
    books.line("out", "-121", "INV-2026-001 ACME")
    assert books.matched() == {}


def test_one_payment_of_several_named_invoices(books: Books) -> None:
    books.document("d1", "121", "INV-2026-001", "Acme S.L.")
    books.document("d2", "60.50", "INV-2026-002", "Acme S.L.")
    books.document("d3", "1", "INV-2026-003", "Acme S.L.")
    books.line("it", "181.50", "ACME INV-2026-001 INV-2026-002")
    assert books.matched()["it"] == {("document", "d1", Decimal(121)), ("document", "d2", Decimal("60.5"))}


def test_one_payment_of_all_that_a_payer_had_open(books: Books) -> None:
    books.document("d1", "121", "1", "Acme Consulting S.L.")
    books.document("d2", "60.50", "2", "Acme Consulting S.L.")
    books.line("it", "181.50", "ACME CONSULTING SL")
    assert {other for _, other, _ in books.matched()["it"]} == {"d1", "d2"}


def test_parts_of_an_invoice_as_far_as_they_go(books: Books) -> None:
    books.document("d", "100", "INV-2026-001", "Acme S.L.")
    books.line("p1", "60", "INV-2026-001")
    books.line("p2", "30", "INV-2026-001", day=9)
    assert books.matched() == {
        "p1": {("document", "d", Decimal(60))},
        "p2": {("document", "d", Decimal(30))},
    }


def test_parts_that_are_more_than_the_invoice_are_listed(books: Books) -> None:
    books.document("d", "100", "INV-2026-001", "Acme S.L.")
    books.line("p1", "60", "INV-2026-001")
    books.line("p2", "50", "INV-2026-001", day=9)
    assert books.matched() == {}
    assert books.undecided() == {"p1", "p2"}


def test_a_provider_keeps_its_fee_and_the_invoice_is_paid_whole(books: Books) -> None:
    books.document("d", "100", "ABC12-0001", "Acme S.L.")
    books.stripe("it", "97", "charge", "Invoice ABC12-0001", gross="100")
    assert books.matched() == {"it": {("document", "d", Decimal(100))}}
    why = books.con.execute("select explanation from matched").fetchone()
    assert why is not None
    assert "before the fee of 3" in why[0]


def test_bills_are_paid_and_credit_notes_given_back(books: Books) -> None:
    books.document("bill", "50", "R-9981", "Lopez S.A.", kind="bill")
    books.document("credit", "-40", "RC-7771", "Acme S.L.", kind="credit_note")
    books.line("pay", "-50", "PAGO R-9981")
    books.line("back", "-40", "DEVOLUCION RC-7771")
    assert books.kinds() == {"pay": "document", "back": "document"}


# The book's own lines


def test_a_line_that_the_book_has_too_is_that_entry(books: Books) -> None:
    books.entry("e1", "Lopez", [("572 Bank main", "-50"), ("621 Office rent", "50")])
    books.entry("e2", "Acme", [("572 Bank main", "121"), ("430 Accounts receivable", "-121")], day=3)
    books.line("rent", "-50", "RECIBO ALQUILER", day=1)
    books.line("acme", "121", "TRANSF DE ACME", day=3)
    assert books.matched() == {
        "rent": {("entry", "e1", Decimal(-50))},
        "acme": {("entry", "e2", Decimal(121))},
    }


def test_lines_alike_meet_as_many_entries_and_not_more(books: Books) -> None:
    for n in range(2):
        books.entry(f"e{n}", "Bank", [("572 Bank main", "-1"), ("626 Payment fees", "1")])
        books.line(f"m{n}", "-1", "COMISION")
    assert books.kinds() == {"m0": "entry", "m1": "entry"}
    books.line("m2", "-1", "COMISION")
    assert books.kinds() == {}


# Whatever is generated

AMOUNTS = st.integers(100, 400).map(lambda cents: Decimal(cents) / 100)
NAMES = ("Acme Consulting S.L.", "Beta Foods GmbH", "Clinica Dental Sol", "Clinica Dental Luna")


@settings(max_examples=80, deadline=None)
@given(
    transfers=st.lists(st.tuples(AMOUNTS, st.integers(0, 40), st.integers(0, 3)), max_size=6),
    payouts=st.lists(st.tuples(AMOUNTS, st.integers(0, 40), st.integers(0, 5)), max_size=6),
    invoices=st.lists(
        st.tuples(AMOUNTS, st.sampled_from(NAMES), st.integers(0, 30), st.integers(0, 30), st.booleans()),
        max_size=8,
    ),
    noise=st.lists(
        st.tuples(
            AMOUNTS,
            st.booleans(),
            st.sampled_from((MAIN, SAVINGS)),
            st.integers(0, 60),
            st.sampled_from(("COMPRA 2026 03", "TRANSF. DE GAMMA", "PAGO 1234 TIENDA", "BIZUM")),
        ),
        max_size=12,
    ),
)
def test_no_pair_is_false_whatever_else_there_is(
    transfers: list[tuple[Decimal, int, int]],
    payouts: list[tuple[Decimal, int, int]],
    invoices: list[tuple[Decimal, str, int, int, bool]],
    noise: list[tuple[Decimal, bool, str, int, str]],
) -> None:
    books, paid = Books(), {}
    for n, (amount, day, later) in enumerate(transfers):
        books.line(f"t-out{n}", -amount, "TRASPASO CUENTA AHORRO", day=day)
        books.line(f"t-in{n}", amount, "TRASPASO CUENTA CORRIENTE", day=day + later, account=SAVINGS)
    for n, (amount, day, later) in enumerate(payouts):
        books.stripe(f"p-out{n}", -amount, "payout", "STRIPE PAYOUT", day=day)
        books.line(f"p-in{n}", amount, "TRANSF. STRIPE TECHNOLOGY EUROPE", day=day + later)
    for n, (amount, name, issued, later, by_number) in enumerate(invoices):
        books.document(f"d{n}", amount, f"INV-2026-{n:03}", name, day=issued)
        text = f"PAGO INV-2026-{n:03}" if by_number else f"TRANSF. DE {name.upper()}"
        books.line(f"i{n}", amount, text, day=issued + later)
        paid[f"i{n}"] = (f"d{n}", name, amount, by_number)
    for n, (amount, out, account, day, text) in enumerate(noise):
        books.line(f"n{n}", -amount if out else amount, text, day=day, account=account)
    found = books.matched()
    amounts = dict(books.con.execute("select movement_key, amount from line").fetchall())
    sides = {"t-out": "t-in", "t-in": "t-out", "p-out": "p-in", "p-in": "p-out"}
    for key, rows in found.items():
        assert not key.startswith("n"), (key, rows)
        for kind, other, _ in rows:
            if key in paid:
                document, name, amount, by_number = paid[key]
                same = other is not None and invoices[int(other[1:])][:2] == (amount, name)
                # Invoices of one client and one amount differ in nothing that a payment without a number says.
                assert kind == "document"
                assert other == document or (same and not by_number)
            elif other is None:
                assert kind == "payout"
            else:
                side = key.rstrip("0123456789")
                assert other.startswith(sides[side])
                if len(rows) == 1 and kind == "transfer":
                    assert amounts[other] == -amounts[key]
    for key, (document, _, _, by_number) in paid.items():
        if by_number:
            assert found[key] == {("document", document, amounts[key])}
