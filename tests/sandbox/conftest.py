"""Fixtures of the sandbox's tests."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from sandbox.events import Event
from sandbox.world import World
from tests.sandbox.worlds import CLOCK, Bench, Served, plan, small_company, start, stop, told


@pytest.fixture
def open_world(tmp_path: Path) -> Iterator[Callable[..., World]]:
    """`open_world(events)` opens the test's home; calling it again closes the earlier one first."""
    opened: list[World] = []

    def open_(events: Sequence[Event] = (), clock: datetime = CLOCK) -> World:
        for world in opened:
            world.close()
        opened.clear()
        opened.append(World(tmp_path / "home", plan(clock), told(events)))
        return opened[0]

    yield open_
    for world in opened:
        world.close()


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The simulated company of three months, for tests that only read."""
    world = World(tmp_path_factory.mktemp("read-only") / "home", plan(), small_company)
    yield Bench(world)
    world.close()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Bench]:
    """The same company for a test that writes."""
    world = World(tmp_path / "home", plan(), small_company)
    yield Bench(world)
    world.close()


@pytest.fixture
def empty(open_world: Callable[..., World]) -> Bench:
    """A world in which nothing has happened yet."""
    return Bench(open_world())


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One process for the vendors' clients."""
    running = start(tmp_path_factory.mktemp("served") / "home", "--limits", "off")
    yield running
    stop(running)
