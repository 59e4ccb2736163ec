"""So many at a time on one machine: never more, nobody left waiting, and the dead let go."""

import itertools
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from connectors.shared_locks import SharedLock, Slots

ROOT = Path(__file__).parents[2]
NAME = "mailchimp-1-connection.shared"

# Writes "+" after it got its slot and "-" before it gives it back: the log never shows more than there was.
HOLD = """
import os, sys, threading, time
from pathlib import Path
from connectors.shared_locks import Slots
folder, count, threads, rounds = Path(sys.argv[1]), *map(int, sys.argv[2:])
slots = Slots(folder, "mailchimp-1-connection.shared", count)
log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
def work():
    for _ in range(rounds):
        with slots.hold():
            os.write(log, b"+%d\\n" % os.getpid())
            time.sleep(0.002)
            os.write(log, b"-%d\\n" % os.getpid())
print("ready", flush=True)
sys.stdin.readline()
workers = [threading.Thread(target=work) for _ in range(threads)]
for worker in workers: worker.start()
for worker in workers: worker.join()
"""


def holders(folder: Path, processes: int, *numbers: int) -> list[str]:
    """The log of processes that hold slots at once."""
    command = [sys.executable, "-c", HOLD, str(folder), *map(str, numbers)]
    running = [
        subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(processes)
    ]
    for process in running:
        assert process.stdout.readline() == "ready\n"
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in running:
        process.communicate(timeout=60)
        assert process.returncode == 0
    return (folder / "log").read_text().split()


def test_processes_and_their_threads_never_hold_more_than_the_slots(tmp_path: Path) -> None:
    log = holders(tmp_path, 3, 4, 4, 10)  # twelve threads want four slots
    at_once = list(itertools.accumulate(1 if line[0] == "+" else -1 for line in log))
    assert len(log) == 2 * 3 * 4 * 10
    assert max(at_once) == 4


def test_who_keeps_coming_back_leaves_others_their_turn(tmp_path: Path) -> None:
    log = holders(tmp_path, 3, 1, 1, 60)
    begun = [line for line in log if line[0] == "+"]
    shares = Counter(begun[:90])  # until here none of them has had all its sixty
    assert len(shares) == 3
    assert min(shares.values()) >= 10


DIE = """
import sys
from pathlib import Path
from connectors.shared_locks import SharedLock, Slots
folder = Path(sys.argv[1])
slots = Slots(folder, "mailchimp-1-connection.shared", 2)
with slots.hold(), slots.hold(), SharedLock(folder, "intercom-1-scroll.shared"):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_killed_process_gives_back_its_slots_and_its_lock_at_once(tmp_path: Path) -> None:
    got: list[float] = []

    def wait_for_all() -> None:
        with slots.hold(), slots.hold(), SharedLock(tmp_path, "intercom-1-scroll.shared"):
            got.append(time.perf_counter())

    with subprocess.Popen(
        [sys.executable, "-c", DIE, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "held\n"
        slots = Slots(tmp_path, NAME, 2)
        waiting = threading.Thread(target=wait_for_all)
        waiting.start()
        waiting.join(0.1)
        assert not got
        killed = time.perf_counter()
        process.kill()
        waiting.join(20)
    assert got
    assert got[0] - killed < 5


def test_a_slot_is_free_again_after_an_error(tmp_path: Path) -> None:
    slots = Slots(tmp_path, NAME, 1)
    for _ in range(2):
        with pytest.raises(ValueError, match="cut off"), slots.hold():
            raise ValueError("cut off")
    with slots.hold():
        pass


def test_a_home_that_allows_more_shares_the_slots_of_one_that_allows_less(tmp_path: Path) -> None:
    less, more = Slots(tmp_path, NAME, 1), Slots(tmp_path, NAME, 2)
    with more.hold(), more.hold():
        waiting = threading.Thread(target=lambda: less.hold().__enter__(), daemon=True)
        waiting.start()
        waiting.join(0.05)
        assert waiting.is_alive()
    waiting.join(20)
    assert not waiting.is_alive()


def test_a_lock_is_held_by_one_thread_at_a_time(tmp_path: Path) -> None:
    inside: list[int] = []
    most: list[int] = []

    def work() -> None:
        for _ in range(20):
            with SharedLock(tmp_path, "intercom-1-scroll.shared"):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.0005)
                inside.pop()

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(most) == 80
    assert max(most) == 1
