"""HubSpot's verbs: tasks and notes, contacts and properties."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AwareDatetime, Field

from connectors.errors import NotFound, PermanentRefusal
from connectors.hubspot_difference import difference
from connectors.hubspot_write import About, HubSpotWrites, Kind
from tasks.routes import Handed
from tasks.verbs import Nature, Verb, require_marker

Properties = Annotated[dict[str, str], Field(min_length=1)]


class _Activity(Verb[HubSpotWrites]):
    """Something written down about a record: `kind` and `record_id`, or the contact `person_id`."""

    nature: ClassVar[Nature] = "marked"
    kind: Kind = "contacts"
    record_id: str | None = None
    body: str
    owner_id: str | None = None

    @property
    def about(self) -> About:
        """The record."""
        return About(self.kind, self.record_id or self.person_id or "")

    def marked(self, marker: str) -> Self:
        """With the marker as the last line of its text."""
        return self.model_copy(update={"body": f"{self.body}\n\n{marker}"})

    def check(self, marker: str, as_of: datetime) -> None:
        """It has a record and its marker."""
        require_marker(self.body, marker)
        if not (self.record_id or (self.kind == "contacts" and self.person_id)):
            raise PermanentRefusal("the payload names no record that it is about; queued by a bug")


class Task(_Activity):
    """A task for a colleague, about a record."""

    channel: ClassVar[str] = "hubspot_task"
    do: Literal["task"] = "task"
    due: AwareDatetime
    subject: str

    def hand_over(self, vendor: HubSpotWrites, marker: str) -> str:
        """Create it; its id."""
        return vendor.create_task(
            self.about, due=self.due, subject=self.subject, body=self.body, owner_id=self.owner_id
        )

    def look_up(self, vendor: HubSpotWrites, handed: Handed) -> str | None:
        """The id of the record's task with the marker."""
        return vendor.find_marked("tasks", self.about, handed.marker)


class Note(_Activity):
    """A note on a record, dated `at`."""

    channel: ClassVar[str] = "hubspot"
    do: Literal["note"] = "note"
    at: AwareDatetime

    def hand_over(self, vendor: HubSpotWrites, marker: str) -> str:
        """Create it; its id."""
        return vendor.create_note(self.about, at=self.at, body=self.body, owner_id=self.owner_id)

    def look_up(self, vendor: HubSpotWrites, handed: Handed) -> str | None:
        """The id of the record's note with the marker."""
        return vendor.find_marked("notes", self.about, handed.marker)


class Contact(Verb[HubSpotWrites]):
    """A contact with that address, made if there is none, with these properties."""

    channel: ClassVar[str] = "hubspot"
    nature: ClassVar[Nature] = "repeatable"
    do: Literal["contact"] = "contact"
    email: str
    properties: dict[str, str] = Field(default_factory=dict)
    may_step_back: bool = False

    def check(self, marker: str, as_of: datetime) -> None:
        """The address is told once."""
        if "email" in self.properties:
            raise PermanentRefusal("the payload names the address twice; to change it use 'update'")

    def hand_over(self, vendor: HubSpotWrites, marker: str) -> str:
        """Make it so; the contact's id."""
        return vendor.upsert_contact(self.email, self.properties, may_step_back=self.may_step_back)

    def look_up(self, vendor: HubSpotWrites, handed: Handed) -> str | None:
        """The contact's id when it is there and so."""
        found = vendor.contact_by_email(self.email, tuple(self.properties))
        if found is None or difference(found[1], self.properties):
            return None
        return found[0]


class Update(Verb[HubSpotWrites]):
    """Properties of a record; "" clears one."""

    channel: ClassVar[str] = "hubspot"
    nature: ClassVar[Nature] = "repeatable"
    do: Literal["update"] = "update"
    kind: Literal["contacts", "companies", "deals", "tickets", "tasks"]
    record_id: str
    properties: Properties
    may_step_back: bool = False

    def hand_over(self, vendor: HubSpotWrites, marker: str) -> str:
        """Write what differs; the record's id."""
        vendor.change(self.kind, self.record_id, self.properties, may_step_back=self.may_step_back)
        return self.record_id

    def look_up(self, vendor: HubSpotWrites, handed: Handed) -> str | None:
        """The record's id when it is so."""
        current = vendor.properties(self.kind, self.record_id, tuple(self.properties))
        if current is None:
            raise NotFound(f"hubspot: the record of {self.kind} to change does not exist any more.")
        return None if difference(current, self.properties) else self.record_id


VERBS: Sequence[type[Verb[HubSpotWrites]]] = (Task, Note, Contact, Update)
