"""Which formats can be taken in, and what to say of the others."""

from collections.abc import Callable, Mapping

from connectors.accounting.api_table import read_api_table
from connectors.accounting.bank_table import read_bank_table
from connectors.accounting.camt053 import read_camt053
from connectors.accounting.iif import read_iif
from connectors.accounting.norma43 import read_norma43
from connectors.accounting.ofx import read_ofx
from connectors.accounting.quickbooks_journal import read_quickbooks_journal
from connectors.accounting.quickbooks_ledger import read_quickbooks_ledger
from connectors.accounting.quickbooks_transactions import read_quickbooks_transactions
from connectors.accounting.recognise import Content
from connectors.accounting.sage_audit_trail import read_sage_audit_trail
from connectors.accounting.shapes import Format, Parsed, ReadOptions, Refused
from connectors.accounting.stripe_balance import read_stripe_balance
from connectors.accounting.tables import Table
from connectors.accounting.xero_invoices import read_xero_invoices
from connectors.accounting.xero_transactions import read_xero_transactions

Reader = Callable[[Content, ReadOptions], Parsed]


def _table(content: Content) -> Table:
    if content.table is None:
        raise Refused("No table was found in the file. Export it again.")
    return content.table


def _bank(format_: Format) -> Reader:
    return lambda content, options: read_bank_table(_table(content), format_, options)


READERS: Mapping[Format, Reader] = {
    Format.QUICKBOOKS_JOURNAL: lambda content, options: read_quickbooks_journal(_table(content), options),
    Format.QUICKBOOKS_LEDGER: lambda content, options: read_quickbooks_ledger(_table(content), options),
    Format.QUICKBOOKS_TRANSACTIONS: lambda content, options: read_quickbooks_transactions(
        _table(content), options
    ),
    Format.QUICKBOOKS_IIF: lambda content, options: read_iif(content.text, options),
    Format.XERO_INVOICES: lambda content, options: read_xero_invoices(_table(content), options),
    Format.XERO_TRANSACTIONS: lambda content, options: read_xero_transactions(_table(content), options),
    Format.SAGE_AUDIT_TRAIL: lambda content, options: read_sage_audit_trail(_table(content), options),
    Format.API_TABLE: lambda content, options: read_api_table(_table(content), options),
    Format.STRIPE_BALANCE: lambda content, options: read_stripe_balance(_table(content), options),
    Format.BANK_CSV: _bank(Format.BANK_CSV),
    Format.BANK_XLSX: _bank(Format.BANK_XLSX),
    Format.BANK_XLS: _bank(Format.BANK_XLS),
    Format.BANK_ODS: _bank(Format.BANK_ODS),
    Format.BANK_HTML: _bank(Format.BANK_HTML),
    Format.NORMA43: lambda content, _: read_norma43(content.text),
    Format.OFX: lambda content, options: read_ofx(content.text, options),
    Format.CAMT053: lambda content, _: read_camt053(content.data),
}

_JOURNAL_HINT = (
    "export the Journal report (Reports > Journal) instead, which holds both sides of every transaction"
)
NOT_READ: Mapping[Format, str] = {
    Format.QUICKBOOKS_REPORT: f"QuickBooks report recognised, not read: {_JOURNAL_HINT}",
    Format.STRIPE_PAYMENTS: "Stripe payments export recognised, not read yet: export 'Balance change from "
    "activity' (itemised) instead",
    Format.HOLDED: "Holded export recognised, not read yet",
    Format.INVOICE_LIST: "A list of invoices was recognised, not read yet",
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
