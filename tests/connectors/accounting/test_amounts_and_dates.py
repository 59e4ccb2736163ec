"""Numbers and dates are settled per column; Babel writes the numbers, so it is an independent judge."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from babel.numbers import format_decimal
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.accounting import Refused
from connectors.accounting.dates import clamp, decide_order, settle, stated_period
from connectors.accounting.dates import take_apart as take_date_apart
from connectors.accounting.numbers import decide_mark, read_amount, take_apart

CENTS = st.integers(-(10**12), 10**12).map(lambda n: Decimal(n).scaleb(-2))
WRITTEN = [
    ("-1.234,56", ",", "-1234.56"),
    ("1.234,56-", ",", "-1234.56"),
    ("(1,234.56)", ".", "-1234.56"),
    ("−5,00", ",", "-5.00"),
    ("1 234,56", ",", "1234.56"),
    ("1\u202f234\u00a0567,80", ",", "1234567.80"),
    ("1'234.50", ".", "1234.50"),
    ("1’234.50", ".", "1234.50"),
    ("-$76.00", ".", "-76.00"),
    ("- $21.59", ".", "-21.59"),
    ("+$327.49", ".", "327.49"),
    ("€ 12,50", ",", "12.50"),
    ("12,50 €", ",", "12.50"),
    ("12,50 EUR", ",", "12.50"),
    ("12.00 CR", ".", "12.00"),
    ("12.00 DR", ".", "-12.00"),
    ("107,", ",", "107"),
    (".5", ".", "0.5"),
    ("$.23", ".", "0.23"),
    ("kr. 200,00", ",", "200.00"),
    ("R$ 10,00", ",", "10.00"),
    ("US$1,000.00", ".", "1000.00"),
    ("12,34,567.89", ".", "1234567.89"),
    ("000000001000,00", ",", "1000.00"),
]
GARBLED = [
    "--6792.59",
    "12..34.",
    "$120x",
    "1,2,3",
    "12 34",
    "(5",
    "5)",
    "-(5)",
    "",
    "abc",
    "1.2.3,4,5",
    "5 foo",
]


def number(text: str, mark: str) -> Decimal | None:
    written = take_apart(text)
    return read_amount(written, mark) if written else None


@pytest.mark.parametrize(("text", "mark", "value"), WRITTEN)
def test_an_amount_is_read_as_people_write_it(text: str, mark: str, value: str) -> None:
    assert number(text, mark) == Decimal(value)


@pytest.mark.parametrize("text", GARBLED)
@pytest.mark.parametrize("mark", [".", ","])
def test_a_garbled_amount_is_no_number(text: str, mark: str) -> None:
    assert number(text, mark) is None


@pytest.mark.parametrize("locale", ["es_ES", "en_US", "de_CH", "fr_FR", "de_DE", "en_IN", "cs_CZ", "sv_SE"])
@given(column=st.lists(CENTS, min_size=1, max_size=20))
@settings(max_examples=40, deadline=None)
def test_a_column_written_by_any_locale_is_read_back_to_the_cent(locale: str, column: list[Decimal]) -> None:
    texts = [
        format_decimal(value, format=None, locale=locale, decimal_quantization=False) for value in column
    ]
    texts.append(format_decimal(Decimal("-0.05"), locale=locale, decimal_quantization=False))
    parts = [take_apart(text) for text in texts]
    mark = decide_mark([[part.body for part in parts if part]], None)
    assert [read_amount(part, mark) if part else None for part in parts] == [*column, Decimal("-0.05")]


def test_one_clear_cell_decides_for_the_whole_column() -> None:
    assert decide_mark([["1.234", "5,00"]], None) == ","
    assert decide_mark([["1,234", "0.5"]], None) == "."


def test_another_column_of_the_file_decides_where_the_first_cannot() -> None:
    assert decide_mark([["1.234"], ["10.234,00"]], None) == ","


def test_a_thousand_or_a_fraction_is_asked_and_never_guessed() -> None:
    with pytest.raises(Refused, match="--decimal-mark"):
        decide_mark([["1.234", "2.500"]], None)
    assert decide_mark([["1.234", "2.500"]], ",") == ","


def test_a_column_that_contradicts_itself_is_asked_about() -> None:
    with pytest.raises(Refused, match="decimal point"):
        decide_mark([["1.23", "4,56", "7.89"]], None)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2026-03-01", date(2026, 3, 1)),
        ("2026/3/1", date(2026, 3, 1)),
        ("20260301", date(2026, 3, 1)),
        ("20091224120000[0:GMT]", date(2009, 12, 24)),
        ("2018-02-25 12:34:56 +0000", date(2018, 2, 25)),
        ("2026-03-01T23:59:59Z", date(2026, 3, 1)),
        ("10 Jan 2026", date(2026, 1, 10)),
        ("10-ene-26", date(2026, 1, 10)),
        ("Jan 28 2021", date(2021, 1, 28)),
        ("January 28, 2021", date(2021, 1, 28)),
        ("5 de enero de 2026", date(2026, 1, 5)),
        ("1. März 2026", date(2026, 3, 1)),
        ("2 août 2026", date(2026, 8, 2)),
        ("2019.04.19.", date(2019, 4, 19)),
    ],
)
def test_a_date_that_leaves_nothing_open_is_read(text: str, day: date) -> None:
    written = take_date_apart(text)
    assert written is not None
    assert settle(written, "dmy") == settle(written, "mdy") == day


@pytest.mark.parametrize(
    "text", ["2026-02-30", "31/31/2026", "0/5/2026", "hello", "12.50", "1234", "2026-13-01", "Total"]
)
def test_an_impossible_date_is_none(text: str) -> None:
    assert take_date_apart(text) is None


@given(
    st.lists(st.dates(date(1990, 1, 1), date(2060, 12, 31)), min_size=1, max_size=20), st.sampled_from("/-")
)
@settings(max_examples=60, deadline=None)
def test_one_day_over_twelve_settles_the_order_of_all_dates(days: list[date], mark: str) -> None:
    days = [*days, date(2026, 5, 13)]
    for order, pattern in (("dmy", f"%d{mark}%m{mark}%Y"), ("mdy", f"%m{mark}%d{mark}%Y")):
        written = [w for day in days if (w := take_date_apart(day.strftime(pattern)))]
        assert decide_order(written, None) == order
        assert [settle(w, order) for w in written] == days


def parts(*texts: str) -> list:
    return [w for text in texts if (w := take_date_apart(text))]


def test_an_open_order_is_asked_and_never_guessed() -> None:
    with pytest.raises(Refused, match="--date-order"):
        decide_order(parts("02/12/2009", "02/12/2009"), None)
    assert decide_order(parts("02/12/2009"), "mdy") == "mdy"


def test_dates_that_can_only_be_of_different_orders_are_asked_about_even_in_spanish() -> None:
    with pytest.raises(Refused, match="only month/day"):
        decide_order(parts("13/01/2026", "01/13/2026"), None, habit="dmy")


def test_the_sorting_of_the_rows_settles_the_order() -> None:
    assert decide_order(parts("01/02/2026", "02/02/2026", "03/02/2026", "01/03/2026"), None) == "dmy"


def test_dots_are_day_first() -> None:
    assert decide_order(parts("02.03.2018"), None) == "dmy"


@pytest.mark.parametrize(
    ("line", "first", "last"),
    [
        ("January 1 - March 31, 2026", date(2026, 1, 1), date(2026, 3, 31)),
        ("January 1-March 31, 2026", date(2026, 1, 1), date(2026, 3, 31)),
        ("January - March, 2026", date(2026, 1, 1), date(2026, 3, 31)),
        ("1 Enero – 31 Marzo 2026", date(2026, 1, 1), date(2026, 3, 31)),
        ("Del 1 de enero de 2026 al 31 de marzo de 2026", date(2026, 1, 1), date(2026, 3, 31)),
        ("For the period 1 January 2026 to 31 March 2026", date(2026, 1, 1), date(2026, 3, 31)),
    ],
)
def test_a_period_stated_in_words_is_understood(line: str, first: date, last: date) -> None:
    assert stated_period(["Servicios Demo SL", line]) == (first, last)
    inside = first + timedelta(days=3)
    assert decide_order(parts(f"{inside:%m/%d/%Y}", f"{inside:%m/%d/%Y}"), None, (first, last)) == "mdy"


def test_a_bank_s_30_february_becomes_the_month_s_last_day() -> None:
    assert clamp(2016, 2, 30) == date(2016, 2, 29)
    assert clamp(2026, 13, 1) is None
