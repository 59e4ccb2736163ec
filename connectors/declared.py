"""A source in one small file: what it declares here is all that reading it needs (docs/add-a-source.md).

What a declaration cannot mean is said when it is loaded, not in the middle of a read.
"""

import base64
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

from connectors.declared_reader import DeclaredReader
from connectors.errors import FixConfig
from connectors.json_paths import steps
from connectors.limiter import Limit, Limiter
from connectors.pages import Access, Resource, Source, Window
from connectors.paging import NextLink, Paging, Param, Single
from connectors.shared_files import AccountFiles
from connectors.transport import Transport
from settings import Settings

_SOURCE = re.compile(r"[a-z][a-z0-9]*")
_RESOURCE = re.compile(r"[a-z][a-z0-9_]*")
DAY = timedelta(days=1)

# Makes of a token the headers that carry it.
Auth = Callable[[str], Mapping[str, str]]


def header(name: str) -> Auth:
    """The token alone, in a header of that name."""
    return lambda token: {name: token}


def bearer() -> Auth:
    """`Authorization: Bearer TOKEN`."""
    return lambda token: {"Authorization": f"Bearer {token}"}


def basic() -> Auth:
    """Basic authentication; the token in the settings is `user:password` (`key:` where there is one part)."""
    return lambda token: {"Authorization": f"Basic {base64.b64encode(token.encode()).decode()}"}


@dataclass(frozen=True, slots=True)
class Account:
    """Where the vendor says whose token it is: `path`, and in its answer the account's id, name and zone.

    Without `id` the account is the server's name in the base URL: where every account has an address of its
    own, and the vendor tells only the user's id, which is a small number in each of them.
    """

    path: str
    id: str | None = None
    name: str | None = None
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class Since:
    """The parameter that asks for what changed since an instant, and with `until` one that ends the window.

    `style` is how the vendor writes instants. Its day is not ours, so a `date` begins a day early and ends a
    day late. `text` is where the value stands in the parameter's text: in a query, for example.
    """

    param: str
    style: Literal["iso", "unix", "unix_ms", "date"] = "iso"
    until: str | None = None
    text: str = "{}"

    def of(self, window: Window) -> dict[str, Param]:
        """The parameters for a window; none for a sweep."""
        if window.since is None:
            return {}
        asked: dict[str, Param] = {self.param: self._text(window.since, -DAY)}
        if self.until is not None:
            # Whole seconds: what is asked for must not end before the window does.
            asked[self.until] = self._text(window.until + timedelta(seconds=1), DAY)
        return asked

    def _text(self, instant: datetime, slack: timedelta) -> Param:
        value: Param
        if self.style == "iso":
            value = instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        elif self.style == "date":
            value = (instant.astimezone(UTC) + slack).date().isoformat()
        else:
            value = int(instant.timestamp()) * (1000 if self.style == "unix_ms" else 1)
        return value if self.text == "{}" else self.text.replace("{}", str(value))


@dataclass(frozen=True, slots=True)
class ById:
    """Where a single record is: `path` holds `{id}`, `record` is where the record stands in the answer."""

    path: str
    record: str


@dataclass(frozen=True, slots=True)
class Declared:
    """One resource as declared; see `resource`."""

    name: str
    path: str
    records: str
    key: str
    paging: Paging
    since: Since | None
    params: Mapping[str, Param]
    body: Mapping[str, Any] | None
    total: str | None
    by_id: ById | None
    mark: str | None
    volatile: tuple[str, ...]
    remains: bool

    @property
    def method(self) -> str:
        """How the list is asked."""
        return "GET" if self.body is None else "POST"

    def of(self, source: str) -> Resource:
        """What the sync needs to know of it."""
        return Resource(
            source,
            self.name,
            self.records,
            self.key,
            self.volatile,
            mark=self.mark,
            whole=self.since is None,
            remains=self.remains,
            by_id=self.by_id is not None,
        )


def resource(
    name: str,
    path: str,
    *,
    records: str,
    key: str,
    paging: Paging | None = None,
    since: Since | None = None,
    params: Mapping[str, Param] | None = None,
    body: Mapping[str, Any] | None = None,
    total: str | None = None,
    by_id: ById | None = None,
    mark: str | None = None,
    volatile: Sequence[str] = (),
    remains: bool = False,
) -> Declared:
    """A list at `path` under the base URL, whose answers hold the array `records` ("$": one record).

    `key` is the identity inside a record, several paths joined with `+`. Without `since` it is read whole
    each time. `params` are always asked; with `body` it is a POST, and what paging and `since` ask goes into
    that (`a.b` = b inside a). `total` is the vendor's own count of the list, compared with what came. `mark`,
    `volatile` and `remains` are as in `pages.Resource`.
    """
    return Declared(
        name,
        path,
        records,
        key,
        paging or Single(),
        since,
        dict(params or {}),
        body,
        total,
        by_id,
        mark,
        tuple(volatile),
        remains,
    )


