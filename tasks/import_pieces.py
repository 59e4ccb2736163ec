"""What there is to import: the files that a person named or dropped, and those inside mails and archives."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from connectors.accounting import ImportedFile, ReadOptions, Refused, Rejected
from connectors.accounting.archives import with_options
from connectors.accounting.mails import attachments, is_mail
from connectors.accounting.reading import content_of, refused
from connectors.accounting.recognise import is_archive

SETTLE_SECONDS = 2.0  # a file that changed less long ago may still be growing
_MAX_DEPTH = 2  # an archive in a mail; archives themselves open those within
_UNFINISHED = (".part", ".tmp", ".crdownload", ".download", ".partial")


@dataclass(frozen=True, slots=True)
class Piece:
    """One file to be read: its bytes, or why it is refused. `exported_at` (UTC): when it was written."""

    name: str
    data: bytes
    exported_at: datetime | None
    refusal: ImportedFile | None = None
    account: str | None = None  # by the folder in its archive, where that says it

    @property
    def sha256(self) -> str:
        """What the content is known by; empty for what could not be read."""
        return "" if self.refusal else hashlib.sha256(self.data).hexdigest()


def expand(paths: Iterable[Path]) -> list[Path]:
    """The files named, with those of a folder in its place, the one written last at the end."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = [p for p in path.rglob("*") if p.is_file()]
            found += sorted(inside, key=lambda p: (_written(p), p.name))
        else:
            found.append(path)
    return found


def settled(
    inbox: Path, clock: Callable[[], float], wait: Callable[[float], None]
) -> tuple[list[Path], list[Path]]:
    """The inbox's files, oldest first, and those still growing: young files are looked at twice."""
    paths = [
        path
        for path in inbox.iterdir()
        if path.is_file() and not path.name.startswith((".", "~$")) and path.suffix.lower() not in _UNFINISHED
    ]
    before = {path: (stat.st_mtime, stat.st_size) for path in paths if (stat := _stat(path))}
    now = clock()
    ages = {path: now - changed for path, (changed, _) in before.items()}
    young = {path for path, age in ages.items() if 0 <= age < SETTLE_SECONDS}
    if young:
        wait(SETTLE_SECONDS - min(ages[path] for path in young))
    growing = [
        path for path in young if not (stat := _stat(path)) or (stat.st_mtime, stat.st_size) != before[path]
    ]
    whole = sorted((path for path in before if path not in growing), key=lambda p: (before[p][0], p.name))
    return whole, sorted(growing)


def pieces(paths: Sequence[Path], options: ReadOptions) -> Iterator[Piece]:
    """Each file of these, one in memory at a time; mails and archives as the files inside them."""
    for path in paths:
        written = datetime.fromtimestamp(_written(path), UTC)
        try:
            data = content_of(path, options)
        except OSError as error:
            reason = f"The file cannot be opened ({error.strerror}). Check its name and who may read it."
            yield Piece(path.name, b"", None, _rejected(path.name, reason))
            continue
        if isinstance(data, Refused):
            yield Piece(path.name, b"", written, refused(path.name, "", data))
        else:
            yield from _opened(Piece(path.name, data, written), options)


def _opened(piece: Piece, options: ReadOptions, depth: int = 1) -> Iterator[Piece]:
    if depth > _MAX_DEPTH or not (is_mail(piece.data) or is_archive(piece.data)):
        yield piece
        return
    try:
        if is_mail(piece.data):
            inside = [(name, data, options) for name, data in attachments(piece.data, options)]
        else:
            # All of it at once: of an archive that is found damaged nothing is taken in.
            inside = list(with_options(piece.data, options))
    except Refused as refusal:
        yield Piece(piece.name, b"", piece.exported_at, refused(piece.name, piece.sha256, refusal))
        return
    for name, data, given in inside:
        found = Piece(f"{piece.name}/{name}", data, piece.exported_at, account=given.account)
        yield from _opened(found, options, depth + 1)


def _rejected(name: str, reason: str) -> ImportedFile:
    return ImportedFile(name, "", None, None, [], [], [], {}, [Rejected(None, reason)], [])


def _written(path: Path) -> float:
    found = _stat(path)
    return found.st_mtime if found else 0.0


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
