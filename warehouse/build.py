"""A build: one immutable file with core, kpi and what they were made from, named by its inputs."""

import fcntl
import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from playbook.loader import Playbook
from warehouse.engine import MODELS, Model, discover, models_digest
from warehouse.errors import WarehouseError
from warehouse.playbook_tables import Run, write_tables
from warehouse.room import bytes_of
from warehouse.staging import refresh, run_model
from warehouse.statistics import write_t975
from warehouse.store import Store, attach, disk_errors, lock, opened

_SCHEMAS = ("core", "kpi", "playbook", "build", "meta", "quality")
_OLDEST = timedelta(days=3660)  # A mistyped date must not make a thousand empty months.
# Where the first event is read from: the first sign of a person, a company or a sale.
_FIRST_EVENTS = (
    ("hubspot_company", "created_at"),
    ("hubspot_contact", "created_at"),
    ("hubspot_deal", "created_at"),
    ("hubspot_deal", "starts_at"),
    ("intercom_conversation", "created_at"),
)
# What is decided about bank lines between reading and building, and the column that says when.
_DECIDED = {"match": "matched_at", "match_ambiguous": "matched_at", "category": "decided_at"}


@dataclass(frozen=True, slots=True)
class Build:
    """One build file; `changed` is False when the same inputs had been built before."""

    id: str
    path: Path
    changed: bool


MEMORY = "1GB"  # joins and groups of whole tables want more room than one record after the other


def build(
    store: Store,
    home: Path,
    playbook: Playbook,
    as_of: datetime,
    *,
    models: Path = MODELS,
    patience: timedelta = timedelta(minutes=10),
) -> Build:
    """Bring staging up to date and write `builds/<id>.duckdb` for `as_of` (aware, UTC).

    The id is made from raw, playbook, models, source states and `as_of`: the same inputs give the same id
    and nothing is written. Raises ModelError for a model that does not run; the last build then stays.
    """
    if as_of.tzinfo is None:
        raise WarehouseError("as_of needs a time zone; give an aware instant in UTC.")
    as_of = as_of.astimezone(UTC)
    folder = builds_folder(home)
    with lock(folder / ".lock", fcntl.LOCK_EX, patience):
        base = "|".join((playbook.digest, models_digest(models), as_of.isoformat()))
        with store.read() as con:
            found = _named(folder, as_of, base, con)
        if found.exists():
            return Build(found.stem, found, changed=False)
        ordered = discover(models, playbook.properties)
        with store.write() as con:
            refresh(con, [model for model in ordered if model.layer == "staging"], store.memory)
        with store.read() as con:
            found = _named(folder, as_of, base, con)
            if found.exists():
                return Build(found.stem, found, changed=False)
        _write(store, found, playbook, as_of, [model for model in ordered if model.layer != "staging"])
    return Build(found.stem, found, changed=True)


def stage(store: Store, playbook: Playbook, source: str, *, models: Path = MODELS) -> None:
    """Bring the staging tables of one source up to date, for those who decide before the build."""
    staging = [
        model
        for model in discover(models, playbook.properties)
        if model.layer == "staging" and model.spec.source == source
    ]
    with store.write() as con:
        refresh(con, staging, store.memory)


def builds_folder(home: Path) -> Path:
    """Where the builds of a home are; created when missing."""
    folder = home / "builds"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _named(folder: Path, as_of: datetime, base: str, con: duckdb.DuckDBPyConnection) -> Path:
    """The file that the present inputs make. A read that brought nothing new is no change."""
    state = con.execute(
        # Events change no model: the records that they are about do.
        "select source, resource, sum(added), sum(rejected) from meta.merged_run "
        "where resource <> 'events' group by all "
        "having sum(added) + sum(rejected) > 0 order by all"
    ).fetchall()
    state += con.execute(
        # Until when a whole source is good moves at every read, and says no more than as_of does.
        "select source, state, reason, case when state <> 'complete' then good_until end "
        "from meta.source_status order by all"
    ).fetchall()
    state += con.execute(
        "select source, resource, state, reason, "
        "case when state <> 'complete' then (total, given, good_until) end "
        "from meta.resource_status order by all"
    ).fetchall()
    # Decisions about bank lines change without a record that does. When they were taken changes nothing.
    for table, moment in _DECIDED.items():
        state += con.execute(
            f"select '{table}', count(*), bit_xor(hash(d)) "
            f"from (select * exclude ({moment}) from meta.{table}) as d having count(*) > 0"
        ).fetchall()
    digest = hashlib.sha256((base + json.dumps(state, default=str)).encode()).hexdigest()
    return folder / f"{as_of:%Y%m%dT%H%M%SZ}-{digest[:12]}.duckdb"


