"""What Tenfold writes into HubSpot: tasks, notes, contacts and properties, and what it asks at that moment.

HubSpot has no idempotency key. What has a natural key or is a state is compared first and written only where
it differs; tasks and notes carry a marker of the caller's in their text, by which they are found again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from connectors.errors import Conflict, NotFound, Refused, UnexpectedData
from connectors.hubspot_answers import next_after
from connectors.hubspot_difference import STAGE, difference, steps_back
from connectors.hubspot_paths import OBJECTS
from connectors.transport import Reply, Transport, records_in

BATCH = 100  # records in one batch/read
ASSOCIATION_PAGE = 500

Kind = Literal["contacts", "companies", "deals", "tickets"]
Activity = Literal["tasks", "notes"]

# HubSpot's own ids of the association types, from the activity to what it is about.
LINKS: dict[Activity, dict[Kind, int]] = {
    "tasks": {"contacts": 204, "companies": 192, "deals": 216, "tickets": 230},
    "notes": {"contacts": 202, "companies": 190, "deals": 214, "tickets": 228},
}
BODY: dict[Activity, str] = {"tasks": "hs_task_body", "notes": "hs_note_body"}


@dataclass(frozen=True, slots=True)
class About:
    """The record that a task or a note belongs to."""

    kind: Kind
    record_id: str


class HubSpotWrites:
    """The writing half of a portal's connector."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport

    # Tasks and notes

    def create_task(
        self,
        about: About,
        *,
        due: datetime,
        subject: str,
        body: str,
        owner_id: str | None = None,
        priority: str = "HIGH",
        kind: str = "TODO",
    ) -> str:
        """The id of a new open task of that record, due at `due` (aware).

        Put a marker of your own into `body`. Raises HandOverUnknown when the answer was lost; then ask
        `find_marked` before creating it again.
        """
        properties = {
            "hs_timestamp": _iso(due),
            "hs_task_subject": subject,
            "hs_task_body": body,
            "hs_task_status": "NOT_STARTED",
            "hs_task_priority": priority,
            "hs_task_type": kind,
        }
        return self._create("tasks", about, properties, owner_id)

    def create_note(self, about: About, *, at: datetime, body: str, owner_id: str | None = None) -> str:
        """The id of a new note of that record, dated `at` (aware). As for a task, mark its `body`."""
        return self._create("notes", about, {"hs_timestamp": _iso(at), "hs_note_body": body}, owner_id)

    def _create(
        self, activity: Activity, about: About, properties: dict[str, str], owner_id: str | None
    ) -> str:
        if owner_id is not None:
            properties["hubspot_owner_id"] = owner_id
        link = {
            "associationCategory": "HUBSPOT_DEFINED",
            "associationTypeId": LINKS[activity][about.kind],
        }
        reply = self._http.call(
            "POST",
            f"{OBJECTS}/{activity}",
            json={
                "properties": properties,
                "associations": [{"to": {"id": about.record_id}, "types": [link]}],
            },
            repeatable=False,
            purpose="act",
        )
        return _created_id(reply, activity)

    def find_marked(self, activity: Activity, about: About, marker: str) -> str | None:
        """The id of the record's task or note whose text holds `marker`, None when there is certainly none.

        Reads associations and records, never search: search does not know new ones for a while.
        """
        ids = self.associated(about.kind, about.record_id, activity)
        for start in range(0, len(ids), BATCH):
            reply = self._http.post(
                f"{OBJECTS}/{activity}/batch/read",
                {
                    "inputs": [{"id": each} for each in ids[start : start + BATCH]],
                    "properties": [BODY[activity]],
                },
                purpose="act",
            )
            for row in records_in(reply, "results", f"hubspot: {activity}/batch/read"):
                if marker in ((row.get("properties") or {}).get(BODY[activity]) or ""):
                    return str(row["id"])
        return None

    def associated(self, kind: str, record_id: str, other: str) -> list[str]:
        """The ids of the records of kind `other` associated with one record, as they are now."""
        path = f"{OBJECTS}/{kind}/{{id}}/associations/{other}"
        found: list[str] = []
        after: str | None = None
        while True:
            params: dict[str, str | int | bool] = {"limit": ASSOCIATION_PAGE}
            if after is not None:
                params["after"] = after
            reply = self._http.get(path, params, parts={"id": record_id}, purpose="act")
            rows = records_in(reply, "results", f"hubspot: {kind}/{{id}}/associations/{other}")
            # The documents say a number under toObjectId, older paths a string under id.
            found += [str(row.get("toObjectId") or row["id"]) for row in rows]
            following = next_after(reply.data)
            if following is None:
                return found
            if following == after:
                raise UnexpectedData(f"hubspot: associated {other} gave the same page twice; stopped.")
            after = following

    # Contacts and properties

    def properties(self, kind: str, record_id: str, names: Sequence[str]) -> Mapping[str, str | None] | None:
        """The named properties of one record as they are now; None when it does not exist any more."""
        try:
            reply = self._http.get(
                f"{OBJECTS}/{kind}/{{id}}",
                {"properties": ",".join(names)},
                parts={"id": record_id},
                purpose="act",
            )
        except NotFound:
            return None
        return _told(reply.data or {}, names, kind)

    def contact_by_email(
        self, email: str, names: Sequence[str]
    ) -> tuple[str, Mapping[str, str | None]] | None:
        """The id and the named properties of the contact with that address; None when there is none."""
        reply = self._http.post(
            f"{OBJECTS}/contacts/batch/read",
            {"idProperty": "email", "inputs": [{"id": email}], "properties": list(names)},
            purpose="act",
        )
        rows = records_in(reply, "results", "hubspot: contacts/batch/read")
        return (str(rows[0]["id"]), _told(rows[0], names, "contacts")) if rows else None

    def update(self, kind: str, record_id: str, properties: Mapping[str, str]) -> Mapping[str, str | None]:
        """Set properties of one record ("" clears) and return them as HubSpot then tells them.

        Doing it twice changes nothing more, but moves the record's change time: see `change`.
        """
        reply = self._http.call(
            "PATCH",
            f"{OBJECTS}/{kind}/{{id}}",
            json={"properties": dict(properties)},
            parts={"id": record_id},
            purpose="act",
        )
        told: Any = reply.data or {}
        return told.get("properties") or {}

    def change(
        self, kind: str, record_id: str, wanted: Mapping[str, str], *, may_step_back: bool = False
    ) -> tuple[str, ...]:
        """Make the properties so, writing only what differs; which did, none when all was so already.

        Raises NotFound for a record that is gone, and Refused for a lifecycle stage that would step back,
        unless that is allowed.
        """
        current = self.properties(kind, record_id, tuple(wanted))
        if current is None:
            raise NotFound(f"hubspot: the record of {kind} to change does not exist any more.")
        return self._write(kind, record_id, difference(current, wanted), current, may_step_back=may_step_back)

    def upsert_contact(self, email: str, wanted: Mapping[str, str], *, may_step_back: bool = False) -> str:
        """The id of the contact with that address, made if there is none, with these properties.

        HubSpot's own upsert does not take a part of the properties by e-mail, so it is looked for first.
        Doing it twice, also at once, leaves one contact.
        """
        found = self.contact_by_email(email, tuple(wanted))
        if found is None:
            try:
                # Repeatable: the address is unique, so a second creation is answered with the first one's id.
                reply = self._http.call(
                    "POST",
                    f"{OBJECTS}/contacts",
                    json={"properties": {"email": email, **wanted}},
                    purpose="act",
                )
                return _created_id(reply, "contacts")
            except Conflict as there:
                if there.existing_id is None:
                    raise
                # One that another program made meanwhile, or that has the address as a second one.
                current = self.properties("contacts", there.existing_id, tuple(wanted))
                if current is None:
                    raise
                found = there.existing_id, current
        record_id, current = found
        self._write("contacts", record_id, difference(current, wanted), current, may_step_back=may_step_back)
        return record_id

    def _write(
        self,
        kind: str,
        record_id: str,
        different: Mapping[str, str],
        current: Mapping[str, str | None],
        *,
        may_step_back: bool,
    ) -> tuple[str, ...]:
        if not different:
            return ()
        stage = different.get(STAGE)
        if steps_back(current.get(STAGE), stage):
            if not may_step_back:
                raise Refused(
                    f"hubspot: the lifecycle stage of a record of {kind} would step back, and HubSpot drops "
                    "that; nothing was written. Say that it may step back if that is meant."
                )
            self.update(kind, record_id, {STAGE: ""})
        told = self.update(kind, record_id, different)
        if stage and told.get(STAGE) not in (None, stage):
            raise Refused(
                f"hubspot: kept the lifecycle stage of a record of {kind} as it was; it only moves forward. "
                "The other properties are written."
            )
        return tuple(different)


def _told(record: Mapping[str, Any], names: Sequence[str], kind: str) -> Mapping[str, str | None]:
    values = record.get("properties")
    if not isinstance(values, dict):
        raise UnexpectedData(f"hubspot: a record of {kind} came without its properties.")
    return {name: values.get(name) for name in names}


def _created_id(reply: Reply, kind: str) -> str:
    said: Any = reply.data or {}
    if not said.get("id"):
        raise UnexpectedData(f"hubspot: {kind}: created, but the id was not told; look it up by its marker.")
    return str(said["id"])


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
