"""Associations: which records of another kind each record belongs to, as a stream of its own."""

from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from connectors.errors import UnexpectedData
from connectors.hubspot_answers import next_after, not_there
from connectors.hubspot_paths import ASSOCIATIONS, LINKS
from connectors.pages import Page, cursor_of
from connectors.transport import Reply, Transport, records_in

BATCH = 1000  # HubSpot's maximum


def read_links(http: Transport, name: str, ids: Sequence[str], state: dict[str, Any]) -> Iterator[Page]:
    """The links of these records, one record per id; an id without any comes with an empty list."""
    path = "{}/{}/{}/batch/read".format(ASSOCIATIONS, *LINKS[name])
    label = f"hubspot: POST {path}"
    done = state.get("done", "")
    todo = sorted(each for each in set(ids) if each > done)
    for start in range(0, len(todo), BATCH):
        batch = todo[start : start + BATCH]
        reply = http.post(path, {"inputs": [{"id": each} for each in batch]})
        rows = records_in(reply, "results", label)
        not_there(reply, label)
        if not all((row.get("from") or {}).get("id") and "to" in row for row in rows):
            raise UnexpectedData(f"{label}: a link has no 'from.id' or no 'to'; the vendor's format changed.")
        body = _completed(http, path, reply, rows)
        alone = sorted(set(batch) - {str(row["from"]["id"]) for row in rows})
        cursor = cursor_of({"done": batch[-1]}) if start + BATCH < len(todo) else None
        if not alone:
            yield Page(body, len(rows), cursor)
            continue
        # HubSpot leaves out the ids that have none; without a word from us an association that was removed
        # would stay in raw for ever.
        nothing = [{"from": {"id": each}, "to": []} for each in alone]
        yield Page(body, len(rows), cursor_of({"done": done}))
        yield Page(orjson.dumps({"status": "COMPLETE", "results": nothing}), len(nothing), cursor)
        done = batch[-1]


def _completed(http: Transport, path: str, reply: Reply, rows: Sequence[dict[str, Any]]) -> bytes:
    """The body as received, or with the further pages of single ids joined in (one record per id)."""
    label = f"hubspot: POST {path}"
    longer = False
    for row in rows:
        after = next_after(row)
        seen = {after}
        while after is not None:
            longer = True
            more = http.post(path, {"inputs": [{"id": str(row["from"]["id"]), "after": after}]})
            found = records_in(more, "results", label)
            not_there(more, label)
            row["to"] += [link for part in found for link in part["to"]]
            after = next_after(found[0]) if found else None
            if after is not None and after in seen:
                raise UnexpectedData(f"{label} gave the same page twice; the read was stopped.")
            seen.add(after)
        row.pop("paging", None)
    return orjson.dumps(reply.data) if longer else reply.body
