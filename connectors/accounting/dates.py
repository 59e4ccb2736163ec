"""Dates as people write them: day/month or month/day is decided for the whole file from evidence."""

import re
from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from itertools import pairwise

from connectors.accounting.shapes import Refused, plain

Cell = str | int | float | bool | date | datetime | None

_NUMERIC = re.compile(r"(\d{1,4})\s?([./\-\s])\s?(\d{1,2})\s?\2\s?(\d{4}|\d{1,2})\.?(?:[T\s,].*)?")
_SOLID = re.compile(r"(\d{4})(\d{2})(\d{2})(?:[T\s]?\d{4,6}.*)?")
_DAY_MONTH = re.compile(
    r"(?:[^\W\d]+[.,]*\s+)?(\d{1,2})(?:st|nd|rd|th|\.|º)?[\s\-/.]*(?:de[l]?\s+)?([^\W\d]{3,})[\s\-/.,]*"
    r"(?:de[l]?\s+)?'?(\d{4}|\d{1,2})(?:[T\s,].*)?"
)
_MONTH_DAY = re.compile(
    r"(?:[^\W\d]+[.,]*\s+)?([^\W\d]{3,})[\s\-/.]*(\d{1,2})(?:st|nd|rd|th)?(?:,\s*|\s+)(\d{4})(?:[T\s,].*)?"
)
_MONTHS = (
    "jan january enero ene janvier januar janeiro gennaio gen januari styczen leden",
    "feb february febrero fevrier fev fevr februar fevereiro febbraio februari luty unor",
    "mar march marzo mars marz maerz marco mrz maart mrt marzec brezen",
    "apr april abril abr avril avr aprile kwiecien duben",
    "may mayo mai maggio mag mei maj maio kveten",
    "jun june junio juin juni junho giugno giu czerwiec cerven",
    "jul july julio juillet juil juli julho luglio lug lipiec cervenec",
    "aug august agosto ago aout augustus augusti sierpien srpen",
    "sep sept september septiembre set setiembre septembre setembro settembre wrzesien zari",
    "oct october octubre octobre oktober okt outubro out ottobre ott pazdziernik rijen",
    "nov november noviembre novembre novembro listopad",
    "dec december diciembre dic decembre dezember dez dezembro dicembre desember grudzien prosinec",
)
MONTHS = {name: number for number, names in enumerate(_MONTHS, start=1) for name in names.split()}


@dataclass(frozen=True, slots=True)
class Written:
    """A date as written: settled, or two numbers and a year whose order is open."""

    settled: date | None
    first: int = 0
    second: int = 0
    year: int = 0
    dotted: bool = False


def _year(number: int, digits: int) -> int:
    if digits > 2:
        return number
    return number + (2000 if number < 70 else 1900)


