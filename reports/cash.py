"""Cash in the next 13 weeks and how long it lasts: pure, in three cases that differ in what is not known.

Nothing is counted that has no evidence: no new client, no price rise. What is billed from now on is counted
without tax on both sides; the tax owed already is paid on its day.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from math import sqrt

from playbook.loader import Playbook, TeamMember
from reports.money import ZERO, Money

WEEKS = 13
CASES = ("low", "mid", "high")
CENT = Decimal("0.01")
_YEAR = Decimal(52) / 12  # weeks of a month
_Z = 1.959963984540054
Range = tuple[Decimal, Decimal, Decimal]


@dataclass(frozen=True, slots=True)
class Line:
    """Money of one kind: what of it falls into each week, in the low, middle and high case."""

    what: str
    weeks: tuple[Range, ...]

    def total(self, case: str) -> Decimal:
        """All weeks of a case."""
        return sum((week[CASES.index(case)] for week in self.weeks), ZERO)


@dataclass(frozen=True, slots=True)
class Forecast:
    """Cash at the start, what moves it, and the balance at the end of each week in each case."""

    start: Decimal
    first_day: date
    lines: tuple[Line, ...]
    balances: tuple[Range, ...]

    def flow(self, case: str) -> Decimal:
        """What a month changes on average."""
        at = CASES.index(case)
        return (self.balances[-1][at] - self.start) / WEEKS * _YEAR

    def lowest(self, case: str) -> tuple[date, Decimal]:
        """The lowest balance at a week's end, and that day."""
        at = CASES.index(case)
        week = min(range(WEEKS), key=lambda n: (self.balances[n][at], n))
        return self.first_day + timedelta(days=7 * week + 6), self.balances[week][at]


@dataclass(frozen=True, slots=True)
class NotEstimable:
    """Why something cannot be said, as codes of the catalogue."""

    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Runway:
    """Months until the money is gone, in the low and the middle case; None = it does not fall."""

    low: Decimal | None
    mid: Decimal | None


def forecast(money: Money, playbook: Playbook) -> Forecast | NotEstimable:
    """The next 13 weeks from `money.today` on."""
    finance = playbook.finance
    cash = money.cash_now
    reasons = []
    if cash is None:
        reasons.append("no_cash")
    if len(money.months) < finance.months_looked_back:
        reasons.append("few_months")
    if money.unpriced:
        reasons.append("unpriced")
    if cash is None or reasons:
        return NotEstimable(tuple(reasons))
    lines = (
        _invoices(money, finance.doubtful_after_days),
        _bills(money),
        _payroll(money.today, playbook.team),
        _monthly("recurring", _recurring(money, playbook)),
        _payables(money, playbook),
        _taxes(money, playbook),
        _monthly("loans", _loans(money, playbook)),
    )
    balances = []
    now = (cash, cash, cash)
    for week in range(WEEKS):
        now = _added(now, *(line.weeks[week] for line in lines))
        balances.append(tuple(amount.quantize(CENT, ROUND_HALF_UP) for amount in now))
    return Forecast(cash, money.today, lines, tuple((a, b, c) for a, b, c in balances))


def runway(found: Forecast | NotEstimable) -> Runway | NotEstimable:
    """How long the money lasts if every quarter were like the next 13 weeks."""
    if isinstance(found, NotEstimable):
        return found

    def months(case: str) -> Decimal | None:
        flow = found.flow(case)
        if flow >= 0:
            return None
        return max(ZERO, found.start / -flow).quantize(Decimal("0.1"), ROUND_HALF_UP)

    return Runway(months("low"), months("mid"))


def monthly_costs(money: Money, playbook: Playbook) -> Decimal:
    """What a month costs now: salaries of the posts filled today, and recurring costs."""
    return payroll_of(playbook.team, money.today) + _recurring(money, playbook)[1]


def payroll_of(team: Iterable[TeamMember], day: date) -> Decimal:
    """A month's salaries of the posts that are filled on a day."""
    return sum((m.monthly_cost for m in team if m.start <= day and (m.end is None or m.end > day)), ZERO)


def churn_rates(money: Money) -> tuple[Decimal, Decimal]:
    """The share of clients who leave in a month, and the upper end of its 95 % interval (Wilson)."""
    left, there = money.churn
    if not there:
        return ZERO, Decimal(1)
    p, z2 = left / there, _Z * _Z
    high = (p + z2 / (2 * there) + _Z * sqrt(p * (1 - p) / there + z2 / (4 * there * there))) / (
        1 + z2 / there
    )
    return Decimal(str(p)), Decimal(str(min(1.0, high)))


def _added(first: Range, *others: Range) -> Range:
    low, mid, high = first
    for other in others:
        low, mid, high = low + other[0], mid + other[1], high + other[2]
    return low, mid, high


def _spread(what: str, today: date, cases: Mapping[str, Iterable[tuple[date, Decimal]]]) -> Line:
    """Dated amounts of each case put into their weeks; what falls outside the 13 weeks is left out."""
    weeks = [dict.fromkeys(CASES, ZERO) for _ in range(WEEKS)]
    for case, moves in cases.items():
        for day, amount in moves:
            week = (day - today).days // 7
            if 0 <= week < WEEKS:
                weeks[week][case] += amount
    return Line(what, tuple((w["low"], w["mid"], w["high"]) for w in weeks))


