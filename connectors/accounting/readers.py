"""Which formats can be taken in, and what to say of the others."""

from collections.abc import Callable, Mapping

from connectors.accounting.akaunting import read_akaunting
from connectors.accounting.api_tables import read_api_table
from connectors.accounting.bank_table import read_bank_table
from connectors.accounting.camt053 import read_camt053
from connectors.accounting.contaplus import read_contaplus, read_contaplus_text
from connectors.accounting.ecb_rates import read_ecb_rates
from connectors.accounting.facturae import read_facturae
from connectors.accounting.freshbooks import read_freshbooks
from connectors.accounting.gnucash import read_gnucash
from connectors.accounting.holded import read_holded
from connectors.accounting.iif import read_iif
from connectors.accounting.invoicely import read_invoicely
from connectors.accounting.mt940 import read_mt940
from connectors.accounting.norma43 import read_norma43
from connectors.accounting.ofx import read_ofx
from connectors.accounting.paypal import read_paypal
from connectors.accounting.qif import read_qif
from connectors.accounting.quickbooks_journal import read_quickbooks_journal
from connectors.accounting.quickbooks_ledger import read_quickbooks_ledger
from connectors.accounting.quickbooks_transactions import read_quickbooks_transactions
from connectors.accounting.recognise import Content
from connectors.accounting.sage_audit_trail import read_sage_audit_trail
from connectors.accounting.shapes import Format, Parsed, ReadOptions, Refused
from connectors.accounting.stripe_balance import read_stripe_balance
from connectors.accounting.stripe_invoices import read_stripe_invoices
from connectors.accounting.stripe_payments import read_stripe_payments
from connectors.accounting.stripe_refunds import read_stripe_refunds
from connectors.accounting.stripe_subscriptions import read_stripe_subscriptions
from connectors.accounting.suenlace import read_suenlace
from connectors.accounting.tables import Table
from connectors.accounting.time_trackers import read_clockify, read_toggl
from connectors.accounting.wave import read_wave
from connectors.accounting.xero_invoices import read_xero_invoices
from connectors.accounting.xero_transactions import read_xero_transactions
from connectors.accounting.zoho import read_zoho

Reader = Callable[[Content, ReadOptions], Parsed]


def _table(content: Content) -> Table:
    if content.table is None:
        raise Refused("No table was found in the file. Export it again.")
    return content.table


def _of_table(read: Callable[[Table, ReadOptions], Parsed]) -> Reader:
    return lambda content, options: read(_table(content), options)


def _bank(format_: Format) -> Reader:
    return lambda content, options: read_bank_table(_table(content), format_, options)


def _contaplus(content: Content, options: ReadOptions) -> Parsed:
    if content.text:
        return read_contaplus_text(content.text, options)
    return read_contaplus(content.data, options)


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
    Format.STRIPE_BALANCE: lambda content, options: read_stripe_balance(_table(content), options),
    Format.STRIPE_PAYMENTS: _of_table(read_stripe_payments),
    Format.STRIPE_INVOICES: _of_table(read_stripe_invoices),
    Format.STRIPE_SUBSCRIPTIONS: _of_table(read_stripe_subscriptions),
    Format.STRIPE_REFUNDS: _of_table(read_stripe_refunds),
    Format.API_TABLE: _of_table(read_api_table),
    Format.PAYPAL: _of_table(read_paypal),
    Format.FRESHBOOKS: _of_table(read_freshbooks),
    Format.ZOHO: _of_table(read_zoho),
    Format.WAVE: _of_table(read_wave),
    Format.INVOICELY: _of_table(read_invoicely),
    Format.AKAUNTING: read_akaunting,
    Format.HOLDED: _of_table(read_holded),
    Format.CLOCKIFY: _of_table(read_clockify),
    Format.TOGGL: _of_table(read_toggl),
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
    Format.QUICKBOOKS_REPORT: f"QuickBooks report recognised, not read: {_JOURNAL_HINT}",
    Format.INVOICE_LIST: "A list of invoices was recognised, not read yet",
    Format.CAMT_OTHER: "CAMT recognised, but not a statement (CAMT.053): ask the bank for CAMT.053",
    Format.DBF: "dBase table recognised, but no journal of ContaPlus: import its DIARIO.DBF or the whole ZIP",
    Format.PDF: "PDF recognised: amounts cannot be taken from it safely; export CSV, XLSX or Norma 43",
    Format.ARCHIVE: "An archive was recognised: unpack it and import the files in it",
    Format.XML: "XML or HTML of no known accounting format",
    Format.JSON: "JSON of no known accounting format: export CSV instead",
}
