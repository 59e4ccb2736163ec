"""What kind of file this is, told by its content and never by its name."""

import io
import re
import struct
import zipfile
import zlib
from dataclasses import dataclass, field

from connectors.accounting import ecb_rates, quickbooks_journal, stripe_balance
from connectors.accounting.bank_table import is_bank_table
from connectors.accounting.contaplus import is_contaplus, is_contaplus_text
from connectors.accounting.dbf import field_names
from connectors.accounting.encoding import decode
from connectors.accounting.norma43 import FIRST_LINE
from connectors.accounting.shapes import Format, ReadOptions, Refused, plain
from connectors.accounting.tables import Row, Table, read_delimited, read_html, read_workbook

_IIF = re.compile(
    r'\s*"?!(?:TRNS|SPL|HDR|ACCNT|CUST|VEND|CLASS|INVITEM|TODO|VTYPE|EMP|BUD|TERMS|CTYPE|OTHERNAME)\b'
)
_QIF = re.compile(r"^!(?:Type|Account|Option|Clear)\b", re.MULTILINE | re.IGNORECASE)
_MT940 = re.compile(r"^(?:\{4:\s*)?:20:", re.MULTILINE)
_MT940_BODY = re.compile(r"^:(?:25|28C?|60[FM]|61|62[FM]|34F|13D?):", re.MULTILINE)
_GNUCASH = b"gnc"
_ROOT = re.compile(r"<(?![?!])(?:[\w.-]+:)?([\w.-]+)")
_BOOK_WORDS = """
    bill | bill payment | bill payment check | bill payment credit card | cash expense | check | cheque
    | credit card credit | credit card expense | credit memo | deposit | estimate | expense |
    general journal | inventory qty adjust | invoice | journal entry | payment | payroll check |
    purchase order | refund | sales receipt | transfer | vendor credit
"""
BOOK_WORDS = frozenset(" ".join(word.split()) for word in _BOOK_WORDS.split("|"))

_REPORT_COLUMNS = frozenset(
    {
        "split",
        "item split account",
        "account full name",
        "posting",
        "posting y n",
        "past due",
        "open balance",
    }
)


@dataclass(slots=True)
class Content:
    """A file's bytes with what was found out on the way to its format."""

    data: bytes
    format: Format | None = None
    encoding: str | None = None
    text: str = ""
    table: Table | None = None
    tables: list[Table] = field(default_factory=list)


def recognise(data: bytes, options: ReadOptions) -> Content:
    """The format of these bytes, with the decoded text or table that a reader goes on with.

    `format` is None when nothing known was found. Raises Refused for files that are damaged or half-written.
    """
    content = Content(data)
    content.format = _by_magic(data)
    if content.format is not None:
        return content
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        _recognise_workbook(content, options)
        return content
    head = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if head.startswith(b"<") or b"OFXHEADER" in head[:200].upper():
        _recognise_markup(content, options)
        if content.format is not None:
            return content
    first = data[:1000].decode("latin-1").lstrip("\r\n").partition("\n")[0]
    in_dos = is_contaplus_text(first)  # its columns count from the line's start, blanks and all
    content.text, content.encoding = decode(
        data, "cp850" if in_dos or FIRST_LINE.match(head.decode("latin-1")) else None
    )
    content.format = Format.CONTAPLUS if in_dos else _by_text(content.text)
    if content.format is not None:
        return content
    try:
        content.table = read_delimited(content.text, options)
    except Refused as refusal:
        refusal.encoding = content.encoding
        raise
    content.format = _by_table(content.table, Format.BANK_CSV)
    return content


def _by_magic(data: bytes) -> Format | None:
    if data.startswith(b"SQLite format 3\x00"):
        return Format.GNUCASH
    if data.startswith(b"%PDF"):
        return Format.PDF
    if data.startswith(b"\x1f\x8b"):
        return Format.GNUCASH if _GNUCASH in _gzip_head(data) else Format.ARCHIVE
    if data.startswith((b"7z\xbc\xaf", b"Rar!", b"PK\x05\x06")):
        return Format.ARCHIVE
    if not is_dbf(data):
        return None
    return Format.CONTAPLUS if is_contaplus(field_names(data)) else Format.DBF


