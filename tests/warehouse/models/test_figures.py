"""Satisfaction, deliverables, onboarding, money: rows in, figures worked out by hand out."""

import math
from collections import Counter
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_world import World

Z = 1.959963984540054


def test_three_good_ratings_of_four_are_three_quarters(world: World) -> None:
    for number, rating in enumerate([5, 4, 3, 5]):
        world.conversation(str(number), "2026-05-11 09:00", rating=(rating, "2026-05-12 10:00"))
    found = world.figure("K13", "2026-05")
    assert (found["value"], found["numerator"], found["denominator"]) == (0.75, 3, 4)


def test_survey_answers_count_as_ratings_where_they_were_given(world: World) -> None:
    world.conversation("1", "2026-04-30 09:00", rating=(2, "2026-05-01 00:00"))
    world.client(
        "1", "2026-01-10 10:00", tenfold_survey_csat="5", tenfold_survey_answered_at="2026-05-31T21:59:59Z"
    )
    world.client(
        "2", "2026-01-10 10:00", tenfold_survey_csat="5", tenfold_survey_answered_at="2026-05-31T22:00:00Z"
    )
    found = world.figure("K13", "2026-05")
    assert (found["numerator"], found["denominator"]) == (1, 2)


def test_promoters_less_detractors_of_four_clients_are_25_points(world: World) -> None:
    for number, score in enumerate([10, 9, 8, 6], 1):
        world.client(
            str(number),
            "2026-01-10 10:00",
            tenfold_survey_nps=str(score),
            tenfold_survey_answered_at="2026-05-05T10:00:00Z",
        )
    world.client(
        "5", "2026-01-10 10:00", tenfold_survey_nps="0", tenfold_survey_answered_at="2026-03-01T10:00:00Z"
    )
    found = world.figure("K12", "2026-05")
    assert (found["value"], found["numerator"], found["denominator"], found["low"]) == (25, 100, 4, None)
    assert world.figure("K12", "2026-05")["status"] == "off"


def test_onboarding_takes_until_the_last_required_item(world: World) -> None:
    done = {
        "tenfold_onb_platform_access_at": "2026-05-05T10:00:00Z",
        "tenfold_onb_first_settings_at": "2026-05-04T10:00:00Z",
        "tenfold_onb_integrations_at": "2026-05-06T10:00:00Z",
    }
    world.client("1", "2026-05-04T10:00:00Z", **done)  # 48 hours: not less than 48
    world.client("2", "2026-05-05T10:00:00Z", **done)  # 24 hours
    world.client("3", "2026-05-05T10:00:00Z", **(done | {"tenfold_onb_integrations_at": ""}))
    found = world.figure("K2", "2026-05")
    assert (found["value"], found["numerator"], found["denominator"]) == (36, 72, 2)
    assert world.figure("K2.share_48h", "2026-05")["value"] == 0.5


def test_deliverables_are_the_tickets_of_their_pipeline_by_first_delivery(world: World) -> None:
    done = {
        "tenfold_requested_at": "2026-05-04T10:00:00Z",
        "tenfold_first_delivered_at": "2026-05-05T09:00:00Z",
    }
    world.ticket("1", "1", **done, tenfold_errors_reported="2", tenfold_reopened_count="1")
    world.ticket("2", "1", **done, tenfold_errors_reported="0")
    world.ticket("3", "1", **done, tenfold_errors_reported="")
    world.ticket(
        "4", "1", **(done | {"tenfold_requested_at": "2026-05-01T09:00:00Z"}), tenfold_reopened_count=3
    )
    world.ticket("5", "1", tenfold_requested_at="2026-05-04T10:00:00Z", tenfold_errors_reported="1")
    world.ticket("6", "1", **done, hs_pipeline="0")
    assert [world.figure(kpi, "2026-05")["value"] for kpi in ("K16", "K17", "K18", "K18.share_24h")] == [
        0.25,
        0.5,
        (3 * 23 + 96) / 4,
        0.75,
    ]


def _year(world: World) -> None:
    """Three months of books: 30,000 of revenue, 12,000 direct, 4,500 of advertising, 6,000 of salaries."""
    for month in ("03", "04", "05"):
        world.revenue(f"2026-{month}-10", "10000.00")
        world.cost(f"2026-{month}-20", "600 Delivery subcontractors", "4000.00")
        world.cost(f"2026-{month}-30", "627 Advertising", "1500.00")
        world.cost(f"2026-{month}-30", "640 Salaries operations", "2000.00")


