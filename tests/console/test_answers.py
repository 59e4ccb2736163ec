"""What a person at the command gets: one sentence and an exit code, and answers from an encrypted home too."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from console.cli import WRONG_USE, app
from console.read import run_query
from console.sandbox_process import SandboxFailed
from reports.errors import ReportError, WordingError
from settings import Settings, WarehouseSettings
from tasks.failures import FAILED, expected
from warehouse.errors import WarehouseError
from warehouse.store import opened

NOW = datetime(2026, 11, 16, 7, tzinfo=UTC)


@pytest.mark.parametrize("kind", [ReportError, WordingError, SandboxFailed, WarehouseError])
def test_what_was_foreseen_ends_in_its_own_sentence(kind: type[Exception]) -> None:
    assert expected(kind("Week 2030-W01 is not over; choose an earlier one.")) == (
        "Week 2030-W01 is not over; choose an earlier one.",
        FAILED,
    )


def test_what_nobody_foresaw_keeps_its_traceback() -> None:
    assert expected(ZeroDivisionError()) is None


@pytest.mark.parametrize("month", ["2026-13", "october", "2026-1", "2026-10-01"])
def test_a_month_that_is_none_is_wrong_use_and_not_an_empty_answer(month: str) -> None:
    outcome = CliRunner().invoke(app, ["kpi", "--month", month])
    assert outcome.exit_code == WRONG_USE
    assert outcome.stdout == ""


def publish_a_build(settings: Settings) -> None:
    build = settings.home / "builds" / "b1.duckdb"
    build.parent.mkdir()
    with opened(build, key=settings.warehouse.key) as con:
        con.execute("create schema build")
        con.execute(
            "create table build.run as select 'b1' as build_id, $now as as_of, $now as known_at, "
            "'Europe/Madrid' as zone, 'EUR' as currency",
            {"now": NOW},
        )
    (settings.home / "published.json").write_text(json.dumps({"build_id": "b1"}))


def test_a_published_build_is_read_with_the_homes_key(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, warehouse=WarehouseSettings(key=SecretStr("correct horse battery")))
    publish_a_build(settings)
    assert run_query(settings, tmp_path, "select build_id from build.run") == (["build_id"], [("b1",)])


def test_a_statement_that_fails_while_its_rows_come_is_told_too(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    publish_a_build(settings)
    with pytest.raises(WarehouseError, match="Conversion"):
        run_query(settings, tmp_path, "select cast(v as integer) from (values ('1'), ('x')) as t (v)")
