import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import SecretStr

from settings import SettingsError
from warehouse.errors import WarehouseBusy
from warehouse.store import Store

ROOT = Path(__file__).parents[2]


def start(script: str, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    found = Store(tmp_path)
    with found.write() as con:
        con.execute("create table raw.t (who integer, n integer)")
    return found


def count(store: Store) -> int:
    with store.read() as con:
        row = con.execute("select count(*) from raw.t").fetchone()
    assert row is not None
    return int(row[0])


WRITER = """
import sys
from pathlib import Path
from warehouse.store import Store
store = Store(Path(sys.argv[1]))
for n in range(20):
    with store.write() as con:
        con.execute("insert into raw.t values (?, ?)", [int(sys.argv[2]), n])
"""


def test_processes_that_write_at_once_wait_for_each_other_and_lose_nothing(store: Store) -> None:
    writers = [start(WRITER, store.home, who) for who in range(3)]
    seen = 0
    while any(writer.poll() is None for writer in writers):
        now = count(store)  # Readers between the writers see whole commits, never fewer rows than before.
        assert now >= seen
        seen = now
    for writer in writers:
        _, said = writer.communicate()
        assert writer.returncode == 0, said
    with store.read() as con:
        assert con.execute(
            "select who, count(distinct n) from raw.t group by who order by who"
        ).fetchall() == [
            (0, 20),
            (1, 20),
            (2, 20),
        ]


def test_threads_of_one_process_wait_for_each_other_too(store: Store) -> None:
    def write(who: int) -> None:
        for n in range(5):
            with store.write() as con:
                con.execute("insert into raw.t values (?, ?)", [who, n])
            with store.read() as con:
                con.execute("select * from raw.t").fetchall()

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(store) == 20


def test_a_piece_of_work_that_raises_leaves_no_trace(store: Store) -> None:
    def work() -> float:
        with store.write() as con:
            con.execute("insert into raw.t values (1, 1)")
            con.execute("create table raw.other (a integer)")
            return 1 / 0

    with pytest.raises(ZeroDivisionError):
        work()
    assert count(store) == 0
    with store.read() as con:
        assert con.execute("select count(*) from duckdb_tables() where table_name = 'other'").fetchone() == (
            0,
        )


def test_times_are_utc_whatever_the_machine_says(store: Store) -> None:
    with store.read() as con:
        row = con.execute("select timestamptz '2026-07-01 12:00:00+02:00'::varchar").fetchone()
    assert row == ("2026-07-01 10:00:00+00",)


def test_extensions_are_never_fetched(store: Store) -> None:
    with store.read() as con:
        rows = con.execute(
            "select value from duckdb_settings() where name in "
            "('autoinstall_known_extensions', 'autoload_known_extensions')"
        ).fetchall()
    assert rows == [("false",), ("false",)]


HOLDER = """
import sys
from pathlib import Path
from warehouse.store import Store
with Store(Path(sys.argv[1])).write() as con:
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_wait_that_grows_too_long_names_the_process_that_holds_the_file(store: Store) -> None:
    holder = start(HOLDER, store.home)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    impatient = Store(store.home, patience=timedelta(milliseconds=50))
    with pytest.raises(WarehouseBusy, match=f"held by process {holder.pid}"), impatient.read():
        pass
    holder.communicate("\n")
    assert count(impatient) == 0


def test_a_writer_killed_in_the_middle_lets_the_next_one_in_and_leaves_nothing_half_done(
    store: Store,
) -> None:
    holder = start(
        HOLDER.replace('print("held"', 'con.execute("insert into raw.t values (9, 9)"); print("held"'),
        store.home,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    holder.kill()
    holder.communicate()
    assert count(store) == 0


FOREIGN = """
import duckdb, sys
con = duckdb.connect(sys.argv[1])
print("open", flush=True)
sys.stdin.readline()
"""


def test_a_duckdb_shell_that_holds_the_file_is_named_as_the_cause(store: Store) -> None:
    shell = start(FOREIGN, store.path)
    assert shell.stdout is not None
    assert shell.stdout.readline() == "open\n"
    with pytest.raises(WarehouseBusy, match="another program"), store.write():
        pass
    shell.communicate("\n")


FULL = """
import resource, sys
from pathlib import Path
from warehouse.errors import DiskFull
from warehouse.store import Store
store = Store(Path(sys.argv[1]))
limit = store.path.stat().st_size + 300_000
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
try:
    with store.write() as con:
        con.execute("insert into raw.t select i, hash(i) % 1000000007 from range(2_000_000) as r(i)")
except DiskFull as error:
    print(error)
"""


def test_a_full_disk_is_said_clearly_and_loses_nothing_committed(store: Store) -> None:
    with store.write() as con:
        con.execute("insert into raw.t values (1, 1)")
    out, said = start(FULL, store.home).communicate()
    assert "No space left while writing warehouse.duckdb" in out, said
    assert count(store) == 1
    with store.write() as con:
        con.execute("insert into raw.t values (2, 2)")
    assert count(store) == 2


def test_with_a_key_nothing_on_disk_can_be_read(tmp_path: Path) -> None:
    store = Store(tmp_path, SecretStr("correct horse battery staple"))
    with store.write() as con:
        con.execute("create table raw.t as select 'Clinica Sonrisa' as name from range(1000)")
    assert count(store) == 1000
    assert not any(b"Clinica Sonrisa" in path.read_bytes() for path in tmp_path.iterdir() if path.is_file())


@pytest.mark.parametrize("key", [SecretStr("another key"), None])
def test_a_wrong_or_missing_key_is_refused_without_repeating_it(
    tmp_path: Path, key: SecretStr | None
) -> None:
    with Store(tmp_path, SecretStr("the right key")).write():
        pass
    with pytest.raises(SettingsError, match="TENFOLD_WAREHOUSE__KEY") as caught, Store(tmp_path, key).read():
        pass
    assert "another key" not in str(caught.value)
