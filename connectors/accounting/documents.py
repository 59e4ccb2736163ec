"""Invoices as records: what all readers of documents share."""

import hashlib
from collections.abc import Iterable
from decimal import Decimal

from connectors.accounting.shapes import Format, Record, amount_text, plain


def text_of(value: Decimal | None) -> str | None:
    """The amount as text, None as None."""
    return None if value is None else amount_text(value)


def document_key(program: str, identity: str | None, number: str, counterparty: str, day: str) -> str:
    """One identity of a document in whatever file of its program it comes.

    The program's own id where there is one, else its number and who it is made out to.
    """
    parts = (
        ("document-id", program, identity)
        if identity
        else ("document", program, number, plain(counterparty), "" if number else day)
    )
    return hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]


def document_line(
    description: str = "",
    quantity: Decimal | None = None,
    unit_price: Decimal | None = None,
    net: Decimal | None = None,
    tax: Decimal | None = None,
    account: str | None = None,
    service_from: str | None = None,
    service_to: str | None = None,
) -> Record:
    """One line of a document, as `shapes` says."""
    return {
        "description": description,
        "quantity": None if quantity is None else f"{quantity.normalize() + 0:f}",
        "unit_price": text_of(unit_price),
        "net": text_of(net),
        "tax": text_of(tax),
        "account": account or None,
        "service_from": service_from,
        "service_to": service_to,
    }


def document(
    format_: Format,
    *,
    number: str,
    counterparty: str,
    issued_on: str,
    total: Decimal,
    row: int,
    status: str,
    currency: str | None,
    kind: str | None = None,
    external_id: str | None = None,
    tax_id: str = "",
    email: str = "",
    due_on: str | None = None,
    service_from: str | None = None,
    service_to: str | None = None,
    net: Decimal | None = None,
    tax: Decimal | None = None,
    withheld: Decimal | None = None,
    paid: Decimal | None = None,
    open_: Decimal | None = None,
    paid_on: str | None = None,
    subscription_id: str = "",
    lines: Iterable[Record] = (),
) -> Record:
    """A document as `shapes` says; one with a negative total and no stated kind is a credit note."""
    program = "stripe" if format_ is Format.API_TABLE else format_.value.split("_")[0]
    return {
        "key": document_key(program, external_id, number, counterparty, issued_on),
        "format": format_.value,
        "kind": kind or ("credit_note" if total < 0 else "invoice"),
        "number": number,
        "external_id": external_id,
        "counterparty": counterparty,
        "tax_id": tax_id or None,
        "email": email or None,
        "issued_on": issued_on,
        "due_on": due_on,
        "service_from": service_from,
        "service_to": service_to,
        "currency": currency,
        "net": text_of(net),
        "tax": text_of(tax),
        "withheld": text_of(withheld),
        "total": amount_text(total),
        "paid": text_of(paid),
        "open": text_of(open_),
        "status": status,
        "paid_on": paid_on,
        "subscription_id": subscription_id or None,
        "row": row,
        "lines": list(lines),
    }
