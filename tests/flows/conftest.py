import pathlib
from collections.abc import Iterator

import pytest
from house import SMALL, World, running_world
from prefect.testing.utilities import prefect_test_harness


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[None]:
    """One server with a database of its own; starting it takes longer than most tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DO_NOT_TRACK", "1")
        patch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        with prefect_test_harness():
            yield


@pytest.fixture(scope="module")
def world(prefect_server: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A small company, and this process set up as a home without credentials beside it."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch, running_world(home, *SMALL) as world:
        patch.setenv("TENFOLD_HOME", str(home))
        patch.chdir(home)  # no .env of the developer's
        yield world


@pytest.fixture
def home(world: World) -> pathlib.Path:
    return pathlib.Path(world.said["inbox"]).parent.parent
