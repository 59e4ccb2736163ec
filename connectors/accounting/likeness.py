"""What files of one account have in common: the header of their table, whatever stands above and below it."""

import re
from dataclasses import dataclass

from connectors.accounting.recognise import recognise
from connectors.accounting.shapes import ReadOptions, Refused, plain

_LOOKED_AT = 60  # rows; banks write at most some dozens of lines above their tables


@dataclass(frozen=True, slots=True)
class Likeness:
    """Format and header names of a table, in plain letters."""

    format: str | None
    header: tuple[str, ...]


def likeness(data: bytes, options: ReadOptions) -> Likeness | None:
    """By what later files of the same account can be told; None for files that are no tables."""
    try:
        content = recognise(data, options)
    except Refused:
        return None
    if content.table is None:
        return None
    best: tuple[str, ...] = ()
    for row in content.table.rows[:_LOOKED_AT]:
        names = tuple(plain(text) for text in row.filled())
        # A header names its columns: no figure, no date, and more names than any row above it.
        if len(names) > len(best) and not any(re.search(r"\d", name) for name in names):
            best = names
    return Likeness(content.format.value if content.format else None, best) if len(best) > 1 else None
