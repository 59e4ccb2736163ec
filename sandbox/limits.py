"""The vendors' rate limits. `off` raises the numbers; the counting is the same."""

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass

UNLIMITED = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Limits:
    """How much each vendor allows."""

    hubspot_per_10s: int = 100
    hubspot_searches_per_second: int = 5
    hubspot_per_day: int = 250_000
    intercom_per_10s: int = 1_667
    mailchimp_connections: int = 10


VENDOR = Limits()
OFF = Limits(UNLIMITED, UNLIMITED, UNLIMITED, UNLIMITED, UNLIMITED)


class RollingWindow:
    """At most `limit` requests in any `seconds`; refused ones do not count."""

    def __init__(self, limit: int, seconds: float, now: Callable[[], float]) -> None:
        self.limit, self.seconds, self._now = limit, seconds, now
        self._taken: deque[float] = deque()

    def admit(self) -> bool:
        """True, and one more counted, while there is room."""
        now = self._now()
        while self._taken and self._taken[0] <= now - self.seconds:
            self._taken.popleft()
        if len(self._taken) >= self.limit:
            return False
        self._taken.append(now)
        return True

    @property
    def remaining(self) -> int:
        """How many more fit now."""
        return max(0, self.limit - len(self._taken))


class DailyWindow:
    """At most `limit` requests until `day` tells another day; refused ones do not count."""

    def __init__(self, limit: int, day: Callable[[], object]) -> None:
        self.limit, self._day = limit, day
        self._today, self._count = day(), 0

    def admit(self) -> bool:
        """True, and one more counted, while there is room."""
        if self.remaining == 0:
            return False
        self._count += 1
        return True

    @property
    def remaining(self) -> int:
        """How many more fit into this day."""
        if (today := self._day()) != self._today:
            self._today, self._count = today, 0
        return max(0, self.limit - self._count)


class FixedWindow:
    """At most `limit` requests in each window of `seconds` on the wall clock."""

    def __init__(self, limit: int, seconds: int, now: Callable[[], float]) -> None:
        self.limit, self.seconds, self._now = limit, seconds, now
        self._window, self._count = 0, 0

    def admit(self) -> bool:
        """True, and one more counted, while there is room."""
        window = int(self._now() // self.seconds)
        if window != self._window:
            self._window, self._count = window, 0
        if self._count >= self.limit:
            return False
        self._count += 1
        return True

    @property
    def remaining(self) -> int:
        """How many more fit into this window."""
        return max(0, self.limit - self._count)

    @property
    def resets_at(self) -> int:
        """Unix seconds of the next window's start."""
        return (self._window + 1) * self.seconds


class Violations:
    """How often which limit of which vendor was exceeded, and how many requests came in all."""

    def __init__(self) -> None:
        self.exceeded: Counter[tuple[str, str]] = Counter()
        self.requests: Counter[str] = Counter()

    def as_json(self) -> dict[str, dict[str, int]]:
        """{"hubspot": {"requests": 12, "ten_secondly": 0, …}, …}."""
        names: dict[str, tuple[str, ...]] = {
            "hubspot": ("ten_secondly", "search_secondly", "daily"),
            "intercom": ("ten_secondly", "scroll"),
            "mailchimp": ("connections",),
            "mandrill": (),
        }
        return {
            vendor: {
                "requests": self.requests[vendor],
                **{name: self.exceeded[vendor, name] for name in limits},
            }
            for vendor, limits in names.items()
        }
