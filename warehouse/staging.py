"""Staging: one typed table per resource, brought up to date when its raw rows or its model changed.

Where each row is made from one raw record (a model's `by`), only the rows of changed records are made again.
A source whose fields were lost or whose checks fail keeps the tables of its last good build; what it held
back is said in `meta.source_status`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from warehouse.engine import Model, engine_digest
from warehouse.errors import ModelError
from warehouse.expectations import Result, Step, evaluate, quarantine
from warehouse.raw_tables import ensure_table
from warehouse.room import DEFAULT_MEMORY, give_room_for
from warehouse.staging_audit import audited, look, rejected
from warehouse.store import counted, first_line, quoted


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The staging tables that were rebuilt, and per failed source why it keeps its old ones."""

    rebuilt: tuple[str, ...]
    failed: dict[str, str]


@dataclass(frozen=True, slots=True)
class _Built:
    """What a staging table was made from."""

    inputs: str
    digest: str | None
    raw_seq: int | None


@dataclass(frozen=True, slots=True)
class _Draft:
    """A model's new rows beside its old table: all, or with `since` those of records that came after it."""

    model: Model
    inputs: str
    digest: str
    raw_seq: int | None
    since: int | None

    @property
    def rows(self) -> str:
        """The table of the new rows."""
        return f"staging.{self.model.name}__new"

    @property
    def changed(self) -> str:
        """The raw records with news since the last time, where there was one."""
        return f"changed_{self.model.name}"

    @property
    def result(self) -> str:
        """What the staging table is going to hold."""
        return self.rows if self.since is None else "staged"

    def records(self, source: str, resource: str) -> str:
        """The raw records that the new rows come from, as a relation."""
        return f"raw.{source}_{resource}_current" if self.since is None else self.changed


def refresh(
    con: duckdb.DuckDBPyConnection, models: Sequence[Model], memory: str = DEFAULT_MEMORY
) -> Refreshed:
    """Bring `staging.*` up to date inside the caller's transaction on warehouse.duckdb.

    `models` are those of the staging layer, `memory` what records of ordinary width may take. Raises
    ModelError, naming the file, for SQL that does not run.
    """
    for source, resource in sorted({table for model in models for table in model.raw_tables}):
        ensure_table(con, source, resource)
    _create_missing(con, models)
    built = {
        row[0]: _Built(*row[1:])
        for row in con.execute("select model, inputs, digest, raw_seq from meta.staging_built").fetchall()
    }
    rebuilt: list[str] = []
    failed: dict[str, str] = {}
    for source in sorted({_source(model) for model in models}):
        drafts = [
            draft
            for model in models
            if _source(model) == source and (draft := _draft(con, model, built.get(model.table))) is not None
        ]
        if not drafts:
            continue
        reasons = [reason for draft in drafts for reason in _try(con, draft, memory)]
        if reasons:
            for draft in drafts:
                con.execute(f"drop table {draft.rows}")
            failed[source] = reasons[0]
            _hold_back(con, source, reasons)
        else:
            for draft in drafts:
                _take_over(con, draft)
                rebuilt.append(draft.model.table)
            _release(con, source)
    return Refreshed(tuple(rebuilt), failed)


def _source(model: Model) -> str:
    return model.spec.source or (model.raw_tables[0][0] if model.raw_tables else "")


def _draft(con: duckdb.DuckDBPyConnection, model: Model, built: _Built | None) -> _Draft | None:
    """How the model is to be made; None when nothing that it is made from changed."""
    digest = f"{model.digest}|{engine_digest()}"
    parts = [digest]
    newest = None
    for source, resource in model.raw_tables:
        row = con.execute(f"select count(*), max(received_seq) from raw.{source}_{resource}").fetchone()
        parts.append(f"{source}.{resource}:{row}")
        newest = row[1] if row else None
    inputs = "|".join(parts)
    if built is not None and built.inputs == inputs:
        return None
    same_model = built is not None and built.digest == digest and built.raw_seq is not None
    step_by_step = same_model and model.spec.by is not None and len(model.raw_tables) == 1
    since = built.raw_seq if built is not None and step_by_step else None
    return _Draft(model, inputs, digest, newest, since)


