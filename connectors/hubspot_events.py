"""Which records a HubSpot webhook event is about."""

from collections.abc import Mapping
from typing import Any

_PLURALS = {"company": "companies"}
_TYPES = {"0-1": "contacts", "0-2": "companies", "0-3": "deals", "0-5": "tickets", "0-27": "tasks"}


def affected(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(resource, raw key) of each record that the event is about; empty for a kind that we do not read."""
    kind, _, what = str(event.get("subscriptionType")).partition(".")
    resource = _PLURALS.get(kind, f"{kind}s")
    if kind == "object":
        resource = _TYPES.get(str(event.get("objectTypeId")), "")
    if resource not in _TYPES.values():
        return []
    ids = [event.get("objectId"), event.get("primaryObjectId"), event.get("newObjectId")]
    ids += event.get("mergedObjectIds") or []
    if what == "associationChange":
        ids.append(event.get("fromObjectId"))
    return [(resource, str(each)) for each in dict.fromkeys(ids) if each is not None]
