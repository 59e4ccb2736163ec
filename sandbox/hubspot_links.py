"""HubSpot's associations: read of one and of many, default and labelled, in both path versions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.hubspot_answers import association_types, invalid, not_found
from sandbox.hubspot_associations import LINKS
from sandbox.hubspot_records import Record, Table
from sandbox.hubspot_schema import SINGULAR
from sandbox.messages import Answer, Request, said

if TYPE_CHECKING:
    from sandbox.hubspot import HubSpotServer

MOST_READ = 1_000
MOST_CREATED = 2_000
MOST_PER_PAGE = 500


def add_routes(server: HubSpotServer) -> None:
    """Register the association endpoints."""
    links = Links(server)
    add = server.routes.add
    one = "/crm/{v}/objects/{type}/{id}/associations/{to}"
    add("GET", one, links.of_one)
    add("PUT", one + "/{toId}", links.labelled)
    add("DELETE", one + "/{toId}", links.remove)
    add("PUT", "/crm/{v}/objects/{type}/{id}/associations/default/{to}/{toId}", links.default)
    many = "/crm/{v}/associations/{from}/{to}"
    add("POST", many + "/batch/read", links.of_many)
    add("POST", many + "/batch/associate/default", links.default_many)
    add("POST", many + "/batch/create", links.labelled_many)
    add("POST", many + "/batch/archive", links.remove_many)
    add("GET", many + "/labels", links.labels)


class Links:
    """The handlers."""

    def __init__(self, server: HubSpotServer) -> None:
        self.server = server

    def of_one(self, request: Request, version: str, kind: str, given: str, to: str) -> Answer:
        """The records associated with one, a page at a time."""
        table, other = self._tables(kind, to)
        record = self._record(table, given)
        limit = int(request.param("limit", str(MOST_PER_PAGE)) or 0)
        if not 0 < limit <= MOST_PER_PAGE:
            raise invalid(f"The 'limit' must be between 1 and {MOST_PER_PAGE}")
        after = int(request.param("after", "0") or 0)
        numbers = [number for number in self._living(record, other) if number >= after]
        rows = [self._row(version, record, other.records[number]) for number in numbers[:limit]]
        body: dict[str, Any] = {"results": rows}
        if len(numbers) > limit:
            body["paging"] = {"next": {"after": str(numbers[limit]), "link": f"?after={numbers[limit]}"}}
        return said(body)

    def of_many(self, request: Request, version: str, kind: str, to: str) -> Answer:
        """The records associated with each of up to 1,000; those without any are listed as errors."""
        table, other = self._tables(kind, to)
        results, errors = [], []
        for each in self.server.inputs(request.object(), MOST_READ):
            given = str(each.get("id"))
            record = self.server.record(table, given)
            after = int(each.get("after") or 0)
            numbers = [number for number in self._living(record, other) if number >= after] if record else []
            if record is None or not numbers:
                errors.append(_nothing(table, other, given))
                continue
            row: dict[str, Any] = {
                "from": {"id": given},
                "to": [
                    self._row(version, record, other.records[number]) for number in numbers[:MOST_PER_PAGE]
                ],
            }
            if len(numbers) > MOST_PER_PAGE:
                row["paging"] = {"next": {"after": str(numbers[MOST_PER_PAGE])}}
            results.append(row)
        return self.server.batch(version, results, errors)

    def default(
        self, _request: Request, version: str, kind: str, given: str, to: str, other_id: str
    ) -> Answer:
        """200 with both directions; doing it twice changes nothing more."""
        table, other = self._tables(kind, to)
        one, two = self._record(table, given), self._record(other, other_id)
        self._commit(one, two, [])
        return self.server.batch(version, self._both_ways(one, two), [])

    def labelled(
        self, request: Request, version: str, kind: str, given: str, to: str, other_id: str
    ) -> Answer:
        """201 with the labels; the types are added to those already there."""
        table, other = self._tables(kind, to)
        one, two = self._record(table, given), self._record(other, other_id)
        types = self._types(table, other, request.json())
        self._commit(one, two, types)
        return said(
            {
                "fromObjectTypeId": table.kind,
                "fromObjectId": one.id,
                "toObjectTypeId": other.kind,
                "toObjectId": two.id,
                "labels": [each["label"] for each in association_types(one, two) if each["label"]],
            },
            200 if version == "v3" else 201,
        )

    def remove(
        self, _request: Request, _version: str, kind: str, given: str, to: str, other_id: str
    ) -> Answer:
        """204; every way in which the two are associated ends."""
        table, other = self._tables(kind, to)
        one, two = self._record(table, given), self._record(other, other_id)
        self.server.world.commit(("hubspot.unlink", _pair(one, two)))
        return Answer(204)

    def default_many(self, request: Request, version: str, kind: str, to: str) -> Answer:
        """Associate many pairs by default."""
        table, other = self._tables(kind, to)
        results: list[Any] = []
        for each in self.server.inputs(request.object()):
            one = self._record(table, (each.get("from") or {}).get("id"))
            two = self._record(other, (each.get("to") or {}).get("id"))
            self._commit(one, two, [])
            results += self._both_ways(one, two)
        return self.server.batch(version, results, [])

    def labelled_many(self, request: Request, version: str, kind: str, to: str) -> Answer:
        """Associate many pairs with labels; pairs that do not exist are partial errors."""
        table, other = self._tables(kind, to)
        results, errors = [], []
        for each in self.server.inputs(request.object(), MOST_CREATED):
            one = self.server.record(table, (each.get("from") or {}).get("id"))
            two = self.server.record(other, (each.get("to") or {}).get("id"))
            if one is None or two is None:
                errors.append(_nothing(table, other, str((each.get("from") or {}).get("id"))))
                continue
            self._commit(one, two, self._types(table, other, each.get("types") or []))
            results.append(
                {
                    "fromObjectTypeId": table.kind,
                    "fromObjectId": str(one.id),
                    "toObjectTypeId": other.kind,
                    "toObjectId": str(two.id),
                    "labels": [row["label"] for row in association_types(one, two) if row["label"]],
                }
            )
        return self.server.batch(version, results, errors, 201)

    def remove_many(self, request: Request, _version: str, kind: str, to: str) -> Answer:
        """204."""
        table, other = self._tables(kind, to)
        for each in self.server.inputs(request.object(), MOST_CREATED):
            one = self.server.record(table, (each.get("from") or {}).get("id"))
            for target in each.get("to") or ():
                two = self.server.record(other, target.get("id"))
                if one is not None and two is not None:
                    self.server.world.commit(("hubspot.unlink", _pair(one, two)))
        return Answer(204)

    def labels(self, _request: Request, _version: str, kind: str, to: str) -> Answer:
        """The association types between two object types."""
        table, other = self._tables(kind, to)
        link = LINKS[table.kind, other.kind]
        rows = [{"category": "HUBSPOT_DEFINED", "typeId": link.default, "label": None}]
        if link.primary:
            rows.insert(0, {"category": "HUBSPOT_DEFINED", "typeId": link.primary, "label": "Primary"})
        return said({"results": rows})

    def _tables(self, kind: str, to: str) -> tuple[Table, Table]:
        table, other = self.server.table(kind), self.server.table(to)
        if (table.kind, other.kind) not in LINKS:
            raise invalid(f"No associations exist between {table.kind} and {other.kind}")
        return table, other

    def _record(self, table: Table, given: object) -> Record:
        record = self.server.record(table, given)
        if record is None:
            raise not_found()
        return record

    def _types(self, table: Table, other: Table, given: object) -> list[int]:
        link = LINKS[table.kind, other.kind]
        if not isinstance(given, list) or not given:
            raise invalid("Association types are required")
        types = [int(each.get("associationTypeId", 0)) for each in given]
        if not set(types) <= {link.default, link.primary} - {0}:
            raise invalid(f"Association type {types} does not exist between {table.kind} and {other.kind}")
        return types

    def _commit(self, one: Record, two: Record, types: list[int]) -> None:
        if types and set(types) <= one.links.get(two.kind, {}).get(two.id, set()):
            return
        self.server.world.commit(("hubspot.link", {**_pair(one, two), "types": types}))

    @staticmethod
    def _living(record: Record, other: Table) -> list[int]:
        linked = record.links.get(other.kind, {})
        return sorted(number for number in linked if other.records[number].archived_at is None)

    @staticmethod
    def _row(version: str, record: Record, other: Record) -> dict[str, Any]:
        if version == "v3":
            return {"id": str(other.id), "type": f"{SINGULAR[record.kind]}_to_{SINGULAR[other.kind]}"}
        return {"toObjectId": other.id, "associationTypes": association_types(record, other)}

    @staticmethod
    def _both_ways(one: Record, two: Record) -> list[dict[str, Any]]:
        return [
            {
                "from": {"id": str(here.id)},
                "to": {"id": str(there.id)},
                "associationSpec": {
                    "associationCategory": "HUBSPOT_DEFINED",
                    "associationTypeId": LINKS[here.kind, there.kind].default,
                },
            }
            for here, there in ((one, two), (two, one))
        ]


def _pair(one: Record, two: Record) -> dict[str, Any]:
    return {"kind": one.kind, "id": one.id, "other_kind": two.kind, "other": two.id}


def _nothing(table: Table, other: Table, given: str) -> dict[str, Any]:
    here, there = SINGULAR[table.kind], SINGULAR[other.kind]
    return {
        "status": "error",
        "category": "OBJECT_NOT_FOUND",
        "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
        "message": f"No {there} is associated with {here} {given}.",
        "context": {"fromObjectId": [given], "fromObjectType": [here], "toObjectType": [there]},
    }
