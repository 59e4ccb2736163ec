"""The shapes every connector shares: what it reads, in which window, and the pages that come out."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

import orjson

from connectors.transport import Policy
from settings import Settings

ProbeStatus = Literal["ok", "unreachable", "not_permitted", "error"]


@dataclass(frozen=True, slots=True)
class Resource:
    """One kind of record at one vendor.

    `records` is the JSON path of the record array inside a body ("$" = the body is the one record), `key`
    the JSON path of the identity inside a record (several joined with "+"), `volatile` the paths that do
    not count as a change. The raw table is `raw.<source>_<name>`.

    `mark` is the path of the vendor's own change time inside a record; its text must sort like the times it
    means (ISO 8601 in UTC, or UNIX seconds). A record with an older mark than the one known never becomes
    the current one: an index that lags tells old news late.

    An association stream has a `parent`: it reads the ids of that resource's changed records.

    `whole` says that each read brings everything there is; of the others a sweep does (a read without
    `since`). What neither brings any more is gone, unless it `remains`: a click happened, whether or not its
    campaign is still listed. `by_id` says that `read_ids` can ask for single records.

    `unsettled` is (path, values): records that hold one of these values are asked again at each sweep
    though their mark did not move.
    """

    source: str
    name: str
    records: str
    key: str
    volatile: tuple[str, ...] = ()
    parent: str | None = None
    mark: str | None = None
    whole: bool = False
    remains: bool = False
    by_id: bool = False
    unsettled: tuple[str, tuple[str, ...]] | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """One response body as received, and where to go on after it.

    `cursor` None means that this was the last page. `warning` says in one sentence what the vendor's own
    counts show to be missing; the read is then partial. `total` is the vendor's own count of what this read
    should bring, on the page where that is known, and `given` how many of them came.

    `unchanged` are keys that the vendor lists with the mark under which they are known: they come in no
    page, and are not gone. A read that is resumed says only those of the rest.
    """

    body: bytes
    count: int
    cursor: str | None
    warning: str | None = None
    total: int | None = None
    given: int | None = None
    unchanged: tuple[str, ...] = ()


def cursor_of(state: Mapping[str, Any]) -> str:
    """A connector's place in a read as the opaque text that a Page carries."""
    return orjson.dumps(state).decode()


def state_of(cursor: str | None) -> dict[str, Any]:
    """What `cursor_of` was given; empty at the beginning of a read."""
    state: dict[str, Any] = orjson.loads(cursor) if cursor else {}
    return state


@dataclass(frozen=True, slots=True)
class Window:
    """The closed span of change times to read, aware UTC; `since` None = everything there is (a sweep)."""

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


# Key -> mark of the records that are known and settled: those need not be asked one by one again.
Known = Callable[[], Mapping[str, str]]


def nothing_known() -> Mapping[str, str]:
    """For a read that asks for everything again."""
    return {}


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
        """What it reads, by name, in reading order: parents before their association streams."""
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
        known: Known = nothing_known,
    ) -> Iterator[Page]:
        """Pages of `resource`, going on after the page whose cursor was `resume`.

        `ids` are the parents' changed records, for an association stream.
        """
        ...

    def read_ids(self, resource: str, ids: Sequence[str]) -> Iterator[Page]:
        """These records of a resource that is `by_id`, as they are now (from no index that lags).

        A record that is in no page does not exist any more. Ids are raw keys.
        """
        ...

    def close(self) -> None:
        """Give back connections and files."""
        ...


@dataclass(frozen=True, slots=True)
class Access:
    """What a source's `connect` gets: the settings, and where all processes of this machine share limits."""

    settings: Settings
    limits: Path
    policy: Policy = field(default_factory=Policy)


@dataclass(frozen=True, slots=True)
class Source:
    """What a module of `connectors/` says of itself as SOURCE.

    `connect` gives the connector, or None when there are no credentials; it raises FixConfig for credentials
    that cannot be used. `remedy` tells an operator how to configure it.
    """

    name: str
    resources: Mapping[str, Resource]
    connect: Callable[[Access], Connector | None]
    configured: Callable[[Settings], bool]
    remedy: str
