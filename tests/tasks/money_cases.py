"""A home with bank lines in staging, as the import leaves them, and what categorising makes of them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from playbook.categories import Categories
from playbook.loader import Playbook, load_playbook
from tasks.categorise import categorise, prepare
from warehouse.ledger import Ledger
from warehouse.store import Store

NOW = datetime(2026, 11, 16, 7, tzinfo=UTC)
LATER = NOW + timedelta(days=1)
SHIPPED = load_playbook()
MATCHED = SHIPPED.categories.matched

_MOVEMENT = """
create table if not exists staging.accounting_movement (
    movement_key varchar, format varchar, account varchar, currency varchar, moved_on date, value_on date,
    amount decimal(18, 4), text varchar, balance decimal(18, 4), bank_id varchar, category varchar,
    gross decimal(18, 4), fee decimal(18, 4), received_at timestamptz
)
"""


@dataclass(frozen=True)
class Answer:
    account: str | None
    step: int
    source: str
    rule: str | None
    explanation: str
    version: str | None
    decided_at: datetime


class Bank:
    """One home. `line` adds a bank line, `run` categorises, `answer` says what became of a line."""

    def __init__(self, folder: Path, ledger: Ledger, playbook: Playbook = SHIPPED) -> None:
        self.store, self.ledger, self.playbook = Store(folder), ledger, playbook
        with self.store.write() as con:
            con.execute(_MOVEMENT)
            prepare(con)

    def line(self, key: str, text: str | None, amount: str = "-10", **changes: Any) -> str:
        usual = {
            "format": "bank_csv",
            "account": "ES1",
            "currency": "EUR",
            "moved_on": date(2026, 11, 2),
            "category": None,
        }
        row = {**usual, "movement_key": key, "text": text, "amount": Decimal(amount), **changes}
        with self.store.write() as con:
            con.execute(
                f"insert into staging.accounting_movement ({', '.join(row)}) values ({', '.join('?' * len(row))})",
                list(row.values()),
            )
        return key

    def match(self, key: str, kind: str, other: str | None = None) -> None:
        with self.store.write() as con:
            con.execute(
                "insert into meta.match values (?, ?, ?, 10, ?, ?)",
                [key, kind, other, f"found a {kind}", NOW],
            )

    def decide(self, key: str, account: str, as_of: datetime = NOW) -> None:
        self.ledger.give_account(key, account, "eva", as_of)

    def run(self, as_of: datetime = NOW) -> dict[str, int]:
        return categorise(self.store, self.ledger, self.playbook, as_of)

    def answers(self) -> dict[str, Answer]:
        with self.store.read() as con:
            rows = con.execute(
                "select movement_key, account, step, source, rule, explanation, version, decided_at "
                "from meta.category"
            ).fetchall()
        assert len({row[0] for row in rows}) == len(rows)
        return {row[0]: Answer(*row[1:]) for row in rows}

    def answer(self, key: str) -> Answer:
        return self.answers()[key]

    def sql(self, statement: str) -> list[tuple]:
        with self.store.write() as con:
            return con.execute(statement).fetchall()


def with_rules(*rules: dict, **changes: Any) -> Playbook:
    """The shipped playbook with these rules and no others."""
    made = Categories.model_validate({"matched": MATCHED, "rules": rules, **changes})
    return SHIPPED.model_copy(update={"categories": made})


def rule(
    name: str, account: str, *when: dict, hit: dict, miss: dict | None = None, priority: int = 0
) -> dict:
    return {
        "id": name,
        "account": account,
        "priority": priority,
        "why": {"es": "porque sí", "en": "because"},
        "when": when,
        "hit": hit,
        "miss": miss or {"text": "-", "amount": 1},
    }
