"""Events in raw: merged from landing, and which of them were acted on. Knows nothing of what they say."""

import json
import logging
import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from warehouse.errors import UnreadableLanding
from warehouse.landing import COMPLETE, Landing
from warehouse.raw import merge
from warehouse.spool import EVENTS, complete_left_over
from warehouse.store import Store

log = logging.getLogger(__name__)

# A run lands every few seconds, and raw holds all that was in it: kept for long, they would be a million.
RUNS_KEPT = timedelta(hours=6)
_RUN = re.compile(r"\d{8}T\d{12}Z")


@dataclass(frozen=True, slots=True)
class Told:
    """One event as it is in raw, with its place in the order of receipt."""

    seq: int
    event: dict[str, Any]


def has_landed(landing: Landing, source: str) -> bool:
    """Whether the vendor ever told an event: without one there is nothing to open the warehouse for."""
    return (landing.folder / source / EVENTS).is_dir()


def merge_events(
    store: Store, landing: Landing, source: str, as_of: datetime, *, retold: Sequence[str] = ()
) -> int:
    """Bring what landed into `raw.<source>_events`, what a killed receiver left too; how many are new.

    `retold` are the paths inside an event that make no new version. A run that is damaged on disk is set
    aside: its records come with the next scheduled read.
    """
    complete_left_over(landing, as_of)
    newest = _newest_merged(store, source)
    added = 0
    if all(name <= newest for name in _complete_runs(landing, source)):
        return added
    for run in landing.runs(source, EVENTS):
        if run.run_id <= newest:
            continue
        try:
            volatile = [path.replace("$", "$.event", 1) for path in retold]
            added += merge(store, run, records="$.events", key="$.key", volatile=volatile).added
        except UnreadableLanding as error:
            log.warning("%s This was done; what they were about comes with the next scheduled read.", error)
            run.set_aside(str(error))
    return added


def not_acted_on(store: Store, source: str, most: int) -> list[Told]:
    """The first `most` events after the last one that was acted on, in the order of receipt."""
    with store.read() as con:
        if not con.execute(
            "select 1 from duckdb_tables() where database_name = 'warehouse' and schema_name = 'raw' "
            "and table_name = ?",
            [f"{source}_{EVENTS}"],
        ).fetchone():
            return []
        rows = con.execute(
            f"""
            select received_seq, body ->> '$.event' from raw.{source}_{EVENTS}
            where received_seq > coalesce((select acted_seq from meta.event_cursor where source = ?), 0)
            order by received_seq limit ?
            """,
            [source, most],
        ).fetchall()
    return [Told(seq, json.loads(event)) for seq, event in rows]


def mark_acted_on(store: Store, source: str, seq: int) -> None:
    """Remember that everything up to `seq` was acted on; it never goes back."""
    with store.write() as con:
        known = con.execute("select acted_seq from meta.event_cursor where source = ?", [source]).fetchone()
        con.execute("delete from meta.event_cursor where source = ?", [source])
        acted = max(seq, known[0]) if known else seq
        con.execute("insert into meta.event_cursor values (?, ?)", [source, acted])


def tidy_events(store: Store, landing: Landing, source: str, as_of: datetime) -> int:
    """Remove merged runs that are older than six hours, but for the newest; how many."""
    newest = _newest_merged(store, source)
    edge = f"{as_of - RUNS_KEPT:%Y%m%dT%H%M%S%fZ}"
    old = [name for name in _complete_runs(landing, source) if name < min(edge, newest)]
    if old:
        with store.write() as con:
            con.execute(
                "delete from meta.merged_run where source = ? and resource = ? and run_id < ?",
                [source, EVENTS, min(edge, newest)],
            )
        for name in old:
            shutil.rmtree(_folder(landing, source) / name)
    return len(old)


def _newest_merged(store: Store, source: str) -> str:
    with store.read() as con:
        row = con.execute(
            "select max(run_id) from meta.merged_run where source = ? and resource = ?", [source, EVENTS]
        ).fetchone()
    return (row[0] if row else None) or ""


def _complete_runs(landing: Landing, source: str) -> list[str]:
    folder = _folder(landing, source)
    names = [path.name for path in folder.iterdir() if _RUN.fullmatch(path.name)]
    return [name for name in sorted(names) if (folder / name / COMPLETE).exists()]


def _folder(landing: Landing, source: str) -> Path:
    return landing.folder / source / EVENTS
