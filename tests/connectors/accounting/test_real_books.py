"""Real files of bookkeeping programs, against counts and totals worked out without any parsing library.

Expected figures are copied by hand from SOURCES.md and reconstructed/README.md beside the files.
"""

import os
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.accounting import ImportedFile, read_file
from connectors.accounting.shapes import Record

SHARED = Path(os.environ.get("TENFOLD_SHARED", Path(__file__).parents[3].parent / "shared"))
FOLDER = SHARED / "realdata" / "accounting"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the folder of real accounting files is not there"
)

# file, blocks, sum of the TRNS lines, sum of the SPL lines
IIF = [
    ("blank-date", 1, "1000.75", "-1000.75"),
    ("blank-rows-and-comma-header-blanks", 2, "8591.83", "-8591.83"),
    ("comma-delim", 2, "222.00", "-222.00"),
    ("commas-in-amounts", 1, "-5712.93", "5712.93"),
    ("dos-carriage-returns", 13, "5130.23", "-5130.23"),
    ("num-accounts-multi", 2, "3001.60", "-3001.60"),
    ("sub-entities", 2, "2500.00", "-2500.00"),
    ("vtype", 1, "108.00", "-108.00"),
    ("windows-1252", 3, "-33.59", "33.59"),
]


def real(name: str) -> ImportedFile:
    return read_file(FOLDER / name)


def signed(lines: Iterable[Record]) -> Decimal:
    return sum((Decimal(line["debit"]) - Decimal(line["credit"]) for line in lines), Decimal(0))


def total(documents: Iterable[Record]) -> Decimal:
    return sum((Decimal(document["total"]) for document in documents), Decimal(0))


def left_of(found: ImportedFile) -> dict[str, tuple[int, dict[str, str]]]:
    return {left.reason: (left.rows, left.totals) for left in found.left}


@pytest.mark.parametrize(("name", "blocks", "trns", "spl"), IIF, ids=[row[0] for row in IIF])
def test_every_block_of_an_iif_file_is_one_balanced_entry(
    name: str, blocks: int, trns: str, spl: str
) -> None:
    found = real(f"iif/iif-parser__{name}.iif")
    assert (len(found.entries), found.rejected) == (blocks, [])
    assert signed(entry["lines"][0] for entry in found.entries) == Decimal(trns)
    assert signed(line for entry in found.entries for line in entry["lines"][1:]) == Decimal(spl)
    assert all(signed(entry["lines"]) == 0 for entry in found.entries)
    assert found.verified == ["debits = credits"]
    assert len({entry["key"] for entry in found.entries}) == blocks


@pytest.mark.parametrize(
    ("name", "faults"),
    [
        ("liberal-parsing", [(4, "no SPL line"), (6, "--6792.59")]),
        ("memo-quotes", [(4, "line 5 has no amount")]),
    ],
)
def test_an_iif_block_that_cannot_be_balanced_is_rejected_by_its_line(
    name: str, faults: list[tuple[int, str]]
) -> None:
    found = real(f"iif/iif-parser__{name}.iif")
    assert found.records == 0
    assert [item.row for item in found.rejected] == [row for row, _ in faults]
    assert all(words in item.reason for item, (_, words) in zip(found.rejected, faults, strict=True))


def test_the_accounts_and_names_of_iif_come_through_quotes_padding_and_code_pages() -> None:
    first = real("iif/iif-parser__blank-date.iif").entries[0]
    assert [line["account"] for line in first["lines"]] == [
        "Prepaid Exp", "Sales", "Sales:Retail", "G&A", "G&A:Auto", "ABC Bank",
    ]  # fmt: skip
    assert first["date"] == "2015-05-14"
    quoted = real("iif/iif-parser__windows-1252.iif").entries[2]
    assert quoted["memo"] == '1 Ticket for “ACME ‘School’ Beans" Symposium |'
    assert quoted["name"] == "Linda Doe"
    halifax = real("iif/iif-parser__comma-delim.iif").entries[1]
    assert (halifax["name"], halifax["document"]) == ("Bridgitte, Halifax", "158")


