"""Reads a source as it is declared: pages out, with the guards that every connector here has."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from connectors.errors import NotFound, NotPermitted, UnexpectedData
from connectors.json_paths import key_at, value_at, wrapped
from connectors.pages import (
    Identity,
    Known,
    Page,
    Probe,
    Window,
    cursor_of,
    nothing_known,
    state_of,
)
from connectors.paging import Asked, Param, Place, Seen
from connectors.probing import TRIES, probe_all
from connectors.transport import Reply, Transport

if TYPE_CHECKING:
    from connectors.declared import Declaration, Declared


PASSES = 3  # so often a list that moves is read, before it is called partial


class DeclaredReader:
    """One account of a declared source."""

    def __init__(self, declaration: "Declaration", transport: Transport, base_url: str) -> None:
        self.source = declaration.name
        self.api_version = declaration.api_version
        self.resources = {each.name: each.of(self.source) for each in declaration.resources}
        self._declaration = declaration
        self._lists = {each.name: each for each in declaration.resources}
        self._http = transport
        self._base_url = base_url

    def identity(self) -> Identity:
        """The account behind the token."""
        account = self._declaration.account
        said = self._call("GET", Asked(account.path)).data
        found = key_at(said, account.id) if account.id else urlsplit(self._base_url).hostname
        if not found:
            raise UnexpectedData(
                f"{self.source}: GET {account.path} tells no account at {account.id}; check the base URL."
            )
        name, zone = (value_at(said, path) if path else None for path in (account.name, account.zone))
        return Identity(
            found, name if isinstance(name, str) else None, zone if isinstance(zone, str) else None
        )

    def probe(self) -> list[Probe]:
        """One check for the token and one per resource."""
        whose = Asked(self._declaration.account.path)
        checks = [("account", partial(self._call, "GET", whose, tries=TRIES))]
        checks += [
            (name.replace("_", " "), partial(self._page, declared, {}, None, few=True, tries=TRIES))
            for name, declared in self._lists.items()
        ]
        return probe_all(checks)

    def read(
        self,
        resource: str,
        window: Window,
        resume: str | None = None,
        *,
        ids: Sequence[str] = (),  # noqa: ARG002 - the seam's; a declared source has no association streams
        known: Known = nothing_known,  # noqa: ARG002 - the seam's; whole records come with each page
    ) -> Iterator[Page]:
        """Pages of `resource`, going on after the page whose cursor was `resume`. Raises ConnectorError.

        A page or a place that comes again, a body without the array, and a record without its key are
        UnexpectedData. A list that moved while its pages were counted off is read again, some times. The last
        page tells the vendor's own count and what came of it.
        """
        declared = self._lists[resource]
        paging = declared.paging
        label = f"{self.source}: {declared.method} {declared.path}"
        changed = declared.since.of(window) if declared.since else {}
        kind = type(paging).__name__
        state = state_of(resume)
        if state.get("paging") != kind:  # declared otherwise since that page: begin again
            state = {}
        place, count = state.get("place"), Count(paging.moving, **state.get("count", {}))
        places: set[bytes] = set()
        before: list[str] = []
        while True:
            if (mark := orjson.dumps(place)) in places:
                raise UnexpectedData(f"{label} leads to the same page twice; the read was stopped.")
            places.add(mark)
            reply = self._page(declared, changed, place)
            rows, keys = _records(reply.data, declared, label)
            overlaps = paging.overlaps and place is not None
            if keys and keys == before and not (overlaps and len(keys) == 1):
                if not paging.moving or count.passes >= PASSES:
                    raise UnexpectedData(f"{label} gave the same page twice; the read was stopped.")
                # So many new records came before these that they stand one page further.
                place, count, places, before = None, count.again(), set(), []
                continue
            before = keys
            total = _total(reply.data, declared, label)
            count.add(keys, total, overlaps=overlaps)
            seen = Seen(reply.data, rows, count.given, total, label, self._base_url, declared.path)
            place = paging.onward(place, seen)
            if place is None:
                if not count.moved or count.passes >= PASSES:
                    warning = self._shortfall(declared, changed, count, label)
                    yield Page(reply.body, len(rows), None, warning, count.total, count.given)
                    return
                count, places, before = count.again(), set(), []
            yield Page(
                reply.body,
                len(rows),
                cursor_of({"paging": kind, "place": place, "count": count.state}),
            )

    def read_ids(self, resource: str, ids: Sequence[str]) -> Iterator[Page]:
        """These records as they are now, each in a body like a list's; one that is gone is in no page."""
        declared = self._lists[resource]
        single = declared.by_id
        if single is None:
            raise NotImplementedError(resource)
        label = f"{self.source}: GET {single.path}"
        for each in ids:
            try:
                reply = self._call("GET", Asked(single.path, {"id": each}))
            except NotFound:
                continue
            record = value_at(reply.data, single.record)
            body = wrapped(record if declared.records == "$" else [record], declared.records)
            _records(body, declared, label)
            yield Page(orjson.dumps(body), 1, None)

    def close(self) -> None:
        """Close connections and the limiter's file."""
        self._http.close()

    def _page(
        self,
        declared: "Declared",
        changed: Mapping[str, Param],
        place: Place,
        *,
        few: bool = False,
        tries: int | None = None,
    ) -> Reply:
        """The page that begins there, or with `few` as little of it as the vendor gives."""
        posted = declared.body is not None
        fixed = {} if posted else declared.params
        asked = declared.paging.at(place, Asked(declared.path, params={**fixed, **changed}))
        if few and declared.paging.size:
            asked = replace(asked, params={**asked.params, declared.paging.size[0]: 1})
        if not posted:
            return self._call("GET", asked, tries=tries)
        body = copy.deepcopy(dict(declared.body or {}))
        for name, value in asked.params.items():
            _put(body, name, value)
        return self._call("POST", replace(asked, params=declared.params), body, tries=tries)

    def _call(self, method: str, asked: Asked, body: object = None, *, tries: int | None = None) -> Reply:
        """The answer; a 403 is believed after as many tries as the vendor's blips need."""
        ask = partial(
            self._http.call,
            method,
            asked.path,
            params=asked.params,
            json=body,
            parts=asked.parts or None,
            tries=tries,
        )
        for attempt in range(self._declaration.forbidden_tries - 1):
            try:
                return ask()
            except NotPermitted:
                self._http.wait(self._http.policy.first_wait * 2.0**attempt)
        return ask()

    def _shortfall(
        self, declared: "Declared", changed: Mapping[str, Param], count: "Count", label: str
    ) -> str | None:
        """What is missing by the vendor's own count, which is asked anew before anybody is alarmed."""
        if count.is_short:
            count.total = _total(self._page(declared, changed, None, few=True).data, declared, label)
        if count.is_short:
            return f"{declared.name}: {self.source} counts {count.total} records and gave {count.given}"
        if count.moved:
            return (
                f"{declared.name}: the list moved each time that it was read page by page, and records may "
                "have been passed over; a later read brings them"
            )
        return None


