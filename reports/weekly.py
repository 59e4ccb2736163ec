"""The manager's weekly report: one self-contained HTML file, pure over build, ledger and playbook."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from playbook.loader import Playbook
from reports import figures as fig
from reports.activity import (
    COLUMNS,
    Activity,
    AlertView,
    OpenAlert,
    alert_views,
    held_reason,
    read_activity,
    read_alerts,
    step_name,
)
from reports.attention import TOP, ClientView, Troubled, client_view, read_attention
from reports.charts import Chart
from reports.errors import ReportError
from reports.explain import (
    Bridge,
    CostChange,
    Departure,
    Revenues,
    by_segment,
    cost_changes,
    departures,
    missed_clocks,
    mrr_bridge,
)
from reports.figures import Build, Figure, KpiTable
from reports.formatting import Format, Wording, week_bounds, week_days
from reports.money import Money, read_money
from reports.money_block import Block
from reports.money_words import answers, blocks
from reports.stories import (
    LeaverStory,
    MarginStory,
    RevenueStory,
    Service,
    ServiceStory,
    leaver_story,
    margin_story,
    revenue_story,
    service_story,
)
from reports.trends import weekly_charts
from reports.trust import Trust, TrustView, read_trust, source_name, trust_view
from reports.view import FigureView, change_text, figure_view, spelled, tally
from warehouse.ledger import Ledger

HERE = Path(__file__).parent
OFF_NAMED = 3


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the report says, before it is put into words; the same for every language."""

    week: str
    starts_at: datetime
    ends_at: datetime
    as_of: datetime
    build_id: str
    sandbox: bool
    table: KpiTable = field(repr=False)
    periods: Mapping[str, str | None]
    headlines: tuple[Figure, ...]
    groups: Mapping[str, tuple[Figure, ...]]
    week_growth: Mapping[str, Figure]
    bridge: Bridge | None
    service: Service
    margin: Figure
    costs: tuple[CostChange, ...]
    revenues: Revenues | None
    leavers: tuple[Departure, ...]
    troubled: tuple[Troubled, ...]
    activity: Activity
    alerts: tuple[OpenAlert, ...]
    trust: Trust
    money: Money | None

    @property
    def all_figures(self) -> Iterator[Figure]:
        """Headlines first, then group by group."""
        yield from self.headlines
        for figures in self.groups.values():
            yield from figures


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """One step of a journey with its counts in the order of `activity.COLUMNS`, zero as an empty text."""

    step: str
    counts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Edition:
    """The report in one language, ready to be laid out as a page or as a mail."""

    language: str
    fmt: Format
    facts: Facts
    company: str
    title: str
    days: str
    headline: str
    verdict: str
    tally: tuple[tuple[str, str], ...]
    heroes: tuple[FigureView, ...]
    groups: tuple[tuple[str, tuple[FigureView, ...]], ...]
    figures_lead: str
    revenue: RevenueStory
    service: ServiceStory
    margin: MarginStory
    leavers: LeaverStory
    charts: tuple[Chart, ...]
    clients: tuple[ClientView, ...]
    activity: tuple[ActivityRow, ...]
    activity_notes: tuple[str, ...]
    held: tuple[str, ...]
    alerts: tuple[AlertView, ...]
    trust: TrustView
    money: tuple[Block, ...]
    stale: str
    terms: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Html:
    """One self-contained page and what it was made from."""

    text: str
    edition: Edition

    @staticmethod
    def name_of(week: str, language: str) -> str:
        """`weekly-2026-W46.es.html`."""
        return f"weekly-{week}.{language}.html"

    @property
    def file_name(self) -> str:
        """What the page's file is called."""
        return self.name_of(self.edition.facts.week, self.edition.language)


def last_week(as_of: datetime, zone: str) -> str:
    """The last ISO week that is over at `as_of` in the business zone."""
    year, number, _ = (as_of.astimezone(ZoneInfo(zone)) - timedelta(days=7)).isocalendar()
    return f"{year}-W{number:02d}"


