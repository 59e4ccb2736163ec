"""What is known of money in a published build: read once, judged elsewhere (cash.py, money_questions.py)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from playbook.finance import Finance
from playbook.loader import Playbook
from reports.figures import Build

ZERO = Decimal(0)
# Tables that a build made by an older version lacks.
_NEEDED = {
    "cash_account",
    "open_invoice",
    "account_month",
    "coming_bill",
    "receivable_month",
    "channel_month",
}


@dataclass(frozen=True, slots=True)
class CashLine:
    """An account that holds money. `other` is what the books say where the bank's statement counts."""

    account: str
    label: Mapping[str, str]
    currency: str
    balance: Decimal
    as_of: date
    source: Literal["stated", "books", "running"]
    counted: bool
    other: Decimal | None = None


@dataclass(frozen=True, slots=True)
class OpenInvoice:
    """An invoice not paid yet; the dates are empty when no habit lets one expect anything."""

    number: str | None
    customer: str | None
    currency: str
    due_on: date
    open: Decimal
    days_late: int
    bucket: str
    basis: Literal["own", "all", "none"]
    expected_on: date | None
    late_on: date | None


@dataclass(frozen=True, slots=True)
class Month:
    """A finished month of the books: what came in and went out by account, in home currency.

    `sums`: (account, kind) -> (debit, credit).
    """

    period: str
    sums: Mapping[tuple[str, str], tuple[Decimal, Decimal]]

    def of_kind(self, *kinds: str) -> Decimal:
        """Debits less credits of the kinds; revenue therefore negative."""
        return sum((d - c for (_, kind), (d, c) in self.sums.items() if kind in kinds), ZERO)

    def of_accounts(self, accounts: Sequence[str]) -> Decimal:
        """Debits less credits of the accounts."""
        return sum((d - c for (account, _), (d, c) in self.sums.items() if account in accounts), ZERO)

    @property
    def revenue(self) -> Decimal:
        """Revenue, positive."""
        return -self.of_kind("revenue")

    @property
    def unclassified(self) -> tuple[Decimal, Decimal]:
        """Debits and credits on accounts that the playbook does not class."""
        found = [sums for (_, kind), sums in self.sums.items() if kind == "unclassified"]
        return sum((d for d, _ in found), ZERO), sum((c for _, c in found), ZERO)

    @property
    def unclassified_accounts(self) -> tuple[str, ...]:
        """Which accounts these are."""
        return tuple(sorted(account for account, kind in self.sums if kind == "unclassified"))


@dataclass(frozen=True, slots=True)
class FigureNow:
    """The latest monthly value of a KPI."""

    kpi: str
    period: str
    value: Decimal | None
    status: str
    reason: str | None
    numerator: Decimal | None
    denominator: Decimal | None


@dataclass(frozen=True, slots=True)
class Served:
    """What a client brought and leaves in the months looked back on, the margin as a range."""

    name: str
    revenue: Decimal
    low: Decimal
    high: Decimal


@dataclass(frozen=True, slots=True)
class Serve:
    """The cost to serve of the latest month, and the clients of the months looked back on.

    `basis`: time_sheet, playbook, or None when no work was counted.
    """

    period: str
    ledger: Decimal
    direct: Decimal
    time: Decimal
    time_of_nobody: Decimal
    unused: Decimal
    shared: Decimal
    basis: str | None
    unpriced_minutes: Decimal
    clients: tuple[Served, ...]


