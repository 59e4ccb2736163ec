"""What vendors told by themselves, acted on: the records that events are about are read again, by id.

An event is only a hint. What it says of a record is not used, so duplicates and disorder do no harm, and an
event that cannot be acted on costs nothing but time: the scheduled read finds the change as well.
"""

import fcntl
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from connectors.errors import ConnectorError, UnexpectedData
from connectors.pages import Connector
from connectors.webhooks import HOOKS
from tasks.reading import BY_ID
from tasks.sync import reread
from warehouse.brief_runs import remove_merged
from warehouse.errors import WarehouseBusy
from warehouse.events import Told, has_landed, mark_acted_on, merge_events, not_acted_on
from warehouse.landing import Landing
from warehouse.spool import EVENTS
from warehouse.store import Store, lock

log = logging.getLogger(__name__)

PATIENCE = timedelta(minutes=5)  # how long a second process waits for the first
# A first load holds its source for hours; what is told meanwhile is tried again every minute.
SYNC_PATIENCE = timedelta(seconds=30)
_CHUNK = 5_000  # events whose records are read again in one go
Connect = Callable[[str], Connector | None]
Wanted = Mapping[str, Sequence[str]]  # resource -> raw keys


@dataclass(frozen=True, slots=True)
class EventsReport:
    """One source: events new to raw, records asked for again (by the events' own count), and how it ended.

    `waiting` = they are tried again with the next call; `reason` says why, or what was left to the scheduled
    read.
    """

    source: str
    state: Literal["done", "waiting"]
    events: int = 0
    records: int = 0
    reason: str | None = None


def act_on_events(connect: Connect, landing: Landing, store: Store, as_of: datetime) -> list[EventsReport]:
    """Merge what landed and read the records concerned again; a report per source that ever told an event.

    `connect` gives a source's connector, None without credentials; it is closed here. What was acted on is
    noted after the records are in raw, so that a kill anywhere repeats and loses nothing.
    """
    return [_act(source, connect, landing, store, as_of) for source in HOOKS if has_landed(landing, source)]


def _act(source: str, connect: Connect, landing: Landing, store: Store, as_of: datetime) -> EventsReport:
    with lock(landing.folder / source / ".events.lock", fcntl.LOCK_EX, PATIENCE):
        standing = merge_events(store, landing, source, as_of, retold=HOOKS[source].retold)
        report = EventsReport(source, "done", standing.added)
        if standing.waiting:
            try:
                report = _follow(report, connect, landing, store, as_of)
            except (ConnectorError, WarehouseBusy) as error:
                report = replace(report, state="waiting", reason=str(error))
        brief = [
            name
            for place, name in landing.resources()
            if place == source and (name == EVENTS or name.endswith(BY_ID))
        ]
        remove_merged(store, landing, source, brief, as_of)
        return report


def _follow(
    report: EventsReport, connect: Connect, landing: Landing, store: Store, as_of: datetime
) -> EventsReport:
    """Read again what the waiting events are about. Raises ConnectorError as `_read_again` does."""
    connector = connect(report.source)
    if connector is None:
        return replace(report, state="waiting", reason="no credentials are set")
    left: list[str] = []
    try:
        while told := not_acted_on(store, report.source, _CHUNK):
            wanted = _wanted(connector, told)
            left += _read_again(connector, landing, store, wanted, as_of)
            mark_acted_on(store, report.source, told[-1].seq)
            report = replace(report, records=report.records + sum(map(len, wanted.values())))
    finally:
        connector.close()
    return replace(report, reason="; ".join(dict.fromkeys(left)) or None)


def _wanted(connector: Connector, told: Sequence[Told]) -> dict[str, list[str]]:
    """Each record once, by resource; of what cannot be asked for by id the next scheduled read tells.

    What belongs to a record (associations, history) is asked for by that record's id.
    """
    affected = HOOKS[connector.source].affected
    found: dict[str, dict[str, None]] = {}
    for each in told:
        try:
            pairs = affected(each.event)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            # Vendors add kinds of events as they like; one that we misread must not hold up the others.
            kind = type(error).__name__
            log.warning("event %s of %s was not understood (%s)", each.seq, connector.source, kind)
            continue
        for resource, key in pairs:
            known = connector.resources.get(resource)
            if known is not None and (known.by_id or known.parent is not None):
                found.setdefault(resource, {})[key] = None
    return {resource: list(keys) for resource, keys in found.items()}


def _read_again(
    connector: Connector, landing: Landing, store: Store, wanted: Wanted, as_of: datetime
) -> list[str]:
    """Read all of these again; of what the vendor will not give however often it is asked, why.

    Raises ConnectorError for what heals with time or wants a person: then nothing is passed over.
    """
    if not wanted:
        return []
    report = reread(connector, landing, store, wanted, as_of, patience=SYNC_PATIENCE)
    if report.error is None:
        statuses = [each.status for each in report.resources if each.status is not None]
        return [status.reason or status.state for status in statuses if status.state == "not_permitted"]
    if not isinstance(report.error, UnexpectedData):
        raise report.error
    if len(wanted) == 1:
        log.warning("left to the scheduled read: %s", report.error)
        return [str(report.error)]
    # One resource that cannot be had may hide what is wrong with another.
    return [
        reason
        for resource, keys in wanted.items()
        for reason in _read_again(connector, landing, store, {resource: keys}, as_of)
    ]
