"""Any bank's table of movements, whatever its headers, language, number and date notation."""

import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from itertools import islice, pairwise, repeat
from typing import Any

from connectors.accounting.bank_checks import (
    balance_breaks,
    balance_is_constant,
    drop_ids_that_repeat,
    every_balance_is_followed,
    spread_currency,
)
from connectors.accounting.bank_columns import SIGN_IN, SIGN_OUT
from connectors.accounting.bank_layout import Layout, layout_from_content, layout_from_header
from connectors.accounting.bank_ordinary import ordinary
from connectors.accounting.bank_totals import Totals, is_dated_balance, is_total
from connectors.accounting.dates import Written, decide_order, settle, stated_period
from connectors.accounting.dates import take_apart as take_date_apart
from connectors.accounting.headers import find_header, habit_of, understand
from connectors.accounting.numbers import MOST_DIGITS, currency_of, decide_mark, read_amount, take_apart
from connectors.accounting.shapes import (
    Format,
    Parsed,
    ReadOptions,
    Record,
    Refused,
    Rejected,
    amount_text,
    from_float,
    give_movement_keys,
    plain,
)
from connectors.accounting.tables import Row, Table

SAMPLE = 2000
_DIGITS = str.maketrans("12345678", "99999999")
_IBAN_IN_TEXT = re.compile(r"\b[A-Z]{2}\d{2}(?:\s?[A-Z0-9]{4}){3,7}(?:\s?[A-Z0-9]{1,3})?\b")
_ACCOUNT_WORDS = frozenset(
    ["cuenta", "account", "konto", "iban", "compte", "conto", "conta", "rekening", "ccc"]
)
_NOT_BOOKED_WORDS = """
    anulada anulado blocked cancelada cancelado canceled cancelled declined denied expired failed
    fallida fallido pendiente pending rechazada rechazado rejected reverted voided vorgemerkt
"""
_NOT_BOOKED = frozenset(_NOT_BOOKED_WORDS.split())


@dataclass(slots=True)
class _Reading:
    """One table under way: its layout and what was decided for the whole of it."""

    layout: Layout
    mark: str
    order: str
    account: str | None
    format: Format
    options: ReadOptions
    width: int
    marks: frozenset[str] | None = None  # what the debit/credit column may hold where it gives the sign
    skipped: Counter[str] = field(default_factory=Counter)  # rows left out, by their status
    last_row: int = -1  # of the movement whose text the next row may continue


def is_bank_table(table: Table) -> bool:
    """True when the table has dates and money where a bank's would."""
    try:
        return _layout(table) is not None
    except Refused:
        return True  # it is one, and reading it will say what is open


def _layout(table: Table) -> tuple[int | None, list[Row], Layout] | None:
    header = find_header(table.rows)
    if header is not None:
        below = table.rows[header + 1 :]
        layout = layout_from_header(table.rows[header], _sample(below))
        return (header, below, layout) if layout else None
    first = next((i for i, row in enumerate(table.rows) if _looks_like_data(row)), None)
    if first is None:
        return None
    below = table.rows[first:]
    layout = layout_from_content(_sample(below))
    return (None, below, layout) if layout else None


def _sample(rows: list[Row]) -> list[Row]:
    """The rows that the layout is judged on: the first ones with data, enough to be sure."""
    return list(islice((row for row in rows if _looks_like_data(row)), SAMPLE))


def _looks_like_data(row: Row) -> bool:
    return any(take_date_apart(cell) for cell in row.cells) and len(row.filled()) >= 2


