"""Charts as SVG for the page (its colours are the page's CSS variables) and as PNG for mail.

Every chart is laid out once per language, at about the width of a phone, so that nothing is ever scaled down
to unreadable. Axis texts come from Babel through `Format`, never from the chart library.
"""

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from html import escape
from typing import Any

import altair as alt
import vl_convert

WIDTH, HEIGHT = 360, 208
VALIDATED = False
VEGA_LITE = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
SANS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Liberation Sans', Arial, sans-serif"

# Stand-ins that no design would choose, replaced by CSS variables (page) or real colours (mail) afterwards.
COLOURS = {
    "#010203": ("--ink", "#1c2126"),
    "#020304": ("--muted", "#5c666f"),
    "#030405": ("--grid", "#e3e1da"),
    "#040506": ("--c1", "#175e7a"),
    "#050607": ("--c2", "#a84d22"),
    "#060708": ("--c3", "#6d5a9c"),
    "#070809": ("--target", "#7a6a2c"),
    "#08090a": ("--page", "#ffffff"),
}
INK, MUTED, GRID, C1, C2, C3, TARGET, PAGE = COLOURS


@dataclass(frozen=True, slots=True)
class Point:
    """One period of a series; value None = not evaluated (a gap, never a zero)."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """A line or a set of bars, with a name for the legend and the table."""

    name: str
    points: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Chart:
    """A finished chart: inline SVG, the numbers behind it as a table, and what it shows in a sentence."""

    key: str
    title: str
    takeaway: str
    svg: str
    header: tuple[str, ...]
    table: tuple[tuple[str, ...], ...]

    def png(self, scale: float = 3.0) -> bytes:
        """The chart as PNG in light colours on white, for readers that show no SVG."""
        svg = self.svg
        for variable, colour in COLOURS.values():
            svg = svg.replace(f"var({variable})", colour)
        svg = re.sub(r"<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', svg, count=1)
        background = f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'
        svg = re.sub(r"(<svg [^>]*>)", r"\1" + background, svg, count=1)
        png: bytes = vl_convert.svg_to_png(svg, scale=scale)
        return png


@dataclass(frozen=True, slots=True)
class About:
    """What a chart is called and shows, and how its values are spelled: in full, and shortly on the axis."""

    key: str
    title: str
    takeaway: str
    write: Callable[[float], str]
    write_axis: Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Axis:
    """Periods along x: the label of each and which of them to print."""

    labels: Sequence[str]
    full: Sequence[str]  # for the table

    @property
    def printed(self) -> list[int]:
        """Indices of the labels that fit, the last always among them."""
        step = max(1, math.ceil(len(self.labels) / 7))
        return list(range(len(self.labels) - 1, -1, -step))[::-1]


def line_chart(
    about: About,
    axis: Axis,
    series: Sequence[Series],
    *,
    target: tuple[float, str] | None = None,
    from_zero: bool = False,
    at_most: float | None = None,
) -> Chart:
    """Lines over periods; the first series carries its interval as a band, its end carries the value.

    `target` is (value, label) and drawn dashed; `at_most` is a value no tick may pass (1 for shares).
    """
    seen = [p.value for s in series for p in s.points if p.value is not None]
    # Wide intervals of the first few cases may leave the frame; the recent ones may not.
    recent = series[0].points[len(series[0].points) // 2 :]
    seen += [v for p in recent for v in (p.low, p.high) if v is not None]
    seen += [target[0]] if target else []
    ticks = nice_ticks(min(seen, default=0.0), max(seen, default=1.0), from_zero=from_zero, at_most=at_most)
    plane = Plane.of(axis, ticks, about.write_axis)
    layers: list[Any] = []
    first = _rows(axis, series[0])
    for band in _stretches([row for row in first if "low" in row]):
        area = alt.Chart(_data(band)).mark_area(color=C1, opacity=0.16, line=False)
        layers.append(area.encode(x=plane.x, y=plane.y("low"), y2="high:Q"))
    if from_zero and len(series) == 1 and not any("low" in row for row in first):
        for stretch in _stretches([row for row in first if "value" in row]):
            area = alt.Chart(_data(stretch)).mark_area(color=C1, opacity=0.12, line=False)
            layers.append(area.encode(x=plane.x, y=plane.y("value")))
    if target:
        layers.append(_target_rule(target[0], plane))
    ends = [next((p.value for p in reversed(s.points) if p.value is not None), 0.0) for s in series]
    for item, colour, end in zip(series, (C1, C2, C3), ends, strict=False):
        # Its own value is written away from whatever else ends near it.
        others = [*(e for e in ends if e != end), *([target[0]] if target else [])]
        near = min(others, key=lambda other: abs(other - end), default=end - 1)
        layers += _line(item, colour, axis, plane, about.write, above=near <= end, named=len(series) > 1)
    if target:
        layers += _target_label(target, series, plane)
    return _finish(about, layers, axis, series)


def bar_chart(about: About, axis: Axis, series: Sequence[Series]) -> Chart:
    """Stacked bars over periods; negative values hang below zero. A legend in words stands above them."""
    ups = [sum(max(s.points[i].value or 0, 0) for s in series) for i in range(len(axis.labels))]
    downs = [sum(min(s.points[i].value or 0, 0) for s in series) for i in range(len(axis.labels))]
    ticks = nice_ticks(min([*downs, 0]), max([*ups, 1]), from_zero=not any(d < 0 for d in downs))
    plane = Plane.of(axis, ticks, about.write_axis)
    rows = [
        {"i": i, "value": p.value, "series": s.name, "order": k}
        for k, s in enumerate(series)
        for i, p in enumerate(s.points)
        if p.value is not None
    ]
    size = max(4, min(20, int(0.66 * 290 / max(1, len(axis.labels)))))
    bars = (
        alt.Chart(_data(rows))
        .mark_bar(size=size)
        .encode(
            x=plane.x,
            y=plane.y("value", stack="zero"),
            color=alt.Color(
                "series:N",
                scale=alt.Scale(domain=[s.name for s in series], range=[C1, C2, C3][: len(series)]),
                legend=alt.Legend(
                    orient="top", title=None, symbolType="square", labelColor=INK, labelFontSize=11, offset=10
                ),
            ),
            order="order:Q",
        )
    )
    zero = alt.Chart(_data([{"y": 0}])).mark_rule(color=MUTED, strokeWidth=1).encode(y=plane.y("y"))
    return _finish(about, [bars, zero], axis, series)


def sparkline(values: Sequence[float | None], width: int = 96, height: int = 26) -> str:
    """A word-sized line of the last values as inline SVG; empty without two of them. Decoration only."""
    known = [(i, v) for i, v in enumerate(values) if v is not None]
    if len(known) < 2:
        return ""
    low, high = min(v for _, v in known), max(v for _, v in known)
    span = high - low or 1.0
    step = (width - 8) / (len(values) - 1)
    spots = [(4 + i * step, 4 + (height - 8) * (1 - (v - low) / span)) for i, v in known]
    parts, previous = [], None
    for (index, _), (x, y) in zip(known, spots, strict=True):
        parts.append(f"{'L' if previous is not None and index == previous + 1 else 'M'}{x:.1f} {y:.1f}")
        previous = index
    x, y = spots[-1]
    return (
        f'<svg class="spark" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'aria-hidden="true">'
        f'<path d="{" ".join(parts)}" fill="none" stroke="currentColor" stroke-width="1.5" '
        f'stroke-linejoin="round" stroke-linecap="round"/><circle cx="{x:.1f}" cy="{y:.1f}" r="2.6" '
        f'fill="currentColor"/></svg>'
    )


def nice_ticks(
    low: float, high: float, *, from_zero: bool = False, at_most: float | None = None, count: int = 4
) -> list[float]:
    """Round values from below `low` to above `high`, at most about `count` + 2 of them."""
    if from_zero:
        low = min(low, 0.0)
    size = max(abs(low), abs(high), 1e-6)
    if high - low < 1e-9 * size:
        high = low + 0.1 * size
    raw = (high - low) / count
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(m * magnitude for m in (1, 2, 2.5, 5, 10) if m * magnitude >= raw * 0.999)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    exact = Decimal(repr(step))
    ticks = [float(exact * i) for i in range(first, last + 1)]
    return [t for t in ticks if at_most is None or t <= at_most + 1e-12]


@cache
def _theme() -> dict[str, Any]:
    return {
        "background": None,
        "font": SANS,
        "view": {"stroke": None},
        "axis": {"labelFontSize": 11, "labelColor": MUTED, "title": None, "ticks": False, "domain": False},
        "axisY": {"gridColor": GRID, "labelPadding": 6},
        "axisX": {"grid": False, "labelPadding": 7},
        "text": {"fontSize": 11},
    }


@dataclass(frozen=True, slots=True)
class Plane:
    """The two axes that all layers of a chart share."""

    x: Any
    ticks: list[float]
    scale: Any
    axis: Any

    @classmethod
    def of(cls, axis: Axis, ticks: list[float], write_axis: Callable[[float], str]) -> "Plane":
        """Axes with every text already written in the reader's language."""
        names = " : ".join(f"datum.value === {i} ? {json.dumps(axis.labels[i])}" for i in axis.printed)
        marks = " : ".join(f"datum.value === {json.dumps(t)} ? {json.dumps(write_axis(t))}" for t in ticks)
        x = alt.X(
            "i:Q",
            scale=alt.Scale(domain=[-0.5, max(1, len(axis.labels) - 1) + 0.5], nice=False, zero=False),
            axis=alt.Axis(
                values=axis.printed, labelExpr=f"{names} : ''", labelFlush=False, labelOverlap=False
            ),
        )
        return cls(
            x=x,
            ticks=ticks,
            scale=alt.Scale(domain=[ticks[0], ticks[-1]], nice=False, zero=False, clamp=True),
            axis=alt.Axis(values=ticks, labelExpr=f"{marks} : ''"),
        )

    def y(self, name: str, **more: object) -> Any:
        """The vertical channel reading field `name`."""
        return alt.Y(f"{name}:Q", scale=self.scale, axis=self.axis, **more)


