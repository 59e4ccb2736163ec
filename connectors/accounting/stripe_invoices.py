"""Stripe's invoices export: documents with the period they serve and the subscription they come from."""

from datetime import datetime, timedelta
from decimal import Decimal

from connectors.accounting.documents import document, document_line
from connectors.accounting.program_table import (
    LeftOut,
    Sheet,
    Unusable,
    note,
    open_sheet,
    report_checks,
    take_rows,
)
from connectors.accounting.shapes import Format, Parsed, ReadOptions, Record, plain
from connectors.accounting.tables import Row, Table

COLUMNS = {
    "id": ("id", "invoice id"),
    "number": ("number", "invoice number"),
    "customer": ("customer name", "customer description", "customer email", "customer", "customer id"),
    "email": ("customer email",),
    "tax_id": ("customer tax id", "tax id"),
    "description": ("description", "memo"),
    "subscription": ("subscription", "subscription id"),
    "status": ("status",),
    "currency": ("currency",),
    "subtotal": ("subtotal",),
    "discount": ("total discount amount", "discount amount"),
    "tax": ("tax",),
    "exclusive_tax": ("exclusive tax amount",),
    "total": ("total",),
    "due": ("amount due",),
    "paid": ("amount paid",),
    "remaining": ("amount remaining",),
    "issued": ("date utc", "finalized at utc", "created utc", "date", "created"),
    "due_on": ("due date utc", "due date"),
    "paid_on": ("paid at utc", "paid at"),
    "served_from": ("minimum line item period start utc", "minimum line item period start"),
    "served_to": ("maximum line item period end utc", "maximum line item period end"),
}
NEEDED = ("id", "total", "status", "currency", "issued", "due")
_MONEY = ("subtotal", "discount", "tax", "exclusive_tax", "total", "due", "paid", "remaining")
_DAYS = ("issued", "due_on", "paid_on", "served_from", "served_to")
LEFT = frozenset(["draft", "void", "voided", "deleted"])
STATUS = {"open": "open", "paid": "paid", "uncollectible": "uncollectible"}


def read_stripe_invoices(table: Table, options: ReadOptions) -> Parsed:
    """One document per finalised invoice; drafts and void ones are left, with their totals."""
    sheet = open_sheet(
        table, COLUMNS, NEEDED, options, money=_MONEY, days=_DAYS, what="Stripe invoices export"
    )
    parsed, left = Parsed(), LeftOut()
    seen: dict[str, int] = {}
    faults: list[str] = []
    outside: list[str] = []

    def take(row: Row) -> None:
        status = plain(sheet.text(row, "status"))
        if status in LEFT:
            left.add("void" if status == "voided" else status, sheet.code(row), sheet.amount(row, "total"))
            return
        record = _document(sheet, row, status)
        note(seen, record["external_id"], row)
        parts = (sheet.amount(row, role) for role in ("subtotal", "discount", "exclusive_tax"))
        faults.extend(total_faults(record, *parts))
        if status == "paid" and (sheet.amount(row, "due") or Decimal(0)) > (sheet.amount(row, "paid") or 0):
            outside.append(record["number"])
        parsed.documents.append(record)

    take_rows(sheet, parsed, take)
    parsed.left = left.result()
    if sheet.has("subtotal"):
        report_checks(parsed, "stated total", len(parsed.documents), faults)
    if outside:
        parsed.warnings.append(
            f"{len(outside)} invoices are paid, but not through Stripe ({', '.join(outside[:5])}): look for "
            "their money in the bank"
        )
    if not sheet.has("served_from") and any(d["subscription_id"] for d in parsed.documents):
        parsed.warnings.append(
            "The columns 'Minimum Line Item Period Start' and 'Maximum Line Item Period End' are missing, so "
            "no invoice says which days it serves: export the invoices with all columns"
        )
    return parsed


