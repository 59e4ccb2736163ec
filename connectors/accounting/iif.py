"""QuickBooks Desktop's IIF: blocks of TRNS, SPL … ENDTRNS, each block an entry that adds up to zero.

Columns are declared per record type and may be declared again before every block. Tabs or commas, quoted or
not, any line end. The format is defined with a decimal point and month first; only a file that proves
otherwise is read otherwise.
"""

import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from connectors.accounting.book_entries import BALANCED, Side, entry
from connectors.accounting.dates import Written, decide_order, settle
from connectors.accounting.dates import take_apart as take_date_apart
from connectors.accounting.numbers import decide_mark, decimal_evidence, read_amount, take_apart
from connectors.accounting.shapes import (
    Left,
    Parsed,
    ReadOptions,
    Record,
    Refused,
    Rejected,
    amount_text,
    give_entry_keys,
    plain,
)

_NOT_POSTING = frozenset({"estimates", "estimate", "purchord", "purchase order", "sales order", "salesord"})
_LINE_END = re.compile(r"\r\n|\r|\n")
_TAKEN = ("DATE", "ACCNT", "AMOUNT", "NAME", "MEMO", "DOCNUM", "TRNSTYPE")


@dataclass(frozen=True, slots=True)
class _Line:
    """One TRNS or SPL row; `values` by column name, None where no header declared the columns."""

    number: int
    values: dict[str, str] | None
    surplus: bool  # more filled fields than columns

    def text(self, name: str) -> str:
        return (self.values or {}).get(name, "")


@dataclass(slots=True)
class _Block:
    lines: list[_Line] = field(default_factory=list)
    closed: bool = False


def read_iif(text: str, options: ReadOptions) -> Parsed:
    """One entry per block; what is not whole or does not add up to zero is rejected by its line.

    Raises Refused when the tabs were lost, the last block is not finished, or dates cannot be decided.
    """
    blocks, lists = _blocks(text)
    if blocks and not blocks[-1].closed:
        raise Refused(
            f"The last transaction (line {blocks[-1].lines[0].number}) is not closed by ENDTRNS: the file is "
            "half-written. Export or copy it again."
        )
    mark = _mark(blocks, options)
    dates = [d for b in blocks for line in b.lines if (d := take_date_apart(line.text("DATE")))]
    order = decide_order(dates, options.date_order, habit="mdy")
    parsed = Parsed()
    ids: list[str | None] = []
    unposted: list[Decimal] = []
    for block in blocks:
        if plain(block.lines[0].text("TRNSTYPE")) in _NOT_POSTING:
            unposted.append(_amount(block.lines[0], mark) or Decimal(0))
            continue
        record = _entry(block, mark, order, options.currency)
        if isinstance(record, str):
            parsed.rejected.append(Rejected(block.lines[0].number, record))
        else:
            parsed.entries.append(record)
            ids.append(_identity(record))
    give_entry_keys(parsed.entries, ids)
    if unposted:
        currency = options.currency or "XXX"
        parsed.left.append(
            Left("not posting", len(unposted), {currency: amount_text(sum(unposted, Decimal(0)))})
        )
    parsed.left.extend(
        Left(f"{name}: a list, no transaction", count) for name, count in sorted(lists.items())
    )
    if parsed.entries:
        parsed.verified.append(BALANCED)
    if not blocks:
        parsed.warnings.append(
            "The file holds no transactions. QuickBooks Desktop exports lists to IIF, not transactions: "
            "export the Journal report to Excel or CSV"
        )
    return parsed


def _blocks(text: str) -> tuple[list[_Block], Counter[str]]:
    """The blocks in their order, and how many rows of lists stand beside them."""
    lines = [(n, line) for n, line in enumerate(_LINE_END.split(text.lstrip("\ufeff")), 1) if line.strip()]
    heads = [line for _, line in lines if line.lstrip(' "').startswith("!")]
    if not any("\t" in line or "," in line for line in heads):
        raise Refused(
            "The columns of the IIF file run together: its tabs were lost, as by copying text from a screen. "
            "Get the original file."
        )
    tabs = any("\t" in line for line in heads)
    columns: dict[str, list[str]] = {}
    blocks: list[_Block] = []
    open_: _Block | None = None
    lists: Counter[str] = Counter()
    for number, line in lines:
        fields = _fields(line, tabs=tabs)
        kind = fields[0].upper()
        if kind.startswith("!"):
            columns[kind[1:]] = [name.lstrip("!").upper() for name in fields[1:]]
        elif kind == "TRNS":
            open_ = _Block([_line(number, fields, columns.get(kind))])
            blocks.append(open_)
        elif kind == "SPL":
            if open_ is None:
                open_ = _Block([])
                blocks.append(open_)
            open_.lines.append(_line(number, fields, columns.get(kind)))
        elif kind == "ENDTRNS":
            if open_ is not None:
                open_.closed = True
            open_ = None
        elif re.match(r"(?:TRNS|SPL)\b", kind):
            raise Refused(
                f"Line {number} has lost the tabs between its columns, as by copying text from a screen. Get "
                "the original file."
            )
        else:
            lists[kind[:20]] += 1
    return blocks, lists


