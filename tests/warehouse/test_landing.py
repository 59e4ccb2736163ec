import json
import os
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import zstandard

from warehouse.errors import UnreadableLanding, WarehouseBusy, WarehouseError
from warehouse.landing import Landing, LandingRun, verify

ROOT = Path(__file__).parents[2]
UNTIL = datetime(2026, 11, 16, 7, tzinfo=UTC)


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(tmp_path, clock=lambda: UNTIL)


def opened(landing: Landing) -> LandingRun:
    return landing.open("hubspot", "contacts", None, UNTIL)


def page(number: int) -> bytes:
    return json.dumps({"results": [{"id": f"{number}-{at}"} for at in range(3)], "page": number}).encode()


def land(run: LandingRun, numbers: range, last: int | None = None) -> None:
    for number in numbers:
        run.append(page(number), 3, None if number == last else str(number + 1))


def bodies(run: LandingRun) -> list[bytes]:
    found = []
    for path in run.segments:
        reader = zstandard.ZstdDecompressor().decompressobj()
        lines = reader.decompress(path.read_bytes()).splitlines()
        # Whole, and one frame.
        assert (reader.eof, reader.unused_data) == (True, b"")
        for line in lines:
            head = b'{"page":%d,"body":' % (len(found) + 1)
            assert line.startswith(head)
            assert line.endswith(b"}")
            found.append(line[len(head) : -1])
    return found


def test_what_was_received_comes_back_byte_for_byte(landing: Landing) -> None:
    sent = [page(1), '{"results": [], "text": "ñ € \\n \\u0000"}'.encode(), b"{}"]
    with opened(landing) as run:
        for body in sent:
            run.append(body, 0, "next")
        run.complete()
    (replay,) = landing.runs("hubspot", "contacts")
    assert bodies(replay) == sent


def test_line_breaks_between_tokens_become_spaces_so_that_a_body_is_one_line(landing: Landing) -> None:
    pretty = json.dumps({"results": [{"id": "1", "text": "a\nb"}]}, indent=2).replace("\n", "\r\n").encode()
    with opened(landing) as run:
        run.append(pretty, 1, None)
        run.complete()
        (line,) = bodies(run)
    assert json.loads(line) == json.loads(pretty)


def test_an_incomplete_run_goes_on_where_it_stopped_with_its_own_window(landing: Landing) -> None:
    since = UNTIL - timedelta(days=1)
    with landing.open("hubspot", "contacts", since, UNTIL) as run:
        land(run, range(2))
    with landing.open("hubspot", "contacts", None, UNTIL + timedelta(days=1)) as again:
        assert again.run_id == run.run_id
        assert (again.window.since, again.window.until) == (since, UNTIL)
        assert again.resume == "2"
        land(again, range(2, 4), last=3)
        assert again.exhausted
        again.complete()
        assert bodies(again) == [page(number) for number in range(4)]
        assert again.records == 12


def test_a_complete_run_is_followed_by_a_new_one_with_a_greater_id_even_under_a_frozen_clock(
    landing: Landing,
) -> None:
    ids = []
    for _ in range(3):
        with opened(landing) as run:
            land(run, range(1), last=0)
            run.complete()
            ids.append(run.run_id)
    assert ids == sorted(set(ids))
    assert [run.run_id for run in landing.runs("hubspot", "contacts")] == ids


@pytest.mark.parametrize(
    "torn", [b'{"segment": "00001.js', b'{"segment": "00001.jsonl.zst"}\n', b"\x00\x00\n"]
)
def test_the_torn_tail_of_a_kill_is_cut_back_to_the_last_whole_page(landing: Landing, torn: bytes) -> None:
    with opened(landing) as run:
        land(run, range(3))
    with run.segments[-1].open("ab") as handle:
        handle.write(zstandard.compress(page(3))[:20])
    with (run.folder / "manifest.jsonl").open("ab") as handle:
        handle.write(torn)
    with opened(landing) as again:
        assert again.resume == "3"
        land(again, range(3, 5), last=4)
        again.complete()
        assert bodies(again) == [page(number) for number in range(5)]
        verify(again)


def test_pages_that_a_power_cut_took_from_the_disk_are_read_again(landing: Landing) -> None:
    with opened(landing) as run:
        land(run, range(5))
    os.truncate(run.segments[0], run.pages[2].offset - 1)  # The manifest reached the disk, the bytes did not.
    with opened(landing) as again:
        assert again.resume == "2"
        land(again, range(2, 5), last=4)
        again.complete()
        assert bodies(again) == [page(number) for number in range(5)]


