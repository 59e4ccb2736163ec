"""QIF, the export of Quicken and of many banks; it states no total, so nothing in it can be verified."""

import re
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

from connectors.accounting.dates import Written, decide_order, settle
from connectors.accounting.dates import take_apart as take_date_apart
from connectors.accounting.numbers import decide_mark, read_amount
from connectors.accounting.numbers import take_apart as take_amount_apart
from connectors.accounting.shapes import (
    Format,
    Left,
    Parsed,
    ReadOptions,
    Record,
    Refused,
    Rejected,
    amount_text,
    give_movement_keys,
)

_MONEY = frozenset({"bank", "cash", "ccard", "oth a", "oth l"})
_CENTURY = re.compile(r"'\s*(\d{2})$")


@dataclass(slots=True)
class _Split:
    category: str
    memo: str = ""
    amount: str = ""


@dataclass(slots=True)
class _Item:
    """The lines of one record up to its caret."""

    line: int
    fields: dict[str, str] = field(default_factory=dict)
    splits: list[_Split] = field(default_factory=list)
    account: str | None = None


def read_qif(text: str, options: ReadOptions) -> Parsed:
    """The movements of every bank, cash, card and loan account; splits stand in their `lines`.

    Raises Refused when day and month cannot be told apart, or when the last record has no end mark (^).
    """
    parsed = Parsed()
    items, other = _items(text)
    for kind, count in sorted(other.items()):
        parsed.left.append(Left(f"no movement of money ({kind})", count))
    dates = [_written(item) for item in items]
    order = decide_order([w for w in dates if w], options.date_order)
    amounts = [item.fields.get("T") or item.fields.get("U", "") for item in items]
    written = [take_amount_apart(text) for text in amounts]
    splits = [take_amount_apart(split.amount) for item in items for split in item.splits]
    mark = decide_mark([[w.body for w in (*written, *splits) if w]], options.decimal_mark)
    openings = Decimal(0)
    left = 0
    for item, when, money, raw in zip(items, dates, written, amounts, strict=True):
        day = settle(when, order) if when else None
        amount = read_amount(money, mark) if money else None
        if day is None or amount is None:
            wrong = f"date '{item.fields.get('D', '')}'" if day is None else f"amount '{raw}'"
            parsed.rejected.append(Rejected(item.line, f"the {wrong} cannot be read"))
            continue
        category = item.fields.get("L", "")
        own = category.strip("[]") if category.startswith("[") else None
        if item.fields.get("P", "").casefold() == "opening balance" and amount and own:
            openings, left = openings + amount, left + 1  # what was there before is no movement
            continue
        record: Record = {
            "key": "",
            "format": Format.QIF.value,
            "account": options.account or item.account,
            "currency": (money.currency if money else None) or options.currency,
            "date": day.isoformat(),
            "value_date": None,
            "amount": amount_text(amount),
            "text": _text(item),
            "balance": None,
            "bank_id": None,
            "category": category or None,
            "gross": None,
            "fee": None,
            "row": item.line,
        }
        if item.splits:
            _add_splits(record, item, amount, mark, parsed)
        parsed.movements.append(record)
    if left:
        parsed.left.append(Left("opening balance", left, {options.currency or "XXX": amount_text(openings)}))
    if not parsed.movements and not parsed.rejected:
        parsed.warnings.append("The file holds no movements")
    give_movement_keys(parsed.movements)
    return parsed


def _items(text: str) -> tuple[list[_Item], Counter[str]]:
    """The records of accounts that hold money, and how many of other kinds there were."""
    found: list[_Item] = []
    other: Counter[str] = Counter()
    kind, account = "", None
    item: _Item | None = None
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.lstrip("\ufeff").rstrip()
        if not line or line.startswith("#"):
            continue
        if line.startswith("!"):
            name = line[1:].strip().casefold()
            if name.startswith("type:"):
                kind = name[5:].strip()
            elif name == "account":
                kind = "account"
            item = None
        elif line.startswith("^"):
            if item is not None and kind in _MONEY:
                item.account = account
                found.append(item)
            elif item is not None and kind == "account":
                account = item.fields.get("N") or account
            elif item is not None:
                other[kind] += 1
            item = None
        else:
            item = item or _Item(number)
            _add(item, line[0], line[1:].strip())
    if item is not None and kind in _MONEY:
        raise Refused(
            f"The record on line {item.line} has no end mark (^): the file is half-written. Export it again."
        )
    return found, other


def _add(item: _Item, code: str, value: str) -> None:
    if code == "S":
        item.splits.append(_Split(value))
    elif code == "E" and item.splits:
        item.splits[-1].memo = value
    elif code == "$" and item.splits:
        item.splits[-1].amount = value
    else:
        item.fields.setdefault(code, value)  # a split may carry a date of its own, after the record's


def _written(item: _Item) -> Written | None:
    text = item.fields.get("D", "").replace(" ", "")
    text = _CENTURY.sub(r"/20\1", text)  # 3/ 5'06 is 2006, 3/ 5/96 is 1996
    return take_date_apart(text.replace("'", "/"))


def _text(item: _Item) -> str:
    parts = (" ".join(item.fields.get(code, "").split()) for code in "PM")
    number = item.fields.get("N", "")
    found = list(dict.fromkeys(part for part in parts if part))
    return " · ".join(found) or (f"CHECK {number}" if number else "")


def _add_splits(record: Record, item: _Item, amount: Decimal, mark: str, parsed: Parsed) -> None:
    total = Decimal(0)
    lines = []
    for split in item.splits:
        written = take_amount_apart(split.amount)
        value = read_amount(written, mark) if written else None
        total += value or Decimal(0)
        lines.append(
            {"category": split.category, "memo": split.memo, "amount": amount_text(value or Decimal(0))}
        )
    record["lines"] = lines
    if total != amount:
        parsed.warnings.append(
            f"Line {item.line}: the parts add up to {amount_text(total)}, the amount is {amount_text(amount)}"
        )
