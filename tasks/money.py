"""What each bank line is, decided between reading and building: first the matches, then the categories."""

import importlib
import importlib.util
from datetime import datetime

from tasks.rooms import Rooms
from warehouse.build import stage
from warehouse.matching import match_movements


def match_and_categorise(rooms: Rooms, as_of: datetime) -> dict[str, dict[str, int]]:
    """Fill meta.match and meta.category: {matched: kind -> lines, categorised: step -> lines}."""
    stage(rooms.store, rooms.playbook, "accounting")
    matched = match_movements(rooms.store, rooms.playbook, as_of)
    return {"matched": matched, "categorised": _categorise(rooms, as_of)}


def _categorise(rooms: Rooms, as_of: datetime) -> dict[str, int]:
    """The eight steps of tasks/categorise.py; nothing where this installation has none."""
    if importlib.util.find_spec("tasks.categorise") is None:
        return {}
    steps = importlib.import_module("tasks.categorise")
    with rooms.ledger() as ledger:
        decided = steps.categorise(rooms.store, ledger, rooms.playbook, as_of)
    return {str(step): count for step, count in decided.items()} if isinstance(decided, dict) else {}
