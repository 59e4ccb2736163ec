"""How each source and each of its resources stand, and which account a source belongs to."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import duckdb

from warehouse.errors import WrongAccount
from warehouse.store import Store

State = Literal["complete", "partial", "failed", "not_configured"]
ResourceState = Literal["complete", "partial", "not_permitted", "failed"]


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source: how its last read ended, and until which instant (UTC) its data is known to be whole."""

    source: str
    state: State
    reason: str | None = None
    finished_at: datetime | None = None
    good_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ResourceStatus:
    """One resource: how its last read ended, the vendor's own count of it, and how many records came.

    `reason` says what is missing and what to do about it. `good_until` (UTC) is until when it is known to be
    whole; whoever records a status leaves it out.
    """

    source: str
    resource: str
    state: ResourceState
    reason: str | None = None
    total: int | None = None
    given: int | None = None
    finished_at: datetime | None = None
    good_until: datetime | None = None

    @property
    def text(self) -> str:
        """How it stands, in a line for an operator: `tickets: not permitted. Why, and what to do.`."""
        counts = ""
        if self.total is not None and self.given is not None and self.given < self.total:
            counts = f", {self.given:,} of {self.total:,} came"
        # Connectors may name the resource themselves.
        reason = f" {self.reason.removeprefix(f'{self.resource}: ')}" if self.reason else ""
        return f"{self.resource}: {self.state.replace('_', ' ')}{counts}.{reason}"


def record_status(store: Store, status: SourceStatus) -> None:
    """Write how a source's last read ended; a status without `good_until` keeps the one known before.

    A failed read thus still says until when the data that is shown was whole.
    """
    with store.write() as con:
        row = con.execute(
            "select good_until from meta.source_status where source = ?", [status.source]
        ).fetchone()
        good_until = status.good_until or (row[0] if row else None)
        con.execute("delete from meta.source_status where source = ?", [status.source])
        con.execute(
            "insert into meta.source_status values (?, ?, ?, ?, ?)",
            [status.source, status.state, status.reason, status.finished_at, good_until],
        )


def source_statuses(store: Store) -> dict[str, SourceStatus]:
    """The status of every source that was ever tried, by name; instants in UTC."""
    with store.read() as con:
        rows = con.execute(
            "select source, state, reason, finished_at, good_until from meta.source_status order by source"
        ).fetchall()
    return {row[0]: SourceStatus(*row) for row in rows}


def record_resources(store: Store, statuses: Iterable[ResourceStatus]) -> None:
    """Write how the last read of each of these resources ended; those of others stay as they are.

    A complete read makes a resource good until it finished; one that was not keeps what was known before.
    """
    with store.write() as con:
        for status in statuses:
            _record_resource(con, status)


def _record_resource(con: duckdb.DuckDBPyConnection, status: ResourceStatus) -> None:
    place = [status.source, status.resource]
    row = con.execute(
        "select good_until from meta.resource_status where source = ? and resource = ?", place
    ).fetchone()
    good_until = status.finished_at if status.state == "complete" else row[0] if row else None
    con.execute("delete from meta.resource_status where source = ? and resource = ?", place)
    con.execute(
        "insert into meta.resource_status values (?, ?, ?, ?, ?, ?, ?, ?)",
        [*place, status.state, status.reason, status.total, status.given, status.finished_at, good_until],
    )


def resource_statuses(store: Store) -> list[ResourceStatus]:
    """The status of every resource that was ever tried, by source and name; instants in UTC."""
    with store.read() as con:
        rows = con.execute(
            "select source, resource, state, reason, total, given, finished_at, good_until "
            "from meta.resource_status order by source, resource"
        ).fetchall()
    return [ResourceStatus(*row) for row in rows]


def incomplete(store: Store, source: str) -> list[ResourceStatus]:
    """What of a source did not come whole when it was last read, by name."""
    return [
        status
        for status in resource_statuses(store)
        if status.source == source and status.state != "complete"
    ]


def summed_up(source: str, resources: Sequence[ResourceStatus], finished_at: datetime) -> SourceStatus:
    """What the statuses of a source's resources say of the source, its reasons named by resource.

    A missing right makes it partial, yet good until now: whatever may be read of it is whole.
    """
    states = {resource.state for resource in resources}
    state: State = "failed" if "failed" in states else "partial" if states - {"complete"} else "complete"
    reasons = [_named(resource) for resource in resources if resource.state != "complete"]
    whole = states <= {"complete", "not_permitted"}
    return SourceStatus(
        source, state, "; ".join(reasons) or None, finished_at, finished_at if whole else None
    )


def _named(status: ResourceStatus) -> str:
    reason = status.reason or status.state.replace("_", " ")
    return reason if reason.startswith(status.resource) else f"{status.resource}: {reason}"


def held_back(store: Store) -> dict[str, str]:
    """Source -> the first reason why what was read of it may not be used; empty when all is well.

    Only a full read heals such a source: the records that lost a field do not come again by themselves.
    """
    with store.read() as con:
        rows = con.execute(
            "select source, first(reason order by rowid) from meta.audit_failed group by all order by all"
        ).fetchall()
    return dict(rows)


def claim_identity(store: Store, source: str, account_id: str) -> None:
    """Remember the account that this home is filled from.

    Raises WrongAccount when the home already belongs to another account of that source: two companies'
    clients must never be mixed.
    """
    known = identities(store).get(source)
    if known == account_id:
        return
    if known is not None:
        raise WrongAccount(
            f"This home was filled from {source} account {known}, but the credentials open account "
            f"{account_id}; use the first account's credentials, or another TENFOLD_HOME."
        )
    with store.write() as con:
        con.execute("insert into meta.identity values (?, ?)", [source, account_id])


def identities(store: Store) -> dict[str, str]:
    """The account id of each source that filled this home."""
    with store.read() as con:
        rows = con.execute("select source, account_id from meta.identity").fetchall()
    return dict(rows)
