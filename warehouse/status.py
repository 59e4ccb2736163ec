"""How each source stands, and which account it belongs to."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from warehouse.errors import WrongAccount
from warehouse.store import Store

State = Literal["complete", "partial", "failed", "not_configured"]


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source: how its last read ended, and until which instant (UTC) its data is known to be whole."""

    source: str
    state: State
    reason: str | None = None
    finished_at: datetime | None = None
    good_until: datetime | None = None


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