def test_bytes_that_rot_after_landing_are_noticed(landing: Landing) -> None:
    with opened(landing) as run:
        land(run, range(3), last=2)
        run.complete()
    content = bytearray(run.segments[0].read_bytes())
    content[len(content) // 2] ^= 1
    run.segments[0].write_bytes(content)
    with pytest.raises(UnreadableLanding, match=r"hubspot\.contacts is damaged"):
        verify(run)


def test_long_runs_are_cut_into_segments_and_stay_in_order(
    landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.landing.SEGMENT_BYTES", 300)
    with opened(landing) as run:
        land(run, range(10))
    with opened(landing) as again:
        land(again, range(10, 20), last=19)
        again.complete()
        assert len(again.segments) > 3
        assert bodies(again) == [page(number) for number in range(20)]


LANDER = """
import json, sys
from datetime import UTC, datetime
from pathlib import Path
from warehouse.landing import Landing
run = Landing(Path(sys.argv[1])).open("hubspot", "contacts", None, datetime(2026, 11, 16, 7, tzinfo=UTC))
number, last = int(run.resume or 0), int(sys.argv[2])
while not run.exhausted:
    body = json.dumps({"results": [{"id": f"{number}-{at}"} for at in range(3)], "page": number}).encode()
    run.append(body, 3, None if number == last else str(number + 1))
    print(number, flush=True)
    number += 1
run.complete()
"""


def lander(home: Path, last: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", LANDER, str(home), str(last)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )


def test_killed_at_any_point_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    dice = random.Random(20261120)
    last = 3000
    for _ in range(6):
        victim = lander(tmp_path, last)
        assert victim.stdout is not None
        for _ in range(dice.randrange(1, 400)):
            victim.stdout.readline()
        victim.kill()
        victim.communicate()
    finisher = lander(tmp_path, last)
    finisher.communicate()
    assert finisher.returncode == 0
    (run,) = Landing(tmp_path).runs("hubspot", "contacts")
    assert bodies(run) == [page(number) for number in range(last + 1)]
    assert run.records == 3 * (last + 1)


DIES_WHILE_IT_MAKES_A_RUN = """
import os, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from warehouse import landing
landing.write_whole = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
landing.Landing(Path(sys.argv[1])).open("hubspot", "contacts", None, datetime(2026, 11, 16, 7, tzinfo=UTC))
"""


def test_killed_while_its_very_first_run_was_made_a_resource_can_be_landed(
    landing: Landing, tmp_path: Path
) -> None:
    dead = subprocess.run(
        [sys.executable, "-c", DIES_WHILE_IT_MAKES_A_RUN, str(tmp_path)], check=False, cwd=ROOT
    )
    assert dead.returncode == -signal.SIGKILL
    with opened(landing) as run:
        run.append(page(0), 3, None)
        run.complete()
    assert [found.records for found in landing.runs("hubspot", "contacts")] == [3]


def test_two_processes_cannot_land_the_same_resource_at_once(landing: Landing, tmp_path: Path) -> None:
    with opened(landing), pytest.raises(WarehouseBusy, match=f"process {os.getpid()}"):
        opened(Landing(tmp_path))
    with opened(landing), landing.open("hubspot", "deals", None, UNTIL):
        pass  # Another resource is free.


FULL = """
import resource, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from warehouse.errors import DiskFull
from warehouse.landing import Landing
run = Landing(Path(sys.argv[1])).open("hubspot", "contacts", None, datetime(2026, 11, 16, 7, tzinfo=UTC))
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), int(sys.argv[2])))
import os
number = 0
try:
    while True:
        run.append(os.urandom(400).hex().encode(), 1, str(number + 1))
        number += 1
except DiskFull as error:
    print(number, error)
"""


@pytest.mark.parametrize("limit", [3000, 5000, 20_000])
def test_a_full_disk_keeps_what_landed_and_the_run_can_go_on(tmp_path: Path, limit: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path), str(limit)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    landed, said = done.stdout.split(" ", 1)
    assert "No space left" in said
    assert int(landed) > 0
    with opened(Landing(tmp_path)) as run:
        assert run.resume == landed
        run.append(b"{}", 0, None)
        run.complete()
        assert len(bodies(run)) == int(landed) + 1


def test_only_old_merged_runs_expire_and_the_newest_stays(tmp_path: Path) -> None:
    days = [UNTIL - timedelta(days=age) for age in (40, 35, 30, 1)]
    for day in days:
        with Landing(tmp_path, clock=lambda day=day: day).open("hubspot", "contacts", None, day) as run:
            land(run, range(1), last=0)
            run.complete()
    landing = Landing(tmp_path)
    first, second, third, newest = landing.runs("hubspot", "contacts")
    merged = {("hubspot", "contacts", run.run_id) for run in (first, third, newest)}
    assert landing.expire(UNTIL - timedelta(days=20), merged) > 0
    assert [run.run_id for run in landing.runs("hubspot", "contacts")] == [second.run_id, newest.run_id]


def test_a_run_that_was_set_aside_keeps_its_bytes_and_its_window_is_read_again(landing: Landing) -> None:
    with opened(landing) as run:
        land(run, range(2), last=1)
        run.complete()
    aside = run.set_aside("a page was no JSON")
    assert (aside / "reason.txt").read_text() == "a page was no JSON"
    assert landing.runs("hubspot", "contacts") == []
    with opened(landing) as again:
        assert again.resume is None
        assert again.run_id > run.run_id


def test_a_closed_run_takes_no_more_pages(landing: Landing) -> None:
    run = opened(landing)
    run.close()
    with pytest.raises(WarehouseError, match="is closed"):
        run.append(b"{}", 0, None)


@pytest.mark.parametrize("name", ["../x", "Contacts", "", "a.b"])
def test_a_name_that_would_leave_the_folder_is_refused(landing: Landing, name: str) -> None:
    with pytest.raises(WarehouseError, match="cannot name"):
        landing.open("hubspot", name, None, UNTIL)