def gather(published: Build, ledger: Ledger, playbook: Playbook, week: str) -> Facts:
    """The facts of an ISO week (`2026-W46`), read once for all languages.

    Raises ReportError for a week that is not over at the build's as_of or of which the build knows nothing.
    """
    try:
        starts_at, ends_at = week_bounds(week, playbook.company.zone)
    except ValueError as error:
        raise ReportError(str(error)) from None
    if ends_at > published.as_of:
        raise ReportError(
            f"Week {week} is not over in the published data (as of {published.as_of:%Y-%m-%d %H:%M} UTC); "
            "choose an earlier week, or run `tenfold run` once it is over."
        )
    table = fig.read_kpis(published)
    periods = {grain: table.latest_period(grain, ends_at) for grain in ("week", "month", "quarter")}
    if periods["week"] != week:
        raise ReportError(
            f"The published data holds no figures for week {week}; choose a week after the first event."
        )
    definitions = {kpi.id: kpi for kpi in playbook.kpis}

    def chosen(which: tuple[tuple[str, str, str], ...]) -> tuple[Figure, ...]:
        return tuple(fig.chosen(table, which, periods, ends_at, definitions))

    margin, sla, resolution, new, lost, mrr = chosen(
        (
            ("K8", "all", "month"),
            ("K19", "all", "week"),
            ("K3", "all", "week"),
            ("NEW_CLIENTS", "all", "week"),
            ("K14", "all", "week"),
            ("MRR", "all", "week"),
        )
    )
    costs, revenues = (
        cost_changes(published, margin.previous, margin.row) if margin.row and margin.previous else ((), None)
    )
    home = ledger.home()
    rules = [
        name for j in playbook.journeys for s in j.steps for name in (f"{j.id}/{s.id}", f"{j.id}.{s.id}")
    ]
    return Facts(
        week=week,
        starts_at=starts_at,
        ends_at=ends_at,
        as_of=published.as_of,
        build_id=published.build_id,
        sandbox=home is not None and home.kind == "sandbox",
        table=table,
        periods=periods,
        headlines=chosen(fig.HEADLINES),
        groups={name: chosen(which) for name, which in fig.GROUPS.items()},
        week_growth={"new": new, "lost": lost, "mrr": mrr},
        bridge=mrr_bridge(published, table, periods["month"], ends_at) if periods["month"] else None,
        service=Service(
            period=week,
            sla=sla,
            sla_parts=by_segment(table, "K19", "week", ends_at),
            resolution=resolution,
            resolution_parts=by_segment(table, "K3", "week", ends_at),
            answers=chosen(tuple(("K24", level, "week") for level in playbook.sla.levels)),
            misses=missed_clocks(published, starts_at, ends_at),
        ),
        margin=margin,
        costs=costs,
        revenues=revenues,
        leavers=departures(published, starts_at, ends_at),
        troubled=read_attention(published),
        activity=read_activity(ledger, starts_at, published.as_of, rules),
        alerts=read_alerts(ledger),
        trust=read_trust(published),
        money=read_money(published, playbook),
    )


def compose(facts: Facts, playbook: Playbook, language: str) -> Edition:
    """The facts in words and charts. Raises WordingError when the catalogue lacks a text."""
    words = Wording(language, playbook.wording[language])
    fmt = Format(words, playbook.company.currency, playbook.company.zone)
    heroes = tuple(figure_view(f, fmt) for f in facts.headlines)
    groups = tuple(
        (name, tuple(figure_view(f, fmt) for f in figures)) for name, figures in facts.groups.items()
    )
    views = [*heroes, *(view for _, group in groups for view in group)]
    number = int(facts.week[-2:])
    days = fmt.days_between(week_days(facts.week))
    month = facts.periods["month"]
    late = [source_name(source.source, fmt) for source in facts.trust.late(playbook)]
    return Edition(
        language=language,
        fmt=fmt,
        facts=facts,
        company=playbook.company.name,
        title=words.text(
            "report.document", company=playbook.company.name, week=fmt.period(facts.week), days=days
        ),
        days=words.text("report.week_line", week=number, days=days),
        headline=_headline(facts, fmt),
        verdict=_verdict(views, fmt),
        tally=tuple((s, words.count(f"tally.{s}", n)) for s, n in tally(views).items() if n),
        heroes=heroes,
        groups=groups,
        figures_lead=words.text(
            "section.figures.lead",
            week=fmt.period(facts.week, inside=True),
            month=fmt.period(month) if month else "–",
        ),
        revenue=revenue_story(facts.bridge, month or facts.week, fmt, playbook.revenue),
        service=service_story(facts.service, fmt),
        margin=margin_story(facts.margin, facts.costs, facts.revenues, fmt),
        leavers=leaver_story(facts.leavers, fmt),
        charts=weekly_charts(facts.table, facts.ends_at, fmt),
        clients=tuple(client_view(c, playbook, fmt, facts.as_of) for c in facts.troubled[:TOP]),
        activity=_activity_rows(facts.activity, playbook, fmt),
        activity_notes=_activity_notes(facts.activity, fmt),
        held=tuple(
            words.text("done.reason", reason=held_reason(reason, fmt), count=fmt.number(count))
            for reason, count in sorted(facts.activity.held.items(), key=lambda item: (-item[1], item[0]))
        ),
        alerts=alert_views(facts.alerts, facts.table, playbook, fmt, facts.as_of),
        trust=trust_view(facts.trust, playbook, fmt),
        money=blocks(answers(facts.money, playbook), playbook, fmt) if facts.money else (),
        stale=words.text("report.stale.banner", sources=fmt.listed(late)) if late else "",
        terms=_terms(facts, playbook, language),
    )


