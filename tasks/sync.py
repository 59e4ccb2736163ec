"""One source into raw: pages are landed first, merged when their window is whole, the watermark with them.

The network is never waited for while the warehouse is held. A killed run goes on after its last landed page.
"""

import fcntl
import logging
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from connectors import registry
from connectors.errors import ConnectorError, FixConfig, NotPermitted, QuotaSpent, RetryLater
from connectors.pages import Access, Connector, Resource
from connectors.transport import Policy
from settings import Settings, load_settings
from tasks.context import sandbox_settings
from tasks.reading import Landed, Reading
from warehouse.errors import WrongAccount
from warehouse.landing import Landing
from warehouse.status import (
    ResourceStatus,
    SourceStatus,
    claim_identity,
    record_resources,
    record_status,
    summed_up,
)
from warehouse.store import Store, lock

logger = logging.getLogger(__name__)

PATIENCE = timedelta(minutes=15)  # how long a second sync of one source waits for the first
SWEEP_EVERY = timedelta(hours=24)
SyncState = Literal["complete", "partial", "failed"]
# So many records of a list may vanish at once before it is the list that is doubted.
DOUBTFUL_LOSS = 20


@dataclass(frozen=True, slots=True)
class ResourceReport:
    """What one resource brought: records read, versions new to raw, pages, seconds, and how it stands."""

    resource: str
    rows_seen: int = 0
    rows_added: int = 0
    pages: int = 0
    seconds: float = 0.0
    status: ResourceStatus | None = None


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


def sync_source(
    source: Connector,
    landing: Landing,
    store: Store,
    as_of: datetime,
    *,
    full: bool = False,
    since: datetime | None = None,
    only: Collection[str] | None = None,
    sweep_every: timedelta = SWEEP_EVERY,
    log: Callable[[str], None] = logger.info,
    patience: timedelta = PATIENCE,
) -> SyncReport:
    """Read what changed until `as_of` (aware UTC) into raw, and record how each resource stands; the report.

    `full` reads everything again, `since` from an earlier instant on, `only` some resources (with their
    association streams). What was not read whole for `sweep_every` is, and what is gone gets a tombstone.

    A ConnectorError ends in a report with state `failed`, so that one source never stops another; other
    resources are still read. What is partly missing (a right, records by the vendor's own count) ends in
    `partial`. Raises WarehouseBusy when another sync of this source does not end within `patience`, DiskFull
    when the disk is.
    """
    started = time.perf_counter()
    with lock(landing.folder / source.source / ".sync.lock", fcntl.LOCK_EX, patience):
        run = _Sync(source, landing, store, as_of, log)
        try:
            _claim(source, store)
            chosen = _chosen(source, only)
            run.reading = Reading(
                source, landing, store, as_of, full=full, since=since, sweep_every=sweep_every
            )
            run.phase([each for each in chosen if each.parent is None])
            streams = [each for each in chosen if each.parent is not None]
            run.reading.look_at_parents(streams)
            run.phase(streams)
        except ConnectorError as failure:
            run.error = run.error or failure
        run.record(whole=only is None)
        return run.report(time.perf_counter() - started)


def reread(
    source: Connector,
    landing: Landing,
    store: Store,
    wanted: Mapping[str, Sequence[str]],
    as_of: datetime,
    *,
    log: Callable[[str], None] = logger.info,
    patience: timedelta = PATIENCE,
) -> SyncReport:
    """Ask for single records (resource -> raw keys) as they are now, with their associations; the report.

    A record that does not exist any more gets a tombstone. No watermark moves. Raises as `sync_source` does.
    """
    started = time.perf_counter()
    with lock(landing.folder / source.source / ".sync.lock", fcntl.LOCK_EX, patience):
        run = _Sync(source, landing, store, as_of, log)
        try:
            _claim(source, store)
            run.reading = Reading(source, landing, store, as_of)
            run.single(wanted)
        except ConnectorError as failure:
            run.error = run.error or failure
        # What single records say of a whole resource is nothing: its status stays.
        return run.report(time.perf_counter() - started)


