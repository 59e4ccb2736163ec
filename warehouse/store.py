"""The one door to DuckDB: lock, open, one transaction, commit or roll back, close.

DuckDB lets in one writing process or many reading ones and fails at once otherwise, so a lock file beside
the database makes everybody wait their turn. Nothing here knows what the tables mean.
"""

import contextlib
import fcntl
import importlib.util
import logging
import os
import re
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import IO

import duckdb
from pydantic import SecretStr

from settings import SettingsError
from warehouse.errors import Damaged, DiskFull, NotEnoughMemory, WarehouseBusy, WarehouseError
from warehouse.room import DEFAULT_MEMORY, give_room

log = logging.getLogger(__name__)

WAREHOUSE = "warehouse"  # the catalog's name in every connection
SCHEMA = Path(__file__).with_name("schema.sql")
# DuckDB's own 122,880 rows would be held in memory whole before they are written.
_ROW_GROUP = 16_384
_POLL_SECONDS = 0.01
_SAY_AFTER_SECONDS = 5.0
# What DuckDB and the operating system say when no byte more fits; the texts differ by where it happened.
_FULL = (
    "No space left",
    "File too large",
    "Disk quota exceeded",
    "Could not write all bytes",
    "max_temp_directory_size",
)
# And what DuckDB says of a file that is not, or no longer, as it wrote it.
_DAMAGED = (
    "not a valid DuckDB database file",
    "Could not read enough bytes",
    "Corrupt database file",
    "checksum",
    "Failed to deserialize",
)


Transaction = Callable[[], contextlib.AbstractContextManager[duckdb.DuckDBPyConnection]]


class Store:
    """The warehouse file of one home.

    `write()` and `read()` give a DuckDB connection in UTC whose current catalog is `warehouse`, for one short
    piece of work; never hold one across a network call.
    """

    def __init__(
        self,
        home: Path,
        key: SecretStr | None = None,
        *,
        memory: str = DEFAULT_MEMORY,
        patience: timedelta = timedelta(minutes=10),
    ) -> None:
        self.home = home
        self.path = home / "warehouse.duckdb"
        self.key = key
        self.memory = memory
        self.patience = patience
        self._ready = False

    @contextlib.contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that may write, alone; all of it is committed at the end, or nothing when it raises.

        Raises WarehouseBusy when another process holds the file longer than `patience`, DiskFull when no
        space was left (the file is then as it was before).
        """
        with self.writing() as transaction, transaction() as con:
            yield con

    @contextlib.contextmanager
    def writing(self) -> Iterator[Transaction]:
        """As `write`, for several transactions over one opening; each is entered when it begins.

        Opening and closing costs more than a small transaction. What one of them committed stays, whatever
        becomes of the next.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        with self._locked(fcntl.LOCK_EX):
            # Somebody may have removed the file, to start anew from what was landed.
            self._ready = self._ready and self.path.exists()
            with (
                disk_errors(self.path),
                opened(self.path, key=self.key, memory=self.memory) as con,
            ):
                # Rows carry their own numbers, and reading and writing in order costs half as much again.
                con.execute("set preserve_insertion_order = false")

                @contextlib.contextmanager
                def transaction() -> Iterator[duckdb.DuckDBPyConnection]:
                    yield from _transaction(con, prepared=self._ready)
                    self._ready = True

                yield transaction

    @contextlib.contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection that may only read, beside other readers.

        Raises WarehouseBusy when a writer holds the file longer than `patience`.
        """
        # A kill during the very first write may leave a file without tables, or without a byte.
        if self.path.exists() and self.path.stat().st_size:
            with self._reading() as con:
                self._ready = self._ready or _is_prepared(con)
                if self._ready:
                    yield con
                    return
        with self.write():
            pass  # A new home gets its empty tables, so that readers need no special case.
        with self._reading() as con:
            yield con

    @contextlib.contextmanager
    def _reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with (
            self._locked(fcntl.LOCK_SH),
            disk_errors(self.path),
            opened(self.path, key=self.key, memory=self.memory, read_only=True) as con,
        ):
            yield con

    @contextlib.contextmanager
    def _locked(self, kind: int) -> Iterator[None]:
        with lock(self.home / "warehouse.lock", kind, self.patience):
            yield


def _transaction(con: duckdb.DuckDBPyConnection, *, prepared: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    con.execute("begin transaction")
    try:
        if not prepared:
            _prepare(con)
        yield con
    except BaseException:
        with contextlib.suppress(duckdb.Error):  # A fatal error has rolled back already.
            con.execute("rollback")
        raise
    con.execute("commit")


def _prepare(con: duckdb.DuckDBPyConnection) -> None:
    if not _is_prepared(con):
        con.execute(SCHEMA.read_text(encoding="utf-8"))


def _is_prepared(con: duckdb.DuckDBPyConnection) -> bool:
    declared = SCHEMA.read_text(encoding="utf-8").count("create table")
    found = con.execute(
        "select count(*) from duckdb_tables() where database_name = 'warehouse' "
        "and schema_name in ('meta', 'quality')"
    ).fetchone()
    return found is not None and found[0] >= declared


@contextlib.contextmanager
def opened(
    path: Path,
    *,
    name: str = WAREHOUSE,
    key: SecretStr | None = None,
    memory: str = DEFAULT_MEMORY,
    read_only: bool = False,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection in UTC whose current catalog is the file at `path`, attached as `name`; closed at the end.

    It holds an instance of its own, so a file replaced under the same path is never served from a cache.
    Raises SettingsError for a missing or wrong key, WarehouseBusy when a foreign program holds the file,
    WarehouseError when it is no DuckDB file.
    """
    spill = path.parent / ".spill"
    con = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "memory_limit": memory,
            "temp_directory": str(spill),
        },
    )
    try:
        con.execute("set TimeZone = 'UTC'")
        give_room(con, memory)
        attach(con, path, name=name, key=key, read_only=read_only)
        con.execute(f"use {name}")
        yield con
    finally:
        con.close()