def _day(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def clamp(year: int, month: int, day: int) -> date | None:
    """The date, its day brought down to the month's last where a bank writes 30 February."""
    if not (1 <= month <= 12 and 1 <= day <= 31 and 1900 <= year <= 2200):
        return None
    return date(year, month, min(day, monthrange(year, month)[1]))


def take_apart(cell: Cell, order: str | None = None) -> Written | None:
    """What a cell says about a date, or None when it is none. With "ymd", 26-11-05 starts with the year."""
    if isinstance(cell, datetime):
        return Written(cell.date())
    if isinstance(cell, date):
        return Written(cell)
    return _read(cell.strip(), order) if isinstance(cell, str) else None


@lru_cache(maxsize=50_000)
def _read(text: str, order: str | None) -> Written | None:
    if not text or not (text[0].isdigit() or text[0].isalpha()) or len(text) > 60:
        return None
    match = _NUMERIC.fullmatch(text)
    if match:
        first, mark, second, last = match.groups()
        if len(first) == 4:
            day = _day(int(first), int(second), int(last)) if len(last) <= 2 else None
            return Written(day) if day else None
        if len(first) == 3:
            return None
        if order == "ymd" and len(last) <= 2:
            day = _day(_year(int(first), 2), int(second), int(last))
            return Written(day) if day else None
        return _open(int(first), int(second), _year(int(last), len(last)), dotted=mark == ".")
    match = _SOLID.fullmatch(text)
    if match and 1970 <= int(match[1]) <= 2100:
        day = _day(int(match[1]), int(match[2]), int(match[3]))
        return Written(day) if day else None
    if len(text) == 8 and text.isdecimal() and 1970 <= int(text[4:]) <= 2100:
        return _open(int(text[:2]), int(text[2:4]), int(text[4:]), dotted=False)
    return _named(text)


def _open(first: int, second: int, year: int, *, dotted: bool) -> Written | None:
    if not (1 <= first <= 31 and 1 <= second <= 31) or (first > 12 and second > 12):
        return None
    return Written(None, first, second, year, dotted)


def _named(text: str) -> Written | None:
    match = _DAY_MONTH.fullmatch(text)
    if match and (month := MONTHS.get(plain(match[2]))):
        day = _day(_year(int(match[3]), len(match[3])), month, int(match[1]))
        return Written(day) if day else None
    match = _MONTH_DAY.fullmatch(text)
    if match and (month := MONTHS.get(plain(match[1]))):
        day = _day(int(match[3]), month, int(match[2]))
        return Written(day) if day else None
    return None


def settle(written: Written, order: str) -> date | None:
    """The date under this order ("dmy" or "mdy"), or None where there is no such day."""
    if written.settled:
        return written.settled
    if order == "mdy":
        return _day(written.year, written.first, written.second)
    return _day(written.year, written.second, written.first)


def stated_period(lines: Iterable[str]) -> tuple[date, date] | None:
    """The first and last day named with months in words in a file's title rows, or None.

    "January 1 - March 31, 2026", "1 Enero - 31 Marzo 2026" and "January - March, 2026" are all understood.
    """
    for line in lines:
        words = [word for word in re.findall(r"[^\W\d_]+|\d+", line) if word.casefold() not in {"de", "del"}]
        places = [i for i, word in enumerate(words) if plain(word) in MONTHS]
        years = [int(word) for word in words if _is_year(word)]
        if not places or not years:
            continue
        day_first = places[0] > 0 and _is_day(words[places[0] - 1])
        found: list[date] = []
        for number, place in enumerate(places):
            month = MONTHS[plain(words[place])]
            beside = place - 1 if day_first else place + 1
            last = number == len(places) - 1
            known = words[beside] if 0 <= beside < len(words) and _is_day(words[beside]) else None
            year = next((int(w) for w in words[place:] if _is_year(w)), years[-1])
            day = clamp(year, month, int(known) if known else (31 if last else 1))
            if day:
                found.append(day)
                if not known and len(places) == 1:
                    found.append(day.replace(day=1))
        if len(found) >= 2:
            return min(found), max(found)
    return None


def _is_day(word: str) -> bool:
    return word.isdecimal() and len(word) <= 2 and 1 <= int(word) <= 31


def _is_year(word: str) -> bool:
    return re.fullmatch(r"(?:19|20)\d\d", word) is not None


def decide_order(
    written: Sequence[Written],
    chosen: str | None,
    period: tuple[date, date] | None = None,
    habit: str | None = None,
    beside: Sequence[Written] = (),
) -> str:
    """The order, "dmy" or "mdy": a person's choice, else a number over 12, the stated period, the rows'
    sorting, habit.

    `beside` are the dates of another column, written the same way; `habit` is the order usual in the language
    of the headers. Raises Refused with the question to ask.
    """
    if chosen in {"dmy", "mdy"}:
        return chosen
    doubtful = [w for w in written if w.settled is None]
    day_first = sum(1 for w in doubtful if w.first > 12)
    month_first = sum(1 for w in doubtful if w.second > 12)
    if day_first and month_first:
        if min(day_first, month_first) * 5 > max(day_first, month_first):
            raise Refused(
                f"{day_first} dates can only be day/month and {month_first} only month/day; "
                "say which is right with --date-order dmy or --date-order mdy"
            )
        return "dmy" if day_first > month_first else "mdy"
    if day_first or month_first:
        return "dmy" if day_first else "mdy"
    proof = {
        "dmy" if w.first > 12 else "mdy" for w in beside if w.settled is None and max(w.first, w.second) > 12
    }
    if len(proof) == 1:
        return proof.pop()
    open_ = [w for w in doubtful if w.first != w.second]
    if not open_:
        return "dmy"
    if any(w.dotted for w in open_):
        return "dmy"  # nobody writes month.day.year
    if period:
        fits = [order for order in ("dmy", "mdy") if all(_inside(w, order, period) for w in open_)]
        if len(fits) == 1:
            return fits[0]
    ordered = [order for order in ("dmy", "mdy") if _in_order(doubtful, order)]
    if len(ordered) == 1 and len({(w.first, w.second, w.year) for w in doubtful}) >= 3:
        return ordered[0]
    if habit:
        return habit
    sample = open_[0]
    raise Refused(
        f"The date {sample.first:02d}/{sample.second:02d}/{sample.year} may be day/month or month/day, and "
        "nothing in the file decides it; say which with --date-order dmy or --date-order mdy"
    )


def _inside(written: Written, order: str, period: tuple[date, date]) -> bool:
    day = settle(written, order)
    return day is not None and period[0] <= day <= period[1]


def _in_order(written: Sequence[Written], order: str) -> bool:
    days = [settle(w, order) for w in written]
    known = [d for d in days if d]
    return all(a <= b for a, b in pairwise(known)) or all(a >= b for a, b in pairwise(known))
