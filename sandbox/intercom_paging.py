"""Versions, page sizes and pages by number, as Intercom's lists have them."""

import re
from typing import Any

from sandbox.intercom_answers import Refused
from sandbox.messages import Request

DEFAULT_VERSION = (2, 11)  # of the made-up app, for calls that name none
NEWEST = (2, 17)
_VERSION = re.compile(r"([12])\.(\d{1,2})")


def known_version(request: Request) -> tuple[int, int] | None:
    """The version of the API that the request asks for, or None when there is none like that."""
    given = request.headers.get("intercom-version")
    if given is None:
        return DEFAULT_VERSION
    if given == "Unstable":
        return NEWEST
    found = _VERSION.fullmatch(given)
    if found is None:
        return None
    wanted = int(found[1]), int(found[2])
    return wanted if wanted <= NEWEST else None


def version(request: Request) -> tuple[int, int]:
    """The version that the answer is given in."""
    return known_version(request) or DEFAULT_VERSION


def cursor_of(body: dict[str, Any]) -> tuple[int, str | None]:
    """Page size and cursor of a search, which count in the body only: in the query they do nothing."""
    paging = body.get("pagination") or {}
    if not isinstance(paging, dict):
        raise Refused(400, "parameter_invalid", "pagination must be an object")
    return number(str(paging.get("per_page", "")), 20, 150), paging.get("starting_after")


def number(text: str, default: int, most: int | None = None) -> int:
    """A page size or number from a parameter. Raises Refused."""
    if text in ("", "None"):
        return default
    if not text.isdigit() or int(text) < 1 or (most is not None and int(text) > most):
        raise Refused(400, "parameter_invalid", f"The page size or number {text} is out of range")
    return int(text)


def numbered(place: int, size: int, total: int) -> dict[str, Any]:
    """`pages` and `total_count` of a list that is paged by number."""
    pages: dict[str, Any] = {
        "type": "pages",
        "next": None,
        "page": place,
        "per_page": size,
        "total_pages": -(-total // size),
    }
    if place * size < total:
        pages["next"] = {"page": place + 1, "per_page": size}
    return {"pages": pages, "total_count": total}