def test_xero_invoices_count_once_and_voided_ones_not_at_all() -> None:
    found = real("reconstructed/xero_sales_invoices_export.csv")
    invoice, credit = found.documents
    assert (invoice["kind"], invoice["total"], invoice["net"], invoice["tax"]) == (
        "invoice", "1331.00", "1100.00", "231.00",
    )  # fmt: skip
    assert (invoice["paid"], invoice["open"], invoice["status"]) == ("1210.00", "121.00", "partial")
    assert (invoice["issued_on"], invoice["due_on"]) == ("2026-01-10", "2026-02-09")
    assert [line["net"] for line in invoice["lines"]] == ["1000.00", "100.00"]
    assert (credit["kind"], credit["total"]) == ("credit_note", "-121.00")
    assert found.totals == {"EUR": Decimal("1210.00")}
    assert left_of(found) == {"void": (1, {"USD": "500.00"})}
    assert (found.rejected, found.warnings, found.verified) == ([], [], ["totals = lines"])


def test_a_dump_of_xero_invoices_gives_the_totals_of_each_status() -> None:
    found = real("xero/dbt_xero__xero_invoice_data.csv")
    assert total(d for d in found.documents if d["status"] == "paid") == Decimal("412348.94")
    assert total(d for d in found.documents if d["status"] != "paid") == Decimal("42914.86")
    left = left_of(found)
    assert sum((Decimal(t) for t in left["void"][1].values()), Decimal(0)) == Decimal("569.14")
    assert left["deleted"] == (1, {"USD": "6000.00"})
    assert len(found.documents) + left["void"][0] + left["deleted"][0] == 601


def test_deleted_invoices_of_sage_intacct_are_left_with_their_total() -> None:
    found = real("sage/dbt_sage_intacct__sage_intacct__ar_invoice.csv")
    assert (found.records, found.rejected) == (0, [])
    assert left_of(found) == {"deleted": (10, {"USD": "63527.89"})}


def test_the_ledger_of_sage_intacct_gives_whole_batches_and_names_the_one_that_is_not() -> None:
    found = real("sage/dbt_sage_intacct__sage_intacct__gl_detail.csv")
    assert [entry["total_debit"] for entry in found.entries] == ["2492.50", "6825.00"]
    assert [("506993" in item.reason, "1891.90" in item.reason) for item in found.rejected] == [(True, True)]
    # What is left, what is rejected and what is taken in make the whole: 2270.28.
    assert left_of(found) == {"deleted": (1, {"XXX": "378.38"})}
    assert Decimal("378.38") + Decimal("1891.90") == Decimal("2270.28")


def test_a_dump_of_credit_memos_gives_credit_notes() -> None:
    found = real("quickbooks/dbt_quickbooks__credit_memo_data.csv")
    assert {document["kind"] for document in found.documents} == {"credit_note"}
    assert (len(found.documents), found.totals) == (12, {"USD": Decimal(-622440)})


def test_a_table_of_accounts_gives_no_transaction_but_its_balances_are_shown() -> None:
    found = real("quickbooks/dbt_quickbooks__account_data.csv")
    assert found.records == 0
    shown = {reason: Decimal(totals.get("USD", "0")) for reason, (_, totals) in left_of(found).items()}
    deleted = shown.pop("deleted")
    by_class = {reason.partition("(")[2].rstrip(")"): value for reason, value in shown.items()}
    by_class["Asset"] += deleted  # the one deleted account is an asset
    assert by_class == {
        "no class": Decimal(87227), "Asset": Decimal(525752), "Expense": Decimal(200),
        "Liability": Decimal(0), "Revenue": Decimal(1000),
    }  # fmt: skip
    assert sum(rows for rows, _ in left_of(found).values()) == 32


