"""Xero's export of invoices, bills and credit notes: one row per line, the document's totals on each."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from connectors.accounting.dates import settle, take_apart
from connectors.accounting.documents import document, document_line
from connectors.accounting.program_table import (
    LeftOut,
    Sheet,
    Unusable,
    columns_in,
    groups,
    open_sheet,
    report_checks,
)
from connectors.accounting.shapes import Format, Parsed, ReadOptions, Record, Refused, Rejected, plain
from connectors.accounting.tables import Row, Table

_COLUMNS = {
    "name": ("contactname",),
    "email": ("emailaddress",),
    "number": ("invoicenumber",),
    "issued": ("invoicedate",),
    "due": ("duedate",),
    "total": ("total",),
    "tax": ("taxtotal",),
    "paid": ("invoiceamountpaid",),
    "open": ("invoiceamountdue",),
    "description": ("description",),
    "quantity": ("quantity",),
    "price": ("unitamount",),
    "line": ("lineamount",),
    "line_tax": ("taxamount",),
    "account": ("accountcode",),
    "currency": ("currency",),
    "type": ("type",),
    "status": ("status",),
}
_NEEDED = ("name", "number", "issued")
_MONEY = ("total", "tax", "paid", "open", "price", "line", "line_tax")
_HEADS = ("name", "issued", "due", "total", "tax", "paid", "open", "currency", "type", "status")

KINDS = {
    "sales invoice": "invoice",
    "accrec": "invoice",
    "sales credit note": "credit_note",
    "accreccredit": "credit_note",
    "bill": "bill",
    "purchase invoice": "bill",
    "accpay": "bill",
    "bill credit note": "bill_credit",
    "purchase credit note": "bill_credit",
    "supplier credit note": "bill_credit",
    "credit note": "bill_credit",
    "accpaycredit": "bill_credit",
}
# Money on account, not a document of its own: it is settled by the invoices that use it.
NO_DOCUMENTS = {
    "sales overpayment": "overpayment",
    "overpayment": "overpayment",
    "bill overpayment": "overpayment",
    "sales prepayment": "prepayment",
    "prepayment": "prepayment",
    "bill prepayment": "prepayment",
}
NOT_COUNTING = {
    "draft": "draft",
    "submitted": "submitted",
    "awaiting approval": "submitted",
    "voided": "void",
    "deleted": "deleted",
}
COUNTING = frozenset({"authorised", "approved", "awaiting payment", "paid"})
_TIES = "totals = lines"


def read_xero_invoices(table: Table, options: ReadOptions) -> Parsed:
    """One document per invoice, bill or credit note; voided, deleted, draft and submitted ones are left.

    Raises Refused for Xero's import template, which holds neither totals nor statuses.
    """
    sheet = open_sheet(
        table,
        _COLUMNS,
        _NEEDED,
        _with_order(table, options),
        money=_MONEY,
        days=("issued", "due"),
        what="Xero export of invoices",
    )
    if not (sheet.has("total") and sheet.has("status") and sheet.has("type")):
        starred = any(sheet.header.text(i).startswith("*") for i in range(len(sheet.header.cells)))
        raise Refused(
            f"This Xero file {'is the template for importing and ' if starred else ''}lacks the columns "
            "Total, Type or Status: nothing says which invoices were issued. Export them from Xero "
            "(Invoices > Export)."
        )
    parsed = Parsed()
    left = LeftOut()
    faults: list[str] = []
    checked = 0
    rows = groups(
        ("\x1f".join((sheet.text(r, "type"), sheet.text(r, "number"), sheet.text(r, "name"))), r)
        for r in sheet.whole_rows(parsed)
    )
    for own in rows.values():
        try:
            record = _document(sheet, own, left)
        except Unusable as fault:
            parsed.rejected.append(Rejected(own[0].number, str(fault)))
            continue
        if record is not None:
            parsed.documents.append(record)
            checked += 1
            faults.extend(_disagreements(sheet, own))
    parsed.left = left.result()
    report_checks(parsed, _TIES, checked, faults)
    if not rows:
        parsed.warnings.append("The file holds no invoices")
    return parsed


def _with_order(table: Table, options: ReadOptions) -> ReadOptions:
    """The options, with the date order added where only one puts no due date before its invoice."""
    columns = columns_in(table.rows[0], _COLUMNS)
    if options.date_order or not {"issued", "due"} <= columns.keys():
        return options
    pairs = []
    for row in table.rows[1:]:
        issued, due = (take_apart(row.text(columns[role])) for role in ("issued", "due"))
        if any(w and (w.settled or max(w.first, w.second) > 12) for w in (issued, due)):
            return options  # settled without it
        if issued and due:
            pairs.append((issued, due))
    fits = [
        order
        for order in ("dmy", "mdy")
        if all((a := settle(i, order)) and (b := settle(d, order)) and a <= b for i, d in pairs)
    ]
    return replace(options, date_order=fits[0]) if len(fits) == 1 else options


def _document(sheet: Sheet, rows: Sequence[Row], left: LeftOut) -> Record | None:
    """The document of these lines, or None when it does not count and was put to `left`."""
    head = rows[0]
    number = sheet.text(head, "number")
    if not number:
        raise Unusable("the document has no number")
    for role in _HEADS:
        said = {sheet.text(row, role) for row in rows}
        if len(said) > 1:
            raise Unusable(f"the lines of {number} disagree in {sheet.title(role)}")
    total, currency = sheet.needed(head, "total"), sheet.code(head)
    status, type_ = plain(sheet.text(head, "status")), plain(sheet.text(head, "type"))
    reason = NOT_COUNTING.get(status) or NO_DOCUMENTS.get(type_)
    if reason:
        left.add(reason, currency, total)
        for _ in rows[1:]:
            left.add(reason)
        return None
    if status not in COUNTING:
        raise Unusable(f"'{sheet.text(head, 'status')}' is no known status")
    kind = KINDS.get(type_)
    if kind is None:
        raise Unusable(f"'{sheet.text(head, 'type')}' is no known type of document")
    sign = -1 if kind in {"credit_note", "bill_credit"} and total > 0 else 1
    tax, paid, open_ = (_signed(sheet.amount(head, role), sign) for role in ("tax", "paid", "open"))
    return document(
        Format.XERO_INVOICES,
        kind=kind,
        number=number,
        counterparty=sheet.text(head, "name"),
        email=sheet.text(head, "email"),
        issued_on=sheet.needed_day(head, "issued"),
        due_on=sheet.iso(head, "due"),
        currency=currency,
        net=None if tax is None else sign * total - tax,
        tax=tax,
        total=sign * total,
        paid=paid,
        open_=open_,
        status=standing(status, paid, open_),
        row=head.number,
        lines=list(_lines(sheet, rows, sign)),
    )


def standing(status: str, paid: Decimal | None, open_: Decimal | None) -> str:
    """Open, partial or paid, from Xero's status and what was paid so far."""
    if status == "paid":
        return "paid"
    return "partial" if paid and open_ else "open"


