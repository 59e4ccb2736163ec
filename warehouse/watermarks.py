"""How far each resource of a source has been read, in which sense."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime

import duckdb

from warehouse.raw_tables import GONE, ensure_table
from warehouse.room import give_room_for
from warehouse.store import Store, counted, quoted


@dataclass(frozen=True, slots=True)
class Watermark:
    """Of one resource, in UTC. None = never.

    `cursor_at`: until when changes were read. `settled_at`: until when they were read again after an index
    that lags had time to show them. `swept_at`: when everything was last read and what is gone was found.
    `parent_seq`: of an association stream, the last version of its parent's records that it has followed.
    """

    cursor_at: datetime | None = None
    settled_at: datetime | None = None
    swept_at: datetime | None = None
    parent_seq: int | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a source has been read: the watermark of each resource; (resource, run id) of merged runs."""

    marks: Mapping[str, Watermark]
    merged: AbstractSet[tuple[str, str]]


def progress(store: Store, source: str) -> Progress:
    """How far a source has been read."""
    where = f"where source = {quoted(source)}"
    with store.read() as con:
        marks = con.execute(
            f"select resource, cursor_at, settled_at, swept_at, parent_seq from meta.cursor {where}"
        ).fetchall()
        merged = con.execute(f"select resource, run_id from meta.merged_run {where}").fetchall()
    return Progress({row[0]: Watermark(*row[1:]) for row in marks}, {(row[0], row[1]) for row in merged})


def note_sweeps(con: duckdb.DuckDBPyConnection, source: str, swept: Sequence[str], at: datetime) -> None:
    """Remember that these resources were read whole `at` (UTC), and that nothing of them is gone unseen."""
    for resource in swept:
        con.execute(
            f"update meta.cursor set swept_at = {quoted(at.isoformat())}::timestamptz "
            f"where source = {quoted(source)} and resource = {quoted(resource)}"
        )


def known_marks(
    store: Store, source: str, resource: str, unsettled: tuple[str, Sequence[str]] | None
) -> Mapping[str, str]:
    """Key -> the vendor's change time of each current record that has one, is not gone and is settled.

    `unsettled` is (path, values): a record with one of the values there is left out.
    """
    with store.write() as con:
        table = ensure_table(con, source, resource)
    open_ones = "false"
    if unsettled is not None:
        path, values = unsettled
        open_ones = f"coalesce(body ->> {quoted(path)} in ({', '.join(map(quoted, values))}), false)"
    with store.read() as con:
        give_room_for(con, store.memory, [(source, resource)])
        rows = con.execute(
            f"select key, mark from {table}_current "
            f"where mark is not null and (body ->> '$.{GONE}') is null and not {open_ones}"
        ).fetchall()
    return dict(rows)


@dataclass(frozen=True, slots=True)
class News:
    """What came of a resource: the number of its last version, and the keys of the live records concerned."""

    newest: int
    keys: Sequence[str]


def news_of(store: Store, source: str, asked: Mapping[str, tuple[str, int]]) -> dict[str, News]:
    """For each name of `asked` (a resource, a version number): its live records with versions above that.

    By what came in and not by the vendor's times: news of an old change may arrive late.
    """
    with store.read() as con:
        made = {
            row[0]
            for row in con.execute(
                "select table_name from duckdb_tables() where schema_name = 'raw'"
            ).fetchall()
        }
        give_room_for(con, store.memory, [(source, resource) for resource, _ in asked.values()])
        return {
            name: _news(con, f"{source}_{resource}", after) if f"{source}_{resource}" in made else News(0, ())
            for name, (resource, after) in asked.items()
        }


def _news(con: duckdb.DuckDBPyConnection, name: str, after: int) -> News:
    table = f"raw.{name}"
    newest = counted(con, f"select coalesce(max(received_seq), 0) from {table}")
    rows = con.execute(
        f"select key from {table}_current "
        f"where key in (select key from {table} where received_seq > {after}) "
        f"and (body ->> '$.archived') is distinct from 'true' and (body ->> '$.{GONE}') is null order by key"
    ).fetchall()
    return News(newest, tuple(row[0] for row in rows))
