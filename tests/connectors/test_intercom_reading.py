"""Reading Intercom: cursors in the body, days for hours, parts one call at a time, one scroll."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import orjson
import pytest

from connectors.errors import RetryLater, UnexpectedData
from connectors.intercom import Intercom
from connectors.pages import Page, Window
from tests.connectors.connector_doubles import NOON, answering, transport_to

FULL = Window(None, NOON)
DAY = timedelta(days=1)
AT = int(NOON.timestamp())


def conversation(number: int, at: int = AT, parts: int = 1, total: int | None = None) -> dict:
    listed = [{"type": "conversation_part", "id": str(each)} for each in range(parts)]
    return {
        "type": "conversation",
        "id": str(number),
        "updated_at": at,
        "conversation_parts": {
            "conversation_parts": listed,
            "total_count": parts if total is None else total,
        },
    }


class FakeIntercom:
    """A workspace of version 2.16: search by whole days, cursors that count only inside the body."""

    def __init__(self, contacts: list[dict] = (), conversations: list[dict] = ()) -> None:
        self.contacts = list(contacts)
        self.conversations = {each["id"]: each for each in conversations}
        self.searched: list[dict] = []
        self.fetched: list[str] = []
        self.at_once = self.most_at_once = 0
        self.on_fetch: Callable[[str], object] = lambda _: None
        self._lock = threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        if path == "/contacts":
            after = request.url.params.get("starting_after")
            return self._page(self.contacts, "data", int(request.url.params["per_page"]), after)
        if path.endswith("/search"):
            body = orjson.loads(request.content)
            self.searched.append(body)
            what = path.split("/")[1]
            day = datetime.fromtimestamp(body["query"]["value"], UTC).date()
            rows = self.contacts if what == "contacts" else [*self.conversations.values()]
            # ">" compares days, and so begins with the next one.
            found = [each for each in rows if datetime.fromtimestamp(each["updated_at"], UTC).date() > day]
            pagination = body["pagination"]
            field = "data" if what == "contacts" else what
            return self._page(found, field, pagination["per_page"], pagination.get("starting_after"))
        return self._conversation(path.split("/")[2])

    def _conversation(self, number: str) -> httpx.Response:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            self.fetched.append(number)
        self.on_fetch(number)
        with self._lock:
            self.at_once -= 1
        found = self.conversations.get(number)
        return httpx.Response(200, json=found) if found else httpx.Response(404, json={"type": "error.list"})

    def _page(self, rows: list[dict], field: str, size: int, after: str | None) -> httpx.Response:
        assert size <= 150
        start = int(after or 0)
        pages: dict = {"type": "pages", "per_page": size}
        if start + size < len(rows):
            pages["next"] = {"starting_after": str(start + size)}
        said = {"type": "list", field: rows[start : start + size], "total_count": len(rows), "pages": pages}
        return httpx.Response(200, json=said)


def read(workspace: object, resource: str, window: Window = FULL, resume: str | None = None) -> list[Page]:
    return list(Intercom(transport_to(workspace)).read(resource, window, resume))


def ids(pages: list[Page], field: str | None = "data") -> list[str]:
    bodies = [orjson.loads(page.body) for page in pages]
    return [each["id"] for body in bodies for each in (body[field] if field else [body])]


def contacts(count: int, at: int = AT) -> list[dict]:
    return [{"type": "contact", "id": f"c{number:04}", "updated_at": at} for number in range(count)]


@pytest.mark.parametrize("window", [FULL, Window(NOON - DAY, NOON)])
def test_every_contact_arrives_once(window: Window) -> None:
    pages = read(FakeIntercom(contacts(400)), "contacts", window)
    assert ids(pages) == [each["id"] for each in contacts(400)]
    assert [page.count for page in pages] == [150, 150, 100]
    assert pages[-1].cursor is None


@pytest.mark.parametrize("hour", [0, 1, 11, 23])
@pytest.mark.parametrize("resource", ["contacts", "conversations"])
def test_a_change_right_after_the_last_read_is_not_hidden_by_day_filters(resource: str, hour: int) -> None:
    last_read = NOON.replace(hour=hour)
    at = int(last_read.timestamp()) + 1
    workspace = FakeIntercom(contacts(1, at), [conversation(5, at)])
    assert sum(page.count for page in read(workspace, resource, Window(last_read, last_read + DAY))) == 1


def test_contacts_go_on_after_the_last_page_that_landed() -> None:
    whole = read(FakeIntercom(contacts(400)), "contacts")
    rest = read(FakeIntercom(contacts(400)), "contacts", resume=whole[0].cursor)
    assert [page.body for page in rest] == [page.body for page in whole[1:]]
    assert rest[-1].warning is None


def test_fewer_contacts_than_intercom_counts_are_told() -> None:
    handler, _ = answering(httpx.Response(200, json={"data": contacts(2), "total_count": 9, "pages": {}}))
    assert read(handler, "contacts")[-1].warning == "contacts: Intercom counts 9 records and gave 2"


def test_a_cursor_that_does_not_move_stops_the_read() -> None:
    stuck = {"data": contacts(1), "total_count": 9, "pages": {"next": {"starting_after": "x"}}}
    handler, seen = answering(httpx.Response(200, json=stuck))
    with pytest.raises(UnexpectedData, match="same page"):
        read(handler, "contacts")
    assert len(seen) == 2


def test_each_changed_conversation_is_a_page_as_received_oldest_change_first() -> None:
    rows = [conversation(number, AT - number * 60) for number in range(1, 201)]
    workspace = FakeIntercom(conversations=rows)
    pages = read(workspace, "conversations", Window(NOON - DAY, NOON))
    assert ids(pages, None) == [str(number) for number in range(200, 0, -1)]
    assert {page.count for page in pages} == {1}
    assert [page.cursor is None for page in pages] == [False] * 199 + [True]
    assert sorted(workspace.fetched, key=int) == [str(number) for number in range(1, 201)]


def test_conversations_are_fetched_side_by_side_but_not_more_than_eight() -> None:
    workspace = FakeIntercom(conversations=[conversation(number) for number in range(1, 41)])
    together = threading.Barrier(8)
    workspace.on_fetch = lambda _: together.wait(5)
    assert len(read(workspace, "conversations")) == 40
    assert workspace.most_at_once == 8


def test_a_killed_read_of_conversations_loses_none_even_if_some_changed_meanwhile() -> None:
    rows = [conversation(number, AT + number // 10) for number in range(1, 101)]  # ten a second
    workspace = FakeIntercom(conversations=rows)
    landed = []
    for page in Intercom(transport_to(workspace)).read("conversations", FULL):
        landed.append(page)
        if len(landed) == 30:
            break
    for number in (2, 40, 99):
        workspace.conversations[str(number)] = conversation(number, AT + 5000)
    workspace.fetched.clear()
    rest = read(workspace, "conversations", resume=landed[-1].cursor)
    assert set(ids(landed, None)) | set(ids(rest, None)) == {str(number) for number in range(1, 101)}
    assert len(rest) == 71  # the 70 that had not landed, and number 2 again
    latest = {each["id"]: each["updated_at"] for each in (orjson.loads(page.body) for page in landed + rest)}
    assert all(latest[str(number)] == AT + 5000 for number in (2, 40, 99))


def test_a_conversation_deleted_meanwhile_does_not_stop_the_others() -> None:
    workspace = FakeIntercom(conversations=[conversation(number) for number in range(1, 4)])
    workspace.on_fetch = lambda number: number == "2" and workspace.conversations.pop("2")
    assert ids(read(workspace, "conversations"), None) == ["1", "3"]


def test_missing_parts_are_told() -> None:
    pages = read(FakeIntercom(conversations=[conversation(1, parts=3, total=640)]), "conversations")
    assert pages[0].warning == "conversation 1: Intercom counts 640 parts and gave 3 (500 at most)"


def test_a_conversation_without_the_field_of_its_parts_stops_the_read() -> None:
    workspace = FakeIntercom(conversations=[{"id": "1", "updated_at": AT}])
    with pytest.raises(UnexpectedData, match="without its parts"):
        read(workspace, "conversations")


def company(number: int) -> dict:
    return {"type": "company", "id": f"k{number}"}


def scroll(*answers: httpx.Response) -> tuple[list[Page] | Exception, list[str | None], list[float]]:
    waits: list[float] = []
    handler, seen = answering(*answers)
    try:
        found: list[Page] | Exception = list(
            Intercom(transport_to(handler, waits=waits)).read("companies", FULL)
        )
    except RetryLater as error:
        found = error
    return found, [request.url.params.get("scroll_param") for request in seen], waits


def slice_of(*numbers: int) -> httpx.Response:
    return httpx.Response(200, json={"data": [company(each) for each in numbers], "scroll_param": "s1"})


def refusal(status: int, code: str) -> httpx.Response:
    return httpx.Response(status, json={"type": "error.list", "errors": [{"code": code, "message": "no"}]})


def test_companies_are_scrolled_to_the_empty_end() -> None:
    pages, params, _ = scroll(slice_of(1, 2), slice_of(3), slice_of())
    assert ids(pages) == ["k1", "k2", "k3"]
    assert params == [None, "s1", "s1"]
    assert [page.cursor is None for page in pages] == [False, True]


def test_a_scroll_that_was_forgotten_begins_again() -> None:
    pages, params, _ = scroll(
        slice_of(1, 2), refusal(404, "not_found"), slice_of(1, 2), slice_of(3), slice_of()
    )
    assert set(ids(pages)) == {"k1", "k2", "k3"}
    assert params == [None, "s1", None, "s1", "s1"]


def test_another_scroll_is_waited_out() -> None:
    pages, _, waits = scroll(refusal(400, "scroll_exists"), slice_of(1), slice_of())
    assert ids(pages) == ["k1"]
    assert waits == [60.0]


def test_a_scroll_held_by_another_program_is_left_for_later() -> None:
    error, params, _ = scroll(refusal(400, "scroll_exists"))
    assert isinstance(error, RetryLater)
    assert len(params) == 3


def test_articles_are_read_to_the_last_page() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        page = int(request.url.params["page"])
        rows = [{"id": str(page * 10 + each)} for each in range(3 if page < 3 else 1)]
        return httpx.Response(200, json={"data": rows, "pages": {"page": page, "total_pages": 3}})

    pages = read(handle, "articles")
    assert ids(pages) == ["10", "11", "12", "20", "21", "22", "30"]
    assert ids(read(handle, "articles", resume=pages[1].cursor)) == ["30"]


@pytest.mark.parametrize(("resource", "field"), [("admins", "admins"), ("teams", "teams"), ("tags", "data")])
def test_small_lists_come_in_one_page_and_a_lost_field_stops_the_read(resource: str, field: str) -> None:
    handler, _ = answering(httpx.Response(200, json={field: [{"id": "1"}, {"id": "2"}]}))
    (page,) = read(handler, resource)
    assert (page.count, page.cursor) == (2, None)
    handler, _ = answering(httpx.Response(200, json={"items": []}))
    with pytest.raises(UnexpectedData, match=f"no list '{field}'"):
        read(handler, resource)


def test_the_identity_is_the_workspace() -> None:
    me = {"type": "admin", "id": "1", "app": {"id_code": "ab1cd", "name": "Tenfold", "timezone": "Madrid"}}
    handler, _ = answering(httpx.Response(200, json=me))
    identity = Intercom(transport_to(handler)).identity()
    assert (identity.account_id, identity.name, identity.zone) == ("ab1cd", "Tenfold", "Madrid")
