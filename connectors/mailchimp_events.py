"""Which records a Mailchimp webhook event is about."""

import hashlib
from collections.abc import Mapping
from typing import Any


def affected(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(resource, raw key) of each record that the event is about; empty for what we do not read."""
    data = event.get("data") or {}
    if event.get("type") == "campaign":
        return [("campaigns", str(data["id"]))] if data.get("id") else []
    # The event's own id is not the one that members are kept under: that is made from the address.
    addresses = (data.get("email"), data.get("old_email"), data.get("new_email"))
    return [("members", f"{data.get('list_id')}+{_hash(each)}") for each in addresses if each]


def _hash(address: str) -> str:
    return hashlib.md5(address.lower().encode(), usedforsecurity=False).hexdigest()
