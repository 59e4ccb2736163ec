"""Reports of bookkeeping programs with both sides in them, and what each says when something is wrong."""

from decimal import Decimal
from pathlib import Path

import pytest

from connectors.accounting import Format, ImportedFile, ReadOptions, read_file

LEDGER = """Demo SL
General Ledger
"January 1 - January 31, 2026"

,Date,Transaction Type,Num,Name,Memo/Description,Split,Amount,Balance
Checking,,,,,,,,
,Beginning Balance,,,,,,,"1,000.00"
,01/05/2026,Expense,,AWS,EMEA,Cloud,-50.00,950.00
,01/05/2026,Expense,,AWS,EMEA,Cloud,-20.00,930.00
,01/09/2026,Deposit,7,,Two clients,-Split-,300.00,"1,230.00"
,01/20/2026,Check,55,Bank,Loan part,Loan,-100.00,"1,130.00"
Total for Checking,,,,,,,$130.00,
Undeposited Funds,,,,,,,,
,Beginning Balance,,,,,,,300.00
,01/09/2026,Deposit,7,Clinic A,,Checking,-200.00,100.00
,01/09/2026,Deposit,7,Clinic B,,Checking,-100.00,0.00
Total for Undeposited Funds,,,,,,,$-300.00,
Accounts Receivable (A/R),,,,,,,,
,01/12/2026,Invoice,1001,Clinic A,Agent,-Split-,"1,210.00","1,210.00"
Total for Accounts Receivable (A/R),,,,,,,"$1,210.00",
Loan,,,,,,,,
,01/20/2026,Check,55,Bank,Loan part,Checking,-100.00,-100.00
Total for Loan,,,,,,,$-100.00,
Fees,,,,,,,,
,01/12/2026,Invoice,1001,Clinic A,Agent,Accounts Receivable (A/R),600.00,600.00
Total for Fees,,,,,,,$600.00,
Setup,,,,,,,,
,01/12/2026,Invoice,1001,Clinic A,Setup,Accounts Receivable (A/R),400.00,400.00
Total for Setup,,,,,,,$400.00,
Total for Fees with sub-accounts,,,,,,,"$1,000.00",
Tax,,,,,,,,
,01/12/2026,Invoice,1001,Clinic A,Tax,Accounts Receivable (A/R),210.00,210.00
Total for Tax,,,,,,,$210.00,
Cloud,,,,,,,,
,01/05/2026,Expense,,AWS,EMEA,Checking,50.00,50.00
,01/05/2026,Expense,,AWS,EMEA,Checking,20.00,70.00
Total for Cloud,,,,,,,$70.00,
"""
# Groups that do not end before the next begins; totals of parents come after their parts.
NESTED = LEDGER.replace("Total for Fees,,,,,,,$600.00,\n", "")
XERO = """Account Transactions
Demo SL
For the period 1 January 2026 to 31 March 2026

Date,Source,Description,Reference,Debit,Credit,Running Balance,Account Code,Account

Bank,,,,,,,,
Opening Balance,,,,100.00,,100.00,,
05/01/2026,Spend Money,AWS,7,,40.00,60.00,090,Bank
Total Bank,,,,0.00,40.00,60.00,,
Closing Balance,,,,60.00,,,,

Cloud,,,,,,,,
Opening Balance,,,,,0.00,0.00,,
05/01/2026,Spend Money,AWS,7,40.00,,40.00,400,Cloud
Total Cloud,,,,40.00,0.00,40.00,,
Closing Balance,,,,40.00,,,,

Total,,,,40.00,40.00,,,
"""
SAGE_HEADER = (
    "Type,Account Reference,Nominal A/C Ref,Department Code,Date,Reference,Details,Net Amount,Tax Code,"
    "Tax Amount\n"
)
SAGE = (
    SAGE_HEADER
    + """SI,CLINIC,4000,0,13/01/2026,1001,Agent,1000.00,T1,200.00
SI,CLINIC,4001,0,13/01/2026,1001,Setup,100.00,T1,20.00
SC,CLINIC,4000,0,14/01/2026,CN1,Back,50.00,T1,10.00
PI,AWS,7500,0,15/01/2026,A-1,Cloud,300.00,T0,0.00
BP,1200,7901,0,16/01/2026,FEE,Bank fee,12.00,T9,0.00
BR,1200,4900,0,16/01/2026,INT,Interest,3.00,T9,0.00
SR,CLINIC,1200,0,20/01/2026,BACS,Paid,500.00,T9,0.00
SR,CLINIC,1200,0,20/01/2026,BACS,Paid,500.00,T9,0.00
JD,,7000,0,31/01/2026,PAY,Salaries,900.00,T9,0.00
JC,,2220,0,31/01/2026,PAY,Salaries,900.00,T9,0.00
"""
)
DEFAULTS = ReadOptions()


