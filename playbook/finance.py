"""What the playbook says of money: accounts that hold it, how it is judged, and what was planned."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Identifier = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]+$")]
MonthDay = Annotated[str, Field(pattern=r"^(0[1-9]|1[0-2])-(0[1-9]|[12]\d)$|^(0[13-9]|1[0-2])-30$")]
Money = Annotated[Decimal, Field(ge=0)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Words(_Model):
    """The same text in Spanish and English."""

    es: Annotated[str, Field(min_length=1)]
    en: Annotated[str, Field(min_length=1)]

    def in_language(self, language: str) -> str:
        """The text in `language`, English where the language is not one of ours."""
        return self.es if language == "es" else self.en


class CashAccount(_Model):
    """An account of the books that holds money."""

    account: str
    label: Words
    statement: str | None = None


class Payable(_Model):
    """An account of what is owed, and within how many days it is paid."""

    account: str
    days: Annotated[int, Field(ge=0)]


class HireRule(_Model):
    """The post that a figure asks for when it is off its target."""

    kpi: Identifier
    role: str


class Channel(_Model):
    """A way to win clients: the accounts it costs, the sources of clients it brings."""

    id: Identifier
    name: Words
    accounts: tuple[str, ...] = ()
    sources: tuple[str, ...]


class Activity(_Model):
    """Work for clients: what is counted, how long one takes, whose time it is."""

    id: Identifier
    name: Words
    of: Literal["conversation", "deliverable", "onboarding"]
    level: str | None = None
    minutes: Annotated[Decimal, Field(gt=0)]
    role: str


class Finance(_Model):
    """How money is judged. What is empty is not configured, and nothing is answered that rests on it."""

    cash_accounts: tuple[CashAccount, ...] = ()
    payroll_accounts: tuple[str, ...] = ()
    tax_accounts: tuple[str, ...] = ()
    tax_days: tuple[MonthDay, ...] = ()
    payables: tuple[Payable, ...] = ()
    loan_accounts: tuple[str, ...] = ()
    payment_terms_days: Annotated[int, Field(ge=0)] = 30
    disputed: tuple[str, ...] = ()
    books_fresh_days: Annotated[int, Field(ge=1)] = 7
    reminder_gap_days: Annotated[int, Field(ge=1)] = 7
    doubtful_after_days: Annotated[int, Field(gt=0)] = 90
    months_looked_back: Annotated[int, Field(ge=2, le=24)] = 3
    cash_floor_months: Annotated[Decimal, Field(ge=0)] = Decimal(3)
    hire_when: tuple[HireRule, ...] = ()
    channels: tuple[Channel, ...] = ()
    payback_months: Annotated[int, Field(gt=0)] = 12
    hours_per_month: Annotated[Decimal, Field(gt=0)] = Decimal(160)
    practical_share: Annotated[Decimal, Field(gt=0, le=1)] = Decimal("0.8")
    activities: tuple[Activity, ...] = ()
    minutes_spread: Annotated[Decimal, Field(ge=0, lt=1)] = Decimal("0.25")


class Phase(_Model):
    """Months (first and last, counted from 1) and what is to be spent in them, by what for."""

    months: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
    investment: dict[Identifier, Money]

    @model_validator(mode="after")
    def _in_order(self) -> "Phase":
        if self.months[1] < self.months[0]:
            raise ValueError("the last month lies before the first")
        return self


class Plan(_Model):
    """What was planned: money by phase, MRR by month, when income covers costs, what comes back."""

    start: date
    phases: tuple[Phase, ...]
    accounts: dict[Identifier, tuple[str, ...]] = {}
    mrr: dict[int, Money] = {}
    break_even_month: int | None = None
    roi: dict[int, Annotated[Decimal, Field()]] = {}

    @model_validator(mode="after")
    def _first_of_month(self) -> "Plan":
        if self.start.day != 1:
            raise ValueError("the start is not the first day of a month")
        return self
