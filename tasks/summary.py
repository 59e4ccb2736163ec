"""What one run did, in plain values: seconds by stage, counts, and sentences for a person."""

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

progress = logging.getLogger("tasks.progress")


class Stopwatch:
    """Seconds by stage, in the order in which they ended."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextlib.contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count what happens inside under `name`."""
        progress.info("%s …", name)
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = round(time.perf_counter() - started, 2)


def add_counts(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """Two deliveries as one."""
    return {
        "counts": dict(Counter(one["counts"]) + Counter(other["counts"])),
        "paused": {**one["paused"], **other["paused"]},
    }


def summarise(
    *,
    sources: list[dict[str, Any]],
    build: dict[str, Any],
    checked: dict[str, Any],
    published: dict[str, Any],
    decided: dict[str, Any],
    sent: dict[str, Any],
    alerts: dict[str, int],
    reports: list[str],
    seconds: dict[str, float],
) -> dict[str, Any]:
    """What one run did; `warnings` are sentences for a person, `failed` = nothing is published."""
    warnings = [
        f"{row['source']}: {row['state']}: {row['reason']}"
        for row in sources
        if row["state"] in {"failed", "partial"}
    ]
    warnings += [
        f"{source}: what was read is held back, its last good data stays: {why}"
        for source, why in build["held_back"].items()
    ]
    if not checked["passed"]:
        rules = ", ".join(f"{rule['model']} {rule['rule']}" for rule in checked["failed"][:5])
        warnings.append(
            f"build {build['build_id']} failed its check ({rules}); data as of {published['as_of']} stays"
        )
    warnings += [f"{channel}: delivery paused: {why}" for channel, why in sent["paused"].items()]
    warnings += [
        f"{name.rsplit(' ', 1)[0]}: {count} effects are {name.rsplit(' ', 1)[1]}; see `tenfold outbox`"
        for name, count in sent["counts"].items()
        if name.rsplit(" ", 1)[1] in {"unknown", "failed"}
    ]
    return {
        "rows_loaded": sum(row["rows_added"] for row in sources),
        "messages_sent": sum(count for name, count in sent["counts"].items() if name.endswith(" sent")),
        "alerts": alerts,
        "reports": reports,
        "published_at": published["as_of"],
        "build_id": published["build_id"],
        "seconds": seconds,
        "sources": sources,
        "checks": checked["counts"],
        "decided": decided["decided"],
        "previewed": decided["previewed"],
        "sent": sent["counts"],
        "warnings": warnings,
        "failed": published["build_id"] is None,
    }
