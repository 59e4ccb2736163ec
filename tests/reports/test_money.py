"""Decisions about money, against values worked by hand; what is not known is never said as known."""

import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from made_build import Made

from playbook.loader import Playbook, TeamMember
from reports import money_questions as ask
from reports.cash import CASES, Forecast, NotEstimable, forecast, next_tax_day, payroll_of, runway
from reports.formatting import Format, Wording
from reports.money import FigureNow, Money, Month, OpenInvoice, read_money
from reports.money_words import answers, blocks
from reports.weekly import Html

D = Decimal
TODAY = date(2026, 11, 16)


def month(period: str, **costs: int) -> Month:
    """Revenue 10 000, salaries 3 000 and what is given: kind__account = amount."""
    sums = {("700", "revenue"): (D(0), D(10_000)), ("640 Salaries operations", "operating"): (D(3000), D(0))}
    for name, amount in costs.items():
        kind, _, account = name.partition("__")
        sums[account, kind] = (D(max(amount, 0)), D(max(-amount, 0)))
    return Month(period, sums)


MONTHS = tuple(month(f"2026-{n:02d}", direct__tools=1000 + 100 * n) for n in (8, 9, 10))


def facts(**changes: object) -> Money:
    from reports.money import CashLine

    line = CashLine("bank", {"es": "b", "en": "b"}, "EUR", D(50_000), TODAY, "stated", counted=True)
    base = Money(
        today=TODAY, currency="EUR", cash=(line,), invoices=(), bills=(), pay_days=(10, 20), balances={},
        months=MONTHS, figures={}, churn=(0, 100), mrr={}, clients=10, mrr_now=D(10_000), unpriced=0,
        new_clients={}, outstanding=None, foreign_lines=0, t975={4: 2.776, 5: 2.571, 6: 2.447}, books_state="complete",
    )  # fmt: skip
    return replace(base, **changes)  # type: ignore[arg-type]


@pytest.fixture
def books(playbook: Playbook) -> Playbook:
    post = TeamMember(id="a", role="analyst", fte=1, start=date(2026, 1, 1), monthly_cost=D(3000))
    return playbook.model_copy(update={"team": (post,)})


def total(found: Forecast | NotEstimable, what: str) -> tuple[Decimal, ...]:
    assert isinstance(found, Forecast)
    (line,) = (line for line in found.lines if line.what == what)
    return tuple(line.total(case).quantize(D("0.01")) for case in CASES)


def test_recurring_costs_are_the_highest_mean_and_lowest_month_without_salaries(books: Playbook) -> None:
    # 2 000, 1 900 and 1 800 a month; 13 weeks are three months.
    assert total(forecast(facts(), books), "recurring") == (D("-6000.00"), D("-5700.00"), D("-5400.00"))


def test_salaries_are_those_of_the_team_on_each_months_last_day(books: Playbook) -> None:
    assert total(forecast(facts(), books), "payroll") == (D("-9000.00"),) * 3  # November, December, January
    joins = TeamMember(id="b", role="x", fte=1, start=date(2026, 12, 17), monthly_cost=D(3100))
    more = books.model_copy(update={"team": (*books.team, joins)})
    assert total(forecast(facts(), more), "payroll")[1] == D("-13600.00")  # 15 of 31 days, then a month


def test_an_open_invoice_comes_when_habit_says_and_one_without_a_habit_only_in_the_favourable_case(
    books: Playbook,
) -> None:
    def one(amount: int, late: int, basis: str, expected: int | None, later: int | None) -> OpenInvoice:
        days = [None if d is None else TODAY + timedelta(days=d) for d in (expected, later)]
        return OpenInvoice("1", "c", "EUR", TODAY, D(amount), late, "1-30", basis, *days)  # type: ignore[arg-type]

    invoices = (
        one(100, 5, "own", 6, 8),
        one(20, 100, "all", 6, 8),  # doubtful
        one(3, 5, "none", None, None),
        one(7, 200, "none", None, None),
        replace(one(1000, 5, "own", 6, 8), currency="USD"),
    )
    found = forecast(facts(invoices=invoices), books)
    assert total(found, "invoices") == (D("100.00"), D("120.00"), D("123.00"))
    assert isinstance(found, Forecast)
    (line,) = (line for line in found.lines if line.what == "invoices")
    assert line.weeks[0] == (0, 120, 120)
    assert line.weeks[1][0] == 100


def test_tax_that_is_owed_is_paid_on_the_next_tax_day_and_a_claim_is_not_counted_on(books: Playbook) -> None:
    owed = facts(balances={"477 VAT output": D(-900), "472 VAT input": D(200)})
    assert total(forecast(owed, books), "taxes") == (D("-700.00"),) * 3
    claim = facts(balances={"477 VAT output": D(-100), "472 VAT input": D(200)})
    assert total(forecast(claim, books), "taxes") == (0, 0, 0)
    assert next_tax_day(date(2026, 10, 20), ("01-30", "10-20")) == date(2027, 1, 30)
    assert next_tax_day(TODAY, ()) is None


