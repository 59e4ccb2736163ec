"""Dumps of Stripe's API tables: charges, refunds, invoices, subscriptions.

Unlike the exports they count money in the currency's smallest unit, and give every moment in UTC.
"""

from collections.abc import Callable
from decimal import Decimal
from functools import partial

from connectors.accounting.documents import document_line
from connectors.accounting.program_table import (
    LeftOut,
    Sheet,
    Unusable,
    bounded,
    groups,
    note,
    open_sheet,
    report_checks,
    take_rows,
)
from connectors.accounting.provider_movements import from_minor_units, joined, provider_movement
from connectors.accounting.shapes import Format, Parsed, ReadOptions, Record, Rejected, plain
from connectors.accounting.stripe_invoices import LEFT, STATUS, finished, service, total_faults
from connectors.accounting.stripe_refunds import refund_movement
from connectors.accounting.stripe_subscriptions import interval_of, subscription
from connectors.accounting.tables import Row, Table

_CHARGES = {
    "id": ("id",),
    "amount": ("amount",),
    "refunded": ("amount refunded",),
    "captured": ("captured",),
    "created": ("created",),
    "currency": ("currency",),
    "status": ("status",),
    "description": ("description",),
    "customer": ("receipt email", "customer id", "customer"),
    "invoice": ("invoice id", "invoice"),
    "deleted": ("fivetran deleted",),
}
_REFUNDS = {
    "id": ("id",),
    "amount": ("amount",),
    "created": ("created",),
    "currency": ("currency",),
    "status": ("status",),
    "reason": ("reason",),
    "charge": ("charge id", "charge"),
    "description": ("description",),
    "deleted": ("fivetran deleted",),
}
_INVOICES = {
    "id": ("invoice id", "id"),
    "number": ("number",),
    "customer": ("customer name", "customer email", "customer id", "customer"),
    "email": ("customer email",),
    "description": ("description",),
    "subscription": ("subscription id", "subscription"),
    "status": ("status",),
    "currency": ("currency",),
    "subtotal": ("subtotal",),
    "tax": ("tax",),
    "total": ("total",),
    "due": ("amount due",),
    "paid": ("amount paid",),
    "remaining": ("amount remaining",),
    "issued": ("status transitions finalized at", "finalized at", "created", "date"),
    "due_on": ("due date",),
    "paid_on": ("status transitions paid at", "paid at"),
    "period_from": ("period start",),
    "period_to": ("period end",),
    "line": ("proration",),  # a column that only lines have
    "line_amount": ("amount",),
    "quantity": ("quantity",),
    "outside": ("paid out of band",),
    "deleted": ("is deleted", "fivetran deleted"),
}
_SUBSCRIPTIONS = {
    "id": ("id",),
    "customer": ("customer name", "customer email", "customer id", "customer"),
    "email": ("customer email",),
    "plan": ("plan nickname", "plan id", "plan"),
    "quantity": ("quantity",),
    "currency": ("currency", "plan currency"),
    "interval": ("plan interval", "interval"),
    "interval_count": ("plan interval count", "interval count"),
    "amount": ("plan amount", "amount"),
    "status": ("status",),
    "started": ("start date", "created"),
    "ended": ("ended at",),
    "canceled": ("canceled at",),
    "period_from": ("current period start",),
    "period_to": ("current period end",),
    "deleted": ("fivetran deleted",),
}


def reader_of(names: frozenset[str]) -> Callable[[Table, ReadOptions], Parsed] | None:
    """The reader of the table of Stripe's with these columns, or None when it is none."""
    if names >= {"current period start", "current period end", "status"}:
        return _subscriptions
    if names >= {"amount due", "amount paid", "total", "currency"} and names & {
        "auto advance",
        "billing reason",
    }:
        return _invoices
    if names >= {"amount", "captured", "currency", "status", "amount refunded"}:
        return _charges
    if names >= {"amount", "currency", "reason", "status"} and names & {"charge id", "charge"}:
        return _refunds
    return None


def _open(
    table: Table, options: ReadOptions, columns: dict[str, tuple[str, ...]], needed: tuple[str, ...]
) -> Sheet:
    days = tuple(
        role
        for role in columns
        if role
        in {
            "created",
            "issued",
            "due_on",
            "paid_on",
            "started",
            "ended",
            "canceled",
            "period_from",
            "period_to",
        }
    )
    return open_sheet(table, columns, needed, options, days=days, what="dump of Stripe's API", utc=True)


def _money(sheet: Sheet, row: Row, role: str, currency: str) -> Decimal | None:
    number = sheet.amount(row, role)
    if number is not None and number != number.to_integral_value():
        raise Unusable(f"the {sheet.title(role)} '{sheet.text(row, role)}' is no number of smallest units")
    return None if number is None else from_minor_units(number, currency)


