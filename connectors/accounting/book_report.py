"""A bookkeeping program's report: titles above, a header somewhere, groups of rows with totals, a footer."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo

from connectors.accounting.dates import decide_order, stated_period
from connectors.accounting.dates import take_apart as take_date_apart
from connectors.accounting.numbers import SYMBOLS, decide_mark, take_apart
from connectors.accounting.program_table import Columns, Sheet, columns_in
from connectors.accounting.shapes import Covered, ReadOptions, Refused, plain
from connectors.accounting.tables import Row, Table

HEADER_ROWS = 25
_REPORTS = re.compile(
    r"^(?:general ledger|libro mayor|mayor|journal|diario|libro diario|account transactions|"
    r"transaction (?:list|detail|report)|transactions? by|lista de transacciones|"
    r"profit and loss|perdidas y ganancias|audit trail)\b"
)
_VOIDED = frozenset({"voided", "void", "anulado", "anulada"})
_BASIS = re.compile(r"^(?:accrual|cash) basis|^base de (?:acumulacion|caja|efectivo|devengo)")


@dataclass(slots=True)
class Report:
    """The report's sheet with what its titles say; `cash` where it says that it is on a cash basis."""

    sheet: Sheet
    titles: list[str]
    period: tuple[date, date] | None
    cash: bool

    def claim(self, program: str) -> Covered | None:
        """The company's book between the two days of the title, or None where none are stated."""
        return claim(program, self.titles, self.period)


def claim(program: str, titles: Sequence[str], period: tuple[date, date] | None) -> Covered | None:
    """The book named in these titles: the program and the company, which its reports share."""
    if period is None:
        return None
    company = next(
        (
            name
            for title in titles
            if (name := plain(title))
            and not _REPORTS.match(name)
            and not _BASIS.match(name)
            and stated_period([title]) is None
        ),
        "",
    )
    return Covered(f"{program}:{company}" if company else program, *period)


def header_of(table: Table, columns: Columns, needed: Sequence[str]) -> tuple[int, dict[str, int]] | None:
    """The index of the header row and where each role stands, or None."""
    for index, row in enumerate(table.rows[:HEADER_ROWS]):
        found = columns_in(row, columns)
        if all(role in found for role in needed):
            return index, found
    return None


def open_report(
    table: Table,
    columns: Columns,
    needed: Sequence[str],
    options: ReadOptions,
    *,
    money: Sequence[str],
    what: str,
) -> Report:
    """The report with its notation decided, the date order by the period in its title where need be.

    Raises Refused when a column is missing, or when decimals or dates cannot be decided.
    """
    found = header_of(table, columns, needed)
    if found is None:
        names = ", ".join(columns[role][0] for role in needed)
        raise Refused(f"The {what} lacks one of the columns it needs ({names}). Export it with all columns.")
    index, places = found
    rows = table.rows[index + 1 :]
    titles = [" ".join(row.filled()) for row in table.rows[:index]]
    period = stated_period(titles)
    bodies = [
        [money_.body for row in rows if (text := row.text(places.get(role))) and (money_ := take_apart(text))]
        for role in money
    ]
    day = places["date"]
    written = [
        w
        for row in rows
        if day < len(row.cells) and len(row.filled()) > 1 and (w := take_date_apart(row.cells[day]))
    ]
    sheet = Sheet(
        header=table.rows[index],
        rows=rows,
        columns=places,
        mark=decide_mark(bodies, options.decimal_mark),
        order=decide_order(written, options.date_order, period),
        zone=ZoneInfo(options.zone),
        currency=options.currency or _currency(rows, places, money),
    )
    said = [plain(text) for text in (*titles, *(" ".join(row.filled()) for row in rows[-3:]))]
    return Report(sheet, titles, period, any("cash basis" in text or "base de caja" in text for text in said))


def _currency(rows: Sequence[Row], places: dict[str, int], money: Sequence[str]) -> str | None:
    """The home currency where amounts carry its sign; a bare $ names none."""
    for row in rows:
        for role in money:
            text = row.text(places.get(role))
            for symbol in "€£":
                if symbol in text:
                    return SYMBOLS[symbol]
    return None


def is_total(label: str) -> bool:
    """True for the label of a total row, of a group or of the whole report."""
    words = plain(label).split()
    return bool(words) and words[0] in {"total", "totales"}


@lru_cache(maxsize=10_000)
def total_name(label: str) -> tuple[str, bool]:
    """The group that a total row closes ("" = the whole report), and whether its sub-accounts are within."""
    name = re.sub(r"^totals? ?(?:for|de|of)? ?|^totales ?", "", plain(label))
    short = re.sub(r" ?(?:with sub ?accounts|con subcuentas|incluidas subcuentas)$", "", name)
    return short, short != name


def is_voided(*texts: str) -> bool:
    """True where a text says that the transaction was voided; its amounts are then zero."""
    return any(plain(text).split(" ")[0] in _VOIDED for text in texts)


def add(values: Sequence[Decimal]) -> Decimal:
    """Their sum, as a decimal also when there are none."""
    return sum(values, Decimal(0))
