"""The main job on the default sandbox, twice, against the sandbox's own truth."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
from house import SOURCES_OF_A_SANDBOX, Figures, House, differences, figures

MONTHS = [f"{2025 + (10 + n) // 12}-{(10 + n) % 12 + 1:02d}" for n in range(12)]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    return House(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def first(house: House) -> Any:
    return house.json("run")


@pytest.fixture(scope="module")
def second(house: House, first: Any) -> Any:
    return house.json("run")


@pytest.fixture(scope="module")
def published(house: House, second: Any) -> Figures:
    return figures(house.json("kpi"))


@pytest.fixture(scope="module")
def truth(house: House, second: Any) -> Figures:
    return figures(house.json("sandbox", "truth"))


def test_the_first_run_does_the_whole_job(first: Any) -> None:
    assert {row["source"]: row["state"] for row in first["sources"]} == SOURCES_OF_A_SANDBOX
    assert first["rows_loaded"] > 20_000
    assert first["messages_sent"] > 50
    assert first["published_at"] == "2026-11-16T07:00:00+00:00"
    # A table that is still empty proves nothing about its columns.
    assert first["checks"].keys() <= {"passed", "not_evaluated"}
    assert first["checks"]["passed"] > 100
    assert [Path(path).name for path in first["reports"]] == [
        "weekly-2026-W46.es.html",
        "weekly-2026-W46.en.html",
    ]
    assert all(Path(path).stat().st_size > 50_000 for path in first["reports"])


def test_a_second_run_with_nothing_new_loads_and_sends_nothing(second: Any) -> None:
    assert second["rows_loaded"] == 0
    assert second["messages_sent"] == 0
    assert second["alerts"]["opened"] == 0


def test_every_figure_of_every_complete_month_and_week_is_the_truth(
    published: Figures, truth: Figures
) -> None:
    """Counts and money exactly, ratios to 1e-9."""
    assert {period for _, period, _ in truth} >= set(MONTHS)
    assert differences(published, truth) == []


def test_what_cannot_be_known_is_not_evaluated_and_says_why(
    published: Figures,
) -> None:
    for kpi in ("K4", "K22"):
        row = published[kpi, "2026-10", "all"]
        assert row["value"] is None
        assert row["status"] == "not_evaluated"
        assert row["reason"]


def test_kpi_of_a_month_gives_that_month_only(house: House, second: Any) -> None:
    rows = house.json("kpi", "--month", "2026-10")
    assert {row["period"] for row in rows} == {"2026-10"}
    assert {
        "kpi", "name", "period", "segment", "value", "numerator", "denominator", "n", "low", "high",
        "target_low", "target_high", "status", "reason",
    } <= rows[0].keys()  # fmt: skip


def test_why_tells_what_was_decided_about_a_client(house: House, second: Any) -> None:
    found = house.json(
        "query",
        "select company_id from core.client "
        "where started_at between timestamptz '2026-11-12' and timestamptz '2026-11-13' limit 1",
    )
    answer = house.json("why", found[0]["company_id"])
    assert answer["decisions"]
    assert all(decision["rule"].startswith("onboarding/") for decision in answer["decisions"])
    assert {"decided", "not_due"} & {step["state"] for step in answer["steps"]}


def test_nothing_private_is_in_prefects_database(house: House, first: Any) -> None:
    """Run parameters, results and logs are shown to whoever opens the UI."""
    database = next((house.sandbox_home / "prefect").glob("prefect.db"))
    emails = house.json("query", "select email from core.person where email is not null limit 200")
    content = database.read_bytes()
    assert not [row["email"] for row in emails if row["email"].encode() in content]
    assert b"pat-eu1-" not in content


def test_a_query_cannot_write(house: House, second: Any) -> None:
    done: subprocess.CompletedProcess[str] = house.tenfold("query", "delete from core.client")
    assert done.returncode == 1
    assert "read-only" in done.stderr
    assert "Traceback" not in done.stderr