def _needed(sheet: Sheet, row: Row, role: str, currency: str) -> Decimal:
    money = _money(sheet, row, role, currency)
    if money is None:
        raise Unusable(f"the {sheet.title(role)} is missing")
    return money


def _currency(sheet: Sheet, row: Row) -> str:
    code = sheet.code(row)
    if code is None:
        raise Unusable("the row names no currency, without which smallest units are no money")
    return code


def _is_true(text: str) -> bool:
    return plain(text) in {"true", "t", "1", "yes"}


def _each(sheet: Sheet, parsed: Parsed, take: Callable[[Row], list[Record]], into: list[Record]) -> None:
    """The records of every whole row; a row that cannot be taken in is rejected."""
    take_rows(sheet, parsed, lambda row: into.extend(take(row)))


def _charges(table: Table, options: ReadOptions) -> Parsed:
    sheet = _open(table, options, _CHARGES, ("id", "amount", "currency", "status", "created"))
    parsed, left = Parsed(), LeftOut()
    _each(sheet, parsed, partial(_charge, sheet, left, {}), parsed.movements)
    parsed.left = left.result()
    return parsed


def _charge(sheet: Sheet, left: LeftOut, seen: dict[str, int], row: Row) -> list[Record]:
    currency = _currency(sheet, row)
    amount = _needed(sheet, row, "amount", currency)
    status = plain(sheet.text(row, "status"))
    reason = _why_left(sheet, row, status)
    if reason:
        left.add(reason, currency, amount)
        return []
    if status != "succeeded":
        raise Unusable(f"the status '{sheet.text(row, 'status')}' is not known")
    identity = sheet.text(row, "id")
    note(seen, identity, row)
    make = partial(
        provider_movement,
        Format.API_TABLE,
        "stripe",
        day=sheet.needed_day(row, "created"),
        currency=currency,
        row=row.number,
        text=joined(*(sheet.text(row, role) for role in ("description", "customer", "invoice"))),
    )
    charge = make(amount=amount, bank_id=identity, category="charge", gross=amount)
    refunded = _money(sheet, row, "refunded", currency)
    if not refunded:
        return [charge]
    # The day of the refund stands in the table of refunds; that of the charge is the earliest it can be.
    return [
        charge,
        make(amount=-refunded, bank_id=f"{identity}:refund", category="refund", gross=-refunded),
    ]


def _why_left(sheet: Sheet, row: Row, status: str) -> str | None:
    if _is_true(sheet.text(row, "deleted")):
        return "deleted"
    if status in {"failed", "pending", "canceled"}:
        return status
    if sheet.has("captured") and not _is_true(sheet.text(row, "captured")):
        return "not captured"
    return None


def _refunds(table: Table, options: ReadOptions) -> Parsed:
    sheet = _open(table, options, _REFUNDS, ("id", "amount", "currency", "status", "created"))
    parsed, left = Parsed(), LeftOut()
    _each(sheet, parsed, partial(_refund, sheet, left, {}), parsed.movements)
    parsed.left = left.result()
    return parsed


def _refund(sheet: Sheet, left: LeftOut, seen: dict[str, int], row: Row) -> list[Record]:
    currency = _currency(sheet, row)
    amount = _needed(sheet, row, "amount", currency)
    status = plain(sheet.text(row, "status").replace("_", " "))
    if status in {"failed", "pending", "canceled", "requires action"}:
        left.add(status, currency, -amount)
        return []
    if _is_true(sheet.text(row, "deleted")):
        left.add("deleted", currency, -amount)
        return []
    if status != "succeeded":
        raise Unusable(f"the status '{sheet.text(row, 'status')}' is not known")
    return [
        refund_movement(
            Format.API_TABLE,
            sheet.text(row, "id"),
            day=sheet.needed_day(row, "created"),
            amount=-amount,
            currency=currency,
            row=row,
            text=joined(*(sheet.text(row, role) for role in ("reason", "description", "charge"))),
            seen=seen,
        )
    ]


def _invoices(table: Table, options: ReadOptions) -> Parsed:
    sheet = _open(table, options, _INVOICES, ("id", "total", "currency", "status"))
    parsed, left = Parsed(), LeftOut()
    faults: list[str] = []
    whole = [(sheet.text(row, "id") or f"row {row.number}", row) for row in sheet.whole_rows(parsed)]
    for rows in groups(whole).values():
        try:
            record = _invoice(sheet, left, rows)
            if record is not None:
                currency = record["currency"]
                faults += total_faults(record, _money(sheet, rows[0], "subtotal", currency), None, None)
                parsed.documents.append(record)
        except Unusable as reason:
            parsed.rejected += [Rejected(row.number, str(reason)) for row in rows]
    parsed.left = left.result()
    report_checks(parsed, "stated total", len(parsed.documents) if sheet.has("subtotal") else 0, faults)
    if parsed.documents and not sheet.has("issued"):
        parsed.warnings.append("The table has no date of issue; the first day of the period stands for it")
    return parsed


