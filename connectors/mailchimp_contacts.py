"""Mailchimp's contacts of an audience by cursor: a beta that also knows people without an e-mail address.

Its records are shaped otherwise than members (channels with a consent each, no rating, no counts), so they
are a resource of their own; members stay what the models are built on.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.errors import NotFound, NotPermitted, UnexpectedData
from connectors.mailchimp_paths import OVERLAP, PAGE, iso
from connectors.pages import Page, Window, cursor_of
from connectors.transport import Transport, identified_in

PATH = "/audiences/{id}/contacts"


def audience_contacts(
    http: Transport, audiences: Sequence[str], window: Window, state: Mapping[str, Any]
) -> Iterator[Page]:
    """Contacts changed in the window, or all, in the order in which they joined, which no change disturbs.

    Where the account is not offered the beta nothing comes.
    """
    first = int(state.get("place", 0))
    cursor = state.get("cursor")
    given = int(state.get("given", 0))
    for place in range(first, len(audiences)):
        while True:
            asked: dict[str, str | int | bool] = {
                "count": PAGE,
                "sort_field": "created_at",
                "sort_dir": "ASC",
                "exclude_fields": "_links,contacts._links",
            }
            if window.since is not None:
                asked["updated_since"] = iso(window.since - OVERLAP)
            if cursor is not None:
                asked["cursor"] = cursor
            try:
                reply = http.get(PATH, asked, parts={"id": audiences[place]})
            except (NotFound, NotPermitted):
                if place == 0 and cursor is None:
                    return
                raise
            rows = identified_in(reply, "contacts", "mailchimp audience contacts")
            following = reply.data.get("next_cursor") or None
            given += len(rows)
            if rows and following is not None and following == cursor:
                raise UnexpectedData(
                    "mailchimp audience contacts: the same page came twice; the read was stopped."
                )
            # The cursor points at the page's last record, so it is there even when nothing follows.
            is_last_of_audience = not rows or following is None
            cursor = None if is_last_of_audience else following
            is_last = is_last_of_audience and place + 1 == len(audiences)
            onward = {"place": place + int(is_last_of_audience), "cursor": cursor, "given": given}
            yield Page(
                reply.body,
                len(rows),
                None if is_last else cursor_of(onward),
                given=given if is_last else None,
            )
            if is_last_of_audience:
                break


def check_offered(http: Transport, audience: str) -> None:
    """Raises NotPermitted where the beta is not offered (any more): nothing of it must then pass for gone."""
    try:
        http.get(PATH, {"count": 1, "fields": "contacts.id"}, parts={"id": audience})
    except (NotFound, NotPermitted):
        raise NotPermitted(
            "mailchimp: GET /audiences/{id}/contacts (beta) is not offered to this account any more; what "
            "was read of it stays, and members are read as before."
        ) from None
