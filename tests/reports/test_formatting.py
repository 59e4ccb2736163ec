from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from playbook.loader import Playbook
from reports.errors import WordingError
from reports.formatting import Format, Wording, week_bounds, week_days

NBSP = "\N{NO-BREAK SPACE}"


@pytest.fixture
def en(playbook: Playbook) -> Format:
    return Format(Wording("en", playbook.wording["en"]))


@pytest.fixture
def es(playbook: Playbook) -> Format:
    return Format(Wording("es", playbook.wording["es"]))


def test_money_is_written_as_each_language_writes_it(en: Format, es: Format) -> None:
    assert en.money(Decimal("152310.4")) == "€152,310"
    assert es.money(Decimal("152310.4")) == f"152.310{NBSP}€"
    assert es.money(Decimal(1234)) == f"1.234{NBSP}€"
    assert en.money(Decimal("18.5")) == "€18.50"
    assert en.money(-600) == "−€600"
    assert en.money(600, sign=True) == "+€600"


def test_shares_hours_and_minutes_carry_their_unit(en: Format, es: Format) -> None:
    assert en.amount(0.9812, "share") == "98.1%"
    assert es.amount(0.9812, "share") == f"98,1{NBSP}%"
    assert en.amount(2.44, "hours") == "2.4 h"
    assert es.amount(118.2, "minutes") == "118 min"
    assert es.amount(148.2, "minutes") == "2,5 h"
    assert en.amount(1440, "minutes", rough=True) == "24 h"
    assert en.amount(12.46, "ratio", kpi="K1") == "12.5 clients per person"
    assert es.amount(1, "count", kpi="NEW_CLIENTS") == "1 cliente"
    assert es.amount(2, "count", kpi="NEW_CLIENTS") == "2 clientes"
    assert en.amount(42.0, "points") == "42 points"


def test_a_unit_that_nobody_knows_is_an_error_and_not_a_bare_number(en: Format) -> None:
    with pytest.raises(WordingError, match="parsecs"):
        en.amount(3.0, "parsecs")


def test_halves_are_rounded_away_from_zero_and_zero_has_no_sign(en: Format) -> None:
    assert en.number(Decimal("0.25"), 1) == "0.3"
    assert en.number(Decimal("-0.25"), 1) == "−0.3"
    assert en.number(-0.04, 1, sign=True) == "0.0"
    assert en.points(0.0149) == "+1.5 points"


def test_days_and_periods_are_in_the_readers_language(en: Format, es: Format) -> None:
    assert en.day(date(2026, 11, 9)) == "9 November 2026"
    assert es.day(date(2026, 11, 9)) == "9 de noviembre de 2026"
    assert en.period("2026-10") == "October 2026"
    assert es.period("2026-10") == "octubre de 2026"
    assert es.period("2026-W46") == "semana 46"
    assert (en.short_period("2026-Q2"), es.short_period("2026-Q2")) == ("Q2", "T2")
    assert es.period("2026-W46", inside=True) == "la semana 46"
    assert en.days_between(week_days("2026-W46")) == "9–15 November 2026"
    assert en.days_between((date(2026, 11, 30), date(2026, 12, 6))) == "30 November – 6 December 2026"


def test_an_instant_is_shown_in_the_business_zone(es: Format) -> None:
    assert es.moment(datetime(2026, 11, 15, 23, 30, tzinfo=UTC)) == "16 de noviembre de 2026, 00:30 (Madrid)"


def test_a_week_begins_and_ends_at_local_midnight_across_the_change_of_the_clock() -> None:
    start, end = week_bounds("2026-W43", "Europe/Madrid")
    assert start == datetime(2026, 10, 18, 22, tzinfo=UTC)
    assert end == datetime(2026, 10, 25, 23, tzinfo=UTC)
    assert end - start == timedelta(days=7, hours=1)


@pytest.mark.parametrize("text", ["2026-46", "W46", "", "2026-W54"])
def test_a_week_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        week_days(text)


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (timedelta(minutes=5), "1 hour"),
        (timedelta(hours=30), "1 day"),
        (timedelta(days=13), "13 days"),
        (timedelta(days=20), "2 weeks"),
        (timedelta(days=70), "2 months"),
    ],
)
def test_a_duration_is_told_in_its_largest_fitting_unit(en: Format, span: timedelta, text: str) -> None:
    assert en.duration(span) == text
