"""Intercom's server: who may ask, how often, which version, and the small lists.

Contacts, companies, conversations, tickets and writes are in modules of their own.
"""

from collections.abc import Callable, Iterable
from typing import Any

import orjson

from sandbox import (
    intercom_companies,
    intercom_contacts,
    intercom_conversations,
    intercom_replies,
    intercom_search,
    intercom_tickets,
    intercom_workspace,
    intercom_writes,
)
from sandbox.intercom_answers import Refused, problem, request_id
from sandbox.intercom_paging import cursor_of, known_version, number, numbered, version
from sandbox.intercom_records import Contact, Conversation, IntercomRecords, Ticket, as_of, unix
from sandbox.intercom_search import Arranged, BadQuery, Field, Rules, Slice
from sandbox.intercom_team import admins, teams
from sandbox.limits import FixedWindow, Limits, Violations
from sandbox.messages import Answer, BadBody, Request, said
from sandbox.wire import Handler, Routes
from sandbox.world import World

REMEMBERED_SEARCHES = 8


class IntercomServer:
    """One workspace over HTTP."""

    name = "intercom"

    def __init__(
        self,
        world: World,
        token: str,
        limits: Limits,
        violations: Violations,
        wall: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        """`wall` is Unix time for the rate window, `now` counts seconds for the scroll's expiry."""
        self.world, self.token, self.violations, self.now = world, token, violations, now
        self.window = FixedWindow(limits.intercom_per_10s, 10, wall)
        self._searches: dict[object, tuple[object, Arranged]] = {}
        self.routes = Routes()
        add = self.routes.add
        add("GET", "/me", self._me)
        add("GET", "/admins", self._admins)
        add("GET", "/admins/{id}", self._admin)
        add("GET", "/teams", self._teams)
        add("GET", "/teams/{id}", self._team)
        add("GET", "/tags", self._tags)
        add("GET", "/tags/{id}", self._tag)
        add("GET", "/segments", self._segments)
        add("GET", "/segments/{id}", self._segment)
        add("GET", "/articles", self._articles)
        add("GET", "/articles/{id}", self._article)
        intercom_contacts.add_routes(self)
        intercom_companies.add_routes(self)
        intercom_conversations.add_routes(self)
        intercom_tickets.add_routes(self)
        intercom_writes.add_routes(self)
        intercom_replies.add_routes(self)

    @property
    def records(self) -> IntercomRecords:
        """The workspace's content."""
        return self.world.intercom

    # The door.

    def turn_away(self, request: Request, _connections: int) -> Answer | None:
        """401, 400 for a version that there is not, or 429; else None."""
        self.violations.requests[self.name] += 1
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return self.refusal(request, 401)
        if not self.window.admit():
            self.violations.exceeded[self.name, "ten_secondly"] += 1
            return self._dressed(request, self.refusal(request, 429))
        if known_version(request) is None:
            return self._dressed(
                request, problem(400, "intercom_version_invalid", "The requested version could not be found")
            )
        return None

    def refusal(self, _request: Request, status: int) -> Answer:
        """Intercom's body for this status."""
        words = {
            401: ("unauthorized", "Access Token Invalid"),
            403: ("api_plan_restricted", "Active subscription needed."),
            404: ("not_found", "Resource Not Found"),
            429: (
                "rate_limit_exceeded",
                f"Exceeded rate limit of {self.window.limit} in 10_seconds",
            ),
        }
        code, message = words.get(status, ("server_error", "Something went wrong on our side"))
        return problem(status, code, message)

    def handle(self, request: Request) -> Answer:
        """The answer with its rate headers."""
        found = self.routes.find(request.method, request.segments)
        try:
            answer = self._routed(request, found)
        except Refused as refused:
            answer = refused.answer
        except BadQuery as bad:
            answer = problem(400, bad.code, str(bad))
        except BadBody:
            answer = problem(400, "bad_request", "The request body is not valid JSON")
        return self._dressed(request, answer)

    def _routed(self, request: Request, found: tuple[Handler, list[str]] | None) -> Answer:
        if found is None:
            if self.routes.knows(request.segments):
                raise Refused(405, "method_not_allowed", "Method Not Allowed")
            raise Refused(404, "not_found", "The requested resource was not found")
        handler, parts = found
        return handler(request, *parts)

    def _dressed(self, request: Request, answer: Answer) -> Answer:
        answer.headers += [
            (b"x-ratelimit-limit", b"%d" % self.window.limit),
            (b"x-ratelimit-remaining", b"%d" % self.window.remaining),
            (b"x-ratelimit-reset", b"%d" % self.window.resets_at),
            (b"intercom-version", b"%d.%d" % version(request)),
            (b"x-request-id", request_id().encode()),
        ]
        return answer

    # What every list and search needs.

    def contact(self, given: str) -> Contact:
        """The contact of that id. Raises Refused; one merged away is not found."""
        found = self.records.contacts.get(given)
        if found is None:
            raise Refused(404, "not_found", "User Not Found")
        return found

    def conversation(self, given: str) -> Conversation:
        """The conversation of that id. Raises Refused."""
        found = self.records.conversations.get(int(given)) if given.isdigit() else None
        if found is None:
            raise Refused(404, "not_found", "Resource Not Found")
        return found

    def searched(
        self,
        what: str,
        body: dict[str, Any],
        fields: dict[str, Field],
        rules: Rules,
        sortable: tuple[str, ...],
        default: str,
    ) -> tuple[Slice, int, int]:
        """A page of matches as the index knows them, its size, and how many there are in all."""
        test = intercom_search.condition(body.get("query"), fields, rules)
        size, cursor = cursor_of(body)
        field, descending = intercom_search.sort_of(body.get("sort"), sortable, default)
        mark = (what, orjson.dumps(body.get("query")), field, rules)
        found = self._arranged(mark, lambda: filter(test, self._indexed(what)), field)
        return intercom_search.page(found, size, cursor, descending=descending), size, len(found.rows)

    def listed(
        self, request: Request, what: str, rows: Callable[[], Iterable[Any]], default: int, field: str
    ) -> tuple[Slice, int, int]:
        """A page of a list that begins with the latest, its size, and how many there are in all."""
        size = number(request.param("per_page"), default, 150)
        found = self._arranged(("list", what), rows, field)
        cursor = request.param("starting_after") or None
        return intercom_search.page(found, size, cursor, descending=True), size, len(found.rows)

    def _arranged(self, mark: object, rows: Callable[[], Iterable[Any]], field: str) -> Arranged:
        # A client pages through one search: keep its matches while nothing changes.
        state = (self.records.version, self._lag(), self.world.clock)
        known = self._searches.get(mark)
        if known is not None and known[0] == state:
            return known[1]
        found = intercom_search.arranged(rows(), _KEYS[field])
        if len(self._searches) >= REMEMBERED_SEARCHES:
            self._searches.clear()
        self._searches[mark] = (state, found)
        return found

    def _lag(self) -> int:
        return int(self.world.faults.setting("search_lag_seconds", self.name))

    def _indexed(self, what: str) -> Iterable[Any]:
        """The contacts, conversations or tickets that a search sees, in the state that its index has."""
        records: dict[Any, Any] = getattr(self.records, what)
        lag = self._lag()
        found: Iterable[Any] = records.values()
        if lag:
            moment = unix(self.world.clock) - lag
            kind = {"contacts": Contact, "conversations": Conversation, "tickets": Ticket}[what]
            gone = [each for at, each in self.records.gone if at > moment and isinstance(each, kind)]
            found = as_of([*found, *gone], moment)
        return (each for each in found if not each.archived) if what == "contacts" else found

    # Who works there, and small lists.

    def _me(self, _request: Request) -> Answer:
        return said(intercom_workspace.me(admins(self.world.clock), self.world.plan.seed))

    def _admins(self, _request: Request) -> Answer:
        return said({"type": "admin.list", "admins": admins(self.world.clock)})

    def _admin(self, _request: Request, given: str) -> Answer:
        return said(_one(admins(self.world.clock), given, "Admin"))

    def _teams(self, _request: Request) -> Answer:
        return said({"type": "team.list", "teams": teams(self.world.clock)})

    def _team(self, _request: Request, given: str) -> Answer:
        return said(_one(teams(self.world.clock), given, "Team"))

    def _tags(self, _request: Request) -> Answer:
        rows = [{"type": "tag", "id": number, "name": name} for number, name in self.records.tags.items()]
        return said({"type": "list", "data": rows})

    def _tag(self, _request: Request, given: str) -> Answer:
        if given not in self.records.tags:
            raise Refused(404, "tag_not_found", "Resource Not Found")
        return said({"type": "tag", "id": given, "name": self.records.tags[given]})

    def _segments(self, request: Request) -> Answer:
        count = request.param("include_count").lower() == "true"
        rows = [
            intercom_workspace.segment(self.records, each, count=count)
            for each in intercom_workspace.SEGMENTS
        ]
        return said({"type": "segment.list", "segments": rows})

    def _segment(self, _request: Request, given: str) -> Answer:
        rows = [
            intercom_workspace.segment(self.records, each, count=False)
            for each in intercom_workspace.SEGMENTS
        ]
        return said(_one(rows, given, "Segment"))

    def _articles(self, request: Request) -> Answer:
        size = number(request.param("per_page"), 50, 150)
        place = number(request.param("page"), 1)
        rows = intercom_workspace.articles(self.world.clock)
        page = rows[(place - 1) * size : place * size]
        return said({**numbered(place, size, len(rows)), "type": "list", "data": page})

    def _article(self, _request: Request, given: str) -> Answer:
        return said(_one(intercom_workspace.articles(self.world.clock), given, "Article"))


_KEYS: dict[str, Callable[[Any], tuple[int, str]]] = {
    "created_at": lambda one: (one.created, str(one.id)),
    "updated_at": lambda one: (one.updated, str(one.id)),
    "waiting_since": lambda one: (one.waiting_since or 0, str(one.id)),
    "name": lambda one: (one.created, str(one.id)),
}


def _one(rows: list[dict[str, Any]], given: str, what: str) -> dict[str, Any]:
    for row in rows:
        if row["id"] == given:
            return row
    raise Refused(404, f"{what.lower()}_not_found", f"{what} Not Found")