def _fields(line: str, *, tabs: bool) -> list[str]:
    """The fields of one line, without quotes around them and blanks that fill them up."""
    if tabs:
        return [_unquoted(cell.strip()) for cell in line.split("\t")]
    return [cell.strip() for cell in next(csv.reader([line]), [""])]


def _unquoted(cell: str) -> str:
    if len(cell) > 1 and cell[0] == cell[-1] == '"':
        return cell[1:-1].replace('""', '"').strip()
    return cell


def _line(number: int, fields: Sequence[str], columns: Sequence[str] | None) -> _Line:
    if columns is None:
        return _Line(number, None, surplus=False)
    values: dict[str, str] = {}
    for name, value in zip(columns, fields[1:], strict=False):
        if name in _TAKEN:
            values.setdefault(name, value)
    return _Line(number, values, surplus=any(fields[1 + len(columns) :]))


def _mark(blocks: Sequence[_Block], options: ReadOptions) -> str:
    bodies = [
        written.body for b in blocks for line in b.lines if (written := take_apart(line.text("AMOUNT")))
    ]
    if options.decimal_mark or "," in {decimal_evidence(body) for body in bodies}:
        return decide_mark([bodies], options.decimal_mark)
    return "."


def _amount(line: _Line, mark: str) -> Decimal | None:
    written = take_apart(line.text("AMOUNT"))
    return read_amount(written, mark) if written else None


def _entry(block: _Block, mark: str, order: str, currency: str | None) -> Record | str:
    """The entry of one block, or the reason why it is left out."""
    faults = list(_faults(block, mark))
    if faults:
        return "; ".join(faults)
    day, fault = _day(block, order)
    if day is None:
        return fault
    # QuickBooks writes a tax line of 0.00 without an account into every sale; it says nothing.
    sides = [
        Side(line.text("ACCNT"), amount, line.text("NAME"), line.text("MEMO"))
        for line in block.lines
        if (amount := _amount(line, mark)) is not None and line.text("ACCNT")
    ]
    off = sum((side.amount for side in sides), Decimal(0))
    if off:
        alone = "; it has no SPL line" if len(block.lines) == 1 else ""
        return f"the transaction does not balance: its lines add up to {off}{alone}"
    head = block.lines[0]
    return entry(
        day,
        head.text("TRNSTYPE"),
        head.text("DOCNUM"),
        next((side.name for side in sides if side.name), ""),
        next((side.memo for side in sides if side.memo), ""),
        currency,
        sides,
        head.number,
    )


def _faults(block: _Block, mark: str) -> Iterator[str]:
    """What keeps the lines of a block from being read."""
    if not block.closed:
        yield "the transaction is not closed by ENDTRNS"
    for line in block.lines:
        amount = line.text("AMOUNT")
        if line.values is None:
            yield f"line {line.number}: no header declares its columns"
        elif line.surplus:
            yield f"line {line.number} has more fields than its header declares"
        elif not amount:
            yield f"line {line.number} has no amount, so that the transaction cannot be balanced"
        elif _amount(line, mark) is None:
            yield f"line {line.number}: the amount '{amount[:40]}' cannot be read"
        elif not line.text("ACCNT") and _amount(line, mark):
            yield f"line {line.number} has no account"


def _day(block: _Block, order: str) -> tuple[str | None, str]:
    """The block's one day, or why there is none; lines without a date have that of the first."""
    days: set[str] = set()
    for line in block.lines:
        text = line.text("DATE")
        if not text:
            continue
        written: Written | None = take_date_apart(text)
        day = settle(written, order) if written else None
        if day is None:
            return None, f"line {line.number}: '{text[:40]}' is no date"
        days.add(day.isoformat())
    if len(days) > 1:
        return None, f"the transaction has several dates ({', '.join(sorted(days))})"
    return (days.pop(), "") if days else (None, "the transaction has no date")


def _identity(record: Record) -> str | None:
    """What tells a transaction without a number from others: all of it.

    Such files are written by other programs and never come back corrected, so that two with the same day and
    kind are two transactions and not two versions of one.
    """
    if record["document"]:
        return None
    sides = [f"{side['account']}|{side['debit']}|{side['credit']}|{side['memo']}" for side in record["lines"]]
    return "\x1f".join(("iif", record["date"], plain(record["kind"]), plain(record["name"]), *sides))
