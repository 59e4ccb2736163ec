"""The sandbox as a process: started when needed, stopped by whoever started it."""

import contextlib
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

from console.child import ROOT, start_child
from tasks.context import WORLD_FOLDER, SandboxError, read_sandbox

START_TIMEOUT_SECONDS = 120


class SandboxFailed(SandboxError):
    """The sandbox process did not come up or refused what it was asked; the message carries its words."""


@contextlib.contextmanager
def running_sandbox(home: Path, extra: Sequence[str] = ()) -> Iterator[bool]:
    """Make sure a sandbox answers for `home` inside the block; yields True when this call started it.

    One that was already running is left running. Raises SandboxFailed.
    """
    if read_sandbox(home) is not None:
        yield False
        return
    process = start_sandbox(home, extra)
    try:
        yield True
    finally:
        stop(process)


def start_sandbox(home: Path, extra: Sequence[str] = ()) -> subprocess.Popen[str]:
    """Start `python -m sandbox serve` for this home and wait until it listens. Raises SandboxFailed."""
    world = home / WORLD_FOLDER
    world.mkdir(parents=True, exist_ok=True)
    log_path = world / "sandbox.log"
    with log_path.open("w") as log:
        process = start_child(
            [sys.executable, "-m", "sandbox", "serve", "--home", str(world), "--limits", "off", *extra],
            _environment(),
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
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
