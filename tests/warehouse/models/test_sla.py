"""SLA clocks, resolution and first answer times: holidays, clock changes, pauses, levels."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_world import HOLIDAYS, MADRID, World, utc


def clock(
    world: World, level: str = "L2", kind: str = "first_answer", conversation: str = "1"
) -> dict[str, Any]:
    (row,) = world.rows(
        "kpi.sla_clock", f"conversation_id = '{conversation}' and level = '{level}' and clock = '{kind}'"
    )
    found: dict[str, Any] = row
    return found


@pytest.mark.parametrize(
    ("answered", "hit"), [("2026-05-11 10:29", True), ("2026-05-11 10:30", True), ("2026-05-11 10:31", False)]
)
def test_friday_evening_to_monday_morning_is_two_business_hours(
    world: World, answered: str, hit: bool
) -> None:
    opened = "2026-05-08 17:30"
    world.conversation("1", opened, [(opened, "assignment", "bot", "L2"), (answered, "comment", "admin")])
    found = clock(world)
    assert (found["due_at"], found["hit"]) == (utc("2026-05-11 10:30"), hit)
    assert found["decided_at"] == (utc(answered) if hit else utc("2026-05-11 10:30"))
    week = world.figure("K19", "2026-W20", "L2")  # decided on Monday, as was the resolution, missed at 17:30
    assert (week["numerator"], week["denominator"]) == (int(hit), 2)
    assert world.figure("K19", "2026-W19", "L2")["denominator"] == 0


@pytest.mark.parametrize(
    ("opened", "due"),
    [
        ("2026-04-02 17:00", "2026-04-06 10:00"),  # Maundy Thursday; Good Friday is closed
        ("2026-03-27 17:30", "2026-03-30 10:30"),  # over the night on which the clocks go forward
        ("2026-05-09 12:00", "2026-05-11 11:00"),  # a Saturday
        ("2026-05-11 09:00", "2026-05-11 11:00"),
        (
            "2026-05-11 16:00",
            "2026-05-11 18:00",
        ),  # reached exactly at closing time: due then, not next morning
        ("2026-05-11 18:00", "2026-05-12 11:00"),
        ("2026-05-11 17:59:30", "2026-05-12 10:59:30"),
        ("2025-12-31 17:00", "2026-01-02 10:00"),  # New Year
    ],
)
def test_office_time_skips_nights_weekends_and_holidays(world: World, opened: str, due: str) -> None:
    world.conversation("1", opened, [(opened, "assignment", "bot", "L2")])
    assert clock(world)["due_at"] == utc(due)


@pytest.mark.parametrize(
    ("opened", "due"), [("2026-03-29 01:58", "2026-03-29 03:03"), ("2026-03-28 23:00", "2026-03-28 23:05")]
)
def test_round_the_clock_counts_real_minutes_when_the_clocks_change(
    world: World, opened: str, due: str
) -> None:
    world.conversation("1", opened)
    assert clock(world, "L1")["due_at"] == utc(due)


def test_a_pause_moves_the_due_time_by_its_office_minutes_only(world: World) -> None:
    world.conversation(
        "1",
        "2026-05-11 09:00",
        [
            ("2026-05-11 09:00", "assignment", "bot", "L2"),
            ("2026-05-11 10:00", "snoozed", "admin"),
            ("2026-05-11 10:30", "snoozed", "admin"),  # asleep already
            ("2026-05-12 09:30", "comment", "user"),  # wakes it up
            ("2026-05-12 10:00", "comment", "admin"),
        ],
    )
    assert world.rows("core.conversation_pause", columns="starts_at, ends_at") == [
        {"starts_at": utc("2026-05-11 10:00"), "ends_at": utc("2026-05-12 09:30")}
    ]
    found = clock(world)
    assert (found["due_at"], found["hit"]) == (utc("2026-05-12 10:30"), True)


def test_a_pause_that_began_before_the_level_counts_from_its_start(world: World) -> None:
    world.conversation(
        "1",
        "2026-05-11 09:00",
        [
            ("2026-05-11 09:30", "snoozed", "admin"),
            ("2026-05-11 10:00", "assignment", "bot", "L2"),
            ("2026-05-11 11:00", "open", "bot"),
        ],
    )
    assert clock(world)["due_at"] == utc("2026-05-11 13:00")


def test_a_pause_that_nobody_ends_leaves_the_clock_running(world: World) -> None:
    world.conversation("1", "2026-05-11 09:00", [("2026-05-11 09:02", "snoozed", "admin")], state="snoozed")
    found = clock(world, "L1")
    assert (found["due_at"], found["decided_at"], found["hit"]) == (None, None, None)
    assert world.figure("K19", "2026-05", "L1")["denominator"] == 0


def test_an_answer_before_a_pause_without_end_is_a_hit(world: World) -> None:
    world.conversation(
        "1",
        "2026-05-11 09:00",
        [("2026-05-11 09:02", "comment", "bot"), ("2026-05-11 09:03", "snoozed", "admin")],
    )
    assert clock(world, "L1")["hit"] is True


def test_an_unanswered_clock_is_decided_at_its_due_time_and_not_before(world: World) -> None:
    world.as_of = utc("2026-07-01 06:00")
    world.conversation("1", "2026-07-01 05:54")
    world.conversation("2", "2026-07-01 05:55")
    world.conversation("3", "2026-07-01 05:56")
    assert [clock(world, "L1", conversation=number)["hit"] for number in "123"] == [False, False, None]


def test_bots_answer_for_the_first_level_only(world: World) -> None:
    world.conversation(
        "1",
        "2026-05-11 09:00",
        [
            ("2026-05-11 09:01", "comment", "bot"),
            ("2026-05-11 09:10", "assignment", "bot", "L2"),
            ("2026-05-11 09:11", "comment", "bot"),
            ("2026-05-11 09:12", "note", "admin"),
            ("2026-05-11 09:40", "comment", "admin"),
        ],
    )
    assert clock(world, "L1")["stopped_at"] == utc("2026-05-11 09:01")
    assert clock(world, "L2")["stopped_at"] == utc("2026-05-11 09:40")


def test_an_answer_of_a_higher_level_answers_the_lower_ones(world: World) -> None:
    world.conversation(
        "1",
        "2026-05-11 09:00",
        [
            ("2026-05-11 09:10", "assignment", "admin", "L2"),
            ("2026-05-11 09:20", "assignment", "admin", "L3"),
            ("2026-05-11 09:30", "assignment", "admin", "L2"),  # back down: no escalation
            ("2026-05-11 09:40", "comment", "admin"),
        ],
    )
    levels = world.rows("core.conversation_level", columns="level, started_at, answered_at, is_highest")
    answered = utc("2026-05-11 09:40")
    assert [(row["level"], row["answered_at"], row["is_highest"]) for row in levels] == [
        ("L1", answered, False),
        ("L2", answered, False),
        ("L3", answered, True),
    ]
    assert [row["started_at"] for row in levels] == [
        utc("2026-05-11 09:00"),
        utc("2026-05-11 09:10"),
        utc("2026-05-11 09:20"),
    ]
    resolution = world.rows("kpi.sla_clock", "clock = 'resolution'")
    assert [(row["level"], row["target_minutes"]) for row in resolution] == [("L3", 1440)]


def test_going_down_from_the_third_level_never_reaches_the_second(world: World) -> None:
    world.conversation(
        "1",
        "2026-05-11 09:00",
        [
            ("2026-05-11 09:20", "assignment", "admin", "L3"),
            ("2026-05-11 09:30", "assignment", "admin", "L2"),
        ],
    )
    assert world.rows("core.conversation_level", columns="level") == ["L1", "L3"]


def test_resolved_means_closed_now_and_the_last_close_counts(world: World) -> None:
    parts = [
        ("2026-05-11 10:00", "close", "admin"),
        ("2026-05-11 12:00", "open", "user"),
        ("2026-05-11 15:00", "close", "admin"),
    ]
    world.conversation("1", "2026-05-11 09:00", parts, state="closed")
    world.conversation("2", "2026-05-11 09:00", parts, state="open")
    world.conversation("3", "2026-05-11 09:00", parts, state="closed", tags=["Spam"])
    found = world.figure("K3", "2026-05")
    assert (found["value"], found["numerator"], found["denominator"]) == (6.0, 6.0, 1)
    assert {row["conversation_id"] for row in world.rows("kpi.sla_clock")} == {"1", "2"}


def test_resolution_time_has_a_t_interval_from_eight_conversations_on(world: World) -> None:
    for number, length in enumerate([1, 2, 3, 4, 5, 6, 7, 8]):
        world.conversation(
            str(number),
            "2026-05-11 09:00",
            [(f"2026-05-11 {9 + length:02d}:00", "close", "admin")],
            state="closed",
        )
    found = world.figure("K3", "2026-05", "L1")
    # mean 4.5, s = sqrt(6), t(7) = 2.364624: half width 2.364624 x sqrt(6) / sqrt(8)
    assert (found["value"], round(found["low"], 5), round(found["high"], 5)) == (4.5, 2.45218, 6.54782)
    assert found["status"] == "watch"
    assert world.figure("K3.p50", "2026-05")["value"] == 4.5
    assert (world.figure("K3.p90", "2026-05")["value"], world.figure("K3.p90", "2026-05")["low"]) == (
        pytest.approx(7.3),
        None,
    )
    assert world.figure("K3", "2026-05", "L3")["reason"] == "no resolved conversations in period"


def test_seven_conversations_are_too_few_for_an_interval(world: World) -> None:
    for number in range(7):
        world.conversation(
            str(number), "2026-05-11 09:00", [("2026-05-11 10:00", "close", "admin")], state="closed"
        )
    found = world.figure("K3", "2026-05")
    assert (found["value"], found["low"], found["high"], found["status"]) == (1.0, None, None, "ok")


def test_the_limits_of_a_median_are_two_of_the_observations(world: World) -> None:
    for number in range(1, 21):
        closed = utc("2026-05-11 00:00") + timedelta(hours=number)
        world.conversation(
            str(number),
            "2026-05-11 00:00",
            [(closed.isoformat().replace("+00:00", "Z"), "close", "admin")],
            state="closed",
        )
    found = world.figure("K3.p50", "2026-05")
    # ranks: 10 -/+ 1.96 x sqrt(5) = 5.6 and 14.4, rounded up
    assert (found["value"], found["low"], found["high"]) == (10.5, 6, 15)


def test_the_ninetieth_percentile_of_one_to_twenty_minutes_is_18_1(world: World) -> None:
    for number in range(1, 21):
        answered = f"2026-05-11 09:{number:02d}"
        world.conversation(str(number), "2026-05-11 09:00", [(answered, "comment", "admin")])
    found = world.figure("K24", "2026-05", "L1")
    assert found["value"] == pytest.approx(18.1, abs=1e-9)
    assert (found["numerator"], found["denominator"], found["target_high"]) == (5, 20, 5)
    assert found["status"] == "off"


def test_first_answers_of_higher_levels_run_round_the_clock_from_the_escalation(world: World) -> None:
    world.conversation(
        "1",
        "2026-05-08 12:00",
        [("2026-05-08 17:30", "assignment", "bot", "L2"), ("2026-05-11 10:29", "comment", "admin")],
    )
    found = world.figure("K24", "2026-05", "L2")
    assert (found["value"], found["numerator"]) == (pytest.approx(64 * 60 + 59), 0)


def test_a_conversation_without_teams_or_parts_still_has_its_first_level(world: World) -> None:
    world.add("intercom", "conversations", {"id": 7, "created_at": 1_778_480_000, "state": "open"})
    assert world.rows("core.conversation", columns="conversation_id, level, excluded") == [
        {"conversation_id": "7", "level": "L1", "excluded": False}
    ]


def test_clients_who_need_somebody_are_listed_with_the_facts(world: World) -> None:
    world.client(
        "1",
        "2026-06-01 10:00",
        "2026-08-01 00:00",
        tenfold_survey_nps="3",
        tenfold_survey_csat="2",
        tenfold_survey_answered_at="2026-06-28T10:00:00Z",
    )
    world.contact("5", "1", email="a@b.es")
    world.add("intercom", "contacts", {"id": "c1", "external_id": "5"})
    world.conversation(
        "1",
        "2026-06-29 09:00",
        [("2026-06-29 10:00", "close", "admin")],
        state="closed",
        rating=(1, "2026-06-29 11:00"),
    )
    world.ticket("70", "1", tenfold_requested_at="2026-06-25T10:00:00Z", subject="Landing page")
    world.ticket(
        "71",
        "1",
        tenfold_requested_at="2026-06-25T10:00:00Z",
        tenfold_first_delivered_at="2026-06-25T11:00:00Z",
    )
    found = {row["reason_code"]: row for row in world.rows("kpi.client_attention")}
    assert set(found) == {
        "sla_miss",
        "low_rating",
        "onboarding_stuck",
        "deliverable_overdue",
        "churn_notice",
        "unhappy_survey",
    }
    assert {row["severity"] for code, row in found.items() if code != "sla_miss"} == {"high"}
    assert found["sla_miss"]["severity"] == "medium"  # one late first answer
    assert '"deliverables":1' in found["deliverable_overdue"]["detail"]
    assert found["onboarding_stuck"]["since"] == utc("2026-06-03 10:00")


def _open(instant: datetime) -> bool:
    local = instant.astimezone(MADRID)
    return local.weekday() < 5 and local.date() not in HOLIDAYS and 9 <= local.hour < 18


def _brute_force_due(
    started: datetime, pauses: list[tuple[datetime, datetime | None]], target: int
) -> datetime | None:
    """Minute by minute, the way a person would count with a calendar and a pencil."""
    minute, counted = started, 0
    while counted < target:
        asleep = any(begin <= minute and (end is None or minute < end) for begin, end in pauses)
        counted += _open(minute) and not asleep
        minute += timedelta(minutes=1)
        if minute > started + timedelta(days=25):
            return None
    return minute


@given(
    start=st.integers(0, 60 * 24 * 20),
    gaps=st.lists(
        st.tuples(st.integers(0, 2000), st.sampled_from(["snoozed", "open", "close", "comment"])), max_size=7
    ),
)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_due_times_agree_with_counting_minute_by_minute(start: int, gaps: list[tuple[int, str]]) -> None:
    started = datetime(2026, 3, 20, tzinfo=UTC) + timedelta(
        minutes=start
    )  # spans the clock change and Good Friday
    parts: list[tuple[Any, ...]] = [(started.isoformat().replace("+00:00", "Z"), "assignment", "bot", "L2")]
    pauses: list[tuple[datetime, datetime | None]] = []
    moment, asleep = started, None
    for gap, kind in gaps:
        moment += timedelta(minutes=gap)
        parts.append((moment.isoformat().replace("+00:00", "Z"), kind, "user"))
        if kind == "snoozed":
            asleep = asleep or moment
        elif asleep:
            pauses.append((asleep, moment))
            asleep = None
    if asleep:
        pauses.append((asleep, None))
    world = World()
    world.conversation("1", started.isoformat().replace("+00:00", "Z"), parts)
    assert clock(world)["due_at"] == _brute_force_due(started, pauses, 120)
    world.con.close()
