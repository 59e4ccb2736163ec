"""The business verbs as Prefect tasks: each opens the home itself, takes and returns plain values.

No connection, secret or personal datum is a parameter or a result, because Prefect shows both.
"""

import contextlib
import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from prefect import task
from prefect.artifacts import create_link_artifact, create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.events import emit_event

from connectors.accounting import ReadOptions
from connectors.errors import ConnectorError
from connectors.pages import Connector
from tasks import alert as alerting
from tasks import follow_up as following
from tasks.assets import record_assets
from tasks.context import current_time
from tasks.deliver import deliver
from tasks.events import act_on_events as act
from tasks.failures import SourceFailed, WithoutTraceback, expected
from tasks.import_files import import_inbox
from tasks.jobs import GATE_FAILED, last_runs
from tasks.money import match_and_categorise
from tasks.outside import close_all, outside
from tasks.reminders import read_unpaid, remind
from tasks.rooms import Rooms, open_rooms
from tasks.switches import prepare_home
from tasks.sync import SyncReport, build_connectors, sync_source
from warehouse.build import Build, build
from warehouse.check import check
from warehouse.errors import NothingPublished, WarehouseError
from warehouse.expectations import Result
from warehouse.publish import publish
from warehouse.published import Published
from warehouse.raw import merged_runs
from warehouse.status import SourceStatus, held_back, incomplete, record_status, source_statuses

progress = logging.getLogger("tasks.progress")
progress.setLevel(logging.INFO)  # one line per stage and source: what a person watches in Prefect's UI


for _name in ("prefect.task_runs", "prefect.flow_runs"):
    logging.getLogger(_name).addFilter(WithoutTraceback())


def instant(as_of: datetime | None) -> datetime:
    """`as_of` as given, else the home's clock: the sandbox's virtual one there, else now (UTC)."""
    return as_of or current_time(open_rooms().home)


# Read


def read_all(
    as_of: datetime, *, full: bool = False, only: Sequence[str] | None = None
) -> list[dict[str, Any]]:
    """Read the sources side by side; one account of each, in the playbook's order.

    A source that fails stops no other: its account says `failed` and why.
    """
    chosen = [name for name in open_rooms().playbook.source_ids if not only or name in only]
    running = [(name, read_source.submit(name, as_of, full)) for name in chosen]
    reports = []
    for name, future in running:
        state = future.wait() or future.state
        outcome = future.result(raise_on_failure=False)
        if isinstance(outcome, dict):
            reports.append(outcome)
        else:
            reports.append(
                _account(name, "failed", str(outcome if isinstance(outcome, SourceFailed) else state))
            )
    create_table_artifact(
        key="sources",
        description="What this run read from each source.",
        table=[
            {key: report[key] for key in ("source", "state", "rows_seen", "rows_added", "seconds", "reason")}
            for report in reports
        ],
    )
    return reports


@task(name="read-source", task_run_name="read {source}", cache_policy=NO_CACHE)
def read_source(
    source: str, as_of: datetime, full: bool = False, since: datetime | None = None
) -> dict[str, Any]:
    """Land and merge one source; its account. Raises SourceFailed, after its status is recorded."""
    rooms = open_rooms()
    try:
        account = _read(rooms, source, as_of, full=full, since=since)
    except (ConnectorError, WarehouseError, OSError) as error:
        if (known := expected(error)) is None:
            raise
        # What could not be read must not pass for fresh; on a full disk even that cannot be written down.
        with contextlib.suppress(WarehouseError, OSError):
            record_status(rooms.store, SourceStatus(source, "failed", known[0], as_of))
        raise SourceFailed(known[0]) from error
    progress.info(
        "  %s: %s, %s rows read, %s new",
        source,
        account["state"],
        account["rows_seen"],
        account["rows_added"],
    )
    return account


