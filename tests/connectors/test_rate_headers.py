"""What each vendor's headers say of its limits."""

from datetime import UTC, datetime

import pytest

from connectors.rate_headers import interval_in, names_in, number, reset_in

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC).timestamp()
HUBSPOT = {
    b"x-hubspot-ratelimit-max": b"190",
    b"x-hubspot-ratelimit-remaining": b"12",
    b"x-hubspot-ratelimit-interval-milliseconds": b"10000",
    b"x-hubspot-ratelimit-daily": b"625000",
    b"x-hubspot-ratelimit-daily-remaining": b"600000",
}
INTERCOM = {
    b"x-ratelimit-limit": b"167",
    b"x-ratelimit-remaining": b"0",
    b"x-ratelimit-reset": str(int(NOW) + 4).encode(),
}
GENERIC = {b"ratelimit-limit": b"60", b"ratelimit-remaining": b"0", b"ratelimit-reset": b"9"}


@pytest.mark.parametrize(
    ("headers", "most", "left", "reset", "interval"),
    [
        (HUBSPOT, 190, 12, None, 10.0),
        (INTERCOM, 167, 0, 4.0, None),
        (GENERIC, 60, 0, 9.0, None),
        # The vendor's clock goes a minute ahead of ours; its own Date says so.
        (
            {
                **INTERCOM,
                b"x-ratelimit-reset": str(int(NOW) + 64).encode(),
                b"date": b"Tue, 10 Mar 2026 12:01:00 GMT",
            },
            167,
            0,
            4.0,
            None,
        ),
        ({**INTERCOM, b"x-ratelimit-reset": str(int(NOW) - 60).encode()}, 167, 0, 0.0, None),
        ({**GENERIC, b"ratelimit-reset": b"soon", b"ratelimit-limit": b"-1"}, None, 0, None, None),
    ],
)
def test_a_vendors_words_are_understood(
    headers: dict[bytes, bytes],
    most: int | None,
    left: int | None,
    reset: float | None,
    interval: float | None,
) -> None:
    names = names_in(headers)
    assert names is not None
    assert (number(headers.get(names.most)), number(headers.get(names.left))) == (most, left)
    assert (reset_in(headers, names, NOW), interval_in(headers, names)) == (reset, interval)


def test_hubspots_day_is_told_beside_its_ten_seconds() -> None:
    names = names_in(HUBSPOT)
    assert names is not None
    assert (number(HUBSPOT[names.day_most]), number(HUBSPOT[names.day_left])) == (625_000, 600_000)


def test_an_answer_without_such_words_says_nothing() -> None:
    assert names_in({b"date": b"Tue, 10 Mar 2026 12:01:00 GMT", b"retry-after": b"3"}) is None
