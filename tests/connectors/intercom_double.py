"""A stand-in for an Intercom workspace, written from the facts: living sets, days for hours, one scroll."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import httpx
import orjson

from connectors.intercom import Intercom
from connectors.pages import Known, Page, Window, nothing_known
from tests.connectors.connector_doubles import NOON, transport_to

FULL = Window(None, NOON)
AT = int(NOON.timestamp())
MOST_PARTS = 500
SCROLL_PAGE = 100


def contact(number: int, at: int = AT) -> dict:
    return {"type": "contact", "id": f"c{number:04}", "updated_at": at}


def conversation(
    number: int, at: int = AT, parts: int = 1, *, counted: int | None = None, state: str = "closed"
) -> dict:
    """A conversation as Intercom keeps it: with all of its parts. `counted` is what its statistics say."""
    return {
        "type": "conversation",
        "id": str(number),
        "updated_at": at,
        "state": state,
        "statistics": None if counted is None else {"count_conversation_parts": counted},
        "parts": [{"type": "conversation_part", "id": str(each)} for each in range(parts)],
    }


def ticket(number: int, at: int = AT, parts: int = 1) -> dict:
    return {
        "type": "ticket",
        "id": str(number),
        "updated_at": at,
        "parts": [{"type": "ticket_part", "id": str(each)} for each in range(parts)],
    }


def company(number: int, people: int = 1) -> dict:
    return {"type": "company", "id": f"k{number:04}", "updated_at": AT, "user_count": people}


class FakeIntercom:
    """One workspace. `listed_parts` is how many parts of a ticket a search shows."""

    def __init__(
        self,
        *,
        contacts: Sequence[dict] = (),
        conversations: Sequence[dict] = (),
        tickets: Sequence[dict] = (),
        companies: Sequence[dict] = (),
        articles: Sequence[dict] = (),
        version: str = "2.16",
        zone: str = "Europe/Madrid",
    ) -> None:
        self.contacts = {each["id"]: each for each in contacts}
        self.conversations = {each["id"]: each for each in conversations}
        self.tickets = {each["id"]: each for each in tickets}
        self.companies = {each["id"]: each for each in companies}
        self.articles = {each["id"]: each for each in articles}
        self.deleted: list[tuple[str, int]] = []
        self.version, self.zone = version, ZoneInfo(zone)
        self.listed_parts = MOST_PARTS
        self.requests: list[httpx.Request] = []
        self.fetched: list[str] = []
        self.at_once = self.most_at_once = 0
        self.on_request: Callable[[httpx.Request], object] = lambda _: None
        self.seconds = 0.0
        self._scroll: tuple[str, int, float] | None = None
        self._scrolls = 0
        self._lock = threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.requests.append(request)
        answer = self.on_request(request)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, httpx.Response):
            return answer
        parts = request.url.path.strip("/").split("/")
        if request.method == "POST" and parts[1:] == ["search"]:
            return self._search(parts[0], orjson.loads(request.content))
        if parts == ["contacts"]:
            return self._contacts(request.url.params)
        if parts == ["conversations", "deleted"]:
            return self._deleted(request.url.params)
        if parts == ["companies", "scroll"]:
            return self._scrolled(request.url.params.get("scroll_param"))
        if parts == ["companies"]:
            with_people = [each for each in self.companies.values() if each["user_count"]]
            return httpx.Response(200, json={"data": [], "total_count": len(with_people)})
        if parts == ["articles"]:
            return self._articles(request.url.params)
        return self._single(*parts)

    # Lists

    def _search(self, what: str, body: dict) -> httpx.Response:
        size, after = body["pagination"]["per_page"], body["pagination"].get("starting_after")
        if size > 150:
            return problem(400, "parameter_invalid")
        assert body["query"]["field"] == "updated_at"
        assert body["query"]["operator"] == ">"
        limit = self._place(body["query"]["value"], what)
        kept = getattr(self, what).values()
        found = sorted(
            (each for each in kept if self._place(each["updated_at"], what) > limit),
            key=lambda each: (each["updated_at"], each["id"]),
        )
        return self._page("data" if what == "contacts" else what, found, size, after, what)

    def _place(self, at: int, what: str) -> int:
        """What a date is to a search: its day in the workspace's zone, or from 2.17 on its second."""
        # The description says it of contacts; for the others nothing is promised.
        if self.version == "2.17" and what in ("contacts", "conversations", "tickets"):
            return at
        return datetime.fromtimestamp(at, UTC).astimezone(self.zone).date().toordinal()

    def _contacts(self, params: httpx.QueryParams) -> httpx.Response:
        size = int(params["per_page"])
        if size > 150:
            return problem(400, "parameter_invalid")
        newest_first = sorted(self.contacts.values(), key=lambda each: each["id"], reverse=True)
        after = params.get("starting_after")
        rest = [each for each in newest_first if after is None or each["id"] < after]
        pages: dict = {"type": "pages"}
        if len(rest) > size:
            pages["next"] = {"starting_after": rest[size - 1]["id"]}
        said = {"data": rest[:size], "total_count": len(newest_first), "pages": pages}
        return httpx.Response(200, json=said)

    def _page(self, field: str, found: list[dict], size: int, after: str | None, what: str) -> httpx.Response:
        # The cursor names the last record, so nothing that moves behind it is lost.
        if after is not None:
            at, _, number = after.partition("|")
            found_after = [each for each in found if (each["updated_at"], each["id"]) > (int(at), number)]
        else:
            found_after = found
        page = found_after[:size]
        pages: dict = {"type": "pages"}
        if len(found_after) > size:
            pages["next"] = {"starting_after": f"{page[-1]['updated_at']}|{page[-1]['id']}"}
        rows = [self._shown(what, each, single=False) for each in page]
        return httpx.Response(200, json={field: rows, "total_count": len(found), "pages": pages})

    def _deleted(self, params: httpx.QueryParams) -> httpx.Response:
        size, number = int(params.get("per_page", 20)), int(params.get("page", 1))
        if size > 60:
            return problem(400, "parameter_invalid")
        newest_first = sorted(self.deleted, key=lambda each: each[1], reverse=True)
        page = [
            {"type": "conversation", "id": one, "metrics_retained": False, "deleted_at": at}
            for one, at in newest_first[(number - 1) * size : number * size]
        ]
        total = -(-len(newest_first) // size)
        said = {"conversations": page, "total_count": len(newest_first), "pages": {"total_pages": total}}
        return httpx.Response(200, json=said)

    def _articles(self, params: httpx.QueryParams) -> httpx.Response:
        size, number = int(params["per_page"]), int(params["page"])
        rows = sorted(self.articles.values(), key=lambda each: each["updated_at"], reverse=True)
        pages = {"page": number, "total_pages": -(-len(rows) // size)}
        page = rows[(number - 1) * size : number * size]
        return httpx.Response(200, json={"data": page, "total_count": len(rows), "pages": pages})

    def _scrolled(self, name: str | None) -> httpx.Response:
        alive = self._scroll is not None and self.seconds - self._scroll[2] < 60
        if name is None:
            if alive:
                return problem(400, "scroll_exists")
            self._scrolls += 1
            self._scroll = (f"s{self._scrolls}", 0, self.seconds)
        elif not alive or self._scroll is None or self._scroll[0] != name:
            return problem(404, "not_found")
        name, place, _ = self._scroll
        rows = list(self.companies.values())[place : place + SCROLL_PAGE]
        self._scroll = (name, place + len(rows), self.seconds) if rows else None
        return httpx.Response(200, json={"data": rows, "scroll_param": name, "total_count": None})

    # Single records

    def _single(self, what: str, number: str) -> httpx.Response:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self.fetched.append(number)
        found = getattr(self, what).get(number)
        with self._lock:
            self.at_once -= 1
        return httpx.Response(200, json=self._shown(what, found)) if found else problem(404, "not_found")

    def _shown(self, what: str, one: dict, *, single: bool = True) -> dict:
        kind = what.removesuffix("s")
        if "parts" not in one:
            return one
        shown = {name: value for name, value in one.items() if name != "parts"}
        if single or kind == "ticket":
            listed = one["parts"][-(MOST_PARTS if single else self.listed_parts) :]
            shown[f"{kind}_parts"] = {f"{kind}_parts": listed, "total_count": len(one["parts"])}
        return shown

    # Reading it

    def connector(self, waits: list[float] | None = None, **options: object) -> Intercom:
        return Intercom(transport_to(self, waits=waits), self.version, **options)

    def read(
        self,
        resource: str,
        window: Window = FULL,
        resume: str | None = None,
        known: Known = nothing_known,
        **options: object,
    ) -> list[Page]:
        return list(self.connector(**options).read(resource, window, resume, known=known))


def problem(status: int, code: str) -> httpx.Response:
    said = {"type": "error.list", "errors": [{"code": code, "message": "no"}]}
    return httpx.Response(status, json=said)


def ids(pages: Sequence[Page], field: str = "data") -> list[str]:
    return [each["id"] for page in pages for each in orjson.loads(page.body)[field]]


def counts(pages: Sequence[Page]) -> tuple[int | None, int | None]:
    """(total, given) of a read, which stand on its last page alone."""
    assert all((page.total, page.given) == (None, None) for page in pages[:-1])
    assert [page.cursor is None for page in pages] == [False] * (len(pages) - 1) + [True]
    return pages[-1].total, pages[-1].given