def read_bank_table(table: Table, format_: Format, options: ReadOptions) -> Parsed:
    """The movements of one table; total and opening rows are left out, recomputed and compared.

    Raises Refused when the decimal mark or the date order cannot be decided, or when the end was cut off.
    """
    found = _layout(table)
    if found is None:
        raise Refused("No columns with dates and amounts were found in the table.")
    header, below, layout = found
    preamble = table.rows[: len(table.rows) - len(below)]
    dated = _Dates(options.date_order)
    data = [row for row in below if layout.date < len(row.cells) and dated[row.cells[layout.date]]]
    _refuse_a_cut_number(table, layout, data)
    names = table.rows[header].filled() if header is not None else []
    texts = [" ".join(row.filled()) for row in preamble]
    bodies = _bodies(layout, data)
    reading = _Reading(
        layout=layout,
        mark=decide_mark(bodies, options.decimal_mark),
        order=_date_order(layout, data, texts, names, options, dated),
        account=options.account or _account_in(preamble),
        format=format_,
        options=options,
        width=len(table.rows[header].cells)
        if header is not None
        else max((len(r.cells) for r in data), default=0),
    )
    parsed = Parsed()
    totals = Totals()
    sign_of = _sign_rule(reading, data, parsed)
    usual = ordinary(
        layout,
        width=reading.width,
        mark=reading.mark,
        format_=format_.value,
        account=reading.account,
        currency=layout.header_currency or options.currency,
        day_of=lambda cell: settle(written, reading.order) if (written := dated[cell]) else None,
    )
    # A row is let go once it is a movement: the file and what came of it are never both in memory whole.
    table.rows.clear()
    data.clear()
    below.reverse()
    while below:
        row = below.pop()
        movement = usual(row)
        if movement is None:
            _take(row, reading, parsed, totals, sign_of)
        else:
            parsed.movements.append(movement)
            reading.last_row = row.number
    for status, count in reading.skipped.items():
        parsed.warnings.append(f"{count} rows with the status '{status}' are not booked and were left out")
    if not parsed.movements:
        parsed.warnings.append("The file holds no movements")
    if layout.id is not None:
        drop_ids_that_repeat(parsed.movements)
    spread_currency(parsed.movements)
    steady = balance_is_constant(parsed.movements)
    if totals:
        amounts = [Decimal(m["amount"]) for m in parsed.movements]
        parsed.warnings += totals.disagreements(amounts)
        parsed.verified += totals.agreeing(amounts)
    if not steady:
        breaks = balance_breaks(parsed.movements)
        parsed.warnings += breaks
        if not breaks and every_balance_is_followed(parsed.movements):
            # The oldest balance has none before it to follow from.
            parsed.verified.append("running balance, but for the oldest movement")
    give_movement_keys(parsed.movements, use_balance=not steady)
    return parsed


def _is_dated(row: Row, layout: Layout) -> bool:
    return layout.date < len(row.cells) and take_date_apart(row.cells[layout.date]) is not None


class _Dates(dict[Any, Written | None]):
    """What each different cell says about a date; a file of a million rows has few different ones."""

    def __init__(self, order: str | None) -> None:
        self.order = order

    def __missing__(self, cell: Any) -> Written | None:
        found = self[cell] = take_date_apart(cell, self.order)
        return found


def _bodies(layout: Layout, data: list[Row]) -> list[list[str]]:
    """The digits of every amount, column by column, for their decimal mark.

    What a mark proves hangs on where digits stand, and on zeros in front: amounts alike in these are one.
    """
    found = []
    for index in layout.money:
        shapes: Counter[str] = Counter(
            cell.translate(_DIGITS)
            for row in data
            if index < len(row.cells) and isinstance(cell := row.cells[index], str) and cell
        )
        found.append(
            [
                body
                for shape, count in shapes.items()
                if shape.strip() and (written := take_apart(shape))
                for body in repeat(written.body, count)
            ]
        )
    return found


def _date_order(
    layout: Layout,
    data: list[Row],
    preamble: list[str],
    names: list[str],
    options: ReadOptions,
    dated: _Dates,
) -> str:
    written = [w for row in data if (w := dated[row.cells[layout.date]])]
    beside = []
    if layout.value is not None:
        plainly = _Dates(None)
        cells = {row.cells[layout.value] for row in data if layout.value < len(row.cells)}
        beside = [w for cell in cells if (w := plainly[cell])]
    return decide_order(written, options.date_order, stated_period(preamble), habit_of(names), beside)


def _account_in(preamble: list[Row]) -> str | None:
    """The account named above the table, if any."""
    for row in preamble:
        filled = row.filled()
        match = _IBAN_IN_TEXT.search(" ".join(filled))
        if match:
            return re.sub(r"\s", "", match[0])
        for label, value in pairwise(filled):
            digits = re.sub(r"[\s./-]", "", value)
            if (
                _ACCOUNT_WORDS & set(plain(label).split())
                and digits.isalnum()
                and any(c.isdigit() for c in digits)
            ):
                return digits
    return None


