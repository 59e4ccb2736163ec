"""Worlds without sockets, a running sandbox, and what tests need to talk to them."""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from sandbox.events import Event
from sandbox.hubspot import HubSpotServer
from sandbox.intercom import IntercomServer
from sandbox.limits import OFF, Limits, Violations
from sandbox.mailchimp import MailchimpServer
from sandbox.mandrill import MandrillServer
from sandbox.simulation import simulate
from sandbox.state import state_of
from sandbox.wire import App
from sandbox.world import Plan, World

ROOT = Path(__file__).parents[2]
CLOCK = datetime(2026, 3, 10, 9, tzinfo=UTC)
TOKEN = "made-up"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


class Direct(httpx.BaseTransport):
    """Hands requests to an ASGI application without a socket."""

    def __init__(self, app: App) -> None:
        self.app = app

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        sent: list[dict[str, Any]] = []
        body = request.read()

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        scope: dict[str, Any] = {
            "type": "http",
            "method": request.method,
            "path": request.url.path,
            "raw_path": request.url.raw_path,
            "query_string": request.url.query,
            "headers": [(name.lower(), value) for name, value in request.headers.raw],
        }
        self._serve(self.app(scope, receive, send))
        if sent[-1].get("more_body"):
            raise httpx.RemoteProtocolError("the answer was cut off", request=request)
        content = b"".join(message.get("body", b"") for message in sent[1:])
        return httpx.Response(sent[0]["status"], headers=sent[0]["headers"], content=content)

    def _serve(self, answering: Coroutine[Any, Any, None]) -> None:
        """Run it to its end; an event loop is needed only where it waits, and costs a tenth of a millisecond."""
        if any(fault["kind"] == "slow" for fault in self.app.faults.as_json()):
            asyncio.run(answering)
            return
        with contextlib.suppress(StopIteration):
            answering.send(None)


@dataclass
class Bench:
    """One world with its four servers, a hand-turned clock for limits, and a client of each."""

    world: World
    limits: Limits = OFF
    seconds: float = 1_000_000.0
    violations: Violations = field(default_factory=Violations)

    def __post_init__(self) -> None:
        def now() -> float:
            return self.seconds

        world, faults = self.world, self.world.faults
        self.hubspot_server = HubSpotServer(world, TOKEN, self.limits, self.violations, faults, now)
        self.intercom_server = IntercomServer(world, TOKEN, self.limits, self.violations, now, now)
        self.mailchimp_app = App(MailchimpServer(world, TOKEN, self.limits, self.violations), faults)
        self.hubspot = client(App(self.hubspot_server, faults), headers=BEARER)
        self.intercom = client(
            App(self.intercom_server, faults), headers={**BEARER, "Intercom-Version": "2.16"}
        )
        self.mailchimp = client(self.mailchimp_app, auth=("anystring", TOKEN))
        self.mailchimp.base_url = httpx.URL("http://sandbox/3.0")
        self.mandrill = client(App(MandrillServer(world, TOKEN, self.violations), faults))
        self.mandrill.base_url = httpx.URL("http://sandbox/api/1.3")

    def state(self, vendor: str) -> dict[str, Any]:
        """Everything that this vendor holds, past every limit, page and fault."""
        return state_of(self.world, vendor)


def client(app: App, **options: Any) -> httpx.Client:
    return httpx.Client(transport=Direct(app), base_url="http://sandbox", **options)


def told(events: Sequence[Event]) -> Callable[..., list[Event]]:
    """A simulation that tells exactly these events."""

    def simulation(*, until: datetime, **_: object) -> list[Event]:
        return sorted((event for event in events if event.at <= until), key=lambda event: event.at)

    return simulation


def plan(clock: datetime = CLOCK) -> Plan:
    return Plan(seed=7, months=3, first=20, last=80, clock=clock)


_SIMULATED: list[Event] = []


def small_company(**arguments: Any) -> list[Event]:
    """The real simulation at two months, computed once."""
    if not _SIMULATED:
        _SIMULATED.extend(simulate(**{**arguments, "until": CLOCK + timedelta(days=150)}))
    return [event for event in _SIMULATED if event.at <= arguments["until"]]


@dataclass
class Served:
    """A sandbox process and what it says of itself."""

    said: dict[str, Any]
    home: Path
    process: subprocess.Popen[str]

    @property
    def control(self) -> httpx.Client:
        return httpx.Client(base_url=self.said["control"]["base_url"], trust_env=False)


def start(home: Path, *options: str) -> Served:
    command = [sys.executable, "-m", "sandbox", "serve", "--home", str(home), "--months", "2", *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return Served(json.loads(process.stdout.readline()), home, process)


def stop(served: Served) -> int:
    served.process.terminate()
    code = served.process.wait(20)
    for stream in (served.process.stdout, served.process.stderr):
        assert stream is not None
        stream.close()
    return code
