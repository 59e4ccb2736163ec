"""What of a record's wanted properties differs from what it has: pure, as HubSpot compares them."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

STAGE = "lifecyclestage"
# HubSpot's own stages in their order; a portal may have others, whose order only HubSpot knows.
STAGES = (
    "subscriber",
    "lead",
    "marketingqualifiedlead",
    "salesqualifiedlead",
    "opportunity",
    "customer",
    "evangelist",
    "other",
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND_DIGITS = 13  # of every instant between 2001 and 2286


def difference(current: Mapping[str, str | None], wanted: Mapping[str, str]) -> dict[str, str]:
    """The wanted properties that are not so yet ("" = cleared). Writing what is so already would echo."""
    return {name: value for name, value in wanted.items() if not _same(name, current.get(name) or "", value)}


def steps_back(current: str | None, wanted: str | None) -> bool:
    """Whether a change of stage is one that HubSpot drops without a word: it only moves forward.

    False where the order is not known.
    """
    if not current or not wanted or current not in STAGES or wanted not in STAGES:
        return False
    return STAGES.index(wanted) < STAGES.index(current)


def _same(name: str, current: str, wanted: str) -> bool:
    if current == wanted:
        return True
    if name == "email":
        return current.lower() == wanted.lower()
    # One instant has several spellings. Numbers are left alone: in a text, 1.10 is not 1.1.
    moment = _instant(current)
    return moment is not None and moment == _instant(wanted)


def _instant(text: str) -> datetime | None:
    if text.isdigit():
        whole = len(text) == _MILLISECOND_DIGITS
        return _EPOCH + timedelta(milliseconds=int(text)) if whole else None
    if "T" not in text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
