"""The truth about money, on hand-made journals and subscriptions."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from story import Story

from sandbox.truth import money_text
from sandbox.truth_facts import monthly_amount

JUNE = "2026-06-01 00:00"


def test_a_yearly_plan_counts_a_twelfth_from_its_day_and_churns_when_it_ends() -> None:
    story = Story()
    story.client("yearly", "2026-03-15 10:00", "2027-03-14 10:00", amount="1200", interval="year")

    assert story.parts("MRR", "2026-02", "2027-04-01 00:00") == ("0.0000", "0.0000", None)
    assert story.parts("MRR", "2026-03", "2027-04-01 00:00") == ("100.0000", "100.0000", None)
    assert story.parts("MRR", "2027-02", "2027-04-01 00:00") == ("100.0000", "100.0000", None)
    assert story.parts("MRR", "2027-03", "2027-04-01 00:00") == ("0.0000", "0.0000", None)
    assert story.parts("K14", "2027-03", "2027-04-01 00:00") == (1, 1, 1)
    assert story.parts("K14", "2027-02", "2027-04-01 00:00") == (0, 0, 1)


@pytest.mark.parametrize(
    ("amount", "interval", "monthly"),
    [
        ("49.00", "week", "212.3333"),
        ("569.00", "quarter", "189.6667"),
        ("1990.00", "year", "165.8333"),
        ("199.00", "month", "199.0000"),
        ("0.0003", "quarter", "0.0001"),
        ("0.0006", "year", "0.0001"),  # 0.00005 goes up
    ],
)
def test_every_interval_becomes_a_month_with_four_decimals(amount: str, interval: str, monthly: str) -> None:
    assert monthly_amount(Decimal(amount), interval) == Decimal(monthly)


def test_a_change_of_plan_at_one_instant_is_counted_once() -> None:
    story = Story()
    story.client("grows", "2026-04-10 10:00", "2026-05-10 10:00", amount="100")
    story.client("grows", "2026-05-10 10:00", amount="250", deal="bigger")

    assert story.parts("MRR", "2026-05", JUNE) == ("250.0000", "250.0000", None)
    assert story.parts("K21", "2026-05", JUNE) == (1.5, "150.0000", "100.0000")
    assert story.parts("K14", "2026-05", JUNE) == (0, 0, 1)
    assert story.parts("NEW_CLIENTS", "2026-05", JUNE) == (0, 0, None)


def month_of_business(story: Story, month: str) -> None:
    story.revenue(f"{month}-01", "1000")
    story.cost(f"{month}-10", "600 Delivery subcontractors", "200")
    story.cost(f"{month}-10", "640 Salaries delivery", "100")
    story.cost(f"{month}-11", "621 Office rent", "150")
    story.cost(f"{month}-12", "627 Advertising", "60")
    story.cost(f"{month}-28", "640 Salaries sales and marketing", "40")
    story.cost(f"{month}-28", "662 Bank interest", "10")
    story.cost(f"{month}-28", "630 Corporate tax", "90")


def test_margins_take_the_costs_that_belong_to_them() -> None:
    story = Story()
    month_of_business(story, "2026-05")

    assert story.parts("K9", "2026-05", JUNE) == (0.7, "700.0000", "1000.0000")
    assert story.parts("K8", "2026-05", JUNE) == (0.45, "450.0000", "1000.0000")
    assert story.parts("K10", "2026-05", JUNE) == (0.35, "350.0000", "1000.0000")


def test_a_credit_note_lowers_revenue_and_an_earned_interest_lowers_cost() -> None:
    story = Story()
    story.revenue("2026-05-10", "1000")
    story.book("2026-05-11", ("700 Service revenue", "200", "0"), ("430 Accounts receivable", "0", "200"))
    story.book("2026-05-12", ("572 Bank savings", "8", "0"), ("662 Bank interest", "0", "8"))

    assert story.parts("K10", "2026-05", JUNE) == (1.01, "808.0000", "800.0000")


def test_a_month_without_revenue_has_no_margin() -> None:
    story = Story()
    story.cost("2026-05-10", "621 Office rent", "10")
    row = story.row("K8", "2026-05", JUNE)
    assert (row["value"], row["status"], row["reason"]) == (None, "not_evaluated", "no revenue in period")


def test_acquisition_cost_is_spread_over_new_clients() -> None:
    story = Story()
    month_of_business(story, "2026-05")
    for name in ("a", "b", "c"):
        story.client(name, "2026-05-10")

    assert story.parts("K5", "2026-05", JUNE) == ("33.3333", "100.0000", 3)
    assert story.row("K5", "2026-04", JUNE)["reason"] == "no new clients in period"


def test_an_entry_belongs_to_its_booking_date_and_not_to_when_it_was_entered() -> None:
    story = Story()
    story.revenue("2026-05-31", "5")
    story.revenue("2026-06-01", "7")
    assert story.row("K8", "2026-05", "2026-07-01 00:00")["denominator"] == "5.0000"
    assert story.row("K8", "2026-W22", "2026-07-01 00:00")["denominator"] == "5.0000"
    assert story.row("K8", "2026-W23", "2026-07-01 00:00")["denominator"] == "7.0000"


def business_of_three_months() -> Story:
    """Ten clients of 100 from the start; one leaves in March, none in April, two in May; two join in May."""
    story = Story()
    for number in range(10):
        end = {0: "2026-03-15", 1: "2026-05-15", 2: "2026-05-20"}.get(number)
        story.client(f"c{number}", "2026-02-01", end)
    story.client("x", "2026-05-05")
    story.client("y", "2026-05-06")
    for month in ("2026-03", "2026-04", "2026-05"):
        month_of_business(story, month)
    return story


def test_lifetime_value_pools_three_months_of_churn_and_margin() -> None:
    story = business_of_three_months()

    # ARPA 900 / 9; margin 0.7; churn (1 + 0 + 2) / (10 + 9 + 9)
    value, numerator, denominator = story.parts("K6", "2026-05", JUNE)
    assert (value, numerator) == ("653.3333", "70.0000")
    assert denominator == pytest.approx(3 / 28)
    assert story.row("K6", "2026-05", JUNE)["n"] == 9


def test_lifetime_value_to_acquisition_cost_pools_the_same_three_months() -> None:
    story = business_of_three_months()
    # 3 x 100 spent, two new clients
    value, numerator, denominator = story.parts("K7", "2026-05", JUNE)
    assert (numerator, denominator) == ("653.3333", "150.0000")
    assert value == pytest.approx(float(Fraction(1960, 3) / 150))


def test_without_a_departure_lifetime_value_is_not_estimable() -> None:
    story = Story()
    story.client("a", "2026-02-10")
    month_of_business(story, "2026-05")
    for kpi in ("K6", "K7"):
        row = story.row(kpi, "2026-05", JUNE)
        assert (row["value"], row["reason"]) == (None, "not estimable")


def test_the_first_client_alone_has_no_history_to_estimate_from() -> None:
    story = Story()
    story.client("a", "2026-05-10")
    month_of_business(story, "2026-05")
    assert story.row("K6", "2026-05", JUNE)["reason"] == "no active clients in period"


def test_a_week_pools_the_two_months_before_its_monday() -> None:
    story = Story()
    for number in range(4):
        # The week of 11 May: pieces from 11 March, 11 April and 11 May.
        end = {0: "2026-03-12", 1: "2026-05-12"}.get(number)
        story.client(f"c{number}", "2026-02-01", end)
    story.revenue("2026-03-10", "999")  # the day before the window
    story.revenue("2026-03-11", "100")
    story.cost("2026-05-17", "600 Delivery subcontractors", "50")

    value, numerator, denominator = story.parts("K6", "2026-W20", JUNE)
    assert (value, numerator) == ("250.0000", "50.0000")  # 100 x 0.5 / (2 / 10)
    assert denominator == pytest.approx((1 + 0 + 1) / (4 + 3 + 3))


def test_cost_per_client_is_compared_with_the_first_month_that_ends_with_ten() -> None:
    story = Story()
    for number in range(9):
        story.client(f"a{number}", "2026-03-10")
    story.client("tenth", "2026-04-10")
    for number in range(10):
        story.client(f"b{number}", "2026-05-10")
    story.cost("2026-03-20", "621 Office rent", "900")
    story.cost("2026-04-20", "621 Office rent", "950")
    story.cost("2026-05-20", "600 Delivery subcontractors", "600")

    assert story.row("K11", "2026-03", JUNE)["reason"] == "no base month in period"
    assert story.parts("K11", "2026-04", JUNE) == (0, "0.0000", "100.0000")  # 950 / ((9 + 10) / 2)
    assert story.parts("K11", "2026-05", JUNE) == (-0.6, "-60.0000", "100.0000")  # 600 / ((10 + 20) / 2)
    assert story.row("K11", "2026-W20", JUNE)["reason"] == "monthly only"


@given(st.fractions(min_value=-1000, max_value=1000))
def test_money_is_written_with_four_decimals_to_the_nearest(amount: Fraction) -> None:
    text = money_text(amount)
    assert len(text.rsplit(".", 1)[1]) == 4
    assert abs(Fraction(text) - amount) <= Fraction(1, 20_000)
    assert not text.startswith("-0.0000")


def test_halves_of_the_last_decimal_go_away_from_zero() -> None:
    assert money_text(Fraction(5, 100_000)) == "0.0001"
    assert money_text(Fraction(-5, 100_000)) == "-0.0001"
    assert money_text(Fraction(-4, 100_000)) == "0.0000"
    assert money_text(1_234_567) == "1234567.0000"


def test_the_weeks_of_a_month_add_up_to_its_revenue() -> None:
    story = Story()
    day = date(2026, 6, 1)  # a Monday; June ends on a Tuesday
    while day < date(2026, 7, 1):
        story.revenue(day.isoformat(), "1.10")
        day += timedelta(days=1)
    weeks = [f"2026-W{number}" for number in (23, 24, 25, 26, 27)]
    total = sum(Decimal(story.row("K8", week, "2026-08-01 00:00")["denominator"]) for week in weeks)
    assert (
        total == Decimal(story.row("K8", "2026-06", "2026-08-01 00:00")["denominator"]) == Decimal("33.0000")
    )
