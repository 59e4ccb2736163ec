"""Reading by offset from a list that changes between any two pages: what stays in it comes, or it is told."""

from collections.abc import Callable

import httpx
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors import declared
from connectors.declared import Account, Declaration
from connectors.declared_reader import DeclaredReader
from connectors.errors import UnexpectedData
from connectors.pages import Window
from connectors.paging import Keyset, Offset, Paging
from connectors.transport import Transport
from tests.connectors.connector_doubles import NOON, quick

URL = "https://shop.test"
CHANGES: dict[str, Callable[[list[int], int, int], object]] = {
    "nothing": lambda *_: None,
    "delete one": lambda things, at, _: things.__delitem__(slice(at, at + 1)),
    "delete some": lambda things, at, _: things.__delitem__(slice(at, at + 3)),
    "append": lambda things, _, new: things.append(new),
    "insert": lambda things, _, new: things.insert(0, new),
    "to the front": lambda things, at, _: things.insert(0, things.pop(at)) if at < len(things) else None,
    "to the end": lambda things, at, _: things.append(things.pop(at)) if at < len(things) else None,
}


class MovingList:
    """Numbers in an order of their own, one change before each page but the first."""

    def __init__(self, count: int, changes: list[tuple[str, int]]) -> None:
        self.things = list(range(1, count + 1))
        self.changes = changes
        self.there_throughout = set(self.things)
        self.asked = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if self.asked and self.asked <= len(self.changes):
            name, at = self.changes[self.asked - 1]
            CHANGES[name](self.things, at, 1000 + self.asked)
        self.asked += 1
        self.there_throughout &= set(self.things)
        asked = request.url.params
        rows = self.things
        if "above" in asked or "sort" in asked:
            rows = sorted(each for each in rows if each > int(asked.get("above", 0)))
        start, size = int(asked.get("offset", 0)), int(asked["size"])
        said = {"things": [{"id": each} for each in rows[start : start + size]], "total": len(rows)}
        return httpx.Response(200, json=said)


def read(paging: Paging, vendor: MovingList, total: str | None) -> tuple[set[int], str | None]:
    """What came, and the warning or the error at the end."""
    source = Declaration(
        name="shop",
        api_version="1",
        auth=declared.bearer(),
        limit=(1, 1.0),
        account=Account("/me"),
        resources=[
            declared.resource("things", "/things", records="$.things", key="$.id", paging=paging, total=total)
        ],
    )
    transport = Transport("shop", URL, headers={}, policy=quick(), transport=httpx.MockTransport(vendor))
    reader = DeclaredReader(source, transport, URL)
    pages, told = [], None
    try:
        for page in reader.read("things", Window(None, NOON)):
            pages.append(page)
            told = page.warning
    except UnexpectedData as error:
        told = str(error)
    finally:
        reader.close()
    return {each["id"] for page in pages for each in orjson.loads(page.body)["things"]}, told


CHANGED = st.lists(st.tuples(st.sampled_from(sorted(CHANGES)), st.integers(0, 14)), max_size=30)


@pytest.mark.parametrize("total", [None, "$.total"], ids=["no total", "total"])
@given(count=st.integers(0, 14), size=st.integers(2, 5), changes=CHANGED)
def test_by_offset_everything_that_stays_comes_or_the_read_is_partial(
    total: str | None, count: int, size: int, changes: list[tuple[str, int]]
) -> None:
    vendor = MovingList(count, changes)
    came, told = read(Offset(param="offset", size=("size", size)), vendor, total)
    assert vendor.there_throughout <= came or told is not None
    assert vendor.asked < 200


@given(count=st.integers(0, 14), size=st.integers(1, 5), changes=CHANGED)
def test_by_keyset_everything_that_stays_comes(count: int, size: int, changes: list[tuple[str, int]]) -> None:
    vendor = MovingList(count, changes)
    keyset = Keyset(param="above", by="$.id", order={"sort": "id"}, size=("size", size))
    came, told = read(keyset, vendor, None)
    assert vendor.there_throughout <= came
    assert told is None
