"""What the cells of a bank's columns look like, whatever stands above them."""

from dataclasses import dataclass, field

from connectors.accounting.dates import take_apart as take_date_apart
from connectors.accounting.numbers import CURRENCIES, decimal_evidence, take_apart
from connectors.accounting.numbers import currency_of as code_of
from connectors.accounting.shapes import plain
from connectors.accounting.tables import Row

_OUT_WORDS = """
    af cargo d dare db dbit debe debet debit debito dr egreso expense gasto kiadas o out outflow pago
    paiement s saida salida soll sortie terheles uscita withdrawal
"""


SIGN_OUT = frozenset(_OUT_WORDS.split())


_IN_WORDS = """
    abono avere bevetel bij c cr crdt cred credit credito deposit entrada entrata entree h haben haber i
    in income inflow ingreso jovairas k kredit
"""


SIGN_IN = frozenset(_IN_WORDS.split())


@dataclass(slots=True)
class Column:
    """What the cells of one column look like."""

    index: int
    filled: int = 0
    dates: int = 0
    numbers: int = 0
    zeros: int = 0
    marked: int = 0  # numbers with a decimal mark, a sign or a currency
    negative: int = 0
    currencies: int = 0
    letters: int = 0
    signs: int = 0
    values: set[str] = field(default_factory=set)

    @property
    def is_date(self) -> bool:
        """Nearly all of its cells are dates."""
        return self.dates > 0 and self.dates >= 0.6 * self.filled

    @property
    def is_number(self) -> bool:
        """Nearly all of its cells are numbers."""
        return self.numbers > 0 and self.numbers >= 0.6 * self.filled and not self.is_date

    @property
    def is_money(self) -> bool:
        """Numbers that look like amounts rather than counts, codes or document numbers."""
        return self.is_number and self.marked > 0 and self.marked >= 0.5 * (self.numbers - self.zeros)


def profile(rows: list[Row], limit: int = 2000) -> list[Column]:
    """What each column holds, judged on the first rows."""
    width = max((len(row.cells) for row in rows[:limit]), default=0)
    columns = [Column(index) for index in range(width)]
    for row in rows[:limit]:
        for column in columns[: len(row.cells)]:
            _look(column, row)
    return columns


def _look(column: Column, row: Row) -> None:
    cell = row.cells[column.index]
    text = row.text(column.index)
    if not text:
        return
    column.filled += 1
    if len(column.values) < 200:
        column.values.add(text)
    if isinstance(cell, (int, float)) and not isinstance(cell, bool):
        column.numbers += 1
        column.marked += 1 if cell < 0 or (isinstance(cell, float) and not cell.is_integer()) else 0
        column.negative += 1 if cell < 0 else 0
        return
    if take_date_apart(cell):
        column.dates += 1
        return
    if text.upper() in CURRENCIES or (len(text) <= 5 and code_of(text)):
        column.currencies += 1
    if plain(text) in SIGN_OUT | SIGN_IN or text in {"+", "-"}:
        column.signs += 1
    written = take_apart(text)
    if written is None:
        column.letters += 1 if any(c.isalpha() for c in text) else 0
        return
    digits = written.body
    if (
        digits.isdecimal()
        and not written.sign
        and (len(digits) > 9 or (len(digits) > 1 and digits[0] == "0"))
    ):
        return  # a code or a document number
    column.numbers += 1
    column.negative += 1 if written.sign < 0 else 0
    column.zeros += 1 if digits.isdecimal() and not digits.strip("0") else 0
    column.marked += 1 if written.sign or written.currency or decimal_evidence(digits) else 0
