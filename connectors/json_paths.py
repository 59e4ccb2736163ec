"""JSON paths of the kind `$.a.b[0]`, by which a declaration says where things stand in a body."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

# As raw reads them, so that a declaration which is good here is good there too.
_PATH = re.compile(r"\$((\.[A-Za-z0-9_-]+|\.\"[^\"]+\")|\[\d+\])*")
_STEP = re.compile(r"\.([A-Za-z0-9_-]+)|\.\"([^\"]+)\"|\[(\d+)\]")


@cache
def steps(path: str) -> tuple[str | int, ...]:
    """The names and places that lead to the value. Raises ValueError for what is no such path."""
    if not _PATH.fullmatch(path):
        raise ValueError(f"'{path}' is no JSON path of the kind $.a.b[0]")
    return tuple(int(place) if place else name or quoted for name, quoted, place in _STEP.findall(path))


def value_at(data: Any, path: str) -> Any:
    """What stands there; None where nothing does."""
    for step in steps(path):
        if isinstance(step, int):
            if not isinstance(data, list) or step >= len(data):
                return None
            data = data[step]
        elif isinstance(data, Mapping):
            data = data.get(step)
        else:
            return None
    return data


def wrapped(value: Any, path: str) -> Any:
    """The smallest body that has the value at this path of names."""
    for step in reversed(steps(path)):
        value = {step: value}
    return value


def key_at(record: Any, path: str) -> str | None:
    """The identity at a path, or at several joined with `+`; None where a part of it is missing."""
    parts = []
    for each in path.split("+"):
        value = value_at(record, each)
        if isinstance(value, bool) or not isinstance(value, str | int | float) or value == "":
            return None
        parts.append(str(value))
    return "+".join(parts)
