"""PayPal's activity: only what moved the balance, in each currency of its own."""

from decimal import Decimal
from pathlib import Path

import pytest

from connectors.accounting import Format, ImportedFile, ReadOptions, read_file

ACTIVITY = """\ufeff"Date","Time","TimeZone","Name","Type","Status","Currency","Gross","Fee","Net","Transaction ID","Item Title","Reference Txn ID","Balance","Balance Impact"
"13/01/2026","09:00:00","CET","Ana SL","Express Checkout Payment","Completed","EUR","100.00","-3.20","96.80","T1","Plan","","196.80","Credit"
"14/01/2026","09:00:00","CET","Host Ltd","PreApproved Payment Bill User Payment","Completed","EUR","-50.00","0.00","-50.00","T2","","","146.80","Debit"
"14/01/2026","09:00:00","CET","","Bank Deposit to PP Account ","Completed","EUR","50.00","0.00","50.00","T3","","T2","196.80","Credit"
"15/01/2026","09:00:00","CET","Bo SL","Website Payment","Pending","EUR","70.00","0.00","70.00","T4","","","196.80","Memo"
"15/01/2026","10:00:00","CET","Bo SL","General Payment","Denied","EUR","30.00","0.00","30.00","T5","","","196.80",""
"15/01/2026","11:00:00","CET","Shop","General Authorization","Completed","EUR","-20.00","0.00","-20.00","T6","","","196.80",""
"16/01/2026","09:00:00","CET","Dee Inc","Mobile Payment","Completed","USD","1,200.00","-40.00","1,160.00","T7","","","1,160.00","Credit"
"17/01/2026","09:00:00","CET","Ana SL","Payment Refund","Completed","EUR","-100.00","3.20","-96.80","T8","","T1","100.00","Debit"
"18/01/2026","09:00:00","CET","","General Withdrawal","Completed","EUR","-100.00","0.00","-100.00","T9","","","0.00","Debit"
"""
DEFAULTS = ReadOptions()


def read(folder: Path, text: str, options: ReadOptions = DEFAULTS) -> ImportedFile:
    path = folder / "x.csv"
    path.write_text(text, encoding="utf-8")
    return read_file(path, options)


def test_completed_rows_move_the_balance_net_of_the_fee(tmp_path: Path) -> None:
    found = read(tmp_path, ACTIVITY)
    assert (found.format, found.rejected) == (Format.PAYPAL, [])
    # 96.80 - 50.00 - 96.80 - 100.00
    assert found.totals == {"EUR": Decimal("-150.00"), "USD": Decimal("1160.00")}
    first = found.movements[0]
    assert (first["gross"], first["fee"], first["amount"], first["bank_id"]) == (
        "100.00",
        "3.20",
        "96.80",
        "T1",
    )
    assert first["text"] == "Ana SL · Express Checkout Payment · Plan"


def test_what_did_not_move_the_balance_is_left_with_its_reason(tmp_path: Path) -> None:
    assert {item.reason: (item.rows, item.totals) for item in read(tmp_path, ACTIVITY).left} == {
        "memo: the balance did not move": (1, {"EUR": "70.00"}),
        "denied": (1, {"EUR": "30.00"}),
        "hold or authorization": (1, {"EUR": "-20.00"}),
        "mirror of a bank or card line": (1, {"EUR": "50.00"}),
    }


def test_a_deposit_that_funds_no_payment_is_money_put_into_paypal(tmp_path: Path) -> None:
    text = ACTIVITY.replace('"T3","","T2"', '"T3","",""').replace(
        '"50.00","0.00","50.00"', '"51.00","0.00","51.00"'
    )
    found = read(tmp_path, text)
    assert "T3" in {m["bank_id"] for m in found.movements}


def test_the_running_balance_of_each_currency_is_followed(tmp_path: Path) -> None:
    assert read(tmp_path, ACTIVITY).verified == ["running balance"]
    lost = "".join(line for line in ACTIVITY.splitlines(keepends=True) if '"T8"' not in line)
    found = read(tmp_path, lost)
    assert found.verified == []
    assert "balance" in " ".join(found.warnings)


@pytest.mark.parametrize("wrong", ['"96.81"', '"96.8x"'])
def test_a_row_whose_net_is_not_gross_and_fee_is_rejected(tmp_path: Path, wrong: str) -> None:
    found = read(tmp_path, ACTIVITY.replace('"96.80"', wrong, 1))
    assert [item.row for item in found.rejected] == [2]
    assert "T1" not in {m["bank_id"] for m in found.movements}


def test_headers_after_a_comma_and_a_blank_and_rows_one_field_short_are_read(tmp_path: Path) -> None:
    text = (
        "Date, Time, Time Zone, Name, Type, Status, Currency, Gross, Fee, Net, Transaction ID, Reference Txn ID, \n"
        "1/31/2026,09:00:00,PST,Ana,Website Payment,Completed,USD,10.00,-0.50,9.50,A1,\n"
        "2/1/2026,09:00:00,PST,Bo,Website Payment,Completed,USD,20.00,-0.90,19.10,A2,\n"
    )
    found = read(tmp_path, text)
    assert (found.format, found.totals, found.rejected) == (Format.PAYPAL, {"USD": Decimal("28.60")}, [])
    assert [m["date"] for m in found.movements] == ["2026-01-31", "2026-02-01"]


def test_a_spanish_download_is_the_same_movements(tmp_path: Path) -> None:
    text = (
        '"Fecha","Hora","Zona horaria","Nombre","Tipo","Estado","Divisa","Bruto","Tarifa","Neto","Id. de transacción","Saldo"\n'
        '"13/01/2026","09:00:00","CET","Ana SL","Pago exprés","Completado","EUR","100,00","-3,20","96,80","T1","196,80"\n'
        '"14/01/2026","09:00:00","CET","Host","Pago","Pendiente","EUR","-5,00","0,00","-5,00","T2","196,80"\n'
    )
    found = read(tmp_path, text)
    assert (found.format, found.totals) == (Format.PAYPAL, {"EUR": Decimal("96.80")})
    assert found.movements[0]["key"] == read(tmp_path, ACTIVITY).movements[0]["key"]
    assert [(item.reason, item.rows) for item in found.left] == [("pendiente", 1)]
