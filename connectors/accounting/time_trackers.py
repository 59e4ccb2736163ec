"""Hours from Clockify and Toggl: days as written, durations as 1:30:00 or as a decimal number."""

import hashlib
import re
from collections import Counter
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal

from connectors.accounting.program_table import LeftOut, Sheet, Unusable, open_sheet, report_checks
from connectors.accounting.shapes import Format, Parsed, ReadOptions, Record, Rejected, plain
from connectors.accounting.tables import Row, Table

_CLOCKIFY = {
    "person": ("user", "email"),
    "client": ("client",),
    "project": ("project",),
    "task": ("task",),
    "description": ("description",),
    "billable": ("billable",),
    "date": ("start date",),
    "start": ("start time",),
    "end_date": ("end date",),
    "end": ("end time",),
    "duration": ("duration h", "duration decimal"),
    "decimal": ("duration decimal",),
}
_TOGGL = {
    **_CLOCKIFY,
    "person": ("user", "member", "email"),
    "end_date": ("end date", "stop date"),
    "end": ("end time", "stop time"),
    "duration": ("duration",),
    "decimal": ("duration decimal",),
}
_NEEDED = ("project", "client", "date", "duration")
_CLOCK = re.compile(r"(\d+):(\d{1,2})(?::(\d{1,2}))?")
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2}))?\s*([AP]M)?", re.IGNORECASE)
_UNITS = re.compile(r"(?:(\d+)\s*h)?\s*(?:(\d+)\s*m(?:in)?)?\s*(?:(\d+)\s*s)?", re.IGNORECASE)
_YES = frozenset(["yes", "true", "1", "si", "y"])
_NO = frozenset(["no", "false", "0", "n", ""])
_DAY = 24 * 3600
_HUNDREDTH = 36  # seconds in the last digit of a decimal number of hours
_TOO_LONG = 366 * _DAY


def read_clockify(table: Table, options: ReadOptions) -> Parsed:
    """One time entry per row of Clockify's detailed report."""
    return _read(table, options, _CLOCKIFY, Format.CLOCKIFY)


def read_toggl(table: Table, options: ReadOptions) -> Parsed:
    """One time entry per row of Toggl's detailed report."""
    return _read(table, options, _TOGGL, Format.TOGGL)


def _read(table: Table, options: ReadOptions, columns: dict[str, tuple[str, ...]], format_: Format) -> Parsed:
    name = format_.value.capitalize()
    sheet = open_sheet(
        table, columns, _NEEDED, options, money=("decimal",), days=("date",), what=f"{name} report"
    )
    parsed, left = Parsed(), LeftOut()
    faults: list[str] = []
    roundings: list[str] = []
    checked = 0
    seen: Counter[str] = Counter()
    for row in sheet.whole_rows(parsed, short_by=2):
        if plain(row.filled()[0]) in {"total", "totals"} and not sheet.text(row, "date"):
            continue
        try:
            if not sheet.text(row, "duration"):
                left.add("still running")
                continue
            seconds = seconds_of(sheet, row, "duration")
            checked += _compare(sheet, row, seconds, faults)
            decimal = sheet.amount(row, "decimal")
            if decimal is not None and abs(decimal * 3600 - seconds) > _HUNDREDTH:
                roundings.append(f"row {row.number} says {decimal} hours and {sheet.text(row, 'duration')}")
            parsed.time_entries.append(_entry(sheet, row, seconds, format_, seen))
        except Unusable as reason:
            parsed.rejected.append(Rejected(row.number, str(reason)))
    parsed.left = left.result()
    report_checks(parsed, "start + duration = end", checked, faults)
    both = sheet.has("decimal") and sheet.columns["decimal"] != sheet.columns["duration"]
    report_checks(parsed, "hours = decimal hours", len(parsed.time_entries) if both else 0, roundings)
    return parsed


def seconds_of(sheet: Sheet, row: Row, role: str) -> Decimal:
    """A duration in seconds, from 1:30:00, 1:30, 1h 30m, or 1.5 hours. Raises Unusable for anything else."""
    index = sheet.columns[role]
    cell: object = row.cells[index]  # a spreadsheet may hold a duration as such
    text = row.text(index)
    if isinstance(cell, timedelta):
        return Decimal(cell.days * _DAY + cell.seconds)
    clock = _CLOCK.fullmatch(text)
    if clock is not None:
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        if minutes > 59 or seconds > 59:
            raise Unusable(f"the duration '{text}' cannot be read")
        return Decimal(hours * 3600 + minutes * 60 + seconds)
    units = _UNITS.fullmatch(text)
    if units is not None and any(units.groups()):
        hours, minutes, seconds = (int(part or 0) for part in units.groups())
        return Decimal(hours * 3600 + minutes * 60 + seconds)
    number = sheet.needed(row, role)
    if number < 0:
        raise Unusable(f"the duration '{text}' is negative")
    return number * 3600


def _compare(sheet: Sheet, row: Row, seconds: Decimal, faults: list[str]) -> int:
    """1 where start and end are written with the row and were compared with its duration."""
    start, end = (_of_day(sheet.text(row, role)) for role in ("start", "end"))
    since, until = sheet.day(row, "date"), _end_day(sheet, row)
    if start is None or end is None or since is None or until is None:
        return 0
    between = (until - since).days * _DAY + end - start
    # Clock times may lack seconds, and a night in which clocks change has an hour more or less.
    if abs(between - seconds) >= 60 and abs(abs(between - seconds) - 3600) >= 60:
        faults.append(
            f"row {row.number} runs {between} seconds by its clock times and {seconds} by its duration"
        )
    return 1


def _end_day(sheet: Sheet, row: Row) -> date | None:
    return sheet.day(row, "end_date") if sheet.has("end_date") else sheet.day(row, "date")


def _of_day(text: str) -> int | None:
    """Seconds since midnight of a clock time such as 14:05, 14:05:09 or 02:05 PM."""
    match = _TIME.fullmatch(text)
    if match is None:
        return None
    hour = int(match[1])
    if match[4]:
        hour = hour % 12 + (12 if match[4].upper() == "PM" else 0)
    return hour * 3600 + int(match[2]) * 60 + int(match[3] or 0)


def _entry(sheet: Sheet, row: Row, seconds: Decimal, format_: Format, seen: Counter[str]) -> Record:
    day = sheet.needed_day(row, "date")
    said = plain(sheet.text(row, "billable"))
    if sheet.has("billable") and said not in _YES | _NO:
        raise Unusable(f"'{sheet.text(row, 'billable')}' does not say whether the hours are billable")
    person, client, project = (sheet.text(row, role) for role in ("person", "client", "project"))
    task = " · ".join(text for role in ("task", "description") if (text := sheet.text(row, role)))
    start = sheet.text(row, "start") or f"{seconds}"
    parts = ("time", format_.value, person, client, project, task, day, start)
    key = hashlib.sha256("\x1f".join(parts).encode()).hexdigest()[:32]
    seen[key] += 1
    if seconds > _TOO_LONG:
        raise Unusable("the duration is longer than a year")
    hours = (seconds / 3600).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    return {
        "key": f"{key}-{seen[key] - 1}",
        "format": format_.value,
        "person": person,
        "client": client or None,
        "project": project or None,
        "task": task or None,
        "date": day,
        "hours": f"{hours:f}",
        "billable": said in _YES if sheet.has("billable") else None,
        "row": row.number,
    }
