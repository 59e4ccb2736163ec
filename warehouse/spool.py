"""Events that vendors push, into landing: on disk for good before anybody is told that they arrived.

Deliveries come one by one and from many connections at once; a thread of its own lands whatever waits and
asks the disk once for all of it. A run of `<source>.events` is completed after a short while, so that it can
be merged. What is landed here is not looked into.
"""

import contextlib
import fcntl
import logging
import os
import queue
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Self

from warehouse.errors import WarehouseBusy, WarehouseError
from warehouse.landing import COMPLETE, Landing, LandingRun
from warehouse.landing_manifest import MANIFEST
from warehouse.store import lock

log = logging.getLogger(__name__)

EVENTS = "events"
HOLD = timedelta(seconds=10)  # how long a run is kept open after its first delivery
_FULL_RUN = 2_000  # deliveries
_WAITING = 1_000  # deliveries that may wait for the disk; beyond that the vendor is asked to come again
_BATCH = 200
_PATIENCE = timedelta(seconds=2)  # the events flow may be completing what a killed receiver left
_LOCK = "events.lock"  # in landing


@dataclass(frozen=True, slots=True)
class _Delivery:
    source: str
    line: bytes
    count: int
    received_at: datetime
    landed: Future[None] = field(default_factory=Future)


@dataclass(slots=True)
class _Open:
    run: LandingRun
    due: float | None = None  # nothing has come yet
    deliveries: int = 0


class Spool:
    """The receiving end of one home, from `with` to its end; one process holds it.

    Raises WarehouseBusy when another one does. A run of each of the `sources` is open before the first
    delivery and after the last, because making one takes longer than landing a hundred.
    """

    def __init__(
        self,
        landing: Landing,
        started_at: datetime,
        sources: Sequence[str] = (),
        *,
        hold: timedelta = HOLD,
    ) -> None:
        self._landing = landing
        self._started_at = started_at
        self._sources = sources
        self._hold = hold.total_seconds()
        self._waiting: queue.Queue[_Delivery | None] = queue.Queue(_WAITING)
        self._open: dict[str, _Open] = {}
        self._held = ExitStack()
        self._thread = threading.Thread(target=self._work, name="spool")

    def __enter__(self) -> Self:
        self._held.enter_context(lock(self._landing.folder / _LOCK, fcntl.LOCK_EX, _PATIENCE))
        try:
            _complete_left_over(self._landing, self._started_at)
            for source in self._sources:
                self._prepare(source, self._started_at)
            self._thread.start()
        except BaseException:
            self._held.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Land what waits, complete the runs, let go."""
        self._waiting.put(None)
        self._thread.join()
        self._held.close()

    def land(self, source: str, line: bytes, count: int, received_at: datetime) -> Future[None]:
        """Land one line of `count` events; the future is done once a power cut could not lose it.

        It fails with whatever kept it from being landed. Raises WarehouseBusy at once when more deliveries
        wait than the disk can follow.
        """
        delivery = _Delivery(source, line, count, received_at)
        try:
            self._waiting.put_nowait(delivery)
        except queue.Full:
            raise WarehouseBusy(
                f"{_WAITING} deliveries wait for the disk; it does not follow. Look at its load."
            ) from None
        return delivery.landed

    def _work(self) -> None:
        going_on = True
        while going_on:
            batch, going_on = self._next_batch()
            by_source = defaultdict(list)
            for delivery in batch:
                by_source[delivery.source].append(delivery)
            for source, deliveries in by_source.items():
                self._land(source, deliveries)
            for source, held in list(self._open.items()):
                if held.due is not None and (
                    not going_on or held.due <= time.monotonic() or held.deliveries >= _FULL_RUN
                ):
                    self._complete(source)
                    if going_on:
                        self._prepare(source, held.run.window.until)
        for source in list(self._open):
            self._drop(source)

    def _next_batch(self) -> tuple[list[_Delivery], bool]:
        """Whatever waits, once something does or a run is due; and whether more may come."""
        batch: list[_Delivery] = []
        try:
            first = self._waiting.get(timeout=self._pause())
            while first is not None:
                batch.append(first)
                if len(batch) == _BATCH:
                    return batch, True
                first = self._waiting.get_nowait()
        except queue.Empty:
            return batch, True
        return batch, False

    def _pause(self) -> float | None:
        due = [held.due for held in self._open.values() if held.due is not None]
        return max(0.0, min(due) - time.monotonic()) if due else None

    def _land(self, source: str, deliveries: list[_Delivery]) -> None:
        taken = [each for each in deliveries if each.landed.set_running_or_notify_cancel()]
        try:
            held = self._open.get(source) or self._opened(source, deliveries[0].received_at)
            for each in taken:
                held.run.append(each.line, each.count, None)
            held.run.to_disk()  # `append` protects from a kill; this protects from a power cut too
            held.deliveries += len(taken)
            held.due = held.due or time.monotonic() + self._hold
        except Exception as error:  # noqa: BLE001 - whatever it is, each delivery must get an answer
            # Those of the batch that did land come again from the vendor, and make no second row.
            self._drop(source)
            for each in taken:
                each.landed.set_exception(error)
            return
        for each in taken:
            each.landed.set_result(None)

    def _opened(self, source: str, at: datetime) -> _Open:
        run = self._landing.open(source, EVENTS, None, at)
        for folder in (run.folder.parent, run.folder.parent.parent, self._landing.folder):
            _sync_path(folder)
        held = self._open[source] = _Open(run)
        return held

    def _prepare(self, source: str, at: datetime) -> None:
        """Open a run that nobody waits for yet; what keeps it from it is said to the next delivery."""
        with contextlib.suppress(WarehouseError, OSError):
            self._opened(source, at)

    def _complete(self, source: str) -> None:
        held = self._open.pop(source)
        try:
            held.run.complete()
        except (WarehouseError, OSError) as error:
            # Every page of it is on disk: whoever opens it next completes it.
            log.warning("the landing run of %s.%s stays open: %s", source, EVENTS, error)
            held.run.close()

    def _drop(self, source: str) -> None:
        if (held := self._open.pop(source, None)) is not None:
            held.run.close()


def complete_left_over(landing: Landing, as_of: datetime) -> None:
    """Complete the runs that a killed receiver left open; nothing while one works."""
    try:
        with lock(landing.folder / _LOCK, fcntl.LOCK_EX, timedelta(0)):
            _complete_left_over(landing, as_of)
    except WarehouseBusy:
        return  # it completes its runs itself


def _complete_left_over(landing: Landing, now: datetime) -> None:
    for source, resource in landing.resources():
        if resource == EVENTS and _has_open_run(landing.folder / source / resource):
            with landing.open(source, resource, None, now) as run:
                if run.pages:
                    run.complete()


def _has_open_run(folder: Path) -> bool:
    return any(
        (path / MANIFEST).exists() and not (path / COMPLETE).exists()
        for path in folder.iterdir()
        if path.suffix != ".set-aside" and not path.name.startswith(".")
    )


def _sync_path(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
