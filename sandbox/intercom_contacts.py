"""Reading Intercom's contacts: lists, search, and what belongs to one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox import intercom_answers as show
from sandbox.intercom_answers import Refused
from sandbox.intercom_paging import number, numbered, version
from sandbox.intercom_records import Contact, IntercomRecords
from sandbox.intercom_search import Field, Rules, Slice, pages
from sandbox.intercom_workspace import SEGMENTS, segment
from sandbox.messages import Answer, Request, said

if TYPE_CHECKING:
    from sandbox.intercom import IntercomServer

EXACT_DATES_FROM = (2, 17)
FIELDS = {
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


def add_routes(server: IntercomServer) -> None:
    """Register the endpoints."""
    contacts = Contacts(server)
    add = server.routes.add
    add("GET", "/contacts", contacts.listed)
    add("POST", "/contacts/search", contacts.searched)
    add("GET", "/contacts/{id}", contacts.read)
    add("GET", "/contacts/find_by_external_id/{id}", contacts.by_external_id)
    add("GET", "/contacts/{id}/companies", contacts.companies)
    add("GET", "/contacts/{id}/tags", contacts.tags)
    add("GET", "/contacts/{id}/notes", contacts.notes)
    add("GET", "/contacts/{id}/segments", contacts.segments)
    add("GET", "/contacts/{id}/merge_history", contacts.merge_history)


class Contacts:
    """The handlers."""

    def __init__(self, server: IntercomServer) -> None:
        self.server = server

    @property
    def _records(self) -> IntercomRecords:
        return self.server.records

    def _living(self) -> list[Contact]:
        return [each for each in self._records.contacts.values() if not each.archived]

    def listed(self, request: Request) -> Answer:
        """A page of contacts, the last made first."""
        return self._page(*self.server.listed(request, "contacts", self._living, 50, "created_at"))

    def searched(self, request: Request) -> Answer:
        """A page of matches; until 2.16 dates are days of the workspace, from 2.17 on instants."""
        exact = version(request) >= EXACT_DATES_FROM
        rules = Rules(by_day=not exact, more_operators=exact)
        sortable = ("created_at", "updated_at", "name")
        return self._page(
            *self.server.searched("contacts", request.object(), FIELDS, rules, sortable, "created_at")
        )

    def _page(self, found: Slice, size: int, total: int) -> Answer:
        return said(
            {
                "type": "list",
                "data": [show.contact(self._records, each) for each in found.rows],
                "total_count": total,
                "pages": pages(found, size, total),
            }
        )

    def read(self, _request: Request, given: str) -> Answer:
        """One contact; an archived one is not found (github.com/intercom/intercom-ruby/issues/561)."""
        found = self.server.contact(given)
        if found.archived:
            raise Refused(404, "not_found", "User Not Found")
        return said(show.contact(self._records, found))

    def by_external_id(self, _request: Request, given: str) -> Answer:
        """One contact by the id that it has elsewhere."""
        for each in self._living():
            if each.external_id == given:
                return said(show.contact(self._records, each))
        raise Refused(404, "not_found", "User Not Found")

    def companies(self, _request: Request, given: str) -> Answer:
        """The companies of a contact."""
        rows = [show.company(self._records.companies[each]) for each in self.server.contact(given).companies]
        pages = {"type": "pages", "page": 1, "per_page": 50, "total_pages": 1, "next": None}
        return said(
            {"type": "list", "companies": rows, "data": rows, "total_count": len(rows), "pages": pages}
        )

    def tags(self, _request: Request, given: str) -> Answer:
        """The tags of a contact."""
        tags = self.server.contact(given).tags
        rows = [{"type": "tag", "id": each, "name": self._records.tags[each]} for each in tags]
        return said({"type": "list", "data": rows})

    def notes(self, request: Request, given: str) -> Answer:
        """A page of the contact's notes, the last one first."""
        notes = self.server.contact(given).notes[::-1]
        size, place = number(request.param("per_page"), 50, 150), number(request.param("page"), 1)
        page = notes[(place - 1) * size : place * size]
        return said({"type": "list", "data": page, **numbered(place, size, len(notes))})

    def segments(self, _request: Request, given: str) -> Answer:
        """The segments that the contact belongs to."""
        one = self.server.contact(given)
        rows = [segment(self._records, each, count=False) for each in SEGMENTS if each.holds(one)]
        return said({"type": "list", "data": rows})

    def merge_history(self, _request: Request, given: str) -> Answer:
        """Which contacts were merged into this one."""
        merged = self.server.contact(given).merged
        return said({"type": "list", "data": merged, "next_cursor": None, "has_more": False})
