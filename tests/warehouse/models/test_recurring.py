"""Recurring revenue by each policy: generated histories against plain Python, and cases worked out by hand."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_world import MADRID, World, spec
from recurring_oracle import Sold, ledger, months_between

FIRST = date(2026, 1, 1)
DAYS = [FIRST + timedelta(days=number) for number in range(181)]


def by(world: World, **policy: Any) -> World:
    world.recurring = world.recurring.model_copy(update=policy)
    return world


def subscription(world: World, key: str, customer: str = "Sol", **fields: Any) -> None:
    world.add(
        "accounting",
        "subscriptions",
        {"key": key, "subscription_id": key, "customer": customer, "interval": "month", "interval_count": 1,
         "amount": "100", "currency": "EUR", "status": "active"} | fields,
    )  # fmt: skip


def invoice(
    world: World, key: str, net: str, period: tuple[str, str] | None, customer: str = "Sol", **fields: Any
) -> None:
    line = {"description": "Plan", "net": net} | {
        name: fields.pop(name) for name in ("description", "quantity", "unit_price") if name in fields
    }
    if period:
        line |= {"service_from": period[0], "service_to": period[1]}
    world.add(
        "accounting",
        "documents",
        {"key": key, "kind": "credit_note" if Decimal(net) < 0 else "invoice", "number": key,
         "counterparty": customer, "currency": "EUR", "net": net, "status": "paid", "lines": [line]} | fields,
    )  # fmt: skip


def rates(world: World, currency: str, **monthly: str) -> None:
    """Rates of the last day before a month: `m04="1.10"` is that of 31 March."""
    for month, rate in monthly.items():
        day = date(2026, int(month[1:]), 1) - timedelta(days=1)
        world.add("accounting", "rates", {"key": f"{currency}{day}", "date": f"{day}", "currency": currency,
                                          "rate": rate})  # fmt: skip


def moves(world: World) -> list[tuple[str, str, Decimal]]:
    rows = world.rows("kpi.mrr_movement", order="period, client_id, kind")
    assert breaks(world) == []
    return [(row["period"], row["kind"], row["amount"]) for row in rows]


def breaks(world: World) -> list[object]:
    """What the ledger's own expectations select: movements that do not add up, or have the wrong sign."""
    for table in ("kpi.mrr_movement", "kpi.client_mrr", "kpi.span_client"):
        world.build(table)
    world.con.execute("create or replace temp view this as select * from kpi.mrr_movement")
    rules = [rule["sql"] for rule in spec("kpi.mrr_movement")["expectations"] if rule.get("sql")]
    assert len(rules) == 3
    return [row for rule in rules for row in world.con.execute(rule).fetchall()]


_days = st.sampled_from(DAYS)
_sold = st.builds(
    Sold,
    client=st.sampled_from(["a", "b", "c", "d", "e", "f"]),
    first=_days,
    end=st.one_of(st.none(), _days),
    amount=st.integers(0, 99_999).map(lambda cents: Decimal(cents) / 100),
    interval=st.sampled_from(["week", "month", "year"]),
    count=st.sampled_from([1, 1, 1, 2, 3]),
    currency=st.sampled_from(["EUR", "EUR", "USD", "GBP"]),
)
_rates = st.lists(st.integers(500_000, 1_500_000), min_size=14, max_size=14)


@given(st.lists(_sold, min_size=1, max_size=30), _rates)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_history_gives_the_ledger_that_plain_python_gives(sold: list[Sold], numbers: list[int]) -> None:
    world = by(World(), policy="subscriptions", churn_date="billing")
    known: dict[tuple[str, date], Decimal] = {}
    starts = [date(2026, month, 1) for month in range(1, 8)]
    for (currency, start), number in zip(
        ((currency, start) for currency in ("USD", "GBP") for start in starts), numbers, strict=True
    ):
        day = start - timedelta(days=1 + number % 9)
        known[currency, day] = Decimal(number) / 1_000_000
        world.add("accounting", "rates", {"key": f"{currency}{day}", "date": f"{day}", "currency": currency,
                                          "rate": f"{known[currency, day]}"})  # fmt: skip
    for number, one in enumerate(sold):
        ended = {"status": "canceled", "ended_on": f"{one.end}"} if one.end else {}
        subscription(
            world, f"s{number}", one.client, started_on=f"{one.first}", amount=f"{one.amount}",
            interval=one.interval, interval_count=one.count, currency=one.currency, **ended,
        )  # fmt: skip
    expected, ends = ledger(sold, known, months_between(FIRST, date(2026, 7, 1)))
    assert breaks(world) == []
    found = {
        (row["period"], row["client_id"].removeprefix("accounting:"), row["kind"]): Fraction(row["amount"])
        for row in world.rows("kpi.mrr_movement")
    }
    assert found == {key: amount for key, amount in expected.items() if amount}
    balances = {
        (row["period"], row["client_id"].removeprefix("accounting:")): Fraction(row["mrr_end"])
        for row in world.rows("kpi.client_mrr")
        if row["mrr_end"]
    }
    assert balances == ends
    world.con.close()


