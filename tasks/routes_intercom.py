"""Intercom's verbs: what a client sees of a conversation, and what only colleagues see.

Each step in a conversation leaves a part that stays, so an order is compared with the conversation first:
what is so already is done without a call.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AwareDatetime, Field, JsonValue

from connectors.errors import HandOverUnknown, PermanentRefusal
from connectors.intercom_conversation import Conversation, Part
from connectors.intercom_write import Assignee, IntercomWrites
from tasks.routes import Handed
from tasks.verbs import AS_IT_WAS, Nature, Verb, require_marker

CLOCK_SKEW = timedelta(minutes=2)  # Intercom's clock against ours

Attributes = Annotated[dict[str, JsonValue], Field(min_length=1)]


class _Said(Verb[IntercomWrites]):
    """Something said in a conversation, by a colleague."""

    conversation_id: str
    admin_id: str
    body: Annotated[str, Field(min_length=1)]

    def _mine(self, conversation: Conversation, kind: str) -> list[Part]:
        return [part for part in conversation.parts if part.kind == kind and part.admin_id == self.admin_id]


class Reply(_Said):
    """An answer to the client, in a colleague's name. It carries no marker: the client would read it."""

    channel: ClassVar[str] = "intercom_reply"
    nature: ClassVar[Nature] = "recognised"
    do: Literal["reply"] = "reply"

    @property
    def client_sees(self) -> bool:
        """Yes."""
        return True

    def hand_over(self, vendor: IntercomWrites, marker: str) -> str:
        """Send it; the part's id."""
        after = vendor.reply(self.conversation_id, self.admin_id, self.body)
        sent = [part for part in self._mine(after, "comment") if part.says(self.body)]
        return sent[-1].id if sent else "sent"

    def look_up(self, vendor: IntercomWrites, handed: Handed) -> str | None:
        """The id of the colleague's part with this very text since then.

        Raises HandOverUnknown when that colleague said something else meanwhile: it may be this text as
        Intercom changed it, and a client must not read the same answer twice.
        """
        since = [
            part
            for part in self._mine(vendor.conversation(self.conversation_id), "comment")
            if part.at >= handed.since - CLOCK_SKEW and not handed.taken(part.id)
        ]
        for part in since:
            if part.says(self.body):
                return part.id
        if any(part.at >= handed.since for part in since):
            raise HandOverUnknown(
                "intercom: the same colleague answered meanwhile in other words; read the conversation and "
                "say whether the answer is there."
            )
        return None


class Note(_Said):
    """A note that only colleagues see."""

    channel: ClassVar[str] = "intercom"
    nature: ClassVar[Nature] = "marked"
    do: Literal["note"] = "note"

    def marked(self, marker: str) -> Self:
        """With the marker as the last line of its text."""
        return self.model_copy(update={"body": f"{self.body}\n\n{marker}"})

    def check(self, marker: str, as_of: datetime) -> None:
        """It has its marker."""
        require_marker(self.body, marker)

    def hand_over(self, vendor: IntercomWrites, marker: str) -> str:
        """Write it; the part's id."""
        return _carrying(vendor.note(self.conversation_id, self.admin_id, self.body), marker) or "written"

    def look_up(self, vendor: IntercomWrites, handed: Handed) -> str | None:
        """The id of the note with the marker."""
        return _carrying(vendor.conversation(self.conversation_id), handed.marker)


