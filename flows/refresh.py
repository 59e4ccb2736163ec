"""Fresh figures during the day: read, build, check, publish."""

from datetime import datetime
from typing import Any

from prefect import flow

from tasks import steps
from tasks.jobs import run_name


@flow(name="refresh", flow_run_name=run_name, description="Read every source, then build, check and publish.")
def refresh(
    sources: list[str] | None = None, full: bool = False, as_of: datetime | None = None
) -> dict[str, Any]:
    """What was read and which build is published now."""
    moment = steps.instant(as_of)

    # Read
    read = steps.read_all(moment, full=full, only=sources)

    # Match and categorise
    steps.categorise(moment)

    # Build, check, publish
    build = steps.build_warehouse(moment)
    checked = steps.check_build(build)
    published = steps.publish_build(build, checked)
    return {"sources": read, "build": build, "checked": checked, "published": published}
