"""Increments: everything that changed in a closed window, by ascending id and never by offset.

Asking for ids above the last one (instead of for an offset) has no 10,000 limit, gets through any number of
records with one timestamp, and cannot skip a record when another leaves the window meanwhile. It needs
ascending pages; where HubSpot breaks that order, the box is halved until what is left fits in one page, which
needs no order at all.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import orjson

from connectors.errors import UnexpectedData
from connectors.hubspot_answers import found as found_page
from connectors.hubspot_answers import total_in
from connectors.hubspot_batches import BATCH, read_batch
from connectors.hubspot_paths import OBJECTS, modified_property
from connectors.hubspot_properties import Asked, ids_only
from connectors.pages import Page, cursor_of
from connectors.transport import Reply, Transport, identified_in

PAGE = 200  # HubSpot's maximum
LONGEST_BODY = 3_000  # characters; HubSpot refuses longer questions
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Box:
    """A part of a search: change times in closed [start, end] (epoch ms), ids in (above, upto]."""

    start: int
    end: int
    above: int = 0
    upto: int | None = None

    def filters(self, modified: str) -> list[dict[str, str]]:
        """This box in HubSpot's words."""
        found = [
            {
                "propertyName": modified,
                "operator": "BETWEEN",
                "value": str(self.start),
                "highValue": str(self.end),
            }
        ]
        if self.above:
            found.append({"propertyName": "hs_object_id", "operator": "GT", "value": str(self.above)})
        if self.upto is not None:
            found.append({"propertyName": "hs_object_id", "operator": "LTE", "value": str(self.upto)})
        return found

    def spans(self, number: int) -> bool:
        """True for an id in its range."""
        return self.above < number and (self.upto is None or number <= self.upto)

    def after(self, last: int) -> "Box":
        """What is left of it above an id."""
        return Box(self.start, self.end, last, self.upto)

    def halves(self, ids: Sequence[int]) -> list["Box"]:
        """Two smaller boxes, by time or else by the middle of these ids; none when it cannot be halved."""
        if self.start < self.end:
            middle = (self.start + self.end) // 2
            return [
                Box(self.start, middle, self.above, self.upto),
                Box(middle + 1, self.end, self.above, self.upto),
            ]
        if len(ids) < 2:
            return []
        middle = sorted(ids)[(len(ids) - 1) // 2]
        return [Box(self.start, self.end, self.above, middle), Box(self.start, self.end, middle, self.upto)]


def changed(
    http: Transport, kind: str, asked: Asked, since: datetime, until: datetime, state: dict[str, Any]
) -> Generator[Page, None, dict[str, Any]]:
    """Pages of what changed from `since` to `until`; the state in which archived records go on, with counts.

    What changed again after the window comes as it is now. When fewer records came than HubSpot counts, the
    window is read once more; only a second shortfall is told.
    """
    whole = Box(_ms(since), _ms(until))
    search = _Search(http, kind, asked, whole)
    boxes = [Box(*box) for box in state.get("boxes", [])] or [whole]
    total, given, again = state.get("total"), int(state.get("given", 0)), bool(state.get("again"))
    while boxes:
        here = _state(boxes, total, given, again=again)
        box = boxes.pop()
        reply, rows = search.page(box)
        counted = total_in(reply, kind)
        total = counted if total is None else total
        ids, is_whole, left = search.settle(box, rows, counted)
        boxes += left
        pages = search.with_values(reply, rows)
        if is_whole:
            given += sum(number in ids for page in pages for number in page.answered)
        if not boxes and given < total:
            # Records that changed again meanwhile have left the window, so count what is in it now.
            total = count(http, kind, whole.filters(modified_property(kind)))
            if given < total and not again:
                boxes, total, given, again = [whole], None, 0, True
        for page in pages[:-1]:
            yield Page(page.body, page.count, cursor_of(here))
        state = (
            _state(boxes, total, given, again=again)
            if boxes
            else {"stage": "archived", "total": total, "given": given}
        )
        yield Page(pages[-1].body, pages[-1].count, cursor_of(state))
    return state


def count(http: Transport, kind: str, filters: Sequence[dict[str, str]] = ()) -> int:
    """How many live records of this kind HubSpot counts, in all or of those that pass the filters."""
    return total_in(_ask(http, kind, filters, ids_only(kind), 1), kind)


@dataclass(frozen=True, slots=True)
class _Values:
    """A body with values, the number of its records, and the ids for which HubSpot answered."""

    body: bytes
    count: int
    answered: frozenset[int]


class _Search:
    """The questions about one window of one kind."""

    def __init__(self, http: Transport, kind: str, asked: Asked, whole: Box) -> None:
        self._http, self._kind, self._asked, self._whole = http, kind, asked, whole
        self._modified = modified_property(kind)
        widest = Box(whole.start, whole.end, 10**15, 10**15)
        question = _question(widest.filters(self._modified), asked.names, PAGE)
        self._is_short = len(orjson.dumps(question)) <= LONGEST_BODY
        self._names = asked.names if self._is_short else ids_only(kind)

    def page(self, box: Box) -> tuple[Reply, Sequence[Row]]:
        """One page of a box, and its records."""
        reply = _ask(self._http, self._kind, box.filters(self._modified), self._names, PAGE)
        return reply, identified_in(reply, "results", f"hubspot: search of {self._kind}")

    def settle(self, box: Box, rows: Sequence[Row], counted: int) -> tuple[set[int], bool, list[Box]]:
        """The ids of the box in its page, whether they count as read, and what is left to read of it.

        Rows of another box, and the same row twice, are what HubSpot shows of the page before: they land,
        but say nothing of this box.
        """
        listed = [_id(row, self._kind) for row in rows]
        ids = [number for number in dict.fromkeys(listed) if box.spans(number)]
        elsewhere = {number for number, row in zip(listed, rows, strict=True) if self._is_elsewhere(box, row)}
        inside = [number for number in ids if number not in elsewhere]
        if counted <= len(inside):
            return set(inside), True, []
        if not rows:
            raise UnexpectedData(f"hubspot: search of {self._kind} counts {counted} records and gives none.")
        if inside and all(low < high for low, high in pairwise(inside)):
            return set(inside), True, [box.after(inside[-1])]
        halves = box.halves(ids)
        if not ids or not halves:
            raise UnexpectedData(
                f"hubspot: search of {self._kind} does not keep to its id filter; the read was stopped."
            )
        return set(inside), False, halves[::-1]

    def with_values(self, reply: Reply, rows: Sequence[Row]) -> list[_Values]:
        """What to land of a page: itself, or the batches that bring its records' values."""
        numbers = sorted({int(row["id"]) for row in rows})
        if self._is_short or not numbers:
            return [_Values(reply.body, len(rows), frozenset(numbers))]
        found = []
        for start in range(0, len(numbers), BATCH):
            part = numbers[start : start + BATCH]
            batch = read_batch(self._http, self._kind, [str(each) for each in part], self._asked.names)
            answered = frozenset(each for each in part if batch.answers(str(each)))
            found.append(_Values(batch.body, batch.count, answered))
        return found

    def _is_elsewhere(self, box: Box, row: Row) -> bool:
        text = (row.get("properties") or {}).get(self._modified) or row.get("updatedAt")
        try:
            changed_at = _ms(datetime.fromisoformat(str(text)))
        except (ValueError, TypeError):
            return False
        return changed_at < box.start or box.end < changed_at <= self._whole.end


def _ask(
    http: Transport, kind: str, filters: Sequence[dict[str, str]], names: Sequence[str], limit: int
) -> Reply:
    return http.post(
        f"{OBJECTS}/{kind}/search", _question(filters, names, limit), limit="search", decode=found_page
    )


def _question(filters: Sequence[dict[str, str]], names: Sequence[str], limit: int) -> dict[str, Any]:
    return {
        "filterGroups": [{"filters": list(filters)}] if filters else [],
        "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
        "properties": list(names),
        "limit": limit,
    }


def _id(row: Row, kind: str) -> int:
    try:
        return int(row["id"])
    except ValueError:
        raise UnexpectedData(f"hubspot: {kind}: an id is no number; the vendor's format changed.") from None


def _ms(instant: datetime) -> int:
    return (instant - EPOCH) // timedelta(milliseconds=1)


def _state(boxes: Sequence[Box], total: int | None, given: int, *, again: bool) -> dict[str, Any]:
    corners = [[box.start, box.end, box.above, box.upto] for box in boxes]
    return {"stage": "search", "boxes": corners, "total": total, "given": given, "again": again}
