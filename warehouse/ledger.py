"""The operational database: what was decided, what leaves the house, what rings, what is switched on.

SQLite in the home by default, PostgreSQL by URL; instants are aware UTC on both. Opening brings the tables
up to date. Writing transactions run one after the other.
"""

import fcntl
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, Engine, create_engine, event, func, text
from sqlalchemy.engine import make_url
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError, DatabaseError, NoSuchModuleError, OperationalError, ProgrammingError
from sqlalchemy.orm import Mapped, Session
from sqlalchemy.pool import ConnectionPoolEntry
from sqlmodel import col, select

from warehouse.errors import WarehouseError
from warehouse.ledger_tables import Alert, CategoryDecision, Decision, Home, Outbox, Switch

__all__ = [
    "Alert",
    "CategoryDecision",
    "Decision",
    "Home",
    "Ledger",
    "LedgerError",
    "NewDecision",
    "NewEffect",
    "Outbox",
    "Switch",
    "open_ledger",
]

REVISION = "0002"  # the newest in migrations/versions; a test compares them
FILE = "ledger.sqlite"
MIGRATIONS = Path(__file__).parent / "migrations"
BUSY_SECONDS = 30
WRITERS = 7_203_641  # the number of our advisory lock on PostgreSQL: any, but always the same
IN_ONE_QUERY = 500


class LedgerError(WarehouseError):
    """The ledger cannot be opened or does not hold what is asked; the message says what to do."""


@dataclass(frozen=True, slots=True)
class NewEffect:
    """Something to be done outside, to be queued. `business_key` makes it happen once for all time.

    `marker` finds it again at the provider; after `useful_until` (aware) it is not done any more.
    """

    business_key: str
    channel: str
    payload: Mapping[str, Any]
    marker: str
    useful_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class NewDecision:
    """Something decided, with the effect that follows from it, if any."""

    key: str
    as_of: datetime
    rule: str
    rule_version: str
    outcome: str
    client_id: str | None = None
    subject: str | None = None
    reason: str | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    effect: NewEffect | None = None


