"""What the sender needs of a channel, and the two that speak no vendor's API: mail and notices."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from connectors.errors import FixConfig, PermanentRefusal, RetryLater
from connectors.notify import notify
from connectors.smtp import SmtpConnection, SmtpSender
from playbook.loader import Company
from tasks import outgoing_mail

Payload = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Handed:
    """An effect that was handed over at `since`, whose answer nobody has.

    `taken` says of a provider's reference whether another row has it: then it is that row's effect. `waited`:
    requests still on their way have had their time.
    """

    payload: Payload
    marker: str
    since: datetime
    taken: Callable[[str], bool] = lambda _: False
    waited: bool = False


class Route(Protocol):
    """One channel. `hand_over` is the one call after which an effect cannot be taken back."""

    def asks_consent(self, prepared: Any) -> bool:
        """Whether a client sees it, so that consent is asked just before."""

    def connect(self) -> None:
        """Make ready to hand over. Raises RetryLater or FixConfig: nothing of this channel can go now."""

    def prepare(self, payload: Payload, marker: str, as_of: datetime) -> Any:
        """What `hand_over` takes. Raises PermanentRefusal when it can never be sent."""

    def hand_over(self, prepared: Any) -> str:
        """Do it; the provider's reference. Raises ConnectorError; HandOverUnknown = it may be done."""

    def look_up(self, handed: Handed) -> str | None:
        """The provider's reference of an effect handed over before, None when it was certainly not done.

        Raises NotCertain when that cannot be told yet, HandOverUnknown when it never can, PermanentRefusal
        when it was turned away, and other ConnectorErrors when the provider cannot be asked now.
        """

    def disconnect(self) -> None:
        """Let go of what `connect` took."""


class MailRoute:
    """Mail by SMTP, over one connection for many messages. A mail server cannot be asked what it has."""

    def __init__(self, sender: SmtpSender, company: Company) -> None:
        self._sender = sender
        self._company = company
        self._connection: SmtpConnection | None = None

    def asks_consent(self, prepared: Any) -> bool:
        """Always: a report to a colleague names nobody to ask about."""
        return True

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

    def look_up(self, handed: Handed) -> str | None:
        """Not possible: raises NotImplementedError."""
        raise NotImplementedError

    def disconnect(self) -> None:
        """Close the connection, politely if the server still listens."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class NoticeRoute:
    """Notices by Apprise. Taken by one address = sent; the addresses that refused are in the reference."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = tuple(urls)

    def asks_consent(self, prepared: Any) -> bool:
        """Never: colleagues read it."""
        return False

    def connect(self) -> None:
        """Only checks that somebody would hear."""
        if not self._urls:
            raise FixConfig("no address for alerts; set TENFOLD_ALERTS__URLS")

    def prepare(self, payload: Payload, marker: str, as_of: datetime) -> Any:
        """The payload, complete."""
        if missing := [name for name in ("title", "body", "severity") if name not in payload]:
            raise PermanentRefusal(f"the row's payload lacks {', '.join(missing)}; it was queued by a bug")
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

    def look_up(self, handed: Handed) -> str | None:
        """Not possible: raises NotImplementedError."""
        raise NotImplementedError

    def disconnect(self) -> None:
        """Nothing is kept open."""
