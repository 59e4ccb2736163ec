"""The front door of the accounting readers: which format a file has, and all that is in it."""

import hashlib
import stat
from pathlib import Path

from connectors.accounting.bank_table import read_bank_table
from connectors.accounting.camt053 import read_camt053
from connectors.accounting.norma43 import read_norma43
from connectors.accounting.ofx import read_ofx
from connectors.accounting.quickbooks_journal import read_quickbooks_journal
from connectors.accounting.recognise import Content, recognise
from connectors.accounting.shapes import (
    MIB,
    Format,
    ImportedFile,
    Parsed,
    ReadOptions,
    Refused,
    Rejected,
    totals_of,
)
from connectors.accounting.stripe_balance import read_stripe_balance

_DEFAULTS = ReadOptions()
_JOURNAL_HINT = (
    "export the Journal report (Reports > Journal) instead, which holds both sides of every transaction"
)
_NOT_READ = {
    Format.QUICKBOOKS_REPORT: f"QuickBooks report or transaction list recognised, not read: {_JOURNAL_HINT}",
    Format.QUICKBOOKS_IIF: "QuickBooks Desktop IIF recognised, not read yet: export the Journal report",
    Format.STRIPE_PAYMENTS: "Stripe payments export recognised, not read yet: export 'Balance change from "
    "activity' (itemised) instead",
    Format.XERO: "Xero export recognised, not read yet",
    Format.SAGE: "Sage export recognised, not read yet",
    Format.HOLDED: "Holded export recognised, not read yet",
    Format.INVOICE_LIST: "A list of invoices was recognised, not read yet",
    Format.API_TABLE: "A dump of an API table was recognised, not read: import the program's own export",
    Format.MT940: "MT940 recognised, not read yet: ask the bank for CAMT.053, Norma 43 or CSV",
    Format.CAMT_OTHER: "CAMT recognised, but not a statement (CAMT.053): ask the bank for CAMT.053",
    Format.QIF: "QIF recognised, not read yet: export OFX or CSV instead",
    Format.GNUCASH: "A SQLite database (GnuCash) was recognised, not read yet",
    Format.FACTURAE: "FacturaE invoice recognised, not read yet",
    Format.DBF: "dBase file (ContaPlus) recognised, not read yet",
    Format.SUENLACE: "A3 SUENLACE.DAT recognised, not read yet",
    Format.PDF: "PDF recognised: amounts cannot be taken from it safely; export CSV, XLSX or Norma 43",
    Format.ARCHIVE: "An archive was recognised: unpack it and import the files in it",
    Format.XML: "XML or HTML of no known accounting format",
    Format.JSON: "JSON of no known accounting format: export CSV instead",
}
_UNKNOWN = (
    "No accounting format was recognised: no date and amount columns, no known header. Export it as CSV"
)


def sniff(path: Path) -> Format | None:
    """The format told from the file's content, or None when none is recognised.

    Damaged files too give a format where their beginning tells it.

    Raises OSError when the file cannot be read.
    """
    data = _bytes(path, _DEFAULTS)
    if isinstance(data, Refused):
        return data.format
    try:
        return recognise(data, _DEFAULTS).format
    except Refused as refusal:
        return refusal.format


def read_file(path: Path, options: ReadOptions = _DEFAULTS) -> ImportedFile:
    """All records of one file, or its refusal as the single rejected item without a row.

    Nothing of a refused file is given back. Raises OSError when the file cannot be read.
    """
    data = _bytes(path, options)
    if isinstance(data, Refused):
        return _refused(path, "", data)
    digest = hashlib.sha256(data).hexdigest()
    content: Content | None = None
    try:
        content = recognise(data, options)
        parsed = _parse(content, options)
    except Refused as refusal:
        known = content or Content(data)
        refusal.format = refusal.format or known.format
        refusal.encoding = refusal.encoding or known.encoding
        return _refused(path, digest, refusal)
    return ImportedFile(
        file=path.name,
        sha256=digest,
        format=content.format,
        encoding=content.encoding,
        entries=parsed.entries,
        movements=parsed.movements,
        documents=[],
        totals=totals_of(parsed),
        rejected=parsed.rejected,
        warnings=parsed.warnings,
    )


def _refused(path: Path, digest: str, refusal: Refused) -> ImportedFile:
    rejected = [Rejected(None, str(refusal))]
    return ImportedFile(path.name, digest, refusal.format, refusal.encoding, [], [], [], {}, rejected, [])


def _bytes(path: Path, options: ReadOptions) -> bytes | Refused:
    """The file's bytes; never more than the limit is read, whatever its length says."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        return Refused("This is no regular file.")  # opening a pipe would wait for its writer
    with path.open("rb") as handle:
        data = handle.read(options.max_bytes + 1)
    if not data:
        return Refused("The file is empty. Export it again.")
    if len(data) > options.max_bytes:
        return Refused(f"The file is larger than {options.max_bytes // MIB} MiB. Export a shorter period.")
    if not data.strip(b"\x00 \t\r\n\xef\xbb\xbf"):
        return Refused("The file holds nothing but blanks. Export it again.")
    return data


def _parse(content: Content, options: ReadOptions) -> Parsed:
    format_ = content.format
    if format_ is None:
        raise Refused(_UNKNOWN)
    if format_ in _NOT_READ:
        raise Refused(_NOT_READ[format_], format_)
    match format_:
        case Format.CAMT053:
            return read_camt053(content.data)
        case Format.OFX:
            return read_ofx(content.text, options)
        case Format.NORMA43:
            return read_norma43(content.text)
    table = content.table
    if table is None:
        raise Refused(_UNKNOWN)
    if format_ is Format.QUICKBOOKS_JOURNAL:
        parsed = read_quickbooks_journal(table, options)
    elif format_ is Format.STRIPE_BALANCE:
        parsed = read_stripe_balance(table, options)
    else:
        parsed = read_bank_table(table, format_, options)
    if table.other_sheets:
        parsed.warnings.append(
            f"Only the sheet '{table.sheet}' was read; not read: {', '.join(table.other_sheets)}"
        )
    return parsed
