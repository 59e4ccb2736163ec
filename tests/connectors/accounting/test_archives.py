"""Archives: what is in them is read as if it stood alone; what could harm is refused with a sentence."""

import gzip
import io
import stat
import struct
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.accounting import Format, ReadOptions, Refused
from connectors.accounting.archives import MAX_MEMBERS, members, read_archive
from connectors.accounting.recognise import is_archive
from tests.connectors.accounting.written import dbf, diario

MIB = 1024 * 1024
CSV = b"Date,Text,Amount\n2026-01-13,a,-1.00\n2026-01-14,b,-2.00\n"
DEFAULTS = ReadOptions()


def packed(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def refusal(data: bytes, options: ReadOptions = DEFAULTS) -> str:
    with pytest.raises(Refused) as caught:
        list(members(data, options))
    return str(caught.value)


def test_each_file_of_an_archive_is_read_under_its_name(tmp_path: Path) -> None:
    path = tmp_path / "bank.zip"
    path.write_bytes(packed({"2026/a.csv": CSV, "b.txt": b"nothing of interest", "__MACOSX/._a.csv": b"x"}))
    found = read_archive(path)
    assert [(each.file, each.records) for each in found] == [
        ("bank.zip/2026/a.csv", 2),
        ("bank.zip/b.txt", 0),
    ]
    assert found[1].refusal
    assert list(tmp_path.iterdir()) == [path]


def test_an_archive_in_an_archive_is_opened_and_no_deeper() -> None:
    inner = packed({"a.csv": CSV})
    assert list(members(packed({"in.zip": inner}))) == [("in.zip/a.csv", CSV)]
    assert list(members(packed({"a.csv.gz": gzip.compress(CSV)}))) == [("a.csv.gz/content", CSV)]
    assert "within another" in refusal(packed({"out.zip": packed({"in.zip": inner})}))


def test_a_workbook_is_no_archive() -> None:
    book = packed({"xl/workbook.xml": b"<workbook/>", "[Content_Types].xml": b"<x/>"})
    assert (is_archive(book), is_archive(packed({"a.csv": CSV})), is_archive(gzip.compress(CSV))) == (
        False,
        True,
        True,
    )
    assert list(members(packed({"book.xlsx": book}))) == [("book.xlsx", book)]


@pytest.mark.parametrize(
    "name", ["../x.csv", "a/../../x.csv", "/etc/x.csv", "C:/x.csv", "..\\x.csv", "\\\\host\\x.csv"]
)
def test_a_path_that_leaves_the_archive_is_refused(name: str) -> None:
    assert "leads out of it" in refusal(packed({"a.csv": CSV, name: CSV}))


def test_a_link_is_refused() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        info = zipfile.ZipInfo("a.csv")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(info, "/etc/passwd")
    assert "leads out of it" in refusal(out.getvalue())


def test_a_bomb_by_ratio_is_refused_before_it_is_opened() -> None:
    data = packed({"a.csv": bytes(20 * MIB)})
    assert len(data) < 100_000
    assert "200 times" in refusal(data)
    assert "beyond" in refusal(gzip.compress(bytes(30 * MIB)))


def test_a_bomb_by_size_is_refused_before_it_is_opened() -> None:
    data = packed({f"{n}.csv": bytes(3 * MIB) for n in range(4)}, zipfile.ZIP_STORED)
    assert "over the limit" in refusal(data, ReadOptions(max_expanded_bytes=10 * MIB))


def test_archives_within_share_one_limit() -> None:
    inner = packed({"a.csv": bytes(3 * MIB)}, zipfile.ZIP_STORED)
    data = packed({f"{n}.zip": inner for n in range(2)}, zipfile.ZIP_STORED)
    assert "limit" in refusal(data, ReadOptions(max_expanded_bytes=8 * MIB))


def test_a_bomb_by_number_is_refused() -> None:
    assert "more than" in refusal(packed({f"{n}.csv": b"" for n in range(MAX_MEMBERS + 1)}))


def test_encrypted_files_are_named() -> None:
    data = bytearray(packed({"open.csv": CSV, "locked.csv": CSV}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = data.rindex(signature) + offset
        data[at : at + 2] = struct.pack("<H", 1)
    said = refusal(bytes(data))
    assert "encrypted: locked.csv." in said


def test_a_member_longer_than_it_says_is_refused() -> None:
    data = bytearray(packed({"a.csv": CSV}, zipfile.ZIP_STORED))
    for signature, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.rindex(signature) + offset
        data[at : at + 4] = struct.pack("<I", len(CSV) + 5)
    assert "damaged" in refusal(bytes(data))


@pytest.mark.parametrize("share", [10, 50, 90, 99])
def test_a_cut_archive_is_refused(share: int) -> None:
    whole = packed({"a.csv": CSV * 50})
    assert "damaged" in refusal(whole[: len(whole) * share // 100])
    squeezed = gzip.compress(CSV * 50)
    assert refusal(squeezed[: len(squeezed) * share // 100])


def test_of_a_contaplus_backup_the_journals_are_read_and_companies_stay_apart(tmp_path: Path) -> None:
    journal = diario([(1, date(2026, 1, 1), "a", [("43", Decimal(1)), ("70", Decimal(-1))])])
    accounts = dbf((("COD", "C", 12, 0), ("TITULO", "C", 40, 0)), [{"COD": "43", "TITULO": "Clientes"}])
    path = tmp_path / "copia.zip"
    files = {"Emp01/Diario.dbf": journal, "Emp01/SubCta.dbf": accounts, "Emp01/Diario.cdx": b"index"}
    path.write_bytes(packed(files))
    (found,) = read_archive(path)
    assert (found.format, found.records, found.refusal) == (Format.CONTAPLUS, 1, None)
    path.write_bytes(packed({**files, "Emp02/DIARIO.DBF": journal}))
    one, other = read_archive(path)
    assert one.entries[0]["key"] != other.entries[0]["key"]


def test_external_entities_in_a_member_are_refused(tmp_path: Path) -> None:
    text = (
        '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
        '<fe:Facturae xmlns:fe="http://www.facturae.es/Facturae/2009/v3.2/Facturae">&x;</fe:Facturae>'
    )
    path = tmp_path / "x.zip"
    path.write_bytes(packed({"invoice.xsig": text.encode()}))
    (found,) = read_archive(path)
    assert "entities" in (found.refusal or "")
