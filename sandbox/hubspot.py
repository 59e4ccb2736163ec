"""HubSpot's server: who may ask, how often, and the answers to reads.

Writes, associations and what a portal has beside objects are in modules of their own.
"""

import re
from collections.abc import Callable
from itertools import islice
from random import Random
from typing import Any

import orjson

from sandbox import hubspot_links, hubspot_portal, hubspot_search, hubspot_writes
from sandbox.company import local
from sandbox.faults import Faults
from sandbox.hubspot_answers import (
    Refused,
    as_json,
    indexed_json,
    invalid,
    not_found,
    now_text,
    problem,
    shown,
    wanted_properties,
)
from sandbox.hubspot_records import HubSpotRecords, Record, Table
from sandbox.hubspot_schema import ALIASES, SINGULAR
from sandbox.limits import DailyWindow, Limits, RollingWindow, Violations
from sandbox.messages import Answer, BadBody, Request, said
from sandbox.wire import Handler, Routes
from sandbox.world import World

MOST_PER_PAGE = 100
MOST_WITH_HISTORY = 50
MOST_IN_BATCH = 100
LONGEST_ADDRESS = 8_000
ERRORS_INSIDE_200 = "2026-09"  # from this version on, a batch's partial errors come with status 200
_VERSION = re.compile(r"v3|v4|\d{4}-\d{2}")
SCOPES = "https://developers.hubspot.com/scopes"


