"""What a vendor says it has, held against what came: the count that makes a read complete or partial."""

from collections.abc import Iterable, Mapping
from typing import Any

from connectors.errors import UnexpectedData

# A list may repeat rows while it is read; one that brings many times what it counts will never end.
REPEATS = 3
SLACK = 10_000


class Tally:
    """Distinct records of one list, and the vendor's own count of them.

    `state` is what `state()` gave when an earlier process read the beginning: of those records only the
    number is known.
    """

    def __init__(self, what: str, vendor: str, state: Mapping[str, Any] | None = None) -> None:
        kept = (state or {}).get("tally") or {}
        self.what = what
        self.vendor = vendor
        self.moved = bool(kept.get("moved"))
        self._first: int | None = kept.get("first")
        self._last: int | None = self._first
        self._before = int(kept.get("seen", 0))
        self._rows = self._before
        self._ids: set[str] = set()

    def count(self, ids: Iterable[str], total: int | None) -> int:
        """Note a page's records and the count it told; how many of them are new. Raises UnexpectedData."""
        given = list(ids)
        known = len(self._ids)
        self._ids.update(given)
        self._rows += len(given)
        if total is not None:
            if self._first is None:
                self._first = total
            elif total != self._last:
                self.moved = True
            self._last = total
            if self._rows > REPEATS * max(self._first, total) + SLACK:
                raise UnexpectedData(
                    f"{self.vendor.lower()} {self.what}: the same records keep coming; the read was stopped."
                )
        return len(self._ids) - known

    def state(self) -> dict[str, Any]:
        """What a later process needs to go on counting."""
        return {"tally": {"seen": self.given, "first": self._first, "moved": self.moved}}

    @property
    def given(self) -> int:
        """How many different records came."""
        return self._before + len(self._ids)

    @property
    def total(self) -> int | None:
        """How many there were all the time: a record that came or went meanwhile is nobody's fault."""
        if self._first is None or self._last is None:
            return None
        return min(self._first, self._last)

    @property
    def short(self) -> bool:
        """True when fewer came than the vendor counts."""
        return self.total is not None and self.given < self.total

    @property
    def warning(self) -> str | None:
        """What is missing, in one sentence; None when nothing is."""
        if not self.short:
            return None
        return f"{self.what}: {self.vendor} counts {self.total} records and gave {self.given}"
