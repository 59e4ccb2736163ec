"""Which column of a bank's table holds what, from its headers and, where they are silent, from its cells."""

import re
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise

from connectors.accounting.bank_columns import SIGN_OUT, Column, profile
from connectors.accounting.headers import Header, is_foreign, understand
from connectors.accounting.numbers import decimal_evidence, read_amount, take_apart
from connectors.accounting.shapes import Refused, plain
from connectors.accounting.tables import Row

_IBAN = re.compile(r"[A-Z]{2}\d{2}[A-Z0-9]{10,30}")
_OWN_ACCOUNTS = frozenset(
    {"source account", "auftragskonto", "auftraggeberkonto", "iban auftragskonto", "iban auftraggeberkonto"}
    | {"own account", "your account", "eigen rekening", "cuenta de origen"}
)


@dataclass(slots=True)
class Layout:
    """Column indexes of one table; None where the table has no such column."""

    date: int
    value: int | None = None
    amount: int | None = None
    debit: int | None = None
    credit: int | None = None
    balance: int | None = None
    minus_balance: int | None = None  # "Saldo (-)" beside "Saldo (+)"
    currency: int | None = None
    account: int | None = None
    id: int | None = None
    sign: int | None = None
    status: int | None = None
    gross: int | None = None
    fee: int | None = None
    category: int | None = None
    texts: list[int] = field(default_factory=list)
    header_currency: str | None = None
    swapped: bool = False  # headerless debit and credit columns found in the order credit, debit

    @property
    def money(self) -> list[int]:
        """The columns whose numbers share one decimal mark."""
        found = (self.amount, self.debit, self.credit, self.balance, self.minus_balance, self.gross, self.fee)
        return [index for index in found if index is not None]


def layout_from_header(header: Row, rows: list[Row]) -> Layout | None:
    """The layout that the headers name and the cells below confirm; None when date or money is missing."""
    columns = profile(rows)
    empty = not rows
    heads: dict[str, list[tuple[int, Header]]] = {}
    for index in range(len(header.cells)):
        head = understand(header.text(index))
        role = _confirmed(head, columns[index] if index < len(columns) else Column(index), empty=empty)
        if role:
            heads.setdefault(role, []).append((index, head))
    best: dict[str, int] = {
        role: min(found, key=lambda item: (item[1].rank, item[0]))[0] for role, found in heads.items()
    }
    names = {index: head for found in heads.values() for index, head in found}
    if "amount" not in best and "gross" in best:
        best["amount"] = best["gross"]
    if "date" not in best:
        dates = [c.index for c in columns if c.is_date and c.index not in best.values()]
        fallback = best.pop("value", None) if "value" in best else (dates[0] if dates else None)
        if fallback is None:
            return None
        best["date"] = fallback
    if not best.keys() & {"amount", "debit", "credit"}:
        money = [c for c in columns if c.is_money and c.index not in best.values()]
        if not money:
            return None
        best["amount"] = max(money, key=lambda c: (c.filled, c.negative, -c.index)).index
    layout = Layout(
        date=best["date"],
        value=best.get("value"),
        balance=best.get("balance"),
        currency=best.get("currency"),
        id=best.get("id"),
        status=best.get("status"),
        gross=best.get("gross"),
        fee=best.get("fee"),
        category=best.get("category"),
    )
    if layout.currency is None:
        layout.currency = _currency_column(columns, header, rows)
    layout.texts = sorted(index for index, _ in heads.get("text", []))
    _place_money(layout, best, columns, empty=empty)
    named = [i for i, _ in heads.get("sign", [])]
    unnamed = [i for i in range(len(columns)) if not header.text(i)]
    layout.sign = _sign_column([columns[i] for i in named + unnamed if i < len(columns)], rows)
    if layout.category is None:
        layout.category = next((i for i, _ in heads.get("sign", []) if i != layout.sign), None)
    balances = heads.get("balance", [])
    plus = next((i for i, head in balances if head.mark == "+"), None)
    minus = next((i for i, head in balances if head.mark == "-"), None)
    if plus is not None and minus is not None:
        layout.balance, layout.minus_balance = plus, minus
    layout.account = _account_column(heads.get("account", []), columns)
    layout.header_currency = next(
        (names[i].currency for i in layout.money if i in names and names[i].currency), None
    )
    if not layout.texts:
        taken = {
            layout.date,
            layout.value,
            layout.currency,
            layout.account,
            layout.id,
            layout.sign,
            *layout.money,
        }
        layout.texts = [c.index for c in columns if c.index not in taken and c.letters]
    return layout


