"""The one way to talk to a vendor over HTTP: limits, retries, and answers turned into data or an error.

An error's text holds the vendor, the method, the path's template, the status, the vendor's own error code
and what to do: never a body, a token, an address, or a value that was put into the path.
"""

import logging
import random
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import orjson
import stamina

from connectors.answers import Answer, problem
from connectors.errors import (
    ConnectorError,
    FixConfig,
    QuotaSpent,
    RetryLater,
    UnexpectedData,
)
from connectors.exchange import exchange, network, unknown
from connectors.limiter import Limiter
from connectors.quota import DayQuota, Purpose
from connectors.rate_headers import Headers, asked_wait, interval_in, names_in, number, reset_in
from connectors.shared_locks import Slots

logger = logging.getLogger(__name__)
# httpx logs whole addresses at INFO, and some carry a person's id; stamina's note is said better here.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("stamina").setLevel(logging.ERROR)

Params = Mapping[str, str | int | bool]
Parts = Mapping[str, str]
# What a body says; raises ValueError for one that is cut off or no JSON at all.
Decode = Callable[[bytes], Any]


@dataclass(frozen=True, slots=True)
class Policy:
    """How often and how long to try again; times in seconds.

    A vendor that asks for more than `longest_wait` is not waited for: the error goes up with its
    `retry_after`, for a schedule to come back to. `pause` turns the wished wait into the real one (tests: 0).
    """

    attempts: int = 6
    first_wait: float = 1.0
    longest_wait: float = 60.0
    timeout: float = 60.0
    pause: Callable[[float], float] = lambda seconds: seconds


@dataclass(frozen=True, slots=True)
class Reply:
    """A successful answer: the bytes as received and what they say (None for an empty 204)."""

    status: int
    body: bytes
    data: Any