def _data(rows: Sequence[Mapping[str, Any]]) -> Any:
    return alt.Data(values=list(rows))


def _rows(axis: Axis, series: Series) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for i, point in enumerate(series.points[: len(axis.labels)]):
        row: dict[str, Any] = {"i": i}
        if point.value is not None:
            row["value"] = point.value
        if point.low is not None and point.high is not None:
            row |= {"low": point.low, "high": point.high}
        rows.append(row)
    return rows


def _stretches(rows: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Rows cut where a period is missing, so that nothing is drawn across a gap."""
    found: list[list[dict[str, Any]]] = []
    for row in rows:
        if found and found[-1][-1]["i"] == row["i"] - 1:
            found[-1].append(row)
        else:
            found.append([row])
    return found


def _line(
    series: Series,
    colour: str,
    axis: Axis,
    plane: Plane,
    write: Callable[[float], str],
    *,
    above: bool,
    named: bool,
) -> list[Any]:
    """The line in unbroken stretches, and its last value written at its end."""
    stretches = _stretches([row for row in _rows(axis, series) if "value" in row])
    if not stretches:
        return []
    end = stretches[-1][-1]
    label = f"{series.name} {write(end['value'])}" if named else write(end["value"])
    right = end["i"] >= len(axis.labels) * 0.5
    line = alt.Chart(_data([{**row, "stretch": k} for k, rows in enumerate(stretches) for row in rows]))
    dots = alt.Chart(_data([rows[0] for rows in stretches if len(rows) == 1] + [end]))
    tip = alt.Chart(_data([{**end, "label": label}]))
    place = {"align": "right" if right else "left", "dy": -11 if above else 15, "dx": 5 if right else 0}
    return [
        line.mark_line(color=colour, strokeWidth=2, strokeJoin="round", strokeCap="round").encode(
            x=plane.x, y=plane.y("value"), detail="stretch:N"
        ),
        dots.mark_point(color=colour, filled=True, opacity=1, size=34).encode(x=plane.x, y=plane.y("value")),
        *_halo(tip, plane, "value", {**place, "color": colour, "fontWeight": "bold"}),
    ]


def _halo(text: Any, plane: Plane, field: str, style: dict[str, Any]) -> list[Any]:
    """A label that stays readable across lines: once thick in the page's colour, then as itself."""
    outline = {k: v for k, v in style.items() if k != "color"} | {
        "stroke": PAGE,
        "color": PAGE,
        "strokeWidth": 4,
    }
    return [
        text.mark_text(**look).encode(x=plane.x, y=plane.y(field), text="label:N")
        for look in (outline, style)
    ]


def _target_rule(value: float, plane: Plane) -> Any:
    rule = alt.Chart(_data([{"y": value}])).mark_rule(color=TARGET, strokeDash=[5, 4], strokeWidth=1.3)
    return rule.encode(y=plane.y("y"))


def _target_label(target: tuple[float, str], series: Sequence[Series], plane: Plane) -> list[Any]:
    """Its name at the left, on the side of the line where the series begin least."""
    value, label = target
    begin = [p.value for s in series for p in s.points[: max(1, len(s.points) // 3)] if p.value is not None]
    below = sum(v > value for v in begin) > sum(v <= value for v in begin)
    if (value - plane.ticks[0]) / (plane.ticks[-1] - plane.ticks[0]) < 0.08:
        below = False
    text = alt.Chart(_data([{"y": value, "i": -0.5, "label": label}]))
    return _halo(text, plane, "y", {"align": "left", "dx": 3, "dy": 10 if below else -8, "color": TARGET})


def _finish(about: About, layers: Sequence[Any], axis: Axis, series: Sequence[Series]) -> Chart:
    chart = alt.layer(*layers).properties(
        width=WIDTH,
        height=HEIGHT,
        autosize=alt.AutoSizeParams(type="fit", contains="padding"),
        padding={"left": 2, "right": 10, "top": 12, "bottom": 2},
    )
    # Altair checks every part against its schema otherwise, which takes as long as drawing; a test does that.
    spec = chart.to_dict(validate=VALIDATED) | {"config": _theme()}
    svg: str = vl_convert.vegalite_to_svg(spec, vl_version=VEGA_LITE)
    header = ("", *(s.name for s in series))
    newest_first = reversed(list(enumerate(axis.full)))
    table = tuple((name, *(_cell(s.points[i], about.write) for s in series)) for i, name in newest_first)
    return Chart(about.key, about.title, about.takeaway, _for_page(svg, about), header, table)


def _cell(point: Point, write: Callable[[float], str]) -> str:
    if point.value is None:
        return "–"
    text = write(point.value)
    if point.low is not None and point.high is not None:
        text += f" ({write(point.low)} – {write(point.high)})"
    return text


def _for_page(svg: str, about: About) -> str:
    """The SVG made to live inside HTML: named for screen readers, coloured by CSS variables."""
    for stand_in, (variable, _) in COLOURS.items():
        svg = svg.replace(stand_in, f"var({variable})")
    box = re.search(r'viewBox="([^"]+)"', svg)
    head = (
        f'<svg viewBox="{box[1] if box else f"0 0 {WIDTH} {HEIGHT}"}" class="chart" role="img" '
        f'aria-labelledby="{about.key}-t {about.key}-d">'
        f'<title id="{about.key}-t">{escape(about.title)}</title>'
        f'<desc id="{about.key}-d">{escape(about.takeaway)}</desc>'
    )
    body = re.sub(r"^<svg [^>]*>", "", svg)
    # The library's own roles name every mark; one image with one description reads better.
    body = re.sub(r' (?:role|aria-[a-z]+)="[^"]*"', "", body)
    body = re.sub(r' pointer-events="none"', "", body)
    return head + body
