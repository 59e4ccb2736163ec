"""The bookkeeper's desk: balances, and the events that bookings, bank lines and card charges leave behind."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from heapq import heappop, heappush

from sandbox.company import is_working_day, local
from sandbox.events import BankMoved, Event, JournalEntry, StripeMoved

ZERO = Decimal("0.00")
Line = tuple[str, Decimal]  # account, and the amount debited (credited when negative)

BANK = {"main": "572 Bank main", "savings": "572 Bank savings"}
RECEIVABLE, PAYABLE, CLEARING = "430 Accounts receivable", "400 Accounts payable", "555 Stripe clearing"
VAT_IN, VAT_OUT, TAX = "472 VAT input", "477 VAT output", "475 Tax payable"
REVENUE, FEES = "700 Service revenue", "626 Payment fees"


def next_working_day(day: date) -> date:
    """The day itself, or the first working day after it."""
    while not is_working_day(day):
        day += timedelta(days=1)
    return day


@dataclass(slots=True)
class _Payout:
    net: Decimal = ZERO
    count: int = 0


class Books:
    """Does what is planned in the order of time, and keeps every balance.

    A plan is (instant, action); an action may plan more at or after its own instant. Events come out sorted.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.balance: dict[str, Decimal] = {}
        self.now = datetime.min.replace(tzinfo=UTC)
        self._plans: list[tuple[datetime, int, Callable[[], None]]] = []
        self._planned = 0
        self._entries = 0
        self._stripe = 0
        self._payouts: dict[date, _Payout] = {}

    def plan(self, at: datetime, action: Callable[[], None]) -> None:
        """Have `action` done at that instant; equal instants are done in the order of planning."""
        self._planned += 1
        heappush(self._plans, (at, self._planned, action))

    def run(self, until: datetime) -> list[Event]:
        """Do everything planned up to `until`; returns the events, sorted by time."""
        while self._plans and self._plans[0][0] <= until:
            self.now, _, action = heappop(self._plans)
            action()
        return self.events

    def of(self, account: str) -> Decimal:
        """The account's balance: debits minus credits so far."""
        return self.balance.get(account, ZERO)

    def post(
        self, kind: str, document: str, name: str, memo: str, lines: list[Line], *, day: date | None = None
    ) -> None:
        """Book an entry now, dated `day` (default today). Raises AssertionError when it does not balance."""
        used = [(account, amount) for account, amount in lines if amount]
        if sum((amount for _, amount in used), ZERO) != ZERO:
            raise AssertionError(f"{kind} {document} does not balance")
        if not used:
            return
        self._entries += 1
        for account, amount in used:
            self.balance[account] = self.of(account) + amount
        self.events.append(
            JournalEntry(
                at=self.now,
                number=self._entries,
                day=day or local(self.now).date(),
                kind=kind,
                document=document,
                name=name,
                memo=memo,
                lines=tuple((account, max(amount, ZERO), max(-amount, ZERO)) for account, amount in used),
            )
        )

    def bank(self, account: str, amount: Decimal, text: str, value_day: date | None = None) -> None:
        """A line on the bank statement, now. Book its entry first: the balance comes from the books."""
        day = local(self.now).date()
        self.events.append(
            BankMoved(
                at=self.now,
                account=account,
                day=day,
                value_day=value_day or day,
                text=text,
                amount=amount,
                balance=self.of(BANK[account]),
            )
        )

    def pay(self, kind: str, document: str, name: str, text: str, lines: list[Line]) -> None:
        """Book a movement of the main account together with its bank line; `lines` are the other side."""
        total = sum((amount for _, amount in lines), ZERO)
        self.post(kind, document, name, text, [*lines, (BANK["main"], -total)])
        self.bank("main", -total, text)

    def charge(self, category: str, gross: Decimal, fee: Decimal, description: str) -> bool:
        """A Stripe balance transaction, now; False when a refund finds too little in the coming payout."""
        monday = payout_day(self.now)
        basket = self._payouts.setdefault(monday, _Payout())
        if gross < 0 and basket.net + gross <= 0:
            return False
        if not basket.count:
            self.plan(datetime.combine(monday, time(3), tzinfo=UTC), self._pay_out)
        basket.net += gross - fee
        basket.count += 1
        self._stripe_event(category, gross, fee, description, f"po_{_token('po', monday.toordinal())}")
        return True

    def _pay_out(self) -> None:
        monday = self.now.date()
        amount = self._payouts.pop(monday).net
        payout = f"po_{_token('po', monday.toordinal())}"
        self._stripe_event("payout", -amount, ZERO, "STRIPE PAYOUT", payout)
        arrival = next_working_day(monday + timedelta(days=1))

        def arrive() -> None:
            self.post(
                "Deposit",
                "",
                "Stripe",
                f"Stripe payout {payout}",
                [(BANK["main"], amount), (CLEARING, -amount)],
            )
            self.bank("main", amount, f"TRANSF. STRIPE TECHNOLOGY EUROPE {payout.upper()}")

        self.plan(self.now + (arrival - monday), arrive)

    def _stripe_event(
        self, category: str, gross: Decimal, fee: Decimal, description: str, payout: str
    ) -> None:
        self._stripe += 1
        self.events.append(
            StripeMoved(
                at=self.now,
                transaction=f"txn_{_token('txn', self._stripe)}",
                category=category,
                gross=gross,
                fee=fee,
                description=description,
                payout=payout,
            )
        )


def payout_day(at: datetime) -> date:
    """The Monday (UTC) on which Stripe pays out what it took in then: the first at least three days later."""
    day = at.date() + timedelta(days=3)
    return day + timedelta(days=(-day.weekday()) % 7)


def _token(prefix: str, number: int) -> str:
    return "1" + sha256(f"{prefix}/{number}".encode()).hexdigest()[:23]
