"""The sums of one FacturaE invoice, from its lines and taxes up to what is left to pay."""

import re
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from xml.etree.ElementTree import Element

from connectors.accounting.camt053 import at, children, text_of
from connectors.accounting.shapes import amount_text

_AMOUNT = re.compile(r"[+-]?\d{1,18}(?:\.\d{1,10})?", re.ASCII)
_CENT = Decimal("0.01")
_TAXED = ("TaxAmount/TotalAmount", "EquivalenceSurchargeAmount/TotalAmount")


@dataclass(slots=True)
class Checked:
    """What an invoice comes to by its own parts, and where its stated totals say otherwise."""

    net: Decimal
    total: Decimal
    paid: Decimal
    warnings: list[str] = field(default_factory=list)


def amount_at(element: Element | None, path: str) -> Decimal | None:
    """The number at a path; None where there is none or it cannot be read."""
    text = text_of(element, path)
    return Decimal(text) if _AMOUNT.fullmatch(text) else None


def sum_of(element: Element, block: str) -> Decimal | None:
    """All taxes of a TaxesOutputs or TaxesWithheld block; None where an amount of it cannot be read."""
    total = Decimal(0)
    for taxes in children(element, block):
        for tax in children(taxes, "Tax"):
            for path in _TAXED:
                amount = amount_at(tax, path)
                if amount is None:
                    if text_of(tax, path) or path == _TAXED[0]:
                        return None
                    continue
                total += amount
    return total


def disagreement(where: str, name: str, stated: Decimal | None, counted: Decimal) -> list[str]:
    """One sentence if a stated figure is not what its parts give, to the cent."""
    if stated is None or _cents(stated) == _cents(counted):
        return []
    return [f"{where}: {name} says {amount_text(stated)}, its parts give {amount_text(_cents(counted))}"]


def _cents(value: Decimal) -> Decimal:
    return value.quantize(_CENT, ROUND_HALF_UP)


def check_invoice(invoice: Element, number: int) -> Checked | str:
    """The invoice's total by its parts with each disagreement, or the reason why it is left out."""
    where = f"Invoice {text_of(invoice, 'InvoiceHeader/InvoiceNumber') or number}"
    totals = at(invoice, "InvoiceTotals")
    if totals is None:
        return f"{where} has no totals"
    unread = [e for e in totals.iter() if not list(e) and _is_garbled(e)]
    if unread:
        return f"{where}: the amount '{(unread[0].text or '').strip()[:30]}' cannot be read"
    tax, withheld = sum_of(invoice, "TaxesOutputs"), sum_of(invoice, "TaxesWithheld")
    if tax is None or withheld is None:
        return f"{where}: an amount of its taxes cannot be read"
    lines = [e for block in children(invoice, "Items") for e in children(block, "InvoiceLine")]
    warnings: list[str] = []
    gross = _lines(lines, where, warnings)
    if gross is None:
        return f"{where}: an amount of its lines cannot be read"
    stated = {name: amount_at(totals, name) for name in _STATED}
    if lines:
        warnings += disagreement(where, "TotalGrossAmount", stated["TotalGrossAmount"], gross)
    else:
        gross = stated["TotalGrossAmount"] or Decimal(0)
    discounts = _sum(totals, "GeneralDiscounts", "Discount", "DiscountAmount")
    surcharges = _sum(totals, "GeneralSurcharges", "Charge", "ChargeAmount")
    net = gross - discounts + surcharges
    total = _cents(net) + _cents(tax) - _cents(withheld)
    advance = _sum(totals, "PaymentsOnAccount", "PaymentOnAccount", "PaymentOnAccountAmount")
    subsidies = _sum(totals, "Subsidies", "Subsidy", "SubsidyAmount")
    expenses = stated["TotalReimbursableExpenses"] or Decimal(0)
    held = amount_at(totals, "AmountsWithheld/WithholdingAmount") or Decimal(0)
    outstanding = total - advance - subsidies
    for name, counted in (
        ("TotalGeneralDiscounts", discounts),
        ("TotalGeneralSurcharges", surcharges),
        ("TotalGrossAmountBeforeTaxes", net),
        ("TotalTaxOutputs", tax),
        ("TotalTaxesWithheld", withheld),
        ("InvoiceTotal", total),
        ("TotalPaymentsOnAccount", advance),
        ("TotalOutstandingAmount", outstanding),
        (
            "TotalExecutableAmount",
            outstanding - held + expenses + (stated["TotalFinancialExpenses"] or Decimal(0)),
        ),
    ):
        warnings += disagreement(where, name, stated[name], counted)
    warnings += _taxes(invoice, where)
    if expenses:
        warnings.append(
            f"{where}: {amount_text(expenses)} of expenses paid for the buyer are outside its total"
        )
    if text_of(invoice, "InvoiceHeader/Corrective/CorrectionMethod") == "01":
        old = text_of(invoice, "InvoiceHeader/Corrective/InvoiceNumber")
        warnings.append(f"{where} replaces invoice {old} as a whole; that one must not count beside it")
    return Checked(_cents(net), total, advance + subsidies, warnings)


