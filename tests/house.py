"""Tenfold as a person uses it: the command in a process of its own, and a sandbox beside it."""

import contextlib
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from playbook.loader import load_playbook

ROOT = Path(__file__).parent.parent
Row = dict[str, Any]
Figures = dict[tuple[str, str, str], Row]


@dataclass(frozen=True)
class House:
    """One TENFOLD_HOME, with the environment its commands get."""

    home: Path
    env: dict[str, str] = field(default_factory=dict)

    @property
    def sandbox_home(self) -> Path:
        return self.home / "sandbox"

    def environment(self) -> dict[str, str]:
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("TENFOLD_", "PREFECT_"))}
        return {**clean, "TENFOLD_HOME": str(self.home), **self.env}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "console.cli", *arguments],
            cwd=ROOT,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def tenfold(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        process = self.start(*arguments)
        out, err = process.communicate(timeout=280)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)

    def json(self, *arguments: str, code: int | tuple[int, ...] = 0) -> Any:
        done = self.tenfold(*arguments, "--json")
        allowed = (code,) if isinstance(code, int) else code
        assert done.returncode in allowed, (
            f"exit {done.returncode}\n{done.stdout[-1500:]}\n{done.stderr[-3000:]}"
        )
        return json.loads(done.stdout)


@dataclass(frozen=True)
class World:
    """A running sandbox, asked only for what the outside world would know."""

    said: dict[str, Any]

    def faults(self, *faults: dict[str, Any]) -> None:
        url = f"{self.said['control']['base_url']}/faults"
        httpx.post(url, json={"faults": list(faults)}, timeout=30).raise_for_status()

    def mails(self) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.said['control']['base_url']}/mailbox", timeout=30).raise_for_status()
        return [
            {**mail, "step": mail["headers"].get("X-Tenfold-Step", "")} for mail in answer.json()["messages"]
        ]

    def notifications(self) -> list[dict[str, Any]]:
        answer = httpx.get(f"{self.said['control']['base_url']}/notifications", timeout=30).raise_for_status()
        found: list[dict[str, Any]] = answer.json()["notifications"]
        return found

    def advance(self, by: str) -> None:
        url = f"{self.said['control']['base_url']}/advance"
        httpx.post(url, json={"by": by}, timeout=120).raise_for_status()

    def violations(self) -> Any:
        return (
            httpx.get(f"{self.said['control']['base_url']}/violations", timeout=30).raise_for_status().json()
        )

    def credentials(self, **more: str) -> dict[str, str]:
        """The environment that makes this sandbox look like real accounts."""
        return {
            "TENFOLD_HUBSPOT__TOKEN": self.said["hubspot"]["token"],
            "TENFOLD_HUBSPOT__BASE_URL": self.said["hubspot"]["base_url"],
            "TENFOLD_HUBSPOT__REQUESTS_PER_10S": "1000000",
            "TENFOLD_HUBSPOT__SEARCHES_PER_SECOND": "1000000",
            "TENFOLD_INTERCOM__TOKEN": self.said["intercom"]["token"],
            "TENFOLD_INTERCOM__BASE_URL": self.said["intercom"]["base_url"],
            "TENFOLD_INTERCOM__REQUESTS_PER_10S": "1000000",
            "TENFOLD_MAILCHIMP__API_KEY": self.said["mailchimp"]["api_key"],
            "TENFOLD_MAILCHIMP__BASE_URL": self.said["mailchimp"]["base_url"],
            "TENFOLD_ACCOUNTING__INBOX": self.said["inbox"],
            "TENFOLD_SMTP__URL": self.said["smtp"]["url"],
            "TENFOLD_ALERTS__URLS": self.said["notify"]["url"],
            **more,
        }


@contextlib.contextmanager
def running_world(home: Path, *options: str) -> Iterator[World]:
    """A sandbox serving for `home`/sandbox until the block ends; the same home gives the same world again."""
    folder = home / "sandbox" / "world"
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "serve", "--home", str(folder), "--limits", "off", *options],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()
        assert line, "the sandbox did not start"
        yield World(json.loads(line))
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)
        process.stdout.close()


# How a run on a sandbox leaves the sources: it simulates these four, and the playbook may name others.
SOURCES_OF_A_SANDBOX = dict.fromkeys(load_playbook().source_ids, "not_configured") | dict.fromkeys(
    ("hubspot", "intercom", "mailchimp", "accounting"), "complete"
)
SMALL = ("--months", "2", "--first", "8", "--last", "14", "--seed", "11")


def figures(rows: list[Row]) -> Figures:
    """KPI rows by what identifies one: KPI, period and segment."""
    return {(row["kpi"], row["period"], row["segment"]): row for row in rows}


def differences(published: Figures, truth: Figures) -> list[tuple[object, ...]]:
    """Every row that the published figures lack, tell otherwise or have too many; empty when all agree.

    The truth has no quarters and no KPI from outside, so what we publish of those is not compared. Counts and money must agree exactly, ratios to 1e-9; of what is not evaluated, the reason.
    """
    wrong: list[tuple[object, ...]] = []
    for key, true in truth.items():
        ours = published.get(key)
        if ours is None:
            wrong.append((key, "missing"))
            continue
        if true["status"] == "not_evaluated":
            if (
                ours["status"] != "not_evaluated"
                or ours["value"] is not None
                or ours["reason"] != true["reason"]
            ):
                wrong.append((key, ours["value"], ours["reason"], true["reason"]))
            continue
        if ours["status"] == "not_evaluated":
            wrong.append((key, "not evaluated", ours["reason"]))
        wrong += [
            (key, field, ours[field], true[field])
            for field in ("value", "numerator", "denominator", "n")
            if not _same(ours[field], true[field])
        ]
    kpis, periods = {key[0] for key in truth}, {key[1] for key in truth}
    wrong += [
        (key, "unknown to the truth")
        for key in published.keys() - truth.keys()
        if key[0] in kpis and key[1] in periods
    ]
    return wrong


def _same(ours: Any, true: Any) -> bool:
    if isinstance(ours, str) or isinstance(true, str) or ours is None or true is None:
        return bool(ours == true)
    if isinstance(true, int) and float(ours).is_integer():
        return bool(ours == true)
    return math.isclose(ours, true, rel_tol=1e-9, abs_tol=1e-12)