def _gzip_head(data: bytes) -> bytes:
    try:
        return zlib.decompressobj(wbits=31).decompress(data[:8192], 4096)
    except zlib.error:
        return b""


def is_dbf(data: bytes) -> bool:
    """True for a dBase table."""
    if len(data) < 33 or data[0] not in {0x02, 0x03, 0x30, 0x31, 0x43, 0x83, 0x8B, 0xF5}:
        return False
    month, day = data[2], data[3]
    header, record = struct.unpack_from("<HH", data, 8)
    return month <= 12 and day <= 31 and header >= 33 and (header - 1) % 32 in {0, 8} and 0 < record < 65_000


def is_archive(data: bytes) -> bool:
    """True for a ZIP or gzip file that is neither a workbook nor a book of GnuCash."""
    if data.startswith(b"\x1f\x8b"):
        return _GNUCASH not in _gzip_head(data)
    if not data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return False
    try:
        return not _is_workbook(_names(data))
    except Refused:
        return False


def _names(data: bytes) -> set[str]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise Refused("The workbook or archive is cut off or damaged. Export or copy it again.") from error


def _is_workbook(names: set[str]) -> bool:
    return "content.xml" in names or any(name.startswith("xl/") for name in names)


def _recognise_workbook(content: Content, options: ReadOptions) -> None:
    names: set[str] = set()
    format_ = Format.BANK_XLS
    if content.data.startswith(b"PK"):
        names = _names(content.data)
        if "content.xml" in names:
            format_ = Format.BANK_ODS
        elif any(name.startswith("xl/") for name in names):
            format_ = Format.BANK_XLSX
        else:
            content.format = Format.ARCHIVE
            return
    content.tables = read_workbook(content.data, options)
    for table in content.tables:
        found = _by_table(table, format_)
        if found is not None:
            content.table, content.format = table, found
            return


def _recognise_markup(content: Content, options: ReadOptions) -> None:
    content.text, content.encoding = decode(content.data, _named_code_page(content.data))
    text = content.text
    upper = text[:4000].upper()
    if "OFXHEADER" in upper or re.search(r"<OFX\s*>", upper):
        content.format = Format.OFX
        return
    if not text.lstrip("\ufeff \t\r\n").startswith("<"):
        return
    if re.search(r"<\s*(?:html|table|!doctype html)", text[:4000], re.IGNORECASE):
        content.table = read_html(text, options)
        content.format = _by_table(content.table, Format.BANK_HTML) or Format.XML
        return
    root = _ROOT.search(text)
    name = root[1].casefold() if root else ""
    head = text[:4000]
    if "camt.053" in head or "BkToCstmrStmt" in head:
        content.format = Format.CAMT053
    elif "camt.05" in head or "BkToCstmr" in head:
        content.format = Format.CAMT_OTHER
    elif name == "facturae" or "facturae" in head[:1000].casefold():
        content.format = Format.FACTURAE
    elif "gnc-v2" in head or "gnucash" in head.casefold():
        content.format = Format.GNUCASH
    else:
        content.format = Format.XML


def _named_code_page(data: bytes) -> str | None:
    """The code page that an OFX header or XML declaration names, for bytes that are not UTF-8."""
    head = data[:1000].decode("latin-1")
    match = re.search(r"CHARSET:\s*(\d{3,4})", head) or re.search(
        r"encoding=[\"'](?:windows-|cp)(\d{3,4})", head, re.IGNORECASE
    )
    if match:
        return f"cp{match[1]}"
    match = re.search(r"encoding=[\"'](iso-8859-\d{1,2})[\"']", head, re.IGNORECASE)
    return match[1].lower() if match and match[1].lower() != "iso-8859-1" else None


