"""What changed and why, told: the sentences and tables over the facts of `explain`."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from playbook.loader import Revenue
from reports.explain import Bridge, CostChange, Departure, Misses, Part, Revenues, largest
from reports.figures import Figure
from reports.formatting import Format
from reports.view import change_text, level_name, reason_text, spelled

CLIENTS_NAMED = 4
ACCOUNTS_SHOWN = 7
LEAVERS_SHOWN = 8
LOW_RATING = 3
SMALL_EFFECT = 0.0005  # what would print as 0.0 or 0.1 points explains nothing


@dataclass(frozen=True, slots=True)
class Step:
    """One bar of the bridge; `left` and `width` are percentages of the track."""

    label: str
    amount: str
    left: float
    width: float
    tone: str
    clients: tuple[tuple[str, str], ...]
    more: str


@dataclass(frozen=True, slots=True)
class RevenueStory:
    """MRR from start to end of a period."""

    title: str
    text: str
    steps: tuple[Step, ...]
    unexplained: str


@dataclass(frozen=True, slots=True)
class LevelRow:
    """One support level's week."""

    level: str
    answer: str
    answer_target: str
    answer_status: str
    kept: str
    sample: str
    before: str
    effect: str
    missed: str


@dataclass(frozen=True, slots=True)
class ServiceStory:
    """SLA and resolution, by level."""

    title: str
    text: str
    rows: tuple[LevelRow, ...]
    worst: str


@dataclass(frozen=True, slots=True)
class CostRow:
    """Revenue, or one account's cost, in two months; `effect` on the margin in points."""

    account: str
    before: str
    after: str
    change: str
    effect: str


@dataclass(frozen=True, slots=True)
class MarginStory:
    """Profit margin and the costs behind it."""

    title: str
    text: str
    column_after: str
    rows: tuple[CostRow, ...]


@dataclass(frozen=True, slots=True)
class Leaver:
    """A client that left, and what was seen before."""

    name: str
    facts: str
    seen: str


@dataclass(frozen=True, slots=True)
class LeaverStory:
    """The clients that left in the week."""

    title: str
    text: str
    leavers: tuple[Leaver, ...]
    rest: str


def revenue_story(bridge: Bridge | None, period: str, fmt: Format, policy: Revenue) -> RevenueStory:
    """The bridge told and drawn, and the policy it is counted by; without one, a sentence says so."""
    words = fmt.wording
    title = words.text("why.mrr", period=fmt.period(period, inside=True))
    if bridge is None:
        return RevenueStory(title, f"{words.text('why.mrr.none')} {_policy(policy, fmt)}", (), "")
    change = bridge.end - bridge.start
    key = "flat" if not change else "up" if change > 0 else "down"
    sentences = [words.text(f"why.mrr.{key}", change=fmt.money(abs(change)), end=fmt.money(bridge.end))]
    for direction, kept in (("gains", [m for m in bridge.movements if m.amount > 0]),
                            ("losses", [m for m in bridge.movements if m.amount < 0])):  # fmt: skip
        parts = [
            words.count(f"why.mrr.part.{m.kind}", len(m.clients), amount=fmt.money(abs(m.amount)))
            if words.has(f"why.mrr.part.{m.kind}.other")
            else f"{fmt.money(abs(m.amount))} ({m.kind})"
            for m in kept
        ]
        if parts:
            sentences.append(words.text(f"why.mrr.{direction}", parts=fmt.listed(parts)))
    sentences.append(_policy(policy, fmt))
    left_open = bridge.unexplained
    return RevenueStory(
        title,
        " ".join(sentences),
        _steps(bridge, fmt),
        words.text("why.mrr.unexplained", amount=fmt.money(left_open, cents=True)) if left_open else "",
    )


def _policy(policy: Revenue, fmt: Format) -> str:
    """From where revenue is counted, until when, and in which view: figures of two policies never compare."""
    words = fmt.wording
    overdue = policy.overdue_days
    counts_overdue = policy.policy == "deals" or overdue is None
    return words.text(
        "why.mrr.policy",
        source=words.text(
            f"why.mrr.policy.{policy.policy}", ends=words.text(f"why.mrr.policy.{policy.churn_date}")
        ),
        discounts=words.text(f"why.mrr.policy.{policy.discounts}"),
        overdue="" if counts_overdue else words.count("why.mrr.policy.overdue", overdue or 0),
        returns=words.text(f"why.mrr.policy.{'with' if policy.reactivation_in_nrr else 'without'}_returns"),
    )


