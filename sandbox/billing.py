"""What clients owe and how they pay it: invoices, card charges, transfers, late payers, credit notes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from random import Random

from sandbox.books import BANK, CLEARING, FEES, RECEIVABLE, REVENUE, VAT_OUT, Books, next_working_day
from sandbox.company import VAT_RATE, cents, instant, local
from sandbox.contracts import Subscription, renewals
from sandbox.sales import Client

CARD_SHARE = 0.78
CARD_FEE_RATE, CARD_FEE_FIXED = Decimal("0.015"), Decimal("0.25")
INTERVAL_NAMES = {"week": "semana", "month": "mes", "quarter": "trimestre", "year": "año"}


@dataclass(frozen=True, slots=True)
class Invoice:
    """What one billing date asks for, before and with tax."""

    number: str
    base: Decimal
    tax: Decimal

    @property
    def total(self) -> Decimal:
        """The amount to pay."""
        return self.base + self.tax


class Billing:
    """Plans every billing date of the subscriptions on the books."""

    def __init__(self, seed: int, books: Books, clients: Mapping[str, Client]) -> None:
        self._seed = seed
        self._books = books
        self._clients = clients
        self._numbers: dict[int, int] = {}

    def plan(self, subscriptions: Sequence[Subscription], until: datetime) -> None:
        """Plan an invoice at the start of every interval in which the subscription is active."""
        dates = [
            (moment, subscription)
            for subscription in subscriptions
            for moment in renewals(subscription.start, subscription.offer.interval, until)
            if subscription.active_at(moment)
        ]
        for moment, subscription in sorted(dates, key=lambda pair: (pair[0], pair[1].deal)):
            self._books.plan(moment, lambda subscription=subscription: self._bill(subscription))  # type: ignore[misc]

    def _bill(self, subscription: Subscription) -> None:
        books = self._books
        client = self._clients[subscription.company]
        issued = local(books.now)
        number = self._numbers[issued.year] = self._numbers.get(issued.year, 0) + 1
        base = subscription.offer.amount
        invoice = Invoice(f"F{issued.year}-{number:05d}", base, cents(base * VAT_RATE))
        plan = f"Plan {subscription.offer.plan}, {INTERVAL_NAMES[subscription.offer.interval]}"
        books.post(
            "Invoice",
            invoice.number,
            client.name,
            plan,
            [(RECEIVABLE, invoice.total), (REVENUE, -invoice.base), (VAT_OUT, -invoice.tax)],
        )
        dice = Random(f"{self._seed}/invoice/{subscription.deal}/{books.now.isoformat()}")
        by_card = Random(f"{self._seed}/card/{client.company}").random() < CARD_SHARE
        # Those who pay by the year like to be invoiced and to pay by transfer.
        if by_card and not (subscription.offer.interval == "year" and dice.random() < 0.5):
            self._pay_by_card(dice, client, invoice, plan)
        else:
            self._pay_by_transfer(dice, client, invoice)

    def _pay_by_card(self, dice: Random, client: Client, invoice: Invoice, plan: str) -> None:
        books = self._books
        if dice.random() < 0.006:
            return  # the card is refused again and again: the invoice stays open
        wait = timedelta(seconds=dice.randrange(120, 9000))
        if dice.random() < 0.04:
            wait += timedelta(days=dice.randrange(3, 8))

        def charged() -> None:
            fee = cents(invoice.total * CARD_FEE_RATE) + CARD_FEE_FIXED
            books.charge("charge", invoice.total, fee, f"Invoice {invoice.number}: {plan}")
            books.post(
                "Payment",
                invoice.number,
                client.name,
                f"Tarjeta, factura {invoice.number}",
                [(CLEARING, invoice.total - fee), (FEES, fee), (RECEIVABLE, -invoice.total)],
            )
            if dice.random() < 0.008:
                books.plan(books.now + timedelta(days=dice.randrange(2, 12)), refunded)

        def refunded() -> None:
            share = Decimal(dice.choice((25, 50, 100))) / 100
            base = cents(invoice.base * share)
            tax = cents(base * VAT_RATE)
            if not books.charge("refund", -(base + tax), Decimal("0.00"), f"REFUND FOR {invoice.number}"):
                return
            books.post(
                "Credit Memo",
                f"R-{invoice.number}",
                client.name,
                f"Abono de {invoice.number}",
                [(REVENUE, base), (VAT_OUT, tax), (RECEIVABLE, -(base + tax))],
            )
            books.post(
                "Refund",
                f"R-{invoice.number}",
                client.name,
                f"Devolución de {invoice.number}",
                [(RECEIVABLE, base + tax), (CLEARING, -(base + tax))],
            )

        books.plan(books.now + wait, charged)

    def _pay_by_transfer(self, dice: Random, client: Client, invoice: Invoice) -> None:
        books = self._books
        if dice.random() < 0.015:
            return  # never paid; it stays in receivables
        days = int(min(75.0, 2 + dice.lognormvariate(2.3, 0.7)))
        day = next_working_day(local(books.now).date() + timedelta(days=days))
        at = instant(day, time(dice.randrange(8, 18), dice.randrange(60), dice.randrange(60)))
        # Some clients tell the invoice's number, others make the bookkeeper search.
        reference = invoice.number if dice.random() < 0.7 else ""

        def paid() -> None:
            books.post(
                "Payment",
                invoice.number,
                client.name,
                f"Transferencia, factura {invoice.number}",
                [(BANK["main"], invoice.total), (RECEIVABLE, -invoice.total)],
            )
            books.bank("main", invoice.total, f"TRANSF. DE {client.name.upper()} {reference}".rstrip())

        books.plan(at, paid)
