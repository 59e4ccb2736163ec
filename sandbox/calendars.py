"""Office hours, and the instant at which a service clock reaches its target. Knows no conversations."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache

from sandbox.company import OFFICE_CLOSES, OFFICE_OPENS, instant, is_working_day, local

Span = tuple[datetime, datetime]
Pause = tuple[datetime, datetime | None]
FOREVER = datetime.max.replace(tzinfo=UTC)


@cache
def office_day(day: date) -> Span | None:
    """The office's opening and closing instants (UTC) on a local date; None when it stays closed."""
    return (instant(day, OFFICE_OPENS), instant(day, OFFICE_CLOSES)) if is_working_day(day) else None


def office_spans(start: datetime) -> Iterator[Span]:
    """The open spans from `start` on, without end; the first begins at `start` when it is office time."""
    day = local(start).date()
    while True:
        span = office_day(day)
        if span is not None and span[1] > start:
            yield max(span[0], start), span[1]
        day += timedelta(days=1)


def is_open(moment: datetime) -> bool:
    """True when the office is open at that instant (opening included, closing not)."""
    span = office_day(local(moment).date())
    return span is not None and span[0] <= moment < span[1]


def after_office_minutes(start: datetime, minutes: float) -> datetime:
    """The instant, in whole seconds, at which that many office minutes have passed since `start`."""
    due = due_at(start, int(minutes * 60) or 1, "office", ())
    if due is None:  # without pauses an office clock always gets there
        raise AssertionError("an office clock without pauses has no end")
    return due


def due_at(start: datetime, seconds: int, calendar: str, pauses: Sequence[Pause]) -> datetime | None:
    """The earliest instant at which the time counted since `start` reaches `seconds`.

    Time counts on the calendar ("always" or "office") and outside the pauses, each (from, until), where
    until is None while the pause lasts. None when such an open pause keeps the target from being reached.
    """
    spans = iter([(start, FOREVER)]) if calendar == "always" else office_spans(start)
    blocked = sorted(((begin, end or FOREVER) for begin, end in pauses), key=lambda pause: pause[0])
    left = timedelta(seconds=seconds)
    for begin, end in spans:
        here = begin
        for stop, resume in blocked:
            if resume <= here or stop >= end:
                continue
            if stop > here:
                if stop - here >= left:
                    return here + left
                left -= stop - here
            if resume == FOREVER:
                return None
            here = resume
        if here < end:
            if end - here >= left:
                return here + left
            left -= end - here
    return None
