"""How each channel reaches the outside: what is done with one row, and what can be asked afterwards."""

import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from connectors.errors import ConnectorError, FixConfig, PermanentRefusal, RetryLater
from connectors.notify import notify
from connectors.smtp import SmtpConnection, SmtpSender
from playbook.loader import Company
from tasks import outgoing_mail

Payload = Mapping[str, Any]


class Route(Protocol):
    """One channel. `hand_over` is the one call after which an effect cannot be taken back."""

    can_look_up: bool

    def connect(self) -> None:
        """Make ready to hand over. Raises RetryLater or FixConfig: nothing of this channel can go now."""

    def prepare(self, payload: Payload, marker: str, as_of: datetime) -> Any:
        """What `hand_over` takes. Raises PermanentRefusal when it can never be sent."""

    def hand_over(self, prepared: Any) -> str:
        """Do it; the provider's reference. Raises ConnectorError; HandOverUnknown = it may be done."""

    def look_up(self, payload: Payload, marker: str) -> str | None:
        """The provider's reference of an effect handed over before, None when it was certainly not done."""

    def disconnect(self) -> None:
        """Let go of what `connect` took."""


class MailRoute:
    """Mail by SMTP, over one connection for many messages. A mail server cannot be asked what it has."""

    can_look_up = False

    def __init__(self, sender: SmtpSender, company: Company) -> None:
        self._sender = sender
        self._company = company
        self._connection: SmtpConnection | None = None

    def connect(self) -> None:
        """Open the connection unless it is open."""
        if self._connection is None:
            self._connection = self._sender.connect()

    def prepare(self, payload: Payload, marker: str, as_of: datetime) -> Any:
        """The whole message."""
        try:
            return outgoing_mail.build(payload, marker, self._company, as_of)
        except (ValueError, IndexError, KeyError, OSError) as error:
            # Its text may hold the address; the kind of error is enough to find the row.
            raise PermanentRefusal(
                f"the message cannot be built ({type(error).__name__}); correct the address or the files"
            ) from None

    def hand_over(self, prepared: Any) -> str:
        """Give the message to the server; its reply."""
        if self._connection is None:
            raise RetryLater("the connection to the mail server is not open; try again")
        return self._connection.hand_over(prepared)

    def look_up(self, payload: Payload, marker: str) -> str | None:
        """Not possible: raises NotImplementedError."""
        raise NotImplementedError

    def disconnect(self) -> None:
        """Close the connection, politely if the server still listens."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class TaskWriter(Protocol):
    """The part of HubSpot's connector that call tasks need."""

    def create_task(
        self, contact_id: str, *, due: datetime, subject: str, body: str, owner_id: str | None = None
    ) -> str:
        """The id of the new task."""

    def find_task(self, contact_id: str, marker: str) -> str | None:
        """The id of the contact's task that carries `marker`."""


class TaskRoute:
    """Tasks in HubSpot, found again by the marker in their text."""

    can_look_up = True

    def __init__(self, hubspot: TaskWriter, settle_seconds: float = 5.0) -> None:
        """`settle_seconds`: how long a request of a process that died may still be on its way."""
        self._hubspot = hubspot
        self._settle = settle_seconds

    def connect(self) -> None:
        """Nothing to do: each request connects by itself."""

    def prepare(self, payload: Payload, marker: str, as_of: datetime) -> Any:  # noqa: ARG002
        """The payload, complete."""
        _require(payload, ("person_id", "due", "subject", "body", "owner_id"))
        if marker not in payload["body"]:
            raise PermanentRefusal("the task's text lacks its marker, so it could not be found again")
        return payload

    def hand_over(self, prepared: Any) -> str:
        """Create the task; its id."""
        return self._hubspot.create_task(
            prepared["person_id"],
            due=datetime.fromisoformat(prepared["due"]),
            subject=prepared["subject"],
            body=prepared["body"],
            owner_id=prepared["owner_id"],
        )

    def look_up(self, payload: Payload, marker: str) -> str | None:
        """The id of the task with that marker, None when there is none after waiting for late requests."""
        found = self._hubspot.find_task(payload["person_id"], marker)
        if found is None and self._settle > 0:
            time.sleep(self._settle)
            found = self._hubspot.find_task(payload["person_id"], marker)
        return found

    def disconnect(self) -> None:
        """Nothing to do: the connector belongs to whoever made it."""


