"""What a peer's table holds, counted by ours and not by the peer."""

from pathlib import Path

import duckdb

from benchmarks.ingest.peers.fields import OWN_TIMES, TEXTS, TIMES


def kept(database: Path) -> int:
    """How many contacts are whole in `hubspot.contacts`, each counted once.

    Every tool has its own way with names (`properties__hs_language`, `createdat`, `created_at`); what counts
    is that each field has a column, and that the times are times. A column that is lost is a ValueError.
    """
    with duckdb.connect(str(database), read_only=True) as con:
        types = dict(
            con.execute(
                "select column_name, data_type from information_schema.columns "
                "where table_schema = 'hubspot' and table_name = 'contacts'"
            ).fetchall()
        )
        columns = {plain(name): name for name in types}
        lost = [name for name in ("id", "archived", *TEXTS, *TIMES, *OWN_TIMES) if plain(name) not in columns]
        times = [columns[plain(name)] for name in (*TIMES, *OWN_TIMES) if plain(name) in columns]
        untyped = [name for name in times if not types[name].startswith("TIMESTAMP")]
        if lost or untyped:
            raise ValueError(f"no column for {lost}, no time in {untyped}")
        whole = " and ".join(f'"{columns[plain(name)]}" is not null' for name in (*TEXTS, *TIMES, *OWN_TIMES))
        row = con.execute(f"select count(distinct id) from hubspot.contacts where {whole}").fetchone()
    return row[0] if row else 0


def plain(name: str) -> str:
    return name.lower().replace("_", "").removeprefix("properties")
