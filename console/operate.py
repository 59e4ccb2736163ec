"""Commands that act: each runs the Prefect flow or task of the same verb, and says what was done."""

import logging
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, is_dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.logging import RichHandler

from console.output import err, out, print_notes, print_table
from console.prefect_home import prepare_prefect
from console.prefect_server import own_server
from console.sandbox_process import running_sandbox
from playbook.loader import PlaybookError, load_playbook
from settings import Settings
from tasks.context import current_time, home_path, open_home
from tasks.doctor import Health, examine
from warehouse.refusals import refusals


@contextmanager
def working_home(settings: Settings, *, quiet: bool = False) -> Iterator[Path]:
    """The home's folder; without credentials with a sandbox beside it for as long as the block lasts."""
    path, kind = home_path(settings)
    path.mkdir(parents=True, exist_ok=True)
    load_playbook(settings.playbook)  # a mistake in it is said before anything is started
    if kind == "real":
        yield path
        return
    if not quiet:
        out.print("[bold yellow]Sandbox:[/] no credentials are set, so this works on a simulated company.")
    with running_sandbox(path):
        yield path


def show_progress(*, quiet: bool) -> None:
    """Send the steps' progress lines to the terminal's error stream, unless `quiet`."""
    progress = logging.getLogger("tasks.progress")
    if not quiet and not progress.handlers:
        progress.addHandler(
            RichHandler(console=err, show_level=False, show_path=False, log_time_format="%H:%M:%S")
        )


# The main job


def run_job(settings: Settings, *, full: bool, quiet: bool) -> dict[str, Any]:
    """Run the main job in this process; its summary with `seconds` by stage."""
    started = time.perf_counter()
    show_progress(quiet=quiet)
    with working_home(settings, quiet=quiet) as home:
        sandbox_ready = time.perf_counter()
        wait_for_server = own_server(home)
        from flows.main_job import main_job

        wait_for_server()
        summary: dict[str, Any] = main_job(full=full, report=True)
    inside = summary["seconds"]
    finished = time.perf_counter()
    summary["seconds"] = {
        "sandbox start": round(sandbox_ready - started, 2),
        "prefect start": round(finished - sandbox_ready - sum(inside.values()), 2),
        **inside,
        "total": round(finished - started, 2),
    }
    return summary


def show_run(summary: Mapping[str, Any]) -> None:
    """A short table of what the run did."""
    show_sources(summary["sources"])
    alerts = summary["alerts"]
    print_table(
        "This run",
        ["what", "result"],
        [
            ["rows loaded", f"{summary['rows_loaded']:,}"],
            ["checks", ", ".join(f"{count} {status}" for status, count in summary["checks"].items())],
            ["published", f"data as of {summary['published_at']}" if summary["published_at"] else "nothing"],
            ["decisions", ", ".join(f"{n} {name}" for name, n in summary["decided"].items()) or "none due"],
            ["only shown (dry run)", ", ".join(f"{n} {name}" for name, n in summary["previewed"].items())],
            ["messages", ", ".join(f"{n} {name}" for name, n in summary["sent"].items()) or "none"],
            [
                "alerts",
                ", ".join(f"{alerts[k]} {k.replace('_', ' ')}" for k in ("opened", "still_open", "resolved")),
            ],
            *[["report", path] for path in summary["reports"]],
            ["seconds", ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in summary["seconds"].items())],
        ],
    )
    for warning in summary["warnings"]:
        out.print(f"[bold yellow]Warning:[/] {warning}", soft_wrap=True)


def keep_running(settings: Settings) -> int:
    """Server, schedules and worker until interrupted."""
    from console.sandbox_process import SandboxFailed
    from console.stop import Stop
    from console.up import AlreadyUp, check_place, only_one, serve

    check_place()
    path, _kind = home_path(settings)
    stop = Stop()
    try:
        with stop.on_signals(), only_one(path), working_home(settings) as home:
            return serve(settings, home, stop)
    except (AlreadyUp, SandboxFailed) as error:
        err.print(f"[bold red]Error:[/] {error}", soft_wrap=True)
        return 1
    except KeyboardInterrupt:
        out.print("Stopped.")
        return 0


def _refused_lately(home: Path) -> dict[str, Counter[str]]:
    """Source -> reason -> webhook deliveries turned away in the last thirty days."""
    found: dict[str, Counter[str]] = {}
    for row in refusals(home):
        found.setdefault(row.source, Counter())[row.reason] += row.count
    return found


