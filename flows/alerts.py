"""What somebody must know tonight: rules of the playbook on published figures and source states."""

from datetime import datetime
from typing import Any

from prefect import flow

from tasks import steps
from tasks.jobs import run_name


@flow(
    name="alerts",
    flow_run_name=run_name,
    description="Evaluate the alert rules and notify whoever is on call.",
)
def alerts(as_of: datetime | None = None) -> dict[str, Any]:
    """Counts of alerts opened, still open and resolved, and of notices delivered."""
    moment = steps.instant(as_of)

    # Evaluate
    found = steps.evaluate_alerts(moment)

    # Deliver
    sent = steps.deliver_outbox(moment)
    return {"alerts": found, "sent": sent}
