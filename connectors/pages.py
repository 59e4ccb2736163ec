"""The shapes every connector shares: what it reads, in which window, and the pages that come out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

import orjson

ProbeStatus = Literal["ok", "unreachable", "not_permitted", "error"]


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of record at one vendor.

    `records` is the JSON path of the record array inside a body ("$" = the body is the one record), `key`
    the JSON path of the identity inside a record (several joined with "+"), `volatile` the paths that do
    not count as a change. The raw table is `raw.<source>_<name>`.

    An association stream has a `parent`: it reads the ids of that resource's changed records.
    """

    source: str
    name: str
    records: str
    key: str
    volatile: tuple[str, ...] = ()
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One response body as received, and where to go on after it.

    `cursor` None means that this was the last page. `warning` says in one sentence what the vendor's own
    counts show to be missing; the read is then partial.
    """

    body: bytes
    count: int
    cursor: str | None
    warning: str | None = None


def cursor_of(state: Mapping[str, Any]) -> str:
    """A connector's place in a read as the opaque text that a Page carries."""
    return orjson.dumps(state).decode()


def state_of(cursor: str | None) -> dict[str, Any]:
    """What `cursor_of` was given; empty at the beginning of a read."""
    state: dict[str, Any] = orjson.loads(cursor) if cursor else {}
    return state


@dataclass(frozen=True, slots=True)
class Window:
    """The closed span of change times to read, aware UTC; `since` None = everything."""

    since: datetime | None
    until: datetime


@dataclass(frozen=True, slots=True)
class Identity:
    """Which account a token belongs to; `zone` is the account's time zone where the vendor tells it."""

    account_id: str
    name: str | None
    zone: str | None


@dataclass(frozen=True, slots=True)
class Probe:
    """What one permission check found, and what to do about it."""

    what: str
    status: ProbeStatus
    detail: str
    remedy: str


class Connector(Protocol):
    """What the sync needs of a vendor."""

    @property
    def source(self) -> str:
        """Its name, as in the raw tables."""
        ...

    @property
    def api_version(self) -> str:
        """The version of the vendor's API that it speaks, for `doctor`."""
        ...

    @property
    def resources(self) -> Mapping[str, Resource]:
        """What it reads, by name, in reading order."""
        ...

    def identity(self) -> Identity:
        """The account behind the token."""
        ...

    def probe(self) -> list[Probe]:
        """One result per permission that reading needs."""
        ...

    def read(
        self,
        resource: str,
        window: Window,
        resume: str | None = None,
        *,
        ids: Sequence[str] = (),
    ) -> Iterator[Page]:
        """Pages of `resource`, going on after the page whose cursor was `resume`."""
        ...

    def close(self) -> None:
        """Give back connections and files."""
        ...
