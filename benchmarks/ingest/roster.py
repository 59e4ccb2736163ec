"""The peers and where they live: each in an environment of its own, from a lock of its own.

Their pins collide with each other and with ours, so none of them is ever among the product's dependencies.
"""

import hashlib
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent / "peers"
HOME = Path(__file__).parent.parent / ".peers"
INSTALL = "python -m benchmarks.ingest --install-peers"


@dataclass(frozen=True, slots=True)
class Peer:
    """One way of reading that is not ours: its lock (`environment`), and whether it stands in the ratio."""

    name: str
    label: str
    environment: str
    script: str
    options: tuple[str, ...] = ()
    counted: bool = True

    def python(self, home: Path) -> Path:
        return home / self.environment / "bin" / "python"

    def missing(self, home: Path) -> str | None:
        """Why it cannot be measured, or None when its environment is there as the lock says."""
        mark = home / self.environment / MARK
        if not mark.exists():
            return f"not installed; {INSTALL}"
        if mark.read_text() != fingerprint(self.environment):
            return f"installed from another lock; {INSTALL}"
        return None


MARK = "installed-from"
PEERS = (
    Peer("dlt", "dlt, Parquet hand-off", "dlt", "read_dlt.py"),
    Peer("pyairbyte", "PyAirbyte, DuckDB cache", "pyairbyte", "read_pyairbyte.py"),
    Peer("singer", "Singer tap + target-duckdb", "singer", "read_singer.py"),
    # What the two can do when somebody does by hand what they are there for (conforming types, typing and
    # flattening); shown beside, with ratios of their own.
    Peer(
        "singer_fast",
        "Singer tap set for speed by hand",
        "singer",
        "read_singer.py",
        ("--fast",),
        counted=False,
    ),
    Peer("dlt_arrow", "dlt fed Arrow tables by hand", "dlt", "read_dlt.py", ("--arrow",), counted=False),
)


def fingerprint(environment: str) -> str:
    return hashlib.sha256((FOLDER / f"{environment}.lock").read_bytes()).hexdigest()


def install(home: Path) -> None:
    """Make each environment that is not there as its lock says, anew and whole."""
    for peer in {peer.environment: peer for peer in PEERS}.values():
        if peer.missing(home) is None:
            continue
        print(f"installing {peer.environment} ...", flush=True)
        place = home / peer.environment
        shutil.rmtree(place, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
        pip = [str(peer.python(home)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        lock = FOLDER / f"{peer.environment}.lock"
        # The lock is complete, so nothing is resolved: what was not pinned and hashed is not installed.
        subprocess.run([*pip, "--no-deps", "--require-hashes", "-r", str(lock)], check=True)
        (place / MARK).write_text(fingerprint(peer.environment))
