"""Accounting and bank files into raw: copied into landing, parsed, merged; one bad file stops no other.

An import killed at any point is taken up by the next one; import_kept says by what it is seen. Files that the
warehouse's journal does not know, as after it was lost, are read again from the kept originals.
"""

import contextlib
import fcntl
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from connectors.accounting import ImportedFile, ReadOptions
from tasks.import_kept import Kept, answers
from tasks.import_pieces import Piece, expand, pieces, settled
from tasks.import_profiles import Profile, load_profiles, read_with_profiles
from tasks.import_report import (
    RESOURCES,
    ImportReport,
    Tally,
    by_resource,
    fault,
    summary,
    told,
)
from warehouse.errors import UnreadableLanding
from warehouse.imports import Effect, TakenFile, note_files, preview, taken_files, undo_file
from warehouse.landing import Landing, LandingRun
from warehouse.raw import merge, unmerged
from warehouse.raw_scan import Shape
from warehouse.status import SourceStatus, State, record_status, source_statuses
from warehouse.store import Store, lock

SOURCE = "accounting"
# Where a record was found makes no new version of it.
SHAPE = Shape("$.records", "$.key", volatile=("$.row", "$.file", "$.format"))
RECORDS_PER_PAGE = 5000
PATIENCE = timedelta(minutes=10)
DEFAULTS = ReadOptions()
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class NothingToUndo(Exception):
    """No file is meant, or more than one; the message says which there are."""


def inspect(
    paths: Iterable[Path],
    options: ReadOptions = DEFAULTS,
    *,
    home: Path | None = None,
    store: Store | None = None,
) -> list[dict[str, Any]]:
    """What `tenfold import --dry-run` says of each file; nothing is stored. A folder stands for its files.

    Each as `import_report.summary`, with `effect`: what its import would change, after the files before it
    and given what the warehouse of `store` holds. `home` is where the profiles are.
    """
    profiles = load_profiles(home)
    known = {f.sha256 for f in taken_files(store) if f.undone_at is None} if store else set()
    summaries: list[dict[str, Any]] = []
    files: dict[str, TakenFile] = {}
    with tempfile.TemporaryDirectory(prefix="tenfold-") as folder, contextlib.ExitStack() as stack:
        batch = _Batch(Landing(Path(folder)), _LONG_AGO, stack)
        for piece in pieces(expand(paths), options):
            found, _, profile = _read(piece, options, profiles)
            summaries.append({**summary(found), "profile": profile})
            if found.refusal is None and found.sha256 not in files.keys() | known:
                files[found.sha256] = _taken(found, piece, _LONG_AGO)
                batch.add(found)
        for run in batch.runs.values():
            run.complete()
        effects = preview(store, SOURCE, list(files.values()), batch.runs, SHAPE)
    for each in summaries:
        effect = effects.pop(each["sha256"], None)
        if effect is None and each["sha256"] in files.keys() | known:
            effect = Effect(known=each["records"])  # imported before, or twice among these
        if effect is not None:
            each["effect"] = told(effect)
            each["warnings"] += [effect.doubt] if effect.doubt else []
    return summaries


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

    Files still being written are left for next time, those whose import was undone stay out. The state
    is `partial` while the inbox holds a file that was refused or had rows rejected, `not_configured` when
    there is no inbox folder. Raises DiskFull and WarehouseBusy; what landed before is taken up next time.
    """
    started = time.perf_counter()
    if not inbox.is_dir():
        status = SourceStatus(SOURCE, "not_configured", "there is no inbox folder", as_of)
        if SOURCE not in source_statuses(store):  # files may have been imported by hand
            record_status(store, status)
        return ImportReport(SOURCE, "not_configured", status.reason, 0, 0, 0.0, ())
    whole, growing = settled(inbox, clock, wait)
    return _import(_Job(landing, store, as_of, options, started, again=False), whole, growing)


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

    One whose import was undone is taken in again. `alone`: there is no inbox, so that what people bring is
    all there is, and says until when the data goes.
    """
    job = _Job(landing, store, as_of, options, time.perf_counter(), again=True)
    return _import(job, expand(paths), [], speaks=alone)


def undo_import(landing: Landing, store: Store, as_of: datetime, wanted: str) -> dict[str, Any]:
    """Take out what only one file brought and give back what it changed: {file, sha256, undone_at, records}.

    `wanted` is its name (of a mail or archive: all files in it) or the beginning of its sha256. What other
    files brought too stays as they have it. Raises NothingToUndo.
    """
    _import(_Job(landing, store, as_of, DEFAULTS, time.perf_counter(), again=False), [], [], speaks=False)
    kept = Kept(landing.folder / SOURCE / "files")
    with lock(landing.folder / SOURCE / ".sync.lock", fcntl.LOCK_EX, PATIENCE):
        found = _meant(taken_files(store), wanted)
        moved = 0
        for each in found:
            kept.undo(each.sha256, as_of)
            moved += undo_file(store, SOURCE, each.sha256, as_of)
            kept.forget(each.sha256)
    return {
        "file": wanted if len(found) > 1 else found[0].name,
        "sha256": [each.sha256 for each in found],
        "undone_at": as_of.isoformat(),
        "records": moved,
    }


