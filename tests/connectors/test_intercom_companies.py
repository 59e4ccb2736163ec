"""Scrolling companies: one scroll a workspace, whose place moves with every call, heard or not."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx
import pytest

from connectors.errors import RetryLater, UnexpectedData
from connectors.pages import Page
from tests.connectors.intercom_double import FULL, FakeIntercom, company, counts, ids, problem

EVERY = [company(number) for number in range(350)]
IDLE = timedelta(seconds=61)


def is_scroll(request: httpx.Request) -> bool:
    return request.url.path == "/companies/scroll"


class Workspace(FakeIntercom):
    """A workspace that grows older by what its client waits."""

    def scroll(self) -> list[Page]:
        self.waits: list[float] = []
        connector = self.connector(waits=self.waits)
        wait = connector._http.wait

        def pass_time(seconds: float) -> None:
            wait(seconds)
            self.seconds += seconds

        connector._http.wait = pass_time
        return list(connector.read("companies", FULL))

    def scrolls(self) -> list[str | None]:
        return [each.url.params.get("scroll_param") for each in self.requests if is_scroll(each)]

    def on_scroll(self, number: int, outcome: object) -> None:
        """Answer the `number`th call of a scroll so; an exception comes after the work was done."""

        def act(request: httpx.Request) -> object:
            if not is_scroll(request) or len(self.scrolls()) != number:
                return None
            if isinstance(outcome, Exception):
                self._scrolled(request.url.params.get("scroll_param"))
            return outcome() if callable(outcome) else outcome

        self.on_request = act


def test_companies_are_scrolled_to_the_empty_end() -> None:
    workspace = Workspace(companies=EVERY)
    pages = workspace.scroll()
    assert ids(pages) == [each["id"] for each in EVERY]
    assert workspace.scrolls() == [None, "s1", "s1", "s1", "s1"]
    assert [page.count for page in pages] == [100, 100, 100, 50]
    assert counts(pages) == (350, 350)


def test_a_workspace_without_companies_gives_one_empty_page() -> None:
    (page,) = Workspace().scroll()
    assert (page.count, page.cursor, page.given) == (0, None, 0)


LOST = [httpx.ReadTimeout("slow"), httpx.RemoteProtocolError("cut off")]


@pytest.mark.parametrize("lost", LOST, ids=["timeout", "cut"])
@pytest.mark.parametrize("number", [1, 2, 4, 5])
def test_a_page_whose_answer_was_lost_is_not_missing_in_silence(number: int, lost: Exception) -> None:
    workspace = Workspace(companies=EVERY)
    workspace.on_scroll(number, lost)
    pages = workspace.scroll()
    assert set(ids(pages)) == {each["id"] for each in EVERY}
    assert workspace.scrolls().count(None) >= 2  # it began again, rather than ask once more
    assert counts(pages) == (350, 350)


def test_a_server_fault_within_a_scroll_begins_it_again_after_the_old_one_was_forgotten() -> None:
    workspace = Workspace(companies=EVERY)
    workspace.on_scroll(3, httpx.Response(500))
    pages = workspace.scroll()
    assert set(ids(pages)) == {each["id"] for each in EVERY}
    assert workspace.waits == [60.0]


def test_a_scroll_that_was_forgotten_begins_again_at_once() -> None:
    workspace = Workspace(companies=EVERY)

    def forget() -> None:
        workspace.seconds += 61

    workspace.on_scroll(3, forget)
    assert set(ids(workspace.scroll())) == {each["id"] for each in EVERY}
    assert workspace.waits == []


def test_too_many_requests_only_slow_a_scroll_down() -> None:
    workspace = Workspace(companies=EVERY)
    workspace.on_scroll(3, problem(429, "rate_limit_exceeded"))
    assert ids(workspace.scroll()) == [each["id"] for each in EVERY]
    assert workspace.scrolls().count(None) == 1


def test_somebody_else_s_scroll_is_waited_out() -> None:
    workspace = Workspace(companies=EVERY)
    workspace._scrolled(None)
    assert ids(workspace.scroll()) == [each["id"] for each in EVERY]
    assert workspace.waits == [60.0]


def test_a_scroll_held_by_another_program_is_left_for_later() -> None:
    workspace = Workspace(companies=EVERY)
    workspace.on_request = lambda request: problem(400, "scroll_exists") if is_scroll(request) else None
    with pytest.raises(RetryLater, match="held elsewhere") as caught:
        workspace.scroll()
    assert caught.value.retry_after == 60
    assert len(workspace.scrolls()) == 3


def test_a_scroll_that_keeps_breaking_off_ends_no_read() -> None:
    workspace = Workspace(companies=EVERY)
    workspace.on_request = lambda request: (
        problem(404, "not_found") if is_scroll(request) and request.url.params else None
    )
    landed: list[Page] = []

    def forget(seconds: float) -> None:
        workspace.seconds += seconds + 61

    connector = workspace.connector()
    connector._http.wait = forget
    with pytest.raises(RetryLater, match="breaking off"):
        landed.extend(connector.read("companies", FULL))
    assert all(page.cursor is not None for page in landed)


def test_a_scroll_that_stands_still_is_stopped() -> None:
    same = {"data": [company(1)], "scroll_param": "s1"}
    workspace = Workspace(companies=EVERY)
    workspace.on_request = lambda request: httpx.Response(200, json=same) if is_scroll(request) else None
    with pytest.raises(UnexpectedData, match="same page"):
        workspace.scroll()


def test_companies_that_the_list_counts_and_the_scroll_does_not_bring_are_told() -> None:
    workspace = Workspace(companies=EVERY)
    workspace.on_request = lambda request: (
        httpx.Response(200, json={"data": [], "total_count": 360}) if not is_scroll(request) else None
    )
    pages = workspace.scroll()
    assert pages[-1].warning == "companies: Intercom counts 360 records and gave 350"
    assert counts(pages) == (360, 350)


def test_companies_without_people_come_too_though_the_list_hides_them() -> None:
    workspace = Workspace(companies=[*EVERY, company(999, people=0)])
    pages = workspace.scroll()
    assert "k0999" in ids(pages)
    assert pages[-1].warning is None


def test_the_lock_is_held_from_before_the_scroll_until_its_end_also_by_a_read_that_is_given_up() -> None:
    workspace = Workspace(companies=EVERY)
    held: list[bool] = []

    @contextmanager
    def lock() -> Iterator[None]:
        assert workspace.requests == []
        held.append(True)
        try:
            yield
        finally:
            held.pop()

    reading = workspace.connector(scroll_lock=lock).read("companies", FULL)
    next(reading)
    assert held == [True]
    reading.close()
    assert held == []


def test_a_resumed_read_scrolls_from_the_start() -> None:
    workspace = Workspace(companies=EVERY)
    first = workspace.scroll()[0]
    assert len(ids(workspace.read("companies", resume=first.cursor))) == 350
