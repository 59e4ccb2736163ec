"""The vendors' servers of a small sandbox world, and a network before them that loses what a test asks for.

The servers are the judge: how often a thing happened is read from their own records.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import httpx

from connectors.hubspot import HubSpot
from connectors.intercom import Intercom
from connectors.mailchimp import Mailchimp, authorization
from connectors.mandrill import Mandrill, explain
from connectors.transport import Policy, Transport
from sandbox.hubspot_records import Record
from sandbox.intercom_records import ADMIN_IDS, TEAM_IDS, Conversation, Part
from sandbox.mailchimp_records import LIST_ID as LIST
from sandbox.mailchimp_records import Member, subscriber_hash
from sandbox.mandrill import MandrillServer
from sandbox.wire import App
from sandbox.world import World
from tasks import routes_hubspot, routes_intercom, routes_mailchimp
from tasks.consent import Consent
from tasks.deliver import Delivered, deliver
from tasks.effects import effect
from tasks.verbs import Verb, VerbRoute, routes_of
from tests.sandbox.worlds import TOKEN, Bench, Direct, plan, told
from warehouse.ledger import Ledger, Outbox

Fate = Literal[
    "timed out, not done",
    "timed out, done",
    "timed out, done late",
    "cut off, done",
    "502, done",
    "died before",
    "died after",
]
FATES: tuple[Fate, ...] = (
    "timed out, not done",
    "timed out, done",
    "timed out, done late",
    "cut off, done",
    "502, done",
    "died before",
    "died after",
)
DONE: frozenset[Fate] = frozenset({"timed out, done", "cut off, done", "502, done", "died after"})
ADMIN, OTHER_ADMIN, *_ = map(str, ADMIN_IDS.values())
TEAM = str(TEAM_IDS["L2"])


class Died(BaseException):
    """Our process ends at this very point: nothing of ours is done any more, as with SIGKILL."""


@dataclass
class Network(httpx.BaseTransport):
    """Carries requests to a server; while a fate is set, the requests that fit share it."""

    inner: Direct
    fits: Callable[[httpx.Request], bool] = lambda _: False
    fate: Fate | None = None
    carried: list[tuple[str, str]] = field(default_factory=list)
    late: list[httpx.Request] = field(default_factory=list)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        fate = self.fate if self.fits(request) else None
        if fate == "died before":
            raise Died
        if fate == "timed out, done late":
            self.late.append(request)
        if fate in ("timed out, not done", "timed out, done late"):
            raise httpx.ReadTimeout("", request=request)
        answer = self.inner.handle_request(request)
        self.carried.append((request.method, request.url.path))
        if fate is None:
            return answer
        assert answer.status_code < 300, answer.read()
        if fate == "died after":
            raise Died
        if fate == "502, done":
            return httpx.Response(502, content=b"<html>Bad gateway</html>")
        if fate == "cut off, done":
            raise httpx.RemoteProtocolError("peer closed", request=request)
        raise httpx.ReadTimeout("", request=request)

    def writes(self) -> list[tuple[str, str]]:
        """What changed something, or was to."""
        reading = ("/batch/read", "/search", "/search.json")
        return [
            (method, path) for method, path in self.carried if method != "GET" and not path.endswith(reading)
        ]


class Vendors:
    """All vendors of one world, connected by networks of their own."""

    def __init__(self, home: Path) -> None:
        self.world = World(home, plan(), told([]))
        bench = Bench(self.world)
        faults = self.world.faults
        self.networks = {
            "hubspot": Network(Direct(App(bench.hubspot_server, faults))),
            "intercom": Network(Direct(App(bench.intercom_server, faults))),
            "mailchimp": Network(Direct(bench.mailchimp_app)),
            "mandrill": Network(Direct(App(MandrillServer(self.world, TOKEN, bench.violations), faults))),
        }
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        self.hubspot = HubSpot(self._transport("hubspot", "", bearer))
        self.intercom = Intercom(self._transport("intercom", "", {**bearer, "Intercom-Version": "2.16"}))
        self.mailchimp = Mailchimp(self._transport("mailchimp", "/3.0", authorization(TOKEN)))
        self.mandrill = Mandrill(self._transport("mandrill", "/api/1.3", {}, explain=explain), TOKEN)
        self.client = {
            "hubspot": bench.hubspot,
            "intercom": bench.intercom,
            "mailchimp": bench.mailchimp,
            "mandrill": bench.mandrill,
        }

    def _transport(self, name: str, path: str, headers: Mapping[str, str], **options: Any) -> Transport:
        # One try for each turn, so that a test sees what the outbox itself does about a loss.
        return Transport(
            name,
            f"http://sandbox{path}",
            headers=headers,
            policy=Policy(attempts=1, pause=lambda _: 0.0),
            transport=self.networks[name],
            **options,
        )

    def routes(self) -> dict[str, VerbRoute]:
        return {
            **routes_of(self.hubspot, routes_hubspot.VERBS, settle_seconds=0),
            **routes_of(self.intercom.writes, routes_intercom.VERBS, settle_seconds=0),
            **routes_of(self.mailchimp.writes, routes_mailchimp.VERBS, settle_seconds=0),
            **routes_of(self.mandrill, routes_mailchimp.MANDRILL_VERBS, settle_seconds=0),
        }

    @property
    def now(self) -> datetime:
        return self.world.clock

    def later(self) -> datetime:
        """The next turn of the sender: after every pause that a refusal for now brings."""
        self.world.advance(self.world.clock + timedelta(hours=7))
        return self.now

    def lose(self, request: str, fate: Fate) -> None:
        """From now on, requests like "POST .*/reply" meet this fate."""
        for network in self.networks.values():
            network.fate = fate
            network.fits = lambda sent: bool(re.fullmatch(request, f"{sent.method} {sent.url.path}"))

    def heal(self) -> None:
        for network in self.networks.values():
            network.fate = None

    def arrive(self) -> None:
        """What was on its way all the time reaches its vendor now."""
        for network in self.networks.values():
            while network.late:
                network.handle_request(network.late.pop())

    def close(self) -> None:
        self.world.close()

    # What there is, made as a person would make it, and what became of it.

    def made(self, vendor: str, path: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = self.client[vendor].post(path, json=body)
        assert answer.status_code < 300, answer.text
        said: dict[str, Any] = answer.json()
        return said

    def hubspot_contact(self, **properties: str) -> str:
        return str(self.made("hubspot", "/crm/v3/objects/contacts", {"properties": properties})["id"])

    def records(self, kind: str) -> list[Record]:
        return list(self.world.hubspot.tables[kind].records.values())

    def record(self, kind: str, number: str) -> Record:
        return self.world.hubspot.tables[kind].records[int(number)]

    def intercom_contact(self) -> str:
        return str(self.made("intercom", "/contacts", {"email": "ana@client.example", "role": "user"})["id"])

    def conversation(self) -> str:
        contact = self.intercom_contact()
        made = self.made(
            "intercom", "/conversations", {"from": {"type": "user", "id": contact}, "body": "Hi"}
        )
        return str(made["conversation_id"])

    def talk(self, number: str) -> Conversation:
        return self.world.intercom.conversations[int(number)]

    def parts(self, number: str, kind: str) -> list[Part]:
        return [part for part in self.talk(number).parts if part.kind == kind]

    def member(self, email: str, status: str = "subscribed") -> Member:
        self.made("mailchimp", f"/lists/{LIST}/members", {"email_address": email, "status": status})
        return self.held(email)

    def members(self, email: str) -> list[Member]:
        return [each for each in self.world.mailchimp.members.values() if each.email == email]

    def held(self, email: str) -> Member:
        return self.world.mailchimp.by_hash[subscriber_hash(email)]

    def events(self, email: str) -> Sequence[dict[str, Any]]:
        return self.world.mailchimp.member_events.get(self.held(email).contact_id, [])


def queue(ledger: Ledger, vendors: Vendors, verb: Verb[Any], occasion: str = "a day") -> int:
    """Queue the effect of a verb; how many were new."""
    wanted = effect(verb, occasion, useful_until=vendors.now + timedelta(days=30))
    return ledger.enqueue([wanted], vendors.now)


def turn(ledger: Ledger, vendors: Vendors, home: Path, consent: Consent | None = None) -> Delivered:
    """One turn of the sender."""
    return deliver(ledger, home, vendors.routes(), vendors.now, consent=consent)


def only(ledger: Ledger) -> Outbox:
    [row] = ledger.outbox_rows()
    return row
