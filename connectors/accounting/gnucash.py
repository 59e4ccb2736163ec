"""GnuCash books, SQLite and XML (packed or not), one entry per transaction."""

import io
import sqlite3
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import iterparse

from connectors.accounting.camt053 import at, children, local, text_of
from connectors.accounting.gunzip import gunzip
from connectors.accounting.numbers import CURRENCIES
from connectors.accounting.shapes import (
    Format,
    Left,
    Parsed,
    ReadOptions,
    Record,
    Refused,
    Rejected,
    amount_text,
    give_entry_keys,
    strip_zeros,
)

_SQLITE = b"SQLite format 3\x00"
_STEPS = 50_000_000  # of SQLite's machine; a million splits need a tenth
_DEPTH = 50  # of accounts within accounts
_NEEDED = frozenset({"accounts", "transactions", "splits", "commodities"})


@dataclass(frozen=True, slots=True)
class _Split:
    account: str
    memo: str
    numerator: int
    denominator: int


@dataclass(slots=True)
class _Transaction:
    id: str
    currency: str | None
    number: str
    day: str
    description: str
    row: int
    state: str = ""  # why it does not count: template, void
    splits: list[_Split] = field(default_factory=list)


@dataclass(slots=True)
class _Book:
    accounts: dict[str, tuple[str, str | None]] = field(default_factory=dict)  # id -> name, parent
    roots: set[str] = field(default_factory=set)  # accounts that hold all others
    transactions: list[_Transaction] = field(default_factory=list)
    stated: int | None = None  # number of transactions that the file says it has


def read_gnucash(data: bytes, options: ReadOptions) -> Parsed:
    """The transactions of the book; templates of scheduled ones and voided ones are counted and left out.

    Accounts are named by their path (Assets:Bank). Raises Refused for a damaged file, a database of another
    program, entities in XML, and a packed file that expands beyond the limit.
    """
    if data.startswith(_SQLITE):
        book = _from_sqlite(data, options)
    else:
        packed = data.startswith(b"\x1f\x8b")
        book = _from_xml(gunzip(data, options.max_expanded_bytes) if packed else data, options)
    parsed = Parsed()
    left: dict[str, int] = {}
    entries: list[Record] = []
    ids: list[str | None] = []
    for transaction in book.transactions:
        if transaction.state:
            left[transaction.state] = left.get(transaction.state, 0) + 1
            continue
        entry = _entry(transaction, book)
        if isinstance(entry, str):
            parsed.rejected.append(Rejected(transaction.row, entry))
            continue
        entries.append(entry)
        ids.append(transaction.id)
    parsed.entries = entries
    parsed.left = [Left(reason, count) for reason, count in sorted(left.items())]
    if any(t.currency is None for t in book.transactions if not t.state):
        parsed.warnings.append("Some transactions are in a currency whose code is not known")
    counted = sum(t.state != _TEMPLATE for t in book.transactions)
    if book.stated is not None and book.stated != counted:
        parsed.warnings.append(f"The book says it has {book.stated} transactions, the file holds {counted}")
    elif book.stated is not None:
        parsed.verified.append("number of transactions")
    if not entries and not parsed.rejected:
        parsed.warnings.append("The book holds no transactions")
    elif entries and not parsed.rejected:
        parsed.verified.append("debits = credits")
    give_entry_keys(parsed.entries, ids)
    return parsed


_TEMPLATE = "template of a scheduled transaction"


def _path(account: str, book: _Book) -> str:
    names: list[str] = []
    current: str | None = account
    for _ in range(_DEPTH):
        if current is None or current in book.roots or current not in book.accounts:
            break
        name, current = book.accounts[current]
        names.append(name)
    return ":".join(reversed(names))


