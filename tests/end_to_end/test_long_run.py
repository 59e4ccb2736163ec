"""Months of increments: what changed is read, and the warehouse stays equal to the sandbox's truth."""

from pathlib import Path
from typing import Any

from house import SMALL, House, differences, figures, running_world

ADVANCES = ("9d", "13d", "11d", "17d")  # across month ends, and never a multiple of a week


def test_weeks_of_increments_leave_every_figure_true(tmp_path: Path) -> None:
    house = House(tmp_path)
    with running_world(tmp_path, *SMALL) as world:
        first = _read(house)
        assert house.json("build")["build_id"]
        assert house.json("check", code=(0, 3))["passed"]
        assert _untrue(house) == []
        months = _months(house)
        for by in ADVANCES:
            world.advance(by)
            later = _read(house)
            # An increment, and no second full read.
            assert 0 < sum(later.values()) < sum(first.values())
            assert _untrue(house) == [], f"after {by} more"
        assert len(_months(house)) >= len(months) + 1


def _read(house: House) -> dict[str, int]:
    """Rows read of each source; every source must be complete."""
    reports: list[dict[str, Any]] = house.json("sync")
    assert {report["source"]: report["state"] for report in reports} == dict.fromkeys(
        ("hubspot", "intercom", "mailchimp", "accounting"), "complete"
    )
    return {report["source"]: report["rows_seen"] for report in reports}


def _untrue(house: House) -> list[tuple[object, ...]]:
    """Publish, then what differs from the truth."""
    house.json("publish")
    return differences(figures(house.json("kpi")), figures(house.json("sandbox", "truth")))


def _months(house: House) -> set[str]:
    return {row["period"] for row in house.json("kpi") if "W" not in row["period"]}