def _steps(bridge: Bridge, fmt: Format) -> tuple[Step, ...]:
    words = fmt.wording
    levels = [bridge.start]
    for movement in bridge.movements:
        levels.append(levels[-1] + movement.amount)
    top = max([*levels, bridge.end, Decimal(1)])
    lowest = min([*levels, bridge.end])
    floor = lowest - (top - lowest) * Decimal("0.04")

    def place(a: Decimal, b: Decimal) -> tuple[float, float]:
        span = float(top - floor) or 1.0
        low, high = min(a, b), max(a, b)
        return round(100 * float(low - floor) / span, 2), round(100 * float(high - low) / span, 2)

    def mark(level: Decimal) -> tuple[float, float]:
        # A bar would have to start at zero to be honest, and would then dwarf the movements.
        return place(level, level)

    steps = [Step(words.text("why.mrr.start"), fmt.money(bridge.start), *mark(bridge.start), "total", (), "")]
    for before, movement in zip(levels, bridge.movements, strict=False):
        key = f"why.mrr.kind.{movement.kind}"
        named = movement.clients[:CLIENTS_NAMED]
        rest = len(movement.clients) - len(named)
        steps.append(
            Step(
                words.text(key) if words.has(key) else movement.kind,
                fmt.money(movement.amount, sign=True),
                *place(before, before + movement.amount),
                "gain" if movement.amount >= 0 else "loss",
                tuple((c.name, fmt.money(c.amount, sign=True)) for c in named),
                words.count("why.mrr.more", rest) if rest else "",
            )
        )
    steps.append(Step(words.text("why.mrr.end"), fmt.money(bridge.end), *mark(bridge.end), "total", (), ""))
    return tuple(steps)


@dataclass(frozen=True, slots=True)
class Service:
    """The facts of a week's support; the parts split a figure's change by level."""

    period: str
    sla: Figure
    sla_parts: Sequence[Part]
    resolution: Figure
    resolution_parts: Sequence[Part]
    answers: Sequence[Figure]
    misses: Sequence[Misses]


def service_story(facts: Service, fmt: Format) -> ServiceStory:
    """SLA compliance and resolution time, what each level did to them, and whose deadlines were missed."""
    words = fmt.wording
    sla, sla_parts, resolution, misses = facts.sla, facts.sla_parts, facts.resolution, facts.misses
    title = words.text("why.service", period=fmt.period(facts.period, inside=True))
    sentences = [*_sla_sentences(sla, sla_parts, fmt), *_miss_sentence(misses, sla, fmt)]
    change, part = change_text(resolution, fmt), largest(facts.resolution_parts)
    if change and part and resolution.change:
        sentences.append(
            words.text(
                f"why.service.resolution.{'up' if resolution.change > 0 else 'down'}",
                change=change,
                value=spelled(resolution.row, fmt),
                level=level_name(part.segment, fmt),
            )
        )
    rows = []
    for answer in facts.answers:
        found = next((p for p in sla_parts if p.segment == answer.segment), None)
        counts = {clock: sum(m.count for m in misses if m.level == answer.segment and m.clock == clock)
                  for clock in ("first_answer", "resolution")}  # fmt: skip
        after, before = (found.after, found.before) if found else (None, None)
        missed = words.text(
            "why.service.missed",
            first=fmt.number(counts["first_answer"]),
            resolution=fmt.number(counts["resolution"]),
        )
        rows.append(
            LevelRow(
                level=_capital(level_name(answer.segment, fmt)),
                answer=spelled(answer.row, fmt) or words.text("status.not_evaluated"),
                answer_target=fmt.amount(answer.row.target_high, answer.row.unit, rough=True)
                if answer.row and answer.row.target_high is not None
                else "",
                answer_status=answer.status,
                kept=spelled(after, fmt) or words.text("status.not_evaluated"),
                sample=words.text(
                    "sample.share", k=fmt.number(after.numerator), n=fmt.number(after.denominator)
                )
                if after and after.evaluated and after.numerator is not None and after.denominator
                else "",
                before=spelled(before, fmt) or "–",
                effect=fmt.points(found.by_rate + found.by_mix) if found else "–",
                missed=missed if any(counts.values()) else "–",
            )
        )
    return ServiceStory(title, " ".join(sentences), tuple(rows), _worst(misses, fmt))


def _sla_sentences(sla: Figure, parts: Sequence[Part], fmt: Format) -> list[str]:
    words = fmt.wording
    value = spelled(sla.row, fmt)
    if not value:
        return [words.text("why.service.not_evaluated")]
    change = change_text(sla, fmt)
    if not change or not sla.change:
        return [words.text("why.service.flat", value=value)]
    key = "why.service.up" if sla.change > 0 else "why.service.down"
    sentences = [words.text(key, change=change, value=value)]
    part = largest(parts)
    if part and (part.by_rate + part.by_mix) * sla.change > 0:
        sentences.append(
            words.text(
                "why.service.level",
                level=level_name(part.segment, fmt),
                points=fmt.points(abs(part.by_rate + part.by_mix), sign=False),
            )
        )
    return [sentences[0], *(_capital(s) for s in sentences[1:])]


def _miss_sentence(misses: Sequence[Misses], sla: Figure, fmt: Format) -> list[str]:
    if sla.row is None or not sla.row.evaluated:
        return []
    first, resolution = (sum(m.count for m in misses if m.clock == c) for c in ("first_answer", "resolution"))
    if not first and not resolution:
        return [fmt.wording.text("why.service.none_missed")]
    return [
        fmt.wording.text("why.service.misses", first=fmt.number(first), resolution=fmt.number(resolution))
    ]


