"""A few hand-made events at a time, for tests of the truth: short to write, nothing left to chance."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.events import (
    ConversationOpened,
    ConversationPart,
    ConversationRated,
    ConversationTagged,
    DealCreated,
    DealWon,
    DeliverableDelivered,
    DeliverableErrorReported,
    DeliverableReopened,
    DeliverableRequested,
    Event,
    JournalEntry,
    LeadCreated,
    SubscriptionEnded,
    SurveyAnswered,
)
from sandbox.truth import truth

MADRID = ZoneInfo("Europe/Madrid")


def at(text: str) -> datetime:
    """A local wall-clock time ("2026-05-01" or "2026-05-01 17:30[:05]") as a UTC instant."""
    return datetime.fromisoformat(text).replace(tzinfo=MADRID).astimezone(UTC)


class Story:
    """Events in the making, and the truth about them."""

    def __init__(self, opening: str = "2025-11-03 09:00") -> None:
        self.events: list[Event] = []
        self._talks = 0
        self._entries = 0
        self.lead("opening", opening)

    def lead(self, company: str, when: str, source: str = "ads") -> None:
        self.events.append(
            LeadCreated(
                at=at(when), company=company, person=f"p-{company}", name=company, domain=f"{company}.example",
                industry="legal", country="ES", language="es", source=source, first_name="A", last_name="B",
                email=f"a@{company}.example", owner="sdr1",
            )
        )  # fmt: skip

    def client(
        self, company: str, start: str, end: str | None = None, *, amount: str = "100", interval: str = "month",
        source: str = "ads", deal: str | None = None,
    ) -> str:  # fmt: skip
        """A won deal that runs from start to end; its company's lead appears at the start when it is new."""
        if not any(isinstance(event, LeadCreated) and event.company == company for event in self.events):
            self.lead(company, start, source)
        deal = deal or f"d-{company}"
        price = Decimal(amount)
        self.events += [
            DealCreated(
                at=at(start), deal=deal, company=company, person=f"p-{company}", kind="newbusiness", plan="basic",
                interval=interval, amount=price, list_amount=price, owner="sdr1",
            ),
            DealWon(at=at(start), deal=deal, start_at=at(start)),
        ]  # fmt: skip
        if end:
            self.events.append(SubscriptionEnded(at=at(start), deal=deal, end_at=at(end)))
        return deal

    def talk(
        self, opened: str, *parts: tuple[str, str], tag: str = "", rating: tuple[str, int] | None = None
    ) -> str:
        """A conversation; parts are (when, what), what being one of bot, admin, user, close, open, snoozed, L2, L3."""
        self._talks += 1
        key = f"v{self._talks}"
        self.events.append(
            ConversationOpened(at=at(opened), conversation=key, person="p-opening", subject="?", body="")
        )
        for when, what in parts:
            kind, author, level = what, "admin", ""
            if what in ("bot", "admin", "user"):
                kind, author = "comment", what
            elif what in ("L2", "L3", "L1"):
                kind, level = "assignment", what
            self.events.append(
                ConversationPart(
                    at=at(when), conversation=key, kind=kind, author_kind=author, author="x", to_level=level
                )
            )
        if tag:
            self.events.append(ConversationTagged(at=at(opened), conversation=key, tag=tag))
        if rating:
            self.events.append(ConversationRated(at=at(rating[0]), conversation=key, rating=rating[1]))
        return key

    def survey(self, company: str, when: str, nps: int, csat: int = 5) -> None:
        self.events.append(SurveyAnswered(at=at(when), company=company, csat=csat, nps=nps))

    def book(self, day: str, *lines: tuple[str, str, str]) -> None:
        """A journal entry on a local date; lines are (account, debit, credit)."""
        self._entries += 1
        self.events.append(
            JournalEntry(
                at=at(f"{day} 12:00"), number=self._entries, day=date.fromisoformat(day), kind="Journal Entry",
                document="", name="", memo="",
                lines=tuple((account, Decimal(debit), Decimal(credit)) for account, debit, credit in lines),
            )
        )  # fmt: skip

    def cost(self, day: str, account: str, amount: str) -> None:
        self.book(day, (account, amount, "0"), ("572 Bank main", "0", amount))

    def revenue(self, day: str, amount: str) -> None:
        self.book(day, ("430 Accounts receivable", amount, "0"), ("700 Service revenue", "0", amount))

    def work(
        self,
        requested: str,
        delivered: str | None = None,
        errors: tuple[str, ...] = (),
        reopened: tuple[str, ...] = (),
    ) -> None:
        key = f"w{len(self.events)}"
        self.events.append(
            DeliverableRequested(
                at=at(requested),
                deliverable=key,
                company="opening",
                kind="automation",
                subject="",
                owner="ae1",
            )
        )
        if delivered:
            self.events.append(DeliverableDelivered(at=at(delivered), deliverable=key))
        self.events += [DeliverableErrorReported(at=at(when), deliverable=key) for when in errors]
        self.events += [DeliverableReopened(at=at(when), deliverable=key) for when in reopened]

    def row(self, kpi: str, period: str, clock: str, segment: str = "all") -> dict[str, Any]:
        """The one row of that identity, as known at a local clock."""
        rows = [
            row
            for row in truth(self.events, at(clock), period)
            if row["kpi"] == kpi and row["segment"] == segment
        ]
        assert len(rows) == 1, f"{len(rows)} rows of {kpi} {segment} in {period}"
        return rows[0]

    def parts(self, kpi: str, period: str, clock: str, segment: str = "all") -> tuple[Any, Any, Any]:
        """The (value, numerator, denominator) of that row."""
        row = self.row(kpi, period, clock, segment)
        return row["value"], row["numerator"], row["denominator"]
