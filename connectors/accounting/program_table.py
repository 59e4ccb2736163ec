"""A table that a known program exported: columns found by name, every row read with one notation.

Banks need guessing (`bank_table`); a program's columns are known, so here a name settles everything.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from typing import TypeVar
from zoneinfo import ZoneInfo

from connectors.accounting.dates import Cell, decide_order, settle
from connectors.accounting.dates import take_apart as take_date_apart
from connectors.accounting.numbers import currency_of, decide_mark, read_amount, take_apart
from connectors.accounting.shapes import (
    Left,
    Parsed,
    ReadOptions,
    Refused,
    Rejected,
    amount_text,
    from_float,
    plain,
)
from connectors.accounting.tables import Row, Table

Number = TypeVar("Number", Decimal, float)
Columns = Mapping[str, tuple[str, ...]]
_HEADER_ROWS = 12
_SHOWN = 5
_TOO_MUCH = 10**14  # amounts are kept with 18 digits, four of them decimals


class Unusable(Exception):
    """One row or document cannot be taken in; the message says why."""


def name_of(text: str) -> str:
    """A column's name as columns are compared: lower case, no accents, no punctuation, no underscores."""
    return plain(text.replace("_", " "))


def names_of(row: Row) -> dict[str, int]:
    """Where each named column of a header row stands; of two columns with one name the first."""
    return {name: i for i in reversed(range(len(row.cells))) if (name := name_of(row.text(i)))}


@dataclass(slots=True)
class Sheet:
    """A table whose columns are known, with the decimal mark and date order decided for all of it."""

    header: Row
    rows: list[Row]
    columns: dict[str, int]
    mark: str
    order: str
    zone: ZoneInfo
    currency: str | None
    utc: bool = False  # every moment in the table is UTC, whatever its column's name

    def text(self, row: Row, role: str) -> str:
        """The cell of this role as text, empty where there is none."""
        return row.text(self.columns.get(role))

    def has(self, role: str) -> bool:
        """True where the file has such a column."""
        return role in self.columns

    def amount(self, row: Row, role: str) -> Decimal | None:
        """The number in this column, None where the cell is empty. Raises Unusable for anything else."""
        index = self.columns.get(role)
        cell = row.cells[index] if index is not None and index < len(row.cells) else None
        if isinstance(cell, (int, float)) and not isinstance(cell, bool):
            return from_float(float(bounded(cell)))
        text = row.text(index)
        if not text:
            return None
        written = take_apart(text.removesuffix("%").strip())
        number = read_amount(written, self.mark) if written else None
        if number is None:
            raise Unusable(f"the {self.title(role)} '{text[:40]}' cannot be read")
        return bounded(number)

    def needed(self, row: Row, role: str) -> Decimal:
        """The number in this column. Raises Unusable where there is none."""
        number = self.amount(row, role)
        if number is None:
            raise Unusable(f"the {self.title(role)} is missing")
        return number

    def day(self, row: Row, role: str) -> date | None:
        """The day in this column, in the business's zone where the column says that it holds UTC."""
        index = self.columns.get(role)
        if index is None or not row.text(index):
            return None
        instant = self.instant(row, role)
        if instant is not None:
            return instant.date()
        cell: Cell = row.cells[index]
        written = take_date_apart(cell.strip() if isinstance(cell, str) else cell)
        found = settle(written, self.order) if written else None
        if found is None:
            raise Unusable(f"the {self.title(role)} '{row.text(index)}' is no date")
        return found

    def needed_day(self, row: Row, role: str) -> str:
        """The day in this column as ISO text. Raises Unusable where there is none."""
        found = self.day(row, role)
        if found is None:
            raise Unusable(f"the {self.title(role)} is missing")
        return found.isoformat()

    def iso(self, row: Row, role: str) -> str | None:
        """The day in this column as ISO text, or None where the cell is empty."""
        found = self.day(row, role)
        return found.isoformat() if found else None

    def instant(self, row: Row, role: str) -> datetime | None:
        """The moment in a UTC column, in the business's zone; None where no time of day is written."""
        index = self.columns.get(role)
        text = row.text(index)
        if index is None or not (self.utc or "utc" in name_of(self.header.text(index)).split()):
            return None
        if self.utc and len(text) == 10 and text.isdecimal():
            return datetime.fromtimestamp(int(text), self.zone)
        if len(text) <= 10:
            return None
        try:
            found = datetime.fromisoformat(text.replace(" UTC", ""))
        except ValueError:
            return None
        return found.replace(tzinfo=found.tzinfo or UTC).astimezone(self.zone)

    def moment(self, row: Row, role: str) -> datetime | None:
        """The moment in this column, at the start of its day where no time is written."""
        found = self.instant(row, role)
        day = self.day(row, role)
        return found or (datetime.combine(day, time(), self.zone) if day else None)

    def code(self, row: Row, role: str = "currency") -> str | None:
        """The row's currency, or the one a person stated. Raises Unusable for what is no currency."""
        text = self.text(row, role)
        if not text:
            return self.currency
        found = currency_of(text)
        if found is None:
            raise Unusable(f"'{text}' is no currency")
        return found

    def title(self, role: str) -> str:
        """The column's own name, for messages."""
        index = self.columns.get(role)
        return f"column '{self.header.text(index)}'" if index is not None else role

    def whole_rows(self, parsed: Parsed, *, short_by: int = 0) -> Iterator[Row]:
        """The rows as wide as the header; the others are rejected, for their cells stand in wrong columns.

        Empty cells beyond the header are no fault; `short_by` is how many fields a program itself leaves out.
        """
        width = len(self.header.cells)
        while width and not self.header.text(width - 1):
            width -= 1
        for row in self.rows:
            extra = any(row.text(i) for i in range(len(self.header.cells), len(row.cells)))
            if extra or len(row.cells) < width - short_by:
                parsed.rejected.append(
                    Rejected(row.number, f"the row has {len(row.cells)} fields and the header {width}")
                )
            else:
                yield row