class _State(Verb[IntercomWrites]):
    """Something that a conversation is to be. `part` is the kind of the step that makes it so."""

    channel: ClassVar[str] = "intercom"
    nature: ClassVar[Nature] = "compared"
    part: ClassVar[str]
    conversation_id: str
    admin_id: str

    def is_so(self, conversation: Conversation) -> bool:
        """Whether there is nothing to do."""
        raise NotImplementedError

    def make_so(self, vendor: IntercomWrites) -> Conversation:
        """The one call."""
        raise NotImplementedError

    def fits(self, part: Part) -> bool:
        """Whether a step is the one that this order makes."""
        return part.kind == self.part and part.admin_id == self.admin_id

    def hand_over(self, vendor: IntercomWrites, marker: str) -> str:
        """Make it so unless it is; the part's id."""
        if self.is_so(vendor.conversation(self.conversation_id)):
            return AS_IT_WAS
        made = [part for part in self.make_so(vendor).parts if self.fits(part)]
        return made[-1].id if made else "done"

    def look_up(self, vendor: IntercomWrites, handed: Handed) -> str | None:
        """The id of our step since then, also when somebody changed it again; or that it is so."""
        conversation = vendor.conversation(self.conversation_id)
        for part in conversation.parts:
            if self.fits(part) and part.at >= handed.since - CLOCK_SKEW and not handed.taken(part.id):
                return part.id
        return AS_IT_WAS if self.is_so(conversation) else None


class Close(_State):
    """The conversation is closed."""

    part: ClassVar[str] = "close"
    do: Literal["close"] = "close"

    def is_so(self, conversation: Conversation) -> bool:
        """Closed."""
        return conversation.state == "closed"

    def make_so(self, vendor: IntercomWrites) -> Conversation:
        """Close."""
        return vendor.close(self.conversation_id, self.admin_id)


class Open(_State):
    """The conversation is open: not closed, not snoozed."""

    part: ClassVar[str] = "open"
    do: Literal["open"] = "open"

    def is_so(self, conversation: Conversation) -> bool:
        """Open."""
        return conversation.state == "open"

    def make_so(self, vendor: IntercomWrites) -> Conversation:
        """Open."""
        return vendor.open(self.conversation_id, self.admin_id)


class Snooze(_State):
    """The conversation is out of sight until an instant."""

    part: ClassVar[str] = "snoozed"
    do: Literal["snooze"] = "snooze"
    until: AwareDatetime

    @property
    def _until(self) -> datetime:
        return self.until.astimezone(UTC).replace(microsecond=0)

    def check(self, marker: str, as_of: datetime) -> None:
        """The instant is still to come."""
        if self._until <= as_of:
            raise PermanentRefusal("the instant until which to snooze has passed")

    def is_so(self, conversation: Conversation) -> bool:
        """Snoozed until then."""
        return conversation.state == "snoozed" and conversation.snoozed_until == self._until

    def make_so(self, vendor: IntercomWrites) -> Conversation:
        """Snooze."""
        return vendor.snooze(self.conversation_id, self.admin_id, self._until)


class Assign(_State):
    """The conversation belongs to a colleague or a team."""

    part: ClassVar[str] = "assignment"
    do: Literal["assign"] = "assign"
    to: Assignee
    assignee_id: str

    def is_so(self, conversation: Conversation) -> bool:
        """Assigned to them."""
        held = conversation.admin_id if self.to == "admin" else conversation.team_id
        return held == self.assignee_id

    def make_so(self, vendor: IntercomWrites) -> Conversation:
        """Assign."""
        return vendor.assign(self.conversation_id, self.admin_id, self.to, self.assignee_id)

    def fits(self, part: Part) -> bool:
        """Our assignment to them."""
        return super().fits(part) and part.assigned_to == self.assignee_id


class Tag(Verb[IntercomWrites]):
    """The conversation has the tag of that name."""

    channel: ClassVar[str] = "intercom"
    nature: ClassVar[Nature] = "repeatable"
    do: Literal["tag"] = "tag"
    conversation_id: str
    admin_id: str
    tag: Annotated[str, Field(min_length=1)]

    def hand_over(self, vendor: IntercomWrites, marker: str) -> str:
        """Put it on unless it is."""
        if self.tag.lower() in vendor.conversation(self.conversation_id).tags:
            return AS_IT_WAS
        vendor.tag(self.conversation_id, self.admin_id, self.tag)
        return "tagged"

    def look_up(self, vendor: IntercomWrites, handed: Handed) -> str | None:
        """Whether it is on."""
        there = self.tag.lower() in vendor.conversation(self.conversation_id).tags
        return "tagged" if there else None