def _create_missing(con: duckdb.DuckDBPyConnection, models: Sequence[Model]) -> None:
    """Core must run although a source was never read, so each staging table exists, if need be empty."""
    found = {
        row[0]
        for row in con.execute(
            "select table_name from duckdb_tables() where schema_name = 'staging'"
        ).fetchall()
    }
    for model in models:
        if model.name not in found:
            run_model(
                con, model, f"create table staging.{model.name} as select * from ({model.sql}\n) limit 0"
            )


def run_model(con: duckdb.DuckDBPyConnection, model: Model, statement: str) -> None:
    """Run a model's statement. Raises ModelError with what DuckDB says, without data."""
    try:
        con.execute(statement)
    except (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError) as error:
        raise ModelError(f"{model.layer}/{model.name}.sql: {first_line(error)}") from None


def _try(con: duckdb.DuckDBPyConnection, draft: _Draft, memory: str) -> list[str]:
    """Make the new rows, note their rejects and drift; the reasons why they must not be used."""
    model, sql = draft.model, draft.model.sql
    give_room_for(con, memory, model.raw_tables)
    if draft.since is not None:
        ((source, resource),) = model.raw_tables
        raw = f"raw.{source}_{resource}"
        con.execute(
            f"create or replace temp table {draft.changed} as select * from {raw} "
            f"where is_current and received_seq > {draft.since}"
        )
        sql = re.sub(rf"\b{re.escape(raw)}_current\b", draft.changed, sql)
    run_model(con, model, f"create table {draft.rows} as {sql}")
    if draft.since is not None:
        old = f"{model.spec.by} not in (select key from {draft.changed})"
        con.execute(
            f"create or replace temp view staged as select * from {draft.rows} union all "
            f"select * from staging.{model.name} where {old}"
        )
    reasons = _audit(con, draft)
    results = evaluate(con, model, draft.result, _step(con, draft))
    con.execute(f"delete from quality.staging_result where model = {quoted(model.table)}")
    con.execute(f"delete from quality.quarantine where model = {quoted(model.table)}")
    for result in results:
        _note_result(con, result)
    quarantine(con, "staging", model, draft.result, results)
    return reasons + [_said(con, result) for result in results if result.blocks]


def _step(con: duckdb.DuckDBPyConnection, draft: _Draft) -> Step | None:
    if draft.since is None:
        return None
    model = draft.model
    kept = con.execute(
        f"select expectation from quality.staging_result where model = {quoted(model.table)} "
        "and status = 'passed'"
    ).fetchall()
    return Step(f"staging.{model.name}", draft.rows, frozenset(row[0] for row in kept))


def _note_result(con: duckdb.DuckDBPyConnection, result: Result) -> None:
    values = [result.model, result.expectation, result.severity, result.status]
    texts = [result.why, result.do, *([result.error] if result.error is not None else [])]
    con.execute(
        f"insert into quality.staging_result values ({', '.join(map(quoted, values))}, "
        f"{'null' if result.violations is None else result.violations}, {result.rows}, "
        f"{', '.join(map(quoted, texts))}{', null' if result.error is None else ''})"
    )


def _audit(con: duckdb.DuckDBPyConnection, draft: _Draft) -> list[str]:
    """Note fields that the model does not list and values that are not of their type; lost fields as reasons.

    An unknown field is kept in raw and reported. Empty text means absent and is no failed cast.
    """
    model, reasons = draft.model, []
    for source, resource in audited(model):
        records = draft.records(source, resource)
        audit = look(con, model, records)
        reasons += [
            f"{source}.{resource}: {missing} of {audit.records} records have no {path}, which {model.table} "
            "needs; the vendor changed its answer, or the token lost a permission."
            for path, missing in audit.lost.items()
            if missing
        ]
        where = (
            f"source = {quoted(source)} and resource = {quoted(resource)} and model = {quoted(model.table)}"
        )
        mine = f"{quoted(source)}, {quoted(resource)}, {quoted(model.table)}"
        if draft.since is None:
            con.execute(f"delete from quality.drift where {where}")
            con.execute(f"delete from quality.rejected where {where}")
        else:
            con.execute(
                f"delete from quality.rejected where {where} and key in (select key from {draft.changed})"
            )
        for name, count in audit.drift.items():
            same = f"{where} and field = {quoted(name)}"
            known = counted(con, f"select coalesce(max(records), 0) from quality.drift where {same}")
            con.execute(f"delete from quality.drift where {same}")
            con.execute(f"insert into quality.drift values ({mine}, {quoted(name)}, {max(known, count)})")
        if audit.unreadable:
            run_model(
                con,
                model,
                f"insert into quality.rejected select {mine}, run_id, key, field, raw, 'no ' || type "
                f"from ({rejected(model, records)})",
            )
    return reasons


