"""What a language model would say. Off unless somebody hands one in; it suggests to a person, never decides.

Nothing leaves the house from here: a `Suggester` is a function, asked once for each payee, chart and model.
"""

import hashlib
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

UNKNOWN = "unknown"


class Ask(Protocol):
    """Asks a model for the account of each payee, one of those given or `unknown`."""

    def __call__(self, payees: Sequence[str], accounts: Sequence[str]) -> dict[str, str]:
        """Payee -> account."""


@dataclass(frozen=True, slots=True)
class Suggester:
    """A model by name, how to ask it, and what it said before: (payee, chart, model) -> account."""

    model: str
    ask: Ask
    said: MutableMapping[tuple[str, str, str], str] = field(default_factory=dict)


def suggestions(
    payees: Sequence[str], accounts: Sequence[str], suggester: Suggester | None
) -> dict[str, str]:
    """Payee -> account for those it has an idea about; what is no account of the chart is dropped."""
    if suggester is None or not payees:
        return {}
    chart = hashlib.sha256("\0".join(sorted(accounts)).encode()).hexdigest()[:12]
    new = [payee for payee in payees if (payee, chart, suggester.model) not in suggester.said]
    if new:
        answers = suggester.ask(new, [*accounts, UNKNOWN])
        for payee in new:
            answer = answers.get(payee, UNKNOWN)
            suggester.said[payee, chart, suggester.model] = answer if answer in accounts else UNKNOWN
    found = {payee: suggester.said[payee, chart, suggester.model] for payee in payees}
    return {payee: account for payee, account in found.items() if account != UNKNOWN}