class Ledger:
    """One home's operational database. Rows that it returns are copies: changing them changes nothing."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = engine.execution_options(tenfold_write=True)

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session that sees one state of the ledger."""
        with Session(self._engine, expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """One writing transaction: committed at the end, rolled back on any error, never beside another."""
        with Session(self._writer, expire_on_commit=False) as session, session.begin():
            if self._engine.dialect.name == "postgresql":
                session.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": WRITERS})
            yield session

    def close(self) -> None:
        """Give back the connections."""
        self._engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Decisions and effects

    def record(self, decisions: Sequence[NewDecision]) -> int:
        """Write the decisions not yet taken, each with its effect, in one transaction; how many were new.

        A decision is known by its `key`, an effect by its `business_key`: what is there already stays.
        """
        with self.write() as session:
            taken = _present(session, col(Decision.key), [decision.key for decision in decisions])
            keys = [decision.effect.business_key for decision in decisions if decision.effect]
            queued = _present(session, col(Outbox.business_key), keys)
            new: list[tuple[NewDecision, Decision]] = []
            for decision in decisions:
                if decision.key in taken:
                    continue
                taken.add(decision.key)
                new.append((decision, _decision_row(decision)))
            session.add_all(row for _, row in new)
            session.flush()
            for decision, row in new:
                effect = decision.effect
                if effect is not None and effect.business_key not in queued:
                    queued.add(effect.business_key)
                    session.add(_outbox_row(effect, decision.as_of, row.id))
            return len(new)

    def enqueue(self, effects: Sequence[NewEffect], as_of: datetime) -> int:
        """Queue effects that need no decision of their own (a report by mail); how many were new."""
        with self.write() as session:
            return add_effects(session, effects, as_of)

    def decided(self, rules_like: str = "%") -> dict[tuple[str, str], dict[str, datetime]]:
        """(client id, rule) -> outcome -> as_of, of every decision about a client under such a rule."""
        found: dict[tuple[str, str], dict[str, datetime]] = {}
        with self.read() as session:
            rows = session.execute(
                select(
                    col(Decision.client_id), col(Decision.rule), col(Decision.outcome), col(Decision.as_of)
                ).where(col(Decision.client_id).is_not(None), col(Decision.rule).like(rules_like))
            )
            for client_id, rule, outcome, as_of in rows:
                found.setdefault((str(client_id), rule), {})[outcome] = as_of
        return found

    def decision_keys(self, like: str) -> set[str]:
        """The keys of the decisions taken, of those that are like a pattern (`payment/%`)."""
        with self.read() as session:
            return set(session.scalars(select(col(Decision.key)).where(col(Decision.key).like(like))))

    def why(self, client_id: str) -> list[tuple[Decision, Outbox | None]]:
        """Every decision about a client, oldest first, with the effect that followed."""
        with self.read() as session:
            rows = session.execute(
                select(Decision, Outbox)
                .outerjoin(Outbox, col(Outbox.decision_id) == col(Decision.id))
                .where(col(Decision.client_id) == client_id)
                .order_by(col(Decision.as_of), col(Decision.id))
            )
            return [(decision, effect) for decision, effect in rows]

    def decisions_between(
        self, start: datetime, end: datetime, outcome: str | None = None
    ) -> list[tuple[Decision, Outbox | None]]:
        """Decisions with start <= as_of < end, oldest first, each with the effect that followed."""
        query = (
            select(Decision, Outbox)
            .outerjoin(Outbox, col(Outbox.decision_id) == col(Decision.id))
            .where(col(Decision.as_of) >= start, col(Decision.as_of) < end)
            .order_by(col(Decision.as_of), col(Decision.id))
        )
        if outcome is not None:
            query = query.where(col(Decision.outcome) == outcome)
        with self.read() as session:
            return [(decision, effect) for decision, effect in session.execute(query)]

    def outbox_rows(self, state: str | None = None, channel: str | None = None) -> list[Outbox]:
        """Effects, oldest first, of one state and channel where given."""
        query = select(Outbox).order_by(col(Outbox.id))
        if state is not None:
            query = query.where(col(Outbox.state) == state)
        if channel is not None:
            query = query.where(col(Outbox.channel) == channel)
        with self.read() as session:
            return list(session.scalars(query))

    def outbox_counts(self) -> dict[tuple[str, str], int]:
        """(channel, state) -> number of effects."""
        query = select(col(Outbox.channel), col(Outbox.state), func.count()).group_by(
            col(Outbox.channel), col(Outbox.state)
        )
        with self.read() as session:
            return {(channel, state): count for channel, state, count in session.execute(query)}

    # Accounts of bank lines

    def give_account(self, movement_key: str, account: str, by: str | None, as_of: datetime) -> None:
        """Keep what a person decided about a bank line; what was decided before stays on record."""
        with self.write() as session:
            session.add(
                CategoryDecision(movement_key=movement_key, account=account, decided_by=by, as_of=as_of)
            )

    def accounts_given(self) -> list[CategoryDecision]:
        """The decision that counts for each bank line, in the order in which they were taken."""
        newest = select(func.max(col(CategoryDecision.id))).group_by(col(CategoryDecision.movement_key))
        query = select(CategoryDecision).where(col(CategoryDecision.id).in_(newest))
        with self.read() as session:
            return list(session.scalars(query.order_by(col(CategoryDecision.id))))

    # Alerts, switches, home

    def open_alerts(self) -> list[Alert]:
        """Alerts not resolved, newest first; acked and silenced ones too."""
        with self.read() as session:
            query = select(Alert).where(col(Alert.state) != "resolved")
            return list(session.scalars(query.order_by(col(Alert.opened_at).desc(), col(Alert.id).desc())))

    def switches(self) -> dict[str, Switch]:
        """Channel -> its switch."""
        with self.read() as session:
            return {row.channel: row for row in session.scalars(select(Switch).order_by(col(Switch.channel)))}

    def home(self) -> Home | None:
        """What kind of home this is; None before the first run."""
        with self.read() as session:
            return session.scalars(select(Home)).first()


def add_effects(session: Session, effects: Sequence[NewEffect], as_of: datetime) -> int:
    """Queue, inside a transaction of the caller's, the effects not there yet; how many were new."""
    queued = _present(session, col(Outbox.business_key), [effect.business_key for effect in effects])
    new = [effect for effect in effects if effect.business_key not in queued]
    session.add_all(_outbox_row(effect, as_of, None) for effect in new)
    return len(new)


def _present(session: Session, column: Mapped[str], keys: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(keys), IN_ONE_QUERY):
        part = keys[start : start + IN_ONE_QUERY]
        found.update(session.scalars(select(column).where(column.in_(part))))
    return found


def _decision_row(new: NewDecision) -> Decision:
    return Decision(
        key=new.key,
        as_of=new.as_of,
        rule=new.rule,
        rule_version=new.rule_version,
        client_id=new.client_id,
        subject=new.subject,
        outcome=new.outcome,
        reason=new.reason,
        inputs=dict(new.inputs),
    )


def _outbox_row(effect: NewEffect, as_of: datetime, decision_id: int | None) -> Outbox:
    return Outbox(
        business_key=effect.business_key,
        channel=effect.channel,
        payload=dict(effect.payload),
        marker=effect.marker,
        useful_until=effect.useful_until,
        decision_id=decision_id,
        queued_at=as_of,
    )


# Opening


def open_ledger(home: Path, url: str | None = None) -> Ledger:
    """The ledger of `home`, at `url` where given, its tables brought up to date.

    Raises LedgerError when it cannot be reached or was written by a newer Tenfold.
    """
    home.mkdir(parents=True, exist_ok=True)
    engine = _engine(home, url)
    try:
        _bring_up_to_date(engine, home)
    except LedgerError:
        engine.dispose()
        raise
    except DatabaseError as error:
        engine.dispose()
        raise LedgerError(
            f"the ledger cannot be opened ({type(error.orig).__name__}); check TENFOLD_LEDGER__URL, or that "
            f"{FILE} in the home is whole and writable"
        ) from None
    return Ledger(engine)


def _engine(home: Path, url: str | None) -> Engine:
    try:
        if url is not None and make_url(url).get_backend_name() != "sqlite":
            return create_engine(url, pool_pre_ping=True)
        engine = create_engine(url or f"sqlite:///{(home / FILE).as_posix()}")
    except (ArgumentError, NoSuchModuleError, ModuleNotFoundError) as error:
        # The URL may hold a password; it is not repeated.
        raise LedgerError(
            f"TENFOLD_LEDGER__URL cannot be used ({type(error).__name__}); write sqlite:///file or "
            "postgresql+psycopg://user:password@host/database, with the driver installed"
        ) from None
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # The driver's own BEGIN comes late and cannot say that we mean to write; ours does.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout={BUSY_SECONDS * 1000}",
        "journal_mode=wal",
        # With less, a hand-over mark could be lost with the machine's power, and a mail sent twice.
        "synchronous=full",
        "foreign_keys=on",
    ):
        connection.execute(f"pragma {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("tenfold_write")
    connection.exec_driver_sql("begin immediate" if writes else "begin")


def _bring_up_to_date(engine: Engine, home: Path) -> None:
    if _revision(engine) == REVISION:
        return
    with (home / "ledger.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = _revision(engine)
        if found == REVISION:
            return
        if found is not None and found > REVISION:
            raise LedgerError(
                f"the ledger was written by a newer Tenfold (version {found}, this one knows {REVISION}); "
                "install that version"
            )
        _migrate(engine)


def _revision(engine: Engine) -> str | None:
    with engine.connect() as connection:
        try:
            row = connection.execute(text("select version_num from alembic_version")).first()
        except (OperationalError, ProgrammingError) as error:
            if "alembic_version" in str(error.orig):
                return None  # a new ledger
            raise
        return None if row is None else str(row[0])


def _migrate(engine: Engine) -> None:
    # Half of what opening takes; needed once in a ledger's life and after an upgrade.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    with engine.execution_options(tenfold_write=True).begin() as connection:
        if engine.dialect.name == "postgresql":  # the lock file beside us does not stop another machine
            connection.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": WRITERS})
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
