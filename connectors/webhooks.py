"""What a vendor tells by itself: whether a delivery is genuine and recent, and the events in it.

Pure: bytes and an instant in, events or a Refusal out. Signatures are over the body as it was received, so
nothing is parsed before its signature holds. A Refusal says nothing of what was sent.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import parse_qsl

import orjson

from connectors import hubspot_events, intercom_events, mailchimp_events

OLDEST = timedelta(seconds=300)  # HubSpot's 300,000 ms; Mailchimp's window is the same
EARLIEST = timedelta(seconds=60)  # how far a vendor's clock may run ahead of ours
MOST_EVENTS = 100  # HubSpot's batches
_MOST_FIELDS = 500  # of a form; a profile has some dozens
_DEEPEST = 8
_HUBSPOT_ESCAPES = {
    "%3A": ":",
    "%2F": "/",
    "%3F": "?",
    "%40": "@",
    "%21": "!",
    "%24": "$",
    "%27": "'",
    "%28": "(",
    "%29": ")",
    "%2A": "*",
    "%2C": ",",
    "%3B": ";",
}
_ESCAPE = re.compile("|".join(_HUBSPOT_ESCAPES), re.IGNORECASE)
_BRACKETS = re.compile(r"\[([^\[\]]*)\]")

Reason = Literal["unsigned", "forged", "stale", "malformed"]


class Refusal(Exception):
    """A delivery that is not taken; the message says what is wrong with it, without a word of its content."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Incoming:
    """One request as received. `url` is the address that the vendor called, `headers` are in lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Event:
    """One event: `key` is the same whenever the vendor tells it again, `body` is its JSON."""

    key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Hook:
    """How one vendor's deliveries are read. `verify` and `parse` raise Refusal.

    `affected` gives the (resource, raw key) pairs of the records that an event is about. `tried_with` are the
    methods by which the vendor tries the address when the webhook is set up. `retold` are the JSON paths,
    inside an event, that differ from one attempt at the same delivery to the next.
    """

    content_type: str
    verify: Callable[[Incoming, Sequence[str], datetime], None]
    parse: Callable[[bytes], list[Event]]
    affected: Callable[[Mapping[str, Any]], list[tuple[str, str]]]
    tried_with: tuple[str, ...] = ()
    retold: tuple[str, ...] = ()


# Signatures


def verify_hubspot(incoming: Incoming, secrets: Sequence[str], now: datetime) -> None:
    """HubSpot's v3 signature: method, address, body and time together."""
    given = incoming.headers.get("x-hubspot-signature-v3", "")
    stamp = incoming.headers.get("x-hubspot-request-timestamp", "")
    if not given or not stamp:
        raise Refusal("unsigned", "it has no v3 signature, or no time")
    url = _ESCAPE.sub(lambda found: _HUBSPOT_ESCAPES[found.group().upper()], incoming.url)
    signed = b"".join((incoming.method.encode(), url.encode(), incoming.body, stamp.encode()))
    _check([given], [base64.b64encode(_hmac(secret, signed, "sha256")).decode() for secret in secrets])
    _check_age(stamp, 1000, now)


def verify_intercom(incoming: Incoming, secrets: Sequence[str], _now: datetime) -> None:
    """Intercom's signature covers the body alone, so a delivery has no age that could be trusted.

    It needs none: it may come late (Intercom tries again for long), a repeated one is the same event under
    the same key, and either only makes us read the record as it is now.
    """
    given = incoming.headers.get("x-hub-signature", "")
    if not given:
        raise Refusal("unsigned", "it has no signature")
    _check([given], ["sha1=" + _hmac(secret, incoming.body, "sha1").hex() for secret in secrets])


def verify_mailchimp(incoming: Incoming, secrets: Sequence[str], now: datetime) -> None:
    """Mailchimp's signature over time and body; several hold while its secret is being replaced.

    Without `secrets` the hook is an older one that signs nothing: the secret in its address has to do.
    """
    if not secrets:
        return
    parts = [
        part.strip().partition("=") for part in incoming.headers.get("x-mailchimp-signature", "").split(",")
    ]
    stamps = [value for name, _, value in parts if name == "t"]
    given = [value for name, _, value in parts if name == "v1"]
    if len(stamps) != 1 or not given:
        raise Refusal("unsigned", "it has no signature, or no time")
    signed = stamps[0].encode() + b"." + incoming.body
    _check(given, [_hmac(secret, signed, "sha256").hex() for secret in secrets])
    _check_age(stamps[0], 1, now)


def same_secret(given: str, secrets: Sequence[str]) -> bool:
    """Whether `given` is one of them, in a time that tells nothing about them."""
    return _one_holds([given], secrets)


def _hmac(secret: str, signed: bytes, algorithm: str) -> bytes:
    return hmac.digest(secret.encode(), signed, algorithm)


def _check(given: Sequence[str], good: Sequence[str]) -> None:
    if not _one_holds(given, good):
        raise Refusal("forged", "its signature does not hold")


