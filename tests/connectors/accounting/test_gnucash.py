"""GnuCash: the same book from SQLite and from packed XML, without templates and voided transactions."""

import gzip
import sqlite3
from collections.abc import Callable
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.accounting import Format, ReadOptions
from connectors.accounting.reading import read_bytes

Transaction = tuple[date, str, list[tuple[str, int]]]  # day, text, accounts with cents
ACCOUNTS = {
    "root": ("Root", "ROOT", ""),
    "assets": ("Assets", "ASSET", "root"),
    "bank": ("Bank", "BANK", "assets"),
}
ACCOUNTS |= {
    "food": ("Food", "EXPENSE", "root"),
    "tmpl": ("Template Root", "ROOT", ""),
    "t1": ("x", "BANK", "tmpl"),
}
PATHS = {"Assets:Bank": "bank", "Food": "food"}
BOOKS = st.lists(
    st.tuples(
        st.dates(date(2000, 1, 1), date(2029, 12, 31)),
        st.sampled_from(["Café", "Rent & co <1>"]),
        st.integers(-99_999_999, 99_999_999).map(lambda cents: [("bank", -cents), ("food", cents)]),
    ),
    min_size=1,
    max_size=8,
)


def sqlite(book: list[Transaction], template: bool = False, voided: bool = False) -> bytes:
    connection = sqlite3.connect(":memory:")
    connection.executescript(
        "CREATE TABLE accounts (guid, name, account_type, parent_guid);"
        "CREATE TABLE books (guid, root_account_guid, root_template_guid);"
        "CREATE TABLE commodities (guid, namespace, mnemonic);"
        "CREATE TABLE transactions (guid, currency_guid, num, post_date, description);"
        "CREATE TABLE splits (guid, tx_guid, account_guid, memo, value_num, value_denom);"
        "CREATE TABLE slots (obj_guid, name);"
        "INSERT INTO commodities VALUES ('eur', 'CURRENCY', 'EUR');"
        "INSERT INTO books VALUES ('b', 'root', 'tmpl');"
    )
    rows = [(guid, name, kind, parent or None) for guid, (name, kind, parent) in ACCOUNTS.items()]
    connection.executemany("INSERT INTO accounts VALUES (?, ?, ?, ?)", rows)
    if template:
        book = [*book, (date(2026, 1, 1), "planned", [("t1", 0)])]
    for number, (day, text, splits) in enumerate(book):
        row = (str(number), "eur", "", f"{day} 10:59:00", text)
        connection.execute("INSERT INTO transactions VALUES (?, ?, ?, ?, ?)", row)
        for account, cents in splits:
            split = ("s", str(number), account, "", cents, 100)
            connection.execute("INSERT INTO splits VALUES (?, ?, ?, ?, ?, ?)", split)
    if voided:
        connection.execute("INSERT INTO slots VALUES ('0', 'void-reason')")
    connection.commit()
    return bytes(connection.serialize())


def xml(book: list[Transaction], template: bool = False, voided: bool = False) -> bytes:
    def transaction(number: int, day: date, text: str, splits: list[tuple[str, int]]) -> str:
        parts = "".join(
            f"<trn:split><split:value>{cents}/100</split:value><split:account>{account}</split:account></trn:split>"
            for account, cents in splits
        )
        void = (
            "<trn:slots><slot><slot:key>void-reason</slot:key></slot></trn:slots>"
            if voided and number == 0
            else ""
        )
        text = text.replace("&", "&amp;").replace("<", "&lt;")
        return (
            f"<gnc:transaction><trn:id>{number}</trn:id><trn:currency><cmdty:space>CURRENCY</cmdty:space>"
            f"<cmdty:id>EUR</cmdty:id></trn:currency><trn:date-posted><ts:date>{day} 10:59:00 +0000</ts:date>"
            f"</trn:date-posted><trn:description>{text}</trn:description>{void}<trn:splits>{parts}</trn:splits>"
            "</gnc:transaction>"
        )

    accounts = "".join(
        f"<gnc:account><act:name>{name}</act:name><act:id>{guid}</act:id><act:type>{kind}</act:type>"
        f"<act:parent>{parent}</act:parent></gnc:account>"
        for guid, (name, kind, parent) in ACCOUNTS.items()
    )
    planned = transaction(99, date(2026, 1, 1), "planned", [("t1", 0)]) if template else ""
    spaces = " ".join(
        f'xmlns:{n}="urn:{n}"' for n in ("gnc", "act", "trn", "split", "cmdty", "ts", "slot", "cd")
    )
    return gzip.compress(
        (
            f'<?xml version="1.0" encoding="utf-8"?><gnc-v2 {spaces}><gnc:book>'
            f'<gnc:count-data cd:type="transaction">{len(book)}</gnc:count-data>{accounts}'
            f"{''.join(transaction(n, *each) for n, each in enumerate(book))}"
            f"<gnc:template-transactions>{planned}</gnc:template-transactions></gnc:book></gnc-v2>"
        ).encode()
    )


