"""The shared rate limit: never over it, shared by processes, cheap when raised."""

import sqlite3
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import FixConfig
from connectors.limiter import Limit, Limiter

ROOT = Path(__file__).parents[2]


class Time:
    """A clock that only sleeping and `pass_by` move, in milliseconds."""

    def __init__(self, now: int = 1_800_000_000_000) -> None:
        self.now = now
        self.slept = 0.0

    def __call__(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.now += round(seconds * 1000)


def limiter(
    file: Path, time: Time, permits: int = 10, seconds: float = 10.0, name: str = "vendor"
) -> Limiter:
    return Limiter(file, Limit(name, permits, seconds), clock=time, sleep=time.sleep)


@settings(deadline=None)  # a loaded machine is no failure
@given(gaps=st.lists(st.integers(0, 3000), min_size=1, max_size=60), permits=st.integers(1, 12))
def test_no_ten_seconds_ever_hold_more_requests_than_the_limit(gaps: list[int], permits: int) -> None:
    with TemporaryDirectory() as folder:
        time = Time()
        limit = limiter(Path(folder) / "rates.sqlite", time, permits)
        sent = []
        for gap in gaps:
            time.now += gap
            limit.acquire()
            sent.append(time.now)
        limit.close()
    for start in sent:
        assert sum(start <= moment < start + 10_000 for moment in sent) <= permits


def test_a_burst_within_the_limit_does_not_wait(tmp_path: Path) -> None:
    time = Time()
    limit = limiter(tmp_path / "rates.sqlite", time, 100)
    for _ in range(100):
        limit.acquire()
    assert time.slept == 0
    limit.acquire()
    assert 10 <= time.slept < 10.5


def test_two_limiters_on_one_file_share_the_limit_and_other_names_do_not(tmp_path: Path) -> None:
    time = Time()
    file = tmp_path / "rates.sqlite"
    one, two, other = limiter(file, time), limiter(file, time), limiter(file, time, name="search")
    for _ in range(5):
        one.acquire()
        two.acquire()
    other.acquire()
    assert time.slept == 0
    two.acquire()
    assert time.slept > 9


DRAW = """
import sys
from pathlib import Path
from connectors.limiter import Limit, Limiter
drawn = 0
def stop(seconds):
    sys.exit(print(drawn))
limiter = Limiter(Path(sys.argv[1]), Limit("vendor", 900, 3600.0), sleep=stop)
print("ready", flush=True)
sys.stdin.readline()
while True:
    limiter.acquire()
    drawn += 1
"""


def test_processes_that_run_at_once_share_the_limit(tmp_path: Path) -> None:
    command = [sys.executable, "-c", DRAW, str(tmp_path / "rates.sqlite")]
    running = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in running:
        assert process.stdout.readline() == "ready\n"
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    drawn = [int(process.communicate(timeout=30)[0]) for process in running]
    assert sum(drawn) == 900


def test_a_raised_limit_is_paid_once_per_lot(tmp_path: Path) -> None:
    time = Time()
    limit = limiter(tmp_path / "rates.sqlite", time, 1_000_000)
    for _ in range(5000):
        limit.acquire()
    assert time.slept == 0
    with sqlite3.connect(tmp_path / "rates.sqlite") as con:
        assert con.execute("select count(*) from vendor").fetchone() == (5,)
    con.close()


def test_a_lot_that_was_not_spent_in_time_is_given_up(tmp_path: Path) -> None:
    time = Time()
    limit = limiter(tmp_path / "rates.sqlite", time, 2000)  # lots of two
    limit.acquire()
    time.now += 5000
    limit.acquire()
    with sqlite3.connect(tmp_path / "rates.sqlite") as con:
        assert con.execute("select count(*) from vendor").fetchone() == (2,)
    con.close()


def test_a_clock_set_back_by_hours_does_not_block(tmp_path: Path) -> None:
    time = Time()
    limit = limiter(tmp_path / "rates.sqlite", time)
    for _ in range(10):
        limit.acquire()
    time.now -= 6 * 3600 * 1000
    limit.acquire()
    assert time.slept == 0


def test_the_log_does_not_grow_without_end(tmp_path: Path) -> None:
    time = Time()
    limit = limiter(tmp_path / "rates.sqlite", time, 10, 1.0)
    for _ in range(2000):
        time.now += 150
        limit.acquire()
    with sqlite3.connect(tmp_path / "rates.sqlite") as con:
        assert con.execute("select count(*) from vendor").fetchone()[0] < 300
    con.close()


def test_a_damaged_file_is_named_and_what_to_do_said(tmp_path: Path) -> None:
    (tmp_path / "rates.sqlite").write_bytes(b"this is no database" * 100)
    with pytest.raises(FixConfig, match=r"rates\.sqlite.*delete it"):
        limiter(tmp_path / "rates.sqlite", Time())