def attach(
    con: duckdb.DuckDBPyConnection, path: Path, *, name: str, key: SecretStr | None, read_only: bool
) -> None:
    """Attach the file at `path` to `con` under `name`. Raises as `opened` does."""
    options = ["read_only"] if read_only else [f"row_group_size {_ROW_GROUP}"] if name == WAREHOUSE else []
    if key is not None:
        _load_httpfs(con)
        options.append(f"encryption_key {quoted(key.get_secret_value())}")
    listed = f" ({', '.join(options)})" if options else ""
    try:
        con.execute(f"attach {quoted(str(path))} as {name}{listed}")
    except duckdb.Error as error:
        # The statement holds the key, and DuckDB quotes statements: its text must not get out.
        said = str(error)
        if "lock on file" in said:
            raise WarehouseBusy(
                f"{path.name} is open in another program that does not use our lock (a DuckDB shell?); "
                "close it."
            ) from None
        if "encrypt" in said or "without a key" in said:
            raise SettingsError(
                f"TENFOLD_WAREHOUSE__KEY: {path.name} does not open with this key (or without one); "
                "give the key that the file was written with."
            ) from None
        if _is_damage(said):
            raise damaged(path) from None
        if key is not None:
            raise WarehouseError(f"{path.name} cannot be opened ({type(error).__name__}).") from None
        raise


def _is_damage(said: str) -> bool:
    return any(sign in said for sign in _DAMAGED)


def damaged(path: Path) -> Damaged:
    """The error for a DuckDB file whose bytes are not what was written."""
    if path.parent.name == "builds":
        return Damaged(
            f"The build {path.name} is damaged; remove it from {path.parent} and run `tenfold publish`."
        )
    return Damaged(
        f"{path.name} in {path.parent} is damaged; put a backup in its place, or move it away and run "
        "`tenfold sync --full`: it is filled again from what has landed and from the sources."
    )


def _load_httpfs(con: duckdb.DuckDBPyConnection) -> None:
    """DuckDB writes encrypted files only with the OpenSSL that httpfs carries; the wheel holds the binary."""
    found = importlib.util.find_spec("duckdb_extension_httpfs")
    binaries = (
        sorted(Path(found.origin).parent.rglob("httpfs.duckdb_extension")) if found and found.origin else []
    )
    if not binaries:
        raise SettingsError(
            "TENFOLD_WAREHOUSE__KEY: encryption needs the package duckdb-extension-httpfs; "
            "install it or unset the key."
        )
    con.execute(f"load {quoted(str(binaries[-1]))}")


def first_line(error: duckdb.Error) -> str:
    """What DuckDB says went wrong, without the values it quotes: they may be a client's data."""
    line = str(error).splitlines()[0]
    return re.sub(r"'.*'", "'…'", line) if isinstance(error, duckdb.DataError) else line


def counted(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    """The one number that a query gives."""
    row = con.execute(sql).fetchone()
    return int(row[0]) if row else 0


def quoted(text: str) -> str:
    """`text` as an SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


@contextlib.contextmanager
def disk_errors(where: Path) -> Iterator[None]:
    """Turn what DuckDB and the system say about a full disk into DiskFull, naming the folder of `where`.

    What they say about a file whose bytes changed becomes Damaged.
    """
    try:
        yield
    except (duckdb.Error, OSError) as error:
        if isinstance(error, duckdb.Error) and _is_damage(str(error)):
            raise damaged(where) from error
        if any(sign in str(error) for sign in _FULL):
            raise DiskFull(
                f"No space left while writing {where.name} in {where.parent}; nothing committed is lost. "
                "Free some space and run the same command again."
            ) from error
        if isinstance(error, duckdb.OutOfMemoryException):
            raise NotEnoughMemory(
                f"{where.name} in {where.parent} needs more memory than TENFOLD_WAREHOUSE__MEMORY allows; "
                "nothing committed is lost. Raise it (1GB, 4GB) and run the same command again."
            ) from None
        raise


@contextlib.contextmanager
def lock(path: Path, kind: int, patience: timedelta) -> Iterator[IO[str]]:
    """Hold the lock file at `path` (fcntl.LOCK_EX or LOCK_SH), waiting for others.

    Raises WarehouseBusy, naming the process that holds it, after `patience`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as handle:
        started = time.monotonic()
        said = False
        while True:
            try:
                fcntl.flock(handle, kind | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                waited = time.monotonic() - started
                if waited > patience.total_seconds():
                    raise WarehouseBusy(
                        f"{path.name} has been held by {_holder(handle)} for {waited:.0f} s; "
                        "wait until it is done, or end it."
                    ) from None
                if not said and waited > _SAY_AFTER_SECONDS:
                    said = True
                    log.warning("waiting for %s, held by %s", path.name, _holder(handle))
                time.sleep(_POLL_SECONDS)
        if kind == fcntl.LOCK_EX:
            handle.truncate(0)
            handle.write(str(os.getpid()))
            handle.flush()
        yield handle


def _holder(handle: IO[str]) -> str:
    handle.seek(0)
    pid = handle.read().strip()
    return f"process {pid}" if pid else "another process"


def write_whole(path: Path, text: str) -> None:
    """Write a small file so that after a crash it is there whole, or as it was before."""
    draft = path.with_name(path.name + ".draft")
    with draft.open("w", encoding="utf-8") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    draft.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
