"""Zoho Books' invoices: one row per line, with the totals of the invoice repeated on each."""

from decimal import Decimal

from connectors.accounting.documents import document, document_line
from connectors.accounting.program_table import LeftOut, Sheet, Unusable, groups, open_sheet, report_checks
from connectors.accounting.shapes import Format, Parsed, ReadOptions, Record, Rejected, plain
from connectors.accounting.tables import Row, Table

COLUMNS = {
    "issued": ("invoice date",),
    "id": ("invoice id",),
    "number": ("invoice number",),
    "status": ("invoice status",),
    "customer": ("customer name",),
    "tax_id": ("gst identification number gstin", "vat registration number", "tax registration number"),
    "email": ("primary contact emailid", "customer email"),
    "due_on": ("due date",),
    "paid_on": ("last payment date",),
    "currency": ("currency code",),
    "item": ("item name",),
    "description": ("item desc",),
    "quantity": ("quantity",),
    "price": ("item price",),
    "item_total": ("item total",),
    "item_tax": ("item tax amount",),
    "inclusive": ("is inclusive tax",),
    "account": ("account",),
    "subtotal": ("subtotal",),
    "total": ("total",),
    "balance": ("balance",),
    "shipping": ("shipping charge",),
    "adjustment": ("adjustment",),
    "rounding": ("round off",),
    "discount": ("entity discount amount",),
    "written_off": ("writeoff amount",),
}
_NEEDED = ("issued", "id", "number", "status", "customer", "item_total", "total")
_MONEY = (
    "price",
    "item_total",
    "item_tax",
    "subtotal",
    "total",
    "balance",
    "shipping",
    "adjustment",
    "discount",
)
_REPEATED = ("issued", "number", "status", "customer", "currency", "subtotal", "total", "balance")
_LEFT = frozenset(["draft", "void", "voided", "pending approval", "pendingapproval", "approved", "rejected"])
_STATUS = {
    **dict.fromkeys(["sent", "open", "viewed", "overdue", "unpaid", "confirmed"], "open"),
    **dict.fromkeys(["partiallypaid", "partially paid"], "partial"),
    **dict.fromkeys(["paid", "closed"], "paid"),
    **dict.fromkeys(["writtenoff", "written off"], "uncollectible"),
}


def read_zoho(table: Table, options: ReadOptions) -> Parsed:
    """One document per invoice id; drafts and void ones are left.

    Zoho's ids are text, for no floating-point number holds their 19 digits; its rows are longer than
    its header, and the cells beyond are empty.
    """
    sheet = open_sheet(
        table,
        COLUMNS,
        _NEEDED,
        options,
        money=_MONEY,
        days=("issued", "due_on", "paid_on"),
        what="Zoho Books export",
    )
    parsed, left = Parsed(), LeftOut()
    faults: list[str] = []
    keyed = [(sheet.text(row, "id") or sheet.text(row, "number"), row) for row in sheet.whole_rows(parsed)]
    for rows in groups(keyed).values():
        try:
            record = _document(sheet, rows, left, faults)
        except Unusable as reason:
            parsed.rejected += [Rejected(row.number, str(reason)) for row in rows]
        else:
            if record is not None:
                parsed.documents.append(record)
    parsed.left = left.result()
    report_checks(parsed, "stated total", len(parsed.documents) if sheet.has("subtotal") else 0, faults)
    return parsed


def _document(sheet: Sheet, rows: list[Row], left: LeftOut, faults: list[str]) -> Record | None:
    first = rows[0]
    number = sheet.text(first, "number")
    if not number and not sheet.text(first, "id"):
        raise Unusable("the row has neither invoice id nor number")
    for role in _REPEATED:
        if len({sheet.text(row, role) for row in rows}) > 1:
            raise Unusable(f"the lines of invoice {number} differ in {sheet.title(role)}")
    total = sheet.needed(first, "total")
    stated = plain(sheet.text(first, "status"))
    if stated in _LEFT:
        left.add("void" if stated == "voided" else stated, sheet.code(first), total)
        return None
    if stated not in _STATUS:
        raise Unusable(f"the status '{sheet.text(first, 'status')}' is not known")
    status = _STATUS[stated]
    included = plain(sheet.text(first, "inclusive")) == "true"
    lines = [_line(sheet, row, included=included) for row in rows]
    tax = _tax(sheet, rows, total)
    faults += _faults(sheet, first, rows, total, tax, included=included)
    balance = sheet.amount(first, "balance")
    written_off = sheet.amount(first, "written_off") or Decimal(0)
    return document(
        Format.ZOHO,
        number=number,
        external_id=sheet.text(first, "id") or None,
        counterparty=sheet.text(first, "customer"),
        tax_id=sheet.text(first, "tax_id"),
        email=sheet.text(first, "email"),
        issued_on=sheet.needed_day(first, "issued"),
        due_on=sheet.iso(first, "due_on"),
        currency=sheet.code(first),
        net=total - tax,
        tax=tax,
        total=total,
        paid=None if balance is None else total - balance - written_off,
        open_=balance,
        status="partial" if status == "open" and balance is not None and 0 < balance < total else status,
        paid_on=sheet.iso(first, "paid_on"),
        row=first.number,
        lines=lines,
    )


def _tax(sheet: Sheet, rows: list[Row], total: Decimal) -> Decimal:
    """The tax of all lines; in a file without that column, what the total has beyond its other parts."""
    if sheet.has("item_tax"):
        return sum((sheet.amount(row, "item_tax") or Decimal(0) for row in rows), Decimal(0))
    subtotal = sheet.amount(rows[0], "subtotal")
    return Decimal(0) if subtotal is None else total - subtotal - _extras(sheet, rows[0])


def _extras(sheet: Sheet, row: Row) -> Decimal:
    def part(role: str) -> Decimal:
        return sheet.amount(row, role) or Decimal(0)

    return part("shipping") + part("adjustment") + part("rounding") - part("discount")


def _faults(
    sheet: Sheet, first: Row, rows: list[Row], total: Decimal, tax: Decimal, *, included: bool
) -> list[str]:
    """What does not add up: the items to the subtotal, the subtotal with tax and extras to the total."""
    subtotal = sheet.amount(first, "subtotal")
    if subtotal is None:
        return []
    number = sheet.text(first, "number")
    items = sum((sheet.amount(row, "item_total") or Decimal(0) for row in rows), Decimal(0))
    faults = []
    if subtotal not in {items, items - tax}:
        faults.append(f"invoice {number} says {subtotal} before tax, its lines give {items}")
    extras = _extras(sheet, first)
    ways = {subtotal + tax + extras} | ({subtotal + extras} if included else set())
    if total not in ways:
        faults.append(f"invoice {number} says {total}, its parts give {max(ways)}")
    return faults


def _line(sheet: Sheet, row: Row, *, included: bool) -> Record:
    tax = sheet.amount(row, "item_tax")
    amount = sheet.needed(row, "item_total")
    name, description = sheet.text(row, "item"), sheet.text(row, "description")
    return document_line(
        " · ".join(part for part in (name, description) if part),
        quantity=sheet.amount(row, "quantity"),
        unit_price=sheet.amount(row, "price"),
        net=amount - (tax or Decimal(0)) if included else amount,
        tax=tax,
        account=sheet.text(row, "account"),
    )
