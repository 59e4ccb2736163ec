"""What becomes of a figure when a source, or one resource of it, did not come whole."""

from typing import Any

import pytest
from model_world import World, utc

MAY_ENDS = "2026-06-01 00:00"


@pytest.fixture
def business(world: World) -> World:
    """One client since January, one deliverable and one rating in April and in May."""
    unit, direction, low, high, _ = world.kpis["K16"]
    world.kpis["K16"] = (unit, direction, low, high, ["hubspot.tickets", "hubspot.ticket_pipelines"])
    unit, direction, low, high, _ = world.kpis["K14"]
    world.kpis["K14"] = (unit, direction, low, high, ["hubspot.deals"])
    world.client("1", "2026-01-10 10:00")
    for number, day in (("1", "04-10"), ("2", "05-10")):
        world.ticket(
            number,
            "1",
            tenfold_requested_at=f"2026-{day}T08:00:00Z",
            tenfold_first_delivered_at=f"2026-{day}T09:00:00Z",
        )
        world.conversation(number, f"2026-{day} 09:00", rating=(5, f"2026-{day} 10:00"))
    world.resources = {
        ("hubspot", name): ("complete", None) for name in ("deals", "tickets", "ticket_pipelines")
    }
    return world


def said(world: World, kpi: str, period: str = "2026-05") -> tuple[Any, str, str | None]:
    row = world.figure(kpi, period)
    return row["value"], row["status"], row["reason"]


def test_everything_whole_leaves_every_figure_as_it_is(business: World) -> None:
    for kpi in ("K14", "K16", "K13"):
        row = business.figure(kpi, "2026-05")
        assert row["value"] is not None
        assert row["stale_since"] is None


def test_a_missing_right_takes_exactly_the_figures_that_need_it_and_is_named(business: World) -> None:
    business.status["hubspot"] = ("partial", "2026-07-01 06:00")
    business.resources["hubspot", "tickets"] = ("not_permitted", None)
    assert said(business, "K16") == (None, "not_evaluated", "hubspot.tickets is not permitted")
    kept = business.figure("K14", "2026-05")
    assert (kept["value"], kept["status"], kept["stale_since"]) == (0.0, "watch", None)


def test_a_right_that_was_lost_leaves_what_was_known_with_a_badge(business: World) -> None:
    business.status["hubspot"] = ("partial", "2026-07-01 06:00")
    business.resources["hubspot", "tickets"] = ("not_permitted", "2026-05-20 00:00")
    before = business.figure("K16", "2026-04")
    assert (before["value"], before["stale_since"]) == (0.0, utc("2026-05-20 00:00"))
    assert before["reason"] == "hubspot.tickets is not permitted; data as of 2026-05-19T22:00:00Z"
    assert said(business, "K16") == (
        None,
        "not_evaluated",
        "hubspot.tickets is not permitted; data ends before the period does",
    )


@pytest.mark.parametrize("state", ["complete", "partial", "failed"])
def test_a_period_that_the_data_does_not_reach_is_not_judged(business: World, state: str) -> None:
    business.resources.clear()
    business.status["intercom"] = (state, "2026-05-31 23:59")
    late = business.figure("K13", "2026-05")
    assert (late["value"], late["numerator"], late["n"]) == (None, None, None)
    assert (late["status"], late["reason"]) == ("not_evaluated", "data ends before the period does")
    assert late["stale_since"] == utc("2026-05-31 23:59"), "the report says until when the data goes"
    assert business.figure("K13", "2026-04")["value"] == 1.0


def test_data_until_the_last_instant_of_a_period_is_enough(business: World) -> None:
    business.status["intercom"] = ("complete", MAY_ENDS)
    found = business.figure("K13", "2026-05")
    assert (found["value"], found["stale_since"]) == (1.0, None)


def test_a_figure_reaches_only_as_far_as_the_shortest_of_its_needs(business: World) -> None:
    business.resources["hubspot", "ticket_pipelines"] = ("complete", "2026-05-20 00:00")
    assert said(business, "K16") == (None, "not_evaluated", "data ends before the period does")
    assert said(business, "K14")[0] == 0.0


def test_a_resource_that_no_read_brought_is_no_figure_of_zero(business: World) -> None:
    del business.resources["hubspot", "tickets"]
    assert said(business, "K16") == (None, "not_evaluated", "hubspot.tickets was never loaded")


def test_a_source_that_does_not_tell_resources_apart_speaks_for_them_all(business: World) -> None:
    business.resources.clear()
    assert said(business, "K16")[0] == 0.0
    again = World()
    again.kpis, again.raw = business.kpis, business.raw
    again.status["hubspot"] = ("not_configured", None)
    assert said(again, "K16") == (None, "not_evaluated", "hubspot is not configured")


def test_what_a_failed_read_did_not_come_to_is_as_old_as_it_was(business: World) -> None:
    business.status["hubspot"] = ("failed", "2026-06-20 00:00")
    business.resources["hubspot", "deals"] = ("complete", "2026-06-20 00:00")
    found = business.figure("K14", "2026-05")
    assert (found["value"], found["stale_since"]) == (0.0, utc("2026-06-20 00:00"))
    assert found["reason"] == "data as of 2026-06-19T22:00:00Z"


def test_what_came_whole_in_a_read_in_which_another_resource_failed_is_fresh(business: World) -> None:
    business.status["hubspot"] = ("failed", "2026-06-20 00:00")
    business.resources["hubspot", "tickets"] = ("failed", "2026-06-20 00:00")
    assert business.figure("K14", "2026-05")["stale_since"] is None
    assert business.figure("K16", "2026-05")["stale_since"] == utc("2026-06-20 00:00")


def test_a_source_that_failed_before_anything_came_whole_was_never_loaded(business: World) -> None:
    business.status["hubspot"] = ("failed", None)
    business.resources["hubspot", "tickets"] = ("failed", None)
    assert said(business, "K16") == (None, "not_evaluated", "hubspot.tickets was never loaded")


def test_records_that_are_missing_mark_the_figures_of_their_resource(business: World) -> None:
    business.status["hubspot"] = ("partial", None)
    business.resources["hubspot", "tickets"] = ("partial", "2026-06-10 00:00")
    assert business.figure("K16", "2026-05")["stale_since"] == utc("2026-06-10 00:00")
    assert business.figure("K14", "2026-05")["stale_since"] is None