class Untag(Verb[IntercomWrites]):
    """The conversation does not have the tag of that name."""

    channel: ClassVar[str] = "intercom"
    nature: ClassVar[Nature] = "repeatable"
    do: Literal["untag"] = "untag"
    conversation_id: str
    admin_id: str
    tag: Annotated[str, Field(min_length=1)]

    def hand_over(self, vendor: IntercomWrites, marker: str) -> str:
        """Take it off if it is on."""
        tag_id = vendor.conversation(self.conversation_id).tags.get(self.tag.lower())
        if tag_id is None:
            return AS_IT_WAS
        vendor.untag(self.conversation_id, self.admin_id, tag_id)
        return "untagged"

    def look_up(self, vendor: IntercomWrites, handed: Handed) -> str | None:
        """Whether it is off."""
        there = self.tag.lower() in vendor.conversation(self.conversation_id).tags
        return None if there else "untagged"


class ConversationAttributes(Verb[IntercomWrites]):
    """Custom attributes of a conversation."""

    channel: ClassVar[str] = "intercom"
    nature: ClassVar[Nature] = "repeatable"
    do: Literal["conversation"] = "conversation"
    conversation_id: str
    attributes: Attributes

    def hand_over(self, vendor: IntercomWrites, marker: str) -> str:
        """Set those that differ."""
        different = _different(vendor.conversation(self.conversation_id).attributes, self.attributes)
        if not different:
            return AS_IT_WAS
        vendor.set_attributes(self.conversation_id, different)
        return "set"

    def look_up(self, vendor: IntercomWrites, handed: Handed) -> str | None:
        """Whether they are so."""
        held = vendor.conversation(self.conversation_id).attributes
        return None if _different(held, self.attributes) else "set"


class ContactAttributes(Verb[IntercomWrites]):
    """Name, telephone and custom attributes of a contact; never whether they want mail."""

    channel: ClassVar[str] = "intercom"
    nature: ClassVar[Nature] = "repeatable"
    do: Literal["contact"] = "contact"
    contact_id: str
    name: str | None = None
    phone: str | None = None
    attributes: dict[str, JsonValue] = Field(default_factory=dict)

    def check(self, marker: str, as_of: datetime) -> None:
        """There is something to set."""
        if not self._fields and not self.attributes:
            raise PermanentRefusal("the payload sets nothing of the contact; queued by a bug")

    @property
    def _fields(self) -> dict[str, str]:
        given = {"name": self.name, "phone": self.phone}
        return {name: value for name, value in given.items() if value is not None}

    def _changes(self, vendor: IntercomWrites) -> dict[str, Any]:
        held = vendor.contact(self.contact_id)
        changes: dict[str, Any] = _different(held, self._fields)
        if custom := _different(held["custom_attributes"], self.attributes):
            changes["custom_attributes"] = custom
        return changes

    def hand_over(self, vendor: IntercomWrites, marker: str) -> str:
        """Set what differs."""
        changes = self._changes(vendor)
        if not changes:
            return AS_IT_WAS
        vendor.set_contact(self.contact_id, changes)
        return "set"

    def look_up(self, vendor: IntercomWrites, handed: Handed) -> str | None:
        """Whether it is so."""
        return None if self._changes(vendor) else "set"


VERBS: Sequence[type[Verb[IntercomWrites]]] = (
    Reply,
    Note,
    Tag,
    Untag,
    Assign,
    Close,
    Open,
    Snooze,
    ConversationAttributes,
    ContactAttributes,
)


def _carrying(conversation: Conversation, marker: str) -> str | None:
    for part in conversation.parts:
        if part.kind == "note" and marker in part.body:
            return part.id
    return None


def _different(held: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if held.get(name) != value}
