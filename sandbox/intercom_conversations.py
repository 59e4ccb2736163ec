"""Reading Intercom's conversations: lists and search without parts, one with them, and the deleted ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox import intercom_answers as show
from sandbox.intercom_answers import Refused
from sandbox.intercom_paging import number
from sandbox.intercom_records import IntercomRecords
from sandbox.intercom_search import Field, Rules, Slice, pages
from sandbox.messages import Answer, Request, said

if TYPE_CHECKING:
    from sandbox.intercom import IntercomServer

FIELDS = {
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


def add_routes(server: IntercomServer) -> None:
    """Register the endpoints."""
    conversations = Conversations(server)
    add = server.routes.add
    add("GET", "/conversations", conversations.listed)
    add("POST", "/conversations/search", conversations.searched)
    add("GET", "/conversations/deleted", conversations.deleted)
    add("GET", "/conversations/{id}", conversations.read)


class Conversations:
    """The handlers."""

    def __init__(self, server: IntercomServer) -> None:
        self.server = server

    @property
    def _records(self) -> IntercomRecords:
        return self.server.records

    def listed(self, request: Request) -> Answer:
        """A page of conversations, the last changed first."""
        rows = self._records.conversations.values
        return self._page(*self.server.listed(request, "conversations", rows, 20, "updated_at"))

    def searched(self, request: Request) -> Answer:
        """A page of matches; "greater" includes the instant itself here, as Intercom says."""
        sortable = ("created_at", "updated_at", "waiting_since")
        rules = Rules(greater_or_equal=True)
        return self._page(
            *self.server.searched("conversations", request.object(), FIELDS, rules, sortable, "updated_at")
        )

    def _page(self, found: Slice, size: int, total: int) -> Answer:
        return said(
            {
                "type": "conversation.list",
                "pages": pages(found, size, total),
                "total_count": total,
                "conversations": [show.conversation(self._records, each) for each in found.rows],
            }
        )

    def read(self, request: Request, given: str) -> Answer:
        """One conversation with its parts."""
        plain = request.param("display_as") == "plaintext"
        return said(show.whole_conversation(self._records, self.server.conversation(given), plain=plain))

    def deleted(self, request: Request) -> Answer:
        """A page of the ids of deleted conversations, the last deleted first unless asked otherwise."""
        if request.headers.get("intercom-version") is None:
            raise Refused(
                400,
                "intercom_version_invalid",
                "Requested resource is not available in current API version.",
            )
        size = number(request.param("per_page"), 20, 60)
        place = number(request.param("page"), 1)
        order = request.param("order", "desc")
        rows = self._records.deleted if order == "asc" else self._records.deleted[::-1]
        page = [
            {"type": "conversation", "id": str(one), "metrics_retained": False, "deleted_at": at}
            for one, at in rows[(place - 1) * size : place * size]
        ]
        total = -(-len(rows) // size)
        following = None
        if place < total:
            query = f"per_page={size}&order={order}&page={place + 1}"
            following = f"https://api.intercom.io/conversations/deleted?{query}"
        pages = {"type": "pages", "next": following, "page": place, "per_page": size, "total_pages": total}
        return said(
            {"type": "conversations.listed", "conversations": page, "total_count": len(rows), "pages": pages}
        )
