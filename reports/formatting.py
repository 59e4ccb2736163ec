"""Numbers, money, dates and sentences as a reader of one language expects them. Rounds for the eye only."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, get_month_names
from babel.lists import format_list
from babel.numbers import format_currency, format_decimal, format_percent

from reports.errors import WordingError

Number = float | int | Decimal

MINUS = "\N{MINUS SIGN}"
LOCALES = {"es": "es_ES", "en": "en_GB"}

_WEEK = re.compile(r"(\d{4})-W(\d{2})")
_MONTH = re.compile(r"(\d{4})-(\d{2})")
_QUARTER = re.compile(r"(\d{4})-Q([1-4])")


@dataclass(frozen=True, slots=True)
class Wording:
    """The catalogue of one language: `text("report.title", week=46)`."""

    language: str
    texts: Mapping[str, str]

    def text(self, key: str, **values: object) -> str:
        """The text of `key` with its {fields} filled in.

        Raises WordingError naming the key when it is missing or a field has no value.
        """
        try:
            return self.texts[key].format(**values)
        except KeyError as missing:
            what = "is missing" if key not in self.texts else f"asks for {missing}, which nobody gives"
            raise WordingError(
                f"playbook/wording/{self.language}.yaml: text '{key}' {what}; add or correct it there."
            ) from None

    def has(self, key: str) -> bool:
        """True when the catalogue holds `key`."""
        return key in self.texts

    def count(self, key: str, count: int, **values: object) -> str:
        """The singular (`key.one`) or plural (`key.other`) text for `count`, given to it as {count}.

        Spanish and English share the rule: one only for 1.
        """
        form = "one" if count == 1 else "other"
        shown = format_decimal(count, locale=LOCALES[self.language])
        return self.text(f"{key}.{form}", count=shown, **values)


@dataclass(frozen=True, slots=True)
class Format:
    """How one language writes values; `currency` is the home currency, `zone` the business zone."""

    wording: Wording
    currency: str = "EUR"
    zone: str = "Europe/Madrid"

    @property
    def language(self) -> str:
        """`es` or `en`."""
        return self.wording.language

    @property
    def locale(self) -> str:
        """Babel's name of the language."""
        return LOCALES[self.language]

    def number(self, value: Number, digits: int = 0, *, sign: bool = False) -> str:
        """A plain number, grouped, with at most `digits` decimals (half away from zero)."""
        shown = rounded(value, digits)
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        text = format_decimal(abs(shown), format=pattern, locale=self.locale)
        return _signed(shown, text, sign=sign)

    def money(
        self, value: Number, currency: str | None = None, *, sign: bool = False, cents: bool | None = None
    ) -> str:
        """Money with its currency; cents only below 100, unless `cents` says so."""
        with_cents = abs(Decimal(str(value))) < 100 and value != 0 if cents is None else cents
        shown = rounded(value, 2 if with_cents else 0)
        pattern = "¤#,##0" if self.language == "en" else "#,##0\N{NO-BREAK SPACE}¤"
        if with_cents:
            pattern = pattern.replace("#,##0", "#,##0.00")
        text = format_currency(
            abs(shown), currency or self.currency, format=pattern, locale=self.locale, currency_digits=False
        )
        return _signed(shown, text, sign=sign)

    def share(self, value: Number, digits: int = 1, *, sign: bool = False) -> str:
        """A share of 0-1 as a percentage."""
        shown = rounded(Decimal(str(value)) * 100, digits) / 100
        pattern = "#,##0" + ("." + "0" * digits if digits else "")
        pattern += "%" if self.language == "en" else "\N{NO-BREAK SPACE}%"
        text = format_percent(abs(shown), format=pattern, locale=self.locale)
        return _signed(shown, text, sign=sign)

    def points(self, value: Number, digits: int = 1, *, sign: bool = True) -> str:
        """A difference of two shares (0-1) in percentage points."""
        return self.wording.text(
            "unit.percentage_points", value=self.number(Decimal(str(value)) * 100, digits, sign=sign)
        )

    def amount(
        self,
        value: Number,
        unit: str,
        *,
        currency: str | None = None,
        kpi: str = "",
        sign: bool = False,
        rough: bool = False,
    ) -> str:
        """`value` with its unit as kpi.value names it: money, share, hours, minutes, ratio, points or count.

        A `kpi` with a unit of its own in the catalogue (`unit.kpi.<id>`) takes that; `rough` drops needless
        decimals, for axes and targets. Raises WordingError for a unit without a text, so that none is shown
        without one.
        """
        exact, unit = readable(value, unit)
        if unit == "money":
            return self.money(exact, currency, sign=sign, cents=False if rough else None)
        if unit == "share":
            return self.share(exact, 0 if rough and exact * 100 % 1 == 0 else 1, sign=sign)
        if unit == "count":
            return self._counted(exact, f"unit.kpi.{kpi}", sign=sign)
        digits = 0 if unit == "points" or (rough and exact % 1 == 0) or abs(exact) >= 100 else 1
        own = f"unit.kpi.{kpi}"
        key = own if self.wording.has(own) else f"unit.{unit}"
        return self.wording.text(key, value=self.number(exact, digits, sign=sign))

    def _counted(self, value: Decimal, own: str, *, sign: bool) -> str:
        shown = int(rounded(value, 0))
        key = own if self.wording.has(f"{own}.other") else "unit.count"
        form = "one" if abs(shown) == 1 else "other"
        return self.wording.text(f"{key}.{form}", value=self.number(shown, sign=sign))

    def local(self, instant: datetime) -> datetime:
        """The instant in the business zone."""
        return instant.astimezone(ZoneInfo(self.zone))

    def day(self, when: date | datetime, *, year: bool = True) -> str:
        """A day as `9 November 2026`, instants by the business zone."""
        local = self.local(when).date() if isinstance(when, datetime) else when
        pattern = {"en": "d MMMM", "es": "d 'de' MMMM"}[self.language]
        if year:
            pattern += {"en": " y", "es": " 'de' y"}[self.language]
        return str(format_date(local, pattern, locale=self.locale))

    def short_day(self, when: date | datetime) -> str:
        """A day as `9 Nov`."""
        local = self.local(when).date() if isinstance(when, datetime) else when
        return str(format_date(local, "d MMM", locale=self.locale))

    def moment(self, instant: datetime) -> str:
        """An instant in the business zone, with its zone's name."""
        local = self.local(instant)
        pattern = {"en": "d MMMM y, HH:mm", "es": "d 'de' MMMM 'de' y, HH:mm"}[self.language]
        place = self.zone.rpartition("/")[2].replace("_", " ")
        return f"{format_datetime(local, pattern, locale=self.locale)} ({place})"

    def days_between(self, days: tuple[date, date]) -> str:
        """Two days as one range, `9–15 November 2026`."""
        first, last = days
        if (first.year, first.month) == (last.year, last.month):
            return f"{first.day}–{self.day(last)}"
        return f"{self.day(first, year=first.year != last.year)} – {self.day(last)}"

    def period(self, period: str, *, inside: bool = False) -> str:
        """`2026-W46` as `week 46`, `2026-10` as `October 2026`, `2026-Q3` as `quarter 3 of 2026`.

        `inside` a sentence, Spanish weeks take their article.
        """
        if match := _WEEK.fullmatch(period):
            return self.wording.text("period.week.inside" if inside else "period.week", week=int(match[2]))
        if match := _MONTH.fullmatch(period):
            name = get_month_names("wide", context="stand-alone", locale=self.locale)[int(match[2])]
            return self.wording.text("period.month", month=name, year=match[1])
        if match := _QUARTER.fullmatch(period):
            return self.wording.text("period.quarter", quarter=match[2], year=match[1])
        return period

    def short_period(self, period: str) -> str:
        """The label of a period on an axis: `W46`, `Oct`."""
        if match := _WEEK.fullmatch(period):
            return self.wording.text("period.week.short", week=int(match[2]))
        if match := _MONTH.fullmatch(period):
            name: str = get_month_names("abbreviated", context="stand-alone", locale=self.locale)[
                int(match[2])
            ]
            return name
        if match := _QUARTER.fullmatch(period):
            return self.wording.text("period.quarter.short", quarter=match[2])
        return period

    def duration(self, span: timedelta) -> str:
        """How long something has lasted, in its largest fitting unit."""
        days = span.days
        if days >= 60:
            return self.wording.count("duration.months", days // 30)
        if days >= 14:
            return self.wording.count("duration.weeks", days // 7)
        if days >= 1:
            return self.wording.count("duration.days", days)
        return self.wording.count("duration.hours", max(1, int(span.total_seconds() // 3600)))

    def listed(self, items: list[str]) -> str:
        """`a, b and c`."""
        text: str = format_list(items, locale=self.locale)
        return text


def week_days(week: str) -> tuple[date, date]:
    """Monday and Sunday of an ISO week such as `2026-W46`.

    Raises ValueError naming the text when it is no such week.
    """
    match = _WEEK.fullmatch(week)
    if match is None:
        raise ValueError(f"'{week}' is not an ISO week; write it like 2026-W46.")
    monday = date.fromisocalendar(int(match[1]), int(match[2]), 1)
    return monday, monday + timedelta(days=6)


def week_bounds(week: str, zone: str) -> tuple[datetime, datetime]:
    """First instant of the week and of the next one, in UTC; the days are cut at midnight in `zone`."""
    monday, sunday = week_days(week)
    place = ZoneInfo(zone)
    start, end = (
        datetime(d.year, d.month, d.day, tzinfo=place) for d in (monday, sunday + timedelta(days=1))
    )
    return start.astimezone(UTC), end.astimezone(UTC)


def readable(value: Number, unit: str) -> tuple[Decimal, str]:
    """The value in the unit that people would say it in: from two hours on, minutes become hours."""
    exact = Decimal(str(value))
    return (exact / 60, "hours") if unit == "minutes" and abs(exact) >= 120 else (exact, unit)


def rounded(value: Number, digits: int) -> Decimal:
    """`value` to `digits` decimals, half away from zero, as it is printed."""
    quantum = Decimal(1).scaleb(-digits)
    return Decimal(str(value)).quantize(quantum, rounding=ROUND_HALF_UP)


def _signed(shown: Decimal, text: str, *, sign: bool) -> str:
    """Babel's own hyphen is too short beside figures, and a rounded zero has no sign."""
    if shown < 0:
        return MINUS + text
    return "+" + text if sign and shown > 0 else text
