"""Mailchimp Transactional's records: every message, a row for each recipient, and the deny list."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(slots=True, eq=False)
class Sent:
    """One message to one recipient; `state` is sent, queued, scheduled, rejected or invalid."""

    id: str
    at: datetime
    email: str
    state: str
    reject_reason: str | None
    sender: str
    subject: str
    template: str
    tags: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    message: dict[str, Any] = field(default_factory=dict)  # as it was handed over


class MandrillRecords:
    """The account's content."""

    def __init__(self) -> None:
        self.messages: dict[str, Sent] = {}
        self.denied: dict[str, tuple[str, datetime]] = {}  # address -> why, since when

    def send(self, rows: list[dict[str, Any]], at: datetime) -> list[Sent]:
        """Keep a message, one row for each recipient."""
        made = []
        for row in rows:
            number = hashlib.md5(f"mandrill/{len(self.messages)}".encode(), usedforsecurity=False).hexdigest()
            made.append(Sent(id=number, at=at, **row))
            self.messages[number] = made[-1]
        return made


def replay(records: MandrillRecords, name: str, args: dict[str, Any], at: datetime) -> Any:
    """Do one write that was checked before; the same call serves requests and the log read at start."""
    if name == "send":
        return records.send(args["rows"], at)
    if name == "deny":
        records.denied.setdefault(args["email"], (args["reason"], at))
        return None
    if name == "allow":
        return records.denied.pop(args["email"], None)
    raise ValueError(name)
