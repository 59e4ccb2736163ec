"""Expectations as SQL: one query that counts the violations, one that selects the bad rows.

The names are Great Expectations' own; DuckDB does the work over the set, so no table enters pandas.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import duckdb

from warehouse.engine import Expectation, Model
from warehouse.errors import ModelError
from warehouse.store import first_line, quoted

Status = Literal["passed", "failed", "error", "not_evaluated"]


@dataclass(frozen=True, slots=True)
class Result:
    """One expectation on one model: how many of its `rows` break it. `error` is never a pass."""

    model: str
    expectation: str
    severity: Literal["fail", "warn"]
    status: Status
    violations: int | None
    rows: int | None
    why: str
    do: str
    error: str | None = None

    @property
    def blocks(self) -> bool:
        """True when what was meant to stop the line has not held, or could not be asked."""
        return self.severity == "fail" and self.status in {"failed", "error"}


@dataclass(frozen=True, slots=True)
class Step:
    """A table that is going to be its `old` rows, less those that the `new` ones replace, and the `new` ones.

    `kept` names the expectations that every one of the old rows is known to keep.
    """

    old: str
    new: str
    kept: frozenset[str]


def evaluate(
    con: duckdb.DuckDBPyConnection, model: Model, table: str, step: Step | None = None
) -> list[Result]:
    """Count the violations of a model's expectations in `table`.

    An empty table proves nothing about its columns: `not_evaluated`. A query that does not run: `error`.
    With a `step`, only its new rows are looked at where the old ones are known to be good; `rows` is then how
    many the table had before.
    """
    if not model.spec.expectations:
        return []
    rows = _scalar(con, f"select count(*) from {table if step is None else step.old}")
    return [_evaluate(con, model, found, table, rows, step) for found in model.spec.expectations]


def quarantine(
    con: duckdb.DuckDBPyConnection, build_id: str, model: Model, table: str, results: Iterable[Result]
) -> None:
    """Copy the full bad rows of the failed results into `quality.quarantine`, as JSON with rule and build."""
    failed = {result.expectation for result in results if result.status == "failed"}
    for found in model.spec.expectations:
        if label(found) in failed:
            _name_this(con, table)
            con.execute(
                "insert into quality.quarantine select ?, ?, ?, ?, to_json(bad) "
                f"from ({bad_rows(model, found)}) as bad",
                [build_id, model.table, label(found), found.severity],
            )


def label(found: Expectation) -> str:
    """How an expectation is called in results: its name and what it is about; no two of a model are alike."""
    about = [*([found.column] if found.column else []), *found.column_list]
    if found.min_value is not None or found.max_value is not None:
        low, high = (
            "" if bound is None else f"{bound:g}" if isinstance(bound, float) else bound
            for bound in (found.min_value, found.max_value)
        )
        about.append(f"{low}..{high}")
    about += [" ".join(text.split())[:80] for text in (found.where, found.sql) if text]
    return f"{found.expectation}({', '.join(about)})"


def bad_rows(model: Model, found: Expectation) -> str:
    """A SELECT of the rows of `this` that break the expectation. Raises ModelError for one we do not know."""
    if found.sql is not None:
        return found.sql.strip().removesuffix(";")
    rows = f"(select * from this where {found.where})" if found.where else "this"
    match found.expectation:
        case "expect_column_values_to_not_be_null":
            return f"select * from {rows} where {_column(model, found)} is null"
        case "expect_column_values_to_be_null":
            return f"select * from {rows} where {_column(model, found)} is not null"
        case "expect_column_values_to_be_unique":
            return _repeated(rows, [_column(model, found)])
        case "expect_compound_columns_to_be_unique":
            return _repeated(rows, [_name(column) for column in found.column_list])
        case "expect_column_values_to_be_between":
            column = _column(model, found)
            return f"select * from {rows} where not ({_between(column, found)})"
        case "expect_column_values_to_be_in_set":
            listed = ", ".join(_literal(value) for value in found.value_set)
            return f"select * from {rows} where {_column(model, found)} not in ({listed})"
        case "expect_column_values_to_match_regex":
            column = _column(model, found)
            pattern = quoted(found.regex or "")
            return f"select * from {rows} where not regexp_matches({column}::varchar, {pattern})"
        case "expect_table_row_count_to_be_between":
            inside = _between("row_count", found)
            return f"select row_count from (select count(*) as row_count from {rows}) where not ({inside})"
        case _:
            raise ModelError(
                f"{_place(model)}: {found.expectation} is no expectation we know; write it as sql."
            )


def _evaluate(
    con: duckdb.DuckDBPyConnection,
    model: Model,
    found: Expectation,
    table: str,
    rows: int,
    step: Step | None,
) -> Result:
    violations: int | None = None
    error: str | None = None
    status: Status
    try:
        if step is not None and label(found) in step.kept and _new_rows_keep(con, model, found, step):
            violations = 0
        else:
            _name_this(con, table)
            violations = _scalar(con, f"select count(*) from ({bad_rows(model, found)})")
    except (duckdb.ProgrammingError, duckdb.DataError, duckdb.NotSupportedError) as fault:
        status, error = "error", first_line(fault)
    else:
        empty = rows == 0 and found.expectation != "expect_table_row_count_to_be_between"
        status = "failed" if violations else "not_evaluated" if empty else "passed"
    return Result(
        model=model.table,
        expectation=label(found),
        severity=found.severity,
        status=status,
        violations=violations,
        rows=rows,
        why=found.why,
        do=found.do,
        error=error,
    )


def _new_rows_keep(con: duckdb.DuckDBPyConnection, model: Model, found: Expectation, step: Step) -> bool:
    """Whether the new rows, among themselves and beside the old ones, break nothing."""
    if found.expectation == "expect_table_row_count_to_be_between":
        return False
    _name_this(con, step.new)
    if _scalar(con, f"select count(*) from ({bad_rows(model, found)})"):
        return False
    if "unique" not in found.expectation:
        return True
    if found.column is not None and found.column == model.spec.by:
        return True  # an old row with the same value is one of those that are replaced
    columns = ", ".join(_name(column) for column in found.column_list) or _column(model, found)
    # Old rows that are going to be replaced carry the same values; only others count.
    replaced = f"{model.spec.by} in (select {model.spec.by} from {step.new})"
    return not _scalar(
        con,
        f"select count(*) from (select {columns} from {step.old} where not ({replaced})) as old "
        f"semi join {step.new} as new using ({columns})",
    )


def _name_this(con: duckdb.DuckDBPyConnection, table: str) -> None:
    con.execute(f"create or replace temp view this as select * from {table}")


def _repeated(rows: str, columns: list[str]) -> str:
    if len(columns) == 1:
        # Grouping needs a fraction of a window's memory, and rows without a value fall out by themselves.
        only = columns[0]
        repeated = f"select {only} from {rows} group by all having count(*) > 1"
        return f"select * from {rows} where {only} in ({repeated})"
    listed = ", ".join(columns)
    # As in Great Expectations, rows without any value in these columns are not compared.
    some = " or ".join(f"{column} is not null" for column in columns)
    return f"select * from {rows} where {some} qualify count(*) over (partition by {listed}) > 1"


def _between(column: str, found: Expectation) -> str:
    bounds = []
    if found.min_value is not None:
        bounds.append(f"{column} >= {_literal(found.min_value)}")
    if found.max_value is not None:
        bounds.append(f"{column} <= {_literal(found.max_value)}")
    return " and ".join(bounds) or "true"


def _literal(value: str | float | bool) -> str:
    return quoted(value) if isinstance(value, str) else str(value)


def _column(model: Model, found: Expectation) -> str:
    if found.column is None:
        raise ModelError(f"{_place(model)}: {found.expectation} needs a column.")
    return _name(found.column)


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _place(model: Model) -> str:
    return f"{model.layer}/{model.name}.yaml"


def _scalar(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    return int(row[0]) if row else 0
