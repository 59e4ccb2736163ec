"""Mailchimp's own Python client, pointed at the sandbox."""

import hashlib
import json
from typing import Any

import mailchimp_marketing
import pytest
from mailchimp_marketing.api_client import ApiClientError

from tests.sandbox.worlds import Served


@pytest.fixture(scope="module")
def account(served: Served) -> Any:
    client = mailchimp_marketing.Client({"api_key": served.said["mailchimp"]["api_key"]})
    client.api_client.host = served.said["mailchimp"]["base_url"]
    return client


@pytest.fixture(scope="module")
def audience(account: Any) -> str:
    (one,) = account.lists.get_all_lists()["lists"]
    return str(one["id"])


def test_the_account_and_its_lists_answer(account: Any, audience: str) -> None:
    assert account.ping.get() == {"health_status": "Everything's Chimpy!"}
    assert account.root.get_root()["account_name"]
    members = account.lists.get_list_members_info(
        audience, count=1000, sort_field="last_changed", sort_dir="ASC"
    )
    assert len(members["members"]) == members["total_items"] > 20
    changed = [each["last_changed"] for each in members["members"]]
    assert changed == sorted(changed)


def test_a_member_is_set_read_and_tagged(account: Any, audience: str) -> None:
    email = "Sdk.Person@nowhere.example"
    number = hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()
    body = {"email_address": email, "status_if_new": "subscribed", "merge_fields": {"FNAME": "Ada"}}
    assert account.lists.set_list_member(audience, number, body)["id"] == number
    again = account.lists.set_list_member(audience, number, {**body, "merge_fields": {"LNAME": "Byron"}})
    assert again["full_name"] == "Ada Byron"
    tags = {"tags": [{"name": "sdk", "status": "active"}], "is_syncing": True}
    assert account.lists.update_list_member_tags(audience, number, tags).status_code == 204
    assert [each["name"] for each in account.lists.get_list_member_tags(audience, number)["tags"]] == ["sdk"]
    assert account.lists.tag_search(audience, name="sdk")["total_items"] == 1
    with pytest.raises(ApiClientError) as exists:
        account.lists.add_list_member(audience, {"email_address": email, "status": "subscribed"})
    assert json.loads(exists.value.text)["title"] == "Member Exists"
    assert account.lists.delete_list_member(audience, number).status_code == 204
    assert account.lists.get_list_member(audience, number)["status"] == "archived"


def test_campaigns_reports_activity_and_automations_agree(account: Any) -> None:
    campaigns = account.campaigns.list(count=100, status="sent")["campaigns"]
    assert campaigns
    for campaign in campaigns:
        report = account.reports.get_campaign_report(campaign["id"])
        emails = account.reports.get_email_activity_for_campaign(campaign["id"], count=1000)
        assert emails["total_items"] == report["emails_sent"] == campaign["emails_sent"]
        openers = sum(any(a["action"] == "open" for a in each["activity"]) for each in emails["emails"])
        bounces = sum(any(a["action"] == "bounce" for a in each["activity"]) for each in emails["emails"])
        assert report["opens"]["unique_opens"] == openers
        assert report["opens"]["open_rate"] == openers / (report["emails_sent"] - bounces)
    assert account.reports.get_all_campaign_reports()["total_items"] == len(campaigns)
    assert account.automations.list()["automations"]


def test_a_wrong_key_and_an_unknown_member_are_problems(served: Served, account: Any, audience: str) -> None:
    with pytest.raises(ApiClientError) as unknown:
        account.lists.get_list_member(audience, "0" * 32)
    assert json.loads(unknown.value.text)["title"] == "Resource Not Found"
    stranger = mailchimp_marketing.Client({"api_key": "wrong-us19"})
    stranger.api_client.host = served.said["mailchimp"]["base_url"]
    with pytest.raises(ApiClientError) as refused:
        stranger.ping.get()
    assert json.loads(refused.value.text)["title"] == "API Key Invalid"
