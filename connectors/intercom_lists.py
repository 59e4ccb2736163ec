"""Intercom's lists: contacts and tickets by cursor, small ones whole, others by page number."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.errors import NotFound, UnexpectedData
from connectors.intercom_paths import PAGE, following, rows_of, search, since_seconds, total_of
from connectors.one_by_one import together
from connectors.pages import Known, Page, Window, cursor_of
from connectors.tally import Tally
from connectors.transport import Params, Reply, Transport

WHOLE: dict[str, tuple[str, Params | None]] = {
    "admins": ("admins", None),
    "teams": ("teams", None),
    "tags": ("data", None),
    "segments": ("segments", {"include_count": True}),
    "ticket_types": ("data", None),
}
DELETED_PAGE = 60  # Intercom's maximum there
TURNS = 3  # readings of a list whose rows move while it is read


def contacts(http: Transport, window: Window, state: Mapping[str, Any], *, exact: bool) -> Iterator[Page]:
    """Contacts changed in the window, or all.

    Up to 2.16 the search compares days: more comes than changed, and raw knows what it knows.
    """
    tally = Tally("contacts", "Intercom", state)
    after = state.get("after")
    while True:
        if window.since is None:
            listed: dict[str, str | int | bool] = {"per_page": PAGE}
            reply = http.get("/contacts", {**listed, "starting_after": after} if after else listed)
        else:
            reply = search(http, "contacts", since_seconds(window, exact=exact), after)
        rows = rows_of(reply, "data", "contacts")
        tally.count((str(row["id"]) for row in rows), total_of(reply))
        after = following(reply, after, "contacts")
        if after is None:
            yield last_page(reply.body, len(rows), tally)
            return
        yield Page(reply.body, len(rows), cursor_of({"after": after, **tally.state()}))


def tickets(http: Transport, window: Window, state: Mapping[str, Any], *, exact: bool) -> Iterator[Page]:
    """Tickets changed in the window with their parts; those whose parts came short are asked one by one."""
    tally = Tally("tickets", "Intercom", state)
    after, short, ended = state.get("after"), list(state.get("short", ())), bool(state.get("ended"))
    while True:
        if short:
            bodies, missing = _single_tickets(http, short)
            short = []
            going_on = cursor_of({"after": after, **tally.state()})
            said = "; ".join([*missing, *([tally.warning] if ended and tally.warning else [])]) or None
            counts = (tally.total, tally.given) if ended else (None, None)
            yield Page(together("tickets", bodies), len(bodies), None if ended else going_on, said, *counts)
        if ended:
            return
        reply = search(http, "tickets", since_seconds(window, exact=exact), after)
        rows = rows_of(reply, "tickets", "tickets")
        tally.count((str(row["id"]) for row in rows), total_of(reply))
        short = [str(row["id"]) for row in rows if missing_parts(row, "ticket")]
        after = following(reply, after, "tickets")
        ended = after is None
        if ended and not short:
            yield last_page(reply.body, len(rows), tally)
            return
        going_on = cursor_of({"after": after, "short": short, "ended": ended, **tally.state()})
        yield Page(reply.body, len(rows), going_on)


def _single_tickets(http: Transport, ids: Sequence[str]) -> tuple[list[bytes], list[str]]:
    """The tickets as received, and what is missing of them even so."""
    bodies, missing = [], []
    for number in ids:
        try:
            reply = http.get("/tickets/{id}", parts={"id": number})
        except NotFound:
            continue  # deleted between the search and this call
        bodies.append(reply.body)
        if short := missing_parts(reply.data, "ticket"):
            missing.append(short)
    return bodies, missing


def missing_parts(record: Mapping[str, Any], kind: str) -> str | None:
    """A sentence when a conversation or ticket came with fewer parts than Intercom counts of it.

    Raises UnexpectedData when the field of the parts is gone.
    """
    parts = record.get(f"{kind}_parts")
    listed = parts.get(f"{kind}_parts") if isinstance(parts, dict) else None
    if not record.get("id") or not isinstance(parts, dict) or not isinstance(listed, list):
        raise UnexpectedData(f"intercom: a {kind} came without its parts; the vendor's format changed.")
    counts = [parts.get("total_count"), (record.get("statistics") or {}).get(f"count_{kind}_parts")]
    total = max((each for each in counts if isinstance(each, int)), default=0)
    if total <= len(listed):
        return None
    return f"{kind} {record['id']}: Intercom counts {total} parts and gave {len(listed)} (500 at most)"


def whole_list(http: Transport, resource: str) -> Iterator[Page]:
    """A small list in its one page."""
    field, params = WHOLE[resource]
    reply = http.get(f"/{resource}", params)
    count = len(rows_of(reply, field, resource))
    # None of these lists has pages today; were that to change, the rest must not be missing in silence.
    more = (reply.data.get("pages") or {}).get("next")
    warning = f"{resource}: Intercom announces further pages, which are not read" if more else None
    yield Page(reply.body, count, None, warning, count, count)


def articles(http: Transport, state: Mapping[str, Any]) -> Iterator[Page]:
    """Articles, last changed first: one that changes meanwhile goes to the front and pushes another on.

    So a list that moved or came short is read again from its beginning.
    """
    number, turn = int(state.get("page", 1)), int(state.get("turn", 0))
    tally = Tally("articles", "Intercom", state)
    while True:
        reply = http.get("/articles", {"page": number, "per_page": PAGE})
        rows = rows_of(reply, "data", "articles")
        tally.count((str(row["id"]) for row in rows), total_of(reply))
        if rows and number < _pages(reply):
            number += 1
            onward = {"page": number, "turn": turn, **tally.state()}
        elif (tally.short or tally.moved) and turn + 1 < TURNS:
            number, turn, tally = 1, turn + 1, Tally("articles", "Intercom")
            onward = {"page": number, "turn": turn}
        else:
            yield last_page(reply.body, len(rows), tally)
            return
        yield Page(reply.body, len(rows), cursor_of(onward))


def deletions(http: Transport, window: Window, state: Mapping[str, Any], known: Known) -> Iterator[Page]:
    """Which conversations were deleted, the last first; an increment ends with a page that it knows."""
    number = int(state.get("page", 1))
    tally = Tally("deleted_conversations", "Intercom", state)
    old = set(known()) if window.since is not None else set()
    while True:
        asked: dict[str, str | int | bool] = {"page": number, "per_page": DELETED_PAGE, "order": "desc"}
        reply = http.get("/conversations/deleted", asked)
        ids = [str(row["id"]) for row in rows_of(reply, "conversations", "deleted_conversations")]
        tally.count(ids, total_of(reply))
        if ids and old.issuperset(ids):
            # What was deleted before these is known; only a whole read is held against Intercom's count.
            yield Page(reply.body, len(ids), None)
            return
        if not ids or number >= _pages(reply):
            yield last_page(reply.body, len(ids), tally)
            return
        number += 1
        yield Page(reply.body, len(ids), cursor_of({"page": number, **tally.state()}))


def last_page(body: bytes, count: int, tally: Tally) -> Page:
    """A read's last page, with what came in all."""
    return Page(body, count, None, tally.warning, tally.total, tally.given)


def _pages(reply: Reply) -> int:
    total = (reply.data.get("pages") or {}).get("total_pages")
    return total if isinstance(total, int) else 0
