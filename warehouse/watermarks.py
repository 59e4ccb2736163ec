"""How far each resource of a source has been read, in which sense."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from warehouse.raw_tables import GONE, bury, ensure_table
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


def watermarks(store: Store, source: str) -> dict[str, Watermark]:
    """The watermark of each resource of a source that was read before."""
    with store.read() as con:
        rows = con.execute(
            "select resource, cursor_at, settled_at, swept_at, parent_seq from meta.cursor "
            f"where source = {quoted(source)}"
        ).fetchall()
    return {row[0]: Watermark(*row[1:]) for row in rows}


def close_sweeps(
    store: Store, source: str, swept: Sequence[str], gone: Mapping[str, Sequence[str]], at: datetime
) -> dict[str, int]:
    """Give the records that are `gone` (resource -> keys) tombstones and note which resources were swept.

    Tombstones by resource. `at` (UTC) is when they were found missing.
    """
    with store.write() as con:
        for resource in swept:
            con.execute(
                f"update meta.cursor set swept_at = {quoted(at.isoformat())}::timestamptz "
                f"where source = {quoted(source)} and resource = {quoted(resource)}"
            )
        return {resource: bury(con, source, resource, keys, at) for resource, keys in gone.items()}


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
        rows = con.execute(
            f"select key, mark from {table}_current "
            f"where mark is not null and (body ->> '$.{GONE}') is null and not {open_ones}"
        ).fetchall()
    return dict(rows)


def newest_version(store: Store, source: str, resource: str) -> int:
    """The number of the last version in raw; 0 when there is none."""
    with store.write() as con:
        table = ensure_table(con, source, resource)
        return counted(con, f"select coalesce(max(received_seq), 0) from {table}")


def changed_keys(store: Store, source: str, resource: str, after: int, upto: int) -> list[str]:
    """Keys of the live records with a version numbered above `after`, up to `upto`, sorted.

    By what came in and not by the vendor's times: news of an old change may arrive late.
    """
    table = f"raw.{source}_{resource}"
    with store.read() as con:
        rows = con.execute(
            f"select key from {table}_current where key in "
            f"(select key from {table} where received_seq > {after} and received_seq <= {upto}) "
            f"and (body ->> '$.archived') is distinct from 'true' and (body ->> '$.{GONE}') is null "
            "order by key"
        ).fetchall()
    return [row[0] for row in rows]
