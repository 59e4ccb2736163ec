"""Landed runs that come by the minute and matter for hours: pushed events, and the records they are about.

Everything in them is in raw. Kept as long as other runs they would be millions of folders.
"""

import re
import shutil
from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path

from warehouse.landing import COMPLETE, Landing
from warehouse.store import Store, quoted

KEPT = timedelta(hours=6)
_RUN = re.compile(r"\d{8}T\d{12}Z")
_GOING = ".going-"


def complete_runs(landing: Landing, source: str, resource: str) -> list[str]:
    """The ids of a resource's complete runs, oldest first, without looking into them."""
    folder = landing.folder / source / resource
    names = [path.name for path in folder.iterdir() if _RUN.fullmatch(path.name)]
    return [name for name in sorted(names) if (folder / name / COMPLETE).exists()]


def remove_merged(
    store: Store, landing: Landing, source: str, resources: Iterable[str], as_of: datetime
) -> int:
    """Remove the merged runs of these resources that are older than six hours; how many.

    The newest of a resource always stays: run ids go on from it. The warehouse is opened only when there is
    something to remove.
    """
    edge = f"{as_of - KEPT:%Y%m%dT%H%M%S%fZ}"
    old = {
        resource: names
        for resource in resources
        if (names := [name for name in complete_runs(landing, source, resource)[:-1] if name < edge])
    }
    if not old:
        return 0
    removed = 0
    with store.write() as con:
        for resource, names in old.items():
            of_resource = f"source = {quoted(source)} and resource = {quoted(resource)}"
            rows = con.execute(f"select run_id from meta.merged_run where {of_resource}").fetchall()
            merged = {row[0] for row in rows}.intersection(names)
            for name in sorted(merged):
                _remove(landing.folder / source / resource, name)
                # After the folder: a folder without its row would be merged again.
                con.execute(f"delete from meta.merged_run where {of_resource} and run_id = {quoted(name)}")
            removed += len(merged)
    return removed


def _remove(folder: Path, name: str) -> None:
    for half_gone in folder.glob(f"{_GOING}*"):
        shutil.rmtree(half_gone)
    # Under a name that nobody reads, so that a kill leaves no half of a run.
    (folder / name).rename(folder / f"{_GOING}{name}")
    shutil.rmtree(folder / f"{_GOING}{name}")
