"""The manager's weekly report, in both languages, as a file and by mail."""

from datetime import datetime
from typing import Any

from prefect import flow

from tasks import steps
from tasks.jobs import run_name


@flow(name="weekly-report", flow_run_name=run_name, description="Write the weekly report and mail it.")
def weekly_report(week: str | None = None, as_of: datetime | None = None) -> dict[str, Any]:
    """The files written and the mails delivered. `week` such as 2026-W46; None = the last whole week."""
    moment = steps.instant(as_of)

    # Write
    reports = steps.write_weekly_report(week, moment)

    # Deliver
    sent = steps.deliver_outbox(moment)
    return {"reports": reports, "sent": sent}
