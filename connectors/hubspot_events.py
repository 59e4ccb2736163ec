"""Which of our records an event of HubSpot's webhooks concerns.

An event is only a reason to look again: events come twice, late and in any order, so what they say of the
record is never taken for its state.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from connectors.hubspot_paths import HISTORIES, LINKS, OBJECT_TYPES
from connectors.hubspot_properties import HISTORY

Affected = list[tuple[str, str]]

_BY_NUMBER = {number: kind for kind, number in OBJECT_TYPES.items()}
_BY_WORD = {
    **{"company" if kind == "companies" else kind.removesuffix("s"): kind for kind in OBJECT_TYPES},
    "meeting_event": "meetings",
}
# After these, what belongs to the record is new as well.
_NEW_OR_MOVED = ("creation", "merge", "restore")


def affected(event: Mapping[str, Any]) -> Affected:
    """(resource, key) of everything to read again; empty for what we do not read.

    An association concerns its stream, by the key of the stream's parent. A merge concerns every record it
    names: those that went as well as the one that stays, which may be new.
    """
    subject, _, what = str(event.get("subscriptionType") or "").partition(".")
    if what == "associationChange":
        return _links_of(event)
    kind = _BY_WORD.get(subject) or _BY_NUMBER.get(str(event.get("objectTypeId")))
    if kind is None:
        return []
    names = [kind]
    if what in _NEW_OR_MOVED:
        names += [name for name, (parent, _) in LINKS.items() if parent == kind]
        names += [name for name, parent in HISTORIES.items() if parent == kind]
    elif event.get("propertyName") in HISTORY.get(kind, ()):
        names += [name for name, parent in HISTORIES.items() if parent == kind]
    merged = event.get("mergedObjectIds")
    ids = [event.get("objectId"), event.get("primaryObjectId"), event.get("newObjectId")]
    ids += merged if isinstance(merged, list) else []
    return _pairs((name, number) for number in ids for name in names)


def _links_of(event: Mapping[str, Any]) -> Affected:
    one, other = _ends(event)
    found: list[tuple[str, object]] = []
    for name, ends in LINKS.items():
        if ends == (one, other):
            found.append((name, event.get("fromObjectId")))
        if ends == (other, one):
            found.append((name, event.get("toObjectId")))
    # The primary company is a property of the contact as well.
    found += [("contacts", number) for name, number in found if name == "contact_companies"]
    return _pairs(found)


def _ends(event: Mapping[str, Any]) -> tuple[str | None, str | None]:
    numbers = (event.get("fromObjectTypeId"), event.get("toObjectTypeId"))
    if all(numbers):
        one, other = (_BY_NUMBER.get(str(number)) for number in numbers)
        return one, other
    here, _, there = str(event.get("associationType") or "").lower().partition("_to_")
    return _BY_WORD.get(here), _BY_WORD.get(there)


def _pairs(found: Iterable[tuple[str, object]]) -> Affected:
    # Ids are numbers; anything else in an event is not worth a question that HubSpot refuses.
    return list(dict.fromkeys((name, str(number)) for name, number in found if str(number).isdecimal()))
