"""The QuickBooks journal: both layouts, every transaction balanced, nothing half-taken."""

import io
from datetime import date
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from connectors.accounting import Format, ImportedFile, ReadOptions, read_file

CLASSIC = """Servicios IA Demo SL
Journal
"January 1 - March 31, 2026"

Date,Transaction Type,Num,Name,Memo/Description,Account,Debit,Credit
01/10/2026,Invoice,1001,Clínica,"Agente IA, enero",430 Accounts receivable,"1,210.00",
,,,,"Agente IA, enero",700 Service revenue,,"1,000.00"
,,,,IVA 21%,477 VAT output,,210.00
,,,,,,"1,210.00","1,210.00"

01/10/2026,Expense,,AWS,EMEA,629 AI and cloud usage,353.63,
,,,,EMEA,572 Bank main,,353.63
,,,,,,353.63,353.63

TOTAL,,,,,,"1,563.63","1,563.63"

"Thursday, April 02, 2026 10:15 AM GMT+02:00"
"""
NEW = [
    ["Journal"],
    ["Servicios IA Demo SL"],
    ["January 1-March 31, 2026"],
    [],
    [
        "",
        "Transaction date",
        "Transaction type",
        "Num",
        "Name",
        "Description",
        "Account Name",
        "Debit",
        "Credit",
    ],
    ["4711"],
    ["", "01/10/2026", "Invoice", "1001", "Clínica", "Agente IA", "430 Accounts receivable", 1210.0, ""],
    ["", "01/10/2026", "Invoice", "1001", "Clínica", "Agente IA", "700 Service revenue", "", 1000.0],
    ["", "01/10/2026", "Invoice", "1001", "Clínica", "IVA", "477 VAT output", "", 210.0],
    ["Total for 4711", "", "", "", "", "", "", 1210.0, 1210.0],
    ["4712"],
    ["", "01/10/2026", "Expense", "", "AWS", "EMEA", "629 AI and cloud usage", 353.63, ""],
    ["", "01/10/2026", "Expense", "", "AWS", "EMEA", "572 Bank main", "", 353.63],
    ["Total for 4712", "", "", "", "", "", "", 353.63, 353.63],
    ["TOTAL", "", "", "", "", "", "", 1563.63, 1563.63],
    [],
    ["Thursday, September 24, 2026 04:13 PM GMT-7"],
]
DEFAULTS = ReadOptions()


def read(folder: Path, content: bytes | str, options: ReadOptions = DEFAULTS) -> ImportedFile:
    path = folder / "x.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_file(path, options)


def as_csv(rows: list[list[object]]) -> str:
    return "".join(",".join(str(cell) for cell in row) + "\r\n" for row in rows)


