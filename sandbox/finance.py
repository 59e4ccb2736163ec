"""The money that is not clients': capital, loan, payroll, suppliers, taxes, savings, planned on the books."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from random import Random

from sandbox.books import BANK, PAYABLE, TAX, VAT_IN, VAT_OUT, ZERO, Books, Line, next_working_day
from sandbox.company import CHART, STAFF, VAT_RATE, Staff, add_months, cents, instant

CAPITAL = Decimal("160000.00")
LOAN, LOAN_MONTHS, LOAN_RATE = Decimal("150000.00"), 60, Decimal("0.054")
TAX_RATE = Decimal("0.25")
FIRST_SAVINGS = Decimal("40000.00")
COMFORTABLE_CASH = Decimal("90000.00")
PAYROLL = (
    ("640 Salaries delivery", "NOMINAS ENTREGA"),
    ("640 Salaries operations", "NOMINAS OPERACIONES"),
    ("640 Salaries sales and marketing", "NOMINAS VENTAS Y MARKETING"),
)


@dataclass(frozen=True, slots=True)
class Volume:
    """How much business a month does, as far as it drives costs."""

    new_clients: int
    active_clients: int
    deliverables: int


@dataclass(frozen=True, slots=True)
class Bill:
    """A supplier's bill of one month."""

    account: str
    supplier: str
    memo: str
    base: Decimal
    vat: bool = True
    late: bool = False  # dated on the month's last day but entered some days into the next


def salary_account(person: Staff) -> str:
    """The journal account of that person's salary."""
    if person.direct:
        return PAYROLL[0][0]
    return PAYROLL[2][0] if person.acquisition else PAYROLL[1][0]


def payroll(month: date) -> dict[str, Decimal]:
    """The month's salaries by account; who joins or leaves inside the month is paid by calendar day."""
    following = add_months(month, 1)
    days = (following - month).days
    totals = {account: ZERO for account, _ in PAYROLL}
    for person in STAFF:
        begin = max(person.start, month)
        end = min(person.end or following, following)
        if begin < end:
            totals[salary_account(person)] += cents(person.monthly_cost * (end - begin).days / days)
    return totals


def bills(seed: int, index: int, month: date, volume: Volume) -> list[Bill]:
    """What suppliers ask for in a month of that volume."""
    dice = Random(f"{seed}/bills/{index}")

    def around(amount: float, spread: float = 0.08) -> Decimal:
        return cents(Decimal(round(amount * dice.uniform(1 - spread, 1 + spread), 2)))

    heads = sum(person.employed_on(month) for person in STAFF)
    big_office = month >= date(2026, 5, 1)
    ads = 700 + 30 * volume.new_clients
    found = [
        Bill(
            "621 Office rent",
            "Inmobiliaria Puerta Norte",
            "Alquiler oficina",
            Decimal(3400 if big_office else 1600),
        ),
        Bill("627 Advertising", "Google Ireland", "Google Ads", around(ads * 0.6, 0.15), vat=False),
        Bill("627 Advertising", "LinkedIn Ireland", "Campañas LinkedIn", around(ads * 0.25, 0.2), vat=False),
        Bill(
            "627 Advertising", "Meta Platforms Ireland", "Anuncios Meta", around(ads * 0.15, 0.2), vat=False
        ),
        Bill(
            "628 Software subscriptions",
            "HubSpot Ireland",
            "CRM",
            Decimal(1330 if big_office else 880),
            vat=False,
        ),
        Bill(
            "628 Software subscriptions", "Intercom R&D", "Soporte", around(180 + 35 * heads, 0.02), vat=False
        ),
        Bill(
            "628 Software subscriptions",
            "Mailchimp",
            "Correo",
            around(60 + volume.active_clients * 0.4),
            vat=False,
        ),
        Bill(
            "628 Software subscriptions",
            "Zapier",
            "Automatizaciones",
            around(120 + 0.5 * volume.active_clients),
        ),
        Bill("628 Software subscriptions", "Google Cloud EMEA", "Workspace", Decimal(14 * heads), vat=False),
        Bill(
            "623 Professional fees",
            "Gestoría Almansa",
            "Asesoría fiscal y laboral",
            Decimal(390 + 18 * heads),
        ),
        Bill(
            "629 AI and cloud usage",
            "OpenAI Ireland",
            "Uso de API",
            around(240 + 2.2 * volume.active_clients),
            vat=False,
            late=True,
        ),
        Bill(
            "629 AI and cloud usage",
            "Amazon Web Services EMEA",
            "Servidores",
            around(190 + 1.1 * volume.active_clients),
            vat=False,
            late=True,
        ),
    ]
    if month.month in (11, 5):
        found.append(Bill("623 Professional fees", "Notaría Serrano 40", "Escrituras", around(1100)))
    work = volume.deliverables * 9.5
    for supplier, share in (("Estudio Brava", 0.45), ("Nexo Freelance", 0.35), ("Ana Lobo Diseño", 0.2)):
        found.append(
            Bill(
                "600 Delivery subcontractors",
                supplier,
                "Trabajos del mes",
                around(work * share + 60),
                late=True,
            )
        )
    return found


