"""The outside world of the tests that deliver: one process for all of them, with a record of its own."""

import json
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.tasks.follow_up_cases import live_ledger
from tests.tasks.vendors import Vendors
from warehouse.ledger import Ledger, open_ledger


@dataclass(frozen=True)
class Outside:
    smtp: str
    crm: str
    record: Path

    def facts(self, kind: str) -> list[dict]:
        """What was really accepted, in order."""
        lines = self.record.read_text().splitlines() if self.record.exists() else []
        return [fact for fact in map(json.loads, lines) if fact["kind"] == kind]

    def mails_to(self, suffix: str = "") -> Counter[str]:
        """Receiver -> accepted messages, of receivers whose address ends so."""
        return Counter(fact["to"] for fact in self.facts("mail") if fact["to"].endswith(suffix))

    def tasks_of(self, contact: str) -> int:
        return sum(fact["contact"] == contact for fact in self.facts("task"))


@pytest.fixture(scope="session")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    record = tmp_path_factory.mktemp("outside") / "record.jsonl"
    program = Path(__file__).parent / "outside.py"
    with subprocess.Popen(
        [sys.executable, str(program), str(record)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        yield Outside(record=record, **json.loads(process.stdout.readline()))
        process.stdin.close()
        process.wait(timeout=10)


@pytest.fixture
def vendors(tmp_path: Path) -> Iterator[Vendors]:
    """The vendors of a small world of the test's own."""
    made = Vendors(tmp_path / "world")
    yield made
    made.close()


@pytest.fixture(scope="session")
def live_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose channels are all live, made once and copied."""
    home = tmp_path_factory.mktemp("live")
    live_ledger(home).close()
    return home


@pytest.fixture
def live(live_home: Path, tmp_path: Path) -> Iterator[Ledger]:
    """The ledger of a home in `tmp_path` whose channels are all live."""
    shutil.copytree(live_home, tmp_path, dirs_exist_ok=True)
    with open_ledger(tmp_path) as opened:
        yield opened
