"""What each bank line is, decided between reading and building: first the matches, then the categories."""

from datetime import datetime

from tasks.categorise import categorise
from tasks.rooms import Rooms
from warehouse.build import stage
from warehouse.matching import match_movements


def match_and_categorise(rooms: Rooms, as_of: datetime) -> dict[str, dict[str, int]]:
    """Fill meta.match and meta.category: {matched: kind -> lines, categorised: who decided -> lines}."""
    stage(rooms.store, rooms.playbook, "accounting")
    matched = match_movements(rooms.store, rooms.playbook, as_of)
    with rooms.ledger() as ledger:
        decided = categorise(rooms.store, ledger, rooms.playbook, as_of)
    return {"matched": matched, "categorised": decided}