def test_what_is_unclassified_counts_as_a_cost_of_the_forecast(books: Playbook) -> None:
    months = (*MONTHS[:2], month("2026-10", direct__tools=2000, unclassified__sundry=900))
    assert total(forecast(facts(months=months), books), "recurring")[0] == D("-8700.00")


def test_the_three_cases_never_cross(books: Playbook) -> None:
    bills = tuple((TODAY + timedelta(days=n), D(500)) for n in range(0, 90, 5))
    found = forecast(facts(bills=bills, churn=(3, 100)), books)
    assert isinstance(found, Forecast)
    assert all(low <= mid <= high for low, mid, high in found.balances)
    assert found.balances[-1][1] - found.start == pytest.approx(
        sum(line.total("mid") for line in found.lines), abs=D("0.01")
    )


def test_runway_is_cash_over_what_a_month_takes_and_not_estimable_when_nothing_takes_any(
    books: Playbook,
) -> None:
    # Expected: 3 000 salaries and 1 900 costs a month; cautious: 100 more.
    found = runway(forecast(facts(), books))
    assert (found.low, found.mid) == (D("10.0"), D("10.2"))  # type: ignore[union-attr]
    rich = facts(bills=tuple((TODAY + timedelta(days=n), D(9000)) for n in range(0, 60, 5)))
    assert (runway(forecast(rich, books)).low, runway(forecast(rich, books)).mid) == (None, None)  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"cash": ()}, "no_cash"), ({"months": MONTHS[:2]}, "few_months"), ({"unpriced": 2}, "unpriced")],
)
def test_without_what_it_rests_on_nothing_is_forecast(
    books: Playbook, changes: dict[str, object], reason: str
) -> None:
    found = forecast(facts(**changes), books)
    assert found == NotEstimable((reason,))
    assert runway(found) == found
    assert ask.hire(facts(**changes), found, books).verdict == "unknown"


def hired(money: Money, books: Playbook, floor: int) -> ask.Hire:
    finance = books.finance.model_copy(update={"cash_floor_months": D(floor)})
    changed = books.model_copy(update={"finance": finance})
    return ask.hire(money, forecast(money, changed), changed)


def test_hiring_is_judged_by_the_lowest_balance_of_a_year_against_the_floor(books: Playbook) -> None:
    steady = facts(bills=tuple((TODAY + timedelta(days=n), D(1800)) for n in range(0, 90, 7)))
    # Without income 50 000 last ten months: a post from the twelfth on is no more affordable than one from now on.
    found = hired(facts(), books, 1)
    assert (found.verdict, found.role, found.monthly_cost, found.floor) == (
        "no",
        "analyst",
        3000,
        D("4900.00"),
    )
    rich = replace(steady, cash=(replace(steady.cash[0], balance=D(500_000)),))
    yes = hired(rich, books, 1)
    assert (yes.verdict, yes.start) == ("yes", date(2026, 12, 1))
    assert yes.lowest is not None
    assert yes.lowest[0] >= D("4900")
    assert hired(rich, books, 200).verdict == "no"


def test_the_figure_that_is_off_names_the_role(books: Playbook) -> None:
    support = TeamMember(
        id="s", role="technical support", fte=0.5, start=date(2026, 1, 1), monthly_cost=D(1500)
    )
    team = books.model_copy(update={"team": (*books.team, support)})
    off = facts(figures={"K19": FigureNow("K19", "2026-10", D("0.9"), "off", None, None, None)})
    found = ask.hire(off, forecast(off, team), team)
    assert (found.role, found.asked_by, found.monthly_cost) == ("technical support", "K19", 3000)


def spending(*pairs: tuple[int, int]) -> Money:
    periods = [f"2026-{n:02d}" for n in range(1, len(pairs) + 1)]
    return facts(
        months=tuple(
            month(p, operating__Ads=0)
            if not spent
            else Month(p, {("627 Advertising", "operating"): (D(spent), D(0))})
            for p, (spent, _) in zip(periods, pairs, strict=True)
        ),
        new_clients={p: {"ads": won} for p, (_, won) in zip(periods, pairs, strict=True)},
        figures={"K9": FigureNow("K9", "2026-10", D("0.5"), "ok", None, None, None)},
    )


def ads(money: Money, playbook: Playbook) -> ask.ChannelAnswer:
    return next(each for each in ask.marketing(money, playbook).channels if each.channel.id == "ads")


def test_where_every_hundred_more_bring_one_client_more_the_marginal_cost_is_a_hundred(
    playbook: Playbook,
) -> None:
    found = ads(spending((100, 3), (300, 5), (200, 4), (600, 8), (400, 6), (900, 11), (500, 7)), playbook)
    assert found.marginal == (D("100.00"),) * 3
    assert found.payback == (D("0.2"),) * 3  # a client leaves 10 000 / 10 x 0.5 = 500 a month
    assert found.verdict == "yes"