def _refuse_a_cut_number(table: Table, layout: Layout, data: list[Row]) -> None:
    """The last line has no end and its last number fewer decimals than all others: it was cut."""
    if not table.unterminated or len(data) < 4 or table.rows[-1] is not data[-1]:
        return
    last = data[-1]
    index = max((i for i in range(len(last.cells)) if last.text(i)), default=0)
    if index not in layout.money:
        return

    def decimals(row: Row) -> int:
        digits = re.search(r"[.,](\d+)\D*$", row.text(index))
        return len(digits[1]) if digits else 0

    usual = {decimals(row) for row in data[:-1] if row.text(index)}
    if usual == {2} and decimals(last) < 2:
        raise Refused(
            f"The last line ({last.number}) ends in '{last.text(index)}' where all others have two "
            "decimals: the file is half-written. Export or copy it again."
        )


def _sign_rule(reading: _Reading, data: list[Row], parsed: Parsed) -> Callable[[Row, Decimal], Decimal]:
    """How a debit/credit column changes an amount: it gives unsigned amounts their sign and no other."""
    layout = reading.layout
    if layout.sign is None or layout.amount is None:
        return lambda _row, amount: amount
    index = layout.sign
    marks = {plain(text) in SIGN_OUT for row in data if (text := row.text(index))}
    unmarked_is_out = marks == {False}  # where only money in is marked, as CR on a card's list

    def is_out(row: Row) -> bool:
        text = row.text(index)
        return (text == "-" or plain(text) in SIGN_OUT) if text else unmarked_is_out

    amounts = [(a, is_out(row)) for row in data if (a := _number(row, layout.amount, reading.mark))]
    if not any(a < 0 for a, _ in amounts):
        reading.marks = SIGN_IN | SIGN_OUT | {""}
        return lambda row, amount: -amount if is_out(row) else amount
    if all((a < 0) == out for a, out in amounts):
        return lambda _row, amount: amount
    if all((a < 0) != out for a, out in amounts):
        parsed.warnings.append(
            "Money out is written as positive and money in as negative, as on a card statement; "
            "amounts are kept as written"
        )
        return lambda _row, amount: amount
    reading.marks = SIGN_IN | SIGN_OUT | {""}
    return lambda row, amount: -amount if is_out(row) else amount


def _number(row: Row, index: int | None, mark: str) -> Decimal | None:
    """The cell as a signed number, or None when it is empty or unreadable."""
    if index is None or index >= len(row.cells):
        return None
    cell = row.cells[index]
    if isinstance(cell, bool):
        return None
    if isinstance(cell, (int, float)):
        return from_float(float(cell)) if abs(cell) < 10**MOST_DIGITS else None  # nor is "not a number" one
    if not isinstance(cell, str) or not cell.strip():
        return None
    written = take_apart(cell)
    return read_amount(written, mark) if written else None


def _take(
    row: Row,
    reading: _Reading,
    parsed: Parsed,
    totals: Totals,
    sign_of: Callable[[Row, Decimal], Decimal],
) -> None:
    """Sort one row: movement, total, continuation of the text above, or a rejected row with its reason."""
    layout = reading.layout
    dated = _is_dated(row, layout)
    if is_total(row, dated=dated):
        value, unsigned_out = _stated(row, reading)
        totals.add(row, value, unsigned_out, _number(row, layout.balance, reading.mark))
        return
    has_money = any(row.text(i) for i in (layout.amount, layout.debit, layout.credit))
    if not dated and has_money and plain(row.text(layout.date)) in _NOT_BOOKED:
        reading.skipped[row.text(layout.date)] += 1
        return
    if not dated:
        _take_undated(row, reading, parsed, has_money=has_money)
        return
    if not has_money and is_dated_balance(row):
        totals.add(row, None, False, _number(row, layout.balance, reading.mark))
        return
    if len(row.filled()) == 1:
        return  # the date of the printout below the table
    if any(row.text(i) for i in range(reading.width, len(row.cells))):
        parsed.rejected.append(
            Rejected(row.number, f"the row has {len(row.cells)} fields and the table {reading.width}")
        )
        return
    status = plain(row.text(layout.status))
    if status in _NOT_BOOKED:
        reading.skipped[row.text(layout.status)] += 1
        return
    movement = _movement(row, reading, sign_of)
    if isinstance(movement, str):
        parsed.rejected.append(Rejected(row.number, movement))
    else:
        parsed.movements.append(movement)
        reading.last_row = row.number


