"""`tenfold up` as a person starts it: it comes up, runs what is scheduled, and leaves nothing behind."""

import contextlib
import json
import os
import re
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from house import ROOT, SMALL, House, running_world

PATIENCE_SECONDS = 120
FINAL = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


def descendants(pid: int) -> set[int]:
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    found, grown = {pid}, True
    while grown:
        more = {child for child, parent in parents.items() if parent in found} - found
        found, grown = found | more, bool(more)
    return found - {pid}


class Api:
    def __init__(self, url: str) -> None:
        self.client = httpx.Client(base_url=url, timeout=30)

    def ask(self, path: str, **body: Any) -> Any:
        return self.client.post(path, json=body).raise_for_status().json()

    def run(self, deployment: str) -> dict[str, Any]:
        """Start a deployment as `prefect deployment run` does; the run once it has ended."""
        known = self.client.get(f"/deployments/name/{deployment}").raise_for_status().json()
        run = self.ask(f"/deployments/{known['id']}/create_flow_run", state={"type": "SCHEDULED"})
        deadline = time.monotonic() + PATIENCE_SECONDS
        while run["state_type"] not in FINAL:
            assert time.monotonic() < deadline, run["state"]
            time.sleep(0.3)
            run = self.client.get(f"/flow_runs/{run['id']}").raise_for_status().json()
        return dict(run)

    def until(self, count: int, path: str, **body: Any) -> Any:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while len(found := self.ask(path, **body)) < count:
            assert time.monotonic() < deadline, f"{path} gives {len(found)}"
            time.sleep(0.3)
        return found


@pytest.mark.skipif(sys.platform != "linux", reason="looks at processes in /proc")
def test_up_runs_what_is_scheduled_and_leaves_nothing_behind(tmp_path: Path) -> None:
    house = House(tmp_path)
    with running_world(tmp_path, *SMALL):
        pass  # made small here; `up` starts it again by itself
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):  # somebody else's Prefect will do as well
            taken.bind(("127.0.0.1", 4200))
            taken.listen()
        process = house.start("up")
        assert process.stdout is not None
        try:
            said = ""
            while "up.log" not in said:
                line = process.stdout.readline()
                assert line, process.communicate()[1]
                said += line
            server_file = house.sandbox_home / "prefect" / "server.json"
            url = json.loads(server_file.read_text())["api_url"]
            assert url.removesuffix("/api") in said
            assert ":4200/" not in url
            console = re.search(r"Web console: webhooks\W+(http://[\d.:]+)", said)
            assert console is not None, said
            assert httpx.get(f"{console.group(1)}/health").json() == {"status": "ok"}
            api = Api(url)

            # Every schedule makes runs.
            deployed = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
            known = {row["name"]: row["id"] for row in api.ask("/deployments/filter")}
            assert known.keys() == {row["name"] for row in deployed}
            for ident in known.values():
                api.until(
                    1,
                    "/flow_runs/filter",
                    flow_runs={"state": {"type": {"any_": ["SCHEDULED"]}}},
                    deployments={"id": {"any_": [ident]}},
                    limit=1,
                )
            assert len(api.ask("/automations/filter")) == 4

            # The worker's environment leads a run to this home and its sandbox; nothing secret is stored.
            run = api.run("refresh/hourly")
            assert run["state_type"] == "COMPLETED", run["state"]
            lines = [
                row["message"] for row in api.ask("/logs/filter", logs={"flow_run_id": {"any_": [run["id"]]}})
            ]
            assert any("hubspot: complete" in line for line in lines)
            token = json.loads((house.sandbox_home / "world" / "sandbox.json").read_text())["hubspot"][
                "token"
            ]
            stored = [api.ask("/deployments/filter"), api.ask("/work_pools/filter"), run]
            assert token not in json.dumps(stored)

            # A command uses the same server; a second `up` is refused.
            house.json("follow-up")
            by_hand = api.until(
                1,
                "/flow_runs/filter",
                flows={"name": {"any_": ["follow-up"]}},
                flow_runs={"deployment_id": {"is_null_": True}},
            )
            assert [row["state_type"] for row in by_hand] == ["COMPLETED"]
            second = house.tenfold("up")
            assert second.returncode == 1
            assert "already runs" in second.stderr
            assert url.removesuffix("/api") in second.stderr
            assert "Traceback" not in second.stderr

            children = descendants(process.pid)
            assert len(children) >= 3
        finally:
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=PATIENCE_SECONDS)
        assert process.returncode == 0, err
        assert err == ""
        assert out.rstrip().endswith("Stopped.")
        assert not server_file.exists()
        left = {pid for pid in children if os.path.exists(f"/proc/{pid}")}  # noqa: PTH110 - one call, no race
        assert left == set()
