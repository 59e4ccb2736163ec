"""Whole runs killed outright, wherever they happen to be; then quiet ones, side by side."""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest
from house import House, differences, figures, running_world

TINY = ("--months", "1", "--first", "4", "--last", "6")


def processes_of(home: Path) -> list[str]:
    """Command lines of what still runs for a home, from the system's own list."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"TENFOLD_HOME={home}\0".encode() in (entry / "environ").read_bytes():
                found.append((entry / "cmdline").read_bytes().replace(b"\0", b" ").decode())
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc to see what was left behind")
def test_killed_runs_leave_nothing_behind_and_the_next_ones_tell_the_truth(tmp_path: Path) -> None:
    house = House(tmp_path)
    with running_world(tmp_path, *TINY):
        pass  # the world begins small; the command goes on with it
    for seconds in (3.0, 6.0, 9.0):
        process = house.start("run", "--json")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=seconds)
        process.send_signal(signal.SIGKILL)
        # Its pipes close once every child that inherited them has ended too.
        process.communicate(timeout=20)
    deadline = time.monotonic() + 20
    while (left := processes_of(tmp_path)) and time.monotonic() < deadline:
        os.sched_yield()
    assert left == []

    pair = [house.start("run", "--json"), house.start("run", "--json")]
    for process in pair:
        out, err = process.communicate(timeout=280)
        assert process.returncode == 0, err[-2000:]
        assert not re.search(r"Traceback", err)
        assert '"warnings": []' in out
    with running_world(tmp_path, *TINY) as world:
        assert differences(figures(house.json("kpi")), figures(house.json("sandbox", "truth"))) == []
        sent = Counter((mail["recipients"][0], mail["step"]) for mail in world.mails() if mail["step"])
        assert sent
        assert max(sent.values()) == 1
        assert house.json("outbox", "--state", "queued") == []
        assert house.json("outbox", "--state", "sending") == []
        settled = house.json("outbox", "--state", "sent")
        assert len([row for row in settled if row["channel"] == "mail"]) >= len(sent)
