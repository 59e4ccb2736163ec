"""Intercom's companies: one scroll over everything, of which a workspace has one at a time.

The place of a scroll is kept at Intercom's side: each call moves it on. So a call whose answer was lost must
not be repeated (a page would be missing in silence); a scroll that broke off begins again from the start.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

from connectors.errors import HandOverUnknown, NotFound, Refused, RetryLater, UnexpectedData
from connectors.intercom_paths import rows_of, total_of
from connectors.pages import Page, cursor_of
from connectors.tally import Tally
from connectors.transport import Params, Reply, Transport

IDLE = 60.0  # seconds after which Intercom forgets an abandoned scroll
STARTS = 3  # of a scroll that breaks off
WAITS = 2  # for a scroll that somebody else holds, or that we lost

ScrollLock = Callable[[], AbstractContextManager[object]]


class _BrokenOff(Exception):
    """The scroll is of no more use."""


def companies(http: Transport, lock: ScrollLock) -> Iterator[Page]:
    """Every company; there is no filter. `lock` keeps other processes of ours from scrolling meanwhile.

    What came of a scroll that broke off lands once more, unharmed; only a scroll that reached its end ends
    the read.
    """
    with lock():
        starts = waits = 0
        while starts < STARTS and waits <= WAITS:
            try:
                yield from _scroll(http, _listed(http))
            except _BrokenOff:
                starts += 1
            except Refused as error:
                if error.code != "scroll_exists":
                    raise
                waits += 1
                if waits <= WAITS:
                    http.wait(IDLE)
            else:
                return
        raise RetryLater(
            "intercom: GET /companies/scroll is held elsewhere or keeps breaking off; run it again later.",
            IDLE,
        )


def _scroll(http: Transport, listed: int) -> Iterator[Page]:
    tally = Tally("companies", "Intercom")
    reply = _next(http, None)
    held: Page | None = None  # only an empty page says that the one before was the last
    while True:
        rows = rows_of(reply, "data", "companies")
        if rows and not tally.count((str(row["id"]) for row in rows), None):
            raise UnexpectedData("intercom companies: the same page came twice; the read was stopped.")
        scroll = reply.data.get("scroll_param")
        if rows and held is not None:
            yield held
        if rows:
            held = Page(reply.body, len(rows), cursor_of({"restart": True}))
        if not rows or not scroll:
            break
        reply = _next(http, str(scroll))
    if tally.given < listed:
        listed = min(listed, _listed(http))  # some may have been deleted meanwhile
    warning = None
    if tally.given < listed:
        warning = f"companies: Intercom counts {listed} records and gave {tally.given}"
    # A scroll tells no count of its own.
    total = max(listed, tally.given)
    body, count = (held.body, held.count) if held is not None else (reply.body, 0)
    yield Page(body, count, None, warning, total, tally.given)


def _next(http: Transport, scroll: str | None) -> Reply:
    params: Params | None = {"scroll_param": scroll} if scroll else None
    try:
        return http.call("GET", "/companies/scroll", params=params, repeatable=False)
    except HandOverUnknown:
        raise _BrokenOff from None
    except NotFound:
        if scroll is None:
            raise
        raise _BrokenOff from None  # it was forgotten meanwhile


def _listed(http: Transport) -> int:
    """How many companies the list counts: those with people, so at least these must come."""
    return total_of(http.get("/companies", {"per_page": 1})) or 0
