"""Hours from Clockify and Toggl."""

from pathlib import Path

import pytest

from connectors.accounting import Format, ImportedFile, read_file

CLOCKIFY = """Project,Client,Description,Task,User,Group,Email,Tags,Billable,Start Date,Start Time,End Date,End Time,Duration (h),Duration (decimal),Billable Rate (EUR),Billable Amount (EUR)
Brand,Ana SL,Logo,Design,Eva,,eva@example.test,,Yes,09/15/2026,02:00 PM,09/15/2026,03:30 PM,01:30:00,1.50,0,0
Brand,Ana SL,Night shift,,Eva,,eva@example.test,,No,09/15/2026,11:30 PM,09/16/2026,12:50 AM,01:20:00,1.33,0,0
"""
TOGGL = """User,Email,Client,Project,Task,Description,Billable,Start date,Start time,End date,End time,Duration,Tags,Amount ()
Eva,eva@example.test,Ana SL,Web,Design,"Copy, home",Yes,2026-01-05,09:00:00,2026-01-05,10:30:00,01:30:00,,0.00
Eva,eva@example.test,,,,Inbox,No,2026-01-05,10:30:00,2026-01-05,10:30:20,00:00:20,,
"""


def read(folder: Path, text: str) -> ImportedFile:
    path = folder / "x.csv"
    path.write_text(text, encoding="utf-8")
    return read_file(path)


def test_clockify_s_hours_are_exact_where_its_decimals_are_rounded(tmp_path: Path) -> None:
    found = read(tmp_path, CLOCKIFY)
    assert (found.format, found.rejected, found.verified) == (
        Format.CLOCKIFY,
        [],
        ["start + duration = end", "hours = decimal hours"],
    )
    assert [
        (t["person"], t["client"], t["task"], t["date"], t["hours"], t["billable"])
        for t in found.time_entries
    ] == [
        ("Eva", "Ana SL", "Design · Logo", "2026-09-15", "1.5000", True),
        ("Eva", "Ana SL", "Night shift", "2026-09-15", "1.3333", False),
    ]


def test_clockify_with_decimal_hours_only(tmp_path: Path) -> None:
    text = "".join(
        ",".join(cell for i, cell in enumerate(line.split(",")) if i != 13) + "\n"
        for line in CLOCKIFY.splitlines()
    )
    found = read(tmp_path, text)
    assert (found.format, [t["hours"] for t in found.time_entries]) == (Format.CLOCKIFY, ["1.5000", "1.3300"])


def test_toggl_s_rows_are_hours_with_or_without_a_client(tmp_path: Path) -> None:
    found = read(tmp_path, TOGGL)
    assert (found.format, found.rejected, found.verified) == (Format.TOGGL, [], ["start + duration = end"])
    # 20 seconds are 0.00556 hours.
    assert [(t["client"], t["hours"], t["billable"]) for t in found.time_entries] == [
        ("Ana SL", "1.5000", True),
        (None, "0.0056", False),
    ]


def test_a_duration_that_its_clock_times_do_not_give_is_said(tmp_path: Path) -> None:
    found = read(tmp_path, TOGGL.replace("01:30:00", "01:50:00"))
    assert found.verified == []
    assert "row 2 runs 5400 seconds by its clock times and 6600 by its duration" in " ".join(found.warnings)


def test_decimal_hours_that_the_clock_does_not_give_are_said(tmp_path: Path) -> None:
    found = read(tmp_path, CLOCKIFY.replace("1.33", "1.43"))
    assert found.verified == ["start + duration = end"]
    assert "row 3 says 1.43 hours and 01:20:00" in " ".join(found.warnings)


def test_an_entry_still_running_is_left(tmp_path: Path) -> None:
    found = read(tmp_path, TOGGL.replace(",2026-01-05,10:30:20,00:00:20", ",,,"))
    assert ([(item.reason, item.rows) for item in found.left], found.records) == ([("still running", 1)], 1)


@pytest.mark.parametrize("duration", ["1:75:00", "-1", "soon"])
def test_a_duration_that_cannot_be_read_is_rejected(tmp_path: Path, duration: str) -> None:
    found = read(tmp_path, TOGGL.replace("01:30:00", duration))
    assert [item.row for item in found.rejected] == [2]


@pytest.mark.parametrize(
    ("written", "hours"),
    [("1:30", "1.5000"), ("1.5", "1.5000"), ("1h 30m", "1.5000"), ("101:00:00", "101.0000")],
)
def test_durations_are_read_as_people_write_them(tmp_path: Path, written: str, hours: str) -> None:
    assert read(tmp_path, TOGGL.replace("01:30:00", written)).time_entries[0]["hours"] == hours


def test_a_corrected_duration_keeps_the_identity_of_its_entry(tmp_path: Path) -> None:
    before = read(tmp_path, TOGGL).time_entries[0]["key"]
    assert read(tmp_path, TOGGL.replace("01:30:00", "01:29:00")).time_entries[0]["key"] == before
