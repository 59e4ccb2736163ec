"""The HTTP of the vendor servers: routes, and the order in which a request is judged.

Plain ASGI rather than a framework: one request costs a tenth of a millisecond, and a connection can be cut.
"""

import asyncio
from bisect import insort
from collections.abc import Awaitable, Callable, MutableMapping
from functools import cache
from typing import Any, Protocol
from urllib.parse import unquote

import orjson

from sandbox.faults import Fault, Faults
from sandbox.messages import Answer, Request
from sandbox.repeats import Repeats

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

WEB_PAGE = b"<!DOCTYPE html><html><head><title>Just a moment...</title></head><body>Maintenance</body></html>"


Handler = Callable[..., Answer]


# Servers are made by the thousand where tests make worlds, and always with the same patterns.
@cache
def _parts(pattern: str) -> tuple[str | None, ...]:
    return tuple(None if part.startswith("{") else part for part in pattern.strip("/").split("/"))


@cache
def _openness(parts: tuple[str | None, ...]) -> tuple[bool, ...]:
    return tuple(part is None for part in parts)


class Routes:
    """Handlers by method and path pattern such as `/lists/{list}/members/{member}`; literals win."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, int], list[tuple[tuple[str | None, ...], Handler]]] = {}
        self._sizes: dict[int, list[tuple[str | None, ...]]] = {}

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        """Register a handler; it is called with the request and the values of the `{}` parts, in order."""
        parts = _parts(pattern)
        routes = self._routes.setdefault((method, len(parts)), [])
        insort(routes, (parts, handler), key=lambda route: _openness(route[0]))
        self._sizes.setdefault(len(parts), []).append(parts)

    def find(self, method: str, segments: tuple[str, ...]) -> tuple[Handler, list[str]] | None:
        """The handler and its path values, or None."""
        for parts, handler in self._routes.get((method, len(segments)), ()):
            if all(part is None or part == given for part, given in zip(parts, segments, strict=True)):
                return handler, [given for part, given in zip(parts, segments, strict=True) if part is None]
        return None

    def knows(self, segments: tuple[str, ...]) -> bool:
        """True when the path exists under some method."""
        return any(
            all(part is None or part == given for part, given in zip(parts, segments, strict=True))
            for parts in self._sizes.get(len(segments), ())
        )


class Vendor(Protocol):
    """What one vendor's server must be able to do."""

    name: str

    def turn_away(self, request: Request, connections: int) -> Answer | None:
        """The refusal of a request without permission or over the limits, else None."""
        ...

    def refusal(self, request: Request, status: int) -> Answer:
        """The vendor's own words for a status that a fault asks for."""
        ...

    def handle(self, request: Request) -> Answer:
        """The answer."""
        ...


class App:
    """One vendor as an ASGI application: limits and permission, faults, the answer, more faults."""

    def __init__(self, vendor: Vendor, faults: Faults, connections: Callable[[], int] = lambda: 0) -> None:
        """`connections` tells how many TCP connections are open; only vendors that count them need it."""
        self.vendor = vendor
        self.faults = faults
        self.connections = connections
        self.under_way = 0
        self._repeats = Repeats()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        request = await read_request(scope, receive)
        self.under_way += 1
        try:
            if self.connections() > 10:
                # Work takes no time here; only a pause lets requests of many connections meet.
                await asyncio.sleep(0.002)
            await self._serve(request, send)
        finally:
            self.under_way -= 1

    async def _serve(self, request: Request, send: Send) -> None:
        faults, name = self.faults, self.vendor.name
        if not faults.active:
            answer = self.vendor.turn_away(request, self.under_way) or self.vendor.handle(request)
            await send_answer(send, answer)
            return
        if slow := faults.take(name, request.path, "slow"):
            await asyncio.sleep(slow.seconds)
        broken = faults.take(name, request.path, "status", "error_rate_5xx", "rate_429", "bare_403")
        cut = None if broken else faults.take(name, request.path, "cut_connection")
        if broken and not broken.done:
            await send_answer(send, self._refusal(request, broken))
            return
        if cut and not cut.done:
            await send_answer(send, Answer(200, b"{" + b" " * 64), cut=True)
            return
        answer = self.vendor.turn_away(request, self.under_way) or self.vendor.handle(request)
        if broken:
            answer = self._refusal(request, broken)
        elif answer.status < 300:
            answer = self._spoil(request, answer)
        await send_answer(send, answer, cut=cut is not None)

    def _refusal(self, request: Request, fault: Fault) -> Answer:
        if fault.kind == "bare_403":
            return Answer(fault.status)
        return self.vendor.refusal(request, fault.status)

    def _spoil(self, request: Request, answer: Answer) -> Answer:
        name, path = self.vendor.name, request.path
        if self.faults.has("duplicates", name):
            again = self.faults.take(name, path, "duplicates")
            answer = self._repeats.spoil(name, request, answer, now=again is not None)
        lost: Fault | None = self.faults.take(name, path, "lost_field")
        if lost and answer.body:
            answer = Answer(
                answer.status,
                orjson.dumps(without(orjson.loads(answer.body), lost.field)),
                answer.headers,
                answer.content_type,
            )
        if self.faults.take(name, path, "html_instead_of_json"):
            return Answer(200, WEB_PAGE, [], b"text/html; charset=utf-8")
        if self.faults.take(name, path, "truncate_page"):
            return Answer(answer.status, answer.body[: len(answer.body) // 2], answer.headers)
        return answer


def without(value: object, field_name: str) -> object:
    """The JSON value with every field of that name taken out, at any depth."""
    if isinstance(value, dict):
        return {key: without(inner, field_name) for key, inner in value.items() if key != field_name}
    if isinstance(value, list):
        return [without(inner, field_name) for inner in value]
    return value


async def read_request(scope: Scope, receive: Receive) -> Request:
    """The whole request."""
    message = await receive()
    body = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    path = raw.decode("latin-1").partition("?")[0]
    query = scope["query_string"].decode("latin-1")
    parts = path.strip("/").split("/")
    return Request(
        method=scope["method"],
        path=path,
        segments=tuple(unquote(part) for part in parts) if "%" in path else tuple(parts),
        raw_query=query,
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        body=body,
        length=len(path) + len(query) + 1,
    )


async def send_answer(send: Send, answer: Answer, *, cut: bool = False) -> None:
    """Send it; with `cut` the connection ends in the middle of the body."""
    headers = [(b"content-length", str(len(answer.body)).encode()), *answer.headers]
    if answer.body:
        headers.append((b"content-type", answer.content_type))
    if answer.status == 204:
        headers = [header for header in headers if header[0] != b"content-length"]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if cut:
        # The server closes a connection whose answer was left unfinished.
        await send(
            {"type": "http.response.body", "body": answer.body[: len(answer.body) // 2], "more_body": True}
        )
        return
    await send({"type": "http.response.body", "body": answer.body})
