"""The answers about money in words: blocks that the command and the report lay out alike."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from playbook.loader import Playbook
from reports import money_questions as ask
from reports.cash import CASES, WEEKS, Forecast, NotEstimable, Runway, churn_rates, forecast, runway
from reports.formatting import Format
from reports.money import ZERO, Money
from reports.money_block import Block, Table, points
from reports.money_serve import serve_block

TONES = {"yes": "ok", "maybe": "watch", "no": "off", "unknown": "not_evaluated"}
_LATE_NAMED = 8


@dataclass(frozen=True, slots=True)
class Answers:
    """All decisions about money at one instant."""

    money: Money
    forecast: Forecast | NotEstimable
    runway: Runway | NotEstimable
    hire: ask.Hire
    marketing: ask.Marketing
    margin: ask.Margin
    plan: ask.Against | None


def answers(money: Money, playbook: Playbook) -> Answers:
    """Every decision over the facts."""
    found = forecast(money, playbook)
    return Answers(
        money,
        found,
        runway(found),
        ask.hire(money, found, playbook),
        ask.marketing(money, playbook),
        ask.margin(money, playbook.finance.months_looked_back),
        ask.against(money, playbook.plan) if playbook.plan else None,
    )


def blocks(found: Answers, playbook: Playbook, fmt: Format) -> tuple[Block, ...]:
    """The answers in the reader's language, the three questions first."""
    return (
        _hire(found, playbook, fmt),
        _marketing(found, playbook, fmt),
        _margin(found, fmt),
        *((serve_block(found.money.serve, playbook, fmt),) if found.money.serve else ()),
        _cash(found, fmt),
        _forecast(found, playbook, fmt),
        _receivables(found, fmt),
        *((_plan(found.plan, fmt),) if found.plan else ()),
    )


def _word(verdict: str, fmt: Format) -> str:
    return fmt.wording.text(f"money.verdict.{verdict}")


def _reasons(codes: Iterable[str], fmt: Format) -> str:
    return " ".join(fmt.wording.text(f"money.reason.{code}") for code in codes)


# -- The three questions


def _hire(found: Answers, playbook: Playbook, fmt: Format) -> Block:
    t, hire = fmt.wording.text, found.hire
    title = t("money.hire.title")
    if hire.verdict == "unknown" or hire.monthly_cost is None or hire.lowest is None or hire.floor is None:
        return Block(
            "hire",
            title,
            TONES["unknown"],
            _word("unknown", fmt),
            _reasons(hire.reasons, fmt),
            points=points(fmt, change=[t("money.hire.change.data")]),
        )
    role = hire.role or ""
    values = {
        "role": role,
        "cost": fmt.money(hire.monthly_cost),
        "start": fmt.day(hire.start) if hire.start else "",
        "floor": fmt.money(hire.floor),
        "low": fmt.money(hire.lowest[0]),
        "mid": fmt.money(hire.lowest[1]),
    }
    keys = {"yes": "money.hire.yes", "maybe": "money.hire.maybe", "no": "money.hire.no"}
    asked = t("money.hire.not_asked", role=role)
    if hire.asked_by:
        figure = found.money.figures[hire.asked_by]
        kpi = playbook.kpi(hire.asked_by)
        value = (
            ""
            if figure.value is None
            else fmt.amount(figure.value, kpi.unit, currency=fmt.currency, kpi=kpi.id)
        )
        asked = t(
            "money.hire.asked",
            name=kpi.name.in_language(fmt.language),
            value=value,
            period=fmt.period(figure.period),
            role=role,
        )
    evidence = [asked, t("money.hire.lowest", **values)]
    if hire.room and hire.start:
        evidence.append(t("money.hire.room", low=fmt.number(hire.room[0]), mid=fmt.number(hire.room[1])))
    spare = hire.lowest[0] - hire.floor
    change = [
        t(
            "money.hire.change.spare" if spare >= 0 else "money.hire.change.lack",
            amount=fmt.money(abs(spare)),
        ),
        t("money.hire.change.role"),
    ]
    return Block(
        "hire",
        title,
        TONES[hire.verdict],
        _word(hire.verdict, fmt),
        t(keys[hire.verdict], **values),
        points=points(
            fmt,
            evidence=evidence,
            assumptions=[
                t(
                    "money.hire.assume.floor",
                    months=fmt.number(playbook.finance.cash_floor_months),
                    floor=values["floor"],
                ),
                t("money.hire.assume.year"),
                t("money.assume.no_new"),
                t("money.assume.books") if found.money.books_state != "complete" else "",
            ],
            change=change,
        ),
    )


