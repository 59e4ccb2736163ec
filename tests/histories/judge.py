"""A vendor and a home that is synced from it: what the vendor holds, what raw holds, and where they differ.

The vendor's servers run without sockets; edits are made with plain httpx past every fault. What is in landing
is read here with zstandard and json alone.
"""

import json
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType, MappingProxyType
from typing import Any

import httpx
import zstandard

from connectors.pages import Connector
from connectors.transport import Policy, Transport
from sandbox.faults import Faults, parse_faults
from sandbox.wire import App
from sandbox.world import World
from tasks.sync import SyncReport, reread, sync_source
from tests.sandbox.worlds import Bench, Direct, client, plan, told
from warehouse.landing import Landing
from warehouse.store import Store

ROOT = Path(__file__).parents[2]
OURS = tuple(str(ROOT / room) for room in ("tasks", "warehouse", "connectors"))
Record = dict[str, Any]


class Judge:
    """One history of one vendor, with `make` giving our connector from a transport."""

    vendor: str
    only: Sequence[str]
    # Fields of a stream that another stream tells: alone they make no version of this one.
    beside: Mapping[str, frozenset[str]] = MappingProxyType({})

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / "home"
        self.world = World(folder / "world", plan(), told([]))
        self.bench = Bench(self.world)
        self.deaths = 0
        self.syncs = 0

    def app(self) -> App:
        """The vendor's application with the world's faults."""
        raise NotImplementedError

    def connect(self, transport: Transport) -> Connector:
        """Our connector."""
        raise NotImplementedError

    def headers(self) -> dict[str, str]:
        """What tells the vendor who asks."""
        raise NotImplementedError

    def differences(self) -> list[str]:
        """Where raw says something else than the vendor."""
        raise NotImplementedError

    # What the outside world does

    def person(self) -> httpx.Client:
        """Somebody who works at the vendor's own page: nothing goes wrong for them."""
        app = self.app()
        return client(App(app.vendor, Faults()), headers=self.headers())

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.world.advance(self.world.clock + timedelta(seconds=seconds))
        self.bench.seconds += seconds

    def trouble(self, *faults: dict[str, Any]) -> None:
        """Let these things go wrong from now on, and nothing else."""
        self.world.faults.replace(parse_faults([{"vendor": self.vendor, **fault} for fault in faults]))

    # What we do

    def with_connector(self, do: Callable[[Connector, Landing, Store, datetime], SyncReport]) -> SyncReport:
        transport = Transport(
            self.vendor,
            self.base_url(),
            headers=self.headers(),
            policy=Policy(attempts=3, pause=lambda _: 0.0),
            transport=Direct(self.app()),
        )
        source = self.connect(transport)
        try:
            return do(source, Landing(self.home), Store(self.home), self.world.clock)
        finally:
            source.close()

    def base_url(self) -> str:
        """The vendor's address."""
        return "http://sandbox"

    def sync(self, **options: Any) -> SyncReport:
        """A sync that lives."""
        self.syncs += 1
        return self.with_connector(
            lambda source, landing, store, as_of: sync_source(
                source, landing, store, as_of, only=self.only, **options
            )
        )

    def reread(self, wanted: dict[str, list[str]]) -> SyncReport:
        """Single records, as a webhook asks for them."""
        return self.with_connector(
            lambda source, landing, store, as_of: reread(source, landing, store, wanted, as_of)
        )

    def sync_and_die(self, line: int) -> bool:
        """A sync in a process of its own that is killed at its `line`th line; False when it ended before."""
        child = os.fork()
        if child == 0:  # pragma: no cover - another process
            try:
                _die_at(line)
                self.sync()
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        self.deaths += killed
        return killed

    # What came of it

    def current(self, resource: str) -> dict[str, Record]:
        """Key -> current body."""
        return {key: json.loads(body) for key, body in self.rows(f"{self.vendor}_{resource}_current")}

    def rows(self, table: str) -> list[tuple[str, str]]:
        """(key, body) of a table of raw; none when it was never made."""
        with Store(self.home).read() as con:
            made = con.execute(
                "select count(*) from information_schema.tables where table_schema = 'raw' and table_name = ?",
                [table],
            ).fetchone()
            if made is None or not made[0]:
                return []
            return con.execute(f"select key, body from raw.{table}").fetchall()

    def unkept(self) -> list[str]:
        """Versions that landed and are not in raw."""
        wrong = []
        for resource in Landing(self.home).resources():
            name = resource[1].removesuffix("_by_id")
            beside = self.beside.get(name, frozenset())
            kept = {_canonical(json.loads(body), beside) for _, body in self.rows(f"{self.vendor}_{name}")}
            wrong += [
                f"{resource[1]}: a version of {record.get('id')} landed and is not in raw"
                for record in self.landed(resource[1])
                if _canonical(record, beside) not in kept
            ]
        return wrong

    def landed(self, resource: str) -> list[Record]:
        """Every record of every complete run, read without our code."""
        found: list[Record] = []
        for run in sorted((self.home / "landing" / self.vendor / resource).glob("2*Z")):
            if not (run / "complete.json").exists():
                continue
            for segment in sorted(run.glob("*.zst")):
                data = zstandard.ZstdDecompressor().decompressobj().decompress(segment.read_bytes())
                for line in data.splitlines():
                    found += self.records(resource.removesuffix("_by_id"), json.loads(line)["body"])
        return found

    def records(self, resource: str, body: Any) -> list[Record]:
        """The records in a body."""
        raise NotImplementedError

    def settle(self) -> list[str]:
        """Days later and with nothing going wrong: one quiet sync, and then everything that is amiss."""
        self.trouble()
        self.advance(26 * 3600)
        report = self.sync()
        wrong = [] if report.state == "complete" else [f"the last sync ended {report.state}: {report.reason}"]
        wrong += self.differences() + self.unkept()
        again = self.sync()
        if again.rows_added:
            wrong.append(f"a further sync added {again.rows_added} rows")
        return wrong

    def close(self) -> None:
        """Give everything back."""
        self.world.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _canonical(record: Record, beside: frozenset[str]) -> str:
    return json.dumps({name: value for name, value in record.items() if name not in beside}, sort_keys=True)


def _die_at(line: int) -> None:
    left = line

    def step(_frame: FrameType, event: str, _arg: Any) -> Any:
        nonlocal left
        if event == "line":
            left -= 1
            if left <= 0:
                os.kill(os.getpid(), signal.SIGKILL)
        return step

    def enter(frame: FrameType, _event: str, _arg: Any) -> Any:
        return step if frame.f_code.co_filename.startswith(OURS) else None

    sys.settrace(enter)


def gone(resource: str, ours: dict[str, Record], held: set[str]) -> list[str]:
    """What is not at the vendor any more must say so; what is there must be there and not say so."""
    wrong = [f"{resource} {key}: missing in raw" for key in sorted(held - ours.keys())]
    wrong += [
        f"{resource} {key}: gone, and raw does not know"
        for key in sorted(ours.keys() - held)
        if not ours[key].get("gone_at")
    ]
    wrong += [
        f"{resource} {key}: buried and alive"
        for key in sorted(ours.keys() & held)
        if ours[key].get("gone_at")
    ]
    return wrong
