"""Writing HubSpot's objects: create, update, upsert, archive, merge, one by one and in batches."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import orjson

from sandbox.hubspot_answers import Refused, as_json, invalid, not_found, problem, wanted_properties
from sandbox.hubspot_associations import LINKS
from sandbox.hubspot_records import HubSpotRecords, Record, Table, iso, milliseconds
from sandbox.hubspot_schema import LIFECYCLE, REQUIRED, Definition
from sandbox.hubspot_search import as_time
from sandbox.messages import Answer, Request, is_email, said

if TYPE_CHECKING:
    from sandbox.hubspot import HubSpotServer

Op = tuple[str, dict[str, Any]]


def replay(records: HubSpotRecords, name: str, args: dict[str, Any], at: datetime) -> Any:
    """Do one write that was checked before; the same call serves requests and the log read at start."""
    if name == "property":
        definition = Definition(
            args["name"],
            args["type"],
            tuple(args["options"]),
            label=args.get("label", ""),
            own=True,
            unique=args.get("unique", False),
        )
        records.tables[args["kind"]].definitions[args["name"]] = definition
        return definition
    if name == "block":
        return records.blocked.add(args["email"])
    table, moment = records.tables[args["kind"]], milliseconds(at)
    if name == "create":
        record = records.create(args["kind"], args["properties"], at)
        for kind, number, types in args["links"]:
            records.link(record, records.tables[kind].records[number], set(types) if types else None, moment)
        return record
    record = table.records[args["id"]]
    if name == "update":
        return records.update(record, args["properties"], at)
    if name == "archive":
        return records.archive(record, at)
    if name == "merge":
        return records.merge(record, table.records[args["gone"]], at, new_id=args.get("new_id", False))
    if name == "delete":
        return records.delete(record, at)
    other = records.tables[args["other_kind"]].records[args["other"]]
    if name == "link":
        return records.link(record, other, set(args["types"]) if args["types"] else None, moment)
    if name == "unlink":
        return records.unlink(record, other, moment)
    raise ValueError(name)


def add_routes(server: HubSpotServer) -> None:
    """Register the writing endpoints."""
    writes = Writes(server)
    add = server.routes.add
    objects = "/crm/{v}/objects/{type}"
    add("POST", objects, writes.create)
    add("PATCH", objects + "/{id}", writes.update)
    add("DELETE", objects + "/{id}", writes.archive)
    add("POST", objects + "/merge", writes.merge)
    add("POST", objects + "/gdpr-delete", writes.delete_for_good)
    add("POST", objects + "/batch/create", writes.batch_create)
    add("POST", objects + "/batch/update", writes.batch_update)
    add("POST", objects + "/batch/upsert", writes.batch_upsert)
    add("POST", objects + "/batch/archive", writes.batch_archive)


class Writes:
    """The handlers; every one checks first and then commits."""

    def __init__(self, server: HubSpotServer) -> None:
        self.server = server

    def create(self, request: Request, _version: str, kind: str) -> Answer:
        """201 with the new record."""
        table = self.server.table(kind)
        [record] = self.server.world.commit(self._create_op(table, request.object()))
        return said(_full(table, record), 201)

    def update(self, request: Request, _version: str, kind: str, given: str) -> Answer:
        """200 with the record; the id of one merged away leads to the one that stayed."""
        table = self.server.table(kind)
        record = self.server.record(table, given, request.param("idProperty"))
        if record is None and given.isdigit():
            record = self.server.records.find(table.kind, int(given))
        if record is None or record.archived_at is not None:
            raise not_found()
        self.server.world.commit(self._update_op(table, record, request.object()))
        return said(_full(table, record))

    def archive(self, _request: Request, _version: str, kind: str, given: str) -> Answer:
        """204, also when it was archived already."""
        table = self.server.table(kind)
        record = self.server.record(table, given)
        if record is not None:
            self.server.world.commit(("hubspot.archive", {"kind": table.kind, "id": record.id}))
        return Answer(204)

    def merge(self, request: Request, _version: str, kind: str) -> Answer:
        """200 with the record that stays."""
        table, body = self.server.table(kind), request.object()
        kept = self.server.record(table, body.get("primaryObjectId"))
        gone = self.server.record(table, body.get("objectIdToMerge"))
        if kept is None or gone is None:
            raise not_found()
        if kept is gone:
            raise invalid("Cannot merge an object with itself")
        args = {"kind": table.kind, "id": kept.id, "gone": gone.id}
        if self.server.faults.has("merge_makes_new_id", self.server.name):
            args["new_id"] = True
        [stays] = self.server.world.commit(("hubspot.merge", args))
        return said(_full(table, stays))

    def delete_for_good(self, request: Request, _version: str, kind: str) -> Answer:
        """204; nothing is left of the contact. An address that nobody has may not be used from then on."""
        table, body = self.server.table(kind), request.object()
        if table.kind != "contacts":
            raise not_found()
        given, by = str(body.get("objectId") or ""), str(body.get("idProperty") or "")
        record = self.server.record(table, given, by) or self.server.record(table, given, by, archived=True)
        if record is None and by == "email":
            archived = table.after(0, archived=True)
            record = next((each for each in archived if each.properties.get("email") == given), None)
        if record is not None:
            self.server.world.commit(("hubspot.delete", {"kind": table.kind, "id": record.id}))
        elif by == "email" and given:
            self.server.world.commit(("hubspot.block", {"email": given.lower()}))
        else:
            raise not_found()
        return Answer(204)

    def batch_create(self, request: Request, version: str, kind: str) -> Answer:
        """201, or partial errors by `objectWriteTraceId` when the inputs carry one."""
        table = self.server.table(kind)
        inputs = self.server.inputs(request.object())
        traced = any("objectWriteTraceId" in each for each in inputs)
        ops, errors, emails = [], [], set[str]()
        for each in inputs:
            try:
                op = self._create_op(table, each)
                email = op[1]["properties"].get("email", "").lower()
                if table.kind == "contacts" and email:
                    if email in emails:
                        raise invalid(f"Duplicate email in the batch: {email}")
                    emails.add(email)
                ops.append(op)
            except Refused as refused:
                if not traced:
                    # Without trace ids nothing of the batch is written.
                    raise
                errors.append(_partial(refused, {"objectWriteTraceId": [each.get("objectWriteTraceId")]}))
        made = self.server.world.commit(*ops) if ops else []
        return self.server.batch(version, [_full(table, record) for record in made], errors, 201)

    def batch_update(self, request: Request, version: str, kind: str) -> Answer:
        """200, or partial errors; ids merged away are not followed here."""
        table = self.server.table(kind)
        ops, errors, changed = [], [], []
        for each in self.server.inputs(request.object()):
            record = self.server.record(table, each.get("id"), str(each.get("idProperty") or ""))
            if record is None:
                errors.append(_partial(not_found(), {"ids": [str(each.get("id"))]}))
                continue
            try:
                ops.append(self._update_op(table, record, each))
                changed.append(record)
            except Refused as refused:
                errors.append(_partial(refused, {"ids": [str(each.get("id"))]}))
        if ops:
            self.server.world.commit(*ops)
        return self.server.batch(version, [_full(table, record) for record in changed], errors)

    def batch_upsert(self, request: Request, version: str, kind: str) -> Answer:
        """200; each result says whether it is `new`."""
        table = self.server.table(kind)
        results, errors = [], []
        for each in self.server.inputs(request.object()):
            by = str(each.get("idProperty") or "")
            if not by:
                raise invalid("idProperty is required for upsert")
            record = self.server.record(table, each.get("id"), by)
            properties = {**(each.get("properties") or {}), by: str(each.get("id"))}
            try:
                if record is None:
                    [record] = self.server.world.commit(self._create_op(table, {"properties": properties}))
                    new = True
                else:
                    self.server.world.commit(self._update_op(table, record, {"properties": properties}))
                    new = False
            except Refused as refused:
                errors.append(_partial(refused, {"ids": [str(each.get("id"))]}))
                continue
            results.append({**_full(table, record), "new": new})
        return self.server.batch(version, results, errors)

    def batch_archive(self, request: Request, _version: str, kind: str) -> Answer:
        """204; unknown ids are passed over."""
        table = self.server.table(kind)
        ops: list[Op] = []
        for each in self.server.inputs(request.object()):
            record = self.server.record(table, each.get("id"))
            if record is not None:
                ops.append(("hubspot.archive", {"kind": table.kind, "id": record.id}))
        if ops:
            self.server.world.commit(*ops)
        return Answer(204)

    def _create_op(self, table: Table, body: dict[str, Any]) -> Op:
        properties = _checked(table, body.get("properties"))
        missing = [name for name in REQUIRED.get(table.kind, ()) if not properties.get(name)]
        if missing:
            raise invalid(
                "Error creating the object. Some required properties were not set.",
                errors=[
                    {
                        "message": "Some required properties were not set.",
                        "code": "REQUIRED_FIELD",
                        "context": {"properties": missing},
                    }
                ],
            )
        email = properties.get("email", "").lower()
        if table.kind == "contacts" and email in self.server.records.by_email and email:
            existing = self.server.records.by_email[email].id
            raise Refused(problem(409, "CONFLICT", f"Contact already exists. Existing ID: {existing}"))
        if table.kind == "contacts" and email in self.server.records.blocked:
            raise invalid("The email address was deleted permanently and cannot be used")
        links = [self._link_of(table, each) for each in body.get("associations") or ()]
        return "hubspot.create", {"kind": table.kind, "properties": properties, "links": links}

    def _link_of(self, table: Table, given: dict[str, Any]) -> tuple[str, int, list[int]]:
        number = str((given.get("to") or {}).get("id"))
        types = [int(each["associationTypeId"]) for each in given.get("types") or ()]
        kind = hubspot_type_to(table.kind, types)
        if kind is None:
            raise invalid(f"No association type {types} leads from {table.kind}")
        record = self.server.record(self.server.records.tables[kind], number)
        if record is None:
            raise invalid(f"Cannot associate with {kind} {number}: it does not exist or is archived")
        return kind, record.id, types

    def _update_op(self, table: Table, record: Record, body: dict[str, Any]) -> Op:
        properties = _checked(table, body.get("properties"))
        email = properties.get("email", "").lower()
        holder = self.server.records.by_email.get(email) if table.kind == "contacts" and email else None
        if holder is not None and holder is not record:
            raise Refused(problem(409, "CONFLICT", f"Contact already exists. Existing ID: {holder.id}"))
        stage = properties.get("lifecyclestage")
        held = record.properties.get("lifecyclestage", "")
        if stage and held in LIFECYCLE and LIFECYCLE.index(stage) < LIFECYCLE.index(held):
            # It only moves forward; a step back needs clearing first and is otherwise ignored without a word.
            del properties["lifecyclestage"]
        return "hubspot.update", {"kind": table.kind, "id": record.id, "properties": properties}


def hubspot_type_to(kind: str, types: list[int]) -> str | None:
    """The object type that these association types lead to from `kind`."""
    for (one, other), link in LINKS.items():
        if one == kind and types and set(types) <= {link.default, link.primary} - {0}:
            return other
    return None


def _checked(table: Table, given: object) -> dict[str, str]:
    """Property values as strings. Raises Refused with HubSpot's list of what is wrong."""
    if not isinstance(given, dict):
        raise invalid("Invalid input JSON: some required fields were not set: [properties]")
    properties = {
        name: _normal(table.definitions.get(name), _as_string(value)) for name, value in given.items()
    }
    wrong = [
        fault
        for name, value in properties.items()
        if (fault := _fault(table.definitions.get(name), name, value))
    ]
    if wrong:
        listed = orjson.dumps(
            [{"isValid": False, "message": text, "error": code, "name": name} for name, code, text in wrong]
        ).decode()
        raise invalid(
            f"Property values were not valid: {listed}",
            errors=[
                {"message": text, "code": code, "context": {"propertyName": [name]}}
                for name, code, text in wrong
            ],
        )
    return properties