def _invoice(sheet: Sheet, left: LeftOut, rows: list[Row]) -> Record | None:
    """The document of one invoice, whose totals repeat on each of its lines where the table holds lines."""
    row = rows[0]
    currency = _currency(sheet, row)
    total = _needed(sheet, row, "total", currency)
    status = plain(sheet.text(row, "status"))
    if status in LEFT or _is_true(sheet.text(row, "deleted")):
        left.add(status if status in LEFT else "deleted", currency, total)
        return None
    if status not in STATUS:
        raise Unusable(f"the status '{sheet.text(row, 'status')}' is not known")
    if any(_money(sheet, other, "total", currency) != total for other in rows):
        raise Unusable(f"the lines of invoice {sheet.text(row, 'id')} state different totals")
    paid = _money(sheet, row, "paid", currency) or Decimal(0)
    remaining = _money(sheet, row, "remaining", currency)
    due = _money(sheet, row, "due", currency)
    if remaining is None:
        remaining = max((total if due is None else due) - paid, Decimal(0))
    if status == "paid" and remaining and not _is_true(sheet.text(row, "outside")):
        raise Unusable(f"invoice {sheet.text(row, 'id')} is paid and {remaining} of it remain to be paid")
    # An invoice's own period looks back; only that of a line is the time served.
    periods = [
        service(sheet.moment(r, "period_from"), sheet.moment(r, "period_to"))
        for r in rows
        if sheet.has("line")
    ]
    starts, ends = [s for s, _ in periods if s], [e for _, e in periods if e]
    record = finished(
        Format.API_TABLE,
        row=row.number,
        identity=sheet.text(row, "id"),
        number=sheet.text(row, "number"),
        customer=sheet.text(row, "customer"),
        email=sheet.text(row, "email"),
        tax_id="",
        description=sheet.text(row, "description"),
        subscription=sheet.text(row, "subscription"),
        status=status,
        currency=currency,
        total=total,
        tax=_money(sheet, row, "tax", currency),
        paid=paid,
        remaining=remaining,
        issued_on=sheet.needed_day(row, "issued" if sheet.has("issued") else "period_from"),
        due_on=sheet.iso(row, "due_on"),
        paid_on=sheet.iso(row, "paid_on"),
        served=(min(starts, default=None), max(ends, default=None)),
    )
    if sheet.has("line"):
        record["lines"] = [
            document_line(
                sheet.text(r, "description"),
                quantity=sheet.amount(r, "quantity"),
                net=_money(sheet, r, "line_amount", currency),
                service_from=since,
                service_to=until,
            )
            for r, (since, until) in zip(rows, periods, strict=True)
        ]
    return record


def _subscriptions(table: Table, options: ReadOptions) -> Parsed:
    sheet = _open(table, options, _SUBSCRIPTIONS, ("id", "status", "period_from"))
    parsed, left = Parsed(), LeftOut()
    _each(sheet, parsed, partial(_subscription, sheet, left, {}), parsed.subscriptions)
    parsed.left = left.result()
    if parsed.subscriptions and not sheet.has("amount"):
        parsed.warnings.append(
            "The table states no amounts: what a subscription is worth must come from its invoices"
        )
    return parsed


def _subscription(sheet: Sheet, left: LeftOut, seen: dict[str, int], row: Row) -> list[Record]:
    status = plain(sheet.text(row, "status").replace("_", " "))
    if status in {"incomplete", "incomplete expired"} or _is_true(sheet.text(row, "deleted")):
        left.add(status if status.startswith("incomplete") else "deleted")
        return []
    identity = sheet.text(row, "id")
    note(seen, identity, row)
    quantity = sheet.amount(row, "quantity")
    amount = currency = None
    if sheet.has("amount") and sheet.text(row, "amount"):
        currency = _currency(sheet, row)
        unit = _needed(sheet, row, "amount", currency)
        amount = bounded(unit * (Decimal(1) if quantity is None else quantity))
    interval: str | None = None
    count: int | None = None
    if sheet.text(row, "interval"):
        interval, count = interval_of(sheet.text(row, "interval"), sheet.amount(row, "interval_count"))
    since, until = service(sheet.moment(row, "period_from"), sheet.moment(row, "period_to"))
    return [
        subscription(
            Format.API_TABLE,
            row=row.number,
            identity=identity,
            customer=sheet.text(row, "customer"),
            email=sheet.text(row, "email"),
            plan=sheet.text(row, "plan"),
            quantity=quantity,
            interval=interval,
            count=count,
            amount=amount,
            currency=currency,
            status=status,
            started_on=sheet.iso(row, "started"),
            ended_on=sheet.iso(row, "ended"),
            canceled_on=sheet.iso(row, "canceled"),
            period=(since or sheet.iso(row, "period_from"), until or sheet.iso(row, "period_to")),
        )
    ]
