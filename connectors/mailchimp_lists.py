"""Mailchimp's lists that can only be read by offset, from a set that lives on while it is read.

A row that leaves moves all later ones up, and the first of the next page is never seen. So a list of several
pages is held against its own count, and read again when it moved or came short.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.errors import RetryLater, UnexpectedData
from connectors.mailchimp_paths import Place, identity_of, total_of
from connectors.pages import Page, cursor_of
from connectors.tally import Tally
from connectors.transport import Transport

TURNS = 3  # readings of a list that moves


def in_turn(http: Transport, places: Sequence[Place], state: Mapping[str, Any]) -> Iterator[Page]:
    """Each place read whole, one after the other; the last page tells what there was in all of them."""
    if not places:
        return
    number, offset, turn = (int(state.get(name, 0)) for name in ("place", "offset", "turn"))
    total, given = state.get("sum", (0, 0))
    tally = Tally(places[number].field, "Mailchimp", state)
    while True:
        place = places[number]
        reply = place.page(http, offset)
        rows = place.rows(reply)
        counted = total_of(reply, place.field)
        tally.count((identity_of(row) for row in rows), counted)
        offset += len(rows)
        warning = None
        if rows and offset < counted:
            pass
        elif (tally.short or tally.moved) and turn + 1 < TURNS:
            turn, offset, tally = turn + 1, 0, Tally(place.field, "Mailchimp")
        else:
            warning = tally.warning
            total, given = total + (tally.total or 0), given + tally.given
            number, turn, offset = number + 1, 0, 0
            if number == len(places):
                yield Page(reply.body, len(rows), None, warning, total, given)
                return
            tally = Tally(places[number].field, "Mailchimp")
        onward = {"place": number, "offset": offset, "turn": turn, "sum": (total, given), **tally.state()}
        yield Page(reply.body, len(rows), cursor_of(onward), warning)


def everything(http: Transport, path: str, what: str, *fields: str) -> list[dict[str, Any]]:
    """All records of a list with an `id` and these fields, by id, so that a resumed read finds the same.

    Raises UnexpectedData when a record has no id, and RetryLater when the list did not come whole.
    """
    names = ",".join(["total_items", *(f"{what}.{name}" for name in ("id", *fields))])
    place = Place(path, what, params={"fields": names})
    for _ in range(TURNS):
        found: dict[str, dict[str, Any]] = {}
        tally = Tally(what, "Mailchimp")
        offset, rows = 0, place.rows(reply := place.page(http, 0))
        while True:
            if not all(isinstance(row, dict) and row.get("id") for row in rows):
                raise UnexpectedData(f"mailchimp {what}: a record has no 'id'; the vendor's format changed.")
            found |= {str(row["id"]): row for row in rows}
            counted = total_of(reply, what)
            tally.count((str(row["id"]) for row in rows), counted)
            offset += len(rows)
            if not rows or offset >= counted:
                break
            rows = place.rows(reply := place.page(http, offset))
        if not (tally.short or tally.moved):
            break
    if tally.short:
        raise RetryLater(f"mailchimp {tally.warning}; run it again later.")
    return [found[number] for number in sorted(found)]
