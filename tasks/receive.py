"""The doors that vendors knock at: which are open with these settings, and what goes into landing from each.

Nothing is read again here and nobody waits for a vendor: see `events.py` for what follows.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import orjson
from pydantic import SecretStr

from connectors.webhooks import HOOKS, Hook, Incoming, Refusal, same_secret
from settings import Settings

__all__ = ["Door", "Incoming", "Refusal", "Taken", "doors"]


@dataclass(frozen=True, slots=True)
class Taken:
    """A delivery as a line of landing: `{"received_at", "events": [{"key", "event"}]}`."""

    line: bytes
    count: int


@dataclass(frozen=True, slots=True)
class Door:
    """One vendor's webhook. `missing` says which setting it wants before it opens; then nothing is taken."""

    source: str
    missing: str | None
    url: str  # as the vendor calls it, without the secret part
    hook: Hook = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    path_secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def content_type(self) -> str:
        """What a body must be."""
        return self.hook.content_type

    @property
    def tried_with(self) -> tuple[str, ...]:
        """The methods by which the vendor tries the address at set-up; all that it wants then is a 200."""
        return self.hook.tried_with

    def knows(self, path_secret: str) -> bool:
        """Whether the last part of the address is the secret one; a door without such a part knows none."""
        return same_secret(path_secret, self.path_secrets)

    def take(self, incoming: Incoming, now: datetime) -> Taken:
        """The delivery's events, if it is genuine, recent and whole. Raises Refusal."""
        self.hook.verify(incoming, self.secrets, now)
        events = self.hook.parse(incoming.body)
        # An event's own text is passed on as it is.
        lines = [b'{"key":' + orjson.dumps(each.key) + b',"event":' + each.body + b"}" for each in events]
        head = b'{"received_at":' + orjson.dumps(now) + b',"events":['
        return Taken(head + b",".join(lines) + b"]}", len(lines))


def doors(settings: Settings) -> dict[str, Door]:
    """Every door by its source, the closed ones too."""
    public_url = str(settings.console.public_url or "").rstrip("/")
    secrets = {
        "hubspot": _several(settings.hubspot.webhook_secret),
        "intercom": _several(settings.intercom.webhook_secret),
        "mailchimp": _several(settings.mailchimp.webhook_secret),
    }
    path_secrets = {"mailchimp": _several(settings.mailchimp.webhook_url_secret)}
    needed: dict[str, dict[str, object]] = {
        # HubSpot signs the address that it calls, which a proxy hides from us.
        "hubspot": {
            "TENFOLD_HUBSPOT__WEBHOOK_SECRET": secrets["hubspot"],
            "TENFOLD_CONSOLE__PUBLIC_URL": public_url,
        },
        "intercom": {"TENFOLD_INTERCOM__WEBHOOK_SECRET": secrets["intercom"]},
        "mailchimp": {"TENFOLD_MAILCHIMP__WEBHOOK_URL_SECRET": path_secrets["mailchimp"]},
    }
    return {
        source: Door(
            source=source,
            missing=_set(name for name, value in needed[source].items() if not value),
            url=f"{public_url}/webhooks/{source}",
            hook=hook,
            secrets=secrets[source],
            path_secrets=path_secrets.get(source, ()),
        )
        for source, hook in HOOKS.items()
    }


def _set(unset: Iterable[str]) -> str | None:
    names = " and ".join(unset)
    return f"set {names}" if names else None


def _several(secret: SecretStr | None) -> tuple[str, ...]:
    return tuple((secret.get_secret_value() if secret else "").replace(",", " ").split())