def test_a_general_ledger_gives_back_the_entries_that_its_lines_make_up() -> None:
    found = real("reconstructed/qbo_general_ledger.csv")
    lines = {
        (entry["kind"], entry["document"]): [
            (line["account"], str(signed([line]))) for line in entry["lines"] if signed([line])
        ]
        for entry in found.entries
    }
    assert lines == {
        ("Expense", ""): [("1010 Checking", "-353.63"), ("6100 Cloud hosting", "353.63")],
        ("Payment", ""): [("1010 Checking", "1210.00"), ("1200 Accounts Receivable (A/R)", "-1210.00")],
        ("Invoice", "1001"): [
            ("1200 Accounts Receivable (A/R)", "1210.00"), ("4000 Sales", "-1000.00"),
            ("2310 VAT payable", "-210.00"),
        ],
    }  # fmt: skip
    # Nine detail lines: eight in entries, the voided one left.
    assert sum(len(entry["lines"]) for entry in found.entries) == 8
    assert left_of(found) == {"void": (1, {"XXX": "0.00"})}
    assert found.verified == ["stated totals", "running balances", "debits = credits"]
    assert (found.rejected, found.warnings) == ([], [])


def test_the_journal_and_the_ledger_of_one_company_claim_the_same_book_and_period() -> None:
    journal, ledger = (real(f"reconstructed/qbo_{name}.csv") for name in ("journal", "general_ledger"))
    assert journal.covered == ledger.covered
    assert journal.covered is not None
    assert (journal.covered.book, journal.covered.since.isoformat(), journal.covered.until.isoformat()) == (
        "quickbooks:servicios ia demo sl", "2026-01-01", "2026-03-31",
    )  # fmt: skip
    assert journal.verified == ["debits = credits", "totals of transactions", "stated total"]
    assert {e["key"] for e in journal.entries} <= {e["key"] for e in ledger.entries}


def test_a_list_by_vendor_gives_its_bill_and_leaves_what_does_not_post() -> None:
    found = real("reconstructed/qbo_transaction_list_by_vendor.xlsx")
    (bill,) = found.documents
    assert (bill["kind"], bill["number"], bill["counterparty"], bill["total"], bill["issued_on"]) == (
        "bill", "2026-014", "Gestoría Núñez", "121.00", "2026-01-31",
    )  # fmt: skip
    left = left_of(found)
    assert left.pop("not posting") == (1, {"XXX": "300.00"})
    posting = [Decimal(totals["XXX"]) for _, totals in left.values()]
    assert sum(posting, Decimal(bill["total"])) == Decimal("-714.73")
    assert sum(rows for rows, _ in left.values()) == 3
    assert found.verified == ["stated totals"]  # -414.73 over all five
    assert ["Journal" in warning for warning in found.warnings] == [True]


def test_a_plain_transaction_list_gives_the_totals_of_each_type() -> None:
    found = real("quickbooks/accounting-playground__sample_quickbooks.csv")
    assert total(d for d in found.documents if d["kind"] == "invoice") == Decimal(15000)
    assert total(d for d in found.documents if d["kind"] == "bill") == Decimal(2520)
    by_type = {reason.split(":")[0]: totals["XXX"] for reason, (_, totals) in left_of(found).items()}
    assert by_type == {"Check": "3716.75", "Deposit": "7700.00", "Expense": "3521.50"}
    assert len(found.documents) + sum(rows for rows, _ in left_of(found).values()) == 18


def test_a_xero_report_of_some_accounts_books_nothing_and_ties_its_balances() -> None:
    found = real("reconstructed/xero_account_transactions.xlsx")
    assert (found.records, found.rejected) == (0, [])
    # Bank: 1210.00 less 353.63; Sales: 100.00 less 1000.00. In euros, though one row was paid in dollars.
    assert {reason.split(":")[0]: left for reason, left in left_of(found).items()} == {
        "Bank Account": (2, {"EUR": "856.37"}),
        "Sales": (2, {"EUR": "-900.00"}),
    }
    assert found.verified == ["stated totals", "opening and closing balances"]
    assert ["some accounts only" in warning for warning in found.warnings] == [True]