def _read(
    rooms: Rooms, source: str, as_of: datetime, *, full: bool, since: datetime | None
) -> dict[str, Any]:
    if source == "accounting":
        options = ReadOptions(zone=rooms.playbook.company.zone)
        found = import_inbox(rooms.home.settings.inbox, rooms.landing, rooms.store, as_of, options)
        account = _account(
            source, found.state, found.reason, found.rows_seen, found.rows_added, found.seconds
        )
        if found.error is not None:
            raise SourceFailed(found.reason)
        return account
    if not rooms.has_credentials(source):
        record_status(rooms.store, SourceStatus(source, "not_configured", "no credentials are set", as_of))
        return _account(source, "not_configured", "no credentials are set")
    full = full or source in held_back(rooms.store)
    report = _sync(rooms, source, as_of, full=full, since=since)
    if report.state == "failed":
        raise SourceFailed(report.reason)
    account = _account(
        source, report.state, report.reason, report.rows_seen, report.rows_added, report.seconds
    )
    if report.state == "partial":
        account["parts"] = [
            {key: getattr(part, key) for key in ("resource", "state", "reason", "total", "given")}
            for part in incomplete(rooms.store, source)
        ]
    return account


@task(name="act-on-events", task_run_name="act on events", cache_policy=NO_CACHE)
def act_on_events(as_of: datetime) -> list[dict[str, Any]]:
    """Read again the records that pushed events are about: {source, state, events, records, reason} each."""
    rooms = open_rooms()

    def connect(source: str) -> Connector | None:
        return build_connectors(rooms.home.settings, rooms.home.path, only=[source]).get(source)

    reports = act(connect, rooms.landing, rooms.store, as_of)
    for report in reports:
        if report.events or report.records or report.state != "done":
            progress.info(
                "  %s: %s events, %s records read again%s",
                report.source,
                report.events,
                report.records,
                f"; {report.reason}" if report.reason else "",
            )
    return [asdict(report) for report in reports]


@task(name="read-back", task_run_name="read back", cache_policy=NO_CACHE)
def read_back(as_of: datetime, sent: dict[str, Any]) -> int:
    """Read the CRM tasks that were just written, so that they are no news to the next run; rows added."""
    if not sent["counts"].get("hubspot_task sent"):
        return 0
    return _sync(open_rooms(), "hubspot", as_of, only=("tasks",)).rows_added


def _sync(
    rooms: Rooms,
    source: str,
    as_of: datetime,
    *,
    full: bool = False,
    since: datetime | None = None,
    only: Sequence[str] | None = None,
) -> SyncReport:
    connectors = build_connectors(rooms.home.settings, rooms.home.path, only=[source])
    try:
        return sync_source(
            connectors[source],
            rooms.landing,
            rooms.store,
            as_of,
            full=full,
            since=since,
            only=only,
            sweep_every=timedelta(hours=rooms.playbook.source(source).sweep_hours),
            log=progress.debug,
        )
    finally:
        close_all(connectors.values())


def _account(
    source: str, state: str, reason: str | None = None, seen: int = 0, added: int = 0, seconds: float = 0.0
) -> dict[str, Any]:
    return {
        "source": source,
        "state": state,
        "reason": reason,
        "rows_seen": seen,
        "rows_added": added,
        "seconds": round(seconds, 2),
        "parts": [],
    }


# Match and categorise


@task(name="categorise", task_run_name="categorise", cache_policy=NO_CACHE)
def categorise(as_of: datetime) -> dict[str, dict[str, int]]:
    """Say what each bank line is: {matched: kind -> lines, categorised: step -> lines}."""
    rooms = open_rooms()
    return match_and_categorise(rooms, as_of)


# Build, check, publish


@task(name="build-warehouse", task_run_name="build warehouse", cache_policy=NO_CACHE)
def build_warehouse(as_of: datetime) -> dict[str, Any]:
    """Make a build for `as_of` unless nothing changed: {build_id, changed, held_back: source -> why}."""
    rooms = open_rooms()
    made = build(rooms.store, rooms.home.path, rooms.playbook, as_of)
    return {"build_id": made.id, "changed": made.changed, "held_back": held_back(rooms.store)}


