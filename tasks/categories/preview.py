"""What other rules would change over all lines, before they count: nothing is written."""

from dataclasses import dataclass
from decimal import Decimal

from playbook.loader import Playbook
from tasks.categories.answers import answer_all, has_table
from tasks.categorise import prepare
from warehouse.ledger import Ledger
from warehouse.store import Store


@dataclass(frozen=True, slots=True)
class Change:
    """Lines of one currency that would go from one account to another; None is no account."""

    before: str | None
    after: str | None
    rule: str | None
    currency: str | None
    lines: int
    amount: Decimal
    example: str | None


class _Undo(Exception):
    """Leaves the transaction without a trace."""


def preview(store: Store, ledger: Ledger, playbook: Playbook) -> list[Change]:
    """How the answers of `playbook` differ from those that count now, the most money first."""
    decisions = ledger.accounts_given()
    changes: list[Change] = []
    try:
        with store.write() as con:
            if not has_table(con, "staging", "accounting_movement"):
                return []
            prepare(con)
            answer_all(con, playbook, decisions, None)
            rows = con.execute(
                """
                select
                    c.account as before, a.account as after, a.rule, m.currency,
                    count(*), coalesce(sum(m.amount), 0), any_value(m.text)
                from answer as a
                join staging.accounting_movement as m using (movement_key)
                left join meta.category as c using (movement_key)
                where a.account is distinct from c.account
                group by all order by sum(abs(m.amount)) desc, c.account, a.account, a.rule, m.currency
                """
            ).fetchall()
            changes = [Change(*row) for row in rows]
            raise _Undo  # noqa: TRY301 - the store rolls back for an error and for nothing else
    except _Undo:
        return changes
