"""The `tenfold` command. What only reads loads neither Prefect nor Great Expectations.

Exit codes: 0 done, 1 failed, 2 wrong use or a malformed setting, 3 done with warnings.
"""

import re
import sys
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from console.output import err, out, print_json, print_notes, print_table, yes_no
from console.review import categories_app, review_app
from settings import Settings, SettingsError, load_settings

DONE, FAILED, WRONG_USE, WITH_WARNINGS = 0, 1, 2, 3

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Tenfold: operations for a services business that grows from 10 to 100 new clients a month.",
)
outbox_app = typer.Typer(
    help="What leaves this house: mails, CRM tasks, notifications.", invoke_without_command=True
)
alerts_app = typer.Typer(help="Alerts that are open.", invoke_without_command=True)
sandbox_app = typer.Typer(help="The simulated company.", invoke_without_command=True)
app.add_typer(outbox_app, name="outbox")
app.add_typer(review_app, name="review")
app.add_typer(categories_app, name="categories")
app.add_typer(alerts_app, name="alerts")
app.add_typer(sandbox_app, name="sandbox")

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
Month = Annotated[str | None, typer.Option(help="Such as 2026-10; every period when left out.")]


class ReportKind(StrEnum):
    """Reports that exist."""

    weekly = "weekly"


class Language(StrEnum):
    """Languages that people here read."""

    es = "es"
    en = "en"


class DateOrder(StrEnum):
    """Which part of a date comes first."""

    dmy = "dmy"
    mdy = "mdy"
    ymd = "ymd"


class Settled(StrEnum):
    """What a person found out about an effect whose fate was unknown."""

    sent = "sent"
    not_sent = "not-sent"


def fail(message: str, code: int = FAILED) -> typer.Exit:
    """The error to raise after saying why in one sentence."""
    err.print(f"[bold red]Error:[/] {message}", soft_wrap=True)
    return typer.Exit(code)


def _month(text: str | None) -> str | None:
    """The month as asked; an unreadable one would otherwise just find no figure."""
    if text is not None and not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", text):
        raise fail(f"--month {text!r} is not a month; write it as 2026-10", WRONG_USE)
    return text


def home_folder(settings: Settings) -> Path:
    """The folder of the home, without asking whether its sandbox runs."""
    from tasks.context import home_path

    return home_path(settings)[0]


# --- the main job -------------------------------------------------------------------------------------


@app.command()
def run(
    as_json: Json = False,
    full: Annotated[bool, typer.Option(help="Read every source from its beginning.")] = False,
) -> None:
    """Do the whole job once: read, build, check, publish, follow up, alert, report."""
    from console.operate import run_job, show_run

    summary = run_job(load_settings(), full=full, quiet=as_json)
    if as_json:
        print_json(summary)
    else:
        show_run(summary)
    if summary["failed"]:
        raise typer.Exit(FAILED)
    if summary["warnings"]:
        raise typer.Exit(WITH_WARNINGS)


@app.command()
def up() -> None:
    """Keep everything running: Prefect's server, schedules, a worker, the web console; without credentials
    the sandbox too.
    """
    from console.operate import keep_running

    raise typer.Exit(keep_running(load_settings()))