def test_margins_come_from_the_journal(world: World) -> None:
    _year(world)
    world.cost("2026-05-31", "662 Bank interest", "100.00")
    world.cost("2026-05-31", "630 Corporate tax", "400.00")
    world.entry(
        "2026-05-31", ("572 Bank main", "12100", ""), ("430 Accounts receivable", "", "12100"), kind="Payment"
    )
    found = [world.figure(kpi, "2026-05") for kpi in ("K8", "K9", "K10")]
    assert [row["value"] for row in found] == [0.25, 0.6, 0.2]
    assert [row["money_numerator"] for row in found] == [2500, 6000, 2000]
    assert {row["money_denominator"] for row in found} == {Decimal("10000.0000")}
    assert [row["status"] for row in found] == ["off", "ok", "off"]
    assert {row["currency"] for row in found} == {"EUR"}


def test_an_invoice_on_an_unknown_account_has_no_net_and_no_tax(world: World) -> None:
    world.entry(
        "2026-05-11",
        ("430 Accounts receivable", "121.00", ""),
        ("705 Something new", "", "100.00"),
        ("477 VAT output", "", "21.00"),
        kind="Invoice",
    )
    assert world.rows("core.invoice", columns="net, tax, total") == [{"net": None, "tax": None, "total": 121}]


def test_a_credit_note_lowers_revenue_and_a_loss_is_negative(world: World) -> None:
    world.revenue("2026-05-10", "100.00")
    world.entry(
        "2026-05-11",
        ("700 Service revenue", "60.00", ""),
        ("430 Accounts receivable", "", "60.00"),
        kind="Credit Memo",
    )
    world.cost("2026-05-12", "600 Delivery subcontractors", "50.00")
    assert world.figure("K9", "2026-05")["value"] == -0.25
    assert world.rows("core.invoice", columns="net, tax, total") == [
        {"net": -60, "tax": 0, "total": -60},
        {"net": 100, "tax": 0, "total": 100},
    ]


def test_a_booking_date_is_a_local_date(world: World) -> None:
    world.revenue("2026-05-01", "10.00")
    world.revenue("2026-05-31", "20.00")
    world.cost("2026-06-01", "600 Delivery subcontractors", "30.00")
    assert world.figure("K9", "2026-05")["money_denominator"] == 30
    assert world.figure("K9", "2026-05")["value"] == 1


def test_the_worth_of_a_client_pools_three_months(world: World) -> None:
    _year(world)
    for number in range(
        1, 11
    ):  # ten at the start of March; one leaves in April, one in May; one joins in May
        end = {1: "2026-04-15 10:00", 2: "2026-05-15 10:00"}.get(number)
        world.client(str(number), "2026-02-10 10:00", end, "70")
    world.client("11", "2026-05-20 10:00", None, "70")
    churn = Fraction(0 + 1 + 1, 10 + 10 + 9)
    arpa, margin = Fraction(70), Fraction(18000, 30000)
    ltv, cac = arpa * margin / churn, Fraction(4500, 1)
    found = world.figure("K6", "2026-05")
    assert found["money_value"] == Decimal("609.0000") == Decimal(ltv.numerator) / ltv.denominator
    assert (found["money_numerator"], found["denominator"], found["n"]) == (
        42,
        pytest.approx(float(churn), rel=1e-12),
        9,
    )
    ratio = world.figure("K7", "2026-05")
    assert ratio["value"] == pytest.approx(float(ltv / cac), rel=1e-12)
    assert (ratio["money_numerator"], ratio["money_denominator"]) == (609, 4500)
    cost = world.figure("K5", "2026-05")
    assert (cost["money_value"], cost["money_numerator"], cost["denominator"]) == (1500, 1500, 1)


def test_without_churn_the_worth_of_a_client_is_not_estimable_but_has_a_lower_limit(world: World) -> None:
    _year(world)
    for number in range(1, 11):
        world.client(str(number), "2026-02-10 10:00", None, "70")
    found = world.figure("K6", "2026-05")
    assert (found["value"], found["status"], found["reason"]) == (None, "not_evaluated", "not estimable")
    upper = (Z**2 / 30) / (1 + Z**2 / 30)  # Wilson, 0 of 30
    assert found["low"] == pytest.approx(42 / upper, rel=1e-12)
    assert world.figure("K7", "2026-05")["reason"] == "not estimable"


def test_acquisition_without_new_clients_says_so(world: World) -> None:
    _year(world)
    world.client("1", "2026-02-10 10:00")
    found = world.figure("K5", "2026-05")
    assert (found["value"], found["reason"]) == (None, "no new clients in period")


