"""One resource at a time: which window is due, its pages into landing, landed runs into raw."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from connectors.errors import ConnectorError, NotPermitted, Refused, UnexpectedData
from connectors.pages import Connector, Known, Page, Resource, Window, nothing_known
from warehouse.errors import UnreadableLanding
from warehouse.landing import Landing, LandingRun
from warehouse.raw import Job, Merged, Merger
from warehouse.raw_scan import Shape
from warehouse.raw_tables import bury
from warehouse.status import ResourceState
from warehouse.store import Store
from warehouse.watermarks import News, Watermark, known_marks, news_of, note_sweeps, progress

# Vendors' searches lag behind edits: by seconds as a rule, by most of an hour at worst. So each window begins
# a little before the last one ended, and every hour the hour before the last is read once more, settled.
OVERLAP = timedelta(minutes=15)
SETTLE = timedelta(hours=1)
BY_ID = "_by_id"  # runs of single records lie beside those of windows, under this name


@dataclass(slots=True)
class Landed:
    """What became of one resource: its runs to be merged, then what they brought, and what is amiss."""

    resource: Resource
    jobs: list[Job] = field(default_factory=list)
    single: bool = False  # single records were asked for
    swept: bool = False  # everything was asked for and came
    warnings: list[str] = field(default_factory=list)
    error: ConnectorError | None = None
    total: int | None = None
    given: int | None = None
    pages: int = 0
    seconds: float = 0.0
    seen: int = 0
    added: int = 0
    missing: tuple[str, ...] = ()  # keys that came in no page, where all of them should have
    unchanged: set[str] = field(default_factory=set)  # keys that came in no page, and that the vendor lists

    @property
    def state(self) -> ResourceState:
        """How the resource stands after this."""
        if isinstance(self.error, NotPermitted):
            return "not_permitted"
        return "failed" if self.error else "partial" if self.warnings else "complete"

    @property
    def reason(self) -> str | None:
        """Why it is not complete."""
        return str(self.error) if self.error else "; ".join(self.warnings) or None

    def note(self, page: Page) -> None:
        """Count a landed page and keep what it tells about the whole."""
        self.pages += 1
        if page.warning:
            self.warnings.append(page.warning)
        if page.total is not None:
            self.total, self.given = page.total, page.given
        self.unchanged.update(page.unchanged)

    def count(self, merged: Merged) -> None:
        """Add up what a merge brought."""
        self.seen += merged.seen
        self.added += merged.added
        self.missing = tuple(key for key in merged.missing if key not in self.unchanged)
        if merged.rejected:
            self.warnings.append(f"{merged.rejected} records without a key are in quality.rejected")


class Reading:
    """The resources of one source, read up to `as_of`."""

    def __init__(
        self,
        source: Connector,
        landing: Landing,
        store: Store,
        as_of: datetime,
        *,
        full: bool = False,
        since: datetime | None = None,
        sweep_every: timedelta = timedelta(hours=24),
    ) -> None:
        self._source = source
        self._landing = landing
        self._store = store
        self._as_of = as_of
        known = progress(store, source.source)
        self._marks = dict(known.marks)
        self._merged = known.merged
        self._full = full
        self._since = since
        self._sweep_every = sweep_every
        self._trouble: dict[str, ConnectorError] = {}  # of resources whose association streams must wait
        self._news: dict[str, News] = {}  # of the parents of association streams, by the stream

    # Into landing

    def look_at_parents(self, streams: Sequence[Resource]) -> None:
        """Find out which associations are due, after the records themselves are merged."""
        asked = {}
        for stream in streams:
            after = self._mark(stream).parent_seq
            everything = after is None or self._start(stream) is None
            asked[stream.name] = (str(stream.parent), -1 if after is None or everything else after)
        if asked:
            self._news = news_of(self._store, self._source.source, asked)

    def land(self, resource: Resource) -> Landed:
        """Land what is due of a resource; trouble with the vendor is kept in the outcome."""
        started = time.perf_counter()
        landed = Landed(resource, jobs=self._left_over(resource))
        try:
            if resource.parent is not None and resource.parent in self._trouble:
                # It would move its watermark past records that are not there yet.
                raise self._trouble[resource.parent]
            self._up_to_now(resource, landed)
        except ConnectorError as error:
            landed.error = self._trouble[resource.name] = error
        landed.seconds = time.perf_counter() - started
        return landed

    def land_single(self, resource: Resource, keys: Sequence[str]) -> Landed:
        """Land these records, or the associations of these, as they are now."""
        started = time.perf_counter()
        landed = Landed(resource, single=True)
        name = resource.name + BY_ID
        try:
            with self._landing.open(resource.source, name, None, self._as_of, anew=True) as run:
                if resource.parent is None:
                    pages = self._source.read_ids(resource.name, keys)
                else:
                    pages = self._source.read(resource.name, Window(None, self._as_of), ids=keys)
                self._append(run, pages, landed)
                run.complete()
            wanted = tuple(keys) if resource.parent is None else ()
            landed.jobs.append(Job(run, shape_of(resource), into=resource.name, wanted=wanted))
        except ConnectorError as error:
            landed.error = error
        landed.seconds = time.perf_counter() - started
        return landed

    def _left_over(self, resource: Resource) -> list[Job]:
        """Runs that landed whole and were not merged, because a kill came in between."""
        return [
            self._job(resource, run, by_id=name != resource.name)
            for name in (resource.name + BY_ID, resource.name)
            for run in self._landing.runs(resource.source, name)
            if (run.resource, run.run_id) not in self._merged
        ]

    def _up_to_now(self, resource: Resource, landed: Landed) -> None:
        """The window that a killed run left open, if any, then the one that ends now."""
        while True:
            start = self._start(resource)
            basis: int | None = None
            ids: Sequence[str] = ()
            if resource.parent is not None:
                basis, ids = self._news[resource.name].newest, self._news[resource.name].keys
                if not ids:
                    landed.swept = start is None
                    return
            run = self._landing.open(resource.source, resource.name, start, self._as_of, basis=basis)
            with run:
                window = Window(run.window.since, run.window.until)
                if not self._land(resource, run, window, ids, landed):
                    continue
            job = self._job(resource, run)
            landed.jobs.append(job)
            landed.swept = window.since is None
            self._marks[resource.name] = Watermark(
                job.cursor_at, job.settled_at, self._mark(resource).swept_at, job.parent_seq
            )
            if _covers(window, start) and window.until >= self._as_of:
                return

    def _land(
        self, resource: Resource, run: LandingRun, window: Window, ids: Sequence[str], landed: Landed
    ) -> bool:
        """Land the rest of a run; False when its cursor is no longer good and it was set aside."""
        resumed = run.resume is not None
        before = landed.pages
        if not run.exhausted:
            pages = self._source.read(
                resource.name,
                window,
                run.resume,
                ids=ids,
                known=nothing_known if self._full else self._known(resource),
            )
            try:
                self._append(run, pages, landed)
            except Refused as error:
                if not resumed or landed.pages > before:
                    raise
                # Vendors forget cursors; the window is then read again from its beginning.
                run.set_aside(str(error))
                return False
        run.complete()
        return True

    def _known(self, resource: Resource) -> Known:
        return partial(known_marks, self._store, resource.source, resource.name, resource.unsettled)

    def _append(self, run: LandingRun, pages: Iterator[Page], landed: Landed) -> None:
        for page in pages:
            run.append(page.body, page.count, page.cursor)
            landed.note(page)

    # Windows

    def _mark(self, resource: Resource) -> Watermark:
        return self._marks.get(resource.name, Watermark())

    def _start(self, resource: Resource) -> datetime | None:
        """From when on to read; None = everything."""
        mark = self._mark(resource)
        if self._full or resource.whole or mark.cursor_at is None:
            return None
        # What remains though it is not listed any more need not be looked for.
        if not resource.remains and self._is_sweep_due(mark):
            return None
        chosen = [mark.cursor_at - OVERLAP, self._as_of]
        if mark.settled_at is not None and self._as_of - mark.settled_at >= 2 * SETTLE:
            chosen.append(mark.settled_at)
        if self._since is not None:
            # A gap between what is known and what is asked for would never be read again.
            chosen.append(self._since)
        return min(chosen)

    def _is_sweep_due(self, mark: Watermark) -> bool:
        return mark.swept_at is None or self._as_of - mark.swept_at >= self._sweep_every

    def _job(self, resource: Resource, run: LandingRun, *, by_id: bool = False) -> Job:
        if by_id:
            return Job(run, shape_of(resource), into=resource.name)
        mark, window = self._mark(resource), run.window
        since, settled = window.since, mark.settled_at
        if since is None or (settled is not None and since <= settled):
            settled = window.until - SETTLE
        return Job(
            run,
            shape_of(resource),
            cursor_at=window.until,
            settled_at=settled,
            parent_seq=run.basis,
            everything=since is None and not resource.remains and resource.parent is None,
        )

    # Into raw

    def merge(self, landed: Sequence[Landed]) -> None:
        """Merge the runs of all these over one opening of the warehouse, each in a transaction of its own."""
        if not any(each.jobs for each in landed):
            return
        with self._store.writing() as transaction:
            merger = Merger(transaction, self._store.memory)
            for each in landed:
                for job in each.jobs:
                    try:
                        each.count(merger.merge(job))
                    except UnreadableLanding as error:
                        job.run.set_aside(str(error))
                        each.error = UnexpectedData(f"{error} This was done; run the sync again.")
                        each.swept = False
                        break
            swept = [each.resource.name for each in landed if each.swept and not (each.error or each.missing)]
            if swept:
                with transaction() as con:
                    note_sweeps(con, self._source.source, swept, self._as_of)

    def bury(self, gone: Mapping[str, Sequence[str]], swept: Sequence[str]) -> dict[str, int]:
        """Give what is gone (resource -> keys) tombstones, after which these were swept; tombstones made."""
        with self._store.write() as con:
            note_sweeps(con, self._source.source, swept, self._as_of)
            return {
                resource: bury(con, self._source.source, resource, keys, self._as_of)
                for resource, keys in gone.items()
            }


def shape_of(resource: Resource) -> Shape:
    """Where raw finds the records of a resource."""
    return Shape(resource.records, resource.key, resource.mark, resource.volatile)


def _covers(window: Window, start: datetime | None) -> bool:
    return window.since is None or (start is not None and window.since <= start)
