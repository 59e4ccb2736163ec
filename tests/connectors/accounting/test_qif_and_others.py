"""QIF, A3's SUENLACE.DAT and the European Central Bank's rates."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings

from connectors.accounting import Format, ImportedFile, ReadOptions
from connectors.accounting.archives import members
from connectors.accounting.reading import read_bytes
from tests.connectors.accounting.statements import LINES, Line
from tests.connectors.accounting.test_archives import packed

DEFAULTS = ReadOptions()


def read(text: str, options: ReadOptions = DEFAULTS, encoding: str = "utf-8") -> ImportedFile:
    return read_bytes("x", text.encode(encoding), options)


def qif(lines: list[Line]) -> str:
    rows = (f"D{day.month}/{day.day}'{day.year}\nT{amount:,.2f}\nP{text}\n^\n" for day, text, amount in lines)
    return "!Type:Bank\n" + "".join(rows)


@given(lines=LINES)
@settings(max_examples=60, deadline=None)
def test_a_qif_file_is_read_back_to_the_cent(lines: list[Line]) -> None:
    found = read(qif(lines))  # a day after the 12th, always among the lines, tells day from month
    assert (found.format, found.rejected, found.verified) == (Format.QIF, [], [])
    back = [(date.fromisoformat(m["date"]), m["text"], Decimal(m["amount"])) for m in found.movements]
    assert back == lines


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("D3/31/97", "1997-03-31"),
        ("D3/31' 6", "2006-03-31"),
        ("D3/31'06", "2006-03-31"),
        ("D31/03/2026", "2026-03-31"),
    ],
)
def test_a_year_after_an_apostrophe_is_of_this_century(written: str, day: str) -> None:
    (movement,) = read(f"!Type:Bank\n{written}\nT-1.00\nPx\n^\n").movements
    assert movement["date"] == day


def test_a_date_that_may_be_either_is_asked_about() -> None:
    text = "!Type:Bank\nD3/4'2026\nT-1.00\nPx\n^\n"
    assert "--date-order" in (read(text).refusal or "")
    (movement,) = read(text, ReadOptions(date_order="dmy", currency="EUR")).movements
    assert (movement["date"], movement["currency"]) == ("2026-04-03", "EUR")


def test_accounts_stay_apart_and_only_money_moves() -> None:
    text = (
        "!Account\nNGiro\nTBank\n^\n!Type:Bank\nD31/3'2026\nT-1.00\nPx\n^\n"
        "!Account\nNVisa\nTCCard\n^\n!Type:CCard\nD31/3'2026\nT-2.00\nPy\n^\n"
        "!Type:Invst\nD31/3'2026\nNBuy\nT100.00\n^\n!Type:Cat\nNFood\n^\n"
    )
    found = read(text)
    assert [(m["account"], m["amount"]) for m in found.movements] == [("Giro", "-1.00"), ("Visa", "-2.00")]
    assert {left.reason: left.rows for left in found.left} == {
        "no movement of money (cat)": 1,
        "no movement of money (invst)": 1,
    }


def test_the_parts_of_a_movement_are_kept_and_must_add_up() -> None:
    text = "!Type:Bank\nD31/3'2026\nT-10.00\nPx\nLFood\nSFood\nEa\n$-4.00\nSRent\n$-{rest}\n^\n"
    good = read(text.format(rest="6.00"))
    assert [line["amount"] for line in good.movements[0]["lines"]] == ["-4.00", "-6.00"]
    assert good.warnings == []
    assert "add up to -9.00" in read(text.format(rest="5.00")).warnings[0]


def test_a_qif_file_cut_within_a_record_is_refused() -> None:
    assert "half-written" in (read("!Type:Bank\nD31/3'2026\nT-10.00\nPx\n").refusal or "")


def a3(kind: str, columns: dict[int, str], length: int = 254, day: str = "20260115") -> str:
    """One record of SUENLACE.DAT; the columns are counted from 1."""
    text = list(f"{'5' if length == 510 else '3'}00001{day}{kind}".ljust(length))
    for at, value in columns.items():
        text[at - 1 : at - 1 + len(value)] = value
    text[length - 2 : length] = "EN"
    return "".join(text) + "\r\n"


def money(value: str) -> str:
    return f"{'-' if value.startswith('-') else '+'}{value.lstrip('-'):0>13}"


def a3_invoice(
    total: str, base: str, vat: str, held: str = "0.00", length: int = 254, side: str = "1"
) -> str:
    head = {16: "430000000001", 28: "Cliente", 58: side, 59: "F1", 69: "I", 70: "Venta", 100: money(total)}
    head |= {176: "B12345678", 190: "Cliente SL"}
    line = {16: "700000000000", 58: "C", 59: "F1", 69: "U", 70: "Venta", 100: "01", 102: money(base)}
    line |= {116: "10.00", 121: money(vat), 135: "00.00", 140: money("0.00"), 154: "00.00", 159: money(held)}
    return a3("1", head, length) + a3("9", line, length)


@pytest.mark.parametrize("length", [254, 510])
def test_an_invoice_of_a3_gives_base_tax_and_total(length: int) -> None:
    due = a3("V", {16: "430000000001", 59: "F1", 100: money("1323.41")}, length, "20260215")
    account = a3("C", {16: "430000000001", 28: "Cliente"}, 510 if length == 254 else 254)
    found = read(account + a3_invoice("1323.41", "1203.10", "120.31", length=length) + due, encoding="cp1252")
    assert (found.format, found.rejected, found.warnings) == (Format.SUENLACE, [], [])
    assert found.verified == ["base + VAT = total"]
    (document,) = found.documents
    wanted = {"kind": "invoice", "number": "F1", "net": "1203.10", "tax": "120.31", "total": "1323.41"}
    wanted |= {
        "due_on": "2026-02-15",
        "tax_id": "B12345678",
        "counterparty": "Cliente SL",
        "issued_on": "2026-01-15",
    }
    assert {name: document[name] for name in wanted} == wanted


def test_tax_withheld_in_a3_is_apart_and_purchases_are_bills() -> None:
    found = read(a3_invoice("1100.00", "1000.00", "100.00", "150.00", side="2"))
    (document,) = found.documents
    assert (document["kind"], document["net"], document["withheld"], document["total"]) == (
        "bill",
        "1000.00",
        "150.00",
        "950.00",
    )
    assert found.warnings == []


def test_an_invoice_of_a3_whose_parts_do_not_give_its_total_is_said() -> None:
    found = read(a3_invoice("1323.42", "1203.10", "120.31"))
    assert "says 1323.42, base and VAT give 1323.41" in found.warnings[0]
    assert found.verified == []


def test_plain_entries_of_a3_must_balance() -> None:
    def entry(credit: str) -> str:
        debit = a3("0", {16: "572000000000", 58: "D", 59: "R1", 69: "I", 100: money("50.00")})
        return debit + a3("0", {16: "430000000001", 58: "H", 59: "R1", 69: "U", 100: money(credit)})

    found = read(entry("50.00") + entry("49.99"))
    assert [entry["total_debit"] for entry in found.entries] == ["50.00"]
    assert "does not balance" in found.rejected[0].reason


RATES = "Date,USD,JPY,BGN,\n2026-11-20,1.0512,163.45,1.9558,\n2026-11-19,1.05,N/A,1.9558,\n"


def test_rates_are_units_for_one_euro_and_days_without_one_are_left_out() -> None:
    ((name, data),) = members(packed({"eurofxref-hist.csv": RATES.encode()}))
    found = read_bytes(name, data)
    assert (found.format, found.rejected) == (Format.ECB_RATES, [])
    assert [(r["date"], r["currency"], r["rate"]) for r in found.rates] == [
        ("2026-11-20", "USD", "1.0512"),
        ("2026-11-20", "JPY", "163.45"),
        ("2026-11-20", "BGN", "1.9558"),
        ("2026-11-19", "USD", "1.05"),
        ("2026-11-19", "BGN", "1.9558"),
    ]
    assert [(left.reason, left.rows) for left in found.left] == [("no rate that day (N/A)", 1)]


def test_the_rates_of_one_day_are_read_too() -> None:
    found = read("Date, USD, JPY, \n20 November 2026, 1.0512, 163.45, \n")
    assert [(r["date"], r["currency"]) for r in found.rates] == [("2026-11-20", "USD"), ("2026-11-20", "JPY")]


def test_a_rate_that_is_no_number_is_rejected_and_a_cut_file_refused() -> None:
    found = read(RATES.replace("1.0512", "1..05").replace("163.45", "0"))
    assert [item.row for item in found.rejected] == [2, 2]
    assert "half-written" in (read(RATES[:-20]).refusal or "")
    assert "half-written" in (read(RATES + "2026-11-1").refusal or "")
