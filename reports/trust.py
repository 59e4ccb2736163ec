"""Whether the figures can be trusted: sources, checks and rejected values of the published build."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from playbook.loader import Kpi, Playbook
from reports.figures import Build
from reports.formatting import Format

OUTCOMES = ("passed", "warned", "failed", "not_evaluated")
_EMPTY = "*"  # the row of all tables in which there was nothing to judge


@dataclass(frozen=True, slots=True)
class Source:
    """How a source's last read ended, and until when (UTC) its data is whole."""

    source: str
    state: str
    reason: str | None
    good_until: datetime | None


@dataclass(frozen=True, slots=True)
class Part:
    """A resource of a source that did not come whole: why, and how many of how many records came."""

    source: str
    resource: str
    state: str
    reason: str | None
    total: int | None
    given: int | None

    @property
    def need(self) -> str:
        """As the playbook's KPIs call it."""
        return f"{self.source}.{self.resource}"


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation on one model; `outcome` is one of OUTCOMES (an error counts as failed)."""

    model: str
    expectation: str
    outcome: str
    violations: int | None
    why: str
    do: str


@dataclass(frozen=True, slots=True)
class Rejected:
    """Values of a resource that could not be read."""

    source: str
    resource: str
    count: int


@dataclass(frozen=True, slots=True)
class Trust:
    """What the build knows of its own quality."""

    sources: Sequence[Source]
    parts: Sequence[Part]
    checks: Sequence[Check]
    rejected: Sequence[Rejected]
    drift: int

    def parts_of(self, source: Source) -> list[Part]:
        """What of a source that is partial did not come whole; empty when it does not tell."""
        return [part for part in self.parts if part.source == source.source and source.state == "partial"]

    def needing(self, source: Source, playbook: Playbook) -> list[Kpi]:
        """The KPIs that how a source stands touches: those of its faulty parts alone, where it names them."""
        faulty = {part.need for part in self.parts_of(source)}
        touched = faulty | {source.source} if faulty else None
        return [
            kpi
            for kpi in playbook.kpis
            if any(touched is None or need in touched for need in kpi.needs_of(source.source))
        ]

    def late(self, playbook: Playbook) -> list[Source]:
        """The sources whose state marks a figure as late or incomplete."""
        return [
            source
            for source in self.sources
            if source.state in {"failed", "partial"} and self.needing(source, playbook)
        ]


@dataclass(frozen=True, slots=True)
class SourceView:
    """One source in words; `tone` is a status for colour and shape."""

    name: str
    state: str
    tone: str
    until: str
    reasons: tuple[str, ...]
    figures: str


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A model's checks, counted by outcome."""

    table: str
    counts: Mapping[str, int]
    tone: str


@dataclass(frozen=True, slots=True)
class BadCheck:
    """A check that did not pass: what, why it matters, what to do."""

    text: str
    why: str
    do: str
    tone: str


@dataclass(frozen=True, slots=True)
class TrustView:
    """The section in words."""

    fine: str
    sources: tuple[SourceView, ...]
    summary: str
    rows: tuple[CheckRow, ...]
    bad: tuple[BadCheck, ...]
    rejected: str
    rejected_parts: tuple[str, ...]
    drift: str


def read_trust(build: Build) -> Trust:
    """Source states, check results, rejected values and new fields, as the build holds them."""
    con = build.con
    sources = con.execute(
        "select source, state, reason, good_until from meta.source_status order by source"
    ).fetchall()
    # Builds of earlier versions know nothing of resources.
    tables = con.execute("select table_name from duckdb_tables() where schema_name = 'meta'").fetchall()
    parts = (
        con.execute(
            "select source, resource, state, reason, total, given from meta.resource_status "
            "where state <> 'complete' order by source, resource"
        ).fetchall()
        if ("resource_status",) in tables
        else []
    )
    checks = con.execute(
        "select model, expectation, severity, status, violations, why, do_next "
        "from quality.check_result order by model, expectation"
    ).fetchall()
    rejected = con.execute(
        "select source, resource, sum(records)::bigint from quality.rejected "
        "group by all order by 3 desc, 1, 2"
    ).fetchall()
    drift = con.execute("select count(*) from quality.drift").fetchone()
    return Trust(
        sources=[Source(*row) for row in sources],
        parts=[Part(*row) for row in parts],
        checks=[
            Check(model, expectation, _outcome(severity, status), violations, why, do)
            for model, expectation, severity, status, violations, why, do in checks
        ],
        rejected=[Rejected(*row) for row in rejected],
        drift=drift[0] if drift else 0,
    )


def _outcome(severity: str, status: str) -> str:
    """A failed warning is a warning; a check that could not run has failed, whatever its severity."""
    if status == "failed" and severity == "warn":
        return "warned"
    return {"passed": "passed", "not_evaluated": "not_evaluated"}.get(status, "failed")


