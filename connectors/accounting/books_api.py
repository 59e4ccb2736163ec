"""Dumps of API tables (as Fivetran writes them) of QuickBooks, Xero and Sage Intacct.

Which table it is shows in its columns. Rows deleted at the source are left out. A dump whose amounts hold no
numbers was shifted when it was made anonymous, and is refused.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from connectors.accounting.book_entries import BALANCED, Side, entry
from connectors.accounting.documents import document
from connectors.accounting.numbers import take_apart
from connectors.accounting.program_table import LeftOut, Sheet, Unusable, groups, names_of, open_sheet
from connectors.accounting.shapes import (
    Format,
    Parsed,
    ReadOptions,
    Record,
    Refused,
    Rejected,
    give_entry_keys,
    plain,
)
from connectors.accounting.tables import Row, Table
from connectors.accounting.xero_invoices import COUNTING, KINDS, NOT_COUNTING, standing

_NO_TABLE = (
    "A dump of an API table was recognised, but not which program's invoices, bills, credit notes or "
    "ledger it holds: import the program's own export"
)
_LINES = (
    "A dump of an API table was recognised that holds lines without the dates of their documents: "
    "their amounts cannot be booked. Import the program's own export"
)
Take = Callable[[Sheet, list[Row], Parsed, LeftOut], None]


@dataclass(frozen=True, slots=True)
class _Kind:
    """One API table: the columns that give it away, those it must not have, and where its figures stand."""

    name: str
    signs: tuple[str, ...]
    without: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    take: Take
    deleted: str = "total"  # the amount shown for rows deleted at the source


def read_api_table(table: Table, options: ReadOptions) -> Parsed:
    """Documents or entries of one API table; deleted rows are in `left` with their totals.

    Raises Refused for tables of no known kind, and for dumps whose columns are shifted.
    """
    names = names_of(table.rows[0]).keys()
    _refuse_shifted(table)
    kind = next((k for k in _KINDS if names >= set(k.signs) and not names & set(k.without)), None)
    if kind is None:
        raise Refused(
            _LINES if "index" in names and not any("date" in name.split() for name in names) else _NO_TABLE
        )
    columns = {**kind.columns, "gone": ("fivetran deleted",)}
    money = [role for role in columns if role in _MONEY]
    sheet = open_sheet(
        table,
        columns,
        list(kind.columns)[:2],
        options,
        money=money,
        days=("issued", "due"),
        what=f"dump of {kind.name}",
    )
    parsed = Parsed()
    left = LeftOut()
    live: list[Row] = []
    for row in sheet.whole_rows(parsed):
        try:
            if plain(sheet.text(row, "gone")) in {"true", "t", "1", "yes"}:
                left.add("deleted", sheet.code(row), sheet.amount(row, kind.deleted))
            else:
                live.append(row)
        except Unusable as fault:
            parsed.rejected.append(Rejected(row.number, str(fault)))
    kind.take(sheet, live, parsed, left)
    parsed.left = left.result()
    if not sheet.rows:
        parsed.warnings.append("The dump holds no rows")
    return parsed


_MONEY = frozenset({"total", "tax", "net", "paid", "open", "credited", "signed", "debit", "credit"})


def _refuse_shifted(table: Table) -> None:
    """Refuse a dump that keeps something else than numbers under the name of an amount."""
    for name, index in names_of(table.rows[0]).items():
        if not (name.split()[-1:] == ["amount"] or name in {"total", "balance", "totalentered", "totaldue"}):
            continue
        texts = [text for row in table.rows[1:] if (text := row.text(index))]
        odd = [text for text in texts if take_apart(text) is None]
        if odd and len(odd) * 2 >= len(texts):
            raise Refused(
                f"The columns of this API table are shifted: '{table.rows[0].text(index)}' holds no amounts "
                f"({len(odd)} of {len(texts)}). Nothing in it can be trusted; export it again."
            )


def _each(make: Callable[[Sheet, Row, LeftOut], Record | None]) -> Take:
    """Reads row by row, one document each."""

    def take(sheet: Sheet, rows: list[Row], parsed: Parsed, left: LeftOut) -> None:
        for row in rows:
            try:
                record = make(sheet, row, left)
            except Unusable as fault:
                parsed.rejected.append(Rejected(row.number, str(fault)))
            else:
                if record is not None:
                    parsed.documents.append(record)

    return take


def _xero_invoice(sheet: Sheet, row: Row, left: LeftOut) -> Record | None:
    status, total = plain(sheet.text(row, "status")), sheet.needed(row, "total")
    reason = NOT_COUNTING.get(status)
    if reason:
        left.add(reason, sheet.code(row), total)
        return None
    kind = KINDS.get(plain(sheet.text(row, "type")))
    if status not in COUNTING or kind is None:
        raise Unusable(f"'{sheet.text(row, 'status')}' of type '{sheet.text(row, 'type')}' is not known")
    sign = -1 if kind in {"credit_note", "bill_credit"} else 1
    paid, open_ = sheet.amount(row, "paid"), sheet.amount(row, "open")
    credited = sheet.amount(row, "credited") or Decimal(0)
    return _record(
        sheet,
        row,
        Format.XERO_INVOICES,
        kind,
        sign * abs(total),
        # What a credit note settles is settled, though nobody paid it.
        paid=None if paid is None else sign * (paid + credited),
        open_=None if open_ is None else sign * open_,
        status=standing(status, (paid or Decimal(0)) + credited, open_),
    )


def _posted(kind: str, format_: Format) -> Callable[[Sheet, Row, LeftOut], Record | None]:
    """Reads a table that holds one kind of document, with what is still open of each."""
    credit = kind in {"credit_note", "bill_credit"}

    def make(sheet: Sheet, row: Row, left: LeftOut) -> Record | None:
        total, open_ = sheet.needed(row, "total"), sheet.amount(row, "open")
        if plain(sheet.text(row, "status")) in {"draft", "void", "voided", "reversed"}:
            left.add(plain(sheet.text(row, "status")), sheet.code(row), total)
            return None
        if "voided" in plain(sheet.text(row, "note")).split() and not total:
            left.add("void", sheet.code(row), total)
            return None
        if credit:
            total, open_ = -abs(total), None if open_ is None else -abs(open_)
        status = "open" if open_ is None or open_ == total else ("partial" if open_ else "paid")
        paid = None if open_ is None else total - open_
        return _record(sheet, row, format_, kind, total, paid=paid, open_=open_, status=status)

    return make


def _record(
    sheet: Sheet,
    row: Row,
    format_: Format,
    kind: str,
    total: Decimal,
    *,
    paid: Decimal | None,
    open_: Decimal | None,
    status: str,
) -> Record:
    tax = sheet.amount(row, "tax")
    if tax is not None and total < 0:
        tax = -abs(tax)
    record = document(
        format_,
        kind=kind,
        number=sheet.text(row, "number"),
        external_id=f"{kind}:{sheet.text(row, 'id')}"
        if format_ != Format.XERO_INVOICES
        else sheet.text(row, "id"),
        counterparty=sheet.text(row, "name"),
        issued_on=sheet.needed_day(row, "issued"),
        due_on=sheet.iso(row, "due"),
        currency=sheet.code(row),
        net=None if tax is None else total - tax,
        tax=tax,
        total=total,
        paid=paid,
        open_=open_,
        paid_on=sheet.iso(row, "paid_on"),
        status=status,
        row=row.number,
    )
    return {**record, "format": Format.API_TABLE.value, "external_id": sheet.text(row, "id") or None}


def _accounts(sheet: Sheet, rows: list[Row], parsed: Parsed, left: LeftOut) -> None:
    """A chart of accounts holds balances and no transactions: shown, never taken in."""
    for row in rows:
        class_ = sheet.text(row, "class") or "no class"
        reason = f"balance of an account, no transaction ({class_})"
        try:
            left.add(reason, sheet.code(row), sheet.amount(row, "total"))
        except Unusable as fault:
            parsed.rejected.append(Rejected(row.number, str(fault)))
    parsed.warnings.append("A table of accounts holds balances and no transactions; nothing was taken in")


def _ledger(sheet: Sheet, rows: list[Row], parsed: Parsed, _: LeftOut) -> None:
    """Sage Intacct's general ledger: the lines of a batch make an entry, tr_type 1 is a debit."""
    ids: list[str | None] = []
    for batch, own in groups((sheet.text(row, "batch"), row) for row in rows).items():
        try:
            record = _batch(sheet, batch, own)
        except Unusable as fault:
            parsed.rejected.append(Rejected(own[0].number, str(fault)))
        else:
            parsed.entries.append(record)
            ids.append(f"intacct:{batch}")
    give_entry_keys(parsed.entries, ids)
    if parsed.entries:
        parsed.verified.append(BALANCED)


