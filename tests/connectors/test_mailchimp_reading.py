"""Reading Mailchimp past offset drift, status by status, and only the activity that moved."""

from collections.abc import Callable
from datetime import datetime, timedelta

import httpx
import orjson
import pytest

from connectors.errors import FixConfig, UnexpectedData
from connectors.mailchimp import STATUSES, Mailchimp, base_url
from connectors.pages import Page, Window
from tests.connectors.connector_doubles import NOON, answering, transport_to

FULL = Window(None, NOON)
DAY = timedelta(days=1)


def member(number: int, changed: datetime, status: str = "subscribed") -> dict:
    return {
        "id": f"{number:032x}",
        "list_id": "L1",
        "status": status,
        "last_changed": changed.isoformat(timespec="seconds"),
    }


class FakeMailchimp:
    """One account whose lists are paged by offset over the living set, as Mailchimp does it."""

    def __init__(self, members: list[dict] = (), campaigns: dict[str, dict] | None = None) -> None:
        self.members = list(members)
        self.campaigns = campaigns or {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.on_request: Callable[[int], None] = lambda _: None

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path, params = request.url.path, dict(request.url.params)
        self.requests.append((path, params))
        self.on_request(len(self.requests))
        if path == "/lists/L1/members":
            found = [each for each in self.members if each["status"] == params["status"]]
            if "since_last_changed" in params:
                since = datetime.fromisoformat(params["since_last_changed"])
                found = [each for each in found if datetime.fromisoformat(each["last_changed"]) > since]
            assert (params["sort_field"], params["sort_dir"]) == ("last_changed", "ASC")
            found.sort(key=lambda each: (each["last_changed"], each["id"]))
            return self._slice("members", found, params)
        if path == "/reports":
            return self._slice(
                "reports", [{"id": key, **each} for key, each in self.campaigns.items()], params
            )
        if path.endswith("/email-activity"):
            campaign = path.split("/")[2]
            rows = [{"campaign_id": campaign, "email_id": str(each), "activity": []} for each in range(1500)]
            return self._slice("emails", rows, params)
        if path == "/lists/L1/tag-search":
            return self._slice("tags", [{"id": 1, "name": "new"}], params)
        return self._slice("lists", [{"id": "L1"}], params)

    def _slice(self, field: str, rows: list[dict], params: dict[str, str]) -> httpx.Response:
        count, offset = int(params["count"]), int(params["offset"])
        assert count <= 1000
        return httpx.Response(200, json={field: rows[offset : offset + count], "total_items": len(rows)})


def read(account: object, resource: str, window: Window = FULL, resume: str | None = None) -> list[Page]:
    return list(Mailchimp(transport_to(account)).read(resource, window, resume))


def ids(pages: list[Page], field: str, key: str = "id") -> list[str]:
    return [each[key] for page in pages for each in orjson.loads(page.body)[field]]


SPREAD = [member(number, NOON - DAY + timedelta(seconds=number // 3)) for number in range(2500)]
TIED = [member(number, NOON - DAY) for number in range(2500)]
MIXED = [*TIED, *(member(number, NOON - DAY / 2) for number in range(2500, 2600))]


@pytest.mark.parametrize("members", [SPREAD, TIED, MIXED, []], ids=["spread", "tied", "mixed", "none"])
@pytest.mark.parametrize("window", [FULL, Window(NOON - 2 * DAY, NOON)], ids=["full", "increment"])
def test_every_member_arrives(members: list[dict], window: Window) -> None:
    pages = read(FakeMailchimp(members), "members", window)
    assert set(ids(pages, "members")) == {each["id"] for each in members}
    assert all(page.warning is None for page in pages)
    assert [page.cursor is None for page in pages] == [False] * (len(pages) - 1) + [True]


def test_a_member_that_changes_meanwhile_pushes_no_other_out_of_the_read() -> None:
    account = FakeMailchimp(SPREAD)
    account.members = [dict(each) for each in SPREAD]

    def edit(request: int) -> None:
        if request == 3:  # the first page of a thousand is out, the second not yet
            for each in account.members[:200]:
                each["last_changed"] = NOON.isoformat()

    account.on_request = edit
    assert set(ids(read(account, "members"), "members")) == {each["id"] for each in SPREAD}


def test_members_of_every_status_are_asked_for() -> None:
    everyone = [member(number, NOON - DAY, status) for number, status in enumerate(STATUSES)]
    assert set(ids(read(FakeMailchimp(everyone), "members"), "members", "status")) == set(STATUSES)


def test_each_status_is_read_from_its_own_beginning() -> None:
    old = [member(9000 + number, NOON - 30 * DAY, "cleaned") for number in range(3)]
    account = FakeMailchimp([*SPREAD, *old])
    assert set(ids(read(account, "members"), "members")) == {each["id"] for each in [*SPREAD, *old]}


def test_an_increment_asks_from_a_little_before_the_last_read() -> None:
    account = FakeMailchimp([member(1, NOON - timedelta(minutes=4)), member(2, NOON - DAY)])
    assert ids(read(account, "members", Window(NOON, NOON + DAY)), "members") == [f"{1:032x}"]


@pytest.mark.parametrize("members", [SPREAD, TIED])
def test_members_go_on_after_the_last_page_that_landed(members: list[dict]) -> None:
    whole = read(FakeMailchimp(members), "members")
    assert len(whole) > 2
    for number, page in enumerate(whole[:-1], start=1):
        rest = read(FakeMailchimp(members), "members", resume=page.cursor)
        assert [each.body for each in rest] == [each.body for each in whole[number:]]


def test_fewer_members_than_mailchimp_counts_are_told() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/lists":
            return httpx.Response(200, json={"lists": [{"id": "L1"}], "total_items": 1})
        return httpx.Response(200, json={"members": [], "total_items": 7})

    assert read(handle, "members")[0].warning == "members (subscribed): Mailchimp counts 7 records and gave 0"


@pytest.mark.parametrize("body", [{"members": []}, {"total_items": 0}])
def test_a_field_that_vanished_stops_the_read(body: dict) -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/lists":
            return httpx.Response(200, json={"lists": [{"id": "L1"}], "total_items": 1})
        return httpx.Response(200, json=body)

    with pytest.raises(UnexpectedData, match="format changed"):
        read(handle, "members")


def report(sent: datetime, opened: datetime | None = None) -> dict:
    return {
        "send_time": sent.isoformat(),
        "opens": {"last_open": opened.isoformat() if opened else ""},
        "clicks": {"last_click": ""},
    }


CAMPAIGNS = {
    "a-new": report(NOON - DAY),
    "b-still-opened": report(NOON - 90 * DAY, NOON - timedelta(hours=1)),
    "c-at-rest": report(NOON - 90 * DAY, NOON - 60 * DAY),
    "d-unsent": {"send_time": "", "opens": {}, "clicks": {}},
}


def test_activity_is_read_whole_and_in_an_increment_only_where_something_moved() -> None:
    assert set(
        ids(read(FakeMailchimp(campaigns=CAMPAIGNS), "email_activity"), "emails", "campaign_id")
    ) == set(CAMPAIGNS)
    pages = read(FakeMailchimp(campaigns=CAMPAIGNS), "email_activity", Window(NOON - DAY / 2, NOON))
    found = ids(pages, "emails", "campaign_id")
    assert (found.count("a-new"), found.count("b-still-opened"), len(found)) == (1500, 1500, 3000)
    assert pages[-1].cursor is None


def test_activity_goes_on_after_the_last_page_that_landed() -> None:
    whole = read(FakeMailchimp(campaigns=CAMPAIGNS), "email_activity")
    assert len(whole) > 2
    for number, page in enumerate(whole[:-1], start=1):
        rest = read(FakeMailchimp(campaigns=CAMPAIGNS), "email_activity", resume=page.cursor)
        assert [each.body for each in rest] == [each.body for each in whole[number:]]


def test_reports_of_the_last_thirty_days_are_read_again() -> None:
    account = FakeMailchimp(campaigns=CAMPAIGNS)
    read(account, "reports", Window(NOON - DAY, NOON))
    ((_, params),) = account.requests
    assert params["since_send_time"] == "2026-02-08T12:00:00+00:00"


def test_tags_are_read_for_each_audience() -> None:
    assert ids(read(FakeMailchimp(), "tags"), "tags") == [1]


def test_a_bulky_field_is_left_out() -> None:
    account = FakeMailchimp(campaigns=CAMPAIGNS)
    read(account, "lists")
    assert account.requests[0][1]["exclude_fields"] == "_links,lists._links"


def test_the_key_names_the_data_centre() -> None:
    assert base_url("0123456789abcdef-us19") == "https://us19.api.mailchimp.com/3.0"
    with pytest.raises(FixConfig, match="data centre") as caught:
        base_url("0123456789abcdef")
    assert "0123" not in str(caught.value)


def test_the_identity_is_the_account() -> None:
    said = {"account_id": "acc", "account_name": "Tenfold", "account_timezone": "Europe/Madrid"}
    handler, _ = answering(httpx.Response(200, json=said))
    assert Mailchimp(transport_to(handler)).identity().account_id == "acc"