def read(folder: Path, content: str, options: ReadOptions = DEFAULTS) -> ImportedFile:
    path = folder / "x.csv"
    path.write_text(content)
    return read_file(path, options)


def balances(found: ImportedFile) -> dict[str, Decimal]:
    """Debits less credits of each account, over all entries."""
    sums: dict[str, Decimal] = {}
    for entry in found.entries:
        for line in entry["lines"]:
            amount = Decimal(line["debit"]) - Decimal(line["credit"])
            sums[line["account"]] = sums.get(line["account"], Decimal(0)) + amount
    return {account: amount for account, amount in sums.items() if amount}


def said(found: ImportedFile) -> str:
    return " ".join([*found.warnings, *(item.reason for item in found.rejected)])


@pytest.mark.parametrize("content", [LEDGER, NESTED], ids=["own total", "total with sub-accounts only"])
def test_the_side_of_each_account_follows_from_the_transactions(tmp_path: Path, content: str) -> None:
    found = read(tmp_path, content)
    assert found.format == Format.QUICKBOOKS_LEDGER
    assert said(found) == ""
    assert balances(found) == {
        "Checking": Decimal(130), "Undeposited Funds": Decimal(-300),
        "Accounts Receivable (A/R)": Decimal(1210), "Loan": Decimal(100), "Fees": Decimal(-600),
        "Fees:Setup": Decimal(-400), "Tax": Decimal(-210), "Cloud": Decimal(70),
    }  # fmt: skip
    # Two payments to one supplier on one day are two; a deposit of two clients is one.
    assert sorted(entry["total_debit"] for entry in found.entries) == [
        "100.00", "1210.00", "20.00", "300.00", "50.00",
    ]  # fmt: skip
    assert len({entry["key"] for entry in found.entries}) == 5


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Total for Cloud,,,,,,,$70.00", "Total for Cloud,,,,,,,$71.00", "'Total for Cloud' says 71.00"),
        ("$1,000.00", "$1,000.01", "with sub-accounts' says 1000.01"),
        ("-50.00,950.00", "-50.00,951.00", "balance 951.00"),
        (",Tax,Accounts Receivable (A/R),210.00,", ",Tax,Accounts Receivable (A/R),219.00,", "Invoice 1001"),
        (",-100.00,-100.00\nTotal for Loan", ",-109.00,-109.00\nTotal for Loan", "Check 55"),
    ],
)
def test_a_changed_figure_of_a_ledger_is_reported(tmp_path: Path, old: str, new: str, words: str) -> None:
    assert old in LEDGER
    found = read(tmp_path, LEDGER.replace(old, new, 1))
    assert words in said(found)
    assert found.covered is None


def test_an_account_whose_side_nothing_tells_is_not_guessed(tmp_path: Path) -> None:
    content = LEDGER.partition("Checking,,")[0] + (
        "Xyz,,,,,,,,\n,01/13/2026,Journal Entry,1,,a,Qrs,5.00,5.00\nTotal for Xyz,,,,,,,5.00,\n"
        "Qrs,,,,,,,,\n,01/13/2026,Journal Entry,1,,a,Xyz,-5.00,-5.00\nTotal for Qrs,,,,,,,-5.00,\n"
    )
    found = read(tmp_path, content)
    assert found.entries == []
    assert "Journal Entry 1 01/13/2026: nothing tells on which side 'Qrs' grows" in said(found)