@task(name="check-build", task_run_name="check build", cache_policy=NO_CACHE)
def check_build(made: dict[str, Any]) -> dict[str, Any]:
    """Judge a build: {build_id, passed, counts by status, failed and warned rules}."""
    rooms = open_rooms()
    path = rooms.home.path / "builds" / f"{made['build_id']}.duckdb"
    checked = check(Build(made["build_id"], path, made["changed"]), key=rooms.home.settings.warehouse.key)
    broken = [result for result in checked.results if result.status in {"failed", "error"}]
    if not checked.passed:
        emit_event(
            GATE_FAILED,
            resource={"prefect.resource.id": f"tenfold.build.{checked.build_id}"},
            payload={"rules": [f"{rule.model} {rule.expectation}" for rule in broken if rule.blocks]},
        )
    if made["changed"]:
        create_table_artifact(
            key="checks",
            description=f"Expectations that do not hold in build {checked.build_id}.",
            table=[_rule(result) for result in broken] or [{"model": "all", "rule": "hold"}],
        )
    return {
        "build_id": checked.build_id,
        "passed": checked.passed,
        "counts": dict(Counter(result.status for result in checked.results)),
        "failed": [_rule(result) for result in broken if result.blocks],
        "warnings": [_rule(result) for result in broken if not result.blocks],
    }


def _rule(result: Result) -> dict[str, Any]:
    return {
        "model": result.model,
        "rule": result.expectation,
        "severity": result.severity,
        "status": result.status,
        "violations": result.violations,
        "rows": result.rows,
        "why": result.why,
        "do": result.do,
    }


@task(name="publish-build", task_run_name="publish build", cache_policy=NO_CACHE)
def publish_build(made: dict[str, Any], checked: dict[str, Any]) -> dict[str, Any]:
    """Point readers to the build if its checks passed; what is published now, {build_id, as_of, changed}.

    When they did not, the last published build stays; build_id is None when there never was one.
    """
    rooms = open_rooms()
    keep = rooms.playbook.retention.builds_kept
    changed = publish(rooms.home.path, made["build_id"], keep=keep) if checked["passed"] else False
    try:
        with Published.open(rooms.home.path, rooms.home.settings.warehouse.key) as published:
            answer = {
                "build_id": published.build_id,
                "as_of": published.as_of.isoformat(),
                "changed": changed,
            }
            if changed:
                _show_kpis(published)
                record_assets(published)
    except NothingPublished:
        return {"build_id": None, "as_of": None, "changed": False}
    return answer


def _show_kpis(published: Published) -> None:
    rows = published.con.execute(
        """
        select kpi, name_en, period, value, status, reason from kpi.value
        where grain = 'month' and segment = 'all'
            and period = (select max(period) from kpi.value where grain = 'month')
        order by kpi
        """
    ).fetchall()
    lines = ["| KPI | name | month | value | status |", "|---|---|---|---|---|"]
    lines += [
        f"| {kpi} | {name} | {period} | {'–' if value is None else f'{value:,.4g}'} "
        f"| {status} {reason or ''} |"
        for kpi, name, period, value, status, reason in rows
    ]
    create_markdown_artifact(
        key="kpis",
        markdown="\n".join(lines),
        description=f"The last whole month, build {published.build_id}.",
    )


@task(name="tidy-landing", task_run_name="tidy landing", cache_policy=NO_CACHE)
def tidy_landing(as_of: datetime) -> int:
    """Remove landed runs that are merged and older than the playbook keeps them; bytes freed."""
    rooms = open_rooms()
    before = as_of - timedelta(days=rooms.playbook.retention.landing_days)
    return rooms.landing.expire(before, merged_runs(rooms.store))


# Act


