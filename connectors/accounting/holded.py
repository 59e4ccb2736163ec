"""Holded's sheet of invoices or purchases: one row per line, with rates of IVA, IRPF and surcharge."""

from dataclasses import dataclass
from decimal import Decimal

from connectors.accounting.documents import document, document_line
from connectors.accounting.numbers import currency_of
from connectors.accounting.program_table import LeftOut, Sheet, Unusable, cents, open_sheet
from connectors.accounting.shapes import Format, Parsed, ReadOptions, Record, Rejected, plain
from connectors.accounting.tables import Row, Table

COLUMNS = {
    "number": ("num factura", "numero de factura", "n factura", "num"),
    "issued": ("fecha dd mm yyyy", "fecha"),
    "due_on": ("fecha de vencimiento dd mm yyyy", "fecha de vencimiento", "vencimiento"),
    "memo": ("descripcion",),
    "name": ("nombre del contacto", "contacto"),
    "tax_id": ("nif del contacto", "nif", "cif"),
    "concept": ("concepto",),
    "description": ("descripcion del producto",),
    "price": ("precio unidad",),
    "units": ("unidades",),
    "discount": ("descuento",),
    "vat": ("iva",),
    "withholding": ("retencion",),
    "surcharge": ("rec de eq",),
    "collected": ("cantidad cobrada", "cantidad pagada"),
    "paid_on": ("fecha de cobro", "fecha de pago"),
    "currency": ("moneda",),
    "expense_account": ("num cuenta de gasto", "nombre cuenta de gasto"),
    "sales_account": ("cuenta canal de venta", "nombre canal de venta"),
    "status": ("estado",),
}
_NEEDED = ("name", "issued", "price", "units")
_MONEY = ("price", "collected")
_RATES = ("vat", "withholding", "surcharge", "discount")
_LEFT = frozenset(["borrador", "anulada", "anulado", "draft", "cancelada"])
_HOME = "EUR"  # Holded keeps Spanish books; an empty currency cell means theirs
_ONLY_FIRST = ("issued", "due_on", "name", "tax_id", "currency", "paid_on", "status")


@dataclass(slots=True)
class _Line:
    row: Row
    net: Decimal
    vat: Decimal  # rates, as fractions
    surcharge: Decimal
    withholding: Decimal


def read_holded(table: Table, options: ReadOptions) -> Parsed:
    """One document per number; its total is base + IVA + equivalence surcharge - IRPF, each rounded by rate.

    The sheet states no totals, so nothing in it can be compared. The surcharge counts into the tax.
    """
    sheet = open_sheet(
        table,
        COLUMNS,
        _NEEDED,
        options,
        money=_MONEY,
        days=("issued", "due_on", "paid_on"),
        what="Holded sheet",
    )
    parsed, left = Parsed(), LeftOut()
    per_cent = _per_cent(sheet)
    for rows in _by_document(sheet, parsed):
        try:
            record = _document(sheet, rows, per_cent, left)
        except Unusable as reason:
            parsed.rejected += [Rejected(row.number, str(reason)) for row in rows]
        else:
            if record is not None:
                parsed.documents.append(record)
    parsed.left = left.result()
    return parsed


def _by_document(sheet: Sheet, parsed: Parsed) -> list[list[Row]]:
    """Rows by number; one without goes on with the document above it, unless it names another contact."""
    found: dict[str, list[Row]] = {}
    above: list[Row] | None = None
    for row in sheet.whole_rows(parsed, short_by=len(sheet.header.cells)):
        if not (sheet.text(row, "price") or sheet.text(row, "units") or sheet.text(row, "name")):
            continue
        number = sheet.text(row, "number")
        name = sheet.text(row, "name")
        if number:
            above = found.setdefault(number, [])
        elif above is None or (name and name != sheet.text(above[0], "name")):
            parsed.rejected.append(Rejected(row.number, "the row has no invoice number"))
            continue
        above.append(row)
    return list(found.values())