def examine_home(settings: Settings) -> tuple[list[Health], bool]:
    """Every system's health, and whether these are simulated."""
    from tasks.context import SandboxNotRunning
    from tasks.doctor_sources import connect_each, strangers
    from tasks.outside import close_all

    path, _kind = home_path(settings)
    sandbox = False
    asked = settings
    try:
        home = open_home(settings)
        settings, sandbox = home.settings, home.is_sandbox
    except SandboxNotRunning:
        pass
    sources: Sequence[str]
    try:
        sources = load_playbook(settings.playbook).api_sources
    except PlaybookError:
        sources = ()  # doctor says so in the playbook's own line
    connectors, unusable = connect_each(settings, path, sources)
    unusable += strangers(asked, sources) if sources else []
    sources = [name for name in sources if name not in {row.system for row in unusable}]
    try:
        rows = examine(settings, path, sources, connectors, refused=_refused_lately(path))
        return [*rows, *unusable], sandbox
    finally:
        close_all(connectors.values())


# Single stages


def run_sync(
    settings: Settings, sources: Sequence[str], *, full: bool, since: datetime | None
) -> list[dict[str, Any]]:
    """Read the named sources (all when empty); one account of each."""
    names = load_playbook(settings.playbook).source_ids
    unknown = sorted(set(sources) - set(names))
    if unknown:
        from settings import SettingsError

        raise SettingsError(f"there is no source {', '.join(unknown)}; choose from {', '.join(names)}")
    with working_home(settings, quiet=True) as home:
        prepare_prefect(home)
        from tasks.failures import SourceFailed
        from tasks.steps import instant, read_source

        moment = instant(None)
        reports = []
        for name in sources or names:
            try:
                reports.append(read_source.fn(name, moment, full, since and _utc(since)))
            except SourceFailed as error:
                reports.append(
                    {
                        "source": name,
                        "state": "failed",
                        "reason": str(error),
                        "rows_seen": 0,
                        "rows_added": 0,
                        "seconds": 0.0,
                        "parts": [],
                    }
                )
        return reports


def run_events(settings: Settings) -> list[dict[str, Any]]:
    """Read again what vendors pushed events about; one account of each source that did."""
    with working_home(settings, quiet=True) as home:
        prepare_prefect(home)
        from tasks.steps import act_on_events, instant

        reports: list[dict[str, Any]] = act_on_events.fn(instant(None))
        return reports


def show_events(reports: Sequence[Mapping[str, Any]]) -> None:
    """What was told by each source, and what became of it."""
    print_table(
        "Events",
        ["source", "state", "new events", "records read again", "why"],
        [[r["source"], r["state"], r["events"], r["records"], r["reason"]] for r in reports],
    )


def show_sources(reports: Sequence[Mapping[str, Any]]) -> None:
    """What was read from each source, and under it what did not come and why."""
    print_table(
        "Sources",
        ["source", "state", "rows read", "new", "seconds"],
        [
            [
                r["source"],
                r["state"].replace("_", " "),
                f"{r['rows_seen']:,}",
                f"{r['rows_added']:,}",
                r["seconds"],
            ]
            for r in reports
        ],
    )
    for report in reports:
        if report["reason"]:
            print_notes(f"{report['source']}, {report['state'].replace('_', ' ')}", _why(report))


def _why(report: Mapping[str, Any]) -> list[str]:
    from warehouse.status import ResourceStatus

    return [ResourceStatus(report["source"], **part).text for part in report["parts"]] or [report["reason"]]


def run_import(
    settings: Settings,
    files: Sequence[Path],
    *,
    dry_run: bool,
    decimal_mark: str | None,
    date_order: str | None,
) -> dict[str, Any]:
    """What the files hold; unless dry run, also merged into raw: {files, report}."""
    from tasks.import_files import DEFAULTS, import_files, inspect

    zone = load_playbook(settings.playbook).company.zone
    options = replace(DEFAULTS, decimal_mark=decimal_mark, date_order=date_order, zone=zone)
    if dry_run:
        return {"files": inspect(files, options), "report": None}
    from tasks.context import Home
    from warehouse.landing import Landing
    from warehouse.store import Store

    # Somebody's real files never go into the simulated company's home, credentials or not.
    path = settings.home.resolve()
    path.mkdir(parents=True, exist_ok=True)
    home = Home(path=path, kind="real", settings=settings)
    store = Store(path, settings.warehouse.key)
    alone = not settings.inbox.is_dir()
    report = import_files(files, Landing(path), store, current_time(home), options, alone=alone)
    return {"files": list(report.files), "report": report}


