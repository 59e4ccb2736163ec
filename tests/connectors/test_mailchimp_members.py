"""Reading members past everything that moves: offsets, ties, disorder, edits, statuses, edges of time."""

import threading
from collections import Counter
from datetime import timedelta

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.errors import UnexpectedData
from connectors.mailchimp import Mailchimp
from connectors.mailchimp_members import members
from connectors.mailchimp_paths import STATUSES
from connectors.pages import Page, Window, state_of
from tests.connectors.connector_doubles import NOON, transport_to
from tests.connectors.mailchimp_double import DAY, FULL, FakeMailchimp, counts, member, stamp, values

SECOND = timedelta(seconds=1)
SPREAD = [member(number, NOON - DAY + number // 3 * SECOND) for number in range(2500)]
TIED = [member(number, NOON - DAY) for number in range(2500)]
MIXED = [*TIED, *(member(number, NOON - DAY / 2) for number in range(2500, 2600))]
# Whole pages in neighbouring seconds, a tie at the very start and one at the very end.
NEIGHBOURS = [member(number, NOON - DAY + number // 1200 * SECOND) for number in range(4000)]
SETS = {"spread": SPREAD, "tied": TIED, "mixed": MIXED, "neighbours": NEIGHBOURS, "none": []}
WINDOWS = [FULL, Window(NOON - 2 * DAY, NOON)]


def contacts(pages: list[Page]) -> list[str]:
    return values(pages, "members", "contact_id")


def everyone(made: list[dict]) -> set[str]:
    return {each["contact_id"] for each in made}


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("window", WINDOWS, ids=["sweep", "increment"])
@pytest.mark.parametrize("inclusive", [False, True], ids=["open edges", "closed edges"])
def test_every_member_arrives_whatever_mailchimp_takes_an_edge_for(
    name: str, window: Window, inclusive: bool
) -> None:
    made = SETS[name]
    account = FakeMailchimp(made, inclusive=inclusive)
    pages = account.read("members", window)
    assert set(contacts(pages)) == everyone(made)
    assert [page.warning for page in pages] == [None] * len(pages)
    assert counts(pages) == (len(made), len(made))
    assert len(account.requests) < 40


FEW = {
    "spread": [member(number, NOON - DAY + number // 3 * SECOND) for number in range(250)],
    "tied": [member(number, NOON - DAY) for number in range(250)],
    "neighbours": [member(number, NOON - DAY + number // 120 * SECOND) for number in range(400)],
}


@pytest.mark.parametrize("name", FEW)
@pytest.mark.parametrize("inclusive", [False, True], ids=["open edges", "closed edges"])
def test_members_arrive_though_no_page_is_in_order_or_are_told_as_missing(name: str, inclusive: bool) -> None:
    account = FakeMailchimp(FEW[name], inclusive=inclusive, disorder=True)
    pages = list(members(transport_to(account), FULL, {}, 100))
    missing = len(everyone(FEW[name]) - set(contacts(pages)))
    if name == "spread":
        assert missing == 0
    # Within one second only the offset is left, and over a set that is shuffled it proves nothing.
    assert counts(pages) == (len(FEW[name]), len(FEW[name]) - missing)
    assert any(page.warning for page in pages) == (missing > 0)


def test_reading_25_000_members_of_one_second_costs_hardly_more_than_their_pages() -> None:
    account = FakeMailchimp([member(number, NOON - DAY) for number in range(25_000)])
    pages = account.read("members")
    assert set(contacts(pages)) == everyone(account.members)
    assert len(account.requests) < 40


@pytest.mark.parametrize("request_number", range(2, 8))
@pytest.mark.parametrize("name", ["spread", "tied", "mixed", "neighbours"])
def test_members_that_change_meanwhile_push_no_other_out_of_the_read(name: str, request_number: int) -> None:
    account = FakeMailchimp(SETS[name])

    def edit(request: int) -> None:
        if request == request_number:
            for each in account.members[:200]:
                each["last_changed"] = stamp(NOON)

    account.on_request = edit
    pages = account.read("members")
    assert set(contacts(pages)) == everyone(account.members)
    assert [page.warning for page in pages] == [None] * len(pages)


def test_a_second_whose_members_never_hold_still_is_told_and_not_taken_for_complete() -> None:
    account = FakeMailchimp(TIED)

    def edit(request: int) -> None:
        account.members[request % 2000]["last_changed"] = stamp(NOON)

    account.on_request = edit
    pages = account.read("members")
    assert any("may have been missed" in (page.warning or "") for page in pages)


def test_members_of_every_status_in_every_audience_are_asked_for() -> None:
    made = [
        member(number, NOON - DAY, status, audience)
        for number, (status, audience) in enumerate((s, a) for s in STATUSES for a in ("L1", "L2"))
    ]
    pages = FakeMailchimp(made).read("members")
    assert Counter(values(pages, "members", "status")) == dict.fromkeys(STATUSES, 2)
    assert counts(pages) == (12, 12)


def test_each_status_is_read_from_its_own_beginning() -> None:
    old = [member(9000 + number, NOON - 30 * DAY, "cleaned") for number in range(3)]
    pages = FakeMailchimp([*SPREAD, *old]).read("members")
    assert set(contacts(pages)) == everyone([*SPREAD, *old])


def test_a_member_who_unsubscribes_meanwhile_comes_in_one_status_at_least() -> None:
    account = FakeMailchimp([member(number, NOON - DAY) for number in range(10)])

    def leave(request: int) -> None:
        if request == 3:  # the subscribed ones were read, the unsubscribed are next
            account.members[4].update(status="unsubscribed", last_changed=stamp(NOON))

    account.on_request = leave
    pages = account.read("members")
    assert ("unsubscribed", account.members[4]["contact_id"]) in zip(
        values(pages, "members", "status"), contacts(pages), strict=True
    )
    assert [page.warning for page in pages] == [None] * len(pages)


def test_an_increment_asks_from_a_little_before_the_last_read() -> None:
    account = FakeMailchimp([member(1, NOON - timedelta(minutes=4)), member(2, NOON - DAY)])
    assert contacts(account.read("members", Window(NOON, NOON + DAY))) == [f"{1:032x}"]


def test_the_plus_sign_of_a_time_reaches_mailchimp_as_one() -> None:
    seen: list[bytes] = []
    account = FakeMailchimp([member(1, NOON)])

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.query)
        return account(request)

    list(Mailchimp(transport_to(handle)).read("members", Window(NOON, NOON + DAY)))
    asked = [query for query in seen if b"since_last_changed" in query]
    assert len(asked) == len(STATUSES)
    assert all(b"since_last_changed=2026-03-10T11%3A55%3A00%2B00%3A00" in query for query in asked)


@pytest.mark.parametrize("name", ["spread", "tied", "mixed", "neighbours"])
def test_members_go_on_after_the_last_page_that_landed(name: str) -> None:
    whole = FakeMailchimp(SETS[name]).read("members")
    assert len(whole) >= 8
    for number, page in enumerate(whole[:-1], start=1):
        rest = FakeMailchimp(SETS[name]).read("members", resume=page.cursor)
        assert set(contacts(whole[:number])) | set(contacts(rest)) == everyone(SETS[name])
        assert rest[-1].cursor is None
        assert [each.warning for each in rest] == [None] * len(rest)


moments = st.lists(st.integers(0, 30), max_size=60)


@settings(max_examples=150, deadline=None)
@given(moments, st.booleans(), st.booleans(), st.data())
def test_no_history_of_edits_and_kills_loses_a_member(
    times: list[int], inclusive: bool, disorder: bool, data: st.DataObject
) -> None:
    """Pages of five, so that ties, spans and edits meet at every place."""
    account = FakeMailchimp(
        [member(number, NOON - DAY + at * SECOND) for number, at in enumerate(times)], inclusive=inclusive
    )
    account.disorder = disorder and len(set(times)) == len(times)  # offsets over shuffled ties prove nothing
    edits = data.draw(st.lists(st.tuples(st.integers(2, 40), st.integers(0, 59)), max_size=8))

    def edit(request: int) -> None:
        for at, number in edits:
            if at == request and number < len(account.members):
                account.members[number]["last_changed"] = stamp(NOON - DAY / 2 + at * SECOND)

    account.on_request = edit
    landed: list[Page] = []
    resume = None
    http = transport_to(account)
    for _ in range(data.draw(st.integers(0, 3))):
        reading = members(http, FULL, state_of(resume), 5)
        for _ in range(data.draw(st.integers(0, 6))):
            page = next(reading, None)
            if page is not None:
                landed.append(page)
        resume = landed[-1].cursor if landed else None
        if landed and resume is None:
            break
    if not landed or resume is not None:
        landed += members(http, FULL, state_of(resume), 5)
    told = any(page.warning for page in landed)
    assert told or set(contacts(landed)) == everyone(account.members)


# Counts


def test_fewer_members_than_mailchimp_counts_are_told() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/lists":
            return httpx.Response(200, json={"lists": [{"id": "L1"}], "total_items": 1})
        return httpx.Response(200, json={"members": [], "total_items": 7})

    pages = list(Mailchimp(transport_to(handle)).read("members", FULL))
    assert "members (subscribed): Mailchimp counts 7 records and gave 0" in {page.warning for page in pages}
    assert (pages[-1].total, pages[-1].given) == (42, 0)


@pytest.mark.parametrize("in_order", [True, False])
def test_a_count_that_is_simply_wrong_ends_the_read_all_the_same(in_order: bool) -> None:
    rows = [member(number, NOON - DAY - number * SECOND) for number in range(3)]
    said = {"members": rows[::-1] if in_order else rows, "total_items": 7}
    account = FakeMailchimp()
    account.on_request = lambda request: httpx.Response(200, json=said) if request > 1 else None
    pages = account.read("members")
    assert "members (subscribed): Mailchimp counts 7 records and gave 3" in {page.warning for page in pages}
    assert pages[-1].cursor is None


def test_an_audience_s_own_count_is_held_against_what_came_in_a_sweep() -> None:
    account = FakeMailchimp([member(number, NOON - DAY, "cleaned") for number in range(3)])
    account.stats = {"member_count": 0, "unsubscribe_count": 0, "cleaned_count": 5}
    pages = account.read("members")
    assert [page.warning for page in pages if page.warning] == [
        "members (cleaned): Mailchimp counts 5 records and gave 3"
    ]
    assert counts(pages) == (5, 3)
    assert [
        page.warning for page in account.read("members", Window(NOON - 2 * DAY, NOON)) if page.warning
    ] == []


@pytest.mark.parametrize("counted", [0, 2])
def test_an_audience_that_counts_fewer_than_came_raises_no_alarm(counted: int) -> None:
    account = FakeMailchimp([member(number, NOON - DAY) for number in range(3)])
    account.stats = {"member_count": counted, "unsubscribe_count": 0, "cleaned_count": 0}
    assert counts(account.read("members")) == (3, 3)


def test_a_count_that_was_only_late_raises_no_alarm() -> None:
    account = FakeMailchimp([member(number, NOON - DAY) for number in range(3)])
    account.stats = {"member_count": 4}

    def correct(request: int) -> None:
        if request == 2:
            account.stats = None

    account.on_request = correct
    assert [page.warning for page in account.read("members") if page.warning] == []


@pytest.mark.parametrize("body", [{"members": []}, {"total_items": 0}])
def test_a_field_that_vanished_stops_the_read(body: dict) -> None:
    account = FakeMailchimp([member(1, NOON)])
    account.on_request = lambda request: httpx.Response(200, json=body) if request == 2 else None
    with pytest.raises(UnexpectedData, match="format changed"):
        account.read("members")


# One by one


def test_members_asked_by_id_are_found_by_contact_and_by_address_and_carry_their_own_key() -> None:
    account = FakeMailchimp([member(number, NOON - DAY) for number in range(4)])
    wanted = [f"L1+{account.members[0]['contact_id']}", f"L1+{account.members[1]['id']}", "L1+nobody"]
    pages = list(account.connector(width=3).read_ids("members", wanted))
    assert contacts(pages) == [account.members[0]["contact_id"], account.members[1]["contact_id"]]


def test_a_member_with_a_new_address_is_the_same_member() -> None:
    account = FakeMailchimp([member(1, NOON - DAY)])
    (before,) = contacts(account.read("members")[:1])
    account.members[0].update(id="another-hash", email_address="new@example.com", last_changed=stamp(NOON))
    (after,) = contacts(account.read("members")[:1])
    assert before == after


def test_no_more_is_asked_at_once_than_was_allowed() -> None:
    account = FakeMailchimp([member(number, NOON - DAY) for number in range(60)])
    together = threading.Barrier(5)
    account.on_request = lambda _: together.wait(5) and None
    list(account.connector(width=5).read_ids("members", [f"L1+{each['id']}" for each in account.members]))
    assert account.most_at_once == 5