def _marketing(found: Answers, playbook: Playbook, fmt: Format) -> Block:
    t, market = fmt.wording.text, found.marketing
    limit = fmt.number(playbook.finance.payback_months)
    rows = []
    for each in market.channels:
        marginal, payback = "–", "–"
        if each.marginal:
            marginal = t("money.range", low=fmt.money(each.marginal[0]), high=fmt.money(each.marginal[2]))
        if each.payback:
            payback = t(
                "money.range", low=fmt.number(each.payback[0], 1), high=fmt.number(each.payback[2], 1)
            )
        rows.append(
            (
                each.channel.name.in_language(fmt.language),
                fmt.number(each.clients),
                fmt.money(each.spent) if each.spent is not None else "–",
                fmt.money(each.average) if each.average is not None else "–",
                marginal,
                payback,
            )
        )
    told = [
        t(
            f"money.marketing.channel.{each.verdict}",
            channel=each.channel.name.in_language(fmt.language),
            months=limit,
        )
        if each.reason is None
        else t(
            "money.marketing.cannot",
            channel=each.channel.name.in_language(fmt.language),
            why=t(f"money.marketing.reason.{each.reason}"),
        )
        for each in market.channels
    ]
    header = tuple(
        t(f"money.marketing.column.{name}")
        for name in ("channel", "clients", "spent", "average", "marginal", "payback")
    )
    evidence = []
    if market.margin_per_client is not None:
        evidence.append(t("money.marketing.leaves", amount=fmt.money(market.margin_per_client)))
    if market.shared_cost:
        evidence.append(t("money.marketing.shared", amount=fmt.money(market.shared_cost)))
    if market.unknown_source:
        evidence.append(fmt.wording.count("money.marketing.unknown_source", market.unknown_source))
    answer = t(f"money.marketing.{market.verdict}")
    return Block(
        "marketing",
        t("money.marketing.title"),
        TONES[market.verdict],
        _word(market.verdict, fmt),
        answer,
        (Table(t("money.marketing.table"), header, tuple(rows)),) if rows else (),
        points(
            fmt,
            evidence=[*told, *evidence],
            assumptions=[t("money.marketing.assume.changes"), t("money.marketing.assume.cause")],
            change=[t("money.marketing.change")],
        ),
    )


def _span(bounds: tuple[Decimal, Decimal] | None, fmt: Format) -> str:
    if bounds is None:
        return "–"
    low, high = (fmt.share(value) for value in bounds)
    return low if low == high else fmt.wording.text("money.range", low=low, high=high)


def _margin(found: Answers, fmt: Format) -> Block:
    t, margin = fmt.wording.text, found.margin
    title = t("money.margin.title")
    if not margin.months or margin.months[-1].net is None:
        return Block("margin", title, TONES["unknown"], _word("unknown", fmt), t("money.reason.no_books"))
    last = margin.months[-1]
    debit, credit = last.unclassified
    rows = tuple(
        (
            fmt.period(m.period),
            fmt.money(m.revenue),
            _span(m.gross, fmt),
            _span(m.operating, fmt),
            _span(m.net, fmt),
            fmt.money(sum(m.unclassified, ZERO)),
        )
        for m in margin.months
    )
    header = tuple(
        t(f"money.margin.column.{name}")
        for name in ("month", "revenue", "gross", "operating", "net", "unclassified")
    )
    unsure = []
    if debit or credit:
        unsure.append(
            t(
                "money.margin.unclassified",
                debit=fmt.money(debit),
                credit=fmt.money(credit),
                accounts=fmt.listed(list(last.accounts)),
            )
        )
    else:
        unsure.append(t("money.margin.all_classified", period=fmt.period(last.period)))
    unsure += [
        t("money.margin.missing", account=account, amount=fmt.money(usual))
        for account, usual in margin.missing
    ]
    if margin.foreign_lines:
        unsure.append(fmt.wording.count("money.margin.foreign", margin.foreign_lines))
    sure = not (debit or credit or margin.missing or margin.foreign_lines)
    return Block(
        "margin",
        title,
        "plain" if sure else "watch",
        t("money.margin.sure" if sure else "money.margin.unsure"),
        t(
            "money.margin.answer",
            period=fmt.period(last.period),
            gross=_span(last.gross, fmt),
            operating=_span(last.operating, fmt),
            net=_span(last.net, fmt),
        ),
        (Table(t("money.margin.table"), header, rows),),
        points(
            fmt,
            evidence=unsure,
            assumptions=[t("money.margin.assume")],
            change=[t("money.margin.change")],
        ),
    )


