"""Single records side by side: in order, no more than is read on, and put together as received."""

import threading

import orjson
import pytest

from connectors.errors import RetryLater
from connectors.one_by_one import in_order, together


@pytest.mark.parametrize("width", [1, 3, 20])
def test_results_come_in_the_order_of_the_items(width: int) -> None:
    assert list(in_order(lambda number: number * number, range(100), width)) == [n * n for n in range(100)]


def test_after_a_failure_nothing_more_begins() -> None:
    begun: list[int] = []

    def call(number: int) -> int:
        begun.append(number)
        if number == 1:
            raise RetryLater("no")
        if number == 2:
            threading.Event().wait(0.2)  # still under way while the failure is told
        return number

    with pytest.raises(RetryLater):
        list(in_order(call, range(10), 1))
    assert begun in ([0, 1], [0, 1, 2])


def test_records_are_put_together_byte_for_byte() -> None:
    bodies = [b'{"id": "1",  "n": 1.50}', b'{"id":"2"}']
    page = together("data", bodies)
    assert page == b'{"data":[{"id": "1",  "n": 1.50},{"id":"2"}]}'
    assert len(orjson.loads(page)["data"]) == 2
    assert together("data", []) == b'{"data":[]}'
