"""What HubSpot's answers say beside their records: totals, where a list goes on, errors inside batches."""

from collections.abc import Mapping
from typing import Any, TypedDict

import msgspec
import orjson

from connectors.answers import Answer, problem
from connectors.errors import ConnectorError, RetryLater, UnexpectedData
from connectors.transport import Reply

# What a batch says of an id that is gone or has nothing of the kind: a fact about the id, no fault.
NOT_THERE = {"OBJECT_NOT_FOUND", "NO_ASSOCIATIONS_FOUND"}
HEALS = {"INTERNAL_ERROR", "RATE_LIMITS", "TIMEOUT", "SERVICE_UNAVAILABLE", "LOCKED"}
FORBIDDEN = {"MISSING_SCOPES", "FORBIDDEN", "UNAUTHORIZED", "PERMISSION_DENIED", "ACCESS_DENIED"}


class _Listed(TypedDict, total=False):
    id: str | int
    archivedAt: str | None


class _List(TypedDict, total=False):
    results: list[_Listed]
    paging: dict[str, Any] | None


class _Changed(TypedDict, total=False):
    lastmodifieddate: str | None
    hs_lastmodifieddate: str | None


class _Found(TypedDict, total=False):
    id: str | int
    updatedAt: str | None
    properties: _Changed | None


class _Search(TypedDict, total=False):
    total: int
    results: list[_Found]


def listed(body: bytes) -> Any:
    """Of a page of a list what reading on needs: ids, archiving times and the cursor. Raises ValueError.

    The values are for DuckDB: making objects of them would take three times as long.
    """
    return _decoded(_LIST, body)


def found(body: bytes) -> Any:
    """Of a page of a search what reading on needs: the count, ids and change times. Raises ValueError."""
    return _decoded(_SEARCH, body)


_LIST = msgspec.json.Decoder(_List)
_SEARCH = msgspec.json.Decoder(_Search)


def _decoded(decoder: Any, body: bytes) -> Any:
    try:
        return decoder.decode(body)
    except msgspec.ValidationError:
        return orjson.loads(body)  # of another shape; whoever looks into it will say what is missing
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None


def next_after(said: Mapping[str, Any]) -> str | None:
    """Where an answer, or one id's part of a batch, goes on; None at its end."""
    after = ((said.get("paging") or {}).get("next") or {}).get("after")
    return None if after is None else str(after)


def total_in(reply: Reply, kind: str) -> int:
    """How many records a search counts, whichever of them its page holds. Raises UnexpectedData."""
    total = reply.data.get("total")
    if not isinstance(total, int):
        raise UnexpectedData(f"hubspot: search of {kind} says no 'total'; the vendor's format changed.")
    return total


def not_there(reply: Reply, label: str) -> set[str]:
    """The ids of which a batch says that they do not exist or have nothing of the kind.

    A batch carries errors inside a 200 or a 207. Any other error in it raises what it would raise alone:
    what is not there for want of a right must not pass for nothing.
    """
    missing: set[str] = set()
    for error in reply.data.get("errors") or []:
        words = {str(error.get(name, "")).rpartition(".")[2] for name in ("category", "subCategory")}
        context = error.get("context") or {}
        if words & NOT_THERE:
            missing.update(str(each) for name in ("ids", "id") for each in context.get(name) or ())
        else:
            raise _fault(error, words, f"{label}, inside its {reply.status},")
    return missing


def _fault(error: Mapping[str, Any], words: set[str], label: str) -> ConnectorError:
    inner = [error, *(each for each in error.get("errors") or () if isinstance(each, Mapping))]
    if words & FORBIDDEN or "403" in str(error.get("status")):
        return problem(Answer(label, 403, {"category": error.get("category"), "errors": inner}))
    if words & HEALS:
        return RetryLater(f"{label} could not answer for some of its records; run it again later.")
    return UnexpectedData(
        f"{label} has an error that HubSpot does not document; nothing of this page was kept."
    )
