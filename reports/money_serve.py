"""What it costs to serve clients, in words: nobody bears what no work of his used."""

from playbook.loader import Playbook
from reports.formatting import Format
from reports.money import ZERO, Serve
from reports.money_block import Block, Table, points

_NAMED = 8


def serve_block(serve: Serve, playbook: Playbook, fmt: Format) -> Block:
    """The parts of the direct costs, and the clients who leave least."""
    t = fmt.wording.text
    parts = [
        (
            t(f"money.serve.part.{name}"),
            fmt.money(amount),
            fmt.share(amount / serve.ledger) if serve.ledger else "–",
        )
        for name, amount in (
            ("direct", serve.direct),
            ("time", serve.time),
            ("time_of_nobody", serve.time_of_nobody),
            ("shared", serve.shared),
            ("unused", serve.unused),
            ("ledger", serve.ledger),
        )
        if amount or name == "ledger"
    ]
    least = tuple(
        (
            each.name,
            fmt.money(each.revenue),
            t("money.range", low=fmt.money(each.low), high=fmt.money(each.high)),
        )
        for each in serve.clients[:_NAMED]
    )
    losing = sum(each.high < ZERO for each in serve.clients)
    perhaps = sum(each.low < ZERO <= each.high for each in serve.clients)
    basis = serve.basis or "none"
    unused = serve.unused / (serve.unused + serve.time + serve.time_of_nobody) if serve.time else None
    sentence = "over" if serve.unused < 0 else "unused"
    answer = t("money.serve.answer", period=fmt.period(serve.period), total=fmt.money(serve.ledger))
    if unused is not None:
        answer += " " + t(
            f"money.serve.{sentence}", amount=fmt.money(abs(serve.unused)), share=fmt.share(abs(unused), 0)
        )
    tone = "watch" if losing or serve.unused < 0 else "plain"
    return Block(
        "serve",
        t("money.serve.title"),
        tone,
        t(f"money.serve.basis.{basis}"),
        answer,
        (
            Table(
                t("money.serve.parts"),
                tuple(t(f"money.serve.column.{n}") for n in ("part", "amount", "share")),
                tuple(parts),
            ),
            *(
                (
                    Table(
                        t("money.serve.least", months=playbook.finance.months_looked_back),
                        tuple(t(f"money.serve.column.{n}") for n in ("client", "revenue", "margin")),
                        least,
                    ),
                )
                if least
                else ()
            ),
        ),
        points(
            fmt,
            evidence=[
                fmt.wording.count("money.serve.losing", losing),
                fmt.wording.count("money.serve.perhaps", perhaps),
                t("money.serve.unpriced", minutes=fmt.number(serve.unpriced_minutes))
                if serve.unpriced_minutes
                else "",
            ],
            assumptions=[
                t(f"money.serve.assume.{basis}", spread=fmt.share(playbook.finance.minutes_spread, 0)),
                t(
                    "money.serve.assume.capacity",
                    hours=fmt.number(playbook.finance.hours_per_month),
                    share=fmt.share(playbook.finance.practical_share, 0),
                ),
                t("money.serve.assume.range"),
                t("money.serve.assume.tokens"),
            ],
            change=[t("money.serve.change")],
        ),
    )
