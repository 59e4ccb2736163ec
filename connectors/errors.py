"""What can go wrong between us and a vendor, one class per thing to do next.

No body, token or address stands in a text.
"""


class ConnectorError(Exception):
    """Anything an outside system did that stops a read or a write; the message says what to do."""


class RetryLater(ConnectorError):
    """It heals with time; `retry_after` is the wait in seconds that the vendor asked for, if it did."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QuotaSpent(RetryLater):
    """The day's calls are used up: nothing is asked again before the quota's reset."""


class FixConfig(ConnectorError):
    """A person has to change a setting, a token or an account first."""


class NotPermitted(FixConfig):
    """The token is good but lacks the right to do this; the message names the right where the vendor does."""


class UnexpectedData(ConnectorError):
    """The vendor's answer is not what its documentation promises; nothing of it was kept."""


class Refused(UnexpectedData):
    """The vendor understood the request and will not do it (4xx); asking again gives the same answer."""

    def __init__(self, message: str, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class NotFound(Refused):
    """The thing asked for does not exist (any more)."""


class Conflict(Refused):
    """It exists already; `existing_id` is its id where the vendor says it."""

    def __init__(self, message: str, code: str | None = None, existing_id: str | None = None) -> None:
        super().__init__(message, code)
        self.existing_id = existing_id


class NotWanted(Refused):
    """The person behind it does not want it, says the vendor: nothing to repair, and never to be forced.

    `code` is the reason, one of our own words.
    """


class PermanentRefusal(ConnectorError):
    """A mail server refused the message for good; `code` is its SMTP reply code."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


class NotCertain(ConnectorError):
    """The vendor does not show it, which proves nothing: its index may lag. Ask again, do nothing again."""


class HandOverUnknown(ConnectorError):
    """The connection ended after we gave the message away and before the answer: it may have been done.

    Never send again blindly; look it up by its marker, or ask a person.
    """
