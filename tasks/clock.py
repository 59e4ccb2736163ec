"""Days of the business calendar. It never asks what time it is: see tasks/context.py for that."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


def local_day(instant: datetime, zone: str) -> date:
    """The calendar day of `instant` (aware) in `zone`."""
    return instant.astimezone(ZoneInfo(zone)).date()


def day_start(day: date, zone: str) -> datetime:
    """The first instant of `day` in `zone`, in UTC."""
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(UTC)


def plus_days(instant: datetime, days: int, zone: str) -> datetime:
    """The same wall time `days` calendar days later in `zone`, in UTC.

    An hour that the clock skips in spring moves on to the next existing one; of a doubled one, the first.
    """
    wall = instant.astimezone(ZoneInfo(zone)) + timedelta(days=days)
    return wall.replace(fold=0).astimezone(UTC)
