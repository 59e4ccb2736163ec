"""One source into raw: pages are landed first, merged when their window is whole, the cursor with them.

The network is never waited for while the warehouse is held. A killed run goes on after its last landed page.
"""

import fcntl
import logging
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from connectors import registry
from connectors.errors import ConnectorError, FixConfig, NotPermitted, Refused, UnexpectedData
from connectors.hubspot import OVERLAP
from connectors.pages import Access, Connector, Resource, Window
from connectors.transport import Policy
from settings import Settings, load_settings
from tasks.context import sandbox_settings
from warehouse.errors import UnreadableLanding, WrongAccount
from warehouse.landing import Landing, LandingRun
from warehouse.raw import Merged, cursors, merge, merged_runs
from warehouse.status import SourceStatus, claim_identity, record_status
from warehouse.store import Store, lock

logger = logging.getLogger(__name__)

RATES = "rate-limits.sqlite"  # in the home, shared by all its processes
PATIENCE = timedelta(minutes=15)  # how long a second sync of one source waits for the first
SyncState = Literal["complete", "partial", "failed"]


@dataclass(frozen=True, slots=True)
class ResourceReport:
    """What one resource brought: records read, versions new to raw, pages, seconds, and what is amiss."""

    resource: str
    rows_seen: int = 0
    rows_added: int = 0
    pages: int = 0
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncReport:
    """How the sync of one source ended. `error` is there when it failed; what landed before it is kept."""

    source: str
    state: SyncState
    reason: str | None
    rows_seen: int
    rows_added: int
    seconds: float
    resources: tuple[ResourceReport, ...]
    error: ConnectorError | None = field(default=None, compare=False)


@dataclass(slots=True)
class _Tally:
    """The counts of one resource while it is read."""

    seen: int = 0
    added: int = 0
    pages: int = 0
    warnings: list[str] = field(default_factory=list)

    def count(self, merged: Merged) -> None:
        self.seen += merged.seen
        self.added += merged.added
        if merged.rejected:
            self.warnings.append(f"{merged.rejected} records without a key are in quality.rejected")


def sync_source(
    source: Connector,
    landing: Landing,
    store: Store,
    as_of: datetime,
    *,
    full: bool = False,
    since: datetime | None = None,
    only: Collection[str] | None = None,
    log: Callable[[str], None] = logger.info,
    patience: timedelta = PATIENCE,
) -> SyncReport:
    """Read what changed until `as_of` (aware UTC) into raw, and record the source's status; the report.

    `full` reads everything again, `since` from an earlier instant on, `only` some resources (with their
    association streams). A ConnectorError ends in a report with state `failed`, so that one source never
    stops another; what is partly missing (a right, records by the vendor's own count) in `partial`. Raises
    WarehouseBusy when another sync of this source does not end within `patience`, DiskFull when the disk is.
    """
    started = time.perf_counter()
    reports: list[ResourceReport] = []
    error: ConnectorError | None = None
    with lock(landing.folder / source.source / ".sync.lock", fcntl.LOCK_EX, patience):
        try:
            _claim(source, store)
            # Asked once: opening the warehouse costs more than the answer.
            known = cursors(store, source.source)
            sync = _Sync(source, landing, store, as_of, full, since, known)
            merged = merged_runs(store)
            for resource in _chosen(source, only):
                report = _sync_resource(sync, resource, merged)
                reports.append(report)
                log(f"{source.source} {resource.name}: {report.rows_seen} read, {report.rows_added} new")
        except ConnectorError as failure:
            error = failure
        warnings = [warning for report in reports for warning in report.warnings]
        state: SyncState = "failed" if error else "partial" if warnings else "complete"
        reason = str(error) if error else "; ".join(warnings) or None
        # A read of some resources that went well says nothing of the others.
        if only is None or state != "complete":
            good_until = as_of if state == "complete" else None
            record_status(store, SourceStatus(source.source, state, reason, as_of, good_until))
    return SyncReport(
        source=source.source,
        state=state,
        reason=reason,
        rows_seen=sum(report.rows_seen for report in reports),
        rows_added=sum(report.rows_added for report in reports),
        seconds=time.perf_counter() - started,
        resources=tuple(reports),
        error=error,
    )


@dataclass(frozen=True, slots=True)
class _Sync:
    source: Connector
    landing: Landing
    store: Store
    as_of: datetime
    full: bool
    since: datetime | None
    cursors: dict[str, datetime]  # by resource; moves with each merge


def _claim(source: Connector, store: Store) -> None:
    try:
        claim_identity(store, source.source, source.identity().account_id)
    except WrongAccount as error:
        raise FixConfig(str(error)) from None


def _chosen(source: Connector, only: Collection[str] | None) -> list[Resource]:
    if only is None:
        return list(source.resources.values())
    unknown = sorted(set(only) - source.resources.keys())
    if unknown:
        known = ", ".join(source.resources)
        raise FixConfig(f"{source.source} has no resource {', '.join(unknown)}; choose from {known}.")
    # An association stream is nothing without its parent, and the parent's links move with it.
    wanted = {source.resources[name].parent or name for name in only}
    return [each for each in source.resources.values() if (each.parent or each.name) in wanted]