def _one_holds(given: Sequence[str], good: Sequence[str]) -> bool:
    # Every pair is compared, so that the time taken tells nothing.
    return sum(hmac.compare_digest(one.encode(), other.encode()) for one in given for other in good) > 0


def _check_age(stamp: str, per_second: int, now: datetime) -> None:
    """The time is signed, so it is only looked at when the signature holds."""
    if not (stamp.isascii() and stamp.isdigit() and len(stamp) < 16):
        raise Refusal("malformed", "its time is no number")
    age = now.timestamp() - int(stamp) / per_second
    if age > OLDEST.total_seconds():
        raise Refusal("stale", f"it was signed more than {OLDEST.total_seconds():.0f} s ago")
    if age < -EARLIEST.total_seconds():
        raise Refusal("stale", f"it was signed more than {EARLIEST.total_seconds():.0f} s ahead of our clock")


# Events


def parse_hubspot(body: bytes) -> list[Event]:
    """Up to a hundred events. `eventId` alone is not unique: the key is all that tells them apart."""
    found = _json(body)
    if not isinstance(found, list) or not 0 < len(found) <= MOST_EVENTS:
        raise Refusal("malformed", f"it is no list of 1 to {MOST_EVENTS} events")
    return [Event(_hubspot_key(each), orjson.dumps(each)) for each in found]


def _hubspot_key(event: object) -> str:
    if not isinstance(event, dict) or not isinstance(event.get("subscriptionType"), str):
        raise Refusal("malformed", "one of its events has no subscriptionType")
    # A changed association has two ends instead of an object; a merge may name only who stays.
    about = event.get("objectId", event.get("primaryObjectId"))
    if about is None:
        about = f"{event.get('fromObjectId')}>{event.get('toObjectId')}"
    try:
        return "+".join(
            str(part)
            for part in (
                event["portalId"],
                event["subscriptionType"],
                about,
                event["eventId"],
                event["occurredAt"],
            )
        )
    except KeyError as missing:
        raise Refusal("malformed", f"one of its events has no {missing.args[0]}") from None


def parse_intercom(body: bytes) -> list[Event]:
    """The one notification that a delivery is, byte for byte."""
    found = _json(body)
    if not isinstance(found, dict) or found.get("type") != "notification_event":
        raise Refusal("malformed", "it is no notification_event")
    if not isinstance(found.get("topic"), str):
        raise Refusal("malformed", "it has no topic")
    # A ping has no id.
    key = found.get("id") or f"{found['topic']}+{found.get('created_at')}"
    return [Event(str(key), body)]


def parse_mailchimp(body: bytes) -> list[Event]:
    """The one event of a form, `data[merges][FNAME]` as nested JSON; the form itself is kept beside it."""
    try:
        form = body.decode()
        fields = parse_qsl(form, keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError:
        raise Refusal("malformed", "it is no form") from None
    event: dict[str, Any] = {}
    for name, value in fields:
        _place(event, name, value)
    data = event.get("data")
    if not isinstance(event.get("type"), str) or not isinstance(data, dict) or not event.get("fired_at"):
        raise Refusal("malformed", "it has no type, no fired_at or no data")
    # A changed address has a new id; a cleaned one has none at all.
    about = data.get("id") or data.get("new_id") or hashlib.sha256(body).hexdigest()
    key = f"{event['type']}+{data.get('list_id', '')}+{about}+{event['fired_at']}"
    return [Event(key, orjson.dumps({**event, "form": form}))]


def _place(event: dict[str, Any], name: str, value: str) -> None:
    head = name.partition("[")[0]
    *parents, leaf = [head, *_BRACKETS.findall(name[len(head) :])]
    if len(parents) > _DEEPEST:
        raise Refusal("malformed", "one of its fields is nested too deeply")
    level = event
    for parent in parents:
        deeper = level.setdefault(parent, {})
        if not isinstance(deeper, dict):
            raise Refusal("malformed", "one of its fields is both a value and a group")
        level = deeper
    if isinstance(level.get(leaf), dict):
        raise Refusal("malformed", "one of its fields is both a value and a group")
    level[leaf] = value


def _json(body: bytes) -> Any:
    try:
        return orjson.loads(body)
    except ValueError:
        raise Refusal("malformed", "it is no JSON") from None


HOOKS: Mapping[str, Hook] = {
    "hubspot": Hook(
        content_type="application/json",
        verify=verify_hubspot,
        parse=parse_hubspot,
        affected=hubspot_events.affected,
        retold=("$.attemptNumber",),
    ),
    "intercom": Hook(
        content_type="application/json",
        verify=verify_intercom,
        parse=parse_intercom,
        affected=intercom_events.affected,
        tried_with=("HEAD", "GET"),
        retold=("$.delivery_attempts", "$.delivery_status", "$.delivered_at"),
    ),
    "mailchimp": Hook(
        content_type="application/x-www-form-urlencoded",
        verify=verify_mailchimp,
        parse=parse_mailchimp,
        affected=mailchimp_events.affected,
        tried_with=("GET", "HEAD"),
    ),
}
