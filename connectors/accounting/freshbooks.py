"""FreshBooks' invoice details: one row per line, gathered into documents by number and client."""

from decimal import Decimal

from connectors.accounting.documents import document, document_line
from connectors.accounting.program_table import (
    LeftOut,
    Sheet,
    Unusable,
    cents,
    groups,
    open_sheet,
    report_checks,
)
from connectors.accounting.shapes import Format, Parsed, ReadOptions, Record, Rejected, plain
from connectors.accounting.tables import Row, Table

COLUMNS = {
    "client": ("client name",),
    "number": ("invoice",),  # "Invoice #"
    "issued": ("date issued",),
    "due_on": ("date due", "due date"),
    "status": ("invoice status", "status"),
    "paid_on": ("date paid",),
    "item": ("item name",),
    "description": ("item description",),
    "rate": ("rate",),
    "quantity": ("quantity",),
    "discount": ("discount percentage",),
    "subtotal": ("line subtotal",),
    "tax1": ("tax 1 amount",),
    "tax2": ("tax 2 amount",),
    "total": ("line total",),
    "currency": ("currency",),
}
_NEEDED = ("client", "number", "issued", "total")
_MONEY = ("rate", "subtotal", "tax1", "tax2", "total")
_LEFT = frozenset(["draft", "void", "voided", "deleted", "archived"])
_STATUS = {
    "paid": "paid",
    "auto paid": "paid",
    "autopaid": "paid",
    "partial": "partial",
    "partially paid": "partial",
    **dict.fromkeys(
        [
            "",
            "sent",
            "viewed",
            "outstanding",
            "overdue",
            "disputed",
            "retry",
            "failed",
            "declined",
            "created",
        ],
        "open",
    ),
}


def read_freshbooks(table: Table, options: ReadOptions) -> Parsed:
    """One document per invoice number; drafts and void ones are left with their totals."""
    sheet = open_sheet(
        table,
        COLUMNS,
        _NEEDED,
        options,
        money=_MONEY,
        days=("issued", "due_on", "paid_on"),
        what="FreshBooks export",
    )
    parsed, left = Parsed(), LeftOut()
    faults: list[str] = []
    keyed = [
        (f"{sheet.text(row, 'number')}\x1f{sheet.text(row, 'client')}", row)
        for row in sheet.whole_rows(parsed)
    ]
    for rows in groups(keyed).values():
        try:
            record = _document(sheet, rows, left, faults)
        except Unusable as reason:
            parsed.rejected += [Rejected(row.number, str(reason)) for row in rows]
        else:
            if record is not None:
                parsed.documents.append(record)
    parsed.left = left.result()
    if sheet.has("subtotal"):
        report_checks(parsed, "line total", len(parsed.documents), faults)
    return parsed


def _document(sheet: Sheet, rows: list[Row], left: LeftOut, faults: list[str]) -> Record | None:
    first = rows[0]
    number = sheet.text(first, "number")
    if not number:
        raise Unusable("the row has no invoice number")
    for role in ("issued", "status", "currency"):
        if len({sheet.text(row, role) for row in rows}) > 1:
            raise Unusable(f"the lines of invoice {number} differ in {sheet.title(role)}")
    total = sum((sheet.needed(row, "total") for row in rows), Decimal(0))
    stated = plain(sheet.text(first, "status").replace("-", " "))
    if stated in _LEFT:
        left.add("void" if stated == "voided" else stated, sheet.code(first), total)
        return None
    if stated not in _STATUS:
        raise Unusable(f"the status '{sheet.text(first, 'status')}' is not known")
    status = _STATUS[stated]
    lines = [_line(sheet, row, faults) for row in rows]
    tax = sum((Decimal(line["tax"]) for line in lines), Decimal(0))
    paid = {"paid": total, "open": Decimal(0)}.get(status)
    return document(
        Format.FRESHBOOKS,
        number=number,
        counterparty=sheet.text(first, "client"),
        issued_on=sheet.needed_day(first, "issued"),
        due_on=sheet.iso(first, "due_on"),
        currency=sheet.code(first),
        net=total - tax,
        tax=tax,
        total=total,
        paid=paid,
        open_=None if paid is None else total - paid,
        status=status,
        paid_on=sheet.iso(first, "paid_on"),
        row=first.number,
        lines=lines,
    )


def _line(sheet: Sheet, row: Row, faults: list[str]) -> Record:
    total = sheet.needed(row, "total")
    tax = (sheet.amount(row, "tax1") or Decimal(0)) + (sheet.amount(row, "tax2") or Decimal(0))
    subtotal = sheet.amount(row, "subtotal")
    share = (sheet.amount(row, "discount") or Decimal(0)) / 100
    if subtotal is not None and total not in {subtotal + tax, cents(subtotal * (1 - share)) + tax}:
        faults.append(f"row {row.number} says {total}, its subtotal and taxes give {subtotal + tax}")
    name, description = sheet.text(row, "item"), sheet.text(row, "description")
    return document_line(
        " · ".join(part for part in (name, description) if part),
        quantity=sheet.amount(row, "quantity"),
        unit_price=sheet.amount(row, "rate"),
        net=total - tax,
        tax=tax,
    )
