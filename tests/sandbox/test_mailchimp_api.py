"""Mailchimp's traps: a set that drifts under an offset, consent that an API cannot give, ten connections."""

import asyncio
import base64
import hashlib
from datetime import timedelta
from typing import Any

import httpx
import pytest

from sandbox.faults import Fault
from sandbox.limits import VENDOR
from sandbox.wire import read_request
from tests.sandbox.worlds import CLOCK, TOKEN, Bench


def audience(mailchimp: httpx.Client) -> dict[str, Any]:
    (one,) = mailchimp.get("/lists").json()["lists"]
    found: dict[str, Any] = one
    return found


def members(mailchimp: httpx.Client, **params: str) -> dict[str, Any]:
    path = f"/lists/{audience(mailchimp)['id']}/members"
    answer = mailchimp.get(path, params={"count": "1000", **params})
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def place_of(mailchimp: httpx.Client, email: str) -> str:
    number = hashlib.md5(email.lower().encode(), usedforsecurity=False).hexdigest()
    return f"/lists/{audience(mailchimp)['id']}/members/{number}"


def test_ten_is_the_default_and_a_thousand_the_most(bench: Bench) -> None:
    path = f"/lists/{audience(bench.mailchimp)['id']}/members"
    page = bench.mailchimp.get(path).json()
    assert len(page["members"]) == 10 < page["total_items"]
    refused = bench.mailchimp.get(path, params={"count": "1001"})
    assert (refused.status_code, refused.headers["content-type"]) == (
        400,
        "application/problem+json; charset=utf-8",
    )
    assert refused.json()["errors"][0]["field"] == "count"


def test_a_member_edited_between_two_pages_makes_another_one_missed(fresh: Bench) -> None:
    mailchimp = fresh.mailchimp
    everyone = {each["id"] for each in members(mailchimp)["members"]}
    fresh.world.advance(CLOCK + timedelta(hours=1))
    # The walk goes by time of change; an edit moves its member to the end, and the rest closes up.
    params = {"sort_field": "last_changed", "count": "20"}
    seen = [each["id"] for each in members(mailchimp, **params)["members"]]
    path = f"/lists/{audience(mailchimp)['id']}/members/{seen[0]}"
    assert mailchimp.patch(path, json={"vip": True}).status_code == 200
    offset = 20
    while rows := members(mailchimp, **params, offset=str(offset))["members"]:
        seen += [each["id"] for each in rows]
        offset += 20
    assert len(everyone - set(seen)) == 1
    assert seen[-1] == seen[0]


def test_the_statuses_add_up_and_archived_ones_are_only_there_when_asked_for(fresh: Bench) -> None:
    mailchimp = fresh.mailchimp
    someone = members(mailchimp, status="subscribed")["members"][0]
    assert mailchimp.delete(place_of(mailchimp, someone["email_address"])).status_code == 204
    count = {
        status: members(mailchimp, status=status)["total_items"]
        for status in ("subscribed", "unsubscribed", "cleaned", "archived")
    }
    assert count["archived"] == 1
    assert members(mailchimp)["total_items"] == sum(count.values()) - 1
    stats = audience(mailchimp)["stats"]
    assert stats["member_count"] == count["subscribed"]
    assert (stats["unsubscribe_count"], stats["cleaned_count"]) == (count["unsubscribed"], count["cleaned"])


def test_windows_of_change_are_open_at_both_ends(bench: Bench) -> None:
    rows = members(bench.mailchimp, sort_field="last_changed")["members"]
    changed = [each["last_changed"] for each in rows]
    low, high = changed[5], changed[-5]
    found = members(bench.mailchimp, since_last_changed=low, before_last_changed=high)["members"]
    assert {each["id"] for each in found} == {
        each["id"] for each in rows if low < each["last_changed"] < high
    }
    unescaped = bench.mailchimp.get(
        f"/lists/{audience(bench.mailchimp)['id']}/members?since_last_changed=2026-01-01T00:00:00+00:00"
    )
    assert unescaped.status_code == 400


def test_fields_and_exclude_fields_cut_the_answer(bench: Bench) -> None:
    slim = members(bench.mailchimp, fields="members.id,members.stats.avg_open_rate,total_items", count="2")
    assert slim.keys() == {"members", "total_items"}
    assert slim["members"][0].keys() == {"id", "stats"}
    assert slim["members"][0]["stats"].keys() == {"avg_open_rate"}
    rest = members(bench.mailchimp, exclude_fields="members._links,_links", count="2")
    assert "_links" not in rest
    assert "_links" not in rest["members"][0]
    assert rest["members"][0]["merge_fields"].keys() == {"FNAME", "LNAME", "COMPANY"}


