"""The manifest of a landing run: a line for each page, and whether the bytes are still those it names."""

import json
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Self

MANIFEST = "manifest.jsonl"


@dataclass(frozen=True, slots=True)
class LandedPage:
    """One manifest line: where the page ends in its segment, how many records it has, where to go on.

    `number` is its place in the run, from 1.
    """

    number: int
    segment: str
    offset: int
    length: int
    checksum: int
    count: int
    cursor: str | None
    received_at: datetime

    @classmethod
    def parse(cls, line: str, number: int) -> Self:
        """The page that a manifest line describes; ValueError, KeyError or TypeError when it is torn."""
        found: dict[str, Any] = json.loads(line)
        return cls(
            number=number,
            segment=sys.intern(found["segment"]),
            offset=found["offset"],
            length=found["length"],
            checksum=found["checksum"],
            count=found["count"],
            cursor=found["cursor"],
            received_at=datetime.fromisoformat(found["received_at"]),
        )

    def line(self) -> bytes:
        """The manifest line that `parse` reads."""
        found = {
            "segment": self.segment,
            "offset": self.offset,
            "length": self.length,
            "checksum": self.checksum,
            "count": self.count,
            "cursor": self.cursor,
            "received_at": self.received_at.isoformat(),
        }
        return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def whole_pages(lines: Sequence[str]) -> list[LandedPage]:
    """The pages that the lines after the head describe, up to the first that a kill tore."""
    pages: list[LandedPage] = []
    for line in lines[:-1]:  # The last piece follows the last line break: empty, or torn by a kill.
        try:
            pages.append(LandedPage.parse(line, len(pages) + 1))
        except (ValueError, KeyError, TypeError):
            break
    return pages


def checksums(folder: Path, pages: Sequence[LandedPage]) -> Iterator[int]:
    """The checksum of each page's bytes as they are on disk now; it ends where a segment is missing."""
    handle: IO[bytes] | None = None
    try:
        for page in pages:
            if handle is None or Path(handle.name).name != page.segment:
                if handle is not None:
                    handle.close()
                path = folder / page.segment
                if not path.exists():
                    return
                handle = path.open("rb")
            yield zlib.crc32(handle.read(page.offset - handle.tell()))
    finally:
        if handle is not None:
            handle.close()