def test_cost_per_client_is_compared_with_the_first_month_of_ten_clients(world: World) -> None:
    for number in range(1, 10):
        world.client(str(number), "2026-01-10 10:00")
    world.client("10", "2026-02-10 10:00")
    for number in range(11, 21):
        world.client(str(number), "2026-03-10 10:00")
    world.cost("2026-01-31", "640 Salaries operations", "700.00")
    world.cost("2026-02-28", "640 Salaries operations", "1900.00")  # 1900 / mean(9, 10) = 200
    world.cost("2026-03-31", "640 Salaries operations", "1500.00")  # 1500 / mean(10, 20) = 100
    first, second = (world.figure("K11", month) for month in ("2026-02", "2026-03"))
    assert (first["value"], second["value"], second["status"]) == (0, -0.5, "ok")
    assert (second["money_numerator"], second["money_denominator"]) == (-100, 200)
    assert world.figure("K11", "2026-01")["value"] is None
    assert world.figure("K11", "2026-01")["reason"] == "no base month in period"


def test_without_a_month_of_ten_clients_there_is_no_change_of_cost(world: World) -> None:
    world.client("1", "2026-02-10 10:00")
    world.cost("2026-02-28", "640 Salaries operations", "1000.00")
    assert world.figure("K11", "2026-05")["reason"] == "no base month in period"


def test_money_is_rounded_half_up_where_floating_point_would_miss_the_tie(world: World) -> None:
    for number in range(1, 201):
        world.client(str(number), "2026-05-10 10:00")
    world.cost("2026-05-20", "627 Advertising", "1.01")  # 1.01 / 200 = 0.00505 exactly
    assert world.figure("K5", "2026-05")["money_value"] == Decimal("0.0051")


@given(st.integers(1, 10**10), st.integers(1, 60))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_money_per_client_agrees_with_exact_decimals(cents: int, clients: int) -> None:
    world = World()
    for number in range(1, clients + 1):
        world.client(str(number), "2026-05-10 10:00")
    amount = Decimal(cents) / 100
    world.cost("2026-05-20", "627 Advertising", str(amount))
    exact = (Decimal(cents) / (100 * clients)).quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP)
    assert world.rows("kpi.figure_economics", "kpi = 'K5' and period = '2026-05'", "money_value") == [exact]
    world.con.close()


def test_an_unknown_account_stops_every_figure_of_the_journal_by_name(world: World) -> None:
    _year(world)
    world.client("1", "2026-05-10 10:00")
    world.cost("2026-02-01", "659 Mystery", "1.00")
    for kpi in ("K5", "K6", "K7", "K8", "K9", "K10", "K11"):
        found = world.figure(kpi, "2026-05")
        assert (found["value"], found["money_value"], found["status"]) == (None, None, "not_evaluated")
        assert found["reason"] == "unknown accounts in the journal: 659 Mystery"
    assert world.figure("MRR", "2026-05")["status"] == "ok"


def test_a_journal_in_another_currency_is_not_taken_at_one_to_one(world: World) -> None:
    world.entry(
        "2026-05-10", ("430 Accounts receivable", "10", ""), ("700 Service revenue", "", "10"), currency="usd"
    )
    assert world.figure("K8", "2026-05")["reason"] == "no exchange rate for USD"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (("not_configured", None), "accounting is not configured"),
        (("failed", None), "accounting was never loaded"),
        (None, "accounting was never loaded"),
    ],
)
def test_a_missing_source_is_said_in_every_figure_that_needs_it(
    world: World, status: tuple[str, None] | None, reason: str
) -> None:
    _year(world)
    world.client("1", "2026-05-10 10:00")
    if status:
        world.status["accounting"] = status
    else:
        del world.status["accounting"]
    for kpi in ("K5", "K8"):
        found = world.figure(kpi, "2026-05")
        assert (found["value"], found["status"], found["reason"]) == (None, "not_evaluated", reason)
    assert world.figure("K1", "2026-05")["value"] is not None


def test_a_source_that_failed_leaves_its_figures_with_a_badge(world: World) -> None:
    _year(world)
    world.status["accounting"] = ("failed", "2026-06-15T04:00:00Z")
    found = world.figure("K9", "2026-05")
    assert (found["value"], found["status"], found["reason"]) == (
        0.6,
        "ok",
        "data as of 2026-06-15T04:00:00Z",
    )
    assert found["stale_since"].isoformat() == "2026-06-15T04:00:00+00:00"
    assert world.figure("K1", "2026-05")["stale_since"] is None


