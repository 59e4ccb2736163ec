import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports import charts
from reports.charts import COLOURS, About, Axis, Point, Series, bar_chart, line_chart, nice_ticks, sparkline
from reports.weekly import Html

ABOUT = About("sla", "SLA & <co>", "Up & away", lambda v: f"{v:.1%}", lambda v: f"{v:.0%}")
WEEKS = Axis([f"W{i}" for i in range(12)], [f"Week {i}" for i in range(12)])


def line(points: list[Point]) -> charts.Chart:
    return line_chart(ABOUT, WEEKS, [Series("SLA", points)], target=(0.98, "target > 98%"), at_most=1.0)


def svg(chart: charts.Chart) -> ET.Element:
    return ET.fromstring(chart.svg.replace("<svg ", '<svg xmlns:xlink="http://www.w3.org/1999/xlink" ', 1))  # noqa: S314


def test_every_chart_satisfies_the_schema_of_vega_lite(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charts, "VALIDATED", True)
    assert line([Point(0.9, 0.85, 0.95)] * 12).svg
    assert bar_chart(ABOUT, WEEKS, [Series("a", [Point(3.0)] * 12), Series("b", [Point(-1.0)] * 12)]).svg


def test_a_chart_says_what_it_shows_and_is_coloured_by_the_page() -> None:
    chart = line([Point(0.9 + i / 200) for i in range(12)])
    root = svg(chart)
    assert root.get("role") == "img"
    texts = {element.get("id"): element.text for element in root if element.get("id")}
    assert texts == {"sla-t": "SLA & <co>", "sla-d": "Up & away"}
    assert root.get("aria-labelledby") == "sla-t sla-d"
    assert [stand_in for stand_in in COLOURS if stand_in in chart.svg] == []
    assert set(re.findall(r'(?:fill|stroke)="(#[^"]+)"', chart.svg)) == set()


def test_a_period_without_a_value_is_a_gap_and_not_a_zero() -> None:
    whole = line([Point(0.9)] * 12)
    broken = line([Point(0.9)] * 5 + [Point(None)] + [Point(0.9)] * 6)
    strokes = [
        len(re.findall(r'<path d="M[^"]+" stroke="var\(--c1\)" stroke-width="2"', c.svg))
        for c in (whole, broken)
    ]
    assert strokes == [1, 2]
    assert broken.table[6] == ("Week 5", "–")


def test_the_table_behind_a_chart_has_every_value_newest_first() -> None:
    chart = line([Point(i / 20, i / 40, i / 10) for i in range(12)])
    assert chart.table[0] == ("Week 11", "55.0% (27.5% – 110.0%)")
    assert len(chart.table) == 12


def test_the_last_label_of_an_axis_is_always_printed() -> None:
    for count in range(1, 60):
        axis = Axis([""] * count, [""] * count)
        assert axis.printed[-1] == count - 1
        assert len(axis.printed) <= 7


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.booleans())
def test_ticks_are_round_rising_and_hold_the_values(a: float, b: float, zero: bool) -> None:
    low, high = min(a, b), max(a, b)
    ticks = nice_ticks(low, high, from_zero=zero)
    assert 2 <= len(ticks) <= 8
    assert ticks == sorted(set(ticks))
    slack = (ticks[1] - ticks[0]) * 1e-6
    assert ticks[0] <= low + slack
    assert ticks[-1] >= high - slack


def test_a_share_has_no_tick_above_one_hundred_per_cent() -> None:
    assert nice_ticks(0.91, 1.0, at_most=1.0)[-1] == 1.0


def test_a_sparkline_needs_two_values_and_breaks_at_gaps() -> None:
    assert sparkline([None, 1.0]) == ""
    assert sparkline([1.0, 2.0, None, 3.0, 4.0]).count("M") == 2


def test_a_chart_becomes_a_png_of_real_colours(pages: dict[str, Html]) -> None:
    for chart in pages["en"].edition.charts:
        png = chart.png(scale=1.0)
        assert png.startswith(b"\x89PNG\r\n\x1a\n")
        assert len(png) > 3000
