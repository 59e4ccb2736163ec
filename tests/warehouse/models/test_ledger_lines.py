"""The ledger: from the book in its months, else from documents and bank lines; its sides are always equal."""

from collections import defaultdict
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import duckdb
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from model_world import MODELS, World

ZERO = Decimal(0)


def moved(world: World, key: str, amount: str, day: str = "2026-03-10", **more: Any) -> None:
    body = {"key": key, "format": "bank_csv", "account": "ES1", "currency": "EUR", "date": day, "text": key}
    world.add("accounting", "movements", body | {"amount": amount} | more)


def asked(world: World, key: str, net: str, tax: str, total: str, **more: Any) -> None:
    body = {"key": key, "kind": "invoice", "number": key, "counterparty": "Acme", "issued_on": "2026-03-01"}
    world.add(
        "accounting",
        "documents",
        body | {"currency": "EUR", "net": net, "tax": tax, "total": total, "lines": []} | more,
    )


def rate(world: World, day: str, currency: str, value: str) -> None:
    world.add(
        "accounting",
        "rates",
        {"key": f"{currency}{day}", "date": day, "currency": currency, "rate": value},
    )


def postings(world: World, where: str = "true") -> dict[str, Decimal]:
    """Debits less credits by account."""
    found: dict[str, Decimal] = defaultdict(lambda: ZERO)
    for row in world.rows("core.ledger_line", where):
        found[row["account"]] += row["debit"] - row["credit"]
    return {account: amount for account, amount in found.items() if amount}


def broken(world: World, model: str, severity: str) -> list[str]:
    """The written rules of a model that its rows break."""
    world.build(f"core.{model}")
    spec = yaml.safe_load((MODELS / "core" / f"{model}.yaml").read_text())
    con: duckdb.DuckDBPyConnection = world.con
    con.execute(f"create or replace temp view this as select * from core.{model}")
    return [
        rule["why"]
        for rule in spec["expectations"]
        if rule["severity"] == severity and "sql" in rule and con.execute(rule["sql"]).fetchall()
    ]


def test_where_the_book_has_the_month_bank_lines_post_nothing(world: World) -> None:
    world.cost("2026-03-05", "627 Advertising", "50")
    moved(world, "known", "-50")
    moved(world, "april", "-7", "2026-04-02")
    assert postings(world, "source = 'book'") == {
        "627 Advertising": Decimal(50),
        "572 Bank main": Decimal(-50),
    }
    assert postings(world, "source <> 'book'") == {
        "572 ES1": Decimal(-7),
        "555 Not classified": Decimal(7),
    }


def test_a_line_that_the_book_has_in_the_next_month_is_not_posted_twice(world: World) -> None:
    world.cost("2026-03-31", "627 Advertising", "50")
    moved(world, "late", "-50", "2026-04-01")
    world.matches = [("late", "entry", "e1", "-50")]
    assert postings(world, "source = 'movement'") == {}


def test_a_category_says_what_a_bank_line_was_for(world: World) -> None:
    moved(world, "ads", "-50")
    world.categories = [("ads", "627 Advertising")]
    (row,) = world.rows("core.ledger_line", "account = '627 Advertising'")
    assert (row["debit"], row["kind"], row["acquisition"], row["classified"]) == (50, "operating", True, True)
    assert row["source_key"] == "ads"


def test_what_nobody_classified_is_shown_and_counts_for_nothing(world: World) -> None:
    moved(world, "what", "-50")
    (row,) = world.rows("core.ledger_line", "not classified")
    assert (row["account"], row["kind"], row["debit"]) == ("555 Not classified", "balance", 50)


def test_both_sides_of_a_transfer_leave_nothing_between_them(world: World) -> None:
    moved(world, "out", "-1000")
    moved(world, "in", "1000", account="ES2")
    world.matches = [("out", "transfer", "in", "-1000"), ("in", "transfer", "out", "1000")]
    assert postings(world) == {"572 ES1": Decimal(-1000), "572 ES2": Decimal(1000)}


