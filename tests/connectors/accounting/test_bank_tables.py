"""Any bank's table, read back to the cent; what cannot be read is said and never guessed."""

import csv
import io
import time
from datetime import date
from decimal import Decimal
from pathlib import Path
from unittest.mock import patch

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.accounting import Format, ImportedFile, ReadOptions, bank_table, read_file
from tests.connectors.accounting.statements import DIALECTS, LINES, SPANISH, Line, statement

ONE_FOLDER = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
DEFAULTS = ReadOptions()


def read(
    folder: Path, content: bytes | str, options: ReadOptions = DEFAULTS, name: str = "x.csv"
) -> ImportedFile:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_file(path, options)


def lines_of(found: ImportedFile) -> list[Line]:
    return [(date.fromisoformat(m["date"]), m["text"], Decimal(m["amount"])) for m in found.movements]


def key_set(found: ImportedFile) -> set[str]:
    return {movement["key"] for movement in found.movements}


@pytest.mark.parametrize("name", DIALECTS)
@given(lines=LINES)
@ONE_FOLDER
def test_a_statement_is_read_back_to_the_cent_whatever_the_bank_s_habits(
    tmp_path: Path, name: str, lines: list[Line]
) -> None:
    found = read(tmp_path, statement(lines, DIALECTS[name]))
    assert found.rejected == []
    assert found.warnings == []
    assert sorted(lines_of(found)) == sorted(lines)
    assert found.totals == {"XXX": sum(amount for _, _, amount in lines)}
    assert len(key_set(found)) == len(lines)


def carefully(folder: Path, content: bytes) -> ImportedFile:
    with patch.object(bank_table, "ordinary", lambda *_, **__: lambda _row: None):
        return read(folder, content)


@pytest.mark.parametrize("name", DIALECTS)
@given(lines=LINES)
@ONE_FOLDER
def test_ordinary_rows_are_read_as_the_careful_way_reads_them(
    tmp_path: Path, name: str, lines: list[Line]
) -> None:
    content = statement(lines, DIALECTS[name])
    assert read(tmp_path, content) == carefully(tmp_path, content)


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["13/01/2026", "31/12/2025", "12/31/2025", "total", "", " 13/01/2026"]),
            st.sampled_from(
                ["RECIBO  LUZ", "Saldo anterior", "Total Energies", "", "a · b", "TURNOVER", "ñandú\u00a0x"]
            ),
            st.sampled_from(
                ["-1.234,56", "0,00", "-0,00", "012,00", "1,5", "12", "(3,00)", "5,00-", "x", "", "1.234"]
            ),
            st.sampled_from(["EUR", "eur", "€", "", "XYZ"]),
            st.sampled_from(["1.000,00", "", "77,1", "?"]),
            st.sampled_from(["", "", "", "more"]),
        ),
        min_size=1,
        max_size=30,
    )
)
@ONE_FOLDER
def test_rows_that_are_not_ordinary_are_left_to_the_careful_way(
    tmp_path: Path, rows: list[tuple[str, ...]]
) -> None:
    lines = [";".join(cells[:5] if not cells[5] else cells) for cells in rows]
    usual = "14/01/2026;PAGO;-17,20;EUR;2.000,00"
    content = "\n".join(["Fecha;Concepto;Importe;Divisa;Saldo", usual, *lines, usual, ""]).encode()
    assert read(tmp_path, content) == carefully(tmp_path, content)


def test_a_column_of_signs_is_found_in_a_long_file_too(tmp_path: Path) -> None:
    rows = "".join(f"{1 + n % 28:02d}/01/2026;Pago {n};10,00;{'D' if n % 2 else 'C'}\n" for n in range(5001))
    found = read(tmp_path, f"Fecha;Concepto;Importe;D/C\n{rows}")
    assert (len(found.movements), found.totals) == (5001, {"XXX": Decimal("10.00")})


@given(lines=LINES, cut=st.integers(0, 25), names=st.permutations(["spanish", "iso"]))
@ONE_FOLDER
def test_overlapping_files_meet_on_the_same_keys_even_in_another_dialect(
    tmp_path: Path, lines: list[Line], cut: int, names: list[str]
) -> None:
    start = min(cut, len(lines) - 1)
    before = Decimal("1000.00") + sum((amount for _, _, amount in lines[:start]), Decimal(0))
    whole = read(tmp_path, statement(lines, DIALECTS[names[0]]))
    later = read(tmp_path, statement(lines[start:], DIALECTS[names[1]], before))
    assert key_set(later) <= key_set(whole)
    assert len(key_set(later)) == len(lines) - start


COFFEES = "Date,Text,Amount\n2026-04-07,Coffee,-4.50\n2026-04-07,Coffee,-4.50\n"