# -- Cash


def _cash(found: Answers, fmt: Format) -> Block:
    t, money = fmt.wording.text, found.money
    title = t("money.cash.title")
    rows, notes = [], []
    for line in money.cash:
        label = line.label.get(fmt.language, line.account)
        rows.append(
            (
                label if line.counted else t("money.cash.not_counted", label=label),
                fmt.money(line.balance, line.currency, cents=True),
                line.currency,
                fmt.short_day(line.as_of),
                t(f"money.cash.source.{line.source}"),
            )
        )
        if line.other is not None and line.other != line.balance:
            gap = fmt.money(line.balance - line.other, line.currency, cents=True, sign=True)
            notes.append(
                t(
                    "money.cash.differs",
                    label=label,
                    amount=fmt.money(line.other, line.currency, cents=True),
                    gap=gap,
                )
            )
        if line.source == "running" and line.counted:
            notes.append(t("money.cash.running", label=label))
    header = tuple(
        t(f"money.cash.column.{name}") for name in ("account", "balance", "currency", "until", "source")
    )
    now = money.cash_now
    if any(line.currency != money.currency for line in money.cash):
        notes.append(t("money.cash.foreign", currency=money.currency))
    return Block(
        "cash",
        title,
        "plain" if now is not None else "not_evaluated",
        t("money.cash.known") if now is not None else _word("unknown", fmt),
        t("money.cash.answer", amount=fmt.money(now), day=fmt.day(money.today))
        if now is not None
        else t("money.reason.no_cash"),
        (Table(t("money.cash.table"), header, tuple(rows)),) if rows else (),
        points(fmt, evidence=notes),
    )


def _forecast(found: Answers, playbook: Playbook, fmt: Format) -> Block:
    t, cash = fmt.wording.text, found.forecast
    title = t("money.forecast.title")
    if isinstance(cash, NotEstimable) or isinstance(found.runway, NotEstimable):
        codes = cash.reasons if isinstance(cash, NotEstimable) else ()
        return Block("forecast", title, "not_evaluated", _word("unknown", fmt), _reasons(codes, fmt))
    last = cash.balances[-1]
    low_day, lowest = cash.lowest("low")
    ends = t("money.forecast.answer", low=fmt.money(last[0]), mid=fmt.money(last[1]), high=fmt.money(last[2]))
    life = _runway(found.runway, fmt)
    names = tuple(t(f"money.case.{case}") for case in CASES)
    weekly = tuple(
        (
            t("money.forecast.week", number=n + 1, day=fmt.short_day(_week_end(cash, n))),
            *(fmt.money(v) for v in week),
        )
        for n, week in enumerate(cash.balances)
    )
    moved = tuple(
        (t(f"money.line.{line.what}"), *(fmt.money(line.total(case), sign=True) for case in CASES))
        for line in cash.lines
    )
    usual, worst = churn_rates(found.money)
    days = found.money.pay_days
    assumptions = [
        t("money.assume.no_new"),
        t("money.assume.churn", usual=fmt.share(usual), worst=fmt.share(worst)),
        t("money.assume.pay_days", middle=fmt.number(days[0]), late=fmt.number(days[1]))
        if days
        else t("money.assume.pay_days_unknown"),
        t("money.assume.recurring", months=fmt.number(playbook.finance.months_looked_back)),
        t("money.assume.payroll"),
        t("money.assume.tax"),
    ]
    if found.money.books_state != "complete":
        assumptions.insert(0, t("money.assume.books"))
    silent = sum((i.open for i in found.money.invoices if i.basis == "none"), ZERO)
    if silent:
        assumptions.append(t("money.assume.silent", amount=fmt.money(silent)))
    foreign = sum(i.currency != found.money.currency for i in found.money.invoices)
    if foreign:
        assumptions.append(fmt.wording.count("money.assume.foreign", foreign))
    tone = "off" if lowest < 0 else "watch" if found.runway.low is not None else "ok"
    return Block(
        "forecast",
        title,
        tone,
        t(f"money.forecast.{tone}"),
        f"{ends} {life}",
        (
            Table(
                t("money.forecast.table.lines", weeks=WEEKS), (t("money.forecast.column.what"), *names), moved
            ),
            Table(t("money.forecast.table.weeks"), (t("money.forecast.column.week"), *names), weekly),
        ),
        points(
            fmt,
            evidence=[t("money.forecast.lowest", amount=fmt.money(lowest), day=fmt.day(low_day))],
            assumptions=assumptions,
            change=[t("money.forecast.change")],
        ),
    )


