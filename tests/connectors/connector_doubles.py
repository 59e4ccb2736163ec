"""Stand-ins for vendors, written from their documents: they enforce the limits that hurt."""

import json
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs

import httpx

from connectors.hubspot_properties import PROPERTIES
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

        do_GET = do_POST = do_PATCH = do_PUT = _answer  # noqa: N815

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


HUBSPOT_OWN = ("hs_object_id", "createdate", "hs_createdate", "lastmodifieddate", "hs_lastmodifieddate")


class FakeHubSpot:
    """Lists, search, batches, properties and associations of a portal, with HubSpot's limits.

    Search refuses offsets at 10,000 and bodies over 3,000 characters, never shows archived records, and counts
    contacts by `lastmodifieddate` only; addresses over 8,000 characters are refused; only asked properties
    that the portal defines come back. `forbidden` holds words of paths ("tickets"), or two of them
    ("properties/tickets"). `shuffle` disturbs the order of a search before it is cut into pages,
    `spoil` a finished page of a list or search; `index` is what search knows where that is not what is;
    `on_request` is called before each answer.
    """

    def __init__(self, **objects: Sequence[dict]) -> None:
        self.objects = {kind: list(rows) for kind, rows in objects.items()}
        self.index: dict[str, list[dict]] = {}
        self.custom: dict[str, list[str]] = {}  # properties that the portal added itself
        self.undefined: set[str] = set()  # ours that this portal does not have
        self.history: dict[tuple[str, str], dict[str, list[dict]]] = {}
        self.associations: dict[tuple[str, str], dict[str, list[str]]] = {}
        self.requests: list[tuple[str, str, dict]] = []
        self.portal = 4242
        self.forbidden: set[str] = set()
        self.shuffle: Callable[[list[dict]], list[dict]] = lambda rows: rows
        self.spoil: Callable[[list[dict]], list[dict]] = lambda rows: rows
        self.on_request: Callable[[], None] = lambda: None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        query = {name: values[0] for name, values in parse_qs(request.url.query.decode()).items()}
        body = json.loads(request.content) if request.content else {}
        self.requests.append((request.method, path, {**query, **body}))
        self.on_request()
        parts = path.strip("/").split("/")
        if len(request.url.raw_path) > 8_000:
            return _error(414, "VALIDATION_ERROR")
        if any(part in self.forbidden for part in (*parts, "/".join(parts[1:4:2]))):
            return _error(403, "MISSING_SCOPES", requiredGranularScopes=["crm.objects.tickets.read"])
        if path == "/account-info/2026-09/details":
            return httpx.Response(200, json={"portalId": self.portal, "timeZone": "Europe/Madrid"})
        if parts[:2] == ["crm", "associations"]:
            return self._associations((parts[3], parts[4]), body)
        if path.endswith("/search"):
            return self._search(parts[3], body, len(request.content))
        if path.endswith("/batch/read"):
            return self._batch(parts[3], body, archived=query.get("archived") == "true")
        if parts[:2] == ["crm", "objects"]:
            asked = query.get("properties", "").split(",")
            return self._list(
                self.objects.get(parts[3], []), query, lambda rows: self._shown(parts[3], rows, asked)
            )
        if parts[:2] == ["crm", "properties"]:
            return self._properties(*parts[3:])
        if parts[:2] == ["crm", "owners"]:
            return self._list(self.objects.get("owners", []), query, lambda rows: rows)
        if parts[:2] == ["crm", "pipelines"]:
            return httpx.Response(200, json={"results": self.objects.get("pipelines", [])})
        return _error(404, "OBJECT_NOT_FOUND")

    def _defined(self, kind: str) -> dict[str, bool]:
        """Every property of a kind, and whether it is HubSpot's own."""
        ours = (name for name in (*PROPERTIES[kind], *HUBSPOT_OWN) if name not in self.undefined)
        own = self.custom.get(kind, [])
        return {**{name: not name.startswith("tenfold_") for name in ours}, **dict.fromkeys(own, False)}

    def _properties(self, kind: str, *name: str) -> httpx.Response:
        rows = [{"name": each, "hubspotDefined": own} for each, own in self._defined(kind).items()]
        return httpx.Response(200, json=rows[0] if name else {"results": rows})

    def _shown(self, kind: str, rows: Sequence[dict], asked: Sequence[str]) -> list[dict]:
        names = [*HUBSPOT_OWN, *(name for name in asked if name in self._defined(kind))]
        wanted = set(asked)
        return [
            {
                **each,
                "properties": {
                    name: each["properties"].get(name)
                    for name in names
                    if name in wanted or name in each["properties"]
                },
            }
            for each in rows
        ]

    def _list(
        self, rows: Sequence[dict], query: dict[str, str], shown: Callable[[list[dict]], list[dict]]
    ) -> httpx.Response:
        limit = int(query.get("limit", 10))
        if limit > 100:
            return _error(400, "VALIDATION_ERROR")
        archived = query.get("archived") == "true"
        after = int(query.get("after", 0))
        found = sorted(
            (each for each in rows if each["archived"] == archived), key=lambda each: int(each["id"])
        )
        rest = [each for each in found if int(each["id"]) >= after]
        said: dict = {"results": self.spoil(shown(rest[:limit]))}
        if len(rest) > limit:
            said["paging"] = {"next": {"after": rest[limit]["id"]}}
        return httpx.Response(200, json=said)

    def _search(self, kind: str, body: dict, length: int) -> httpx.Response:
        limit, after = body["limit"], int(body.get("after", 0))
        if limit > 200 or after + limit > 10_000 or length > 3_000:
            return _error(400, "VALIDATION_ERROR")
        living = [each for each in self.objects.get(kind, []) if not each["archived"]]
        filters = [test for group in body["filterGroups"] for test in group["filters"]]
        found = _matching(kind, self.index.get(kind, living), filters)
        page = self.shuffle(found)[after : after + limit]
        shown = self.spoil(self._shown(kind, page, body["properties"]))
        return httpx.Response(200, json={"total": len(found), "results": shown})

    def _batch(self, kind: str, body: dict, *, archived: bool) -> httpx.Response:
        history = body.get("propertiesWithHistory", [])
        if len(body["inputs"]) > (50 if history else 100):
            return _error(400, "VALIDATION_ERROR")
        held = {each["id"]: each for each in self.objects.get(kind, []) if each["archived"] == archived}
        asked = [each["id"] for each in body["inputs"]]
        results = self._shown(kind, [held[each] for each in asked if each in held], body["properties"])
        if history:
            for each in results:
                kept = self.history.get((kind, each["id"]), {})
                each["propertiesWithHistory"] = {name: kept.get(name, []) for name in history}
        missing = [each for each in asked if each not in held]
        return _batched(
            results, [{"category": "OBJECT_NOT_FOUND", "context": {"ids": missing}}] if missing else []
        )

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
            {
                "category": "OBJECT_NOT_FOUND",
                "subCategory": "crm.associations.NO_ASSOCIATIONS_FOUND",
                "context": {"fromObjectId": [each]},
            }
            for each in asked
            if not known.get(each)
        ]
        return _batched(results, errors)