@app.command()
def serve() -> None:
    """Serve the web console alone: the addresses that vendors push events to."""
    from console.serve import serve_home

    raise typer.Exit(serve_home(load_settings()))


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say for each system whether it is configured, reachable and permitted, and what to do."""
    from console.operate import examine_home

    settings = load_settings()
    rows, sandbox = examine_home(settings)
    if as_json:
        print_json({"sandbox": sandbox, "systems": [row.as_dict() for row in rows]})
    else:
        if sandbox:
            out.print("[bold yellow]Sandbox:[/] no credentials are set; these systems are simulated.")
        elif not settings.has_credentials:
            out.print("No credentials are set: `tenfold run` would work on the simulated company.")
        print_table(
            "Systems",
            ["system", "configured", "reachable", "permitted", "version", "what"],
            [
                [
                    row.system,
                    yes_no(row.configured),
                    yes_no(row.reachable),
                    yes_no(row.permitted),
                    row.version,
                    row.detail if row.configured else "",
                ]
                for row in rows
            ],
        )
        for row in rows:
            if row.notes:
                print_notes(row.system, row.notes)
        for row in rows:
            if row.remedy:
                out.print(f"[bold]{row.system}[/]: {row.remedy}", soft_wrap=True)
    if not all(row.healthy for row in rows):
        raise typer.Exit(WITH_WARNINGS)


# --- single stages ------------------------------------------------------------------------------------


@app.command()
def sync(
    sources: Annotated[
        list[str] | None, typer.Argument(help="As playbook/sources.yaml calls them; all when left out.")
    ] = None,
    full: Annotated[
        bool, typer.Option(help="From the beginning instead of from the last watermark.")
    ] = False,
    since: Annotated[datetime | None, typer.Option(help="From this instant (UTC).")] = None,
    events: Annotated[bool, typer.Option(help="Only the records that vendors pushed events about.")] = False,
    as_json: Json = False,
) -> None:
    """Read sources into landing and raw."""
    if events:
        if sources or full or since:
            raise fail("--events goes with no source, --full or --since: it reads what was told", WRONG_USE)
        _sync_events(as_json=as_json)
        return
    from console.operate import run_sync, show_sources

    reports = run_sync(load_settings(), sources or [], full=full, since=since)
    if as_json:
        print_json(reports)
    else:
        show_sources(reports)
    if any(report["state"] in {"failed", "partial"} for report in reports):
        raise typer.Exit(WITH_WARNINGS)


def _sync_events(*, as_json: bool) -> None:
    from console.operate import run_events, show_events

    reports = run_events(load_settings())
    if as_json:
        print_json(reports)
    else:
        show_events(reports)
    if any(report["state"] == "waiting" for report in reports):
        raise typer.Exit(WITH_WARNINGS)


@app.command(name="import")
def import_files(
    files: Annotated[
        list[Path] | None, typer.Argument(help="Accounting and bank export files, mails, folders.")
    ] = None,
    dry_run: Annotated[bool, typer.Option(help="Only say what would change.")] = False,
    decimal_mark: Annotated[
        str | None, typer.Option(help="'.' or ',' where a file does not decide it.")
    ] = None,
    date_order: Annotated[DateOrder | None, typer.Option(help="Where a file does not decide it.")] = None,
    account: Annotated[str | None, typer.Option(help="The account of files that name none.")] = None,
    currency: Annotated[str | None, typer.Option(help="The currency of files that name none.")] = None,
    save_profile: Annotated[
        str | None, typer.Option(help="Keep these answers, under this name, for files that look the same.")
    ] = None,
    undo: Annotated[
        str | None, typer.Option(help="Take out what a file brought, by its name or sha256.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Read accounting files, with counts and totals per currency, or take one out again."""
    from console.importing import run_import, run_undo, show_import, show_undo

    if bool(files) == bool(undo):
        raise fail("Name files to import, or one that is in with --undo", WRONG_USE)
    if undo is not None:
        undone = run_undo(load_settings(), undo)
        if undone["error"]:
            raise fail(undone["error"], WRONG_USE)
        print_json(undone) if as_json else show_undo(undone)
        return

    if decimal_mark not in {None, ".", ","}:
        raise fail(f"--decimal-mark {decimal_mark!r} is neither '.' nor ','", WRONG_USE)
    answers = {
        "decimal_mark": decimal_mark,
        "date_order": date_order.value if date_order else None,
        "account": account,
        "currency": currency.upper() if currency else None,
    }
    answer = run_import(
        load_settings(), files or [], dry_run=dry_run, answers=answers, save_profile=save_profile
    )
    if answer["error"]:
        raise fail(answer["error"], WRONG_USE)
    if as_json:
        print_json({"files": answer["files"]})
    else:
        show_import(answer)
    refused = [f for f in answer["files"] if f["format"] is None or (f["records"] == 0 and f["rejected"])]
    if refused:
        raise typer.Exit(FAILED)
    if any(f["rejected"] or f["warnings"] for f in answer["files"]):
        raise typer.Exit(WITH_WARNINGS)


