"""Mailchimp's members, read by the time of their last change, status by status.

By offset alone a member that changes leaves its place, the others move up, and one is never seen. So each
page begins where the last one ended, by time. Times have whole seconds and undocumented edges: spans overlap
by a second. More members in one second than a page holds (an import does that) are read by offset within
that second, until a reading of it finds it as it was. A page out of order says nothing of what follows it;
its span is then halved until each part fits into a page.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from connectors.mailchimp_lists import everything
from connectors.mailchimp_paths import OVERLAP, PAGE, STATUSES, Place, identity_of, instant, iso, total_of
from connectors.pages import Page, Window, cursor_of
from connectors.tally import Tally
from connectors.transport import Reply, Transport

BEGINNING = 978_307_200  # 2001, when Mailchimp began, in UNIX seconds
NARROW = 3  # seconds; a span so short is read by offset
TURNS = 5  # readings of such a span while its members change
FRUITLESS = 70  # pages in a row without a new member, after which the count can only be wrong
# Which of an audience's own counts belongs to which status.
COUNTS = {"subscribed": "member_count", "unsubscribed": "unsubscribe_count", "cleaned": "cleaned_count"}

Span = tuple[int | None, int | None]  # UNIX seconds, edges not certain; None = no edge


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The members of one status in one audience."""

    audience: str
    status: str

    def page(self, http: Transport, span: Span, offset: int, size: int) -> Reply:
        params: dict[str, str | int | bool] = {
            "status": self.status,
            "sort_field": "last_changed",
            "sort_dir": "ASC",
        }
        since, before = span
        if since is not None:
            params["since_last_changed"] = iso(datetime.fromtimestamp(since, UTC))
        if before is not None:
            params["before_last_changed"] = iso(datetime.fromtimestamp(before, UTC))
        return Place("/lists/{id}/members", "members", self.audience, params).page(http, offset, size)