def show_import(answer: Mapping[str, Any]) -> None:
    """Counts and totals per file, then what was refused or is doubtful."""
    print_table(
        "Files",
        ["file", "format", "encoding", "records", "totals", "rejected", "warnings"],
        [
            [
                f["file"],
                f["format"] or "not recognised",
                f["encoding"],
                f["records"],
                ", ".join(f"{total} {currency}" for currency, total in f["totals"].items()),
                len(f["rejected"]) or None,
                len(f["warnings"]) or None,
            ]
            for f in answer["files"]
        ],
    )
    for f in answer["files"]:
        for rejected in f["rejected"]:
            where = "the whole file" if rejected["row"] is None else f"row {rejected['row']}"
            out.print(f"[bold red]Rejected:[/] {f['file']}, {where}: {rejected['reason']}", soft_wrap=True)
        for warning in f["warnings"]:
            out.print(f"[bold yellow]Warning:[/] {f['file']}: {warning}", soft_wrap=True)
    if answer["report"] is not None:
        out.print(f"{answer['report'].rows_added} new rows in the warehouse")
    else:
        out.print("Dry run: nothing was stored")


def run_stage(settings: Settings, stage: str) -> dict[str, Any]:
    """Build, check or publish, each with what must come before it."""
    with working_home(settings, quiet=True) as home:
        prepare_prefect(home)
        from tasks import steps

        moment = steps.instant(None)
        steps.categorise.fn(moment)
        made: dict[str, Any] = steps.build_warehouse.fn(moment)
        if stage == "build":
            return made
        from tasks.rooms import open_rooms
        from warehouse.build import Build
        from warehouse.check import check

        rooms = open_rooms()
        path = rooms.home.path / "builds" / f"{made['build_id']}.duckdb"
        checked = check(Build(made["build_id"], path, made["changed"]), key=rooms.home.settings.warehouse.key)
        if stage == "check":
            rows = [asdict(result) for result in checked.results if is_dataclass(result)]
            broken = [row for row in rows if row["status"] in {"failed", "error"}]
            return {
                "build_id": made["build_id"],
                "passed": checked.passed,
                "results": rows,
                "warnings": len(broken),
            }
        from warehouse.publish import publish
        from warehouse.published import Published

        publish(rooms.home.path, made["build_id"], keep=rooms.playbook.retention.builds_kept)
        with Published.open(rooms.home.path, rooms.home.settings.warehouse.key) as published:
            return {
                "build_id": published.build_id,
                "as_of": published.as_of.isoformat(),
                "held_back": made["held_back"],
            }


def show_checks(answer: Mapping[str, Any]) -> None:
    """Counts, then every rule that does not hold or could not be asked."""
    counts: dict[str, int] = {}
    for row in answer["results"]:
        counts[row["status"]] = counts.get(row["status"], 0) + 1
    print_table(f"Checks of build {answer['build_id']}", ["status", "count"], sorted(counts.items()))
    broken = [row for row in answer["results"] if row["status"] in {"failed", "error"}]
    if broken:
        print_table(
            "Do not hold",
            ["severity", "model", "rule", "bad rows", "why it matters", "to do"],
            [
                [r["severity"], r["model"], r["expectation"], r["violations"], r["why"], r["do"]]
                for r in broken
            ],
        )


def run_follow_up(settings: Settings) -> dict[str, Any]:
    """Decide and deliver what is due: {counts}."""
    show_progress(quiet=True)
    with working_home(settings, quiet=True) as home:
        wait_for_server = own_server(home)
        from flows.follow_up import follow_up

        wait_for_server()
        answer = follow_up()
        counts = {f"decided {name}": n for name, n in answer["decided"]["decided"].items()}
        counts |= {f"dry run {name}": n for name, n in answer["decided"]["previewed"].items()}
        return {"counts": counts | answer["sent"]["counts"], "paused": answer["sent"]["paused"]}


