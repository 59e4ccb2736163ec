"""The QuickBooks Online Journal report, classic and new layout: the one lossless double-entry export."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from connectors.accounting.book_entries import BALANCED
from connectors.accounting.book_report import claim
from connectors.accounting.dates import Written, decide_order, settle, stated_period
from connectors.accounting.dates import take_apart as take_date_apart
from connectors.accounting.numbers import SYMBOLS, decide_mark, read_amount, take_apart
from connectors.accounting.shapes import (
    Parsed,
    ReadOptions,
    Record,
    Refused,
    Rejected,
    amount_text,
    from_float,
    give_entry_keys,
    plain,
)
from connectors.accounting.tables import Row, Table

_COLUMNS = {
    "date": ("date", "transaction date", "fecha", "fecha de transaccion", "fecha de la transaccion"),
    "kind": ("transaction type", "type", "tipo de transaccion", "tipo"),
    "number": ("num", "no", "no.", "number", "numero", "n", "num.", "doc number"),
    "name": ("name", "nombre", "customer vendor", "nombre completo"),
    "memo": (
        "memo description",
        "description",
        "memo",
        "nota descripcion",
        "descripcion",
        "line description",
    ),
    "account": (
        "account",
        "account name",
        "account full name",
        "cuenta",
        "nombre de la cuenta",
        "full account name",
    ),
    "debit": ("debit", "debito", "debe", "debits"),
    "credit": ("credit", "credito", "haber", "credits"),
    "id": ("transaction id", "id de transaccion", "txn id"),
}
_NEEDED = ("date", "kind", "account", "debit", "credit")
_TOTALS = ("total", "totales", "gran total")


@dataclass(slots=True)
class _Line:
    row: Row
    debit: Decimal
    credit: Decimal


@dataclass(slots=True)
class _Transaction:
    """The lines between two boundaries, and the total row that closed them."""

    id: str | None
    lines: list[_Line] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    total: tuple[Decimal | None, Decimal | None] | None = None

    @property
    def debit(self) -> Decimal:
        return sum((line.debit for line in self.lines), Decimal(0))

    @property
    def credit(self) -> Decimal:
        return sum((line.credit for line in self.lines), Decimal(0))


def find_columns(table: Table) -> tuple[int, dict[str, int]] | None:
    """The index of the header row and where each column stands, or None when this is no journal."""
    for index, row in enumerate(table.rows[:25]):
        names: dict[str, int] = {}
        for place in range(len(row.cells)):
            name = plain(row.text(place))
            if name:
                names.setdefault(name, place)
        found = {
            role: next(names[option] for option in options if option in names)
            for role, options in _COLUMNS.items()
            if any(option in names for option in options)
        }
        if all(role in found for role in _NEEDED):
            return index, found
    return None


def read_quickbooks_journal(table: Table, options: ReadOptions) -> Parsed:
    """One entry per transaction, debits equal to credits; totals in the file are recomputed.

    Raises Refused when the last transaction is incomplete or the dates and decimals cannot be decided.
    """
    found = find_columns(table)
    if found is None:
        raise Refused(
            "The journal lacks a column (date, type, account, debit or credit). Export it with all columns."
        )
    header, columns = found
    rows = table.rows[header + 1 :]
    texts = [" ".join(row.filled()) for row in table.rows[:header]]
    bodies = [
        [w.body for row in rows if (t := row.text(columns[side])) and (w := take_apart(t))]
        for side in ("debit", "credit")
    ]
    mark = decide_mark(bodies, options.decimal_mark) if rows else "."
    transactions, grand_total = _split(rows, table, columns, mark)
    _refuse_a_cut_end(transactions, rows, has_total=grand_total is not None)
    written = [d for t in transactions if (d := _written_day(t, columns))]
    order = decide_order(written, options.date_order, stated_period(texts))
    currency = options.currency or _currency_of(rows, columns)
    parsed = Parsed()
    ids: list[str | None] = []
    for transaction in transactions:
        record = _entry(transaction, columns, order, currency)
        if isinstance(record, str):
            parsed.rejected.append(Rejected(transaction.lines[0].row.number, record))
        else:
            parsed.entries.append(record)
            ids.append(transaction.id)
    give_entry_keys(parsed.entries, ids)
    if parsed.entries:
        parsed.verified.append(BALANCED)
    if transactions and all(t.total is not None for t in transactions) and not parsed.rejected:
        parsed.verified.append("totals of transactions")
    _compare(parsed, transactions, grand_total)
    # Only a journal that is whole can say that what it lacks was deleted.
    if grand_total is not None and not parsed.rejected and not parsed.warnings:
        titles = [" ".join(row.filled()) for row in table.rows[:header]]
        parsed.covered = claim("quickbooks", titles, stated_period(titles))
    return parsed


def _split(
    rows: list[Row], table: Table, columns: dict[str, int], mark: str
) -> tuple[list[_Transaction], tuple[Decimal | None, Decimal | None] | None]:
    """Cut the rows into transactions at headings, total rows, blank rows and dates."""
    dated = [bool(row.text(columns["date"])) for row in rows if row.text(columns["account"])]
    dated_lines = bool(dated) and all(dated)
    transactions: list[_Transaction] = []
    current: _Transaction | None = None
    heading: str | None = None
    grand: tuple[Decimal | None, Decimal | None] | None = None
    previous: tuple[str, ...] = ()
    for row in rows:
        filled = row.filled()
        first = plain(filled[0])
        sums = _number(row, columns["debit"], mark), _number(row, columns["credit"], mark)
        if row.number in table.blank_before and heading is None:
            current = None
        if row.text(columns["account"]) and not (first in _TOTALS or first.startswith("total for ")):
            identity = tuple(row.text(columns[c]) for c in ("date", "kind", "number") if c in columns)
            known = row.text(columns.get("id"))
            fresh = current is None
            if not fresh and heading is None:
                fresh = (identity != previous) if dated_lines else bool(row.text(columns["date"]))
                if dated_lines and not fresh and current is not None:
                    fresh = bool(known) and known != current.id
            if fresh:
                current = _Transaction(known or heading)
                transactions.append(current)
            if current is not None:
                _add_line(current, row, sums, columns)
            previous = identity
        elif first in _TOTALS:
            grand, current, heading = sums, None, None
        elif first.startswith(("total for ", "total de ", "total ")):
            if current is not None:
                current.total = sums
            current, heading = None, None
        elif any(s is not None for s in sums):
            if current is not None:
                current.total = sums
            current = None
        elif len(filled) == 1 and row.text(0) and grand is None and any(c.isdigit() for c in filled[0]):
            # The new layout puts the transaction's id on a row of its own above its lines.
            heading, current = (filled[0] if filled[0].isdecimal() else None), None
    return transactions, grand


def _add_line(
    transaction: _Transaction, row: Row, sums: tuple[Decimal | None, Decimal | None], columns: dict[str, int]
) -> None:
    for side, value in zip(("debit", "credit"), sums, strict=True):
        if value is None and row.text(columns[side]):
            transaction.faults.append(
                f"row {row.number}: the {side} '{row.text(columns[side])}' cannot be read"
            )
    transaction.lines.append(_Line(row, sums[0] or Decimal(0), sums[1] or Decimal(0)))


def _number(row: Row, index: int, mark: str) -> Decimal | None:
    cell = row.cells[index] if index < len(row.cells) else None
    if isinstance(cell, bool) or cell is None or cell == "":
        return None
    if isinstance(cell, (int, float)):
        return from_float(float(cell))
    written = take_apart(cell) if isinstance(cell, str) else None
    return read_amount(written, mark) if written else None


def _refuse_a_cut_end(transactions: list[_Transaction], rows: list[Row], *, has_total: bool) -> None:
    """A last transaction that does not balance, in a file without its TOTAL row, was cut."""
    if not transactions or has_total:
        return
    last = transactions[-1]
    others_closed = [t.total is not None for t in transactions[:-1]]
    unclosed = last.total is None and bool(others_closed) and all(others_closed)
    if last.debit != last.credit or unclosed:
        raise Refused(
            f"The last transaction (row {last.lines[0].row.number}) is not finished and the TOTAL row is "
            f"missing: the file is half-written (it has {len(rows)} rows). Export the journal again."
        )


def _written_day(transaction: _Transaction, columns: dict[str, int]) -> Written | None:
    for line in transaction.lines:
        index = columns["date"]
        if line.row.text(index):
            return take_date_apart(line.row.cells[index])
    return None


def _first(transaction: _Transaction, columns: dict[str, int], role: str) -> str:
    return next((t for line in transaction.lines if (t := line.row.text(columns.get(role)))), "")


def _entry(
    transaction: _Transaction, columns: dict[str, int], order: str, currency: str | None
) -> Record | str:
    """The entry of one transaction, or the reason why it is left out."""
    if transaction.faults:
        return "; ".join(transaction.faults)
    written = _written_day(transaction, columns)
    day: date | None = settle(written, order) if written else None
    if day is None:
        raw = _first(transaction, columns, "date")
        return f"'{raw}' is no date" if raw else "the transaction has no date"
    debit, credit = transaction.debit, transaction.credit
    if debit != credit:
        return f"the transaction does not balance: debits {debit}, credits {credit}"
    for name, stated, counted in zip(
        ("debits", "credits"), transaction.total or (), (debit, credit), strict=False
    ):
        if stated is not None and stated != counted:
            return f"the total row says {stated} of {name}, the lines give {counted}"
    return {
        "key": "",
        "date": day.isoformat(),
        "kind": _first(transaction, columns, "kind"),
        "document": _first(transaction, columns, "number"),
        "name": _first(transaction, columns, "name"),
        "memo": _first(transaction, columns, "memo"),
        "currency": currency,
        "lines": [_line(line, columns) for line in transaction.lines],
        "total_debit": amount_text(debit),
        "row": transaction.lines[0].row.number,
    }


def _line(line: _Line, columns: dict[str, int]) -> dict[str, str]:
    row = line.row
    return {
        "account": row.text(columns["account"]),
        "name": row.text(columns.get("name")),
        "memo": row.text(columns.get("memo")),
        "debit": amount_text(line.debit),
        "credit": amount_text(line.credit),
    }


def _currency_of(rows: list[Row], columns: dict[str, int]) -> str | None:
    """The home currency where amounts carry its sign; a bare $ names none."""
    for row in rows:
        for text in _money_texts(row, columns):
            for symbol in "€£":
                if symbol in text:
                    return SYMBOLS[symbol]
    return None


def _money_texts(row: Row, columns: dict[str, int]) -> Iterator[str]:
    yield row.text(columns["debit"])
    yield row.text(columns["credit"])


def _compare(
    parsed: Parsed, transactions: list[_Transaction], grand: tuple[Decimal | None, Decimal | None] | None
) -> None:
    if not transactions:
        parsed.warnings.append("The journal holds no transactions")
        return
    if grand is None:
        parsed.warnings.append("The journal has no TOTAL row at its end; nothing proves that it is whole")
        return
    sums = (
        sum((t.debit for t in transactions), Decimal(0)),
        sum((t.credit for t in transactions), Decimal(0)),
    )
    for name, stated, counted in zip(("debits", "credits"), grand, sums, strict=True):
        if stated is not None and stated != counted:
            parsed.warnings.append(
                f"The TOTAL row says {stated} of {name}; the transactions add up to {counted}"
            )
    if not parsed.warnings and any(stated is not None for stated in grand):
        parsed.verified.append("stated total")
