"""When a service clock is due: opening hours, weekends, holidays, the change of time, pauses, exact edges."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from story import at

from sandbox.calendars import after_office_minutes, due_at, is_open, office_day

HOUR = 3600


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        ("2026-05-08 17:30", 2, "2026-05-11 10:30"),  # Friday to Monday
        ("2026-05-08 12:00", 6, "2026-05-08 18:00"),  # reaches it at closing time: that is the instant
        ("2026-05-09 12:00", 1, "2026-05-11 10:00"),  # written on a Saturday
        ("2026-05-08 18:00", 1, "2026-05-11 10:00"),  # closing time is not open
        ("2026-05-11 09:00", 9, "2026-05-11 18:00"),  # one whole day
        ("2026-05-11 08:59:59", 9, "2026-05-11 18:00"),
        ("2026-04-30 17:00", 2, "2026-05-04 10:00"),  # 1 May is closed, then a weekend
        ("2026-10-09 17:00", 2, "2026-10-13 10:00"),  # weekend, then 12 October
        ("2025-12-05 17:00", 2, "2025-12-09 10:00"),  # weekend, then 8 December
        ("2026-03-27 17:00", 2, "2026-03-30 10:00"),  # the night of summer time lies between
        ("2026-10-23 17:00", 2, "2026-10-26 10:00"),  # the night of winter time
        ("2026-05-11 09:00", 24, "2026-05-13 15:00"),  # L3: 24 office hours are 2 days and 6 hours
    ],
)
def test_office_time_counts_only_while_the_office_is_open(start: str, hours: int, due: str) -> None:
    assert due_at(at(start), hours * HOUR, "office", ()) == at(due)


def test_round_the_clock_time_knows_no_nights_and_no_change_of_time() -> None:
    # 28 March 22:00 and four real hours: 03:00 in summer time, since 02:00 to 03:00 does not exist.
    assert due_at(at("2026-03-28 22:00"), 4 * HOUR, "always", ()) == at("2026-03-29 03:00")
    assert due_at(at("2026-10-24 23:00"), 4 * HOUR, "always", ()) == at("2026-10-25 02:00") + timedelta(
        hours=1
    )


def test_a_pause_does_not_count() -> None:
    pause = (at("2026-05-11 10:00"), at("2026-05-11 12:00"))
    assert due_at(at("2026-05-11 09:30"), HOUR, "office", [pause]) == at("2026-05-11 12:30")
    assert due_at(at("2026-05-11 09:30"), HOUR, "always", [pause]) == at("2026-05-11 12:30")


def test_a_pause_over_night_costs_only_its_office_part() -> None:
    pause = (at("2026-05-11 17:00"), at("2026-05-12 10:00"))
    assert due_at(at("2026-05-11 16:00"), 2 * HOUR, "office", [pause]) == at("2026-05-12 11:00")


def test_a_target_reached_when_a_pause_begins_is_due_there() -> None:
    pause = (at("2026-05-11 10:00"), at("2026-05-11 12:00"))
    assert due_at(at("2026-05-11 09:00"), HOUR, "office", [pause]) == at("2026-05-11 10:00")


def test_a_clock_started_inside_a_pause_waits_for_its_end() -> None:
    pause = (at("2026-05-11 10:00"), at("2026-05-11 12:00"))
    assert due_at(at("2026-05-11 11:00"), HOUR, "always", [pause]) == at("2026-05-11 13:00")


def test_a_pause_that_has_not_ended_leaves_no_due() -> None:
    assert due_at(at("2026-05-11 09:00"), 2 * HOUR, "office", [(at("2026-05-11 10:00"), None)]) is None
    assert due_at(at("2026-05-11 09:00"), 2 * HOUR, "always", [(at("2026-05-11 10:00"), None)]) is None
    # When the target falls before the pause, the pause comes too late to matter.
    assert due_at(at("2026-05-11 09:00"), HOUR, "office", [(at("2026-05-11 10:00"), None)]) == at(
        "2026-05-11 10:00"
    )


def test_opening_time_is_open_and_closing_time_is_not() -> None:
    assert is_open(at("2026-05-11 09:00"))
    assert not is_open(at("2026-05-11 18:00"))
    assert not is_open(at("2026-05-11 08:59:59"))
    assert not is_open(at("2026-12-25 10:00"))


MOMENTS = st.datetimes(
    datetime(2025, 11, 1), datetime(2026, 12, 31)
).map(  # naive bounds, as the strategy asks
    lambda moment: moment.replace(microsecond=0, tzinfo=UTC)
)


def office_seconds(start: datetime, end: datetime) -> int:
    """Counted the slow way: day by day, from the opening hours alone."""
    total = timedelta()
    day = start.date() - timedelta(days=1)
    while day <= end.date() + timedelta(days=1):
        span = office_day(day)
        if span:
            total += max(timedelta(), min(span[1], end) - max(span[0], start))
        day += timedelta(days=1)
    return int(total.total_seconds())


@given(MOMENTS, st.integers(1, 60 * HOUR))
def test_the_office_time_up_to_the_due_is_the_target(start: datetime, seconds: int) -> None:
    due = due_at(start, seconds, "office", ())
    assert due is not None
    assert office_seconds(start, due) == seconds
    assert office_seconds(start, due - timedelta(seconds=1)) < seconds


@given(MOMENTS, st.integers(1, 30 * HOUR), st.integers(0, 200 * HOUR), st.integers(0, 100 * HOUR))
def test_a_pause_moves_the_due_by_its_office_time(
    start: datetime, seconds: int, wait: int, length: int
) -> None:
    begin = start + timedelta(seconds=wait)
    end = begin + timedelta(seconds=length)
    due = due_at(start, seconds, "office", [(begin, end)])
    assert due is not None
    inside = office_seconds(begin, min(end, due)) if due > begin else 0
    assert office_seconds(start, due) - inside == seconds


@given(MOMENTS, st.floats(0.1, 3000))
def test_work_of_some_office_minutes_ends_in_office_hours(start: datetime, minutes: float) -> None:
    done = after_office_minutes(start, minutes)
    assert office_seconds(start, done) == max(1, int(minutes * 60))