def render(edition: Edition, inputs: str = "") -> Html:
    """The page of an edition; `inputs` (a digest) is its last line, to tell later what it was made from."""
    words = edition.fmt.wording
    text = (
        environment()
        .get_template("weekly.html.j2")
        .render(
            e=edition,
            f=edition.facts,
            fmt=edition.fmt,
            t=words.text,
            n=words.count,
            columns=COLUMNS,
            css=_css(),
            inputs=inputs,
        )
    )
    return Html(text, edition)


@cache
def code_digest() -> str:
    """Changes when the code or the templates that make reports do."""
    total = hashlib.sha256()
    for path in sorted([*HERE.glob("*.py"), *HERE.glob("templates/*")]):
        total.update(path.name.encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


@cache
def environment(*, html: bool = True) -> Environment:
    """The templates' environment. A page escapes everything, because client names come from outside."""
    made = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=html,  # noqa: S701 - False only for the plain text of a mail
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["commands"] = _commands
    return made


def _commands(text: str) -> Markup:
    """The text with what stands in `backticks` set as a command, all of it escaped."""
    parts = text.split("`")
    return Markup().join(
        Markup("<code>{}</code>").format(part) if index % 2 else escape(part)
        for index, part in enumerate(parts)
    )


@cache
def _css() -> str:
    return (HERE / "templates" / "weekly.css").read_text(encoding="utf-8")


def _headline(facts: Facts, fmt: Format) -> str:
    words = fmt.wording
    new, lost, mrr = (facts.week_growth[name] for name in ("new", "lost", "mrr"))
    departed = lost.row.numerator if lost.row else None
    # That nobody left is one thing, not to know who did another.
    if new.row is None or new.row.value is None or departed is None:
        return words.text("headline.unknown")
    joined_count, left_count = int(new.row.value), int(departed)
    joined = (
        words.count("headline.joined", joined_count) if joined_count else words.text("headline.nobody_joined")
    )
    left = words.count("headline.left", left_count) if left_count else words.text("headline.nobody_left")
    value = spelled(mrr.row, fmt)
    if not value:
        return words.text("headline.no_mrr", joined=joined, left=left)
    change = change_text(mrr, fmt)
    key = "flat" if not change or not mrr.change else "up" if mrr.change > 0 else "down"
    return words.text(f"headline.{key}", joined=joined, left=left, change=change, mrr=value)


def _verdict(views: list[FigureView], fmt: Format) -> str:
    words = fmt.wording
    off = [view for view in views if view.status == "off"]
    if not off:
        seen = any(view.status in {"ok", "watch"} for view in views)
        return words.text("verdict.good" if seen else "verdict.none")
    names = fmt.listed(
        [words.text("verdict.item", name=view.name, value=view.value) for view in off[:OFF_NAMED]]
    )
    if 1 < len(off) <= OFF_NAMED:
        return words.text("verdict.off.few", count=fmt.number(len(off)), names=names)
    return words.count("verdict.off", len(off), names=names)


def _activity_rows(activity: Activity, playbook: Playbook, fmt: Format) -> tuple[ActivityRow, ...]:
    """Steps in the playbook's order."""
    rows = []
    for journey in playbook.journeys:
        for step in journey.steps:
            rule = f"{journey.id}/{step.id}"
            if counts := activity.by_rule.get(rule):
                shown = tuple(fmt.number(counts[c]) if counts.get(c) else "" for c in COLUMNS)
                rows.append(ActivityRow(step_name(rule, fmt), shown))
    return tuple(rows)


def _activity_notes(activity: Activity, fmt: Format) -> tuple[str, ...]:
    words = fmt.wording
    notes = [words.count("done.total", activity.total("sent"))] if activity.by_rule else []
    if activity.dry_run:
        notes.append(words.count("done.dry_run", activity.dry_run))
    if unknown := activity.total("unknown"):
        notes.append(words.count("done.unknown", unknown))
    return tuple(notes)


def _terms(facts: Facts, playbook: Playbook, language: str) -> tuple[tuple[str, str], ...]:
    """Name and definition of every KPI shown, once each, in the order of the page."""
    known = {kpi.id: kpi for kpi in playbook.kpis}
    shown = dict.fromkeys(figure.kpi for figure in facts.all_figures)
    return tuple(
        (known[kpi].name.in_language(language), known[kpi].definition.in_language(language))
        for kpi in shown
        if kpi in known
    )
