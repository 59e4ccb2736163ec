"""What is read of Intercom, where it stands, and how its pages and times are understood."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from connectors.errors import UnexpectedData
from connectors.pages import Resource, Window
from connectors.transport import Reply, Transport, identified_in

PAGE = 150  # Intercom's maximum
# Up to 2.16 a search compares whole days of the workspace's time zone, and ">" begins with the next day.
DAYS = timedelta(days=2)
BY_SECONDS = (2, 17)  # the first version whose searches compare seconds


def _resource(name: str, records: str, **more: Any) -> Resource:
    return Resource("intercom", name, records, "$.id", **more)


# Notes of contacts are not read: they come only with one call per contact, and no change time tells of them.
RESOURCES: dict[str, Resource] = {
    resource.name: resource
    for resource in (
        # Of contacts merged away `merge_history` of the one that stays tells; they themselves are gone.
        _resource("contacts", "$.data", mark="$.updated_at", by_id=True),
        _resource("companies", "$.data", mark="$.updated_at", whole=True, by_id=True),
        _resource(
            "conversations",
            "$.conversations",
            mark="$.updated_at",
            by_id=True,
            # Seen elsewhere to stay open for ever where a change was missed.
            unsettled=("$.state", ("open", "snoozed")),
        ),
        _resource("deleted_conversations", "$.conversations", mark="$.deleted_at", remains=True),
        _resource("tickets", "$.tickets", mark="$.updated_at", by_id=True),
        _resource("ticket_types", "$.data", whole=True),
        _resource("admins", "$.admins", whole=True),
        _resource("teams", "$.teams", whole=True),
        _resource("tags", "$.data", whole=True),
        _resource("segments", "$.segments", whole=True),
        _resource("articles", "$.data", mark="$.updated_at", whole=True, by_id=True),
    )
}
# Where one record of a resource that is `by_id` stands, and the field of the list that it is put into.
SINGLE = {
    "contacts": ("/contacts/{id}", "data"),
    "companies": ("/companies/{id}", "data"),
    "conversations": ("/conversations/{id}", "conversations"),
    "tickets": ("/tickets/{id}", "tickets"),
    "articles": ("/articles/{id}", "data"),
}


def rows_of(reply: Reply, field: str, what: str) -> Sequence[dict[str, Any]]:
    """The records of a page, each with an id. Raises UnexpectedData."""
    return identified_in(reply, field, f"intercom {what}")


def total_of(reply: Reply) -> int | None:
    """How many there are in all, where the page says it."""
    total = reply.data.get("total_count")
    return total if isinstance(total, int) else None


def following(reply: Reply, after: str | None, what: str) -> str | None:
    """The cursor of the next page; None on the last one. Raises UnexpectedData when it does not move."""
    found = ((reply.data.get("pages") or {}).get("next") or {}).get("starting_after")
    if found is not None and found == after:
        raise UnexpectedData(f"intercom {what}: the same page came twice; the read was stopped.")
    return None if found is None else str(found)


def search(http: Transport, what: str, since: int, after: str | None) -> Reply:
    """A page of what changed after `since` (UNIX seconds), oldest change first as far as Intercom sorts."""
    # The cursor counts only inside the body: in the address it is ignored, and page 1 comes for ever.
    pagination: dict[str, str | int] = {"per_page": PAGE}
    if after is not None:
        pagination["starting_after"] = after
    return http.post(
        f"/{what}/search",
        {
            "query": {"field": "updated_at", "operator": ">", "value": since},
            "pagination": pagination,
            "sort": {"field": "updated_at", "order": "ascending"},
        },
    )


def compares_seconds(version: str) -> bool:
    """True where a search of that API version compares seconds; of an unknown version nothing is assumed."""
    found = re.fullmatch(r"(\d+)\.(\d+)", version)
    return found is not None and (int(found[1]), int(found[2])) >= BY_SECONDS


def since_seconds(window: Window, *, exact: bool) -> int:
    """The value for a search's ">" that leaves out nothing of the window; 0 for everything."""
    if window.since is None:
        return 0
    return int(window.since.timestamp()) - 1 if exact else int((window.since - DAYS).timestamp())
