"""`tenfold review` and `tenfold categories`: lines that wait for a person, and what rules would change."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from console.output import out, print_json, print_table
from settings import Settings, load_settings

if TYPE_CHECKING:
    from playbook.loader import Playbook
    from warehouse.ledger import Ledger
    from warehouse.store import Store

Json = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]

review_app = typer.Typer(help="What waits for a person.", no_args_is_help=True)
money_app = typer.Typer(help="Bank lines without account.", invoke_without_command=True)
review_app.add_typer(money_app, name="money")
categories_app = typer.Typer(help="The rules that give bank lines their account.", no_args_is_help=True)


@contextmanager
def _rooms(settings: Settings) -> "Iterator[tuple[Store, Ledger, Playbook]]":
    """What deciding about money needs of the home; a sandbox need not be running."""
    from console.read import ledger_of
    from playbook.loader import load_playbook
    from tasks.context import home_path
    from warehouse.store import Store

    home, _kind = home_path(settings)
    home.mkdir(parents=True, exist_ok=True)
    store = Store(home, settings.warehouse.key, memory=settings.warehouse.memory)
    with ledger_of(settings, home) as ledger:
        yield store, ledger, load_playbook(settings.playbook)


def _now(settings: Settings) -> datetime:
    from console.operate import home_time

    return home_time(settings)


@money_app.callback()
def money(
    context: typer.Context,
    limit: Annotated[int, typer.Option(min=1, help="How many lines to show.")] = 50,
    as_json: Json = False,
) -> None:
    """The lines that nobody could place, the largest amount first, and how much money they are."""
    if context.invoked_subcommand is not None:
        return
    from tasks.categories.queue import waiting

    with _rooms(load_settings()) as (store, ledger, playbook):
        queue = waiting(store, ledger, playbook, limit)
    if as_json:
        print_json(asdict(queue))
        return
    if not queue.totals:
        out.print("No bank line has been categorised yet; import a file and run `tenfold run`.")
        return
    print_table(
        "Waiting for you",
        ["key", "day", "amount", "", "text", "why", "suggested"],
        [
            [
                line.key,
                line.moved_on,
                f"{line.amount:,.2f}",
                line.currency,
                line.text,
                line.reason,
                line.suggestion and f"{line.suggestion} ({line.because})",
            ]
            for line in queue.lines
        ],
    )
    print_table(
        "With and without account",
        ["source", "currency", "month", "lines", "sum", "with account", "without account"],
        [
            [
                total.source,
                total.currency,
                total.month,
                f"{total.lines:,}",
                f"{total.amount:,.2f}",
                f"{total.amount - total.open_amount:,.2f}",
                f"{total.open_amount:,.2f} ({total.open_lines:,} lines)",
            ]
            for total in queue.totals
        ],
    )
    if queue.lines:
        out.print("Decide with: tenfold review money decide KEY ACCOUNT [--rule]")


@money_app.command(name="decide")
def money_decide(
    key: Annotated[str, typer.Argument(help="The line's key, or how it begins.")],
    account: Annotated[str, typer.Argument(help="An account of accounts.yaml, or how it begins.")],
    by: Annotated[str | None, typer.Option(help="Who decides.")] = None,
    as_rule: Annotated[
        bool, typer.Option("--rule", help="Write the offered rule into categories.yaml too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Give a line its account for good, and look again at the others with what that teaches."""
    from tasks.categories.queue import decide

    settings = load_settings()
    with _rooms(settings) as (store, ledger, playbook):
        done = decide(
            store,
            ledger,
            playbook,
            _now(settings),
            key=key,
            account=account,
            by=by,
            as_rule=as_rule,
        )
    if as_json:
        print_json(asdict(done))
        return
    out.print(f"Decided: {done.key} is {done.account}", soft_wrap=True, markup=False)
    out.print(f"{done.also_settled} other lines have an account by this; {done.counts.get('review', 0)} wait")
    if done.written_to:
        out.print(f"The rule stands in {done.written_to} now", soft_wrap=True, markup=False)
    elif done.rule:
        out.print("For all lines that read like it, --rule would write, or you put under `rules`:")
        out.print(done.rule, markup=False, soft_wrap=True)


@categories_app.command(name="preview")
def categories_preview(
    file: Annotated[
        Path | None, typer.Argument(help="A categories.yaml to try; the playbook's own when left out.")
    ] = None,
    as_json: Json = False,
) -> None:
    """What the rules would change over all lines, compared with what counts now; nothing is written."""
    from playbook.loader import with_categories
    from tasks.categories.preview import preview

    with _rooms(load_settings()) as (store, ledger, playbook):
        changes = preview(store, ledger, with_categories(playbook, file.resolve()) if file else playbook)
    if as_json:
        print_json([asdict(change) for change in changes])
        return
    if not changes:
        out.print("Nothing would change.")
        return
    print_table(
        "Would change",
        ["from", "to", "by rule", "lines", "sum", "", "such as"],
        [
            [
                change.before or "without account",
                change.after or "without account",
                change.rule,
                f"{change.lines:,}",
                f"{change.amount:,.2f}",
                change.currency,
                change.example,
            ]
            for change in changes
        ],
    )
