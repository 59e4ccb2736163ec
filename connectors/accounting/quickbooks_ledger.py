"""QuickBooks Online's General Ledger and Profit and Loss Detail: rows grouped by account, natural signs.

A general ledger holds every line of every account, so its entries can be rebuilt: lines of one date, type,
number and name, or of one date, type and number where the name differs by line, that add up to zero once the
side on which each account grows is known. What does not is rejected by its name. A profit and loss report
holds one side of each transaction only: its totals are checked, and its rows are left.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from connectors.accounting.book_entries import BALANCED, Side, entry
from connectors.accounting.book_report import (
    Report,
    add,
    header_of,
    is_total,
    is_voided,
    open_report,
    total_name,
)
from connectors.accounting.ledger_signs import natural_sides
from connectors.accounting.program_table import LeftOut, Unusable, report_checks
from connectors.accounting.shapes import Parsed, ReadOptions, Rejected, give_entry_keys, plain
from connectors.accounting.tables import Row, Table

_COLUMNS = {
    "date": ("date", "transaction date", "fecha", "fecha de transaccion", "fecha de la transaccion"),
    "kind": ("transaction type", "tipo de transaccion"),
    "number": ("num", "no", "number", "numero"),
    "name": ("name", "nombre", "full name"),
    "memo": ("memo description", "description", "memo", "nota descripcion", "descripcion"),
    "split": ("split", "split account", "item split account", "division"),
    "amount": ("amount", "importe", "monto"),
    "debit": ("debit", "debito", "debe"),
    "credit": ("credit", "credito", "haber"),
    "balance": ("balance", "saldo"),
    "account": ("distribution account", "account", "account full name", "cuenta"),
}
_MONEY = ("amount", "debit", "credit", "balance")
_CLASSES = {
    "income": -1, "ingresos": -1, "other income": -1, "otros ingresos": -1, "revenue": -1,
    "cost of goods sold": 1, "expenses": 1, "gastos": 1, "other expenses": 1, "otros gastos": 1,
    "ordinary income expenses": 0, "net income": 0, "gross profit": 0,
}  # fmt: skip
_OPENING = frozenset({"beginning balance", "saldo inicial", "opening balance"})
STATED = "stated totals"
RUNNING = "running balances"


@dataclass(slots=True)
class _Line:
    row: Row
    amount: Decimal  # natural to the account, or debit less credit where the file has both
    balance: Decimal | None


@dataclass(slots=True)
class _Account:
    """One group of rows and those within it."""

    name: str
    within: "_Account | None"
    opening: Decimal | None = None
    lines: list[_Line] = field(default_factory=list)
    parts: list["_Account"] = field(default_factory=list)

    @property
    def path(self) -> str:
        """The full name, as the Journal writes it; headings such as Income are no accounts."""
        above = self.within
        if above is None or plain(above.name) in _CLASSES or ":" in self.name:
            return self.name
        return f"{above.path}:{self.name}"

    def own(self) -> Decimal:
        """The sum of its own rows."""
        return add([line.amount for line in self.lines])

    def whole(self) -> Decimal:
        """The sum of its rows and of all within it."""
        return self.own() + add([part.whole() for part in self.parts])


Line = tuple[_Account, _Line]


def is_quickbooks_ledger(table: Table) -> bool:
    """True for a report grouped by account with a type of transaction and a running balance."""
    found = header_of(table, _COLUMNS, ("date", "kind", "balance"))
    return found is not None and ("amount" in found[1] or {"debit", "credit"} <= found[1].keys())


def read_quickbooks_ledger(table: Table, options: ReadOptions) -> Parsed:
    """The entries that a general ledger's lines make up; totals and balances in it are recomputed.

    Raises Refused when a column is missing, or when decimals or dates cannot be decided.
    """
    report = open_report(
        table, _COLUMNS, ("date", "kind", "balance"), options, money=_MONEY, what="QuickBooks ledger"
    )
    parsed = Parsed()
    accounts = _accounts(report, parsed)
    _compare_balances(accounts, parsed)
    profit = any(
        plain(title).startswith(("profit and loss", "perdidas y ganancias")) for title in report.titles
    )
    classes = {plain(account.name) for account in accounts}
    left = LeftOut()
    if profit or (classes & {"income", "ingresos"} and classes & {"expenses", "gastos"}):
        for account in accounts:
            for line in account.lines:
                left.add("one side of its transaction only", report.sheet.currency, line.amount)
        parsed.warnings.append(
            "A profit and loss report holds only one side of each transaction, so nothing of it was booked. "
            "Export the Journal report, which holds both"
        )
    else:
        _entries(report, accounts, parsed, left)
    parsed.left = left.result()
    return parsed


def _accounts(report: Report, parsed: Parsed) -> list[_Account]:
    """All groups in their order, with their totals compared on the way."""
    sheet = report.sheet
    closings = Counter(plain(row.text(0)) for row in sheet.rows if is_total(row.text(0)))
    accounts: list[_Account] = []
    open_: list[_Account] = []
    faults: list[str] = []
    checked = 0
    for row in sheet.rows:
        label, filled = row.text(0), row.filled()
        dated = bool(sheet.text(row, "date")) and len(filled) > 2
        if any(plain(text) in _OPENING for text in filled[:2]) and not sheet.text(row, "kind"):
            if open_:
                open_[-1].opening = _number(report, row, "balance")
        elif is_total(label) and not (dated and sheet.text(row, "kind")):
            closings[plain(label)] -= 1
            stated = _stated(report, row)
            name, with_parts = total_name(label)
            group = next((a for a in reversed(open_) if plain(a.name) == name), None)
            if group is None:
                continue
            if stated is not None:
                checked += 1
                wants = {group.whole()} if with_parts else {group.own(), group.whole()}
                if stated not in wants:
                    faults.append(f"row {row.number}: '{label}' says {stated}, its rows give {group.whole()}")
            more = [c for c in closings if closings[c] > 0 and total_name(c) == (name, True)]
            del open_[open_.index(group) + (1 if more and not with_parts else 0) :]
        elif sheet.text(row, "kind") and dated:
            account = _of_row(sheet.text(row, "account"), accounts, open_)
            if account is None:
                parsed.rejected.append(Rejected(row.number, "the row stands under no account"))
                continue
            try:
                account.lines.append(_Line(row, _amount(report, row), sheet.amount(row, "balance")))
            except Unusable as fault:
                parsed.rejected.append(Rejected(row.number, str(fault)))
        elif label and len(filled) == 1:
            while open_ and not any(
                total_name(c)[0] == plain(open_[-1].name) and closings[c] > 0 for c in closings
            ):
                open_.pop()
            accounts.append(_Account(label, open_[-1] if open_ else None))
            if open_:
                open_[-1].parts.append(accounts[-1])
            open_.append(accounts[-1])
    report_checks(parsed, STATED, checked, faults)
    if not checked:
        parsed.warnings.append("The report states no totals; nothing proves that it is whole")
    return accounts


def _of_row(named: str, accounts: list[_Account], open_: list[_Account]) -> _Account | None:
    """The group that a row belongs to, or the account that it names itself."""
    if open_ or not named:
        return open_[-1] if open_ else None
    found = next((account for account in accounts if account.name == named), None)
    if found is None:
        found = _Account(named, None)
        accounts.append(found)
    return found


def _amount(report: Report, row: Row) -> Decimal:
    sheet = report.sheet
    if sheet.has("amount"):
        return sheet.needed(row, "amount")
    return (sheet.amount(row, "debit") or Decimal(0)) - (sheet.amount(row, "credit") or Decimal(0))


def _number(report: Report, row: Row, role: str) -> Decimal | None:
    try:
        return report.sheet.amount(row, role)
    except Unusable:
        return None


def _stated(report: Report, row: Row) -> Decimal | None:
    if report.sheet.has("amount"):
        return _number(report, row, "amount")
    debit, credit = _number(report, row, "debit"), _number(report, row, "credit")
    return None if debit is None and credit is None else (debit or Decimal(0)) - (credit or Decimal(0))


def _compare_balances(accounts: Sequence[_Account], parsed: Parsed) -> None:
    """Each balance is the one before plus the row's amount; sub-accounts may go on from their parent."""
    faults: list[str] = []
    checked = 0
    for account in accounts:
        known = account.opening
        for line in account.lines:
            if line.balance is None:
                continue
            if known is not None:
                checked += 1
                # Without an amount column the balance may grow with debits or with credits.
                if line.balance not in {known + line.amount, known - line.amount}:
                    faults.append(
                        f"row {line.row.number}: the balance {line.balance} does not follow from {known} and "
                        f"{line.amount}"
                    )
            known = line.balance
    report_checks(parsed, RUNNING, checked, faults)