def _document(sheet: Sheet, row: Row, status: str) -> Record:
    if status not in STATUS:
        raise Unusable(f"the status '{sheet.text(row, 'status')}' is not known")
    total, due = sheet.needed(row, "total"), sheet.needed(row, "due")
    paid = sheet.amount(row, "paid") or Decimal(0)
    remaining = sheet.amount(row, "remaining")
    if remaining is None:
        remaining = max(due - paid, Decimal(0))
    tax = sheet.amount(row, "tax")
    since, until = service(sheet.moment(row, "served_from"), sheet.moment(row, "served_to"))
    return finished(
        Format.STRIPE_INVOICES,
        row=row.number,
        identity=sheet.text(row, "id"),
        number=sheet.text(row, "number"),
        customer=sheet.text(row, "customer"),
        email=sheet.text(row, "email"),
        tax_id=sheet.text(row, "tax_id"),
        description=sheet.text(row, "description"),
        subscription=sheet.text(row, "subscription"),
        status=status,
        currency=sheet.code(row),
        total=total,
        tax=tax,
        paid=paid,
        remaining=remaining,
        issued_on=sheet.needed_day(row, "issued"),
        due_on=sheet.iso(row, "due_on"),
        paid_on=sheet.iso(row, "paid_on"),
        served=(since, until),
    )


def finished(
    format_: Format,
    *,
    row: int,
    identity: str,
    number: str,
    customer: str,
    email: str,
    tax_id: str,
    description: str,
    subscription: str,
    status: str,
    currency: str | None,
    total: Decimal,
    tax: Decimal | None,
    paid: Decimal,
    remaining: Decimal,
    issued_on: str,
    due_on: str | None,
    paid_on: str | None,
    served: tuple[str | None, str | None],
) -> Record:
    """The document of one finalised invoice of Stripe. Raises Unusable where it has no id."""
    if not identity:
        raise Unusable("the invoice has no id")
    net = total - (tax or Decimal(0))
    stated = STATUS[status]
    since, until = served
    # Paid out of the customer's credit balance, an invoice has nothing open and nothing paid in money.
    open_ = Decimal(0) if stated == "paid" else remaining
    return document(
        format_,
        number=number or identity,
        external_id=identity,
        counterparty=customer,
        tax_id=tax_id,
        email=email,
        issued_on=issued_on,
        due_on=due_on,
        service_from=since,
        service_to=until,
        currency=currency,
        net=net,
        tax=tax,
        total=total,
        paid=paid,
        open_=open_,
        status="partial" if stated == "open" and paid and open_ else stated,
        paid_on=paid_on,
        subscription_id=subscription,
        row=row,
        lines=[document_line(description, net=net, tax=tax, service_from=since, service_to=until)],
    )


def service(since: datetime | None, until: datetime | None) -> tuple[str | None, str | None]:
    """The first and the last day served; none for something sold once, whose period has no length.

    Stripe's period ends at the instant at which the next one begins, so the day of that instant belongs to
    the next period.
    """
    if since is None or until is None or until <= since:
        return None, None
    last = until.date()
    if (until.hour, until.minute) < (23, 59) and last > since.date():
        last -= timedelta(days=1)
    return since.date().isoformat(), last.isoformat()


def total_faults(
    record: Record, subtotal: Decimal | None, discount: Decimal | None, exclusive: Decimal | None
) -> list[str]:
    """What does not add up: subtotal less discount plus tax must be the total.

    Discounts of single items are in the subtotal already, and taxes may be included in prices, so each of
    these ways to arrive at the total is one that Stripe uses.
    """
    if subtotal is None:
        return []
    total, tax = Decimal(record["total"]), Decimal(record["tax"] or 0)
    taxes = {tax, Decimal(0)} if exclusive is None else {exclusive}
    ways = {subtotal - less + tax for less in (discount or Decimal(0), Decimal(0)) for tax in taxes}
    if total in ways:
        return []
    return [f"invoice {record['number']} (row {record['row']}) says {total}, its parts give {max(ways)}"]
