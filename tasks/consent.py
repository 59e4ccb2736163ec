"""Whether somebody may be written to, asked live at the moment of sending."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from connectors.errors import ConnectorError, FixConfig

Consent = Callable[[Mapping[str, Any], datetime], str | None]


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

    def __call__(self, payload: Mapping[str, Any], as_of: datetime) -> str | None:
        """Why not (`opted_out`, `no_contact`, `ended`), None when nothing speaks against it.

        The payload's `person_id` and `company_id` are asked about, HubSpot's ids; a mail to nobody in HubSpot
        (a report) has neither. Raises ConnectorError when HubSpot does not answer: then nothing may be sent.
        """
        person_id, company_id = payload.get("person_id"), payload.get("company_id")
        if person_id is not None:
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


def nobody_to_ask(payload: Mapping[str, Any], as_of: datetime) -> str | None:  # noqa: ARG001 - Consent's shape
    """The consent of a home without HubSpot: what concerns nobody there may go, the rest waits."""
    if payload.get("person_id") is None and payload.get("company_id") is None:
        return None
    raise FixConfig("consent cannot be asked without HubSpot; set TENFOLD_HUBSPOT__TOKEN")
