"""What the movements of one table say about each other: ids, currency, running balance."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

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
        steps = len(rows) - 1
        forward, backward = _Breaks(), _Breaks()
        before: tuple[Decimal, Decimal, int] | None = None
        for movement in rows:
            now = Decimal(movement["amount"]), Decimal(movement["balance"]), movement["row"]
            if before is not None:
                step = now[1] - before[1]
                if step != now[0]:
                    forward.add(before[2], now[2])
                if -step != before[0]:
                    backward.add(before[2], now[2])
            before = now
        breaks = min(forward, backward, key=lambda each: each.count)
        if steps < 1 or not breaks.count:
            continue
        if breaks.count * 4 > steps > 2:
            warnings.append(
                "The balance column does not follow the amounts: rows may be missing or out of order"
            )
            continue
        warnings.append(
            f"The balance does not follow between rows {', '.join(breaks.places)}: "
            "one may be missing, doubled or changed"
        )
    return warnings


@dataclass(slots=True)
class _Breaks:
    """How many steps of a balance do not follow, and where the first of them are."""

    count: int = 0
    places: list[str] = field(default_factory=list)

    def add(self, before: int, after: int) -> None:
        self.count += 1
        if len(self.places) < 5:
            self.places.append(f"{before}-{after}")


def every_balance_is_followed(movements: list[Record]) -> bool:
    """True when every movement carries a balance and none stands alone in its account."""
    accounts = Counter(m["account"] for m in movements)
    return bool(movements) and all(m["balance"] is not None for m in movements) and min(accounts.values()) > 1