def _per_cent(sheet: Sheet) -> Decimal:
    """What a written rate is divided by: 100, or 1 where the cells are formatted as per cent (0.21)."""
    highest = Decimal(0)
    for row in sheet.rows:
        try:
            highest = max(highest, *(sheet.amount(row, role) or Decimal(0) for role in _RATES))
        except Unusable:
            continue
    return Decimal(1) if Decimal(0) < highest <= 1 else Decimal(100)


def _document(sheet: Sheet, rows: list[Row], per_cent: Decimal, left: LeftOut) -> Record | None:
    first = rows[0]
    number = sheet.text(first, "number")
    for role in _ONLY_FIRST:
        if len({text for row in rows if (text := sheet.text(row, role))}) > 1:
            raise Unusable(f"the lines of {number} differ in {sheet.title(role)}")
    lines = [_line(sheet, row, per_cent) for row in rows]
    net = sum((cents(line.net) for line in lines), Decimal(0))
    vat, surcharge, withheld = (_by_rate(lines, role) for role in ("vat", "surcharge", "withholding"))
    tax = vat + surcharge
    total = net + tax - withheld
    currency = _currency(sheet, first)
    if plain(sheet.text(first, "status")) in _LEFT:
        left.add(plain(sheet.text(first, "status")), currency, total)
        return None
    paid = _collected(sheet, rows, number)
    purchase = sheet.has("expense_account")
    return document(
        Format.HOLDED,
        kind=("bill_credit" if total < 0 else "bill") if purchase else None,
        number=number,
        counterparty=sheet.text(first, "name"),
        tax_id=sheet.text(first, "tax_id"),
        issued_on=sheet.needed_day(first, "issued"),
        due_on=sheet.iso(first, "due_on"),
        currency=currency,
        net=net,
        tax=tax,
        withheld=withheld,
        total=total,
        paid=paid,
        open_=total - paid,
        status="paid" if paid == total else ("partial" if paid else "open"),
        paid_on=sheet.iso(first, "paid_on") if paid == total else None,
        row=first.number,
        lines=[_as_record(sheet, line, purchase=purchase) for line in lines],
    )


def _line(sheet: Sheet, row: Row, per_cent: Decimal) -> _Line:
    def rate(role: str) -> Decimal:
        return (sheet.amount(row, role) or Decimal(0)) / per_cent

    units = sheet.amount(row, "units")
    gross = sheet.needed(row, "price") * (Decimal(1) if units is None else units)
    return _Line(row, gross * (1 - rate("discount")), rate("vat"), rate("surcharge"), rate("withholding"))


def _by_rate(lines: list[_Line], role: str) -> Decimal:
    """The tax of all lines: rounded once for each rate, as the invoice does and not for each line."""
    bases: dict[Decimal, Decimal] = {}
    for line in lines:
        rate: Decimal = getattr(line, role)
        bases[rate] = bases.get(rate, Decimal(0)) + cents(line.net)
    return sum((cents(base * rate) for rate, base in bases.items()), Decimal(0))


def _currency(sheet: Sheet, row: Row) -> str:
    text = sheet.text(row, "currency")
    code = currency_of(text) if text else sheet.currency or _HOME
    if code is None:
        raise Unusable(f"'{text}' is no currency")
    return code


def _collected(sheet: Sheet, rows: list[Row], number: str) -> Decimal:
    """What was collected of the document, written on its first row or repeated on each."""
    amounts = {amount for row in rows if (amount := sheet.amount(row, "collected")) is not None}
    if len(amounts - {Decimal(0)}) > 1:
        raise Unusable(f"the lines of {number} state different collected amounts")
    return max(amounts, key=abs, default=Decimal(0))


def _as_record(sheet: Sheet, line: _Line, *, purchase: bool) -> Record:
    row = line.row
    return document_line(
        " · ".join(t for role in ("concept", "description") if (t := sheet.text(row, role)))
        or sheet.text(row, "memo"),
        quantity=sheet.amount(row, "units"),
        unit_price=sheet.amount(row, "price"),
        net=cents(line.net),
        tax=cents(cents(line.net) * (line.vat + line.surcharge)),
        account=sheet.text(row, "expense_account" if purchase else "sales_account"),
    )
