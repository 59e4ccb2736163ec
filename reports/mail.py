"""The mail that carries the weekly report: a short summary to read at once, PNG charts, the page attached.

Mail clients strip SVG and style sheets, hence tables, styles on each element and images by content id.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from reports.charts import Chart
from reports.trends import MAILED
from reports.weekly import Html, environment

CLIENTS_NAMED = 3
IMAGE_WIDTH = 552


@dataclass(frozen=True, slots=True)
class Letter:
    """A summary ready to be sent: its texts, and its images by content id (PNG)."""

    subject: str
    text: str
    html: str
    images: Mapping[str, bytes] = field(repr=False)


def letter(report: Html) -> Letter:
    """The summary of a report, in the report's language."""
    edition = report.edition
    words = edition.fmt.wording
    charts = [chart for chart in edition.charts if chart.key in MAILED]
    cids = {chart.key: content_id(report, chart) for chart in charts}
    given = {
        "e": edition,
        "f": edition.facts,
        "fmt": edition.fmt,
        "t": words.text,
        "n": words.count,
        "top": CLIENTS_NAMED,
        "file_name": report.file_name,
    }
    text = environment(html=False).get_template("mail.txt.j2").render(**given)
    html = (
        environment()
        .get_template("mail.html.j2")
        .render(**given, charts=charts, cids=cids, width=IMAGE_WIDTH)
    )
    return Letter(
        subject=_subject(report),
        text=re.sub(r"\n{3,}", "\n\n", text).strip() + "\n",
        html=html,
        images={cids[chart.key]: chart.png() for chart in charts},
    )


def content_id(report: Html, chart: Chart) -> str:
    """The chart's content id: `2026-W46.en.mrr@tenfold`."""
    return f"{report.edition.facts.week}.{report.edition.language}.{chart.key}@tenfold"


def _subject(report: Html) -> str:
    """What a manager decides on whether to open it: the week, MRR, how many figures are off target."""
    edition = report.edition
    words = edition.fmt.wording
    number = int(edition.facts.week[-2:])
    mrr = next((view.value for view in edition.heroes if view.kpi == "MRR"), "")
    if mrr:
        subject = words.text("mail.subject", company=edition.company, week=number, mrr=mrr)
    else:
        subject = words.text("mail.subject.no_mrr", company=edition.company, week=number)
    views = [*edition.heroes, *(view for _, group in edition.groups for view in group)]
    off = sum(view.status == "off" for view in views)
    if off:
        subject = words.count("mail.subject.off", off, subject=subject)
    elif any(view.status == "ok" for view in views):
        subject = words.text("mail.subject.good", subject=subject)
    return words.text("mail.subject.sandbox", subject=subject) if edition.facts.sandbox else subject