class _Reading:
    """Where a read of members is: the shelf, what is left of it, and the counts so far."""

    def __init__(self, http: Transport, window: Window, state: Mapping[str, Any], size: int) -> None:
        self.http = http
        self.size = size
        self.latest = int((window.until + timedelta(days=1)).timestamp())
        self.is_sweep = window.since is None
        self.floor = None if window.since is None else int((window.since - OVERLAP).timestamp())
        self.audiences = {
            str(row["id"]): row.get("stats") or {} for row in everything(http, "/lists", "lists", "stats")
        }
        self.shelves = [_Shelf(number, status) for number in self.audiences for status in STATUSES]
        self.place = int(state.get("place", 0))
        self.spans: list[Span] = [(a, b) for a, b in state.get("spans", [(self.floor, None)])]
        self.total, self.given = state.get("sum", (0, 0))
        self.tally = self._new_tally(state)
        self.fruitless = 0

    def _new_tally(self, state: Mapping[str, Any] | None = None) -> Tally:
        status = self.shelves[self.place].status if self.place < len(self.shelves) else ""
        return Tally(f"members ({status})", "Mailchimp", state)

    def pages(self) -> Iterator[Page]:
        while self.place < len(self.shelves):
            shelf = self.shelves[self.place]
            span = self.spans.pop(0)
            if span[0] is not None and span[1] is not None and span[1] - span[0] <= NARROW:
                yield from self._narrow(shelf, span)
            else:
                yield self._wide(shelf, span)

    def _wide(self, shelf: _Shelf, span: Span) -> Page:
        reply = shelf.page(self.http, span, 0, self.size)
        rows, total = self._rows(reply), total_of(reply, "members")
        # Only the shelf's first page counts all of it; the others what is left.
        new = self.tally.count(map(identity_of, rows), total if self.tally.total is None else None)
        self.fruitless = 0 if new else self.fruitless + 1
        if self.fruitless > FRUITLESS:
            self.spans = []
        elif rows and len({identity_of(row) for row in rows}) < total:
            self.spans[:0] = self._rest(span, _seconds(rows))
        return self._page(shelf, reply.body, len(rows))

    def _rest(self, span: Span, times: Sequence[int]) -> list[Span]:
        """What is left of a span that holds more than the page with these times."""
        since, before = span
        in_order = bool(times) and all(earlier <= later for earlier, later in pairwise(times))
        if in_order:
            last = times[-1]
            if since is None or last - 1 > since:
                return [(last - 1, before)]
            return [(last - 1, last + 2), (last + 1, before)]
        start = BEGINNING if since is None else since
        end = max(self.latest, start + 2 * NARROW, *(at + 2 for at in times)) if before is None else before
        middle = (start + end) // 2
        halves: list[Span] = [(start, middle + 1), (middle - 1, end)]
        return [*halves, (end - 1, None)] if before is None else halves

    def _narrow(self, shelf: _Shelf, span: Span) -> Iterator[Page]:
        """A second by offset, again and again until it held still. A killed read begins it anew."""
        known = self.tally.given
        moment = Tally(self.tally.what, "Mailchimp")
        for turn in range(TURNS):
            offset, before = 0, moment.given
            while True:
                reply = shelf.page(self.http, span, offset, self.size)
                rows, total = self._rows(reply), total_of(reply, "members")
                moment.count(map(identity_of, rows), total)
                self.tally.count(map(identity_of, rows), None)
                offset += len(rows)
                if not rows or offset >= total:
                    break
                yield self._page(shelf, reply.body, len(rows), again=span)
            # Short, and nobody new by another reading: that is left to the shelf's own count to tell.
            settled = not moment.moved and (not moment.short or moment.given == before)
            if settled or turn + 1 == TURNS:
                self.fruitless = 0 if self.tally.given > known else self.fruitless + 1
                unsettled = f"{moment.what}: many changed at once, and some may have been missed"
                warning = unsettled if moment.moved else None
                yield self._page(shelf, reply.body, len(rows), warning=warning)
                return
            if moment.moved:  # some left it meanwhile, and an earlier reading no longer counts
                moment = Tally(self.tally.what, "Mailchimp")
            yield self._page(shelf, reply.body, len(rows), again=span)

    def _page(
        self, shelf: _Shelf, body: bytes, count: int, *, again: Span | None = None, warning: str | None = None
    ) -> Page:
        """The page, with the cursor that leads on; after a shelf's last one its counts are settled."""
        if again is not None or self.spans:
            spans = [again, *self.spans] if again is not None else self.spans
            onward = {"place": self.place, "spans": spans, "sum": (self.total, self.given)}
            return Page(body, count, cursor_of({**onward, **self.tally.state()}), warning)
        missing = self._missing(shelf)
        self.total, self.given = self.total + self.tally.given + missing, self.given + self.tally.given
        if missing:
            told = f"{self.tally.what}: Mailchimp counts {self.tally.given + missing} records"
            warning = "; ".join(filter(None, [warning, f"{told} and gave {self.tally.given}"]))
        self.place += 1
        if self.place == len(self.shelves):
            return Page(body, count, None, warning, self.total, self.given)
        self.spans, self.tally, self.fruitless = [(self.floor, None)], self._new_tally(), 0
        return Page(body, count, cursor_of({"place": self.place, "sum": (self.total, self.given)}), warning)

    def _missing(self, shelf: _Shelf) -> int:
        """How many members of the shelf did not come, by what Mailchimp counts before and after."""
        given = self.tally.given
        missing = max(0, (self.tally.total or 0) - given)
        if missing:
            again = total_of(shelf.page(self.http, (self.floor, None), 0, 1), "members")
            missing = max(0, min(missing, again - given))
        if self.is_sweep and shelf.status in COUNTS:
            name = COUNTS[shelf.status]
            counted = self.audiences[shelf.audience].get(name)
            if isinstance(counted, int) and counted > given:
                fields = {"fields": f"stats.{name}"}
                fresh = self.http.get("/lists/{id}", fields, parts={"id": shelf.audience}).data
                counted = min(counted, int((fresh.get("stats") or {}).get(name) or 0))
                missing = max(missing, counted - given)
        return missing

    @staticmethod
    def _rows(reply: Reply) -> Sequence[dict[str, Any]]:
        return Place("", "members").rows(reply)


def members(http: Transport, window: Window, state: Mapping[str, Any], size: int = PAGE) -> Iterator[Page]:
    """Members changed in the window, or all, of every audience in every status."""
    return _Reading(http, window, state, size).pages()


def _seconds(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    found = [instant(row.get("last_changed")) for row in rows]
    # A member without a time has no place in the order, so nothing may be concluded from it.
    return [int(at.timestamp()) for at in found if at is not None] if all(found) else []