@app.command()
def build(as_json: Json = False) -> None:
    """Make a new build from raw, unless nothing changed."""
    from console.operate import run_stage

    answer = run_stage(load_settings(), "build")
    print_json(answer) if as_json else out.print(
        f"Build {answer['build_id']}: {'new' if answer['changed'] else 'nothing changed'}"
    )
    _say_held_back(answer["held_back"])


def _say_held_back(reasons: dict[str, str]) -> None:
    """Warn of sources whose last read may not be used, and leave with the code for that."""
    for source, reason in reasons.items():
        err.print("[bold yellow]Warning:[/]", end=" ")
        err.print(f"{source} keeps its last good data: {reason}", soft_wrap=True, markup=False)
    if reasons:
        raise typer.Exit(WITH_WARNINGS)


@app.command()
def check(as_json: Json = False) -> None:
    """Check the newest build."""
    from console.operate import run_stage, show_checks

    answer = run_stage(load_settings(), "check")
    print_json(answer) if as_json else show_checks(answer)
    if not answer["passed"]:
        raise typer.Exit(FAILED)
    if answer["warnings"]:
        raise typer.Exit(WITH_WARNINGS)


@app.command()
def publish(as_json: Json = False) -> None:
    """Point readers to the newest build, if its checks passed."""
    from console.operate import run_stage

    answer = run_stage(load_settings(), "publish")
    print_json(answer) if as_json else out.print(
        f"Published {answer['build_id']}, data as of {answer['as_of']}"
    )
    _say_held_back(answer["held_back"])


@app.command(name="follow-up")
def follow_up(
    dry_run: Annotated[bool, typer.Option(help="Show what is due; decide and send nothing.")] = False,
    days: Annotated[int, typer.Option(min=0, max=366, help="With --dry-run: look this many days ahead.")] = 0,
    as_json: Json = False,
) -> None:
    """Send what is due to clients."""
    from console.operate import plan_follow_up, run_follow_up, show_plan

    settings = load_settings()
    if dry_run:
        plan = plan_follow_up(settings, days)
        print_json(plan) if as_json else show_plan(plan)
        return
    answer = run_follow_up(settings)
    if as_json:
        print_json(answer)
    else:
        print_table("Follow-ups", ["what", "count"], answer["counts"].items())
    if answer["counts"].get("unknown"):
        raise typer.Exit(WITH_WARNINGS)


