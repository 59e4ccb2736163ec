"""How the command answers: tables for people, JSON for programs, one sentence for errors."""

import json
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table

out = Console(highlight=False, soft_wrap=False)
err = Console(stderr=True, highlight=False)


def plain(value: Any) -> Any:
    """JSON for what JSON does not know: instants and dates in ISO, money as a string, paths as text."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal | Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form here")


def print_json(value: Any) -> None:
    """One JSON document on standard output, nothing else."""
    print(json.dumps(value, default=plain, ensure_ascii=False, indent=2))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """A table for people; None is shown as a dash."""
    table = Table(
        title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False
    )
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*["–" if cell is None or cell == "" else str(cell) for cell in row])
    out.print(table)


def print_notes(about: str, notes: Iterable[str]) -> None:
    """What there is to say about something, a line each, kept inside the window."""
    out.print(f"[bold]{about}[/]", soft_wrap=True)
    for note in notes:
        out.print(Padding(escape(note), (0, 0, 0, 2)))


def yes_no(value: bool | None) -> str:
    """A word for a fact that may be unknown."""
    return {True: "yes", False: "no", None: "–"}[value]
