"""Several processes against the vendors' servers, which count every request and every one too many."""

import json
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from connectors import registry
from connectors.errors import QuotaSpent
from connectors.pages import Access, Window
from connectors.transport import Policy, Transport
from settings import Settings

ROOT = Path(__file__).parents[2]
OBJECTS = "/crm/objects/2026-09"


@dataclass(frozen=True)
class Vendors:
    said: dict[str, dict]
    folder: Path

    def settings(self, **changes: object) -> dict[str, dict]:
        """What a home that works with these vendors has set."""
        return {
            name: {**self.said[name], **changes.get(name, {})}  # type: ignore[dict-item]
            for name in ("hubspot", "intercom", "mailchimp")
        }

    def counted(self) -> dict[str, dict[str, int]]:
        said = httpx.get(f"{self.said['control']['base_url']}/violations", trust_env=False)
        return said.raise_for_status().json()

    def hubspot(self, *, identify: bool = True, **changes: object) -> Transport:
        """Shares nothing but the folder with another, as if each had a process of its own."""
        settings = Settings(_env_file=None, **self.settings(hubspot=changes))
        connector = registry.connect("hubspot", Access(settings, self.folder))
        assert connector is not None
        if identify:
            connector.identity()
        return connector._http


@contextmanager
def vendors(folder: Path, limits: dict[str, int], *faults: dict[str, object]) -> Iterator[Vendors]:
    arguments = [str(folder / "world"), json.dumps(limits), json.dumps(faults)]
    command = [sys.executable, "-m", "tests.connectors.limits_sandbox", *arguments]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Vendors(json.loads(process.stdout.readline()), folder / "limits")
        finally:
            process.terminate()
            process.wait(20)


def test_processes_that_sync_and_write_at_once_are_never_refused(tmp_path: Path) -> None:
    """For each vendor more than one window holds, and more at once than it has connections."""
    limits = {"hubspot_per_10s": 30, "intercom_per_10s": 30, "mailchimp_connections": 3}
    calls = {
        "hubspot_reads": 12,
        "hubspot_writes": 4,
        "hubspot_searches": 5,
        "intercom_reads": 16,
        "mailchimp_reads": 20,
    }
    slow = {"kind": "slow", "vendor": "mailchimp", "seconds": 0.02}  # else they would never meet
    with vendors(tmp_path, limits, slow) as world:
        settings = world.settings(
            hubspot={"requests_per_10s": 30}, intercom={"requests_per_10s": 30}, mailchimp={"connections": 3}
        )
        given = json.dumps({"settings": settings, "folder": str(world.folder), "calls": calls})
        command = [sys.executable, "-m", "tests.connectors.limits_worker", given]
        running = [
            subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
            for _ in range(3)
        ]
        for process in running:
            assert process.stdout.readline() == "ready\n"
        for process in running:
            process.stdin.write("go\n")
            process.stdin.flush()
        for process in running:
            process.communicate(timeout=60)
        assert [process.returncode for process in running] == [0, 0, 0]
        # A refusal would have been tried again, and be one request more.
        assert world.counted() == {
            "hubspot": {"requests": 63, "ten_secondly": 0, "search_secondly": 0, "daily": 0},
            "intercom": {"requests": 48, "ten_secondly": 0, "scroll": 0},
            "mailchimp": {"requests": 60, "connections": 0},
            "mandrill": {"requests": 0},
        }


def reads(transport: Transport) -> int:
    """How many reads the day gives; every third is a search, whose answer says nothing of limits."""
    for done in range(1000):
        try:
            if done % 3:
                transport.get(f"{OBJECTS}/contacts", {"limit": 1})
            else:
                transport.post(f"{OBJECTS}/contacts/search", {"limit": 1}, limit="search")
        except QuotaSpent:
            return done
    raise AssertionError("reading never ended")


def test_a_day_is_never_overspent_and_its_reserve_is_for_follow_ups(tmp_path: Path) -> None:
    limits = {"hubspot_per_day": 60, "hubspot_per_10s": 1000, "hubspot_searches_per_second": 1000}
    raised = {"requests_per_10s": 1000, "searches_per_second": 1000}
    task = {"properties": {"hs_timestamp": "2026-11-16T09:00:00Z", "hs_task_subject": "Call"}}
    with vendors(tmp_path, limits) as world:
        first, second = world.hubspot(**raised), world.hubspot(**raised)
        assert reads(first) == 55  # of 60 three are kept, and two asked for the portal's zone
        assert reads(second) == 0
        first.close()
        second.close()
        with pytest.raises(QuotaSpent, match="kept for follow-ups"):  # after a restart it is still known
            world.hubspot(**raised)
        acting = world.hubspot(**raised, identify=False)
        for _ in range(3):
            acting.call("POST", f"{OBJECTS}/tasks", json=task, purpose="act")
        with pytest.raises(QuotaSpent, match="used up"):
            acting.call("POST", f"{OBJECTS}/tasks", json=task, purpose="act")
        acting.close()
        counted = world.counted()["hubspot"]
    assert counted == {"requests": 60, "ten_secondly": 0, "search_secondly": 0, "daily": 0}


def test_a_day_that_others_used_up_stops_all_after_one_refusal(tmp_path: Path) -> None:
    with vendors(tmp_path, {"hubspot_per_day": 5}) as world:
        headers = {"Authorization": f"Bearer {world.said['hubspot']['token']}"}
        with httpx.Client(base_url=world.said["hubspot"]["base_url"], headers=headers) as other:
            for _ in range(5):
                other.get("/account-info/2026-09/details").raise_for_status()
        one, two = world.hubspot(identify=False), world.hubspot(identify=False)
        with pytest.raises(QuotaSpent):
            one.get("/account-info/2026-09/details", purpose="act")
        for purpose in ("read", "act"):
            with pytest.raises(QuotaSpent):
                two.get("/account-info/2026-09/details", purpose=purpose)
        one.close()
        two.close()
        assert world.counted()["hubspot"]["daily"] == 1


def test_two_processes_that_scroll_wait_for_each_other(tmp_path: Path) -> None:
    """Intercom refuses a second scroll; whoever is refused would have to wait for a minute."""
    waits: list[float] = []

    def pause(seconds: float) -> float:
        waits.append(seconds)
        return 0.0

    def companies(settings: Settings, folder: Path) -> int:
        connector = registry.connect("intercom", Access(settings, folder, Policy(pause=pause)))
        assert connector is not None
        pages = list(connector.read("companies", Window(None, datetime(2026, 11, 16, tzinfo=UTC))))
        connector.close()
        return sum(page.count for page in pages)

    with vendors(tmp_path, {}, {"kind": "slow", "vendor": "intercom", "seconds": 0.1}) as world:
        settings = Settings(_env_file=None, **world.settings())
        with ThreadPoolExecutor(3) as pool:
            read = [pool.submit(companies, settings, world.folder) for _ in range(3)]
            counts = {each.result() for each in read}
    assert len(counts) == 1
    assert counts.pop() > 0
    assert waits == []
