"""The whole simulated company as one list of events.

Every company, invoice, campaign and month has dice of its own, drawn in the order of time, and nothing looks
ahead: a later horizon only adds events, so the clock can be advanced without rewriting what has been seen.
"""

from bisect import bisect_right
from collections import Counter
from datetime import UTC, date, datetime, timedelta

from sandbox import delivery, marketing, support
from sandbox.billing import Billing
from sandbox.books import Books
from sandbox.company import STAFF, add_months, instant, local
from sandbox.contracts import Subscription, life
from sandbox.events import DeliverableRequested, Event
from sandbox.finance import Finance, volumes
from sandbox.sales import SalesOffice, planned_clients

DEFAULT_CLOCK = datetime(2026, 11, 16, 7, tzinfo=UTC)
HORIZON = timedelta(days=120)


def first_day(clock: datetime, months: int) -> date:
    """The first local day of the simulated company: `months` whole months before the clock's own month."""
    return add_months(local(clock).date().replace(day=1), -months)


def simulate(
    seed: int = 7,
    months: int = 12,
    first: int = 10,
    last: int = 100,
    clock: datetime = DEFAULT_CLOCK,
    *,
    until: datetime | None = None,
) -> list[Event]:
    """Every event from the first of `months` local months before the clock's up to `until`, sorted by `at`.

    New clients a month grow from `first` to `last` over those months and stay there. `until` is 120 days
    after the clock by default. With the same other arguments a later `until` only adds events; `clock` is the
    clock of the beginning and must not be moved when time is advanced.
    Raises ValueError for sizes that make no company, or a beginning before the team's first day.
    """
    if months < 1 or first < 1 or last < first or clock.tzinfo is None:
        raise ValueError(
            "months and first must be at least 1, last at least first, and the clock must be aware"
        )
    until = until or clock + HORIZON
    begin = first_day(clock, months)
    if begin < (hired := min(person.start for person in STAFF)):
        raise ValueError(f"the company would begin on {begin}, before its team: nobody works before {hired}")
    end_month = local(until).date().replace(day=1)
    count = (end_month.year - begin.year) * 12 + end_month.month - begin.month + 1
    # Chapters are written to the end of the last month, and cut at the end.
    horizon = instant(add_months(end_month, 1))

    office = SalesOffice(seed, begin)
    for index in range(count + 2):  # a client's lead appears up to 35 days before the start
        office.cohort(index, planned_clients(seed, index, months, first, last))
    sales = office.sales
    events: list[Event] = sales.events

    subscriptions: list[Subscription] = []
    for client in sales.clients:
        if client.start > horizon:
            continue
        start = local(client.start).date()
        month_index = (start.year - begin.year) * 12 + start.month - begin.month
        later, own = life(seed, client, month_index, horizon)
        subscriptions += own
        events += later
        events += delivery.onboarding(seed, client, begin)
        events += delivery.deliverables(seed, client, own, begin, end_month)
        events += delivery.surveys(seed, client, own, clock)
        events += support.of_client(seed, client, own, begin, end_month)
    leads = sorted(sales.leads)
    for index in range(count):
        events += support.spam(seed, index, add_months(begin, index), leads)
    events += marketing.audience(seed, events)
    events.sort(key=_at)
    events += marketing.campaigns(seed, begin, end_month, events)
    months_of = volumes(
        begin,
        count,
        starts=Counter(_month(client.start) for client in sales.clients),
        active=lambda moment: sum(each.active_at(moment) for each in subscriptions),
        work=Counter(_month(each.at) for each in events if isinstance(each, DeliverableRequested)),
    )
    books = Books()
    finance = Finance(seed, books, begin)
    finance.open()
    for index, volume in enumerate(months_of):
        finance.month(index, volume)
    billing = Billing(seed, books, {client.company: client for client in sales.clients})
    billing.plan(subscriptions, horizon)
    events += books.run(horizon)
    events.sort(key=_at)
    return events[: bisect_right(events, until, key=_at)]


def _at(event: Event) -> datetime:
    return event.at


def _month(moment: datetime) -> date:
    return local(moment).date().replace(day=1)
