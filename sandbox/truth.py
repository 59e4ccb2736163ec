"""The true KPIs of the simulated company."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sandbox.events import Event


def truth(events: Sequence[Event], clock: datetime, month: str | None = None) -> list[dict[str, Any]]:
    """One row per KPI, segment and complete local month or ISO week; `month` keeps one period's rows."""
    raise NotImplementedError
