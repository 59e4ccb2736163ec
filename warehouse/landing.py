"""Landing files: pages as they were received, before anything understands them.

A run is a folder `landing/<source>/<resource>/<run_id>/` with zstd segments (one page a line, flushed to a
block's end) and a manifest with one line per page. The manifest is the truth: bytes beyond its last offset
are the tail of a killed write and are cut off. Nothing here reads what a page says.

A line is `{"page": N, "body": …}`, the body as received: with its number inside, DuckDB may read the segments
in any order. A segment is one zstd frame, sealed when it is full (docs/decisions/012).
"""

import contextlib
import fcntl
import json
import logging
import os
import re
import shutil
import zlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Self

import zstandard

from warehouse.errors import DiskFull, UnreadableLanding, WarehouseError
from warehouse.landing_manifest import MANIFEST, LandedPage, checksums, whole_pages
from warehouse.store import disk_errors, lock, write_whole

log = logging.getLogger(__name__)

COMPLETE = "complete.json"
# Of JSON. DuckDB takes a file of this size at once and needs thirty times that to take it apart.
SEGMENT_BYTES = 2 * 1024 * 1024
_SYNC_PAGES = 64  # a power cut may cost so many pages, which are then read again; a kill costs none
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_FORMAT = 2  # runs of format 1 (0.1.0: gzip, bare bodies) are set aside, and their windows read again
_SEGMENTS = "*.jsonl.zst"
# How a frame ends that was cut at a flush: an empty last block, and no checksum of the whole.
_LAST_BLOCK = b"\x01\x00\x00"
_RUN_ID = "%Y%m%dT%H%M%S%fZ"
_RUN_NAME = re.compile(r"\d{8}T\d{12}Z")


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class RunWindow:
    """What a run covers: changes from `since` (None = everything) until `until`, both UTC."""

    since: datetime | None
    until: datetime


