"""What an answer's headers say of the vendor's limits: pure, and a few look-ups where they say nothing new.

Headers are a mapping of lower-case names to values, both as the bytes that came.
"""

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

Headers = Mapping[bytes, bytes]

_SECONDS = re.compile(r"\d+(\.\d+)?")
# Windows are ten seconds long; a reset further off is a clock that is not ours.
LONGEST_WINDOW = 60.0


@dataclass(frozen=True, slots=True)
class RateNames:
    """How one vendor calls its limits. `reset` is an instant (UNIX seconds) or a number of seconds."""

    most: bytes
    left: bytes
    interval_ms: bytes = b""
    reset: bytes = b""
    reset_is_instant: bool = False
    day_most: bytes = b""
    day_left: bytes = b""


FAMILIES = (
    RateNames(  # HubSpot
        most=b"x-hubspot-ratelimit-max",
        left=b"x-hubspot-ratelimit-remaining",
        interval_ms=b"x-hubspot-ratelimit-interval-milliseconds",
        day_most=b"x-hubspot-ratelimit-daily",
        day_left=b"x-hubspot-ratelimit-daily-remaining",
    ),
    RateNames(  # Intercom, and many others
        most=b"x-ratelimit-limit",
        left=b"x-ratelimit-remaining",
        reset=b"x-ratelimit-reset",
        reset_is_instant=True,
    ),
    # The IETF's draft for everybody.
    RateNames(most=b"ratelimit-limit", left=b"ratelimit-remaining", reset=b"ratelimit-reset"),
)


def names_in(headers: Headers) -> RateNames | None:
    """The family of names that this answer uses, if any."""
    for family in FAMILIES:
        if family.left in headers or family.most in headers:
            return family
    return None


def number(value: bytes | None) -> int | None:
    """A whole number of at least 0; None for anything else."""
    return int(value) if value is not None and value.isdigit() else None


def reset_in(headers: Headers, names: RateNames, now: float) -> float | None:
    """Seconds until the window's end, where the vendor tells it."""
    reset = number(headers.get(names.reset))
    if reset is None:
        return None
    wait = reset - vendors_time(headers, now) if names.reset_is_instant else float(reset)
    return min(max(0.0, wait), LONGEST_WINDOW)


def interval_in(headers: Headers, names: RateNames) -> float | None:
    """The window's length in seconds, where the vendor tells it."""
    milliseconds = number(headers.get(names.interval_ms))
    return milliseconds / 1000 if milliseconds else None


def asked_wait(headers: Headers, now: float) -> float | None:
    """Seconds the vendor asks to wait, if it does: Retry-After, else the rate window's reset."""
    asked = headers.get(b"retry-after", b"").decode("latin-1").strip()
    if asked:
        if _SECONDS.fullmatch(asked):
            return float(asked)
        try:
            return max(0.0, parsedate_to_datetime(asked).timestamp() - vendors_time(headers, now))
        except ValueError:
            return None
    for family in FAMILIES:
        wait = reset_in(headers, family, now)
        if wait is not None:
            return wait
    return None


def vendors_time(headers: Headers, now: float) -> float:
    """The vendor's clock where it is sent, else ours."""
    with contextlib.suppress(KeyError, ValueError):
        return parsedate_to_datetime(headers[b"date"].decode("latin-1")).timestamp()
    return now