def test_identical_lines_are_both_kept_and_a_second_file_adds_neither_again(tmp_path: Path) -> None:
    both = read(tmp_path, COFFEES)
    one = read(tmp_path, COFFEES.rsplit("2026", 1)[0])
    more = read(tmp_path, COFFEES + "2026-04-08,Coffee,-4.50\n")
    assert len(key_set(both)) == 2
    assert key_set(one) < key_set(both) < key_set(more)


def test_a_balance_that_is_always_today_s_is_no_part_of_a_movement_s_identity(tmp_path: Path) -> None:
    then = "Date,Text,Amount,Balance\n2026-04-07,A,-4.50,100.00\n2026-04-08,B,-5.50,100.00\n"
    now = then.replace("100.00", "77.00") + "2026-04-09,C,-1.00,77.00\n"
    assert key_set(read(tmp_path, then)) < key_set(read(tmp_path, now))


TABLE = [
    ["Extracto de cuenta", "", "", ""],
    ["Cuenta", "ES17 2085 2066 6234 5678 9011", "", ""],
    ["", "", "", ""],
    ["F. OPERACIÓN", "CONCEPTO", "IMPORTE (€)", "SALDO (€)"],
    [date(2026, 3, 2), "NÓMINA", 2100.1, 2200.2],
    [date(2026, 3, 3), "RECIBO", -0.3, 2199.9],
]


