"""The tables of raw: one row per version of a record, and which of them is the current one.

Raw keeps every version it was given. `is_current` marks the one that counts now: of each key the last one
received, save that a record with an older change time than one known never becomes it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

import duckdb

from warehouse.store import quoted

GONE = "gone_at"  # the field that a tombstone adds to the last body: when the record was found missing
_COLUMNS = (
    "key varchar not null, received_seq bigint not null, received_at timestamptz not null, "
    "run_id varchar not null, hash uhugeint not null, mark varchar, is_current boolean not null, "
    "body json not null"
)


def ensure_table(con: duckdb.DuckDBPyConnection, source: str, resource: str) -> str:
    """`raw.<source>_<resource>`, created with its `_current` view when it is not there."""
    name = f"{source}_{resource}"
    table = f"raw.{name}"
    con.execute(f"create table if not exists {table} ({_COLUMNS})")
    if _is_of_first_version(con, name):
        _upgrade(con, name)
    con.execute(f"create view if not exists {table}_current as select * from {table} where is_current")
    return table


def _is_of_first_version(con: duckdb.DuckDBPyConnection, name: str) -> bool:
    # DuckDB's list of all columns takes longer than a small merge.
    columns = con.execute(f"select name from pragma_table_info({quoted(f'raw.{name}')})").fetchall()
    return ("is_current",) not in columns


def _upgrade(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Homes of 0.1.0 told the current version by its number alone and knew no change times."""
    con.execute(f"drop view if exists raw.{name}_current")
    con.execute(f"alter table raw.{name} rename to {name}__old")
    con.execute(f"create table raw.{name} ({_COLUMNS})")
    con.execute(
        f"insert into raw.{name} select key, received_seq, received_at, run_id, md5_number(body), null, "
        f"received_seq = max(received_seq) over (partition by key), body from raw.{name}__old"
    )
    con.execute(f"drop table raw.{name}__old")


def bury(
    con: duckdb.DuckDBPyConnection,
    source: str,
    resource: str,
    keys: Sequence[str],
    found_at: datetime,
) -> int:
    """Add a tombstone for each of these keys that is current and has none; how many were added.

    A tombstone is the last body with `gone_at` (UTC): a record that the vendor does not have any more.
    """
    if not keys:
        return 0
    table = ensure_table(con, source, resource)
    stamp = found_at.astimezone(UTC).isoformat()
    con.execute(
        f"""
        create or replace temp table buried as
        select key, received_seq, mark, json_merge_patch(body, {quoted(f'{{"{GONE}": "{stamp}"}}')}) as body
        from {table}
        where is_current and key in (select unnest(?::varchar[])) and (body ->> '$.{GONE}') is null
        """,
        [list(keys)],
    )
    con.execute(
        f"update {table} set is_current = false where received_seq in (select received_seq from buried)"
    )
    added = con.execute(
        f"""
        insert into {table}
        select key, (select max(received_seq) from {table}) + row_number() over (order by key),
            {quoted(stamp)}::timestamptz, 'missing', md5_number(body), mark, true, body
        from buried
        """
    ).fetchone()
    con.execute("drop table buried")
    return int(added[0]) if added else 0
