"""`tenfold finance`: the answers about money from the published build, for people and for programs."""

from collections.abc import Sequence
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from rich.padding import Padding

from console.output import out, print_table
from playbook.loader import Playbook, load_playbook
from reports.formatting import Format, Wording
from reports.money import read_money
from reports.money_block import Block
from reports.money_words import Answers, answers, blocks
from settings import Settings
from warehouse.errors import WarehouseError
from warehouse.published import Published

SIGNS = {"ok": "●", "watch": "▲", "off": "■", "not_evaluated": "○", "plain": "·"}


class NoMoneyYet(WarehouseError):
    """The published build was made before it held tables of money."""


def finance(
    settings: Settings, home: Path, language: str | None
) -> tuple[str, dict[str, Any], tuple[Block, ...]]:
    """The heading, the decisions ready for JSON, and the blocks in `language` (None: the company's first).

    Raises NothingPublished and NoMoneyYet.
    """
    playbook = load_playbook(settings.playbook)
    with Published.open(home, settings.warehouse.key) as published:
        money = read_money(published, playbook)
        as_of, build_id = published.as_of, published.build_id
    if money is None:
        raise NoMoneyYet("The published data holds no tables of money yet; run `tenfold run`.")
    fmt = _format(playbook, language or playbook.company.languages[0])
    found = answers(money, playbook)
    said = blocks(found, playbook, fmt)
    title = fmt.wording.text("money.title", company=playbook.company.name, moment=fmt.moment(as_of))
    facts = {"as_of": as_of, "build_id": build_id, "language": fmt.language, **_facts(found)}
    facts["answers"] = {block.key: {"verdict": block.tone, "text": block.answer} for block in said}
    return title, facts, said


def show_finance(title: str, said: Sequence[Block]) -> None:
    """Question by question: the answer, its tables, what it rests on and what would change it."""
    out.print(f"[bold]{title}[/]", soft_wrap=True)
    for block in said:
        out.print()
        out.print(f"[bold]{block.title}[/]  {SIGNS[block.tone]} {block.word}", soft_wrap=True)
        out.print(Padding(block.answer, (0, 0, 0, 2)), markup=False)
        for table in block.tables:
            print_table(table.caption, table.header, table.rows)
        for heading, texts in block.points:
            out.print(f"  [bold]{heading}[/]")
            for text in texts:
                out.print(Padding(f"- {text}", (0, 0, 0, 2)), markup=False)


def _format(playbook: Playbook, language: str) -> Format:
    return Format(
        Wording(language, playbook.wording[language]), playbook.company.currency, playbook.company.zone
    )


def _facts(found: Answers) -> dict[str, Any]:
    """The decisions as plain values; what a client is called stays out, amounts are decimal strings."""
    money = found.money
    forecast = _plain(found.forecast)
    if "lines" in forecast:
        forecast["lines"] = [{"what": line["what"], "weeks": line["weeks"]} for line in forecast["lines"]]
    return {
        "today": money.today,
        "currency": money.currency,
        "cash_now": money.cash_now,
        "cash": [_plain(line) for line in money.cash],
        "forecast": forecast,
        "runway": _plain(found.runway),
        "receivables": {
            "open": sum((i.open for i in money.invoices if i.currency == money.currency), 0),
            "overdue": sum(
                (i.open for i in money.invoices if i.currency == money.currency and i.days_late), 0
            ),
            "days_sales_outstanding": money.outstanding[2] if money.outstanding else None,
        },
        "hire": _plain(found.hire),
        "marketing": {
            **_plain(found.marketing),
            "channels": [{**_plain(each), "channel": each.channel.id} for each in found.marketing.channels],
        },
        "margin": _plain(found.margin),
        "plan": _plain(found.plan) if found.plan else None,
    }


def _plain(value: Any) -> Any:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value