# The four traps of a well-known implementation.


def test_a_client_that_is_still_active_does_not_churn_in_the_current_month(world: World) -> None:
    by(world, policy="subscriptions")
    subscription(world, "s1", started_on="2026-02-01")
    assert moves(world) == [
        ("2026-01", "new", 100)
    ]  # active at the first instant of February, where January ends


def test_whoever_starts_on_the_15th_is_new_in_that_month(world: World) -> None:
    by(world, policy="subscriptions")
    subscription(world, "s1", started_on="2026-03-15")
    assert moves(world) == [("2026-03", "new", 100)]


def test_two_subscriptions_side_by_side_move_nothing_from_month_to_month(world: World) -> None:
    by(world, policy="subscriptions")
    subscription(world, "s1", started_on="2026-02-10")
    subscription(world, "s2", started_on="2026-02-20", amount="50")
    assert moves(world) == [("2026-02", "expansion", 50), ("2026-02", "new", 100)]


def test_a_subscription_that_ended_beside_one_that_is_open_is_no_churn(world: World) -> None:
    by(world, policy="subscriptions")
    subscription(world, "s1", started_on="2026-02-10", ended_on="2026-04-10", status="canceled")
    subscription(world, "s2", started_on="2026-02-10", amount="50")
    assert moves(world) == [("2026-02", "new", 150), ("2026-04", "contraction", -100)]


# By subscriptions.


@pytest.mark.parametrize(
    ("churn_date", "day"), [("service", "2026-05-01"), ("billing", "2026-04-20"), ("notice", "2026-04-05")]
)
def test_the_playbook_says_when_a_cancelled_subscription_is_lost(
    world: World, churn_date: str, day: str
) -> None:
    by(world, policy="subscriptions", churn_date=churn_date)
    subscription(world, "s1", started_on="2026-02-01", canceled_on="2026-04-05", ended_on="2026-04-20",
                 period_from="2026-04-01", period_to="2026-04-30", status="canceled")  # fmt: skip
    (ends_at,) = world.rows("core.revenue_span", columns="ends_at")
    assert ends_at.astimezone(MADRID).date().isoformat() == day


def test_what_is_on_trial_was_never_revenue_and_a_pause_stops_it_at_the_end_of_the_period(
    world: World,
) -> None:
    by(world, policy="subscriptions")
    subscription(world, "s1", "On trial", started_on="2026-02-10", status="trialing")
    subscription(world, "s2", "Paused", started_on="2026-02-10", status="paused", period_from="2026-04-10",
                 period_to="2026-05-09")  # fmt: skip
    assert moves(world) == [("2026-02", "new", 100), ("2026-05", "churn", -100)]


@pytest.mark.parametrize(("days", "expected"), [(None, []), (30, [("2026-05", "churn", -100)])])
def test_an_overdue_subscription_counts_as_long_as_the_playbook_says(
    world: World, days: int | None, expected: list[Any]
) -> None:
    by(world, policy="subscriptions", overdue_days=days)
    subscription(world, "s1", started_on="2026-02-10", status="past_due", period_from="2026-04-10")
    assert moves(world) == [("2026-02", "new", 100), *expected]


def test_the_list_view_counts_before_discounts(world: World) -> None:
    by(world, policy="subscriptions", discounts="list")
    subscription(world, "s1", started_on="2026-02-10", amount="80", list_amount="100")
    assert moves(world) == [("2026-02", "new", 100)]


