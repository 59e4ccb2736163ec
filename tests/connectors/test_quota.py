"""The day's calls: counted for all, a part kept for follow-ups, the vendor's own word heard."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.errors import QuotaSpent
from connectors.quota import DayQuota

MADRID = "Europe/Madrid"


class Clock:
    def __init__(self, *at: int) -> None:
        self.now = datetime(*at, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock(2026, 3, 10, 12)


def quota(folder: Path, clock: Clock, *, zone: str | None = MADRID, **changes: object) -> DayQuota:
    options = {"assumed": 1000, "reserve": 0.05, **changes}
    made = DayQuota("hubspot", folder / "day", clock=clock, **options)
    made.zone = zone
    return made


def take(quota: DayQuota, purpose: str, most: int = 10_000) -> int:
    """How many calls the quota gives for this purpose before it refuses, at most `most`."""
    for given in range(most):
        try:
            quota.take(purpose)
        except QuotaSpent:
            return given
    return most


def test_reading_leaves_the_reserve_to_follow_ups(tmp_path: Path, clock: Clock) -> None:
    day = quota(tmp_path, clock)
    assert take(day, "read") == 950
    with pytest.raises(
        QuotaSpent,
        match=r"hubspot: 950 of the day's 1,000 calls .* kept for follow-ups until midnight in the account's",
    ) as caught:
        day.take("read")
    assert caught.value.retry_after == 11 * 3600  # midnight in Madrid
    assert take(day, "act", 500) == 500  # nobody has said that the day has only a thousand


def test_follow_ups_stop_without_a_refusal_where_the_vendor_has_said_its_limit(
    tmp_path: Path, clock: Clock
) -> None:
    day = quota(tmp_path, clock)
    day.vendor_counts(day.take("act"), 40, 39)
    assert take(day, "read") == 37
    assert take(day, "act") == 2
    with pytest.raises(QuotaSpent, match="used up"):
        day.take("act")


def test_all_processes_and_the_next_ones_count_together(tmp_path: Path, clock: Clock) -> None:
    one, two = quota(tmp_path, clock), quota(tmp_path, clock)
    assert take(one, "read", 500) == 500
    assert take(two, "read") == 450
    one.close()
    two.close()
    assert take(quota(tmp_path, clock), "read") == 0


def test_a_new_day_begins_at_midnight_in_the_accounts_zone(tmp_path: Path) -> None:
    clock = Clock(2026, 3, 10, 22, 59, 59)  # 23:59:59 in Madrid
    day = quota(tmp_path, clock)
    assert take(day, "read") == 950
    clock.now += 1
    assert take(day, "read") == 950


def test_the_zone_that_one_process_has_heard_of_holds_for_those_that_have_not(tmp_path: Path) -> None:
    clock = Clock(2026, 3, 10, 22, 30)
    quota(tmp_path, clock)
    other = quota(tmp_path, clock, zone=None)
    assert take(other, "read") == 950
    clock.now += 1800
    assert take(other, "read") == 950
    clock.now += 24 * 3600 - 1
    assert take(other, "read") == 0
    clock.now += 1
    assert take(other, "read") == 950


def test_hearing_of_the_zone_in_the_middle_of_a_day_forgets_no_call(tmp_path: Path) -> None:
    clock = Clock(2026, 3, 10, 23, 30)  # the 10th in London, the 11th in Madrid
    day = quota(tmp_path, clock, zone=None)
    assert take(day, "read", 900) == 900
    day.zone = MADRID
    assert take(day, "read") == 50


@pytest.mark.parametrize(("night", "hours"), [((2026, 3, 28, 23), 23), ((2026, 10, 24, 22), 25)])
def test_the_days_of_the_clock_change_have_their_own_length(
    tmp_path: Path, night: tuple[int, ...], hours: int
) -> None:
    clock = Clock(*night)
    day = quota(tmp_path, clock)
    assert take(day, "read") == 950
    clock.now += hours * 3600 - 1
    assert take(day, "read") == 0
    clock.now += 1
    assert take(day, "read") == 950


def test_calls_of_others_with_the_same_account_are_heard_of(tmp_path: Path, clock: Clock) -> None:
    day, other = quota(tmp_path, clock), quota(tmp_path, clock)
    day.vendor_counts(day.take("read"), 1000, 100)
    assert take(other, "read") == 50


def test_a_bigger_portal_gets_its_whole_day_and_an_own_limit_is_never_raised(
    tmp_path: Path, clock: Clock
) -> None:
    day = quota(tmp_path, clock)
    day.vendor_counts(day.take("read"), 4000, 3999)
    assert take(day, "read") == 3799
    assert take(quota(tmp_path, clock, per_day=3900), "read") == 0
    clock.now += 24 * 3600
    own = quota(tmp_path, clock, per_day=2000)
    own.vendor_counts(own.take("read"), 4000, 3999)
    assert take(own, "read") == 1899
    assert take(own, "act") == 100


def test_what_the_vendor_does_not_count_is_not_kept_against_us(tmp_path: Path, clock: Clock) -> None:
    day = quota(tmp_path, clock)
    for _ in range(500):
        today = day.take("read")
    day.vendor_counts(today, 1000, 900)
    assert take(day, "read") == 850


def test_a_little_behind_is_only_what_is_under_way(tmp_path: Path, clock: Clock) -> None:
    day = quota(tmp_path, clock)
    for _ in range(500):
        today = day.take("read")
    day.vendor_counts(today, 1000, 505)
    assert take(day, "read") == 450


def test_yesterdays_count_told_after_midnight_is_not_todays(tmp_path: Path) -> None:
    clock = Clock(2026, 3, 10, 22, 59, 59)
    day = quota(tmp_path, clock)
    yesterday = day.take("read")
    clock.now += 2
    today = day.take("read")
    day.vendor_counts(yesterday, 1000, 10)
    day.vendor_counts(today, 1000, 10)  # the vendor's clock is a little behind ours
    assert take(day, "read") == 949


def test_a_spent_day_stops_everything_everywhere_until_the_reset(tmp_path: Path, clock: Clock) -> None:
    day, other = quota(tmp_path, clock), quota(tmp_path, clock, zone=None)
    assert day.spend(None) == 11 * 3600
    for purpose in ("read", "act"):
        with pytest.raises(QuotaSpent, match="used up") as caught:
            other.take(purpose)
        assert caught.value.retry_after == 11 * 3600
    clock.now += 11 * 3600
    other.take("read")


def test_a_day_spent_in_an_unknown_zone_is_asked_about_every_hour(tmp_path: Path, clock: Clock) -> None:
    day = quota(tmp_path, clock, zone=None)
    assert day.spend(None) == 3600
    assert quota(tmp_path, clock, zone="Nowhere/At_all").spend(None) == 3600


def test_a_clock_set_back_neither_blocks_for_days_nor_gives_calls_twice(tmp_path: Path) -> None:
    clock = Clock(2026, 3, 20, 12)
    day = quota(tmp_path, clock)
    assert take(day, "read", 900) == 900
    day.spend(None)
    clock.now = Clock(2026, 3, 10, 12).now
    assert take(day, "read") == 50
    clock.now = Clock(2026, 3, 10, 23).now
    assert take(day, "read") == 950


def test_without_limits_nothing_is_refused(clock: Clock) -> None:
    assert take(DayQuota("intercom", clock=clock), "read", 2000) == 2000
