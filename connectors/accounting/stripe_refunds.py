"""Stripe's list of refunds: money out, one movement per refund that went through."""

from decimal import Decimal

from connectors.accounting.program_table import LeftOut, Unusable, note, open_sheet, take_rows
from connectors.accounting.provider_movements import joined, provider_movement
from connectors.accounting.shapes import Format, Parsed, ReadOptions, Record, plain
from connectors.accounting.tables import Row, Table

COLUMNS = {
    "id": ("id", "refund id"),
    "created": ("created date utc", "created utc", "refunded date utc", "created date", "created"),
    "amount": ("amount",),
    "currency": ("currency",),
    "status": ("status",),
    "reason": ("reason", "refund reason"),
    "charge": ("charge id", "charge", "payment intent id", "payment intent", "payment id"),
    "description": ("description",),
    "customer": ("customer email", "customer id"),
}
NEEDED = ("id", "created", "amount", "currency", "charge")
_COUNT = frozenset(["succeeded", "success", "paid", "refunded", ""])
_LEFT = frozenset(["failed", "pending", "canceled", "cancelled", "requires action"])


def read_stripe_refunds(table: Table, options: ReadOptions) -> Parsed:
    """One movement per refund, its amount negative; pending, failed and canceled ones are left."""
    sheet = open_sheet(
        table, COLUMNS, NEEDED, options, money=("amount",), days=("created",), what="Stripe refunds export"
    )
    parsed, left = Parsed(), LeftOut()
    seen: dict[str, int] = {}

    def take(row: Row) -> None:
        amount, currency = abs(sheet.needed(row, "amount")), sheet.code(row)
        status = plain(sheet.text(row, "status").replace("_", " "))
        if status in _LEFT:
            left.add(status, currency, -amount)
            return
        if status not in _COUNT:
            raise Unusable(f"the status '{sheet.text(row, 'status')}' is not known")
        words = (sheet.text(row, role) for role in ("reason", "description", "customer", "charge"))
        parsed.movements.append(
            refund_movement(
                Format.STRIPE_REFUNDS,
                sheet.text(row, "id"),
                day=sheet.needed_day(row, "created"),
                amount=-amount,
                currency=currency,
                row=row,
                text=joined(*words),
                seen=seen,
            )
        )

    take_rows(sheet, parsed, take)
    parsed.left = left.result()
    return parsed


def refund_movement(
    format_: Format,
    identity: str,
    *,
    day: str,
    amount: Decimal,
    currency: str | None,
    row: Row,
    text: str,
    seen: dict[str, int],
) -> Record:
    """The movement of one refund, noted in `seen`. Raises Unusable for one without an id or met before."""
    if not identity.startswith(("re_", "pyr_")):
        raise Unusable(f"'{identity}' is no id of a refund")
    note(seen, identity, row)
    return provider_movement(
        format_,
        "stripe",
        day=day,
        amount=amount,
        currency=currency,
        row=row.number,
        text=text,
        bank_id=identity,
        category="refund",
        gross=amount,
    )
