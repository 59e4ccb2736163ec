"""What the movements of one table say about each other: ids, currency, running balance."""

from collections import Counter
from decimal import Decimal
from itertools import pairwise

from connectors.accounting.shapes import Record


def drop_ids_that_repeat(movements: list[Record]) -> None:
    """Some banks fill the id column with a customer number: an id that repeats identifies nothing."""
    ids = [m["bank_id"] for m in movements if m["bank_id"]]
    if len(ids) != len(set(ids)):
        for movement in movements:
            movement["bank_id"] = None


def spread_currency(movements: list[Record]) -> None:
    """Where some amounts carry a currency sign and all of these the same, it is the whole table's."""
    known = {m["currency"] for m in movements} - {None}
    if len(known) == 1:
        for movement in movements:
            movement["currency"] = movement["currency"] or next(iter(known))


def balance_is_constant(movements: list[Record]) -> bool:
    """True when every row repeats one balance (that of today), which then says nothing about the row."""
    balances = {m["balance"] for m in movements}
    return len(movements) > 1 and len(balances) == 1 and any(Decimal(m["amount"]) for m in movements)


def balance_breaks(movements: list[Record]) -> list[str]:
    """Where the running balance does not follow, in tables whose balance follows nearly everywhere."""
    by_account: dict[str | None, list[Record]] = {}
    for movement in movements:
        if movement["balance"] is not None:
            by_account.setdefault(movement["account"], []).append(movement)
    warnings = []
    for rows in by_account.values():
        figures = [(Decimal(m["amount"]), Decimal(m["balance"]), m["row"]) for m in rows]
        steps = list(pairwise(figures))
        forward = [(a, b) for a, b in steps if b[1] - a[1] != b[0]]
        backward = [(a, b) for a, b in steps if a[1] - b[1] != a[0]]
        breaks = min(forward, backward, key=len)
        if not steps or not breaks:
            continue
        if len(breaks) * 4 > len(steps) and len(steps) > 2:
            warnings.append(
                "The balance column does not follow the amounts: rows may be missing or out of order"
            )
            continue
        places = ", ".join(f"{a[2]}-{b[2]}" for a, b in breaks[:5])
        warnings.append(
            f"The balance does not follow between rows {places}: one may be missing, doubled or changed"
        )
    return warnings


def every_balance_is_followed(movements: list[Record]) -> bool:
    """True when every movement carries a balance and none stands alone in its account."""
    accounts = Counter(m["account"] for m in movements)
    return bool(movements) and all(m["balance"] is not None for m in movements) and min(accounts.values()) > 1