def _week_end(cash: Forecast, week: int) -> date:
    return cash.first_day + timedelta(days=7 * week + 6)


def _runway(life: Runway, fmt: Format) -> str:
    t = fmt.wording.text
    if life.low is None:
        return t("money.runway.none")
    if life.mid is None:
        return t("money.runway.low_only", low=fmt.number(life.low, 1))
    return t("money.runway.range", low=fmt.number(life.low, 1), mid=fmt.number(life.mid, 1))


def _receivables(found: Answers, fmt: Format) -> Block:
    t, money = fmt.wording.text, found.money
    own = [i for i in money.invoices if i.currency == money.currency]
    late = [i for i in own if i.days_late > 0]
    buckets = tuple(
        (t(f"money.bucket.{name}"), fmt.number(len(held)), fmt.money(sum((i.open for i in held), ZERO)))
        for name in ("not_due", "1-30", "31-60", "61-90", "over_90")
        if (held := [i for i in own if i.bucket == name])
    )
    who: dict[str, list[Decimal | int]] = {}
    for invoice in late:
        sums = who.setdefault(invoice.customer or "–", [ZERO, 0, 0])
        sums[0] += invoice.open
        sums[1] = max(int(sums[1]), invoice.days_late)
        sums[2] += 1
    worst = sorted(who.items(), key=lambda item: (-item[1][0], item[0]))
    rows = tuple(
        (name, fmt.number(int(sums[2])), fmt.money(sums[0]), fmt.wording.count("duration.days", int(sums[1])))
        for name, sums in worst[:_LATE_NAMED]
    )
    evidence = []
    if money.outstanding:
        period, owed, days = money.outstanding
        evidence.append(
            t(
                "money.receivables.dso",
                period=fmt.period(period),
                owed=fmt.money(owed),
                days=fmt.number(days, 1),
            )
            if days is not None
            else t("money.receivables.no_dso")
        )
    habits = (
        sum(i.basis == "own" for i in own),
        sum(i.basis == "all" for i in own),
        sum(i.basis == "none" for i in own),
    )
    if own:
        evidence.append(
            t(
                "money.receivables.habits",
                own=fmt.number(habits[0]),
                all=fmt.number(habits[1]),
                none=fmt.number(habits[2]),
            )
        )
    if len(worst) > _LATE_NAMED:
        evidence.append(fmt.wording.count("money.receivables.more", len(worst) - _LATE_NAMED))
    total, overdue = sum((i.open for i in own), ZERO), sum((i.open for i in late), ZERO)
    tables = []
    if buckets:
        tables.append(
            Table(
                t("money.receivables.ages"),
                tuple(t(f"money.receivables.column.{n}") for n in ("age", "count", "open")),
                buckets,
            )
        )
    if rows:
        tables.append(
            Table(
                t("money.receivables.late"),
                tuple(t(f"money.receivables.column.{n}") for n in ("customer", "count", "open", "days")),
                rows,
            )
        )
    tone = "watch" if overdue else "ok"
    return Block(
        "receivables",
        t("money.receivables.title"),
        tone,
        t(f"money.receivables.{tone}"),
        t("money.receivables.answer", total=fmt.money(total), overdue=fmt.money(overdue)),
        tuple(tables),
        points(fmt, evidence=evidence, assumptions=[t("money.receivables.terms")]),
    )


