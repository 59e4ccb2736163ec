"""Rules that give a bank line its account: what one may say, when it holds, and which of several counts.

Texts are compared in lower case without accents, otherwise raw: nothing is cut off before a rule sees it.
The same rules run as SQL over all lines (tasks/categories/rules.py); here they judge one line, so that every
rule's examples are tried when the playbook is read.
"""

import hashlib
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from playbook.base import Bilingual, Strict

Name = Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
Text = Annotated[str, Field(min_length=1)]
Matched = Literal["transfer", "payout", "card_settlement", "loan", "tax", "receivable", "payable"]
MATCHED: tuple[Matched, ...] = (
    "transfer",
    "payout",
    "card_settlement",
    "loan",
    "tax",
    "receivable",
    "payable",
)
# The SQL engine's expressions know neither looking around nor repeating a group.
_NOT_EVERYWHERE = re.compile(r"\(\?(?!:|P<)|\\[1-9]|\\[ZGK]")
# How exact an operator is, after Actual Budget's ranking.
_POINTS = {"equals": 10, "one_of": 9, "between": 5, "above": 1, "below": 1, "contains": 0, "matches": 0}


def folded(text: str) -> str:
    """Lower case without accents: how texts are compared."""
    parts = unicodedata.normalize("NFD", text.lower())
    return "".join(letter for letter in parts if not unicodedata.combining(letter))


class Line(Strict):
    """One bank line as a rule sees it; `bank_account` is ours, `category` what the file itself gives."""

    text: str = ""
    amount: Decimal = Decimal(-10)
    format: str = ""
    bank_account: str = ""
    category: str = ""
    currency: str = "EUR"


class Condition(Strict):
    """One thing that must hold (with `unless: true`: must not) of one field, by exactly one operator.

    `contains` lists texts of which one must be there; `matches` is a regular expression; `above` and `below`
    leave the bound itself out, `between` holds both bounds.
    """

    field: Literal["text", "format", "bank_account", "category", "currency", "amount"]
    equals: Text | None = None
    one_of: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    contains: Annotated[tuple[Text, ...], Field(min_length=1)] | None = None
    matches: Text | None = None
    between: tuple[Decimal, Decimal] | None = None
    above: Decimal | None = None
    below: Decimal | None = None
    unless: bool = False

    @field_validator("matches")
    @classmethod
    def _an_expression(cls, value: str | None) -> str | None:
        if value is not None:
            if _NOT_EVERYWHERE.search(value):
                raise ValueError("looking around and repeated groups are not possible; use two conditions")
            try:
                re.compile(value)
            except re.error as error:
                raise ValueError(f"is no regular expression ({error})") from None
        return value

    @model_validator(mode="after")
    def _one_operator(self) -> "Condition":
        given = [name for name in _POINTS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"needs exactly one of {', '.join(_POINTS)}")
        if (self.field == "amount") != (given[0] in {"between", "above", "below"}):
            raise ValueError("an amount is compared by between, above or below, and nothing else is")
        if self.between is not None and self.between[0] > self.between[1]:
            raise ValueError("between needs the lower bound first (-500 is lower than -100)")
        return self

    @property
    def operator(self) -> str:
        """The one operator given."""
        return next(name for name in _POINTS if getattr(self, name) is not None)

    def holds(self, line: Line) -> bool:
        """Whether the line meets it."""
        return self._found(line) != self.unless

    def _found(self, line: Line) -> bool:
        if self.field == "amount":
            if self.between is not None:
                return self.between[0] <= line.amount <= self.between[1]
            if self.above is not None:
                return line.amount > self.above
            return self.below is not None and line.amount < self.below
        value = folded(str(getattr(line, self.field)))
        if self.equals is not None:
            return value == folded(self.equals)
        if self.one_of is not None:
            return value in {folded(item) for item in self.one_of}
        if self.contains is not None:
            return any(folded(item) in value for item in self.contains)
        return re.search(self.matches or "", value, re.IGNORECASE | re.ASCII) is not None


