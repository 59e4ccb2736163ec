"""Which records an Intercom notification is about. Pure; the records themselves are read again."""

from collections.abc import Iterator, Mapping
from typing import Any

# The kind of an object in a notification -> the resource that it belongs to. Before 2.0 a contact was a user
# or a lead.
KINDS = {
    "conversation": "conversations",
    "contact": "contacts",
    "user": "contacts",
    "lead": "contacts",
    "company": "companies",
    "ticket": "tickets",
}


def affected(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(resource, key) of every record that the notification's topic is about; none for a ping.

    A merge concerns both contacts, the one that stays and the one that is gone.
    """
    topic = str(event.get("topic") or "")
    data = event.get("data")
    item = data.get("item") if isinstance(data, Mapping) else None
    resource = KINDS.get(topic.partition(".")[0].removesuffix("_part"))
    if resource is None or not isinstance(item, Mapping):
        return []
    keys = [*_named(item, resource), *(_merged(item) if topic == "contact.merged" else ())]
    return [(resource, key) for key in dict.fromkeys(keys)]


def _named(item: Mapping[str, Any], resource: str) -> Iterator[str]:
    if KINDS.get(str(item.get("type"))) == resource and item.get("id"):
        # Fields such as `company_id` and `ticket_id` hold another id in it, and `source` a message's.
        yield str(item["id"])
        return
    for kind, owner in KINDS.items():
        # As the tag on a contact, or the part of a conversation, names what it belongs to.
        inner = item.get(kind)
        number = inner.get("id") if isinstance(inner, Mapping) else item.get(f"{kind}_id")
        if owner == resource and number:
            yield str(number)


def _merged(item: Mapping[str, Any]) -> Iterator[str]:
    for value in item.values():
        if isinstance(value, Mapping) and KINDS.get(str(value.get("type"))) == "contacts" and value.get("id"):
            yield str(value["id"])
    history = item.get("merge_history")
    for each in history if isinstance(history, list) else ():
        if isinstance(each, Mapping) and each.get("source_contact_id"):
            yield str(each["source_contact_id"])
