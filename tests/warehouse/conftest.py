import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from small_house import House, house


@pytest.fixture(name="house")
def _house(tmp_path: Path) -> House:
    return house(tmp_path)
