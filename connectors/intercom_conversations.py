"""Intercom's conversations with their parts: which ones changed first, then one call for each.

A page holds conversations as received, in an order of our own, so that a killed read goes on where it was.
Intercom hands out the last 500 parts of a conversation. Earlier ones stay in raw, in the versions that were
read when they were among the last; a conversation that was longer at its first reading is told as short.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from connectors.errors import NotFound
from connectors.intercom_lists import missing_parts
from connectors.intercom_paths import following, rows_of, search, since_seconds, total_of
from connectors.one_by_one import PAGE, PAGE_BYTES, in_order, together
from connectors.pages import Known, Page, Window, cursor_of
from connectors.tally import Tally
from connectors.transport import Transport

SLOW = 0.5  # seconds that an answer may take while the limit is still used up
NARROWEST, WIDEST = 8, 64
# A conversation can change twice within the second in which it was read. Such a one is as young as the
# newest that we know, or nearly: these are asked again in a sweep, whatever their mark says.
YOUNG = timedelta(days=1)
NAMED = 5  # conversations named in one page's warning


def width_for(requests_per_10s: int) -> int:
    """How many calls must be under way for the limit, and not the answer's delay, to set the pace."""
    return min(WIDEST, max(NARROWEST, math.ceil(requests_per_10s / 10 * SLOW)))


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What to fetch as (updated_at, id) in reading order, what is known to be unmoved, and the counts."""

    todo: list[tuple[int, str]]
    unmoved: tuple[str, ...]
    tally: Tally


def conversations(
    http: Transport, window: Window, state: Mapping[str, Any], known: Known, *, exact: bool, width: int
) -> Iterator[Page]:
    """Every conversation that changed in the window, or in a sweep every one that is not known as it is.

    The ids are gathered before the first call and sorted: Intercom's sorting of this search is no promise. A
    conversation that changes meanwhile is read as it then is, and once more in the next window's overlap.
    """
    wanted = _wanted(http, window, known, exact=exact)
    done = (int(state["at"]), str(state["id"])) if "at" in state else (-1, "")
    todo = [each for each in wanted.todo if each > done]
    bodies: list[bytes] = []
    short: list[str] = []
    unmoved = wanted.unmoved  # said on the first page, by a resumed read too
    fetched = in_order(lambda number: _conversation(http, number), [number for _, number in todo], width)
    for (at, number), (body, missing) in zip(todo, fetched, strict=True):
        if body is not None:
            bodies.append(body)
        if missing:
            short.append(missing)
        is_last = (at, number) == todo[-1]
        if not is_last and (len(bodies) >= PAGE or sum(map(len, bodies)) >= PAGE_BYTES):
            cursor = cursor_of({"at": at, "id": number})
            yield Page(
                together("conversations", bodies), len(bodies), cursor, _told(short), unchanged=unmoved
            )
            bodies, short, unmoved = [], [], ()
    if wanted.tally.warning:
        short.append(wanted.tally.warning)
    yield Page(
        together("conversations", bodies),
        len(bodies),
        None,
        _told(short),
        wanted.tally.total,
        wanted.tally.given,
        unmoved,
    )


def _wanted(http: Transport, window: Window, known: Known, *, exact: bool) -> _Wanted:
    since = since_seconds(window, exact=exact)
    tally = Tally("conversations", "Intercom")
    found: dict[str, int] = {}
    after: str | None = None
    while True:
        reply = search(http, "conversations", since, after)
        rows = rows_of(reply, "conversations", "conversations")
        for row in rows:
            number, at = str(row["id"]), int(row.get("updated_at") or 0)
            found[number] = max(at, found.get(number, 0))
        tally.count((str(row["id"]) for row in rows), total_of(reply))
        after = following(reply, after, "conversations")
        if after is None:
            break
    marks = known()
    young = _young(window, marks)
    unmoved = {number for number, at in found.items() if at < young and marks.get(number) == str(at)}
    todo = sorted((at, number) for number, at in found.items() if number not in unmoved)
    return _Wanted(todo, tuple(sorted(unmoved)), tally)


def _young(window: Window, marks: Mapping[str, str]) -> float:
    """From which change time (UNIX seconds) on a conversation is asked again although its mark is known."""
    if window.since is not None:
        return window.since.timestamp()
    newest = max((int(mark) for mark in marks.values() if mark.isdigit()), default=0)
    return newest - YOUNG.total_seconds()


def _conversation(http: Transport, number: str) -> tuple[bytes | None, str | None]:
    """A conversation as received, and a sentence when parts are missing; None when it is gone."""
    try:
        reply = http.get("/conversations/{id}", parts={"id": number})
    except NotFound:
        return None, None  # deleted between the search and this call
    return reply.body, missing_parts(reply.data, "conversation")


def _told(short: list[str]) -> str | None:
    if len(short) > NAMED:
        short = [*short[:NAMED], f"{len(short) - NAMED} more conversations came short"]
    return "; ".join(short) or None
