"""The sync against the sandbox's servers, as a process of its own: what it holds is what arrives.

What it holds is asked here with plain httpx and each vendor's simplest paging, not with our connectors.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from connectors.errors import FixConfig, RetryLater, UnexpectedData
from connectors.mailchimp import authorization
from settings import AccountingSettings, HubSpotSettings, IntercomSettings, MailchimpSettings, Settings
from tasks.sync import SyncReport, build_connectors, sync_source
from tests.connectors.connector_doubles import quick
from warehouse.landing import Landing
from warehouse.status import source_statuses
from warehouse.store import Store

ROOT = Path(__file__).parents[2]
RAISED = 1_000_000


class Sandbox:
    """A running sandbox and a home that is synced from it."""

    def __init__(self, said: dict[str, Any], home: Path) -> None:
        self.said = said
        self.home = home
        self.control = httpx.Client(base_url=said["control"]["base_url"])
        hubspot, intercom, mailchimp = (said[name] for name in ("hubspot", "intercom", "mailchimp"))
        self.settings = Settings(
            _env_file=None,
            hubspot=HubSpotSettings(
                token=SecretStr(hubspot["token"]),
                base_url=hubspot["base_url"],
                requests_per_10s=RAISED,
                searches_per_second=RAISED,
            ),
            intercom=IntercomSettings(
                token=SecretStr(intercom["token"]), base_url=intercom["base_url"], requests_per_10s=RAISED
            ),
            mailchimp=MailchimpSettings(
                api_key=SecretStr(mailchimp["api_key"]), base_url=mailchimp["base_url"]
            ),
            accounting=AccountingSettings(),
        )
        bearer = {"Authorization": f"Bearer {hubspot['token']}"}
        self.hubspot = httpx.Client(base_url=hubspot["base_url"], headers=bearer)
        bearer = {"Authorization": f"Bearer {intercom['token']}", "Intercom-Version": "2.16"}
        self.intercom = httpx.Client(base_url=intercom["base_url"], headers=bearer)
        self.mailchimp = httpx.Client(
            base_url=mailchimp["base_url"], headers=dict(authorization(mailchimp["api_key"]))
        )

    @property
    def clock(self) -> datetime:
        return datetime.fromisoformat(self.control.get("/clock").json()["clock"])

    def sync(self, source: str, home: Path | None = None, **options: object) -> SyncReport:
        home = home or self.home
        made = build_connectors(self.settings, home, quick(attempts=3, timeout=5.0), only=[source])
        try:
            return sync_source(made[source], Landing(home), Store(home), self.clock, **options)
        finally:
            for connector in made.values():
                connector.close()

    def current(self, table: str, home: Path | None = None) -> dict[str, dict]:
        with Store(home or self.home).read() as con:
            if not con.execute(
                "select 1 from duckdb_views where view_name = ?", [f"{table}_current"]
            ).fetchall():
                return {}
            rows = con.execute(f"select key, body from raw.{table}_current").fetchall()
        return {key: json.loads(body) for key, body in rows}

    def fault(self, **fault: object) -> None:
        self.control.post("/faults", json=fault).raise_for_status()

    def heal(self) -> None:
        self.control.delete("/faults").raise_for_status()


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("sandbox")
    command = [sys.executable, "-m", "sandbox", "serve", "--home", str(folder / "world"), "--months", "2"]
    process = subprocess.Popen([*command, "--limits", "off"], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield Sandbox(json.loads(process.stdout.readline()), folder / "home")
    finally:
        process.terminate()
        process.wait(20)
        process.stdout.close()


def hubspot_list(sandbox: Sandbox, kind: str) -> dict[str, dict]:
    found: dict[str, dict] = {}
    for archived in ("false", "true"):
        after = None
        while True:
            params = {"limit": "100", "archived": archived, **({"after": after} if after else {})}
            page = sandbox.hubspot.get(f"/crm/v3/objects/{kind}", params=params).raise_for_status().json()
            found |= {each["id"]: each for each in page["results"]}
            after = page.get("paging", {}).get("next", {}).get("after")
            if after is None:
                break
    return found


def intercom_list(sandbox: Sandbox, path: str, field: str) -> dict[str, dict]:
    found: dict[str, dict] = {}
    after = None
    while True:
        params = {"per_page": "50", **({"starting_after": after} if after else {})}
        page = sandbox.intercom.get(path, params=params).raise_for_status().json()
        found |= {each["id"]: each for each in page[field]}
        following = (page.get("pages") or {}).get("next")
        after = following.get("starting_after") if following else None
        if after is None:
            return found


def mailchimp_list(
    sandbox: Sandbox, path: str, field: str, key: Callable[[dict], str], **params: str
) -> set[str]:
    found: set[str] = set()
    while True:
        asked = {**params, "count": "500", "offset": str(len(found))}
        page = sandbox.mailchimp.get(path, params=asked).raise_for_status().json()
        found |= {key(each) for each in page[field]}
        if len(found) >= page["total_items"]:
            return found


def test_everything_in_hubspot_arrives(sandbox: Sandbox) -> None:
    report = sandbox.sync("hubspot")
    assert (report.state, report.reason) == ("complete", None)
    for kind in ("companies", "contacts", "deals", "tickets", "tasks"):
        held, got = hubspot_list(sandbox, kind), sandbox.current(f"hubspot_{kind}")
        assert got.keys() == held.keys()
        for number, record in held.items():
            assert got[number]["updatedAt"] == record["updatedAt"]
            shared = got[number]["properties"].keys() & record["properties"].keys()
            assert {name: got[number]["properties"][name] for name in shared} == {
                name: record["properties"][name] for name in shared
            }
    links = sandbox.current("hubspot_deal_companies")
    deals = [number for number, deal in hubspot_list(sandbox, "deals").items() if not deal["archived"]]
    assert deals
    for number in deals[:40]:
        answer = sandbox.hubspot.get(f"/crm/v4/objects/deals/{number}/associations/companies").json()
        assert {str(each["toObjectId"]) for each in links[number]["to"]} == {
            str(each["toObjectId"]) for each in answer["results"]
        }


def test_everything_in_intercom_arrives(sandbox: Sandbox) -> None:
    report = sandbox.sync("intercom")
    assert (report.state, report.reason) == ("complete", None)
    for resource, field in (("contacts", "data"), ("conversations", "conversations")):
        held, got = intercom_list(sandbox, f"/{resource}", field), sandbox.current(f"intercom_{resource}")
        assert held
        assert got.keys() == held.keys()
        assert {key: got[key]["updated_at"] for key in held} == {
            key: each["updated_at"] for key, each in held.items()
        }
    some = list(sandbox.current("intercom_conversations").items())[:40]
    for number, kept in some:
        assert sandbox.intercom.get(f"/conversations/{number}").json() == kept
    companies = sandbox.intercom.post("/companies/list", json={"per_page": 50}).json()["total_count"]
    assert len(sandbox.current("intercom_companies")) >= companies > 0
    for resource in ("admins", "teams", "tags", "articles"):
        assert sandbox.current(f"intercom_{resource}")


def test_everything_in_mailchimp_arrives(sandbox: Sandbox) -> None:
    report = sandbox.sync("mailchimp")
    assert (report.state, report.reason) == ("complete", None)
    (audience,) = sandbox.current("mailchimp_lists")
    held: set[str] = set()
    for status in ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived"):
        held |= mailchimp_list(
            sandbox,
            f"/lists/{audience}/members",
            "members",
            lambda each: f"{each['list_id']}+{each['contact_id']}",
            status=status,
        )
    assert held
    assert sandbox.current("mailchimp_members").keys() == held
    for resource in ("campaigns", "reports"):
        listed = mailchimp_list(sandbox, f"/{resource}", resource, lambda each: each["id"])
        assert listed
        assert sandbox.current(f"mailchimp_{resource}").keys() == listed
    activity: set[str] = set()
    for campaign in sandbox.current("mailchimp_reports"):
        activity |= mailchimp_list(
            sandbox,
            f"/reports/{campaign}/email-activity",
            "emails",
            lambda each: f"{each['campaign_id']}+{each['email_id']}",
        )
    assert sandbox.current("mailchimp_email_activity").keys() == activity


@pytest.mark.parametrize("source", ["hubspot", "intercom", "mailchimp"])
def test_a_second_sync_adds_nothing(sandbox: Sandbox, source: str) -> None:
    sandbox.sync(source)
    for full in (False, True):
        again = sandbox.sync(source, full=full)
        assert (again.state, again.rows_added) == ("complete", 0)


def test_an_edit_through_the_api_arrives_with_the_next_increment(sandbox: Sandbox) -> None:
    for source in ("hubspot", "intercom", "mailchimp"):
        sandbox.sync(source)
    company = next(iter(sandbox.current("hubspot_companies")))
    sandbox.hubspot.patch(
        f"/crm/v3/objects/companies/{company}", json={"properties": {"name": "Renamed & Co"}}
    )
    conversation = next(iter(sandbox.current("intercom_conversations")))
    admin = next(iter(sandbox.current("intercom_admins")))
    sandbox.intercom.post(
        f"/conversations/{conversation}/reply",
        json={"message_type": "note", "type": "admin", "admin_id": admin, "body": "Looked into it"},
    ).raise_for_status()
    key = next(iter(sandbox.current("mailchimp_members")))
    audience, member = key.split("+")
    sandbox.mailchimp.patch(
        f"/lists/{audience}/members/{member}", json={"merge_fields": {"FNAME": "Zoraida"}}
    ).raise_for_status()

    assert sandbox.sync("hubspot").rows_added == 1
    assert sandbox.current("hubspot_companies")[company]["properties"]["name"] == "Renamed & Co"
    assert sandbox.sync("intercom").rows_added >= 1
    parts = sandbox.current("intercom_conversations")[conversation]["conversation_parts"][
        "conversation_parts"
    ]
    assert "Looked into it" in parts[-1]["body"]
    assert sandbox.sync("mailchimp").rows_added >= 1
    assert sandbox.current("mailchimp_members")[key]["merge_fields"]["FNAME"] == "Zoraida"


def test_a_merge_between_two_syncs_is_told_by_the_contact_that_stays(sandbox: Sandbox) -> None:
    sandbox.sync("hubspot")
    living = [each for each, row in hubspot_list(sandbox, "contacts").items() if not row["archived"]]
    kept, gone = living[-1], living[-2]
    email = sandbox.current("hubspot_contacts")[gone]["properties"]["email"]
    sandbox.hubspot.post(
        "/crm/v3/objects/contacts/merge", json={"primaryObjectId": kept, "objectIdToMerge": gone}
    ).raise_for_status()

    assert sandbox.sync("hubspot").state == "complete"
    assert gone not in hubspot_list(sandbox, "contacts")
    contacts = sandbox.current("hubspot_contacts")
    assert gone in contacts  # as it was last; raw forgets nobody
    assert gone in contacts[kept]["properties"]["hs_merged_object_ids"].split(";")
    assert email in contacts[kept]["properties"]["hs_additional_emails"].split(";")


FAULTS: list[tuple[str, dict[str, object], type[Exception]]] = [
    ("hubspot", {"kind": "truncate_page", "path": "/crm/objects"}, RetryLater),
    ("hubspot", {"kind": "html_instead_of_json", "path": "/crm/objects"}, UnexpectedData),
    ("hubspot", {"kind": "cut_connection", "path": "/crm/objects"}, RetryLater),
    ("hubspot", {"kind": "status", "status": 401}, FixConfig),
    ("hubspot", {"kind": "status", "status": 429, "path": "/crm/objects"}, RetryLater),
    ("hubspot", {"kind": "status", "status": 500, "path": "/crm/objects"}, RetryLater),
    ("hubspot", {"kind": "lost_field", "field": "results"}, UnexpectedData),
    ("hubspot", {"kind": "lost_field", "field": "id"}, UnexpectedData),
    ("intercom", {"kind": "status", "status": 503, "path": "/conversations"}, RetryLater),
    ("intercom", {"kind": "lost_field", "field": "conversation_parts"}, UnexpectedData),
    ("mailchimp", {"kind": "bare_403", "path": "/3.0/campaigns"}, RetryLater),
    ("mailchimp", {"kind": "truncate_page", "path": "/3.0/campaigns"}, RetryLater),
    ("mailchimp", {"kind": "lost_field", "field": "total_items"}, UnexpectedData),
]


AFFECTED = {"hubspot": "companies", "intercom": "conversations", "mailchimp": "campaigns"}


@pytest.mark.parametrize(("source", "fault", "expected"), FAULTS)
def test_a_fault_is_named_and_loses_nothing(
    sandbox: Sandbox, tmp_path: Path, source: str, fault: dict[str, object], expected: type[Exception]
) -> None:
    resource = AFFECTED[source]
    sandbox.fault(vendor=source, **fault)
    try:
        report = sandbox.sync(source, tmp_path, only=[resource])
    finally:
        sandbox.heal()
    assert report.state == "failed"
    assert type(report.error) is expected
    assert source in (report.reason or "")
    assert sandbox.current(f"{source}_{resource}", tmp_path) == {}
    stored = source_statuses(Store(tmp_path))[source]
    assert (stored.state, stored.reason) == ("failed", report.reason)
    assert sandbox.sync(source, tmp_path, only=[resource]).state == "complete"
    sandbox.sync(source, only=[resource])
    assert sandbox.current(f"{source}_{resource}", tmp_path) == sandbox.current(f"{source}_{resource}")


def test_a_missing_right_is_partial(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.fault(vendor="hubspot", kind="status", status=403, path="/crm/objects/2026-09/tickets")
    try:
        report = sandbox.sync("hubspot", tmp_path)
    finally:
        sandbox.heal()
    assert report.state == "partial"
    assert "tickets" in (report.reason or "")
    assert report.error is None


@pytest.mark.parametrize("kind", ["truncate_page", "cut_connection", "error_rate_5xx", "rate_429"])
def test_a_fault_that_passes_is_not_even_noticed(sandbox: Sandbox, tmp_path: Path, kind: str) -> None:
    sandbox.fault(vendor="hubspot", kind=kind, path="/crm/objects", times=2)
    try:
        assert sandbox.sync("hubspot", tmp_path, only=["companies"]).state == "complete"
    finally:
        sandbox.heal()
