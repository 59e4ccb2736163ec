"""One reader, once, in a process of its own."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.ingest.judge import kept
from benchmarks.ingest.roster import FOLDER, Peer

PATIENCE = 1800.0  # seconds; a peer that hangs must not hold the rest
Outcome = dict[str, float]


class NotMeasured(Exception):
    """A peer gave no figure; its text says why."""


def measure_ours(reader: str, base_url: str, records: int) -> Outcome:
    """`ours` or `floor`; SystemExit when it lost a record, because then no figure is worth printing."""
    command = [sys.executable, "-m", "benchmarks.ingest.readers", reader, base_url]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    outcome: Outcome = json.loads(done.stdout)
    if outcome["rows"] != records:
        raise SystemExit(f"{reader} kept {outcome['rows']} of {records} records")
    return outcome


def measure_peer(peer: Peer, python: Path, base_url: str, records: int) -> Outcome:
    """Seconds, rows and memory of a peer; NotMeasured when it failed or did not keep every record whole."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        command = [str(python), str(FOLDER / peer.script), base_url, str(home), *peer.options]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, env=quiet(home), check=False, timeout=PATIENCE
            )
        except subprocess.TimeoutExpired as slow:
            raise NotMeasured(f"no answer in {PATIENCE:.0f} s") from slow
        if done.returncode != 0:
            raise NotMeasured(f"ended with {done.returncode}: {last_line(done.stderr)}")
        outcome: Outcome = json.loads(last_line(done.stdout))
        try:
            outcome["rows"] = kept(home / "contacts.duckdb")
        except ValueError as wrong:
            raise NotMeasured(str(wrong)) from wrong
    if outcome["rows"] != records:
        raise NotMeasured(f"kept {outcome['rows']:,} of {records:,} records")
    return outcome


def last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "")


def quiet(home: Path) -> dict[str, str]:
    """An environment from which nothing is reported and nothing fetched, and that leaves nothing behind."""
    nowhere = "http://127.0.0.1:9"  # the discard port: whoever tries to get out fails at once
    return {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(home),
        "TMPDIR": str(home),
        "LANG": "C.UTF-8",
        "HTTP_PROXY": nowhere,
        "HTTPS_PROXY": nowhere,
        "NO_PROXY": "127.0.0.1",
        "DO_NOT_TRACK": "1",
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
        "AIRBYTE_OFFLINE_MODE": "1",  # no registry, no telemetry
        "AIRBYTE_PROJECT_DIR": str(home),
        "AIRBYTE_TEMP_DIR": str(home),
        "AIRBYTE_LOGGING_ROOT": str(home / "logs"),
        "NO_LIVE_PROGRESS": "1",
        "TAP_CONTACTS_LOGLEVEL": "WARNING",  # the SDK else writes a line per request
    }
