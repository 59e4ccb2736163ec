"""Akaunting's workbook of invoices or bills: sheets for documents, lines, totals and payments, by number."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from connectors.accounting.documents import document, document_line
from connectors.accounting.program_table import (
    Columns,
    LeftOut,
    Sheet,
    Unusable,
    groups,
    note,
    open_sheet,
    report_checks,
    take_rows,
)
from connectors.accounting.recognise import Content
from connectors.accounting.shapes import Format, Parsed, ReadOptions, Record, Refused, plain
from connectors.accounting.tables import Row, Table

_NUMBER = ("invoice number", "bill number", "document number")
_DOCUMENTS = {
    "number": _NUMBER,
    "status": ("status", "invoice status code", "bill status code"),
    "issued": ("invoiced at", "billed at", "issued at"),
    "due_on": ("due at",),
    "total": ("amount",),
    "currency": ("currency code",),
    "name": ("contact name", "customer name", "vendor name"),
    "email": ("contact email", "customer email", "vendor email"),
    "tax_id": ("contact tax number", "customer tax number", "vendor tax number"),
}
_ITEMS = {
    "number": _NUMBER,
    "name": ("item name", "name"),
    "description": ("item description", "description"),
    "quantity": ("quantity",),
    "price": ("price",),
    "net": ("total",),
    "tax": ("tax",),
}
_TAXES = {"number": _NUMBER, "amount": ("amount",), "name": ("item name",)}
_TOTALS = {"number": _NUMBER, "code": ("code",), "amount": ("amount",)}
_PAYMENTS = {
    "number": _NUMBER,
    "paid_on": ("paid at",),
    "amount": ("amount",),
    "currency": ("currency code",),
}
_LEFT = frozenset(["draft", "cancelled", "canceled"])
_STATUS = {
    **dict.fromkeys(["sent", "viewed", "approved", "received", "pending", "unpaid", "overdue"], "open"),
    "partial": "partial",
    "paid": "paid",
}


@dataclass(slots=True)
class _Part:
    """One sheet beside that of the documents, its rows by document number."""

    sheet: Sheet
    rows: Mapping[str, list[Row]] = field(default_factory=dict)


def read_akaunting(content: Content, options: ReadOptions) -> Parsed:
    """One document per number, with the lines and payments of the other sheets; drafts are left."""
    table = content.table
    if table is None:
        raise Refused("No sheet of invoices or bills was found in the workbook. Export it again.")
    parsed, left = Parsed(), LeftOut()
    sheet = open_sheet(
        table,
        _DOCUMENTS,
        ("number", "status", "issued", "total"),
        options,
        money=("total",),
        days=("issued", "due_on"),
        what="Akaunting export",
    )
    kind = (
        "bill"
        if "bill number" in plain(sheet.header.text(sheet.columns["number"]).replace("_", " "))
        else None
    )
    parts, unread = _parts(content.tables, table, kind or "invoice", options)
    table.other_sheets = tuple(unread)
    faults: list[str] = []
    checked: list[int] = []
    seen: dict[str, int] = {}

    def take(row: Row) -> None:
        note(seen, sheet.text(row, "number"), row)
        record = _document(sheet, row, kind, parts, left)
        if record is None:
            return
        found = _faults(record, parts)
        if found is not None:
            checked.append(row.number)
            faults.extend(found)
        parsed.documents.append(record)

    take_rows(sheet, parsed, take)
    parsed.left = left.result()
    report_checks(parsed, "stated total", len(checked), faults)
    orphans = {n for part in parts.values() for n in part.rows} - seen.keys()
    if orphans:
        parsed.warnings.append(
            f"The other sheets name {len(orphans)} documents that the first lacks: "
            f"{', '.join(sorted(orphans)[:5])}"
        )
    return parsed


def _parts(
    tables: list[Table], main: Table, kind: str, options: ReadOptions
) -> tuple[dict[str, _Part], list[str]]:
    """The sheets that belong to the documents, by what they hold, and the names of those not read."""
    wanted: tuple[tuple[str, tuple[str, ...], Columns, tuple[str, ...], tuple[str, ...]], ...] = (
        ("taxes", (f"{kind} item taxes",), _TAXES, ("number", "amount"), ("amount",)),
        ("items", (f"{kind} items",), _ITEMS, ("number", "net"), ("price", "net", "tax")),
        ("totals", (f"{kind} totals",), _TOTALS, ("number", "code", "amount"), ("amount",)),
        (
            "payments",
            (f"{kind} transactions", f"{kind} payments"),
            _PAYMENTS,
            ("number", "amount"),
            ("amount",),
        ),
    )
    found: dict[str, _Part] = {}
    unread = []
    for table in tables:
        if table is main:
            continue
        name = plain((table.sheet or "").replace("_", " "))
        match = next((w for w in wanted if name in w[1]), None)
        if match is None:
            if not name.endswith("histories"):
                unread.append(table.sheet or "")
            continue
        part, _, columns, needed, money = match
        sheet = open_sheet(
            table, columns, needed, options, money=money, days=("paid_on",), what=f"sheet '{table.sheet}'"
        )
        found[part] = _Part(sheet, groups((sheet.text(row, "number"), row) for row in sheet.rows))
    return found, unread


def _amounts(parts: Mapping[str, _Part], part: str, number: str, role: str = "amount") -> list[Decimal]:
    if part not in parts:
        return []
    sheet = parts[part].sheet
    return [sheet.amount(row, role) or Decimal(0) for row in parts[part].rows.get(number, [])]


def _document(
    sheet: Sheet, row: Row, kind: str | None, parts: Mapping[str, _Part], left: LeftOut
) -> Record | None:
    number = sheet.text(row, "number")
    total = sheet.needed(row, "total")
    stated = plain(sheet.text(row, "status"))
    if stated in _LEFT:
        left.add("canceled" if stated == "cancelled" else stated, sheet.code(row), total)
        return None
    if stated not in _STATUS:
        raise Unusable(f"the status '{sheet.text(row, 'status')}' is not known")
    tax = _tax(parts, number)
    status = _STATUS[stated]
    paid, paid_on = _payments(sheet, row, parts, number)
    if paid is None:
        paid = {"paid": total, "open": Decimal(0)}.get(status)
    return document(
        Format.AKAUNTING,
        kind=kind,
        number=number,
        counterparty=sheet.text(row, "name"),
        tax_id=sheet.text(row, "tax_id"),
        email=sheet.text(row, "email"),
        issued_on=sheet.needed_day(row, "issued"),
        due_on=sheet.iso(row, "due_on"),
        currency=sheet.code(row),
        net=None if tax is None else total - tax,
        tax=tax,
        total=total,
        paid=paid,
        open_=None if paid is None else total - paid,
        status=status,
        paid_on=paid_on if status == "paid" else None,
        row=row.number,
        lines=_lines(parts, number),
    )


def _tax(parts: Mapping[str, _Part], number: str) -> Decimal | None:
    """The document's tax: that of its totals, else of its lines' taxes, else of its lines."""
    if "totals" in parts:
        sheet = parts["totals"].sheet
        rows = parts["totals"].rows.get(number, [])
        if rows:
            return sum(
                (sheet.needed(r, "amount") for r in rows if plain(sheet.text(r, "code")) == "tax"), Decimal(0)
            )
    if "taxes" in parts:
        return sum(_amounts(parts, "taxes", number), Decimal(0))
    if "items" in parts and parts["items"].sheet.has("tax"):
        return sum(_amounts(parts, "items", number, "tax"), Decimal(0))
    return None


def _payments(
    sheet: Sheet, row: Row, parts: Mapping[str, _Part], number: str
) -> tuple[Decimal | None, str | None]:
    """What was paid in the document's currency and when last; None where the workbook does not say."""
    if "payments" not in parts:
        return None, None
    payments = parts["payments"].sheet
    rows = parts["payments"].rows.get(number, [])
    if any(payments.text(r, "currency") and payments.code(r) != sheet.code(row) for r in rows):
        return None, None
    paid = sum((payments.needed(r, "amount") for r in rows), Decimal(0))
    days = [day for r in rows if (day := payments.iso(r, "paid_on"))]
    return paid, max(days, default=None)


