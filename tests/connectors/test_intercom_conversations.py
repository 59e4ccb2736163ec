"""Reading conversations: what moved is fetched with its parts, what did not is told, nothing slips between."""

import threading
from datetime import timedelta

import httpx
import orjson
import pytest

from connectors.errors import RetryLater, UnexpectedData
from connectors.intercom import Intercom
from connectors.intercom_conversations import width_for
from connectors.pages import Page, Window
from tests.connectors.connector_doubles import NOON, answering, transport_to
from tests.connectors.intercom_double import AT, FULL, FakeIntercom, conversation, counts, ids, problem

DAY = timedelta(days=1)
OLD = AT - 30 * 86400


def numbers(pages: list[Page]) -> list[str]:
    return ids(pages, "conversations")


def unchanged(pages: list[Page]) -> set[str]:
    return {key for page in pages for key in page.unchanged}


def marks(workspace: FakeIntercom, *but: str) -> dict[str, str]:
    """What raw knows after everything was read: all settled ones, by their change time."""
    kept = workspace.conversations.items()
    return {n: str(each["updated_at"]) for n, each in kept if n not in but and each["state"] == "closed"}


def test_each_changed_conversation_comes_as_received_with_its_parts_oldest_change_first() -> None:
    rows = [conversation(number, AT - number * 60, parts=3) for number in range(1, 201)]
    workspace = FakeIntercom(conversations=rows)
    pages = workspace.read("conversations", Window(NOON - DAY, NOON))
    assert numbers(pages) == [str(number) for number in range(200, 0, -1)]
    assert [page.count for page in pages] == [50, 50, 50, 50, 0]
    assert counts(pages) == (200, 200)
    assert sorted(workspace.fetched, key=int) == [str(number) for number in range(1, 201)]
    received = orjson.loads(pages[0].body)["conversations"][0]
    assert received == workspace.connector()._http.get("/conversations/200").data
    assert len(received["conversation_parts"]["conversation_parts"]) == 3


def test_a_page_of_long_conversations_stays_small() -> None:
    rows = [conversation(number, AT + number) for number in range(40)]
    for each in rows:
        each["source"] = {"body": "x" * 100_000}
    pages = FakeIntercom(conversations=rows).read("conversations")
    assert max(len(page.body) for page in pages) < 1_200_000
    assert len(numbers(pages)) == 40


@pytest.mark.parametrize(("per_10s", "width"), [(1, 8), (160, 8), (167, 9), (1_667, 64), (1_000_000, 64)])
def test_the_pool_is_as_wide_as_the_limit_needs(per_10s: int, width: int) -> None:
    assert width_for(per_10s) == width


@pytest.mark.parametrize("width", [8, 20])
def test_as_many_are_fetched_at_once_as_the_pool_is_wide_and_no_more(width: int) -> None:
    workspace = FakeIntercom(conversations=[conversation(number) for number in range(1, 4 * width + 1)])
    together = threading.Barrier(width)

    def wait(request: httpx.Request) -> None:
        if request.method == "GET":
            together.wait(5)

    workspace.on_request = wait
    assert len(numbers(workspace.read("conversations", width=width))) == 4 * width
    assert workspace.most_at_once <= width


def test_a_late_answer_holds_up_no_other_call_and_changes_no_order() -> None:
    workspace = FakeIntercom(conversations=[conversation(number, AT + number) for number in range(30)])
    others = threading.Event()

    def hold(request: httpx.Request) -> None:
        if request.url.path.endswith("/conversations/0"):
            assert others.wait(5)
        elif len(workspace.fetched) >= 20:
            others.set()

    workspace.on_request = hold
    assert numbers(workspace.read("conversations")) == [str(number) for number in range(30)]


