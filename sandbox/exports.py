"""The accounting exports that a bookkeeper would drop into the inbox."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sandbox.events import Event


def write_exports(events: Sequence[Event], clock: datetime, inbox: Path) -> list[Path]:
    """Write the exports as they would look at `clock`; return the files whose content changed."""
    raise NotImplementedError