def _room(store: Store) -> str:
    return max(MEMORY, store.memory, key=bytes_of)


def _write(store: Store, path: Path, playbook: Playbook, as_of: datetime, models: list[Model]) -> None:
    for leftover in path.parent.glob("*.draft*"):
        leftover.unlink()
    draft = path.with_suffix(".draft")
    try:
        with (
            disk_errors(path),
            # The reading lock keeps staging as it is while it is read from a second connection.
            store.read() as reading,
            opened(draft, name="target", key=store.key, memory=_room(store)) as con,
        ):
            first_event = _first_event(reading, as_of)
            known = reading.execute("select max(merged_at) from meta.merged_run").fetchone()
            attach(con, store.path, name="warehouse", key=store.key, read_only=True)
            con.execute("begin transaction")
            for schema in _SCHEMAS:
                con.execute(f"create schema target.{schema}")
            _copy_states(con)
            here = ", ".join(f"target.{schema}" for schema in ("main", *_SCHEMAS)).replace(" ", "")
            con.execute(f"set search_path = '{here},warehouse.staging'")
            known_at = known[0] if known and known[0] else as_of
            write_tables(con, playbook, Run(path.stem, as_of, known_at), first_event)
            write_t975(con)
            for model in models:
                run_model(con, model, f"create table {model.table} as {model.sql}")
            con.execute("commit")
            con.execute("checkpoint target")
        draft.replace(path)
    finally:
        for leftover in path.parent.glob(f"{draft.name}*"):
            leftover.unlink()


def _copy_states(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("create table target.meta.source_status as from warehouse.meta.source_status")
    # The tables of a source that was held back are older than what was read of it.
    con.execute(
        "create table target.meta.resource_status as "
        "select r.* replace (if(h.source is null, r.state, 'failed') as state, "
        "case when h.source is null then r.good_until when g.good_until is not null "
        "then least(r.good_until, g.good_until) end as good_until) "
        "from warehouse.meta.resource_status as r "
        "left join (select distinct source from warehouse.meta.audit_failed) as h on h.source = r.source "
        "left join warehouse.meta.source_good as g on g.source = r.source"
    )
    for table in _DECIDED:
        con.execute(f"create table target.meta.{table} as from warehouse.meta.{table}")
    con.execute("create table target.quality.drift as from warehouse.quality.drift")
    con.execute("create table target.quality.check_result as from warehouse.quality.staging_result")
    con.execute("create table target.quality.quarantine as from warehouse.quality.quarantine")
    # Counts only: the values stay in the warehouse, which nobody but us opens.
    con.execute(
        "create table target.quality.rejected as "
        "select source, resource, model, field, reason, count(*) as records "
        "from warehouse.quality.rejected group by all"
    )


def _first_event(con: duckdb.DuckDBPyConnection, as_of: datetime) -> datetime | None:
    there = set(
        con.execute(
            "select table_name, column_name from duckdb_columns() where schema_name = 'staging'"
        ).fetchall()
    )
    firsts = []
    for table, column in _FIRST_EVENTS:
        if (table, column) in there:
            row = con.execute(
                f"select min({column}) from staging.{table} where {column} between ? and ?",
                [as_of - _OLDEST, as_of],
            ).fetchone()
            if row and row[0]:
                firsts.append(row[0].astimezone(UTC))
    return min(firsts, default=None)