class Finance:
    """Plans the months, one after another, on the books."""

    def __init__(self, seed: int, books: Books, begin: date) -> None:
        self._seed = seed
        self._books = books
        self._begin = begin
        self._accrued_tax = ZERO
        self._paid_tax = ZERO
        self._vat_due = ZERO
        self._documents = 0

    def open(self) -> None:
        """Plan the company's first days: the partners' capital, the bank's loan, the first savings."""
        books = self._books
        books.plan(instant(self._begin, time(8)), self._capital)
        loan_day = next_working_day(self._begin + timedelta(days=3))
        books.plan(instant(loan_day, time(9, 12)), self._loan)
        books.plan(instant(loan_day, time(12, 30)), lambda: self._to_savings(FIRST_SAVINGS))

    def month(self, index: int, volume: Volume) -> None:
        """Plan one month's salaries, bills, loan instalment, taxes and savings."""
        month = add_months(self._begin, index)
        following = add_months(month, 1)
        last = following - timedelta(days=1)
        dice = Random(f"{self._seed}/finance/{index}")
        for bill in bills(self._seed, index, month, volume):
            self._plan_bill(dice, bill, month, last)
        self._at(self._last_working_day(last), time(11), lambda: self._pay_salaries(month))
        if index:
            self._at(next_working_day(month + timedelta(days=4)), time(6, 5), lambda: self._instalment(index))
            self._at(next_working_day(month + timedelta(days=1)), time(10), self._move_savings)
        # The year's profit is only known once the late bills are in.
        self._at(next_working_day(following + timedelta(days=4)), time(17), lambda: self._accrue_tax(last))
        if month.month in (3, 6, 9, 12):
            self._at(last, time(23, 30), lambda: self._settle_vat(last))
            due = following + timedelta(days=29 if month.month == 12 else 19)
            self._at(next_working_day(due), time(7, 40), self._pay_vat)
            self._at(next_working_day(last - timedelta(days=2)), time(5), self._savings_interest)
        if month.month in (4, 10, 12):
            self._at(next_working_day(month + timedelta(days=19)), time(7, 45), self._pay_profit_tax)

    def _at(self, day: date, wall: time, action: Callable[[], None]) -> None:
        self._books.plan(instant(day, wall), action)

    def _number(self, prefix: str) -> str:
        self._documents += 1
        return f"{prefix}{self._documents:05d}"

    @staticmethod
    def _last_working_day(day: date) -> date:
        back = day
        while next_working_day(back) > day:
            back -= timedelta(days=1)
        return back

    def _capital(self) -> None:
        # The partners paid in before the company's first day; the bank shows it on the first.
        self._books.pay("Deposit", "", "Socios", "APORTACION DE CAPITAL", [("100 Capital", -CAPITAL)])

    def _loan(self) -> None:
        self._books.pay(
            "Deposit", "", "Banco del Norte", "ABONO PRESTAMO 0049-7731", [("170 Bank loan", -LOAN)]
        )

    def _instalment(self, index: int) -> None:
        principal = cents(LOAN / LOAN_MONTHS)
        owed = -self._books.of("170 Bank loan")
        interest = cents(owed * LOAN_RATE / 12)
        if owed <= 0:
            return
        self._books.pay(
            "Expense",
            f"PR{index:03d}",
            "Banco del Norte",
            f"CUOTA PRESTAMO 0049-7731 N.{index}",
            [("170 Bank loan", min(principal, owed)), ("662 Bank interest", interest)],
        )

    def _pay_salaries(self, month: date) -> None:
        books = self._books
        # Advance payments and withholdings are left out: the cost of a role is all that it costs.
        totals = payroll(month)
        for account, text in PAYROLL:
            books.post(
                "Payroll",
                f"N{month:%Y%m}",
                "",
                f"{text} {month:%m/%Y}",
                [(account, totals[account]), ("465 Salaries payable", -totals[account])],
            )
        for account, text in PAYROLL:
            if totals[account]:
                books.pay(
                    "Payroll", "", "", f"{text} {month:%m/%Y}", [("465 Salaries payable", totals[account])]
                )

    def _plan_bill(self, dice: Random, bill: Bill, month: date, last: date) -> None:
        books = self._books
        day = last if bill.late else month + timedelta(days=dice.randrange(1, 25))
        entered = next_working_day(last + timedelta(days=dice.randrange(1, 4))) if bill.late else day
        terms = timedelta(days=dice.choice((0, 0, 10, 15, 30)))
        hour = time(dice.randrange(9, 18), dice.randrange(60), dice.randrange(60))
        tax = cents(bill.base * VAT_RATE) if bill.vat else ZERO
        costs: list[Line] = [(bill.account, bill.base), (VAT_IN, tax)]

        def enter() -> None:
            number = self._number("B")
            if not terms and not bill.late:
                books.pay(
                    "Expense", number, bill.supplier, f"RECIBO {bill.supplier.upper()} {bill.memo}", costs
                )
                return
            books.post(
                "Bill", number, bill.supplier, bill.memo, [*costs, (PAYABLE, -bill.base - tax)], day=day
            )
            paid = next_working_day(max(entered, day + terms) + timedelta(days=1))
            text = f"TRANSF. A {bill.supplier.upper()} {number}"
            self._at(
                paid,
                time(8, dice.randrange(60)),
                lambda: books.pay("Bill Payment", number, bill.supplier, text, [(PAYABLE, bill.base + tax)]),
            )

        self._at(entered, hour, enter)

    def _accrue_tax(self, last: date) -> None:
        profit = ZERO
        for account in CHART:
            if account.kind not in ("balance", "tax_on_profit"):
                profit -= self._books.of(account.name)
        # Losses of the first months are set against later profit, so nothing is due before they are made up.
        owed = max(ZERO, cents(profit * TAX_RATE))
        step, self._accrued_tax = owed - self._accrued_tax, owed
        self._books.post(
            "Journal Entry",
            f"IS{last:%Y%m}",
            "",
            f"Impuesto de sociedades, {last:%m/%Y}",
            [("630 Corporate tax", step), (TAX, -step)],
            day=last,
        )

    def _pay_profit_tax(self) -> None:
        due = self._accrued_tax - self._paid_tax
        if due > 0:
            self._paid_tax += due
            self._books.pay("Tax Payment", "", "Agencia Tributaria", "AEAT MODELO 202", [(TAX, due)])

    def _settle_vat(self, last: date) -> None:
        books = self._books
        charged, paid = -books.of(VAT_OUT), books.of(VAT_IN)
        self._vat_due += charged - paid
        books.post(
            "Journal Entry",
            f"IVA{last:%Y%m}",
            "",
            f"Liquidación de IVA, trimestre hasta {last:%d/%m/%Y}",
            [(VAT_OUT, charged), (VAT_IN, -paid), (TAX, paid - charged)],
        )

    def _pay_vat(self) -> None:
        # A negative quarter is carried to the next one.
        if self._vat_due > 0:
            due, self._vat_due = self._vat_due, ZERO
            if self._books.of(BANK["main"]) < due + COMFORTABLE_CASH / 3:
                self._to_savings(-min(due, self._books.of(BANK["savings"])))
            self._books.pay("Tax Payment", "", "Agencia Tributaria", "AEAT MODELO 303", [(TAX, due)])

    def _to_savings(self, amount: Decimal) -> None:
        books = self._books
        if not amount:
            return
        books.post(
            "Transfer", "", "", "Traspaso entre cuentas", [(BANK["savings"], amount), (BANK["main"], -amount)]
        )
        books.bank("main", -amount, "TRASPASO CUENTA AHORRO")
        books.bank("savings", amount, "TRASPASO CUENTA CORRIENTE")

    def _move_savings(self) -> None:
        cash = self._books.of(BANK["main"])
        if cash > COMFORTABLE_CASH:
            self._to_savings(cents((cash - COMFORTABLE_CASH) / 2))
        elif cash < COMFORTABLE_CASH / 3:
            self._to_savings(-min(Decimal("30000.00"), self._books.of(BANK["savings"])))

    def _savings_interest(self) -> None:
        books = self._books
        earned = cents(books.of(BANK["savings"]) * Decimal("0.012") / 4)
        if earned > 0:
            # The plan of accounts has one account for interest, paid or earned.
            books.post(
                "Deposit",
                "",
                "Banco del Norte",
                "Intereses cuenta ahorro",
                [(BANK["savings"], earned), ("662 Bank interest", -earned)],
            )
            books.bank("savings", earned, "LIQUIDACION INTERESES A SU FAVOR")


def volumes(
    begin: date,
    months: int,
    starts: Mapping[date, int],
    active: Callable[[datetime], int],
    work: Mapping[date, int],
) -> list[Volume]:
    """The volume of every month: new clients and deliverables by month, active clients at its start."""
    found = []
    for index in range(months):
        month = add_months(begin, index)
        found.append(Volume(starts.get(month, 0), active(instant(month)), work.get(month, 0)))
    return found
