"""Norma 43: what banks deliver is read to the cent, and no digit of it can change unnoticed."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.accounting import Format, ImportedFile, read_file
from tests.connectors.accounting.statements import LINES, Line, norma43

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
FIRST, SECOND = "004915002810345678", "210000010200123456"
SMALL: list[Line] = [
    (date(2026, 3, 2), "TRANSFERENCIA A SU FAVOR", Decimal("1200.00")),
    (date(2026, 3, 2), "RECIBO AGUA", Decimal("-35.10")),
    (date(2026, 3, 2), "RECIBO AGUA", Decimal("-35.10")),
]


def read(folder: Path, content: bytes) -> ImportedFile:
    path = folder / "x.txt"
    path.write_bytes(content)
    return read_file(path)


@given(one=LINES, two=LINES, trimmed=st.booleans())
@QUICK
def test_every_account_of_a_file_is_read_back_to_the_cent(
    tmp_path: Path, one: list[Line], two: list[Line], trimmed: bool
) -> None:
    found = read(tmp_path, norma43([(FIRST, one), (SECOND, two)], trimmed=trimmed))
    assert found.format is Format.NORMA43
    assert (found.rejected, found.warnings) == ([], [])
    for account, lines in ((FIRST, one), (SECOND, two)):
        read_back = [
            (date.fromisoformat(m["date"]), Decimal(m["amount"]))
            for m in found.movements
            if m["account"] == account
        ]
        assert read_back == [(day, amount) for day, _, amount in lines]
    assert len({m["key"] for m in found.movements}) == len(one) + len(two)


# Positions (0-based) whose digits carry money, counts, account, currency or sign, by record type.
GUARDED = {"11": [*range(2, 20), *range(32, 50)], "22": range(27, 42), "33": range(2, 76), "88": range(2, 26)}
PLACES = [
    (line, position)
    for line, text in enumerate(norma43([(FIRST, SMALL)]).decode("cp850").split("\r\n"))
    for position in GUARDED.get(text[:2], ())
]


@given(place=st.sampled_from(PLACES), step=st.integers(1, 9))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_digit_of_an_amount_or_a_trailer_is_always_reported(
    tmp_path: Path, place: tuple[int, int], step: int
) -> None:
    lines = norma43([(FIRST, SMALL)]).decode("cp850").split("\r\n")
    line, position = place
    old = lines[line][position]
    lines[line] = f"{lines[line][:position]}{(int(old) + step) % 10}{lines[line][position + 1 :]}"
    found = read(tmp_path, "\r\n".join(lines).encode("cp850"))
    assert found.warnings or found.rejected


@pytest.mark.parametrize("kept", range(1, len(norma43([(FIRST, SMALL)])) - 60, 7))
def test_a_file_cut_anywhere_is_refused_or_said_to_be_cut(tmp_path: Path, kept: int) -> None:
    whole = norma43([(FIRST, SMALL), (SECOND, SMALL)])
    found = read(tmp_path, whole[:kept])
    assert found.refusal is not None or found.warnings


def test_a_file_without_its_trailer_is_refused_as_half_written(tmp_path: Path) -> None:
    lines = norma43([(FIRST, SMALL)]).split(b"\r\n")
    found = read(tmp_path, b"\r\n".join(line for line in lines if not line.startswith(b"33")))
    assert found.records == 0
    assert "half-written" in (found.refusal or "")


def test_a_missing_end_record_is_said(tmp_path: Path) -> None:
    lines = norma43([(FIRST, SMALL)]).split(b"\r\n")
    found = read(tmp_path, b"\r\n".join(line for line in lines if not line.startswith(b"88")))
    assert found.records == 3
    assert "88" in found.warnings[0]


def test_identical_receipts_of_one_day_keep_their_keys_in_an_overlapping_file(tmp_path: Path) -> None:
    more = [*SMALL, (date(2026, 3, 5), "RECIBO AGUA", Decimal("-35.10"))]
    first = {m["key"] for m in read(tmp_path, norma43([(FIRST, SMALL)])).movements}
    second = {m["key"] for m in read(tmp_path, norma43([(FIRST, more)])).movements}
    other_account = {m["key"] for m in read(tmp_path, norma43([(SECOND, SMALL)])).movements}
    assert first < second
    assert not first & other_account


@pytest.mark.parametrize("encoding", ["cp850", "cp1252", "utf-8"])
def test_spanish_letters_survive_what_banks_call_ascii(tmp_path: Path, encoding: str) -> None:
    line: Line = (date(2026, 3, 2), "CLÍNICA ÑANDÚ, señal año", Decimal("10.00"))
    found = read(tmp_path, norma43([(FIRST, [line])]).decode("cp850").encode(encoding))
    assert found.movements[0]["text"] == "CLÍNICA ÑANDÚ, señal año"
