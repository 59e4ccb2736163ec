"""The review queue: lines that wait for a person, what is suggested for each, and the person's answer."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import yaml

from playbook.categories import Categories, folded
from playbook.loader import SHIPPED, Playbook, PlaybookError, load_playbook
from tasks.categories.answers import has_table, open_payees
from tasks.categories.suggest import Suggester, suggestions
from tasks.categorise import Total, categorise, prepare, totals
from warehouse.errors import WarehouseError
from warehouse.ledger import Ledger
from warehouse.store import Store, write_whole


class CannotDecide(WarehouseError):
    """The line or the account is not there; the message says which are."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """One line without account. `suggestion` is a hint for a person and decides nothing."""

    key: str
    moved_on: date | None
    amount: Decimal
    currency: str | None
    source: str | None
    text: str | None
    reason: str
    suggestion: str | None
    because: str | None


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits, the largest amount first, and how much money that is by source, currency and month."""

    lines: list[Waiting]
    totals: list[Total]


@dataclass(frozen=True, slots=True)
class Decided:
    """What a decision led to: lines by who decides them now, others that it settled, a rule offered."""

    key: str
    account: str
    counts: Mapping[str, int]
    also_settled: int
    rule: str | None
    written_to: str | None


def waiting(
    store: Store, ledger: Ledger, playbook: Playbook, limit: int = 50, suggester: Suggester | None = None
) -> Queue:
    """The queue, with what memory or (where one is given) a language model suggests for each line."""
    decisions = ledger.accounts_given()
    with store.write() as con:
        if not has_table(con, "staging", "accounting_movement"):
            return Queue([], [])
        prepare(con)
        rows = con.execute(
            "select movement_key, moved_on, amount, currency, format, text, c.explanation "
            "from meta.category as c join staging.accounting_movement as m using (movement_key) "
            "where c.account is null order by abs(amount) desc, movement_key limit ?",
            [limit],
        ).fetchall()
        payees = open_payees(con, playbook, decisions, [row[0] for row in rows])
        shown = totals(con)
    accounts = [account.name for account in playbook.accounts]
    unknown = sorted({one.payee for one in payees.values() if one.payee and one.account is None})
    guessed = suggestions(unknown, accounts, suggester)
    lines = []
    for row in rows:
        known = payees[row[0]]
        suggestion, because = known.account, f"{known.agree} of the last {known.of} of this payee"
        if suggestion is None:
            suggestion, because = guessed.get(known.payee or ""), "a language model"
        lines.append(Waiting(*(*row, suggestion, because if suggestion else None)))
    return Queue(lines, shown)


def decide(
    store: Store,
    ledger: Ledger,
    playbook: Playbook,
    as_of: datetime,
    *,
    key: str,
    account: str,
    by: str | None = None,
    as_rule: bool = False,
) -> Decided:
    """Give a line its account, keep that for good, and let it teach: other lines are looked at again.

    `key` may be the beginning of a key, `account` the beginning of an account's name. With `as_rule` the rule
    that is offered is written into the playbook first. Raises CannotDecide.
    """
    name = _account(playbook, account)
    with store.read() as con:
        if not has_table(con, "staging", "accounting_movement"):
            raise CannotDecide("no bank lines have been read yet; import a file first")
        found = con.execute(
            "select movement_key, text, amount from staging.accounting_movement "
            "where starts_with(movement_key, ?) order by movement_key limit 2",
            [key],
        ).fetchall()
    exact = [row for row in found if row[0] == key] or found
    if len(exact) != 1:
        raise CannotDecide(
            f"{'no bank line has' if not found else 'several bank lines have'} a key that begins with "
            f"'{key}'; `tenfold review money` shows the keys"
        )
    movement_key, text, amount = exact[0]
    offered = offer(playbook.categories, text, amount, name)
    written = None
    if as_rule:
        if offered is None:
            raise CannotDecide("its text names nobody, so no rule can be made of it; decide without --rule")
        playbook, written = add_rule(playbook, offered)
    before = _decided_keys(store)
    ledger.give_account(movement_key, name, by, as_of)
    counts = categorise(store, ledger, playbook, as_of)
    settled = _decided_keys(store) - before - {movement_key}
    return Decided(movement_key, name, counts, len(settled), _as_yaml(offered), written)


def _decided_keys(store: Store) -> set[str]:
    with store.read() as con:
        if not has_table(con, "meta", "category"):
            return set()
        rows = con.execute("select movement_key from meta.category where account is not null").fetchall()
    return {row[0] for row in rows}


def _account(playbook: Playbook, given: str) -> str:
    names = [account.name for account in playbook.accounts]
    exact = [name for name in names if folded(name) == folded(given)]
    found = exact or [name for name in names if folded(name).startswith(folded(given))]
    if len(found) != 1:
        raise CannotDecide(
            f"'{given}' is {'no account' if not found else 'several accounts'} of accounts.yaml; choose one "
            f"of {', '.join(found or names)}"
        )
    return found[0]


def offer(categories: Categories, text: str | None, amount: Decimal, account: str) -> dict[str, Any] | None:
    """A rule for lines that read like this one and go the same way; it goes before the shipped rules.

    None for a text that names nobody. It looks for the longest run of words, up to a number: what follows is
    most often a reference.
    """
    runs = re.findall(r"[^\W\d_][^\d]*", folded(text or ""))
    words = max((" ".join(run.split()).strip(" .,:;-/*") for run in runs), key=len, default="")
    if len(re.sub(r"\W", "", words)) < 3:
        return None
    taken = {rule.id for rule in categories.rules}
    stem = re.sub(r"[^a-z0-9]+", "_", words).strip("_")[:30] or "rule"
    number = next(n for n in range(1, len(taken) + 2) if (stem if n == 1 else f"{stem}_{n}") not in taken)
    direction = {"field": "amount", "above" if amount > 0 else "below": 0}
    when = [{"field": "text", "contains": [words]}, direction]
    return {
        "id": stem if number == 1 else f"{stem}_{number}",
        "account": account,
        "priority": 50,
        "why": {"es": f"Decidido una vez para «{words}»", "en": f"Decided once for “{words}”"},
        "when": when,
        "hit": {"text": words, "amount": 1 if amount > 0 else -1},
        "miss": {"text": words, "amount": -1 if amount > 0 else 1},
    }


def _as_yaml(rule: dict[str, Any] | None) -> str | None:
    if rule is None:
        return None
    text: str = yaml.safe_dump([rule], allow_unicode=True, sort_keys=False, width=110)
    return "".join(f"  {line}" for line in text.splitlines(keepends=True))


def add_rule(playbook: Playbook, rule: dict[str, Any]) -> tuple[Playbook, str]:
    """Append the rule to the playbook's categories.yaml; the playbook as it reads then, and the file.

    Raises CannotDecide where the file is not ours to change or the rule contradicts another; the file is
    then as it was.
    """
    path = playbook.folder / "categories.yaml"
    if playbook.folder == SHIPPED.resolve():
        raise CannotDecide(
            "the playbook that ships with Tenfold is not written to: an upgrade would lose the rule. Copy "
            "it, name the copy in TENFOLD_PLAYBOOK, or decide without --rule"
        )
    before = path.read_text(encoding="utf-8")
    mark = "\n\n  # Written by `tenfold review money decide`\n"
    write_whole(path, before.rstrip("\n") + mark + (_as_yaml(rule) or ""))
    try:
        return load_playbook(playbook.folder), str(path)
    except PlaybookError as error:
        write_whole(path, before)
        raise CannotDecide(f"the rule does not fit into the others: {error}") from None