@task(name="decide-follow-ups", task_run_name="decide follow-ups", cache_policy=NO_CACHE)
def decide_follow_ups(as_of: datetime) -> dict[str, dict[str, int]]:
    """Take the decisions due and queue their effects: counts by outcome; empty when nothing is published."""
    rooms = open_rooms()
    with rooms.ledger() as ledger:
        prepare_home(ledger, rooms.home.kind, as_of, rooms.playbook.company.zone)
        try:
            with Published.open(rooms.home.path, rooms.home.settings.warehouse.key) as published:
                clients = following.read_clients(published.con, as_of)
                unpaid = read_unpaid(published.con, as_of)
        except NothingPublished:
            return {"decided": {}, "previewed": {}}
        done = following.follow_up(ledger, clients, rooms.playbook, as_of)
        asked = remind(ledger, unpaid, rooms.playbook, as_of)
    return {
        "decided": dict(Counter(done.decided) + Counter(asked.decided)),
        "previewed": dict(Counter(done.previewed) + Counter(asked.previewed)),
    }


@task(name="deliver-outbox", task_run_name="deliver outbox", cache_policy=NO_CACHE)
def deliver_outbox(as_of: datetime) -> dict[str, Any]:
    """Deliver what waits: {counts: "channel outcome" -> rows, paused: channel -> why}."""
    rooms = open_rooms()
    with rooms.ledger() as ledger, outside(rooms) as (routes, consent):
        done = deliver(ledger, rooms.home.path, routes, as_of, consent=consent)
    return {
        "counts": {f"{channel} {outcome}": count for (channel, outcome), count in done.counts.items()},
        "paused": dict(done.paused),
    }


@task(name="evaluate-alerts", task_run_name="evaluate alerts", cache_policy=NO_CACHE)
def evaluate_alerts(as_of: datetime) -> dict[str, int]:
    """Evaluate the alert rules and queue notices: {opened, still_open, resolved, again}."""
    rooms = open_rooms()
    with rooms.ledger() as ledger:
        prepare_home(ledger, rooms.home.kind, as_of, rooms.playbook.company.zone)
        facts = alerting.Facts(
            kpi_rows=_kpi_facts(rooms),
            sources=[
                alerting.SourceState(
                    status.source, status.state, status.reason, status.good_until, status.finished_at
                )
                for status in source_statuses(rooms.store).values()
            ],
            gate=_gate(rooms),
            unknown=alerting.unknown_rows(ledger),
            jobs=last_runs(),
        )
        done = alerting.alert(ledger, rooms.playbook, facts, as_of)
    return {
        "opened": done.opened,
        "still_open": done.still_open,
        "resolved": done.resolved,
        "again": done.again,
    }


def _kpi_facts(rooms: Rooms) -> list[dict[str, Any]]:
    try:
        with Published.open(rooms.home.path, rooms.home.settings.warehouse.key) as published:
            cursor = published.con.execute("select * from kpi.value")
            names = [column[0] for column in cursor.description or []]
            return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    except NothingPublished:
        return []


def _gate(rooms: Rooms) -> alerting.Gate | None:
    """How the check of the newest build ended; None when none was checked."""
    builds = sorted((rooms.home.path / "builds").glob("*.duckdb"), key=lambda path: path.stat().st_mtime)
    if not builds:
        return None
    newest = Build(builds[-1].stem, builds[-1], changed=False)
    checked = check(newest, key=rooms.home.settings.warehouse.key)
    names = tuple(f"{result.model} {result.expectation}" for result in checked.results if result.blocks)
    return alerting.Gate(checked.passed, names)


# Tell people


@task(name="write-weekly-report", task_run_name="write weekly report", cache_policy=NO_CACHE)
def write_weekly_report(week: str | None, as_of: datetime) -> list[str]:
    """Write the report in every language and queue it; the files. Empty when nothing is published."""
    # The charts' libraries cost a second that the other steps need not pay.
    from tasks.report import weekly_report

    rooms = open_rooms()
    with rooms.ledger() as ledger:
        prepare_home(ledger, rooms.home.kind, as_of, rooms.playbook.company.zone)
        try:
            paths = weekly_report(rooms, ledger, week, as_of)
        except NothingPublished:
            return []
    for path in paths:
        create_link_artifact(
            key=path.stem.lower().replace(".", "-"), link=path.as_uri(), description="The weekly report."
        )
    return [str(path) for path in paths]
