"""Requests and answers of the vendor servers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

import orjson

JSON_TYPE = b"application/json;charset=utf-8"


class BadBody(Exception):
    """The request's body is no JSON object."""


@dataclass(slots=True)
class Request:
    """One request, its body read whole; `segments` are the path's parts, unescaped."""

    method: str
    path: str
    segments: tuple[str, ...]
    raw_query: str
    headers: Mapping[str, str]
    body: bytes
    length: int  # of the path with its query, as sent
    _query: dict[str, list[str]] | None = None

    @property
    def query(self) -> dict[str, list[str]]:
        """Every parameter of the query with all its values."""
        if self._query is None:
            self._query = parse_qs(self.raw_query, keep_blank_values=True) if self.raw_query else {}
        return self._query

    def param(self, name: str, default: str = "") -> str:
        """The last value of a parameter, or `default`."""
        found = self.query.get(name)
        return found[-1] if found else default

    def words(self, name: str) -> tuple[str, ...]:
        """A list parameter, whether given comma-separated or several times."""
        return tuple(word for value in self.query.get(name, ()) for word in value.split(",") if word)

    def json(self) -> Any:
        """The body as JSON. Raises BadBody."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError:
            raise BadBody from None

    def object(self) -> dict[str, Any]:
        """The body as a JSON object; an empty body is an empty object. Raises BadBody."""
        if not self.body:
            return {}
        found = self.json()
        if not isinstance(found, dict):
            raise BadBody
        return found


@dataclass(slots=True)
class Answer:
    """A status, a body and further headers."""

    status: int
    body: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    content_type: bytes = JSON_TYPE


def said(value: object, status: int = 200, headers: list[tuple[bytes, bytes]] | None = None) -> Answer:
    """An answer with this value as JSON."""
    return Answer(status, orjson.dumps(value), headers or [])


_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def is_email(text: str) -> bool:
    """True for something that the vendors take as an address."""
    return _EMAIL.fullmatch(text) is not None
