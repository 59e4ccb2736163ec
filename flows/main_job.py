"""The whole job, once: what `tenfold run` does and the daily schedule runs."""

from datetime import datetime
from typing import Any

from prefect import flow

from tasks import steps, summary
from tasks.jobs import run_name


@flow(
    name="main-job",
    flow_run_name=run_name,
    description="Read, build, check, publish, follow up, alert and report.",
    log_prints=False,
)
def main_job(full: bool = False, report: bool = True, as_of: datetime | None = None) -> dict[str, Any]:
    """One object that says what was done; `summary.summarise` says which fields.

    A source that fails marks what depends on it and stops nothing else.
    """
    moment = steps.instant(as_of)
    watch = summary.Stopwatch()

    # Read
    with watch.stage("read"):
        sources = steps.read_all(moment, full=full)

    # Match and categorise
    with watch.stage("categorise"):
        steps.categorise(moment)

    # Build, check, publish
    with watch.stage("build"):
        build = steps.build_warehouse(moment)
    with watch.stage("check"):
        checked = steps.check_build(build)
    with watch.stage("publish"):
        published = steps.publish_build(build, checked)
        steps.tidy_landing(moment)

    # Act on what is published
    with watch.stage("follow up"):
        decided = steps.decide_follow_ups(moment)
        sent = steps.deliver_outbox(moment)
        steps.read_back(moment, sent)
    with watch.stage("alerts"):
        alerts = steps.evaluate_alerts(moment)
        notified = steps.deliver_outbox(moment)

    # Tell people
    reports: list[str] = []
    if report:
        with watch.stage("report"):
            reports = steps.write_weekly_report(None, moment)
            mailed = steps.deliver_outbox(moment)
            notified = summary.add_counts(notified, mailed)

    return summary.summarise(
        sources=sources,
        build=build,
        checked=checked,
        published=published,
        decided=decided,
        sent=summary.add_counts(sent, notified),
        alerts=alerts,
        reports=reports,
        seconds=watch.seconds,
    )
