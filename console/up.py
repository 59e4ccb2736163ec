"""`tenfold up`: Prefect's server, the schedules of prefect.yaml and one worker, as child processes."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

from console.output import err, out, print_table
from console.prefect_home import SERVER_FILE, prepare_prefect

ROOT = Path(__file__).parent.parent
WORK_POOL = "tenfold-local"
START_TIMEOUT_SECONDS = 180


def serve(home: Path) -> int:
    """Run until interrupted; 0, or 1 when a part did not come up or ended by itself."""
    prepare_prefect(home)
    port = _free_port(4200)
    api_url = f"http://127.0.0.1:{port}/api"
    env = {
        **os.environ,
        "PREFECT_API_URL": api_url,
        "TENFOLD_PROJECT": str(ROOT),
        "PYTHONPATH": str(ROOT),
        # The variables of a deployment are stored; the worker's own environment is not.
        "PREFECT_WORKER_QUERY_SECONDS": "5",
    }
    children: dict[str, subprocess.Popen[bytes]] = {}
    log = (home / "prefect" / "up.log").open("ab")
    try:
        children["server"] = _prefect(
            ["server", "start", "--host", "127.0.0.1", "--port", str(port)], env, log
        )
        if not _healthy(f"{api_url}/health", children["server"]):
            err.print(f"[bold red]Error:[/] Prefect's server did not start; see {log.name}")
            return 1
        (home / "prefect" / SERVER_FILE).write_text(
            json.dumps({"pid": children["server"].pid, "api_url": api_url})
        )
        for command in (
            ["work-pool", "create", WORK_POOL, "--type", "process", "--overwrite"],
            ["--no-prompt", "deploy", "--all"],
        ):
            done = subprocess.run(
                [*_command(), *command], env=env, cwd=ROOT, stdout=log, stderr=log, check=False
            )
            if done.returncode != 0:
                err.print(f"[bold red]Error:[/] `prefect {' '.join(command)}` failed; see {log.name}")
                return 1
        children["worker"] = _prefect(["worker", "start", "--pool", WORK_POOL, "--name", "tenfold"], env, log)
        print_table(
            "Running; stop with Ctrl-C",
            ["what", "where"],
            [
                ["Prefect: runs, schedules, artifacts", f"http://127.0.0.1:{port}"],
                ["Home", str(home)],
                ["Reports", str(home / "reports")],
                ["Log", log.name],
            ],
        )
        return _watch(children)
    except KeyboardInterrupt:
        out.print("Stopping …")
        return 0
    finally:
        for child in reversed(list(children.values())):
            _stop(child)
        (home / "prefect" / SERVER_FILE).unlink(missing_ok=True)
        log.close()


def _command() -> list[str]:
    return [sys.executable, "-m", "prefect"]


def _prefect(arguments: list[str], env: dict[str, str], log: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*_command(), *arguments], env=env, cwd=ROOT, stdout=log, stderr=log)  # type: ignore[call-overload,no-any-return]


def _free_port(wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    return wanted


def _healthy(url: str, server: subprocess.Popen[bytes]) -> bool:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if httpx.get(url, timeout=2).is_success:
                return True
        except httpx.HTTPError:
            pass
        time.sleep(0.5)
    return False


def _watch(children: dict[str, subprocess.Popen[bytes]]) -> int:
    while True:
        for name, child in children.items():
            if child.poll() is not None:
                err.print(f"[bold red]Error:[/] the {name} ended by itself with {child.returncode}")
                return 1
        time.sleep(1)


def _stop(child: subprocess.Popen[bytes]) -> None:
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
        try:
            child.wait(timeout=15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