def _lines(parts: Mapping[str, _Part], number: str) -> list[Record]:
    if "items" not in parts:
        return []
    sheet = parts["items"].sheet
    return [
        document_line(
            " · ".join(t for role in ("name", "description") if (t := sheet.text(row, role))),
            quantity=sheet.amount(row, "quantity"),
            unit_price=sheet.amount(row, "price"),
            net=sheet.needed(row, "net"),
            tax=sheet.amount(row, "tax"),
        )
        for row in parts["items"].rows.get(number, [])
    ]


def _faults(record: Record, parts: Mapping[str, _Part]) -> list[str] | None:
    """What does not add up; None where the workbook has nothing to compare the total with."""
    number, total = record["number"], Decimal(record["total"])
    faults: list[str] = []
    discount = Decimal(0)
    compared = False
    if "totals" in parts and (rows := parts["totals"].rows.get(number)):
        sheet = parts["totals"].sheet
        stated = {plain(sheet.text(r, "code").replace("_", " ")): sheet.needed(r, "amount") for r in rows}
        discount = abs(sum((a for code, a in stated.items() if "discount" in code), Decimal(0)))
        if "total" in stated:
            compared = True
            if stated["total"] != total:
                faults.append(f"{number} says {total} and its sheet of totals {stated['total']}")
    if record["lines"] and record["tax"] is not None:
        compared = True
        lines = sum((Decimal(line["net"]) for line in record["lines"]), Decimal(0))
        if total not in {lines + Decimal(record["tax"]), lines + Decimal(record["tax"]) - discount}:
            faults.append(f"{number} says {total}, its lines and taxes give {lines + Decimal(record['tax'])}")
    return faults if compared else None
