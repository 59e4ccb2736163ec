"""MT940 statements and MT942 interim reports; every opening + movements = closing is recomputed."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from connectors.accounting.dates import clamp
from connectors.accounting.mt940_text import description
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
    give_movement_keys,
)

_TAG = re.compile(r"(?:\{4:)?:(\d{2}[A-Z]?):(.*)", re.DOTALL)
_LINE = re.compile(
    r"(?P<value>\d{6})(?P<entry>\d{4})?(?P<mark>R[CD]|E[CD]|[CD])(?P<funds>[A-Z])?"
    r"(?P<amount>\d+(?:,\d*)?|\d+\.\d\d)(?P<kind>[A-Z][A-Z0-9]{3})(?P<rest>.*)",
    re.DOTALL | re.ASCII,
)
_BALANCE = re.compile(
    r"(?P<mark>[CD])(?P<day>\d{6})(?P<currency>[A-Z]{3})(?P<amount>\d+(?:,\d*)?|\d+\.\d\d)", re.ASCII
)
_SUM = re.compile(r"(?P<count>\d{1,5})(?P<currency>[A-Z]{3})(?P<amount>\d+(?:,\d*)?)", re.ASCII)
_FLOOR = re.compile(r"([A-Z]{3})[CD]?\d")
_IBAN_AND_CURRENCY = re.compile(r"([A-Z]{2}\d{2}[A-Z0-9]{8,29}\d)\s*([A-Z]{3})")
_OWN_IDS = frozenset({"", "NONREF"})
# A reversal undoes: RC takes a credit back and is money out.
_SIGNS = {"C": 1, "RD": 1, "D": -1, "RC": -1}


@dataclass(frozen=True, slots=True)
class _Balance:
    amount: Decimal
    currency: str


@dataclass(slots=True)
class _Statement:
    """One message: all between a :20: and the next."""

    line: int
    account: str | None = None
    opening: _Balance | None = None
    closing: _Balance | None = None
    currency: str | None = None
    sums: list[tuple[str, str, int]] = field(default_factory=list)  # tag, content, line
    movements: list[Record] = field(default_factory=list)
    is_whole: bool = True  # no line of it was rejected


def read_mt940(text: str, options: ReadOptions) -> Parsed:
    """The booked movements of every statement; balances that do not tie become warnings.

    Raises Refused when the last statement has no closing balance: the file was cut.
    """
    parsed = Parsed()
    statements: list[_Statement] = []
    expected: list[Decimal] = []
    last: Record | None = None
    for number, tag, content in _fields(text):
        if tag == "20":
            statements.append(_Statement(number))
            last = None
            continue
        if not statements:
            continue
        statement = statements[-1]
        if tag in {"25", "25P"}:
            statement.account, statement.currency = _account(content)
        elif tag in {"60F", "60M"}:
            statement.opening = _balance(content, number, tag, parsed)
        elif tag in {"62F", "62M"}:
            statement.closing = _balance(content, number, tag, parsed)
        elif tag == "34F" and (match := _FLOOR.match(content)):
            statement.currency = statement.currency or match[1]
        elif tag in {"90C", "90D"}:
            statement.sums.append((tag, content, number))
        elif tag == "61":
            last = _movement(content, number, statement, parsed, options, expected)
        elif tag == "86" and last is not None:
            last["text"] = description(last["text"], content)
            last = None
        if tag not in {"61", "86"}:
            last = None
    if not statements:
        raise Refused("The MT940 file holds no statement (:20:).")
    if statements[-1].opening is not None and statements[-1].closing is None:
        raise Refused(
            f"The statement that starts on line {statements[-1].line} has no closing balance (:62F:): the "
            "file is half-written. Download it again."
        )
    if expected:
        parsed.left.append(Left("expected, not booked", len(expected)))
    _check(statements, parsed)
    give_movement_keys(parsed.movements)
    return parsed


def _fields(text: str) -> Iterator[tuple[int, str, str]]:
    """Line number, tag and content of each field; the lines of one field are kept apart by line feeds."""
    tag, start, lines = "", 0, list[str]()
    closed = False
    for number, raw in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        line = raw.rstrip("\x1a\x03 ")
        match = _TAG.match(line.lstrip("\ufeff\x01\x02 "))
        if match:
            if tag:
                yield start, tag, "\n".join(lines).rstrip("\n")
            tag, start, lines = match[1], number, [match[2]]
            closed = (closed and tag != "20") or tag.startswith("62")
        elif line in {"-", "-}"} or (closed and line.startswith("-")):
            if tag:
                yield start, tag, "\n".join(lines).rstrip("\n")
            tag, closed = "", False
        elif tag:
            lines.append(line)
    if tag:
        yield start, tag, "\n".join(lines).rstrip("\n")


def _account(content: str) -> tuple[str | None, str | None]:
    name = content.split("\n", maxsplit=1)[0].strip()
    match = _IBAN_AND_CURRENCY.fullmatch(name)
    if match and match[2] in CURRENCIES:
        return match[1], match[2]
    return name or None, None


def _number(digits: str) -> Decimal:
    whole, _, fraction = digits.replace(",", ".").partition(".")
    return Decimal(f"{whole}.{fraction or '0'}")


def _balance(content: str, number: int, tag: str, parsed: Parsed) -> _Balance | None:
    match = _BALANCE.fullmatch(content.split("\n", maxsplit=1)[0].strip())
    if match is None:
        parsed.warnings.append(f"Line {number}: the balance (:{tag}:) cannot be read")
        return None
    amount = _number(match["amount"])
    return _Balance(amount if match["mark"] == "C" else -amount, match["currency"])


def _days(value: str, entry: str | None) -> tuple[date | None, date | None]:
    """Booking and value date; the booking date names no year and lies within half a year of the other."""
    year = int(value[:2])
    value_day = clamp(year + (2000 if year < 80 else 1900), int(value[2:4]), int(value[4:]))
    if value_day is None or entry is None:
        return value_day, value_day
    near = [day for y in (-1, 0, 1) if (day := clamp(value_day.year + y, int(entry[:2]), int(entry[2:])))]
    return min(near, key=lambda day: abs(day - value_day), default=value_day), value_day


def _movement(
    content: str,
    number: int,
    statement: _Statement,
    parsed: Parsed,
    options: ReadOptions,
    expected: list[Decimal],
) -> Record | None:
    first, _, more = content.partition("\n")
    match = _LINE.fullmatch(first.strip())
    if match is None and more:  # some banks break the line wherever it grows too long
        wrapped, _, more = more.partition("\n")
        match = _LINE.fullmatch(f"{first.strip()}{wrapped.strip()}")
    day, value_day = _days(match["value"], match["entry"]) if match else (None, None)
    if match is None or day is None or value_day is None:
        statement.is_whole = False
        parsed.rejected.append(Rejected(number, f"the movement (:61:) '{first[:30]}' cannot be read"))
        return None
    amount = _number(match["amount"])
    if match["mark"] not in _SIGNS:
        expected.append(amount)
        return None
    amount *= _SIGNS[match["mark"]]
    currency = statement.opening.currency if statement.opening else statement.currency
    _, _, reference = match["rest"].partition("//")
    record: Record = {
        "key": "",
        "format": Format.MT940.value,
        "account": options.account or statement.account,
        "currency": currency or options.currency,
        "date": day.isoformat(),
        "value_date": value_day.isoformat(),
        "amount": amount_text(amount),
        "text": " ".join(more.split()),
        "balance": None,
        "bank_id": None if reference.strip() in _OWN_IDS else reference.strip(),
        "category": match["kind"],
        "gross": None,
        "fee": None,
        "row": number,
    }
    parsed.movements.append(record)
    statement.movements.append(record)
    return record


def _check(statements: list[_Statement], parsed: Parsed) -> None:
    tied = summed = 0
    before: dict[str | None, _Statement] = {}
    for statement in statements:
        total = sum((Decimal(m["amount"]) for m in statement.movements), Decimal(0))
        opening, closing = statement.opening, statement.closing
        where = f"Statement on line {statement.line}"
        if opening and closing:
            if opening.currency != closing.currency:
                parsed.warnings.append(
                    f"{where}: opening in {opening.currency}, closing in {closing.currency}"
                )
            elif opening.amount + total != closing.amount:
                parsed.warnings.append(
                    f"{where}: opening {amount_text(opening.amount)} and movements {amount_text(total)} do "
                    f"not give the closing balance {amount_text(closing.amount)}"
                )
            else:
                tied += 1
        elif opening or closing:
            missing = "closing" if opening else "opening"
            parsed.warnings.append(f"{where}: the {missing} balance is missing; nothing proves its movements")
        previous = before.get(statement.account)
        if previous and previous.closing and opening and previous.closing != opening:
            parsed.warnings.append(
                f"{where}: it opens with {amount_text(opening.amount)}, the one before closed with "
                f"{amount_text(previous.closing.amount)}; a statement may be missing"
            )
        before[statement.account] = statement
        summed += _check_sums(statement, parsed)
    if tied == len(statements):
        parsed.verified.append("closing balance")
    if summed == len(statements):
        parsed.verified.append("sums of debits and credits")


def _check_sums(statement: _Statement, parsed: Parsed) -> bool:
    """True when the message states the number and sum of its debits and credits and they agree."""
    agree = bool(statement.sums)
    for tag, content, number in statement.sums:
        side = [
            abs(amount)
            for m in statement.movements
            if ((amount := Decimal(m["amount"])) < 0) == (tag == "90D")
        ]
        match = _SUM.fullmatch(content.split("\n")[0].strip())
        if match is None or (int(match["count"]), _number(match["amount"])) != (
            len(side),
            sum(side, Decimal(0)),
        ):
            agree = False
            parsed.warnings.append(
                f"Line {number}: the sum (:{tag}:) says '{content[:30]}', the movements give {len(side)} of "
                f"{amount_text(sum(side, Decimal(0)))}"
            )
    return agree and {tag for tag, _, _ in statement.sums} == {"90C", "90D"}
