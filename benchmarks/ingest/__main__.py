"""How fast contacts come in, beside the least that would do.

`python -m benchmarks.ingest [--records N] [--json]`
"""

import argparse
import json
import statistics
import subprocess
import sys

PAGES = (1000, 100)
ROUNDS = 3


def measure(reader: str, port: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.ingest.readers", reader, f"http://127.0.0.1:{port}"]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest")
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result: dict[str, object] = {"records": arguments.records, "rounds": ROUNDS}
    peaks = []
    for size in PAGES:
        command = [sys.executable, "-m", "benchmarks.ingest.server", "--records", str(arguments.records)]
        with subprocess.Popen([*command, "--page", str(size)], stdout=subprocess.PIPE, text=True) as server:
            try:
                port = int(server.stdout.readline())
                speeds: dict[str, list[float]] = {"floor": [], "ours": []}
                for _ in range(ROUNDS):
                    # In turn, so that a busy moment of the machine strikes both.
                    for reader, found in speeds.items():
                        outcome = measure(reader, port)
                        if outcome["rows"] != arguments.records:
                            raise SystemExit(
                                f"{reader} kept {outcome['rows']} of {arguments.records} records"
                            )
                        found.append(outcome["rows"] / outcome["seconds"])
                        if reader == "ours":
                            peaks.append(outcome["peak_mib"])
            finally:
                server.terminate()
        for reader, found in speeds.items():
            result[f"{reader}_{size}"] = round(statistics.median(found))
        result[f"ratio_to_floor_{size}"] = round(result[f"ours_{size}"] / result[f"floor_{size}"], 3)
        result[f"ratio_to_best_peer_{size}"] = None
    result["peak_mib"] = round(max(peaks))
    result["note"] = "ratio_to_best_peer_* is null: the peers join the table in a later issue"
    print(json.dumps(result) if arguments.json else table(result))


def table(result: dict[str, object]) -> str:
    lines = [
        f"{result['records']:,} contacts over loopback, records per second, median of {ROUNDS}",
        f"{'':<28}{'pages of 1,000':>16}{'pages of 100':>16}",
    ]
    for name, key in (("raw floor", "floor"), ("Tenfold, all kept, audited", "ours")):
        lines.append(f"{name:<28}{result[f'{key}_1000']:>16,}{result[f'{key}_100']:>16,}")
    lines.append(
        f"{'ratio to the floor':<28}{result['ratio_to_floor_1000']:>16}{result['ratio_to_floor_100']:>16}"
    )
    lines.append(f"peak memory of ours: {result['peak_mib']} MiB")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
