"""Files that all processes of this machine share: who holds a lock on one, or what numbers stand in one.

A process that ends, however it ends, lets go of its locks: the operating system does that.
"""

import fcntl
import hashlib
import mmap
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, Self

from connectors.errors import FixConfig

SUFFIX: Final = ".shared"
UNUSED_DAYS: Final = 30  # an account that nobody asked for that long; its next use begins anew
GUARD: Final = ".guard"  # held shared while a file is opened, alone while old ones are removed
DAY: Final = 86_400


class AccountFiles:
    """The shared files of one account: a vendor's address and a credential, whichever home uses them.

    Their names hold a digest, never the credential. Making one creates the folder, and once a day removes
    what nobody has used for a month. Raises FixConfig when the folder cannot be used.
    """

    def __init__(
        self,
        folder: Path,
        vendor: str,
        base_url: str,
        credential: str,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        account = hashlib.sha256(f"{base_url.rstrip('/')}\n{credential}".encode()).hexdigest()
        self.folder = folder
        self._account = f"{vendor}-{account[:20]}"
        _remove_unused(folder, clock())

    def name(self, what: str) -> str:
        """The name of one file of this account, as `path` and SharedLock take it."""
        return f"{self._account}-{what}{SUFFIX}"

    def path(self, what: str) -> Path:
        """Where that file is."""
        return self.folder / self.name(what)


def open_shared(path: Path) -> IO[bytes]:
    """The file, made where it is missing and marked as in use. Raises FixConfig when that is refused."""
    try:
        with _guard(path.parent, fcntl.LOCK_SH):
            file = path.open("a+b", buffering=0)
            os.utime(file.fileno())
    except OSError as error:
        raise _unusable(path.parent, error) from None
    return file


class SharedNumbers:
    """Whole numbers in a file, the same for all processes; without a file only this object's own.

    `with numbers:` is alone with them, among processes; the threads of one process need a lock of their own.
    Each number is stored in one piece, so that a killed process leaves the old or the new one. `kind` marks
    the file: one of another kind is refused with FixConfig, one that a power cut left empty begins anew.
    """

    SIZE: Final = 4096

    def __init__(self, file: Path | None, kind: bytes) -> None:
        self._file: IO[bytes] | None = None
        if file is None:
            self._memory = mmap.mmap(-1, self.SIZE)
        else:
            self._file = open_shared(file)
            try:
                with self:
                    self._memory = _mapped(self._file, self.SIZE, kind, file)
            except BaseException:
                self._file.close()
                raise
        mark = len(kind)
        self.numbers = memoryview(self._memory)[mark:].cast("q")

    def __enter__(self) -> Self:
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_error: object) -> None:
        if self._file is not None:
            fcntl.flock(self._file, fcntl.LOCK_UN)

    def close(self) -> None:
        """Give back the file; what stands in it stays for the others."""
        self.numbers.release()
        self._memory.close()
        if self._file is not None:
            self._file.close()


def _mapped(file: IO[bytes], size: int, kind: bytes, path: Path) -> mmap.mmap:
    found = os.pread(file.fileno(), len(kind), 0)
    if found.strip(b"\0") and found != kind:
        raise FixConfig(f"{path} is damaged or of another version; delete it, nothing else is lost.")
    try:
        # Written rather than only made longer: a page that the disk has no room for would kill us later.
        file.write(bytes(max(0, size - os.fstat(file.fileno()).st_size)))
    except OSError as error:
        raise _unusable(path.parent, error) from None
    memory = mmap.mmap(file.fileno(), size)
    memory[: len(kind)] = kind
    return memory


@contextmanager
def _guard(folder: Path, how: int) -> Iterator[None]:
    """Hold the folder against the removal of unused files, or alone for it. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / GUARD).open("ab") as guard:
        fcntl.flock(guard, how)
        yield


def _remove_unused(folder: Path, now: float) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        guard = folder / GUARD
        if guard.exists() and now - guard.stat().st_mtime < DAY:
            return
        with _guard(folder, fcntl.LOCK_EX):
            for path in folder.glob(f"*{SUFFIX}"):
                if now - path.stat().st_mtime > UNUSED_DAYS * DAY:
                    path.unlink()
            os.utime(guard)
    except OSError as error:
        raise _unusable(folder, error) from None


def _unusable(folder: Path, error: OSError) -> FixConfig:
    return FixConfig(
        f"{folder}, where all processes of this machine share the vendors' limits, cannot be used "
        f"({error.strerror}); make it writable, or set TENFOLD_LIMITS__FOLDER to a folder that is."
    )
