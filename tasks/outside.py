"""The ways out of one home: which channels can reach somebody, and who may be asked for consent."""

import contextlib
from collections.abc import Iterable, Iterator
from typing import Any

from connectors import mandrill
from connectors.smtp import SmtpSender
from connectors.transport import Policy
from tasks import routes_hubspot, routes_intercom, routes_mailchimp
from tasks.consent import Consent, LiveConsent, nobody_to_ask
from tasks.rooms import Rooms
from tasks.routes import MailRoute, NoticeRoute, Route
from tasks.sync import build_connectors
from tasks.verbs import routes_of

WRITTEN = ("hubspot", "intercom", "mailchimp")  # credentials of what is only read must not hold up a message


@contextlib.contextmanager
def outside(rooms: Rooms) -> Iterator[tuple[dict[str, Route], Consent]]:
    """Channel -> route for what is configured, and the live question of consent; closed at the end."""
    settings = rooms.home.settings
    connectors: dict[str, Any] = dict(
        build_connectors(
            settings,
            rooms.home.path,
            only=[name for name in rooms.playbook.api_sources if name in WRITTEN],
        )
    )
    policy = Policy(attempts=settings.http.attempts, timeout=settings.http.timeout_seconds)
    routes: dict[str, Route] = {}
    consent: Consent = nobody_to_ask
    try:
        if settings.smtp.url is not None:
            routes["mail"] = MailRoute(SmtpSender(str(settings.smtp.url)), rooms.playbook.company)
        if settings.alerts.urls:
            routes["notify"] = NoticeRoute([url.get_secret_value() for url in settings.alerts.urls])
        if (hubspot := connectors.get("hubspot")) is not None:
            routes |= routes_of(hubspot, routes_hubspot.VERBS)
            consent = LiveConsent(hubspot)
        if (intercom := connectors.get("intercom")) is not None:
            routes |= routes_of(intercom.writes, routes_intercom.VERBS)
        if (mailchimp := connectors.get("mailchimp")) is not None:
            routes |= routes_of(mailchimp.writes, routes_mailchimp.VERBS)
        if (sender := mandrill.connect(settings, policy)) is not None:
            connectors["mandrill"] = sender
            routes |= routes_of(sender, routes_mailchimp.MANDRILL_VERBS)
        yield routes, consent
    finally:
        close_all(connectors.values())


def close_all(connectors: Iterable[Any]) -> None:
    """Close connections, whatever happened with them."""
    for connector in connectors:
        with contextlib.suppress(OSError):
            connector.close()
