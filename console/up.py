"""`tenfold up`: Prefect's server, the schedules of prefect.yaml, a worker and the web console as children."""

import contextlib
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import httpx
from pydantic_settings import DotEnvSettingsSource

from console.child import ROOT, start_child
from console.output import err, out, print_table
from console.pool import WORK_POOL, Pool
from console.prefect_home import SERVER_FILE, prepare_prefect
from console.serve import console_url
from console.stop import Stop
from settings import Settings, SettingsError
from tasks.context import read_sandbox
from tasks.receive import doors

WANTED_PORT = 4200
START_TIMEOUT_SECONDS = 180
RUNS_MAY_FINISH_SECONDS = 60
STOP_TIMEOUT_SECONDS = 15
LOCK_FILE = "up.lock"


class AlreadyUp(Exception):
    """Another `tenfold up` works on this home."""


@contextlib.contextmanager
def only_one(home: Path) -> Iterator[None]:
    """Hold this home's `up` for as long as the block lasts. Raises AlreadyUp."""
    folder = home / "prefect"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyUp(
                f"`tenfold up` already runs for {home}{_address(folder)}; use that one, or stop it first."
            ) from None
        yield


def _address(folder: Path) -> str:
    try:
        url: str = json.loads((folder / SERVER_FILE).read_text())["api_url"]
    except (OSError, ValueError, KeyError):
        return ""
    return f" at {url.removesuffix('/api')}"


def check_place() -> None:
    """Refuse a start from which the flows would read other settings than we do. Raises SettingsError."""
    if Path.cwd() != ROOT and (ROOT / ".env").exists():
        raise SettingsError(f"scheduled runs read {ROOT / '.env'}; start `tenfold up` from {ROOT}")


def worker_environment(settings: Settings, api_url: str, environ: Mapping[str, str]) -> dict[str, str]:
    """What server, worker and, through the worker, every flow get as their environment.

    Settings travel here and nowhere else: parameters and job variables of a deployment are stored in
    Prefect's database and shown. Paths are made absolute because flows run in the project's folder.
    """
    ours = {
        name.upper(): value
        for name, value in DotEnvSettingsSource(Settings).env_vars.items()
        if name.upper().startswith("TENFOLD_") and value is not None
    }
    env = {**ours, **environ}
    env["TENFOLD_HOME"] = str(settings.home.resolve())
    if settings.playbook is not None:
        env["TENFOLD_PLAYBOOK"] = str(settings.playbook.resolve())
    if settings.accounting.inbox is not None:
        env["TENFOLD_ACCOUNTING__INBOX"] = str(settings.accounting.inbox.resolve())
    env |= {
        "PREFECT_API_URL": api_url,
        "PREFECT_WORKER_QUERY_SECONDS": "5",
        "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [environ.get("PYTHONPATH")])]),
        "TENFOLD_PROJECT": str(ROOT),  # prefect.yaml names it
    }
    return env


def serve(settings: Settings, home: Path, stop: Stop) -> int:
    """Run until KeyboardInterrupt; 1 when a part did not come up or ended by itself.

    Children are stopped whatever happens, the worker first, so that its runs can end while their
    server still answers.
    """
    prepare_prefect(home, serving=True)
    port = _free_port(WANTED_PORT)
    url = f"http://127.0.0.1:{port}"
    env = worker_environment(settings, f"{url}/api", os.environ)
    children: dict[str, subprocess.Popen[Any]] = {}
    pool = Pool(f"{url}/api")
    server_file = home / "prefect" / SERVER_FILE
    env["TENFOLD_CONSOLE__PORT"] = str(_console_port(settings))
    console = console_url(settings.console.host, int(env["TENFOLD_CONSOLE__PORT"]))
    with (home / "prefect" / "up.log").open("ab") as log:
        try:
            # First, because vendors' events wait for nobody.
            children["console"] = _start(["console.cli", "serve"], env, log)
            if not _healthy(f"{console}/health", children["console"]):
                err.print(f"[bold red]Error:[/] the web console did not start; see {log.name}")
                return 1
            _ask_sandbox_to_tell(home, console)
            children["server"] = _start(
                ["prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)], env, log
            )
            if not _healthy(f"{url}/api/health", children["server"]):
                err.print(f"[bold red]Error:[/] Prefect's server did not start; see {log.name}")
                return 1
            for command in (
                ["prefect", "work-pool", "create", WORK_POOL, "--type", "process", "--overwrite"],
                ["prefect", "--no-prompt", "deploy", "--all"],
                ["tasks.automations"],
            ):
                children["set-up"] = _start(command, env, log)
                if children["set-up"].wait() != 0:
                    err.print(f"[bold red]Error:[/] `{' '.join(command)}` failed; see {log.name}")
                    return 1
            del children["set-up"]
            pool.settle("CRASHED", "The machine or `tenfold up` was stopped outright while it ran.")
            pool.pause(paused=False)
            children["worker"] = _start(
                ["prefect", "worker", "start", "--pool", WORK_POOL, "--name", "tenfold"], env, log
            )
            server_file.write_text(json.dumps({"pid": children["server"].pid, "api_url": f"{url}/api"}))
            print_table(
                "Running; stop with Ctrl-C",
                ["what", "where"],
                [
                    ["Prefect: runs, schedules, artifacts", url],
                    ["Web console: webhooks", console],
                    ["Home", str(home)],
                    ["Reports", str(home / "reports")],
                    ["Log", log.name],
                ],
            )
            return _watch(children)
        except KeyboardInterrupt:
            out.print("Stopping; runs that are under way may end first. Again to stop at once …")
            raise
        finally:
            server_file.unlink(missing_ok=True)
            with contextlib.suppress(httpx.HTTPError):
                if "worker" in children:
                    pool.drain(RUNS_MAY_FINISH_SECONDS, lambda: stop.hurried)
                    _stop(children.pop("worker"))
                    pool.settle("CANCELLED", "`tenfold up` was stopped before it ended.")
            for child in reversed(list(children.values())):
                _stop(child)
            pool.close()


def _ask_sandbox_to_tell(home: Path, console: str) -> None:
    """In a sandbox's home: have its vendors push their events to us, as one sets it up at real ones."""
    description = read_sandbox(home)
    if description is not None and "webhooks" in description:
        receiver = {"url": f"{console}/webhooks", "hubspot": True, "intercom": True, "mailchimp": True}
        answer = httpx.post(f"{description['control']['base_url']}/webhooks", json=receiver, timeout=10)
        answer.raise_for_status()


def _start(module: list[str], env: dict[str, str], log: IO[bytes]) -> subprocess.Popen[Any]:
    return start_child([sys.executable, "-m", *module], env, stdout=log, stderr=log)


def _console_port(settings: Settings) -> int:
    """The port as set; any free one where nobody outside can be waiting for us on the usual one."""
    chosen = "port" in settings.console.model_fields_set
    expected = any(door.missing is None for door in doors(settings).values())
    return settings.console.port if chosen or expected else _free_port(settings.console.port)


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


def _healthy(url: str, server: subprocess.Popen[Any]) -> bool:
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(url, timeout=2).is_success:
                return True
        time.sleep(0.25)
    return False


def _watch(children: dict[str, subprocess.Popen[Any]]) -> int:
    while True:
        for name, child in children.items():
            if child.poll() is not None:
                err.print(f"[bold red]Error:[/] the {name} ended by itself with {child.returncode}")
                return 1
        time.sleep(1)


def _stop(child: subprocess.Popen[Any]) -> None:
    if child.poll() is None:
        child.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=STOP_TIMEOUT_SECONDS)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()