@pytest.mark.parametrize(
    ("good", "of", "status"),
    [(200, 200, "ok"), (8, 8, "watch"), (97, 100, "watch"), (50, 100, "off"), (0, 100, "off"), (0, 1, "off")],
)
def test_a_share_is_ok_or_off_only_when_its_whole_interval_is(
    world: World, good: int, of: int, status: str
) -> None:
    for number in range(of):
        world.conversation(
            str(number), "2026-05-11 09:00", rating=(5 if number < good else 1, "2026-05-12 10:00")
        )
    found = world.figure("K13", "2026-05")  # target 0.95
    share = good / of
    centre, reach = share + Z**2 / (2 * of), Z * math.sqrt(share * (1 - share) / of + Z**2 / (4 * of**2))
    low, high = (centre - reach) / (1 + Z**2 / of), (centre + reach) / (1 + Z**2 / of)
    assert (found["low"], found["high"]) == (pytest.approx(low, abs=1e-12), pytest.approx(high, abs=1e-12))
    assert 0 <= found["low"] <= found["value"] <= found["high"] <= 1
    assert found["status"] == status
    if good == 0:
        assert found["low"] == 0
    if good == of:
        assert found["high"] == 1


@pytest.mark.parametrize(("revenue", "status"), [("10000", "ok"), ("9500", "watch"), ("8000", "off")])
def test_without_an_interval_a_near_miss_is_watched(world: World, revenue: str, status: str) -> None:
    world.revenue("2026-05-10", revenue)
    world.cost("2026-05-10", "600 Delivery subcontractors", "4000")  # K9: 0.6, 0.579, 0.5; target 0.6
    assert world.figure("K9", "2026-05")["status"] == status


def test_the_direction_of_a_target_says_which_side_counts(world: World) -> None:
    for number in range(1, 11):
        world.client(str(number), "2026-04-10 10:00")
    for number in range(11, 18):
        world.client(str(number), "2026-05-10 10:00")
    found = world.figure("K20", "2026-05")  # target 20 to 30 %, more is welcome
    assert (found["value"], found["status"], found["target_high"]) == (0.7, "ok", 0.3)
    assert (
        world.figure("K1", "2026-05")["status"] == "off"
    )  # 17 clients on one post; target 10 to 15, neither more


def test_figures_that_are_not_set_up_say_what_is_missing(world: World) -> None:
    assert world.figure("K4", "2026-05")["reason"] == "no monitors configured"
    assert world.figure("K22", "2026-05")["reason"] == "no outside series in the playbook"
    assert world.figure("K23", "2026-05")["reason"] == "quarterly figure"
    assert {world.figure(kpi, "2026-05")["status"] for kpi in ("K4", "K22", "K23")} == {"not_evaluated"}


def test_productivity_compares_whole_quarters_per_post(world: World) -> None:
    world.fte = [("a", "x", 2.0, "2025-11-01", None), ("b", "y", 2.0, "2026-05-02", None)]
    for number in range(10):
        world.conversation(
            f"1{number}", "2026-02-11 09:00", [("2026-02-11 10:00", "close", "admin")], state="closed"
        )
    for number in range(20):
        world.ticket(f"2{number}", "1", tenfold_first_delivered_at="2026-05-05T09:00:00Z")
    found = world.figure("K23", "2026-Q2")  # 20 / mean(2, 4, 4) against 10 / 2
    assert found["value"] == pytest.approx(6 / 5 - 1)
    assert world.figure("K23", "2026-Q1")["value"] == 0


def test_every_figure_has_one_row_per_finished_period_and_segment(world: World) -> None:
    periods = world.rows("kpi.span", "part = 0", "period")
    rows = world.rows("kpi.value", columns="kpi, segment, period")
    counts = Counter((row["kpi"], row["segment"]) for row in rows)
    assert len({tuple(row.values()) for row in rows}) == len(rows)
    assert set(counts.values()) == {len(periods)}
    found = set(counts)
    assert {kpi for kpi, _ in found} == {
        *(f"K{n}" for n in range(1, 25)),
        "K2.share_48h",
        "K3.p50",
        "K3.p90",
        "K18.share_24h",
        "MRR",
        "NEW_CLIENTS",
        "ACTIVE_CLIENTS",
        "LEADS",
        "GRR",
        "NRR",
        "QUICK_RATIO",
        "CAC_PAYBACK",
    }
    assert {segment for kpi, segment in found if kpi == "K24"} == {"L1", "L2", "L3"}
    assert {segment for kpi, segment in found if kpi in ("K3", "K19")} == {"all", "L1", "L2", "L3"}
