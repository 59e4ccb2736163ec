"""FacturaE 3.2, 3.2.1 and 3.2.2, signed or not: one document per invoice, every total recomputed.

A document's `total` is net + tax - withheld, what the buyer pays by the invoice. IRPF that the buyer
withholds is tax paid in advance and no discount: it stands in `withheld`, and `net` is the revenue.
"""

import re
from collections import Counter
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from xml.etree.ElementTree import Element

from connectors.accounting.camt053 import at, children, local, read_xml, text_of
from connectors.accounting.facturae_checks import Checked, amount_at, check_invoice, disagreement, sum_of
from connectors.accounting.invoice_keys import give_invoice_keys
from connectors.accounting.numbers import CURRENCIES
from connectors.accounting.shapes import (
    Format,
    Left,
    Parsed,
    ReadOptions,
    Record,
    Refused,
    Rejected,
    amount_text,
)

_COPIES = frozenset({"CO", "CR", "CC"})
_FOUR = Decimal("0.0001")


def read_facturae(data: bytes, options: ReadOptions) -> Parsed:
    """The invoices of the file, of which copies (CO, CR, CC) are counted and left out.

    An invoice is one received where `options.account` is the buyer's tax number, else one issued. Raises
    Refused for entities, a document type, XML that does not end, and a file without invoices.
    """
    root = read_xml(data)
    parsed = Parsed()
    invoices = [e for block in children(root, "Invoices") for e in children(block, "Invoice")]
    if not invoices:
        raise Refused("The FacturaE file holds no invoice.")
    seller, buyer = at(root, "Parties/SellerParty"), at(root, "Parties/BuyerParty")
    received = _is_received(seller, buyer, options, parsed)
    copies: Counter[str] = Counter()
    copied: dict[str, Decimal] = {}
    books: list[str] = []
    clean = True
    for number, invoice in enumerate(invoices, start=1):
        found = check_invoice(invoice, number)
        if isinstance(found, str):
            parsed.rejected.append(Rejected(number, found))
            continue
        kind = text_of(invoice, "InvoiceHeader/InvoiceClass")
        record = _document(invoice, number, found, received, seller, buyer)
        if isinstance(record, str):
            parsed.rejected.append(Rejected(number, record))
            continue
        if kind in _COPIES:
            copies[kind] += 1
            currency = record["currency"] or "XXX"
            copied[currency] = copied.get(currency, Decimal(0)) + found.total
            continue
        clean = clean and not found.warnings
        parsed.warnings += found.warnings
        parsed.documents.append(record)
        books.append(tax_number(seller) or _name(seller))
    if copies:
        totals = {currency: amount_text(total) for currency, total in sorted(copied.items())}
        parsed.left.append(Left("copy of an invoice", sum(copies.values()), totals))
    batch = _check_batch(root, invoices)
    parsed.warnings += batch
    if parsed.documents and clean and not batch and not parsed.rejected:
        parsed.verified.append("stated total")
    give_invoice_keys(parsed.documents, books)
    return parsed


def _is_received(seller: Element | None, buyer: Element | None, options: ReadOptions, parsed: Parsed) -> bool:
    own = _plain_number(options.account or "")
    if own and own == _plain_number(tax_number(buyer)):
        return True
    if not own or own != _plain_number(tax_number(seller)):
        parsed.warnings.append(
            "Taken as invoices that were issued; for one received give the own tax number with --account"
        )
    return False


def _plain_number(text: str) -> str:
    return re.sub(r"[^A-Z0-9]", "", text.upper()).removeprefix("ES")


def tax_number(party: Element | None) -> str:
    """The party's tax number, as written."""
    return text_of(party, "TaxIdentification/TaxIdentificationNumber")


def _name(party: Element | None) -> str:
    company = text_of(party, "LegalEntity/CorporateName", "LegalEntity/TradeName")
    names = ("Name", "FirstSurname", "SecondSurname")
    return company or " ".join(filter(None, (text_of(party, f"Individual/{name}") for name in names)))


def _day(element: Element, *paths: str) -> str | None:
    try:
        return date.fromisoformat(text_of(element, *paths)[:10]).isoformat()
    except ValueError:
        return None