def test_a_providers_fee_is_a_cost_and_the_whole_is_what_was_paid(world: World) -> None:
    moved(world, "charge", "97", account="stripe", gross="100", fee="3")
    asked(world, "d1", "100", "0", "100")
    world.matches = [("charge", "document", "d1", "100")]
    assert postings(world) == {
        "572 stripe": Decimal(97),
        "626 Payment fees": Decimal(3),
        "700 Service revenue": Decimal(-100),
    }


def test_an_invoice_is_income_once_and_its_payment_settles_it(world: World) -> None:
    asked(world, "d1", "100", "21", "121")
    moved(world, "paid", "121")
    world.matches = [("paid", "document", "d1", "121")]
    world.categories = [("paid", "700 Service revenue")]
    assert postings(world) == {
        "572 ES1": Decimal(121),
        "700 Service revenue": Decimal(-100),
        "477 VAT output": Decimal(-21),
    }


def test_money_from_who_has_an_invoice_is_no_second_income(world: World) -> None:
    asked(world, "d1", "100", "21", "121", counterparty="Acme Foods")
    moved(world, "part", "70", text="TRANSF. DE ACME FOODS")
    world.categories = [("part", "700 Service revenue")]
    assert postings(world)["700 Service revenue"] == -100
    assert postings(world)["430 Accounts receivable"] == 51
    assert broken(world, "ledger_line", "warn") == []


def test_income_that_no_invoice_explains_beside_invoices_is_said(world: World) -> None:
    asked(world, "d1", "100", "21", "121", counterparty="Acme Foods")
    moved(world, "part", "70", text="BIZUM")
    world.categories = [("part", "700 Service revenue")]
    assert len(broken(world, "ledger_line", "warn")) == 1


@pytest.mark.parametrize("total", ["106", "121"])
def test_what_a_client_withholds_is_owed_by_the_tax_office(world: World, total: str) -> None:
    asked(world, "d1", "100", "21", total, withheld="15")
    after = {"473 Tax withheld from us": Decimal(15)} if total == "106" else {}
    assert postings(world) == after | {
        "430 Accounts receivable": Decimal(total),
        "477 VAT output": Decimal(-21),
        "700 Service revenue": Decimal(-100),
    }


def test_a_bill_of_unknown_purpose_is_not_classified(world: World) -> None:
    asked(world, "b1", "100", "21", "121", kind="bill")
    assert postings(world, "not classified") == {"555 Not classified": Decimal(100)}


def test_home_money_is_by_the_last_rate_and_never_by_one(world: World) -> None:
    moved(world, "friday", "-100", "2026-03-14", currency="USD")
    moved(world, "old", "-100", "2026-03-25", currency="USD")
    moved(world, "pounds", "-100", currency="GBP")
    rate(world, "2026-03-13", "USD", "1.0881")
    rate(world, "2026-03-17", "USD", "1.1")
    found = {r["source_key"]: r for r in world.rows("core.ledger_line", "debit > 0")}
    assert found["friday"]["home_debit"] == Decimal("91.9033")
    assert found["friday"]["debit"] == 100
    assert found["old"]["home_debit"] is None
    assert found["pounds"]["home_debit"] is None


def test_from_one_foreign_currency_to_a_home_that_is_no_euro(world: World) -> None:
    world.currency = "USD"
    moved(world, "it", "-100", currency="GBP")
    rate(world, "2026-03-10", "USD", "1.1")
    rate(world, "2026-03-10", "GBP", "0.88")
    assert set(world.rows("core.ledger_line", "debit > 0", "home_debit")) == {Decimal(125)}


def test_a_month_without_postings_keeps_what_was_there(world: World) -> None:
    moved(world, "january", "-50", "2026-01-10")
    moved(world, "march", "-7", "2026-03-10")
    found = world.rows("core.trial_balance", "account = '572 ES1'", "month, opening, debit, credit, closing")
    assert [tuple(row.values()) for row in found] == [
        ("2026-01", 0, 0, 50, -50),
        ("2026-02", -50, 0, 0, -50),
        ("2026-03", -50, 0, 7, -57),
    ]


