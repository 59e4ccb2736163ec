"""Sage 50's audit trail as CSV: amounts without a sign, their side told by the type of transaction.

Sales and purchase invoices and credits are documents and entries, all others entries. Which control account
stands against them the file does not say: Sage 50's own defaults are used, and a warning says so.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from connectors.accounting.book_entries import BALANCED, Side, entry
from connectors.accounting.documents import document, document_line
from connectors.accounting.program_table import Sheet, Unusable, groups, open_sheet
from connectors.accounting.shapes import (
    Format,
    Parsed,
    ReadOptions,
    Record,
    Rejected,
    give_entry_keys,
)
from connectors.accounting.tables import Row, Table

_COLUMNS = {
    "type": ("type",),
    "nominal": ("nominal a c ref", "nominal a c reference", "nominal code", "n c"),
    "date": ("date",),
    "net": ("net amount", "net"),
    "ledger": ("account reference", "account ref", "a c"),
    "number": ("reference", "ref"),
    "details": ("details",),
    "tax_code": ("tax code", "t c"),
    "tax": ("tax amount", "tax"),
}
_NEEDED = ("type", "nominal", "date", "net")
_DEBTORS, _CREDITORS, _OUTPUT_TAX, _INPUT_TAX = "1100", "2100", "2200", "2201"


@dataclass(frozen=True, slots=True)
class _Type:
    """One type of transaction: the sign of its nominal line (debit = 1), and what stands against it."""

    name: str
    side: int
    against: str | None  # a control account; None = the account reference is the bank's nominal account
    tax: str = ""
    document: str = ""


_TYPES = {
    "SI": _Type("Sales invoice", -1, _DEBTORS, _OUTPUT_TAX, "invoice"),
    "SC": _Type("Sales credit", 1, _DEBTORS, _OUTPUT_TAX, "credit_note"),
    "PI": _Type("Purchase invoice", 1, _CREDITORS, _INPUT_TAX, "bill"),
    "PC": _Type("Purchase credit", -1, _CREDITORS, _INPUT_TAX, "bill_credit"),
    "SR": _Type("Sales receipt", 1, _DEBTORS),
    "SA": _Type("Sales receipt on account", 1, _DEBTORS),
    "SP": _Type("Sales refund", -1, _DEBTORS),
    "PP": _Type("Purchase payment", -1, _CREDITORS),
    "PA": _Type("Purchase payment on account", -1, _CREDITORS),
    "PR": _Type("Purchase refund", 1, _CREDITORS),
    "BP": _Type("Bank payment", 1, None, _INPUT_TAX),
    "CP": _Type("Cash payment", 1, None, _INPUT_TAX),
    "VP": _Type("Card payment", 1, None, _INPUT_TAX),
    "BR": _Type("Bank receipt", -1, None, _OUTPUT_TAX),
    "CR": _Type("Cash receipt", -1, None, _OUTPUT_TAX),
    "VR": _Type("Card receipt", -1, None, _OUTPUT_TAX),
}
_JOURNALS = {"JD": 1, "JC": -1}


def read_sage_audit_trail(table: Table, options: ReadOptions) -> Parsed:
    """Entries of all transactions, and documents of invoices and credits.

    Raises Refused when a column is missing, or when decimals or dates cannot be decided.
    """
    sheet = open_sheet(
        table,
        _COLUMNS,
        _NEEDED,
        options,
        money=("net", "tax"),
        days=("date",),
        what="Sage audit trail",
    )
    parsed = Parsed()
    found = groups((_transaction(sheet, row), row) for row in sheet.whole_rows(parsed))
    controls: set[str] = set()
    for own in found.values():
        try:
            record, of = _entry(sheet, own)
            if of is not None and of.document:
                parsed.documents.append(_document(sheet, own, of))
        except Unusable as fault:
            parsed.rejected.append(Rejected(own[0].number, str(fault)))
            continue
        parsed.entries.append(record)
        if of is not None:
            taxed = any(sheet.amount(row, "tax") for row in own)
            controls |= {account for account in (of.against, of.tax if taxed else None) if account}
    give_entry_keys(parsed.entries, [None] * len(parsed.entries))
    if parsed.entries:
        parsed.verified.append(BALANCED)
    if controls:
        parsed.warnings.append(
            "The audit trail does not name its control accounts; Sage 50's defaults were taken: "
            + ", ".join(sorted(controls))
        )
    if found:
        parsed.warnings.append("The audit trail states no totals; nothing proves that it is whole")
    return parsed


def _transaction(sheet: Sheet, row: Row) -> str:
    """Rows alike in these are one transaction; both sides of a journal are one, whatever their account."""
    type_ = sheet.text(row, "type").upper()
    roles = ("date", "number") if type_ in _JOURNALS else ("ledger", "date", "number")
    kind = "journal" if type_ in _JOURNALS else type_
    # Payments share references such as BACS, so that only invoices may have several rows.
    alone = "" if kind == "journal" or (of := _TYPES.get(type_)) is None or of.document else str(row.number)
    return "\x1f".join((kind, *(sheet.text(row, role) for role in roles), alone))


def _entry(sheet: Sheet, rows: Sequence[Row]) -> tuple[Record, _Type | None]:
    head = rows[0]
    type_ = sheet.text(head, "type").upper()
    of = _TYPES.get(type_)
    if type_ in _JOURNALS:
        sides = [
            _side(sheet, row, _JOURNALS[sheet.text(row, "type").upper()], sheet.text(row, "nominal"))
            for row in rows
        ]
        name, kind = "", "Journal"
    elif of is None:
        raise Unusable(f"'{type_}' is no known type of transaction")
    else:
        sides = list(_posted(sheet, rows, of))
        name, kind = (sheet.text(head, "ledger") if of.against else ""), of.name
    off = sum((side.amount for side in sides), Decimal(0))
    if off:
        raise Unusable(
            f"journal {sheet.text(head, 'number')} of {sheet.text(head, 'date')} does not balance: its "
            f"{len(rows)} lines add up to {off}"
        )
    number, memo = sheet.text(head, "number"), sheet.text(head, "details")
    day = sheet.needed_day(head, "date")
    return entry(day, kind, number, name, memo, sheet.currency, sides, head.number), of


def _side(sheet: Sheet, row: Row, sign: int, account: str, role: str = "net") -> Side:
    amount = sheet.needed(row, role)
    if amount < 0:
        raise Unusable(f"row {row.number}: the {sheet.title(role)} is negative, the type tells the sign")
    if not account:
        raise Unusable(f"row {row.number} names no account")
    return Side(account, sign * amount, sheet.text(row, "ledger"), sheet.text(row, "details"))


def _posted(sheet: Sheet, rows: Sequence[Row], of: _Type) -> Iterator[Side]:
    """The nominal lines, their tax, and the account that stands against them all."""
    sides: list[Side] = []
    for row in rows:
        sides.append(_side(sheet, row, of.side, sheet.text(row, "nominal")))
        if sheet.amount(row, "tax"):
            if not of.tax:
                raise Unusable(f"row {row.number}: a {of.name.lower()} has no tax")
            sides.append(_side(sheet, row, of.side, of.tax, "tax"))
    against = of.against or sheet.text(rows[0], "ledger")
    if not against:
        raise Unusable(f"row {rows[0].number} names no bank account")
    whole = sum((side.amount for side in sides), Decimal(0))
    yield Side(against, -whole, sheet.text(rows[0], "ledger"), sheet.text(rows[0], "details"))
    yield from sides


def _document(sheet: Sheet, rows: Sequence[Row], of: _Type) -> Record:
    head = rows[0]
    sign = -1 if of.document in {"credit_note", "bill_credit"} else 1
    lines = [
        document_line(
            sheet.text(row, "details"),
            net=sign * sheet.needed(row, "net"),
            tax=sign * (sheet.amount(row, "tax") or Decimal(0)),
            account=sheet.text(row, "nominal"),
        )
        for row in rows
    ]
    net = sum((Decimal(line["net"]) for line in lines), Decimal(0))
    tax = sum((Decimal(line["tax"]) for line in lines), Decimal(0))
    return document(
        Format.SAGE_AUDIT_TRAIL,
        kind=of.document,
        number=sheet.text(head, "number"),
        counterparty=sheet.text(head, "ledger"),
        issued_on=sheet.needed_day(head, "date"),
        currency=sheet.currency,
        net=net,
        tax=tax,
        total=net + tax,
        status="open",
        row=head.number,
        lines=lines,
    )
