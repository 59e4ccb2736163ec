"""Intercom's conversations with their parts: a search says which moved, and each is fetched by one call.

The search goes on while what it found is fetched, so that only Intercom's limit sets the pace. A page holds
conversations as received, in the order of the search; its cursor says where in the search it ends.

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
class _Turn:
    """A page of the search begins: where it does, the counts before it, and what in it did not move."""

    after: str | None
    tally: Mapping[str, Any]
    unmoved: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Moved:
    """A conversation to fetch; the search's time and id name it within its page."""

    number: str
    name: str


@dataclass(frozen=True, slots=True)
class _Fetched:
    """A conversation as received (None when it is gone), and a sentence when parts are missing."""

    name: str
    body: bytes | None = None
    missing: str | None = None


def conversations(
    http: Transport, window: Window, state: Mapping[str, Any], known: Known, *, exact: bool, width: int
) -> Iterator[Page]:
    """Every conversation that changed in the window, or in a sweep every one that is not known as it is.

    The order of the search is no promise, and none is needed. A conversation that changes meanwhile is read
    as it then is, and once more where the search finds it again, or in the next window's overlap.
    """
    tally = Tally("conversations", "Intercom", state)
    wanted = _search(http, window, state, known, tally, exact=exact)

    def fetch(item: _Turn | _Moved) -> _Turn | _Fetched:
        return item if isinstance(item, _Turn) else _conversation(http, item)

    turn = _Turn(None, {}, ())
    done: list[str] = []
    bodies: list[bytes] = []
    short: list[str] = []
    unmoved: list[str] = []
    for item in in_order(fetch, wanted, width):
        if isinstance(item, _Turn):
            turn, done = item, []
            unmoved += item.unmoved
            continue
        done.append(item.name)
        if item.body is not None:
            bodies.append(item.body)
        if item.missing:
            short.append(item.missing)
        if len(bodies) >= PAGE or sum(map(len, bodies)) >= PAGE_BYTES:
            cursor = cursor_of({"after": turn.after, "done": done, **turn.tally})
            yield _page(bodies, cursor, short, unmoved)
            bodies, short, unmoved = [], [], []
    if tally.warning:
        short.append(tally.warning)
    yield _page(bodies, None, short, unmoved, tally.total, tally.given)


def _search(
    http: Transport, window: Window, state: Mapping[str, Any], known: Known, tally: Tally, *, exact: bool
) -> Iterator[_Turn | _Moved]:
    since = since_seconds(window, exact=exact)
    marks = known()
    young = _young(window, marks)
    after: str | None = state.get("after")
    done = set(state.get("done", ()))
    found: dict[str, int] = {}
    while True:
        before = tally.state()
        reply = search(http, "conversations", since, after)
        rows = rows_of(reply, "conversations", "conversations")
        tally.count((str(row["id"]) for row in rows), total_of(reply))
        moved: list[_Moved] = []
        unmoved: list[str] = []
        for row in rows:
            number, at = str(row["id"]), int(row.get("updated_at") or 0)
            name = f"{at}:{number}"
            if at < young and marks.get(number) == str(at):
                unmoved.append(number)
            elif name not in done and found.get(number) != at:
                found[number] = at
                moved.append(_Moved(number, name))
        yield _Turn(after, before, tuple(unmoved))
        yield from moved
        after = following(reply, after, "conversations")
        if after is None:
            return
        done = set()


def _young(window: Window, marks: Mapping[str, str]) -> float:
    """From which change time (UNIX seconds) on a conversation is asked again although its mark is known."""
    if window.since is not None:
        return window.since.timestamp()
    newest = max((int(mark) for mark in marks.values() if mark.isdigit()), default=0)
    return newest - YOUNG.total_seconds()


def _conversation(http: Transport, wanted: _Moved) -> _Fetched:
    try:
        reply = http.get("/conversations/{id}", parts={"id": wanted.number})
    except NotFound:
        return _Fetched(wanted.name)  # deleted between the search and this call
    return _Fetched(wanted.name, reply.body, missing_parts(reply.data, "conversation"))


def _page(
    bodies: list[bytes],
    cursor: str | None,
    short: list[str],
    unmoved: list[str],
    total: int | None = None,
    given: int | None = None,
) -> Page:
    if len(short) > NAMED:
        short = [*short[:NAMED], f"{len(short) - NAMED} more conversations came short"]
    body = together("conversations", bodies)
    return Page(body, len(bodies), cursor, "; ".join(short) or None, total, given, tuple(unmoved))
