"""Limits that a test can lower, and what is counted when they are exceeded."""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from sandbox.limits import OFF, VENDOR
from sandbox.world import World
from tests.sandbox.test_hubspot_api import CONTACTS
from tests.sandbox.worlds import ROOT, Bench, start, stop

USAGE = "/account-info/2026-03/api-usage/daily/private-apps"


def test_the_day_s_quota_ends_for_reads_and_searches_until_midnight_of_the_company(
    open_world: Callable[..., World],
) -> None:
    evening = datetime(2026, 3, 10, 22, 30, tzinfo=UTC)  # 23:30 in Madrid
    bench = Bench(open_world(clock=evening), replace(OFF, hubspot_per_day=5))
    for _ in range(2):
        assert bench.hubspot.get(CONTACTS).status_code == 200
        assert bench.hubspot.post(f"{CONTACTS}/search", json={}).status_code == 200
    answer = bench.hubspot.get(USAGE)
    usage = answer.json()["results"][0]
    assert (usage["usageLimit"], usage["currentUsage"], usage["resetsAt"]) == (5, 5, "2026-03-10T23:00:00Z")
    assert answer.headers["X-HubSpot-RateLimit-Daily-Remaining"] == "0"
    for refused in (bench.hubspot.get(CONTACTS), bench.hubspot.post(f"{CONTACTS}/search", json={})):
        assert refused.status_code == 429
        assert refused.json()["policyName"] == "DAILY"
        assert refused.json()["errorType"] == "RATE_LIMIT"
        assert refused.json()["message"] == "You have reached your daily limit."
    assert bench.violations.as_json()["hubspot"]["daily"] == 2
    bench.world.advance(evening + timedelta(minutes=29, seconds=59))
    assert bench.hubspot.get(CONTACTS).status_code == 429
    bench.world.advance(evening + timedelta(minutes=30))
    assert bench.hubspot.get(CONTACTS).status_code == 200


def test_a_day_is_over_after_24_hours_even_where_the_clock_stands_still(
    open_world: Callable[..., World],
) -> None:
    bench = Bench(open_world(), replace(OFF, hubspot_per_day=1))
    bench.seconds = 86_400 * 10
    assert bench.hubspot.get(CONTACTS).status_code == 200
    assert bench.hubspot.get(CONTACTS).status_code == 429
    bench.seconds += 86_400
    assert bench.hubspot.get(CONTACTS).status_code == 200


def test_opening_a_second_scroll_is_a_violation(bench: Bench) -> None:
    mine = Bench(bench.world, VENDOR)
    assert mine.intercom.get("/companies/scroll").status_code == 200
    assert mine.violations.as_json()["intercom"]["scroll"] == 0
    assert mine.intercom.get("/companies/scroll").status_code == 400
    assert mine.violations.as_json()["intercom"]["scroll"] == 1
    mine.seconds += 61
    assert mine.intercom.get("/companies/scroll").status_code == 200
    assert mine.violations.as_json()["intercom"]["scroll"] == 1


def test_a_limit_is_lowered_by_name_when_the_sandbox_starts(tmp_path: Path) -> None:
    served = start(
        tmp_path / "home", "--limits", "off", "--limit", "hubspot_per_day=2", "--limit", "intercom_per_10s=1"
    )
    try:
        said = served.said["hubspot"]
        headers = {"Authorization": f"Bearer {said['token']}"}
        with httpx.Client(base_url=said["base_url"], headers=headers, trust_env=False) as hubspot:
            statuses = [hubspot.get("/crm/v3/owners").status_code for _ in range(3)]
        assert statuses == [200, 200, 429]
        assert served.control.get("/violations").json()["hubspot"]["daily"] == 1
    finally:
        stop(served)


def test_a_limit_that_there_is_not_is_wrong_use(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "sandbox",
        "serve",
        "--home",
        str(tmp_path),
        "--limit",
        "hubspot_per_year=1",
    ]
    refused = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "hubspot_per_day" in refused.stderr
