"""What becomes of a client's subscription: renewals, upgrades, downgrades, departures and returns."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from decimal import Decimal
from random import Random

from sandbox.company import MONTHS_OF_INTERVAL, add_months, instant, local
from sandbox.events import DealCreated, DealWon, Event, SubscriptionEnded
from sandbox.reactions import satisfaction
from sandbox.sales import Client, Offer, offer

MONTHLY_HAZARD = 0.032
GROWS = 0.028
SHRINKS = 0.009
COMES_BACK = 0.10
PLAN_ORDER = ("basic", "growth", "pro")


@dataclass(frozen=True, slots=True)
class Subscription:
    """One won deal over its life; `end` is None when it does not end before the simulation's horizon."""

    deal: str
    company: str
    offer: Offer
    start: datetime
    end: datetime | None

    def active_at(self, moment: datetime) -> bool:
        """True when start <= moment < end."""
        return self.start <= moment and (self.end is None or moment < self.end)


def renewal(start: datetime, interval: str, number: int) -> datetime:
    """The instant of the number-th renewal: the start's wall-clock time, that many intervals later."""
    wall = local(start)
    if interval == "week":
        day = wall.date() + timedelta(weeks=number)
    else:
        day = add_months(wall.date(), number * MONTHS_OF_INTERVAL[interval])
    return instant(day, wall.time())


def renewals(start: datetime, interval: str, until: datetime) -> Iterator[datetime]:
    """The start and every renewal up to `until`."""
    number = 0
    while (moment := renewal(start, interval, number)) <= until:
        yield moment
        number += 1


def life(
    seed: int, client: Client, month_index: int, horizon: datetime
) -> tuple[list[Event], list[Subscription]]:
    """The events after the first sale, and all subscriptions of the client, up to about `horizon`."""
    dice = Random(f"{seed}/contract/{client.company}")
    content = satisfaction(seed, client.company)
    events: list[Event] = []
    found: list[Subscription] = []
    deal, sold, start, number = client.deal, client.offer, client.start, 1

    def sell(new: Offer, at: datetime, begins: datetime) -> str:
        nonlocal number
        number += 1
        key = f"{client.deal}-{number}"
        events.append(
            DealCreated(
                at=at - timedelta(hours=int(dice.uniform(1, 60))),
                deal=key,
                company=client.company,
                person=client.people[0][1],
                kind="existingbusiness",
                plan=new.plan,
                interval=new.interval,
                amount=new.amount,
                list_amount=new.list_amount,
                owner=client.owner,
            )
        )
        events.append(DealWon(at=at, deal=key, start_at=begins))
        return key

    step = 0
    while True:
        previous, boundary = renewal(start, sold.interval, step), renewal(start, sold.interval, step + 1)
        if previous > horizon:
            found.append(Subscription(deal, client.company, sold, start, None))
            return events, found
        step += 1
        months = {"week": 12 / 52, "month": 1, "quarter": 3, "year": 12}[sold.interval]
        # Someone who pays by the year has chosen to stay: the risk grows slower than the interval.
        hazard = MONTHLY_HAZARD * months**0.62 * max(0.15, 2.6 - 2.05 * content)
        if local(boundary).year == 2026 and local(boundary).month in (7, 8):
            hazard *= 1.35  # the summer when support was one person short
        roll, notice = dice.random(), dice.uniform(0.05, 0.6)
        known = (boundary - (boundary - previous) * min(notice, 0.4 / months)).replace(microsecond=0)
        if roll < hazard:
            events.append(SubscriptionEnded(at=known, deal=deal, end_at=boundary))
            found.append(Subscription(deal, client.company, sold, start, boundary))
            if dice.random() >= COMES_BACK:
                return events, found
            back = local(boundary).date() + timedelta(days=dice.randrange(35, 130))
            start = instant(back, time(dice.randrange(9, 19), dice.randrange(60)))
            sold = offer(dice, month_index)
            deal, step = sell(sold, start, start), 0
            continue
        rank = PLAN_ORDER.index(sold.plan)
        up = roll > 1 - GROWS * months**0.8 and rank < 2
        down = hazard <= roll < hazard + SHRINKS * months**0.8 and rank > 0
        if up or down:
            discount = sold.amount / sold.list_amount
            changed = offer(dice, month_index, PLAN_ORDER[rank + (1 if up else -1)], sold.interval)
            if discount == Decimal(1) or dice.random() < 0.5:
                changed = Offer(changed.plan, changed.interval, changed.list_amount, changed.list_amount)
            found.append(Subscription(deal, client.company, sold, start, boundary))
            # The sale is made some hours or days before the new period and never before this one began.
            events.append(SubscriptionEnded(at=known, deal=deal, end_at=boundary))
            deal = sell(changed, known, boundary)
            sold, start, step = changed, boundary, 0