@dataclass(frozen=True, slots=True)
class Declaration:
    """A whole source as declared; see `source`."""

    name: str
    api_version: str
    auth: Auth
    limit: tuple[int, float]
    account: Account
    resources: Sequence[Declared]
    base_url: str | None = None
    under: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    forbidden_tries: int = 1

    @property
    def setting(self) -> str:
        """The beginning of the names of its settings."""
        return f"TENFOLD_SOURCES__{self.name.upper()}__"

    @property
    def remedy(self) -> str:
        """What an operator does to configure it."""
        also = "" if self.base_url else f", and {self.setting}BASE_URL to the address of your account's API"
        return f"set {self.setting}TOKEN{also}"

    def is_configured(self, settings: Settings) -> bool:
        """Whether there is a token for it."""
        chosen = settings.sources.get(self.name)
        return chosen is not None and bool(chosen.token)

    def connect(self, access: Access) -> DeclaredReader | None:
        """The account that the settings give access to; None without a token. Raises FixConfig."""
        chosen = access.settings.sources.get(self.name)
        if chosen is None or not chosen.token:
            return None
        given = str(chosen.base_url) if chosen.base_url else self.base_url
        if given is None:
            raise FixConfig(
                f"{self.name}: there is a token and no address; set {self.setting}BASE_URL to the address of "
                "your account's API."
            )
        url = given.rstrip("/")
        url = url if url.endswith(self.under) else url + self.under
        token = chosen.token.get_secret_value()
        permits, seconds = self.limit
        if chosen.requests_per_second is not None:
            permits = max(1, int(chosen.requests_per_second * seconds))
        files = AccountFiles(access.limits, self.name, url, token)
        transport = Transport(
            self.name,
            url,
            headers={**self.headers, **self.auth(token)},
            limiters={"": Limiter(files.path("all"), Limit(self.name, permits, seconds))},
            policy=access.policy,
        )
        return DeclaredReader(self, transport, url)


def source(
    name: str,
    *,
    api_version: str,
    auth: Auth,
    limit: tuple[int, float],
    account: Account,
    resources: Sequence[Declared],
    base_url: str | None = None,
    under: str = "",
    headers: Mapping[str, str] | None = None,
    forbidden_tries: int = 1,
) -> Source:
    """The SOURCE of a module of that name. Raises FixConfig for what cannot be meant.

    `limit` is so many requests in so many seconds, for all processes of the machine together. Without
    `base_url` each account has its own, and the setting is required; `under` is the part of the path that is
    added where it lacks it. `forbidden_tries` is how often something is asked before a 403 is believed: some
    vendors' front servers answer so now and then.
    """
    made = Declaration(
        name, api_version, auth, limit, account, resources, base_url, under, headers or {}, forbidden_tries
    )
    for fault in _faults(made):
        raise FixConfig(f"connectors/{name}.py: {fault}.")
    return Source(
        name=name,
        resources={each.name: each.of(name) for each in resources},
        connect=made.connect,
        configured=made.is_configured,
        remedy=made.remedy,
    )


def _faults(made: Declaration) -> list[str]:
    """What is wrong with a declaration, each as a sentence without its end."""
    found = [] if _SOURCE.fullmatch(made.name) else ["a source is called by small letters and digits"]
    permits, seconds = made.limit
    if permits < 1 or seconds <= 0:
        found.append("limit is (requests, seconds), both above 0")
    if made.base_url is not None and not urlsplit(made.base_url).hostname:
        found.append("base_url is no address")
    found += _no_paths(made.account.id, made.account.name, made.account.zone)
    names = [each.name for each in made.resources]
    found += [f"there are two resources '{name}'" for name in sorted(set(names)) if names.count(name) > 1]
    return found + [f"{each.name}: {fault}" for each in made.resources for fault in _faults_of(each)]


def _faults_of(declared: Declared) -> list[str]:
    found = _no_paths(
        declared.records,
        *declared.key.split("+"),
        declared.total,
        declared.mark,
        *declared.volatile,
        *declared.paging.paths,
    )
    if not _RESOURCE.fullmatch(declared.name):
        found.append("a resource is called by small letters, digits and _")
    if not declared.path.startswith("/"):
        found.append("path begins with /")
    if declared.body is not None and isinstance(declared.paging, NextLink):
        found.append("a list that is asked by POST has no next link")
    by_id = declared.by_id
    if by_id is not None:
        found += _no_paths(by_id.record)
        if "{id}" not in by_id.path:
            found.append("the path of by_id holds {id}")
        if "+" in declared.key:
            found.append("by_id needs a key of one part")
        if "[" in declared.records:
            found.append("by_id needs records at a path of names")
    return found


def _no_paths(*paths: str | None) -> list[str]:
    found = []
    for path in paths:
        try:
            steps(path or "$")
        except ValueError as error:
            found.append(str(error))
    return found
