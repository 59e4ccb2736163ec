"""Pages that show some rows again: what a reader meets where a set moves while it is being paged through."""

from typing import Any

import orjson

from sandbox.messages import Answer, Request

MOST_REPEATED = 3
CURSORS = {"after", "starting_after", "page", "offset", "cursor", "scroll_param"}
MOST_WALKS = 100  # listings remembered at once


class Repeats:
    """Remembers the last page of each listing, and puts some of its rows in front of the next one."""

    def __init__(self) -> None:
        self._last: dict[str, list[Any]] = {}

    def spoil(self, vendor: str, request: Request, answer: Answer, *, now: bool) -> Answer:
        """The answer, with rows repeated when `now`; anything but a page of rows comes back as it was.

        A first page repeats its own last rows, any other those of the page before it.
        """
        found = _page(vendor, request, answer)
        if found is None:
            return answer
        body, name = found
        rows = body[name]
        walk = _walk(request)
        before = self._last.pop(walk, None) if _is_onward(request) else None
        if len(self._last) >= MOST_WALKS:
            self._last.clear()
        self._last[walk] = rows[-MOST_REPEATED:]
        if not now:
            return answer
        again = [*before, *rows] if before else [*rows, *rows[-MOST_REPEATED:]]
        shown = {**body, name: again} if name else again
        return Answer(answer.status, orjson.dumps(shown), answer.headers, answer.content_type)


def _page(vendor: str, request: Request, answer: Answer) -> tuple[dict[str, Any], str] | None:
    """The answer's body and the name of its rows when it is a page of a list or a search, else None.

    Where the body is the rows themselves, as Mandrill's is, they are called "".
    """
    if request.method not in ("GET", "POST") or not answer.body:
        return None
    if request.method == "POST" and request.segments[-1].removesuffix(".json") not in ("search", "list"):
        return None
    body = orjson.loads(answer.body)
    if vendor == "mandrill":
        return ({"": body}, "") if isinstance(body, list) and body else None
    if not isinstance(body, dict):
        return None
    listed = {
        "hubspot": "results" in body,
        "intercom": str(body.get("type", "")).endswith("list"),
        "mailchimp": "total_items" in body or "contacts" in body,
    }
    for name, value in body.items() if listed.get(vendor) else ():
        if isinstance(value, list) and value and isinstance(value[0], dict) and name != "_links":
            return body, name
    return None


def _is_onward(request: Request) -> bool:
    if any(request.param(name) not in ("", "0") for name in CURSORS):
        return True
    if request.method != "POST":
        return False
    body = request.json()
    asked = {**body, **(body.get("pagination") or {})} if isinstance(body, dict) else {}
    return any(asked.get(name) not in (None, "", 0, "0") for name in CURSORS)


def _walk(request: Request) -> str:
    """What stays the same from page to page of one listing."""
    query = sorted((name, values) for name, values in request.query.items() if name not in CURSORS)
    body: Any = request.json() if request.method == "POST" and request.body else {}
    if isinstance(body, dict):
        paging = body.get("pagination") or {}
        body = {
            **{name: value for name, value in body.items() if name not in CURSORS},
            "pagination": {name: value for name, value in paging.items() if name not in CURSORS},
        }
    return orjson.dumps([request.method, request.path, query, body], option=orjson.OPT_SORT_KEYS).decode()
