"""Intercom: pages of contacts, companies, conversations with their parts, and the workspace's lists.

Times in Intercom are UNIX seconds, ids are kept as text. Parts come only with one call per conversation.
"""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from itertools import islice
from typing import Any

from connectors.errors import NotFound, Refused, RetryLater, UnexpectedData
from connectors.intercom_write import IntercomWrites
from connectors.limiter import Limit, Limiter
from connectors.pages import (
    Access,
    Identity,
    Known,
    Page,
    Probe,
    Resource,
    Source,
    Window,
    cursor_of,
    nothing_known,
    state_of,
)
from connectors.probing import TRIES, probe_all
from connectors.transport import Reply, Transport, identified_in

PAGE = 150  # Intercom's maximum
# Up to 2.16 a search compares whole days of the workspace's time zone, and ">" begins with the next day.
OVERLAP = timedelta(days=2)
PARALLEL = 8  # conversations fetched at once; the rate limit decides how fast
GROUP = 40  # conversations in flight together: what a kill can lose
SCROLL_IDLE = 60.0  # seconds after which Intercom forgets an abandoned scroll
SCROLL_STARTS = 3


def _resource(name: str, records: str) -> Resource:
    return Resource("intercom", name, records, "$.id")


RESOURCES: dict[str, Resource] = {
    resource.name: resource
    for resource in (
        _resource("contacts", "$.data"),
        _resource("companies", "$.data"),
        _resource("conversations", "$"),
        _resource("admins", "$.admins"),
        _resource("teams", "$.teams"),
        _resource("tags", "$.data"),
        _resource("articles", "$.data"),
    )
}
WHOLE_LISTS = {"admins": "admins", "teams": "teams", "tags": "data"}


