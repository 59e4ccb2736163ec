"""Which records an Intercom notification is about."""

from collections.abc import Mapping
from typing import Any

_RESOURCES = {
    "conversation": "conversations",
    "contact": "contacts",
    "company": "companies",
    "user": "contacts",
}


def affected(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(resource, raw key) of each record that the notification is about; empty for what we do not read."""
    resource = _RESOURCES.get(str(event.get("topic")).partition(".")[0])
    item = (event.get("data") or {}).get("item") or {}
    if resource is None or item.get("id") is None:
        return []
    return [(resource, str(item["id"]))]