def _entries(report: Report, accounts: Sequence[_Account], parsed: Parsed, left: LeftOut) -> None:
    sheet = report.sheet
    lines: list[Line] = []
    for account in accounts:
        for line in account.lines:
            if not line.amount and is_voided(sheet.text(line.row, "memo")):
                left.add("void", sheet.currency, line.amount)
            else:
                lines.append((account, line))
    lines.sort(key=lambda pair: pair[1].row.number)
    groups = _groups(report, lines)
    natural = sheet.has("amount")
    signs = _signs(groups, accounts, natural=natural)
    whole: list[list[Line]] = []
    broken: list[list[Line]] = []
    for group in groups:
        (whole if _off(group, signs) == 0 else broken).append(group)
    for group in whole:
        for part in _pairs(report, group, signs):
            _book(report, part, signs, parsed)
    give_entry_keys(parsed.entries, [None] * len(parsed.entries))
    if parsed.entries:
        parsed.verified.append(BALANCED)
    partial = [group for group in broken if _off(group, signs) is not None or _is_alone(group)]
    if partial and len(partial) >= len(whole):
        broken = [group for group in broken if not (_off(group, signs) is not None or _is_alone(group))]
        for group in partial:
            for account, line in group:
                left.add(f"{account.path}: the other side is not in this report", sheet.currency, line.amount)
        parsed.warnings.append(
            "The report holds some accounts only, so that most transactions lack a side and were not booked. "
            "Export the Journal report, or the General Ledger of all accounts"
        )
    for group in broken:
        parsed.rejected.append(Rejected(group[0][1].row.number, _why(report, group, signs)))
    if report.cash:
        parsed.warnings.append("The report is on a cash basis; do not mix it with the accrual Journal")
    elif not parsed.rejected and not parsed.warnings:
        parsed.covered = report.claim("quickbooks")


