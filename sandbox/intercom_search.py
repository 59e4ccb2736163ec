"""Intercom's search: nested queries, the keyset cursor in the body, and dates by the day for contacts."""

import base64
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from sandbox.company import ZONE

MOST_NESTED = 2
MOST_FILTERS = 15
OPERATORS = ("=", "!=", "IN", "NIN", ">", "<", ">=", "<=", "~", "!~", "^", "$")


class BadQuery(Exception):
    """A search that Intercom refuses with 400; carries code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Field:
    """How to read one searchable field of a record; dates are Unix seconds."""

    read: Callable[[Any], Any]
    is_date: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """How dates compare: by the day in the workspace's zone, and whether `>` includes the instant itself."""

    by_day: bool = False
    greater_or_equal: bool = False
    more_operators: bool = True


def condition(query: object, fields: dict[str, Field], rules: Rules, depth: int = 0) -> Callable[[Any], bool]:
    """The query as a test of records. Raises BadQuery."""
    if not isinstance(query, dict):
        raise BadQuery("parameter_invalid", "query must be an object")
    operator, value = query.get("operator"), query.get("value")
    if operator in ("AND", "OR"):
        if depth >= MOST_NESTED:
            raise BadQuery("parameter_invalid", f"Queries can be nested {MOST_NESTED} levels deep at most")
        if not isinstance(value, list) or not 0 < len(value) <= MOST_FILTERS:
            raise BadQuery("parameter_invalid", f"A group takes 1 to {MOST_FILTERS} filters")
        tests = [condition(each, fields, rules, depth + 1) for each in value]
        if operator == "AND":
            return lambda record: all(test(record) for test in tests)
        return lambda record: any(test(record) for test in tests)
    name = query.get("field")
    if name not in fields:
        raise BadQuery("parameter_invalid", f"Invalid field: {name}")
    if operator not in OPERATORS or (operator in (">=", "<=") and not rules.more_operators):
        raise BadQuery("parameter_invalid", f"Invalid operator: {operator}")
    field = fields[name]
    if field.is_date:
        return _date(field, str(operator), value, rules)
    return _plain(field, str(operator), value)


def _date(field: Field, operator: str, given: object, rules: Rules) -> Callable[[Any], bool]:
    try:
        wanted = int(str(given))
    except ValueError:
        raise BadQuery("parameter_invalid", f"{given} is no timestamp") from None
    place: Callable[[int], Any] = _local_day if rules.by_day else int
    limit = place(wanted)
    greater_or_equal = rules.greater_or_equal and not rules.by_day
    tests: dict[str, Callable[[Any], bool]] = {
        "=": lambda own: own == limit,
        "!=": lambda own: own != limit,
        ">": (lambda own: own >= limit) if greater_or_equal else (lambda own: own > limit),
        "<": (lambda own: own <= limit) if greater_or_equal else (lambda own: own < limit),
        ">=": lambda own: own >= limit,
        "<=": lambda own: own <= limit,
    }
    if operator not in tests:
        raise BadQuery("parameter_invalid", f"Operator {operator} does not fit a date")
    test = tests[operator]

    def dated(record: Any) -> bool:
        own = field.read(record)
        return own is not None and test(place(own))

    return dated


def _local_day(at: int) -> int:
    return datetime.fromtimestamp(at, UTC).astimezone(ZONE).date().toordinal()


def _plain(field: Field, operator: str, given: object) -> Callable[[Any], bool]:
    if operator in ("IN", "NIN"):
        if not isinstance(given, list):
            raise BadQuery("parameter_invalid", f"{operator} takes a list")
        values = {_text(each) for each in given}
        return lambda record: any(each in values for each in _texts(field, record)) == (operator == "IN")
    wanted = _text(given)
    tests: dict[str, Callable[[list[str]], bool]] = {
        "=": lambda own: wanted in own,
        "!=": lambda own: wanted not in own,
        "~": lambda own: any(wanted in each for each in own),
        "!~": lambda own: not any(wanted in each for each in own),
        "^": lambda own: any(each.startswith(wanted) for each in own),
        "$": lambda own: any(each.endswith(wanted) for each in own),
        ">": lambda own: any(_number(each) > _number(wanted) for each in own),
        "<": lambda own: any(_number(each) < _number(wanted) for each in own),
    }
    if operator not in tests:
        raise BadQuery("parameter_invalid", f"Operator {operator} does not fit this field")
    test = tests[operator]
    return lambda record: test(_texts(field, record))


def _texts(field: Field, record: Any) -> list[str]:
    own = field.read(record)
    return [_text(each) for each in own] if isinstance(own, list) else [_text(own)]


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value).lower()


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


@dataclass(frozen=True, slots=True)
class Slice:
    """One page: its rows, its number, and the cursor of the next one (None at the end)."""

    rows: list[Any]
    number: int
    following: str | None


@dataclass(frozen=True, slots=True)
class Arranged:
    """Records in order of their keys: (sort value, id)."""

    rows: list[Any]
    keys: list[tuple[int, str]]


def arranged(records: Iterable[Any], key: Callable[[Any], tuple[int, str]]) -> Arranged:
    """The records in ascending order."""
    pairs = sorted(((key(record), record) for record in records), key=lambda pair: pair[0])
    return Arranged([record for _, record in pairs], [each for each, _ in pairs])


def page(found: Arranged, size: int, cursor: str | None, *, descending: bool) -> Slice:
    """The records after the cursor, by (sort value, id).

    A record that moves while somebody pages may come twice or not at all.
    Raises BadQuery for a cursor that was not given out here.
    """
    number = 1
    start, end = 0, len(found.rows)
    if cursor:
        value, tie, number = _opened(cursor)
        last = (value, tie)
        if descending:
            end = bisect_left(found.keys, last)
        else:
            start = bisect_right(found.keys, last)
    more = end - start > size
    if descending:
        start = max(start, end - size)
        rows, edge = found.rows[start:end][::-1], start
    else:
        end = min(end, start + size)
        rows, edge = found.rows[start:end], end - 1
    following = None
    if more:
        value, tie = found.keys[edge]
        following = base64.b64encode(orjson.dumps([value * 1000, tie, number + 1])).decode()
    return Slice(rows, number, following)


def _opened(cursor: str) -> tuple[int, str, int]:
    try:
        value, tie, number = orjson.loads(base64.b64decode(cursor, validate=True))
        return int(value) // 1000, str(tie), int(number)
    except (ValueError, TypeError):
        raise BadQuery("parameter_invalid", "starting_after is not a valid cursor") from None


def pages(found: Slice, size: int, total: int) -> dict[str, Any]:
    """The `pages` object of an answer."""
    body: dict[str, Any] = {
        "type": "pages",
        "page": found.number,
        "per_page": size,
        "total_pages": -(-total // size),
    }
    if found.following is not None:
        body["next"] = {"page": found.number + 1, "per_page": size, "starting_after": found.following}
    return body


def sort_of(given: object, allowed: Sequence[str], default: str) -> tuple[str, bool]:
    """Field and whether descending, from a search's `sort`. Raises BadQuery."""
    if given is None:
        return default, True
    if not isinstance(given, dict) or given.get("field", default) not in allowed:
        raise BadQuery("invalid_sort_field", "The sort field is not supported")
    order = given.get("order", "descending")
    if order not in ("ascending", "descending"):
        raise BadQuery("invalid_sort_order", "The sort order must be ascending or descending")
    return str(given.get("field", default)), order == "descending"
