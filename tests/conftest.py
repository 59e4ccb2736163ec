"""What every test has; its presence also lets every test import what lies beside it, such as `house`."""

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True, scope="session")
def limits_of_their_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The vendors' limits are shared by a user's homes; a test run shares none with the person who runs it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield
