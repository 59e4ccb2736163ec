"""A question about money with its answer, as the command and the report lay it out."""

from collections.abc import Iterable
from dataclasses import dataclass

from reports.formatting import Format


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of texts; the first column names the row, the others are amounts."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Block:
    """One question, its answer, and what the answer rests on; `points` are (heading, sentences)."""

    key: str
    title: str
    tone: str
    word: str
    answer: str
    tables: tuple[Table, ...] = ()
    points: tuple[tuple[str, tuple[str, ...]], ...] = ()


def points(fmt: Format, **listed: Iterable[str]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Headings of the catalogue with the sentences under them; those without a sentence are left out."""
    return tuple(
        (fmt.wording.text(f"money.{name}"), kept)
        for name, texts in listed.items()
        if (kept := tuple(text for text in texts if text))
    )