class NoticeRoute:
    """Notices by Apprise. Taken by one address = sent; the addresses that refused are in the reference."""

    can_look_up = False

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = tuple(urls)

    def connect(self) -> None:
        """Only checks that somebody would hear."""
        if not self._urls:
            raise FixConfig("no address for alerts; set TENFOLD_ALERTS__URLS")

    def prepare(self, payload: Payload, marker: str, as_of: datetime) -> Any:  # noqa: ARG002
        """The payload, complete."""
        _require(payload, ("title", "body", "severity"))
        return payload

    def hand_over(self, prepared: Any) -> str:
        """Send it to every address; which took it. Raises RetryLater when none did."""
        found = notify(self._urls, prepared["title"], prepared["body"], prepared["severity"])
        summary = ", ".join(
            delivery.channel if delivery.delivered else f"{delivery.channel} refused: {delivery.reason}"
            for delivery in found
        )
        if not any(delivery.delivered for delivery in found):
            raise RetryLater(f"no address took the notice ({summary})")
        return summary

    def look_up(self, payload: Payload, marker: str) -> str | None:
        """Not possible: raises NotImplementedError."""
        raise NotImplementedError

    def disconnect(self) -> None:
        """Nothing is kept open."""


def _require(payload: Payload, names: Sequence[str]) -> None:
    if missing := [name for name in names if name not in payload]:
        raise PermanentRefusal(f"the row's payload lacks {', '.join(missing)}; it was queued by a bug")


class LiveRecords(Protocol):
    """The part of HubSpot's connector that tells the newest state of a record."""

    def properties(self, kind: str, record_id: str, names: Sequence[str]) -> Mapping[str, str | None] | None:
        """The named properties of one record as they are now; None when it does not exist any more."""

    def associated(self, kind: str, record_id: str, other: str) -> list[str]:
        """The ids of the records of kind `other` associated with one record."""


class LiveConsent:
    """Asks HubSpot, at the moment of sending, whether a client may still be written to."""

    def __init__(self, hubspot: LiveRecords) -> None:
        self._hubspot = hubspot

    def __call__(self, payload: Payload, as_of: datetime) -> str | None:
        """Why not (`opted_out`, `no_contact`, `ended`), None when nothing speaks against it.

        A mail to nobody in HubSpot (a report) is not asked about. Raises ConnectorError when HubSpot does not
        answer: then nothing may be sent.
        """
        person_id, company_id = payload.get("person_id"), payload.get("company_id")
        if person_id is None:
            return None
        person = self._hubspot.properties("contacts", person_id, ("hs_email_optout", "lifecyclestage"))
        if person is None:
            return "no_contact"
        if (person.get("hs_email_optout") or "").lower() == "true":
            return "opted_out"
        if company_id is not None and not self._subscribed(company_id, as_of):
            return "ended"
        return None

    def _subscribed(self, company_id: str, as_of: datetime) -> bool:
        names = ("hs_is_closed_won", "tenfold_start_at", "tenfold_end_at")
        for deal_id in self._hubspot.associated("companies", company_id, "deals"):
            deal = self._hubspot.properties("deals", deal_id, names)
            if deal is None or deal.get("hs_is_closed_won") != "true" or not deal.get("tenfold_start_at"):
                continue
            end = deal.get("tenfold_end_at")
            try:
                if not end or datetime.fromisoformat(end) > as_of:
                    return True
            except (ValueError, TypeError):
                raise ConnectorError(
                    f"deal {deal_id}: tenfold_end_at is no date and time with a zone; correct it in HubSpot"
                ) from None
        return False
