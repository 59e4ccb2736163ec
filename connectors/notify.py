"""Notices to people by any channel Apprise knows."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Severity = Literal["info", "success", "warning", "critical"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one address did. `channel` is its scheme and a short digest: the address itself is a secret."""

    channel: str
    delivered: bool
    reason: str | None = None


def channel_name(url: str) -> str:
    """A name for an address that gives nothing of it away but its kind."""
    scheme = url.partition("://")[0] if "://" in url else "unknown"
    return f"{scheme}:{hashlib.sha256(url.encode()).hexdigest()[:8]}"


def notify(urls: Sequence[str], title: str, body: str, severity: Severity = "info") -> list[Delivery]:
    """Send one notice to each address; one Delivery per address, in order. Never raises for an address."""
    import apprise  # it knows a hundred services and takes half a second to load

    kinds = {"critical": apprise.NotifyType.FAILURE}
    kind = kinds.get(severity) or apprise.NotifyType(severity)
    found = []
    for url in urls:
        channel = channel_name(url)
        one = apprise.Apprise()
        if not one.add(url):
            found.append(Delivery(channel, delivered=False, reason="no address that Apprise understands"))
        elif one.notify(body=body, title=title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT):
            found.append(Delivery(channel, delivered=True))
        else:
            found.append(Delivery(channel, delivered=False, reason="the service did not take it"))
    return found
