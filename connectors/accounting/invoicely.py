"""Invoicely's list of invoices: one row each, without lines or taxes, so nothing in it can be recomputed."""

from decimal import Decimal

from connectors.accounting.documents import document
from connectors.accounting.numbers import take_apart
from connectors.accounting.program_table import LeftOut, Sheet, Unusable, open_sheet
from connectors.accounting.shapes import Format, Parsed, ReadOptions, Record, Rejected, plain
from connectors.accounting.tables import Row, Table

COLUMNS = {
    "issued": ("date",),
    "due_on": ("due",),
    "number": ("details",),
    "client": ("client",),
    "status": ("status",),
    "total": ("total",),
    "currency": ("currency",),
}
_NEEDED = ("issued", "due_on", "number", "client", "status", "total")
_LEFT = frozenset(["draft", "void", "voided", "deleted", "canceled", "cancelled"])
_STATUS = {
    **dict.fromkeys(["due", "overdue", "sent", "unpaid", "late", "open", "viewed"], "open"),
    **dict.fromkeys(["partial", "partially paid", "partial payment"], "partial"),
    "paid": "paid",
}


def read_invoicely(table: Table, options: ReadOptions) -> Parsed:
    """One document per row, with its total only; drafts and canceled ones are left."""
    sheet = open_sheet(
        table, COLUMNS, _NEEDED, options, money=("total",), days=("issued", "due_on"), what="Invoicely export"
    )
    parsed, left = Parsed(), LeftOut()
    for row in sheet.whole_rows(parsed):
        try:
            record = _document(sheet, row, left)
        except Unusable as reason:
            parsed.rejected.append(Rejected(row.number, str(reason)))
        else:
            if record is not None:
                parsed.documents.append(record)
    parsed.left = left.result()
    return parsed


def _document(sheet: Sheet, row: Row, left: LeftOut) -> Record | None:
    total = sheet.needed(row, "total")
    written = take_apart(sheet.text(row, "total"))
    currency = (written.currency if written else None) or sheet.code(row)
    stated = plain(sheet.text(row, "status"))
    if stated in _LEFT:
        left.add(stated, currency, total)
        return None
    if stated not in _STATUS:
        raise Unusable(f"the status '{sheet.text(row, 'status')}' is not known")
    status = _STATUS[stated]
    paid = {"paid": total, "open": Decimal(0)}.get(status)
    return document(
        Format.INVOICELY,
        number=sheet.text(row, "number"),
        counterparty=sheet.text(row, "client"),
        issued_on=sheet.needed_day(row, "issued"),
        due_on=sheet.iso(row, "due_on"),
        currency=currency,
        total=total,
        paid=paid,
        open_=None if paid is None else total - paid,
        status=status,
        row=row.number,
    )
