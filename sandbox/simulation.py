"""The whole simulated company as one list of events."""

from datetime import UTC, datetime

from sandbox.events import Event

DEFAULT_CLOCK = datetime(2026, 11, 16, 7, tzinfo=UTC)


def simulate(
    seed: int = 7,
    months: int = 12,
    first: int = 10,
    last: int = 100,
    clock: datetime = DEFAULT_CLOCK,
    until: datetime | None = None,
) -> list[Event]:
    """Every event from the first of `months` local months before the clock's up to `until`, sorted by `at`.

    `until` is 120 days after the clock by default. A later `until` with the same other arguments only adds events.
    """
    raise NotImplementedError
