"""No byte of an amount that a balance, a total or the other side covers can change without being reported."""

import re
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.accounting import ImportedFile
from connectors.accounting.reading import read_bytes
from tests.connectors.accounting.statements import SPANISH, Line, norma43, statement
from tests.connectors.accounting.written import Asiento, camt053, diario, mt940, xdiario

LINES: list[Line] = [
    (date(2026, 3, 2), "TRANSFERENCIA", Decimal("1200.00")),
    (date(2026, 3, 2), "RECIBO AGUA", Decimal("-35.10")),
    (date(2026, 3, 3), "RECIBO AGUA", Decimal("-35.10")),
    (date(2026, 3, 9), "CAFE", Decimal("-1.05")),
]
ASIENTOS: list[Asiento] = [
    (
        1,
        date(2026, 1, 10),
        "Fra. 1001",
        [("430000001", Decimal("1210.00")), ("700000000", Decimal("-1210.00"))],
    ),
    (2, date(2026, 1, 20), "Cobro", [("572000001", Decimal("99.05")), ("430000001", Decimal("-99.05"))]),
]
ACCOUNT = "004915002810345678"
# A file and the places of its amounts, with their signs.
FILES: dict[str, tuple[bytes, str]] = {
    "norma43": (norma43([(ACCOUNT, LINES)]), r"^22.{25}(\d{15})|^11.{30}(\d{15})|^33.{18}(\d{54})"),
    "mt940": (mt940([("A", LINES)]), r"^:61:\d{10}([CD]\d+,\d\d)|^:6[02]F:([CD])\d{6}|EUR(\d+,\d\d)"),
    "camt053": (camt053([("ES1", LINES)]), r">([\d.]+)</Amt>|>((?:CRDT|DBIT))<"),
    "diario": (diario(ASIENTOS), r"\s{1,}(\d+\.\d\d)(?=\s|0| )"),
    "xdiario": (xdiario(ASIENTOS), r" 2( +[\d.]+\d\d +[\d.]+\d\d) "),
    "bank table": (
        statement(LINES, SPANISH),
        r"AGUA;([-\d,.]+);([-\d,.]+)|CAFE;([-\d,.]+);([-\d,.]+)|Total;;(.*?);",
    ),
}


def places(name: str) -> list[int]:
    made, pattern = FILES[name]
    text = made.decode("latin-1")
    spans = [m.span(g) for m in re.finditer(pattern, text, re.MULTILINE) for g in range(1, (m.re.groups) + 1)]
    return [at for start, end in spans if start >= 0 for at in range(start, end)]


def figures(found: ImportedFile) -> list[object]:
    lines = [
        (e["date"], [(x["account"], Decimal(x["debit"]), Decimal(x["credit"])) for x in e["lines"]])
        for e in found.entries
    ]
    return [*lines, *sorted((m["date"], m["currency"], Decimal(m["amount"])) for m in found.movements)]


@pytest.mark.parametrize("name", FILES)
@given(data=st.data())
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_changed_byte_of_an_amount_is_reported_or_changes_nothing(name: str, data: st.DataObject) -> None:
    made, _ = FILES[name]
    place = data.draw(st.sampled_from(places(name)))
    byte = data.draw(st.one_of(st.integers(0, 255), st.sampled_from(b"0123456789 .,-+CD\r\n")))
    before = read_bytes("x", made)
    after = read_bytes("x", made[:place] + bytes([byte]) + made[place + 1 :])
    assert (before.warnings, before.rejected) == ([], [])
    assert before.verified
    if figures(after) != figures(before):
        assert after.warnings or after.rejected


@pytest.mark.parametrize("name", FILES)
def test_every_digit_of_an_amount_is_covered(name: str) -> None:
    made, _ = FILES[name]
    silent = []
    for place in places(name):
        if not chr(made[place]).isdigit():
            continue
        changed = bytes([48 + (made[place] - 48 + 1) % 10])
        after = read_bytes("x", made[:place] + changed + made[place + 1 :])
        if not (after.warnings or after.rejected):
            silent.append(place)
    assert silent == []