def plan_follow_up(settings: Settings, days: int) -> list[dict[str, Any]]:
    """What would be decided from now on over `days`, if no fact changes; nothing is written."""
    with working_home(settings, quiet=True):
        from tasks.follow_up import plan, read_clients
        from tasks.rooms import open_rooms
        from tasks.switches import prepare_home
        from warehouse.published import Published

        rooms = open_rooms()
        as_of = current_time(rooms.home)
        with (
            rooms.ledger() as ledger,
            Published.open(rooms.home.path, rooms.home.settings.warehouse.key) as published,
        ):
            prepare_home(ledger, rooms.home.kind, as_of, rooms.playbook.company.zone)
            live = {name: row.go_live_date or date.min for name, row in ledger.switches().items()}
            clients = read_clients(published.con, as_of)
            planned = plan(clients, rooms.playbook, as_of, ledger.decided(), live, days=days)
        return [
            {
                "due": row.at,
                "client_id": row.client_id,
                "client": row.client_name,
                "step": row.rule,
                "channel": row.channel,
                "outcome": row.outcome,
                "reason": row.reason,
            }
            for row in planned
        ]


def show_plan(plan: Sequence[Mapping[str, Any]]) -> None:
    """Who would get what, and when."""
    print_table(
        f"{len(plan)} steps; nothing was written",
        ["when", "client", "step", "outcome", "reason"],
        [[f"{r['due']:%Y-%m-%d %H:%M}", r["client"], r["step"], r["outcome"], r["reason"]] for r in plan],
    )


def run_report(settings: Settings, kind: str, week: str | None) -> dict[str, Any]:
    """Write the report of that kind: {kind, reports}."""
    show_progress(quiet=True)
    with working_home(settings, quiet=True) as home:
        wait_for_server = own_server(home)
        from flows.weekly_report import weekly_report

        wait_for_server()
        answer = weekly_report(week=week)
        return {"kind": kind, "reports": answer["reports"], "sent": answer["sent"]["counts"]}


# Ledger


def switch_channels(settings: Settings, channel: str | None, mode: str, day: date | None) -> dict[str, Any]:
    """Set a channel's switch when one is named; every switch, what would be decided first, what waits."""
    with working_home(settings, quiet=True):
        from tasks import switches
        from tasks.channels import CHANNELS
        from tasks.rooms import open_rooms

        rooms = open_rooms()
        as_of = current_time(rooms.home)
        with rooms.ledger() as ledger:
            switches.prepare_home(ledger, rooms.home.kind, as_of, rooms.playbook.company.zone)
            for name in switches.CHANNELS if channel == "all" else [channel] if channel else []:
                if mode == "live" and day is not None:
                    switches.go_live(ledger, name, day, as_of)
                elif mode == "stopped":
                    switches.stop(ledger, name, as_of)
                else:
                    switches.dry_run(ledger, name, as_of)
            counts = ledger.outbox_counts()
            queued = [
                {"id": row.id, "channel": row.channel, "what": row.business_key, "until": row.useful_until}
                for row in ledger.outbox_rows("queued")[:20]
            ]
            set_to = ledger.switches()
            rows = [
                {
                    "channel": name,
                    "does": channel_of.does,
                    "mode": set_to[name].mode,
                    "go_live_date": set_to[name].go_live_date,
                    "waiting": counts.get((name, "queued"), 0),
                }
                for name, channel_of in CHANNELS.items()
            ]
    from warehouse.errors import NothingPublished

    try:
        first = plan_follow_up(settings, 0)[:20]
    except NothingPublished:
        first = []
    return {"switches": rows, "first": first, "queued": queued}


def resolve_outbox(settings: Settings, row: int, outcome: str, by: str) -> None:
    """Settle one unknown effect."""
    from console.read import ledger_of
    from tasks.deliver import resolve

    path, _kind = home_path(settings)
    with ledger_of(settings, path) as ledger:
        resolve(ledger, row, outcome, by, _home_time(settings))


def acknowledge(settings: Settings, key: str, by: str) -> None:
    """Note who takes an alert."""
    from console.read import ledger_of
    from tasks.alert import ack

    with ledger_of(settings, home_path(settings)[0]) as ledger:
        ack(ledger, key, by)


def silence_alert(settings: Settings, key: str, reason: str, hours: int) -> datetime:
    """Keep an alert quiet; until when."""
    from console.read import ledger_of
    from tasks.alert import silence

    now = _home_time(settings)
    until = now + timedelta(hours=hours)
    with ledger_of(settings, home_path(settings)[0]) as ledger:
        silence(ledger, key, reason, until, now)
    return until


def _home_time(settings: Settings) -> datetime:
    """The home's clock; in a sandbox home whose sandbox sleeps, the instant of the published data."""
    from tasks.context import SandboxNotRunning
    from warehouse.published import Published

    try:
        return current_time(open_home(settings))
    except SandboxNotRunning:
        with Published.open(home_path(settings)[0], settings.warehouse.key) as published:
            return published.as_of


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
