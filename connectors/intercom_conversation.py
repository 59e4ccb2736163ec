"""One conversation of Intercom's as it is now, and how a part of it is recognised. Pure."""

import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from connectors.errors import UnexpectedData

_TAG = re.compile(r"<!--.*?-->|</?[a-zA-Z][^>]*>", re.DOTALL)
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Part:
    """One step of a conversation. `kind` is comment, note, assignment, close, open, snoozed …"""

    id: str
    kind: str
    admin_id: str | None  # None: not written by a colleague
    body: str
    at: datetime
    assigned_to: str | None

    def says(self, text: str) -> bool:
        """Whether its body is this text, whatever Intercom made of markup and white space."""
        # What was given may have been markup or plain text with a "<" in it; only Intercom knows.
        return _letters(_TAG.sub("", self.body), entities=True) in {
            _letters(_TAG.sub("", text), entities=True),
            _letters(text, entities=False),
        }


@dataclass(frozen=True, slots=True)
class Conversation:
    """State, assignees, tags (lower-case name -> id), custom attributes and parts (the newest 500)."""

    state: str
    snoozed_until: datetime | None
    admin_id: str | None
    team_id: str | None
    tags: Mapping[str, str]
    attributes: Mapping[str, Any]
    parts: tuple[Part, ...]


def conversation_in(said: Mapping[str, Any]) -> Conversation:
    """The conversation of an answer. Raises UnexpectedData when it lacks what Intercom promises."""
    try:
        return Conversation(
            state=str(said["state"]),
            snoozed_until=_instant(said.get("snoozed_until")),
            admin_id=_id(said.get("admin_assignee_id")),
            team_id=_id(said.get("team_assignee_id")),
            tags={str(tag["name"]).lower(): str(tag["id"]) for tag in said["tags"]["tags"]},
            attributes=said.get("custom_attributes") or {},
            parts=tuple(_part(part) for part in said["conversation_parts"]["conversation_parts"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise UnexpectedData(
            f"intercom: a conversation is not as documented ({type(error).__name__}); nothing was made of it."
        ) from None


def _part(said: Mapping[str, Any]) -> Part:
    author, assigned = said.get("author") or {}, said.get("assigned_to") or {}
    return Part(
        id=str(said["id"]),
        kind=str(said["part_type"]),
        admin_id=_id(author.get("id")) if author.get("type") == "admin" else None,
        body=said.get("body") or "",
        at=datetime.fromtimestamp(int(said["created_at"]), UTC),
        assigned_to=_id(assigned.get("id")),
    )


def _id(value: object) -> str | None:
    # Ids are text in one place and numbers in another; 0 stands for nobody.
    return None if value in (None, "", 0, "0") else str(value)


def _instant(value: object) -> datetime | None:
    return datetime.fromtimestamp(int(value), UTC) if isinstance(value, int) and value > 0 else None


def _letters(text: str, *, entities: bool) -> str:
    return _SPACE.sub("", html.unescape(text) if entities else text)
