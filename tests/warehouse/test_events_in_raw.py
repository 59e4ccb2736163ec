"""Events in raw: each told once, in order, and a place that says what was acted on."""

import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from warehouse.brief_runs import remove_merged
from warehouse.events import has_landed, mark_acted_on, merge_events, not_acted_on
from warehouse.landing import Landing
from warehouse.raw import merged_runs
from warehouse.store import Store

AT = datetime(2026, 11, 20, 9, tzinfo=UTC)


class Home:
    """A home whose landing clock the test moves."""

    def __init__(self, path: Path) -> None:
        self.now = AT
        self.landing = Landing(path, clock=lambda: self.now)
        self.store = Store(path)

    def land(self, *events: tuple[str, dict]) -> None:
        """One run with one delivery."""
        found = [{"key": key, "event": event} for key, event in events]
        with self.landing.open("hubspot", "events", None, self.now) as run:
            run.append(json.dumps({"received_at": "x", "events": found}).encode(), len(found), None)
            run.complete()

    def merge(self) -> int:
        standing = merge_events(self.store, self.landing, "hubspot", self.now, retold=["$.attemptNumber"])
        return standing.added

    def waiting(self, most: int = 100) -> list[dict]:
        return [told.event for told in not_acted_on(self.store, "hubspot", most)]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_without_an_event_there_is_nothing_to_do(home: Home) -> None:
    assert not has_landed(home.landing, "hubspot")


def test_an_event_told_again_is_the_same_one(home: Home) -> None:
    home.land(("a", {"n": 1, "attemptNumber": 0}), ("b", {"n": 2, "attemptNumber": 0}))
    home.land(("b", {"n": 2, "attemptNumber": 1}))
    home.land(("a", {"n": 1, "attemptNumber": 2}), ("a", {"n": 1, "attemptNumber": 3}))
    assert has_landed(home.landing, "hubspot")
    assert home.merge() == 2
    assert [event["n"] for event in home.waiting()] == [1, 2]
    assert home.merge() == 0


def test_two_events_under_one_key_are_both_kept(home: Home) -> None:
    home.land(("a", {"n": 1}))
    home.land(("a", {"n": 2}))
    home.merge()
    assert [event["n"] for event in home.waiting()] == [1, 2]


def test_what_was_acted_on_is_not_given_again_and_the_place_never_goes_back(home: Home) -> None:
    home.land(*((str(number), {"n": number}) for number in range(5)))
    home.merge()
    first, second, *_ = not_acted_on(home.store, "hubspot", 2)
    mark_acted_on(home.store, "hubspot", second.seq)
    mark_acted_on(home.store, "hubspot", first.seq)
    assert [event["n"] for event in home.waiting(most=2)] == [2, 3]
    home.land(("5", {"n": 5}), ("0", {"n": 0}))  # told again: no news
    home.merge()
    assert [event["n"] for event in home.waiting()] == [2, 3, 4, 5]


def test_a_damaged_run_is_set_aside_and_the_others_are_merged(home: Home) -> None:
    home.land(("a", {"n": 1}))
    home.land(("b", {"n": 2}))
    home.land(("c", {"n": 3}))
    (damaged,) = home.landing.runs("hubspot", "events")[1].segments
    damaged.write_bytes(damaged.read_bytes()[:20])
    assert home.merge() == 2
    assert [event["n"] for event in home.waiting()] == [1, 3]
    assert len(home.landing.runs("hubspot", "events")) == 2


def test_merged_runs_are_removed_after_some_hours_and_nothing_is_merged_twice_for_it(home: Home) -> None:
    def tidy() -> int:
        return remove_merged(home.store, home.landing, "hubspot", ["events"], home.now)

    for number in range(4):
        home.now = AT + timedelta(hours=2 * number)
        home.land((str(number), {"n": number}))
    *_, last = home.landing.runs("hubspot", "events")
    home.now += timedelta(hours=1)
    assert tidy() == 0  # not one of them is in raw yet
    assert home.merge() == 4
    assert tidy() == 1
    home.now += timedelta(days=9)
    assert tidy() == 2
    assert [run.run_id for run in home.landing.runs("hubspot", "events")] == [last.run_id]
    assert merged_runs(home.store) == {("hubspot", "events", last.run_id)}
    assert tidy() == 0
    assert home.merge() == 0
    home.land(("4", {"n": 4}))
    assert home.merge() == 1
    assert [event["n"] for event in home.waiting()] == [0, 1, 2, 3, 4]


def test_a_kill_while_runs_are_removed_leaves_nothing_to_be_merged_again(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        home.land((str(number), {"n": number}))
    home.merge()
    home.now += timedelta(days=1)

    def die(path: Path) -> None:
        next(path.iterdir()).unlink()
        raise KeyboardInterrupt

    with monkeypatch.context() as killing:
        killing.setattr(shutil, "rmtree", die)
        with pytest.raises(KeyboardInterrupt):
            remove_merged(home.store, home.landing, "hubspot", ["events"], home.now)
    assert home.merge() == 0
    assert remove_merged(home.store, home.landing, "hubspot", ["events"], home.now) == 1
    folder = home.landing.folder / "hubspot" / "events"
    assert len([path for path in folder.iterdir() if path.is_dir()]) == 1
    assert [event["n"] for event in home.waiting()] == [0, 1, 2]
