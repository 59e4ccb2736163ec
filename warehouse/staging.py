"""Staging: one typed table per resource, rebuilt only when its raw rows or its model changed.

A source whose fields were lost or whose checks fail keeps the tables of its last good build; what it held
back is said in `meta.source_status`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb

from warehouse.engine import Model, engine_digest
from warehouse.errors import ModelError
from warehouse.expectations import Result, evaluate, quarantine
from warehouse.raw import ensure_table
from warehouse.store import first_line, quoted


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The staging tables that were rebuilt, and per failed source why it keeps its old ones."""

    rebuilt: tuple[str, ...]
    failed: dict[str, str]


def refresh(con: duckdb.DuckDBPyConnection, models: Sequence[Model]) -> Refreshed:
    """Bring `staging.*` up to date inside the caller's transaction on warehouse.duckdb.

    `models` are those of the staging layer. Raises ModelError, naming the file, for SQL that does not run.
    """
    for source, resource in sorted({table for model in models for table in model.raw_tables}):
        ensure_table(con, source, resource)
    _create_missing(con, models)
    built = dict(con.execute("select model, inputs from meta.staging_built").fetchall())
    rebuilt: list[str] = []
    failed: dict[str, str] = {}
    for source in sorted({_source(model) for model in models}):
        changed = [
            (model, inputs)
            for model in models
            if _source(model) == source and built.get(model.table) != (inputs := _inputs(con, model))
        ]
        if not changed:
            continue
        reasons = [reason for model, _ in changed for reason in _try(con, model)]
        if reasons:
            for model, _ in changed:
                con.execute(f"drop table staging.{model.name}__new")
            failed[source] = reasons[0]
            _hold_back(con, source, reasons)
        else:
            for model, inputs in changed:
                _swap(con, model, inputs)
                rebuilt.append(model.table)
            _release(con, source)
    return Refreshed(tuple(rebuilt), failed)


def _source(model: Model) -> str:
    return model.spec.source or (model.raw_tables[0][0] if model.raw_tables else "")


def _inputs(con: duckdb.DuckDBPyConnection, model: Model) -> str:
    parts = [model.digest, engine_digest()]
    for source, resource in model.raw_tables:
        row = con.execute(f"select count(*), max(received_seq) from raw.{source}_{resource}").fetchone()
        parts.append(f"{source}.{resource}:{row}")
    return "|".join(parts)


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


def _try(con: duckdb.DuckDBPyConnection, model: Model) -> list[str]:
    """Build a model beside its old table, note its rejects and drift; the reasons why it must not be used."""
    run_model(con, model, f"create table staging.{model.name}__new as {model.sql}")
    reasons = _lost_fields(con, model)
    _note_drift(con, model)
    _note_failed_casts(con, model)
    results = evaluate(con, model, f"staging.{model.name}__new")
    con.execute("delete from quality.staging_result where model = ?", [model.table])
    con.execute("delete from quality.quarantine where model = ?", [model.table])
    for result in results:
        con.execute(
            "insert into quality.staging_result values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                result.model,
                result.expectation,
                result.severity,
                result.status,
                result.violations,
                result.rows,
                result.why,
                result.do,
                result.error,
            ],
        )
    quarantine(con, "staging", model, f"staging.{model.name}__new", results)
    return reasons + [_said(con, result) for result in results if result.blocks]


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


def _lost_fields(con: duckdb.DuckDBPyConnection, model: Model) -> list[str]:
    required = model.spec.required
    if not required:
        return []
    reasons = []
    for source, resource in _audited(model):
        # One scan, one parse per record: a missing path gives NULL, a JSON null gives 'null'.
        paths = ", ".join(quoted(path) for path in required)
        counts = ", ".join(f"count(*) filter (found[{at}] is null)" for at in range(1, len(required) + 1))
        row = con.execute(
            f"select count(*), {counts} from "
            f"(select json_extract(body, [{paths}]) as found from raw.{source}_{resource}_current)"
        ).fetchone()
        if row is None:
            continue
        reasons += [
            f"{source}.{resource}: {missing} of {row[0]} records have no {path}, which {model.table} needs; "
            "the vendor changed its answer, or the token lost a permission."
            for path, missing in zip(required, row[1:], strict=True)
            if missing
        ]
    return reasons


