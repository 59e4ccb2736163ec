"""The control API: the clock, what was received, what went wrong, the truth, and what only tests ask for."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from sandbox import mail, seeds
from sandbox.exports import write_exports
from sandbox.faults import FaultError, parse_faults
from sandbox.limits import Violations
from sandbox.messages import Answer, BadBody, Request, said
from sandbox.state import state_of
from sandbox.truth import truth
from sandbox.webhooks import Webhooks
from sandbox.wire import Receive, Routes, Scope, Send, read_request, send_answer
from sandbox.world import World, iso, step


class Control:
    """One ASGI application; `notify` is the sink for notifications."""

    def __init__(
        self,
        world: World,
        violations: Violations,
        inbox: Path,
        moved: Callable[[], None],
        webhooks: Webhooks,
    ) -> None:
        """`moved` is called after the clock was."""
        self.world, self.violations, self.inbox, self.moved = world, violations, inbox, moved
        self.webhooks = webhooks
        self.routes = Routes()
        self.routes.add("GET", "/clock", self._clock)
        self.routes.add("POST", "/advance", self._advance)
        self.routes.add("GET", "/mailbox", self._mailbox)
        self.routes.add("GET", "/notifications", self._notifications)
        self.routes.add("POST", "/notify", self._notify)
        self.routes.add("GET", "/violations", self._violations)
        self.routes.add("GET", "/faults", self._faults)
        self.routes.add("POST", "/faults", self._set_faults)
        self.routes.add("DELETE", "/faults", self._clear_faults)
        self.routes.add("GET", "/truth", self._truth)
        self.routes.add("GET", "/state", self._state)
        self.routes.add("GET", "/transactional", self._transactional)
        self.routes.add("POST", "/seed", self._seed)
        self.routes.add("GET", "/webhooks", self._webhooks)
        self.routes.add("POST", "/webhooks", self._register)
        self.routes.add("DELETE", "/webhooks", self._unregister)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        request = await read_request(scope, receive)
        wait = request.param("wait")
        if request.segments == ("webhooks",) and wait.isdigit():
            await self.webhooks.settled(int(wait))
        await send_answer(send, self.handle(request))

    def handle(self, request: Request) -> Answer:
        """The answer; errors are {"error": "one sentence"}."""
        found = self.routes.find(request.method, request.segments)
        if found is None:
            return said({"error": f"There is no {request.method} {request.path}."}, 404)
        handler, parts = found
        try:
            return handler(request, *parts)
        except BadBody:
            return said({"error": "The body must be a JSON object."}, 400)
        except (ValueError, FaultError) as wrong:
            return said({"error": str(wrong)}, 400)

    def _clock(self, _request: Request) -> Answer:
        return said({"clock": iso(self.world.clock)})

    def _advance(self, request: Request) -> Answer:
        """Moves by {"by": "7d"} or to {"to": "2026-11-23T07:00:00Z"}."""
        body = request.object()
        if "to" in body:
            to = datetime.fromisoformat(str(body["to"]))
            if to.tzinfo is None:
                raise ValueError("'to' needs a time zone, as in 2026-11-23T07:00:00Z.")
        else:
            to = self.world.clock + step(str(body.get("by", "")))
        self.world.advance(to.replace(microsecond=0))
        files = write_exports(self.world.log, self.world.clock, self.inbox)
        self.moved()
        return said({"clock": iso(self.world.clock), "files": [path.name for path in files]})

    def _mailbox(self, request: Request) -> Answer:
        """The mails, those to `recipient` only when given; `brief=true` leaves out what is inside."""
        wanted = request.param("recipient").lower()
        brief = request.param("brief").lower() == "true"
        rows = [
            mail.envelope(each) if brief else mail.as_json(self.world, each)
            for each in self.world.mails
            if not wanted or wanted in (address.lower() for address in each.recipients)
        ]
        return said({"total": len(rows), "messages": rows})

    def _notifications(self, _request: Request) -> Answer:
        rows = self.world.notifications
        return said({"total": len(rows), "notifications": rows})

    def _notify(self, request: Request) -> Answer:
        self.world.notify(request.object())
        return said({"status": "kept"})

    def _violations(self, _request: Request) -> Answer:
        return said(self.violations.as_json())

    def _faults(self, _request: Request) -> Answer:
        return said({"faults": self.world.faults.as_json()})

    def _set_faults(self, request: Request) -> Answer:
        """{"faults": [...]} or a preset's name replaces all; a single fault object is added."""
        body: Any = request.json()
        faults = parse_faults(body)
        if isinstance(body, dict) and "faults" not in body:
            self.world.faults.add(faults)
        else:
            self.world.faults.replace(faults)
        self.world.set_faults()
        return self._faults(request)

    def _clear_faults(self, request: Request) -> Answer:
        self.world.faults.replace([])
        self.world.set_faults()
        return self._faults(request)

    def _truth(self, request: Request) -> Answer:
        return said(truth(self.world.log, self.world.clock, request.param("month") or None))

    def _state(self, request: Request) -> Answer:
        """Everything that `vendor` holds."""
        return said(state_of(self.world, request.param("vendor")))

    def _transactional(self, _request: Request) -> Answer:
        rows = state_of(self.world, "mandrill")["messages"]
        return said({"total": len(rows), "messages": rows})

    def _seed(self, request: Request) -> Answer:
        """Makes many plain records; see `seeds.checked`."""
        [count] = self.world.commit(seeds.checked(self.world, request.object()))
        return said({"made": count})

    def _webhooks(self, _request: Request) -> Answer:
        """What was announced and delivered; with `wait` once all of it is, or after so many seconds."""
        return said(self.webhooks.as_json())

    def _register(self, request: Request) -> Answer:
        """{"url": base, "hubspot": true, "intercom": true, "mailchimp": true}: one receiver, till the end."""
        self.webhooks.register(request.object())
        return self._webhooks(request)

    def _unregister(self, request: Request) -> Answer:
        self.webhooks.forget()
        return self._webhooks(request)