def _said(con: duckdb.DuckDBPyConnection, result: Result) -> str:
    fields = con.execute(
        "select distinct bad_row ->> '$.field' as field from quality.quarantine "
        "where model = ? and expectation = ? and list_contains(json_keys(bad_row), 'field') order by all",
        [result.model, result.expectation],
    ).fetchall()
    if fields:
        named = ", ".join(str(row[0]) for row in fields)
        return f"{result.model}: {named} is missing from all that one read brought. {result.do}"
    rule = result.expectation.partition("(")[0] if "select " in result.expectation else result.expectation
    what = f"{result.violations} of {result.rows} rows" if result.violations else (result.error or "")
    return f"{result.model}: {rule}: {what}. {result.why} {result.do}"


def _take_over(con: duckdb.DuckDBPyConnection, draft: _Draft) -> None:
    model = draft.model
    if draft.since is None:
        con.execute(f"drop table staging.{model.name}")
        con.execute(f"alter table {draft.rows} rename to {model.name}")
    else:
        con.execute(
            f"delete from staging.{model.name} where {model.spec.by} in (select key from {draft.changed})"
        )
        con.execute(f"insert into staging.{model.name} select * from {draft.rows}")
        con.execute(f"drop table {draft.rows}")
        rows = counted(con, f"select count(*) from staging.{model.name}")
        con.execute(f"update quality.staging_result set rows = {rows} where model = {quoted(model.table)}")
    con.execute(f"delete from meta.staging_built where model = {quoted(model.table)}")
    con.execute(
        "insert into meta.staging_built (model, inputs, digest, raw_seq) values "
        f"({quoted(model.table)}, {quoted(draft.inputs)}, {quoted(draft.digest)}, "
        f"{'null' if draft.raw_seq is None else draft.raw_seq})"
    )


def _hold_back(con: duckdb.DuckDBPyConnection, source: str, reasons: list[str]) -> None:
    good = con.execute("select good_until from meta.source_good where source = ?", [source]).fetchone()
    status = con.execute("select finished_at from meta.source_status where source = ?", [source]).fetchone()
    con.execute("delete from meta.source_status where source = ?", [source])
    con.execute(
        "insert into meta.source_status values (?, 'failed', ?, ?, ?)",
        [source, reasons[0], status[0] if status else None, good[0] if good else None],
    )
    con.execute("delete from meta.audit_failed where source = ?", [source])
    con.execute("insert into meta.audit_failed select ?, unnest(?::varchar[])", [source, reasons])


def _release(con: duckdb.DuckDBPyConnection, source: str) -> None:
    """Remember until when the source is good; undo our own verdict if it was the one that stood."""
    held = con.execute("select count(*) from meta.audit_failed where source = ?", [source]).fetchone()
    if held and held[0]:
        con.execute(
            "update meta.source_status set state = 'complete', reason = null, "
            "good_until = coalesce(finished_at, good_until) where source = ? and state = 'failed' "
            "and reason in (select reason from meta.audit_failed where source = ?)",
            [source, source],
        )
        con.execute("delete from meta.audit_failed where source = ?", [source])
    con.execute("delete from meta.source_good where source = ?", [source])
    con.execute(
        "insert into meta.source_good select source, good_until from meta.source_status where source = ?",
        [source],
    )
