"""The shared rate limit: never over it, shared by processes, closed for all at once, cheap when raised."""

import heapq
import subprocess
import sys
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import FixConfig, RetryLater
from connectors.limiter import Limit, Limiter

ROOT = Path(__file__).parents[2]


class Time:
    """A clock that only sleeping and `pass_by` move, in milliseconds; what was to happen meanwhile happens."""

    def __init__(self, now: int = 1_800_000_000) -> None:
        self.now = now
        self.slept = 0.0
        self.coming: list[tuple[int, int, object]] = []

    def __call__(self) -> int:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.pass_by(round(seconds * 1000))

    def pass_by(self, milliseconds: int) -> None:
        until = self.now + milliseconds
        while self.coming and self.coming[0][0] <= until:
            self.now, _, happens = heapq.heappop(self.coming)
            happens()
        self.now = until

    def later(self, milliseconds: int, happens: object) -> None:
        heapq.heappush(self.coming, (self.now + milliseconds, len(self.coming), happens))


def limiter(file: Path, time: Time, permits: int = 10, seconds: float = 10.0) -> Limiter:
    return Limiter(file, Limit("vendor", permits, seconds), clock=time, sleep=time.sleep)


calls = st.tuples(st.integers(0, 2000), st.integers(0, 4000), st.floats(0, 1), st.booleans())


@settings(deadline=None)  # a loaded machine is no failure
@given(calls=st.lists(calls, min_size=1, max_size=60), permits=st.integers(1, 12))
def test_no_ten_seconds_at_the_vendor_ever_hold_more_requests_than_the_limit(
    calls: list[tuple[int, int, float, bool]], permits: int
) -> None:
    """However long answers take, and whenever meanwhile the vendor counts the request: two processes."""
    with TemporaryDirectory() as folder:
        time = Time()
        both = [limiter(Path(folder) / "rates", time, permits) for _ in range(2)]
        counted = []
        for gap, latency, share, second in calls:
            time.pass_by(gap)
            chosen = both[second]
            acquired = chosen.acquire()
            counted.append(time.now + latency * share)
            time.later(latency, lambda chosen=chosen, acquired=acquired: chosen.answered(acquired))
        time.pass_by(10_000)
        for each in both:
            each.close()
    for start in counted:
        assert sum(start <= moment < start + 10_000 for moment in counted) <= permits


def test_a_burst_within_the_limit_does_not_wait(tmp_path: Path) -> None:
    time = Time()
    limit = limiter(tmp_path / "rates", time, 100)
    for _ in range(100):
        limit.acquire()
    assert time.slept == 0
    limit.acquire()
    assert 10 <= time.slept < 10.3


def test_at_a_steady_pace_the_whole_limit_is_used(tmp_path: Path) -> None:
    time = Time()
    limit = limiter(tmp_path / "rates", time, 100)
    begin = time.now
    for _ in range(1000):
        limit.answered(limit.acquire())
        time.pass_by(10)
    assert time.now - begin < 9 * 10_300 + 1000


def test_limiters_of_one_file_share_the_limit_and_those_of_another_do_not(tmp_path: Path) -> None:
    time = Time()
    one, two = limiter(tmp_path / "all", time), limiter(tmp_path / "all", time)
    other = limiter(tmp_path / "search", time)
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
limiter = Limiter(Path(sys.argv[1]), Limit("vendor", int(sys.argv[2]), 3600.0), sleep=stop)
print("ready", flush=True)
sys.stdin.readline()
while True:
    limiter.acquire()
    drawn += 1
"""


@pytest.mark.parametrize("permits", [900, 30_000])
def test_processes_that_run_at_once_share_the_limit(tmp_path: Path, permits: int) -> None:
    command = [sys.executable, "-c", DRAW, str(tmp_path / "rates"), str(permits)]
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
    assert sum(drawn) == permits


HOLD = """
import sys
from pathlib import Path
from connectors.limiter import Limit, Limiter
limiter = Limiter(Path(sys.argv[1]), Limit("vendor", 10, 3600.0))
limiter.acquire()
with limiter._shared:
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_process_that_counts_is_waited_for_unless_it_is_killed(tmp_path: Path) -> None:
    def full(seconds: float) -> None:
        raise InterruptedError

    command = [sys.executable, "-c", HOLD, str(tmp_path / "rates")]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        limit = Limiter(tmp_path / "rates", Limit("vendor", 10, 3600.0), sleep=full)
        assert process.stdout.readline() == "held\n"
        waiting = threading.Thread(target=limit.acquire)
        waiting.start()
        waiting.join(0.1)
        assert waiting.is_alive()
        process.kill()
        waiting.join(20)
        assert not waiting.is_alive()
    for _ in range(8):  # the tenth was the killed one's
        limit.acquire()
    with pytest.raises(InterruptedError):
        limit.acquire()


def test_a_raised_limit_is_counted_to_the_last_request_of_a_slice(tmp_path: Path) -> None:
    time = Time()
    limit = limiter(tmp_path / "rates", time, 100_000)
    for _ in range(100_000):
        limit.acquire()
    assert time.slept == 0
    limit.acquire()
    assert time.slept >= 10