def _value(split: _Split) -> Decimal | None:
    if split.denominator <= 0:
        return None
    scaled = split.numerator * 10_000
    if scaled % split.denominator:
        return None  # more decimals than money is kept with
    return strip_zeros(Decimal(scaled // split.denominator).scaleb(-4))


def _entry(transaction: _Transaction, book: _Book) -> Record | str:
    try:
        day = date.fromisoformat(transaction.day)
    except ValueError:
        return f"'{transaction.day}' is no date"
    debit = credit = Decimal(0)
    lines = []
    for split in transaction.splits:
        value = _value(split)
        if value is None:
            return f"the value {split.numerator}/{split.denominator} is no amount of money"
        if split.account not in book.accounts:
            return "a split belongs to an account that the book does not have"
        debit, credit = debit + max(value, Decimal(0)), credit - min(value, Decimal(0))
        lines.append(
            {
                "account": _path(split.account, book),
                "name": "",
                "memo": split.memo,
                "debit": amount_text(max(value, Decimal(0))),
                "credit": amount_text(-min(value, Decimal(0))),
            }
        )
    if debit != credit:
        return f"the transaction does not balance: debits {amount_text(debit)}, credits {amount_text(credit)}"
    return {
        "key": "",
        "date": day.isoformat(),
        "kind": "transaction",
        "document": transaction.number,
        "name": "",
        "memo": transaction.description,
        "currency": transaction.currency,
        "lines": lines,
        "total_debit": amount_text(debit),
        "row": transaction.row,
    }


def _day(text: str) -> str:
    """The booking day of 2018-02-11 10:59:00 or, in older books, 20180211105900."""
    text = text.strip()
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}" if text[:8].isdecimal() else text[:10]


def _from_sqlite(data: bytes, options: ReadOptions) -> _Book:
    if data[18:20] == b"\x02\x02":  # write-ahead mode, which a copy in memory cannot be opened in
        data = data[:18] + b"\x01\x01" + data[20:]
    connection = sqlite3.connect(":memory:")
    steps = 0

    def too_long() -> bool:
        nonlocal steps
        steps += 1
        return steps > _STEPS // 10_000

    try:
        connection.deserialize(data)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA query_only = ON")
        connection.set_progress_handler(too_long, 10_000)
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not tables >= _NEEDED:
            raise Refused("This SQLite database is no GnuCash book.", Format.GNUCASH)
        return _book(connection, tables, options)
    except (sqlite3.Error, OverflowError, UnicodeError) as error:
        raise Refused(
            f"The GnuCash database cannot be read ({str(error)[:80]}): it is damaged. Copy it again while "
            "GnuCash is closed.",
            Format.GNUCASH,
        ) from error
    finally:
        connection.close()


def _book(connection: sqlite3.Connection, tables: set[str], options: ReadOptions) -> _Book:
    book = _Book()
    kinds = dict[str, str]()
    for guid, name, kind, parent in connection.execute(
        "SELECT guid, name, account_type, parent_guid FROM accounts"
    ):
        book.accounts[str(guid)] = (str(name or ""), None if parent is None else str(parent))
        kinds[str(guid)] = str(kind)
    book.roots = {guid for guid, kind in kinds.items() if kind == "ROOT"}
    templates: set[str] = set()
    if "books" in tables:
        templates = {
            str(row[0]) for row in connection.execute("SELECT root_template_guid FROM books") if row[0]
        }
    voided: set[str] = set()
    if "slots" in tables:
        voided = {
            str(r[0]) for r in connection.execute("SELECT obj_guid FROM slots WHERE name = 'void-reason'")
        }
    found: dict[str, _Transaction] = {}
    rows = connection.execute(
        "SELECT t.guid, c.namespace, c.mnemonic, t.num, t.post_date, t.description FROM transactions t "
        "LEFT JOIN commodities c ON c.guid = t.currency_guid ORDER BY t.post_date, t.guid"
    )
    for row, (guid, space, code, number, posted, text) in enumerate(rows, start=1):
        if row > options.max_rows:
            raise Refused(f"The book has more than {options.max_rows:,} transactions.", Format.GNUCASH)
        currency = _currency(str(space), str(code))
        state = "void" if str(guid) in voided else ""
        found[str(guid)] = _Transaction(
            str(guid), currency, str(number or ""), _day(str(posted)), str(text or ""), row, state
        )
    for guid, account, memo, value, unit in connection.execute(
        "SELECT tx_guid, account_guid, memo, value_num, value_denom FROM splits ORDER BY tx_guid, rowid"
    ):
        transaction = found.get(str(guid))
        if transaction is None:
            continue
        known = isinstance(value, int) and isinstance(unit, int)
        parts = (value, unit) if known else (0, 0)  # no number: the entry is rejected
        transaction.splits.append(_Split(str(account), str(memo or ""), *parts))
        if _root(str(account), book) in templates:
            transaction.state = _TEMPLATE
    book.transactions = list(found.values())
    return book


def _root(account: str, book: _Book) -> str:
    for _ in range(_DEPTH):
        parent = book.accounts.get(account, ("", None))[1]
        if parent is None:
            break
        account = parent
    return account


def _currency(space: str, code: str) -> str | None:
    return code if space in {"CURRENCY", "ISO4217"} and code in CURRENCIES else None


def _from_xml(data: bytes, options: ReadOptions) -> _Book:
    book = _Book()
    inside_template = 0
    try:
        for event, element in iterparse(io.BytesIO(data), events=("start", "end"), forbid_dtd=True):
            name = local(element)
            if name == "template-transactions":
                inside_template += 1 if event == "start" else -1
            elif event == "end":
                if name == "account":
                    _add_account(element, book)
                elif name == "transaction":
                    if len(book.transactions) >= options.max_rows:
                        raise Refused(
                            f"The book has more than {options.max_rows:,} transactions.", Format.GNUCASH
                        )
                    book.transactions.append(
                        _from_element(element, len(book.transactions) + 1, template=inside_template > 0)
                    )
                elif name == "count-data" and "transaction" in element.attrib.values():
                    book.stated = int(element.text) if (element.text or "").strip().isdecimal() else None
                if name in {"account", "transaction", "schedxaction", "price", "pricedb"}:
                    element.clear()
    except DefusedXmlException as error:
        raise Refused("The file declares XML entities or a document type; it is not opened.") from error
    except ParseError as error:
        line, column = error.position
        raise Refused(
            f"The XML breaks off or is damaged at line {line}, column {column}. Copy the book again."
        ) from error
    except (LookupError, ValueError) as error:
        raise Refused("The XML names an encoding that it is not written in. Copy the book again.") from error
    return book


def _add_account(element: Element, book: _Book) -> None:
    guid = text_of(element, "id")
    book.accounts[guid] = (text_of(element, "name"), text_of(element, "parent") or None)
    if text_of(element, "type") == "ROOT":
        book.roots.add(guid)


def _from_element(element: Element, row: int, *, template: bool) -> _Transaction:
    currency = at(element, "currency")
    found = _Transaction(
        id=text_of(element, "id"),
        currency=_currency(text_of(currency, "space"), text_of(currency, "id")),
        number=text_of(element, "num"),
        day=_day(text_of(element, "date-posted/date")),
        description=text_of(element, "description"),
        row=row,
        state=_TEMPLATE if template else "",
    )
    for slot in (s for slots in children(element, "slots") for s in children(slots, "slot")):
        if text_of(slot, "key") == "void-reason" and not found.state:
            found.state = "void"
    for split in (s for splits in children(element, "splits") for s in children(splits, "split")):
        value, _, unit = text_of(split, "value").partition("/")
        try:
            parts = int(value[:30]), int(unit[:30] or "1")
        except ValueError:
            parts = 0, 0
        found.splits.append(_Split(text_of(split, "account"), text_of(split, "memo"), *parts))
    return found
