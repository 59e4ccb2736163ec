"""Files that must not be taken in: each refused whole, with a reason that says what to do."""

import gzip
import io
import os
import random
import struct
import zipfile
from pathlib import Path

import pytest

from connectors.accounting import Format, ImportedFile, ReadOptions, read_file, sniff
from connectors.accounting.readers import READERS

MIB = 1024 * 1024
UNREAD = [
    ("!TRNS\tDATE\tACCNT\tAMOUNT\n!SPL\tDATE\tACCNT\tAMOUNT\n!ENDTRNS\n", Format.QUICKBOOKS_IIF, "IIF"),
    ('<?xml version="1.0"?><Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.052.001.02"><BkToCstmrAcctRpt/></Document>', Format.CAMT_OTHER, "CAMT"),
    ("*ContactName,EmailAddress,*InvoiceNumber,*InvoiceDate,Total\nA,,1,10/01/2026,5.00\n", Format.XERO_INVOICES, "Xero"),
    ("Type,Account Reference,Nominal A/C Ref,Department Code,Date,Reference,Details,Net Amount,Tax Code,Tax Amount\nSI,A,4000,,13/01/2026,1,x,10.00,T1,2.10\n", Format.SAGE_AUDIT_TRAIL, "Sage"),
    ("Num factura;Fecha dd/mm/yyyy;Nombre del contacto;Precio unidad\n1;13/01/2026;A;10,00\n", Format.HOLDED, "Holded"),
    ("Client Name,Invoice #,Date Issued,Line Total,Currency\nA,001,2026-01-13,10.00,EUR\n", Format.INVOICE_LIST, "invoices"),
    ("Date,Type,Name,Account,Amount\n01/13/2026,Invoice,A,Sales,10.00\n01/14/2026,Bill,B,Rent,5.00\n", Format.QUICKBOOKS_REPORT, "Journal report"),
    ('{"object": "list", "data": []}', Format.JSON, "JSON"),
    ("%PDF-1.7\n", Format.PDF, "PDF"),
    ("<html><body>Session expired</body></html>", None, "HTML"),
]  # fmt: skip
DEFAULTS = ReadOptions()


def read(folder: Path, content: bytes | str, options: ReadOptions = DEFAULTS) -> ImportedFile:
    path = folder / "x.csv"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_file(path, options)


def assert_refused(found: ImportedFile, words: str) -> None:
    assert (found.records, found.totals) == (0, {})
    assert words in (found.refusal or "")


@pytest.mark.parametrize(("content", "format_", "words"), UNREAD, ids=[row[2] for row in UNREAD])
def test_a_known_format_that_is_not_read_is_refused_by_its_name(
    tmp_path: Path, content: str, format_: Format | None, words: str
) -> None:
    found = read(tmp_path, content)
    assert_refused(found, words)
    if format_ is not None:
        assert found.format == sniff(tmp_path / "x.csv") == format_
        assert format_ not in READERS


def test_a_dbase_table_that_is_no_journal_is_refused_by_its_name(tmp_path: Path) -> None:
    header = (
        struct.pack("<B3BIHH20x", 3, 126, 3, 31, 0, 65, 20)
        + b"COD".ljust(11, b"\0")
        + b"N"
        + bytes(20)
        + b"\r\x1a"
    )
    assert_refused(read(tmp_path, header), "dBase")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b" \r\n\r\n", "nothing but blanks"),
        (b"\xef\xbb\xbf", "nothing but blanks"),
        (bytes(4000), "blanks"),
    ],
)
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    assert_refused(read(tmp_path, content), words)


def test_a_file_over_the_limit_is_refused_unread(tmp_path: Path) -> None:
    text = "Date,Text,Amount\n" + "2026-01-13,a,1.00\n" * 70_000
    assert_refused(read(tmp_path, text, ReadOptions(max_bytes=MIB)), "larger than 1 MiB")


def test_more_rows_than_allowed_are_refused(tmp_path: Path) -> None:
    assert_refused(
        read(tmp_path, "Date,Text,Amount\n" + "2026-01-13,a,1.00\n" * 20, ReadOptions(max_rows=10)),
        "more than 10 rows",
    )


def test_a_decompression_bomb_is_refused_before_it_expands(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", bytes(30 * MIB))
    assert len(out.getvalue()) < MIB
    assert_refused(read(tmp_path, out.getvalue(), ReadOptions(max_expanded_bytes=10 * MIB)), "would expand")


@pytest.mark.parametrize("share", [20, 60, 95])
def test_a_workbook_cut_off_is_refused(tmp_path: Path, share: int) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>" * 500)
    whole = out.getvalue()
    assert_refused(read(tmp_path, whole[: len(whole) * share // 100]), "cut off or damaged")


def test_archives_are_not_opened(tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("statement.csv", "Date,Text,Amount\n2026-01-13,a,1.00\n")
    assert_refused(read(tmp_path, out.getvalue()), "unpack")
    assert_refused(read(tmp_path, gzip.compress(b"x")), "unpack")


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_are_refused_and_never_crash(tmp_path: Path, seed: int) -> None:
    found = read(tmp_path, random.Random(seed).randbytes(3000))
    assert found.refusal
    assert found.records == 0


@pytest.mark.parametrize(
    "text",
    [
        "Date,Text,Amount\n2026-01-13,a,-10.00\n2026-01-14,b,-5.00\n2026-01-15,c",
        "Date,Text,Amount\n2026-01-13,a,-10.00\n2026-01-14,b,-5.00\n2026-01",
        'Date,Text,Amount\n2026-01-13,a,-10.00\n2026-01-14,b,-5.00\n2026-01-15,"c and then',
        "Date,Text,Amount\n2026-01-13,a,-10.00\n2026-01-14,b,-5.00\n2026-01-15,c,-6.00\n2026-01-16,d,-62.4",
    ],
    ids=["a field missing", "within the date", "within quotes", "within the last number"],
)
def test_a_bank_file_cut_within_its_last_line_is_refused(tmp_path: Path, text: str) -> None:
    assert_refused(read(tmp_path, text), "half-written")


def test_a_file_cut_within_a_letter_is_refused_and_not_read_in_another_encoding(tmp_path: Path) -> None:
    text = "Fecha;Concepto;Importe\n13/01/2026;Señal;-10,00\n14/01/2026;Señ".encode()
    assert_refused(read(tmp_path, text[:-1]), "middle of a character")


def test_a_last_line_without_a_line_end_is_no_fault(tmp_path: Path) -> None:
    found = read(tmp_path, "Date,Text,Amount\n2026-01-13,a,-10.00\n2026-01-14,b,-5.00\n2026-01-15,c,-1.00")
    assert (found.records, found.refusal) == (3, None)


def test_a_text_without_dates_and_money_is_not_recognised(tmp_path: Path) -> None:
    found = read(tmp_path, "name,colour\nA,blue\nB,red\n")
    assert_refused(found, "No accounting format")
    assert found.format is None
    assert sniff(tmp_path / "x.csv") is None


def test_what_is_no_file_is_refused_without_waiting(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        read_file(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    assert_refused(read_file(tmp_path / "pipe"), "no regular file")
