"""What every accounting reader gives back, and how a record keeps one identity whatever file brings it.

Records are JSON-able dicts; amounts are decimal strings, dates ISO, unknown values None. `row` is where the
record stands in the file, `format` the file's format, `key` its identity in whatever file it comes.

entry (double entry, debits = credits): key, date, kind, document, name, memo, currency, total_debit, row,
    lines: [{account, name, memo, debit, credit}]
movement (a line of a bank, card or payment provider): key, format, account, currency, date, value_date,
    amount, text, balance, bank_id, category, gross, fee, row
document (an invoice, bill or credit note): key, format, kind (invoice, credit_note, bill, bill_credit),
    number, external_id, counterparty, tax_id, email, issued_on, due_on, service_from, service_to, currency,
    net, tax, withheld, total, paid, open, status (open, paid, partial, uncollectible), paid_on,
    subscription_id, row,
    lines: [{description, quantity, unit_price, net, tax, account, service_from, service_to}]
    Amounts of credit notes are negative. service_to is the last day served. What does not count (draft,
    pending, void, deleted, a duplicate copy, not posting) is no record but a Left of the file.
subscription: key, format, subscription_id, customer, email, plan, quantity, interval (week, month, year),
    interval_count, amount (of one interval, all of the quantity, without tax), list_amount, currency, status
    (active, trialing, past_due, paused, canceled, unpaid), started_on, ended_on, canceled_on, period_from,
    period_to, row
time_entry (hours from a tracker): key, format, person, client, project, task, date, hours, billable, row
rate (units of a currency for one euro, from the European Central Bank's file): key, date, currency, rate
"""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

Record = dict[str, Any]
MIB = 1024 * 1024
NO_CURRENCY = "XXX"  # ISO 4217's code for "no currency involved"


class Format(StrEnum):
    """A kind of file told by its content; `readers.READERS` says which can be taken in."""

    # Books
    QUICKBOOKS_JOURNAL = "quickbooks_journal"
    QUICKBOOKS_LEDGER = "quickbooks_ledger"  # general ledger, P&L detail
    QUICKBOOKS_TRANSACTIONS = "quickbooks_transactions"
    QUICKBOOKS_REPORT = "quickbooks_report"
    QUICKBOOKS_IIF = "quickbooks_iif"
    XERO_INVOICES = "xero_invoices"
    XERO_TRANSACTIONS = "xero_transactions"
    SAGE_AUDIT_TRAIL = "sage_audit_trail"
    WAVE = "wave"
    CONTAPLUS = "contaplus"
    DBF = "dbf"
    SUENLACE = "suenlace"
    GNUCASH = "gnucash"
    # Invoices
    FACTURAE = "facturae"
    HOLDED = "holded"
    FRESHBOOKS = "freshbooks"
    ZOHO = "zoho"
    INVOICELY = "invoicely"
    AKAUNTING = "akaunting"
    INVOICE_LIST = "invoice_list"
    # Payment providers
    STRIPE_BALANCE = "stripe_balance"
    STRIPE_PAYMENTS = "stripe_payments"
    STRIPE_INVOICES = "stripe_invoices"
    STRIPE_SUBSCRIPTIONS = "stripe_subscriptions"
    STRIPE_REFUNDS = "stripe_refunds"
    PAYPAL = "paypal"
    # Banks
    BANK_CSV = "bank_csv"
    BANK_XLSX = "bank_xlsx"
    BANK_XLS = "bank_xls"
    BANK_ODS = "bank_ods"
    BANK_HTML = "bank_html"
    NORMA43 = "norma43"
    OFX = "ofx"
    CAMT053 = "camt053"
    CAMT_OTHER = "camt_other"
    MT940 = "mt940"
    QIF = "qif"
    # Beside the books
    CLOCKIFY = "clockify"
    TOGGL = "toggl"
    ECB_RATES = "ecb_rates"
    API_TABLE = "api_table"
    PDF = "pdf"
    ARCHIVE = "archive"
    XML = "xml"
    JSON = "json"


class Refused(Exception):
    """The file as a whole cannot be taken in; the message says why and what to do next."""

    def __init__(self, reason: str, format_: Format | None = None, encoding: str | None = None) -> None:
        super().__init__(reason)
        self.format = format_
        self.encoding = encoding


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """What a person may settle where a file leaves it open, and the limits that no file may pass."""

    decimal_mark: str | None = None  # "." or ","
    date_order: str | None = None  # "dmy", "mdy" or "ymd"
    account: str | None = None  # the account of a file that names none
    currency: str | None = None  # the currency of a file that names none
    zone: str = "UTC"  # time zone in which an instant becomes a booking date
    max_bytes: int = 256 * MIB
    max_expanded_bytes: int = 400 * MIB  # of a compressed workbook
    max_rows: int = 2_000_000


@dataclass(frozen=True, slots=True)
class Rejected:
    """One row left out, by its row or line in the file (entry number in XML); None = the whole file."""

    row: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class Left:
    """Rows that the file itself says do not count, and why: `draft`, `void`, `pending`, `not posting` …"""

    reason: str
    rows: int
    totals: dict[str, str] = field(default_factory=dict)  # currency -> decimal string, where there is one


@dataclass(frozen=True, slots=True)
class Covered:
    """The file claims to hold all of one book or account between two days, both included.

    A record of that book and period which a later file of the same claim lacks was deleted in the books.
    Only what a file states itself counts, never the first and last date of its rows.
    """

    book: str
    since: date
    until: date