def _as_string(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _normal(definition: Definition | None, value: str) -> str:
    """Date-times may be written as epoch milliseconds; they are shown in ISO 8601 all the same."""
    if definition is not None and definition.type == "datetime" and value.isdigit():
        return iso(int(value))
    return value


def _fault(definition: Definition | None, name: str, value: str) -> tuple[str, str, str] | None:
    if definition is None:
        return name, "PROPERTY_DOESNT_EXIST", f'Property "{name}" does not exist'
    if definition.read_only:
        return name, "READ_ONLY_VALUE", f'"{name}" is a read only property; its value cannot be set'
    if value == "":
        return None
    if name == "email" and not is_email(value):
        return name, "INVALID_EMAIL", f"Email address {value} is invalid"
    if definition.type == "number":
        try:
            float(value)
        except ValueError:
            return name, "INVALID_INTEGER", f"{value} was not a valid number."
    if definition.type == "datetime" and as_time(value) is None:
        return name, "INVALID_DATE", f"{value} was not a valid date-time."
    if definition.options and value not in definition.options:
        allowed = ", ".join(definition.options)
        return name, "INVALID_OPTION", f"{value} was not one of the allowed options: [{allowed}]"
    return None


def _partial(refused: Refused, context: dict[str, Any]) -> dict[str, Any]:
    body = orjson.loads(refused.answer.body)
    return {
        "status": "error",
        "category": body["category"],
        "message": body["message"],
        "context": context,
    }


def _full(table: Table, record: Record) -> dict[str, Any]:
    return as_json(record, wanted_properties(table, tuple(record.properties)))
