"""The truth about clients, opinions and work, on hand-made events; worked cases of the KPI definitions among them."""

from datetime import UTC, datetime
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from story import Story, at

from sandbox.events import LeadArchived, OnboardingItemDone, PeopleMerged, PersonAdded
from sandbox.truth import quantile, truth

JUNE = "2026-06-01 00:00"


def test_churn_counts_only_those_active_at_the_start_who_are_gone_at_the_end() -> None:
    story = Story()
    for number in range(10):
        story.client(f"old{number}", "2026-04-01", "2026-05-20 10:00" if number == 0 else None)
    story.client("joins", "2026-05-10")
    story.client("joins-and-leaves", "2026-05-10", "2026-05-25")

    assert story.parts("K14", "2026-05", JUNE) == (0.1, 1, 10)
    assert story.parts("K20", "2026-05", JUNE) == (0, 0, 10)
    assert story.parts("NEW_CLIENTS", "2026-05", JUNE) == (2, 2, None)
    assert story.parts("ACTIVE_CLIENTS", "2026-05", JUNE) == (10, 10, None)


def test_satisfaction_is_the_share_of_fours_and_fives() -> None:
    story = Story()
    for rating in (5, 4, 3, 5):
        story.talk("2026-05-10 10:00", rating=("2026-05-11 10:00", rating))

    assert story.parts("K13", "2026-05", JUNE) == (0.75, 3, 4)


def test_satisfaction_counts_surveys_and_the_ratings_of_spam_too() -> None:
    story = Story()
    story.talk("2026-05-10 10:00", tag="spam", rating=("2026-05-11 10:00", 1))
    story.survey("opening", "2026-05-12", nps=9, csat=4)

    assert story.parts("K13", "2026-05", JUNE) == (0.5, 1, 2)


def test_promoters_less_detractors_in_points() -> None:
    story = Story()
    for number, score in enumerate((10, 9, 8, 6)):
        story.survey(f"c{number}", "2026-05-10", nps=score)

    assert story.parts("K12", "2026-05", JUNE) == (25, 100, 4)


def test_an_answer_given_90_days_before_the_end_still_counts_and_an_older_one_does_not() -> None:
    story = Story()
    story.survey("inside", "2026-03-03 00:00:00", nps=10)  # 1 June less 90 days
    story.survey("outside", "2026-03-02 23:59:59", nps=0)

    assert story.parts("K12", "2026-05", JUNE) == (100, 100, 1)


def test_a_later_answer_replaces_the_earlier_one_in_every_period() -> None:
    story = Story()
    story.survey("c1", "2026-04-10", nps=0, csat=1)
    story.survey("c1", "2026-05-10", nps=10, csat=5)

    assert story.row("K12", "2026-04", JUNE)["reason"] == "no survey answers in period"
    assert story.row("K13", "2026-04", JUNE)["reason"] == "no ratings in period"
    assert story.parts("K12", "2026-05", JUNE) == (100, 100, 1)
    assert story.parts("K12", "2026-04", "2026-05-09 00:00") == (-100, -100, 1)


def test_a_subscription_that_starts_on_the_first_instant_is_active_at_the_start() -> None:
    story = Story()
    story.client("midnight", "2026-05-01 00:00")

    assert story.parts("K20", "2026-05", JUNE) == (0, 0, 1)
    assert story.parts("NEW_CLIENTS", "2026-05", JUNE) == (1, 1, None)


def test_a_subscription_that_ends_on_the_first_instant_is_gone_in_the_month_before() -> None:
    story = Story()
    story.client("leaves", "2026-04-10", "2026-06-01 00:00")

    assert story.parts("K14", "2026-05", JUNE) == (1, 1, 1)


def test_a_client_who_comes_back_is_not_new_again() -> None:
    story = Story()
    story.client("back", "2026-01-10", "2026-03-10")
    story.client("back", "2026-05-10", deal="second")

    assert story.parts("NEW_CLIENTS", "2026-05", JUNE) == (0, 0, None)
    assert story.parts("NEW_CLIENTS", "2026-01", JUNE) == (1, 1, None)
    assert story.parts("ACTIVE_CLIENTS", "2026-05", JUNE) == (1, 1, None)


def test_referrals_are_counted_over_all_new_clients_also_those_of_unknown_source() -> None:
    story = Story()
    story.client("a", "2026-05-10", source="referral")
    story.client("b", "2026-05-11", source="")
    story.client("c", "2026-05-12", source="ads")

    assert story.parts("K15", "2026-05", JUNE) == (pytest.approx(1 / 3), 1, 3)


def test_clients_per_employee_uses_the_team_at_the_end() -> None:
    story = Story()
    for number in range(11):
        story.client(f"c{number}", "2025-11-10")

    # om1, cs1, ae1, ts1, sdr1 and half of cm1
    assert story.parts("K1", "2025-11", "2025-12-01 00:00") == (2, 11, 5.5)
    # On 1 July, ts1 has just gone and ma1 and bd1 have come: 20 people, one of them half-time
    assert story.row("K1", "2026-06", "2026-07-01 00:00")["denominator"] == 19.5


def test_onboarding_ends_with_the_last_required_item_and_its_first_doing_counts() -> None:
    story = Story()
    story.client("c1", "2026-05-04 10:00")
    story.client("unfinished", "2026-05-04 10:00")
    for item, when in (
        ("platform_access", "2026-05-04 11:00"),
        ("integrations", "2026-05-06 10:00"),
        ("first_settings", "2026-05-05 10:00"),
        ("platform_access", "2026-05-20 10:00"),
    ):
        story.events.append(OnboardingItemDone(at=at(when), company="c1", item=item))
    story.events.append(OnboardingItemDone(at=at("2026-05-05"), company="unfinished", item="platform_access"))

    assert story.parts("K2", "2026-05", JUNE) == (48, 48, 1)
    assert story.parts("K2.share_48h", "2026-05", JUNE) == (0, 0, 1)  # exactly 48 hours is not below 48


