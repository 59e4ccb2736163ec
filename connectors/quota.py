"""A vendor's calls a day, counted for all processes of the machine, with a part kept for what cannot wait."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.errors import QuotaSpent
from connectors.shared_files import SharedNumbers

Purpose = Literal["read", "act"]

KIND = b"tf-day_1"
DAY = 86_400
LONGEST_DAY = 25 * 3600  # with the hour that summer time gives back
ZONE_UNKNOWN_S = 3600  # how long a spent day is left alone while nobody knows when it ends
# Two clocks never agree on midnight: what the vendor counts this soon after ours may be yesterday's.
AROUND_MIDNIGHT = 300
SLACK = 0.01  # of the day's calls; so far the vendor's count may be behind ours (calls under way, searches)

# Where what stands in the file.
RESETS_AT, ZONE_KNOWN, USED, VENDORS_MOST, SPENT_UNTIL = range(5)


class DayQuota:
    """The calls of one account's day, which ends at midnight in the account's zone.

    `per_day` is a limit of our own; without it the vendor's word holds, and `assumed` until it is heard.
    Reading ("read") stops when only the `reserve`, a share of the day's calls, is left; what a person or a
    client waits for ("act") goes on until the vendor has said its limit and that is used up. Without a file
    nothing is shared. `clock` gives seconds since 1970.
    """

    def __init__(
        self,
        vendor: str,
        file: Path | None = None,
        *,
        per_day: int | None = None,
        assumed: int | None = None,
        reserve: float = 0.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._vendor = vendor
        self._per_day = per_day
        self._assumed = assumed
        self._reserve = reserve
        self._clock = clock
        self._zone: str | None = None
        self._threads = threading.Lock()
        self._shared = SharedNumbers(file, KIND)
        self._numbers = self._shared.numbers

    @property
    def zone(self) -> str | None:
        """The account's time zone, as far as this process knows it."""
        return self._zone

    @zone.setter
    def zone(self, name: str | None) -> None:
        if name == self._zone:
            return
        self._zone = name
        with self._threads, self._shared:
            now = self._clock()
            self._turn(now)
            midnight = self._midnight(now)
            if midnight is not None:
                self._numbers[RESETS_AT], self._numbers[ZONE_KNOWN] = midnight, 1

    def take(self, purpose: Purpose) -> int:
        """Count one call; what comes back names the day, for `vendor_counts`.

        Raises QuotaSpent when there is none left for this purpose.
        """
        with self._threads, self._shared:
            now = self._clock()
            self._turn(now)
            numbers = self._numbers
            until, used = numbers[RESETS_AT], numbers[USED]
            if numbers[SPENT_UNTIL]:
                raise self._spent(numbers[SPENT_UNTIL] - now)
            known = [limit for limit in (self._per_day, numbers[VENDORS_MOST]) if limit]
            if known and used >= min(known):
                raise self._spent(until - now)
            most = min(known) if known else self._assumed
            if purpose == "read" and most is not None and used >= most - round(most * self._reserve):
                raise QuotaSpent(
                    f"{self._vendor}: {used:,} of the day's {most:,} calls are used; the rest is kept for "
                    "follow-ups until midnight in the account's zone.",
                    retry_after=until - now,
                )
            numbers[USED] = used + 1
        return until

    def vendor_counts(self, day: int, most: int, left: int) -> None:
        """What the vendor says of the day that `take` named: its limit, and how many calls are left."""
        numbers = self._numbers
        used = most - left
        behind = numbers[USED] - used
        if numbers[VENDORS_MOST] == most and 0 <= behind <= most * SLACK:
            return
        with self._threads, self._shared:
            now = self._clock()
            self._turn(now)
            numbers[VENDORS_MOST] = most
            behind = numbers[USED] - used
            if numbers[RESETS_AT] != day or day - now > DAY - AROUND_MIDNIGHT or 0 <= behind <= most * SLACK:
                return
            # Others call with this account too, or the vendor counts less than we do: its count decides.
            numbers[USED] = max(0, used)

    def spend(self, asked: float | None) -> float:
        """The vendor says that the day is used up: seconds until it is asked again by anyone."""
        with self._threads, self._shared:
            now = self._clock()
            self._turn(now)
            if asked is None:
                asked = self._numbers[RESETS_AT] - now if self._numbers[ZONE_KNOWN] else ZONE_UNKNOWN_S
            wait = min(asked, LONGEST_DAY)
            self._numbers[SPENT_UNTIL] = round(now + wait)
        return wait

    def close(self) -> None:
        """Close the file; the count stays for the other processes."""
        self._shared.close()

    def _spent(self, wait: float) -> QuotaSpent:
        return QuotaSpent(
            f"{self._vendor}: the day's calls are used up; they return at midnight in the account's zone.",
            retry_after=wait,
        )

    def _turn(self, now: float) -> None:
        """Begin a new day when the old one is over. Called alone with the file."""
        numbers = self._numbers
        resets_at = numbers[RESETS_AT]
        if now >= numbers[SPENT_UNTIL] or numbers[SPENT_UNTIL] - now > LONGEST_DAY:
            numbers[SPENT_UNTIL] = 0
        if now < resets_at <= now + LONGEST_DAY:
            return
        if now >= resets_at:
            numbers[USED] = 0
        # Else the clock was set back: the count stays, and the day ends no later than a day can.
        midnight = self._midnight(now)
        if midnight is None:
            midnight = resets_at + DAY if 0 <= now - resets_at < DAY else _midnight_in(UTC, now)
        numbers[RESETS_AT] = midnight

    def _midnight(self, now: float) -> int | None:
        """When the day ends in the account's zone; None while this process does not know it."""
        if self._zone is None:
            return None
        try:
            return _midnight_in(ZoneInfo(self._zone), now)
        except (ZoneInfoNotFoundError, ValueError):
            return None


def _midnight_in(zone: tzinfo, now: float) -> int:
    today = datetime.fromtimestamp(now, zone).date()
    return int(datetime.combine(today + timedelta(days=1), datetime.min.time(), zone).timestamp())