def as_workbook(rows: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def facts(found: ImportedFile) -> list[tuple[str, str, str, str]]:
    return [(e["date"], e["kind"], e["name"], e["total_debit"]) for e in found.entries]


@pytest.mark.parametrize(
    "content", [CLASSIC, as_csv([*NEW[:2], ['"January 1-March 31, 2026"'], *NEW[3:-1]]), as_workbook(NEW)],
    ids=["classic CSV", "new CSV", "new XLSX"],
)  # fmt: skip
def test_every_layout_gives_the_same_transactions(tmp_path: Path, content: str | bytes) -> None:
    found = read(tmp_path, content)
    assert found.format is Format.QUICKBOOKS_JOURNAL
    assert facts(found) == [
        ("2026-01-10", "Invoice", "Clínica", "1210.00"),
        ("2026-01-10", "Expense", "AWS", "353.63"),
    ]
    assert found.totals == {"XXX": Decimal("1563.63")}
    assert (found.rejected, found.warnings) == ([], [])
    lines = [(line["account"], line["debit"], line["credit"]) for line in found.entries[0]["lines"]]
    assert lines == [
        ("430 Accounts receivable", "1210.00", "0.00"),
        ("700 Service revenue", "0.00", "1000.00"),
        ("477 VAT output", "0.00", "210.00"),
    ]


def test_a_workbook_s_real_dates_need_no_period(tmp_path: Path) -> None:
    rows = [[date(2026, 1, 10) if cell == "01/10/2026" else cell for cell in row] for row in NEW]
    rows[2] = ["All Dates"]
    assert [e["date"] for e in read(tmp_path, as_workbook(rows)).entries] == ["2026-01-10", "2026-01-10"]


def test_without_a_period_an_open_date_order_is_asked(tmp_path: Path) -> None:
    text = CLASSIC.replace('"January 1 - March 31, 2026"', "All Dates")
    assert "--date-order" in (read(tmp_path, text).refusal or "")
    assert read(tmp_path, text, ReadOptions(date_order="dmy")).entries[0]["date"] == "2026-10-01"


def test_two_equal_expenses_of_a_day_stay_two_and_meet_again_in_a_longer_journal(tmp_path: Path) -> None:
    block = CLASSIC[CLASSIC.index("01/10/2026,Expense") : CLASSIC.index("TOTAL")]
    one = read(tmp_path, CLASSIC)
    two = read(
        tmp_path,
        CLASSIC.replace('TOTAL,,,,,,"1,563.63","1,563.63"', block + 'TOTAL,,,,,,"1,917.26","1,917.26"'),
    )
    assert two.warnings == []
    assert two.records == 3
    assert len({e["key"] for e in two.entries}) == 3
    assert {e["key"] for e in one.entries} < {e["key"] for e in two.entries}


def test_a_corrected_transaction_keeps_its_key(tmp_path: Path) -> None:
    before = read(tmp_path, CLASSIC).entries
    after = read(tmp_path, CLASSIC.replace("353.63", "400.00").replace("1,563.63", "1,610.00")).entries
    assert [e["key"] for e in before] == [e["key"] for e in after]
    assert after[1]["total_debit"] == "400.00"


def test_a_transaction_that_does_not_balance_is_left_out_and_named(tmp_path: Path) -> None:
    found = read(tmp_path, CLASSIC.replace('"1,000.00"', '"1,001.00"'))
    assert facts(found) == [("2026-01-10", "Expense", "AWS", "353.63")]
    assert [(item.row, "does not balance" in item.reason) for item in found.rejected] == [(6, True)]


def test_a_total_row_that_disagrees_with_its_lines_rejects_the_transaction(tmp_path: Path) -> None:
    found = read(tmp_path, CLASSIC.replace(",,,,,,353.63,353.63", ",,,,,,353.64,353.64"))
    assert found.records == 1
    assert "353.64" in found.rejected[0].reason


def test_a_grand_total_that_disagrees_is_said(tmp_path: Path) -> None:
    found = read(tmp_path, CLASSIC.replace("1,563.63", "1,600.00"))
    assert found.records == 2
    assert "1600.00" in found.warnings[0]


@pytest.mark.parametrize("kept", range(CLASSIC.index("430 Accounts"), CLASSIC.index("TOTAL,"), 9))
def test_a_journal_cut_anywhere_is_refused_or_said_to_be_cut(tmp_path: Path, kept: int) -> None:
    found = read(tmp_path, CLASSIC[:kept])
    assert found.refusal or found.warnings
    if CLASSIC[:kept].count("353.63") < 2 and "AWS" in CLASSIC[:kept]:
        assert found.refusal


def test_amounts_with_a_euro_sign_name_the_home_currency(tmp_path: Path) -> None:
    assert read(tmp_path, CLASSIC.replace("353.63", "€353.63")).totals == {"EUR": Decimal("1563.63")}


def test_a_day_first_company_is_read_day_first(tmp_path: Path) -> None:
    assert facts(read(tmp_path, CLASSIC.replace("01/10/2026", "10/01/2026")))[0][0] == "2026-01-10"