def _take_undated(row: Row, reading: _Reading, parsed: Parsed, *, has_money: bool) -> None:
    layout = reading.layout
    day = row.text(layout.date)
    filled = row.filled()
    is_header = understand(day).role == "date"  # some banks repeat it on every page
    if has_money and not is_header and (day or _amount(row, reading) is not None):
        parsed.rejected.append(
            Rejected(row.number, f"'{day}' is no date" if day else "the row has an amount and no date")
        )
    elif len(filled) >= 3 and not has_money and any(c.isdigit() for c in day):
        parsed.rejected.append(Rejected(row.number, f"'{day}' is no date"))
    elif row.number == reading.last_row + 1 and not day and not has_money:
        texts = [row.text(i) for i in layout.texts if row.text(i)]
        if parsed.movements and len(filled) == len(texts):
            last = parsed.movements[-1]
            last["text"] = f"{last['text']} {' '.join(texts)}"
            reading.last_row = row.number


def _stated(row: Row, reading: _Reading) -> tuple[Decimal | None, bool]:
    """The figure of a total row and whether a debit mark beside it makes it money out."""
    layout = reading.layout
    if layout.amount is None:
        debit, credit = (_number(row, i, reading.mark) for i in (layout.debit, layout.credit))
        if debit is None or credit is None:
            return (credit if debit is None else abs(debit)), credit is None
        return credit - abs(debit), False
    value = _number(row, layout.amount, reading.mark)
    if value is None:
        numbers = [n for i in range(1, len(row.cells)) if (n := _number(row, i, reading.mark)) is not None]
        value = numbers[0] if len(numbers) == 1 else None
    return value, plain(row.text(layout.sign)) in SIGN_OUT


def _amount(row: Row, reading: _Reading) -> Decimal | None:
    layout = reading.layout
    if layout.amount is not None:
        return _number(row, layout.amount, reading.mark)
    total = None
    for index, sign in ((layout.debit, -1), (layout.credit, 1)):
        text = row.text(index)
        if not text:
            continue
        number = _number(row, index, reading.mark)
        if number is None:
            return None
        # A debit column may carry its minus already.
        total = (total or Decimal(0)) + (number if sign > 0 or number < 0 else -number)
    return total


def _movement(row: Row, reading: _Reading, sign_of: Callable[[Row, Decimal], Decimal]) -> Record | str:
    """The movement of one row, or the reason why it is none."""
    layout = reading.layout
    day = _day(row, layout.date, reading)
    if day is None:
        return f"'{row.text(layout.date)}' is no date in the order {reading.order}"
    amount = _amount(row, reading)
    if amount is None:
        raw = " / ".join(t for i in (layout.amount, layout.debit, layout.credit) if (t := row.text(i)))
        return f"the amount '{raw}' cannot be read" if raw else "the row has a date and no amount"
    if reading.marks is not None and plain(row.text(layout.sign)) not in reading.marks:
        return f"'{row.text(layout.sign)}' says neither debit nor credit"
    amount = sign_of(row, amount)
    balance = _number(row, layout.balance, reading.mark)
    if layout.minus_balance is not None and (below := _number(row, layout.minus_balance, reading.mark)):
        balance = -abs(below)
    currency = _currency(row, reading)
    value_day = _day(row, layout.value, reading) if layout.value is not None else None
    gross, fee = (_number(row, i, reading.mark) for i in (layout.gross, layout.fee))
    return {
        "key": "",
        "format": reading.format.value,
        "account": row.text(layout.account) or reading.account,
        "currency": currency,
        "date": day.isoformat(),
        "value_date": value_day.isoformat() if value_day else None,
        "amount": amount_text(amount),
        "text": _text(row, layout),
        "balance": None if balance is None else amount_text(balance),
        "bank_id": row.text(layout.id) or None,
        "category": row.text(layout.category) or None,
        "gross": None if gross is None else amount_text(gross),
        "fee": None if fee is None else amount_text(fee),
        "row": row.number,
    }


def _day(row: Row, index: int | None, reading: _Reading) -> date | None:
    if index is None or index >= len(row.cells):
        return None
    written = take_date_apart(row.cells[index], reading.options.date_order)
    return settle(written, reading.order) if written else None


def _currency(row: Row, reading: _Reading) -> str | None:
    layout = reading.layout
    if layout.currency is not None and (code := currency_of(row.text(layout.currency))):
        return code
    for index in (layout.amount, layout.debit, layout.credit):
        text = row.text(index)
        written = take_apart(text) if text else None
        if written and written.currency:
            return written.currency
    return layout.header_currency or reading.options.currency


def _text(row: Row, layout: Layout) -> str:
    parts: list[str] = []
    for index in layout.texts:
        part = " ".join(row.text(index).split())
        if part and part not in parts:
            parts.append(part)
    return " · ".join(parts)