class Count:
    """The vendor's own count at the beginning of a read, and what came.

    Of a set that moves, each record counts once, and `moved` says that some changed their places: the count
    sank, a record came on two pages, or a page did not begin with the last record of the one before. Another
    record may then have been passed over. A read that was resumed knows the keys of its own pages only.
    """

    def __init__(
        self,
        moving: bool,
        given: int = 0,
        total: int | None = None,
        last: int | None = None,
        moved: bool = False,
        passes: int = 1,
        key: str | None = None,
    ) -> None:
        self.given = given
        self.total = total
        self.moved = moved
        self.passes = passes
        self._last = last
        self._key = key
        self._moving = moving
        self._keys: set[str] = set()

    def add(self, keys: Sequence[str], total: int | None, *, overlaps: bool = False) -> None:
        """Count a page's records; `total` is what the vendor says on it."""
        if self._moving:
            if overlaps:
                self.moved = self.moved or list(keys[:1]) != [self._key]
                keys = keys[1:] if list(keys[:1]) == [self._key] else keys
            new = [key for key in keys if key not in self._keys]
            sank = total is not None and self._last is not None and total < self._last
            self.moved = self.moved or sank or len(new) < len(keys)
            self._keys.update(new)
            self._key = keys[-1] if keys else self._key
            keys = new
        self.given += len(keys)
        self.total = total if self.total is None else self.total
        self._last = total

    def again(self) -> "Count":
        """The count of another pass."""
        return Count(self._moving, passes=self.passes + 1)

    @property
    def is_short(self) -> bool:
        """Whether less came than the vendor counts."""
        return self.total is not None and self.given < self.total

    @property
    def state(self) -> dict[str, Any]:
        """What another process needs to go on counting."""
        return {
            "given": self.given,
            "total": self.total,
            "last": self._last,
            "moved": self.moved,
            "passes": self.passes,
            "key": self._key,
        }


def _records(body: Any, declared: "Declared", label: str) -> tuple[list[Any], list[str]]:
    """The records in a body and their keys. Raises UnexpectedData where the list or a key is missing."""
    found = value_at(body, declared.records)
    rows = [found] if declared.records == "$" else found
    if not isinstance(rows, list):
        raise _changed(label, f"the answer has no list {declared.records}")
    keys = [key for key in (key_at(row, declared.key) for row in rows) if key is not None]
    if len(keys) < len(rows):
        raise _changed(label, f"a record has no {declared.key}")
    return rows, keys


def _total(body: Any, declared: "Declared", label: str) -> int | None:
    """The vendor's count, often a number written as text; None when none is declared."""
    if declared.total is None:
        return None
    found = value_at(body, declared.total)
    if isinstance(found, str) and found.isdecimal():
        return int(found)
    if isinstance(found, bool) or not isinstance(found, int):
        raise _changed(label, f"the answer has no number {declared.total}")
    return found


def _changed(label: str, what: str) -> UnexpectedData:
    return UnexpectedData(f"{label}: {what}; the vendor's format changed.")


def _put(body: Any, name: str, value: Param) -> None:
    """Set a value in a question; `a.b` is b inside a."""
    *parents, leaf = name.split(".")
    for parent in parents:
        body = body[int(parent)] if isinstance(body, list) else body.setdefault(parent, {})
    body[int(leaf) if isinstance(body, list) else leaf] = value
