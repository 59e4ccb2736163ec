"""Which formats can be taken in, and what to say of the others."""

from collections.abc import Callable, Mapping

from connectors.accounting.bank_table import read_bank_table
from connectors.accounting.camt053 import read_camt053
from connectors.accounting.contaplus import read_contaplus, read_contaplus_text
from connectors.accounting.ecb_rates import read_ecb_rates
from connectors.accounting.facturae import read_facturae
from connectors.accounting.gnucash import read_gnucash
from connectors.accounting.mt940 import read_mt940
from connectors.accounting.norma43 import read_norma43
from connectors.accounting.ofx import read_ofx
from connectors.accounting.qif import read_qif
from connectors.accounting.quickbooks_journal import read_quickbooks_journal
from connectors.accounting.recognise import Content
from connectors.accounting.shapes import Format, Parsed, ReadOptions, Refused
from connectors.accounting.stripe_balance import read_stripe_balance
from connectors.accounting.suenlace import read_suenlace
from connectors.accounting.tables import Table

Reader = Callable[[Content, ReadOptions], Parsed]


def _table(content: Content) -> Table:
    if content.table is None:
        raise Refused("No table was found in the file. Export it again.")
    return content.table


def _bank(format_: Format) -> Reader:
    return lambda content, options: read_bank_table(_table(content), format_, options)


def _contaplus(content: Content, options: ReadOptions) -> Parsed:
    if content.text:
        return read_contaplus_text(content.text, options)
    return read_contaplus(content.data, options)


READERS: Mapping[Format, Reader] = {
    Format.QUICKBOOKS_JOURNAL: lambda content, options: read_quickbooks_journal(_table(content), options),
    Format.STRIPE_BALANCE: lambda content, options: read_stripe_balance(_table(content), options),
    Format.BANK_CSV: _bank(Format.BANK_CSV),
    Format.BANK_XLSX: _bank(Format.BANK_XLSX),
    Format.BANK_XLS: _bank(Format.BANK_XLS),
    Format.BANK_ODS: _bank(Format.BANK_ODS),
    Format.BANK_HTML: _bank(Format.BANK_HTML),
    Format.NORMA43: lambda content, _: read_norma43(content.text),
    Format.OFX: lambda content, options: read_ofx(content.text, options),
    Format.CAMT053: lambda content, _: read_camt053(content.data),
    Format.MT940: lambda content, options: read_mt940(content.text, options),
    Format.QIF: lambda content, options: read_qif(content.text, options),
    Format.GNUCASH: lambda content, options: read_gnucash(content.data, options),
    Format.FACTURAE: lambda content, options: read_facturae(content.data, options),
    Format.CONTAPLUS: _contaplus,
    Format.SUENLACE: lambda content, options: read_suenlace(content.text, options),
    Format.ECB_RATES: lambda content, options: read_ecb_rates(content.text, options),
}

_JOURNAL_HINT = (
    "export the Journal report (Reports > Journal) instead, which holds both sides of every transaction"
)
NOT_READ: Mapping[Format, str] = {
    Format.QUICKBOOKS_REPORT: f"QuickBooks report or transaction list recognised, not read: {_JOURNAL_HINT}",
    Format.QUICKBOOKS_IIF: "QuickBooks Desktop IIF recognised, not read yet: export the Journal report",
    Format.STRIPE_PAYMENTS: "Stripe payments export recognised, not read yet: export 'Balance change from "
    "activity' (itemised) instead",
    Format.XERO_INVOICES: "Xero export recognised, not read yet",
    Format.XERO_TRANSACTIONS: "Xero export recognised, not read yet",
    Format.SAGE_AUDIT_TRAIL: "Sage export recognised, not read yet",
    Format.HOLDED: "Holded export recognised, not read yet",
    Format.INVOICE_LIST: "A list of invoices was recognised, not read yet",
    Format.API_TABLE: "A dump of an API table was recognised, not read: import the program's own export",
    Format.CAMT_OTHER: "CAMT recognised, but not a statement (CAMT.053): ask the bank for CAMT.053",
    Format.DBF: "dBase table recognised, but no journal of ContaPlus: import its DIARIO.DBF or the whole ZIP",
    Format.PDF: "PDF recognised: amounts cannot be taken from it safely; export CSV, XLSX or Norma 43",
    Format.ARCHIVE: "An archive was recognised: unpack it and import the files in it",
    Format.XML: "XML or HTML of no known accounting format",
    Format.JSON: "JSON of no known accounting format: export CSV instead",
}
