"""What Prefect's server does by itself when something goes wrong. `python -m tasks.automations` applies it.

Only actions that need nothing outside: run a deployment of ours, or set a run's state. Whoever must know is
told by the alerts flow, over the channels that are configured there.
"""

import sys
from datetime import timedelta

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import StateType
from prefect.events.actions import ChangeFlowRunState, RunDeployment
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

from tasks.jobs import FLOWS, GATE_FAILED

DAILY_MAY_TAKE = timedelta(hours=26)
# Flows give a sign every 180 s; three missed ones are no hiccup.
SIGN_OF_LIFE_WITHIN = timedelta(seconds=540)
ENDED_BADLY = {"prefect.flow-run.Failed", "prefect.flow-run.Crashed", "prefect.flow-run.TimedOut"}
ENDED = ENDED_BADLY | {"prefect.flow-run.Completed", "prefect.flow-run.Cancelled"}


def wanted(client: SyncPrefectClient) -> list[AutomationCore]:
    """The automations there should be, each field given, since an update leaves alone what is not.

    Raises ObjectNotFound while a deployment is missing.
    """
    look = _run(client, "alerts/alerts")
    work = _run(client, "main-job/daily")
    return [
        AutomationCore(
            enabled=True,
            name="Tenfold: a run failed",
            description="Look at the alert rules at once. A failure of that look itself starts no other.",
            trigger=EventTrigger(
                expect=ENDED_BADLY,
                match_related=_of(*(name for name in FLOWS if name != "alerts")),
                posture=Posture.Reactive,
            ),
            actions=[look],
        ),
        AutomationCore(
            enabled=True,
            name="Tenfold: a build failed its check",
            description="Look at the alert rules at once.",
            trigger=EventTrigger(expect={GATE_FAILED}, posture=Posture.Reactive),
            actions=[look],
        ),
        AutomationCore(
            enabled=True,
            name="Tenfold: no daily run",
            description="The main job has not completed for 26 hours: run it now.",
            trigger=EventTrigger(
                expect={"prefect.flow-run.Completed"},
                match_related=_of("main-job"),
                posture=Posture.Proactive,
                within=DAILY_MAY_TAKE,
            ),
            actions=[work],
        ),
        AutomationCore(
            enabled=True,
            name="Tenfold: a run was lost",
            description="A run without a sign of life is marked as crashed, so that it holds nobody up.",
            trigger=EventTrigger(
                after={"prefect.flow-run.heartbeat"},
                expect={"prefect.flow-run.heartbeat", *ENDED},
                match={"prefect.resource.id": ["prefect.flow-run.*"]},
                for_each={"prefect.resource.id"},
                posture=Posture.Proactive,
                within=SIGN_OF_LIFE_WITHIN,
            ),
            actions=[
                ChangeFlowRunState(
                    name=None,
                    state=StateType.CRASHED,
                    message="Its process gave no sign of life.",
                    force=False,
                )
            ],
        ),
    ]


def _run(client: SyncPrefectClient, deployment: str) -> RunDeployment:
    found = client.read_deployment_by_name(deployment)
    return RunDeployment(source="selected", deployment_id=found.id, parameters=None, job_variables=None)


def _of(*flows: str) -> dict[str, str | list[str]]:
    return {"prefect.resource.role": "flow", "prefect.resource.name": list(flows)}


def apply(client: SyncPrefectClient) -> dict[str, str]:
    """Create or correct each automation, by its name: name -> created, changed or unchanged.

    One that is as it should be is left alone, because a change makes a trigger forget what it waits for.
    """
    done = {}
    for automation in wanted(client):
        known = client.read_automations_by_name(automation.name)
        for double in known[1:]:
            client.delete_automation(double.id)
        if not known:
            client.create_automation(automation)
            done[automation.name] = "created"
        elif _same(known[0], automation):
            done[automation.name] = "unchanged"
        else:
            client.update_automation(known[0].id, automation)
            done[automation.name] = "changed"
    return done


def _same(known: AutomationCore, automation: AutomationCore) -> bool:
    # The server adds ids and defaults of its own to what it was given.
    def essence(one: AutomationCore) -> dict[str, object]:
        fields = {"name", "description", "enabled", "trigger", "actions"}
        kept: dict[str, object] = one.model_dump(mode="json", include=fields)
        return kept

    return _covers(essence(known), essence(automation))


def _covers(known: object, given: object) -> bool:
    if isinstance(given, dict) and isinstance(known, dict):
        return all(_covers(known.get(key), value) for key, value in given.items())
    if isinstance(given, list) and isinstance(known, list):
        if all(isinstance(item, str) for item in (*given, *known)):
            return sorted(given) == sorted(known)
        return len(given) == len(known) and all(map(_covers, known, given))
    return known == given


if __name__ == "__main__":
    with get_client(sync_client=True) as connected:
        for title, what in apply(connected).items():
            sys.stdout.write(f"{title}: {what}\n")
