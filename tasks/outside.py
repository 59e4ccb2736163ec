"""The ways out of one home: which channels can reach somebody, and who may be asked for consent."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from connectors.smtp import SmtpSender
from tasks.deliver import Consent
from tasks.rooms import Rooms
from tasks.routes import LiveConsent, MailRoute, NoticeRoute, Route, TaskRoute
from tasks.sync import build_connectors

WRITTEN = ("hubspot", "intercom", "mailchimp")  # credentials of what is only read must not hold up a message


@contextlib.contextmanager
def outside(rooms: Rooms) -> Iterator[tuple[dict[str, Route], Consent | None]]:
    """Channel -> route for what is configured, and the live question of consent; closed at the end."""
    settings = rooms.home.settings
    connectors: dict[str, Any] = dict(
        build_connectors(
            settings,
            rooms.home.path,
            only=[name for name in rooms.playbook.api_sources if name in WRITTEN],
        )
    )
    routes: dict[str, Route] = {}
    consent: Consent | None = None
    try:
        if settings.smtp.url is not None:
            routes["mail"] = MailRoute(SmtpSender(str(settings.smtp.url)), rooms.playbook.company)
        hubspot = connectors.get("hubspot")
        if hubspot is not None:
            routes["hubspot_task"] = TaskRoute(hubspot)
            consent = LiveConsent(hubspot)
        if settings.alerts.urls:
            routes["notify"] = NoticeRoute([url.get_secret_value() for url in settings.alerts.urls])
        yield routes, consent
    finally:
        close_all(connectors.values())


def close_all(connectors: Iterable[Any]) -> None:
    """Close connections, whatever happened with them."""
    for connector in connectors:
        with contextlib.suppress(OSError):
            connector.close()
