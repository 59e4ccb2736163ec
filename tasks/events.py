"""What vendors told by themselves, acted on: the records that events are about are read again, by id.

An event is only a hint. What it says of a record is not used, so duplicates and disorder do no harm, and an
event that cannot be acted on costs nothing but time: the scheduled read finds the change as well.
"""

import fcntl
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from connectors.errors import ConnectorError, NotPermitted, UnexpectedData
from connectors.pages import Connector
from connectors.webhooks import HOOKS
from warehouse.events import Told, has_landed, mark_acted_on, merge_events, not_acted_on
from warehouse.landing import Landing
from warehouse.store import Store, lock

log = logging.getLogger(__name__)

PATIENCE = timedelta(minutes=5)  # how long a second process waits for the first
_CHUNK = 5_000  # events whose records are read again in one go
Wanted = Mapping[str, Sequence[str]]  # resource -> raw keys
Reread = Callable[[Connector, Landing, Store, Wanted, datetime], object]


@dataclass(frozen=True, slots=True)
class EventsReport:
    """One source: events new to raw, records asked for again, and how it ended.

    `waiting` = they are tried again with the next call; `reason` says why, or what was left to the scheduled
    read.
    """

    source: str
    state: Literal["done", "waiting"]
    events: int = 0
    records: int = 0
    reason: str | None = None


def act_on_events(
    connect: Callable[[str], Connector | None],
    landing: Landing,
    store: Store,
    as_of: datetime,
    *,
    reread: Reread,
) -> list[EventsReport]:
    """Merge what landed and read the records concerned again; a report per source that ever told an event.

    `connect` gives a source's connector, None without credentials; it is closed here. What was acted on is
    noted after the records are in raw, so that a kill anywhere repeats and loses nothing.
    """
    return [
        _act(source, connect, landing, store, as_of, reread)
        for source in HOOKS
        if has_landed(landing, source)
    ]


def _act(
    source: str,
    connect: Callable[[str], Connector | None],
    landing: Landing,
    store: Store,
    as_of: datetime,
    reread: Reread,
) -> EventsReport:
    with lock(landing.folder / source / ".events.lock", fcntl.LOCK_EX, PATIENCE):
        standing = merge_events(store, landing, source, as_of, retold=HOOKS[source].retold)
        added = standing.added
        if not standing.waiting:
            return EventsReport(source, "done", added)
        records = 0
        left: list[str] = []
        try:
            connector = connect(source)
            if connector is None:
                return EventsReport(source, "waiting", added, reason="no credentials are set")
            try:
                while told := not_acted_on(store, source, _CHUNK):
                    wanted = _wanted(connector, told)
                    count, reasons = _read_again(reread, connector, landing, store, wanted, as_of)
                    mark_acted_on(store, source, told[-1].seq)
                    records += count
                    left += reasons
            finally:
                connector.close()
        except ConnectorError as error:
            return EventsReport(source, "waiting", added, records, str(error))
        return EventsReport(source, "done", added, records, "; ".join(dict.fromkeys(left)) or None)


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
    reread: Reread, connector: Connector, landing: Landing, store: Store, wanted: Wanted, as_of: datetime
) -> tuple[int, list[str]]:
    """How many were read again, and of what the vendor will not give however often it is asked, why.

    Raises ConnectorError for what heals with time or wants a person: then nothing is passed over.
    """
    if not wanted:
        return 0, []
    try:
        reread(connector, landing, store, wanted, as_of)
    except (NotPermitted, UnexpectedData) as error:
        if len(wanted) == 1:
            log.warning("left to the scheduled read: %s", error)
            return 0, [str(error)]
        # One resource that cannot be had must not keep the others.
        each = [
            _read_again(reread, connector, landing, store, {resource: keys}, as_of)
            for resource, keys in wanted.items()
        ]
        return sum(count for count, _ in each), [reason for _, reasons in each for reason in reasons]
    return sum(map(len, wanted.values())), []