# -- The plan


def _plan(plan: ask.Against, fmt: Format) -> Block:
    t = fmt.wording.text
    rows = []
    for phase in plan.phases:
        label = t("money.plan.months", first=phase.months[0], last=phase.months[1])
        if not phase.months_done:
            rows.append((label, fmt.money(sum(phase.planned.values(), ZERO)), t("money.plan.ahead"), "–"))
            continue
        if phase.months_done <= phase.months[1] - phase.months[0]:
            label = t("money.plan.part", label=label, done=phase.months_done)
        for name, planned in phase.planned.items():
            use = f"money.plan.use.{name}"
            spent = phase.spent[name]
            rows.append(
                (
                    f"{label}: {t(use) if fmt.wording.has(use) else name}",
                    fmt.money(planned),
                    fmt.money(spent),
                    fmt.money(spent - planned, sign=True),
                )
            )
        rows.append((f"{label}: {t('money.plan.outside')}", "–", fmt.money(phase.outside), "–"))
    goals = [
        (
            t("money.plan.mrr", month=n),
            fmt.money(planned),
            t("money.plan.ahead") if actual is None else fmt.money(actual),
            "–" if actual is None else fmt.money(actual - planned, sign=True),
        )
        for n, planned, actual in plan.mrr
    ]
    goals += [
        (
            t("money.plan.roi", month=n),
            fmt.share(planned, 0),
            t("money.plan.ahead") if actual is None else fmt.share(actual, 0),
            "–" if actual is None else fmt.points(actual - planned, 0),
        )
        for n, planned, actual in plan.roi
    ]
    planned_even, even = plan.break_even
    if planned_even is not None:
        goals.append(
            (
                t("money.plan.break_even"),
                t("money.plan.month", month=planned_even),
                t("money.plan.not_yet") if even is None else t("money.plan.month", month=even),
                "–",
            )
        )
    passed = [(planned, actual) for _, planned, actual in plan.mrr if actual is not None]
    behind = bool(passed) and passed[-1][1] < passed[-1][0]
    answer = (
        t("money.plan.no_goal_yet", month=plan.month)
        if not passed
        else t(
            "money.plan.behind" if behind else "money.plan.reached",
            mrr=fmt.money(passed[-1][1]),
            goal=fmt.money(passed[-1][0]),
        )
    )
    header = tuple(t(f"money.plan.column.{n}") for n in ("what", "planned", "actual", "difference"))
    missed = [
        t("money.plan.roi", month=n)
        for n, planned, actual in plan.roi
        if actual is not None and actual < planned
    ]
    over = [p for p in plan.phases if p.months_done > p.months[1] - p.months[0]]
    planned_sum = sum((sum(p.planned.values(), ZERO) for p in over), ZERO)
    spent_sum = sum((sum(p.spent.values(), ZERO) for p in over), ZERO)
    evidence = [t("money.plan.missed", goals=fmt.listed(missed))] if missed else []
    if over:
        outside = fmt.money(sum((p.outside for p in over), ZERO))
        evidence.append(
            t(
                "money.plan.spent",
                planned=fmt.money(planned_sum),
                spent=fmt.money(spent_sum),
                outside=outside,
            )
        )
    tone = (
        "plain" if not passed else "off" if behind else "watch" if missed or spent_sum > planned_sum else "ok"
    )
    return Block(
        "plan",
        t("money.plan.title"),
        tone,
        t("money.plan.word", month=plan.month),
        answer,
        (
            Table(t("money.plan.goals"), header, tuple(goals)),
            Table(t("money.plan.investment"), header, tuple(rows)),
        ),
        points(fmt, evidence=evidence, assumptions=[t("money.plan.assume")]),
    )
