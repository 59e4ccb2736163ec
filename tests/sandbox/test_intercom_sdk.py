"""Intercom's own Python client, pointed at the sandbox."""

from typing import Any

import pytest
from intercom import (
    AdminReplyConversationRequest,
    Intercom,
    MultipleFilterSearchRequest,
    SingleFilterSearchRequest,
    StartingAfterPaging,
)
from intercom.conversations.types import ConversationsManageRequestBody_Close
from intercom.core.api_error import ApiError
from intercom.errors import UnauthorizedError

from tests.sandbox.worlds import Served


@pytest.fixture(scope="module")
def workspace(served: Served) -> Any:
    said = served.said["intercom"]
    headers = {"Intercom-Version": "2.16"}
    return Intercom(token=said["token"], base_url=said["base_url"], headers=headers)


def test_contacts_are_listed_through_the_pager(workspace: Any) -> None:
    everyone = list(workspace.contacts.list(per_page=20))
    assert len(everyone) > 40
    assert len({each.id for each in everyone}) == len(everyone)
    assert all(each.external_id for each in everyone)


def test_conversations_are_searched_to_the_end_and_read_with_parts(workspace: Any) -> None:
    query = MultipleFilterSearchRequest(
        operator="AND",
        value=[
            SingleFilterSearchRequest(field="created_at", operator=">", value="0"),
            SingleFilterSearchRequest(field="state", operator="=", value="closed"),
        ],
    )
    found: list[Any] = []
    cursor = None
    while len(found) < 45:
        # The client's own pager of searches asks for its first page again and again; cursors have to be carried.
        page = workspace.conversations.search(
            query=query, pagination=StartingAfterPaging(per_page=20, starting_after=cursor)
        )
        found += page.items
        cursor = page.response.pages.next.starting_after
    assert {each.state for each in found} == {"closed"}
    assert len({each.id for each in found}) == len(found)
    whole = workspace.conversations.find(found[0].id)
    parts = whole.conversation_parts
    assert len(parts.conversation_parts) == parts.total_count > 0


def test_admins_teams_tags_companies_and_articles_are_understood(workspace: Any) -> None:
    assert workspace.admins.identify().app.timezone == "Europe/Madrid"
    assert workspace.admins.list().admins
    assert {each.name for each in workspace.teams.list().teams} == {
        "L1 Frontline",
        "L2 Specialists",
        "L3 Experts",
    }
    assert workspace.tags.list().data
    assert workspace.companies.list(per_page=5).items[0].company_id
    assert list(workspace.articles.list())


def test_a_reply_and_a_close_are_kept(workspace: Any) -> None:
    admin = workspace.admins.list().admins[0]
    one = next(iter(workspace.conversations.list(per_page=1)))
    replied = workspace.conversations.reply(
        one.id,
        request=AdminReplyConversationRequest(message_type="note", admin_id=admin.id, body="Looked into it"),
    )
    assert "Looked into it" in replied.conversation_parts.conversation_parts[-1].body
    closed = workspace.conversations.manage(
        one.id, request=ConversationsManageRequestBody_Close(admin_id=admin.id, body="Done")
    )
    assert closed.state == "closed"
    assert workspace.conversations.find(one.id).state == "closed"


def test_tickets_segments_notes_and_merges_are_understood(workspace: Any) -> None:
    query = SingleFilterSearchRequest(field="created_at", operator=">", value="0")
    page = workspace.tickets.search(query=query, pagination=StartingAfterPaging(per_page=5))
    assert page.items[0].ticket_state.category in ("submitted", "in_progress", "resolved")
    one = workspace.tickets.get(page.items[0].id)
    assert one.ticket_parts.total_count == len(one.ticket_parts.ticket_parts) > 0
    assert {each.name for each in workspace.ticket_types.list().data} >= {one.ticket_type.name}
    segments = workspace.segments.list(include_count=True).segments
    assert sum(each.count for each in segments) > 0
    user, lead = (
        workspace.contacts.create(
            request={"email": "sdk-merge@nowhere.example", "role": role, "external_id": f"sdk-{role}"}
        )
        for role in ("user", "lead")
    )
    admin = workspace.admins.list().admins[0]
    workspace.notes.create(user.id, body="Called", admin_id=admin.id)
    (note,) = workspace.notes.list(user.id).items
    assert "Called" in note.body
    merged = workspace.contacts.merge_lead_in_user(lead_id=lead.id, contact_id=user.id)
    assert merged.id == user.id
    attached = {each.name for each in workspace.contacts.list_attached_segments(user.id).data}
    assert attached == {"Clientes"}
    made = workspace.tickets.create(ticket_type_id="81", contacts=[{"id": user.id}])
    changed = workspace.tickets.update(made.id, ticket_state_id="8484")
    assert (changed.ticket_state.category, changed.open) == ("resolved", False)
    with pytest.raises(ApiError, match="not_found"):
        workspace.contacts.find(lead.id)


def test_errors_are_the_client_s_own(served: Served, workspace: Any) -> None:
    with pytest.raises(ApiError, match="not_found"):
        workspace.contacts.find("0" * 24)
    taken = next(iter(workspace.contacts.list(per_page=1)))
    with pytest.raises(ApiError, match="conflict"):
        workspace.contacts.create(request={"external_id": taken.external_id, "role": "user"})
    with pytest.raises(UnauthorizedError):
        Intercom(token="wrong", base_url=served.said["intercom"]["base_url"]).admins.list()