def _batched(results: list[dict], errors: list[dict]) -> httpx.Response:
    said = {"status": "COMPLETE", "results": results}
    return httpx.Response(207, json={**said, "numErrors": len(errors), "errors": errors} if errors else said)


@lru_cache
def _milliseconds(text: str) -> float:
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(milliseconds=1)


def _matching(kind: str, rows: Sequence[dict], filters: Sequence[dict]) -> list[dict]:
    """The rows that pass all filters, by id."""
    low, high = 0, 10**18
    spans = []
    for test in filters:
        name = test["propertyName"]
        if name == "hs_lastmodifieddate" and kind == "contacts":
            return []  # as HubSpot does: no error, no rows
        if name != "hs_object_id":
            spans.append((name, int(test["value"]), int(test["highValue"])))
        elif test["operator"] == "GT":
            low = int(test["value"])
        else:
            high = int(test["value"])
    found = [each for each in rows if low < int(each["id"]) <= high]
    for name, start, end in spans:
        found = [each for each in found if start <= _milliseconds(each["properties"][name]) <= end]
    return sorted(found, key=lambda each: int(each["id"]))


def _error(status: int, category: str, **context: object) -> httpx.Response:
    errors = [{"message": "no", "context": context}] if context else []
    return httpx.Response(
        status, json={"status": "error", "message": "no", "category": category, "errors": errors}
    )