def _batch(sheet: Sheet, batch: str, rows: list[Row]) -> Record:
    sides: list[Side] = []
    for row in rows:
        amount, way = sheet.needed(row, "signed"), sheet.text(row, "way")
        if way not in {"1", "-1"} or amount * int(way) < 0:
            raise Unusable(f"row {row.number}: tr_type '{way}' does not go with the amount {amount}")
        sides.append(Side(f"{sheet.text(row, 'account')} {sheet.text(row, 'title')}".strip(), amount))
    off = sum((side.amount for side in sides), Decimal(0))
    if off:
        raise Unusable(f"batch {batch} does not balance: its {len(rows)} lines add up to {off}")
    days, head = {sheet.needed_day(row, "issued") for row in rows}, rows[0]
    if len(days) > 1:
        raise Unusable(f"batch {batch} has lines of several days ({', '.join(sorted(days))})")
    return entry(
        days.pop(), "Batch", sheet.text(head, "number"), "", "", sheet.code(head), sides, head.number
    )


_QUICKBOOKS = {
    "id": ("id",),
    "total": ("total amount",),
    "number": ("doc number",),
    "issued": ("transaction date",),
    "due": ("due date",),
    "currency": ("currency id",),
    "tax": ("total tax",),
    "note": ("private note",),
}
_INTACCT = {
    "id": ("recordno",),
    "total": ("totalentered",),
    "number": ("recordid",),
    "issued": ("whencreated",),
    "due": ("whendue",),
    "paid_on": ("whenpaid",),
    "open": ("totaldue",),
    "currency": ("currency",),
    "status": ("state",),
}
_KINDS = (
    _Kind(
        "Xero invoices",
        ("invoice id", "invoice number", "amount due", "total", "status", "type"),
        (),
        {
            "id": ("invoice id",),
            "total": ("total",),
            "number": ("invoice number",),
            "name": ("contact name", "contact id"),
            "issued": ("date",),
            "due": ("due date",),
            "paid_on": ("fully paid on date",),
            "tax": ("total tax",),
            "paid": ("amount paid",),
            "open": ("amount due",),
            "credited": ("amount credited",),
            "currency": ("currency code",),
            "status": ("status",),
            "type": ("type",),
        },
        _each(_xero_invoice),
    ),
    _Kind(
        "QuickBooks credit memos",
        ("total amount", "doc number", "customer id", "transaction date", "remaining credit"),
        (),
        {**_QUICKBOOKS, "name": ("customer id",), "open": ("remaining credit", "balance")},
        _each(_posted("credit_note", Format.QUICKBOOKS_TRANSACTIONS)),
    ),
    _Kind(
        "QuickBooks invoices",
        ("total amount", "doc number", "customer id", "transaction date", "due date", "balance"),
        ("accepted by", "accepted date", "expiration date"),  # an estimate posts nothing
        {**_QUICKBOOKS, "name": ("customer id",), "open": ("balance",)},
        _each(_posted("invoice", Format.QUICKBOOKS_TRANSACTIONS)),
    ),
    _Kind(
        "QuickBooks bills",
        ("total amount", "doc number", "vendor id", "transaction date", "due date", "balance"),
        ("po status", "vendor address id"),  # a purchase order posts nothing
        {**_QUICKBOOKS, "name": ("vendor id",), "open": ("balance",)},
        _each(_posted("bill", Format.QUICKBOOKS_TRANSACTIONS)),
    ),
    _Kind(
        "QuickBooks vendor credits",
        ("total amount", "doc number", "vendor id", "transaction date", "payable account id"),
        ("due date", "due date time", "pay type", "po status"),
        {**_QUICKBOOKS, "name": ("vendor id",)},
        _each(_posted("bill_credit", Format.QUICKBOOKS_TRANSACTIONS)),
    ),
    _Kind(
        "QuickBooks accounts",
        ("id", "account type", "balance", "classification"),
        (),
        {"id": ("id",), "total": ("balance",), "class": ("classification",), "currency": ("currency id",)},
        _accounts,
    ),
    _Kind(
        "Sage Intacct invoices",
        ("recordno", "totalentered", "totaldue", "customerid", "whencreated", "state"),
        ("accountno", "tr type"),
        {**_INTACCT, "name": ("customername", "customerid")},
        _each(_posted("invoice", Format.SAGE_AUDIT_TRAIL)),
    ),
    _Kind(
        "Sage Intacct bills",
        ("recordno", "totalentered", "totaldue", "vendorid", "whencreated", "state"),
        ("accountno", "tr type"),
        {**_INTACCT, "name": ("vendorname", "vendorid")},
        _each(_posted("bill", Format.SAGE_AUDIT_TRAIL)),
    ),
    _Kind(
        "Sage Intacct's general ledger",
        ("recordno", "accountno", "tr type", "trx amount", "batchkey", "entry date"),
        (),
        {
            "batch": ("batchkey",),
            "signed": ("trx amount",),
            "account": ("accountno",),
            "title": ("accounttitle",),
            "issued": ("entry date",),
            "number": ("batch no",),
            "way": ("tr type",),
            "currency": ("currency",),
        },
        _ledger,
        deleted="signed",
    ),
)