def _currency_column(columns: list[Column], header: Row, rows: list[Row]) -> int | None:
    """A column of nothing but currency codes under a header in an unknown language."""
    for column in columns:
        head = plain(header.text(column.index))
        if column.filled and column.currencies == column.filled >= 0.9 * len(rows) and not is_foreign(head):
            return column.index
    return None


def _sign_column(candidates: list[Column], rows: list[Row]) -> int | None:
    """The column that says debit or credit: on nearly every row, or one and the same mark on some (CR)."""
    for column in candidates:
        if not column.filled or column.signs < 0.9 * column.filled:
            continue
        if column.filled >= 0.9 * len(rows):
            return column.index
        if column.signs == column.filled and len({plain(v) in SIGN_OUT for v in column.values}) == 1:
            return column.index
    return None


def _confirmed(head: Header, column: Column, *, empty: bool) -> str | None:
    """The role of a column once its cells agree; Valor, Value and Valuta mean several things."""
    role = head.role
    if role is None or empty or not column.filled:
        return role if empty or role != "date" else None
    if role in {"value", "amount", "currency", "date"}:
        if column.is_date:
            return "date" if role == "date" else "value"
        if role == "currency":
            return "currency" if column.currencies >= 0.6 * column.filled else None
        if column.is_number:
            return "amount" if role != "date" else None
        return None
    if role in {"debit", "credit", "balance", "gross", "fee"}:
        if column.is_number:
            return role
        return "text" if column.letters else None
    return role


def _place_money(layout: Layout, best: dict[str, int], columns: list[Column], *, empty: bool) -> None:
    debit, credit, amount = best.get("debit"), best.get("credit"), best.get("amount")
    if amount is not None and debit is not None and credit is not None and not empty:
        # A table with both: the single column counts if it is as full as the pair.
        if columns[amount].filled < columns[debit].filled + columns[credit].filled:
            amount = None
        else:
            debit = credit = None
    if amount is not None:
        layout.amount = amount
    else:
        layout.debit, layout.credit = debit, credit


