"""Stripe's balance exports: "Balance change from activity, itemised" and the balance history."""

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from connectors.accounting.dates import decide_order, settle
from connectors.accounting.dates import take_apart as take_date_apart
from connectors.accounting.numbers import currency_of, decide_mark, read_amount, take_apart
from connectors.accounting.shapes import (
    Format,
    Parsed,
    ReadOptions,
    Record,
    Refused,
    Rejected,
    amount_text,
    from_float,
    plain,
)
from connectors.accounting.tables import Row, Table

_COLUMNS = {
    "id": ("balance transaction id", "id"),
    "created": ("created utc", "created"),
    "available": ("available on utc", "available on"),
    "currency": ("currency",),
    "gross": ("gross", "amount"),
    "fee": ("fee", "fees"),
    "net": ("net",),
    "category": ("reporting category", "type"),
    "description": ("description",),
    "source": ("source id", "source"),
    "customer": ("customer name", "customer email", "customer id"),
}
_NEEDED = ("id", "created", "currency", "gross", "fee", "net")


def columns_of(row: Row) -> dict[str, int] | None:
    """Where each Stripe column stands if this is the header of a balance export, else None."""
    names = {plain(row.text(i).replace("_", " ")): i for i in reversed(range(len(row.cells)))}
    found = {
        role: names[name] for role, options in _COLUMNS.items() for name in reversed(options) if name in names
    }
    if any(role not in found for role in _NEEDED):
        return None
    itemised = "balance transaction id" in names and "reporting category" in names
    history = {"type", "source"} <= names.keys() and "transfer" in " ".join(names)
    return found if itemised or history else None


def read_stripe_balance(table: Table, options: ReadOptions) -> Parsed:
    """One movement per balance transaction: amount = net, with gross and fee beside it.

    Booking dates are days in `options.zone` where the file gives UTC instants, else days as written.
    """
    columns = columns_of(table.rows[0])
    if columns is None:
        raise Refused("The file lacks a column of Stripe's balance export. Export it again with all columns.")
    rows = table.rows[1:]
    utc = "utc" in plain(table.rows[0].text(columns["created"]).replace("_", " "))
    money = ("gross", "fee", "net")
    bodies = [
        [w.body for row in rows if (text := row.text(columns[name])) and (w := take_apart(text))]
        for name in money
    ]
    mark = decide_mark(bodies, options.decimal_mark) if rows else "."
    written = [d for row in rows if (d := take_date_apart(row.text(columns["created"])))]
    order = decide_order(written, options.date_order)
    parsed = Parsed()
    seen: dict[str, int] = {}
    for row in rows:
        record = _movement(row, columns, mark, order, ZoneInfo(options.zone) if utc else None)
        if isinstance(record, str):
            parsed.rejected.append(Rejected(row.number, record))
        elif record["bank_id"] in seen:
            parsed.rejected.append(
                Rejected(row.number, f"{record['bank_id']} is already in row {seen[record['bank_id']]}")
            )
        else:
            seen[record["bank_id"]] = row.number
            parsed.movements.append(record)
    if not rows:
        parsed.warnings.append("The file holds no movements")
    return parsed


def _movement(
    row: Row, columns: dict[str, int], mark: str, order: str, zone: ZoneInfo | None
) -> Record | str:
    def text(role: str) -> str:
        return row.text(columns.get(role))

    identity = text("id")
    if not identity:
        return "the row has no balance transaction id"
    amounts: dict[str, Decimal] = {}
    for role in ("gross", "fee", "net"):
        cell = row.cells[columns[role]] if columns[role] < len(row.cells) else None
        written = take_apart(text(role)) if text(role) else None
        number = (
            from_float(cell) if isinstance(cell, float) else (read_amount(written, mark) if written else None)
        )
        if number is None:
            return f"the {role} amount '{text(role)}' cannot be read"
        amounts[role] = number
    if amounts["gross"] - amounts["fee"] != amounts["net"]:
        return f"gross {amounts['gross']} less fee {amounts['fee']} is not net {amounts['net']}"
    currency = currency_of(text("currency"))
    if currency is None:
        return f"'{text('currency')}' is no currency"
    day = _day(text("created"), order, zone)
    if day is None:
        return f"the date '{text('created')}' cannot be read"
    return {
        "key": f"stripe:{identity}",
        "format": Format.STRIPE_BALANCE.value,
        "account": "stripe",
        "currency": currency,
        "date": day,
        "value_date": _day(text("available"), order, zone),
        "amount": amount_text(amounts["net"]),
        "text": text("description") or text("source"),
        "balance": None,
        "bank_id": identity,
        "category": text("category") or None,
        "gross": amount_text(amounts["gross"]),
        "fee": amount_text(amounts["fee"]),
        "row": row.number,
    }


def _day(text: str, order: str, zone: ZoneInfo | None) -> str | None:
    if zone is not None:
        try:
            instant = datetime.fromisoformat(text.replace(" UTC", ""))
        except ValueError:
            pass
        else:
            if len(text) > 10:
                return instant.replace(tzinfo=instant.tzinfo or UTC).astimezone(zone).date().isoformat()
    written = take_date_apart(text)
    day = settle(written, order) if written else None
    return day.isoformat() if day else None
