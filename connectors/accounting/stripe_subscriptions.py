"""Stripe's subscriptions export: who pays how much in which interval, since when and until when."""

import re
from decimal import Decimal

from connectors.accounting.documents import text_of
from connectors.accounting.program_table import LeftOut, Sheet, Unusable, bounded, note, open_sheet, take_rows
from connectors.accounting.shapes import Format, Parsed, ReadOptions, Record, plain
from connectors.accounting.stripe_invoices import service
from connectors.accounting.tables import Row, Table

COLUMNS = {
    "id": ("id", "subscription id"),
    "customer": ("customer name", "customer description", "customer email", "customer id", "customer"),
    "email": ("customer email",),
    "plan": ("product", "plan name", "plan nickname", "plan", "price"),
    "quantity": ("quantity",),
    "currency": ("currency",),
    "interval": ("interval", "billing interval"),
    "interval_count": ("interval count",),
    "amount": ("amount",),
    "status": ("status",),
    "started": ("start date utc", "start utc", "created utc", "start date", "created"),
    "ended": ("ended at utc", "ended at"),
    "canceled": ("canceled at utc", "canceled at"),
    "period_from": ("current period start utc", "current period start"),
    "period_to": ("current period end utc", "current period end"),
    "coupon": ("coupon", "discount", "applied coupons"),
}
NEEDED = ("id", "status", "interval", "amount", "period_from")
_DAYS = ("started", "ended", "canceled", "period_from", "period_to")
STATUS = {
    "active": "active",
    "trialing": "trialing",
    "past due": "past_due",
    "paused": "paused",
    "canceled": "canceled",
    "cancelled": "canceled",
    "unpaid": "unpaid",
}
LEFT = frozenset(["incomplete", "incomplete expired"])
_INTERVAL = re.compile(r"(?:every )?(?:(\d+) )?(day|week|month|quarter|year)(?:s|ly)?")
_WORDS = {"annual": "year", "annually": "year", "daily": "day"}


def read_stripe_subscriptions(table: Table, options: ReadOptions) -> Parsed:
    """One subscription per row, its amount that of an interval for all of the quantity."""
    sheet = open_sheet(
        table, COLUMNS, NEEDED, options, money=("amount",), days=_DAYS, what="Stripe subscriptions export"
    )
    parsed, left = Parsed(), LeftOut()
    seen: dict[str, int] = {}
    several: list[int] = []
    discounted: list[int] = []

    def take(row: Row) -> None:
        status = plain(sheet.text(row, "status").replace("_", " "))
        if status in LEFT:
            left.add(status)
            return
        record = _subscription(sheet, row, status)
        note(seen, record["subscription_id"], row)
        parsed.subscriptions.append(record)
        if record["quantity"] not in {None, "0", "1"}:
            several.append(row.number)
        if sheet.text(row, "coupon"):
            discounted.append(row.number)

    take_rows(sheet, parsed, take)
    parsed.left = left.result()
    if several:
        parsed.warnings.append(
            f"{len(several)} subscriptions have a quantity other than one; their amount was taken as that "
            "of a single unit"
        )
    if discounted:
        parsed.warnings.append(
            f"{len(discounted)} subscriptions have a coupon whose value the file does not state: their "
            "amounts are list prices, and the invoices export says what is really charged"
        )
    return parsed


def _subscription(sheet: Sheet, row: Row, status: str) -> Record:
    quantity = sheet.amount(row, "quantity")
    unit = sheet.amount(row, "amount")
    amount = None if unit is None else bounded(unit * (Decimal(1) if quantity is None else quantity))
    interval, count = interval_of(sheet.text(row, "interval"), sheet.amount(row, "interval_count"))
    since, until = service(sheet.moment(row, "period_from"), sheet.moment(row, "period_to"))
    return subscription(
        Format.STRIPE_SUBSCRIPTIONS,
        row=row.number,
        identity=sheet.text(row, "id"),
        customer=sheet.text(row, "customer"),
        email=sheet.text(row, "email"),
        plan=sheet.text(row, "plan"),
        quantity=quantity,
        interval=interval,
        count=count,
        amount=amount,
        currency=sheet.code(row),
        status=status,
        started_on=sheet.iso(row, "started"),
        ended_on=sheet.iso(row, "ended"),
        canceled_on=sheet.iso(row, "canceled"),
        period=(since or sheet.iso(row, "period_from"), until or sheet.iso(row, "period_to")),
    )


def subscription(
    format_: Format,
    *,
    row: int,
    identity: str,
    customer: str,
    email: str,
    plan: str,
    quantity: Decimal | None,
    interval: str | None,
    count: int | None,
    amount: Decimal | None,
    currency: str | None,
    status: str,
    started_on: str | None,
    ended_on: str | None,
    canceled_on: str | None,
    period: tuple[str | None, str | None],
) -> Record:
    """A subscription as `shapes` says. Raises Unusable without an id or with a status not known."""
    if not identity:
        raise Unusable("the subscription has no id")
    if status not in STATUS:
        raise Unusable(f"the status '{status}' is not known")
    return {
        "key": f"stripe:{identity}",
        "format": format_.value,
        "subscription_id": identity,
        "customer": customer,
        "email": email or None,
        "plan": plan or None,
        "quantity": None if quantity is None else f"{quantity.normalize() + 0:f}",
        "interval": interval,
        "interval_count": count,
        "amount": text_of(amount),
        "list_amount": text_of(amount),
        "currency": currency,
        "status": STATUS[status],
        "started_on": started_on,
        "ended_on": ended_on,
        "canceled_on": canceled_on,
        "period_from": period[0],
        "period_to": period[1],
        "row": row,
    }


def interval_of(text: str, count: Decimal | None) -> tuple[str, int]:
    """The unit (week, month, year) and how many of them, from "month", "3 months", "every year", "quarter".

    Raises Unusable for anything else, such as 30 days: no number of weeks or months is 30 days.
    """
    name = plain(text)
    match = _INTERVAL.fullmatch(_WORDS.get(name, name))
    if match is None:
        raise Unusable(f"the interval '{text}' is not known")
    number = int(match[1] or 1) * int(count or 1)
    unit = match[2]
    if unit == "quarter":
        return "month", 3 * number
    if unit == "day":
        if number in {365, 366}:
            return "year", 1
        if number % 7:
            raise Unusable(f"an interval of {number} days is no number of weeks, months or years")
        return "week", number // 7
    return unit, number