def _meant(files: Sequence[TakenFile], wanted: str) -> list[TakenFile]:
    there = [each for each in files if each.undone_at is None]
    by_sha = [each for each in there if len(wanted) >= 6 and each.sha256.startswith(wanted.lower())]
    by_name = [each for each in there if each.name == wanted]
    inside = [each for each in there if each.name.startswith(f"{wanted}/")]
    found = by_sha or by_name or inside
    if not found:
        raise NothingToUndo(f"No imported file is called {wanted!r} or has a sha256 that begins so.")
    if len(found) > 1 and found is not inside:
        listed = ", ".join(f"{each.sha256[:12]} ({each.imported_at:%Y-%m-%d %H:%M})" for each in found)
        raise NothingToUndo(f"Several files are meant by {wanted!r}: say which one by its sha256: {listed}.")
    return found


@dataclass(frozen=True, slots=True)
class _Job:
    landing: Landing
    store: Store
    as_of: datetime
    options: ReadOptions
    started: float
    again: bool  # whether files that were undone are taken in again


@dataclass(slots=True)
class _Batch:
    """The landing runs of one import, opened as records for them come."""

    landing: Landing
    as_of: datetime
    stack: contextlib.ExitStack
    runs: dict[str, LandingRun] = field(default_factory=dict)
    pages: dict[str, int] = field(default_factory=dict)

    def add(self, found: ImportedFile) -> None:
        """Land the records of a file."""
        for name in RESOURCES:
            for cursor, body, count in _pages(found, name):
                if name not in self.runs:
                    run = self.landing.open(SOURCE, name, None, self.as_of)
                    self.runs[name] = self.stack.enter_context(run)
                # A killed import may have landed it already.
                if all(page.cursor != cursor for page in self.runs[name].pages):
                    self.runs[name].append(body, count, cursor)
                    self.pages[name] = self.pages.get(name, 0) + 1


def _import(
    job: _Job, paths: Sequence[Path], growing: Sequence[Path], *, speaks: bool = True
) -> ImportReport:
    kept = Kept(job.landing.folder / SOURCE / "files")
    profiles = load_profiles(job.landing.folder.parent)
    with lock(job.landing.folder / SOURCE / ".sync.lock", fcntl.LOCK_EX, PATIENCE):
        totals = {name: Tally() for name in RESOURCES}
        error: UnreadableLanding | None = None
        summaries: list[dict[str, Any]] = []
        try:
            for name in RESOURCES:
                for run in unmerged(job.store, job.landing, SOURCE, name):
                    _merge(job.store, run, totals[name])
            _land(job, kept, profiles, paths, summaries, totals)
        except UnreadableLanding as failure:
            error = failure
        reasons = [reason for found in summaries if (reason := fault(found))]
        reasons += [f"{path.name} is still being written" for path in growing]
        state: State = "failed" if error else "partial" if reasons else "complete"
        reason = str(error) if error else "; ".join(reasons) or None
        # A person importing one file says nothing about the inbox.
        if speaks or (paths and source_statuses(job.store).get(SOURCE) is None):
            good_until = job.as_of if state == "complete" else None
            record_status(job.store, SourceStatus(SOURCE, state, reason, job.as_of, good_until))
    return ImportReport(
        source=SOURCE,
        state=state,
        reason=reason,
        rows_seen=sum(tally.seen for tally in totals.values()),
        rows_added=sum(tally.added for tally in totals.values()),
        seconds=time.perf_counter() - job.started,
        resources=by_resource(totals),
        files=tuple(summaries),
        waiting=tuple(path.name for path in growing),
        error=error,
    )


def _land(
    job: _Job,
    kept: Kept,
    profiles: Sequence[Profile],
    paths: Sequence[Path],
    summaries: list[dict[str, Any]],
    totals: dict[str, Tally],
) -> None:
    """Read, keep, land, merge and note what is not in the journal yet, one file in memory at a time.

    Adds a summary of every file to `summaries`, save of those that were whole before.
    """
    journal = {each.sha256: each for each in taken_files(job.store)}
    seen: dict[str, dict[str, Any]] = {}
    new: dict[str, TakenFile] = {}
    begun: dict[str, dict[str, Any]] = {}
    with contextlib.ExitStack() as stack:
        batch = _Batch(job.landing, job.as_of, stack)
        for piece, given, is_kept in _to_read(job, kept, journal, paths):
            sha256 = piece.sha256
            if not is_kept:
                told_before = seen.get(sha256) or _told_before(job, kept, sha256)
                if told_before is not None:
                    seen[sha256] = told_before
                    summaries.append({**told_before, "file": piece.name})
                    continue
            found, options, profile = _read(piece, given, () if is_kept else profiles)
            said = {**summary(found), "profile": profile}
            if not is_kept or (kept.outcome(sha256) is None and not kept.undone(sha256)):
                summaries.append(said)
            if sha256:
                seen[sha256] = said
            if found.refusal is not None:
                continue
            new[sha256] = _taken(found, piece, job.as_of)
            begun[sha256] = {
                "name": piece.name,
                "exported_at": piece.exported_at.isoformat() if piece.exported_at else None,
                "answers": answers(options),
            }
            if not is_kept:
                kept.begin(sha256, piece.data, begun[sha256])
            batch.add(found)
        for name, run in batch.runs.items():
            started = time.perf_counter()
            run.complete()
            _merge(job.store, run, totals[name])
            totals[name].seconds = time.perf_counter() - started
            totals[name].pages = batch.pages.get(name, 0)
        effects = note_files(job.store, SOURCE, list(new.values()), batch.runs, SHAPE) if new else {}
    for sha256, effect in effects.items():
        said = seen[sha256]
        said["effect"] = {"disappearing": len(effect.gone), "gone": [what for _, _, what in effect.gone]}
        said["warnings"] += [effect.doubt] if effect.doubt else []
        if kept.undone(sha256) is None:
            kept.finish(sha256, {**said, **begun[sha256]})
    _finish_undoing(job, kept)