def _document(
    invoice: Element,
    number: int,
    found: Checked,
    received: bool,
    seller: Element | None,
    buyer: Element | None,
) -> Record | str:
    issued = _day(invoice, "InvoiceIssueData/IssueDate")
    series = text_of(invoice, "InvoiceHeader/InvoiceSeriesCode")
    own_number = text_of(invoice, "InvoiceHeader/InvoiceNumber")
    if issued is None:
        return f"invoice {own_number}: '{text_of(invoice, 'InvoiceIssueData/IssueDate')}' is no date"
    currency = text_of(invoice, "InvoiceIssueData/InvoiceCurrencyCode").upper()
    other = seller if received else buyer
    net, total, paid = found.net, found.total, found.paid
    withheld = sum_of(invoice, "TaxesWithheld") or Decimal(0)
    tax = sum_of(invoice, "TaxesOutputs") or Decimal(0)
    kind = "bill" if received else "invoice"
    if total < 0:
        kind = "bill_credit" if received else "credit_note"
    payments = [e for block in children(invoice, "PaymentDetails") for e in children(block, "Installment")]
    due = [day for payment in payments if (day := _day(payment, "InstallmentDueDate"))]
    still = total - paid
    status = "open" if paid == 0 else ("partial" if still else "paid")
    return {
        "key": "",
        "format": Format.FACTURAE.value,
        "kind": kind,
        "number": f"{series}-{own_number}" if series else own_number,
        "external_id": None,
        "counterparty": _name(other) or None,
        "tax_id": tax_number(other) or None,
        "email": next((e.text for e in _all(other, "ElectronicMail") if e.text), None),
        "issued_on": issued,
        "due_on": max(due, default=None),
        "service_from": _day(invoice, "InvoiceIssueData/InvoicingPeriod/StartDate"),
        "service_to": _day(invoice, "InvoiceIssueData/InvoicingPeriod/EndDate"),
        "currency": currency if currency in CURRENCIES else None,
        "net": _money(net),
        "tax": _money(tax),
        "withheld": _money(withheld),
        "total": _money(total),
        "paid": _money(paid),
        "open": _money(still),
        "status": status if total else "paid",
        "paid_on": None,
        "subscription_id": None,
        "row": number,
        "lines": [_line(e) for block in children(invoice, "Items") for e in children(block, "InvoiceLine")],
    }


def _all(party: Element | None, name: str) -> list[Element]:
    return [e for e in party.iter() if local(e) == name] if party is not None else []


def _money(value: Decimal) -> str:
    return amount_text(value.quantize(_FOUR, ROUND_HALF_UP).normalize())


def _line(line: Element) -> dict[str, str | None]:
    has_tax = at(line, "TaxesOutputs/Tax") is not None
    tax = sum_of(line, "TaxesOutputs") if has_tax else None
    gross = amount_at(line, "GrossAmount")
    price = amount_at(line, "UnitPriceWithoutTax")
    return {
        "description": " ".join(text_of(line, "ItemDescription").split()),
        "quantity": text_of(line, "Quantity") or None,
        "unit_price": None if price is None else _money(price),
        "net": None if gross is None else _money(gross),
        "tax": None if tax is None else _money(tax),
        "account": None,
        "service_from": _day(line, "LineItemPeriod/StartDate"),
        "service_to": _day(line, "LineItemPeriod/EndDate"),
    }


def _check_batch(root: Element, invoices: list[Element]) -> list[str]:
    """What the header of the file says of all its invoices, copies among them."""
    batch = at(root, "FileHeader/Batch")
    if batch is None:
        return []
    found = []
    stated = text_of(batch, "InvoicesCount")
    if stated and stated != str(len(invoices)):
        found.append(f"The file's header says {stated} invoices, it holds {len(invoices)}")
    for name, path in (
        ("TotalInvoicesAmount", "InvoiceTotals/InvoiceTotal"),
        ("TotalOutstandingAmount", "InvoiceTotals/TotalOutstandingAmount"),
        ("TotalExecutableAmount", "InvoiceTotals/TotalExecutableAmount"),
    ):
        amounts = [amount_at(invoice, path) for invoice in invoices]
        known = sum((a for a in amounts if a is not None), Decimal(0))
        found += disagreement("The file's header", name, amount_at(batch, f"{name}/TotalAmount"), known)
    return found
