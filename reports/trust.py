"""Whether the figures can be trusted: sources, checks and rejected values of the published build."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from reports.figures import Build


@dataclass(frozen=True, slots=True)
class Source:
    """How a source's last read ended, and until when (UTC) its data is whole."""

    source: str
    state: str
    reason: str | None
    good_until: datetime | None


@dataclass(frozen=True, slots=True)
class Check:
    """One expectation on one model and how it came out: passed, failed or not_evaluated."""

    model: str
    expectation: str
    severity: str
    outcome: str
    violations: int | None


@dataclass(frozen=True, slots=True)
class Rejected:
    """Values of a resource that could not be read."""

    source: str
    resource: str
    count: int


@dataclass(frozen=True, slots=True)
class Trust:
    """All three."""

    sources: Sequence[Source]
    checks: Sequence[Check]
    rejected: Sequence[Rejected]
    drift: int
