"""How many webhook deliveries were refused, by source, reason and day: counts only, in one small file.

Whoever sends rubbish must not be able to fill the disk with it, so a delivery that is refused leaves nothing
but a number, and that is written every few seconds at most.
"""

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from warehouse.store import disk_errors, write_whole

FILE = "refusals.json"  # in the home
KEPT = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Refused:
    """How often a source's deliveries were refused for one reason on one day (UTC), and the last time."""

    source: str
    reason: str
    day: date
    count: int
    last_at: datetime


def refusals(home: Path) -> list[Refused]:
    """What was refused in the last thirty days that the file knows, by source, reason and day."""
    try:
        rows = json.loads((home / FILE).read_text(encoding="utf-8"))
        return [
            Refused(
                row["source"],
                row["reason"],
                date.fromisoformat(row["day"]),
                row["count"],
                datetime.fromisoformat(row["last_at"]),
            )
            for row in rows
        ]
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return []  # counts of the past are not worth stopping anything


class Counter:
    """Counts refusals in memory and keeps the file; one process at a time writes it.

    `count` may be called from any thread.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._rows = {(row.source, row.reason, row.day): row for row in refusals(home)}
        self._unsaved: dict[tuple[str, str], int] = {}

    def count(self, source: str, reason: str, at: datetime) -> None:
        """One more."""
        key = (source, reason, at.astimezone(UTC).date())
        with self._lock:
            known = self._rows.get(key)
            self._rows[key] = Refused(*key, (known.count if known else 0) + 1, at)
            self._unsaved[key[:2]] = self._unsaved.get(key[:2], 0) + 1

    def save(self) -> dict[tuple[str, str], int]:
        """Write the file if there is news; how many refusals of each (source, reason) are new in it.

        Raises DiskFull; the next call then writes them, though it does not tell them as new.
        """
        with self._lock:
            if not self._unsaved:
                return {}
            newest = max(row.day for row in self._rows.values())
            self._rows = {key: row for key, row in self._rows.items() if row.day > newest - KEPT}
            text = json.dumps(list(self._as_rows()))
            unsaved, self._unsaved = self._unsaved, {}
        with disk_errors(self._home / FILE):
            write_whole(self._home / FILE, text)
        return unsaved

    def _as_rows(self) -> Iterator[dict[str, object]]:
        for _, row in sorted(self._rows.items()):
            yield {
                "source": row.source,
                "reason": row.reason,
                "day": row.day.isoformat(),
                "count": row.count,
                "last_at": row.last_at.isoformat(),
            }