def test_a_killed_read_loses_none_even_if_some_changed_meanwhile() -> None:
    rows = [conversation(number, AT + number // 10) for number in range(1, 301)]  # ten a second
    workspace = FakeIntercom(conversations=rows)
    reading = workspace.connector().read("conversations", FULL)
    landed = [next(reading), next(reading)]
    reading.close()
    for number in (2, 140, 299):
        workspace.conversations[str(number)] = conversation(number, AT + 5000)
    workspace.fetched.clear()
    rest = workspace.read("conversations", resume=landed[-1].cursor)
    assert set(numbers(landed)) | set(numbers(rest)) == {str(number) for number in range(1, 301)}
    assert len(numbers(rest)) == 201  # the 200 that had not landed, and number 2 again
    latest = {
        each["id"]: each["updated_at"]
        for page in landed + rest
        for each in orjson.loads(page.body)["conversations"]
    }
    assert all(latest[str(number)] == AT + 5000 for number in (2, 140, 299))


def test_nothing_more_is_asked_when_nobody_reads_on() -> None:
    workspace = FakeIntercom(conversations=[conversation(number) for number in range(2000)])
    reading = workspace.connector().read("conversations", FULL)
    next(reading)
    reading.close()
    assert len(workspace.fetched) < 150


def test_a_call_that_fails_ends_the_read_without_asking_for_the_rest() -> None:
    workspace = FakeIntercom(conversations=[conversation(number, AT + number) for number in range(2000)])
    workspace.on_request = lambda request: (
        httpx.Response(503) if request.url.path.endswith("/conversations/60") else None
    )
    landed = []
    with pytest.raises(RetryLater):
        landed.extend(workspace.connector().read("conversations", FULL))
    reading = workspace.connector().read("conversations", FULL)
    assert numbers([next(reading)]) == [str(number) for number in range(50)]
    with pytest.raises(RetryLater):
        list(reading)
    assert len(workspace.fetched) < 300


def test_a_conversation_deleted_meanwhile_does_not_stop_the_others() -> None:
    workspace = FakeIntercom(conversations=[conversation(number) for number in range(1, 4)])

    def delete(request: httpx.Request) -> None:
        if request.url.path.endswith("/conversations/2"):
            workspace.conversations.pop("2", None)

    workspace.on_request = delete
    assert numbers(workspace.read("conversations")) == ["1", "3"]


def test_when_nothing_changed_one_empty_page_says_so() -> None:
    (page,) = FakeIntercom().read("conversations", Window(NOON, NOON + DAY))
    assert (page.count, page.cursor, page.total, page.given) == (0, None, 0, 0)
    assert orjson.loads(page.body) == {"conversations": []}


def test_conversations_that_the_search_counts_and_does_not_list_are_told() -> None:
    said = {"conversations": [{"id": "1", "updated_at": AT}], "total_count": 3, "pages": {}}
    whole = {"id": "1", "conversation_parts": {"conversation_parts": [], "total_count": 0}}
    handler, _ = answering(httpx.Response(200, json=said), httpx.Response(200, json=whole))
    (page,) = Intercom(transport_to(handler)).read("conversations", FULL)
    assert page.warning == "conversations: Intercom counts 3 records and gave 1"


# What is known


def test_an_increment_fetches_what_moved_and_skips_what_only_shares_its_day() -> None:
    rows = [conversation(number, AT - 3600 - number) for number in range(1, 101)]
    workspace = FakeIntercom(conversations=rows)
    known = marks(workspace)
    workspace.conversations["7"] = conversation(7, AT + 60, parts=2)
    pages = workspace.read("conversations", Window(NOON, NOON + DAY), known=lambda: known)
    assert numbers(pages) == ["7"]
    assert workspace.fetched == ["7"]


def test_a_second_change_within_the_second_of_the_last_read_is_not_skipped() -> None:
    # Read in the middle of its second; the next window begins at that read, so its mark proves nothing.
    workspace = FakeIntercom(conversations=[conversation(1, AT, parts=2), conversation(2, AT - 1)])
    known = marks(workspace)
    assert numbers(workspace.read("conversations", Window(NOON, NOON + DAY), known=lambda: known)) == ["1"]
    # Nor in a sweep, which does not know when the last read was: the newest that is known tells.
    workspace.conversations["3"] = conversation(3, OLD)
    known = marks(workspace)
    pages = workspace.read("conversations", Window(None, NOON + 90 * DAY), known=lambda: known)
    assert numbers(pages) == ["2", "1"]
    assert unchanged(pages) == {"3"}


def test_a_sweep_fetches_what_is_new_moved_or_unsettled_and_names_the_rest() -> None:
    rows = [conversation(number, OLD + number) for number in range(1, 201)]
    rows += [conversation(201, AT)]
    workspace = FakeIntercom(conversations=rows)
    workspace.conversations["5"]["state"] = "open"
    workspace.conversations["6"]["state"] = "snoozed"
    known = marks(workspace, "7")  # one that was never read
    workspace.conversations["8"] = conversation(8, OLD + 5000)
    pages = workspace.read("conversations", known=lambda: known)
    assert set(numbers(pages)) == {"5", "6", "7", "8", "201"}
    assert unchanged(pages) == set(workspace.conversations) - {"5", "6", "7", "8", "201"}
    assert counts(pages) == (201, 201)


def test_a_sweep_that_is_resumed_goes_on_in_the_middle_of_a_page_of_the_search() -> None:
    rows = [conversation(number, OLD + number) for number in range(1, 301)]
    workspace = FakeIntercom(conversations=[*rows, conversation(301, AT)])
    known = {number: mark for number, mark in marks(workspace).items() if int(number) > 200}
    whole = workspace.read("conversations", known=lambda: known)
    assert unchanged(whole) == {str(number) for number in range(201, 301)}
    for number, page in enumerate(whole[:-1], start=1):
        workspace.requests.clear()
        rest = workspace.read("conversations", resume=page.cursor, known=lambda: known)
        assert numbers(rest) == numbers(whole[number:])
        assert unchanged(rest) == {str(number) for number in range(201, 301)}
        assert counts(rest) == (301, 301)
    assert len([each for each in workspace.requests if each.method == "POST"]) == 2  # not page 1 again


def test_a_conversation_that_is_gone_is_neither_read_nor_named() -> None:
    workspace = FakeIntercom(conversations=[conversation(number, OLD) for number in range(1, 6)])
    known = {**marks(workspace), "99": str(OLD)}
    pages = workspace.read("conversations", known=lambda: known)
    assert "99" not in {*numbers(pages), *unchanged(pages)}


def test_a_record_that_the_search_repeats_is_fetched_once() -> None:
    workspace = FakeIntercom(conversations=[conversation(number, AT + number) for number in range(20)])

    def repeat(request: httpx.Request) -> httpx.Response | None:
        if request.method != "POST":
            return None
        rows = [{"id": str(number), "updated_at": AT + number} for number in (*range(20), 3, 19)]
        return httpx.Response(200, json={"conversations": rows, "total_count": 20, "pages": {}})

    workspace.on_request = repeat
    pages = workspace.read("conversations")
    assert len(workspace.fetched) == 20
    assert counts(pages) == (20, 20)


# Parts


def test_missing_parts_are_told_by_the_list_s_own_count() -> None:
    pages = FakeIntercom(conversations=[conversation(1, parts=640)]).read("conversations")
    assert pages[0].warning == "conversation 1: Intercom counts 640 parts and gave 500 (500 at most)"
    assert (
        len(orjson.loads(pages[0].body)["conversations"][0]["conversation_parts"]["conversation_parts"])
        == 500
    )


def test_missing_parts_are_told_by_the_statistics_too() -> None:
    pages = FakeIntercom(conversations=[conversation(1, parts=3, counted=5)]).read("conversations")
    assert pages[0].warning == "conversation 1: Intercom counts 5 parts and gave 3 (500 at most)"


@pytest.mark.parametrize("counted", [None, 3, 0])
def test_parts_that_are_all_there_raise_no_alarm(counted: int | None) -> None:
    pages = FakeIntercom(conversations=[conversation(1, parts=3, counted=counted)]).read("conversations")
    assert pages[0].warning is None


def test_many_short_conversations_make_one_readable_sentence() -> None:
    rows = [conversation(number, AT + number, parts=1, counted=2) for number in range(30)]
    (page,) = FakeIntercom(conversations=rows).read("conversations")
    assert page.warning is not None
    assert page.warning.startswith("conversation 0: Intercom counts 2 parts and gave 1 (500 at most); ")
    assert page.warning.endswith("; 25 more conversations came short")


def test_a_conversation_without_the_field_of_its_parts_stops_the_read() -> None:
    workspace = FakeIntercom(conversations=[{"id": "1", "updated_at": AT, "state": "closed"}])
    with pytest.raises(UnexpectedData, match="without its parts"):
        workspace.read("conversations")


def test_a_refused_search_stops_the_read() -> None:
    handler, _ = answering(problem(400, "parameter_invalid"))
    with pytest.raises(UnexpectedData, match="POST /conversations/search"):
        list(Intercom(transport_to(handler)).read("conversations", FULL))