def test_a_customer_is_the_client_of_that_name_or_address_and_counts_also_without_one(world: World) -> None:
    by(world, policy="subscriptions")
    world.company("1", name="Sol")
    world.company("2", name="Luna")
    world.contact("31", "2", email="ana@luna.es")
    world.deal("21", "2", "2026-01-05 10:00")
    subscription(world, "s1", "SOL", started_on="2026-02-10")
    subscription(world, "s2", "cus_17", email="Ana@luna.es", started_on="2026-02-10")
    subscription(world, "s3", "Nobody", started_on="2026-02-10")
    assert world.rows("core.revenue_span", columns="client_id") == ["1", "2", "accounting:nobody"]
    assert world.figure("MRR", "2026-02")["money_value"] == 300  # and nothing of the deal


# Exchange rates.


def test_a_change_of_rate_alone_is_fx(world: World) -> None:
    by(world, policy="subscriptions")
    rates(world, "USD", m01="1.25", m02="1.25", m03="1.25", m04="1.00", m05="1.00", m06="1.00", m07="1.25")
    subscription(world, "s1", started_on="2026-02-10", currency="USD")
    assert moves(world) == [("2026-02", "new", 80), ("2026-03", "fx", 20), ("2026-06", "fx", -20)]
    assert world.figure("NRR", "2026-03")["value"] == 1  # the client pays what it paid


def test_without_a_rate_nothing_is_evaluated_and_nothing_is_fx(world: World) -> None:
    by(world, policy="subscriptions")
    rates(world, "USD", m01="1.25", m02="1.25", m03="1.25", m05="1.00", m06="1.00", m07="1.00")
    subscription(world, "s1", started_on="2026-02-10", currency="USD")
    assert moves(world) == [
        ("2026-02", "new", 80),
        ("2026-03", "not_rated", -80),
        ("2026-04", "not_rated", 100),
    ]
    found = world.figure("MRR", "2026-03")
    assert (found["money_value"], found["status"]) == (None, "not_evaluated")
    assert world.figure("NRR", "2026-03")["status"] == "not_evaluated"
    assert world.figure("MRR", "2026-04")["money_value"] == 100


def test_a_renewal_on_the_day_on_which_the_rate_changes_is_fx_and_nothing_more(world: World) -> None:
    by(world, policy="subscriptions")
    rates(world, "USD", m01="1.25", m02="1.25", m03="1.25", m04="1.00", m05="1.00", m06="1.00", m07="1.00")
    subscription(
        world, "s1", started_on="2026-02-10", ended_on="2026-04-01", status="canceled", currency="USD"
    )
    subscription(world, "s2", started_on="2026-04-01", currency="USD")
    assert moves(world) == [("2026-02", "new", 80), ("2026-03", "fx", 20)]


def test_a_deal_in_another_currency_counts_by_the_rate_of_the_month(world: World) -> None:
    rates(world, "USD", **{f"m0{number}": "1.25" for number in range(1, 8)})
    world.company("1")
    world.deal("11", "1", "2026-03-10 10:00", deal_currency_code="USD")
    assert world.figure("MRR", "2026-03")["money_value"] == 80


# By invoices.


def test_a_yearly_invoice_counts_a_twelfth_until_the_last_day_served(world: World) -> None:
    by(world, policy="invoices")
    world.as_of = world.as_of.replace(year=2027)
    invoice(world, "i1", "1200", ("2026-03-15", "2027-03-13"))
    invoice(world, "i2", "1200", ("2026-03-15", "2027-03-14"), "Luna")
    found = world.rows("core.revenue_span", columns="client_id, monthly_amount, ends_at", order="client_id")
    assert (found[0]["client_id"], found[0]["monthly_amount"]) == ("accounting:luna", 100)
    assert found[0]["ends_at"].astimezone(MADRID).date() == date(2027, 3, 15)


def test_an_upgrade_in_the_month_credits_the_rest_of_the_old_plan_and_charges_the_new_one(
    world: World,
) -> None:
    by(world, policy="invoices", renewal_days=0)
    invoice(world, "i1", "50.00", ("2026-03-01", "2026-03-31"))
    world.add("accounting", "documents", {
        "key": "i2", "kind": "invoice", "counterparty": "Sol", "currency": "EUR", "status": "paid",
        "lines": [
            {"description": "Unused time", "net": "-27.42", "service_from": "2026-03-15", "service_to": "2026-03-31"},
            {"description": "Remaining time", "net": "54.84", "service_from": "2026-03-15", "service_to": "2026-03-31"},
        ],
    })  # fmt: skip
    invoice(world, "i3", "100.00", ("2026-04-01", "2026-04-30"))
    invoice(world, "i4", "100.00", ("2026-05-01", "2026-05-31"))
    # i1 begins with the first instant of March, which is the end of February.
    assert moves(world) == [("2026-02", "new", 50), ("2026-03", "expansion", 50), ("2026-05", "churn", -100)]


