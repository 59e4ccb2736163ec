"""MRR and its movements once more, in plain Python: day by day, in fractions, knowing nothing of the models."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

UNIT = Fraction(1, 10_000)
MONTHS = {"week": Fraction(12, 52), "month": Fraction(1), "year": Fraction(12)}


@dataclass(frozen=True)
class Sold:
    """What a client pays for `count` intervals, from a day up to another (exclusive; none = open)."""

    client: str
    first: date
    end: date | None
    amount: Decimal
    interval: str
    count: int
    currency: str


def half_up(value: Fraction, unit: Fraction = UNIT) -> Fraction:
    """The nearest multiple of `unit`, halves away from zero."""
    size = abs(value) / unit
    whole = size.numerator * 2 + size.denominator
    found = (whole // (2 * size.denominator)) * unit
    return found if value >= 0 else -found


def monthly(sold: Sold) -> Fraction:
    return half_up(Fraction(sold.amount) / (MONTHS[sold.interval] * sold.count))


def months_between(first: date, last: date) -> list[tuple[str, date, date]]:
    """(name, first day, first day of the next) of each month from that of `first` until `last`."""
    found, day = [], first.replace(day=1)
    while (following := (day + timedelta(days=32)).replace(day=1)) <= last:
        found.append((f"{day:%Y-%m}", day, following))
        day = following
    return found


def rate(rates: Mapping[tuple[str, date], Decimal], currency: str, month: date) -> Fraction | None:
    """What a unit is worth in euros: by the last rate of the ten days before the month."""
    if currency == "EUR":
        return Fraction(1)
    for back in range(1, 11):
        if (currency, month - timedelta(days=back)) in rates:
            return 1 / Fraction(rates[currency, month - timedelta(days=back)])
    return None


def ledger(
    sold: Sequence[Sold], rates: Mapping[tuple[str, date], Decimal], months: Sequence[tuple[str, date, date]]
) -> tuple[dict[tuple[str, str, str], Fraction], dict[tuple[str, str], Fraction]]:
    """Movements by (month, client, kind), and MRR at each month's end by (month, client); zeros left out."""
    moves: dict[tuple[str, str, str], Fraction] = defaultdict(Fraction)
    ends: dict[tuple[str, str], Fraction] = {}
    for client in sorted({one.client for one in sold}):
        own = [one for one in sold if one.client == client and (one.end is None or one.end > one.first)]
        paid_before = False

        def worth(day: date, month: date, own: list[Sold] = own) -> Fraction:
            """What is paid on a day, at the rates of a month."""
            total = Fraction(0)
            for one in own:
                if one.first <= day and (one.end is None or day < one.end):
                    value = rate(rates, one.currency, month)
                    total += half_up(monthly(one) * value) if value is not None else 0
            return total

        if months:
            before_all = sorted({one.first for one in own if one.first <= months[0][1]})
            paid_before = any(worth(day, months[0][1]) > 0 for day in before_all)
        for name, first, following in months:
            now = worth(first, first)
            for offset in range(1, (following - first).days + 1):
                day = first + timedelta(days=offset)
                after = worth(day, first)
                if after != now:
                    if now > 0 and after <= 0:
                        kind = "churn"
                    elif now <= 0 < after:
                        kind = "reactivation" if paid_before else "new"
                    else:
                        kind = "expansion" if after > now else "contraction"
                    moves[name, client, kind] += after - now
                paid_before = paid_before or after > 0
                now = after
            closing = worth(following, following)
            if closing != now:
                moves[name, client, "fx"] += closing - now
            if closing:
                ends[name, client] = closing
    return dict(moves), ends
