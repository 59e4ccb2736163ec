"""Checks of a build: DuckDB counts the violations, Great Expectations holds the suites and judges.

The verdict is tied to the digest of the very file that was checked; publish asks for it.
"""

import fcntl
import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path

import duckdb
from pydantic import SecretStr

from warehouse.build import Build
from warehouse.engine import MODELS, discover
from warehouse.expectations import Result, evaluate, quarantine
from warehouse.store import disk_errors, lock, opened, write_whole


@dataclass(frozen=True, slots=True)
class Checked:
    """The verdict on one build: `passed` is False when a `fail` of core or kpi did not hold or could not run.

    A `fail` in staging does not block: its source was held back at its last good rows.
    """

    build_id: str
    passed: bool
    results: tuple[Result, ...]


def check(
    build: Build,
    *,
    models: Path = MODELS,
    key: SecretStr | None = None,
    patience: timedelta = timedelta(minutes=10),
) -> Checked:
    """Judge a build; the results go into it as `quality.check_result`, bad rows as `quality.quarantine`.

    A file that was checked and has not changed since is not checked again. Raises ModelError as `discover`.
    """
    with lock(build.path.parent / ".lock", fcntl.LOCK_EX, patience):
        known = read_verdict(build.path)
        if known is not None and known.sha256 == digest(build.path):
            return _recorded(build, known.passed, key)
        with disk_errors(build.path), opened(build.path, name="target", key=key) as con:
            results = _run(con, build.id, models)
            con.execute("checkpoint target")
        passed = not any(result.blocks for result in results if not result.model.startswith("staging."))
        with disk_errors(build.path):
            verdict = Verdict(sha256=digest(build.path), passed=passed)
            write_whole(verdict_path(build.path), json.dumps(asdict(verdict)))
    return Checked(build.id, passed, tuple(results))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is kept beside a checked build: the digest of the file that was judged, and the judgement."""

    sha256: str
    passed: bool


def verdict_path(build: Path) -> Path:
    """Where the verdict on the build file is kept."""
    return build.with_suffix(".checked.json")


def read_verdict(build: Path) -> Verdict | None:
    """The verdict on a build file; None when it was never checked."""
    try:
        return Verdict(**json.loads(verdict_path(build).read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError):
        return None  # one that cannot be read proves nothing


def digest(path: Path) -> str:
    """SHA-256 of a file, as hexadecimal text."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _run(con: duckdb.DuckDBPyConnection, build_id: str, models: Path) -> list[Result]:
    con.execute("begin transaction")
    # A check that was killed before its verdict may have left its results.
    con.execute("delete from quality.check_result where model not like 'staging.%'")
    con.execute("delete from quality.quarantine where model not like 'staging.%'")
    schemas = ("main", "core", "kpi", "playbook", "build", "meta", "quality")
    con.execute(f"set search_path = '{','.join(f'target.{schema}' for schema in schemas)}'")
    staging = _stored(con, "model like 'staging.%'")
    counted: list[Result] = []
    for model in discover(models):
        if model.layer != "staging":
            results = evaluate(con, model, model.table)
            quarantine(con, build_id, model, model.table, results)
            counted += results
    judged = judge([*staging, *counted])
    con.execute("delete from quality.check_result")
    store_results(con, judged)
    con.execute("commit")
    return judged


def judge(counted: Sequence[Result]) -> list[Result]:
    """The results with Great Expectations' judgement of their counts; one suite per layer.

    What was not counted (an error) or proves nothing (an empty table) keeps its status.
    """
    verdicts: dict[int, bool] = {}
    for layer in sorted({result.model.partition(".")[0] for result in counted}):
        countable = {
            number: result.violations
            for number, result in enumerate(counted)
            if result.model.startswith(f"{layer}.") and result.status in {"passed", "failed"}
        }
        if countable:
            verdicts |= _ask_great_expectations(layer, counted, {n: v or 0 for n, v in countable.items()})
    return [
        replace(result, status="passed" if verdicts[number] else "failed") if number in verdicts else result
        for number, result in enumerate(counted)
    ]


def _ask_great_expectations(layer: str, counted: Sequence[Result], counts: dict[int, int]) -> dict[int, bool]:
    import os

    # It reports its use over the network unless told otherwise before it is imported.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    import pandas as pd
    from great_expectations.data_context.types.base import ProgressBarsConfig

    # Its modules set levels of their own when imported, and tell of each temporary folder.
    for name in ("great_expectations", "great_expectations.data_context.types.base"):
        logging.getLogger(name).setLevel(logging.WARNING)
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    suite = gx.ExpectationSuite(
        name=layer,
        expectations=[
            gx.expectations.ExpectColumnValuesToBeBetween(
                column=str(number),
                min_value=0,
                max_value=0,
                meta={"result": number, "model": counted[number].model, "rule": counted[number].expectation},
            )
            for number in counts
        ],
    )
    context.suites.add(suite)
    frame = pd.DataFrame({str(number): [count] for number, count in counts.items()})
    asset = context.data_sources.add_pandas("counts").add_dataframe_asset(layer)
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch(batch_parameters={"dataframe": frame})
    outcome = batch.validate(suite, result_format="BOOLEAN_ONLY")
    return {int(found.expectation_config.meta["result"]): bool(found.success) for found in outcome.results}


def _recorded(build: Build, passed: bool, key: SecretStr | None) -> Checked:
    with opened(build.path, name="target", key=key, read_only=True) as con:
        return Checked(build.id, passed, tuple(_stored(con, "true")))


def _stored(con: duckdb.DuckDBPyConnection, condition: str) -> list[Result]:
    rows = con.execute(
        "select model, expectation, severity, status, violations, rows, why, do_next, error "
        f"from quality.check_result where {condition}"
    ).fetchall()
    return [Result(*row) for row in rows]


def store_results(con: duckdb.DuckDBPyConnection, results: Sequence[Result]) -> None:
    """Write results into `quality.check_result` of the current catalog."""
    if not results:
        return
    columns = [list(column) for column in zip(*(asdict(result).values() for result in results), strict=True)]
    kinds = ("varchar",) * 4 + ("bigint",) * 2 + ("varchar",) * 3
    listed = ", ".join(f"unnest(?::{kind}[])" for kind in kinds)
    con.execute(f"insert into quality.check_result select {listed}", columns)
