"""The simulated company on paper: staff, plans, accounts, support policy, as in docs/data-contract.md."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

NAME = "Tenfold Demo SL"
ZONE = ZoneInfo("Europe/Madrid")
CURRENCY = "EUR"
CENT = Decimal("0.01")
VAT_RATE = Decimal("0.21")

INDUSTRIES = (
    "clinics",
    "legal",
    "retail",
    "hospitality",
    "real_estate",
    "education",
    "logistics",
    "consulting",
)
LEAD_STAGES = ("lead", "marketingqualifiedlead", "salesqualifiedlead", "opportunity", "customer")
OPEN_DEAL_STAGES = ("appointmentscheduled", "qualifiedtobuy", "presentationscheduled", "contractsent")
CHECKLIST = ("platform_access", "first_settings", "integrations")
DELIVERABLE_KINDS = (
    "automation",
    "chatbot_flow",
    "monthly_report",
    "content_pack",
    "integration",
    "dashboard",
)
LEVELS = ("L1", "L2", "L3")
TEAM_OF_LEVEL = {"L1": "L1 Frontline", "L2": "L2 Specialists", "L3": "L3 Experts"}
EXCLUDING_TAGS = frozenset({"spam", "merged"})

# List prices per billing interval, without tax; a year costs ten months.
PLANS: dict[str, dict[str, Decimal]] = {
    "basic": {
        "week": Decimal("49.00"),
        "month": Decimal("199.00"),
        "quarter": Decimal("569.00"),
        "year": Decimal("1990.00"),
    },
    "growth": {
        "week": Decimal("99.00"),
        "month": Decimal("399.00"),
        "quarter": Decimal("1139.00"),
        "year": Decimal("3990.00"),
    },
    "pro": {
        "week": Decimal("199.00"),
        "month": Decimal("799.00"),
        "quarter": Decimal("2279.00"),
        "year": Decimal("7990.00"),
    },
}
MONTHS_OF_INTERVAL = {"month": 1, "quarter": 3, "year": 12}


@dataclass(frozen=True, slots=True)
class Staff:
    """One member of the team; `levels` are the support levels whose inbox they serve."""

    id: str
    role: str
    first_name: str
    last_name: str
    fte: Decimal
    start: date
    end: date | None
    monthly_cost: Decimal
    direct: bool = False
    acquisition: bool = False
    levels: tuple[str, ...] = ()

    @property
    def email(self) -> str:
        """The work address, as HubSpot's owners and Intercom's admins show it."""
        return f"{self.id}@tenfold.example"

    def employed_on(self, day: date) -> bool:
        """True when start <= day < end."""
        return self.start <= day and (self.end is None or day < self.end)


# id | role | name | fte | start | end | monthly cost | d = direct, a = acquisition | support levels served
_TEAM = """
om1  | operations manager   | Elena Robles    | 1   | 2025-11-01 |            | 5000 |   | L3
cs1  | customer success     | Marta Iglesias  | 1   | 2025-11-01 |            | 3750 | d | L1 L2
ae1  | automation engineer  | Daniel Ferrer   | 1   | 2025-11-01 |            | 6000 | d | L2
ts1  | technical support    | Iván Soler      | 1   | 2025-11-01 | 2026-07-01 | 3000 | d | L1
sdr1 | SDR                  | Laura Benítez   | 1   | 2025-11-01 |            | 3500 | a |
cm1  | content marketing    | Nuria Casas     | 0.5 | 2025-11-01 |            | 2500 | a |
da1  | data analyst         | Hugo Peña       | 1   | 2026-02-01 |            | 4750 |   |
cc1  | content creator      | Claudia Mora    | 1   | 2026-02-01 |            | 4000 | a |
fs1  | full-stack developer | Tomás Rey       | 1   | 2026-02-01 |            | 6000 | d |
coo1 | COO                  | Beatriz Lozano  | 1   | 2026-05-01 |            | 7000 |   |
cto1 | CTO                  | Álvaro Quintana | 1   | 2026-05-01 |            | 7500 |   | L3
qa1  | QA                   | Irene Salas     | 1   | 2026-05-01 |            | 4000 | d |
cs2  | customer success     | Pablo Nieto     | 1   | 2026-05-01 |            | 3750 | d | L2
ae2  | automation engineer  | Sofía Vidal     | 1   | 2026-05-01 |            | 6000 | d | L2
ts2  | technical support    | Rubén Cano      | 1   | 2026-05-01 |            | 3000 | d | L1
ai1  | AI/ML engineer       | Carmen Duarte   | 1   | 2026-06-01 |            | 6500 | d |
do1  | DevOps               | Óscar Prieto    | 1   | 2026-06-01 |            | 6000 |   |
de1  | designer             | Lucía Ramos     | 1   | 2026-06-01 |            | 4000 | d |
am1  | account manager      | Jorge Medina    | 1   | 2026-06-01 |            | 4000 | d | L2
ma1  | marketing automation | Alicia Torres   | 1   | 2026-07-01 |            | 4000 | a |
bd1  | business development | Víctor Sanz     | 1   | 2026-07-01 |            | 4500 | a |
ts3  | technical support    | Noelia Crespo   | 1   | 2026-07-15 |            | 3000 | d | L1
"""


def _staff(row: str) -> Staff:
    key, role, name, fte, start, end, cost, flag, levels = (cell.strip() for cell in row.split("|"))
    first, last = name.split(" ", 1)
    return Staff(
        id=key,
        role=role,
        first_name=first,
        last_name=last,
        fte=Decimal(fte),
        start=date.fromisoformat(start),
        end=date.fromisoformat(end) if end else None,
        monthly_cost=Decimal(cost),
        direct=flag == "d",
        acquisition=flag == "a",
        levels=tuple(levels.split()),
    )


STAFF = tuple(_staff(row) for row in _TEAM.strip().splitlines())
STAFF_BY_ID = {person.id: person for person in STAFF}


@dataclass(frozen=True, slots=True)
class Account:
    """A journal account; `kind` is revenue, direct, operating, financial, tax_on_profit or balance."""

    name: str
    kind: str
    acquisition: bool = False


CHART: tuple[Account, ...] = (
    Account("700 Service revenue", "revenue"),
    Account("600 Delivery subcontractors", "direct"),
    Account("626 Payment fees", "direct"),
    Account("629 AI and cloud usage", "direct"),
    Account("640 Salaries delivery", "direct"),
    Account("640 Salaries operations", "operating"),
    Account("640 Salaries sales and marketing", "operating", acquisition=True),
    Account("627 Advertising", "operating", acquisition=True),
    Account("621 Office rent", "operating"),
    Account("623 Professional fees", "operating"),
    Account("628 Software subscriptions", "operating"),
    Account("662 Bank interest", "financial"),
    Account("630 Corporate tax", "tax_on_profit"),
    Account("572 Bank main", "balance"),
    Account("572 Bank savings", "balance"),
    Account("555 Stripe clearing", "balance"),
    Account("430 Accounts receivable", "balance"),
    Account("400 Accounts payable", "balance"),
    Account("465 Salaries payable", "balance"),
    Account("472 VAT input", "balance"),
    Account("477 VAT output", "balance"),
    Account("475 Tax payable", "balance"),
    Account("170 Bank loan", "balance"),
    Account("100 Capital", "balance"),
)


@dataclass(frozen=True, slots=True)
class SlaLevel:
    """Targets of one support level, in minutes of its calendar ("always" or "office")."""

    calendar: str
    first_answer_minutes: int
    resolution_minutes: int


SLA = {
    "L1": SlaLevel("always", 5, 4 * 60),
    "L2": SlaLevel("office", 120, 8 * 60),
    "L3": SlaLevel("office", 1440, 24 * 60),
}
OFFICE_OPENS, OFFICE_CLOSES = time(9), time(18)
HOLIDAYS = frozenset(
    date.fromisoformat(day)
    for day in (
        "2025-12-08",
        "2025-12-25",
        "2026-01-01",
        "2026-01-06",
        "2026-04-03",
        "2026-05-01",
        "2026-10-12",
        "2026-12-08",
        "2026-12-25",
    )
)


def local(moment: datetime) -> datetime:
    """The instant on the wall clock of the business."""
    return moment.astimezone(ZONE)


def instant(day: date, wall: time = time()) -> datetime:
    """The UTC instant of a local date and wall-clock time (local midnight by default)."""
    return datetime.combine(day, wall, tzinfo=ZONE).astimezone(UTC)


def add_months(day: date, months: int) -> date:
    """The same day `months` later (earlier when negative), clamped to the last day of that month."""
    year, month0 = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = (date(year + (month0 == 11), (month0 + 1) % 12 + 1, 1) - date(year, month0 + 1, 1)).days
    return date(year, month0 + 1, min(day.day, last))


def is_working_day(day: date) -> bool:
    """True on Monday to Friday outside the holidays."""
    return day.weekday() < 5 and day not in HOLIDAYS


def cents(amount: Decimal) -> Decimal:
    """The amount rounded half-up to whole cents."""
    return amount.quantize(CENT, ROUND_HALF_UP)
