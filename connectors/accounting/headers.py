"""What a bank's column headers mean, in the languages in which banks write them."""

import re
from dataclasses import dataclass
from itertools import pairwise

from connectors.accounting.dates import take_apart
from connectors.accounting.header_names import NAMES
from connectors.accounting.numbers import currency_of
from connectors.accounting.numbers import take_apart as take_amount_apart
from connectors.accounting.shapes import plain
from connectors.accounting.tables import Row


def _names(role: str) -> list[str]:
    return [plain(name) for name in NAMES[role].split("|")]


_ROLE = {name: role for role in NAMES for name in _names(role)}
_RANK = {name: rank for role in ("date", "amount") for rank, name in enumerate(_names(role))}
_FOREIGN_WORDS = """
    comision commission converted counter counterparty divisa exchange extranjera fee foreign from fx
    gegenkonto instructed iva local2 original other protiuctu puvodni refunded tax tegenrekening to vat
"""
_FOREIGN = frozenset(_FOREIGN_WORDS.split())
_BY_WORD = (
    (
        "amount",
        frozenset(
            {"amount", "importe", "betrag", "montant", "importo", "bedrag", "belopp", "kwota", "castka"}
        ),
    ),
    ("balance", frozenset({"balance", "saldo", "solde", "kontostand"})),
    ("debit", frozenset({"debit", "debito", "debet", "withdrawals", "cargos"})),
    ("credit", frozenset({"credit", "credito", "deposits", "abonos"})),
    ("value", frozenset({"valor", "valuta", "valeur", "wertstellung"})),
    ("date", frozenset({"date", "fecha", "datum", "data", "buchungstag"})),
    ("text", frozenset({"description", "concepto", "descripcion", "libelle", "verwendungszweck"})),
)
# Germanic and Dutch compounds: Buchungsbetrag, Kontowährung, Transaktionsdatum.
_ENDINGS = tuple(
    (ending, role)
    for role, endings in (
        ("value", "valutadatum rentedatum"),
        ("amount", "betrag bedrag belopp umsatz"),
        ("currency", "wahrung waehrung"),
        ("date", "datum"),
        ("balance", "saldo"),
        ("text", "beschreibung omschrijving zweck"),
    )
    for ending in endings.split()
)
_DAY_FIRST = """
    abono bedrag belob belopp betrag buchungstag cargo castka causale concepto cuenta data dato datum
    descripcion descrizione divisa fecha historico importe importo konto kwota lancamento libelle
    montant movimiento omschrijving rekening saldo solde tekst umsatz valor valuta verwendungszweck
    wahrung wertstellung
"""
_DAY_FIRST_WORDS = frozenset(_DAY_FIRST.split())
_CURRENCY_IN_HEADER = re.compile(r"[(\[]\s*([^)\]]{1,4})\s*[)\]]|\b([A-Z]{3})\b|([€£])")
_SIGN_MARK = re.compile(r"\(?\s*([+-])\s*\)?\s*$")


@dataclass(frozen=True, slots=True)
class Header:
    """One understood column header."""

    name: str
    role: str | None
    currency: str | None
    rank: int
    mark: str | None  # "+" or "-" where the header ends so, as in "Saldo (-)"


def understand(cell: str) -> Header:
    """What one header cell says: its role, a currency in it, and how well it fits the role (0 = best)."""
    raw = cell.strip()
    if raw in {"+/-", "-/+"}:
        return Header(raw, "sign", None, 0, None)
    name = plain(raw)
    sign = _SIGN_MARK.search(raw)
    mark = sign[1] if sign else None
    currency = None
    for match in _CURRENCY_IN_HEADER.finditer(raw):
        currency = currency or currency_of(next(g for g in match.groups() if g))
    if name in _ROLE:
        return Header(raw, _ROLE[name], currency, _rank(name), mark)
    if currency:
        words = [w for w in name.split() if currency_of(w) != currency and w != "in"]
        if (short := " ".join(words)) in _ROLE:
            return Header(raw, _ROLE[short], currency, _rank(short), mark)
    tokens = set(name.split())
    if len(tokens) == 1 and not is_foreign(name):
        for ending, role in _ENDINGS:
            if name.endswith(ending):
                return Header(raw, role, currency, 100, mark)
    if len(tokens) <= 6 and not tokens & _FOREIGN:
        for role, words_of_role in _BY_WORD:
            if tokens & words_of_role:
                return Header(raw, role, currency, 100 + len(tokens), mark)
    return Header(raw, None, currency, 1000, mark)


def is_foreign(name: str) -> bool:
    """True for a header of what a purchase cost before conversion, or of the other party."""
    return bool(set(name.split()) & _FOREIGN) or name.startswith(("original", "fremd"))


def _rank(name: str) -> int:
    return _RANK.get(name, 0)


def habit_of(names: list[str]) -> str | None:
    """The date order usual in the language of these headers, or None where they do not tell."""
    words = {word for name in names for word in plain(name).split()}
    return "dmy" if len(words & _DAY_FIRST_WORDS) >= 2 else None


def find_header(rows: list[Row], limit: int = 40) -> int | None:
    """The index of the header row among the first rows, or None when the table starts with data.

    A header names at least two roles, one of them a date or money, and holds no date or amount itself.
    """
    best: tuple[int, int] | None = None
    for index, row in enumerate(rows[:limit]):
        filled = row.filled()
        if len(filled) < 2 or _has_data(row):
            continue
        roles = {understand(text).role for text in filled}
        known = len(roles - {None})
        if (
            known >= 2
            and roles & {"date", "value"}
            and roles & {"amount", "debit", "credit", "balance", "gross"}
        ):
            best = max(best or (0, -index), (known, -index))
    if best is not None:
        return -best[1]
    # Words of no language known here above rows that hold dates and amounts.
    for index, (row, below) in enumerate(pairwise(rows[: limit + 1])):
        width = len(row.filled())
        if (
            width >= 3
            and all(_is_word(text) for text in row.filled())
            and _has_data(below)
            and width >= len(below.filled()) - 1
        ):
            return index
    return None


def _is_word(text: str) -> bool:
    return any(c.isalpha() for c in text) and not currency_of(text) and not take_apart(text)


def _has_data(row: Row) -> bool:
    dates = amounts = 0
    for cell in row.cells:
        if take_apart(cell):
            dates += 1
        elif isinstance(cell, (int, float)) or (
            isinstance(cell, str) and cell.strip() and take_amount_apart(cell)
        ):
            amounts += 1
    return bool(dates and amounts) or amounts >= 2 or dates >= 2
