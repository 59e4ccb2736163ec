"""What Tenfold writes into HubSpot: tasks and properties."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from connectors.errors import NotFound, UnexpectedData
from connectors.hubspot_paths import OBJECTS, TASK_TO_CONTACT
from connectors.transport import Reply, Transport, records_in

BATCH = 100  # records in one batch/read
ASSOCIATION_PAGE = 500


class HubSpotWrites:
    """The writing half of a portal's connector."""

    def __init__(self, transport: Transport) -> None:
        self._http = transport

    def create_task(
        self,
        contact_id: str,
        *,
        due: datetime,
        subject: str,
        body: str,
        owner_id: str | None = None,
        priority: str = "HIGH",
        kind: str = "TODO",
    ) -> str:
        """The id of a new open task of that contact, due at `due` (aware).

        HubSpot has no idempotency key: put a marker of your own into `body`. Raises HandOverUnknown when
        the answer was lost; then ask `find_task` for the marker before creating it again.
        """
        properties = {
            "hs_timestamp": due.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "hs_task_subject": subject,
            "hs_task_body": body,
            "hs_task_status": "NOT_STARTED",
            "hs_task_priority": priority,
            "hs_task_type": kind,
        }
        if owner_id is not None:
            properties["hubspot_owner_id"] = owner_id
        link = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": TASK_TO_CONTACT}
        reply = self._http.call(
            "POST",
            f"{OBJECTS}/tasks",
            json={
                "properties": properties,
                "associations": [{"to": {"id": contact_id}, "types": [link]}],
            },
            repeatable=False,
        )
        return _created_id(reply)

    def find_task(self, contact_id: str, marker: str) -> str | None:
        """The id of the contact's task whose body holds `marker`, or None when there is certainly none.

        Reads associations and records, never search: search does not know new tasks for a while.
        """
        ids = self.associated("contacts", contact_id, "tasks")
        for start in range(0, len(ids), BATCH):
            reply = self._http.post(
                f"{OBJECTS}/tasks/batch/read",
                {
                    "inputs": [{"id": each} for each in ids[start : start + BATCH]],
                    "properties": ["hs_task_body"],
                },
            )
            for row in records_in(reply, "results", "hubspot: tasks/batch/read"):
                if marker in ((row.get("properties") or {}).get("hs_task_body") or ""):
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
            reply = self._http.get(path, params, parts={"id": record_id})
            rows = records_in(reply, "results", f"hubspot: {kind}/{{id}}/associations/{other}")
            # The documents say a number under toObjectId, older paths a string under id.
            found += [str(row.get("toObjectId") or row["id"]) for row in rows]
            following = next_after(reply.data)
            if following is None:
                return found
            if following == after:
                raise UnexpectedData(f"hubspot: associated {other} gave the same page twice; stopped.")
            after = following

    def properties(self, kind: str, record_id: str, names: Sequence[str]) -> Mapping[str, str | None] | None:
        """The named properties of one record as they are now; None when it does not exist any more."""
        try:
            reply = self._http.get(
                f"{OBJECTS}/{kind}/{{id}}", {"properties": ",".join(names)}, parts={"id": record_id}
            )
        except NotFound:
            return None
        found: Any = reply.data or {}
        values = found.get("properties")
        if not isinstance(values, dict):
            raise UnexpectedData(f"hubspot: a record of {kind} came without its properties.")
        return {name: values.get(name) for name in names}

    def update(self, kind: str, record_id: str, properties: Mapping[str, str]) -> None:
        """Set properties of one record ("" clears); doing it twice changes nothing more."""
        self._http.call(
            "PATCH",
            f"{OBJECTS}/{kind}/{{id}}",
            json={"properties": dict(properties)},
            parts={"id": record_id},
        )


def next_after(said: Mapping[str, Any]) -> str | None:
    """Where an answer, or one id's part of a batch, goes on; None at its end."""
    after = ((said.get("paging") or {}).get("next") or {}).get("after")
    return None if after is None else str(after)


def _created_id(reply: Reply) -> str:
    said: Any = reply.data or {}
    if not said.get("id"):
        raise UnexpectedData("hubspot: a task was created but its id was not told; look it up by its marker.")
    return str(said["id"])
