"""What an import says of each file, for people and for `--json`."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from connectors.accounting import ImportedFile, amount_text
from warehouse.imports import Effect
from warehouse.raw import Merged
from warehouse.status import State

if TYPE_CHECKING:
    from tasks.sync import ResourceReport

RESOURCES = ("entries", "movements", "documents", "subscriptions", "time_entries", "rates")
_QUESTION = re.compile(r"--(?:decimal-mark|date-order|account|currency)\b")


@dataclass(frozen=True, slots=True)
class ImportReport:
    """How an import ended, in the shape of a source's sync; `files` holds one summary per file looked at.

    `rows_seen` counts the records of new files, `rows_added` the versions that were new to raw.
    """

    source: str
    state: State
    reason: str | None
    rows_seen: int
    rows_added: int
    seconds: float
    resources: tuple["ResourceReport", ...]
    files: tuple[dict[str, Any], ...] = ()
    waiting: tuple[str, ...] = ()  # files still being written, left for the next run
    error: Exception | None = None


@dataclass(slots=True)
class Tally:
    """What came of one resource."""

    seen: int = 0
    added: int = 0
    pages: int = 0
    seconds: float = 0.0

    def count(self, merged: Merged) -> None:
        """Add what a merge brought."""
        self.seen += merged.seen
        self.added += merged.added


def by_resource(totals: dict[str, Tally]) -> "tuple[ResourceReport, ...]":
    """The tallies in the shape of a source's sync."""
    from tasks.sync import ResourceReport

    return tuple(
        ResourceReport(resource=name, rows_seen=t.seen, rows_added=t.added, pages=t.pages, seconds=t.seconds)
        for name, t in totals.items()
    )


def summary(found: ImportedFile) -> dict[str, Any]:
    """The JSON-able account of one file that `import --json` prints.

    `verified` names the controls of the file that agree; none: nothing in it covers its figures.
    `questions` are the options that would settle what it leaves open.
    """
    covered = found.covered
    return {
        "file": found.file,
        "sha256": found.sha256 or None,
        "format": found.format.value if found.format else None,
        "encoding": found.encoding,
        "records": found.records,
        "kinds": {name: len(records) for name in RESOURCES if (records := getattr(found, name))},
        "totals": {currency: amount_text(total) for currency, total in found.totals.items()},
        "covered": {
            "book": covered.book,
            "since": covered.since.isoformat(),
            "until": covered.until.isoformat(),
        }
        if covered
        else None,
        "verified": list(found.verified),
        "left": [{"reason": item.reason, "rows": item.rows, "totals": item.totals} for item in found.left],
        "rejected": [{"row": item.row, "reason": item.reason} for item in found.rejected],
        "questions": questions(found),
        "warnings": list(found.warnings),
        "profile": None,
        "effect": None,
    }


def questions(found: ImportedFile) -> list[str]:
    """The options that would settle what a file leaves open, such as --date-order."""
    asked = [name for item in found.rejected for name in _QUESTION.findall(item.reason)]
    return list(dict.fromkeys(asked))


def told(effect: Effect) -> dict[str, Any]:
    """The JSON-able account of what a file changes."""
    return {
        "new": effect.new,
        "known": effect.known,
        "changed": effect.changed,
        "disappearing": len(effect.gone),
        "gone": [what for _, _, what in effect.gone],
    }


def fault(found: dict[str, Any]) -> str | None:
    """Why a file was not taken in whole, or None."""
    whole = next((item["reason"] for item in found["rejected"] if item["row"] is None), None)
    if whole is not None:
        return f"{found['file']}: {whole}"
    if found["rejected"]:
        first = found["rejected"][0]["reason"]
        return f"{found['file']}: {len(found['rejected'])} rows rejected, the first because {first}"
    return None
