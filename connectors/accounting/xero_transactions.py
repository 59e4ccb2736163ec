"""Xero's Account Transactions: rows grouped by account between an opening and a closing balance.

A report of all accounts holds both sides of every transaction, so entries are the rows of one date, source
and reference that add up to zero. A report of some accounts cannot be booked: its rows are left, account by
account, with the balances recomputed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from connectors.accounting.book_entries import BALANCED, Side, entry
from connectors.accounting.book_report import Report, add, header_of, is_total, open_report, total_name
from connectors.accounting.program_table import LeftOut, Unusable, groups, report_checks
from connectors.accounting.shapes import Parsed, ReadOptions, Rejected, give_entry_keys, plain
from connectors.accounting.tables import Row, Table

_COLUMNS = {
    "date": ("date",),
    "kind": ("source", "source type"),
    "memo": ("description",),
    "number": ("reference",),
    "name": ("contact",),
    "currency": ("currency",),
    "source_debit": ("debit source",),
    "source_credit": ("credit source",),
    "debit": ("debit",),
    "credit": ("credit",),
    "balance": ("running balance",),
    "code": ("account code",),
    "account": ("account",),
}
_NEEDED = ("date", "kind", "debit", "credit")
_MONEY = ("debit", "credit", "balance", "source_debit", "source_credit")
Amounts = tuple[Decimal | None, Decimal | None]


@dataclass(slots=True)
class _Line:
    row: Row
    debit: Decimal
    credit: Decimal
    balance: Decimal | None

    @property
    def amount(self) -> Decimal:
        return self.debit - self.credit


@dataclass(slots=True)
class _Account:
    """One account's section, with what it states of itself."""

    name: str
    opening: Decimal | None = None
    closing: Decimal | None = None
    total: Amounts | None = None
    lines: list[_Line] = field(default_factory=list)


def is_xero_transactions(table: Table) -> bool:
    """True for a report with a source, debits and credits, grouped between opening and closing balances.

    Its other columns are for the user to choose.
    """
    if header_of(table, _COLUMNS, _NEEDED) is None:
        return False
    labels = {plain(row.text(0)) for row in table.rows[:200]}
    return "opening balance" in labels


def read_xero_transactions(table: Table, options: ReadOptions) -> Parsed:
    """The entries that the rows of all accounts make up; opening, closing and total rows are recomputed.

    Raises Refused when a column is missing, or when decimals or dates cannot be decided.
    """
    report = open_report(
        table, _COLUMNS, _NEEDED, options, money=_MONEY, what="Xero report of account transactions"
    )
    parsed = Parsed()
    accounts, grand = _accounts(report, parsed)
    _compare(accounts, grand, parsed)
    currency = report.sheet.currency or _home(report, accounts)
    left = LeftOut()
    _entries(report, accounts, currency, parsed, left)
    parsed.left = left.result()
    return parsed


def _accounts(report: Report, parsed: Parsed) -> tuple[list[_Account], Amounts | None]:
    sheet = report.sheet
    accounts: list[_Account] = []
    heading = ""
    grand: Amounts | None = None
    for row in sheet.rows:
        label, filled = row.text(0), row.filled()
        name = plain(label)
        if name in {"opening balance", "closing balance"}:
            debit, credit = _sides(report, row)
            value = (debit or Decimal(0)) - (credit or Decimal(0))
            if name == "opening balance":
                accounts.append(_Account(heading, opening=value))
            elif accounts:
                accounts[-1].closing = value
        elif is_total(label) and not sheet.text(row, "kind"):
            if total_name(label)[0]:
                if accounts:
                    accounts[-1].total = _sides(report, row)
            else:
                grand = _sides(report, row)
        elif sheet.text(row, "kind") and sheet.text(row, "date"):
            if not accounts or (heading and accounts[-1].name != heading):
                accounts.append(_Account(heading))
            try:
                debit, credit = sheet.amount(row, "debit"), sheet.amount(row, "credit")
                line = _Line(row, debit or Decimal(0), credit or Decimal(0), sheet.amount(row, "balance"))
            except Unusable as fault:
                parsed.rejected.append(Rejected(row.number, str(fault)))
            else:
                accounts[-1].lines.append(line)
        elif label and len(filled) == 1:
            heading = label
    return accounts, grand


def _sides(report: Report, row: Row) -> Amounts:
    try:
        return report.sheet.amount(row, "debit"), report.sheet.amount(row, "credit")
    except Unusable:
        return None, None


