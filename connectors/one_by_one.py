"""Records that a vendor gives one at a time: asked side by side, handed on in order, put into pages."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from connectors.errors import NotFound
from connectors.pages import Page, cursor_of
from connectors.transport import Reply

AHEAD = 4  # answers kept, as a multiple of the width, while an earlier one is late
PAGE = 50  # records of a page, and so what a kill can cost
PAGE_BYTES = 1_000_000  # DuckDB sizes its read buffers by the largest page

T = TypeVar("T")
R = TypeVar("R")


def in_order(call: Callable[[T], R], items: Iterable[T], width: int) -> Iterator[R]:
    """What `call` gives for each item, in the items' order, with `width` calls under way."""
    pool = ThreadPoolExecutor(width)
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(call, item))
            if len(waiting) >= AHEAD * width:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        # After a failure, or when nobody reads on, what has not begun must not begin.
        pool.shutdown(wait=True, cancel_futures=True)


def together(field: str, bodies: Sequence[bytes]) -> bytes:
    """A body that holds these records, each as it was received, in a list under `field`."""
    return b'{"' + field.encode() + b'":[' + b",".join(bodies) + b"]}"


def asked(ask: Callable[[str], Reply], ids: Sequence[str], field: str, width: int) -> Iterator[Page]:
    """Pages of the records with these ids, as they are now; one that the vendor does not find is in none."""

    def body_of(number: str) -> bytes | None:
        try:
            return ask(number).body
        except NotFound:
            return None

    bodies: list[bytes] = []
    for place, body in enumerate(in_order(body_of, ids, width), start=1):
        if body is not None:
            bodies.append(body)
        is_last = place == len(ids)
        if bodies and (is_last or len(bodies) >= PAGE or sum(map(len, bodies)) >= PAGE_BYTES):
            yield Page(together(field, bodies), len(bodies), None if is_last else cursor_of({"done": place}))
            bodies = []
