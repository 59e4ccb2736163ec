"""Stripe's list of payments (unified_payments.csv), also as a European spreadsheet saves it again."""

from decimal import Decimal

from connectors.accounting.numbers import currency_of
from connectors.accounting.program_table import LeftOut, Sheet, Unusable, note, open_sheet, take_rows
from connectors.accounting.provider_movements import joined, provider_movement
from connectors.accounting.shapes import (
    Format,
    Parsed,
    ReadOptions,
    Record,
    amount_text,
    give_movement_keys,
    plain,
)
from connectors.accounting.tables import Row, Table

COLUMNS = {
    "id": ("id",),
    "created": ("created date utc", "created utc", "created date", "created"),
    "amount": ("amount",),
    "refunded": ("amount refunded",),
    "currency": ("currency",),
    "captured": ("captured",),
    "converted": ("converted amount",),
    "converted_refunded": ("converted amount refunded",),
    "converted_currency": ("converted currency",),
    "fee": ("fee",),
    "fee_tax": ("taxes on fee", "tax on fee", "tax"),
    "status": ("status",),
    "description": ("description",),
    "customer": ("customer email", "customer description", "customer id"),
    "invoice": ("invoice number", "invoice id"),
    "refunded_on": ("refunded date utc", "refunded date"),
    "disputed": ("disputed amount",),
}
_NEEDED = ("created", "amount", "currency")
_MONEY = ("amount", "refunded", "converted", "converted_refunded", "fee", "fee_tax", "disputed")
_COUNT = frozenset(["paid", "refunded", "partially refunded", "partial refund", "succeeded", "disputed", ""])
_FAILED = frozenset(["failed", "blocked", "declined", "card declined"])
_NEVER_PAID = frozenset(
    [
        "pending",
        "canceled",
        "cancelled",
        "incomplete",
        "expired",
        "processing",
        "uncaptured",
        "requires payment method",
        "requires action",
        "requires confirmation",
        "requires capture",
    ]
)


def read_stripe_payments(table: Table, options: ReadOptions) -> Parsed:
    """One movement per payment that was made, in the currency the customer paid, and one per refund.

    The fee stands beside the gross amount, and only where Stripe settled in the same currency: elsewhere it
    is money of another kind. `settled_*` say what reached the balance in Stripe's currency of settlement.
    """
    sheet = open_sheet(
        table,
        COLUMNS,
        _NEEDED,
        options,
        money=_MONEY,
        days=("created", "refunded_on"),
        what="Stripe payments export",
    )
    parsed, left = Parsed(), LeftOut()
    seen: dict[str, int] = {}
    disputed: list[int] = []

    def take(row: Row) -> None:
        records = _movements(sheet, row, left)
        if sheet.text(row, "id"):
            note(seen, sheet.text(row, "id"), row)
        if sheet.amount(row, "disputed"):
            disputed.append(row.number)
        parsed.movements.extend(records)

    take_rows(sheet, parsed, take)
    parsed.left = left.result()
    _give_keys(parsed.movements)
    parsed.warnings.append(
        "A list of payments holds no payouts and no other fees of Stripe, and the itemised balance export "
        "holds these payments too: import one of the two"
    )
    if disputed:
        parsed.warnings.append(
            f"{len(disputed)} payments were disputed; when that money moved stands in the balance export only"
        )
    return parsed


def _movements(sheet: Sheet, row: Row, left: LeftOut) -> list[Record]:
    currency = sheet.code(row)
    amount = sheet.needed(row, "amount")
    status = plain(sheet.text(row, "status").replace("_", " "))
    if status in _FAILED or status in _NEVER_PAID:
        left.add("failed" if status in _FAILED else status, currency, amount)
        return []
    if status not in _COUNT:
        raise Unusable(f"the status '{sheet.text(row, 'status')}' is not known")
    if plain(sheet.text(row, "captured")) in {"false", "falso", "no", "0"}:
        left.add("not captured", currency, amount)
        return []
    identity = sheet.text(row, "id")
    text = joined(*(sheet.text(row, role) for role in ("description", "customer", "invoice")))
    settled = currency_of(sheet.text(row, "converted_currency")) or currency
    fee = (sheet.amount(row, "fee") or Decimal(0)) + (sheet.amount(row, "fee_tax") or Decimal(0))
    one_currency = settled == currency
    charge = provider_movement(
        Format.STRIPE_PAYMENTS,
        "stripe",
        day=sheet.needed_day(row, "created"),
        amount=amount,
        currency=currency,
        row=row.number,
        text=text,
        bank_id=identity or None,
        category="charge",
        gross=amount,
        fee=fee if one_currency and sheet.has("fee") else None,
    )
    converted = sheet.amount(row, "converted")
    if one_currency and converted is not None and converted != amount:
        raise Unusable(f"the amount {amount} and the converted amount {converted} differ in one currency")
    reached = amount if one_currency else converted
    if reached is not None and sheet.has("fee"):
        charge["settled_currency"] = settled
        charge["settled_fee"] = amount_text(fee)
        charge["settled_amount"] = amount_text(reached - fee)
    refunded = sheet.amount(row, "refunded")
    if not refunded:
        if status in {"refunded", "partially refunded", "partial refund"}:
            raise Unusable(f"the status is '{sheet.text(row, 'status')}' and no refunded amount is stated")
        return [charge]
    if refunded > amount:
        raise Unusable(f"{refunded} were refunded of a payment of {amount}")
    refund = provider_movement(
        Format.STRIPE_PAYMENTS,
        "stripe",
        day=sheet.iso(row, "refunded_on") or charge["date"],
        amount=-refunded,
        currency=currency,
        row=row.number,
        text=text,
        bank_id=f"{identity}:refund" if identity else None,
        category="refund",
        gross=-refunded,
    )
    return [charge, refund]


def _give_keys(movements: list[Record]) -> None:
    """Payments of a file without ids are told apart by what they say."""
    nameless = [m for m in movements if not m["key"]]
    give_movement_keys(nameless, use_balance=False)