@dataclass(slots=True)
class Parsed:
    """What a reader collects while it goes through a file.

    `verified` names the controls of the file that were recomputed and agree ("closing balance", "trailer",
    "debits = credits", "stated total"); empty = nothing in the file covers its figures.
    """

    entries: list[Record] = field(default_factory=list)
    movements: list[Record] = field(default_factory=list)
    documents: list[Record] = field(default_factory=list)
    subscriptions: list[Record] = field(default_factory=list)
    time_entries: list[Record] = field(default_factory=list)
    rates: list[Record] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    verified: list[str] = field(default_factory=list)
    covered: Covered | None = None
    rejected: list[Rejected] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """One file after reading: its records as JSON-able dicts, and all that has to be said about it.

    `entries` and `movements` have the shapes of docs/architecture.md; `totals` are sums by currency code
    (movements signed, journals their debit side).
    """

    file: str
    sha256: str
    format: Format | None
    encoding: str | None
    entries: list[Record]
    movements: list[Record]
    documents: list[Record]
    totals: dict[str, Decimal]
    rejected: list[Rejected]
    warnings: list[str]
    subscriptions: list[Record] = field(default_factory=list)
    time_entries: list[Record] = field(default_factory=list)
    rates: list[Record] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    verified: list[str] = field(default_factory=list)
    covered: Covered | None = None

    @property
    def records(self) -> int:
        """How many transactions or documents were taken in (not lines)."""
        return sum(
            map(
                len,
                (
                    self.entries,
                    self.movements,
                    self.documents,
                    self.subscriptions,
                    self.time_entries,
                    self.rates,
                ),
            )
        )

    @property
    def refusal(self) -> str | None:
        """Why the whole file was refused, or None."""
        return next((item.reason for item in self.rejected if item.row is None), None)


def amount_text(value: Decimal) -> str:
    """A decimal string with at least two decimals and no exponent: '1500.00', '8.850'."""
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int) or exponent > -2:
        value = value.quantize(Decimal("0.01"))
    return f"{value:f}"


def from_float(value: float) -> Decimal:
    """A spreadsheet's binary number as the decimal that was typed, to four places."""
    return strip_zeros(Decimal(repr(value)).quantize(Decimal("0.0001"), ROUND_HALF_UP))


def strip_zeros(value: Decimal) -> Decimal:
    """The same number without zeros beyond the second decimal."""
    value = value.normalize()
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent > -2:
        value = value.quantize(Decimal("0.01"))
    return value


def totals_of(parsed: Parsed) -> dict[str, Decimal]:
    """Sum per currency code: movements signed, entries their debit side, documents their total."""
    totals: dict[str, Decimal] = {}
    for record, name in [
        *((m, "amount") for m in parsed.movements),
        *((e, "total_debit") for e in parsed.entries),
        *((d, "total") for d in parsed.documents),
    ]:
        currency = record["currency"] or NO_CURRENCY
        totals[currency] = totals.get(currency, Decimal("0.00")) + Decimal(record[name])
    return dict(sorted(totals.items()))


_NO_WORD = re.compile(r"[^\w]+")


def plain(text: str) -> str:
    """Lower case without accents or punctuation, single spaces: what headers and texts are compared by."""
    if text.isascii():  # nothing to take apart
        return " ".join(_NO_WORD.sub(" ", text.lower()).split())
    letters = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(_NO_WORD.sub(" ", "".join(c for c in letters if not unicodedata.combining(c))).split())


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def _number_key(text: str | None) -> str:
    """The number without zeros at its end: 5, 5.0 and 5.00 are one."""
    if text is None:
        return ""
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", "", "-"} else text


def give_movement_keys(movements: list[Record], *, use_balance: bool = True) -> None:
    """Set `key` in place: the bank's id if any, else account, date, amount, text and running balance.

    Movements alike in all of these are told apart by their order within the file's day, so that overlapping
    files meet on the same keys and identical true lines stay two.
    """
    seen: dict[bytes, int] = {}
    accounts: dict[str | None, str] = {}
    for movement in movements:
        if movement["bank_id"]:
            identity = f"id:{movement['bank_id']}"
        else:
            balance = _number_key(movement["balance"]) if use_balance else ""
            identity = f"text:{plain(movement['text'])}|{balance}"
        account = movement["account"]
        if account not in accounts:
            accounts[account] = re.sub(r"\s", "", account or "")
        amount = _number_key(movement["amount"])
        parts = (
            "movement",
            accounts[account],
            movement["currency"] or "",
            movement["date"],
            amount,
            identity,
        )
        base = hashlib.sha256("\x1f".join(parts).encode()).digest()[:16]
        count = seen.get(base, 0)
        movement["key"] = f"{base.hex()}-{count}"
        seen[base] = count + 1


def give_entry_keys(entries: list[Record], ids: list[str | None]) -> None:
    """Set `key` in place: the book's transaction id if the file has it, else date, kind, number and name.

    Entries alike in these are numbered within the file. Amounts are left out on purpose: a transaction
    that was corrected in the books comes back under its old key, as a new version.
    """
    seen: Counter[str] = Counter()
    for entry, known in zip(entries, ids, strict=True):
        parts = (
            ("entry-id", known)
            if known
            else (
                "entry",
                entry["date"],
                plain(entry["kind"]),
                plain(entry["document"]),
                plain(entry["name"]),
            )
        )
        base = _digest(parts)
        entry["key"] = f"{base}-{seen[base]}"
        seen[base] += 1
