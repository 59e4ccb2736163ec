"""What the doctor says of the last reads: what came, what did not, and what was turned away."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.hubspot_paths import RESOURCES
from connectors.pages import Probe
from settings import Settings
from tasks.doctor import Health, examine
from warehouse.status import ResourceStatus, SourceStatus, record_resources, record_status
from warehouse.store import Store

NOW = datetime(2026, 11, 16, 7, tzinfo=UTC)
NO_RIGHT = "Give the token the scope tickets."


class Reachable:
    """Of a connector, what the doctor asks."""

    source = "hubspot"
    api_version = "2026-09"
    resources = RESOURCES

    def probe(self) -> list[Probe]:
        return [Probe("contacts", "ok", "", "")]


@pytest.fixture(autouse=True)
def _nothing_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)  # no .env


def hubspot(home: Path, *, refused: Mapping[str, Mapping[str, int]] | None = None) -> Health:
    rows = examine(Settings(home=home), home, ["hubspot"], {"hubspot": Reachable()}, refused=refused)  # type: ignore[dict-item]
    return next(row for row in rows if row.system == "hubspot")


def read(home: Path, state: str, reason: str | None, *resources: ResourceStatus) -> None:
    record_resources(Store(home), resources)
    record_status(Store(home), SourceStatus("hubspot", state, reason, NOW))  # type: ignore[arg-type]


def test_before_anything_was_read_there_is_nothing_to_say(tmp_path: Path) -> None:
    row = hubspot(tmp_path / "home")
    assert (row.healthy, row.last_read, row.notes) == (True, None, ())
    assert not (tmp_path / "home").exists(), "a doctor makes no home"


def test_a_missing_right_and_missing_records_are_named_with_their_counts(tmp_path: Path) -> None:
    read(
        tmp_path,
        "partial",
        "several things",
        ResourceStatus("hubspot", "contacts", "complete", None, 9, 9, NOW),
        ResourceStatus("hubspot", "deals", "partial", "The list was short.", 1300, 1234, NOW),
        ResourceStatus("hubspot", "tickets", "not_permitted", NO_RIGHT, finished_at=NOW),
    )
    row = hubspot(tmp_path)
    assert not row.healthy
    assert row.notes == (
        "last read at 2026-11-16 07:00 UTC: partial",
        "deals: partial, 1,234 of 1,300 came. The list was short.",
        f"tickets: not permitted. {NO_RIGHT}",
    )


def test_a_whole_read_is_well(tmp_path: Path) -> None:
    read(tmp_path, "complete", None, ResourceStatus("hubspot", "contacts", "complete", None, 9, 9, NOW))
    row = hubspot(tmp_path)
    assert row.healthy
    assert row.notes == ("last read at 2026-11-16 07:00 UTC: complete",)


def test_a_failed_read_says_why_beside_what_was_missing_before(tmp_path: Path) -> None:
    read(tmp_path, "failed", "HTTP 503", ResourceStatus("hubspot", "tickets", "not_permitted", NO_RIGHT))
    assert hubspot(tmp_path).notes[1:] == ("HTTP 503", f"tickets: not permitted. {NO_RIGHT}")


def test_what_is_not_read_any_more_is_not_missing(tmp_path: Path) -> None:
    read(tmp_path, "complete", None, ResourceStatus("hubspot", "quotes", "not_permitted", NO_RIGHT))
    assert len(hubspot(tmp_path).notes) == 1


def test_webhooks_that_were_turned_away_are_counted_by_reason(tmp_path: Path) -> None:
    refused = {"hubspot": {"forged": 2, "stale": 1, "oversized": 0}, "intercom": {"forged": 9}}
    assert hubspot(tmp_path, refused=refused).notes == ("3 webhooks refused: 2 forged, 1 stale",)
    assert hubspot(tmp_path, refused={"hubspot": {"forged": 0}}).notes == ()


def test_a_warehouse_that_cannot_be_opened_is_a_finding_and_no_crash(tmp_path: Path) -> None:
    (tmp_path / "warehouse.duckdb").write_bytes(b"this is no database" * 1000)
    rows = {
        row.system: row
        for row in examine(Settings(home=tmp_path), tmp_path, ["hubspot"], {"hubspot": Reachable()})  # type: ignore[dict-item]
    }
    assert not rows["warehouse"].healthy
    assert "warehouse.duckdb" in rows["warehouse"].remedy
    assert rows["hubspot"].healthy
