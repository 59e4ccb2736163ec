"""Reading what recipients did: whole for campaigns that moved, not at all for those at rest."""

from datetime import timedelta

import pytest

from connectors.pages import Window
from tests.connectors.connector_doubles import NOON
from tests.connectors.mailchimp_double import DAY, FakeMailchimp, counts, report, values

CAMPAIGNS = {
    "a-new": report(NOON - DAY),
    "b-still-opened": report(NOON - 90 * DAY, NOON - timedelta(hours=1)),
    "c-at-rest": report(NOON - 90 * DAY, NOON - 60 * DAY),
    "d-unsent": report(None),
}
HALF_A_DAY = Window(NOON - DAY / 2, NOON)


def test_everything_is_read_at_first() -> None:
    pages = FakeMailchimp(campaigns=CAMPAIGNS).read("email_activity")
    found = list(
        zip(values(pages, "emails", "campaign_id"), values(pages, "emails", "email_id"), strict=True)
    )
    assert set(found) == {(campaign, str(each)) for campaign in CAMPAIGNS for each in range(1500)}
    assert len(found) == len(set(found))
    assert counts(pages) == (6000, 6000)


def test_an_increment_reads_whole_what_moved() -> None:
    pages = FakeMailchimp(campaigns=CAMPAIGNS).read("email_activity", HALF_A_DAY)
    found = values(pages, "emails", "campaign_id")
    assert (found.count("a-new"), found.count("b-still-opened"), len(found)) == (1500, 1500, 3000)
    assert counts(pages) == (3000, 3000)


def test_activity_goes_on_after_the_last_page_that_landed() -> None:
    whole = FakeMailchimp(campaigns=CAMPAIGNS).read("email_activity")
    assert len(whole) == 8
    for number, page in enumerate(whole[:-1], start=1):
        rest = FakeMailchimp(campaigns=CAMPAIGNS).read("email_activity", resume=page.cursor)
        assert [each.body for each in rest] == [each.body for each in whole[number:]]
        assert counts(rest) == (6000, 6000)


def test_a_place_inside_a_campaign_that_is_gone_since_is_no_place_inside_the_next() -> None:
    first = FakeMailchimp(campaigns=CAMPAIGNS).read("email_activity")[0]
    account = FakeMailchimp(campaigns={name: each for name, each in CAMPAIGNS.items() if name != "a-new"})
    rest = account.read("email_activity", resume=first.cursor)
    assert len(values(rest, "emails", "email_id")) == 4500


def test_recipients_who_leave_the_list_meanwhile_hide_no_other() -> None:
    account = FakeMailchimp(campaigns={"a-new": CAMPAIGNS["a-new"]}, recipients=2500)

    def shrink(request: int) -> None:
        if request == 3:
            account.recipients = 2400

    account.on_request = shrink
    pages = account.read("email_activity")
    assert set(values(pages, "emails", "email_id")) >= {str(each) for each in range(2400)}
    assert pages[-1].warning is None


@pytest.mark.parametrize("window", [HALF_A_DAY])
def test_without_anything_moved_there_is_nothing_to_read(window: Window) -> None:
    account = FakeMailchimp(campaigns={"c-at-rest": CAMPAIGNS["c-at-rest"]})
    assert account.read("email_activity", window) == []