def _sync_resource(
    sync: _Sync, resource: Resource, merged: Collection[tuple[str, str, str]]
) -> ResourceReport:
    started = time.perf_counter()
    tally = _Tally()
    for run in sync.landing.runs(resource.source, resource.name):
        if (run.source, run.resource, run.run_id) not in merged:
            _merge(sync, run, resource, tally)  # a kill came between landing and merge
    try:
        if resource.parent is None or _is_read(sync, resource.parent):
            _read_up_to_now(sync, resource, tally)
        # Else it waits for its parent: it would move its cursor past records that are not there yet.
    except NotPermitted as error:
        # One missing right must not cost the other resources; the status says what is missing.
        tally.warnings.append(str(error))
    return ResourceReport(
        resource=resource.name,
        rows_seen=tally.seen,
        rows_added=tally.added,
        pages=tally.pages,
        seconds=time.perf_counter() - started,
        warnings=tuple(tally.warnings),
    )


def _is_read(sync: _Sync, name: str) -> bool:
    known = sync.cursors.get(name)
    return known is not None and known >= sync.as_of


def _read_up_to_now(sync: _Sync, resource: Resource, tally: _Tally) -> None:
    """The window that a killed run left open, if any, then the one that ends now."""
    while True:
        start = _start(sync, resource)
        run = sync.landing.open(resource.source, resource.name, start, sync.as_of)
        with run:
            window = Window(run.window.since, run.window.until)
            if not _land(sync, resource, run, window, tally):
                continue
        _merge(sync, run, resource, tally)
        covers_start = window.since is None or (start is not None and window.since <= start)
        if covers_start and window.until >= sync.as_of:
            return


def _start(sync: _Sync, resource: Resource) -> datetime | None:
    if sync.full:
        return None
    known = sync.cursors.get(resource.name)
    chosen = [instant for instant in (known, sync.since) if instant is not None]
    # A gap between what is known and what is asked for would never be read again.
    return min([*chosen, sync.as_of]) if chosen else None


def _land(sync: _Sync, resource: Resource, run: LandingRun, window: Window, tally: _Tally) -> bool:
    """Land the rest of a run; False when its cursor is no longer good and it was set aside."""
    resumed = run.resume is not None
    if not run.exhausted:
        ids = _changed_ids(sync.store, resource, window.since) if resource.parent else []
        pages = sync.source.read(resource.name, window, run.resume, ids=ids)
        try:
            for page in pages:
                run.append(page.body, page.count, page.cursor)
                tally.pages += 1
                resumed = False
                if page.warning:
                    tally.warnings.append(page.warning)
        except Refused as error:
            if not resumed:
                raise
            # Vendors forget cursors; the window is then read again from its beginning.
            run.set_aside(str(error))
            return False
    run.complete()
    return True


def _merge(sync: _Sync, run: LandingRun, resource: Resource, tally: _Tally) -> None:
    try:
        merged = merge(
            sync.store,
            run,
            records=resource.records,
            key=resource.key,
            volatile=resource.volatile,
            cursor_at=run.window.until,
        )
    except UnreadableLanding as error:
        run.set_aside(str(error))
        raise UnexpectedData(f"{error} This was done; run the sync again.") from error
    sync.cursors[resource.name] = run.window.until
    tally.count(merged)


def _changed_ids(store: Store, resource: Resource, since: datetime | None) -> list[str]:
    """Ids of the parent's records that changed since then (all when None) and are not archived.

    Taken from raw and not from the pages just read, so that a kill in between loses none.
    """
    parent = f"raw.{resource.source}_{resource.parent}_current"
    edge = since - OVERLAP if since else None
    with store.read() as con:
        rows = con.execute(
            f"""
            select key from {parent}
            where body ->> '$.archived' is distinct from 'true'
                and ($edge is null or try_cast(body ->> '$.updatedAt' as timestamptz) >= $edge)
            order by key
            """,
            {"edge": edge},
        ).fetchall()
    return [row[0] for row in rows]


def build_connectors(
    settings: Settings | Mapping[str, Any],
    home: Path,
    policy: Policy | None = None,
    *,
    only: Collection[str],
) -> dict[str, Connector]:
    """The configured ones of the sources `only` by name, in that order; close each when done.

    `settings` may be what a running sandbox says of itself. Raises FixConfig for an unusable credential.
    """
    if not isinstance(settings, Settings):
        settings = sandbox_settings(load_settings(), dict(settings))
    policy = policy or Policy(attempts=settings.http.attempts, timeout=settings.http.timeout_seconds)
    access = Access(settings, home / RATES, policy)
    made = {name: registry.connect(name, access) for name in only}
    return {name: connector for name, connector in made.items() if connector is not None}
