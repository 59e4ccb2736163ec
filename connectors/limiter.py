"""A vendor's rate limit, kept in one file that all processes of the machine share.

The file counts the permits given in each hundredth of the window, which makes a call cost the same at every
limit and keeps the promise exactly: a permit counts until the window has passed since the vendor's answer.
Times are the machine's own since its start, so that setting its clock changes nothing.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from connectors.errors import RetryLater
from connectors.shared_files import SharedNumbers

KIND = b"tf-rate1"
SLICES = 100  # of a window; permits leave it by slices
RING = SLICES + 1  # the slices that can hold a permit of the window, the present one included
LOTS = 1_000  # in one window; above so many permits a process draws several at once, for the same slice
# A vendor counts a request at some moment before its answer arrives. One answered within this time is taken
# as counted when it was sent; a slower one is counted again when the answer is there.
AT_ONCE_MS = 20
EXPLAINED = (
    0.9  # of the vendor's own count; then our own requests used it up, and our log knows when they leave
)

# Where what stands in the file.
SLICE, TOTAL, CLOSED_AT, CLOSED_UNTIL, VENDORS_MOST, COUNTS = range(6)


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `permits` in any `seconds`; the name is for a person."""

    name: str
    permits: int
    seconds: float


class Limiter:
    """One shared rate limit, safe among threads and processes.

    `clock` gives milliseconds that never go back while the machine runs; both are given for tests.
    """

    def __init__(
        self,
        file: Path,
        limit: Limit,
        *,
        clock: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.limit = limit
        self._clock = clock
        self._sleep = sleep
        self._window = round(limit.seconds * 1000) + AT_ONCE_MS
        self._left = 0
        self._left_slice = -1
        self._threads = threading.Lock()
        self._shared = SharedNumbers(file, KIND)
        self._numbers = self._shared.numbers

    def acquire(self, patience: float = math.inf) -> int:
        """Return when one more request may go out; what comes back is for `answered`.

        Raises RetryLater when the vendor wants no request for more than `patience` seconds.
        """
        numbers = self._numbers
        while True:
            with self._threads:
                now = self._clock()
                same = now * SLICES // self._window == self._left_slice
                if self._left and same and now >= numbers[CLOSED_UNTIL]:
                    self._left -= 1
                    return now
                with self._shared:
                    now = self._clock()  # again: it may have taken a while to be alone
                    pause = self._pause(now)
                    wait = pause or self._draw(now)
            if not wait:
                return now
            if pause > patience * 1000:
                raise RetryLater(
                    f"{self.limit.name}: the vendor wants a pause of {pause // 1000} s; run it again later.",
                    pause / 1000,
                )
            self._sleep(wait / 1000)

    def answered(self, acquired: int) -> None:
        """Tell that the request of this `acquire` is over: a slow one counts from now on."""
        if self._clock() - acquired <= AT_ONCE_MS:
            return
        numbers = self._numbers
        with self._threads, self._shared:
            present, sent = self._turn(self._clock()), acquired * SLICES // self._window
            if present - sent < RING and numbers[COUNTS + sent % RING] > 0:
                numbers[COUNTS + sent % RING] -= 1
                numbers[TOTAL] -= 1
            numbers[COUNTS + present % RING] += 1
            numbers[TOTAL] += 1

    def close_for(self, seconds: float) -> None:
        """Let no process send anything for that long, or until a later moment that stands already."""
        with self._threads, self._shared:
            now = self._clock()
            self._pause(now)
            until = now + math.ceil(seconds * 1000)
            if until > self._numbers[CLOSED_UNTIL]:
                self._numbers[CLOSED_AT] = now
                self._numbers[CLOSED_UNTIL] = until

    def vendor_allows(self, permits: int, seconds: float | None = None) -> None:
        """What the vendor says that it allows: less than our own limit then holds, more changes nothing."""
        windows = max(1, math.ceil((seconds or 0) / self.limit.seconds))
        self._numbers[VENDORS_MOST] = max(1, permits // windows)

    def nothing_left(self, permits: int | None, reset: float | None, window: float | None) -> None:
        """The vendor says that no request is left of `permits`, until `reset` seconds have passed if it says.

        When it does not say until when and the requests counted here are what it counted, they leave the
        window as they would anyway. Else others ask with the same token, and the whole window is waited for.
        """
        if reset is not None:
            self.close_for(reset)
            return
        with self._threads, self._shared:
            self._turn(self._clock())
            ours = self._numbers[TOTAL]
        if ours < EXPLAINED * min(permits or self.limit.permits, self.limit.permits):
            self.close_for(window or self.limit.seconds)

    def close(self) -> None:
        """Close the file; what it counts stays for the other processes."""
        self._shared.close()

    # What follows is called alone with the file.

    def _pause(self, now: int) -> int:
        """Milliseconds that the vendor's own pause lasts, 0 without one."""
        numbers = self._numbers
        if now < numbers[CLOSED_AT]:  # the machine was started again since
            numbers[CLOSED_UNTIL] = numbers[CLOSED_AT] = 0
        return max(0, numbers[CLOSED_UNTIL] - now)

    def _draw(self, now: int) -> int:
        """Draw a lot of permits for the present slice: 0, or the milliseconds until there may be one."""
        numbers = self._numbers
        present = self._turn(now)
        most = min(self.limit.permits, numbers[VENDORS_MOST] or self.limit.permits)
        free = most - numbers[TOTAL]
        if free > 0:
            lot = min(max(1, most // LOTS), free)
            numbers[COUNTS + present % RING] += lot
            numbers[TOTAL] += lot
            self._left, self._left_slice = lot - 1, present
            return 0
        leaves = present + 1
        while leaves < present + RING and not numbers[COUNTS + leaves % RING]:  # what left has the same place
            leaves += 1
        return max(1, -(-leaves * self._window // SLICES) - now)

    def _turn(self, now: int) -> int:
        """Take out what left the window since the last call; the present slice."""
        numbers = self._numbers
        present = now * SLICES // self._window
        last = numbers[SLICE]
        if last - RING < present <= last:
            return last
        # A slice from the far future is one from before the machine's last start.
        gone = range(last + 1, present + 1) if last < present < last + RING else range(RING)
        for each in gone:
            numbers[COUNTS + each % RING] = 0
        # Counted anew, so that a process killed between two numbers leaves no lasting error.
        numbers[TOTAL] = sum(numbers[COUNTS : COUNTS + RING])
        numbers[SLICE] = present
        return present
