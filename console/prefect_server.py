"""Prefect's server for the length of one command, when `tenfold up` runs none.

Prefect would start one by itself, and leave it behind for ever when this process is killed outright; a
child of ours ends with us. It comes up while the flows are imported, so that nobody waits for it twice.
"""

import atexit
import contextlib
import fcntl
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from console.child import start_child
from console.prefect_home import prepare_prefect
from tasks.context import SandboxError

START_TIMEOUT_SECONDS = 180
LOG_FILE = "server.log"
LOCK_FILE = "server.lock"
_STOP_SECONDS = 5
_ADDRESS = "PREFECT_API_URL"


class ServerFailed(SandboxError):
    """Prefect's server did not come up; the message says where its last words are."""


def own_server(home: Path) -> Callable[[], None]:
    """Start a Prefect server for the rest of this process, unless one is known; call before loading Prefect.

    The answer is the function that waits until it serves, for before the first flow; it raises ServerFailed.
    """
    prepare_prefect(home)
    if _ADDRESS in os.environ:
        return lambda: None
    port = _free_port()
    log = home / "prefect" / LOG_FILE
    # Of two servers that make the tables of a new database at once, one fails.
    starting = (home / "prefect" / LOCK_FILE).open("a")
    fcntl.flock(starting, fcntl.LOCK_EX)
    with log.open("ab") as handle:
        server = start_child(
            [
                *(sys.executable, "-m", "uvicorn", "--factory", "prefect.server.api.server:create_app"),
                *("--host", "127.0.0.1", "--port", str(port), "--log-level", "error", "--lifespan", "on"),
            ],
            # What Prefect's own temporary server gets: no web pages, and no other server behind it.
            {
                **os.environ,
                "PREFECT_UI_ENABLED": "0",
                "PREFECT__SERVER_EPHEMERAL": "1",
                "PREFECT__SERVER_FINAL": "1",
            },
            stdout=handle,
            stderr=handle,
        )
    url = f"http://127.0.0.1:{port}/api"
    os.environ[_ADDRESS] = url
    # What is registered first runs last: Prefect, loaded later, still sends its last events.
    atexit.register(_stop, server)

    def wait() -> None:
        with starting:
            _wait(url, server, log)

    return wait


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    with httpx.Client(trust_env=False, timeout=5) as http:
        while time.monotonic() < deadline and server.poll() is None:
            with contextlib.suppress(httpx.HTTPError):
                if http.get(f"{url}/health").is_success:
                    return
            time.sleep(0.05)
    raise ServerFailed(f"Prefect's server did not start; its last words are in {log}. Run it again.")


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.terminate()
    try:
        server.wait(timeout=_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
