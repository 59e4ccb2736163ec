"""Flows as Prefect records them: names, states, artifacts, and the event of a failed gate."""

import re
import shutil
import time
from pathlib import Path
from typing import Any

import duckdb
import httpx
import pytest
from house import World
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.settings import PREFECT_API_URL

from flows.events import events as act_on_what_was_told
from flows.main_job import main_job
from flows.refresh import refresh
from playbook.loader import load_playbook
from tasks import steps

PATIENCE_SECONDS = 20


def task_states(state: Any) -> dict[str, list[str]]:
    """Task run name -> its states' names, of the flow run that ended in `state`.

    Task runs reach the database by way of events, a moment after the run.
    """
    chosen = FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
    deadline = time.monotonic() + PATIENCE_SECONDS
    with get_client(sync_client=True) as client:
        while True:
            found: dict[str, list[str]] = {}
            for run in client.read_task_runs(flow_run_filter=chosen):
                found.setdefault(run.name, []).append(run.state_name or "")
            settled = {"Completed", "Failed"}
            if found and all(settled.issuperset(states) for states in found.values()):
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.2)


def ask(path: str, **body: Any) -> Any:
    return httpx.post(f"{PREFECT_API_URL.value()}/{path}", json=body, timeout=30).raise_for_status().json()


def artifacts(state: Any) -> dict[str, Any]:
    run = str(state.state_details.flow_run_id)
    rows = ask("artifacts/filter", artifacts={"flow_run_id": {"any_": [run]}})
    return {row["key"]: row["data"] for row in rows if row["key"]}


@pytest.fixture(scope="module")
def done(world: World) -> Any:
    """The state in which a first run of the main job ended."""
    return main_job(report=False, return_state=True)


def test_the_main_job_is_readable_in_prefect(done: Any) -> None:
    assert done.is_completed()
    assert task_states(done) == {
        **{f"read {source}": ["Completed"] for source in load_playbook().source_ids},
        "categorise": ["Completed"],
        "build warehouse": ["Completed"],
        "check build": ["Completed"],
        "publish build": ["Completed"],
        "record assets": ["Completed"],
        "tidy landing": ["Completed"],
        "decide follow-ups": ["Completed"],
        "deliver outbox": ["Completed", "Completed"],
        "read back": ["Completed"],
        "evaluate alerts": ["Completed"],
    }
    shown = artifacts(done)
    assert {"sources", "checks", "kpis"} <= shown.keys()
    with get_client(sync_client=True) as client:
        run = client.read_flow_run(done.state_details.flow_run_id)
    assert re.fullmatch(r"main-job \d{4}-\d\d-\d\d \d\d:\d\d", run.name)
    assert "hubspot" in shown["sources"]
    assert "K14" in shown["kpis"]


def test_a_failing_source_is_a_failed_task_in_a_completed_run(world: World) -> None:
    world.faults({"kind": "status", "vendor": "intercom", "status": 401})
    try:
        state = refresh(return_state=True)
    finally:
        world.faults()
    assert state.is_completed()
    states = task_states(state)
    assert states["read intercom"] == ["Failed"]
    assert [name for name, ends in states.items() if "Failed" in ends] == ["read intercom"]
    accounts = {row["source"]: row for row in state.result()["sources"]}
    assert accounts["intercom"]["state"] == "failed"
    assert "401" in accounts["intercom"]["reason"]
    assert accounts["hubspot"]["state"] == "complete"
    assert "401" in artifacts(state)["sources"]


def test_when_nobody_told_anything_the_events_flow_does_nothing(world: World) -> None:
    state = act_on_what_was_told(return_state=True)
    assert state.is_completed()
    assert state.result() == []
    assert task_states(state) == {"act on events": ["Completed"]}


def test_a_build_that_fails_its_check_is_an_event(done: Any, home: Path) -> None:
    builds = home / "builds"
    shutil.copy(builds / f"{done.result()['build_id']}.duckdb", builds / "broken.duckdb")
    with duckdb.connect(builds / "broken.duckdb") as con:
        con.execute("insert into core.client select * from core.client")

    @flow(name="check-only")
    def check_only() -> Any:
        return steps.check_build({"build_id": "broken", "changed": False})

    assert check_only()["passed"] is False
    wanted = {"filter": {"event": {"name": ["tenfold.gate.failed"]}}}
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (events := ask("events/filter", **wanted)["events"]):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert events[0]["resource"]["prefect.resource.id"] == "tenfold.build.broken"
    assert any(rule.startswith("core.client") for rule in events[0]["payload"]["rules"])
