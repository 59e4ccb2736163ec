"""Reading Mailchimp's lists by offset, held against their own count; what one record tells; who the account is."""

from datetime import timedelta

import httpx
import pytest

from connectors.errors import FixConfig, RetryLater, UnexpectedData
from connectors.mailchimp import Mailchimp, base_url
from connectors.mailchimp_lists import everything
from connectors.mailchimp_paths import RESOURCES
from connectors.pages import Window
from tests.connectors.connector_doubles import NOON, answering, transport_to
from tests.connectors.mailchimp_double import (
    DAY,
    FULL,
    FakeMailchimp,
    counts,
    member,
    problem,
    report,
    values,
)

MANY = {f"c{number:04}": report(NOON - DAY) for number in range(2500)}


@pytest.mark.parametrize("resource", ["campaigns", "reports"])
def test_every_campaign_arrives_once(resource: str) -> None:
    pages = FakeMailchimp(campaigns=MANY).read(resource)
    assert values(pages, resource) == list(MANY)
    assert [page.count for page in pages] == [1000, 1000, 500]
    assert counts(pages) == (2500, 2500)


def test_a_list_goes_on_after_the_last_page_that_landed() -> None:
    whole = FakeMailchimp(campaigns=MANY).read("campaigns")
    for number, page in enumerate(whole[:-1], start=1):
        rest = FakeMailchimp(campaigns=MANY).read("campaigns", resume=page.cursor)
        assert [each.body for each in rest] == [each.body for each in whole[number:]]
        assert counts(rest) == (2500, 2500)


@pytest.mark.parametrize("change", ["deleted", "created first"])
def test_a_list_that_shifts_under_the_offset_is_read_again(change: str) -> None:
    account = FakeMailchimp(campaigns=MANY)

    def shift(request: int) -> None:
        if request == 2 and change == "deleted":
            account.campaigns = dict(list(account.campaigns.items())[3:])
        elif request == 2:
            account.campaigns = {"new": report(NOON), **account.campaigns}

    account.on_request = shift
    pages = account.read("campaigns")
    assert set(values(pages, "campaigns")) >= set(account.campaigns)
    assert [page.warning for page in pages] == [None] * len(pages)
    assert pages[-1].given == pages[-1].total == len(account.campaigns)


def test_a_list_of_ids_that_shifts_meanwhile_is_read_again_too() -> None:
    account = FakeMailchimp(campaigns=MANY)

    def shift(request: int) -> None:
        if request == 2:
            account.campaigns = dict(list(account.campaigns.items())[3:])

    account.on_request = shift
    found = {row["id"] for row in everything(transport_to(account), "/reports", "reports")}
    assert found == set(account.campaigns)


def test_a_list_that_stays_short_is_told() -> None:
    said = {"campaigns": [{"id": "1"}], "total_items": 5}
    handler, _ = answering(httpx.Response(200, json=said))
    pages = list(Mailchimp(transport_to(handler)).read("campaigns", FULL))
    assert pages[-1].warning == "campaigns: Mailchimp counts 5 records and gave 1"
    assert len(pages) < 30


def test_reports_of_the_last_thirty_days_are_read_again() -> None:
    account = FakeMailchimp(campaigns=MANY)
    account.read("reports", Window(NOON - DAY, NOON))
    assert account.requests[0][1]["since_send_time"] == "2026-02-08T12:00:00+00:00"


def test_tags_are_read_for_each_audience() -> None:
    account = FakeMailchimp([member(1, NOON), member(2, NOON, audience="L2")])
    pages = account.read("tags")
    assert [path for path, _ in account.requests[1:]] == ["/lists/L1/tag-search", "/lists/L2/tag-search"]
    assert counts(pages) == (2, 2)


def test_the_mails_of_every_automation_are_read() -> None:
    account = FakeMailchimp()
    pages = account.read("automation_emails")
    assert list(zip(values(pages, "emails", "workflow_id"), values(pages, "emails"), strict=True)) == [
        ("a1", "m1"),
        ("a1", "m2"),
        ("a2", "m3"),
    ]
    assert counts(pages) == (3, 3)
    assert account.read("automation_emails", resume=pages[0].cursor)[0].body == pages[1].body


