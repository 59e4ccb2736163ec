"""A vendor's rate limit, kept in one SQLite file that all processes of a home share.

pyrate-limiter's SQLite bucket counts the log of the last window on every call. That is exact, and costs
about 20 µs at the vendors' own limits (100 to 250 per 10 s), but 85 µs and growing at 1,000 a second. So
above `LOG_ENTRIES` a log entry stands for a lot of several permits, which the process that drew it spends
itself: a raised limit is then paid once per lot.
"""

import fcntl
import math
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pyrate_limiter import Rate, RateItem, SQLiteBucket

from connectors.errors import FixConfig

LOG_ENTRIES = 1_000  # entries in one window; what one count then costs stays under 30 µs
LOT_LIFE_MS = 1_000  # permits of a lot not spent by then are given up, so that they cannot pile up
# A vendor counts a request when it arrives: a slow one followed by fast ones reaches it closer together than
# it was sent, and one refusal costs ten seconds.
MARGIN_MS = 250
LEAK_EVERY = 256  # puts between two clean-ups of entries that left the window


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `permits` in any `seconds`, under a name that all processes share."""

    name: str
    permits: int
    seconds: float


class Limiter:
    """One shared rate limit. `clock` gives wall-clock milliseconds; both are given for tests."""

    def __init__(
        self,
        file: Path,
        limit: Limit,
        *,
        clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lot = math.ceil(limit.permits / LOG_ENTRIES)
        self._window_ms = round(limit.seconds * 1000) + MARGIN_MS
        self._left = 0
        self._left_until = 0
        self._puts = 0
        self._threads = threading.Lock()
        file.parent.mkdir(parents=True, exist_ok=True)
        # SQLite alone would let two processes count before either writes; the lock makes it one step.
        self._lock_file = file.with_suffix(".lock").open("a")
        table = "".join(letter if letter.isalnum() else "_" for letter in limit.name)
        with self._alone():
            try:
                self._bucket = SQLiteBucket(
                    [Rate(limit.permits // self._lot, self._window_ms)], _open(file, table), table
                )
            except sqlite3.DatabaseError as error:
                raise FixConfig(f"{file.name} in the home is damaged ({error}); delete it.") from None

    def acquire(self) -> None:
        """Return when one more request may go out."""
        while True:
            wait_ms = self._try()
            if wait_ms == 0:
                return
            self._sleep(wait_ms / 1000)

    def _try(self) -> int:
        with self._threads:
            now = self._clock()
            if self._left > 0 and now <= self._left_until:
                self._left -= 1
                return 0
            with self._alone():
                wait_ms = self._draw(now)
            if wait_ms == 0:
                self._left, self._left_until = self._lot - 1, now + LOT_LIFE_MS
            return wait_ms

    def _draw(self, now: int) -> int:
        item = RateItem("request", now)
        self._puts += 1
        if self._puts % LEAK_EVERY == 1:
            self._bucket.leak(now)
        if self._bucket.put(item):
            return 0
        waiting = int(self._bucket.waiting(item))
        if waiting > self._window_ms + 1:
            # Entries from the future: the machine's clock was set back, and would block until it caught up.
            self._bucket.flush()
            self._bucket.put(item)
            return 0
        return max(1, waiting)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        fcntl.flock(self._lock_file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._lock_file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the file; the log stays for the other processes."""
        self._bucket.close()
        self._lock_file.close()


def _open(file: Path, table: str) -> sqlite3.Connection:
    connection = sqlite3.connect(file, check_same_thread=False, isolation_level="DEFERRED")
    # Losing the log in a power cut costs at worst one 429; waiting for the disk would cost every request.
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma synchronous = off")
    connection.execute(f'create table if not exists "{table}" (name varchar, item_timestamp integer)')
    connection.execute(f'create index if not exists "{table}_time" on "{table}" (item_timestamp)')
    connection.commit()
    return connection
