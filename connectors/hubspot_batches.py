"""Records by their ids, as they are now: batches come from the records themselves and not from the index."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from connectors.hubspot_answers import not_there
from connectors.hubspot_paths import HISTORIES, OBJECTS
from connectors.hubspot_properties import HISTORY, asked_of
from connectors.pages import Page, cursor_of
from connectors.transport import Transport, identified_in

BATCH = 100  # HubSpot's maximum
HISTORY_BATCH = 50  # and with history


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch's body as received, the ids it gave, and those it said not to exist."""

    body: bytes
    count: int
    found: frozenset[str] = field(repr=False)
    missing: frozenset[str] = field(repr=False)

    def answers(self, number: str) -> bool:
        """True when it gave the record or said that it is missing."""
        return number in self.found or number in self.missing


def read_batch(
    http: Transport,
    kind: str,
    ids: Sequence[str],
    names: Sequence[str],
    *,
    archived: bool = False,
    history: Sequence[str] = (),
) -> Batch:
    """The named properties of these records; a merged-away or archived id counts as missing."""
    path = f"{OBJECTS}/{kind}/batch/read"
    asked: dict[str, Any] = {"inputs": [{"id": each} for each in ids], "properties": list(names)}
    if history:
        asked["propertiesWithHistory"] = list(history)
    reply = http.call("POST", path, params={"archived": "true" if archived else "false"}, json=asked)
    rows = identified_in(reply, "results", f"hubspot: POST {path}")
    return Batch(
        body=reply.body,
        count=len(rows),
        found=frozenset(str(row["id"]) for row in rows),
        missing=frozenset(not_there(reply, f"hubspot: POST {path}")),
    )


def read_objects_by_id(http: Transport, kind: str, ids: Sequence[str]) -> Iterator[Page]:
    """These records, live or archived; one that is in no page does not exist any more."""
    asked = asked_of(http, kind)
    batches = list(_in_parts(list(dict.fromkeys(ids)), BATCH))
    for number, batch in enumerate(batches, start=1):
        *pages, last = _live_or_archived(http, kind, batch, asked.names)
        going_on = cursor_of({"done": batch[-1]})
        for page in pages:
            yield Page(page.body, page.count, going_on)
        if number < len(batches):
            yield Page(last.body, last.count, going_on)
        else:
            yield Page(last.body, last.count, None, asked.warning)


def _live_or_archived(http: Transport, kind: str, ids: Sequence[str], names: Sequence[str]) -> list[Batch]:
    pages: list[Batch] = []
    left = list(ids)
    # What is in no answer is about to be taken for gone, so an answer that only fell short must not do:
    # both have to say that it is missing, or be asked again.
    for _ in range(2):
        live = read_batch(http, kind, left, names)
        archived = None
        left = [each for each in left if each not in live.found]
        if left:
            archived = read_batch(http, kind, left, names, archived=True)
            said = live.missing & archived.missing
            left = [each for each in left if each not in archived.found and each not in said]
        pages += [live, archived] if archived is not None and archived.count else [live]
        if not left:
            break
    return pages


def read_history(http: Transport, name: str, ids: Sequence[str], state: dict[str, Any]) -> Iterator[Page]:
    """The values that some properties of these records had, with their times; a page per batch."""
    kind = HISTORIES[name]
    done = state.get("done", "")
    todo = sorted(each for each in set(ids) if each > done)
    if not todo:
        return
    asked = asked_of(http, kind)
    history = [each for each in HISTORY[kind] if each in asked.names]
    for batch in _in_parts(todo, HISTORY_BATCH):
        page = read_batch(http, kind, batch, history, history=history)
        is_last = batch[-1] == todo[-1]
        silent = sum(not page.answers(each) for each in batch)
        warning = f"HubSpot did not answer for {silent} records" if silent else None
        yield Page(page.body, page.count, None if is_last else cursor_of({"done": batch[-1]}), warning)


def _in_parts(ids: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), size):
        yield ids[start : start + size]