def _invoices(money: Money, doubtful: int) -> Line:
    """Open invoices on the day that habits let one expect; in the low case late, and doubtful ones never."""
    last = money.today + timedelta(days=7 * WEEKS - 1)
    own = [i for i in money.invoices if i.currency == money.currency]
    return _spread(
        "invoices",
        money.today,
        {
            "low": [(i.late_on, i.open) for i in own if i.late_on and i.days_late <= doubtful],
            "mid": [(i.expected_on, i.open) for i in own if i.expected_on],
            # Where no habit tells anything, only the high case hopes that the money still comes.
            "high": [
                (i.expected_on or last, i.open) for i in own if i.expected_on or i.days_late <= doubtful
            ],
        },
    )


def _bills(money: Money) -> Line:
    """Subscriptions that run now go on being billed; some of their clients leave."""
    usual, worst = churn_rates(money)
    middle, late = money.pay_days or (30, 60)

    def kept(rate: Decimal, day: date) -> Decimal:
        return (1 - rate) ** (Decimal((day - money.today).days) * 12 / 365)

    return _spread(
        "bills",
        money.today,
        {
            "low": [(d + timedelta(days=late), a * kept(worst, d)) for d, a in money.bills],
            "mid": [(d + timedelta(days=middle), a * kept(usual, d)) for d, a in money.bills],
            "high": [(d + timedelta(days=middle), a) for d, a in money.bills],
        },
    )


def _payroll(today: date, team: Iterable[TeamMember]) -> Line:
    """Salaries on the last day of each month; who joins or leaves inside it is paid by the day."""
    moves = []
    month = today.replace(day=1)
    while month <= today + timedelta(days=7 * WEEKS):
        following = (month + timedelta(days=31)).replace(day=1)
        days = (following - month).days
        due = ZERO
        for member in team:
            first, end = max(member.start, month), min(member.end or following, following)
            due += member.monthly_cost * max(0, (end - first).days) / days
        moves.append((following - timedelta(days=1), -due))
        month = following
    return _spread("payroll", today, dict.fromkeys(CASES, moves))


def _recurring(money: Money, playbook: Playbook) -> Range:
    """A month's costs without salaries: the highest, the mean and the lowest of the months looked back on."""
    finance = playbook.finance
    months = money.months[-finance.months_looked_back :]
    costs = [
        # What nobody has classed yet may be a cost: to leave it out would be to hope.
        m.of_kind("direct", "operating", "financial")
        + m.unclassified[0]
        - m.of_accounts(finance.payroll_accounts)
        for m in months
    ]
    return max(costs), sum(costs, ZERO) / len(costs), min(costs)


def _loans(money: Money, playbook: Playbook) -> Range:
    months = money.months[-playbook.finance.months_looked_back :]
    repaid = [
        sum((d for (account, _), (d, _) in m.sums.items() if account in playbook.finance.loan_accounts), ZERO)
        for m in months
    ]
    return max(repaid), sum(repaid, ZERO) / len(repaid), min(repaid)


def _monthly(what: str, costs: Range) -> Line:
    """A month's costs, an equal part each week."""
    week = tuple(-cost / _YEAR for cost in costs)
    return Line(what, ((week[0], week[1], week[2]),) * WEEKS)


def _payables(money: Money, playbook: Playbook) -> Line:
    """What is owed already: evenly within its days, in the low case at once."""
    low, other = [], []
    for payable in playbook.finance.payables:
        owed = min(ZERO, money.balances.get(payable.account, ZERO))
        low.append((money.today, owed))
        weeks = payable.days // 7 + 1
        other += [(money.today + timedelta(days=7 * n), owed / weeks) for n in range(weeks)]
    return _spread("payables", money.today, {"low": low, "mid": other, "high": other})


def _taxes(money: Money, playbook: Playbook) -> Line:
    """Tax owed now, and tax on the profit made until then, on the next tax day; a claim is not counted on."""
    finance = playbook.finance
    day = next_tax_day(money.today, finance.tax_days)
    if day is None:
        return _spread("taxes", money.today, {})
    owed = min(ZERO, sum((money.balances.get(account, ZERO) for account in finance.tax_accounts), ZERO))
    months = money.months[-finance.months_looked_back :]
    accruals = [m.of_kind("tax_on_profit") for m in months]
    waits = Decimal((day - money.today).days) / 365 * 12
    rates = (max(accruals), sum(accruals, ZERO) / len(accruals), min(accruals))
    return _spread(
        "taxes",
        money.today,
        {case: [(day, owed - waits * rate)] for case, rate in zip(CASES, rates, strict=True)},
    )


def next_tax_day(today: date, days: Iterable[str]) -> date | None:
    """The first of the playbook's tax days (`01-30`) after today; None when there are none."""
    found = [date(year, int(d[:2]), int(d[3:])) for d in days for year in (today.year, today.year + 1)]
    return min((day for day in found if day > today), default=None)
