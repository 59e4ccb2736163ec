"""What happens to one delivery of a vendor: judged on its raw body, landed, answered.

Whatever follows is another process's work. What is refused leaves a number and nothing else: no body, no
secret and no address of it comes into a log.
"""

import asyncio
import logging
import threading
import time
from collections import Counter as Tally
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Self

from fastapi import Request
from fastapi.responses import Response
from starlette.requests import ClientDisconnect

from settings import Settings
from tasks.receive import Door, Incoming, Refusal, doors
from warehouse.errors import WarehouseError
from warehouse.landing import Landing
from warehouse.refusals import Counter
from warehouse.spool import HOLD, Spool

log = logging.getLogger(__name__)

LARGEST = 1_000_000  # bytes of a body; vendors send a tenth of it at most
BODY_SECONDS = 10.0  # within which a body must have come
SAVE_SECONDS = 5.0
SAY_SECONDS = 60.0
_REPEATS = 10_000  # deliveries remembered

ANSWERS = {
    "unsigned": 401,
    "forged": 403,
    "stale": 403,
    "malformed": 400,
    "oversized": 413,
    "too slow": 408,
    "broken off": 400,  # nobody hears it
    "wrong method": 405,
    "wrong type": 415,
    "wrong address": 404,
    "not configured": 503,  # a vendor that comes again may find it configured
    "not landed": 503,
}


def _now() -> datetime:
    return datetime.now(UTC)


class _Refused(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Receiver:
    """The receiving end of the home that `settings.home` names, from `with` to its end.

    Raises WarehouseBusy when another process is that home's receiver. `clock` gives aware UTC.
    """

    def __init__(
        self, settings: Settings, *, clock: Callable[[], datetime] = _now, hold: timedelta = HOLD
    ) -> None:
        self._clock = clock
        self._doors = doors(settings)
        self._home = settings.home
        open_doors = [source for source, door in self._doors.items() if not door.missing]
        self._spool = Spool(Landing(settings.home), clock(), open_doors, hold=hold)
        self._repeats = _Repeats()
        self._trouble = ""  # why the last delivery could not be landed
        self._ended = threading.Event()
        self._keeping = threading.Thread(target=self._keep_count, name="refusals")

    def __enter__(self) -> Self:
        self._spool.__enter__()
        self._counter = Counter(self._home)
        self._keeping.start()
        for door in self._doors.values():
            if door.missing:
                log.warning("webhooks of %s are refused: %s", door.source, door.missing)
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._keeping.join()
        self._spool.__exit__()

    async def receive(self, source: str, request: Request, path_secret: str | None = None) -> Response:
        """The answer to one request at a vendor's door: 200 once its events are on disk for good."""
        door = self._doors[source]
        try:
            self._check(door, request, path_secret)
            if request.method != "POST":
                return Response()
            await self._land(door, request, await _body(request))
        except (_Refused, Refusal) as refused:
            return self.refuse(source, refused.reason)
        return Response()

    def refuse(self, source: str, reason: str) -> Response:
        """The answer to a request that is not taken, after counting it."""
        self._counter.count(source, reason, self._clock())
        # Closing is what makes a sender stop that is in the middle of a body.
        headers = {"Connection": "close", **({"Allow": "POST"} if reason == "wrong method" else {})}
        return Response(status_code=ANSWERS[reason], headers=headers)

    def _check(self, door: Door, request: Request, path_secret: str | None) -> None:
        if door.missing:
            raise _Refused("not configured")
        if path_secret is not None and not door.knows(path_secret):
            raise _Refused("forged")
        if request.method in door.tried_with:
            return
        if request.method != "POST":
            raise _Refused("wrong method")
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != door.content_type:
            raise _Refused("wrong type")

    async def _land(self, door: Door, request: Request, body: bytes) -> None:
        query = request.scope["query_string"].decode("latin-1")
        incoming = Incoming(
            method=request.method,
            url=f"{door.url}?{query}" if query else door.url,
            headers=dict(request.headers.items()),
            body=body,
        )
        now = self._clock()
        taken = door.take(incoming, now)
        digest = sha256(door.source.encode() + body).digest()
        if digest in self._repeats:
            return
        try:
            await asyncio.wrap_future(self._spool.land(door.source, taken.line, taken.count, now))
        except (WarehouseError, OSError) as error:
            self._trouble = str(error)
            raise _Refused("not landed") from None
        self._repeats.add(digest)

    def _keep_count(self) -> None:
        """Save the counts every few seconds; one line a minute at most says how many came."""
        unsaid: Tally[tuple[str, str]] = Tally()
        quiet_until = 0.0
        ended = False
        while not ended:
            ended = self._ended.wait(SAVE_SECONDS)
            unsaid.update(self._save())
            if unsaid and (ended or time.monotonic() >= quiet_until):
                counts = ", ".join(f"{source} {count} {why}" for (source, why), count in unsaid.items())
                log.warning("webhooks refused: %s%s", counts, f". {self._trouble}" if self._trouble else "")
                unsaid.clear()
                self._trouble = ""
                quiet_until = time.monotonic() + SAY_SECONDS

    def _save(self) -> dict[tuple[str, str], int]:
        try:
            return self._counter.save()
        except (WarehouseError, OSError) as error:
            self._trouble = str(error)
            return {}


class _Repeats:
    """Deliveries that landed lately, by digest: the very same bytes again need no line of their own.

    A vendor's own second attempt mostly differs in its count of attempts; this is against whoever plays back
    one signed delivery for ever.
    """

    def __init__(self) -> None:
        self._known: OrderedDict[bytes, None] = OrderedDict()

    def __contains__(self, digest: bytes) -> bool:
        return digest in self._known

    def add(self, digest: bytes) -> None:
        """Remember one, and forget the oldest beyond the limit."""
        self._known[digest] = None
        if len(self._known) > _REPEATS:
            self._known.popitem(last=False)


async def _body(request: Request) -> bytes:
    """The raw body; reading stops at the first byte too many."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > LARGEST:
        raise _Refused("oversized")
    parts = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for part in request.stream():
                parts += part
                if len(parts) > LARGEST:
                    raise _Refused("oversized")
    except TimeoutError:
        raise _Refused("too slow") from None
    except ClientDisconnect:
        raise _Refused("broken off") from None
    return bytes(parts)
