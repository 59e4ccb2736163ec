"""Every schedule in prefect.yaml starts a flow that exists, with parameters it takes."""

import importlib
import inspect
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from prefect.client.schemas.schedules import CronSchedule

ROOT = Path(__file__).parent.parent.parent
DEPLOYMENTS: list[dict[str, Any]] = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
NAMES = [deployment["name"] for deployment in DEPLOYMENTS]


def entry(deployment: dict[str, Any]) -> Any:
    path, _, name = deployment["entrypoint"].partition(":")
    module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
    return getattr(module, name)


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=NAMES)
def test_its_parameters_are_the_flows_own(deployment: dict[str, Any]) -> None:
    flow = entry(deployment)
    bound = inspect.signature(flow.fn).bind_partial(**deployment["parameters"])
    assert set(bound.arguments) == set(deployment["parameters"])
    assert flow.validate_parameters(deployment["parameters"]) is not None


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=NAMES)
def test_its_schedule_can_run(deployment: dict[str, Any]) -> None:
    assert deployment["schedules"]
    for schedule in deployment["schedules"]:
        assert schedule["slug"]
        ZoneInfo(schedule["timezone"])
        CronSchedule(cron=schedule["cron"], timezone=schedule["timezone"])


@pytest.mark.parametrize("deployment", DEPLOYMENTS, ids=NAMES)
def test_a_run_that_is_still_going_is_never_doubled(deployment: dict[str, Any]) -> None:
    assert deployment["concurrency_limit"]["limit"] == 1
    assert deployment["concurrency_limit"]["collision_strategy"] == "CANCEL_NEW"


def test_every_flow_of_ours_has_a_schedule() -> None:
    scheduled = {deployment["entrypoint"].partition(":")[0] for deployment in DEPLOYMENTS}
    written = {f"flows/{path.name}" for path in (ROOT / "flows").glob("*.py") if path.name != "__init__.py"}
    assert written == scheduled


def test_names_and_slugs_are_unique() -> None:
    slugs = [schedule["slug"] for deployment in DEPLOYMENTS for schedule in deployment["schedules"]]
    assert len(set(NAMES)) == len(NAMES)
    assert len(set(slugs)) == len(slugs)
