"""Records that real accounts gave, through landing, raw and staging: nothing may be lost on the way."""

import json
import os
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors import hubspot, intercom, mailchimp
from playbook.loader import load_playbook
from warehouse.build import build
from warehouse.landing import Landing
from warehouse.raw import merge
from warehouse.status import SourceStatus, record_status, source_statuses
from warehouse.store import Store

ROOT = Path(__file__).parents[2]
RECORDS = Path(os.environ.get("TENFOLD_SHARED", ROOT.parent / "shared")) / "realdata/api-records"
FILES = {"hubspot": "records", "intercom": "expected_records", "mailchimp": "expected_records"}
RESOURCES = {"hubspot": hubspot.RESOURCES, "intercom": intercom.RESOURCES, "mailchimp": mailchimp.RESOURCES}
UNTIL = datetime(2026, 11, 16, 7, tzinfo=UTC)
# The files name streams as the tool that collected them does; some of its streams have another key.
RESOURCE_OF = {("mailchimp", "list_members"): "members"}
OTHER_KEYS = {
    ("hubspot", "contact_lists"): "$.listId",
    ("hubspot", "contacts_list_memberships"): "$.canonical-vid+$.static-list-id",
    ("hubspot", "deal_pipelines"): "$.pipelineId",
    ("hubspot", "property_history"): "$.property+$.timestamp",
    ("hubspot", "subscription_changes"): "$.normalizedEmailId+$.timestamp",
    ("mailchimp", "unsubscribes"): "$.campaign_id+$.email_id",
}
# Of the resources that we read: where a row of staging is a record.
STAGED = {
    ("hubspot", "companies"): "hubspot_company",
    ("hubspot", "contacts"): "hubspot_contact",
    ("hubspot", "deals"): "hubspot_deal",
    ("hubspot", "tickets"): "hubspot_ticket",
    ("hubspot", "owners"): "hubspot_owner",
    ("intercom", "contacts"): "intercom_contact",
    ("intercom", "companies"): "intercom_company",
    ("intercom", "conversations"): "intercom_conversation",
    ("intercom", "admins"): "intercom_admin",
    ("intercom", "teams"): "intercom_team",
    ("intercom", "tags"): "intercom_tag",
    ("mailchimp", "lists"): "mailchimp_list",
    ("mailchimp", "members"): "mailchimp_member",
    ("mailchimp", "campaigns"): "mailchimp_campaign",
    ("mailchimp", "reports"): "mailchimp_report",
    ("mailchimp", "tags"): "mailchimp_tag",
    ("mailchimp", "email_activity"): "mailchimp_email_activity",
}
pytestmark = pytest.mark.skipif(
    not RECORDS.is_dir(), reason=f"no realdata/api-records in {RECORDS.parents[1]}"
)


def real_records(source: str) -> dict[str, list[dict[str, Any]]]:
    found = defaultdict(list)
    for line in (RECORDS / source / f"{FILES[source]}.jsonl").read_text().splitlines():
        if line.strip():
            entry = json.loads(line)
            found[entry["stream"]].append(entry["data"])
    return found


def key_of(source: str, stream: str, resource: str) -> str:
    known = RESOURCES[source].get(resource)
    return OTHER_KEYS.get((source, stream)) or (known.key if known else "$.id")


@pytest.mark.parametrize("source", sorted(FILES))
def test_every_real_record_arrives_as_it_was(tmp_path: Path, source: str) -> None:
    store = Store(tmp_path)
    loaded = {}
    for stream, records in real_records(source).items():
        resource = RESOURCE_OF.get((source, stream), stream)
        with Landing(tmp_path, clock=lambda: UNTIL).open(source, resource, None, UNTIL) as run:
            run.append(json.dumps({"records": records}).encode(), len(records), None)
            run.complete()
        outcome = merge(store, run, records="$.records", key=key_of(source, stream, resource))
        assert (outcome.seen, outcome.added, outcome.rejected) == (len(records), len(records), 0), stream
        loaded[resource] = records
        with store.read() as con:
            bodies = con.execute(f"select body from raw.{source}_{resource} order by received_seq").fetchall()
        assert [json.loads(body) for (body,) in bodies] == records
    record_status(store, SourceStatus(source, "complete", finished_at=UNTIL, good_until=UNTIL))
    build(store, tmp_path, load_playbook(), UNTIL)
    assert source_statuses(store)[source].state == "complete", source_statuses(store)[source].reason
    with store.read() as con:
        for (named, resource), table in STAGED.items():
            if named == source and resource in loaded:
                rows = con.execute(f"select count(*) from staging.{table}").fetchone()
                assert rows == (len(loaded[resource]),), table
        assert con.execute("select * from quality.rejected").fetchall() == []


@pytest.mark.parametrize("name", ["contacts", "deals", "tickets", "line_items", "engagements_calls"])
def test_real_hubspot_pages_land_and_merge_as_they_were(tmp_path: Path, name: str) -> None:
    body = (RECORDS / "hubspot" / f"{name}.json").read_bytes()
    records = json.loads(body)["results"]
    with Landing(tmp_path).open("hubspot", name, None, UNTIL) as run:
        run.append(body, len(records), None)
        run.complete()
    key = "$.engagement.id" if "engagement" in records[0] else "$.id"
    store = Store(tmp_path)
    assert merge(store, run, records="$.results", key=key).added == len(records)
    with store.read() as con:
        bodies = con.execute(f"select body from raw.hubspot_{name}").fetchall()
    assert [json.loads(text) for (text,) in bodies] == records