@given(book=BOOKS, packed=st.booleans())
@settings(max_examples=60, deadline=None)
def test_a_book_is_read_back_to_the_cent(book: list[Transaction], packed: bool) -> None:
    found = read_bytes("x", xml(book) if packed else sqlite(book))
    assert (found.format, found.rejected, found.warnings) == (Format.GNUCASH, [], [])
    assert "debits = credits" in found.verified
    back = sorted(
        (
            date.fromisoformat(entry["date"]),
            entry["memo"],
            [
                (PATHS[line["account"]], int(100 * (Decimal(line["debit"]) - Decimal(line["credit"]))))
                for line in entry["lines"]
            ],
        )
        for entry in found.entries
    )
    assert back == sorted(book)
    assert {entry["currency"] for entry in found.entries} == {"EUR"}


BOOK: list[Transaction] = [
    (date(2026, 1, 2), "a", [("bank", -1050), ("food", 1050)]),
    (date(2026, 1, 3), "b", [("bank", -99), ("food", 99)]),
]


@pytest.mark.parametrize("write", [sqlite, xml])
def test_templates_and_voided_transactions_do_not_count(write: Callable[..., bytes]) -> None:
    found = read_bytes("x", write(BOOK, template=True, voided=True))
    assert [entry["memo"] for entry in found.entries] == ["b"]
    assert [(left.reason, left.rows) for left in found.left] == [
        ("template of a scheduled transaction", 1),
        ("void", 1),
    ]


@pytest.mark.parametrize("write", [sqlite, xml])
def test_both_kinds_of_file_give_one_transaction_the_same_key(write: Callable[..., bytes]) -> None:
    assert [e["key"] for e in read_bytes("x", write(BOOK)).entries] == [
        e["key"] for e in read_bytes("x", sqlite(BOOK)).entries
    ]


def test_a_transaction_that_does_not_balance_is_left_out() -> None:
    found = read_bytes("x", sqlite([(date(2026, 1, 2), "a", [("bank", -1050), ("food", 1051)])]))
    assert found.records == 0
    assert "does not balance" in found.rejected[0].reason


def test_a_missing_transaction_is_said() -> None:
    text = gzip.decompress(xml(BOOK))
    start, end = text.index(b"<gnc:transaction>"), text.index(b"</gnc:transaction>") + 18
    found = read_bytes("x", gzip.compress(text[:start] + text[end:]))
    assert "says it has 2 transactions, the file holds 1" in found.warnings[0]


def test_a_damaged_or_foreign_database_is_refused() -> None:
    whole = sqlite(BOOK)
    assert "damaged" in (read_bytes("x", whole[:4096] + b"\xff" * (len(whole) - 4096)).refusal or "")
    other = sqlite3.connect(":memory:")
    other.execute("CREATE TABLE x (a)")
    assert "no GnuCash book" in (read_bytes("x", bytes(other.serialize())).refusal or "")


def test_a_packed_bomb_and_entities_are_refused() -> None:
    bomb = gzip.compress(b"<gnc-v2 xmlns:gnc='urn:gnc'>" + bytes(30 * 1024 * 1024))
    assert "beyond" in (read_bytes("x", bomb).refusal or "")
    text = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x "y">]><gnc-v2>&x;</gnc-v2>'
    assert "entities" in (read_bytes("x", gzip.compress(text)).refusal or "")


def test_a_cut_book_is_refused() -> None:
    text = gzip.decompress(xml(BOOK))
    assert "breaks off" in (read_bytes("x", gzip.compress(text[: len(text) // 2])).refusal or "")
    assert "cut off" in (read_bytes("x", xml(BOOK)[:-20], ReadOptions()).refusal or "")
