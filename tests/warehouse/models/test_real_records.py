"""Records of real accounts, through the real landing, raw, staging, build and check."""

from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson
from test_staging import STAGED, real_records

from connectors.hubspot_paths import RESOURCES as HUBSPOT
from connectors.intercom import RESOURCES as INTERCOM
from connectors.mailchimp import RESOURCES as MAILCHIMP
from connectors.pages import Resource
from playbook.loader import load_playbook
from warehouse.build import build
from warehouse.landing import Landing
from warehouse.raw import merge
from warehouse.status import SourceStatus, record_status
from warehouse.store import Store

AS_OF = datetime(2026, 11, 16, 7, tzinfo=UTC)
RESOURCES = {"hubspot": HUBSPOT, "intercom": INTERCOM, "mailchimp": MAILCHIMP}


def page(resource: Resource, records: list[dict[str, Any]]) -> list[bytes]:
    """The records as the vendor's answers hold them."""
    if resource.records == "$":
        return [orjson.dumps(record) for record in records]
    return [orjson.dumps({resource.records.removeprefix("$."): records})]


def test_real_records_pass_through_with_nothing_lost(tmp_path: Path) -> None:
    given: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    parts: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for source, stream, record in real_records():
        if stream == "conversation_parts":
            parts[str(record["conversation_id"])].append(record)
        else:
            given[source, {"list_members": "members"}.get(stream, stream)].append(record)
    for record in given["intercom", "conversations"]:
        record["conversation_parts"] = {"conversation_parts": parts[record["id"]]}

    store, landing = Store(tmp_path), Landing(tmp_path)
    for (source, name), records in given.items():
        # Staging may be ahead of its connector.
        resource = RESOURCES[source].get(name) or Resource(source, name, "$.results", "$.id")
        with landing.open(source, name, None, AS_OF) as run:
            for body in page(resource, records):
                run.append(body, 1 if resource.records == "$" else len(records), None)
            run.complete()
            merged = merge(store, run, records=resource.records, key=resource.key, volatile=resource.volatile)
        assert merged.seen == len(records)
        # The pipelines are of an older version, which calls its key pipelineId: named, and not guessed.
        assert merged.rejected == (len(records) if name == "deal_pipelines" else 0)
    for source in RESOURCES:
        record_status(store, SourceStatus(source, "complete", None, AS_OF, AS_OF))
    built = build(store, tmp_path, load_playbook(), AS_OF)

    with store.read() as con:
        for (source, name), records in given.items():
            if name != "deal_pipelines":
                table = STAGED[source, {"members": "list_members"}.get(name, name)]
                assert con.execute(f"select count(*) from staging.{table}").fetchone() == (len(records),), (
                    table
                )
        assert con.execute("select count(*) from staging.intercom_part").fetchone() == (3,)
        held_back = con.execute(
            "select source, state, reason from meta.source_status where state <> 'complete'"
        ).fetchall()
        assert held_back == []
        rejected = con.execute("select distinct source, resource from quality.rejected").fetchall()
        assert rejected == [("hubspot", "deal_pipelines")]
    with duckdb.connect(str(built.path), read_only=True) as con:
        found = con.execute(
            "select count(*), count(*) filter (status = 'not_evaluated') from kpi.value"
        ).fetchone()
        assert found is not None
        assert found[0] > found[1] > 0