class LandingRun:
    """One run of one resource; open for appending until `complete()` or `close()`, then only for reading."""

    def __init__(
        self, folder: Path, clock: Callable[[], datetime], held: contextlib.ExitStack | None
    ) -> None:
        self.folder = folder
        self.run_id = folder.name
        self.resource = folder.parent.name
        self.source = folder.parent.parent.name
        self._clock = clock
        self._held = held
        self._segment: IO[bytes] | None = None
        self._packer = _packer()
        self._filled = 0  # bytes of JSON in the open segment
        self._unsynced = 0
        lines = (folder / MANIFEST).read_text(encoding="utf-8").split("\n")
        head = json.loads(lines[0])
        since = head["since"]
        self.window = RunWindow(
            since=datetime.fromisoformat(since) if since else None,
            until=datetime.fromisoformat(head["until"]),
        )
        self.basis: int | None = head.get("basis")
        self._head = lines[0]
        self._pages = whole_pages(lines[1:])
        if held is not None:
            self._cut_back()
        self._manifest = (folder / MANIFEST).open("ab") if held is not None else None

    @property
    def pages(self) -> tuple[LandedPage, ...]:
        """The pages landed so far, in the order received."""
        return tuple(self._pages)

    @property
    def resume(self) -> str | None:
        """The cursor after the last landed page; None when nothing landed or when it was the last one."""
        return self._pages[-1].cursor if self._pages else None

    @property
    def exhausted(self) -> bool:
        """True when the last page has landed (no cursor follows) and only `complete()` is missing."""
        return bool(self._pages) and self._pages[-1].cursor is None

    @property
    def records(self) -> int:
        """How many records the landed pages hold, as counted by the connector."""
        return sum(page.count for page in self._pages)

    @property
    def size(self) -> int:
        """How many bytes of JSON the landed pages hold."""
        return sum(page.length for page in self._pages)

    @property
    def is_complete(self) -> bool:
        """True once the whole window has landed."""
        return (self.folder / COMPLETE).exists()

    def check_whole(self) -> None:
        """Raises UnreadableLanding when a complete run's manifest has lost pages since it was completed."""
        marker = json.loads((self.folder / COMPLETE).read_text(encoding="utf-8"))
        if marker["pages"] != len(self._pages):
            raise UnreadableLanding(
                f"Landing run {self.run_id} of {self.source}.{self.resource} was completed with "
                f"{marker['pages']} pages, and its manifest names {len(self._pages)}; set it aside and read "
                "its window again."
            )

    @property
    def segments(self) -> list[Path]:
        """The files that hold the pages, in the order received."""
        return [self.folder / name for name in dict.fromkeys(page.segment for page in self._pages)]

    def append(self, page_body: bytes, count: int, cursor: str | None) -> None:
        """Land one page. Once this returns a kill of this process does not lose it.

        Raises DiskFull when it does not fit; what landed before stays, and the run can be resumed.
        """
        if self._manifest is None:
            raise WarehouseError(f"Landing run {self.run_id} of {self.source}.{self.resource} is closed.")
        # Inside JSON a raw line break can only stand between tokens, so a space changes nothing.
        body = page_body.replace(b"\r", b" ").replace(b"\n", b" ")
        number = len(self._pages) + 1
        line = b'{"page":%d,"body":%b}\n' % (number, body)
        mark = self._manifest.tell()
        before: tuple[Path, int] | None = None
        try:
            with disk_errors(self.folder):
                segment = self._writable()
                before = Path(segment.name), segment.tell()
                packed = self._packer.compress(line) + self._packer.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
                page = LandedPage(
                    number=number,
                    segment=before[0].name,
                    offset=before[1] + len(packed),
                    length=len(line),
                    checksum=zlib.crc32(packed),
                    count=count,
                    cursor=cursor,
                    received_at=self._clock(),
                )
                segment.write(packed)
                segment.flush()
                self._manifest.write(page.line())
                self._manifest.flush()
                self._unsynced += 1
                if self._unsynced >= _SYNC_PAGES:
                    self._sync()
        except DiskFull:
            # Cutting back needs no space; the next resume would do the same if this process died here.
            self.close()
            if before is not None:
                os.truncate(*before)
            os.truncate(self.folder / MANIFEST, mark)
            raise
        self._filled += page.length
        self._pages.append(page)

    def to_disk(self) -> None:
        """What landed so far outlives a power cut too, once this returns. Raises DiskFull."""
        with disk_errors(self.folder):
            self._sync()
            handle = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)

    def complete(self) -> None:
        """Mark the window as wholly landed, on disk for good; the run is then read-only."""
        if self._manifest is None:
            raise WarehouseError(f"Landing run {self.run_id} of {self.source}.{self.resource} is closed.")
        with disk_errors(self.folder):
            self._seal_segment()
            self._sync()
            marker = {"pages": len(self._pages), "records": self.records}
            write_whole(self.folder / COMPLETE, json.dumps(marker))
        self.close()

    def close(self) -> None:
        """Let go of the run; an incomplete one is resumed by the next `Landing.open`."""
        for handle in (self._segment, self._manifest, self._held):
            if handle is not None:
                with contextlib.suppress(OSError):  # A full disk fails the flush; the caller knows already.
                    handle.close()
        self._segment = self._manifest = self._held = None

    def set_aside(self, reason: str) -> Path:
        """Move the run out of the way, bytes and all, so that its window is read again; the new folder."""
        self.close()
        return _set_aside(self.folder, reason)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        if getattr(self, "_held", None) is not None:
            self.close()

    def _writable(self) -> IO[bytes]:
        if self._segment is not None and self._filled >= SEGMENT_BYTES:
            self._seal_segment()
        if self._segment is None:
            number = int(self._pages[-1].segment[:5]) + 1 if self._pages else 1
            self._packer = _packer()
            self._filled = 0
            self._segment = (self.folder / f"{number:05d}.jsonl.zst").open("wb")
        return self._segment

    def _seal_segment(self) -> None:
        if self._segment is not None:
            self._segment.write(self._packer.flush(zstandard.COMPRESSOBJ_FLUSH_FINISH))
            self._sync()
            self._segment.close()
            self._segment = None

    def _sync(self) -> None:
        if self._segment is not None:
            self._segment.flush()
            os.fsync(self._segment.fileno())
        if self._manifest is not None:
            self._manifest.flush()
            os.fsync(self._manifest.fileno())
        self._unsynced = 0

    def _cut_back(self) -> None:
        """Keep the pages whose bytes are all there; after a power cut the manifest may know more."""
        whole: list[LandedPage] = []
        for page, found in zip(self._pages, checksums(self.folder, self._pages), strict=False):
            if found != page.checksum:
                break
            whole.append(page)
        self._pages = whole
        ends = {page.segment: page.offset for page in whole}
        for path in self.folder.glob(_SEGMENTS):
            if path.name not in ends:
                path.unlink()
            else:
                _seal(path, ends[path.name])
        kept = self._head.encode() + b"\n" + b"".join(page.line() for page in whole)
        if (self.folder / MANIFEST).read_bytes() != kept:
            write_whole(self.folder / MANIFEST, kept.decode())


def _packer() -> Any:
    return zstandard.ZstdCompressor(level=1).compressobj()


def _seal(path: Path, end: int) -> None:
    """Make a segment that was left open at a page's end a whole frame; a sealed one stays as it is."""
    with path.open("r+b") as handle, disk_errors(path):
        handle.seek(end)
        if handle.read() == _LAST_BLOCK:
            return
        handle.truncate(end)
        handle.seek(end)
        handle.write(_LAST_BLOCK)
        handle.flush()
        os.fsync(handle.fileno())


