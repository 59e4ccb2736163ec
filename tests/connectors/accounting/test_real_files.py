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
    ("mt940/mt940__abnamro.sta", "mt940", 10, {"EUR": "-345.93"}),
    ("mt940/mt940__february_30.sta", "mt940", 1, {"EUR": "-6.00"}),
    ("mt940/mt940__ing.sta", "mt940", 7, {"EUR": "-45.59"}),
    ("mt940/mt940__rabobank-iban.sta", "mt940", 4, {"EUR": "-70.00"}),
    ("mt940/mt940__sepa_mt9401.sta", "mt940", 97, {"EUR": "-9269135.90"}),
    ("mt940/mt940__sns.sta", "mt940", 2, {"EUR": "-25.00"}),
    ("mt940/mt940__with_binary_character.sta", "mt940", 4, {"EUR": "-179066.75"}),
    ("qif/quiffen__test.qif", "qif", 6, {"XXX": "-35.50"}),
    ("facturae/facturae-rb__signed_invoice.xml", "facturae", 1, {"EUR": "121.00"}),
    ("facturae/gobl.facturae__credit-note.xml", "facturae", 1, {"EUR": "-5084.42"}),
    ("facturae/gobl.facturae__invoice-overseas-individual.xml", "facturae", 1, {"EUR": "1815.00"}),
    ("facturae/gobl.facturae__invoice-vat.xml", "facturae", 1, {"EUR": "5084.42"}),
    ("reconstructed/DIARIO.DBF", "contaplus", 2, {"EUR": "2420.00"}),
]
# file, transactions, those of them that are templates, sums by account type: the types by hand from SOURCES.md.
GNUCASH: list[tuple[str, int, int, dict[str, str]]] = [
    (
        "piecash__book_prices",
        21,
        1,
        {
            "Checking Account|Savings Account": "-700.00",
            "Cash in Wallet": "1499.00",
            "Books": "100.00",
            "Salary": "-1000.00",
            "Investments": "101.00",
        },
    ),
    (
        "piecash__complex_sample",
        11,
        0,
        {
            "Checking|Cash|Savings|House": "24590.00",
            "Opening Balances - EUR": "-5000.00",
            "Expense": "260.00",
            "Income": "-150.00",
            "Liability": "-20900.00",
            "Foo stock": "1200.00",
            "EUR5|FOO": "0.00",
        },
    ),
    (
        "piecash__simple_sample",
        5,
        0,
        {
            "Asset": "1320.00",
            "Opening Balances - EUR": "-500.00",
            "Expense": "230.00",
            "Income": "-150.00",
            "Liability": "-900.00",
        },
    ),
]
NOT_READ = [
    ("iif", "IIF"),
    ("xero", "API table"),
    ("sage", "API table"),
    ("stripe/stripe-country-revenue-calculator__payments.csv", "Stripe payments"),
    ("quickbooks/accounting-playground__sample_quickbooks.csv", "QuickBooks"),
    ("quickbooks/dbt_quickbooks__account_data.csv", "API table"),
    ("reconstructed/qbo_general_ledger.csv", "QuickBooks"),
    ("reconstructed/qbo_transaction_list_by_vendor.xlsx", "QuickBooks"),
    ("reconstructed/xero_account_transactions.xlsx", "Xero"),
    ("reconstructed/xero_sales_invoices_export.csv", "Xero"),
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
    keys = [record["key"] for record in [*found.movements, *found.entries, *found.documents]]
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
        ("mt940/mt940__abnamro.sta", ("closing balance 876.84", "closing balance 1849.75")),
        ("mt940/mt940__ing.sta", ("closing balance 3.47",)),
        ("facturae/facturae-rb__signed_invoice.xml", ("TotalOutstandingAmount says 21.00",)),
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
        "mt940/mt940__february_30.sta",
        "mt940/mt940__rabobank-iban.sta",
        "mt940/mt940__sepa_mt9401.sta",
        "mt940/mt940__sns.sta",
        "mt940/mt940__with_binary_character.sta",
        "reconstructed/DIARIO.DBF",
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


@pytest.mark.parametrize(("name", "count", "templates", "sums"), GNUCASH, ids=[row[0] for row in GNUCASH])
def test_a_gnucash_book_gives_its_transactions_and_the_sums_of_its_accounts(
    name: str, count: int, templates: int, sums: dict[str, str]
) -> None:
    found = real(f"gnucash/{name}.gnucash")
    assert found.records + sum(left.rows for left in found.left) == count
    assert sum(left.rows for left in found.left) == templates
    assert (found.rejected, found.warnings, found.verified) == ([], [], ["debits = credits"])
    by_group = dict.fromkeys(sums, Decimal(0))
    for line in (line for entry in found.entries for line in entry["lines"]):
        leaf = line["account"].rpartition(":")[2]
        group = next(group for group in sums if leaf in group.split("|"))
        by_group[group] += Decimal(line["debit"]) - Decimal(line["credit"])
    assert by_group == {group: Decimal(total) for group, total in sums.items()}


def test_a_reversed_credit_is_money_out() -> None:
    reversals = [
        movement["amount"]
        for movement in real("mt940/mt940__sepa_mt9401.sta").movements
        if abs(Decimal(movement["amount"])) == Decimal("204.88")
    ]
    assert sorted(reversals) == ["-204.88", "-204.88", "204.88"]  # a credit was booked once more


def test_the_thirtieth_of_february_is_the_last_day_of_february() -> None:
    (fee,) = real("mt940/mt940__february_30.sta").movements
    assert (fee["value_date"], fee["date"]) == ("2016-02-29", "2016-03-01")


def test_the_journal_of_contaplus_has_its_accents_and_not_its_deleted_record() -> None:
    found = real("reconstructed/DIARIO.DBF")
    assert found.entries[0]["memo"] == "Fra. 1001 Clínica Ñandú"
    assert [(left.reason, left.rows) for left in found.left] == [("deleted", 1)]
    lines = [line for entry in found.entries for line in entry["lines"]]
    assert len(lines) == 5
    for side in ("debit", "credit"):
        assert sum(Decimal(line[side]) for line in lines) == Decimal("2420.00")


@pytest.mark.parametrize(
    ("name", "net", "tax"),
    [
        ("facturae-rb__signed_invoice", "100.00", "21.00"),
        ("gobl.facturae__credit-note", "-4202.00", "-882.42"),
        ("gobl.facturae__invoice-overseas-individual", "1500.00", "315.00"),
        ("gobl.facturae__invoice-vat", "4202.00", "882.42"),
    ],
)
def test_an_electronic_invoice_gives_base_and_tax_apart(name: str, net: str, tax: str) -> None:
    (invoice,) = real(f"facturae/{name}.xml").documents
    assert (invoice["net"], invoice["tax"], invoice["withheld"]) == (net, tax, "0.00")


@pytest.mark.parametrize(
    ("name", "verified"),
    [
        ("norma43/norma43parser__movements.n43", ["trailer", "closing balance", "number of records"]),
        ("norma43/norma43_parser__example1.n43", []),
        ("camt053/bankstatementparser__camt053_multicurrency.xml", ["closing balance"]),
        ("camt053/camt__camt053.v2.five.decimals.xml", []),
        ("mt940/mt940__sepa_mt9401.sta", ["closing balance"]),
        ("mt940/mt940__ing.sta", []),
        ("ofx/fixofx__creditcard.ofx", []),
        ("qif/quiffen__test.qif", []),
        ("bank_csv/bankstatementparser__csv_european_decimals.csv", []),
        ("bank_xlsx/bank2ynab__test_swedebank_statement.xls", ["stated total", "closing balance"]),
    ],
)
def test_what_a_file_proves_of_itself_is_said_and_nothing_more(name: str, verified: list[str]) -> None:
    assert real(name).verified == verified
