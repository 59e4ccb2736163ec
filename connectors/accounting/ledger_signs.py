"""Which accounts of a ledger with natural signs grow on the debit side.

QuickBooks writes every amount with the sign natural to its account: income and debts that grow are positive,
though they are credits. Which accounts are so is not written; it follows from the transactions, whose lines
must add up to zero, and from the accounts whose names say what they are.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import product

from connectors.accounting.shapes import plain

_MOST = 10  # unknown accounts in one transaction; beyond, all combinations would take too long
_CREDIT = re.compile(
    r"\b(?:payable|a p|sales|revenue|income|equity|loan|credit card|visa|mastercard|amex|retained|"
    r"liabilit\w*|unearned|deferred|ventas|ingresos|proveedores|acreedores|capital|"
    r"reservas|prestamo|fees billed)\b"
)
_DEBIT = re.compile(
    r"\b(?:receivable|a r|checking|savings|bank|cash|undeposited|expenses?|costs?|cogs|rent|supplies|"
    r"utilities|inventory|prepaid|equipment|hosting|banco|caja|clientes|gastos?|compras|sueldos|deudores)\b"
)
Group = Mapping[str, Decimal]  # account -> sum of its natural amounts in one transaction


def natural_sides(groups: Sequence[Group], known: Mapping[str, int]) -> dict[str, int]:
    """1 for accounts that grow by debits, -1 for those that grow by credits; undecided ones are missing.

    `known` settles some accounts beforehand. Groups that agree with nothing are ignored here.
    """
    signs = _Signs()
    for _ in range(len(groups) + 1):
        votes: Counter[tuple[str, str, int]] = Counter()
        for group in groups:
            for relation in _relations(group, signs):
                votes[relation] += 1
        if not votes:
            break
        joined = False
        for (first, second, parity), _count in votes.most_common():
            joined |= signs.join(first, second, parity)
        if not joined:
            break
    evidence: Counter[str] = Counter()
    for account in {name for group in groups for name in group}:
        root, parity = signs.find(account)
        evidence[root] += parity * (100 * known.get(account, 0) or meaning(account))
    return {
        name: (1 if evidence[root] > 0 else -1) * parity
        for name in {name for group in groups for name in group}
        for root, parity in [signs.find(name)]
        if evidence[root]
    }


def meaning(account: str) -> int:
    """1 or -1 where the account's name says on which side it grows, else 0."""
    name = plain(account)
    credit, debit = _CREDIT.search(name), _DEBIT.search(name)
    if bool(credit) == bool(debit):
        return 0
    return -1 if credit else 1


def _relations(group: Group, signs: "_Signs") -> list[tuple[str, str, int]]:
    """What this transaction proves of its accounts: pairs, and whether they grow on the same side."""
    sums: dict[str, Decimal] = {}
    for account, amount in group.items():
        root, parity = signs.find(account)
        sums[root] = sums.get(root, Decimal(0)) + parity * amount
    open_ = {root: amount for root, amount in sums.items() if amount}
    if not 2 <= len(open_) <= _MOST:
        return []
    first, *others = open_
    fits = [
        ways
        for ways in product((1, -1), repeat=len(others))
        if open_[first] + sum((w * open_[o] for w, o in zip(ways, others, strict=True)), Decimal(0)) == 0
    ]
    if len(fits) != 1:
        return []
    return [(first, other, way) for other, way in zip(others, fits[0], strict=True)]


class _Signs:
    """Accounts joined by what is known of them relative to each other."""

    def __init__(self) -> None:
        self.above: dict[str, tuple[str, int]] = {}

    def find(self, account: str) -> tuple[str, int]:
        """The account that stands for its group, and 1 where both grow on the same side."""
        parity = 1
        while account in self.above:
            account, step = self.above[account]
            parity *= step
        return account, parity

    def join(self, first: str, second: str, parity: int) -> bool:
        """Record a relation between two accounts; False where one was known already."""
        root, one = self.find(first)
        other, two = self.find(second)
        if root == other:
            return False
        self.above[other] = (root, one * two * parity)
        return True
