"""Accounting and bank files into raw: copied into landing, parsed, merged; one bad file stops no other.

An original stays in `landing/accounting/files/<sha256>`, with what came of it in `<sha256>.json` once its
records are merged. A copy without that outcome belongs to a killed import and is taken up by the next one.
"""

import contextlib
import fcntl
import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from connectors.accounting import ImportedFile, ReadOptions, Rejected, amount_text, read_file
from connectors.accounting.shapes import Record
from warehouse.errors import UnreadableLanding
from warehouse.landing import Landing, LandingRun
from warehouse.raw import Merged, merge, unmerged
from warehouse.status import SourceStatus, State, record_status, source_statuses
from warehouse.store import Store, disk_errors, lock

if TYPE_CHECKING:
    from tasks.sync import ResourceReport

log = logging.getLogger(__name__)

SOURCE = "accounting"
RESOURCES = ("entries", "movements", "documents", "subscriptions", "time_entries", "rates")
RECORDS, KEY = "$.records", "$.key"
VOLATILE = ("$.row", "$.file", "$.format")  # where a record was found makes no new version of it
RECORDS_PER_PAGE = 5000
SETTLE_SECONDS = 2.0  # a file that changed less long ago may still be growing
PATIENCE = timedelta(minutes=10)
DEFAULTS = ReadOptions()
_UNFINISHED = (".part", ".tmp", ".crdownload", ".download", ".partial")


@dataclass(frozen=True, slots=True)
class ImportReport:
    """How an import ended, in the shape of a source's sync; `files` holds one summary per file looked at.

    `rows_seen` counts the records of new files, `rows_added` the versions that were new to raw.
    """

    source: str
    state: State
    reason: str | None
    rows_seen: int
    rows_added: int
    seconds: float
    resources: tuple["ResourceReport", ...]
    files: tuple[dict[str, Any], ...] = ()
    waiting: tuple[str, ...] = ()  # files still being written, left for the next run
    error: Exception | None = None


def inspect(paths: Iterable[Path], options: ReadOptions = DEFAULTS) -> list[dict[str, Any]]:
    """What `tenfold import --json` says of each file; nothing is stored. A folder stands for the files in it.

    Each: file (name), format, encoding, records (transactions or documents), totals (currency -> decimal
    string), rejected ([{row, reason}]; row null = the whole file) and warnings.
    """
    return [summary(_read(path, options)) for path in _expand(paths)]


def summary(found: ImportedFile) -> dict[str, Any]:
    """The JSON-able account of one file that `import --json` prints."""
    return {
        "file": found.file,
        "format": found.format.value if found.format else None,
        "encoding": found.encoding,
        "records": found.records,
        "totals": {currency: amount_text(total) for currency, total in found.totals.items()},
        "rejected": [{"row": item.row, "reason": item.reason} for item in found.rejected],
        "warnings": list(found.warnings),
    }


def import_inbox(
    inbox: Path,
    landing: Landing,
    store: Store,
    as_of: datetime,
    options: ReadOptions = DEFAULTS,
    *,
    clock: Callable[[], float] = time.time,
    wait: Callable[[float], None] = time.sleep,
) -> ImportReport:
    """Import what is new in the inbox (told by content) and record the source's status as of `as_of` (UTC).

    Files still being written are left for next time. The state is `partial` while the inbox holds a file that
    was refused or had rows rejected, `not_configured` when there is no inbox folder. Raises DiskFull and
    WarehouseBusy; whatever landed before is taken up by the next import.
    """
    started = time.perf_counter()
    if not inbox.is_dir():
        status = SourceStatus(SOURCE, "not_configured", "there is no inbox folder", as_of)
        if SOURCE not in source_statuses(store):  # files may have been imported by hand
            record_status(store, status)
        return ImportReport(SOURCE, "not_configured", status.reason, 0, 0, 0.0, ())
    settled, growing = _settled(inbox, clock, wait)
    return _import(_Job(landing, store, as_of, options, started), settled, growing)