class Rule(Strict):
    """The account of every line that meets all conditions.

    `hit` is a line that the rule must decide, `miss` one that it must not touch; both are tried on reading.
    """

    id: Name
    account: str
    priority: Annotated[int, Field(ge=-1000, le=1000)] = 0
    why: Bilingual
    when: Annotated[tuple[Condition, ...], Field(min_length=1)]
    hit: Line
    miss: Line

    @model_validator(mode="after")
    def _examples(self) -> "Rule":
        for condition in self.when:
            if not condition.holds(self.hit):
                raise ValueError(f"its example `hit` does not meet the condition on {condition.field}")
        if self.holds(self.miss):
            raise ValueError("its example `miss` meets every condition; one of them is wrong")
        return self

    @property
    def rank(self) -> tuple[int, int]:
        """Which rule goes first: the greater priority, then the more exact conditions."""
        points = sum(_POINTS[condition.operator] for condition in self.when)
        exact = all(condition.operator in {"equals", "one_of"} for condition in self.when)
        return self.priority, points * 2 if exact else points

    @property
    def version(self) -> str:
        """Changes whenever the rule says something else; its examples and reason are no part of that."""
        said = self.model_dump_json(include={"account", "priority", "when"})
        return hashlib.sha256(said.encode()).hexdigest()[:12]

    def holds(self, line: Line) -> bool:
        """Whether the line meets all conditions."""
        return all(condition.holds(line) for condition in self.when)


class Code(Strict):
    """An account as somebody else's books call it, and ours; `format` None is any file."""

    code: Text
    account: str
    format: str | None = None


class Categories(Strict):
    """How bank lines get their account.

    `matched` is the account of what was recognised before any rule, `books` the formats whose category is an
    account already, `codes` how to translate those, `payees_apart` the sellers of everything, from whom
    nothing is learnt.
    """

    matched: dict[Matched, str]
    books: tuple[str, ...] = ()
    codes: tuple[Code, ...] = ()
    payees_apart: tuple[Text, ...] = ()
    rules: tuple[Rule, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "Categories":
        if missing := [kind for kind in MATCHED if kind not in self.matched]:
            raise ValueError(f"matched: there is no account for '{missing[0]}'")
        ids: set[str] = set()
        for rule in self.rules:
            if rule.id in ids:
                raise ValueError(f"rules: the id '{rule.id}' stands twice; rename one of them")
            ids.add(rule.id)
        codes: set[tuple[str | None, str]] = set()
        for code in self.codes:
            if (code.format, folded(code.code)) in codes:
                raise ValueError(f"codes: '{code.code}' stands twice; remove one of them")
            codes.add((code.format, folded(code.code)))
        for rule in self.rules:
            verdict = decide(self.rules, rule.hit)
            if verdict is None or verdict.account != rule.account:
                others = ", ".join(name for name in verdict.rules if name != rule.id) if verdict else ""
                raise ValueError(
                    f"rules: the example `hit` of '{rule.id}' is decided otherwise by {others}; "
                    "give one of them a priority or narrower conditions"
                )
        return self

    @property
    def accounts(self) -> list[tuple[str, str]]:
        """(where it is named, account) of every account that is named anywhere."""
        return [
            *((f"matched.{kind}", account) for kind, account in self.matched.items()),
            *((f"codes.{code.code}", code.account) for code in self.codes),
            *((f"rules.{rule.id}", rule.account) for rule in self.rules),
        ]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the rules say about one line; without account, those named rank alike and disagree."""

    account: str | None
    rules: tuple[str, ...]


def decide(rules: Sequence[Rule], line: Line) -> Verdict | None:
    """What the rules of the highest rank that holds say; None where none holds."""
    holding = [rule for rule in rules if rule.holds(line)]
    if not holding:
        return None
    first = max(rule.rank for rule in holding)
    named = [rule for rule in holding if rule.rank == first]
    accounts = {rule.account for rule in named}
    return Verdict(accounts.pop() if len(accounts) == 1 else None, tuple(sorted(rule.id for rule in named)))
