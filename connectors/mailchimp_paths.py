"""What is read of Mailchimp, and how its counts and times are understood."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.errors import UnexpectedData
from connectors.pages import Resource
from connectors.transport import Params, Reply, Transport, records_in

PAGE = 1000  # Mailchimp's maximum
STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived")
OVERLAP = timedelta(minutes=5)  # last_changed has whole seconds, and its edge is not documented


def _resource(name: str, key: str = "$.id", records: str | None = None, **more: Any) -> Resource:
    return Resource("mailchimp", name, records or f"$.{name}", key, **more)


RESOURCES: dict[str, Resource] = {
    resource.name: resource
    for resource in (
        _resource("lists", whole=True, by_id=True),
        # Not by `id`, the hash of the address: another address would be another member.
        _resource("members", "$.list_id+$.contact_id", mark="$.last_changed", by_id=True),
        _resource("campaigns", whole=True, by_id=True),
        _resource("reports", by_id=True),
        _resource("email_activity", "$.campaign_id+$.email_id", "$.emails", remains=True),
        _resource("tags", whole=True),
        _resource("automations", whole=True, by_id=True),
        _resource("automation_emails", "$.workflow_id+$.id", "$.emails", whole=True, by_id=True),
        # Last, because a beta: should it fail, everything else has been read.
        _resource(
            "audience_contacts",
            "$.audience_id+$.id",
            "$.contacts",
            mark="$.last_updated_at",
            by_id=True,
        ),
    )
}
# Where one record stands; `{a}` and `{b}` are the parts of its raw key.
SINGLE = {
    "lists": "/lists/{a}",
    "members": "/lists/{a}/members/{b}",  # takes the contact's id as well as the hash of the address
    "campaigns": "/campaigns/{a}",
    "reports": "/reports/{a}",
    "automations": "/automations/{a}",
    "automation_emails": "/automations/{a}/emails/{b}",
    "audience_contacts": "/audiences/{a}/contacts/{b}",
}


@dataclass(frozen=True, slots=True)
class Place:
    """One list: its path, what fills the path's `{id}`, the field of its records and what to ask with."""

    path: str
    field: str
    id: str = ""
    params: Params | None = None

    def page(self, http: Transport, offset: int, size: int = PAGE) -> Reply:
        """`size` records from `offset` on."""
        asked: dict[str, str | int | bool] = {"exclude_fields": f"_links,{self.field}._links"}
        asked |= {**(self.params or {}), "count": size, "offset": offset}
        if "fields" in asked:
            del asked["exclude_fields"]
        return http.get(self.path, asked, parts={"id": self.id})

    def rows(self, reply: Reply) -> Sequence[dict[str, Any]]:
        """The page's records. Raises UnexpectedData."""
        return records_in(reply, self.field, f"mailchimp {self.field}")


def identity_of(row: Mapping[str, Any]) -> str:
    """What tells a record from the others of its list; "" for none."""
    return str(row.get("contact_id") or row.get("email_id") or row.get("id") or "")


def total_of(reply: Reply, what: str) -> int:
    """How many records the list has in all. Raises UnexpectedData."""
    total = reply.data.get("total_items")
    if not isinstance(total, int):
        raise UnexpectedData(
            f"mailchimp {what}: the answer has no 'total_items'; the vendor's format changed."
        )
    return total


def instant(text: object) -> datetime | None:
    """An instant in UTC; Mailchimp writes "" for never. Raises UnexpectedData."""
    if not isinstance(text, str) or not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UnexpectedData("mailchimp: a time is not ISO 8601; the vendor's format changed.") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def iso(moment: datetime) -> str:
    """A time as Mailchimp takes it."""
    # httpx escapes the plus sign; left bare it would reach Mailchimp as a space, and the filter be ignored.
    return moment.astimezone(UTC).isoformat(timespec="seconds")
