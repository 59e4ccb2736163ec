"""Deliveries as the vendors send them, signed here by the vendors' documented rules."""

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from pydantic import SecretStr

from settings import ConsoleSettings, HubSpotSettings, IntercomSettings, MailchimpSettings, Settings

PUBLIC = "https://hooks.example.com/tenfold"
HUBSPOT, INTERCOM, MAILCHIMP, PATH_SECRET = "hs-secret", "ic-secret", "mc-secret", "path-secret-1f9"
ENVIRONMENT = {
    "TENFOLD_HUBSPOT__WEBHOOK_SECRET": HUBSPOT,
    "TENFOLD_INTERCOM__WEBHOOK_SECRET": INTERCOM,
    "TENFOLD_MAILCHIMP__WEBHOOK_SECRET": MAILCHIMP,
    "TENFOLD_MAILCHIMP__WEBHOOK_URL_SECRET": PATH_SECRET,
    "TENFOLD_CONSOLE__PUBLIC_URL": PUBLIC,
}


def settings(home: object, **changes: object) -> Settings:
    """A home whose three doors are open."""
    given: dict = {
        "hubspot": HubSpotSettings(webhook_secret=SecretStr(HUBSPOT)),
        "intercom": IntercomSettings(webhook_secret=SecretStr(INTERCOM)),
        "mailchimp": MailchimpSettings(
            webhook_secret=SecretStr(MAILCHIMP), webhook_url_secret=SecretStr(PATH_SECRET)
        ),
        "console": ConsoleSettings(public_url=PUBLIC),
    }
    return Settings(_env_file=None, home=home, **given | changes)


@dataclass(frozen=True)
class Delivery:
    source: str
    path: str
    body: bytes
    headers: dict[str, str]


def hubspot(*events: dict, at: datetime, body: bytes | None = None) -> Delivery:
    body = json.dumps(events).encode() if body is None else body
    stamp = str(int(at.timestamp() * 1000))
    signed = b"POST" + f"{PUBLIC}/webhooks/hubspot".encode() + body + stamp.encode()
    signature = base64.b64encode(hmac.new(HUBSPOT.encode(), signed, hashlib.sha256).digest()).decode()
    headers = {"X-HubSpot-Signature-v3": signature, "X-HubSpot-Request-Timestamp": stamp}
    return Delivery(
        "hubspot", "/webhooks/hubspot", body, headers | {"Content-Type": "application/json;charset=utf-8"}
    )


def changed(ident: int, at: int = 1564113600000, **more: object) -> dict:
    return {
        "eventId": ident,
        "portalId": 62515,
        "occurredAt": at,
        "subscriptionType": "contact.propertyChange",
        "attemptNumber": 0,
        "objectId": ident,
        "propertyName": "lifecyclestage",
        "propertyValue": "customer",
    } | more


def intercom(ident: str, topic: str = "conversation.user.replied", **more: object) -> Delivery:
    body = json.dumps(
        {
            "type": "notification_event",
            "id": f"notif_{ident}",
            "topic": topic,
            "created_at": 1392731331,
            "delivery_attempts": 1,
            "data": {"item": {"type": "conversation", "id": ident}},
        }
        | more
    ).encode()
    signature = "sha1=" + hmac.new(INTERCOM.encode(), body, hashlib.sha1).hexdigest()
    headers = {"X-Hub-Signature": signature, "Content-Type": "application/json"}
    return Delivery("intercom", "/webhooks/intercom", body, headers)


def mailchimp(ident: str, at: datetime, *, signed: bool = True) -> Delivery:
    form = {"type": "profile", "fired_at": "2026-11-20 09:00:00", "data[id]": ident, "data[list_id]": "a1"}
    body = urlencode(form | {"data[email]": f"{ident}@x.test"}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if signed:
        stamp = str(int(at.timestamp()))
        v1 = hmac.new(MAILCHIMP.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        headers["X-Mailchimp-Signature"] = f"t={stamp},v1={v1}"
    return Delivery("mailchimp", f"/webhooks/mailchimp/{PATH_SECRET}", body, headers)