def trust_view(trust: Trust, playbook: Playbook, fmt: Format) -> TrustView:
    """The section on data quality; a table row only for models with something to say or in core and kpi."""
    words = fmt.wording
    by_model: dict[str, dict[str, int]] = {}
    for check in trust.checks:
        counts = by_model.setdefault(check.model, dict.fromkeys(OUTCOMES, 0))
        counts[check.outcome] += 1
    passed = sum(counts["passed"] for counts in by_model.values())
    empty = sum(sum(counts.values()) for counts in by_model.values() if _is_empty(counts))
    total = len(trust.checks) - empty
    rejected = sum(r.count for r in trust.rejected)
    parts = []
    if total:
        key = "data.checks.all" if passed == total else "data.checks.some"
        parts.append(words.text(key, passed=fmt.number(passed), total=fmt.number(total)))
    if empty:
        parts.append(words.count("data.checks.empty", empty))
    summary = " ".join(parts) or words.text("data.checks.none")
    lacking = [s for s in trust.sources if s.state != "complete" and trust.needing(s, playbook)]
    well = total == passed > 0 and not rejected and not lacking
    return TrustView(
        fine=words.text("data.fine") if well else "",
        sources=tuple(_source_view(source, trust, playbook, fmt) for source in trust.sources),
        summary=summary,
        rows=tuple(
            CheckRow(_table_name(model, fmt), counts, _tone(counts))
            for model, counts in _grouped(by_model).items()
        ),
        bad=tuple(
            BadCheck(
                words.text(
                    "data.check.bad",
                    model=check.model,
                    expectation=check.expectation,
                    count=words.text("data.violations.unknown")
                    if check.violations is None
                    else words.count("data.violations", check.violations),
                ),
                check.why,
                check.do,
                "off" if check.outcome == "failed" else "watch",
            )
            for check in trust.checks
            if check.outcome in {"failed", "warned"}
        ),
        rejected=words.count("data.rejected", rejected) if rejected else words.text("data.rejected.none"),
        rejected_parts=tuple(
            words.text(
                "data.rejected.part",
                source=source_name(r.source, fmt),
                resource=r.resource,
                count=fmt.number(r.count),
            )
            for r in trust.rejected
        ),
        drift=words.count("data.drift", trust.drift) if trust.drift else "",
    )


def source_name(source: str, fmt: Format) -> str:
    """A source's name for people, or that of a resource of it; what the catalogue does not know stays."""
    name, _, resource = source.partition(".")
    key = f"source.{name}"
    shown = fmt.wording.text(key) if fmt.wording.has(key) else name
    if not resource:
        return shown
    return fmt.wording.text("source.part", source=shown, resource=_resource_name(resource, fmt))


def _resource_name(resource: str, fmt: Format) -> str:
    key = f"resource.{resource}"
    return fmt.wording.text(key) if fmt.wording.has(key) else resource.replace("_", " ")


def _source_view(source: Source, trust: Trust, playbook: Playbook, fmt: Format) -> SourceView:
    key = f"source.state.{source.state}"
    tone = {"complete": "ok", "partial": "watch", "failed": "off"}.get(source.state, "not_evaluated")
    needing = [kpi.name.in_language(fmt.language) for kpi in trust.needing(source, playbook)]
    reasons = [_part_text(part, fmt) for part in trust.parts_of(source)] or [source.reason or ""]
    return SourceView(
        name=source_name(source.source, fmt),
        state=fmt.wording.text(key) if fmt.wording.has(key) else source.state,
        tone=tone,
        until=fmt.moment(source.good_until) if source.good_until else fmt.wording.text("data.never"),
        reasons=tuple(reason for reason in reasons if reason),
        figures=fmt.listed(needing) if needing and tone != "ok" else "",
    )


def _part_text(part: Part, fmt: Format) -> str:
    words = fmt.wording
    resource = _resource_name(part.resource, fmt)
    reason = (part.reason or "").removeprefix(f"{part.resource}: ")
    if part.state == "not_permitted":
        text = words.text("data.resource.not_permitted", resource=resource, reason=reason)
    elif part.state == "failed":
        text = words.text("data.resource.failed", resource=resource, reason=reason)
    elif part.total is not None and part.given is not None and part.given < part.total:
        text = words.text(
            "data.resource.short",
            resource=resource,
            given=fmt.number(part.given),
            total=fmt.number(part.total),
            reason=reason,
        )
    else:
        text = words.text("data.resource.partial", resource=resource, reason=reason)
    return text.strip()


def _grouped(by_model: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """Models whose checks all passed are summed by layer, empty ones in all; every other one has its row."""
    rows: dict[str, dict[str, int]] = {}
    for model, counts in by_model.items():
        clean = counts["passed"] == sum(counts.values())
        name = f"{model.partition('.')[0]}.*" if clean else _EMPTY if _is_empty(counts) else model
        row = rows.setdefault(name, dict.fromkeys(OUTCOMES, 0))
        for outcome in OUTCOMES:
            row[outcome] += counts[outcome]
    return dict(sorted(rows.items(), key=lambda item: (item[0] == _EMPTY, item[0].endswith("*"), item[0])))


def _is_empty(counts: Mapping[str, int]) -> bool:
    """True for a table in which no check found a row to judge."""
    return counts["not_evaluated"] == sum(counts.values())


def _table_name(model: str, fmt: Format) -> str:
    """A layer in plain words; a single model by its own name, which whoever looks into it needs."""
    if model == _EMPTY:
        return fmt.wording.text("data.empty")
    key = f"data.layer.{model.removesuffix('.*')}"
    return fmt.wording.text(key) if model.endswith(".*") and fmt.wording.has(key) else model


def _tone(counts: Mapping[str, int]) -> str:
    if counts["failed"]:
        return "off"
    if counts["warned"]:
        return "watch"
    return "not_evaluated" if counts["not_evaluated"] else "ok"
