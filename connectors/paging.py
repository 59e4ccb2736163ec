"""How a list is read page by page: each kind knows what to ask for a page, and where the next one begins.

A place is what a page begins at, as plain JSON, so that it can be stored and gone on from; None is the
beginning. Nothing here talks to a vendor.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, ClassVar, Protocol
from urllib.parse import parse_qsl, unquote, urljoin, urlsplit

from connectors.errors import UnexpectedData
from connectors.json_paths import value_at

Place = Any
Param = str | int | bool
Size = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request: the path's template, what fills it, and the parameters."""

    path: str
    parts: Mapping[str, str] = field(default_factory=dict)
    params: Mapping[str, Param] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Seen:
    """A page that came: what the body says, its records, and how many came until now of how many.

    `label` begins an error's text; `base_url` and `path` are where the list is.
    """

    data: Any
    rows: Sequence[Any]
    given: int
    total: int | None
    label: str
    base_url: str
    path: str

    def wrong(self, what: str) -> UnexpectedData:
        """The error for a page that does not lead on as declared."""
        return UnexpectedData(f"{self.label}: {what}; the read was stopped.")


class Paging(Protocol):
    """One kind of paging. `moving` says that a page is found by counting in a set that may move meanwhile."""

    moving: ClassVar[bool]

    @property
    def overlaps(self) -> bool:
        """Whether a page begins with the last record of the one before, which shows that nothing moved."""
        ...

    @property
    def size(self) -> Size | None:
        """The parameter that sets how many records a page has, and the number."""
        ...

    @property
    def paths(self) -> Sequence[str]:
        """The JSON paths that it reads."""
        ...

    def at(self, place: Place, asked: Asked) -> Asked:
        """What to ask for the page that begins there."""
        ...

    def onward(self, place: Place, seen: Seen) -> Place | None:
        """Where the next page begins; None after the last. Raises UnexpectedData."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sized:
    moving: ClassVar[bool] = False
    size: Size | None = None

    @property
    def overlaps(self) -> bool:
        """No, unless the kind says so."""
        return False

    @property
    def paths(self) -> Sequence[str]:
        """None, unless the kind says so."""
        return ()

    def _with(self, asked: Asked, /, **more: Param) -> Asked:
        size = dict([self.size]) if self.size else {}
        return Asked(asked.path, asked.parts, {**asked.params, **size, **more})


@dataclass(frozen=True, slots=True, kw_only=True)
class Single(_Sized):
    """One answer that holds everything."""

    def at(self, place: Place, asked: Asked) -> Asked:  # noqa: ARG002 - there is one place only
        """The list as it is."""
        return self._with(asked)

    def onward(self, place: Place, seen: Seen) -> Place | None:  # noqa: ARG002 - same
        """Nowhere."""
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cursor(_Sized):
    """The body says at `path` what to give as the parameter `param` for the next page."""

    path: str
    param: str

    @property
    def paths(self) -> Sequence[str]:
        """Where it reads on."""
        return (self.path,)

    def at(self, place: Place, asked: Asked) -> Asked:
        """The list, from the cursor on."""
        return self._with(asked, **({} if place is None else {self.param: place}))

    def onward(self, place: Place, seen: Seen) -> Place | None:  # noqa: ARG002 - the body says it
        """The cursor of the body; a page without records may have one too."""
        found = value_at(seen.data, self.path)
        if found in (None, "", False):
            return None
        if isinstance(found, str | int):
            return found
        raise seen.wrong(f"the cursor at {self.path} is neither text nor a number")


@dataclass(frozen=True, slots=True, kw_only=True)
class NextLink(_Sized):
    """The body holds at `path` the address of the next page: the list's own, or one below it."""

    path: str

    @property
    def paths(self) -> Sequence[str]:
        """Where it reads on."""
        return (self.path,)

    def at(self, place: Place, asked: Asked) -> Asked:
        """The list, or what the link says in its stead."""
        if place is None:
            return self._with(asked)
        # Named, so that an error tells the template and not what stood in the link.
        parts = {f"next{number}": each for number, each in enumerate(place["below"], 1)}
        path = asked.path + "".join(f"/{{{name}}}" for name in parts)
        return Asked(path, {**asked.parts, **parts}, place["params"])

    def onward(self, place: Place, seen: Seen) -> Place | None:  # noqa: ARG002 - the body says it
        """What the link says, when it leads to the same server and list; it is never followed elsewhere."""
        found = value_at(seen.data, self.path)
        if found in (None, "", False):
            return None
        if not isinstance(found, str):
            raise seen.wrong(f"the link at {self.path} is no text")
        here = f"{seen.base_url}{seen.path}"
        try:
            link, own = urlsplit(urljoin(here, found)), urlsplit(here)
            same = _server(link) == _server(own) and link.username is None
        except ValueError:
            same = False
        below = [unquote(each) for each in link.path.removeprefix(own.path).split("/")[1:]] if same else []
        if not same or not f"{link.path}/".startswith(f"{own.path}/") or {"", ".", ".."} & set(below):
            raise seen.wrong(f"the link at {self.path} leads to another place than this list")
        query = parse_qsl(link.query, keep_blank_values=True)
        if len(dict(query)) < len(query):
            raise seen.wrong(f"the link at {self.path} names a parameter twice")
        return {"below": below, "params": dict(query)}


