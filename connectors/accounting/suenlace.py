"""A3's exchange file SUENLACE.DAT (records of 254 or 510 characters): invoices and plain entries."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from connectors.accounting.invoice_keys import give_invoice_keys
from connectors.accounting.shapes import (
    Format,
    Left,
    Parsed,
    ReadOptions,
    Record,
    Refused,
    Rejected,
    amount_text,
    give_entry_keys,
)

_LENGTHS = (254, 510)
_AMOUNT = re.compile(r"[+-]?\d{1,10}\.\d\d", re.ASCII)
_HEAD = re.compile(r"[345][\d ]{5}\d{8}[0-9A-Z]", re.ASCII)
_SALE, _PURCHASE, _INVESTMENT = "1", "2", "3"
_NAMES = {"C": "account", "D": "analytic distribution", "V": "due date"}


@dataclass(frozen=True, slots=True)
class _Line:
    """One record, its columns as the format numbers them, counted from 1."""

    row: int
    text: str

    def at(self, first: int, last: int) -> str:
        return self.text[first - 1 : last].strip()

    def amount(self, first: int, last: int) -> Decimal | None:
        """Zero where the columns are blank, None where they hold no amount."""
        raw = self.at(first, last)
        return Decimal(0) if not raw else (Decimal(raw) if _AMOUNT.fullmatch(raw) else None)

    @property
    def kind(self) -> str:
        return self.text[14]

    @property
    def day(self) -> date | None:
        try:
            return date(int(self.text[6:10]), int(self.text[10:12]), int(self.text[12:14]))
        except ValueError:
            return None


@dataclass(slots=True)
class _Group:
    """An invoice with its VAT lines, or the lines of one plain entry."""

    lines: list[_Line] = field(default_factory=list)
    due: date | None = None


def read_suenlace(text: str, options: ReadOptions) -> Parsed:
    """Invoices as documents (base + VAT must give the header), plain entries as entries.

    Raises Refused when the last record stops short.
    """
    parsed = Parsed()
    groups, others = _groups(text, parsed, options)
    documents: list[tuple[Record, str]] = []
    ids: list[str | None] = []
    clean = True
    for group in groups:
        first = group.lines[0]
        if first.kind in "12":
            record = _document(group, parsed)
            if isinstance(record, str):
                parsed.rejected.append(Rejected(first.row, record))
                continue
            documents.append((record, first.at(2, 6)))
        else:
            record = _entry(group)
            if isinstance(record, str):
                parsed.rejected.append(Rejected(first.row, record))
                continue
            parsed.entries.append(record)
            ids.append(None)
        clean = clean and not parsed.warnings
    parsed.documents = [record for record, _ in documents]
    for kind, count in sorted(others.items()):
        if kind != "V":
            parsed.left.append(Left(_NAMES.get(kind, f"record of type {kind}"), count))
    if not parsed.documents and not parsed.entries and not parsed.rejected:
        parsed.warnings.append("The file holds no invoices and no entries")
    if not parsed.rejected and clean:
        parsed.verified += ["base + VAT = total"] if parsed.documents else []
        parsed.verified += ["debits = credits"] if parsed.entries else []
    give_invoice_keys(parsed.documents, [book for _, book in documents])
    give_entry_keys(parsed.entries, ids)
    return parsed


def _lines(text: str, options: ReadOptions) -> Iterator[_Line]:
    rows = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip(" \x1a")]
    if len(rows) > options.max_rows:
        raise Refused(f"The file has more than {options.max_rows:,} rows. Export a shorter period.")
    for position, (number, line) in enumerate(rows):
        if not _HEAD.match(line):
            raise Refused(f"Line {number} is no record of a SUENLACE file. Export it again.")
        padded = line.ljust(_LENGTHS[0])
        if len(line) < 113 and line[14] in "0129" and position == len(rows) - 1:
            raise Refused(f"The last record (line {number}) stops short: the file is half-written.")
        yield _Line(number, padded)


def _groups(text: str, parsed: Parsed, options: ReadOptions) -> tuple[list[_Group], dict[str, int]]:
    groups: list[_Group] = []
    others: dict[str, int] = {}
    entry: _Group | None = None
    invoice: _Group | None = None
    for line in _lines(text, options):
        if line.kind in "12":
            invoice, entry = _Group([line]), None
            groups.append(invoice)
        elif line.kind == "9":
            if invoice is None:
                parsed.rejected.append(Rejected(line.row, "a VAT line belongs to no invoice"))
            else:
                invoice.lines.append(line)
        elif line.kind == "0":
            invoice = None
            # I opens an entry, M goes on, U closes it.
            if entry is None or line.at(69, 69) == "I":
                entry = _Group()
                groups.append(entry)
            entry.lines.append(line)
            if line.at(69, 69) == "U":
                entry = None
        else:
            others[line.kind] = others.get(line.kind, 0) + 1
            number = line.at(59, 68)
            if line.kind == "V" and line.day:
                for group in reversed(groups):
                    if group.lines[0].kind in "12" and group.lines[0].at(59, 68) == number:
                        group.due = max(group.due or line.day, line.day)
                        break
    return groups, others


def _document(group: _Group, parsed: Parsed) -> Record | str:
    head, *details = group.lines
    number = head.at(59, 68)
    if head.day is None:
        return f"invoice {number}: '{head.text[6:14]}' is no date"
    stated = head.amount(100, 113)
    if stated is None or not head.at(100, 113):
        return f"invoice {number}: the total '{head.at(100, 113)}' cannot be read"
    if not details:
        return f"invoice {number} has no VAT line: nothing says what of it is net"
    net = tax = withheld = Decimal(0)
    lines = []
    for line in details:
        base, vat, surcharge, held = (
            line.amount(*place) for place in ((102, 115), (121, 134), (140, 153), (159, 172))
        )
        if base is None or vat is None or surcharge is None or held is None:
            return f"invoice {number}: an amount in line {line.row} cannot be read"
        net, tax, withheld = net + base, tax + vat + surcharge, withheld + held
        lines.append(
            {
                "description": line.at(70, 99) or line.at(28, 57),
                "quantity": None,
                "unit_price": None,
                "net": amount_text(base),
                "tax": amount_text(vat + surcharge),
                "account": line.at(16, 27),
                "service_from": None,
                "service_to": None,
            }
        )
        rate = line.at(116, 120)
        if re.fullmatch(r"\d\d\.\d\d", rate) and abs(base * Decimal(rate) / 100 - vat) > Decimal("0.02"):
            parsed.warnings.append(
                f"Line {line.row}: {rate} % of {amount_text(base)} is not the VAT of {amount_text(vat)}"
            )
    if stated not in {net + tax, net + tax - withheld}:
        parsed.warnings.append(
            f"Line {head.row}: invoice {number} says {amount_text(stated)}, base and VAT give "
            f"{amount_text(net + tax)}"
        )
    issued = _other_day(head.text[244:252]) or head.day
    total = net + tax - withheld
    side = "invoice" if head.at(58, 58) == _SALE else "bill"
    if total < 0:
        side = {"invoice": "credit_note", "bill": "bill_credit"}[side]
    return {
        "key": "",
        "format": Format.SUENLACE.value,
        "kind": side,
        "number": number,
        "external_id": None,
        "counterparty": head.at(190, 229) or head.at(28, 57) or None,
        "tax_id": head.at(176, 189) or None,
        "email": None,
        "issued_on": issued.isoformat(),
        "due_on": group.due.isoformat() if group.due else None,
        "service_from": None,
        "service_to": None,
        "currency": "EUR",
        "net": amount_text(net),
        "tax": amount_text(tax),
        "withheld": amount_text(withheld),
        "total": amount_text(total),
        "paid": None,
        "open": None,
        "status": "open",
        "paid_on": None,
        "subscription_id": None,
        "row": head.row,
        "lines": lines,
    }


def _other_day(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:]))
    except ValueError:
        return None


def _entry(group: _Group) -> Record | str:
    first = group.lines[0]
    if first.day is None:
        return f"'{first.text[6:14]}' is no date"
    debit = credit = Decimal(0)
    lines = []
    for line in group.lines:
        amount, side = line.amount(100, 113), line.at(58, 58)
        if amount is None or side not in {"D", "H"}:
            wrong = f"amount '{line.at(100, 113)}'" if amount is None else f"side '{side}'"
            return f"the {wrong} in line {line.row} cannot be read"
        left, right = (amount, Decimal(0)) if side == "D" else (Decimal(0), amount)
        if amount < 0:
            left, right = -right, -left
        debit, credit = debit + left, credit + right
        lines.append(
            {
                "account": line.at(16, 27),
                "name": line.at(28, 57),
                "memo": line.at(70, 99),
                "debit": amount_text(left),
                "credit": amount_text(right),
            }
        )
    if debit != credit:
        return f"the entry does not balance: debits {amount_text(debit)}, credits {amount_text(credit)}"
    return {
        "key": "",
        "date": first.day.isoformat(),
        "kind": "apunte",
        "document": first.at(59, 68),
        "name": first.at(2, 6),
        "memo": first.at(70, 99),
        "currency": "EUR",
        "lines": lines,
        "total_debit": amount_text(debit),
        "row": first.row,
    }
