"""The truth about support: who answered when, what was resolved, which promises were kept."""

import pytest
from story import Story

MAY = "2026-05"
JUNE = "2026-06-01 00:00"


def specialist_talk(story: Story, answered: str) -> None:
    """Opened on a Friday at 17:29 and escalated at 17:30: two office hours end on Monday at 10:30."""
    story.talk(
        "2026-05-08 17:29", ("2026-05-08 17:29:30", "bot"), ("2026-05-08 17:30", "L2"), (answered, "admin")
    )


def test_an_answer_in_the_last_minute_over_the_weekend_is_a_hit_on_monday() -> None:
    story = Story()
    specialist_talk(story, "2026-05-11 10:29")

    assert story.parts("K19", "2026-W19", JUNE, "L2") == (None, 0, 0)
    # On Monday the first answer is a hit, and the resolution (8 office hours, due Monday 17:29) a miss.
    assert story.parts("K19", "2026-W20", "2026-05-18 00:00", "L2") == (0.5, 1, 2)


def test_an_answer_after_the_due_is_a_miss_decided_at_the_due() -> None:
    story = Story()
    specialist_talk(story, "2026-05-11 10:31")
    assert story.parts("K19", "2026-W20", JUNE, "L2") == (0, 0, 2)


def test_an_answer_on_the_very_due_is_a_hit() -> None:
    story = Story()
    specialist_talk(story, "2026-05-11 10:30")
    assert story.parts("K19", "2026-W20", JUNE, "L2") == (0.5, 1, 2)


def test_a_miss_belongs_to_the_period_of_its_due_and_not_of_the_late_answer() -> None:
    story = Story()
    # The L1 answer was due on 31 May at 23:55, the resolution on 1 June.
    story.talk("2026-05-31 23:50", ("2026-06-02 10:00", "admin"), ("2026-06-02 11:00", "close"))
    later = "2026-07-01 00:00"
    assert story.parts("K19", "2026-05", later, "L1") == (0, 0, 1)
    assert story.parts("K19", "2026-06", later, "L1") == (0, 0, 1)


def test_a_clock_still_running_and_not_yet_due_is_not_counted() -> None:
    story = Story()
    story.talk("2026-05-31 21:00", ("2026-05-31 21:01", "bot"))
    # At midnight three of the resolution's four hours have passed.
    assert story.parts("K19", MAY, JUNE, "L1") == (1, 1, 1)
    assert story.parts("K19", MAY, "2026-06-01 02:00", "L1") == (1, 1, 1)
    # The miss, once decided, is decided in June.
    assert story.parts("K19", "2026-06", "2026-07-01 00:00", "L1") == (0, 0, 1)


def test_a_due_on_the_clock_itself_is_decided() -> None:
    story = Story()
    story.talk("2026-05-31 19:59:59", ("2026-05-31 20:00", "bot"))
    assert story.parts("K19", MAY, JUNE, "L1") == (0.5, 1, 2)  # due 23:59:59


def test_a_snoozed_conversation_waits_for_the_client_and_not_the_client_for_us() -> None:
    story = Story()
    story.talk(
        "2026-05-11 09:00",
        ("2026-05-11 09:01", "bot"),
        ("2026-05-11 10:00", "snoozed"),
        ("2026-05-14 10:00", "user"),
        ("2026-05-14 12:59", "close"),  # 1 h before and 2 h 59 after the pause
    )
    assert story.parts("K19", MAY, JUNE, "L1") == (1, 2, 2)


def test_while_it_is_snoozed_nothing_becomes_due() -> None:
    story = Story()
    story.talk("2026-05-11 09:00", ("2026-05-11 09:01", "bot"), ("2026-05-11 10:00", "snoozed"))
    assert story.parts("K19", MAY, JUNE, "L1") == (1, 1, 1)


def test_two_snoozes_in_a_row_are_one_pause() -> None:
    story = Story()
    story.talk(
        "2026-05-11 09:00", ("2026-05-11 09:01", "bot"), ("2026-05-11 10:00", "snoozed"), ("2026-05-12 10:00", "snoozed"),
        ("2026-05-14 10:00", "open"), ("2026-05-14 13:00", "close"),
    )  # fmt: skip
    assert story.parts("K19", MAY, JUNE, "L1") == (1, 2, 2)


def test_the_resolution_is_judged_by_the_highest_level_reached() -> None:
    story = Story()
    story.talk(
        "2026-05-11 09:00", ("2026-05-11 09:01", "bot"), ("2026-05-11 09:30", "L3"), ("2026-05-11 10:00", "admin"),
        ("2026-05-13 15:00", "close"),
    )  # fmt: skip
    assert story.parts("K19", MAY, JUNE, "L3") == (1, 2, 2)  # 24 office hours, to the minute
    assert story.parts("K19", MAY, JUNE, "L2") == (None, 0, 0)  # jumped over
    assert story.parts("K19", MAY, JUNE, "L1") == (1, 1, 1)  # its first answer only
    assert story.parts("K19", MAY, JUNE) == (1, 3, 3)