def _signed(value: Decimal | None, sign: int) -> Decimal | None:
    return None if value is None else sign * value


def _lines(sheet: Sheet, rows: Sequence[Row], sign: int) -> Iterator[Record]:
    inclusive = _tax_within(sheet, rows)
    for row in rows:
        net, tax = (_signed(sheet.amount(row, role), sign) for role in ("line", "line_tax"))
        if net is not None and inclusive:
            net -= tax or Decimal(0)
        yield document_line(
            sheet.text(row, "description"),
            sheet.amount(row, "quantity"),
            _signed(sheet.amount(row, "price"), sign),
            net,
            tax,
            sheet.text(row, "account"),
        )


def _sums(sheet: Sheet, rows: Sequence[Row]) -> tuple[Decimal, Decimal]:
    lines = sum((sheet.amount(row, "line") or Decimal(0) for row in rows), Decimal(0))
    taxes = sum((sheet.amount(row, "line_tax") or Decimal(0) for row in rows), Decimal(0))
    return lines, taxes


def _tax_within(sheet: Sheet, rows: Sequence[Row]) -> bool:
    """True where the line amounts hold the tax, as the total of the document shows."""
    lines, taxes = _sums(sheet, rows)
    return bool(taxes) and lines == sheet.amount(rows[0], "total")


def _disagreements(sheet: Sheet, rows: Sequence[Row]) -> Iterator[str]:
    """What the document states of itself and its lines do not give."""
    head = rows[0]
    number, total, tax = sheet.text(head, "number"), sheet.needed(head, "total"), sheet.amount(head, "tax")
    lines, taxes = _sums(sheet, rows)
    if sheet.has("line") and total not in {lines, lines + taxes}:
        yield f"{number} states a total of {total}, its lines give {lines + taxes}"
    if tax is not None and sheet.has("line_tax") and tax != taxes:
        yield f"{number} states a tax of {tax}, its lines give {taxes}"
    paid, open_ = sheet.amount(head, "paid"), sheet.amount(head, "open")
    if paid is not None and open_ is not None and paid + open_ != total:
        yield f"{number} states {paid} paid and {open_} due of {total}"