def test_cash_ties_to_what_the_bank_states_in_whatever_order_its_lines_come(world: World) -> None:
    moved(world, "c", "-30", "2026-03-10", balance="90")
    moved(world, "b", "20", "2026-03-10", balance="120")
    moved(world, "a", "5", "2026-02-10", balance="100")
    found = world.rows("core.cash_tie_out", columns="month, opening, movements, closing, stated, difference")
    assert [tuple(row.values()) for row in found] == [
        ("2026-02", 95, 5, 100, 100, 0),
        ("2026-03", 100, -10, 90, 90, 0),
    ]
    assert broken(world, "cash_tie_out", "warn") == []


def test_a_line_that_is_missing_shows_as_a_difference(world: World) -> None:
    moved(world, "a", "5", "2026-02-10", balance="100")
    moved(world, "c", "-30", "2026-03-10", balance="90")
    assert world.rows("core.cash_tie_out", columns="difference", order="month") == [0, 20]
    assert len(broken(world, "cash_tie_out", "warn")) == 1


def test_cash_without_a_stated_balance_is_not_evaluated(world: World) -> None:
    moved(world, "a", "5")
    (row,) = world.rows("core.cash_tie_out")
    assert (row["movements"], row["closing"], row["stated"], row["difference"]) == (5, None, None, None)


CENTS = st.integers(-100_000, 100_000).filter(bool).map(lambda cents: Decimal(cents) / 100)
DAYS = st.integers(0, 150).map(lambda days: (date(2026, 1, 1) + timedelta(days=days)).isoformat())
ACCOUNTS = st.sampled_from(["627 Advertising", "700 Service revenue", "572 Bank main", "909 Unknown"])


@settings(max_examples=15, deadline=None)
@given(
    entries=st.lists(st.tuples(DAYS, ACCOUNTS, CENTS), max_size=4),
    lines=st.lists(
        st.tuples(
            DAYS,
            CENTS,
            st.sampled_from(["EUR", "USD", ""]),
            st.none() | ACCOUNTS,
            st.none() | st.sampled_from(["transfer", "payout", "loan", "tax", "entry", "document"]),
            st.integers(0, 500),
        ),
        max_size=10,
    ),
    documents=st.lists(
        st.tuples(DAYS, CENTS, CENTS, CENTS, st.sampled_from(["invoice", "bill", "credit_note"])), max_size=6
    ),
)
def test_of_any_ledger_the_trial_balance_is_nothing(
    entries: list[tuple[str, str, Decimal]],
    lines: list[tuple[str, Decimal, str, str | None, str | None, int]],
    documents: list[tuple[str, Decimal, Decimal, Decimal, str]],
) -> None:
    world = World()
    for day, account, amount in entries:
        world.entry(day, (account, str(abs(amount)), ""), ("572 Bank savings", "", str(abs(amount))))
    for n, (day, amount, currency, account, match, fee) in enumerate(lines):
        moved(world, f"m{n}", str(amount), day, currency=currency, gross=str(amount + fee), fee=str(fee))
        if account is not None:
            world.categories.append((f"m{n}", account))
        if match is not None:
            world.matches.append((f"m{n}", match, f"d{n}" if match == "document" else None, str(amount)))
    for n, (day, net, tax, total, kind) in enumerate(documents):
        asked(world, f"d{n}", str(net), str(tax), str(total), issued_on=day, kind=kind)
    sums: dict[tuple[str, str], Decimal] = defaultdict(lambda: ZERO)
    for row in world.rows("core.trial_balance"):
        sums[row["currency"], row["month"]] += row["closing"]
        assert row["opening"] + row["debit"] - row["credit"] == row["closing"]
    assert set(sums.values()) <= {ZERO}
    assert broken(world, "trial_balance", "fail") == []
    assert broken(world, "ledger_line", "fail") == []
    assert len(world.rows("core.ledger_line", columns="line_id")) == len(
        set(world.rows("core.ledger_line", columns="line_id"))
    )
