"""The one way to talk to a vendor over HTTP: rate limit, retries, and answers turned into data or an error.

An error's text holds the vendor, the method, the path's template, the status, the vendor's own error code
and what to do: never a body, a token, an address, or a value that was put into the path.
"""

import contextlib
import logging
import random
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import httpx
import orjson
import stamina

from connectors.answers import Answer, problem
from connectors.errors import (
    ConnectorError,
    FixConfig,
    HandOverUnknown,
    QuotaSpent,
    RetryLater,
    UnexpectedData,
)
from connectors.limiter import Limiter

logger = logging.getLogger(__name__)
# httpx logs whole addresses at INFO, and some carry a person's id; stamina's note is said better here.
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("stamina").setLevel(logging.ERROR)

Params = Mapping[str, str | int | bool]
Parts = Mapping[str, str]
# What a call is for: reads give way to what has to be done now when a day's calls run short.
Purpose = Literal["read", "act"]


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
        connections: int = 10,
        bare_403_is_throttling: bool = False,
        explain: Callable[[Answer], ConnectorError | None] = lambda _: None,
        policy: Policy | None = None,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`limiters` by name: each call names the one it counts against, "" unless told.

        `explain` knows what an error answer of this vendor means where its body says more than its status.
        """
        self.vendor = vendor
        self.policy = policy or Policy()
        self.quota_zone: str | None = None
        self._limiters = limiters or {}
        self._bare_403_is_throttling = bare_403_is_throttling
        self._explain = explain
        self._clock = clock
        self._stopped: tuple[float, QuotaSpent] | None = None
        self._stop = threading.Lock()
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            raise FixConfig(f"{vendor}: the token holds characters that no token has; copy it again, whole.")
        base = base_url.rstrip("/")
        loopback = httpx.URL(base).host in ("127.0.0.1", "localhost", "::1")
        self._http = httpx.Client(
            base_url=base,
            headers={"Accept": "application/json", "User-Agent": "tenfold", **headers},
            timeout=httpx.Timeout(self.policy.timeout, connect=10.0, pool=None),
            limits=httpx.Limits(max_connections=connections, max_keepalive_connections=connections),
            transport=transport,
            trust_env=not loopback,  # a company's proxy serves the vendors, not this machine
        )

    def get(
        self,
        path: str,
        params: Params | None = None,
        *,
        limit: str = "",
        parts: Parts | None = None,
        tries: int | None = None,
        purpose: Purpose = "read",
    ) -> Reply:
        """Read; `{name}` in `path` is filled from `parts`, escaped. Raises ConnectorError."""
        return self.call("GET", path, params=params, limit=limit, parts=parts, tries=tries, purpose=purpose)

    def post(
        self,
        path: str,
        json: object,
        *,
        limit: str = "",
        parts: Parts | None = None,
        purpose: Purpose = "read",
    ) -> Reply:
        """Read with a question in the body, or write what may be written twice. Raises ConnectorError."""
        return self.call("POST", path, json=json, limit=limit, parts=parts, purpose=purpose)

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
        purpose: Purpose = "read",  # noqa: ARG002 - told by every caller; the day's reserve will need it
        decode: Callable[[bytes], Any] = orjson.loads,
    ) -> Reply:
        """The answer of one request, tried again while it heals with time.

        With `repeatable` False the request must not be done twice: it is tried again only where the vendor
        certainly did nothing, and an outcome that nobody can know raises HandOverUnknown. `decode` makes an
        object of a body and raises ValueError for one that is broken.
        """
        label = f"{self.vendor}: {method} {path}"
        request = self._http.build_request(
            method,
            path.format(**{name: quote(value, safe="") for name, value in (parts or {}).items()}),
            params=dict(params) if params else None,
            content=orjson.dumps(json) if json is not None else None,
            headers={"Content-Type": "application/json"} if json is not None else None,
        )
        limiter = self._limiters.get(limit)
        attempts = tries or self.policy.attempts
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

        for attempt in stamina.retry_context(on=wait_for, attempts=attempts, timeout=None):
            with attempt:
                self._refuse_when_stopped()
                if limiter is not None:
                    limiter.acquire()
                return self._send(request, label, decode, repeatable=repeatable)
        raise AssertionError(label)  # stamina either returned or raised

    def _send(
        self, request: httpx.Request, label: str, decode: Callable[[bytes], Any], *, repeatable: bool
    ) -> Reply:
        try:
            response = self._http.send(request)
        except (httpx.UnsupportedProtocol, httpx.LocalProtocolError):
            raise FixConfig(f"{label} could not be sent; check the base URL and the token.") from None
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError):
            raise RetryLater(f"{label} found no server; check the base URL and the network.") from None
        except httpx.TimeoutException:
            if not repeatable:
                raise _unknown(label, "timed out") from None
            raise RetryLater(f"{label} timed out; run it again later.") from None
        except (httpx.TransportError, httpx.DecodingError):
            if not repeatable:
                raise _unknown(label, "was cut off") from None
            raise RetryLater(f"{label} was cut off or truncated; run it again later.") from None
        return self._read(response, label, decode, repeatable=repeatable)

    def _read(
        self, response: httpx.Response, label: str, decode: Callable[[bytes], Any], *, repeatable: bool
    ) -> Reply:
        status, body = response.status_code, response.content
        if 200 <= status < 300:
            if not body:
                return Reply(status, body, None)
            try:
                data = decode(body)
            except ValueError:  # of which orjson's own error is one
                if looks_like_html(body):
                    raise UnexpectedData(
                        f"{label} answered {status} with a web page instead of JSON; "
                        "check the base URL, and whether a proxy or a login page stands between."
                    ) from None
                if not repeatable:
                    raise _unknown(label, "was truncated") from None
                raise RetryLater(
                    f"{label} answered {status} with truncated JSON; run it again later."
                ) from None
            if not isinstance(data, dict):
                raise UnexpectedData(f"{label} answered {status} with no JSON object; check the base URL.")
            return Reply(status, body, data)
        answer = Answer(
            label=label,
            status=status,
            said=_object(body),
            retry_after=self._asked_wait(response),
            has_body=bool(body.strip()) and not looks_like_html(body),
            bare_403_is_throttling=self._bare_403_is_throttling,
        )
        error = self._explain(answer)
        if error is None and status >= 500 and not repeatable:
            raise _unknown(label, f"answered {status}")
        error = error or problem(answer)
        if isinstance(error, QuotaSpent):
            error.retry_after = error.retry_after or self._until_midnight()
            with self._stop:
                self._stopped = (self._clock() + error.retry_after, error)
        raise error

    def _refuse_when_stopped(self) -> None:
        with self._stop:
            if self._stopped is None:
                return
            until, error = self._stopped
            now = self._clock()
            if now >= until:
                self._stopped = None
                return
        raise QuotaSpent(str(error), retry_after=until - now)

    def _until_midnight(self) -> float:
        """Seconds to the next midnight of the account's zone; an hour while the zone is not known."""
        if self.quota_zone is None:
            return 3600.0
        try:
            zone = ZoneInfo(self.quota_zone)
        except (ZoneInfoNotFoundError, ValueError):
            return 3600.0
        now = datetime.fromtimestamp(self._clock(), zone)
        midnight = datetime.combine(now.date() + timedelta(days=1), datetime.min.time(), now.tzinfo)
        return midnight.timestamp() - now.timestamp()

    def _asked_wait(self, response: httpx.Response) -> float | None:
        """Seconds the vendor asks to wait, if it does: Retry-After, else the rate window's reset."""
        now = self._clock()
        with contextlib.suppress(KeyError, ValueError):  # the vendor's clock, where it is sent
            now = parsedate_to_datetime(response.headers["Date"]).timestamp()
        asked = response.headers.get("Retry-After", "").strip()
        if asked:
            if re.fullmatch(r"\d+(\.\d+)?", asked):
                return float(asked)
            try:
                return max(0.0, parsedate_to_datetime(asked).timestamp() - now)
            except ValueError:
                return None
        reset = response.headers.get("X-RateLimit-Reset", "")
        if reset.isdigit():
            # Windows are ten seconds long; a reset further off is a clock that is not ours.
            return min(max(0.0, int(reset) - now), 60.0)
        return None

    def wait(self, seconds: float) -> None:
        """Wait as the policy waits; for a vendor's own pauses outside of retries."""
        time.sleep(self.policy.pause(seconds))

    def close(self) -> None:
        """Close connections and the limiters' files."""
        self._http.close()
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


def _unknown(label: str, what: str) -> HandOverUnknown:
    return HandOverUnknown(f"{label} {what}: it may have been done; look it up before doing it again.")
