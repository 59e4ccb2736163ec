"""The main job from nothing, and again with nothing new: whole processes, median of three, time by stage.

python -m benchmarks.run [--repeats 3] [--json]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent


def run_once(home: Path) -> dict:
    """One `tenfold run --json` as a process of its own; its answer plus the wall seconds around it."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("TENFOLD_", "PREFECT_"))}
    env["TENFOLD_HOME"] = str(home)
    started = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "console.cli", "run", "--json"],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    wall = time.perf_counter() - started
    if done.returncode not in (0, 3):
        sys.exit(f"tenfold run ended with {done.returncode}:\n{done.stderr[-2000:]}")
    return {**json.loads(done.stdout), "wall": wall, "exit_code": done.returncode}


def median_of(runs: list[dict]) -> dict:
    stages = {
        stage: statistics.median(r["seconds"].get(stage, 0.0) for r in runs) for stage in runs[0]["seconds"]
    }
    return {
        "wall": statistics.median(r["wall"] for r in runs),
        "without_prefect_start": statistics.median(
            r["wall"] - r["seconds"].get("prefect start", 0.0) for r in runs
        ),
        "seconds": stages,
        "rows_loaded": [r["rows_loaded"] for r in runs],
        "messages_sent": [r["messages_sent"] for r in runs],
        "exit_codes": [r["exit_code"] for r in runs],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    first, second = [], []
    for _ in range(options.repeats):
        with tempfile.TemporaryDirectory() as folder:
            first.append(run_once(Path(folder)))
            second.append(run_once(Path(folder)))
    result = {"first": median_of(first), "second": median_of(second)}
    if options.json:
        print(json.dumps(result, indent=2))
        return
    for name, figures in result.items():
        print(
            f"\n{name} run: {figures['wall']:.1f} s, "
            f"{figures['without_prefect_start']:.1f} s beside Prefect's start; "
            f"rows {figures['rows_loaded']}, messages {figures['messages_sent']}, "
            f"exit codes {figures['exit_codes']}"
        )
        for stage, seconds in figures["seconds"].items():
            print(f"  {stage:<24}{seconds:8.1f} s")


if __name__ == "__main__":
    main()