def _to_read(
    job: _Job, kept: Kept, journal: dict[str, TakenFile], paths: Sequence[Path]
) -> Iterator[tuple[Piece, ReadOptions, bool]]:
    """Of the kept files what the journal lacks, oldest import first; then what there is to import."""
    for sha256 in kept.files():
        is_whole = kept.outcome(sha256) is not None or kept.undone(sha256) is not None
        if is_whole and sha256 in journal:
            continue
        about = kept.about(sha256)
        written = about.get("exported_at")
        piece = Piece(
            about.get("name") or about.get("file") or sha256,
            kept.data(sha256),
            datetime.fromisoformat(written) if written else None,
        )
        yield piece, kept.options(sha256, job.options), True
    for piece in pieces(paths, job.options):
        yield piece, job.options, False


def _told_before(job: _Job, kept: Kept, sha256: str) -> dict[str, Any] | None:
    """What was said of content that is in, or was taken out and stays out; None for what is to be read."""
    found = kept.outcome(sha256) if sha256 else None
    if found is not None:
        before, now = found.pop("answers", {}), answers(job.options)
        for name in ("name", "exported_at"):
            found.pop(name, None)
        found["effect"] = told(Effect(known=found["records"]))
        if any(value is not None and value != before.get(name) for name, value in now.items()):
            found["warnings"].append(
                "This content was imported before, with other answers; nothing was changed. "
                "Undo that import to read it anew"
            )
        return found
    undone = kept.undone(sha256) if sha256 and not job.again else None
    if undone is None:
        return None
    day = undone["undone_at"][:10]
    out = ImportedFile("", sha256, None, None, [], [], [], {}, [], [])
    out.warnings.append(f"Its import was undone on {day}; import the file by name to take it in again")
    return summary(out)


def _finish_undoing(job: _Job, kept: Kept) -> None:
    """Take out what was to be taken out when a kill came, or when the warehouse was filled again."""
    for each in taken_files(job.store):
        undone = kept.undone(each.sha256) if each.undone_at is None else None
        if undone is not None:
            undo_file(job.store, SOURCE, each.sha256, datetime.fromisoformat(undone["undone_at"]))
            kept.forget(each.sha256)


def _read(
    piece: Piece, options: ReadOptions, profiles: Sequence[Profile]
) -> tuple[ImportedFile, ReadOptions, str | None]:
    if piece.refusal is not None:
        return piece.refusal, options, None
    if piece.account is not None and options.account is None:
        options = replace(options, account=piece.account)
    return read_with_profiles(piece.name, piece.data, options, profiles)


def _taken(found: ImportedFile, piece: Piece, as_of: datetime) -> TakenFile:
    covered = found.covered
    return TakenFile(
        sha256=found.sha256,
        name=piece.name,
        format=found.format.value if found.format else None,
        imported_at=as_of,
        exported_at=piece.exported_at,
        book=covered.book if covered else None,
        since=covered.since if covered else None,
        until=covered.until if covered else None,
        records=found.records,
        rejected=len(found.rejected),
        verified=tuple(found.verified),
    )


def _pages(found: ImportedFile, resource: str) -> Iterable[tuple[str, bytes, int]]:
    records: list[dict[str, Any]] = getattr(found, resource)
    about = {
        "sha256": found.sha256,
        "name": found.file,
        "format": found.format.value if found.format else None,
    }
    for start in range(0, len(records), RECORDS_PER_PAGE):
        part = [{**record, "file": found.sha256} for record in records[start : start + RECORDS_PER_PAGE]]
        body = orjson.dumps({"records": part, "file": about}, option=orjson.OPT_SORT_KEYS)
        yield f"{found.sha256}:{start}", body, len(part)


def _merge(store: Store, run: LandingRun, tally: Tally) -> None:
    try:
        merged = merge(
            store,
            run,
            records=SHAPE.records,
            key=SHAPE.key,
            volatile=SHAPE.volatile,
            cursor_at=run.window.until,
        )
    except UnreadableLanding as error:
        run.set_aside(str(error))
        raise
    tally.count(merged)