def test_a_part_of_a_period_that_the_invoice_names_is_brought_to_the_whole_of_it(world: World) -> None:
    by(world, policy="invoices", renewal_days=0)
    invoice(world, "i1", "45.16", ("2026-02-01", "2026-02-14"), service_from="2026-01-15",
            service_to="2026-02-14")  # fmt: skip
    assert world.rows("core.revenue_span", columns="monthly_amount") == [Decimal("100.0000")]  # x 31 / 14


def test_a_credit_note_takes_back_the_service_it_names_and_a_refund_without_one_is_cash(world: World) -> None:
    by(world, policy="invoices", renewal_days=0)
    invoice(world, "i1", "300", ("2026-02-10", "2026-05-09"))
    invoice(world, "c1", "-40", None)
    invoice(world, "i2", "100", ("2026-02-10", "2026-03-09"), "Luna")
    invoice(world, "c2", "-100", ("2026-02-10", "2026-03-09"), "Luna")
    assert moves(world) == [("2026-02", "new", 100), ("2026-05", "churn", -100)]
    assert world.figure("ACTIVE_CLIENTS", "2026-02")["value"] == 1


def test_work_that_is_sold_once_is_no_recurring_revenue(world: World) -> None:
    by(world, policy="invoices", one_off=("setup",))
    invoice(world, "i1", "900", ("2026-02-10", "2026-03-09"), description="Setup of the platform")
    invoice(world, "i2", "700", None)
    assert moves(world) == []


def test_a_service_whose_renewal_may_still_be_invoiced_has_not_ended(world: World) -> None:
    by(world, policy="invoices", renewal_days=10)
    invoice(world, "i1", "100", ("2026-06-01", "2026-06-30"))
    invoice(world, "i2", "100", ("2026-05-01", "2026-05-31"), "Luna")
    assert moves(world) == [("2026-04", "new", 100), ("2026-05", "churn", -100), ("2026-05", "new", 100)]


def test_an_unpaid_invoice_stops_counting_and_counts_again_from_its_payment(world: World) -> None:
    by(world, policy="invoices", overdue_days=30, renewal_days=0)
    invoice(world, "i1", "1200", ("2026-01-10", "2027-01-09"), due_on="2026-02-01", paid_on="2026-05-20")
    invoice(
        world,
        "i2",
        "2400",
        ("2026-01-10", "2027-01-09"),
        "Luna",
        due_on="2026-02-01",
        status="open",
        open="2400",
    )
    assert sorted(moves(world)) == [
        ("2026-01", "new", 100), ("2026-01", "new", 200), ("2026-03", "churn", -200),
        ("2026-03", "churn", -100), ("2026-05", "reactivation", 100),
    ]  # fmt: skip


def test_the_list_view_of_invoices_is_price_times_quantity(world: World) -> None:
    by(world, policy="invoices", discounts="list", renewal_days=0)
    invoice(world, "i1", "80", ("2026-02-10", "2026-03-09"), quantity="2", unit_price="50")
    assert moves(world)[0] == ("2026-02", "new", 100)


# What is counted from the ledger.


@pytest.fixture
def churning(world: World) -> World:
    """100 at the start of April: one leaves with 10, one takes 10 less, one 10 more, one of 10 is new."""
    for number, (amount, end) in enumerate(
        [("10", "2026-04-10 10:00"), ("20", None), ("30", None), ("40", None)], 1
    ):
        world.client(str(number), "2026-02-01 10:00", end, amount)
    world.deal("201", "3", "2026-04-12 10:00", None, "10")
    world.deal("202", "4", "2026-04-12 10:00", None, "-10")
    world.client("5", "2026-04-20 10:00", None, "10")
    return world