def _worst(misses: Sequence[Misses], fmt: Format) -> str:
    """The clients with most missed deadlines, named only when they stand out."""
    counts: dict[str, int] = {}
    for missed in misses:
        for name, count in missed.clients:
            counts[name] = counts.get(name, 0) + count
    worst = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:3]
    named = [f"{name} ({fmt.number(count)})" for name, count in worst if count > 1]
    return fmt.wording.text("why.service.worst", clients=fmt.listed(named)) if named else ""


def margin_story(
    margin: Figure, changes: Sequence[CostChange], revenues: Revenues | None, fmt: Format
) -> MarginStory:
    """Profit margin of the month, and the accounts that moved it."""
    words = fmt.wording
    row = margin.row
    period = fmt.period(row.period) if row else ""
    title = words.text("why.margin", period=period) if row else words.text("chart.margin")
    if row is None or not row.evaluated:
        text = words.text("why.margin.not_evaluated", reason=reason_text(margin, fmt))
        return MarginStory(title, text, "", ())
    if not changes or revenues is None:
        return MarginStory(title, words.text("why.margin.none"), "", ())
    change = change_text(margin, fmt)
    key = "flat" if not change or not margin.change else "up" if margin.change > 0 else "down"
    sentences = [words.text(f"why.margin.{key}", change=change, value=spelled(row, fmt))]
    if change and margin.change:
        drivers = [c for c in changes if abs(c.margin_effect) >= SMALL_EFFECT][:2]
        if drivers:
            parts = [f"{c.account} ({fmt.points(c.margin_effect)})" for c in drivers]
            sentences.append(words.text("why.margin.driver", accounts=fmt.listed(parts)))
    grew = "more" if revenues.after > revenues.before else "less"
    sentences.append(
        words.text(
            f"why.margin.revenue.{grew}",
            before=fmt.money(revenues.before, cents=False),
            after=fmt.money(revenues.after, cents=False),
            points=fmt.points(revenues.margin_effect),
        )
    )
    moved = [c for c in changes if c.after != c.before]
    shown, rest = (
        moved[:ACCOUNTS_SHOWN],
        [*moved[ACCOUNTS_SHOWN:], *(c for c in changes if c.after == c.before)],
    )
    rows = [
        CostRow(
            account=words.text("why.margin.revenue.row"),
            before=fmt.money(revenues.before, cents=False),
            after=fmt.money(revenues.after, cents=False),
            change=fmt.money(revenues.after - revenues.before, sign=True, cents=False),
            effect=fmt.points(revenues.margin_effect),
        ),
        *(_cost_row(c.account, [c], fmt) for c in shown),
    ]
    if rest:
        rows.append(_cost_row(words.count("why.margin.rest", len(rest)), rest, fmt))
    return MarginStory(title, " ".join(sentences), _capital(period), tuple(rows))


def _cost_row(name: str, changes: Sequence[CostChange], fmt: Format) -> CostRow:
    before = sum((c.before for c in changes), Decimal(0))
    after = sum((c.after for c in changes), Decimal(0))
    return CostRow(
        account=name,
        before=fmt.money(before, cents=False),
        after=fmt.money(after, cents=False),
        change=fmt.money(after - before, sign=True, cents=False),
        effect=fmt.points(sum(c.margin_effect for c in changes)),
    )


def leaver_story(leavers: Sequence[Departure], fmt: Format) -> LeaverStory:
    """Who left in the week, what they paid, and what had happened in the 60 days before."""
    words = fmt.wording
    title = words.text("why.left")
    if not leavers:
        return LeaverStory(title, words.text("why.left.none"), (), "")
    lost = sum((leaver.lost for leaver in leavers), Decimal(0))
    shown = leavers[:LEAVERS_SHOWN]
    views = []
    for leaver in shown:
        facts = words.text(
            "why.left.facts",
            plan=_capital(leaver.plan or words.text("why.left.no_plan")),
            lost=fmt.money(leaver.lost),
            stayed=fmt.duration(leaver.stayed),
            day=fmt.day(leaver.ended_at, year=False),
        )
        seen = [words.count("why.left.misses", leaver.misses)] if leaver.misses else []
        if leaver.lowest_rating is not None:
            if not seen:
                seen.append(words.text("why.left.unhappy_free"))
            key = "why.left.rating" if leaver.lowest_rating <= LOW_RATING else "why.left.rated_well"
            seen.append(words.text(key, rating=fmt.number(leaver.lowest_rating)))
        views.append(Leaver(leaver.name, facts, " ".join(seen) or words.text("why.left.clean")))
    rest = len(leavers) - len(shown)
    return LeaverStory(
        title,
        words.count("why.left.lead", len(leavers), lost=fmt.money(lost)),
        tuple(views),
        words.count("why.left.rest", rest) if rest else "",
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
