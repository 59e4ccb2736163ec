"""From the speeds of each round to the figures that are reported."""

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.ingest.roster import PEERS

OURS = {"floor": "raw floor", "ours": "Tenfold, all kept, audited"}
LABELS = OURS | {peer.name: peer.label for peer in PEERS}
COUNTED = tuple(peer.name for peer in PEERS if peer.counted)


def figures(speeds: Mapping[str, Sequence[float]], size: int) -> dict[str, Any]:
    """Median records a second of each reader and our ratios to them, at one page size; None = not measured.

    The ratio to the best peer is there only when every counted peer was measured: the best of some is not
    the best.
    """
    medians = {name: statistics.median(speeds[name]) if speeds.get(name) else None for name in LABELS}
    ours = medians["ours"]

    def ratio(other: float | None) -> float | None:
        return round(ours / other, 3) if ours and other else None

    ranked = sorted((medians[name] or 0.0, name) for name in COUNTED)
    best = ranked[-1][1] if ranked[0][0] else None
    found: dict[str, Any] = {f"{name}_{size}": value and round(value) for name, value in medians.items()}
    found |= {f"ratio_to_{name}_{size}": ratio(medians[name]) for name in LABELS if name != "ours"}
    found[f"ratio_to_best_peer_{size}"] = ratio(medians[best]) if best else None
    found[f"best_peer_{size}"] = best
    return found


def table(result: Mapping[str, Any]) -> str:
    """The same for people."""
    sizes = result["pages"]

    def line(label: str, key: str) -> str:
        return f"{label:<32}" + "".join(f"{shown(result[f'{key}_{size}']):>18}" for size in sizes)

    rounds = f"median of {result['rounds']} (peers: of {result['peer_rounds']})"
    lines = [
        f"{result['records']:,} contacts over loopback, records per second, {rounds}",
        f"{'':<32}" + "".join(f"{f'pages of {size:,}':>18}" for size in sizes),
        *(line(label, name) for name, label in LABELS.items()),
        "",
        line("ratio to the floor", "ratio_to_floor"),
        line("ratio to the best peer", "ratio_to_best_peer"),
        line("  which is", "best_peer"),
        line("ratio to Singer set for speed", "ratio_to_singer_fast"),
        line("ratio to dlt fed Arrow tables", "ratio_to_dlt_arrow"),
        "",
        "peak memory, MiB: " + ", ".join(f"{name} {peak:,}" for name, peak in result["peaks_mib"].items()),
        *busy(result),
        *(f"not measured: {name}: {why}" for name, why in result["not_measured"].items()),
    ]
    return "\n".join(lines)


def busy(result: Mapping[str, Any]) -> list[str]:
    """A warning when other work ran before this began; a busy machine distorts the ratios too."""
    load, cores = result["load_before"], result["cores"]
    if load < cores / 2:
        return []
    return [
        f"the machine was busy before this began (load {load} on {cores} cores): measure again when it is not"
    ]


def shown(value: float | str | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, (int, float)) else value