class Intercom:
    """One workspace, in the API version that the transport's headers name."""

    source = "intercom"
    resources = RESOURCES

    def __init__(self, transport: Transport, api_version: str = "") -> None:
        self._http = transport
        self.api_version = api_version

    @property
    def writes(self) -> IntercomWrites:
        """The same workspace, to write into."""
        return IntercomWrites(self._http)

    def identity(self) -> Identity:
        """The workspace behind the token."""
        app = self._http.get("/me").data.get("app")
        if not isinstance(app, dict) or not app.get("id_code"):
            raise UnexpectedData("intercom: /me names no workspace (app.id_code); check the token's kind.")
        return Identity(str(app["id_code"]), app.get("name"), app.get("timezone"))

    def probe(self) -> list[Probe]:
        """One check per right that reading needs."""
        get = partial(self._http.get, tries=TRIES)
        return probe_all(
            [
                ("workspace", partial(get, "/me")),
                ("contacts", partial(get, "/contacts", {"per_page": 1})),
                ("companies", partial(get, "/companies", {"per_page": 1})),
                ("conversations", partial(get, "/conversations", {"per_page": 1})),
                *((name, partial(get, f"/{name}")) for name in WHOLE_LISTS),
                ("articles", partial(get, "/articles", {"per_page": 1})),
            ]
        )

    def read(
        self,
        resource: str,
        window: Window,
        resume: str | None = None,
        *,
        ids: Sequence[str] = (),  # noqa: ARG002 - the seam's; Intercom has no association streams
        known: Known = nothing_known,  # noqa: ARG002 - not used yet
    ) -> Iterator[Page]:
        """Pages of `resource`, going on after the page whose cursor was `resume`. Raises ConnectorError.

        A page of `conversations` is one conversation with its parts.
        """
        state = state_of(resume)
        if resource == "contacts":
            yield from self._contacts(window, state)
        elif resource == "companies":
            yield from self._companies()
        elif resource == "conversations":
            yield from self._conversations(window, state)
        elif resource == "articles":
            yield from self._articles(state)
        else:
            reply = self._http.get(f"/{resource}")
            yield Page(reply.body, len(_rows(reply, WHOLE_LISTS[resource], resource)), None)

    def read_ids(self, resource: str, ids: Sequence[str]) -> Iterator[Page]:
        """No resource is `by_id` yet."""
        raise NotImplementedError

    def close(self) -> None:
        """Close connections and the limiters' files."""
        self._http.close()

    def _contacts(self, window: Window, state: dict[str, Any]) -> Iterator[Page]:
        after, seen = state.get("after"), int(state.get("seen", 0))
        while True:
            if window.since is None:
                listed: dict[str, str | int | bool] = {"per_page": PAGE}
                reply = self._http.get("/contacts", {**listed, "starting_after": after} if after else listed)
            else:
                reply = self._search("contacts", _seconds(window), after)
            count = len(_rows(reply, "data", "contacts"))
            seen += count
            after = _following(reply, after, "contacts")
            if after is None:
                yield Page(reply.body, count, None, _shortfall("contacts", reply, seen))
                return
            yield Page(reply.body, count, cursor_of({"after": after, "seen": seen}))

    def _search(self, what: str, since: int, after: str | None) -> Reply:
        # The cursor counts only inside the body: in the address it is ignored, and page 1 comes for ever.
        pagination: dict[str, str | int] = {"per_page": PAGE}
        if after is not None:
            pagination["starting_after"] = after
        return self._http.post(
            f"/{what}/search",
            {
                "query": {"field": "updated_at", "operator": ">", "value": since},
                "pagination": pagination,
                "sort": {"field": "updated_at", "order": "ascending"},
            },
        )

    def _companies(self) -> Iterator[Page]:
        """One scroll over everything: there is no filter, one scroll at a time, and none can be resumed."""
        for _ in range(SCROLL_STARTS):
            try:
                yield from self._scroll()
            except NotFound:
                continue  # the scroll was forgotten meanwhile; what came so far lands once more, unharmed
            except Refused as error:
                if error.code != "scroll_exists":
                    raise
                self._http.wait(SCROLL_IDLE)
            else:
                return
        raise RetryLater(
            "intercom: GET /companies/scroll is held elsewhere or keeps expiring; run it again later.",
            SCROLL_IDLE,
        )

    def _scroll(self) -> Iterator[Page]:
        scroll: str | None = None
        held: Page | None = None  # only an empty page says that the one before was the last
        while True:
            reply = self._http.get("/companies/scroll", {"scroll_param": scroll} if scroll else None)
            count = len(_rows(reply, "data", "companies"))
            scroll = reply.data.get("scroll_param")
            if held is not None and count:
                yield held
            if not count:
                if held is not None:
                    yield Page(held.body, held.count, None)
                return
            if not scroll:
                yield Page(reply.body, count, None)
                return
            held = Page(reply.body, count, cursor_of({"restart": True}))

    def _conversations(self, window: Window, state: dict[str, Any]) -> Iterator[Page]:
        """Every conversation changed since the window's start, oldest change first, one call each.

        The ids are gathered before the first call and put into an order of our own: Intercom's sorting of
        this search is no promise, and a conversation that changes meanwhile only moves to the end.
        """
        todo, warning = self._changed(_seconds(window))
        done = (int(state["at"]), str(state["id"])) if state else (-1, "")
        rest = iter([each for each in todo if each > done])
        last = todo[-1] if todo else None
        with ThreadPoolExecutor(PARALLEL) as pool:
            while group := list(islice(rest, GROUP)):
                for (at, number), (body, missing) in zip(
                    group, pool.map(self._conversation, [number for _, number in group]), strict=True
                ):
                    if body is None:
                        continue
                    is_last = (at, number) == last
                    yield Page(
                        body,
                        1,
                        None if is_last else cursor_of({"at": at, "id": number}),
                        missing or (warning if is_last else None),
                    )

    def _changed(self, since: int) -> tuple[list[tuple[int, str]], str | None]:
        """(updated_at, id) of each changed conversation, sorted; and what Intercom's count shows missing."""
        found: set[tuple[int, str]] = set()
        after: str | None = None
        while True:
            reply = self._search("conversations", since, after)
            for row in _rows(reply, "conversations", "conversations"):
                found.add((int(row.get("updated_at") or 0), str(row["id"])))
            after = _following(reply, after, "conversations")
            if after is None:
                distinct = len({number for _, number in found})
                return sorted(found), _shortfall("conversations", reply, distinct)

    def _conversation(self, number: str) -> tuple[bytes | None, str | None]:
        """A conversation as received, and a warning when parts are missing; None when it is gone."""
        try:
            reply = self._http.get("/conversations/{id}", parts={"id": number})
        except NotFound:
            return None, None  # deleted between the search and this call
        parts = reply.data.get("conversation_parts")
        listed = parts.get("conversation_parts") if isinstance(parts, dict) else None
        if not reply.data.get("id") or not isinstance(parts, dict) or not isinstance(listed, list):
            raise UnexpectedData(
                "intercom: a conversation came without its parts; the vendor's format changed."
            )
        total = parts.get("total_count")
        if isinstance(total, int) and total > len(listed):
            return (
                reply.body,
                f"conversation {number}: Intercom counts {total} parts and gave {len(listed)} (500 at most)",
            )
        return reply.body, None

    def _articles(self, state: dict[str, Any]) -> Iterator[Page]:
        number = int(state.get("page", 1))
        while True:
            reply = self._http.get("/articles", {"page": number, "per_page": PAGE})
            count = len(_rows(reply, "data", "articles"))
            total = (reply.data.get("pages") or {}).get("total_pages") or 0
            if number >= total or count == 0:
                yield Page(reply.body, count, None)
                return
            number += 1
            yield Page(reply.body, count, cursor_of({"page": number}))


def _rows(reply: Reply, field: str, what: str) -> Sequence[dict[str, Any]]:
    return identified_in(reply, field, f"intercom {what}")


def _following(reply: Reply, after: str | None, what: str) -> str | None:
    following = ((reply.data.get("pages") or {}).get("next") or {}).get("starting_after")
    if following is not None and following == after:
        raise UnexpectedData(f"intercom {what}: the same page came twice; the read was stopped.")
    return None if following is None else str(following)


def _shortfall(what: str, reply: Reply, seen: int) -> str | None:
    total = reply.data.get("total_count")
    if not isinstance(total, int) or seen >= total:
        return None
    return f"{what}: Intercom counts {total} records and gave {seen}"


def _seconds(window: Window) -> int:
    return 0 if window.since is None else int((window.since - OVERLAP).timestamp())


def connect(access: Access) -> Intercom | None:
    """The workspace that the settings give access to; None without a token."""
    chosen = access.settings.intercom
    if chosen.token is None:
        return None
    return Intercom(
        Transport(
            "intercom",
            str(chosen.base_url),
            headers={
                "Authorization": f"Bearer {chosen.token.get_secret_value()}",
                # Without it the app's default version applies, and shapes change under us.
                "Intercom-Version": chosen.version,
            },
            limiters={"": Limiter(access.limits, Limit("intercom", chosen.requests_per_10s, 10.0))},
            policy=access.policy,
        ),
        chosen.version,
    )


SOURCE = Source(
    name="intercom",
    resources=RESOURCES,
    connect=connect,
    configured=lambda settings: settings.intercom.token is not None,
    remedy="set TENFOLD_INTERCOM__TOKEN to the access token of a private app",
)
