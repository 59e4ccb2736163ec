"""The ledger's tables. A change here needs a migration in migrations/versions (a test compares them)."""

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Index, func, text
from sqlalchemy.types import TypeDecorator
from sqlmodel import Column, Field, SQLModel


class UtcInstant(TypeDecorator[datetime]):
    """An aware instant. SQLite keeps no zone, so UTC goes in and comes out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """The instant in UTC. Raises ValueError for one without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("the ledger takes instants with a time zone only")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """The instant, aware, in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _instant(*, nullable: bool = True) -> Column[datetime]:
    return Column(UtcInstant, nullable=nullable)


def _written_at() -> Column[datetime]:
    # The database's own clock: as_of may be a sandbox's virtual one, and both are worth knowing.
    return Column(UtcInstant, nullable=False, server_default=func.now())


class Decision(SQLModel, table=True):
    """One thing decided about one client (or about nobody in particular), with what it was decided on.

    `key` is the decision's identity: the same one is never taken twice.
    """

    id: int | None = Field(default=None, primary_key=True)
    key: str = Field(unique=True)
    as_of: datetime = Field(sa_column=_instant(nullable=False))
    rule: str = Field(index=True)
    rule_version: str
    client_id: str | None = Field(default=None, index=True)
    subject: str | None = None
    outcome: str
    reason: str | None = None
    inputs: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    created_at: datetime | None = Field(default=None, sa_column=_written_at())


class Outbox(SQLModel, table=True):
    """One effect on the outside. `handover_at` is set just before it can no longer be taken back."""

    id: int | None = Field(default=None, primary_key=True)
    business_key: str = Field(unique=True)
    channel: str
    payload: dict[str, Any] = Field(default_factory=dict, sa_column=Column(JSON, nullable=False))
    marker: str
    state: str = Field(default="queued", index=True)
    useful_until: datetime | None = Field(default=None, sa_column=_instant())
    handover_at: datetime | None = Field(default=None, sa_column=_instant())
    settled_at: datetime | None = Field(default=None, sa_column=_instant())
    attempts: int = 0
    next_try_at: datetime | None = Field(default=None, sa_column=_instant())
    provider_ref: str | None = None
    error: str | None = None
    decision_id: int | None = Field(default=None, foreign_key="decision.id", index=True)
    queued_at: datetime = Field(sa_column=_instant(nullable=False))
    created_at: datetime | None = Field(default=None, sa_column=_written_at())


class Alert(SQLModel, table=True):
    """One time that a rule rang for an entity; at most one that is not resolved for each dedup key."""

    id: int | None = Field(default=None, primary_key=True)
    dedup_key: str
    rule: str
    entity: str
    severity: str
    state: str = "open"
    title: str
    detail: str | None = None
    opened_at: datetime = Field(sa_column=_instant(nullable=False))
    evaluated_at: datetime = Field(sa_column=_instant(nullable=False))
    resolved_at: datetime | None = Field(default=None, sa_column=_instant())
    last_value: float | None = None
    period: str | None = None
    acked_by: str | None = None
    silenced_until: datetime | None = Field(default=None, sa_column=_instant())
    silence_reason: str | None = None

    __table_args__ = (
        Index(
            "alert_one_unresolved",
            "dedup_key",
            unique=True,
            sqlite_where=text("state <> 'resolved'"),
            postgresql_where=text("state <> 'resolved'"),
        ),
    )


class Switch(SQLModel, table=True):
    """Whether a channel delivers (dry_run, live, stopped); who came before `go_live_date` is left alone."""

    channel: str = Field(primary_key=True)
    mode: str
    go_live_date: date | None = None
    set_at: datetime = Field(sa_column=_instant(nullable=False))


class Home(SQLModel, table=True):
    """Which kind of home this ledger belongs to: one row, real or sandbox."""

    id: int | None = Field(default=None, primary_key=True)
    kind: str
    created_at: datetime = Field(sa_column=_instant(nullable=False))


class CategoryDecision(SQLModel, table=True):
    """The account that a person gave to a bank line. Rows are only added: of several, the last one counts."""

    __tablename__ = "category_decision"

    id: int | None = Field(default=None, primary_key=True)
    movement_key: str = Field(index=True)
    account: str
    decided_by: str | None = None
    as_of: datetime = Field(sa_column=_instant(nullable=False))
    created_at: datetime | None = Field(default=None, sa_column=_written_at())
