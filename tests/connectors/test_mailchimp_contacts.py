"""The beta endpoint of contacts: read by cursor where it is offered, quietly left where it is not."""

import httpx
import pytest

from connectors.errors import NotPermitted, UnexpectedData
from connectors.mailchimp import Mailchimp
from connectors.pages import Window
from tests.connectors.connector_doubles import NOON, transport_to
from tests.connectors.mailchimp_double import DAY, FULL, FakeMailchimp, member, problem, stamp, values

MANY = [member(number, NOON - DAY) for number in range(2500)]


def test_every_contact_of_every_audience_arrives() -> None:
    account = FakeMailchimp([*MANY, member(9000, NOON, audience="L2")], offers_contacts=True)
    pages = account.read("audience_contacts")
    assert len(values(pages, "contacts")) == 2501
    assert {*values(pages, "contacts", "audience_id")} == {"L1", "L2"}
    assert [page.cursor is None for page in pages] == [False] * (len(pages) - 1) + [True]
    assert pages[-1].given == 2501


def test_an_edit_meanwhile_moves_nothing_out_of_sight() -> None:
    account = FakeMailchimp(MANY, offers_contacts=True)

    def edit(request: int) -> None:
        if request == 3:
            for each in account.members[:100]:
                each["last_changed"] = stamp(NOON)

    account.on_request = edit
    assert set(values(account.read("audience_contacts"), "contacts")) == {each["contact_id"] for each in MANY}


def test_contacts_go_on_after_the_last_page_that_landed() -> None:
    account = FakeMailchimp([*MANY, member(9000, NOON, audience="L2")], offers_contacts=True)
    whole = account.read("audience_contacts")
    for number, page in enumerate(whole[:-1], start=1):
        rest = account.read("audience_contacts", resume=page.cursor)
        assert [each.body for each in rest] == [each.body for each in whole[number:]]


def test_an_increment_asks_from_a_little_before_the_last_read() -> None:
    account = FakeMailchimp([member(1, NOON), member(2, NOON - DAY)], offers_contacts=True)
    pages = account.read("audience_contacts", Window(NOON, NOON + DAY))
    assert values(pages, "contacts") == [f"{1:032x}"]


@pytest.mark.parametrize("status", [404, 403])
def test_an_account_that_is_not_offered_the_beta_has_nothing_to_read_there(status: int) -> None:
    account = FakeMailchimp(MANY)
    account.on_request = lambda number: problem(status, "Not here") if number == 2 else None
    assert account.read("audience_contacts") == []
    assert len(account.requests) == 2  # asked once


def test_a_beta_that_was_withdrawn_makes_nothing_gone() -> None:
    account = FakeMailchimp(MANY[:3])
    with pytest.raises(NotPermitted, match="not offered to this account any more"):
        list(account.connector().read_ids("audience_contacts", [f"L1+{MANY[0]['contact_id']}"]))


def test_a_cursor_that_does_not_move_stops_the_read() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/lists":
            return httpx.Response(200, json={"lists": [{"id": "L1"}], "total_items": 1})
        return httpx.Response(200, json={"contacts": [{"id": "1"}], "next_cursor": "x"})

    with pytest.raises(UnexpectedData, match="same page"):
        list(Mailchimp(transport_to(handle)).read("audience_contacts", FULL))


def test_a_contact_is_asked_by_its_id() -> None:
    account = FakeMailchimp(MANY[:2], offers_contacts=True)
    wanted = [f"L1+{MANY[1]['contact_id']}", "L1+gone"]
    assert values(list(account.connector().read_ids("audience_contacts", wanted)), "contacts") == [
        MANY[1]["contact_id"]
    ]
