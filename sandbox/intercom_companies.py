"""Reading Intercom's companies: pages by number up to a cap, and the one scroll of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox import intercom_answers as show
from sandbox.intercom_answers import Refused
from sandbox.intercom_paging import number, numbered
from sandbox.intercom_records import Company, IntercomRecords
from sandbox.messages import Answer, Request, said

if TYPE_CHECKING:
    from sandbox.intercom import IntercomServer

SCROLL_PAGE = 100
SCROLL_SECONDS = 60.0
COMPANY_CAP = 10_000


def add_routes(server: IntercomServer) -> None:
    """Register the endpoints."""
    companies = Companies(server)
    add = server.routes.add
    add("GET", "/companies", companies.listed)
    add("POST", "/companies/list", companies.listed)
    add("GET", "/companies/scroll", companies.scroll)
    add("GET", "/companies/{id}", companies.read)
    add("GET", "/companies/{id}/contacts", companies.contacts)


class Companies:
    """The handlers."""

    def __init__(self, server: IntercomServer) -> None:
        self.server = server
        self._scroll: tuple[str, int, float] | None = None  # its name, place and last use
        self._scrolls = 0

    @property
    def _records(self) -> IntercomRecords:
        return self.server.records

    def listed(self, request: Request) -> Answer:
        """A page of the companies that have people; the others are not listed."""
        body = request.object()
        size = number(request.param("per_page") or str(body.get("per_page", "")), 15, 60)
        place = number(request.param("page") or str(body.get("page", "")), 1)
        rows = [each for each in self._records.companies.values() if each.contacts]
        if place * size > COMPANY_CAP:
            raise Refused(400, "page_limit_reached", "Page limit reached; use the scroll API")
        page = rows[(place - 1) * size : place * size]
        answer = numbered(place, size, len(rows))
        return said({"type": "list", "data": [show.company(each) for each in page], **answer})

    def scroll(self, request: Request) -> Answer:
        """The next hundred companies; one scroll at a time, and opening another is a violation."""
        given, now = request.param("scroll_param"), self.server.now()
        alive = self._scroll is not None and now - self._scroll[2] < SCROLL_SECONDS
        if not given:
            if alive:
                self.server.violations.exceeded[self.server.name, "scroll"] += 1
                raise Refused(400, "scroll_exists", "scroll already exists for this workspace")
            self._scrolls += 1
            self._scroll = (f"69352cd2-{self._scrolls:04d}-4f1e-9c57-1d0c5f0e7a11", 0, now)
        if self._scroll is None or (given and (not alive or self._scroll[0] != given)):
            raise Refused(404, "not_found", "scroll parameter not found")
        name, place, _ = self._scroll
        rows = list(self._records.companies.values())[place : place + SCROLL_PAGE]
        # An empty page ends the scroll.
        self._scroll = (name, place + len(rows), now) if rows else None
        return said(
            {
                "type": "list",
                "data": [show.company(each) for each in rows],
                "pages": None,
                "total_count": None,
                "scroll_param": name,
            }
        )

    def _company(self, given: str) -> Company:
        if given not in self._records.companies:
            raise Refused(404, "company_not_found", "Company Not Found")
        return self._records.companies[given]

    def read(self, _request: Request, given: str) -> Answer:
        """One company."""
        return said(show.company(self._company(given)))

    def contacts(self, _request: Request, given: str) -> Answer:
        """The people of a company."""
        people = self._company(given).contacts
        rows = [
            show.contact(self._records, self._records.contacts[each])
            for each in people
            if each in self._records.contacts
        ]
        pages = {"type": "pages", "page": 1, "per_page": 50, "total_pages": 1, "next": None}
        return said({"type": "list", "data": rows, "total_count": len(rows), "pages": pages})