def _compare(accounts: Sequence[_Account], grand: Amounts | None, parsed: Parsed) -> None:
    """Report what the stated totals and balances say against what the rows give."""
    totals: list[str] = []
    balances: list[str] = []
    stated = known = 0
    for account in accounts:
        sums = add([line.debit for line in account.lines]), add([line.credit for line in account.lines])
        if account.total is not None:
            stated += 1
            totals.extend(_differences(f"Total {account.name}", account.total, sums))
        if account.opening is not None and account.closing is not None:
            known += 1
            reached = account.opening + sums[0] - sums[1]
            if reached != account.closing:
                balances.append(
                    f"{account.name} closes with {account.closing}, its rows give {reached} from "
                    f"{account.opening}"
                )
        running = account.opening
        for line in account.lines:
            if line.balance is None:
                continue
            if running is not None and running + line.amount != line.balance:
                balances.append(
                    f"row {line.row.number}: the balance {line.balance} does not follow from {running} and "
                    f"{line.amount}"
                )
            running = line.balance
    if grand is not None:
        stated += 1
        lines = [line for account in accounts for line in account.lines]
        sums = add([line.debit for line in lines]), add([line.credit for line in lines])
        totals.extend(_differences("Total", grand, sums))
    report_checks(parsed, "stated totals", stated, totals)
    report_checks(parsed, "opening and closing balances", known, balances)
    if not stated and not known:
        parsed.warnings.append("The report states no totals or balances; nothing proves that it is whole")


def _differences(label: str, stated: Amounts, counted: tuple[Decimal, Decimal]) -> list[str]:
    return [
        f"'{label}' says {said} of {name}, the rows give {value}"
        for name, said, value in zip(("debits", "credits"), stated, counted, strict=True)
        if said is not None and said != value
    ]


def _home(report: Report, accounts: Sequence[_Account]) -> str | None:
    """The home currency: the one whose amounts at source are the booked ones on every row."""
    sheet = report.sheet
    same: dict[str, bool] = {}
    for account in accounts:
        for line in account.lines:
            code = sheet.text(line.row, "currency").upper()
            try:
                source = (sheet.amount(line.row, "source_debit") or Decimal(0)) - (
                    sheet.amount(line.row, "source_credit") or Decimal(0)
                )
            except Unusable:
                continue
            if code and (source or line.amount):
                same[code] = same.get(code, True) and source == line.amount
    home = [code for code, alike in same.items() if alike]
    return home[0] if len(home) == 1 else None


def _entries(
    report: Report, accounts: Sequence[_Account], currency: str | None, parsed: Parsed, left: LeftOut
) -> None:
    sheet = report.sheet
    own = [(account, line) for account in accounts for line in account.lines]
    own.sort(key=lambda pair: pair[1].row.number)
    places = {line.row.number: (account, line) for account, line in own}
    found = groups(
        ("\x1f".join(sheet.text(line.row, role) for role in ("date", "kind", "number")), line.row)
        for _, line in own
    )
    together = [[places[row.number] for row in rows] for rows in found.values()]
    balanced = [len(group) > 1 and not add([line.amount for _, line in group]) for group in together]
    whole = [group for group, ties in zip(together, balanced, strict=True) if ties]
    broken = [group for group, ties in zip(together, balanced, strict=True) if not ties]
    for group in whole:
        _book(report, group, currency, parsed)
    give_entry_keys(parsed.entries, [None] * len(parsed.entries))
    if parsed.entries:
        parsed.verified.append(BALANCED)
    if broken and len(broken) >= len(whole):
        for group in broken:
            for account, line in group:
                left.add(f"{account.name}: the other side is not in this report", currency, line.amount)
        parsed.warnings.append(
            "The report holds some accounts only, so that most transactions lack a side and were not booked. "
            "Run Account Transactions for all accounts, or export the General Ledger or Journal report"
        )
        return
    for group in broken:
        row = group[0][1].row
        name = " ".join(t for role in ("kind", "number", "date") if (t := sheet.text(row, role)))
        off = add([line.amount for _, line in group])
        parsed.rejected.append(
            Rejected(row.number, f"{name} does not balance: its {len(group)} lines add up to {off}")
        )
    if parsed.entries and not parsed.rejected and not parsed.warnings:
        parsed.covered = report.claim("xero")


def _book(
    report: Report, group: Sequence[tuple[_Account, _Line]], currency: str | None, parsed: Parsed
) -> None:
    sheet, head = report.sheet, group[0][1].row
    try:
        day = sheet.needed_day(head, "date")
    except Unusable as fault:
        parsed.rejected.append(Rejected(head.number, str(fault)))
        return
    sides = [
        Side(
            f"{sheet.text(line.row, 'code')} {account.name or sheet.text(line.row, 'account')}".strip(),
            line.amount,
            sheet.text(line.row, "name"),
            sheet.text(line.row, "memo"),
        )
        for account, line in group
    ]
    parsed.entries.append(
        entry(
            day,
            sheet.text(head, "kind"),
            sheet.text(head, "number"),
            next((side.name for side in sides if side.name), ""),
            next((side.memo for side in sides if side.memo), ""),
            currency,
            sides,
            head.number,
        )
    )
