"""Gives every bank line its account, or leaves it for a person: fills meta.category.

In this order, the first that is sure decides (docs/categories.md): what a person decided; 0 what was
recognised as no income or cost; 1 what the books say; 2 the invoices or bills it pays; 3 the playbook's
rules; 4 what people decided about the same payee; 5 a learned model; 6 a language model, which only suggests;
7 nobody: the line waits in the review queue, without account. Same records, rules and decisions, same rows;
a row that stays the same keeps its moment.
"""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from playbook.loader import Playbook
from tasks.categories.answers import Connection, answer_all, has_table
from warehouse.errors import WarehouseError
from warehouse.ledger import Ledger
from warehouse.store import Store

STEPS = ("match", "books", "document", "rule", "payee", "model", "suggestion", "person", "review")
_SAME = "account, step, source, rule, confidence, explanation, version"
_TABLES = """
create table if not exists meta.match (
    movement_key varchar not null,
    kind varchar not null,
    other_key varchar,
    amount decimal(18, 4) not null,
    explanation varchar not null,
    matched_at timestamptz not null
);
create table if not exists meta.category (
    movement_key varchar not null,
    account varchar,
    step tinyint not null,
    source varchar,
    rule varchar,
    confidence double,
    explanation varchar,
    version varchar,
    decided_at timestamptz not null
);
"""


class ControlFailed(WarehouseError):
    """Lines with and without account do not add up to all lines; nothing was written."""


@dataclass(frozen=True, slots=True)
class Total:
    """The lines of one file format, currency and month: all of them, and those without account."""

    source: str | None
    currency: str | None
    month: str | None
    lines: int
    amount: Decimal
    open_lines: int
    open_amount: Decimal


def categorise(store: Store, ledger: Ledger, playbook: Playbook, as_of: datetime) -> dict[str, int]:
    """Bring meta.category up to date; lines by who decided them (`review`: nobody), without zeros.

    Raises ControlFailed, with nothing written.
    """
    decisions = ledger.accounts_given()
    with store.write() as con:
        if not has_table(con, "staging", "accounting_movement"):
            return {}
        prepare(con)
        answer_all(con, playbook, decisions, store.home)
        _keep(con, as_of)
        check_totals(con)
        counts = dict(con.execute("select source, count(*) from meta.category group by source").fetchall())
    return {name: counts[name] for name in STEPS if name in counts}


def prepare(con: Connection) -> None:
    """Create what a home made before there were categories lacks."""
    for statement in _TABLES.split(";"):
        if statement.strip():
            con.execute(statement)


def _keep(con: Connection, as_of: datetime) -> None:
    con.execute(
        f"""
        create or replace temp table news as
        select a.* from answer as a left join meta.category as c using (movement_key)
        where c.movement_key is null
            or ({", ".join(f"a.{name}" for name in _SAME.split(", "))})
            is distinct from ({", ".join(f"c.{name}" for name in _SAME.split(", "))})
        """
    )
    con.execute(
        "delete from meta.category where movement_key in (select movement_key from news) "
        "or movement_key not in (select movement_key from answer)"
    )
    con.execute(
        f"insert into meta.category (movement_key, {_SAME}, decided_at) "
        f"select movement_key, {_SAME}, ?::timestamptz from news",
        [as_of],
    )


def totals(con: Connection) -> list[Total]:
    """What has an account and what has not, per source, currency and month; the latest month first."""
    rows = con.execute(
        """
        select
            m.format, m.currency, strftime(m.moved_on, '%Y-%m') as month,
            count(*), coalesce(sum(m.amount), 0),
            count(*) filter (c.account is null), coalesce(sum(m.amount) filter (c.account is null), 0)
        from staging.accounting_movement as m join meta.category as c using (movement_key)
        group by all order by month desc nulls last, m.format, m.currency
        """
    ).fetchall()
    return [Total(*row) for row in rows]


def check_totals(con: Connection) -> None:
    """The control: per source, currency and month, lines with account and without are all the lines.

    Raises ControlFailed, naming the first place where they are not.
    """
    wrong = con.execute(
        """
        with lines as (
            select format, currency, strftime(moved_on, '%Y-%m') as month, count(*) as n,
                coalesce(sum(amount), 0) as amount
            from staging.accounting_movement group by all
        ),
        parts as (
            select m.format, m.currency, strftime(m.moved_on, '%Y-%m') as month,
                count(*) filter (c.account is not null) + count(*) filter (c.account is null) as n,
                coalesce(sum(m.amount) filter (c.account is not null), 0)
                + coalesce(sum(m.amount) filter (c.account is null), 0) as amount
            from meta.category as c left join staging.accounting_movement as m using (movement_key)
            group by all
        )
        select coalesce(l.format, p.format), coalesce(l.currency, p.currency), coalesce(l.month, p.month),
            coalesce(l.n, 0), coalesce(p.n, 0), coalesce(l.amount, 0), coalesce(p.amount, 0)
        from lines as l full join parts as p
            on (l.format, l.currency, l.month) is not distinct from (p.format, p.currency, p.month)
        where l.n is distinct from p.n or l.amount is distinct from p.amount
        order by all limit 1
        """
    ).fetchone()
    if wrong is not None:
        source, currency, month, lines, parts, amount, found = wrong
        raise ControlFailed(
            f"{source or 'no format'}, {currency or 'no currency'}, {month or 'no month'}: {lines} lines of "
            f"{amount} in all, but {parts} of {found} with and without account together; nothing was "
            "written. Run `tenfold sync accounting --full`, and report it if it stays"
        )
