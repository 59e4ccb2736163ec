"""Webhooks on their way out: what vendors announce is posted to one receiver until it says yes.

Times inside a message are the company's. The stamp of a signature is real time, for the receiver's clock.
"""

import asyncio
import contextlib
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any
from urllib.parse import urlencode

import httpx
import orjson

from sandbox.hubspot_records import Record
from sandbox.webhook_news import hubspot_event, intercom_notification, mailchimp_form
from sandbox.webhook_signatures import hubspot_signature, intercom_signature, mailchimp_signature
from sandbox.world import World

VENDORS = ("hubspot", "intercom", "mailchimp")
MOST_EVENTS = 100  # in one request of HubSpot's
MOST_ATTEMPTS = 10
FIRST_DELAY_SECONDS = 0.05
LONGEST_DELAY_SECONDS = 2.0
TIMEOUT_SECONDS = {"hubspot": 5.0, "intercom": 10.0, "mailchimp": 10.0}


@dataclass(frozen=True, slots=True)
class Secrets:
    """What the receiver must know; they depend on the seed alone."""

    hubspot: str
    intercom: str
    mailchimp: str
    mailchimp_url: str


@dataclass(slots=True, eq=False)
class News:
    """One thing to announce, and how often that has failed."""

    content: dict[str, Any]
    failures: int = 0


@dataclass(slots=True)
class Line:
    """One vendor's queue."""

    waiting: deque[News] = field(default_factory=deque)
    woken: asyncio.Event = field(default_factory=asyncio.Event)
    pending: int = 0  # announced and neither delivered nor given up
    counts: Counter[str] = field(default_factory=Counter)

    def put(self, *news: News) -> None:
        """Let it wait for delivery."""
        self.waiting.extend(news)
        self.woken.set()


