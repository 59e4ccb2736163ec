"""HubSpot's words: records as JSON and its errors."""

from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

import orjson

from sandbox.hubspot_associations import LINKS
from sandbox.hubspot_records import Record, Table, iso
from sandbox.hubspot_schema import DEFAULT_PROPERTIES, SINGULAR, created_property, modified_property
from sandbox.messages import Answer, said

_dice = Random("hubspot/correlation")


class Refused(Exception):
    """A request that HubSpot answers with an error; carries that answer."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


def correlation_id() -> str:
    """The id that every error carries."""
    return str(UUID(int=_dice.getrandbits(128), version=4))


def problem(status: int, category: str, message: str, **more: object) -> Answer:
    """An error body as HubSpot writes it."""
    body = {
        "status": "error",
        "message": message,
        "correlationId": correlation_id(),
        "category": category,
        **more,
    }
    return said(body, status)


def invalid(message: str, **more: object) -> Refused:
    """A 400 VALIDATION_ERROR."""
    return Refused(problem(400, "VALIDATION_ERROR", message, **more))


def not_found(message: str = "resource not found") -> Refused:
    """A 404."""
    return Refused(problem(404, "OBJECT_NOT_FOUND", message))


def now_text() -> str:
    """Stamps of how long HubSpot worked on a batch; these tell real time, not the company's."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def wanted_properties(table: Table, asked: Sequence[str]) -> tuple[str, ...]:
    """The properties to show: the asked ones that exist, else the usual ones; id and times always."""
    names = [name for name in asked if name in table.definitions] or DEFAULT_PROPERTIES.get(table.kind, ())
    always = (created_property(table.kind), modified_property(table.kind), "hs_object_id")
    return tuple(dict.fromkeys((*names, *always)))


def shown(
    record: Record,
    names: tuple[str, ...],
    associations: tuple[str, ...] = (),
    history: tuple[str, ...] = (),
) -> orjson.Fragment:
    """The record as JSON, kept until the record changes."""
    key = (names, associations, history)
    found = record.shown.get(key)
    if found is None:
        found = record.shown[key] = orjson.dumps(as_json(record, names, associations, history))
    return orjson.Fragment(found)


def as_json(
    record: Record,
    names: tuple[str, ...],
    associations: tuple[str, ...] = (),
    history: tuple[str, ...] = (),
) -> dict[str, Any]:
    """The record as a JSON object; a property without a value is null."""
    properties = record.properties
    body: dict[str, Any] = {
        "id": str(record.id),
        "properties": {name: properties.get(name) for name in names},
        "createdAt": iso(record.created),
        "updatedAt": iso(record.updated),
        "archived": record.archived_at is not None,
    }
    if record.archived_at is not None:
        body["archivedAt"] = iso(record.archived_at)
    if history:
        body["propertiesWithHistory"] = {name: _versions(record, name) for name in history}
    shown_links = {kind: _links(record, kind) for kind in associations if record.links.get(kind)}
    if shown_links:
        body["associations"] = shown_links
    return body


def indexed_json(
    record: Record, updated: int, properties: dict[str, str], names: Sequence[str]
) -> dict[str, Any]:
    """The record as an older state of the index knows it."""
    return {
        "id": str(record.id),
        "properties": {name: properties.get(name) for name in names},
        "createdAt": iso(record.created),
        "updatedAt": iso(updated),
        "archived": False,
    }


def _versions(record: Record, name: str) -> list[dict[str, Any]]:
    versions = []
    value, since = record.properties.get(name), record.updated
    for before, older in reversed(record.history):
        if name in older and older[name] != value:
            versions.append({"value": value or "", "timestamp": iso(since), "sourceType": "CRM_UI"})
            value = older[name]
        since = before
    if value is not None:
        versions.append({"value": value, "timestamp": iso(record.created), "sourceType": "CRM_UI"})
    return versions


def _links(record: Record, kind: str) -> dict[str, Any]:
    link, base = LINKS[record.kind, kind], f"{SINGULAR[record.kind]}_to_{SINGULAR[kind]}"
    rows = []
    for number, types in record.links[kind].items():
        if link.primary in types:
            rows.append({"id": str(number), "type": base})
            rows.append({"id": str(number), "type": f"{base}_unlabeled"})
        else:
            rows.append({"id": str(number), "type": f"{base}_unlabeled" if link.primary else base})
    return {"results": rows}


def association_types(record: Record, other: Record) -> list[dict[str, Any]]:
    """How `record` is associated with `other`, the labelled way first."""
    link = LINKS[record.kind, other.kind]
    return [
        {
            "category": "HUBSPOT_DEFINED",
            "typeId": number,
            "label": "Primary" if link.primary and number == link.primary else None,
        }
        for number in sorted(record.links[other.kind][other.id])
    ]
