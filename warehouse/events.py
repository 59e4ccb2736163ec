"""Events in raw: merged from landing, and which of them were acted on. Knows nothing of what they say."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import duckdb

from warehouse.brief_runs import complete_runs
from warehouse.errors import UnreadableLanding
from warehouse.landing import Landing, LandingRun
from warehouse.raw import Job, Merger
from warehouse.raw_scan import Shape
from warehouse.spool import EVENTS, complete_left_over
from warehouse.store import Store, counted, quoted

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """One event as it is in raw, with its place in the order of receipt."""

    seq: int
    event: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a source's events have come: the newest run in raw, how many wait to be acted on.

    `added` is how many the merge just brought.
    """

    merged_to: str
    waiting: int
    added: int = 0


def has_landed(landing: Landing, source: str) -> bool:
    """Whether the vendor ever told an event: without one there is nothing to open the warehouse for."""
    return (landing.folder / source / EVENTS).is_dir()


def merge_events(
    store: Store, landing: Landing, source: str, as_of: datetime, *, retold: Sequence[str] = ()
) -> Standing:
    """Bring what landed into `raw.<source>_events`, what a killed receiver left too.

    `retold` are the paths inside an event that make no new version. A run that is damaged on disk is set
    aside: its records come with the next scheduled read.
    """
    complete_left_over(landing, as_of)
    standing = _standing(store, source)
    names = complete_runs(landing, source, EVENTS)
    if names and names[-1] > standing.merged_to:
        runs = [run for run in landing.runs(source, EVENTS) if run.run_id > standing.merged_to]
        added = _merge(store, runs, [path.replace("$", "$.event", 1) for path in retold])
        standing = replace(_standing(store, source), added=added)
    return standing


def _merge(store: Store, runs: Sequence[LandingRun], volatile: Sequence[str]) -> int:
    added = 0
    shape = Shape("$.events", "$.key", volatile=tuple(volatile))
    with store.writing() as transaction:
        merger = Merger(transaction, store.memory)
        for run in runs:
            try:
                added += merger.merge(Job(run, shape)).added
            except UnreadableLanding as error:
                log.warning("%s This was done; its records come with the next scheduled read.", error)
                run.set_aside(str(error))
    return added


def _standing(store: Store, source: str) -> Standing:
    with store.read() as con:
        merged = con.execute(
            f"select coalesce(max(run_id), '') from meta.merged_run "
            f"where source = {quoted(source)} and resource = '{EVENTS}'"
        ).fetchone()
        told = acted = 0
        if merged and merged[0]:
            told = counted(con, f"select coalesce(max(received_seq), 0) from raw.{source}_{EVENTS}")
            acted = _acted(con, source)
    return Standing(merged[0] if merged else "", told - acted)


def _acted(con: duckdb.DuckDBPyConnection, source: str) -> int:
    return counted(
        con, f"select coalesce(max(acted_seq), 0) from meta.event_cursor where source = {quoted(source)}"
    )


def not_acted_on(store: Store, source: str, most: int) -> list[Told]:
    """The first `most` events of raw after the last one that was acted on, in the order of receipt."""
    with store.read() as con:
        rows = con.execute(
            f"select received_seq, body ->> '$.event' from raw.{source}_{EVENTS} "
            f"where received_seq > {_acted(con, source)} order by received_seq limit {most}"
        ).fetchall()
    return [Told(seq, json.loads(event)) for seq, event in rows]


def mark_acted_on(store: Store, source: str, seq: int) -> None:
    """Remember that everything up to `seq` was acted on; it never goes back."""
    with store.write() as con:
        acted = max(seq, _acted(con, source))
        con.execute(f"delete from meta.event_cursor where source = {quoted(source)}")
        con.execute(f"insert into meta.event_cursor values ({quoted(source)}, {acted})")