def _server(link: Any) -> tuple[str | None, int | None]:
    # Behind a proxy vendors write http where https was asked: it is asked as before, so nothing is lost.
    return link.hostname, None if link.port in (80, 443) else link.port


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counted(_Sized):
    """By counting. Ends where the vendor's total is reached, and without one at a page without records.

    A page that is not full ends nothing: vendors give smaller ones than were asked for.
    """

    moving: ClassVar[bool] = True
    param: str

    def _ends(self, seen: Seen) -> bool:
        return not seen.rows or (seen.total is not None and seen.given >= seen.total)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageNumber(_Counted):
    """Page by page, from the number `first`."""

    first: int = 1

    def at(self, place: Place, asked: Asked) -> Asked:
        """The page of that number."""
        return self._with(asked, **{self.param: self.first if place is None else place})

    def onward(self, place: Place, seen: Seen) -> Place | None:
        """The next number."""
        return None if self._ends(seen) else (self.first if place is None else place) + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Offset(_Counted):
    """After so many records; with one of them again, unless the vendor only takes multiples of the size."""

    overlap: bool = True

    @property
    def overlaps(self) -> bool:
        """As declared."""
        return self.overlap

    def at(self, place: Place, asked: Asked) -> Asked:
        """What follows after that many records."""
        return self._with(asked, **{self.param: self._start(place)})

    def onward(self, place: Place, seen: Seen) -> Place | None:
        """As many further as came."""
        nothing_new = place is not None and self.overlap and len(seen.rows) <= 1
        return None if nothing_new or self._ends(seen) else self._start(place) + len(seen.rows)

    def _start(self, place: Place) -> int:
        return 0 if place is None else int(place) - self.overlap


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyset(_Sized):
    """Records above the last one, by a value that only rises: the one kind that no change can disturb.

    `by` is its path in a record, `param` asks for what is above it, `order` holds the parameters that sort
    by it.
    """

    param: str
    by: str
    order: Mapping[str, Param]

    @property
    def paths(self) -> Sequence[str]:
        """Where it reads on."""
        return (self.by,)

    def at(self, place: Place, asked: Asked) -> Asked:
        """What is above the place, in order."""
        return self._with(asked, **self.order, **({} if place is None else {self.param: place}))

    def onward(self, place: Place, seen: Seen) -> Place | None:
        """The last record's value; the end is where nothing is above it."""
        values = [value_at(row, self.by) for row in seen.rows]
        if not values:
            return None
        try:
            ranks = _ranks(values if place is None else [place, *values])
        except TypeError:
            raise seen.wrong(f"{self.by} is not everywhere the same kind of text or number") from None
        if not all(low < high for low, high in pairwise(ranks)):
            raise seen.wrong(f"records do not come in rising order of {self.by}")
        return values[-1]


def _ranks(values: Sequence[Any]) -> Sequence[Any]:
    """What sorts as the vendor sorts these: ids are often numbers written as text. Raises TypeError."""
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return values
    if not all(isinstance(value, str) and value for value in values):
        raise TypeError
    return [int(value) for value in values] if all(value.isdecimal() for value in values) else values
