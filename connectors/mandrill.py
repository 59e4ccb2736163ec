"""Mailchimp Transactional (Mandrill): one mail to one person, and finding it again.

A 200 is not success: what became of the mail stands in the answer. Errors may come with any status, with
their name in the body. The search index lags, so what it does not show may have been sent all the same.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from connectors.answers import Answer
from connectors.errors import (
    ConnectorError,
    FixConfig,
    NotCertain,
    PermanentRefusal,
    Refused,
    RetryLater,
    UnexpectedData,
)
from connectors.transport import Policy, Transport
from settings import Settings

TAKEN = ("sent", "queued", "scheduled")
TURNED_AWAY = ("rejected", "invalid")
MARK = "tenfold"  # the metadata field that carries our marker
MOST_FOUND = 1000  # Mandrill's maximum
# What the name of an error means.
FIX_ACCOUNT = ("Invalid_Key", "PaymentRequired", "PoorReputation", "Unknown_Subaccount")
FIX_TEMPLATE = ("Unknown_Template",)
AWAY = ("ServiceUnavailable",)
# About the request, so that nothing was done. Any other name is a fault of Mandrill's own: its status counts.
REFUSED = ("ValidationError", "Invalid_", "Unknown_")
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")


class Mandrill:
    """One account."""

    def __init__(self, transport: Transport, key: str) -> None:
        self._http = transport
        self._key = key

    def send_template(
        self,
        template: str,
        to: str,
        marker: str,
        *,
        variables: Mapping[str, object],
        subject: str | None = None,
    ) -> str:
        """Mandrill's id of the mail that it took. Sender and, unless given, subject are the template's.

        Raises PermanentRefusal with Mandrill's reason for an address that it will not send to, and
        HandOverUnknown when the answer was lost; then ask `find`.
        """
        message = {
            **_addressed(to, marker),
            "global_merge_vars": [{"name": name, "content": value} for name, value in variables.items()],
        }
        if subject is not None:
            message["subject"] = subject
        said = {"template_name": template, "template_content": [], "message": message}
        return self._hand_over("/messages/send-template.json", said)

    def send(
        self,
        to: str,
        marker: str,
        *,
        sender: str,
        sender_name: str,
        subject: str,
        text: str,
        html: str | None,
    ) -> str:
        """Mandrill's id of a mail written by us that it took. Raises as `send_template`."""
        message = {
            **_addressed(to, marker),
            "from_email": sender,
            "from_name": sender_name,
            "subject": subject,
            "text": text,
        }
        if html is not None:
            message["html"] = html
        return self._hand_over("/messages/send.json", {"message": message})

    def _hand_over(self, path: str, said: Mapping[str, object]) -> str:
        rows = self._ask(path, said, repeatable=False)
        if len(rows) != 1:
            raise UnexpectedData("mandrill: one mail was handed over, and not one was answered for.")
        return _taken(str(rows[0].get("status")), rows[0])

    def find(self, to: str, marker: str, since: datetime) -> str:
        """Mandrill's id of the mail with that marker, handed over at `since` (aware) or later.

        Raises PermanentRefusal when it was turned away, NotCertain when the index does not show it.
        """
        rows = self._ask(
            "/messages/search.json",
            {
                "query": f"full_email:{to}",
                # Whole days of Mandrill's; without a start it looks back seven.
                "date_from": (since - timedelta(days=1)).astimezone(UTC).date().isoformat(),
                "limit": MOST_FOUND,
            },
        )
        for row in rows:
            if (row.get("metadata") or {}).get(MARK) == marker:
                state = str(row.get("state"))
                # Later states (bounced, spam, unsub …) are the fate of a mail that was sent.
                return _taken(state if state in TURNED_AWAY else "sent", row)
        raise NotCertain(
            "mandrill: POST /messages/search.json does not show the mail (yet); asked again later."
        )

    def ping(self) -> None:
        """Only whether the key is accepted. Raises ConnectorError."""
        self._http.call("POST", "/users/ping2.json", json={"key": self._key}, tries=1, purpose="act")

    def _ask(
        self, path: str, said: Mapping[str, object], *, repeatable: bool = True
    ) -> Sequence[dict[str, Any]]:
        reply = self._http.call(
            "POST",
            path,
            json={"key": self._key, **said},
            repeatable=repeatable,
            purpose="act",
            decode=_array,
        )
        rows: Sequence[dict[str, Any]] = reply.data["rows"]
        if not all(isinstance(row, dict) for row in rows):
            raise UnexpectedData(f"mandrill: POST {path}: the answer is no list of objects.")
        return rows

    def close(self) -> None:
        """Give back connections."""
        self._http.close()


def _addressed(to: str, marker: str) -> dict[str, object]:
    return {"to": [{"email": to, "type": "to"}], "metadata": {MARK: marker}}


def _array(body: bytes) -> dict[str, Any]:
    """The list that Mandrill answers with, under a name. Raises ValueError for anything else."""
    found = orjson.loads(body)
    if not isinstance(found, list):
        raise ValueError("no list")  # noqa: TRY004 - the seam's word for a broken body
    return {"rows": found}


def _taken(status: str, row: Mapping[str, Any]) -> str:
    if status in TURNED_AWAY:
        reason = str(row.get("reject_reason") or "")
        word = reason if _WORD.fullmatch(reason) else "no reason given"
        raise PermanentRefusal(f"mandrill: {status} ({word}); nothing was sent, correct the address.")
    if status not in TAKEN or not row.get("_id"):
        raise UnexpectedData("mandrill: an answer tells no status or id that is documented.")
    return str(row["_id"])


def explain(answer: Answer) -> ConnectorError | None:
    """What an error of Mandrill's means, whatever its status; None for one that is not in its own words."""
    name = answer.said.get("name")
    if answer.said.get("status") != "error" or not isinstance(name, str) or not _WORD.fullmatch(name):
        return None
    if answer.status == 429:
        return None
    what = f"{answer.label} answered {name}"
    if name in FIX_ACCOUNT:
        return FixConfig(f"{what}: check TENFOLD_MANDRILL__KEY and the account.")
    if name in FIX_TEMPLATE:
        return Refused(f"{what}: there is no template of that name; create and publish it.", name)
    if name in AWAY:
        return RetryLater(f"{what}: run it again later.", answer.retry_after)
    if name.startswith(REFUSED):
        return Refused(f"{what}: the request is refused as it is.", name)
    return None


def connect(settings: Settings, policy: Policy) -> Mandrill | None:
    """The account that the settings give access to; None without a key."""
    chosen = settings.mandrill
    if chosen.key is None:
        return None
    transport = Transport("mandrill", str(chosen.base_url), headers={}, explain=explain, policy=policy)
    return Mandrill(transport, chosen.key.get_secret_value())