def import_files(
    paths: Iterable[Path],
    landing: Landing,
    store: Store,
    as_of: datetime,
    options: ReadOptions = DEFAULTS,
    *,
    alone: bool = False,
) -> ImportReport:
    """Import the files that a person named, wherever they are; otherwise as `import_inbox`.

    `alone`: there is no inbox, so that what people bring is all there is, and says until when the data goes.
    """
    job = _Job(landing, store, as_of, options, time.perf_counter())
    return _import(job, _expand(paths), [], speaks=alone)


@dataclass(frozen=True, slots=True)
class _Job:
    landing: Landing
    store: Store
    as_of: datetime
    options: ReadOptions
    started: float


def _import(
    job: _Job, paths: Sequence[Path], growing: Sequence[Path], *, speaks: bool = True
) -> ImportReport:
    folder = job.landing.folder / SOURCE / "files"
    folder.mkdir(parents=True, exist_ok=True)
    with lock(job.landing.folder / SOURCE / ".sync.lock", fcntl.LOCK_EX, PATIENCE):
        totals = {name: _Tally() for name in RESOURCES}
        error: UnreadableLanding | None = None
        summaries: list[dict[str, Any]] = []
        try:
            for name in RESOURCES:
                for run in unmerged(job.store, job.landing, SOURCE, name):
                    _merge(job.store, run, totals[name])
            landed = _land(job, paths, folder, summaries, totals)
            for digest, found in landed.items():
                _write(_outcome(folder, digest), orjson.dumps(found))
        except UnreadableLanding as failure:
            error = failure
        reasons = [reason for found in summaries if (reason := _fault(found))]
        reasons += [f"{path.name} is still being written" for path in growing]
        state: State = "failed" if error else "partial" if reasons else "complete"
        reason = str(error) if error else "; ".join(reasons) or None
        # A person importing one file says nothing about the inbox.
        if speaks or source_statuses(job.store).get(SOURCE) is None:
            good_until = job.as_of if state == "complete" else None
            record_status(job.store, SourceStatus(SOURCE, state, reason, job.as_of, good_until))
    return ImportReport(
        source=SOURCE,
        state=state,
        reason=reason,
        rows_seen=sum(tally.seen for tally in totals.values()),
        rows_added=sum(tally.added for tally in totals.values()),
        seconds=time.perf_counter() - job.started,
        resources=_reports(totals),
        files=tuple(summaries),
        waiting=tuple(path.name for path in growing),
        error=error,
    )


@dataclass(slots=True)
class _Tally:
    seen: int = 0
    added: int = 0
    pages: int = 0
    seconds: float = 0.0

    def count(self, merged: Merged) -> None:
        self.seen += merged.seen
        self.added += merged.added


def _reports(totals: dict[str, _Tally]) -> "tuple[ResourceReport, ...]":
    from tasks.sync import ResourceReport

    return tuple(
        ResourceReport(resource=name, rows_seen=t.seen, rows_added=t.added, pages=t.pages, seconds=t.seconds)
        for name, t in totals.items()
    )


def _expand(paths: Iterable[Path]) -> list[Path]:
    found: list[Path] = []
    for path in paths:
        found += sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    return found