def test_a_profit_and_loss_detail_is_checked_and_left(tmp_path: Path) -> None:
    content = """Demo SL
Profit and Loss Detail
"January 1 - January 31, 2026"

,Date,Transaction Type,Num,Name,Memo/Description,Split,Amount,Balance
Income,,,,,,,,
Sales,,,,,,,,
,01/13/2026,Invoice,1,Clinic,Agent,Accounts Receivable (A/R),100.00,100.00
Total for Sales,,,,,,,$100.00,
Total for Income,,,,,,,$100.00,
Expenses,,,,,,,,
Rent,,,,,,,,
,01/15/2026,Check,2,Landlord,Rent,Checking,40.00,40.00
Total for Rent,,,,,,,$40.00,
Total for Expenses,,,,,,,$40.00,
Net Income,,,,,,,$60.00,
"""
    found = read(tmp_path, content)
    assert (found.records, found.rejected) == (0, [])
    assert [(left.rows, left.totals) for left in found.left] == [(2, {"XXX": "140.00"})]
    assert "stated totals" in found.verified
    assert "Journal" in said(found)
    assert "'Total for Income' says 101.00" in said(
        read(tmp_path, content.replace("Income,,,,,,,$100", "Income,,,,,,,$101", 1))
    )


def test_a_list_with_voided_and_repeated_rows_counts_each_document_once(tmp_path: Path) -> None:
    content = """Demo SL
Transaction List by Date
"January 1 - January 31, 2026"

Date,Transaction Type,Num,Posting,Name,Memo/Description,Account,Split,Amount
01/13/2026,Invoice,1,Yes,Clinic,Agent,Accounts Receivable (A/R),Sales,100.00
01/14/2026,Invoice,2,Yes,Clinic,Voided - Agent,Accounts Receivable (A/R),Sales,0.00
01/15/2026,Credit Memo,3,Yes,Clinic,Back,Accounts Receivable (A/R),Sales,-30.00
01/15/2026,Vendor Credit,V3,Yes,AWS,Back,Accounts Payable (A/P),Cloud,-7.00
01/16/2026,Estimate,4,No,Clinic,Offer,Accounts Receivable (A/R),Sales,900.00
01/17/2026,Invoice,5,Yes,Clinic,Agent,Accounts Receivable (A/R),Sales,121.00
01/17/2026,Invoice,5,Yes,Clinic,Agent,Sales,Accounts Receivable (A/R),100.00
"""
    found = read(tmp_path, content)
    assert found.format == Format.QUICKBOOKS_TRANSACTIONS
    assert [(d["kind"], d["number"], d["total"]) for d in found.documents] == [
        ("invoice", "1", "100.00"), ("credit_note", "3", "-30.00"), ("bill_credit", "V3", "-7.00"),
        ("invoice", "5", "121.00"),
    ]  # fmt: skip
    assert {left.reason: left.rows for left in found.left} == {
        "void": 1, "not posting": 1, "line of a document that another row states whole": 1,
    }  # fmt: skip


def test_a_xero_report_of_all_accounts_gives_entries(tmp_path: Path) -> None:
    found = read(tmp_path, XERO, ReadOptions(date_order="dmy"))
    assert found.format == Format.XERO_TRANSACTIONS
    assert balances(found) == {"090 Bank": Decimal(-40), "400 Cloud": Decimal(40)}
    assert found.entries[0]["date"] == "2026-01-05"
    assert said(found) == ""
    assert found.covered is not None
    assert found.covered.book == "xero:demo sl"


