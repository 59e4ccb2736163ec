"""What the landing folder keeps of each accounting file: its bytes, and how far its import came.

Beside the original `<sha256>` stand `<sha256>.begun` (its name and the answers it is read with, written
before its records land), `<sha256>.json` (what came of it, once they are in raw and in the journal) and
`<sha256>.undone` (a person took it out again). So a kill at any point is seen, and taken up.
"""

import hashlib
import json
import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from connectors.accounting import ReadOptions
from warehouse.store import disk_errors

ANSWERS = ("decimal_mark", "date_order", "account", "currency")
_SHA256 = 64  # letters


def answers(options: ReadOptions) -> dict[str, str | None]:
    """What a person said where a file leaves it open."""
    return {name: getattr(options, name) for name in ANSWERS}


class Kept:
    """The kept files of one home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def begin(self, sha256: str, data: bytes, about: dict[str, Any]) -> None:
        """Keep a file before its records land; one that was undone is then no longer so."""
        if hashlib.sha256(data).hexdigest() != sha256:
            return
        if not (self.folder / sha256).exists():
            self._write(sha256, data)
        self._write(f"{sha256}.begun", orjson.dumps(about))
        (self.folder / f"{sha256}.undone").unlink(missing_ok=True)

    def finish(self, sha256: str, outcome: dict[str, Any]) -> None:
        """Write what came of a file whose records are in raw and in the journal."""
        self._write(f"{sha256}.json", orjson.dumps(outcome))
        (self.folder / f"{sha256}.begun").unlink(missing_ok=True)

    def undo(self, sha256: str, undone_at: datetime) -> None:
        """Write down that a file is taken out, before it is: what a kill leaves is finished later."""
        if not self.undone(sha256):
            self._write(
                f"{sha256}.undone", orjson.dumps({"undone_at": undone_at.isoformat(), **self.about(sha256)})
            )

    def undone(self, sha256: str) -> dict[str, Any] | None:
        """When and how a file was read that was taken out, or None."""
        return self._read(f"{sha256}.undone")

    def outcome(self, sha256: str) -> dict[str, Any] | None:
        """What came of a file that was taken in whole, or None."""
        return self._read(f"{sha256}.json")

    def forget(self, sha256: str) -> None:
        """Let a file that was taken out be imported again."""
        for ending in ("json", "begun"):
            (self.folder / f"{sha256}.{ending}").unlink(missing_ok=True)

    def about(self, sha256: str) -> dict[str, Any]:
        """Name, answers and time of a kept file, as far as they are known."""
        return (
            self._read(f"{sha256}.begun")
            or self._read(f"{sha256}.json")
            or self._read(f"{sha256}.undone")
            or {}
        )

    def data(self, sha256: str) -> bytes:
        """The bytes of a kept file."""
        return (self.folder / sha256).read_bytes()

    def options(self, sha256: str, options: ReadOptions) -> ReadOptions:
        """`options` with the answers that a kept file was read with."""
        given = self.about(sha256).get("answers", {})
        return replace(options, **{name: given.get(name) for name in ANSWERS})

    def files(self) -> list[str]:
        """The sha256 of every kept file, in the order in which their imports began."""
        found = [path for path in self.folder.iterdir() if len(path.name) == _SHA256]
        return [path.name for path in sorted(found, key=lambda p: (self._began(p.name), p.name))]

    def _began(self, sha256: str) -> float:
        marks = [self.folder / f"{sha256}.{ending}" for ending in ("begun", "json", "undone")]
        times = [mark.stat().st_mtime for mark in marks if mark.exists()]
        return times[0] if times else (self.folder / sha256).stat().st_mtime

    def _read(self, name: str) -> dict[str, Any] | None:
        try:
            found: dict[str, Any] = json.loads((self.folder / name).read_bytes())
        except FileNotFoundError:
            return None
        return found

    def _write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        draft = path.with_name(f".{path.name}.draft")
        with disk_errors(path), draft.open("wb") as handle:
            handle.write(data)
            handle.flush()
            os.fsync(handle.fileno())
        draft.replace(path)