def test_without_automations_there_is_nothing_to_read() -> None:
    account = FakeMailchimp()
    account.automations = {}
    assert account.read("automation_emails") == []


def test_an_audience_that_the_list_counts_and_does_not_give_stops_what_is_read_by_audience() -> None:
    handler, _ = answering(httpx.Response(200, json={"lists": [{"id": "L1"}], "total_items": 2}))
    with pytest.raises(RetryLater, match="lists: Mailchimp counts 2 records and gave 1"):
        list(Mailchimp(transport_to(handler)).read("members", FULL))


@pytest.mark.parametrize("resource", RESOURCES)
def test_the_links_that_come_with_every_record_are_never_asked_for(resource: str) -> None:
    account = FakeMailchimp([member(1, NOON)], campaigns={"c1": report(NOON)}, offers_contacts=True)
    account.read(resource)
    assert account.requests
    for _, asked in account.requests:
        if "fields" in asked:
            assert "_links" not in asked["fields"]
        else:
            names = asked["exclude_fields"].split(",")
            assert "_links" in names
            assert any(name.endswith("._links") for name in names)


def test_a_field_that_vanished_stops_the_read() -> None:
    for body in ({"campaigns": []}, {"total_items": 0}):
        handler, _ = answering(httpx.Response(200, json=body))
        with pytest.raises(UnexpectedData, match="format changed"):
            list(Mailchimp(transport_to(handler)).read("campaigns", FULL))


@pytest.mark.parametrize(
    ("resource", "field"), [("campaigns", "campaigns"), ("reports", "reports"), ("lists", "lists")]
)
def test_records_asked_by_id_come_as_they_are_now_and_those_that_are_gone_in_no_page(
    resource: str, field: str
) -> None:
    account = FakeMailchimp(campaigns={"L1": report(NOON)})
    account.on_request = lambda _: None
    (page,) = account.connector().read_ids(resource, ["gone", "L1"] if resource != "lists" else ["L1"])
    assert values([page], field) == ["L1"]
    assert page.cursor is None


def test_a_record_with_two_keys_is_asked_by_both() -> None:
    handler, seen = answering(httpx.Response(200, json={"id": "m1", "workflow_id": "a1"}))
    list(Mailchimp(transport_to(handler)).read_ids("automation_emails", ["a1+m1"]))
    assert seen[0].url.path == "/automations/a1/emails/m1"


def test_the_key_names_the_data_centre() -> None:
    assert base_url("0123456789abcdef-us19") == "https://us19.api.mailchimp.com/3.0"
    with pytest.raises(FixConfig, match="data centre") as caught:
        base_url("0123456789abcdef")
    assert "0123" not in str(caught.value)


def test_the_identity_is_the_account() -> None:
    said = {"account_id": "acc", "account_name": "Tenfold", "account_timezone": "Europe/Madrid"}
    handler, _ = answering(httpx.Response(200, json=said))
    assert Mailchimp(transport_to(handler)).identity().account_id == "acc"


def test_probes_name_each_kind_of_data() -> None:
    def handle(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/automations":
            return problem(403, "Forbidden")
        return httpx.Response(200, json={})

    found = {probe.what: probe.status for probe in Mailchimp(transport_to(handle)).probe()}
    assert found == {
        "account": "ok",
        "lists": "ok",
        "campaigns": "ok",
        "reports": "ok",
        "automations": "not_permitted",
    }


def test_a_list_whose_end_comes_slowly_is_no_reason_to_wait_for_ever() -> None:
    account = FakeMailchimp(campaigns=MANY)
    account.on_request = lambda _: account.campaigns.pop(next(iter(account.campaigns))) and None
    pages = account.read("campaigns", Window(NOON - timedelta(hours=1), NOON))
    assert pages[-1].cursor is None
    assert len(account.requests) == 9
