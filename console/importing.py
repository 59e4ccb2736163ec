"""`tenfold import`: files in, one out again, and what is said of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from console.output import out, print_table
from playbook.loader import load_playbook
from settings import Settings

_SHOWN = 10  # records that would disappear, of each file


def run_import(
    settings: Settings,
    files: Sequence[Path],
    *,
    dry_run: bool,
    answers: Mapping[str, Any],
    save_profile: str | None = None,
) -> dict[str, Any]:
    """What the files hold and change; unless dry run, also into raw: {files, report, profile, error}."""
    from tasks.import_files import DEFAULTS, import_files, inspect
    from tasks.import_pieces import expand, pieces
    from tasks.import_profiles import NoProfile, store_profile
    from warehouse.landing import Landing
    from warehouse.store import Store

    zone = load_playbook(settings.playbook).company.zone
    options = replace(DEFAULTS, zone=zone, **answers)
    # Somebody's real files never go into the simulated company's home, credentials or not.
    path = settings.home.resolve()
    store = Store(path, settings.warehouse.key, memory=settings.warehouse.memory)
    answer: dict[str, Any] = {"files": [], "report": None, "profile": save_profile, "error": None}
    try:
        if dry_run:
            there = store if store.path.exists() else None
            return answer | {"files": inspect(files, options, home=path, store=there)}
        from tasks.context import Home, current_time

        path.mkdir(parents=True, exist_ok=True)
        if save_profile is not None:
            store_profile(
                path, save_profile, (piece.data for piece in pieces(expand(files), options)), options
            )
        home = Home(path=path, kind="real", settings=settings)
        alone = not settings.inbox.is_dir()
        report = import_files(files, Landing(path), store, current_time(home), options, alone=alone)
    except NoProfile as error:
        return answer | {"error": str(error)}
    return answer | {"files": list(report.files), "report": report}


def run_undo(settings: Settings, wanted: str) -> dict[str, Any]:
    """Take a file out again: {file, sha256, undone_at, records, error}."""
    from tasks.context import Home, current_time
    from tasks.import_files import NothingToUndo, undo_import
    from warehouse.landing import Landing
    from warehouse.store import Store

    path = settings.home.resolve()
    store = Store(path, settings.warehouse.key, memory=settings.warehouse.memory)
    if not store.path.exists():
        return {"error": "There is no warehouse in this home: nothing was imported"}
    home = Home(path=path, kind="real", settings=settings)
    try:
        return {**undo_import(Landing(path), store, current_time(home), wanted), "error": None}
    except NothingToUndo as error:
        return {"error": str(error)}


def show_undo(undone: Mapping[str, Any]) -> None:
    """One line: what was taken out."""
    out.print(
        f"{undone['file']} is taken out: {undone['records']:,} records left or are as before. "
        "`tenfold build` makes the figures anew; import the file by name to take it in again.",
        soft_wrap=True,
        markup=False,
    )


def show_import(answer: Mapping[str, Any]) -> None:
    """Counts, totals and changes per file, then what was left out, is refused or doubtful."""
    print_table(
        "Files",
        ["file", "format", "records", "totals", "new", "known", "changed", "gone", "rejected", "verified by"],
        [_row(found) for found in answer["files"]],
    )
    for found in answer["files"]:
        for kind, text in _notes(found):
            out.print(kind, end=" ")
            out.print(f"{found['file']}{text}", soft_wrap=True, markup=False)
    if answer["report"] is not None:
        out.print(f"{answer['report'].rows_added} new rows in the warehouse")
        if answer["profile"]:
            out.print(f"These answers are kept as the profile {answer['profile']}", markup=False)
    else:
        out.print("Dry run: nothing was stored")


def _row(found: Mapping[str, Any]) -> list[Any]:
    effect = found["effect"] or {}
    return [
        found["file"],
        found["format"] or "not recognised",
        found["records"],
        ", ".join(f"{total} {currency}" for currency, total in found["totals"].items()),
        *(effect.get(name) for name in ("new", "known", "changed", "disappearing")),
        len(found["rejected"]) or None,
        ", ".join(found["verified"]) or (None if not found["records"] else "nothing"),
    ]


def _notes(found: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if found["profile"]:
        yield "[bold]Profile:[/]", f" is read as {found['profile']} says"
    for left in found["left"]:
        totals = ", ".join(f"{total} {currency}" for currency, total in left["totals"].items())
        rows = "1 row does" if left["rows"] == 1 else f"{left['rows']:,} rows do"
        yield "[bold]Left out:[/]", f": {rows} not count, {left['reason']}{f' ({totals})' if totals else ''}"
    gone = (found["effect"] or {}).get("gone", [])
    for what in gone[:_SHOWN]:
        yield "[bold]Not in the books any more:[/]", f": {what}"
    if len(gone) > _SHOWN:
        yield "[bold]Not in the books any more:[/]", f": {len(gone) - _SHOWN:,} more"
    for rejected in found["rejected"]:
        where = "the whole file" if rejected["row"] is None else f"row {rejected['row']}"
        yield "[bold red]Rejected:[/]", f", {where}: {rejected['reason']}"
    if found["questions"]:
        asked = " ".join(found["questions"])
        yield (
            "[bold]To answer:[/]",
            f": {asked}; with --save-profile NAME later files of this account need no answer",
        )
    if found["records"] and not found["verified"]:
        yield "[bold]Not verified:[/]", ": this file cannot be verified, nothing in it covers its figures"
    for warning in found["warnings"]:
        yield "[bold yellow]Warning:[/]", f": {warning}"
