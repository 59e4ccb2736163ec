"""What only one, or only so many, may do at a time on this machine. Whoever dies lets go at once."""

import fcntl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Self

from connectors.shared_files import SUFFIX, open_shared

LOOK_AGAIN_S = 0.002  # how often the one whose turn it is looks for a free slot


class SharedLock:
    """`with SharedLock(folder, name):` is alone on this machine, among threads and processes.

    Who waits sleeps in the operating system's queue. Make one for each `with`. Raises FixConfig when the
    folder cannot be used.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._path = folder / name
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Self:
        self._file = open_shared(self._path)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_error: object) -> None:
        if self._file is not None:
            self._file.close()  # and with it the lock


class Slots:
    """At most `count` holders at a time on this machine. Raises FixConfig when the folder cannot be used.

    One lock a slot. Who wants one takes its turn first, so that one at a time looks for a free slot and
    nobody is overtaken by somebody who keeps coming back.
    """

    def __init__(
        self, folder: Path, name: str, count: int, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._sleep = sleep
        self._threads = threading.Lock()
        stem = name.removesuffix(SUFFIX)
        self._turn = open_shared(folder / f"{stem}-turn{SUFFIX}")
        self._slots = [open_shared(folder / f"{stem}-{number}{SUFFIX}") for number in range(count)]
        # A process that has a slot's lock is given it again when it asks; its threads need this list.
        self._free = list(self._slots)

    @contextmanager
    def hold(self) -> Iterator[None]:
        """Hold a slot, waiting for one as long as it takes."""
        slot = self._take()
        try:
            yield
        finally:
            fcntl.flock(slot, fcntl.LOCK_UN)
            self._free.append(slot)

    def _take(self) -> IO[bytes]:
        with self._threads:
            fcntl.flock(self._turn, fcntl.LOCK_EX)
            try:
                while True:
                    for slot in tuple(self._free):
                        if _locked(slot):
                            self._free.remove(slot)
                            return slot
                    self._sleep(LOOK_AGAIN_S)
            finally:
                fcntl.flock(self._turn, fcntl.LOCK_UN)

    def close(self) -> None:
        """Close the files; the slots held are free again."""
        for file in (self._turn, *self._slots):
            file.close()


def _locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