class Landing:
    """The landing folder of one home. `clock` gives the instants of `received_at` and run ids, in UTC."""

    def __init__(self, home: Path, *, clock: Callable[[], datetime] = _now) -> None:
        self.folder = home / "landing"
        self._clock = clock

    def open(
        self,
        source: str,
        resource: str,
        since: datetime | None,
        until: datetime,
        *,
        basis: int | None = None,
        anew: bool = False,
    ) -> LandingRun:
        """The incomplete run of that resource if there is one (with its own window), else a new one.

        `basis` is a number of the caller's that the run keeps. With `anew` an incomplete run is put aside
        instead: what it was asked for is not known any more.

        Raises WarehouseBusy at once when another process is landing the same resource.
        """
        folder = self._resource(source, resource)
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            stack.enter_context(lock(folder / ".lock", fcntl.LOCK_EX, timedelta(0)))
            for path in _run_folders(folder):
                if (path / COMPLETE).exists() or _set_aside_if_unusable(path):
                    continue
                if not anew:
                    break
                _set_aside(path, "another was begun in its place")
            else:
                with disk_errors(folder):
                    path = self._new_run(folder, since, until, basis)
            return LandingRun(path, self._clock, stack.pop_all())

    def runs(self, source: str, resource: str) -> list[LandingRun]:
        """The complete runs of a resource, oldest first, for reading; a damaged one is set aside."""
        return [
            LandingRun(path, self._clock, None)
            for path in _run_folders(self._resource(source, resource))
            if (path / COMPLETE).exists() and not _set_aside_if_unusable(path)
        ]

    def resources(self) -> list[tuple[str, str]]:
        """Every (source, resource) that ever landed."""
        return sorted(
            (path.parent.name, path.name)
            for path in self.folder.glob("*/*")
            if path.is_dir() and _NAME.fullmatch(path.name)
        )

    def expire(self, before: datetime, merged: Collection[tuple[str, str, str]]) -> int:
        """Remove complete runs that ended before `before` and are merged, and set-aside ones; bytes freed.

        `merged` holds (source, resource, run_id). The newest run of a resource always stays: run ids go on
        from it.
        """
        freed = 0
        for source, resource in self.resources():
            folder = self._resource(source, resource)
            aside = [path for path in folder.glob("*.set-aside") if path.name[:8] < f"{before:%Y%m%d}"]
            old = [
                run.folder
                for run in self.runs(source, resource)[:-1]
                if run.window.until < before and (source, resource, run.run_id) in merged
            ]
            for path in [*aside, *old]:
                freed += sum(found.stat().st_size for found in path.iterdir())
                shutil.rmtree(path)
        return freed

    def _resource(self, source: str, resource: str) -> Path:
        for name in (source, resource):
            if not _NAME.fullmatch(name):
                raise WarehouseError(f"{name!r} cannot name a source or resource: use a-z, 0-9 and _.")
        return self.folder / source / resource

    def _new_run(self, folder: Path, since: datetime | None, until: datetime, basis: int | None) -> Path:
        stamp = self._clock().astimezone(UTC)
        # Those set aside too; not the draft that a kill may have left.
        names = [found[0] for path in folder.iterdir() if (found := _RUN_NAME.match(path.name))]
        if names:
            # Run ids order the merge, so they must grow even under a frozen or corrected clock.
            last = datetime.strptime(max(names), _RUN_ID).replace(tzinfo=UTC)
            stamp = max(stamp, last + timedelta(microseconds=1))
        path = folder / f"{stamp:{_RUN_ID}}"
        # Under a name that `open` does not look for, so that a kill leaves no run without a manifest.
        draft = folder / ".draft"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        head = {
            "format": _FORMAT,
            "since": since.isoformat() if since else None,
            "until": until.isoformat(),
            "basis": basis,
        }
        write_whole(draft / MANIFEST, json.dumps(head) + "\n")
        draft.rename(path)
        return path


def _run_folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _RUN_NAME.fullmatch(path.name))


def _set_aside_if_unusable(path: Path) -> bool:
    """Move a run away whose manifest says nothing any more. Unless merged, its window is read again."""
    reason = "its manifest is damaged"
    try:
        head = json.loads((path / MANIFEST).read_text(encoding="utf-8").partition("\n")[0])
        if isinstance(head, dict) and {"since", "until"} <= head.keys():
            if head.get("format") == _FORMAT:
                return False
            reason = f"it is of format {head.get('format', 1)}, which this version does not read"
    except (ValueError, FileNotFoundError):
        pass
    _set_aside(path, reason)
    log.warning("the landing run %s of %s was set aside: %s", path.name, path.parent.name, reason)
    return True


def _set_aside(path: Path, reason: str) -> Path:
    target = path.with_name(f"{path.name}.set-aside")
    path.rename(target)
    (target / "reason.txt").write_text(reason, encoding="utf-8")
    return target


def verify(run: LandingRun) -> None:
    """Raises UnreadableLanding when a complete run's bytes are not those that were landed."""
    found = list(checksums(run.folder, run.pages))
    if found != [page.checksum for page in run.pages]:
        raise UnreadableLanding(
            f"Landing run {run.run_id} of {run.source}.{run.resource} is damaged on disk; "
            "set it aside and read its window again."
        )