def test_a_raised_limit_is_used_by_one_process_though_another_asks_seldom(tmp_path: Path) -> None:
    time = Time()
    busy, idle = limiter(tmp_path / "rates", time, 100_000), limiter(tmp_path / "rates", time, 100_000)
    for _ in range(50):  # over five seconds
        idle.acquire()
        for _ in range(1_000):
            busy.acquire()
        time.pass_by(100)
    assert time.slept == 0


def test_a_limit_closed_by_one_process_is_closed_for_all(tmp_path: Path) -> None:
    time = Time()
    one, two = limiter(tmp_path / "rates", time, 1_000_000), limiter(tmp_path / "rates", time, 1_000_000)
    two.acquire()  # and has more permits in hand
    one.close_for(7)
    one.close_for(3)  # a shorter pause does not end a longer one
    two.acquire()
    assert time.slept == pytest.approx(7, abs=0.01)


def test_a_pause_longer_than_the_patience_is_left_to_the_schedule(tmp_path: Path) -> None:
    time = Time()
    limit = limiter(tmp_path / "rates", time)
    limit.close_for(3600)
    with pytest.raises(RetryLater, match="a pause of 3600 s") as caught:
        limit.acquire(60)
    assert caught.value.retry_after == 3600
    assert time.slept == 0


def test_a_lower_limit_of_the_vendor_holds_for_all_and_a_higher_one_changes_nothing(tmp_path: Path) -> None:
    time = Time()
    one, two = limiter(tmp_path / "rates", time, 100), limiter(tmp_path / "rates", time, 100)
    one.vendor_allows(190, 10.0)
    for _ in range(100):
        two.acquire()
    assert time.slept == 0
    time.pass_by(11_000)
    one.vendor_allows(20, 10.0)
    for _ in range(21):
        two.acquire()
    assert 10 <= time.slept < 10.3


@pytest.mark.parametrize(("window", "in_ten_seconds"), [(5.0, 30), (10.0, 30), (30.0, 10)])
def test_a_vendors_longer_window_is_slowed_down_to(
    tmp_path: Path, window: float, in_ten_seconds: int
) -> None:
    time = Time()
    limit = limiter(tmp_path / "rates", time, 100)
    limit.vendor_allows(30, window)
    for _ in range(in_ten_seconds):
        limit.acquire()
    assert time.slept == 0
    limit.acquire()
    assert time.slept >= 10


def test_nothing_left_until_a_stated_moment_closes_until_then(tmp_path: Path) -> None:
    time = Time()
    one, two = limiter(tmp_path / "rates", time), limiter(tmp_path / "rates", time)
    one.nothing_left(10, 4.0, None)
    two.acquire()
    assert time.slept == pytest.approx(4, abs=0.01)


def test_nothing_left_though_we_asked_little_means_that_others_ask(tmp_path: Path) -> None:
    time = Time()
    one, two = limiter(tmp_path / "rates", time, 100), limiter(tmp_path / "rates", time, 100)
    for _ in range(5):
        one.acquire()
    one.nothing_left(100, None, 10.0)
    two.acquire()
    assert time.slept == pytest.approx(10, abs=0.01)


def test_nothing_left_after_our_own_burst_costs_no_more_than_the_window(tmp_path: Path) -> None:
    time = Time()
    limit = limiter(tmp_path / "rates", time, 100)
    for _ in range(100):
        time.pass_by(50)
        limit.acquire()
    limit.nothing_left(100, None, 10.0)
    limit.acquire()
    assert time.slept < 5.3  # the first of the hundred leaves ten seconds after it went


def test_a_machine_that_was_started_again_begins_anew(tmp_path: Path) -> None:
    time = Time()
    limit = limiter(tmp_path / "rates", time)
    for _ in range(10):
        limit.acquire()
    limit.close_for(50)
    limit.close()
    time.now = 30_000  # half a minute after the start; the file tells of days
    again = limiter(tmp_path / "rates", time)
    again.acquire()
    assert time.slept == 0


def test_a_process_that_looks_at_the_clock_a_little_earlier_forgets_nothing(tmp_path: Path) -> None:
    time, earlier = Time(), Time()
    one, two = limiter(tmp_path / "rates", time), limiter(tmp_path / "rates", earlier)
    for _ in range(10):
        one.acquire()
    earlier.pass_by(-300)
    two.acquire()
    assert earlier.slept >= 10


def test_the_file_stays_small(tmp_path: Path) -> None:
    time = Time()
    limit = limiter(tmp_path / "rates", time, 1_000_000)
    for _ in range(2000):
        time.pass_by(150)
        limit.acquire()
    assert (tmp_path / "rates").stat().st_size == 4096


def test_a_file_of_something_else_is_named_and_what_to_do_said(tmp_path: Path) -> None:
    (tmp_path / "rates").write_bytes(b"this is something else" * 100)
    with pytest.raises(FixConfig, match=r"rates is damaged.*delete it"):
        limiter(tmp_path / "rates", Time())


def test_a_file_that_a_power_cut_left_empty_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "rates").write_bytes(bytes(100))
    limiter(tmp_path / "rates", Time()).acquire()