def _account_column(found: list[tuple[int, Header]], columns: list[Column]) -> int | None:
    good: list[tuple[int, int]] = []
    for index, head in found:
        if index >= len(columns) or not columns[index].filled:
            continue
        values = columns[index].values
        vague = plain(head.name) not in _OWN_ACCOUNTS
        if vague and len(values) > max(1, columns[index].filled // 3):
            continue  # a different account on every line is the other party's
        iban = all(_IBAN.fullmatch(re.sub(r"\s", "", v)) for v in values)
        good.append((0 if iban else 1, index))
    return min(good)[1] if good else None


def layout_from_content(rows: list[Row]) -> Layout | None:
    """The layout of a table without headers, from its cells alone; None when it is not a bank's table.

    Raises Refused when the money cannot be told from the balance, or money in from money out.
    """
    columns = profile(rows)
    dates = [c for c in columns if c.is_date and c.filled >= 0.9 * len(rows)]
    money = [c for c in columns if c.is_money]
    if not dates or not money:
        return None
    layout = Layout(date=dates[0].index, value=dates[1].index if len(dates) > 1 else None)
    layout.currency = next(
        (c.index for c in columns if c.currencies == c.filled and c.filled >= 0.9 * len(rows)), None
    )
    full = [c for c in money if c.filled == len(rows)]
    pair = _complementary(money, rows)
    if pair:
        layout.debit, layout.credit = pair
        layout.balance = next((c.index for c in full if c.index > max(pair) and c.index not in pair), None)
        layout.swapped = _pair_is_swapped(layout, rows)
        if layout.swapped:
            layout.debit, layout.credit = layout.credit, layout.debit
    elif not _place_single(layout, full or money, rows):
        return None
    taken = {layout.date, layout.value, layout.currency, *layout.money}
    for column in columns:
        if column.index in taken or column.filled < 0.9 * len(rows):
            continue
        value = next(iter(column.values))
        bare = re.sub(r"[\s-]", "", value)
        if len(column.values) == 1 and (_IBAN.fullmatch(bare) or (bare.isdecimal() and len(bare) >= 8)):
            layout.account = column.index
            break
    taken.add(layout.account)
    layout.sign = _sign_column(
        [c for c in columns if c.index not in taken and c.filled >= 0.9 * len(rows)], rows
    )
    taken.add(layout.sign)
    layout.texts = [c.index for c in columns if c.index not in taken and c.letters]
    return layout


def _complementary(candidates: list[Column], rows: list[Row]) -> tuple[int, int] | None:
    for left, right in pairwise(candidates):
        filled = [(_has_money(row, left.index), _has_money(row, right.index)) for row in rows]
        if all(a != b for a, b in filled) and any(a for a, _ in filled) and any(b for _, b in filled):
            return left.index, right.index
    return None


def _has_money(row: Row, index: int) -> bool:
    return bool(row.text(index).strip("0.,+-$€£ "))


def _numbers(rows: list[Row], index: int) -> list[Decimal | None]:
    """A column's numbers under each cell's own evidence: good enough to test a running balance with."""
    found: list[Decimal | None] = []
    for row in rows:
        written = take_apart(row.text(index)) if row.text(index) else None
        proof = decimal_evidence(written.body) if written else None
        found.append(read_amount(written, "," if proof == "," else ".") if written else None)
    return found


def follows(amounts: list[Decimal | None], balances: list[Decimal | None]) -> tuple[int, int]:
    """How many steps of the balance equal the amount, oldest row first and newest row first."""
    forward = backward = 0
    for (a, b), (c, d) in pairwise(zip(amounts, balances, strict=True)):
        if b is None or d is None:
            continue
        forward += c is not None and d - b == c
        backward += a is not None and b - d == a
    return forward, backward


def _pair_is_swapped(layout: Layout, rows: list[Row]) -> bool:
    """True when the first of the two columns is money in; signs or the running balance tell."""
    debit, credit = (_numbers(rows, i) for i in (layout.debit, layout.credit) if i is not None)
    if any(v is not None and v < 0 for v in debit):
        return False
    if any(v is not None and v < 0 for v in credit):
        return True
    if layout.balance is not None:
        balances = _numbers(rows, layout.balance)
        usual = [(c or Decimal(0)) - (d or Decimal(0)) for d, c in zip(debit, credit, strict=True)]
        as_is, other = (max(follows(list(v), balances)) for v in (usual, [-u for u in usual]))
        if as_is != other:
            return other > as_is
    raise Refused(
        "The file has no headers and two unsigned money columns; nothing tells money in from money out. "
        "Add a header row (Date, Text, Debit, Credit) and import it again."
    )


def _place_single(layout: Layout, candidates: list[Column], rows: list[Row]) -> bool:
    if len(candidates) == 1:
        layout.amount = candidates[0].index
        return True
    if len(rows) >= 3:
        # The same figure on every line is today's balance, not what moved.
        candidates = [c for c in candidates if len(c.values) > 1] or candidates
        if len(candidates) == 1:
            layout.amount = candidates[0].index
            return True
    numbers = {c.index: _numbers(rows, c.index) for c in candidates}
    steps = {
        (a.index, b.index): max(follows(numbers[a.index], numbers[b.index]))
        for a in candidates
        for b in candidates
        if a is not b
    }
    (amount, balance), best = max(steps.items(), key=lambda item: item[1])
    if best and best >= 0.5 * (len(rows) - 1):
        layout.amount, layout.balance = amount, balance
        return True
    signed = [c for c in candidates if c.negative]
    if not signed:
        raise Refused(
            "The file has no headers and several money columns; nothing tells the amount from the balance. "
            "Add a header row (Date, Text, Amount, Balance) and import it again."
        )
    layout.amount = signed[0].index
    return True
