"""Files that real banks and programs wrote, against counts and totals worked out without any parsing library."""

import os
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.accounting import Format, ImportedFile, ReadOptions, read_file, sniff

SHARED = Path(os.environ.get("TENFOLD_SHARED", Path(__file__).parents[3].parent / "shared"))
FOLDER = SHARED / "realdata" / "accounting"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the folder of real accounting files is not there"
)

# file, format, records, totals: copied by hand from the folder's SOURCES.md and reconstructed/README.md.
EXPECTED = [
    ("bank_csv/bank2ynab__2019-03-02_11-50-46_bunq-statement.csv", "bank_csv", 7, {"XXX": "-23.82"}),
    ("bank_csv/bank2ynab__Movements_1234512345_201805271848.csv", "bank_csv", 1, {"CZK": "-1.00"}),
    ("bank_csv/bank2ynab__Umsaetze_KtoNr538917600_EUR_02-03-2018_1503.CSV", "bank_csv", 1, {"EUR": "-17.22"}),
    ("bank_csv/bankstatementparser__csv_european_decimals.csv", "bank_csv", 3, {"EUR": "2260.94"}),
    ("bank_csv/beanhub-extract__mercury.csv", "bank_csv", 4, {"XXX": "-1954.62"}),  # -46.00 -1500.00 -408.62
    ("bank_csv/reckon__austrian_example.csv", "bank_csv", 13, {"EUR": "-149.57"}),
    ("bank_csv/reckon__bom_utf8_file.csv", "bank_csv", 0, {}),
    ("bank_csv/reckon__broker_canada_example.csv", "bank_csv", 12, {"CAD": "4677.51", "USD": "105.40"}),
    ("bank_csv/reckon__danish_kroner_nordea_example.csv", "bank_csv", 6, {"XXX": "-4732.00"}),
    ("bank_csv/reckon__extratofake.csv", "bank_csv", 22, {"XXX": "805.00"}),
    ("bank_csv/reckon__french_example.csv", "bank_csv", 9, {"XXX": "-337.44"}),
    ("bank_csv/reckon__german_date_example.csv", "bank_csv", 3, {"XXX": "-548.51"}),
    ("bank_csv/reckon__inversed_credit_card.csv", "bank_csv", 16, {"XXX": "-187.01"}),
    ("bank_xlsx/bank2ynab__test_swedebank_statement.xls", "bank_csv", 13, {"LTL": "2578.93"}),
    ("camt053/bankstatementparser__camt053_duplicate_same_day.xml", "camt053", 2, {"EUR": "-9.00"}),
    (
        "camt053/bankstatementparser__camt053_multicurrency.xml",
        "camt053",
        3,
        {"EUR": "750.25", "USD": "-99.99"},
    ),
    ("camt053/camt__camt053.v2.five.decimals.xml", "camt053", 1, {"EUR": "8.850"}),
    ("camt053/camt__camt053.v2.minimal.xml", "camt053", 1, {"EUR": "8.85"}),
    ("camt053/camt__camt053.v8.xml", "camt053", 1, {"EUR": "8.85"}),
    ("norma43/aeb43-sdist__AEB43.txt", "norma43", 1, {"EUR": "-10.98"}),
    ("norma43/norma43_parser__example1.n43", "norma43", 4, {"EUR": "49.36"}),
    ("norma43/norma43parser__movements.n43", "norma43", 16, {"EUR": "-161.84"}),
    ("ofx/fixofx__creditcard.ofx", "ofx", 135, {"USD": "-2767.51"}),
    ("ofx/ofxparse__bank_medium.ofx", "ofx", 3, {"CAD": "-345.27"}),
    ("ofx/ofxparse__checking.ofx", "ofx", 3, {"USD": "-59.50"}),
    ("ofx/ofxparse__date_missing.ofx", "ofx", 3, {"USD": "320.00"}),
    ("ofx/ofxparse__multiple_accounts2.ofx", "ofx", 0, {}),
    ("ofx/ofxparse__suncorp.ofx", "ofx", 1, {"AUD": "-16.85"}),
    ("reconstructed/qbo_journal.csv", "quickbooks_journal", 2, {"XXX": "1563.63"}),
    ("reconstructed/banco_es_bbva_style_cp1252.csv", "bank_csv", 4, {"EUR": "1858.75"}),
    ("reconstructed/stripe_balance_change_itemized.csv", "stripe_balance", 6, {"EUR": "0.00", "USD": "0.00"}),
]
NOT_READ = [
    ("mt940", "MT940"),
    ("qif", "QIF"),
    ("gnucash", "GnuCash"),
    ("facturae", "FacturaE"),
    ("stripe/stripe-country-revenue-calculator__payments.csv", "Stripe payments"),
    ("quickbooks/dbt_quickbooks__purchase_line_data.csv", "API table"),
    ("reconstructed/DIARIO.DBF", "dBase"),
]


def real(name: str) -> ImportedFile:
    return read_file(FOLDER / name)


