"""Reading ActiveCampaign as it is declared: by rising ids, past blips, and never more than may be asked."""

from datetime import timedelta
from pathlib import Path

import httpx
import orjson
import pytest

from connectors import activecampaign
from connectors.errors import NotPermitted
from connectors.pages import Access, Page, Window
from tests.connectors.activecampaign_double import (
    FakeActiveCampaign,
    account,
    asked,
    contact,
    deal,
    settings_for,
)
from tests.connectors.connector_doubles import NOON

ALL = Window(None, NOON)
HOUR = timedelta(hours=1)


def ids(pages: list[Page], resource: str) -> list[int]:
    return [int(each["id"]) for page in pages for each in orjson.loads(page.body)[resource]]


def test_contacts_come_by_rising_ids_and_none_is_pushed_out_by_a_deleted_one(tmp_path: Path) -> None:
    fake = FakeActiveCampaign(contacts=[contact(number) for number in range(1, 251)])
    fake.before = lambda number: fake.objects["contacts"].pop(0) if number == 2 else None
    with account(fake, tmp_path) as made:
        pages = list(made.read("contacts", ALL))
    assert ids(pages, "contacts") == list(range(1, 251))
    assert [params.get("id_greater") for params in asked(fake, "contacts")][:4] == [None, "100", "200", "250"]
    assert all(params["limit"] == "100" for params in asked(fake, "contacts")[:4])
    assert pages[-1].warning is None


def test_an_increment_asks_for_what_changed_since(tmp_path: Path) -> None:
    fake = FakeActiveCampaign(contacts=[contact(1, NOON - 3 * HOUR), contact(2, NOON - HOUR)])
    with account(fake, tmp_path) as made:
        pages = list(made.read("contacts", Window(NOON - 2 * HOUR, NOON)))
    assert ids(pages, "contacts") == [2]
    assert asked(fake, "contacts")[0]["filters[updated_after]"] == "2026-03-10T10:00:00Z"
    assert (pages[-1].total, pages[-1].given) == (1, 1)


@pytest.mark.parametrize("resource", ["lists", "deals"])
def test_lists_and_deals_come_whole_by_offset(resource: str, tmp_path: Path) -> None:
    fake = FakeActiveCampaign(**{resource: [deal(number) for number in range(1, 231)]})
    with account(fake, tmp_path) as made:
        pages = list(made.read(resource, Window(NOON - HOUR, NOON)))
    assert sorted(set(ids(pages, resource))) == list(range(1, 231))
    assert [params["offset"] for params in asked(fake, resource)] == ["0", "99", "198"]
    assert (pages[-1].total, pages[-1].given) == (230, 230)


def test_a_wait_that_is_asked_for_is_kept(tmp_path: Path) -> None:
    fake, waits = FakeActiveCampaign(contacts=[contact(1)]), []
    fake.answers = [httpx.Response(429, headers={"Retry-After": "0.2", "RateLimit-Remaining": "0"})]
    with account(fake, tmp_path, waits) as made:
        assert ids(list(made.read("contacts", ALL)), "contacts") == [1]
    assert len(waits) == 1
    assert 0.2 <= waits[0] <= 0.23


def test_a_403_now_and_then_is_asked_again(tmp_path: Path) -> None:
    fake = FakeActiveCampaign(contacts=[contact(1)])
    fake.answers = [httpx.Response(403, json={"message": "no"}), httpx.Response(403)]
    with account(fake, tmp_path) as made:
        assert ids(list(made.read("contacts", ALL)), "contacts") == [1]


def test_a_403_that_stays_is_a_missing_right(tmp_path: Path) -> None:
    fake = FakeActiveCampaign()
    fake.forbidden = {"deals"}
    with account(fake, tmp_path) as made:
        with pytest.raises(NotPermitted, match="activecampaign: GET /deals answered 403: not permitted"):
            list(made.read("deals", ALL))
        assert len(asked(fake, "deals")) == 3
        assert {probe.what: probe.status for probe in made.probe()} == {
            "account": "ok",
            "contacts": "ok",
            "lists": "ok",
            "deals": "not_permitted",
        }


def test_one_contact_comes_as_in_the_list_and_one_that_is_gone_comes_not(tmp_path: Path) -> None:
    fake = FakeActiveCampaign(contacts=[contact(1), contact(2)])
    with account(fake, tmp_path) as made:
        pages = list(made.read_ids("contacts", ["2", "9"]))
    assert [orjson.loads(page.body) for page in pages] == [{"contacts": [contact(2)]}]


def test_the_account_is_told_by_its_address_because_user_ids_are_small_numbers(tmp_path: Path) -> None:
    with account(FakeActiveCampaign(), tmp_path) as made:
        assert made.identity().account_id == "127.0.0.1"


@pytest.mark.parametrize("written", ["https://acme.test", "https://acme.test/", "https://acme.test/api/3"])
def test_the_address_may_be_written_with_or_without_its_version(written: str, tmp_path: Path) -> None:
    made = activecampaign.SOURCE.connect(Access(settings_for(written), tmp_path))
    assert made is not None
    assert made._http._base == "https://acme.test/api/3"
    made.close()
