"""Header rows that give a program away: payment providers, invoicing apps and time trackers."""

from connectors.accounting import stripe_invoices, stripe_refunds, stripe_subscriptions
from connectors.accounting.program_table import columns_in, names_of
from connectors.accounting.shapes import Format
from connectors.accounting.tables import Row

# A format's header has all columns of one of these sets.
_SIGNATURES: tuple[tuple[Format, frozenset[str]], ...] = tuple(
    (format_, frozenset(column.strip() for column in columns.split("|")))
    for format_, columns in (
        (Format.WAVE, "transaction id | account name | debit amount two column approach"),
        (Format.WAVE, "transaction id | transaction date | account name | amount one column"),
        (Format.WAVE, "transaction id | transaction date | account name | debit amount | credit amount"),
        (Format.FRESHBOOKS, "client name | invoice | date issued | line total"),
        (
            Format.ZOHO,
            "invoice date | invoice id | invoice number | invoice status | customer name | item total",
        ),
        (Format.INVOICELY, "date | due | details | client | status | total"),
        (Format.AKAUNTING, "invoice number | invoiced at | due at | amount"),
        (Format.AKAUNTING, "bill number | billed at | due at | amount"),
        (Format.HOLDED, "nombre del contacto | precio unidad | unidades"),
        (Format.HOLDED, "num factura | nombre del contacto"),
        (Format.CLOCKIFY, "project | client | user | start date | duration h"),
        (Format.CLOCKIFY, "project | client | start date | duration decimal"),
        (Format.TOGGL, "user | client | project | start date | duration"),
        (Format.TOGGL, "member | client | project | start date | duration"),
        (Format.PAYPAL, "date | time | gross | fee | net | transaction id"),
        (Format.PAYPAL, "datum | uhrzeit | brutto | netto | transaktionscode"),
        (Format.PAYPAL, "fecha | hora | bruto | neto | id de transaccion"),
    )
)


def program_of(row: Row) -> Format | None:
    """The program whose export has this header row, or None."""
    names = frozenset(names_of(row))
    for format_, columns in _SIGNATURES:
        if names >= columns:
            return format_
    for format_, module in (
        (Format.STRIPE_INVOICES, stripe_invoices),
        (Format.STRIPE_SUBSCRIPTIONS, stripe_subscriptions),
        (Format.STRIPE_REFUNDS, stripe_refunds),
    ):
        if columns_in(row, module.COLUMNS).keys() >= set(module.NEEDED) and _is_stripe(names):
            return format_
    return None


def _is_stripe(names: frozenset[str]) -> bool:
    """Stripe names its moments "(UTC)" and its invoices' customers by name and id."""
    return "id" in names and any(name.endswith(" utc") for name in names)
