"""QuickBooks Online's transaction lists: one row per transaction with one amount, natural to its account.

Invoices, bills and their credits are documents. All other rows name their other side but not its amounts;
they are left, counted by type. The Journal is the lossless export.
"""

from decimal import Decimal

from connectors.accounting.book_report import (
    Report,
    add,
    header_of,
    is_total,
    is_voided,
    open_report,
    total_name,
)
from connectors.accounting.documents import document
from connectors.accounting.program_table import LeftOut, Unusable, report_checks
from connectors.accounting.shapes import Format, Parsed, ReadOptions, Record, Rejected, plain
from connectors.accounting.tables import Row, Table

_COLUMNS = {
    "date": ("date", "transaction date", "fecha", "fecha de transaccion"),
    "kind": ("transaction type", "type", "tipo de transaccion", "tipo"),
    "amount": ("amount", "importe", "monto"),
    "number": ("num", "no", "number", "numero"),
    "posting": ("posting", "posting y n", "contabilizacion"),
    "name": ("name", "vendor", "customer", "nombre", "full name"),
    "memo": ("memo description", "memo", "description", "nota descripcion", "descripcion"),
    "account": ("account", "account full name", "account name", "cuenta"),
    "split": ("split", "item split account", "division"),
    "due": ("due date", "fecha de vencimiento"),
    "open": ("open balance", "saldo pendiente"),
}
_MONEY = ("amount", "open")
_KINDS = {
    "invoice": "invoice",
    "factura": "invoice",
    "bill": "bill",
    "factura de proveedor": "bill",
    "credit memo": "credit_note",
    "nota de credito": "credit_note",
    "vendor credit": "bill_credit",
    "credito de proveedor": "bill_credit",
}
_NOT_POSTING = frozenset(
    {"estimate", "purchase order", "sales order", "time activity", "time charge", "charge", "credit", "quote"}
)
_STATED = "stated totals"


def is_quickbooks_transactions(table: Table) -> bool:
    """True for a list with a date, a type, an account or split, and one amount per row."""
    found = header_of(table, _COLUMNS, ("date", "kind", "amount"))
    return found is not None and bool({"account", "split"} & found[1].keys())


def read_quickbooks_transactions(table: Table, options: ReadOptions) -> Parsed:
    """The documents of a transaction list; voided, not posting and one-sided rows are in `left`.

    Raises Refused when a column is missing, or when decimals or dates cannot be decided.
    """
    report = open_report(
        table, _COLUMNS, ("date", "kind", "amount"), options, money=_MONEY, what="transaction list"
    )
    parsed = Parsed()
    left = LeftOut()
    rows = _rows(report, parsed)
    same: dict[tuple[str, ...], list[Row]] = {}
    for row, heading in rows:
        same.setdefault(_identity(report, row, heading), []).append(row)
    for row, heading in rows:
        try:
            record = _document(report, row, heading, same, left)
        except Unusable as fault:
            parsed.rejected.append(Rejected(row.number, str(fault)))
            continue
        if record is not None:
            parsed.documents.append(record)
    parsed.left = left.result()
    parsed.warnings.append(
        "A transaction list holds one amount per transaction: its invoices, bills and credits were taken in, "
        "without tax and lines. Export the Journal report, the lossless export, for the books"
    )
    return parsed


def _rows(report: Report, parsed: Parsed) -> list[tuple[Row, str]]:
    """The transactions, each with the heading of its group; totals are compared on the way."""
    sheet = report.sheet
    rows: list[tuple[Row, str]] = []
    grand: list[Decimal] = []
    heading, checked = "", 0
    faults: list[str] = []
    totals: dict[str, Decimal] = {}
    for row in sheet.rows:
        label, filled = row.text(0), row.filled()
        if sheet.text(row, "kind") and sheet.text(row, "date"):
            rows.append((row, heading))
            try:
                amount = sheet.amount(row, "amount") or Decimal(0)
            except Unusable:
                amount = Decimal(0)  # rejected when its turn comes
            totals[heading] = totals.get(heading, Decimal(0)) + amount
            grand.append(amount)
        elif is_total(label):
            name, _ = total_name(label)
            try:
                stated = sheet.amount(row, "amount")
            except Unusable:
                stated = None
            counted = add(grand) if not name else totals.get(heading, Decimal(0))
            if stated is not None and (not name or name == plain(heading)):
                checked += 1
                if stated != counted:
                    faults.append(f"row {row.number}: '{label}' says {stated}, its rows give {counted}")
            heading = ""
        elif label and len(filled) == 1 and not any(sheet.text(row, role) for role in ("kind", "amount")):
            heading = label
    report_checks(parsed, _STATED, checked, faults)
    return rows


def _document(
    report: Report, row: Row, heading: str, same: dict[tuple[str, ...], list[Row]], left: LeftOut
) -> Record | None:
    """The document in this row, or None when it was put to `left`."""
    sheet = report.sheet
    written, amount = sheet.text(row, "kind"), sheet.needed(row, "amount")
    type_ = plain(written)
    if plain(sheet.text(row, "posting")) in {"no", "n", "false"} or type_ in _NOT_POSTING:
        left.add("not posting", sheet.currency, amount)
        return None
    if not amount and is_voided(sheet.text(row, "memo")):
        left.add("void", sheet.currency, amount)
        return None
    kind = _KINDS.get(type_)
    if kind is None:
        left.add(f"{written}: the amounts of its other side are not in a list", sheet.currency, amount)
        return None
    number, name = sheet.text(row, "number"), sheet.text(row, "name") or heading
    again = [other for other in same[_identity(report, row, heading)] if number and other is not row]
    if again and not _is_control(sheet.text(row, "account")):
        if any(_is_control(sheet.text(other, "account")) for other in again):
            left.add("line of a document that another row states whole", sheet.currency, amount)
            return None
        raise Unusable(f"{written} {number} stands in several rows, which one list should not have")
    if kind in {"credit_note", "bill_credit"}:
        amount = -abs(amount)
    open_ = sheet.amount(row, "open")
    if open_ is not None and amount < 0:
        open_ = -abs(open_)
    status = "open" if open_ is None or open_ == amount else ("partial" if open_ else "paid")
    return document(
        Format.QUICKBOOKS_TRANSACTIONS,
        kind=kind,
        number=number,
        counterparty=name,
        issued_on=sheet.needed_day(row, "date"),
        due_on=sheet.iso(row, "due"),
        currency=sheet.currency,
        total=amount,
        paid=None if open_ is None else amount - open_,
        open_=open_,
        status=status,
        row=row.number,
    )


def _identity(report: Report, row: Row, heading: str) -> tuple[str, ...]:
    sheet = report.sheet
    return sheet.text(row, "number"), plain(sheet.text(row, "kind")), sheet.text(row, "name") or heading


def _is_control(account: str) -> bool:
    """True for the account of what clients owe or suppliers are owed."""
    name = plain(account)
    return any(word in name for word in ("receivable", "payable", "a r", "a p", "por cobrar", "por pagar"))