def _by_text(text: str) -> Format | None:
    head = text[:8000].lstrip("\ufeff\r\n\t ")
    first = head.splitlines()[0] if head else ""
    if FIRST_LINE.match(first) or (
        first.startswith("00") and re.search(r"^" + FIRST_LINE.pattern, head, re.MULTILINE)
    ):
        return Format.NORMA43
    if _MT940.search(head) and _MT940_BODY.search(head):
        return Format.MT940
    if any(_IIF.match(line) for line in head.splitlines()[:5]):
        return Format.QUICKBOOKS_IIF
    if _QIF.search(head):
        return Format.QIF
    if len(first) > 200 and re.match(r"[345]\d{13}[0-9A-Z]", first):
        return Format.SUENLACE
    if ecb_rates.HEADER.match(first):
        return Format.ECB_RATES
    if head.startswith(("{", "[")):
        return Format.JSON
    return None


def _by_table(table: Table, bank: Format) -> Format | None:
    rows = table.rows
    if not rows:
        return None
    for row in rows[:12]:
        named = _by_header(row)
        if named is not None:
            return named
    if quickbooks_journal.find_columns(table) is not None:
        return Format.QUICKBOOKS_JOURNAL
    if _is_book_report(rows):
        return Format.QUICKBOOKS_REPORT
    return bank if is_bank_table(table) else None


def _by_header(row: Row) -> Format | None:
    """The program that a header row gives away, if any."""
    if stripe_balance.columns_of(row) is not None:
        return Format.STRIPE_BALANCE
    names = {plain(text.replace("_", " ")) for text in row.filled()}
    raw = {text.strip() for text in row.filled()}

    def has(*wanted: str) -> bool:
        return names.issuperset(wanted)

    if {"_fivetran_synced"} & raw or {"_airbyte_extracted_at"} & raw:
        return Format.API_TABLE
    if (
        has("amount", "currency", "converted amount")
        or has("amount refunded", "captured")
        or has("card issue country")
    ):
        return Format.STRIPE_PAYMENTS
    if {"ContactName", "*ContactName"} & raw and {"InvoiceNumber", "*InvoiceNumber"} & raw:
        return Format.XERO_INVOICES
    if has("source", "reference", "running balance", "account code") or has(
        "date", "source", "debit", "credit", "gross"
    ):
        return Format.XERO_TRANSACTIONS
    if has("account reference", "nominal a c ref") or has("nominal a c ref", "net amount", "tax code"):
        return Format.SAGE_AUDIT_TRAIL
    if has("num factura", "nombre del contacto") or has("numero de factura", "nombre del contacto"):
        return Format.HOLDED
    if has("invoice", "client name", "line total") or has("invoice id", "invoice number", "customer name"):
        return Format.INVOICE_LIST
    if names & {"invoice number", "invoice no", "num factura"} and names & {
        "due date",
        "fecha de vencimiento",
    }:
        return Format.INVOICE_LIST
    if names & {"transaction type", "tipo de transaccion"} and names & _REPORT_COLUMNS:
        journal = {"debit", "credit"} <= names and names & {"account", "account name", "account full name"}
        return None if journal else Format.QUICKBOOKS_REPORT
    return None


def _is_book_report(rows: list[Row]) -> bool:
    """True for a list of book transactions: types such as Bill or Invoice beside account names.

    Its amounts carry the sign natural to each account and must never be added up as a bank's are.
    """
    for index, row in enumerate(rows[:12]):
        names = [plain(row.text(i)) for i in range(len(row.cells))]
        kind = next((i for i, name in enumerate(names) if name in {"type", "transaction type"}), None)
        if kind is None or not any("account" in name or name == "split" for name in names):
            continue
        below = [plain(r.text(kind)) for r in rows[index + 1 : index + 200] if r.text(kind)]
        if below and sum(word in BOOK_WORDS for word in below) >= 0.8 * len(below):
            return True
    return False
