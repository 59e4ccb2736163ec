"""Ordinary rows of a bank's table, in few steps: a million of them must not take minutes.

Ordinary is a row of the usual width whose date, amounts and currency are written like all the others and
whose texts name no total. Of such a row this gives the very record that the careful way gives (a test
compares them); every other row is left to that.
"""

import re
from collections.abc import Callable
from datetime import date

from connectors.accounting.bank_layout import Layout
from connectors.accounting.bank_totals import PHRASES
from connectors.accounting.numbers import currency_of
from connectors.accounting.shapes import Record, plain
from connectors.accounting.tables import Row

_AMOUNT = {
    ",": re.compile(r"-?(?:0|[1-9]\d*|[1-9]\d{0,2}(?:\.\d{3})+),\d\d"),
    ".": re.compile(r"-?(?:0|[1-9]\d*|[1-9]\d{0,2}(?:,\d{3})+)\.\d\d"),
}
_MOST_KEPT = 100_000  # texts whose plain form is remembered


class _Movement:
    """Only its `__dict__` is used: dicts of one class share their keys, and take a third of the space."""

    def __init__(
        self,
        format_: str,
        account: str | None,
        currency: str | None,
        day: str,
        value_day: str | None,
        amount: str,
        text: str,
        balance: str | None,
        bank_id: str | None,
        category: str | None,
        row: int,
    ) -> None:
        self.key = ""
        self.format = format_
        self.account = account
        self.currency = currency
        self.date = day
        self.value_date = value_day
        self.amount = amount
        self.text = text
        self.balance = balance
        self.bank_id = bank_id
        self.category = category
        self.gross = None
        self.fee = None
        self.row = row


def ordinary(
    layout: Layout,
    *,
    width: int,
    mark: str,
    format_: str,
    account: str | None,
    currency: str | None,
    day_of: Callable[[str], date | None],
) -> Callable[[Row], Record | None]:
    """A function from a row to its movement, or to None where the row wants a closer look.

    `currency` is what holds where no cell says one, `day_of` reads a cell as a date in the order decided.
    """
    placed = (
        *(layout.value, layout.amount, layout.balance, layout.currency),
        *(layout.account, layout.id, layout.category),
    )
    if (
        layout.amount is None
        or layout.sign is not None
        or layout.status is not None
        or layout.gross is not None
        or layout.fee is not None
        or layout.minus_balance is not None
        or max((layout.date, *layout.texts, *(index or 0 for index in placed))) >= width
    ):
        return lambda _row: None
    pattern = _AMOUNT[mark].fullmatch
    thousands = "," if mark == "." else "."
    days: dict[str, str | None] = {}
    names: dict[str, bool] = {}
    codes: dict[str, str | None] = {}
    others = [
        index
        for index in range(width)
        if index not in {layout.date, layout.value, layout.amount, layout.balance, layout.currency}
    ]
    beside = [index for index in others if index not in layout.texts]

    def iso(cell: str) -> str | None:
        if cell not in days:
            found = day_of(cell)
            days[cell] = found.isoformat() if found else None
        return days[cell]

    def names_a_total(cell: str) -> bool:
        found = names.get(cell)
        if found is None:
            found = plain(cell) in PHRASES
            if len(names) < _MOST_KEPT:
                names[cell] = found
        return found

    def number(cell: str) -> str | None:
        if not pattern(cell) or cell in {"-0,00", "-0.00"}:
            return None
        if thousands in cell:
            cell = cell.replace(thousands, "")
        return cell if mark == "." else cell.replace(",", ".")

    def take(row: Row) -> Record | None:
        cells = row.cells
        if len(cells) != width:
            return None
        try:
            day = iso(cells[layout.date])  # type: ignore[arg-type]  # a cell of another type is no key here
            amount = number(cells[layout.amount])  # type: ignore[arg-type, index]
        except (TypeError, AttributeError):
            return None
        if day is None or amount is None:
            return None
        balance = value_day = None
        if layout.balance is not None and (cell := cells[layout.balance]) != "":
            balance = number(cell) if isinstance(cell, str) else None
            if balance is None:
                return None
        if layout.value is not None and (cell := cells[layout.value]) != "":
            value_day = iso(cell) if isinstance(cell, str) else None
            if value_day is None:
                return None
        code = currency
        if layout.currency is not None:
            cell = cells[layout.currency]
            if not isinstance(cell, str):
                return None
            if cell not in codes:
                codes[cell] = currency_of(cell)
            code = codes[cell]
            if code is None:
                return None
        text = ""
        for index in layout.texts:
            cell = cells[index]
            if not isinstance(cell, str):
                return None
            if cell:
                if names_a_total(cell):
                    return None
                part = cell if "  " not in cell and cell.strip() == cell else " ".join(cell.split())
                if "\t" in part or "\n" in part or "\xa0" in part:
                    part = " ".join(part.split())
                if not text:
                    text = part
                elif part and part not in text.split(" · "):
                    text = f"{text} · {part}"
        for index in beside:
            cell = cells[index]
            if not isinstance(cell, str) or (cell and names_a_total(cell)):
                return None
        own = cells[layout.account] if layout.account is not None else ""
        bank_id = cells[layout.id] if layout.id is not None else ""
        category = cells[layout.category] if layout.category is not None else ""
        found: Record = _Movement(
            format_,
            str(own).strip() or account,
            code,
            day,
            value_day,
            amount,
            text,
            balance,
            str(bank_id).strip() or None,
            str(category).strip() or None,
            row.number,
        ).__dict__
        return found

    return take
