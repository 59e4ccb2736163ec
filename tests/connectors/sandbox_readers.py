"""Connectors that talk to a sandbox's servers without sockets."""

import httpx

from connectors.intercom import Intercom
from connectors.mailchimp import Mailchimp, authorization
from connectors.transport import Policy, Transport
from sandbox.wire import App
from tests.connectors.connector_doubles import quick
from tests.sandbox.worlds import BEARER, TOKEN, Bench, Direct


class Noting(Direct):
    """Notes what was asked, as "GET /path"."""

    def __init__(self, app: App) -> None:
        super().__init__(app)
        self.asked: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(f"{request.method} {request.url.path}")
        return super().handle_request(request)


def intercom(bench: Bench, version: str = "2.16", way: Noting | None = None) -> Intercom:
    """A connector to the bench's workspace; what it waits passes at the vendor too."""

    def pause(seconds: float) -> float:
        bench.seconds += seconds
        return 0.0

    http = Transport(
        "intercom",
        "http://sandbox",
        headers={**BEARER, "Intercom-Version": version},
        policy=Policy(attempts=12, pause=pause),
        transport=way or to_intercom(bench),
    )
    return Intercom(http, version, width=1)  # the servers without sockets answer one at a time


def to_intercom(bench: Bench) -> Noting:
    return Noting(App(bench.intercom_server, bench.world.faults))


def mailchimp(bench: Bench, way: Noting | None = None) -> Mailchimp:
    """A connector to the bench's account."""
    http = Transport(
        "mailchimp",
        "http://sandbox/3.0",
        headers=authorization(TOKEN),
        policy=quick(attempts=12),
        transport=way or Noting(bench.mailchimp_app),
        bare_403_is_throttling=True,
    )
    return Mailchimp(http)
