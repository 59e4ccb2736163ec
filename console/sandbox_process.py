"""The sandbox as a process: started when needed, ended when nobody needs it."""

import contextlib
import fcntl
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import httpx

from console.child import ROOT
from tasks.context import WORLD_FOLDER, SandboxError, read_sandbox

START_TIMEOUT_SECONDS = 120


class SandboxFailed(SandboxError):
    """The sandbox process did not come up or refused what it was asked; the message carries its words."""


@contextlib.contextmanager
def running_sandbox(home: Path) -> Iterator[None]:
    """Make sure a sandbox answers for `home` inside the block. Raises SandboxFailed.

    Several commands may share one: it ends with the last of them, also when they are killed, because each
    holds a lock that the sandbox watches. One that a person started by hand stays.
    """
    world = home / WORLD_FOLDER
    world.mkdir(parents=True, exist_ok=True)
    process: subprocess.Popen[str] | None = None
    with (world / "used.lock").open("ab") as used:
        with (world / "start.lock").open("ab") as starting:
            fcntl.flock(starting, fcntl.LOCK_EX)
            fcntl.flock(used, fcntl.LOCK_SH)  # a sandbox that is about to end holds it until it has
            if read_sandbox(home) is None:
                process = _start(world)
        try:
            yield
        finally:
            if process is not None:
                with contextlib.suppress(BlockingIOError):
                    fcntl.flock(used, fcntl.LOCK_EX | fcntl.LOCK_NB)  # refused while others use it
                    stop(process)


def _start(world: Path) -> subprocess.Popen[str]:
    """Start `python -m sandbox serve` for this world and wait until it listens. Raises SandboxFailed."""
    log_path = world / "sandbox.log"
    with log_path.open("w") as log:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "sandbox", "serve", "--home", str(world), "--limits", "off"),
                *("--while-used", str(world / "used.lock")),
            ],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            cwd=ROOT,
            env=_environment(),
            process_group=0,  # Ctrl-C is for us
        )
    if _wait_for_line(process):
        return process
    stop(process)
    words = log_path.read_text().strip().splitlines()[-3:]
    raise SandboxFailed(
        "The sandbox did not start: " + (" / ".join(words) or f"see {log_path.name} in {world}")
    )


def serve_in_foreground(home: Path, options: Sequence[str]) -> int:
    """Run the sandbox of this home until it is interrupted; returns its exit code."""
    world = home / WORLD_FOLDER
    world.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "serve", "--home", str(world), *options],
        cwd=ROOT,
        env=_environment(),
    )
    try:
        return process.wait()
    except KeyboardInterrupt:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=10)
        return 0


def sandbox_truth(home: Path, month: str | None) -> list[dict[str, Any]]:
    """The true KPIs of the sandbox in this home, running or not. Raises SandboxFailed with its own words."""
    chosen = ["--month", month] if month else []
    done = subprocess.run(
        [sys.executable, "-m", "sandbox", "truth", "--home", str(home / WORLD_FOLDER), *chosen, "--json"],
        cwd=ROOT,
        env=_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        words = (done.stderr or done.stdout).strip().splitlines()
        raise SandboxFailed(words[-1] if words else f"python -m sandbox truth ended with {done.returncode}")
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    return rows


def advance_sandbox(home: Path, by: str) -> str:
    """Move the sandbox's clock, starting it for that if need be; the new instant (ISO, UTC)."""
    with running_sandbox(home):
        description = read_sandbox(home)
        if description is None:
            raise SandboxFailed("The sandbox ended by itself; see world/sandbox.log in its home.")
        answer = httpx.post(f"{description['control']['base_url']}/advance", json={"by": by}, timeout=120)
        said = answer.json()
        if answer.is_error:
            raise SandboxFailed(str(said.get("error", said)))
        return str(said["clock"])


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def stop(process: subprocess.Popen[str]) -> None:
    """Ask the process to end, and end it after ten seconds."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout:
        process.stdout.close()


def _wait_for_line(process: subprocess.Popen[str]) -> bool:
    """True once the process has printed its description; False when it ends or takes too long."""
    stdout = process.stdout
    if stdout is None:
        return False
    deadline = time.monotonic() + START_TIMEOUT_SECONDS
    with selectors.DefaultSelector() as selector:
        selector.register(stdout, selectors.EVENT_READ)
        while time.monotonic() < deadline:
            if selector.select(timeout=1):
                return bool(stdout.readline().strip())
            if process.poll() is not None:
                return False
    return False