def test_leads_are_contacts_archived_ones_included_and_merged_ones_not() -> None:
    story = Story()
    for company in ("a", "b"):
        story.lead(company, "2026-05-10")
    for person in ("twin", "colleague"):
        story.events.append(
            PersonAdded(
                at=at("2026-05-11"), company="a", person=person, first_name="A", last_name="B", email=f"{person}@a.example", language="es"
            )
        )  # fmt: skip
    story.events.append(PeopleMerged(at=at("2026-05-12"), kept="p-a", gone="twin"))
    story.events.append(LeadArchived(at=at("2026-05-13"), person="p-b"))

    assert story.parts("LEADS", "2026-05", JUNE) == (3, 3, None)


def test_delivery_figures_are_placed_by_the_first_delivery_with_errors_as_known_now() -> None:
    story = Story()
    story.work("2026-05-10 10:00", "2026-05-11 09:59")
    story.work("2026-05-10 10:00", "2026-05-11 10:00", errors=("2026-06-10", "2026-06-11"))
    story.work("2026-05-30 10:00", "2026-06-01 00:00", reopened=("2026-06-02",))
    story.work("2026-05-30 10:00")

    later = "2026-07-01 00:00"
    assert story.parts("K16", "2026-05", JUNE) == (0, 0, 2)
    assert story.parts("K16", "2026-05", later) == (0.5, 1, 2)
    assert story.parts("K17", "2026-05", later) == (0, 0, 2)
    assert story.parts("K17", "2026-06", later) == (1, 1, 1)
    assert story.parts("K18.share_24h", "2026-05", later) == (0.5, 1, 2)
    value, numerator, denominator = story.parts("K18", "2026-05", later)
    assert (value, numerator, denominator) == (pytest.approx(24 - 1 / 120), pytest.approx(48 - 1 / 60), 2)


def test_a_month_of_summer_time_change_has_the_hours_that_passed() -> None:
    story = Story()
    # 29 March 2026 has 23 hours in Madrid, 25 October 25.
    story.work("2026-03-28 12:00", "2026-03-29 12:00")
    story.work("2026-10-24 12:00", "2026-10-25 12:00")

    assert story.parts("K18", "2026-03", "2026-11-01 00:00") == (23, 23, 1)
    assert story.parts("K18", "2026-10", "2026-11-01 00:00") == (25, 25, 1)


def test_only_complete_periods_from_the_first_company_on_are_evaluated() -> None:
    story = Story("2026-04-15 12:00")
    names = [row["period"] for row in truth(story.events, at("2026-05-31 23:59:59"))]
    assert list(dict.fromkeys(names)) == [
        "2026-04", "2026-W15", "2026-W16", "2026-W17", "2026-W18", "2026-W19", "2026-W20", "2026-W21",
    ]  # fmt: skip
    # The week of 25 May and the month of May end at the same instant.
    names = [row["period"] for row in truth(story.events, at(JUNE))]
    assert {"2026-05", "2026-W22"} <= set(names)


def test_weeks_at_new_year_carry_the_iso_year() -> None:
    story = Story("2025-12-01 12:00")
    periods = {row["period"] for row in truth(story.events, at("2026-01-12 00:00"))}
    assert {"2025-W52", "2026-W01", "2026-W02"} <= periods
    assert "2025-W53" not in periods


def test_every_period_has_the_same_rows_also_without_data() -> None:
    story = Story("2026-04-15 12:00")
    rows = truth(story.events, at(JUNE))
    by_period: dict[str, list[tuple[str, str]]] = {}
    for row in rows:
        by_period.setdefault(row["period"], []).append((row["kpi"], row["segment"]))
    identities = by_period["2026-04"]
    assert len(set(identities)) == len(identities)
    assert all(own == identities for own in by_period.values())
    for row in rows:
        assert (row["value"] is None) == (row["status"] == "not_evaluated") == (row["reason"] is not None)


def test_what_happens_after_the_clock_changes_nothing() -> None:
    story = Story()
    story.client("c1", "2026-04-10")
    story.talk("2026-05-10 10:00", ("2026-05-10 10:01", "bot"))
    before = truth(story.events, at(JUNE))
    story.client("c2", "2026-06-10")
    story.talk("2026-06-10 10:00", ("2026-06-10 10:01", "bot"))
    story.revenue("2026-06-12", "10")

    assert truth(story.events, at(JUNE)) == before


@given(st.lists(st.integers(0, 1000), min_size=1, max_size=30), st.integers(0, 100))
def test_a_quantile_lies_between_its_neighbours(numbers: list[int], percent: int) -> None:
    ordered = sorted(numbers)
    found = quantile(ordered, Fraction(percent, 100))
    below = sum(number < found for number in ordered)
    above = sum(number > found for number in ordered)
    assert ordered[0] <= found <= ordered[-1]
    assert below <= Fraction(percent, 100) * (len(ordered) - 1) + 1
    assert above <= Fraction(100 - percent, 100) * (len(ordered) - 1) + 1


def test_no_company_no_rows() -> None:
    assert truth([], datetime(2026, 11, 16, tzinfo=UTC)) == []
