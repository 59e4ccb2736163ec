"""What it costs to serve each client: tied to the ledger to the cent, unused capacity apart, a range where unsure."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from model_world import World

SALARIES = "640 Salaries delivery"
PRACTICAL = Decimal(160 * 60) * Decimal("0.8")  # minutes of a full-time post in a month: 7 680


def house(world: World) -> World:
    """Two clients; one support post for 3 000 a month, all booked as salaries of May."""
    world.fte = [("ts", "technical support", 1.0, "2026-01-01", None)]
    world.direct = {"ts"}
    world.activities = [
        ("l1", "conversation", "L1", 96, "technical support"),
        ("work", "deliverable", None, 192, "technical support"),
    ]
    world.client("1", "2026-01-10 10:00", amount="500")
    world.client("2", "2026-01-10 10:00", amount="500")
    world.cost("2026-05-29", SALARIES, "3000.00")
    return world


def deliver(world: World, company: str, count: int, day: str = "2026-05-10") -> None:
    for number in range(count):
        world.ticket(
            f"{company}{number}{day[-2:]}", company,
            tenfold_requested_at=f"{day}T08:00:00Z", tenfold_first_delivered_at=f"{day}T09:00:00Z",
        )  # fmt: skip


def parts(world: World, period: str = "2026-05") -> dict[tuple[str | None, str], Decimal]:
    return {
        (row["client_id"], row["component"]): row["amount"]
        for row in world.rows("kpi.cost_to_serve", f"period = '{period}'")
    }


@pytest.fixture
def serving(world: World) -> World:
    return house(world)


def test_work_costs_its_minutes_at_the_price_of_practical_capacity_and_the_rest_is_unused(
    serving: World,
) -> None:
    deliver(serving, "1", 4)  # 768 minutes are a tenth of the capacity
    assert parts(serving) == {("1", "time"): 300, (None, "unused"): 2700}


def test_unused_capacity_is_nobodys(serving: World) -> None:
    assert parts(serving) == {(None, "unused"): 3000}
    assert serving.rows("kpi.client_margin", "period = '2026-05'") == []


def test_more_work_than_capacity_is_shown_as_less_than_nothing_unused(serving: World) -> None:
    deliver(serving, "1", 50)  # 9 600 of 7 680 minutes
    assert parts(serving) == {("1", "time"): 3750, (None, "unused"): -750}


def test_a_post_of_half_a_month_has_half_the_capacity(world: World) -> None:
    house(world)
    world.fte = [("ts", "technical support", 1.0, "2026-05-16", "2026-06-01")]  # 16 of 31 days
    deliver(world, "1", 4)
    assert parts(world)["1", "time"] == pytest.approx(
        Decimal(3000) * 768 / (PRACTICAL * 16 / 31), abs=Decimal("0.01")
    )


def test_the_price_is_the_ledgers_salaries_and_not_the_playbooks(world: World) -> None:
    house(world)
    world.cost("2026-05-30", SALARIES, "600.00")  # overtime
    deliver(world, "1", 4)
    assert parts(world) == {("1", "time"): 360, (None, "unused"): 3240}


def test_what_is_booked_under_a_client_is_its_own_and_what_names_nobody_is_shared(serving: World) -> None:
    serving.entry(
        "2026-04-05", ("430 Accounts receivable", "9", ""), ("700 Service revenue", "", "9"), name="Company 1"
    )
    serving.entry(
        "2026-05-05",
        ("600 Delivery subcontractors", "70", ""),
        ("572 Bank main", "", "70"),
        kind="Expense",
        name="Company 1",
    )
    serving.entry(
        "2026-05-06",
        ("600 Delivery subcontractors", "30", ""),
        ("572 Bank main", "", "30"),
        kind="Expense",
        name="Studio",
    )
    assert parts(serving) == {("1", "direct"): 70, (None, "shared"): 30, (None, "unused"): 3000}


def test_time_sheets_take_the_place_of_the_playbooks_minutes(serving: World) -> None:
    deliver(serving, "1", 40)
    for key, name, hours in (
        ("t1", "Company 1", "6.4"),
        ("t2", "company 2 ", "12.8"),
        ("t3", "Somebody", "6.4"),
    ):
        serving.add(
            "accounting",
            "time_entries",
            {"key": key, "person": "P", "client": name, "date": "2026-05-11", "hours": hours},
        )
    # 6.4 hours are a twentieth of the practical 128.
    assert parts(serving) == {
        ("1", "time"): 150,
        ("2", "time"): 300,
        (None, "time"): 150,
        (None, "unused"): 2400,
    }
    (row,) = serving.rows("kpi.cost_to_serve_month", "period = '2026-05'")
    assert (row["basis"], row["time_of_nobody"], row["difference"]) == ("time_sheet", 150, 0)


def test_minutes_of_a_role_that_nobody_has_are_told_and_cost_nothing(serving: World) -> None:
    serving.activities = [("work", "deliverable", None, 192, "nobody")]
    deliver(serving, "1", 4)
    (row,) = serving.rows("kpi.cost_to_serve_month", "period = '2026-05'")
    assert (row["unpriced_minutes"], row["time"], row["unused"]) == (768, 0, 3000)


def test_a_margin_is_a_range_over_minutes_that_are_not_measured_and_shared_costs(serving: World) -> None:
    deliver(serving, "1", 4)
    for name, amount in (("Company 1", "750"), ("Company 2", "250")):
        serving.entry(
            "2026-05-03",
            ("430 Accounts receivable", amount, ""),
            ("700 Service revenue", "", amount),
            name=name,
        )
    serving.entry(
        "2026-05-06",
        ("600 Delivery subcontractors", "100", ""),
        ("572 Bank main", "", "100"),
        kind="Expense",
        name="Studio",
    )
    found = {
        row["client_id"]: (row["margin_low"], row["margin_high"])
        for row in serving.rows("kpi.client_margin", "period = '2026-05'")
    }
    # Each pays 500 a month: more than was booked for the one, less than for the other.
    assert found == {"1": (500 - 300 - 75 - 75, 750 - 300 + 75), "2": (250 - 25, 500)}


def test_who_is_billed_once_a_year_is_not_said_to_cost_more_than_it_brings(serving: World) -> None:
    deliver(serving, "1", 4)
    (row,) = serving.rows("kpi.client_margin", "period = '2026-05'")
    assert (row["revenue"], row["margin_low"], row["margin_high"]) == (0, -300 - 75, 500 - 300 + 75)


@settings(max_examples=20, deadline=None)
@given(
    st.integers(1, 999_999), st.integers(0, 30), st.integers(0, 30), st.integers(1, 333), st.integers(0, 99_999),
)  # fmt: skip
def test_the_parts_are_the_ledgers_direct_costs_to_the_cent(
    salaries: int, first: int, second: int, minutes: int, other: int
) -> None:
    world = house(World())
    world.activities = [("work", "deliverable", None, minutes, "technical support")]
    world.cost("2026-05-28", SALARIES, f"{salaries / 100:.2f}")
    world.cost("2026-05-28", "600 Delivery subcontractors", f"{other / 100:.2f}")
    deliver(world, "1", first)
    deliver(world, "2", second)
    total = sum(parts(world).values(), Decimal(0))
    assert total == 3000 + Decimal(salaries) / 100 + Decimal(other) / 100
    (row,) = world.rows("kpi.cost_to_serve_month", "period = '2026-05'")
    assert (row["difference"], row["ledger"]) == (0, total)
