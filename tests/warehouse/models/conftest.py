import pytest
from model_world import World


@pytest.fixture
def world() -> World:
    return World()