def test_retention_leaves_new_clients_out(churning: World) -> None:
    gross = churning.figure("GRR", "2026-04")
    assert (gross["value"], gross["money_numerator"], gross["money_denominator"], gross["n"]) == (
        0.8,
        80,
        100,
        4,
    )
    assert (gross["low"], gross["high"]) == (None, None)  # four clients are too few for an interval
    assert churning.figure("NRR", "2026-04")["value"] == 0.9
    assert churning.figure("QUICK_RATIO", "2026-04")["value"] == 1.0  # (10 new + 10 more) / (10 + 10)
    assert churning.figure("NRR", "2026-01")["reason"] == "no MRR at start in period"


def test_without_losses_there_is_no_quick_ratio(world: World) -> None:
    world.client("1", "2026-02-10 10:00")
    found = world.figure("QUICK_RATIO", "2026-02")
    assert (found["value"], found["status"], found["reason"]) == (None, "not_evaluated", "no losses")


@pytest.mark.parametrize(("counts", "expected"), [(False, 0.5), (True, 1.0)])
def test_the_playbook_says_whether_who_came_back_counts_and_both_are_given(
    world: World, counts: bool, expected: float
) -> None:
    by(world, reactivation_in_nrr=counts)
    world.company("1")
    world.deal("11", "1", "2026-01-10 10:00", "2026-02-10 10:00")
    world.deal("12", "1", "2026-04-10 10:00")
    world.client("2", "2026-01-10 10:00")
    world.client("3", "2026-01-10 10:00", "2026-04-05 10:00")
    assert world.figure("NRR", "2026-04")["value"] == expected
    assert world.figure("NRR", "2026-04", "with_reactivation")["value"] == 1.0
    assert world.figure("NRR", "2026-04", "without_reactivation")["value"] == 0.5


def test_equal_clients_that_all_stay_leave_no_doubt_and_one_loss_in_ten_does(world: World) -> None:
    for number in range(1, 11):
        world.client(str(number), "2026-02-01 10:00", "2026-04-10 10:00" if number == 1 else None)
    sure, found = world.figure("GRR", "2026-03"), world.figure("GRR", "2026-04")
    assert (sure["low"], sure["value"], sure["high"]) == (1, 1, 1)
    # t(9) = 2.2622, sd of nine 1s and a 0 = 0.31623, over the root of ten
    assert found["low"] == pytest.approx(0.9 - 2.262157 * 0.316228 / 10**0.5, abs=1e-5)
    assert found["high"] == 1


def test_a_cohort_is_followed_with_its_count_and_interval(world: World) -> None:
    for number in range(1, 11):
        world.client(str(number), "2026-02-10 10:00", "2026-04-10 10:00" if number == 1 else None)
    world.deal("200", "2", "2026-05-10 10:00", None, "50")
    rows = {row["age"]: row for row in world.rows("kpi.mrr_cohort", "cohort = '2026-02'")}
    assert [rows[age]["kept"] for age in range(5)] == [10, 10, 9, 9, 9]
    assert (rows[2]["clients"], rows[2]["share"]) == (10, 0.9)
    assert (round(rows[2]["low"], 4), round(rows[2]["high"], 4)) == (0.5958, 0.9821)
    assert (rows[3]["mrr_new"], rows[3]["mrr"], rows[3]["mrr_kept"]) == (1000, 950, 900)


def test_the_cost_of_a_client_is_earned_back_by_the_margin_it_leaves(world: World) -> None:
    world.client("1", "2026-03-10 10:00")
    world.client("2", "2026-03-10 10:00")
    world.revenue("2026-03-10", "200")
    world.cost("2026-03-11", "600 Delivery subcontractors", "50")
    world.cost("2026-03-11", "627 Advertising", "300")
    found = world.figure("CAC_PAYBACK", "2026-03")
    assert found["value"] == pytest.approx(2)  # 300 / 2 clients, over 100 a month at 75 % margin
    assert world.figure("CAC_PAYBACK", "2026-02")["reason"] == "no active clients in period"


def test_the_worth_of_a_client_lies_between_the_limits_of_churn(world: World) -> None:
    for number in range(1, 11):
        world.client(str(number), "2026-03-05 10:00", "2026-04-20 10:00" if number == 1 else None)
    world.revenue("2026-04-10", "1000")
    found = world.figure("K6", "2026-04")
    share = float(found["denominator"])
    assert share == pytest.approx(0.1)  # one of ten at the start of April; nobody before
    assert found["low"] == pytest.approx(100 / 0.404150, rel=1e-4)
    assert found["high"] == pytest.approx(100 / 0.017876, rel=1e-4)