_STATED = (
    "TotalGrossAmount",
    "TotalGeneralDiscounts",
    "TotalGeneralSurcharges",
    "TotalGrossAmountBeforeTaxes",
    "TotalTaxOutputs",
    "TotalTaxesWithheld",
    "InvoiceTotal",
    "TotalPaymentsOnAccount",
    "TotalReimbursableExpenses",
    "TotalFinancialExpenses",
    "TotalOutstandingAmount",
    "TotalExecutableAmount",
)


def _is_garbled(element: Element) -> bool:
    name = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
    text = (element.text or "").strip()
    money = name in _STATED or name.endswith("Amount")
    return bool(text) and money and not _AMOUNT.fullmatch(text)


def _sum(totals: Element, block: str, item: str, amount: str) -> Decimal:
    found = [amount_at(e, amount) for b in children(totals, block) for e in children(b, item)]
    return sum((a for a in found if a is not None), Decimal(0))


def _lines(lines: list[Element], where: str, warnings: list[str]) -> Decimal | None:
    """The sum of the lines, each recomputed from quantity, price, discounts and charges."""
    total = Decimal(0)
    for index, line in enumerate(lines, start=1):
        gross, cost = amount_at(line, "GrossAmount"), amount_at(line, "TotalCost")
        if gross is None or (cost is None and text_of(line, "TotalCost")):
            return None
        total += gross
        place = f"{where}, line {index}"
        quantity, price = amount_at(line, "Quantity"), amount_at(line, "UnitPriceWithoutTax")
        if cost is None:
            continue
        if quantity is not None and price is not None and abs(quantity * price - cost) > _CENT:
            warnings.append(
                f"{place}: TotalCost says {amount_text(cost)}, {quantity} x {price} give otherwise"
            )
        discounts = _sum(line, "DiscountsAndRebates", "Discount", "DiscountAmount")
        charges = _sum(line, "Charges", "Charge", "ChargeAmount")
        warnings += disagreement(place, "GrossAmount", gross, cost - discounts + charges)
    return total


def _taxes(invoice: Element, where: str) -> list[str]:
    """Each tax against its base and rate, to the cent."""
    found = []
    for block in ("TaxesOutputs", "TaxesWithheld"):
        for taxes in children(invoice, block):
            for tax in children(taxes, "Tax"):
                base, rate = amount_at(tax, "TaxableBase/TotalAmount"), amount_at(tax, "TaxRate")
                amount = amount_at(tax, "TaxAmount/TotalAmount")
                if base is None or rate is None or amount is None:
                    continue
                if abs(base * rate - 100 * amount) > 100 * _CENT:
                    found.append(
                        f"{where}: a tax of {rate} % on {amount_text(base)} says {amount_text(amount)}"
                    )
    return found
