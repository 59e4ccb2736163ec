"""Entries of a book as records, built from signed lines: what all readers of double entry share."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from connectors.accounting.shapes import Record, amount_text

BALANCED = "debits = credits"  # the control that every entry taken in has passed


@dataclass(frozen=True, slots=True)
class Side:
    """One line of an entry: a debit is positive, a credit negative."""

    account: str
    amount: Decimal
    name: str = ""
    memo: str = ""


def entry(
    day: str,
    kind: str,
    document: str,
    name: str,
    memo: str,
    currency: str | None,
    sides: Sequence[Side],
    row: int,
) -> Record:
    """An entry as `shapes` says, its key still to be given. The sides must add up to zero."""
    return {
        "key": "",
        "date": day,
        "kind": kind,
        "document": document,
        "name": name,
        "memo": memo,
        "currency": currency,
        "lines": [
            {
                "account": side.account,
                "name": side.name,
                "memo": side.memo,
                "debit": amount_text(max(side.amount + 0, Decimal(0))),
                "credit": amount_text(max(0 - side.amount, Decimal(0))),
            }
            for side in sides
        ],
        "total_debit": amount_text(sum((max(side.amount, Decimal(0)) for side in sides), Decimal(0))),
        "row": row,
    }
