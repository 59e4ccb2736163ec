"""What vendors told by themselves since the last run: the records concerned are read again."""

from datetime import datetime
from typing import Any

from prefect import flow

from tasks import steps
from tasks.jobs import run_name


@flow(
    name="events",
    flow_run_name=run_name,
    description="Merge the events that vendors pushed and read again the records that they are about.",
)
def events(as_of: datetime | None = None) -> list[dict[str, Any]]:
    """One account per source that told something; nothing to do is the usual case, and quick."""
    moment = steps.instant(as_of)

    # Read
    return steps.act_on_events(moment)