class Webhooks:
    """Listens to the records while a receiver is registered; `run` delivers."""

    def __init__(self, world: World, secrets: Secrets, wall: Callable[[], float] = time.time) -> None:
        self.world, self._secrets, self._wall = world, secrets, wall
        self.url = ""
        self._signed = True
        self._lines: dict[str, Line] = {}
        self._accepted = False  # Mailchimp asks the address once before it posts
        self._changed, self._quiet = asyncio.Event(), asyncio.Event()
        self._quiet.set()
        self._dice = Random(f"{world.plan.seed}/webhooks")

    def register(self, body: dict[str, Any]) -> None:
        """Announce to this receiver from now on, instead of any earlier one. Raises ValueError."""
        url = str(body.get("url") or "").rstrip("/")
        try:
            known = httpx.URL(url).scheme in ("http", "https") and bool(httpx.URL(url).host)
        except httpx.InvalidURL:
            known = False
        if not known:
            raise ValueError("A receiver needs a 'url' such as http://127.0.0.1:8000/webhooks.")
        wanted = [vendor for vendor in VENDORS if body.get(vendor)]
        if not wanted:
            raise ValueError(f"Say which vendors announce to it: {', '.join(VENDORS)}.")
        self.forget()
        self.url, self._signed = url, body.get("mailchimp_signed", True) is not False
        self._lines = {vendor: Line() for vendor in wanted}
        self._accepted = False
        self._changed.set()
        world = self.world
        world.hubspot.tell = self._hear_hubspot if "hubspot" in wanted else None
        world.intercom.tell = self._hear_intercom if "intercom" in wanted else None
        world.mailchimp.tell = self._hear_mailchimp if "mailchimp" in wanted else None

    def forget(self) -> None:
        """Announce nothing more; what still waited is dropped."""
        self._lines, self.url = {}, ""
        self._changed.set()
        self._quiet.set()
        self.world.hubspot.tell = self.world.intercom.tell = self.world.mailchimp.tell = None

    def as_json(self) -> dict[str, Any]:
        """The url, and for each vendor how much was announced, delivered, given up, and still waits."""
        names = ("announced", "delivered", "failed", "requests", "refused")
        return {
            "url": self.url,
            **{
                vendor: {**{name: line.counts[name] for name in names}, "waiting": line.pending}
                for vendor, line in self._lines.items()
            },
        }

    # What is announced, written down at once: later it may look different.

    def _announce(self, vendor: str, content: dict[str, Any]) -> None:
        line = self._lines[vendor]
        line.counts["announced"] += 1
        line.pending += 1
        self._quiet.clear()
        line.put(News(content))

    def _hear_hubspot(self, what: str, record: Record, at: int, **more: Any) -> None:
        line = self._lines["hubspot"]
        source = "CRM_UI" if self.world.showing else "INTEGRATION"
        event = hubspot_event(what, record, at, line.counts["announced"], self.world.plan.seed, source, more)
        if event is not None:
            self._announce("hubspot", event)

    def _hear_intercom(self, topic: str, about: object, at: int, **more: Any) -> None:
        place, seed = self._lines["intercom"].counts["announced"], self.world.plan.seed
        self._announce(
            "intercom",
            intercom_notification(self.world.intercom, topic, about, at, place, seed, more.get("part")),
        )

    def _hear_mailchimp(self, what: str, about: object, at: datetime, **more: Any) -> None:
        self._announce("mailchimp", mailchimp_form(what, about, at, more))

    # Delivery.

    async def run(self) -> None:
        """Deliver until cancelled."""
        async with httpx.AsyncClient(trust_env=False) as http:
            workers: list[asyncio.Task[None]] = []
            try:
                while True:
                    workers = [
                        asyncio.create_task(self._work(http, vendor, line))
                        for vendor, line in self._lines.items()
                    ]
                    await self._changed.wait()
                    self._changed.clear()
                    await _end(workers)
            finally:
                await _end(workers)

    async def _work(self, http: httpx.AsyncClient, vendor: str, line: Line) -> None:
        while True:
            await line.woken.wait()
            if not line.waiting:
                line.woken.clear()
                continue
            batch = self._taken(vendor, line)
            if await self._delivered(http, vendor, line, batch):
                if self.world.faults.take(vendor, "", "webhook_duplicates"):
                    await self._delivered(http, vendor, line, batch)
                self._settle(line, "delivered", len(batch))
            else:
                self._try_again(line, batch)

    def _taken(self, vendor: str, line: Line) -> list[News]:
        if self.world.faults.has("webhook_disorder", vendor):
            shuffled = list(line.waiting)
            self._dice.shuffle(shuffled)
            line.waiting = deque(shuffled)
        most = MOST_EVENTS if vendor == "hubspot" else 1
        return [line.waiting.popleft() for _ in range(min(most, len(line.waiting)))]

    def _try_again(self, line: Line, batch: list[News]) -> None:
        for news in batch:
            news.failures += 1
        given_up = [news for news in batch if news.failures >= MOST_ATTEMPTS]
        self._settle(line, "failed", len(given_up))
        again = [news for news in batch if news.failures < MOST_ATTEMPTS]
        if again:
            delay = min(
                FIRST_DELAY_SECONDS * 2 ** max(news.failures for news in again), LONGEST_DELAY_SECONDS
            )
            asyncio.get_running_loop().call_later(delay, line.put, *again)

    def _settle(self, line: Line, how: str, count: int) -> None:
        line.counts[how] += count
        line.pending -= count
        if not any(each.pending for each in self._lines.values()):
            self._quiet.set()

    async def settled(self, seconds: float) -> None:
        """Wait until everything announced is delivered or given up, but no longer than this."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._quiet.wait(), seconds)

    async def _delivered(self, http: httpx.AsyncClient, vendor: str, line: Line, batch: list[News]) -> bool:
        """True when the receiver said yes; nothing is told of what it or the network said instead."""
        address, body, headers = self._message(vendor, batch)
        timeout = TIMEOUT_SECONDS[vendor]
        try:
            if vendor == "mailchimp" and not self._accepted:
                line.counts["requests"] += 1
                self._accepted = (await http.get(address, timeout=timeout)).status_code == 200
                if not self._accepted:
                    line.counts["refused"] += 1
                    return False
            line.counts["requests"] += 1
            answer = await http.post(address, content=body, headers=headers, timeout=timeout)
        except httpx.HTTPError:
            line.counts["refused"] += 1
            return False
        if not answer.is_success:
            line.counts["refused"] += 1
        return answer.is_success

    def _message(self, vendor: str, batch: list[News]) -> tuple[str, bytes, dict[str, str]]:
        """Where it goes, what it says, and the headers that sign it."""
        if vendor == "hubspot":
            address, stamp = f"{self.url}/hubspot", str(int(self._wall() * 1000))
            body = orjson.dumps([{**news.content, "attemptNumber": news.failures} for news in batch])
            return address, body, {
                "Content-Type": "application/json",
                "X-HubSpot-Signature-v3": hubspot_signature(
                    self._secrets.hubspot, "POST", address, body, stamp
                ),
                "X-HubSpot-Request-Timestamp": stamp,
            }  # fmt: skip
        news = batch[0]
        if vendor == "intercom":
            body = orjson.dumps({**news.content, "delivery_attempts": news.failures + 1})
            return f"{self.url}/intercom", body, {
                "Content-Type": "application/json",
                "X-Hub-Signature": intercom_signature(self._secrets.intercom, body),
            }  # fmt: skip
        body = urlencode(news.content).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        if self._signed:
            headers["X-Mailchimp-Signature"] = mailchimp_signature(
                self._secrets.mailchimp, body, int(self._wall())
            )
        return f"{self.url}/mailchimp/{self._secrets.mailchimp_url}", body, headers


async def _end(workers: list[asyncio.Task[None]]) -> None:
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