def test_handing_back_to_a_lower_level_is_no_escalation() -> None:
    story = Story()
    story.talk(
        "2026-05-11 09:00", ("2026-05-11 09:01", "bot"), ("2026-05-11 09:10", "L2"), ("2026-05-11 09:20", "admin"),
        ("2026-05-11 09:30", "L1"), ("2026-05-11 09:40", "L2"), ("2026-05-11 12:00", "close"),
    )  # fmt: skip
    assert story.parts("K24", MAY, JUNE, "L2") == (10, 1, 1)
    assert story.parts("K3", MAY, JUNE, "L2") == (3, 3, 1)


def test_the_bot_answers_for_the_frontline_only() -> None:
    story = Story()
    story.talk(
        "2026-05-11 09:00",
        ("2026-05-11 09:01", "L2"),
        ("2026-05-11 09:02", "bot"),
        ("2026-05-11 09:21", "admin"),
    )
    assert story.parts("K24", MAY, JUNE, "L1") == (2, 1, 1)
    assert story.parts("K24", MAY, JUNE, "L2") == (20, 1, 1)


def test_the_specialists_answer_is_the_frontlines_too_when_it_had_none() -> None:
    story = Story()
    story.talk("2026-05-11 09:00", ("2026-05-11 09:10", "L2"), ("2026-05-11 09:40", "admin"))
    assert story.parts("K24", MAY, JUNE, "L1") == (40, 0, 1)
    assert story.parts("K24", MAY, JUNE, "L2") == (30, 1, 1)


def test_first_answers_of_one_to_twenty_minutes() -> None:
    story = Story()
    for minute in range(1, 21):
        story.talk("2026-05-11 09:00", (f"2026-05-11 09:{minute:02d}", "bot"))

    value, numerator, denominator = story.parts("K24", MAY, JUNE, "L1")
    assert (value, numerator, denominator) == (pytest.approx(18.1, abs=1e-12), 5, 20)


def test_first_answer_time_counts_nights_and_weekends() -> None:
    story = Story()
    specialist_talk(story, "2026-05-11 10:30")
    assert story.parts("K24", MAY, JUNE, "L2") == (65 * 60, 0, 1)


def test_resolution_time_is_elapsed_from_creation_to_the_last_close() -> None:
    story = Story()
    story.talk(
        "2026-05-08 17:00",
        ("2026-05-08 18:00", "close"),
        ("2026-05-09 10:00", "open"),
        ("2026-05-09 17:00", "close"),
    )
    story.talk("2026-05-11 09:00", ("2026-05-11 11:00", "close"))

    assert story.parts("K3", MAY, JUNE) == (13, 26, 2)
    assert story.parts("K3.p50", MAY, JUNE) == (13, None, 2)
    value, _, denominator = story.parts("K3.p90", MAY, JUNE)
    assert (value, denominator) == (pytest.approx(2 + 0.9 * 22), 2)


@pytest.mark.parametrize("after", ["open", "user", "snoozed"])
def test_a_conversation_that_did_not_stay_closed_is_not_resolved(after: str) -> None:
    story = Story()
    story.talk("2026-05-11 09:00", ("2026-05-11 11:00", "close"), ("2026-05-30 11:00", after))
    assert story.row("K3", MAY, JUNE)["reason"] == "no resolved conversations in period"
    # Before it was reopened it was resolved: the truth is what is known at the clock.
    assert story.parts("K3", "2026-W20", "2026-05-18 00:00") == (2, 2, 1)


@pytest.mark.parametrize("tag", ["spam", "merged"])
def test_spam_and_merged_conversations_are_left_out(tag: str) -> None:
    story = Story()
    story.talk("2026-05-11 09:00", ("2026-05-11 09:01", "bot"), ("2026-05-11 11:00", "close"), tag=tag)
    for kpi, segment in (("K3", "all"), ("K19", "all"), ("K24", "L1")):
        assert story.parts(kpi, MAY, JUNE, segment) == (None, 0, 0)


def test_a_note_is_no_answer() -> None:
    story = Story()
    story.talk("2026-05-11 09:00", ("2026-05-11 09:01", "note"), ("2026-05-11 09:03", "admin"))
    assert story.parts("K24", MAY, JUNE, "L1") == (3, 1, 1)


def test_a_level_below_the_highest_is_not_reached_by_being_handed_down() -> None:
    story = Story()
    story.talk(
        "2026-05-11 09:00",
        ("2026-05-11 09:10", "L3"),
        ("2026-05-11 09:20", "L2"),
        ("2026-05-11 09:30", "admin"),
    )
    assert story.parts("K24", MAY, JUNE, "L3") == (20, 1, 1)
    assert story.parts("K24", MAY, JUNE, "L2") == (None, 0, 0)


def test_an_answer_in_the_second_of_the_escalation_counts() -> None:
    story = Story()
    story.talk(
        "2026-05-11 09:00",
        ("2026-05-11 09:10", "L2"),
        ("2026-05-11 09:10", "admin"),
        ("2026-05-11 10:00", "admin"),
    )
    assert story.parts("K24", MAY, JUNE, "L2") == (0, 1, 1)
