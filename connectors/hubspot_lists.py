"""Lists: everything there is in the order of ids, first the live records, then the archived ones."""

from collections.abc import Generator, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.errors import UnexpectedData
from connectors.hubspot_answers import listed, next_after
from connectors.hubspot_batches import read_batch
from connectors.hubspot_paths import OBJECTS, OWNERS
from connectors.hubspot_properties import Asked, ids_only
from connectors.hubspot_search import count as count_of
from connectors.pages import Page, Window, cursor_of
from connectors.transport import Params, Reply, Transport, identified_in

PAGE = 100  # HubSpot's maximum
INDEX_LAG = timedelta(hours=1)  # how long search may still count what was archived


def live(
    http: Transport, kind: str, asked: Asked, state: dict[str, Any]
) -> Generator[Page, None, dict[str, Any]]:
    """Pages of every live record; the state in which the archived ones go on, with both counts.

    HubSpot's own count comes from search, whose index lags: only fewer records than it counts is a shortfall.
    """
    given = int(state.get("given", 0))
    before: frozenset[str] = frozenset()
    for reply, rows, after in _pages(http, kind, asked, state.get("after"), archived=False):
        body, count, ids = _with_values(http, kind, asked, reply, rows, archived=False)
        given += len(ids - before)
        before = ids
        if after is None:
            state = {"stage": "archived", "total": count_of(http, kind), "given": given}
        else:
            state = {"stage": "live", "after": after, "given": given}
        yield Page(body, count, cursor_of(state))
    return state


def archived(
    http: Transport, kind: str, asked: Asked, window: Window, state: dict[str, Any]
) -> Iterator[Page]:
    """Pages of what HubSpot keeps as archived (90 days); the last one tells how the whole read ended."""
    total, given, lately = state.get("total"), state.get("given"), int(state.get("lately", 0))
    before: frozenset[str] = frozenset()
    for reply, rows, after in _pages(http, kind, asked, state.get("after"), archived=True):
        body, count, ids = _with_values(http, kind, asked, reply, rows, archived=True)
        lately += len(_archived_since(window.until - INDEX_LAG, rows) - before)
        before = ids
        if after is not None:
            yield Page(body, count, cursor_of({**state, "after": after, "lately": lately}))
            continue
        warnings = [asked.warning] if asked.warning else []
        if (
            total is not None
            and given is not None
            and given < total - (lately if window.since is None else 0)
        ):
            brought = "records, its list gave" if window.since is None else "changed records, its search gave"
            warnings.append(f"HubSpot counts {total} {brought} {given}")
        yield Page(body, count, None, "; ".join(warnings) or None, total, given)


def owners(http: Transport, state: dict[str, Any]) -> Iterator[Page]:
    """Pages of every owner, with those who left."""
    stage, start = state.get("stage", "live"), state.get("after")
    if stage == "live":
        for reply, rows, after in walk(http, OWNERS, {"archived": "false"}, start):
            going_on = {"stage": "live", "after": after} if after is not None else {"stage": "archived"}
            yield Page(reply.body, len(rows), cursor_of(going_on))
        start = None
    for reply, rows, after in walk(http, OWNERS, {"archived": "true"}, start):
        cursor = None if after is None else cursor_of({"stage": "archived", "after": after})
        yield Page(reply.body, len(rows), cursor)


def walk(
    http: Transport, path: str, params: Params, after: str | None
) -> Iterator[tuple[Reply, Sequence[dict[str, Any]], str | None]]:
    """Each answer of a list, its records and where it goes on; a list that goes in circles is stopped."""
    seen = {after}
    while True:
        asked = {**params, "limit": PAGE}
        reply = http.get(path, {**asked, "after": after} if after is not None else asked, decode=listed)
        rows = identified_in(reply, "results", f"hubspot: {path}")
        after = next_after(reply.data)
        if after is not None and after in seen:
            raise UnexpectedData(f"hubspot: GET {path} gave the same page twice; the read was stopped.")
        seen.add(after)
        yield reply, rows, after
        if after is None:
            return


def _pages(
    http: Transport, kind: str, asked: Asked, after: str | None, *, archived: bool
) -> Iterator[tuple[Reply, Sequence[dict[str, Any]], str | None]]:
    names = asked.names if asked.fit_an_address else ids_only(kind)
    params = {"properties": ",".join(names), "archived": "true" if archived else "false"}
    return walk(http, f"{OBJECTS}/{kind}", params, after)


def _with_values(
    http: Transport,
    kind: str,
    asked: Asked,
    reply: Reply,
    rows: Sequence[dict[str, Any]],
    *,
    archived: bool,
) -> tuple[bytes, int, frozenset[str]]:
    """The body with the records' values, how many it holds, and the ids for which HubSpot answered."""
    ids = frozenset(str(row["id"]) for row in rows)
    if asked.fit_an_address or not ids:
        return reply.body, len(rows), ids
    batch = read_batch(http, kind, sorted(ids), asked.names, archived=archived)
    return batch.body, batch.count, frozenset(each for each in ids if batch.answers(each))


def _archived_since(since: datetime, rows: Sequence[dict[str, Any]]) -> set[str]:
    return {str(row["id"]) for row in rows if _instant(row.get("archivedAt")) >= since}


def _instant(text: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return found if found.tzinfo else found.replace(tzinfo=UTC)