def take_rows(sheet: Sheet, parsed: Parsed, take: Callable[[Row], None], *, short_by: int = 0) -> None:
    """Every whole row through `take`; one that it finds Unusable is rejected with the reason."""
    for row in sheet.whole_rows(parsed, short_by=short_by):
        try:
            take(row)
        except Unusable as reason:
            parsed.rejected.append(Rejected(row.number, str(reason)))


def note(seen: dict[str, int], identity: str, row: Row) -> None:
    """Remember in which row an id stands. Raises Unusable for none and for an id met before."""
    if not identity:
        raise Unusable("the row has no id")
    if identity in seen:
        raise Unusable(f"{identity} is already in row {seen[identity]}")
    seen[identity] = row.number


def columns_in(row: Row, columns: Columns) -> dict[str, int]:
    """Where each role stands in this header row; the first of its names that is there counts."""
    names = names_of(row)
    return {
        role: next(names[option] for option in options if option in names)
        for role, options in columns.items()
        if any(option in names for option in options)
    }


def open_sheet(
    table: Table,
    columns: Columns,
    needed: Sequence[str],
    options: ReadOptions,
    *,
    money: Sequence[str] = (),
    days: Sequence[str] = (),
    what: str,
    utc: bool = False,
) -> Sheet:
    """The table with its columns found and its notation decided.

    Raises Refused when a needed column is missing, or when decimals or dates cannot be decided.
    """
    for header in table.rows[:_HEADER_ROWS]:
        found = columns_in(header, columns)
        if all(role in found for role in needed):
            break
    else:
        names = ", ".join(columns[role][0] for role in needed)
        raise Refused(f"The {what} lacks one of the columns it needs ({names}). Export it with all columns.")
    rows = [row for row in table.rows if row.number > header.number]
    bodies = [
        [m.body for r in rows if (t := r.text(found.get(role))) and (m := take_apart(t.removesuffix("%")))]
        for role in money
        if role in found
    ]
    written = [
        w
        for role in days
        if role in found
        for r in rows
        if found[role] < len(r.cells) and (w := take_date_apart(_stripped(r.cells[found[role]])))
    ]
    return Sheet(
        header=header,
        rows=rows,
        columns=found,
        mark=decide_mark(bodies, options.decimal_mark),
        order=decide_order(written, options.date_order or _order_in(header, found, days)),
        zone=ZoneInfo(options.zone),
        currency=options.currency,
        utc=utc,
    )


def _stripped(cell: Cell) -> Cell:
    return cell.strip() if isinstance(cell, str) else cell


def _order_in(header: Row, found: dict[str, int], days: Sequence[str]) -> str | None:
    """The date order that a header states, as in "Fecha dd/mm/yyyy"."""
    for role in days:
        name = name_of(header.text(found.get(role)))
        if "dd mm" in name:
            return "dmy"
        if "mm dd" in name:
            return "mdy"
    return None


@dataclass(slots=True)
class LeftOut:
    """Collects the rows that the file itself says do not count."""

    counts: Counter[str] = field(default_factory=Counter)
    sums: dict[str, dict[str, Decimal]] = field(default_factory=dict)

    def add(self, reason: str, currency: str | None = None, amount: Decimal | None = None) -> None:
        """Count one row left out, with its amount where it has one."""
        self.counts[reason] += 1
        if amount is not None:
            sums = self.sums.setdefault(reason, {})
            code = currency or "XXX"
            sums[code] = sums.get(code, Decimal(0)) + amount

    def result(self) -> list[Left]:
        """One Left for each reason, in the order in which they first came up."""
        return [
            Left(reason, rows, {c: amount_text(a) for c, a in sorted(self.sums.get(reason, {}).items())})
            for reason, rows in self.counts.items()
        ]


def report_checks(parsed: Parsed, control: str, checked: int, faults: Sequence[str]) -> None:
    """`verified` gains the control where all agreed; else a warning names the first disagreements."""
    if faults:
        more = f" and {len(faults) - _SHOWN} more" if len(faults) > _SHOWN else ""
        parsed.warnings.append(f"{control}: {'; '.join(faults[:_SHOWN])}{more}")
    elif checked:
        parsed.verified.append(control)


def groups(rows: Iterable[tuple[str, Row]]) -> dict[str, list[Row]]:
    """The rows of each key, keys in the order in which they first come up."""
    found: dict[str, list[Row]] = {}
    for key, row in rows:
        found.setdefault(key, []).append(row)
    return found


def bounded(value: Number) -> Number:
    """The number itself. Raises Unusable for one that no amount of money is, and no column holds."""
    if not abs(value) < _TOO_MUCH:
        raise Unusable("a number in the row is too large to be an amount")
    return value


def cents(value: Decimal) -> Decimal:
    """Rounded half up to cents, as an invoice rounds."""
    return bounded(value).quantize(Decimal("0.01"), ROUND_HALF_UP)