class HubSpotServer:
    """One portal over HTTP."""

    name = "hubspot"

    def __init__(
        self,
        world: World,
        token: str,
        limits: Limits,
        violations: Violations,
        faults: Faults,
        now: Callable[[], float],
    ) -> None:
        """`now` counts seconds for the rate limits; the company's own time is the world's clock."""
        self.world = world
        self.token = token
        self.faults = faults
        self.violations = violations
        self.ten_secondly = RollingWindow(limits.hubspot_per_10s, 10, now)
        self.searches = RollingWindow(limits.hubspot_searches_per_second, 1, now)
        # The company's day ends at its own midnight, and no day is longer than 24 hours of ours.
        self.daily = DailyWindow(
            limits.hubspot_per_day, lambda: (local(world.clock).date(), int(now() // 86_400))
        )
        self._disorder = Random("hubspot/disorder")
        self._last_search: tuple[object, list[hubspot_search.Found]] | None = None
        self.routes = Routes()
        add = self.routes.add
        objects = "/crm/{v}/objects/{type}"
        add("GET", objects, self._list)
        add("GET", objects + "/{id}", self._read)
        add("POST", objects + "/search", self._search)
        add("POST", objects + "/batch/read", self._batch_read)
        hubspot_portal.add_routes(self)
        hubspot_writes.add_routes(self)
        hubspot_links.add_routes(self)

    @property
    def records(self) -> HubSpotRecords:
        """The portal's content."""
        return self.world.hubspot

    # The door.

    def turn_away(self, request: Request, _connections: int) -> Answer | None:
        """401, 414 or 429, else None. Searches are outside the ten-secondly limit and have their own."""
        self.violations.requests[self.name] += 1
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return self.refusal(request, 401)
        if request.length > LONGEST_ADDRESS:
            return problem(414, "VALIDATION_ERROR", "URI Too Long")
        if not self.daily.admit():
            return self._too_many("daily", "You have reached your daily limit.", "DAILY")
        if _is_search(request):
            if not self.searches.admit():
                return self._too_many("search_secondly", "You have reached your secondly limit.", "SECONDLY")
            return None
        if not self.ten_secondly.admit():
            return self._too_many(
                "ten_secondly", "You have reached your ten_secondly_rolling limit.", "TEN_SECONDLY_ROLLING"
            )
        return None

    def _too_many(self, which: str, message: str, policy: str) -> Answer:
        self.violations.exceeded[self.name, which] += 1
        return problem(429, "RATE_LIMITS", message, errorType="RATE_LIMIT", policyName=policy)

    def refusal(self, request: Request, status: int) -> Answer:
        """HubSpot's body for this status."""
        if status == 401:
            return problem(
                401,
                "INVALID_AUTHENTICATION",
                "Authentication credentials not found. This API supports OAuth 2.0 authentication and you "
                "can find more details at https://developers.hubspot.com/docs/methods/auth/oauth-overview",
            )
        if status == 403:
            scopes = {"context": {"requiredGranularScopes": [_scope(request)]}}
            wanted = {"message": "One or more of the following scopes are required.", **scopes}
            return problem(
                403,
                "MISSING_SCOPES",
                f"This app hasn't been granted all required scopes to make this call. Read more at {SCOPES}.",
                errors=[wanted],
                links={"scopes": SCOPES},
            )
        if status == 429:
            policy = "SECONDLY" if _is_search(request) else "TEN_SECONDLY_ROLLING"
            message = f"You have reached your {policy.lower()} limit."
            return problem(429, "RATE_LIMITS", message, errorType="RATE_LIMIT", policyName=policy)
        if status == 423:
            return problem(423, "LOCKED", "The resource is locked by another operation")
        return problem(status, "INTERNAL_ERROR" if status >= 500 else "VALIDATION_ERROR", "internal error")

    def handle(self, request: Request) -> Answer:
        """The answer, with rate headers except on searches."""
        segments = _normal(request.segments)
        found = self.routes.find(request.method, segments)
        try:
            answer = self._routed(request, segments, found)
        except Refused as refused:
            answer = refused.answer
        except BadBody:
            answer = problem(400, "VALIDATION_ERROR", "Invalid input JSON")
        if not _is_search(request):
            answer.headers += [
                (b"x-hubspot-ratelimit-max", b"%d" % self.ten_secondly.limit),
                (b"x-hubspot-ratelimit-remaining", b"%d" % self.ten_secondly.remaining),
                (b"x-hubspot-ratelimit-interval-milliseconds", b"10000"),
                (b"x-hubspot-ratelimit-daily", b"%d" % self.daily.limit),
                (b"x-hubspot-ratelimit-daily-remaining", b"%d" % self.daily.remaining),
            ]
        return answer

    def _routed(
        self, request: Request, segments: tuple[str, ...], found: tuple[Handler, list[str]] | None
    ) -> Answer:
        if found is None or not _VERSION.fullmatch(segments[1]):
            if self.routes.knows(segments):
                raise Refused(problem(405, "VALIDATION_ERROR", "Method Not Allowed"))
            raise not_found()
        handler, parts = found
        return handler(request, *parts)

    # Objects.

    def table(self, kind: str) -> Table:
        """The table of an object type, by any of its names. Raises Refused."""
        name = ALIASES.get(kind.lower())
        if name is None:
            raise invalid(f"Unable to infer object type from: {kind}")
        return self.records.tables[name]

    def record(self, table: Table, given: object, by: str = "", *, archived: bool = False) -> Record | None:
        """One record by id, or by the unique property `by`; None when there is none like that."""
        text = str(given)
        if by == "email" and table.kind == "contacts":
            found = self.records.by_email.get(text.lower())
        elif by and by not in ("id", "hs_object_id"):
            if by not in table.definitions or not table.definitions[by].unique:
                raise invalid(f"Property {by} is not a unique property of {table.kind}")
            found = next((each for each in table.records.values() if each.properties.get(by) == text), None)
        else:
            found = table.records.get(int(text)) if text.isdigit() else None
        if found is None or (found.archived_at is not None) != archived:
            return None
        return found

    def _list(self, request: Request, _version: str, kind: str) -> Answer:
        table = self.table(kind)
        history = request.words("propertiesWithHistory")
        limit = self.number(request, "limit", 10, MOST_WITH_HISTORY if history else MOST_PER_PAGE)
        after = self.number(request, "after", 0)
        archived = request.param("archived").lower() == "true"
        names = wanted_properties(table, request.words("properties"))
        linked = tuple(self.table(each).kind for each in request.words("associations"))
        rows = list(islice(table.after(after - 1, archived=archived), limit + 1))
        more = len(rows) > limit
        rows = rows[:limit]
        body: dict[str, Any] = {"results": [shown(each, names, linked, history) for each in rows]}
        if more:
            # `after` names the next record itself, or any id up to it.
            following = rows[-1].id + 1
            link = f"https://api.hubapi.com{request.path}?limit={limit}&after={following}"
            body["paging"] = {"next": {"after": str(following), "link": link}}
        return said(body)

    def _read(self, request: Request, _version: str, kind: str, given: str) -> Answer:
        table = self.table(kind)
        archived = request.param("archived").lower() == "true"
        record = self.record(table, given, request.param("idProperty"), archived=archived)
        if record is None:
            raise not_found()
        names = wanted_properties(table, request.words("properties"))
        linked = tuple(self.table(each).kind for each in request.words("associations"))
        return said(as_json(record, names, linked, request.words("propertiesWithHistory")))

    def _search(self, request: Request, _version: str, kind: str) -> Answer:
        table = self.table(kind)
        body = request.object()
        lag = int(self.faults.setting("search_lag_seconds", self.name) * 1000)
        indexed_until = int(self.world.clock.timestamp() * 1000) - lag
        disorder = self._disorder if self.faults.has("disorder", self.name) else None
        try:
            query = hubspot_search.parse(body, len(request.body))
            # A client pages through one search: keep its matches while nothing changes.
            mark = (kind, query.groups and orjson.dumps(query.groups), query.sort, query.words)
            key = (mark, table.version, indexed_until, disorder is not None)
            if self._last_search is None or self._last_search[0] != key or disorder is not None:
                matches = hubspot_search.run(table, query, indexed_until, disorder)
                self._last_search = (key, matches)
            matches = self._last_search[1]
        except hubspot_search.BadSearch as bad:
            raise invalid(str(bad)) from None
        names = wanted_properties(table, query.properties)
        page = matches[query.after : query.after + query.limit]
        answer: dict[str, Any] = {
            "total": len(matches),
            "results": [
                shown(record, names)
                if updated == record.updated and record.archived_at is None
                else indexed_json(record, updated, properties, names)
                for record, updated, properties in page
            ],
        }
        if query.after + query.limit < len(matches) and page:
            answer["paging"] = {"next": {"after": str(query.after + query.limit)}}
        return said(answer)

    def _batch_read(self, request: Request, version: str, kind: str) -> Answer:
        table = self.table(kind)
        body = request.object()
        history = tuple(body.get("propertiesWithHistory") or ())
        inputs = self.inputs(body, MOST_WITH_HISTORY if history else MOST_IN_BATCH)
        archived = request.param("archived").lower() == "true"
        names = wanted_properties(table, tuple(body.get("properties") or ()))
        found, missing = [], []
        for each in dict.fromkeys(str(given.get("id")) for given in inputs):
            record = self.record(table, each, str(body.get("idProperty") or ""), archived=archived)
            if record is None:
                missing.append(each)
            else:
                found.append(shown(record, names, (), history))
        errors = []
        if missing:
            errors.append(
                {
                    "status": "error",
                    "category": "OBJECT_NOT_FOUND",
                    "message": f"Could not get some {SINGULAR[table.kind].upper()} objects, they may be "
                    "deleted or not exist. Check that ids are valid.",
                    "context": {"ids": missing},
                }
            )
        return self.batch(version, found, errors)

    def inputs(self, body: dict[str, Any], most: int = MOST_IN_BATCH) -> list[dict[str, Any]]:
        """The batch's inputs. Raises Refused when there are too many."""
        inputs = body.get("inputs")
        if not isinstance(inputs, list) or not all(isinstance(each, dict) for each in inputs):
            raise invalid("Invalid input JSON: some required fields were not set: [inputs]")
        if len(inputs) > most:
            raise invalid(f"The maximum number of inputs supported in a batch request is {most}.")
        return inputs

    @staticmethod
    def batch(version: str, results: list[Any], errors: list[dict[str, Any]], status: int = 200) -> Answer:
        """A batch's answer; partial errors are a 207 before 2026-09 and inside a 200 from then on."""
        body: dict[str, Any] = {
            "status": "COMPLETE",
            "results": results,
            "startedAt": now_text(),
            "completedAt": now_text(),
        }
        if errors:
            body |= {"numErrors": len(errors), "errors": errors}
            dated = version[0] != "v"
            status = status if dated and version >= ERRORS_INSIDE_200 else 207
        return said(body, status)

    @staticmethod
    def number(request: Request, name: str, default: int, most: int | None = None) -> int:
        """A whole-number parameter. Raises Refused."""
        text = request.param(name)
        if not text:
            return default
        if not text.isdigit() or (most is not None and not 0 < int(text) <= most):
            ceiling = f" between 1 and {most}" if most else ""
            raise invalid(f"Invalid value for parameter {name}: it must be a whole number{ceiling}")
        return int(text)


def _normal(segments: tuple[str, ...]) -> tuple[str, ...]:
    """Dated paths in the legacy order: /crm/objects/2026-09/contacts -> /crm/2026-09/objects/contacts."""
    if len(segments) > 2 and segments[0] == "crm" and not segments[1].startswith("v"):
        return (segments[0], segments[2], segments[1], *segments[3:])
    return segments if len(segments) > 1 else (*segments, "")


def _is_search(request: Request) -> bool:
    return request.method == "POST" and request.segments[-1] == "search"


def _scope(request: Request) -> str:
    words = set(request.segments)
    if "owners" in words:
        return "crm.objects.owners.read"
    kind = next((ALIASES[word] for word in request.segments if word in ALIASES), "contacts")
    reading = request.method == "GET" or request.segments[-1] in ("search", "read")
    if kind == "tickets":
        return "tickets"
    return f"crm.objects.{'contacts' if kind == 'tasks' else kind}.{'read' if reading else 'write'}"