def test_a_xero_report_with_few_columns_is_known_by_its_opening_balances(tmp_path: Path) -> None:
    rows = [line.split(",") for line in XERO.splitlines()]
    narrow = "\n".join(",".join(row[:6]) for row in rows) + "\n"
    found = read(tmp_path, narrow, ReadOptions(date_order="dmy"))
    assert found.format == Format.XERO_TRANSACTIONS
    assert balances(found) == {"Bank": Decimal(-40), "Cloud": Decimal(40)}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("Closing Balance,,,,60.00", "Closing Balance,,,,61.00", "closes with 61.00"),
        ("Total Cloud,,,,40.00", "Total Cloud,,,,41.00", "'Total Cloud' says 41.00"),
        ("Total,,,,40.00", "Total,,,,40.01", "'Total' says 40.01"),
        (",,40.00,60.00,090", ",,40.00,69.00,090", "balance 69.00"),
    ],
)
def test_a_changed_figure_of_a_xero_report_is_reported(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    assert old in XERO
    found = read(tmp_path, XERO.replace(old, new, 1))
    assert words in said(found)
    assert found.covered is None


def test_the_type_gives_the_sign_of_an_audit_trails_amounts(tmp_path: Path) -> None:
    found = read(tmp_path, SAGE)
    assert found.format == Format.SAGE_AUDIT_TRAIL
    assert found.rejected == []
    assert balances(found) == {
        "1100": Decimal(260),  # 1320.00 invoiced, 60.00 credited, 1000.00 received
        "4000": Decimal(-950), "4001": Decimal(-100), "2200": Decimal(-210),
        "7500": Decimal(300), "2100": Decimal(-300),
        "1200": Decimal(991), "7901": Decimal(12), "4900": Decimal(-3),
        "7000": Decimal(900), "2220": Decimal(-900),
    }  # fmt: skip
    assert [(d["kind"], d["number"], d["net"], d["tax"], d["total"]) for d in found.documents] == [
        ("invoice", "1001", "1100.00", "220.00", "1320.00"),
        ("credit_note", "CN1", "-50.00", "-10.00", "-60.00"),
        ("bill", "A-1", "300.00", "0.00", "300.00"),
    ]
    assert "1100, 2100, 2200" in said(found)
    # Two alike receipts of one day are two.
    assert len({entry["key"] for entry in found.entries}) == len(found.entries) == 8


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("JD,,7000,0,30/01/2026,X,Odd,5.00,T9,0.00\n", "journal X"),
        ("ZZ,A,7000,0,30/01/2026,X,Odd,5.00,T9,0.00\n", "'ZZ'"),
        ("PI,A,7000,0,30/01/2026,X,Odd,-5.00,T9,0.00\n", "negative"),
        ("PI,A,7000,0,30/01/2026,X,Odd,,T9,0.00\n", "missing"),
    ],
)
def test_a_faulty_row_of_an_audit_trail_is_rejected_by_name(tmp_path: Path, row: str, words: str) -> None:
    found = read(tmp_path, SAGE + row)
    assert [(item.row, words in item.reason) for item in found.rejected] == [(12, True)]
    assert len(found.entries) == 8


def test_a_xero_template_for_importing_is_refused(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "*ContactName,EmailAddress,*InvoiceNumber,*InvoiceDate,*DueDate\nA,,1,13/01/2026,14/01/2026\n",
    )
    assert "template" in (found.refusal or "")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (
            "!TRNS DATE ACCNT AMOUNT\n!SPL DATE ACCNT AMOUNT\n!ENDTRNS\nTRNS 1/13/26 Bank 5\n",
            "tabs were lost",
        ),
        ("!TRNS\tDATE\tACCNT\tAMOUNT\n!ENDTRNS\nTRNS\t1/13/26\tBank\t5.00\n", "half-written"),
        ("!TRNS\tDATE\tACCNT\tAMOUNT\n!ENDTRNS\nTRNS 1/13/26 Bank 5.00\n", "Line 3 has lost the tabs"),
    ],
)
def test_a_damaged_iif_file_is_refused_whole(tmp_path: Path, content: str, words: str) -> None:
    found = read(tmp_path, content)
    assert found.format == Format.QUICKBOOKS_IIF
    assert (found.records, words in (found.refusal or "")) == (0, True)


def test_a_purchase_order_in_iif_does_not_post(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "!TRNS\tTRNSTYPE\tDATE\tACCNT\tAMOUNT\n!SPL\tTRNSTYPE\tDATE\tACCNT\tAMOUNT\n!ENDTRNS\n"
        "TRNS\tPURCHORD\t1/13/26\tPO\t-5.00\nSPL\tPURCHORD\t1/13/26\tStock\t5.00\nENDTRNS\n",
    )
    assert (found.records, found.rejected) == (0, [])
    assert [(left.reason, left.rows) for left in found.left] == [("not posting", 1)]


def test_an_api_table_with_text_for_amounts_is_refused_as_shifted(tmp_path: Path) -> None:
    found = read(tmp_path, "id,_fivetran_synced,total_amount\n1,2026-01-13,7624ad70a400ab16\n")
    assert "shifted" in (found.refusal or "")