def test_consent_that_a_person_took_back_cannot_be_given_by_an_api(fresh: Bench) -> None:
    mailchimp = fresh.mailchimp
    for status in ("unsubscribed", "cleaned"):
        gone = members(mailchimp, status=status)["members"][0]
        path = place_of(mailchimp, gone["email_address"])
        body = {"email_address": gone["email_address"], "status": "subscribed", "status_if_new": "subscribed"}
        for answer in (mailchimp.put(path, json=body), mailchimp.patch(path, json={"status": "subscribed"})):
            assert (answer.status_code, answer.json()["title"]) == (400, "Member In Compliance State")
        without_status = {"email_address": gone["email_address"], "status_if_new": "subscribed"}
        assert mailchimp.put(path, json=without_status).json()["status"] == status
        assert mailchimp.patch(path, json={"status": "pending"}).json()["status"] == "pending"


def test_one_deleted_for_good_stays_away(fresh: Bench) -> None:
    mailchimp = fresh.mailchimp
    email = members(mailchimp, status="subscribed")["members"][0]["email_address"]
    path = place_of(mailchimp, email)
    assert mailchimp.post(f"{path}/actions/delete-permanent").status_code == 204
    assert mailchimp.get(path).status_code == 404
    again = mailchimp.put(path, json={"email_address": email, "status_if_new": "subscribed"})
    assert again.json()["title"] == "Forgotten Email Not Subscribed"


def test_an_empty_change_answers_204_without_a_body(fresh: Bench) -> None:
    email = members(fresh.mailchimp)["members"][0]["email_address"]
    path = f"{place_of(fresh.mailchimp, email)}/tags"
    tags = {"tags": [{"name": f"t{number}", "status": "active"} for number in range(60)]}
    for _ in range(2):
        answer = fresh.mailchimp.post(path, json=tags)
        assert (answer.status_code, answer.content) == (204, b"")
    member = fresh.mailchimp.get(place_of(fresh.mailchimp, email)).json()
    assert (len(member["tags"]), member["tags_count"] >= 60) == (50, True)
    off = {"tags": [{"name": "t0", "status": "inactive"}]}
    assert fresh.mailchimp.post(path, json=off).status_code == 204
    names = [each["name"] for each in fresh.mailchimp.get(path, params={"count": 100}).json()["tags"]]
    assert "t0" not in names
    assert "t1" in names


def test_rates_are_fractions_in_reports_and_percents_in_lists(bench: Bench) -> None:
    reports = bench.mailchimp.get("/reports", params={"count": 100}).json()["reports"]
    opens = sum(each["opens"]["unique_opens"] for each in reports)
    sent = sum(each["emails_sent"] for each in reports)
    assert 0 < max(each["opens"]["open_rate"] for each in reports) < 1
    assert audience(bench.mailchimp)["stats"]["open_rate"] == pytest.approx(100 * opens / sent)


def test_activity_since_an_instant_leaves_out_what_came_before(bench: Bench) -> None:
    campaign = bench.mailchimp.get("/campaigns").json()["campaigns"][-1]["id"]
    path = f"/reports/{campaign}/email-activity"
    everything = bench.mailchimp.get(path, params={"count": 1000}).json()["emails"]
    stamps = sorted(row["timestamp"] for each in everything for row in each["activity"])
    since = stamps[len(stamps) // 2]
    later = bench.mailchimp.get(path, params={"count": 1000, "since": since}).json()
    shown = sorted(row["timestamp"] for each in later["emails"] for row in each["activity"])
    assert shown == [stamp for stamp in stamps if stamp > since]
    assert later["total_items"] == len(later["emails"]) < len(everything)


def test_a_throttled_403_has_no_body(fresh: Bench) -> None:
    fresh.world.faults.add([Fault("bare_403", vendor="mailchimp", status=403, times=1)])
    answer = fresh.mailchimp.get("/ping")
    assert (answer.status_code, answer.content) == (403, b"")
    assert fresh.mailchimp.get("/ping").status_code == 200


def test_the_eleventh_request_at_once_is_refused_and_counted(bench: Bench) -> None:
    limited = Bench(bench.world, VENDOR)
    server = limited.mailchimp_app.vendor
    request = _request()
    assert server.turn_away(request, 10) is None
    refused = server.turn_away(request, 11)
    assert refused is not None
    assert refused.status == 429
    assert limited.violations.as_json()["mailchimp"]["connections"] == 1


def _request() -> Any:
    secret = base64.b64encode(f"x:{TOKEN}".encode())

    async def receive() -> dict[str, Any]:
        return {"body": b""}

    scope = {
        "method": "GET",
        "path": "/3.0/ping",
        "query_string": b"",
        "headers": [(b"authorization", b"Basic " + secret)],
    }
    return asyncio.run(read_request(scope, receive))
