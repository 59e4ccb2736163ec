"""The journal of ContaPlus: asientos to the cent from DIARIO.DBF and XDIARIO.TXT."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.accounting import Format, ImportedFile, ReadOptions, read_file
from tests.connectors.accounting.written import DIARIO, Asiento, dbf, diario, xdiario

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
DEFAULTS = ReadOptions()
CENTS = st.integers(-99_999_999, 99_999_999).map(lambda cents: Decimal(cents).scaleb(-2))
ACCOUNTS = st.sampled_from(["430000001", "572000001", "700000000", "477000021", "629000000"])


@st.composite
def books(draw: st.DrawFn) -> list[Asiento]:
    made: list[Asiento] = []
    for number in range(1, draw(st.integers(1, 8)) + 1):
        lines = draw(st.lists(st.tuples(ACCOUNTS, CENTS), min_size=1, max_size=5))
        rest = -sum((amount for _, amount in lines), Decimal(0))
        day = draw(st.dates(date(2020, 1, 1), date(2029, 12, 31)))
        made.append(
            (number, day, draw(st.sampled_from(["Clínica Ñandú", "Fra. 12"])), [*lines, ("555000000", rest)])
        )
    return made


def read(folder: Path, content: bytes, options: ReadOptions = DEFAULTS) -> ImportedFile:
    path = folder / "x.dbf"
    path.write_bytes(content)
    return read_file(path, options)


@given(book=books(), as_text=st.booleans())
@QUICK
def test_a_journal_is_read_back_to_the_cent(tmp_path: Path, book: list[Asiento], as_text: bool) -> None:
    found = read(tmp_path, xdiario(book) if as_text else diario(book))
    assert (found.format, found.rejected, found.warnings) == (Format.CONTAPLUS, [], [])
    assert found.verified == ["debits = credits"]
    back = [
        (
            int(entry["document"]),
            date.fromisoformat(entry["date"]),
            entry["memo"],
            [(line["account"], Decimal(line["debit"]) - Decimal(line["credit"])) for line in entry["lines"]],
        )
        for entry in found.entries
    ]
    assert back == book
    assert {entry["currency"] for entry in found.entries} == {"EUR"}


def test_a_deleted_record_is_no_part_of_the_books(tmp_path: Path) -> None:
    live = {"ASIEN": "1", "FECHA": "20260110", "SUBCTA": "43", "EURODEBE": "5.00", "EUROHABER": "5.00"}
    found = read(tmp_path, dbf(DIARIO, [live, {**live, "ASIEN": "2", "*": ""}]))
    assert found.records == 1
    assert [(left.reason, left.rows) for left in found.left] == [("deleted", 1)]


def test_an_asiento_that_does_not_balance_is_left_out_with_its_number(tmp_path: Path) -> None:
    record = {"ASIEN": "7", "FECHA": "20260110", "SUBCTA": "43", "EURODEBE": "5.00", "EUROHABER": "0.00"}
    found = read(tmp_path, dbf(DIARIO, [record]))
    assert found.records == 0
    assert "asiento 7 does not balance" in found.rejected[0].reason


def test_pesetas_are_not_taken_for_euros(tmp_path: Path) -> None:
    record = {"ASIEN": "1", "FECHA": "19980110", "SUBCTA": "43", "PTADEBE": "1000", "PTAHABER": "1000"}
    found = read(tmp_path, dbf(DIARIO, [record]))
    assert found.records == 0
    assert "pesetas" in found.rejected[0].reason


def test_a_file_with_fewer_records_than_it_says_is_refused(tmp_path: Path) -> None:
    whole = diario([(1, date(2026, 1, 1), "a", [("43", Decimal(1)), ("70", Decimal(-1))])])
    found = read(tmp_path, whole[:-30])
    assert "half-written" in (found.refusal or "")


@pytest.mark.parametrize("name", [None, "Emp01"])
def test_a_journal_exported_again_keeps_its_keys(tmp_path: Path, name: str | None) -> None:
    book: list[Asiento] = [(1, date(2026, 1, 1), "a", [("43", Decimal(1)), ("70", Decimal(-1))])]
    longer: list[Asiento] = [*book, (2, date(2026, 1, 2), "b", [("43", Decimal(2)), ("70", Decimal(-2))])]
    options = ReadOptions(account=name)
    first = {e["key"] for e in read(tmp_path, diario(book), options).entries}
    assert first < {e["key"] for e in read(tmp_path, diario(longer), options).entries}
    other = {e["key"] for e in read(tmp_path, diario(book), ReadOptions(account="Emp02")).entries}
    assert not first & other
