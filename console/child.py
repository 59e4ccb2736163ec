"""Child processes that end when we do."""

import ctypes
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parent.parent
_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


def start_child(
    command: Sequence[str],
    env: Mapping[str, str],
    *,
    stdout: int | IO[Any],
    stderr: int | IO[Any],
    text: bool = False,
) -> subprocess.Popen[Any]:
    """Start a command in the project's folder, in a process group of its own.

    Ctrl-C in a terminal therefore reaches only us, who stop children in order. Should we be killed
    outright, the system (on Linux) asks the child to end.
    """
    return subprocess.Popen(
        list(command),
        cwd=ROOT,
        env=dict(env),
        stdout=stdout,
        stderr=stderr,
        text=text,
        process_group=0,
        # We have no threads yet, the case in which this argument is unsafe.
        preexec_fn=_end_with_parent if _libc is not None else None,  # noqa: PLW1509
    )


def _end_with_parent() -> None:
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    # A shell that starts us in the background has SIGINT ignored, and children inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
