"""Weeks of increments: only what changed is read, and the warehouse stays equal to the sandbox's truth."""

import shutil
from pathlib import Path

from house import ROOT, SOURCES_OF_A_SANDBOX, Figures, House, differences, figures, running_world

# This seed merges contacts away and archives others between two of the syncs.
WORLD = ("--months", "2", "--first", "8", "--last", "14", "--seed", "21")
ADVANCES = ("9d", "13d", "11d", "17d")  # over the ends of two months and of a year, never by whole weeks


def test_after_weeks_of_increments_every_figure_is_still_the_truth(tmp_path: Path) -> None:
    house = House(tmp_path, {"TENFOLD_PLAYBOOK": str(_playbook_without_sweeps(tmp_path / "playbook"))})
    with running_world(tmp_path, *WORLD) as world:
        everything = _read(house)
        assert house.json("check")["passed"]
        known = _published(house)
        for by in ADVANCES:
            world.advance(by)
            assert 0 < _read(house) < everything  # an increment, and no second full read
            later = _published(house)
            assert later.keys() > known.keys()
            known = later
        # Else the worst case was never met: people whom we had read before they were merged away.
        assert house.json("query", "select person_id from core.person where merged_into is not null")


def _playbook_without_sweeps(folder: Path) -> Path:
    """A sweep reads everything again and would hide what an increment missed."""
    shutil.copytree(ROOT / "playbook", folder)
    sources = folder / "sources.yaml"
    sources.write_text(sources.read_text().replace("sweep_hours: 24", "sweep_hours: 100000"))
    return folder


def _read(house: House) -> int:
    """Rows read from all sources, each of which must be complete."""
    reports = house.json("sync")
    assert {report["source"]: report["state"] for report in reports} == SOURCES_OF_A_SANDBOX
    return sum(report["rows_seen"] for report in reports)


def _published(house: House) -> Figures:
    """The figures after a publish; every one of them must be true."""
    house.json("publish")
    published = figures(house.json("kpi"))
    assert differences(published, figures(house.json("sandbox", "truth"))) == []
    return published
