"""HubSpot's search: filters, sort and offset paging over what the index knows, with its traps."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import chain
from random import Random
from typing import Any

from sandbox.hubspot_records import Record, Table
from sandbox.hubspot_schema import created_property, modified_property

MOST_RESULTS = 10_000
MOST_PER_PAGE = 200
LONGEST_BODY = 3_000
OPERATORS = {
    *("EQ", "NEQ", "LT", "LTE", "GT", "GTE", "BETWEEN", "IN", "NOT_IN"),
    *("HAS_PROPERTY", "NOT_HAS_PROPERTY", "CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"),
}
Found = tuple[Record, int, dict[str, str]]  # the record, its change time and properties as indexed


class BadSearch(Exception):
    """A search that HubSpot refuses with 400; the message is its sentence."""


@dataclass(frozen=True, slots=True)
class Query:
    """A search, checked."""

    groups: tuple[tuple[dict[str, Any], ...], ...]
    sort: tuple[str, bool] | None  # property, descending
    words: str
    properties: tuple[str, ...]
    limit: int
    after: int


def parse(body: dict[str, Any], length: int) -> Query:
    """The search in a request body. Raises BadSearch."""
    if length > LONGEST_BODY:
        raise BadSearch(f"The request body must not be longer than {LONGEST_BODY} characters")
    groups = body.get("filterGroups") or ([{"filters": body["filters"]}] if body.get("filters") else [])
    if not isinstance(groups, list) or len(groups) > 5:
        raise BadSearch("No more than 5 filter groups can be in the request")
    parsed = tuple(tuple(_filter(each) for each in group.get("filters") or ()) for group in groups)
    if any(len(group) > 6 for group in parsed) or sum(map(len, parsed)) > 18:
        raise BadSearch("No more than 6 filters per group and 18 in all can be in the request")
    sorts = body.get("sorts") or []
    if len(sorts) > 1:
        raise BadSearch("Only one sort can be in the request")
    limit = _whole(body.get("limit", 10), "limit")
    if not 0 <= limit <= MOST_PER_PAGE:
        raise BadSearch(f"The 'limit' must be between 0 and {MOST_PER_PAGE}")
    after = _whole(body.get("after") or 0, "after")
    if after + limit > MOST_RESULTS:
        raise BadSearch(
            f"There was a problem with the request: paging beyond {MOST_RESULTS} results is not possible"
        )
    return Query(
        groups=parsed,
        sort=_sort(sorts[0]) if sorts else None,
        words=str(body.get("query") or "").lower(),
        properties=tuple(body.get("properties") or ()),
        limit=limit,
        after=after,
    )


def _whole(value: object, name: str) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise BadSearch(f"The '{name}' must be an integer") from None


def _filter(given: dict[str, Any]) -> dict[str, Any]:
    name, operator = given.get("propertyName"), given.get("operator")
    if not name or operator not in OPERATORS:
        raise BadSearch(f"Invalid input JSON: a filter needs a propertyName and an operator, not {operator}")
    if operator in ("IN", "NOT_IN"):
        if not given.get("values"):
            raise BadSearch(f"operator {operator} requires values")
    elif "HAS_PROPERTY" not in operator and given.get("value") is None:
        raise BadSearch(f"operator {operator} requires a value")
    if operator == "BETWEEN" and given.get("highValue") is None:
        raise BadSearch("operator BETWEEN requires a highValue")
    return given


def _sort(given: object) -> tuple[str, bool]:
    if isinstance(given, str):
        return given.removeprefix("-"), given.startswith("-")
    if isinstance(given, dict) and given.get("propertyName"):
        return str(given["propertyName"]), str(given.get("direction", "ASCENDING")).upper().startswith("DESC")
    raise BadSearch("A sort needs a propertyName")


@lru_cache(maxsize=65_536)
def as_time(text: str) -> float | None:
    """Epoch milliseconds of a date-time in either of the two spellings HubSpot takes, or None."""
    if text.lstrip("-").isdigit():
        return float(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp() * 1000


@lru_cache(maxsize=65_536)
def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _as_text(text: str) -> str:
    return text.lower()


def _condition(table: Table, given: dict[str, Any]) -> Callable[[Found], bool]:
    name, operator = str(given["propertyName"]), str(given["operator"])
    definition = table.definitions.get(name)
    if definition is None:
        # A property of another type, such as hs_lastmodifieddate on contacts, fits nothing, silently.
        return lambda _: operator in ("NEQ", "NOT_IN", "NOT_HAS_PROPERTY", "NOT_CONTAINS_TOKEN")
    if operator == "HAS_PROPERTY":
        return lambda found: name in found[2]
    if operator == "NOT_HAS_PROPERTY":
        return lambda found: name not in found[2]
    if operator in ("IN", "NOT_IN"):
        # Strings are folded on one side only, as at HubSpot: capitals in `values` find nothing.
        fold = definition.type == "string"
        values = {str(value) for value in given["values"]}
        inside = operator == "IN"

        def among(found: Found) -> bool:
            value = found[2].get(name)
            return value is not None and ((value.lower() if fold else value) in values) == inside

        return among
    if operator in ("CONTAINS_TOKEN", "NOT_CONTAINS_TOKEN"):
        wanted = re.compile(re.escape(str(given["value"]).lower()).replace(r"\*", ".*"))
        contains = operator == "CONTAINS_TOKEN"

        def has_token(found: Found) -> bool:
            value = found[2].get(name, "").lower()
            tokens = (value, *re.split(r"[\s@.,;]+", value))
            return any(wanted.fullmatch(token) for token in tokens) == contains

        return has_token
    read: Callable[[str], Any] = {"datetime": as_time, "number": _as_number}.get(definition.type, _as_text)
    if definition.type in ("enumeration", "bool"):
        read = str
    low = read(str(given["value"]))
    high = read(str(given["highValue"])) if operator == "BETWEEN" else low
    if low is None or high is None:
        raise BadSearch(f"{given['value']} is not a valid value of the property {name}")
    tests: dict[str, Callable[[Any], bool]] = {
        "EQ": lambda value: value == low,
        "LT": lambda value: value < low,
        "LTE": lambda value: value <= low,
        "GT": lambda value: value > low,
        "GTE": lambda value: value >= low,
        "BETWEEN": lambda value: low <= value <= high,
    }
    if operator == "NEQ":
        return lambda found: name not in found[2] or read(found[2][name]) != low
    test = tests[operator]

    def compared(found: Found) -> bool:
        value = found[2].get(name)
        if value is None:
            return False
        own = read(value)
        return own is not None and test(own)

    return compared


def run(table: Table, query: Query, indexed_until: int, disorder: Random | None = None) -> list[Found]:
    """Every match in order; what changed after `indexed_until` (ms) as it was before, or not at all.

    What was archived, merged away or deleted after it is still found as it was.
    """
    groups = [[_condition(table, each) for each in group] for group in query.groups]
    candidates: Iterable[Record] = chain(
        _narrowed(table, query, indexed_until), table.lately_gone(indexed_until)
    )
    matches: list[Found] = []
    for record in candidates:
        if record.updated <= indexed_until and record.born <= indexed_until:
            found: Found = (record, record.updated, record.properties)
        else:
            version = record.at(indexed_until)
            if version is None:
                continue
            found = (record, *version)
        if groups and not any(all(test(found) for test in group) for group in groups):
            continue
        if query.words and not any(query.words in value.lower() for value in found[2].values()):
            continue
        matches.append(found)
    _order(table, matches, query.sort)
    sorted_by = table.definitions.get(query.sort[0]) if query.sort else None
    if disorder is not None and sorted_by is not None and sorted_by.type == "datetime":
        _disturb(matches, disorder)
    return matches


def _narrowed(table: Table, query: Query, indexed_until: int) -> list[Record]:
    """The records that one group's bounds on the change time leave, found by bisection."""
    records = table.by_time()
    # With a lag, a record's indexed change time may be older than its real one.
    if len(query.groups) != 1 or (records and records[-1].updated > indexed_until):
        return records
    low, high = float("-inf"), float("inf")
    for each in query.groups[0]:
        if each["propertyName"] != modified_property(table.kind):
            continue
        value = as_time(str(each.get("value")))
        if value is None:
            return records
        if each["operator"] in ("GT", "GTE", "EQ", "BETWEEN"):
            low = max(low, value)
        if each["operator"] in ("LT", "LTE", "EQ"):
            high = min(high, value)
        if each["operator"] == "BETWEEN":
            top = as_time(str(each["highValue"]))
            high = high if top is None else min(high, top)
    return records[
        bisect_left(records, low, key=lambda record: record.updated) : bisect_right(
            records, high, key=lambda record: record.updated
        )
    ]


def _order(table: Table, matches: list[Found], sort: tuple[str, bool] | None) -> None:
    name, descending = sort or (created_property(table.kind), False)
    if name == "hs_object_id":
        matches.sort(key=lambda found: found[0].id, reverse=descending)
    elif name == modified_property(table.kind):
        matches.sort(key=lambda found: (found[1], found[0].id), reverse=descending)
    elif sort is None:
        matches.sort(key=lambda found: found[0].id)
    else:
        kind = table.definitions[name].type if name in table.definitions else "string"
        read: Callable[[str], Any] = {"datetime": as_time, "number": _as_number}.get(kind, _as_text)
        empty: Any = "" if read is _as_text else float("-inf")
        matches.sort(
            key=lambda found: (read(found[2][name]) or empty) if name in found[2] else empty,
            reverse=descending,
        )


def _disturb(matches: list[Found], dice: Random) -> None:
    """Let neighbours change places, as rows sorted by time do at HubSpot."""
    for place in range(0, len(matches) - 5, 5):
        other = place + dice.randrange(5)
        matches[place], matches[other] = matches[other], matches[place]