@pytest.mark.parametrize(("name", "format_", "records", "totals"), EXPECTED, ids=[row[0] for row in EXPECTED])
def test_a_real_file_gives_the_counts_and_totals_of_its_source(
    name: str, format_: str, records: int, totals: dict[str, str]
) -> None:
    found = real(name)
    assert sniff(FOLDER / name) == found.format == Format(format_)
    assert found.records == records
    assert found.totals == {currency: Decimal(total) for currency, total in totals.items()}
    assert found.rejected == []
    keys = [record["key"] for record in [*found.movements, *found.entries]]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(("name", "words"), NOT_READ, ids=[row[0] for row in NOT_READ])
def test_a_format_not_read_yet_is_refused_by_its_name_with_nothing_of_it_taken_in(
    name: str, words: str
) -> None:
    path = FOLDER / name
    for each in sorted(path.iterdir()) if path.is_dir() else [path]:
        found = read_file(each)
        assert found.refusal is not None, each.name
        assert words in found.refusal, each.name
        assert (found.records, found.totals) == (0, {})


@pytest.mark.parametrize(
    ("name", "row", "reason"),
    [
        ("camt053/bankstatementparser__camt053_garbled_amount.xml", 1, "12..34"),
        ("ofx/ofxparse__decimal_error.ofx", 34, "$120"),
    ],
)
def test_a_garbled_amount_is_rejected_with_its_place(name: str, row: int, reason: str) -> None:
    found = real(name)
    assert found.records == 0
    assert [(item.row, reason in item.reason) for item in found.rejected] == [(row, True)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "norma43/norma43_parser__example1.n43",
            ("number of debits is 4", "sum of debits is 49.36", "record (88)"),
        ),
        ("camt053/camt__camt053.v2.five.decimals.xml", ("27.050",)),
        ("bank_csv/reckon__inversed_credit_card.csv", ("card statement",)),
        ("ofx/ofxparse__date_missing.ofx", ("no readable date", "20120231")),
    ],
)
def test_a_file_that_contradicts_itself_is_read_with_a_warning(name: str, words: tuple[str, ...]) -> None:
    said = " ".join(real(name).warnings)
    assert [word for word in words if word not in said] == []


@pytest.mark.parametrize(
    "name",
    [
        "norma43/norma43parser__movements.n43",
        "norma43/aeb43-sdist__AEB43.txt",
        "camt053/bankstatementparser__camt053_multicurrency.xml",
        "reconstructed/banco_es_bbva_style_cp1252.csv",
        "reconstructed/qbo_journal.csv",
        "bank_xlsx/bank2ynab__test_swedebank_statement.xls",
    ],
)
def test_a_file_whose_own_totals_tie_raises_no_warning(name: str) -> None:
    assert real(name).warnings == []


@pytest.mark.parametrize(
    ("name", "encoding"),
    [
        ("bank_csv/bank2ynab__Movements_1234512345_201805271848.csv", "cp1250"),
        ("bank_csv/reckon__extratofake.csv", "cp1252"),
        ("bank_csv/reckon__bom_utf8_file.csv", "utf-8-sig"),
        ("bank_csv/reckon__austrian_example.csv", "utf-8"),
        ("reconstructed/banco_es_bbva_style_cp1252.csv", "cp1252"),
    ],
)
def test_the_encoding_is_the_one_the_file_was_written_in(name: str, encoding: str) -> None:
    assert real(name).encoding == encoding


def test_two_true_payments_of_the_same_day_stay_two() -> None:
    coffees = real("camt053/bankstatementparser__camt053_duplicate_same_day.xml").movements
    assert len({movement["key"] for movement in coffees}) == 2
    bills = [
        movement
        for movement in real("reconstructed/banco_es_bbva_style_cp1252.csv").movements
        if movement["text"] == "RECIBO IBERDROLA CLIENTES SAU"
    ]
    assert len({movement["key"] for movement in bills}) == 2


def test_accounts_within_one_file_stay_apart() -> None:
    sums: dict[str, Decimal] = {}
    for movement in real("bank_csv/beanhub-extract__mercury.csv").movements:
        sums[movement["account"]] = sums.get(movement["account"], Decimal(0)) + Decimal(movement["amount"])
    assert sums == {
        "Mercury Checking xx12": Decimal("-46.00"),
        "Mercury Checking xx1234": Decimal("-1500.00"),
        "Mercury Credit": Decimal("-408.62"),
    }


def test_the_stated_period_says_that_the_journals_first_number_is_the_month() -> None:
    assert [entry["date"] for entry in real("reconstructed/qbo_journal.csv").entries] == [
        "2026-01-10",
        "2026-01-05",
    ]


def test_an_instant_before_midnight_utc_is_booked_on_the_next_local_day() -> None:
    name = FOLDER / "reconstructed/stripe_balance_change_itemized.csv"
    in_madrid = read_file(name, ReadOptions(zone="Europe/Madrid")).movements[0]
    assert (in_madrid["date"], read_file(name).movements[0]["date"]) == ("2026-02-01", "2026-01-31")


def test_portuguese_headers_do_not_overrule_dates_that_can_only_be_month_first() -> None:
    days = {movement["date"] for movement in real("bank_csv/reckon__extratofake.csv").movements}
    assert days == {"2012-11-01", "2012-11-05"}