class _Sync:
    """One sync under way, with its source's lock held."""

    reading: Reading

    def __init__(
        self,
        source: Connector,
        landing: Landing,
        store: Store,
        as_of: datetime,
        log: Callable[[str], None],
    ) -> None:
        self.source = source
        self.store = store
        self.landing = landing
        self.as_of = as_of
        self.log = log
        self.reports: list[ResourceReport] = []
        self.error: ConnectorError | None = None
        self._in_a_row = 0

    def phase(self, resources: Sequence[Resource]) -> None:
        """Land these resources, merge them over one opening of the warehouse, and see what is gone."""
        landed: list[Landed] = []
        try:
            for resource in resources:
                landed.append(self.reading.land(resource))
                if self._must_stop(landed[-1].error):
                    break
        finally:
            self._merge(landed)
        if self._in_a_row > 1:
            raise self.error or RetryLater(f"{self.source.source}: does not answer; run it again later.")

    def single(self, wanted: Mapping[str, Sequence[str]]) -> None:
        """Land and merge single records, and the associations of those that have any."""
        for children in (False, True):
            landed = []
            for resource in self.source.resources.values():
                asked = set(wanted.get(resource.name, ()))
                if resource.parent is not None:
                    asked |= set(wanted.get(resource.parent, ()))
                if asked and (resource.parent is not None) is children:
                    landed.append(self.reading.land_single(resource, sorted(asked)))
                    if self._must_stop(landed[-1].error):
                        break
            self._merge(landed)

    def _must_stop(self, error: ConnectorError | None) -> bool:
        """Whether asking for further resources is in vain: one that fails costs the others nothing."""
        if error is None or isinstance(error, NotPermitted):
            self._in_a_row = 0
            return False
        self.error = self.error or error
        self._in_a_row = self._in_a_row + 1 if isinstance(error, RetryLater) else 0
        if isinstance(error, FixConfig | QuotaSpent):
            self._in_a_row = 2
        return self._in_a_row > 1

    def _merge(self, landed: Sequence[Landed]) -> None:
        """Merge what landed, give tombstones to what is gone, and keep how each resource stands."""
        self.reading.merge(landed)
        gone = self._gone(landed)
        swept = [each.resource.name for each in landed if each.swept and each.missing and each.error is None]
        if swept or gone:
            added = self.reading.bury(gone, swept)
            for each in landed:
                each.added += added.get(each.resource.name, 0)
        for each in landed:
            if each.error is not None and not isinstance(each.error, NotPermitted):
                self.error = self.error or each.error
            self.reports.append(self._report(each))
            self.log(f"{self.source.source} {each.resource.name}: {each.seen} read, {each.added} new")

    def _gone(self, landed: Sequence[Landed]) -> dict[str, Sequence[str]]:
        """Of the keys that came in no page, those that are certainly gone, by resource."""
        gone: dict[str, Sequence[str]] = {}
        to_ask = []
        for each in landed:
            if not each.missing or each.error is not None:
                continue
            if each.single:
                gone[each.resource.name] = each.missing
            elif each.resource.by_id:
                to_ask.append(self.reading.land_single(each.resource, each.missing))
            elif each.warnings or len(each.missing) > max(DOUBTFUL_LOSS, each.seen):
                # Nobody can be asked about the single record, and the list itself is in doubt.
                each.swept = False
                each.warnings.append(
                    f"{len(each.missing)} records are not listed any more and are kept as they were"
                )
            else:
                gone[each.resource.name] = each.missing
        self.reading.merge(to_ask)
        asked = {answer.resource.name: answer for answer in to_ask}
        for each in landed:
            answer = asked.get(each.resource.name)
            if answer is None:
                continue
            each.added += answer.added
            each.error = answer.error
            if answer.error is None:
                gone[each.resource.name] = answer.missing
        return {resource: keys for resource, keys in gone.items() if keys}

    def _report(self, each: Landed) -> ResourceReport:
        status = ResourceStatus(
            self.source.source,
            each.resource.name,
            each.state,
            each.reason,
            each.total,
            each.given,
            self.as_of,
        )
        return ResourceReport(each.resource.name, each.seen, each.added, each.pages, each.seconds, status)

    def _statuses(self) -> list[ResourceStatus]:
        return [report.status for report in self.reports if report.status is not None]

    def _status(self) -> SourceStatus:
        status = summed_up(self.source.source, self._statuses(), self.as_of)
        if self.error is not None and status.state != "failed":
            return SourceStatus(self.source.source, "failed", str(self.error), self.as_of)
        return status

    def record(self, *, whole: bool) -> None:
        """Write down how every resource and the source stand."""
        status = self._status()
        if self._statuses():
            record_resources(self.store, self._statuses())
        # A read of some resources that went well says nothing of the others.
        if whole or status.state != "complete":
            record_status(self.store, status)

    def report(self, seconds: float) -> SyncReport:
        """What was done."""
        status = self._status()
        return SyncReport(
            source=self.source.source,
            state=_state(status),
            reason=status.reason,
            rows_seen=sum(report.rows_seen for report in self.reports),
            rows_added=sum(report.rows_added for report in self.reports),
            seconds=seconds,
            resources=tuple(self.reports),
            error=self.error,
        )


def _state(status: SourceStatus) -> SyncState:
    if status.state == "not_configured":
        raise AssertionError(status)
    return status.state


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
        settings = sandbox_settings(load_settings(), dict(settings), home)
    policy = policy or Policy(attempts=settings.http.attempts, timeout=settings.http.timeout_seconds)
    access = Access(settings, settings.limits_folder, policy)
    made = {name: registry.connect(name, access) for name in only}
    return {name: connector for name, connector in made.items() if connector is not None}
