"""The rows of a bank's table that are no movements (opening, closing, totals), and what they prove."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal

from connectors.accounting.shapes import plain
from connectors.accounting.tables import Row


def _phrases(text: str) -> frozenset[str]:
    return frozenset(" ".join(phrase.split()) for phrase in text.split("|"))


OPENING = _phrases("""
    saldo anterior | saldo inicial | saldo previo | opening balance | beginning balance |
    balance brought forward | balance forward | previous balance | starting balance | begin balance |
    anfangssaldo | alter saldo | alter kontostand | solde initial | solde precedent | ancien solde |
    saldo iniziale | saldo precedente | beginsaldo | saldo de apertura | pocatecni zustatek |
    saldo poczatkowe | ingaende saldo | ingoing balance | vorheriger saldo | startsaldo | saldo inicio |
    saldo apertura
""")
CLOSING = _phrases("""
    saldo final | saldo actual | closing balance | ending balance | endsaldo | neuer saldo |
    neuer kontostand | solde final | nouveau solde | saldo finale | eindsaldo | saldo de cierre |
    saldo cierre | konecny zustatek | saldo koncowe | utgaende saldo | balance carried forward |
    final balance | saldo atual | saldo do dia | kontostand | available balance | saldo disponible |
    s a l d o
""")
_TURNOVER = frozenset(
    ["turnover", "umsatzsumme", "obroty", "obrat", "total turnover", "total movimientos", "total mouvements"]
)
_LETTER = re.compile(r"[A-Za-z]")
PHRASES = OPENING | CLOSING | _TURNOVER  # what a dated row's whole cell may say to be none of the movements
_TOTAL_STARTS = (
    "total",
    "totales",
    "totals",
    "totaal",
    "suma",
    "sum ",
    "summe",
    "subtotal",
    "gesamt",
    "totale",
    "razem",
    "celkem",
)


@dataclass(slots=True)
class _Stated:
    number: int
    value: Decimal
    is_out: bool


@dataclass(slots=True)
class Totals:
    """What the file itself says its movements add up to."""

    opening: Decimal | None = None
    closing: Decimal | None = None
    stated: list[_Stated] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.stated) or self.opening is not None or self.closing is not None

    def add(self, row: Row, value: Decimal | None, is_out: bool, balance: Decimal | None) -> None:
        """Keep the figure of one such row."""
        figure = value if value is not None else balance
        if figure is None:
            return
        signed = -figure if is_out and figure > 0 else figure
        words = {plain(text) for text in row.filled()}
        if _starts(words, OPENING):
            self.opening = self.opening if self.opening is not None else signed
        elif _starts(words, CLOSING):
            self.closing = signed
        elif value is not None:
            self.stated.append(_Stated(row.number, value, is_out))

    def disagreements(self, amounts: Iterable[Decimal]) -> list[str]:
        """One sentence for each stated figure that the movements do not add up to."""
        total = money_in = Decimal(0)
        for amount in amounts:
            total += amount
            if amount > 0:
                money_in += amount
        money_out = money_in - total
        found = []
        for item in self.stated:
            known = (
                {money_out, -money_out} if item.is_out else {total, money_in, money_out, -money_out, -total}
            )
            if item.value not in known:
                found.append(
                    f"The total in row {item.number} says {item.value}; the movements add up to {total}"
                )
        if self.opening is not None and self.closing is not None and self.opening + total != self.closing:
            found.append(
                f"The opening balance {self.opening} and the movements {total} do not give the closing one, "
                f"{self.closing}"
            )
        return found

    def agreeing(self, amounts: list[Decimal]) -> list[str]:
        """The controls that the file has and that its movements bear out."""
        found = ["stated total"] if self.stated else []
        if self.opening is not None and self.closing is not None:
            found.append("closing balance")
        return [] if self.disagreements(amounts) else found


def _has_letter(text: str) -> bool:
    return bool(_LETTER.search(text)) or (not text.isascii() and any(c.isalpha() for c in text))


def _starts(words: set[str], phrases: frozenset[str]) -> bool:
    return any(word in phrases or any(word.startswith(f"{p} ") for p in phrases) for word in words)


def is_total(row: Row, *, dated: bool) -> bool:
    """True for an opening, closing, turnover or total row.

    A dated row must say so in one whole cell: 'Total Energies' is a petrol station and a movement.
    """
    words = [plain(text) for text in row.filled() if _has_letter(text)]
    if dated:
        return any(word in PHRASES for word in words)
    return any(
        word in _TURNOVER
        or word.startswith(_TOTAL_STARTS)
        or _starts({word}, OPENING)
        or _starts({word}, CLOSING)
        for word in words[:2]
    )


def is_dated_balance(row: Row) -> bool:
    """True for a dated row that speaks of a balance and moves nothing."""
    return any(
        word.startswith(("saldo", "balance", "solde", "kontostand")) for word in map(plain, row.filled())
    )