def _groups(report: Report, lines: Sequence[Line]) -> list[list[Line]]:
    """The lines of each transaction: by name too, unless only all names of a number together can balance."""
    sheet = report.sheet
    wide: dict[tuple[str, ...], list[Line]] = {}
    for account, line in lines:
        key = tuple(sheet.text(line.row, role) for role in ("date", "kind", "number"))
        wide.setdefault(key, []).append((account, line))
    groups: list[list[Line]] = []
    for together in wide.values():
        named: dict[str, list[Line]] = {}
        for account, line in together:
            named.setdefault(sheet.text(line.row, "name"), []).append((account, line))
        alone = any(len([1 for _, line in own if line.amount]) == 1 for own in named.values())
        groups.extend([together] if alone and len(named) > 1 else named.values())
    return groups


def _signs(groups: Sequence[list[Line]], accounts: Sequence[_Account], *, natural: bool) -> dict[str, int]:
    if not natural:
        return {account.path: 1 for account in accounts}
    sums: list[dict[str, Decimal]] = []
    for group in groups:
        own: dict[str, Decimal] = {}
        for account, line in group:
            own[account.path] = own.get(account.path, Decimal(0)) + line.amount
        sums.append(own)
    found = natural_sides(sums, {})
    # An account that moved by zero only has no side to be told.
    return {**{a.path: 1 for a in accounts if not any(line.amount for line in a.lines)}, **found}


def _off(group: Sequence[Line], signs: dict[str, int]) -> Decimal | None:
    """What the lines add up to, or None where an account's side is not known."""
    if any(account.path not in signs for account, _ in group):
        return None
    return add([signs[account.path] * line.amount for account, line in group])


def _is_alone(group: Sequence[Line]) -> bool:
    return sum(1 for _, line in group if line.amount) < 2


def _pairs(report: Report, group: list[Line], signs: dict[str, int]) -> Iterator[list[Line]]:
    """Two alike transactions of one day apart again: lines that name each other's account as their split."""
    rest = list(group)
    pairs: list[list[Line]] = []
    while rest:
        account, line = rest.pop(0)
        split = plain(report.sheet.text(line.row, "split"))
        other = next(
            (
                (a, other)
                for a, other in rest
                if split in {plain(a.path), plain(a.name)}
                and plain(report.sheet.text(other.row, "split")) in {plain(account.path), plain(account.name)}
                and signs[account.path] * line.amount + signs[a.path] * other.amount == 0
            ),
            None,
        )
        if other is None:
            yield group
            return
        rest.remove(other)
        pairs.append([(account, line), other])
    yield from pairs


def _book(report: Report, group: Sequence[Line], signs: dict[str, int], parsed: Parsed) -> None:
    sheet, head = report.sheet, group[0][1].row
    try:
        day = sheet.needed_day(head, "date")
    except Unusable as fault:
        parsed.rejected.append(Rejected(head.number, str(fault)))
        return

    def first(role: str) -> str:
        return next((text for _, line in group if (text := sheet.text(line.row, role))), "")

    sides = [
        Side(
            account.path,
            signs[account.path] * line.amount,
            sheet.text(line.row, "name"),
            sheet.text(line.row, "memo"),
        )
        for account, line in group
    ]
    parsed.entries.append(
        entry(
            day,
            first("kind"),
            first("number"),
            first("name"),
            first("memo"),
            sheet.currency,
            sides,
            head.number,
        )
    )


def _why(report: Report, group: Sequence[Line], signs: dict[str, int]) -> str:
    sheet, head = report.sheet, group[0][1].row
    name = " ".join(t for role in ("kind", "number", "date") if (t := sheet.text(head, role)))
    unknown = sorted({account.path for account, _ in group if account.path not in signs})
    if unknown:
        return f"{name}: nothing tells on which side '{unknown[0]}' grows; export the Journal report"
    return f"{name} does not balance: its {len(group)} lines add up to {_off(group, signs)}"
