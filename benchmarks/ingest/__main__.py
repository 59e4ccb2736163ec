"""How fast contacts come in, beside the least that would do and beside the peers.

`python -m benchmarks.ingest [--records N] [--rounds N] [--peer-rounds N] [--pages 1000,100] [--only NAMES]
[--json]`; `--install-peers` first, once, or they are named as not measured. `docs/decisions/010` says how
each peer is configured and why.
"""

import argparse
import contextlib
import json
import os
import resource
import statistics
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.ingest.figures import LABELS, OURS, figures, table
from benchmarks.ingest.measure import NotMeasured, Outcome, measure_ours, measure_peer
from benchmarks.ingest.roster import HOME, PEERS, install

ROUNDS = 3
PAGES = (1000, 100)


@contextlib.contextmanager
def serving(records: int, size: int) -> Iterator[str]:
    """The address of a server that lives as long as the block."""
    command = [sys.executable, "-m", "benchmarks.ingest.server", "--records", str(records)]
    with subprocess.Popen([*command, "--page", str(size)], stdout=subprocess.PIPE, text=True) as server:
        try:
            yield f"http://127.0.0.1:{int(server.stdout.readline())}"
        finally:
            server.terminate()


def compare(options: argparse.Namespace) -> dict[str, object]:
    peers = {peer.name: peer for peer in PEERS if peer.name in options.only}
    missing = {name: peer.missing(options.peers_home) for name, peer in peers.items()}
    not_measured = {name: why for name, why in missing.items() if why}
    result: dict[str, object] = {
        "records": options.records,
        "rounds": options.rounds,
        "peer_rounds": options.peer_rounds,
        "pages": options.pages,
        # Of the last minute, before we began: what else ran is in every figure that follows.
        "load_before": round(os.getloadavg()[0], 1),
        "cores": os.cpu_count(),
    }
    every: dict[str, dict[str, list[float]]] = {}
    cpu: dict[str, dict[str, float]] = {}
    peaks: dict[str, float] = {}

    def once(reader: str, base_url: str) -> Outcome:
        if reader in OURS:
            return measure_ours(reader, base_url, options.records)
        peer = peers[reader]
        return measure_peer(peer, peer.python(options.peers_home), base_url, options.records)

    for size in options.pages:
        speeds: dict[str, list[float]] = {reader: [] for reader in options.only if reader not in not_measured}
        spent: dict[str, list[float]] = {reader: [] for reader in speeds}
        with serving(options.records, size) as base_url:
            for turn in range(max(options.rounds, options.peer_rounds)):
                # In turn, so that a busy moment of the machine strikes all.
                for reader in list(speeds):
                    if turn >= (options.rounds if reader in OURS else options.peer_rounds):
                        continue
                    before = cpu_of_children()
                    try:
                        outcome = once(reader, base_url)
                    except NotMeasured as why:
                        not_measured[reader] = f"at pages of {size:,}: {why}"
                        del speeds[reader]
                        continue
                    speeds[reader].append(outcome["rows"] / outcome["seconds"])
                    spent[reader].append(cpu_of_children() - before)
                    peaks[reader] = max(peaks.get(reader, 0.0), outcome["peak_mib"])
                    print(f"pages of {size:,}: {reader} {speeds[reader][-1]:,.0f}/s", file=sys.stderr)
        every[str(size)] = {reader: [round(speed) for speed in found] for reader, found in speeds.items()}
        cpu[str(size)] = {
            reader: round(statistics.median(spent[reader]), 2) for reader in speeds if spent[reader]
        }
    for size in {*PAGES, *options.pages}:
        result |= figures(every.get(str(size), {}), size)
    result["peak_mib"] = round(peaks["ours"]) if "ours" in peaks else None
    result["peaks_mib"] = {reader: round(peak) for reader, peak in peaks.items()}
    result["every_round"] = every
    result["cpu_seconds"] = cpu
    result["not_measured"] = not_measured
    return result


def cpu_of_children() -> float:
    """Seconds of processor time of all that ended so far, imports too: what a busy machine disturbs least."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def names(text: str) -> list[str]:
    chosen = text.split(",")
    if unknown := set(chosen) - set(LABELS):
        raise argparse.ArgumentTypeError(f"no reader {sorted(unknown)}; there are {', '.join(LABELS)}")
    return [name for name in LABELS if name in chosen]


def sizes(text: str) -> list[int]:
    return [int(size) for size in text.split(",")]


def times(text: str) -> int:
    if int(text) < 1:
        raise argparse.ArgumentTypeError("at least once; `--only` leaves readers out")
    return int(text)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest")
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--rounds", type=times, default=ROUNDS)
    parser.add_argument("--peer-rounds", type=times, help="as many as --rounds unless said; peers are slow")
    parser.add_argument("--pages", type=sizes, default=list(PAGES), metavar="SIZE,…")
    parser.add_argument("--only", type=names, default=list(LABELS), metavar="NAME,…", help=", ".join(LABELS))
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--install-peers", action="store_true", help="make their environments and end")
    parser.add_argument("--peers-home", type=Path, default=HOME, metavar="FOLDER")
    options = parser.parse_args()
    if options.peer_rounds is None:
        options.peer_rounds = options.rounds
    options.peers_home = options.peers_home.resolve()
    if options.install_peers:
        install(options.peers_home)
        return
    result = compare(options)
    print(json.dumps(result) if options.json else table(result))


if __name__ == "__main__":
    main()
