"""Publishing: a pointer to the one build that everybody reads, moved only to one that passed its check."""

import fcntl
import json
from datetime import timedelta
from pathlib import Path

from warehouse.check import digest, read_verdict, verdict_path
from warehouse.errors import NotChecked
from warehouse.store import disk_errors, lock, write_whole

POINTER = "published.json"


def publish(home: Path, build_id: str, *, keep: int = 5, patience: timedelta = timedelta(minutes=10)) -> bool:
    """Point every reader at a build; True when that changed anything.

    Raises NotChecked unless a check ran on that very file and passed; the pointer then stays where it was.
    The `keep` newest builds stay for looking back, older ones are removed.
    """
    folder = home / "builds"
    path = folder / f"{build_id}.duckdb"
    with lock(folder / ".lock", fcntl.LOCK_EX, patience):
        if not path.exists():
            raise NotChecked(f"There is no build {build_id} in {folder}; run `tenfold build`.")
        verdict = read_verdict(path)
        if verdict is None:
            raise NotChecked(f"Build {build_id} was never checked; run `tenfold check`.")
        if digest(path) != verdict.sha256:
            raise NotChecked(f"Build {build_id} has changed since its check; run `tenfold check` again.")
        if not verdict.passed:
            raise NotChecked(
                f"Build {build_id} failed its check; `tenfold check` lists what to correct. "
                "The last build stays."
            )
        changed = _current(home) != build_id
        if changed:
            with disk_errors(home / POINTER):
                write_whole(home / POINTER, json.dumps({"build_id": build_id, "sha256": verdict.sha256}))
        _prune(folder, keep, build_id)
    return changed


def _current(home: Path) -> str | None:
    try:
        return str(json.loads((home / POINTER).read_text(encoding="utf-8"))["build_id"])
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None  # a pointer that cannot be read is written anew


def _prune(folder: Path, keep: int, published: str) -> None:
    newest = sorted(folder.glob("*.duckdb"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in newest[keep:]:
        if (
            path.stem != published
        ):  # Who has it open keeps it; who is about to open it asks the pointer again.
            path.unlink()
            verdict_path(path).unlink(missing_ok=True)
