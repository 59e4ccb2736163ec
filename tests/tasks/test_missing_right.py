"""A right that is missing, given and taken away again: from the read to the figures and to what people are told."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pytest

from connectors.errors import NotPermitted
from connectors.hubspot_paths import RESOURCES
from connectors.pages import Identity, Known, Page, Probe, Window, nothing_known
from playbook.loader import load_playbook
from settings import Settings
from tasks.alert_rules import Facts, SourceState, evaluate
from tasks.doctor import examine
from tasks.sync import sync_source
from warehouse.build import build
from warehouse.landing import Landing
from warehouse.status import source_statuses
from warehouse.store import Store

JULY, AUGUST, SEPTEMBER = (datetime(2026, month, 3, 7, tzinfo=UTC) for month in (7, 8, 9))
NO_RIGHT = "hubspot: HTTP 403 at GET /crm/objects/tickets; give the key the scope tickets."
NAMES = (
    "companies", "contacts", "deals", "tickets", "owners", "deal_pipelines", "ticket_pipelines", "deal_companies",
    "contact_companies", "ticket_companies",
)  # fmt: skip


def record(key: str, **properties: str) -> dict[str, Any]:
    made = "2026-01-02T08:00:00Z"
    return {"id": key, "createdAt": made, "updatedAt": made, "archived": False, "properties": properties}


def link(key: str, to: str) -> dict[str, Any]:
    return {
        "from": {"id": key},
        "to": [{"toObjectId": to, "associationTypes": [{"typeId": 5, "label": "Primary"}]}],
    }


RECORDS: dict[str, list[dict[str, Any]]] = {
    "companies": [record("1", name="Sol")],
    "deals": [
        record(
            "11",
            amount="100",
            hs_is_closed_won="true",
            tenfold_billing_interval="month",
            tenfold_start_at="2026-01-10T09:00:00Z",
        )
    ],
    "tickets": [
        record(
            "71",
            hs_pipeline="9",
            tenfold_requested_at="2026-05-10T08:00:00Z",
            tenfold_first_delivered_at="2026-05-10T09:00:00Z",
            tenfold_errors_reported="0",
        )
    ],
    "ticket_pipelines": [{"id": "9", "label": "Deliverables", "stages": [], "archived": False}],
    "deal_companies": [link("11", "1")],
    "ticket_companies": [link("71", "1")],
}


class Portal:
    """A HubSpot with one client and one deliverable, whose key may or may not read tickets."""

    source = "hubspot"
    api_version = "test"

    def __init__(self, *, tickets: bool) -> None:
        self.tickets = tickets
        self.resources = {name: found for name, found in RESOURCES.items() if name in NAMES}

    def identity(self) -> Identity:
        return Identity("1", "Sol", None)

    def probe(self) -> list[Probe]:
        return [Probe("contacts", "ok", "", "")]

    def read(
        self,
        resource: str,
        window: Window,  # noqa: ARG002
        resume: str | None = None,  # noqa: ARG002
        *,
        ids: Sequence[str] = (),
        known: Known = nothing_known,  # noqa: ARG002
    ) -> Iterator[Page]:
        if resource == "tickets" and not self.tickets:
            raise NotPermitted(NO_RIGHT)
        found = RECORDS.get(resource, [])
        if self.resources[resource].parent:
            found = [each for each in found if each["from"]["id"] in ids]
        yield Page(orjson.dumps({"results": found}), len(found), None, total=len(found), given=len(found))

    def read_ids(self, resource: str, ids: Sequence[str]) -> Iterator[Page]:
        found = [each for each in RECORDS.get(resource, []) if each["id"] in ids]
        yield Page(orjson.dumps({"results": found}), len(found), None)

    def close(self) -> None:
        """Nothing is open."""


@pytest.fixture(name="home")
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)  # no .env
    return tmp_path / "home"


def figures(home: Path, as_of: datetime, *, tickets: bool) -> dict[tuple[str, str], tuple[Any, ...]]:
    """(KPI, period) -> (value, status, reason, stale_since), after a sync and a build at `as_of`."""
    store = Store(home)
    report = sync_source(Portal(tickets=tickets), Landing(home), store, as_of)
    assert report.state == ("complete" if tickets else "partial")
    made = build(store, home, load_playbook(), as_of)
    with duckdb.connect(str(made.path), read_only=True) as con:
        con.execute("set timezone = 'UTC'")
        rows = con.execute(
            "select kpi, period, value, status, reason, stale_since from kpi.value where segment = 'all'"
        ).fetchall()
    return {(kpi, period): tuple(rest) for kpi, period, *rest in rows}


def alerts(home: Path, as_of: datetime) -> dict[str, str]:
    states = [
        SourceState(s.source, s.state, s.reason, s.good_until, s.finished_at)
        for s in source_statuses(Store(home)).values()
    ]
    found = evaluate(load_playbook().alerts, Facts(sources=states), as_of)
    return {finding.rule.kind: finding.verdict for finding in found}


def test_a_missing_right_is_never_zero_rows_and_costs_only_what_needs_it(home: Path) -> None:
    missing = figures(home, JULY, tickets=False)
    assert missing["K16", "2026-05"] == (None, "not_evaluated", "hubspot.tickets is not permitted", None)
    assert missing["K14", "2026-05"][0] == 0.0
    assert missing["MRR", "2026-06"][3] is None, "not even marked as late"
    assert alerts(home, JULY) == {
        "source_partial": "firing",
        "source_failed": "clear",
        "source_late": "clear",
    }
    rows = examine(Settings(home=home), home, ["hubspot"], {"hubspot": Portal(tickets=False)})
    doctor = next(row for row in rows if row.system == "hubspot")
    assert f"tickets: not permitted. {NO_RIGHT}" in doctor.notes
    assert not doctor.healthy

    given = figures(home, AUGUST, tickets=True)
    assert given["K16", "2026-05"][:2] == (0.0, "watch")
    assert alerts(home, AUGUST)["source_partial"] == "clear"

    lost = figures(home, SEPTEMBER, tickets=False)
    value, _, reason, stale_since = lost["K16", "2026-05"]
    assert (value, stale_since) == (0.0, AUGUST), "what was known stays, and says until when it was whole"
    assert reason == "hubspot.tickets is not permitted; data as of 2026-08-03T07:00:00Z"
    assert lost["K16", "2026-08"][:3] == (
        None,
        "not_evaluated",
        "hubspot.tickets is not permitted; data ends before the period does",
    )
    assert lost["K14", "2026-08"][0] == 0.0