def _note_drift(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Fields that no model of the resource lists: kept in raw, and reported."""
    levels: dict[str, set[str]] = {}
    for path in model.spec.known:
        parent, _, leaf = path.rpartition(".")
        levels.setdefault(parent, set()).add(leaf)
        while "." in parent:  # A field that has known fields inside is itself known.
            parent, _, leaf = parent.rpartition(".")
            levels.setdefault(parent, set()).add(leaf)
    for source, resource in _audited(model):
        con.execute(
            "delete from quality.drift where source = ? and resource = ? and model = ?",
            [source, resource, model.table],
        )
        for parent, known in levels.items():
            if "[" in parent:
                continue
            con.execute(
                f"""
                insert into quality.drift
                with shapes as (
                    -- Few records differ in their fields: whole lists are counted, then taken apart.
                    select json_keys(body, {quoted(parent)}) as fields, count(*) as records
                    from raw.{source}_{resource}_current group by all
                ), seen as (
                    select unnest(fields) as field, records from shapes
                )
                select ?, ?, ?, ? || '.' || field, sum(records) from seen
                where not list_contains(?::varchar[], field) group by field
                """,
                [source, resource, model.table, parent, sorted(known)],
            )


def _note_failed_casts(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Values that are there but cannot be read as their type; empty text means absent and is no failure."""
    plain = [cast for cast in model.spec.casts if "[*]" not in cast.path]
    many = [cast for cast in model.spec.casts if "[*]" in cast.path]
    for source, resource in _audited(model):
        con.execute(
            "delete from quality.rejected where source = ? and resource = ? and model = ?",
            [source, resource, model.table],
        )
        if plain:
            paths = ", ".join(quoted(cast.path) for cast in plain)
            checks = ", ".join(
                f"{{'field': {quoted(cast.column)}, 'raw': found[{at}], 'type': {quoted(cast.type)}, "
                f"'bad': try_cast(found[{at}] as {cast.type}) is null}}"
                for at, cast in enumerate(plain, start=1)
            )
            selects = (
                f"select key, run_id, unnest([{checks}]) as checked from "
                f"(select key, run_id, json_extract_string(body, [{paths}]) as found "
                f"from raw.{source}_{resource}_current)"
            )
            _insert_rejected(con, model, source, resource, selects)
        for cast in many:
            selects = (
                "select key, run_id, "
                f"{{'field': {quoted(cast.column)}, 'raw': found, 'type': {quoted(cast.type)}, "
                f"'bad': try_cast(found as {cast.type}) is null}} as checked from (select key, run_id, "
                f"unnest(json_extract_string(body, {quoted(cast.path)})) as found "
                f"from raw.{source}_{resource}_current)"
            )
            _insert_rejected(con, model, source, resource, selects)


def _insert_rejected(
    con: duckdb.DuckDBPyConnection, model: Model, source: str, resource: str, selects: str
) -> None:
    run_model(
        con,
        model,
        f"""
        insert into quality.rejected
        select {quoted(source)}, {quoted(resource)}, {quoted(model.table)}, run_id, key,
            checked.field, checked.raw,
            'no ' || checked.type
        from ({selects})
        where checked.raw is not null and trim(checked.raw) <> '' and checked.bad
        """,
    )


def _audited(model: Model) -> Iterable[tuple[str, str]]:
    spec = model.spec
    if spec.source and spec.resource:
        return [(spec.source, resource) for resource in spec.resource]
    return model.raw_tables


def _swap(con: duckdb.DuckDBPyConnection, model: Model, inputs: str) -> None:
    con.execute(f"drop table staging.{model.name}")
    con.execute(f"alter table staging.{model.name}__new rename to {model.name}")
    con.execute("delete from meta.staging_built where model = ?", [model.table])
    con.execute("insert into meta.staging_built values (?, ?)", [model.table, inputs])


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
