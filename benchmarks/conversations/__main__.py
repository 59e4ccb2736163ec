"""Intercom conversations with parts, one call each: how near the reading comes to the vendor's limit.

python -m benchmarks.conversations [--size 3000] [--delay 0.3] [--limit 1667] [--json]

The server answers after `--delay` seconds and refuses more than `--limit` calls in ten seconds (1,667 is
Intercom's 10,000 a minute). Through landing and raw; the ratio is to what the limit alone allows.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
from pydantic import SecretStr

from connectors.intercom import connect
from connectors.pages import Access, Window
from settings import IntercomSettings, Settings
from warehouse.landing import Landing
from warehouse.raw import merge
from warehouse.store import Store

ROOT = Path(__file__).parents[2]
AS_OF = datetime(2026, 3, 10, tzinfo=UTC)


def read(url: str, home: Path, limit: int) -> dict[str, float]:
    """How many conversations raw holds afterwards, and what it cost."""
    settings = Settings(
        _env_file=None,
        intercom=IntercomSettings(token=SecretStr("made-up"), base_url=url, requests_per_10s=limit),
    )
    connector = connect(Access(settings, home / "limits"))
    assert connector is not None
    started = time.perf_counter()
    with Landing(home).open("intercom", "conversations", None, AS_OF) as run:
        for page in connector.read("conversations", Window(None, AS_OF)):
            run.append(page.body, page.count, page.cursor)
        run.complete()
    landed = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    connector.close()
    chosen = connector.resources["conversations"]
    added = merge(Store(home), run, records=chosen.records, key=chosen.key).added
    return {
        "conversations": added,
        "seconds": round(landed - started, 1),
        "seconds_merging": round(time.perf_counter() - landed, 1),
        "peak_mib_reading": peak,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=3_000)
    parser.add_argument("--delay", type=float, default=0.3)
    parser.add_argument("--limit", type=int, default=1_667)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    command = [sys.executable, "-m", "benchmarks.conversations.server", "--size", str(options.size)]
    command += ["--delay", str(options.delay), "--limit", str(options.limit)]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server,
    ):
        assert server.stdout is not None
        url = f"http://127.0.0.1:{server.stdout.readline().strip()}"
        figures = read(url, Path(folder), options.limit)
        counts = httpx.get(f"{url}/counts").json()
        server.terminate()
    allowed = counts["calls"] / options.limit * 10
    result = {
        **figures,
        **counts,
        "calls_per_second": round(counts["calls"] / figures["seconds"], 1),
        # The first window's calls go out at once, so a short reading can be ahead of its share.
        "ratio_to_limit": round(allowed / figures["seconds"], 3),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    if options.json:
        print(json.dumps(result))
        return
    for name, value in result.items():
        print(f"{name.replace('_', ' '):>18}  {value}")


if __name__ == "__main__":
    main()