@app.command()
def report(
    kind: Annotated[ReportKind, typer.Argument()] = ReportKind.weekly,
    week: Annotated[
        str | None, typer.Option(help="Such as 2026-W46; the last whole week when left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the manager's report in both languages."""
    from console.operate import run_report

    answer = run_report(load_settings(), kind.value, week)
    if as_json:
        print_json(answer)
    else:
        for path in answer["reports"]:
            out.print(f"Written: {path}")


@app.command(name="go-live")
def go_live(
    channel: Annotated[str | None, typer.Argument(help="One of the channels that it shows, or all.")] = None,
    date_from: Annotated[
        str | None,
        typer.Option("--from", help="Clients that started before this day are never mailed (2026-11-20)."),
    ] = None,
    stop: Annotated[bool, typer.Option(help="The kill switch: stop the channel.")] = False,
    dry: Annotated[bool, typer.Option(help="Back to dry run.")] = False,
    as_json: Json = False,
) -> None:
    """Show what would be sent first; with a channel and --from, let it be sent from now on."""
    from console.operate import switch_channels

    day: date | None = None
    if date_from is not None:
        try:
            day = date.fromisoformat(date_from)
        except ValueError:
            raise fail(f"--from {date_from!r} is not a day; write it as 2026-11-20", WRONG_USE) from None
    if channel and not (stop or dry) and day is None:
        raise fail("going live needs --from DAY, so that clients of before are left in peace", WRONG_USE)
    mode = "stopped" if stop else "dry_run" if dry else "live"
    answer = switch_channels(load_settings(), channel, mode, day)
    if as_json:
        print_json(answer)
        return
    print_table(
        "Channels",
        ["channel", "mode", "from", "waiting", "what goes out"],
        [[r["channel"], r["mode"], r["go_live_date"], r["waiting"], r["does"]] for r in answer["switches"]],
    )
    print_table(
        "Would be sent first",
        ["client", "step", "due"],
        [[r["client"], r["step"], r["due"]] for r in answer["first"]],
    )
    if answer["queued"]:
        print_table(
            "Waits in the outbox",
            ["id", "channel", "what", "until"],
            [[r["id"], r["channel"], r["what"], r["until"]] for r in answer["queued"]],
        )


# --- what only reads ----------------------------------------------------------------------------------


@app.command()
def kpi(month: Month = None, as_json: Json = False) -> None:
    """The published KPIs."""
    from console.read import kpi_rows, show_kpis

    settings = load_settings()
    rows = kpi_rows(settings, home_folder(settings), _month(month))
    print_json(rows) if as_json else show_kpis(rows)


@app.command()
def finance(
    language: Annotated[
        Language | None, typer.Option(help="The company's first language when left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Can we afford to hire, should we spend more on marketing, what is our margin; cash, forecast, plan."""
    from console.finance import finance as answer
    from console.finance import show_finance

    settings = load_settings()
    title, facts, said = answer(settings, home_folder(settings), language.value if language else None)
    print_json(facts) if as_json else show_finance(title, said)


@app.command()
def why(
    client: Annotated[str, typer.Argument(help="Client id, company id or part of its name.")],
    as_json: Json = False,
) -> None:
    """Every decision about a client, with its reasons."""
    from console.read import show_why, why_client

    settings = load_settings()
    answer = why_client(settings, home_folder(settings), client)
    print_json(answer) if as_json else show_why(answer)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One SELECT on the published build.")], as_json: Json = False
) -> None:
    """Ask the published build in SQL."""
    from console.read import run_query

    settings = load_settings()
    columns, rows = run_query(settings, home_folder(settings), sql)
    if as_json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_table(f"{len(rows)} rows", columns, rows)


@outbox_app.callback()
def outbox(
    context: typer.Context,
    state: Annotated[
        str | None, typer.Option(help="queued, sending, sent, failed, unknown, skipped_stale, suppressed.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What waits, what left, what is unknown."""
    if context.invoked_subcommand is not None:
        return
    from console.read import outbox_rows, show_outbox

    settings = load_settings()
    rows = outbox_rows(settings, home_folder(settings), state)
    print_json(rows) if as_json else show_outbox(rows, everything=state is not None)


@outbox_app.command(name="resolve")
def outbox_resolve(
    row: Annotated[int, typer.Argument(help="The number that `tenfold outbox` shows.")],
    outcome: Annotated[Settled, typer.Argument(help="What you found out.")],
    by: Annotated[str, typer.Option(help="Who found it out.")],
) -> None:
    """Settle an effect whose fate is unknown: it was sent, or it was not and may be sent again."""
    from console.operate import resolve_outbox

    resolve_outbox(load_settings(), row, outcome.value.replace("-", "_"), by)
    out.print(f"Settled: {row} {outcome.value}")


@alerts_app.callback()
def alerts(context: typer.Context, as_json: Json = False) -> None:
    """Open alerts, newest first."""
    if context.invoked_subcommand is not None:
        return
    from console.read import alert_rows, show_alerts

    settings = load_settings()
    rows = alert_rows(settings, home_folder(settings))
    print_json(rows) if as_json else show_alerts(rows)


@alerts_app.command(name="ack")
def alerts_ack(
    key: Annotated[str, typer.Argument(help="The alert's key.")],
    by: Annotated[str, typer.Option(help="Who takes it.")],
) -> None:
    """Say that you are on it."""
    from console.operate import acknowledge

    acknowledge(load_settings(), key, by)
    out.print(f"Acknowledged: {key}")


@alerts_app.command(name="silence")
def alerts_silence(
    key: Annotated[str, typer.Argument(help="The alert's key.")],
    reason: Annotated[str, typer.Option(help="Why; shown in the weekly report.")],
    hours: Annotated[int, typer.Option(min=1, max=24 * 14)] = 24,
) -> None:
    """Keep an alert quiet for a while, with a reason."""
    from console.operate import silence_alert

    until = silence_alert(load_settings(), key, reason, hours)
    out.print(f"Silent until {until}: {key}")


# --- the sandbox --------------------------------------------------------------------------------------


@sandbox_app.callback()
def sandbox(
    context: typer.Context,
    clients_per_month: Annotated[
        str | None, typer.Option(help="First and last month's new clients; 10..100 in a new home.")
    ] = None,
    months: Annotated[int | None, typer.Option(min=1, max=12, help="12 in a new home.")] = None,
    seed: Annotated[int | None, typer.Option(help="7 in a new home.")] = None,
    limits: Annotated[str, typer.Option(help="vendor or off.")] = "vendor",
    faults: Annotated[str | None, typer.Option(help="none, typical, or faults as JSON.")] = None,
) -> None:
    """Run the simulated company until interrupted."""
    if context.invoked_subcommand is not None:
        return
    from console.sandbox_process import serve_in_foreground

    options = ["--limits", limits]
    if clients_per_month is not None:
        first, dots, last = clients_per_month.partition("..")
        if not dots or not first.isdigit() or not last.isdigit():
            raise fail(
                f"--clients-per-month {clients_per_month!r} is not FIRST..LAST, such as 10..100", WRONG_USE
            )
        options += ["--first", first, "--last", last]
    for name, value in (("--months", months), ("--seed", seed), ("--faults", faults)):
        options += [name, str(value)] if value is not None else []
    raise typer.Exit(serve_in_foreground(sandbox_home(load_settings()), options))


def sandbox_home(settings: Settings) -> Path:
    """The sandbox's own home, whatever credentials are set."""
    return settings.home.resolve() / "sandbox"


@sandbox_app.command(name="truth")
def sandbox_truth(month: Month = None, as_json: Json = False) -> None:
    """The true KPIs, from the sandbox's own event log."""
    from console.read import show_kpis
    from console.sandbox_process import sandbox_truth as ask

    rows = ask(sandbox_home(load_settings()), _month(month))
    print_json(rows) if as_json else show_kpis(rows)


@sandbox_app.command(name="advance")
def sandbox_advance(by: Annotated[str, typer.Argument(help="Such as 7d or 12h.")]) -> None:
    """Move the sandbox's clock."""
    from console.sandbox_process import advance_sandbox

    out.print(f"It is now {advance_sandbox(sandbox_home(load_settings()), by)}")


def main() -> None:
    """Entry point: turns expected errors into one sentence and an exit code."""
    try:
        app()
    except SettingsError as error:
        err.print(f"[bold red]Error:[/] {error}", soft_wrap=True)
        sys.exit(WRONG_USE)
    except Exception as error:
        from tasks.failures import expected

        known = expected(error)
        if known is None:
            raise
        message, code = known
        err.print("[bold red]Error:[/]", end=" ")
        err.print(message, soft_wrap=True, markup=False)  # it may quote a [bracket] of somebody's data
        sys.exit(code)


if __name__ == "__main__":
    main()
