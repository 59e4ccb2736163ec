"""Killed with SIGKILL wherever it may be: never twice, and only around the hand-over nobody can know.

What was accepted is counted from the outside world's own record, at the very end and only to judge.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tasks.deliver import resolve
from tests.tasks.conftest import Outside
from tests.tasks.follow_up_cases import after, live_ledger
from tests.tasks.kill_driver import run
from warehouse.ledger import open_ledger

ROOT = Path(__file__).parents[2]


def driver(outside: Outside, *arguments: object) -> list[str]:
    addresses = json.dumps({"smtp": outside.smtp, "crm": outside.crm})
    command, *rest = map(str, arguments)
    return [sys.executable, "-m", "tests.tasks.kill_driver", command, addresses, *rest]


def start(command: Sequence[str]) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)


@pytest.fixture(scope="module", params=["mail", "hubspot_task"])
def channel(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def killed(channel: str, outside: Outside, tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    """One home for each line of the product, killed there once and then run again."""
    folder = tmp_path_factory.mktemp(channel)
    halves = [start(driver(outside, "points", folder / str(half), channel, half)) for half in (0, 1)]
    cases = []
    for process in halves:
        answer, _ = process.communicate(timeout=240)
        assert process.returncode == 0
        cases += json.loads(answer)
    return sorted(cases, key=lambda case: case["number"])


def accepted(outside: Outside, channel: str, case: dict) -> int:
    if channel == "mail":
        return outside.mails_to(case["address"])[case["address"]]
    return outside.tasks_of(case["person"])


def test_every_step_was_a_place_of_death(killed: list[dict], channel: str) -> None:
    assert all(case["killed"] for case in killed)
    assert all(case["ended"] == 0 for case in killed)
    code = " ".join(case["code"] for case in killed)
    assert "hand_over(prepared)" in code
    assert "self._mark_hand_over(row)" in code
    assert len(killed) > (150 if channel == "mail" else 70)
    states = {tuple(row["state"] for row in case["after_kill"]) for case in killed}
    assert states >= {("queued",), ("sending",), ("sent",)}  # each stage of a row's life was hit
    assert (() in states) == (channel == "mail")  # for mail also the time before there is a row


def test_nothing_is_done_twice_wherever_it_was_killed(
    killed: list[dict], channel: str, outside: Outside
) -> None:
    assert {case["code"]: n for case in killed if (n := accepted(outside, channel, case)) > 1} == {}


def test_only_a_kill_around_the_hand_over_leaves_a_mail_unknown(
    killed: list[dict], channel: str, outside: Outside
) -> None:
    for case in killed:
        [row] = case["at_end"]
        around = [(r["state"], r["handover_at"] is not None) for r in case["after_kill"]] == [
            ("sending", True)
        ]
        expected = "unknown" if around and channel == "mail" else "sent"
        assert row["state"] == expected, case
        if row["state"] == "sent":
            assert accepted(outside, channel, case) == 1, case


def test_a_person_settles_what_nobody_can_know(killed: list[dict], channel: str, outside: Outside) -> None:
    """Who knows where the process died knows whether the mail had left, and says so."""
    if channel != "mail":
        return  # a task can be looked up: nothing of it stays unknown, as the test before says
    unknown = [case for case in killed if case["at_end"][0]["state"] == "unknown"]
    assert len(unknown) >= 5
    before, behind = [], []
    passed_on = [case["code"] for case in killed].index("self._smtp.send(content)")
    for case in unknown:
        (before if killed.index(case) <= passed_on else behind).append(case)
    assert before
    assert behind
    for case, outcome in [*((c, "not_sent") for c in before), *((c, "sent") for c in behind)]:
        home = Path(case["home"])
        with open_ledger(home) as ledger:
            [shown] = ledger.outbox_rows("unknown")
            resolve(ledger, shown.id, outcome, "ops@tenfold.test", after(0.1))
        run(home, {"smtp": outside.smtp, "crm": outside.crm}, [], "mail", 0.1)
        with open_ledger(home) as ledger:
            assert [row.state for row in ledger.outbox_rows()] == ["sent"]
        assert accepted(outside, channel, case) == 1, case


def test_killed_at_any_time_by_the_clock_of_the_wall(outside: Outside, tmp_path: Path) -> None:
    """From outside, without looking where it is: twelve clients, killed again and again, then left in peace."""
    dice = random.Random(2026)
    live_ledger(tmp_path).close()
    command = driver(outside, "once", tmp_path, "wall", 12)
    began = time.monotonic()
    with start(driver(outside, "once", tmp_path / "warm", "warm", 0)) as process:
        process.wait(timeout=60)
    whole = time.monotonic() - began
    for _ in range(6):
        with start(command) as process:
            try:
                process.wait(timeout=whole * dice.uniform(0.6, 1.3))
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGKILL)
    with start(command) as process:
        process.wait(timeout=60)
    assert process.returncode == 0
    with open_ledger(tmp_path) as ledger:
        states = {row.payload["to"]: row.state for row in ledger.outbox_rows()}
    mails = outside.mails_to("@many.test")
    assert len(states) == 12
    assert set(states.values()) <= {"sent", "unknown"}
    for address, state in states.items():
        assert mails[address] == 1 if state == "sent" else mails[address] <= 1


def test_two_processes_at_once_send_each_mail_once(outside: Outside, tmp_path: Path) -> None:
    live_ledger(tmp_path).close()
    command = driver(outside, "once", tmp_path, "race", 12)
    with start(command) as one, start(command) as other:
        sent = [int(process.communicate(timeout=60)[0]) for process in (one, other)]
    assert sum(sent) == 12
    mails = {who: n for who, n in outside.mails_to("@many.test").items() if who.startswith("race")}
    assert len(mails) == 12
    assert set(mails.values()) == {1}
