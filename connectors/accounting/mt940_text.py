"""What an MT940 movement says of itself (:86:), in the three ways that banks write it."""

import re

_NUMBERED = re.compile(r"\?(\d{2})")
_SLASHED = re.compile(r"/([A-Z]{3,5})/")
_NAME, _PURPOSE = ("32", "33"), (*map(str, range(20, 30)), *map(str, range(60, 64)))
_FILLERS = frozenset({"NONREF", "NOTPROVIDED"})


def description(beside: str, content: str) -> str:
    """The counterparty's name and the purpose as one text; `beside` is what stood in the movement's line."""
    joined = content.replace("\n", "")
    if re.match(r"\d{3}\?\d{2}", joined):
        parts = _numbered(joined)
    elif joined.lstrip().startswith("/") and _SLASHED.match(joined.lstrip()):
        parts = _slashed(joined)
    else:
        parts = [content]
    found: list[str] = []
    for part in [*parts, beside]:
        text = " ".join(part.split())
        if text and text not in _FILLERS and not any(text in known for known in found):
            found.append(text)
    return " · ".join(found)


def _numbered(content: str) -> list[str]:
    """Subfields ?20 and on, broken at 27 letters wherever a word stands: put together without blanks."""
    pieces = _NUMBERED.split(content)
    fields = list(zip(pieces[1::2], pieces[2::2], strict=False))
    name = "".join(value for code, value in fields if code in _NAME)
    purpose = "".join(value for code, value in fields if code in _PURPOSE)
    kind = next((value for code, value in fields if code == "00"), "")
    return [name, purpose, kind]


def _slashed(content: str) -> list[str]:
    pieces = _SLASHED.split(content.lstrip())
    fields = list(zip(pieces[1::2], pieces[2::2], strict=False))
    order = ("NAME", "REMI", "EREF", "CSID")
    wanted = [value.strip("/") for name in order for code, value in fields if code == name]
    return [value for value in wanted if value] or [content]