@dataclass(frozen=True, slots=True)
class Money:
    """Everything the answers about money rest on; `today` is the local day of the build's as_of."""

    today: date
    currency: str
    cash: tuple[CashLine, ...]
    invoices: tuple[OpenInvoice, ...]
    bills: tuple[tuple[date, Decimal], ...]
    pay_days: tuple[int, int] | None
    balances: Mapping[str, Decimal]
    months: tuple[Month, ...]
    figures: Mapping[str, FigureNow]
    churn: tuple[int, int]
    mrr: Mapping[str, Decimal]
    clients: int
    mrr_now: Decimal | None
    unpriced: int
    new_clients: Mapping[str, Mapping[str, int]]
    outstanding: tuple[str, Decimal, float | None] | None
    foreign_lines: int
    t975: Mapping[int, float]
    books_state: str
    serve: Serve | None = None

    @property
    def cash_now(self) -> Decimal | None:
        """Money in home currency in the accounts that count; None when no account is known."""
        counted = [line for line in self.cash if line.counted and line.currency == self.currency]
        return sum((line.balance for line in counted), ZERO) if counted else None


def read_money(build: Build, playbook: Playbook) -> Money | None:
    """The facts of a published build; None when it was made before there were any tables of money."""
    con = build.con
    tables = {
        r[0]
        for r in con.execute("select table_name from duckdb_tables() where schema_name = 'kpi'").fetchall()
    }
    if not tables >= _NEEDED:
        return None
    currency = con.execute("select currency from build.run").fetchall()[0][0]
    today = build.as_of.astimezone(ZoneInfo(playbook.company.zone)).date()
    mrr_now, clients, unpriced = con.execute(
        "select sum(mrr), count(*), count(*) filter (mrr is null) from core.client where is_active"
    ).fetchall()[0]
    state = con.execute("select state from meta.source_status where source = 'accounting'").fetchall()
    return Money(
        today=today,
        currency=currency,
        cash=_cash(con, playbook.finance, currency),
        invoices=tuple(
            OpenInvoice(*row)
            for row in con.execute(
                "select number, customer, currency, due_on, open, days_late, bucket, "
                "basis, expected_on, late_on "
                "from kpi.open_invoice order by days_late desc, open desc, invoice_id"
            ).fetchall()
        ),
        bills=tuple(
            (day, Decimal(amount))
            for day, amount in con.execute(
                "select bill_on, sum(amount) from kpi.coming_bill group by bill_on order by bill_on"
            ).fetchall()
        ),
        pay_days=_pay_days(con),
        balances={
            account: Decimal(balance)
            for account, balance in con.execute(
                "select account, sum(debit - credit) from core.journal_line "
                "where currency = ? and booked_on <= ? group by account",
                [currency, today],
            ).fetchall()
        },
        months=_months(con),
        figures=_figures(con),
        churn=_churn(con, playbook.finance.months_looked_back),
        mrr=dict(
            con.execute(
                "select period, money_value from kpi.value where kpi = 'MRR' and grain = 'month' "
                "and money_value is not null order by period"
            ).fetchall()
        ),
        clients=clients,
        mrr_now=None if unpriced else Decimal(mrr_now or 0),
        unpriced=unpriced,
        new_clients=_new_clients(con),
        outstanding=next(
            iter(
                con.execute(
                    "select period, owed, days from kpi.receivable_month where currency = ? "
                    "order by period desc limit 1",
                    [currency],
                ).fetchall()
            ),
            None,
        ),
        foreign_lines=con.execute(
            "select count(*) from core.journal_line where currency <> ?", [currency]
        ).fetchall()[0][0],
        t975=dict(con.execute("select df, t from build.t975").fetchall()),
        books_state=state[0][0] if state else "never loaded",
        serve=_serve(con, playbook.finance.months_looked_back) if "cost_to_serve_month" in tables else None,
    )


