"""Mailchimp's verbs: members, tags and events, steps of journeys, and single mails through Mandrill."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AwareDatetime, Field

from connectors.errors import HandOverUnknown, NotFound, NotWanted
from connectors.mailchimp_write import MailchimpWrites, Member, NewStatus
from connectors.mandrill import Mandrill
from tasks.routes import Handed
from tasks.verbs import AS_IT_WAS, Nature, Verb

MergeValue = str | int | float | dict[str, str]
Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")]


class Upsert(Verb[MailchimpWrites]):
    """A member of an audience with these merge fields; who is there keeps their status.

    `status_if_new` is what somebody new becomes: subscribed only with their consent at hand, pending to let
    Mailchimp ask them, transactional for mails that are no marketing.
    """

    channel: ClassVar[str] = "mailchimp"
    nature: ClassVar[Nature] = "repeatable"
    do: Literal["member"] = "member"
    list_id: str
    email: Email
    status_if_new: NewStatus
    merge_fields: dict[str, MergeValue] = Field(default_factory=dict)
    language: str | None = None

    @property
    def client_sees(self) -> bool:
        """Whether it may put somebody on a mailing list, or ask them to be."""
        return self.status_if_new in ("subscribed", "pending")

    def hand_over(self, vendor: MailchimpWrites, marker: str) -> str:
        """Make it so unless it is; the member's status."""
        held = vendor.member(self.list_id, self.email)
        if held is not None and self._is_so(held):
            return f"{AS_IT_WAS} ({held.status})"
        return vendor.upsert(
            self.list_id,
            self.email,
            status_if_new=self.status_if_new,
            merge_fields=self.merge_fields if held is None else self._different(held),
            language=self.language,
        )

    def look_up(self, vendor: MailchimpWrites, handed: Handed) -> str | None:
        """The member's status when it is so."""
        held = vendor.member(self.list_id, self.email)
        return held.status if held is not None and self._is_so(held) else None

    def _different(self, held: Member) -> dict[str, MergeValue]:
        # What is cleared is told as "", and a field that was never set not at all.
        return {
            name: value
            for name, value in self.merge_fields.items()
            if held.merge_fields.get(name, "") != value
        }

    def _is_so(self, held: Member) -> bool:
        return not self._different(held) and self.language in (None, held.language)


class Tags(Verb[MailchimpWrites]):
    """Tags of a member, on (true) and off; tags not named stay."""

    channel: ClassVar[str] = "mailchimp"
    nature: ClassVar[Nature] = "repeatable"
    do: Literal["tags"] = "tags"
    list_id: str
    email: Email
    tags: Annotated[dict[str, bool], Field(min_length=1)]

    def hand_over(self, vendor: MailchimpWrites, marker: str) -> str:
        """Change those that differ."""
        different = self._different(vendor)
        if not different:
            return AS_IT_WAS
        vendor.set_tags(self.list_id, self.email, different)
        return "set"

    def look_up(self, vendor: MailchimpWrites, handed: Handed) -> str | None:
        """Whether they are so."""
        return None if self._different(vendor) else "set"

    def _different(self, vendor: MailchimpWrites) -> dict[str, bool]:
        held = vendor.tags(self.list_id, self.email)
        return {name: on for name, on in self.tags.items() if (name.lower() in held) != on}


class Event(Verb[MailchimpWrites]):
    """Something that a member did, for segments; it starts no automation."""

    channel: ClassVar[str] = "mailchimp"
    nature: ClassVar[Nature] = "marked"
    do: Literal["event"] = "event"
    list_id: str
    email: Email
    name: Annotated[str, Field(min_length=2, max_length=30)]
    properties: dict[str, str] = Field(default_factory=dict)
    at: AwareDatetime

    def hand_over(self, vendor: MailchimpWrites, marker: str) -> str:
        """Note it."""
        vendor.send_event(self.list_id, self.email, self.name, self.properties, marker, self.at)
        return "noted"

    def look_up(self, vendor: MailchimpWrites, handed: Handed) -> str | None:
        """Whether the member has the event with the marker."""
        return "noted" if vendor.has_event(self.list_id, self.email, handed.marker) else None


class JourneyStep(Verb[MailchimpWrites]):
    """A subscribed contact enters a step of a customer journey, once for all time."""

    channel: ClassVar[str] = "mailchimp_journey"
    nature: ClassVar[Nature] = "once"
    do: Literal["journey_step"] = "journey_step"
    list_id: str
    journey_id: str
    step_id: str
    email: Email

    @property
    def client_sees(self) -> bool:
        """Yes: a journey sends mails."""
        return True

    def once_for(self) -> str | None:
        """The contact and the step."""
        return f"{self.journey_id}/{self.step_id}/{self.email.lower()}"

    def hand_over(self, vendor: MailchimpWrites, marker: str) -> str:
        """Trigger it, for somebody who is subscribed at this moment."""
        held = vendor.member(self.list_id, self.email)
        if held is None:
            raise NotFound("mailchimp: the audience has no such member, so no journey can be entered.")
        if held.status != "subscribed":
            raise NotWanted(
                "mailchimp: the member is not subscribed; nothing was triggered.", "not_subscribed"
            )
        vendor.trigger(self.journey_id, self.step_id, self.email)
        return "triggered"

    def look_up(self, vendor: MailchimpWrites, handed: Handed) -> str | None:
        """Never to be known: raises HandOverUnknown."""
        raise HandOverUnknown("mailchimp: journeys cannot be asked who entered them.")


class _SingleMail(Verb[Mandrill]):
    """One mail to one person, through Mandrill."""

    channel: ClassVar[str] = "transactional"
    nature: ClassVar[Nature] = "marked"
    email: Email

    @property
    def client_sees(self) -> bool:
        """Yes."""
        return True

    def look_up(self, vendor: Mandrill, handed: Handed) -> str | None:
        """Mandrill's id of the mail with the marker; its index lags, so its silence is never certain."""
        return vendor.find(self.email, handed.marker, handed.since)


class TemplateMail(_SingleMail):
    """By a template of Mandrill's; sender and, unless given, subject are the template's."""

    do: Literal["template"] = "template"
    template: str
    subject: str | None = None
    variables: Mapping[str, Any] = Field(default_factory=dict)

    def hand_over(self, vendor: Mandrill, marker: str) -> str:
        """Send it; Mandrill's id of the mail."""
        return vendor.send_template(
            self.template, self.email, marker, variables=self.variables, subject=self.subject
        )


class WrittenMail(_SingleMail):
    """In our own words."""

    do: Literal["message"] = "message"
    sender: Email
    sender_name: str
    subject: str
    text: str
    html: str | None = None

    def hand_over(self, vendor: Mandrill, marker: str) -> str:
        """Send it; Mandrill's id of the mail."""
        return vendor.send(
            self.email,
            marker,
            sender=self.sender,
            sender_name=self.sender_name,
            subject=self.subject,
            text=self.text,
            html=self.html,
        )


VERBS: Sequence[type[Verb[MailchimpWrites]]] = (Upsert, Tags, Event, JourneyStep)
MANDRILL_VERBS: Sequence[type[Verb[Mandrill]]] = (TemplateMail, WrittenMail)