def test_a_workbook_s_numbers_and_dates_need_no_guess(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    for row in TABLE:
        book.active.append(row)
    book.active.append(["Total", "", 0.1 + 0.2 + 2099.5, ""])  # binary noise: 2099.8000000000002
    book.create_sheet("Notas").append(["nada"])
    out = io.BytesIO()
    book.save(out)
    found = read(tmp_path, out.getvalue(), name="movimientos.csv")
    assert found.format is Format.BANK_XLSX
    assert found.totals == {"EUR": Decimal("2099.80")}
    assert [m["row"] for m in found.movements] == [5, 6]
    assert {m["account"] for m in found.movements} == {"ES1720852066623456789011"}
    assert found.warnings == ["Only the sheet 'Sheet' was read; not read: Notas"]


def test_an_html_table_named_xls_is_read(tmp_path: Path) -> None:
    rows = "".join(
        f"<tr><td>{day}</td><td>Compra &amp; venta</td><td>{amount}</td></tr>"
        for day, amount in (("13/01/2026", "-1.234,56"), ("14/01/2026", "34,56"))
    )
    page = f"<html><body><table><tr><th>Fecha</th><th>Concepto</th><th>Importe</th></tr>{rows}</table></body></html>"
    found = read(tmp_path, page, name="movimientos.xls")
    assert (found.format, found.totals) == (Format.BANK_HTML, {"XXX": Decimal("-1200.00")})
    assert found.movements[0]["text"] == "Compra & venta"


@pytest.mark.parametrize(
    ("header", "row", "amount"),
    [
        ("F.Valor;Fecha;Concepto;Movimiento;Importe;Divisa;Disponible;Divisa;Observaciones",
         "13/01/2026;14/01/2026;Pago;Tarjeta;-62,45;EUR;1.234,00;EUR;nada", "-62.45"),
        ("FECHA OPERACIÓN;FECHA VALOR;CONCEPTO;IMPORTE EUR;SALDO", "14/01/2026;13/01/2026;Recibo;-1.062,45;10,00", "-1062.45"),
        ("Fecha;Fecha valor;Movimiento;Más datos;Importe;Saldo", "14/01/2026;14/01/2026;RECIBO;LUZ;-62,45EUR;+1.000,00EUR", "-62.45"),
        ("Fecha;F.Valor;Concepto;Ingreso (+);Gasto (-);Saldo (+);Saldo (-)", "14/01/2026;14/01/2026;X;;62,45;;5,00", "-62.45"),
        ("FECHA OPER;CONCEPTO;FECHA VALOR;IMPORTE;DIVISA;SALDO", "14/01/2026;X;14/01/2026;-62,45;Euro;5,00", "-62.45"),
        ("F. VALOR;CATEGORÍA;SUBCATEGORÍA;DESCRIPCIÓN;COMENTARIO;IMPORTE (€);SALDO (€)", "14/01/2026;A;B;C;;-62,45;1,00", "-62.45"),
    ],
    ids=["bbva", "santander", "caixabank", "caixabank-14", "sabadell", "ing"],
)  # fmt: skip
def test_the_columns_of_spanish_banks_are_understood(
    tmp_path: Path, header: str, row: str, amount: str
) -> None:
    (movement,) = read(tmp_path, f"{header}\r\n{row}\r\n".encode("cp1252")).movements
    assert (movement["date"], movement["amount"]) == ("2026-01-14", amount)
    assert movement["currency"] in {"EUR", None}
    if "Saldo (-)" in header:
        assert movement["balance"] == "-5.00"


@pytest.mark.parametrize(
    ("marks", "expected"),
    [(("D", "K"), ["-10.00", "20.00"]), (("Debe", "Haber"), ["-10.00", "20.00"]), (("S", "H"), ["-10.00", "20.00"]),
     (("Af", "Bij"), ["-10.00", "20.00"]), (("DBIT", "CRDT"), ["-10.00", "20.00"]), (("-", "+"), ["-10.00", "20.00"])],
)  # fmt: skip
def test_a_mark_beside_an_unsigned_amount_gives_the_sign(
    tmp_path: Path, marks: tuple[str, str], expected: list[str]
) -> None:
    found = read(
        tmp_path, f"Date,Text,Amount,D/C\n2026-01-13,a,10.00,{marks[0]}\n2026-01-14,b,20.00,{marks[1]}\n"
    )
    assert [m["amount"] for m in found.movements] == expected


def test_a_total_that_disagrees_is_said(tmp_path: Path) -> None:
    text = "Fecha;Concepto;Importe\n13/01/2026;a;-10,00\n14/01/2026;b;-5,00\nTotal;;-16,00\n"
    found = read(tmp_path, text)
    assert found.totals == {"XXX": Decimal("-15.00")}
    assert "-16.00" in found.warnings[0]


def test_a_dated_payment_to_total_energies_is_no_total(tmp_path: Path) -> None:
    found = read(tmp_path, "Fecha;Concepto;Importe\n13/01/2026;TOTAL ENERGIES;-10,00\nTotal;;-10,00\n")
    assert (found.records, found.warnings) == (1, [])


def test_opening_and_closing_rows_are_left_out_and_compared(tmp_path: Path) -> None:
    text = "Date,Text,Amount\n2026-01-01,Opening balance,100.00\n2026-01-13,a,-10.00\n2026-01-31,Closing balance,{}\n"
    assert read(tmp_path, text.format("90.00")).warnings == []
    wrong = read(tmp_path, text.format("91.00"))
    assert (wrong.records, "91.00" in wrong.warnings[0]) == (1, True)


@given(lines=LINES, data=st.data())
@ONE_FOLDER
def test_a_changed_amount_breaks_the_balance_and_is_said(
    tmp_path: Path, lines: list[Line], data: st.DataObject
) -> None:
    rows = statement(lines, SPANISH).decode("cp1252").split("\r\n")
    at = data.draw(st.integers(2, len(rows) - 3))
    cells = next(csv.reader([rows[at]], delimiter=";"))
    changed = cells[2].replace(cells[2][-1], str((int(cells[2][-1]) + 1) % 10))
    rows[at] = ";".join([cells[0], '"x"', changed, cells[3]])
    found = read(tmp_path, "\r\n".join(rows).encode("cp1252"))
    assert found.warnings
    assert found.refusal is None


def test_rows_that_cannot_be_read_are_listed_and_the_others_kept(tmp_path: Path) -> None:
    text = (
        "Date,Text,Amount\n2026-01-13,good,-10.00\n2026-02-30,no such day,-5.00\n2026-01-15,garbled,12..34\n"
        "2026-01-16,too many,1,00\n,no date,7.00\n2026-01-17,good,3.00\n"
    )
    found = read(tmp_path, text)
    assert [m["text"] for m in found.movements] == ["good", "good"]
    assert [item.row for item in found.rejected] == [3, 4, 5, 6]
    assert all(item.reason for item in found.rejected)


@pytest.mark.parametrize(
    ("text", "option", "question"),
    [
        ("Date,Text,Amount\n02/03/2026,a,1.50\n", ReadOptions(date_order="mdy"), "--date-order"),
        ("Date,Text,Amount\n2026-03-02,a,1.500\n", ReadOptions(decimal_mark="."), "--decimal-mark"),
    ],
)
def test_what_a_file_leaves_open_is_asked_and_an_answer_settles_it(
    tmp_path: Path, text: str, option: ReadOptions, question: str
) -> None:
    open_ = read(tmp_path, text)
    assert open_.records == 0
    assert question in (open_.refusal or "")
    (movement,) = read(tmp_path, text, option).movements
    assert (movement["date"], Decimal(movement["amount"])) in {
        ("2026-02-03", Decimal("1.50")),
        ("2026-03-02", Decimal("1.5")),
    }


def test_two_unsigned_columns_without_headers_are_settled_by_the_balance_or_refused(tmp_path: Path) -> None:
    with_balance = "13/01/2026;a;10,00;;90,00\n14/01/2026;b;;5,00;95,00\n15/01/2026;c;1,00;;94,00\n"
    assert [m["amount"] for m in read(tmp_path, with_balance).movements] == ["-10.00", "5.00", "-1.00"]
    without = "\n".join(line.rsplit(";", 1)[0] for line in with_balance.split("\n"))
    assert "money in from money out" in (read(tmp_path, without).refusal or "")


def test_pending_rows_are_left_out_with_a_word(tmp_path: Path) -> None:
    found = read(
        tmp_path, "Date,Text,Amount,Status\n2026-01-13,a,-10.00,Completed\n2026-01-14,b,-5.00,Pending\n"
    )
    assert found.records == 1
    assert "Pending" in found.warnings[0]


def test_a_concept_of_several_lines_stays_one_movement(tmp_path: Path) -> None:
    found = read(
        tmp_path, "Fecha;Concepto;Importe\n13/01/2026;RECIBO;-10,00\n;SEGUNDA LINEA;\n14/01/2026;b;1,00\n"
    )
    assert [m["text"] for m in found.movements] == ["RECIBO SEGUNDA LINEA", "b"]
    assert found.rejected == []


def test_an_unquoted_decimal_comma_in_a_comma_file_is_never_read_as_whole_euros(tmp_path: Path) -> None:
    found = read(tmp_path, "Date,Text,Amount\n2026-01-13,a,-17,22\n2026-01-14,b,-5,10\n")
    assert found.records == 0
    assert found.rejected


def test_a_foreign_price_is_not_the_account_s_currency(tmp_path: Path) -> None:
    found = read(
        tmp_path, "Date,Text,Amount,Original Currency\n2026-01-13,a,-10.00,USD\n2026-01-14,b,-5.00,GBP\n"
    )
    assert found.totals == {"XXX": Decimal("-15.00")}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "cp850"])
