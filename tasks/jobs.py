"""How our flows ended, as Prefect knows it."""

from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowFilter, FlowFilterName, FlowRunFilter
from prefect.client.schemas.filters import FlowRunFilterState as StateFilter
from prefect.client.schemas.filters import FlowRunFilterStateType as StateTypeFilter
from prefect.client.schemas.objects import StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.runtime import flow_run

from tasks.alert_rules import JobState

FLOWS = ("main-job", "refresh", "follow-up", "alerts", "weekly-report", "events")
GATE_FAILED = "tenfold.gate.failed"  # the event of a build that failed its check
_JUDGED = [StateType.COMPLETED, StateType.FAILED, StateType.CRASHED]


def run_name() -> str:
    """The asking run's name: its flow and when it was due (UTC), such as `refresh 2026-11-20 09:00`."""
    return f"{flow_run.flow_name} {flow_run.scheduled_start_time:%Y-%m-%d %H:%M}"


def last_runs() -> list[JobState]:
    """The last finished run of each flow that has one; cancelled runs and the flow that asks are left out."""
    found = []
    asking = flow_run.flow_name
    with get_client(sync_client=True) as client:
        for name in FLOWS:
            if name == asking:
                continue
            runs = client.read_flow_runs(
                flow_filter=FlowFilter(name=FlowFilterName(any_=[name])),
                flow_run_filter=FlowRunFilter(state=StateFilter(type=StateTypeFilter(any_=_JUDGED))),
                sort=FlowRunSort.END_TIME_DESC,
                limit=1,
            )
            found += [JobState(name, run.name, run.state_type == StateType.COMPLETED) for run in runs]
    return found
