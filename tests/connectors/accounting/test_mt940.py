"""MT940 and MT942: the signs of reversals, what banks do to lines, and balances that prove every amount."""

from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from connectors.accounting import Format, ImportedFile, ReadOptions, read_file
from tests.connectors.accounting.statements import LINES, Line
from tests.connectors.accounting.written import mt940

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
DEFAULTS = ReadOptions()
HEAD = ":20:X\r\n:25:NL71RABO0123456789EUR\r\n:28C:1/1\r\n:60F:C260228EUR100,00\r\n"


def read(folder: Path, content: bytes | str, options: ReadOptions = DEFAULTS) -> ImportedFile:
    path = folder / "x.sta"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_file(path, options)


@given(one=LINES, two=LINES)
@QUICK
def test_every_account_of_a_file_is_read_back_to_the_cent(
    tmp_path: Path, one: list[Line], two: list[Line]
) -> None:
    found = read(tmp_path, mt940([("ACCOUNT1", one), ("ACCOUNT2", two)]))
    assert found.format is Format.MT940
    assert (found.rejected, found.warnings, found.verified) == ([], [], ["closing balance"])
    for account, lines in (("ACCOUNT1", one), ("ACCOUNT2", two)):
        back = [
            (date.fromisoformat(m["date"]), m["text"], Decimal(m["amount"]))
            for m in found.movements
            if m["account"] == account
        ]
        assert back == lines
    assert len({m["key"] for m in found.movements}) == len(one) + len(two)


@pytest.mark.parametrize(
    ("mark", "amount"),
    [("C", "12.50"), ("D", "-12.50"), ("RC", "-12.50"), ("RD", "12.50"), ("CR", "12.50"), ("RCR", "-12.50")],
)
def test_a_reversal_goes_against_what_it_reverses(tmp_path: Path, mark: str, amount: str) -> None:
    closing = f"{100 + Decimal(amount):.2f}".replace(".", ",")
    text = f"{HEAD}:61:2603010301{mark}12,5NTRFNONREF\r\n:62F:C260301EUR{closing}\r\n-\r\n"
    found = read(tmp_path, text)
    assert [m["amount"] for m in found.movements] == [amount]
    assert (found.warnings, found.movements[0]["account"]) == ([], "NL71RABO0123456789")


def test_an_entry_date_without_a_year_is_the_one_next_to_the_value_date(tmp_path: Path) -> None:
    lines = (
        ":61:2512311231D1,00NTRFNONREF\r\n:61:2512310102D1,00NTRFNONREF\r\n:61:2601011231D1,00NTRFNONREF\r\n"
    )
    found = read(tmp_path, f"{HEAD}{lines}:62F:C260102EUR97,00\r\n-\r\n")
    assert [m["date"] for m in found.movements] == ["2025-12-31", "2026-01-02", "2025-12-31"]


def test_a_movement_broken_over_two_lines_is_read_whole(tmp_path: Path) -> None:
    text = f"{HEAD}:61:2603010301C1\r\n2,50NTRFNONREF\r\n:62F:C260301EUR112,50\r\n-\r\n"
    assert [m["amount"] for m in read(tmp_path, text).movements] == ["12.50"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (
            ":86:166?00GUTSCHRIFT?20SVWZ+Rechn?21ung 12?32ACME\r\n GmbH",
            "ACME GmbH · SVWZ+Rechnung 12 · GUTSCHRIFT",
        ),
        (":86:/BENM//NAME/JOHN DOE/REMI/Invoice 12/ISDT/2026-03-01", "JOHN DOE · Invoice 12"),
        (":86:RECIBO LUZ\r\nMARZO", "RECIBO LUZ MARZO"),
    ],
)
def test_the_three_ways_to_describe_a_movement_are_understood(
    tmp_path: Path, content: str, text: str
) -> None:
    made = f"{HEAD}:61:2603010301C12,5NTRFNONREF\r\n{content}\r\n:62F:C260301EUR112,50\r\n-\r\n"
    assert [m["text"] for m in read(tmp_path, made).movements] == [text]


def test_pages_of_one_statement_must_follow_each_other(tmp_path: Path) -> None:
    page = ":20:X\r\n:25:A\r\n:28C:1/{n}\r\n:60{a}:C260301EUR{o},00\r\n:61:2603010301C10,NTRFNONREF\r\n:62{b}:C260301EUR{c},00\r\n-\r\n"
    first = page.format(n=1, a="F", o=100, b="M", c=110)
    assert read(tmp_path, first + page.format(n=2, a="M", o=110, b="F", c=120)).warnings == []
    lost = read(tmp_path, first + page.format(n=2, a="M", o=120, b="F", c=130))
    assert "may be missing" in lost.warnings[0]


def test_an_interim_report_is_checked_by_its_sums_and_says_when_it_has_none(tmp_path: Path) -> None:
    head = ":20:X\r\n:25:A\r\n:28C:1/1\r\n:34F:EURD0,00\r\n:13D:2603011200+0100\r\n:61:2603010301C12,5NTRFNONREF\r\n"
    found = read(tmp_path, f"{head}:90D:0EUR0,00\r\n:90C:1EUR12,50\r\n-\r\n")
    assert (found.totals, found.warnings) == ({"EUR": Decimal("12.50")}, [])
    assert found.verified == ["sums of debits and credits"]
    assert "sum (:90C:)" in read(tmp_path, f"{head}:90D:0EUR0,00\r\n:90C:1EUR12,51\r\n-\r\n").warnings[0]
    assert read(tmp_path, f"{head}-\r\n").verified == []


def test_what_is_only_expected_is_no_movement(tmp_path: Path) -> None:
    found = read(tmp_path, f"{HEAD}:61:2603010301EC12,5NTRFNONREF\r\n:62F:C260301EUR100,00\r\n-\r\n")
    assert found.movements == []
    assert [(left.reason, left.rows) for left in found.left] == [("expected, not booked", 1)]


def test_a_file_cut_before_its_closing_balance_is_refused(tmp_path: Path) -> None:
    found = read(tmp_path, f"{HEAD}:61:2603010301C12,5NTRFNONREF\r\n")
    assert "half-written" in (found.refusal or "")