def test_spanish_letters_survive_every_encoding(tmp_path: Path, encoding: str) -> None:
    text = "Fecha;Descripción;Importe\n13/01/2026;Cigüeña pequeña, año máquina según opinión;-10,00\n"
    found = read(tmp_path, text.encode(encoding))
    assert found.movements[0]["text"] == "Cigüeña pequeña, año máquina según opinión"
    assert found.encoding == encoding


def test_the_euro_sign_of_cp1252_names_the_currency(tmp_path: Path) -> None:
    found = read(tmp_path, "Fecha;Descripción;Importe\n13/01/2026;Peña;-10,00 €\n".encode("cp1252"))
    assert found.totals == {"EUR": Decimal("-10.00")}


def test_ten_thousand_lines_take_well_under_two_seconds(tmp_path: Path) -> None:
    rows = [
        f"{1 + i % 28:02d}/{1 + i % 12:02d}/2026;PAGO {i};-{i % 900},{i % 100:02d};EUR" for i in range(10_000)
    ]
    started = time.process_time()
    found = read(tmp_path, "Fecha;Concepto;Importe;Divisa\n" + "\n".join(rows) + "\n")
    assert found.records == 10_000
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    ("text", "amounts"),
    [
        # A card list where only money in is marked, and what is not booked says so in the date's place.
        ("Date,Description,Amount,\nPending,A,£6.00,\n13-Jan-2026,B,£5.00,\n14-Jan-2026,C,+ £9.00,CR\n", ["-5.00", "9.00"]),
        # Zeros stand in the empty one of two columns.
        ("01/13/2026,0,In,0,500.00,500.00\n01/14/2026,7,Out,100.00,0,400.00\n01/15/2026,8,Out,50.00,0,350.00\n", ["500.00", "-100.00", "-50.00"]),
        # Hungarian words and dates with a dot at the end.
        ("Tranzakció dátuma,Partner,Összege,Devizaneme,Bevétel/Kiadás\n2026.01.13.,A,-350,HUF,outflow\n2026.01.14.,B,1290,HUF,inflow\n", ["-350.00", "1290.00"]),
        # The same balance on every line, no headers.
        ("13/01/2026,A,8.19,,1000.00\n14/01/2026,B,8.55,,1000.00\n15/01/2026,C,9.14,,1000.00\n", ["8.19", "8.55", "9.14"]),
        # German compounds and two-digit years.
        ("Belegdatum;Buchungsdatum;Originalbetrag;Buchungsbetrag;Buchungswährung;Beschreibung\n20.02.26;21.02.26;-7,00;-5,00;EUR;X\n", ["-5.00"]),
        # A first line that only tells a spreadsheet the delimiter.
        ("sep=;\nFecha;Concepto;Importe\n13/01/2026;A;-5,00\n", ["-5.00"]),
    ],
    ids=["card marks", "zeros", "Hungarian", "constant balance", "German compounds", "sep line"],
)  # fmt: skip
def test_habits_seen_in_real_files_are_understood(tmp_path: Path, text: str, amounts: list[str]) -> None:
    assert [m["amount"] for m in read(tmp_path, text).movements] == amounts
