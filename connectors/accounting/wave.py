"""Wave's accounting transactions: a journal, each transaction with all of its debits and credits."""

from decimal import Decimal

from connectors.accounting.program_table import Sheet, Unusable, groups, open_sheet, report_checks
from connectors.accounting.shapes import (
    Parsed,
    ReadOptions,
    Record,
    Rejected,
    amount_text,
    give_entry_keys,
    plain,
)
from connectors.accounting.tables import Row, Table

COLUMNS = {
    "id": ("transaction id",),
    "date": ("transaction date",),
    "account": ("account name",),
    "description": ("transaction description",),
    "line": ("transaction line description",),
    "amount": ("amount one column",),
    "debit": ("debit amount two column approach", "debit amount"),
    "credit": ("credit amount two column approach", "credit amount"),
    "customer": ("customer",),
    "vendor": ("vendor",),
    "invoice": ("invoice number",),
    "bill": ("bill number",),
    "memo": ("notes memo",),
    "type": ("account type",),
}
_NEEDED = ("id", "date", "account", "debit", "credit")


def read_wave(table: Table, options: ReadOptions) -> Parsed:
    """One entry per transaction id, its debits equal to its credits; others are rejected."""
    sheet = open_sheet(
        table,
        COLUMNS,
        _NEEDED,
        options,
        money=("amount", "debit", "credit"),
        days=("date",),
        what="Wave export",
    )
    parsed = Parsed()
    ids: list[str | None] = []
    faults: list[str] = []
    keyed = [(sheet.text(row, "id") or f"row {row.number}", row) for row in sheet.whole_rows(parsed)]
    for identity, rows in groups(keyed).items():
        try:
            record = _entry(sheet, rows, faults)
        except Unusable as reason:
            parsed.rejected += [Rejected(row.number, str(reason)) for row in rows]
        else:
            parsed.entries.append(record)
            ids.append(f"wave:{identity}")
    give_entry_keys(parsed.entries, ids)
    if parsed.entries:
        parsed.verified.append("debits = credits")
    report_checks(
        parsed, "one column = two columns", len(parsed.entries) if sheet.has("amount") else 0, faults
    )
    return parsed


def _entry(sheet: Sheet, rows: list[Row], faults: list[str]) -> Record:
    identity = sheet.text(rows[0], "id")
    if not identity:
        raise Unusable("the row has no transaction id")
    days = {sheet.needed_day(row, "date") for row in rows}
    if len(days) > 1:
        raise Unusable(f"the lines of transaction {identity} have different dates")
    lines = [_line(sheet, row, faults) for row in rows]
    debit = sum((Decimal(line["debit"]) for line in lines), Decimal(0))
    credit = sum((Decimal(line["credit"]) for line in lines), Decimal(0))
    if debit != credit:
        raise Unusable(f"transaction {identity} does not balance: debits {debit}, credits {credit}")

    def first(*roles: str) -> str:
        return next((text for row in rows for role in roles if (text := sheet.text(row, role))), "")

    return {
        "key": "",
        "date": days.pop(),
        "kind": _kind(sheet, rows),
        "document": first("invoice", "bill"),
        "name": first("customer", "vendor"),
        "memo": first("memo", "description"),
        "currency": sheet.currency,
        "lines": lines,
        "total_debit": amount_text(debit),
        "row": rows[0].number,
    }


def _line(sheet: Sheet, row: Row, faults: list[str]) -> dict[str, str]:
    account = sheet.text(row, "account")
    if not account:
        raise Unusable("the row has no account")
    debit, credit = sheet.amount(row, "debit"), sheet.amount(row, "credit")
    if debit is None and credit is None:
        raise Unusable("the row has neither debit nor credit")
    amount = sheet.amount(row, "amount")
    # The one-column amount has the sign natural to the account, so only its size can be compared.
    if amount is not None and abs(amount) != abs((debit or Decimal(0)) - (credit or Decimal(0))):
        faults.append(f"row {row.number} says {amount} in one column and {debit or credit} in two")
    return {
        "account": account,
        "name": sheet.text(row, "customer") or sheet.text(row, "vendor"),
        "memo": sheet.text(row, "line"),
        "debit": amount_text(debit or Decimal(0)),
        "credit": amount_text(credit or Decimal(0)),
    }


def _kind(sheet: Sheet, rows: list[Row]) -> str:
    """What the accounts touched say that a transaction is; Wave itself does not name it."""
    sides = {
        (plain(sheet.text(row, "type")), "debit" if sheet.amount(row, "debit") else "credit") for row in rows
    }
    if ("system receivable invoice", "debit") in sides:
        return "Invoice"
    if ("system receivable invoice", "credit") in sides:
        return "Invoice Payment"
    if ("system payable bill", "credit") in sides:
        return "Bill"
    if ("system payable bill", "debit") in sides:
        return "Bill Payment"
    return "Journal Entry"
