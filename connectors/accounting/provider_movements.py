"""Movements of payment providers: what their readers share."""

from decimal import Decimal

from connectors.accounting.documents import text_of
from connectors.accounting.shapes import Format, Record, amount_text

# Stripe writes amounts of these currencies without decimals. ISK and UGX have none either, but Stripe keeps
# writing them with two, so they are not listed.
WITHOUT_DECIMALS = frozenset(
    ["BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF"]
)
WITH_THREE = frozenset(["BHD", "JOD", "KWD", "OMR", "TND"])


def from_minor_units(amount: Decimal, currency: str) -> Decimal:
    """An amount of the API, which counts in the currency's smallest unit, as money."""
    if currency in WITHOUT_DECIMALS:
        return amount
    return amount.scaleb(-3 if currency in WITH_THREE else -2)


def provider_movement(
    format_: Format,
    account: str,
    *,
    day: str,
    amount: Decimal,
    currency: str | None,
    row: int,
    text: str,
    bank_id: str | None = None,
    category: str | None = None,
    gross: Decimal | None = None,
    fee: Decimal | None = None,
    balance: Decimal | None = None,
    value_date: str | None = None,
) -> Record:
    """A movement as `shapes` says; its key is the provider's own id, else left to `give_movement_keys`."""
    return {
        "key": f"{account}:{bank_id}" if bank_id else "",
        "format": format_.value,
        "account": account,
        "currency": currency,
        "date": day,
        "value_date": value_date,
        "amount": amount_text(amount),
        "text": text,
        "balance": text_of(balance),
        "bank_id": bank_id,
        "category": category,
        "gross": text_of(gross),
        "fee": text_of(fee),
        "row": row,
    }


def joined(*parts: str) -> str:
    """The filled parts, each once, as one text."""
    found: list[str] = []
    for part in parts:
        short = " ".join(part.split())
        if short and short not in found:
            found.append(short)
    return " · ".join(found)
