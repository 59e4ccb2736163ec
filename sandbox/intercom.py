"""Intercom's server: who may ask, how often, which version, and the answers to reads."""

import re
from collections.abc import Callable
from typing import Any

from sandbox import intercom_answers as show
from sandbox import intercom_search as search
from sandbox import intercom_writes
from sandbox.intercom_answers import Refused, problem, request_id
from sandbox.intercom_records import Contact, Conversation, IntercomRecords, admins, teams
from sandbox.intercom_search import BadQuery, Field, Rules
from sandbox.limits import FixedWindow, Limits, Violations
from sandbox.messages import Answer, BadBody, Request, said
from sandbox.wire import Handler, Routes
from sandbox.world import World

DEFAULT_VERSION = (2, 11)  # of the made-up app, for calls that name none
EXACT_DATES_FROM = (2, 17)
NEWEST = (2, 17)
SCROLL_PAGE = 100
SCROLL_SECONDS = 60.0
COMPANY_CAP = 10_000
_VERSION = re.compile(r"([12])\.(\d{1,2})")

CONTACT_FIELDS = {
    "id": Field(lambda one: one.id),
    "external_id": Field(lambda one: one.external_id),
    "role": Field(lambda one: one.role),
    "email": Field(lambda one: one.email),
    "email_domain": Field(lambda one: one.email.partition("@")[2]),
    "name": Field(lambda one: one.name),
    "phone": Field(lambda one: one.phone),
    "unsubscribed_from_emails": Field(lambda one: one.unsubscribed),
    "has_hard_bounced": Field(lambda one: one.bounced),
    "tag_id": Field(lambda one: one.tags),
    "created_at": Field(lambda one: one.created, is_date=True),
    "updated_at": Field(lambda one: one.updated, is_date=True),
    "signed_up_at": Field(lambda one: one.created, is_date=True),
    "last_replied_at": Field(lambda one: one.last_replied, is_date=True),
}
CONVERSATION_FIELDS = {
    "id": Field(lambda one: str(one.id)),
    "created_at": Field(lambda one: one.created, is_date=True),
    "updated_at": Field(lambda one: one.updated, is_date=True),
    "waiting_since": Field(lambda one: one.waiting_since, is_date=True),
    "snoozed_until": Field(lambda one: one.snoozed_until, is_date=True),
    "state": Field(lambda one: one.state),
    "open": Field(lambda one: one.state != "closed"),
    "read": Field(lambda one: one.read),
    "priority": Field(lambda _: "none"),
    "tag_ids": Field(lambda one: list(one.tags)),
    "contact_ids": Field(lambda one: [one.contact]),
    "admin_assignee_id": Field(lambda one: one.admin),
    "team_assignee_id": Field(lambda one: one.team),
    "source.subject": Field(lambda one: one.subject),
    "source.body": Field(lambda one: one.body),
    "source.author.id": Field(lambda one: one.contact),
    "source.delivered_as": Field(lambda _: "customer_initiated"),
    "conversation_rating.score": Field(lambda one: (one.rating or {}).get("rating")),
    "statistics.count_conversation_parts": Field(lambda one: len(one.parts)),
}


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
        self.world, self.token, self.violations, self._now = world, token, violations, now
        self.window = FixedWindow(limits.intercom_per_10s, 10, wall)
        self._scroll: tuple[str, int, float] | None = None  # its name, place and last use
        self._scrolls = 0
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
        add("GET", "/articles", self._articles)
        add("GET", "/articles/{id}", self._article)
        add("GET", "/contacts", self._contacts)
        add("POST", "/contacts/search", self._search_contacts)
        add("GET", "/contacts/{id}", self._contact)
        add("GET", "/contacts/find_by_external_id/{id}", self._contact_by_external_id)
        add("GET", "/contacts/{id}/companies", self._contact_companies)
        add("GET", "/contacts/{id}/tags", self._contact_tags)
        add("GET", "/contacts/{id}/notes", self._contact_notes)
        add("GET", "/contacts/{id}/merge_history", self._merge_history)
        add("GET", "/companies", self._companies)
        add("POST", "/companies/list", self._companies)
        add("GET", "/companies/scroll", self._scroll_companies)
        add("GET", "/companies/{id}", self._company)
        add("GET", "/companies/{id}/contacts", self._company_contacts)
        add("GET", "/conversations", self._conversations)
        add("POST", "/conversations/search", self._search_conversations)
        add("GET", "/conversations/deleted", self._deleted)
        add("GET", "/conversations/{id}", self._conversation)
        intercom_writes.add_routes(self)

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
        if _version(request) is None:
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
        version = _version(request) or DEFAULT_VERSION
        answer.headers += [
            (b"x-ratelimit-limit", b"%d" % self.window.limit),
            (b"x-ratelimit-remaining", b"%d" % self.window.remaining),
            (b"x-ratelimit-reset", b"%d" % self.window.resets_at),
            (b"intercom-version", b"%d.%d" % version),
            (b"x-request-id", request_id().encode()),
        ]
        return answer

    # Who works there, and small lists.

    def _me(self, _request: Request) -> Answer:
        return said(show.me(admins(self.world.clock), self.world.plan.seed))

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

    def _segments(self, _request: Request) -> Answer:
        return said({"type": "segment.list", "segments": []})

    def _articles(self, request: Request) -> Answer:
        size = _number(request.param("per_page"), 50, 150)
        number = _number(request.param("page"), 1)
        rows = show.articles(self.world.clock)
        page = rows[(number - 1) * size : number * size]
        return said({**_numbered(number, size, len(rows)), "type": "list", "data": page})

    def _article(self, _request: Request, given: str) -> Answer:
        return said(_one(show.articles(self.world.clock), given, "Article"))

    # Contacts.

    def contact(self, given: str) -> Contact:
        """The contact of that id. Raises Refused; one merged away is not found."""
        found = self.records.contacts.get(given)
        if found is None:
            raise Refused(404, "not_found", "User Not Found")
        return found

    def _living(self) -> list[Contact]:
        return [each for each in self.records.contacts.values() if not each.archived]

    def _contacts(self, request: Request) -> Answer:
        size = _number(request.param("per_page"), 50, 150)
        rows = self._living()
        found = search.page(
            rows, _by_creation, size, request.param("starting_after") or None, descending=True
        )
        return self._contact_list(found, size, len(rows))

    def _search_contacts(self, request: Request) -> Answer:
        body = request.object()
        version = _version(request) or DEFAULT_VERSION
        exact = version >= EXACT_DATES_FROM
        rules = Rules(by_day=not exact, more_operators=exact)
        test = search.condition(body.get("query"), CONTACT_FIELDS, rules)
        size, cursor = _paging(body)
        field, descending = search.sort_of(
            body.get("sort"), ("created_at", "updated_at", "name"), "created_at"
        )
        rows = [each for each in self._living() if test(each)]
        key = _by_update if field == "updated_at" else _by_creation
        found = search.page(rows, key, size, cursor, descending=descending)
        return self._contact_list(found, size, len(rows))

    def _contact_list(self, found: search.Slice, size: int, total: int) -> Answer:
        return said(
            {
                "type": "list",
                "data": [show.contact(self.records, each) for each in found.rows],
                "total_count": total,
                "pages": search.pages(found, size, total),
            }
        )

    def _contact(self, _request: Request, given: str) -> Answer:
        return said(show.contact(self.records, self.contact(given)))

    def _contact_by_external_id(self, _request: Request, given: str) -> Answer:
        for each in self._living():
            if each.external_id == given:
                return said(show.contact(self.records, each))
        raise Refused(404, "not_found", "User Not Found")

    def _contact_companies(self, _request: Request, given: str) -> Answer:
        rows = [show.company(self.records.companies[each]) for each in self.contact(given).companies]
        pages = {"type": "pages", "page": 1, "per_page": 50, "total_pages": 1, "next": None}
        return said(
            {"type": "list", "companies": rows, "data": rows, "total_count": len(rows), "pages": pages}
        )

    def _contact_tags(self, _request: Request, given: str) -> Answer:
        tags = self.contact(given).tags
        rows = [{"type": "tag", "id": each, "name": self.records.tags[each]} for each in tags]
        return said({"type": "list", "data": rows})

    def _contact_notes(self, _request: Request, given: str) -> Answer:
        notes = self.contact(given).notes
        pages = {"type": "pages", "page": 1, "per_page": 50, "total_pages": 1, "next": None}
        return said({"type": "list", "data": notes, "total_count": len(notes), "pages": pages})

    def _merge_history(self, _request: Request, given: str) -> Answer:
        merged = self.contact(given).merged
        return said({"type": "list", "data": merged, "next_cursor": None, "has_more": False})

    # Companies.

    def _companies(self, request: Request) -> Answer:
        body = request.object()
        size = _number(request.param("per_page") or str(body.get("per_page", "")), 15, 60)
        number = _number(request.param("page") or str(body.get("page", "")), 1)
        # Companies without people are not listed.
        rows = [each for each in self.records.companies.values() if each.contacts]
        if number * size > COMPANY_CAP:
            raise Refused(400, "page_limit_reached", "Page limit reached; use the scroll API")
        page = rows[(number - 1) * size : number * size]
        answer = _numbered(number, size, len(rows))
        return said({"type": "list", "data": [show.company(each) for each in page], **answer})

    def _scroll_companies(self, request: Request) -> Answer:
        given = request.param("scroll_param")
        alive = self._scroll is not None and self._now() - self._scroll[2] < SCROLL_SECONDS
        if not given:
            if alive:
                raise Refused(400, "scroll_exists", "scroll already exists for this workspace")
            self._scrolls += 1
            self._scroll = (f"69352cd2-{self._scrolls:04d}-4f1e-9c57-1d0c5f0e7a11", 0, self._now())
        if self._scroll is None or (given and (not alive or self._scroll[0] != given)):
            raise Refused(404, "not_found", "scroll parameter not found")
        name, place, _ = self._scroll
        rows = list(self.records.companies.values())[place : place + SCROLL_PAGE]
        # An empty page ends the scroll.
        self._scroll = (name, place + len(rows), self._now()) if rows else None
        return said(
            {
                "type": "list",
                "data": [show.company(each) for each in rows],
                "pages": None,
                "total_count": None,
                "scroll_param": name,
            }
        )

    def _company(self, _request: Request, given: str) -> Answer:
        if given not in self.records.companies:
            raise Refused(404, "company_not_found", "Company Not Found")
        return said(show.company(self.records.companies[given]))

    def _company_contacts(self, _request: Request, given: str) -> Answer:
        company = self.records.companies.get(given)
        if company is None:
            raise Refused(404, "company_not_found", "Company Not Found")
        people = [self.records.contacts[each] for each in company.contacts if each in self.records.contacts]
        rows = [show.contact(self.records, each) for each in people]
        pages = {"type": "pages", "page": 1, "per_page": 50, "total_pages": 1, "next": None}
        return said({"type": "list", "data": rows, "total_count": len(rows), "pages": pages})

    # Conversations.

    def conversation(self, given: str) -> Conversation:
        """The conversation of that id. Raises Refused."""
        found = self.records.conversations.get(int(given)) if given.isdigit() else None
        if found is None:
            raise Refused(404, "not_found", "Resource Not Found")
        return found

    def _conversations(self, request: Request) -> Answer:
        size = _number(request.param("per_page"), 20, 150)
        rows = self.records.conversations.values()
        found = search.page(rows, _by_update, size, request.param("starting_after") or None, descending=True)
        return self._conversation_list(found, size, len(rows))

    def _search_conversations(self, request: Request) -> Answer:
        body = request.object()
        # "Greater" includes the instant itself here, as Intercom says.
        test = search.condition(body.get("query"), CONVERSATION_FIELDS, Rules(greater_or_equal=True))
        size, cursor = _paging(body)
        sortable = ("created_at", "updated_at", "waiting_since")
        field, descending = search.sort_of(body.get("sort"), sortable, "updated_at")
        rows = [each for each in self.records.conversations.values() if test(each)]
        key = {"updated_at": _by_update, "created_at": _by_creation}.get(field, _by_waiting)
        found = search.page(rows, key, size, cursor, descending=descending)
        return self._conversation_list(found, size, len(rows))

    def _conversation_list(self, found: search.Slice, size: int, total: int) -> Answer:
        return said(
            {
                "type": "conversation.list",
                "pages": search.pages(found, size, total),
                "total_count": total,
                "conversations": [show.conversation(self.records, each) for each in found.rows],
            }
        )

    def _conversation(self, request: Request, given: str) -> Answer:
        plain = request.param("display_as") == "plaintext"
        return said(show.whole_conversation(self.records, self.conversation(given), plain=plain))

    def _deleted(self, request: Request) -> Answer:
        if request.headers.get("intercom-version") is None:
            raise Refused(400, "intercom_version_invalid", "The requested version could not be found")
        size = _number(request.param("per_page"), 20, 60)
        number = _number(request.param("page"), 1)
        rows = sorted(
            self.records.deleted, key=lambda each: each[1], reverse=request.param("order", "desc") != "asc"
        )
        page = [
            {"type": "conversation", "id": str(one), "metrics_retained": False, "deleted_at": at}
            for one, at in rows[(number - 1) * size : number * size]
        ]
        total = -(-len(rows) // size)
        following = None
        if number < total:
            following = f"https://api.intercom.io/conversations/deleted?per_page={size}&page={number + 1}"
        pages = {"type": "pages", "next": following, "page": number, "per_page": size, "total_pages": total}
        return said(
            {"type": "conversations.list", "conversations": page, "total_count": len(rows), "pages": pages}
        )


def _version(request: Request) -> tuple[int, int] | None:
    given = request.headers.get("intercom-version")
    if given is None:
        return DEFAULT_VERSION
    if given == "Unstable":
        return NEWEST
    found = _VERSION.fullmatch(given)
    if found is None:
        return None
    version = int(found[1]), int(found[2])
    return version if version <= NEWEST else None


def _by_creation(one: Any) -> tuple[int, str]:
    return one.created, str(one.id)


def _by_update(one: Any) -> tuple[int, str]:
    return one.updated, str(one.id)


def _by_waiting(one: Any) -> tuple[int, str]:
    return one.waiting_since or 0, str(one.id)


def _paging(body: dict[str, Any]) -> tuple[int, str | None]:
    """Page size and cursor, which count in the body only: in the query they do nothing."""
    paging = body.get("pagination") or {}
    if not isinstance(paging, dict):
        raise Refused(400, "parameter_invalid", "pagination must be an object")
    return _number(str(paging.get("per_page", "")), 20, 150), paging.get("starting_after")


def _number(text: str, default: int, most: int | None = None) -> int:
    if text in ("", "None"):
        return default
    if not text.isdigit() or int(text) < 1 or (most is not None and int(text) > most):
        raise Refused(400, "parameter_invalid", f"The page size or number {text} is out of range")
    return int(text)


def _numbered(number: int, size: int, total: int) -> dict[str, Any]:
    pages: dict[str, Any] = {
        "type": "pages",
        "next": None,
        "page": number,
        "per_page": size,
        "total_pages": -(-total // size),
    }
    if number * size < total:
        pages["next"] = {"page": number + 1, "per_page": size}
    return {"pages": pages, "total_count": total}


def _one(rows: list[dict[str, Any]], given: str, what: str) -> dict[str, Any]:
    for row in rows:
        if row["id"] == given:
            return row
    raise Refused(404, f"{what.lower()}_not_found", f"{what} Not Found")
