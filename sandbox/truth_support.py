"""What one conversation says about service: its level, its answers, its end, and its service clocks."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sandbox.calendars import Pause, due_at
from sandbox.company import EXCLUDING_TAGS, LEVELS, SLA
from sandbox.truth_facts import Conversation


@dataclass(frozen=True, slots=True)
class Clock:
    """A service clock that has been decided: hit at the stop, or missed at the due instant."""

    level: str
    kind: Literal["first_answer", "resolution"]
    decided: datetime
    hit: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """The first answer at a level."""

    level: str
    since: datetime
    at: datetime


@dataclass(frozen=True, slots=True)
class Service:
    """The service given in one conversation, as known at a clock; `resolved` only while it stays closed."""

    level: str
    resolved: datetime | None
    answers: tuple[Answer, ...]
    clocks: tuple[Clock, ...]


def is_counted(conversation: Conversation) -> bool:
    """False for spam and merged conversations, which K3, K19 and K24 leave out."""
    return not conversation.tags & EXCLUDING_TAGS


def level_starts(conversation: Conversation) -> dict[str, datetime]:
    """When each level was first reached: L1 at creation, others by the first assignment above all before."""
    starts = {"L1": conversation.created}
    for part in conversation.parts:
        if part.kind == "assignment" and part.to_level and part.to_level > max(starts):
            starts[part.to_level] = part.at
    return starts


def resolved_at(conversation: Conversation) -> datetime | None:
    """The last close, unless the conversation was opened or snoozed, or its user wrote, after it."""
    closed: datetime | None = None
    for part in conversation.parts:
        if part.kind == "close":
            closed = part.at
        elif part.kind in ("open", "snoozed") or (part.kind == "comment" and part.author_kind == "user"):
            closed = None
    return closed


def pauses(conversation: Conversation) -> list[Pause]:
    """The snoozed stretches, each until the next open, close or user's comment; None while it lasts."""
    found: list[Pause] = []
    since: datetime | None = None
    for part in conversation.parts:
        ends = part.kind in ("open", "close") or (part.kind == "comment" and part.author_kind == "user")
        if part.kind == "snoozed":
            since = since or part.at
        elif ends and since is not None:
            found.append((since, part.at))
            since = None
    if since is not None:
        found.append((since, None))
    return found


def answers(conversation: Conversation, starts: dict[str, datetime]) -> dict[str, datetime]:
    """The first answer at or after each level's start: an admin's comment, at L1 also the bot's."""
    found: dict[str, datetime] = {}
    for level, since in starts.items():
        authors = ("admin", "bot") if level == "L1" else ("admin",)
        for part in conversation.parts:
            if part.kind == "comment" and part.author_kind in authors and part.at >= since:
                found[level] = part.at
                break
    return found


def serve(conversation: Conversation, clock: datetime) -> Service:
    """The service of a conversation whose parts are those known at `clock`."""
    starts = level_starts(conversation)
    level = max(starts)
    answered = answers(conversation, starts)
    resolved = resolved_at(conversation)
    paused = pauses(conversation)
    clocks = []
    for each in LEVELS:
        if each in starts:
            minutes = SLA[each].first_answer_minutes
            due = due_at(starts[each], minutes * 60, SLA[each].calendar, paused)
            clocks.append(_decide(each, "first_answer", due, answered.get(each), clock))
    minutes = SLA[level].resolution_minutes
    due = due_at(conversation.created, minutes * 60, SLA[level].calendar, paused)
    clocks.append(_decide(level, "resolution", due, resolved, clock))
    return Service(
        level,
        resolved,
        tuple(Answer(each, starts[each], at) for each, at in answered.items()),
        tuple(decided for decided in clocks if decided is not None),
    )


def _decide(
    level: str,
    kind: Literal["first_answer", "resolution"],
    due: datetime | None,
    stopped: datetime | None,
    clock: datetime,
) -> Clock | None:
    if stopped is not None and (due is None or stopped <= due):
        return Clock(level, kind, stopped, hit=True)
    if due is not None and due <= clock:
        return Clock(level, kind, due, hit=False)
    return None
