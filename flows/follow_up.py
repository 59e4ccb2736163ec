"""What is due to clients now: decided on the published build, delivered through the outbox."""

from datetime import datetime
from typing import Any

from prefect import flow

from tasks import steps
from tasks.jobs import run_name


@flow(
    name="follow-up", flow_run_name=run_name, description="Decide what is due to each client and deliver it."
)
def follow_up(as_of: datetime | None = None) -> dict[str, Any]:
    """Counts of decisions and of deliveries by outcome."""
    moment = steps.instant(as_of)

    # Decide
    decided = steps.decide_follow_ups(moment)

    # Deliver
    sent = steps.deliver_outbox(moment)
    return {"decided": decided, "sent": sent}
