"""Stand-ins for vendors, written from their documents: they enforce the limits that hurt."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import httpx

from connectors.transport import Policy, Transport

Handler = Callable[[httpx.Request], httpx.Response]
NOON = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)


def quick(waits: list[float] | None = None, **changes: object) -> Policy:
    """A policy that waits for nothing and notes what it would have waited."""

    def pause(seconds: float) -> float:
        if waits is not None:
            waits.append(seconds)
        return 0.0

    return Policy(pause=pause, **changes)


def transport_to(handler: Handler, *, waits: list[float] | None = None, **changes: object) -> Transport:
    options = {"headers": {"Authorization": "Bearer pat-SECRET"}, "policy": quick(waits), **changes}
    return Transport("vendor", "https://vendor.test", transport=httpx.MockTransport(handler), **options)


def answering(*answers: httpx.Response | Exception) -> tuple[Handler, list[httpx.Request]]:
    """A handler giving these answers in turn (the last one for ever), and the requests it saw."""
    seen: list[httpx.Request] = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        answer = answers[min(len(seen), len(answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    return handle, seen


@contextmanager
def serving(handler: Handler) -> Iterator[str]:
    """The handler as a real HTTP server; yields its address."""

    class Bridge(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            request = httpx.Request(
                self.command,
                f"http://{self.headers['Host']}{self.path}",
                headers=list(self.headers.items()),
                content=self.rfile.read(length),
            )
            answer = handler(request)
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name not in ("content-type", "content-length"):
                    self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        do_GET = do_POST = do_PATCH = _answer  # noqa: N815

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Bridge)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def raw_server(talk: Callable[[socket.socket], None], host: str = "127.0.0.1") -> Iterator[int]:
    """A TCP server that hands each connection to `talk` and then closes it; yields its port."""
    listener = socket.create_server((host, 0))
    stopping = threading.Event()

    def run() -> None:
        while not stopping.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    talk(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        stopping.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def row(number: int, changed: datetime = NOON, *, archived: bool = False, **properties: str) -> dict:
    stamp = changed.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "id": str(number),
        "properties": {
            "hs_object_id": str(number),
            "hs_lastmodifieddate": stamp,
            "lastmodifieddate": stamp,
            **properties,
        },
        "createdAt": stamp,
        "updatedAt": stamp,
        "archived": archived,
    }


class FakeHubSpot:
    """Lists, search, batches and associations of a portal, with HubSpot's limits.

    Search refuses offsets at 10,000, never shows archived records, and counts contacts by `lastmodifieddate`
    only. `shuffle` disturbs the order of a search page, `on_request` is called before each answer.
    """

    def __init__(self, **objects: Sequence[dict]) -> None:
        self.objects = {kind: list(rows) for kind, rows in objects.items()}
        self.associations: dict[tuple[str, str], dict[str, list[str]]] = {}
        self.requests: list[tuple[str, str, dict]] = []
        self.portal = 4242
        self.forbidden: set[str] = set()
        self.shuffle: Callable[[list[dict]], list[dict]] = lambda rows: rows
        self.on_request: Callable[[], None] = lambda: None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        query = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
        body = json.loads(request.content) if request.content else {}
        self.requests.append((request.method, path, {**query, **body}))
        self.on_request()
        parts = path.strip("/").split("/")
        if any(kind in self.forbidden for kind in parts):
            return _error(403, "MISSING_SCOPES", requiredGranularScopes=["crm.objects.tickets.read"])
        if path == "/account-info/2026-09/details":
            return httpx.Response(200, json={"portalId": self.portal, "timeZone": "Europe/Madrid"})
        if path.endswith("/search"):
            return self._search(parts[3], body)
        if parts[:2] == ["crm", "associations"]:
            return self._associations((parts[3], parts[4]), body)
        if parts[:2] == ["crm", "objects"]:
            return self._list(self.objects.get(parts[3], []), query)
        if parts[:2] == ["crm", "owners"]:
            return self._list(self.objects.get("owners", []), query)
        if parts[:2] == ["crm", "pipelines"]:
            return httpx.Response(200, json={"results": self.objects.get("pipelines", [])})
        return _error(404, "OBJECT_NOT_FOUND")

    def _list(self, rows: Sequence[dict], query: dict[str, str]) -> httpx.Response:
        limit = int(query.get("limit", 10))
        if limit > 100:
            return _error(400, "VALIDATION_ERROR")
        archived = query.get("archived") == "true"
        after = int(query.get("after", 0))
        found = sorted(
            (each for each in rows if each["archived"] == archived), key=lambda each: int(each["id"])
        )
        rest = [each for each in found if int(each["id"]) >= after]
        said: dict = {"results": rest[:limit]}
        if len(rest) > limit:
            said["paging"] = {"next": {"after": rest[limit]["id"]}}
        return httpx.Response(200, json=said)

    def _search(self, kind: str, body: dict) -> httpx.Response:
        limit, after = body["limit"], int(body.get("after", 0))
        if limit > 200 or after + limit > 10_000:
            return _error(400, "VALIDATION_ERROR")
        found = [each for each in self.objects.get(kind, []) if not each["archived"]]
        for group in body["filterGroups"]:
            found = [each for each in found if all(_passes(kind, each, test) for test in group["filters"])]
        found.sort(key=lambda each: int(each["id"]))
        page = self.shuffle(found)[after : after + limit]
        return httpx.Response(200, json={"total": len(found), "results": page})

    def _associations(self, pair: tuple[str, str], body: dict) -> httpx.Response:
        if len(body["inputs"]) > 1000:
            return _error(400, "VALIDATION_ERROR")
        known = self.associations.get(pair, {})
        asked = [each["id"] for each in body["inputs"]]
        results = [
            {
                "from": {"id": each},
                "to": [{"toObjectId": int(to), "associationTypes": []} for to in known[each]],
            }
            for each in asked
            if known.get(each)
        ]
        errors = [
            {"category": "OBJECT_NOT_FOUND", "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND"}
            for each in asked
            if not known.get(each)
        ]
        said = {"status": "COMPLETE", "results": results}
        return httpx.Response(
            207, json={**said, "numErrors": len(errors), "errors": errors} if errors else said
        )


def _passes(kind: str, each: dict, test: dict) -> bool:
    name = test["propertyName"]
    if name == "hs_lastmodifieddate" and kind == "contacts":
        return False  # as HubSpot does: no error, no rows
    value = each["properties"][name]
    if name == "hs_object_id":
        return (
            int(value) > int(test["value"]) if test["operator"] == "GT" else int(value) <= int(test["value"])
        )
    moment = (datetime.fromisoformat(value) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1)
    return int(test["value"]) <= moment <= int(test["highValue"])


def _error(status: int, category: str, **context: object) -> httpx.Response:
    errors = [{"message": "no", "context": context}] if context else []
    return httpx.Response(
        status, json={"status": "error", "message": "no", "category": category, "errors": errors}
    )
