"""What a verb of the outbox is: the contract of its payload, how it is done, and how it is found again.

A verb never does twice what must be done once. How that is so stands in its `nature`, and for all of them
in docs/effects.md:

- `repeatable`: done twice it leaves what done once leaves; compared first, so that nothing is done idly.
- `compared`: the same, but each call leaves a trace that stays; it is looked for before doing it again.
- `marked`: carries a marker of ours by which it is found.
- `recognised`: found by its author, its exact text and its time.
- `once`: neither; a lost answer is the end of what can be known.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from connectors.errors import HandOverUnknown, PermanentRefusal
from tasks.routes import Handed, Payload

Nature = Literal["repeatable", "compared", "marked", "recognised", "once"]
AS_IT_WAS = "it was so already"
Vendor = TypeVar("Vendor")


class Verb(BaseModel, Generic[Vendor]):
    """One effect, ready to be done; its fields are the payload's contract.

    `person_id` and `company_id` are HubSpot's ids of whom it concerns: of what a client sees, their consent
    is asked at the moment of sending. An answer to a person's own question needs none and names nobody.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: ClassVar[str]
    nature: ClassVar[Nature]
    do: str
    person_id: str | None = None
    company_id: str | None = None
    step: str | None = None  # the rule that decided it, journey/step

    @property
    def client_sees(self) -> bool:
        """Whether it reaches a client."""
        return False

    def once_for(self) -> str | None:
        """What this verb may happen once for, whatever the occasion; None when the occasion says it all."""
        return None

    def marked(self, marker: str) -> Self:  # noqa: ARG002 - only some carry it in a text
        """The same with the marker in its text, where that is where it goes."""
        return self

    def check(self, marker: str, as_of: datetime) -> None:
        """Raises PermanentRefusal for what a field alone does not show."""

    def hand_over(self, vendor: Vendor, marker: str) -> str:
        """Do it, if it is not so already; the vendor's reference. Raises ConnectorError."""
        raise NotImplementedError

    def look_up(self, vendor: Vendor, handed: Handed) -> str | None:
        """As `Route.look_up`."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Prepared:
    """A verb with the marker of its row."""

    verb: Verb[Any]
    marker: str


class VerbRoute:
    """The channel of some verbs of one vendor; a payload says by `do` which it is."""

    def __init__(
        self, vendor: object, verbs: Sequence[type[Verb[Any]]], *, settle_seconds: float = 5.0
    ) -> None:
        """`settle_seconds`: how long a request of a process that died may still be on its way."""
        self._vendor = vendor
        self._verbs = {verb.model_fields["do"].default: verb for verb in verbs}
        self._settle = settle_seconds

    def asks_consent(self, prepared: Prepared) -> bool:
        """Whether a client sees it."""
        return prepared.verb.client_sees

    def connect(self) -> None:
        """Nothing to do: each request connects by itself."""

    def prepare(self, payload: Payload, marker: str, as_of: datetime) -> Prepared:
        """The verb of the payload, complete."""
        verb = self._verb(payload)
        verb.check(marker, as_of)
        return Prepared(verb, marker)

    def hand_over(self, prepared: Prepared) -> str:
        """Do it; the vendor's reference."""
        return prepared.verb.hand_over(self._vendor, prepared.marker)

    def look_up(self, handed: Handed) -> str | None:
        """As the verb says; "certainly not done" only after waiting for requests that may come late."""
        try:
            verb = self._verb(handed.payload)
        except PermanentRefusal as error:
            raise HandOverUnknown(f"it was handed over, and cannot be looked up: {error}") from None
        found = verb.look_up(self._vendor, handed)
        if found is None and self._settle > 0 and not handed.waited and verb.nature != "repeatable":
            time.sleep(self._settle)
            found = verb.look_up(self._vendor, handed)
        return found

    def disconnect(self) -> None:
        """Nothing to do: the connector belongs to whoever made it."""

    def _verb(self, payload: Mapping[str, Any]) -> Verb[Any]:
        # A channel of one verb takes rows without a name, as they were queued before there were several.
        name = payload.get("do", next(iter(self._verbs)) if len(self._verbs) == 1 else None)
        kind = self._verbs.get(name)
        if kind is None:
            raise PermanentRefusal(
                f"the row names no verb of its channel; choose one of {', '.join(self._verbs)}"
            )
        try:
            return kind.model_validate(payload)
        except ValidationError as error:
            # Where and what kind, never the value: it may be a person's.
            faults = error.errors(include_url=False, include_context=False, include_input=False)
            said = ", ".join(
                f"{'.'.join(map(str, fault['loc'])) or 'the whole'}: {fault['type']}" for fault in faults
            )
            raise PermanentRefusal(
                f"the row's payload for '{name}' is not valid ({said}); queued by a bug"
            ) from None


def routes_of(
    vendor: Vendor, verbs: Sequence[type[Verb[Vendor]]], *, settle_seconds: float = 5.0
) -> dict[str, VerbRoute]:
    """Channel -> route, for the verbs of one vendor."""
    by_channel: dict[str, list[type[Verb[Vendor]]]] = {}
    for verb in verbs:
        by_channel.setdefault(verb.channel, []).append(verb)
    return {
        channel: VerbRoute(vendor, chosen, settle_seconds=settle_seconds)
        for channel, chosen in by_channel.items()
    }


def require_marker(text: str, marker: str) -> None:
    """Raises PermanentRefusal when a text lacks the marker by which it would be found."""
    if marker not in text:
        raise PermanentRefusal("the text lacks its marker, so it could not be found again; queued by a bug")