def test_growth_that_both_share_is_not_taken_for_an_effect(playbook: Playbook) -> None:
    # Both rise each month; the months with a larger rise in spending are not those with more clients.
    found = ads(
        spending((100, 2), (210, 4), (300, 5), (410, 6), (500, 8), (620, 9), (700, 11), (810, 12)), playbook
    )
    assert (found.verdict, found.reason, found.marginal) == ("unknown", "chance", None)


def test_what_keeps_no_cost_apart_or_has_few_months_cannot_be_said(playbook: Playbook) -> None:
    money = spending((100, 3), (300, 5), (200, 4))
    assert ads(money, playbook).reason == "few_months"
    reasons = {each.channel.id: each.reason for each in ask.marketing(money, playbook).channels}
    assert reasons["organic"] == "no_cost"
    assert ask.marketing(money, playbook).verdict == "unknown"


def test_margins_are_a_range_over_what_is_not_classified() -> None:
    months = (month("2026-10", direct__tools=2000, unclassified__in=-500, unclassified__out=1000),)
    (found,) = ask.margin(facts(months=months), 3).months
    assert found.gross == ((D(10_000) - 2000 - 1000) / 10_000, (D(10_500) - 2000) / D(10_500))
    assert found.operating == (D("0.4"), (D(10_500) - 5000) / D(10_500))
    assert found.accounts == ("in", "out")


def test_a_cost_of_every_month_that_is_missing_in_the_last_is_named() -> None:
    months = (*MONTHS, month("2026-11"))
    assert ask.margin(facts(months=months), 3).missing == (("tools", D(1900)),)
    assert ask.margin(facts(), 3).missing == ()


def test_the_plan_is_held_against_the_books_month_by_month(playbook: Playbook) -> None:
    assert playbook.plan is not None
    months = tuple(
        Month(p, {("640 Salaries operations", "operating"): (D(20_000), D(0)), ("Odd", "direct"): (D(10), D(0)),
                  ("700", "revenue"): (D(0), D(r))})
        for p, r in (("2025-11", 5000), ("2025-12", 20_010), ("2026-01", 30_000), ("2026-02", 1))
    )  # fmt: skip
    found = ask.against(facts(months=months, mrr={"2026-04": D(49_999)}), playbook.plan)
    first, second, third = found.phases
    assert (first.months_done, first.spent["salaries"], first.outside) == (3, 60_000, 30)
    assert (second.months_done, third.months_done) == (1, 0)
    assert found.mrr[0] == (6, 50_000, 49_999)
    assert found.mrr[1][2] is None
    assert found.break_even == (6, 2)


def test_salaries_of_a_day_are_those_of_the_posts_filled_then(books: Playbook) -> None:
    gone = TeamMember(id="g", role="x", fte=1, start=date(2026, 1, 1), end=TODAY, monthly_cost=D(9))
    assert payroll_of((*books.team, gone), TODAY) == 3000
    assert payroll_of((*books.team, gone), TODAY - timedelta(days=1)) == 3009


# The facts of a build, and how they are said


def test_the_banks_stated_balance_counts_before_the_books_and_no_currency_is_added_to_another(
    build: Made, playbook: Playbook
) -> None:
    money = read_money(build, playbook)
    assert money is not None
    assert money.cash_now == D("229500.10")
    main, other = money.cash
    assert (main.source, main.other) == ("stated", D("228000.55"))
    assert (other.account, other.counted) == ("PAYPAL", False)


def test_a_build_without_tables_of_money_is_no_failure(build: Made, playbook: Playbook) -> None:
    build.con.execute("drop table kpi.cash_account")
    assert read_money(build, playbook) is None


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_answer_stands_in_the_report_with_what_it_rests_on(
    pages: dict[str, Html], language: str, build: Made, playbook: Playbook
) -> None:
    text = pages[language].text
    assert re.findall(r'data-answer="(\w+)"', text) == [
        "hire", "marketing", "margin", "cash", "forecast", "receivables", "plan",
    ]  # fmt: skip
    assert "Sundry" in text, "unclassified money is named"
    assert "628 Software subscriptions" in text, "a cost that is usual and missing is named"


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize(
    "changes",
    [{"cash": ()}, {"months": ()}, {"unpriced": 1, "mrr_now": None}, {"clients": 0}, {"pay_days": None}],
)
def test_whatever_is_missing_every_answer_still_has_words(
    playbook: Playbook, language: str, changes: dict[str, object]
) -> None:
    fmt = Format(Wording(language, playbook.wording[language]))
    said = blocks(answers(facts(**changes), playbook), playbook, fmt)
    assert all(block.answer and block.title for block in said)
    if changes in ({"cash": ()}, {"months": ()}):
        assert {b.key: b.tone for b in said}["hire"] == "not_evaluated"