class Transport:
    """One vendor's API under one base address. Safe to share between threads."""

    def __init__(
        self,
        vendor: str,
        base_url: str,
        *,
        headers: Mapping[str, str],
        limiters: Mapping[str, Limiter] | None = None,
        quota: DayQuota | None = None,
        slots: Slots | None = None,
        connections: int = 10,
        bare_403_is_throttling: bool = False,
        explain: Callable[[Answer], ConnectorError | None] = lambda _: None,
        policy: Policy | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`limiters` by name: each call names the one it counts against, "" unless told.

        What the vendor's headers say concerns the limiter "". A request holds one of `slots` until it is
        answered. `explain` knows what an error answer of this vendor means where its body says more than its
        status.
        """
        self.vendor = vendor
        self.policy = policy or Policy()
        self._limiters = limiters or {}
        self._quota = quota or DayQuota(vendor, clock=clock)
        self._slots = slots
        self._hold = slots.hold if slots else nullcontext
        self._bare_403_is_throttling = bare_403_is_throttling
        self._explain = explain
        self._clock = clock
        self._most_said: bytes | None = None
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            raise FixConfig(f"{vendor}: the token holds characters that no token has; copy it again, whole.")
        self._base = base_url.rstrip("/")
        self._headers = httpx.Headers(
            {
                "Accept": "application/json",
                "Accept-Encoding": "gzip, deflate",
                "Connection": "keep-alive",
                "User-Agent": "tenfold",
                **headers,
            }
        )
        self._headers_with_json = httpx.Headers({**self._headers, "Content-Type": "application/json"})
        timeout = httpx.Timeout(self.policy.timeout, connect=10.0, pool=None)
        self._extensions = {"timeout": timeout.as_dict()}
        self._http = transport or network(self._base, connections)

    @property
    def quota_zone(self) -> str | None:
        """The time zone in which the account's day ends, once it is known."""
        return self._quota.zone

    @quota_zone.setter
    def quota_zone(self, zone: str | None) -> None:
        self._quota.zone = zone

    def get(
        self,
        path: str,
        params: Params | None = None,
        *,
        limit: str = "",
        parts: Parts | None = None,
        tries: int | None = None,
        purpose: Purpose = "read",
        decode: Decode | None = None,
    ) -> Reply:
        """Read; `{name}` in `path` is filled from `parts`, escaped. Raises ConnectorError."""
        return self.call(
            "GET",
            path,
            params=params,
            limit=limit,
            parts=parts,
            tries=tries,
            purpose=purpose,
            decode=decode,
        )

    def post(
        self,
        path: str,
        json: object,
        *,
        limit: str = "",
        parts: Parts | None = None,
        purpose: Purpose = "read",
        decode: Decode | None = None,
    ) -> Reply:
        """Read with a question in the body, or write what may be written twice. Raises ConnectorError."""
        return self.call("POST", path, json=json, limit=limit, parts=parts, purpose=purpose, decode=decode)

    def call(
        self,
        method: str,
        path: str,
        *,
        params: Params | None = None,
        json: object = None,
        limit: str = "",
        repeatable: bool = True,
        parts: Parts | None = None,
        tries: int | None = None,
        purpose: Purpose = "read",
        decode: Decode | None = None,
    ) -> Reply:
        """The answer of one request, tried again while it heals with time.

        With `repeatable` False the request must not be done twice: it is tried again only where the vendor
        certainly did nothing, and an outcome that nobody can know raises HandOverUnknown.

        `purpose` "act" is for what cannot wait, writes and the questions right before them: it may use the
        part of the day's calls that reading leaves. `decode` gives a Reply its data in place of a JSON
        object; it raises ValueError for a body that is cut off.
        """
        label = f"{self.vendor}: {method} {path}"
        request = self._request(method, path, params, json, parts)
        attempt = partial(
            self._attempt, request, label, self._limiters.get(limit), purpose, repeatable, decode
        )
        try:
            return attempt()
        except RetryLater as error:
            failed: RetryLater | None = error
        # Only now is the machinery of retries worth building; the first failure is handed to it.
        attempts = tries or self.policy.attempts
        for again in stamina.retry_context(on=self._waits(attempts), attempts=attempts, timeout=None):
            with again:
                if failed is not None:
                    first, failed = failed, None
                    raise first
                return attempt()
        raise AssertionError(label)  # stamina either returned or raised

    def _request(
        self, method: str, path: str, params: Params | None, json: object, parts: Parts | None
    ) -> httpx.Request:
        if parts is not None:
            path = path.format(**{name: quote(value, safe="") for name, value in parts.items()})
        address = f"{self._base}{path}"
        if params:
            asked = [
                (name, str(value).lower() if isinstance(value, bool) else value)
                for name, value in params.items()
            ]
            address = f"{address}?{urlencode(asked)}"
        return httpx.Request(
            method,
            address,
            headers=self._headers if json is None else self._headers_with_json,
            content=None if json is None else orjson.dumps(json),
            extensions=self._extensions,
        )

    def _waits(self, attempts: int) -> Callable[[Exception], bool | float]:
        """For stamina: how long to wait after an error, or False when there is no sense in it."""
        failures = 0

        def wait_for(error: Exception) -> bool | float:
            nonlocal failures
            failures += 1
            if not isinstance(error, RetryLater) or isinstance(error, QuotaSpent):
                return False
            asked = error.retry_after
            if asked is not None and asked > self.policy.longest_wait:
                return False
            if failures >= attempts:
                return True  # stamina stops here by itself; no wait is due
            wait = self.policy.first_wait * 2.0 ** (failures - 1) if asked is None else asked
            # A tenth more by chance keeps several processes from coming back in the same instant.
            wait = min(wait, self.policy.longest_wait) * (1 + random.random() / 10)
            logger.info("%s Attempt %d of %d in %.1f s.", error, failures + 1, attempts, wait)
            return self.policy.pause(wait)

        return wait_for

    def _attempt(
        self,
        request: httpx.Request,
        label: str,
        limiter: Limiter | None,
        purpose: Purpose,
        repeatable: bool,
        decode: Decode | None,
    ) -> Reply:
        day = self._quota.take(purpose)
        acquired = limiter.acquire(self.policy.longest_wait) if limiter else 0
        try:
            with self._hold():
                status, headers, body = exchange(self._http, request, label, repeatable=repeatable)
        finally:
            if limiter:
                limiter.answered(acquired)
        self._heed(headers, day)
        if 200 <= status < 300:
            return self._reply(status, body, label, repeatable=repeatable, decode=decode)
        raise self._refusal(status, headers, body, label, limiter, repeatable=repeatable)

    def _heed(self, headers: Headers, day: int) -> None:
        """Do what the vendor's own words on its limits ask for; for all processes."""
        names = names_in(headers)
        if names is None:
            return
        limiter = self._limiters.get("")
        if limiter is not None:
            most, left = headers.get(names.most), headers.get(names.left)
            if most != self._most_said:
                self._most_said = most
                allowed = number(most)
                if allowed:
                    limiter.vendor_allows(allowed, interval_in(headers, names))
            if number(left) == 0:
                limiter.nothing_left(
                    number(most), reset_in(headers, names, self._clock()), interval_in(headers, names)
                )
        day_most, day_left = number(headers.get(names.day_most)), number(headers.get(names.day_left))
        if day_most and day_left is not None:
            self._quota.vendor_counts(day, day_most, day_left)

    def _reply(
        self, status: int, body: bytes, label: str, *, repeatable: bool, decode: Decode | None
    ) -> Reply:
        if not body:
            return Reply(status, body, None)
        try:
            data = (decode or orjson.loads)(body)
        except ValueError:
            if looks_like_html(body):
                raise UnexpectedData(
                    f"{label} answered {status} with a web page instead of JSON; "
                    "check the base URL, and whether a proxy or a login page stands between."
                ) from None
            if not repeatable:
                raise unknown(label, "was truncated") from None
            raise RetryLater(f"{label} answered {status} with truncated JSON; run it again later.") from None
        if decode is None and not isinstance(data, dict):
            raise UnexpectedData(f"{label} answered {status} with no JSON object; check the base URL.")
        return Reply(status, body, data)

    def _refusal(
        self,
        status: int,
        headers: Headers,
        body: bytes,
        label: str,
        limiter: Limiter | None,
        *,
        repeatable: bool,
    ) -> ConnectorError:
        """The error of an answer outside 2xx; what it says of limits holds for all processes from now on."""
        answer = Answer(
            label=label,
            status=status,
            said=_object(body),
            retry_after=asked_wait(headers, self._clock()),
            has_body=bool(body.strip()) and not looks_like_html(body),
            bare_403_is_throttling=self._bare_403_is_throttling,
        )
        error = self._explain(answer)
        if error is None and status >= 500 and not repeatable:
            return unknown(label, f"answered {status}")
        error = error or problem(answer)
        if isinstance(error, QuotaSpent):
            error.retry_after = self._quota.spend(error.retry_after)
        elif isinstance(error, RetryLater) and status in (429, 403) and limiter is not None:
            asked = error.retry_after
            limiter.close_for(self.policy.first_wait if asked is None else asked)
        return error

    def wait(self, seconds: float) -> None:
        """Wait as the policy waits; for a vendor's own pauses outside of retries."""
        time.sleep(self.policy.pause(seconds))

    def close(self) -> None:
        """Close connections and the files of the limits."""
        self._http.close()
        self._quota.close()
        if self._slots is not None:
            self._slots.close()
        for limiter in self._limiters.values():
            limiter.close()


def looks_like_html(body: bytes) -> bool:
    """True for a web page, with or without a doctype."""
    return body.lstrip()[:1] == b"<"


def records_in(reply: Reply, field: str, label: str) -> Sequence[dict[str, Any]]:
    """The array of records under `field`. Raises UnexpectedData when the field is gone or no array."""
    rows = reply.data.get(field) if isinstance(reply.data, dict) else None
    if not isinstance(rows, list):
        raise UnexpectedData(f"{label}: the answer has no list '{field}'; the vendor's format changed.")
    return rows


def identified_in(reply: Reply, field: str, label: str) -> Sequence[dict[str, Any]]:
    """As `records_in`, of records that each have an `id`. Raises UnexpectedData when one has none."""
    rows = records_in(reply, field, label)
    if not all(isinstance(row, dict) and row.get("id") for row in rows):
        raise UnexpectedData(f"{label}: a record has no 'id'; the vendor's format changed.")
    return rows


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return said if isinstance(said, dict) else {}
