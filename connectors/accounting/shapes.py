"""What every accounting reader gives back, and how a record keeps one identity whatever file brings it."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Any

Record = dict[str, Any]
MIB = 1024 * 1024
NO_CURRENCY = "XXX"  # ISO 4217's code for "no currency involved"


class Format(StrEnum):
    """A kind of file told by its content. `readable` says whether its records can be taken in."""

    QUICKBOOKS_JOURNAL = "quickbooks_journal"
    STRIPE_BALANCE = "stripe_balance"
    BANK_CSV = "bank_csv"
    BANK_XLSX = "bank_xlsx"
    BANK_XLS = "bank_xls"
    BANK_ODS = "bank_ods"
    BANK_HTML = "bank_html"
    NORMA43 = "norma43"
    OFX = "ofx"
    CAMT053 = "camt053"
    # Recognised so that the refusal can name them.
    QUICKBOOKS_REPORT = "quickbooks_report"
    QUICKBOOKS_IIF = "quickbooks_iif"
    STRIPE_PAYMENTS = "stripe_payments"
    XERO = "xero"
    SAGE = "sage"
    HOLDED = "holded"
    INVOICE_LIST = "invoice_list"
    API_TABLE = "api_table"
    MT940 = "mt940"
    CAMT_OTHER = "camt_other"
    QIF = "qif"
    GNUCASH = "gnucash"
    FACTURAE = "facturae"
    DBF = "dbf"
    SUENLACE = "suenlace"
    PDF = "pdf"
    ARCHIVE = "archive"
    XML = "xml"
    JSON = "json"

    @property
    def readable(self) -> bool:
        """True when `read_file` takes its records in; otherwise it refuses the file by name."""
        return self in READABLE


READABLE = frozenset(
    {
        Format.QUICKBOOKS_JOURNAL,
        Format.STRIPE_BALANCE,
        Format.BANK_CSV,
        Format.BANK_XLSX,
        Format.BANK_XLS,
        Format.BANK_ODS,
        Format.BANK_HTML,
        Format.NORMA43,
        Format.OFX,
        Format.CAMT053,
    }
)


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
    max_bytes: int = 50 * MIB
    max_expanded_bytes: int = 400 * MIB  # of a compressed workbook
    max_rows: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Rejected:
    """One row left out, by its row or line in the file (entry number in XML); None = the whole file."""

    row: int | None
    reason: str


@dataclass(slots=True)
class Parsed:
    """What a reader collects while it goes through a file."""

    entries: list[Record] = field(default_factory=list)
    movements: list[Record] = field(default_factory=list)
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

    @property
    def records(self) -> int:
        """How many transactions or documents were taken in (not lines)."""
        return len(self.entries) + len(self.movements) + len(self.documents)

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
    """Sum per currency code: movements signed, entries their debit side."""
    totals: dict[str, Decimal] = {}
    for record, name in [(m, "amount") for m in parsed.movements] + [
        (e, "total_debit") for e in parsed.entries
    ]:
        currency = record["currency"] or NO_CURRENCY
        totals[currency] = totals.get(currency, Decimal("0.00")) + Decimal(record[name])
    return dict(sorted(totals.items()))


def plain(text: str) -> str:
    """Lower case without accents or punctuation, single spaces: what headers and texts are compared by."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    return " ".join(
        re.sub(r"[^\w]+", " ", "".join(c for c in letters if not unicodedata.combining(c))).split()
    )


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def _number_key(text: str | None) -> str:
    return "" if text is None else f"{Decimal(text).normalize() + 0:f}"


def give_movement_keys(movements: list[Record], *, use_balance: bool = True) -> None:
    """Set `key` in place: the bank's id if any, else account, date, amount, text and running balance.

    Movements alike in all of these are told apart by their order within the file's day, so that overlapping
    files meet on the same keys and identical true lines stay two.
    """
    seen: Counter[str] = Counter()
    for movement in movements:
        if movement["bank_id"]:
            identity = f"id:{movement['bank_id']}"
        else:
            balance = _number_key(movement["balance"]) if use_balance else ""
            identity = f"text:{plain(movement['text'])}|{balance}"
        base = _digest(
            (
                "movement",
                re.sub(r"\s", "", movement["account"] or ""),
                movement["currency"] or "",
                movement["date"],
                _number_key(movement["amount"]),
                identity,
            )
        )
        movement["key"] = f"{base}-{seen[base]}"
        seen[base] += 1


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