def _cash(con: Any, finance: Finance, home: str) -> tuple[CashLine, ...]:
    """Each account once: what the bank states counts before the books, and these before a sum of lines."""
    rows = con.execute(
        "select account, currency, source, as_of, balance from kpi.cash_account order by all"
    ).fetchall()
    books = {(r[0], r[1]): r for r in rows if r[2] == "books"}
    banks = {(r[0], r[1]): r for r in rows if r[2] != "books"}
    lines = []
    for known in finance.cash_accounts:
        label = {"es": known.label.es, "en": known.label.en}
        for currency in sorted({c for a, c in (*books, *banks) if a in (known.account, known.statement)}):
            book = books.get((known.account, currency))
            bank = banks.pop((known.statement, currency), None) if known.statement else None
            first, second = (
                (bank, book) if bank and bank[2] == "stated" else (book or bank, bank if book else None)
            )
            if first is not None:
                lines.append(
                    CashLine(known.account, label, currency, first[4], first[3], first[2], True,
                             second[4] if second else None)
                )  # fmt: skip
    # An account that nobody linked to the books may be one of theirs: counting it twice would be worse.
    for (account, currency), row in sorted(banks.items()):
        lines.append(
            CashLine(account, {"es": account, "en": account}, currency, row[4], row[3], row[2],
                     counted=not books and currency == home)
        )  # fmt: skip
    return tuple(lines)


def _serve(con: Any, months: int) -> Serve | None:
    rows = con.execute(
        "select period, ledger, direct, time, time_of_nobody, unused, shared, basis, unpriced_minutes "
        "from kpi.cost_to_serve_month order by period desc limit 1"
    ).fetchall()
    if not rows:
        return None
    clients = con.execute(
        "select coalesce(c.name, m.client_id), sum(m.revenue), sum(m.margin_low), sum(m.margin_high) "
        "from kpi.client_margin as m left join core.client as c using (client_id) "
        "where m.period in (select period from kpi.cost_to_serve_month order by period desc limit ?) "
        "group by m.client_id, c.name order by 3, 1",
        [months],
    ).fetchall()
    values: tuple[Any, ...] = (*rows[0], tuple(Served(*row) for row in clients))
    return Serve(*values)


def _pay_days(con: Any) -> tuple[int, int] | None:
    """Days from an invoice to its payment: of half and of nine in ten; None below twenty invoices."""
    count, middle, late = con.execute(
        "select count(*), quantile_disc(paid_on - issued_on, 0.5), quantile_disc(paid_on - issued_on, 0.9) "
        "from core.invoice where status = 'paid' and total > 0 and paid_on >= issued_on"
    ).fetchall()[0]
    return (int(middle), int(late)) if count >= 20 else None


def _months(con: Any) -> tuple[Month, ...]:
    found: dict[str, dict[tuple[str, str], tuple[Decimal, Decimal]]] = {}
    for period, account, kind, debit, credit in con.execute(
        "select period, account, kind, sum(debit), sum(credit) from kpi.account_month "
        "group by all order by period"
    ).fetchall():
        found.setdefault(period, {})[account, kind] = (debit, credit)
    return tuple(Month(period, sums) for period, sums in found.items())


def _figures(con: Any) -> dict[str, FigureNow]:
    rows = con.execute(
        "select kpi, period, value, status, reason, money_numerator, money_denominator from kpi.value "
        "where segment = 'all' and grain = 'month' "
        "qualify row_number() over (partition by kpi order by starts_at desc) = 1"
    ).fetchall()
    return {
        kpi: FigureNow(
            kpi, period, None if value is None else Decimal(str(value)), status, reason, top, bottom
        )
        for kpi, period, value, status, reason, top, bottom in rows
    }


def _churn(con: Any, months: int) -> tuple[int, int]:
    """Clients who left and clients there were, pooled over the latest months."""
    row = con.execute(
        "select coalesce(sum(numerator), 0), coalesce(sum(denominator), 0) from "
        "(select numerator, denominator "
        "from kpi.value where kpi = 'K14' and grain = 'month' and segment = 'all' and numerator is not null "
        "order by starts_at desc limit ?)",
        [months],
    ).fetchall()[0]
    return int(row[0]), int(row[1])


def _new_clients(con: Any) -> dict[str, dict[str, int]]:
    """Period -> source -> new clients."""
    found: dict[str, dict[str, int]] = {}
    for period, source, count in con.execute(
        "select period, source, new_clients from kpi.channel_month order by period"
    ).fetchall():
        found.setdefault(period, {})[source] = count
    return found