def _settled(
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
    settled = sorted((path for path in before if path not in growing), key=lambda p: (before[p][0], p.name))
    return settled, sorted(growing)


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None


def _land(
    job: _Job,
    paths: Sequence[Path],
    folder: Path,
    summaries: list[dict[str, Any]],
    totals: dict[str, _Tally],
) -> dict[str, dict[str, Any]]:
    """Read, copy, land and merge what is not in raw yet, one file in memory at a time.

    Adds a summary of every file to `summaries`; returns those of the new files by their sha256.
    """
    new: dict[str, dict[str, Any]] = {}
    seen: dict[str, dict[str, Any]] = {}
    with contextlib.ExitStack() as stack:
        runs: dict[str, LandingRun] = {}
        interrupted = _interrupted(folder)
        for path in [*paths, *interrupted]:
            digest = _digest(path, job.options)
            if digest is not None and digest not in seen and (outcome := _outcome(folder, digest)).exists():
                seen[digest] = _known(outcome, job.options)
                summaries.append({**seen[digest], "file": path.name})
                continue
            if digest in seen:
                if path not in interrupted:
                    summaries.append({**seen[digest], "file": path.name})
                continue
            found = _read(path, job.options)
            summaries.append(summary(found))
            seen[found.sha256] = summaries[-1]
            if found.refusal is not None:
                continue
            _copy(path, folder, found.sha256)
            new[found.sha256] = {**summaries[-1], "answers": _answers(job.options)}
            for name in RESOURCES:
                for cursor, body, count in _pages(found, name):
                    if name not in runs:
                        run = job.landing.open(SOURCE, name, None, job.as_of)
                        runs[name] = stack.enter_context(run)
                    # A killed import may have landed it already.
                    if all(page.cursor != cursor for page in runs[name].pages):
                        runs[name].append(body, count, cursor)
                        totals[name].pages += 1
        for name, run in runs.items():
            started = time.perf_counter()
            run.complete()
            _merge(job.store, run, totals[name])
            totals[name].seconds = time.perf_counter() - started
    return new


def _interrupted(folder: Path) -> list[Path]:
    """Copies whose import was killed before their records were in raw."""
    return sorted(p for p in folder.iterdir() if len(p.name) == 64 and not _outcome(folder, p.name).exists())


def _answers(options: ReadOptions) -> dict[str, str | None]:
    return {"decimal_mark": options.decimal_mark, "date_order": options.date_order}


def _known(outcome: Path, options: ReadOptions) -> dict[str, Any]:
    """The summary of content imported before, with a warning when it was read with other answers than now."""
    found: dict[str, Any] = json.loads(outcome.read_bytes())
    before, now = found.pop("answers", {}), _answers(options)
    if any(value is not None and value != before.get(name) for name, value in now.items()):
        found["warnings"].append("This content was imported before, with other answers; nothing was changed")
    return found


def _outcome(folder: Path, digest: str) -> Path:
    return folder / f"{digest}.json"


def _digest(path: Path, options: ReadOptions) -> str | None:
    try:
        if path.stat().st_size > options.max_bytes:
            return None
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return None


def _read(path: Path, options: ReadOptions) -> ImportedFile:
    try:
        return read_file(path, options)
    except OSError as error:
        reason = f"The file cannot be opened ({error.strerror}). Check its name and who may read it."
        return ImportedFile(path.name, "", None, None, [], [], [], {}, [Rejected(None, reason)], [])


def _copy(path: Path, folder: Path, digest: str) -> None:
    target = folder / digest
    if target.exists() or path == target:
        return
    data = path.read_bytes()
    if (
        hashlib.sha256(data).hexdigest() == digest
    ):  # else it changed meanwhile; what was read lands all the same
        _write(target, data)


def _write(path: Path, data: bytes) -> None:
    draft = path.with_name(f".{path.name}.draft")
    with disk_errors(path), draft.open("wb") as handle:
        handle.write(data)
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)


def _pages(found: ImportedFile, resource: str) -> Iterable[tuple[str, bytes, int]]:
    records: list[Record] = getattr(found, resource)
    about = {
        "sha256": found.sha256,
        "name": found.file,
        "format": found.format.value if found.format else None,
    }
    for start in range(0, len(records), RECORDS_PER_PAGE):
        part = [{**record, "file": found.sha256} for record in records[start : start + RECORDS_PER_PAGE]]
        yield f"{found.sha256}:{start}", orjson.dumps({"records": part, "file": about}), len(part)


def _merge(store: Store, run: LandingRun, tally: _Tally) -> None:
    try:
        merged = merge(store, run, records=RECORDS, key=KEY, volatile=VOLATILE, cursor_at=run.window.until)
    except UnreadableLanding as error:
        run.set_aside(str(error))
        raise
    tally.count(merged)


def _fault(found: dict[str, Any]) -> str | None:
    """Why a file was not taken in whole, or None."""
    whole = next((item["reason"] for item in found["rejected"] if item["row"] is None), None)
    if whole is not None:
        return f"{found['file']}: {whole}"
    if found["rejected"]:
        first = found["rejected"][0]["reason"]
        return f"{found['file']}: {len(found['rejected'])} rows rejected, the first because {first}"
    return None
