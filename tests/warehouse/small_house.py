"""A small warehouse for tests of the engine: two sources, a handful of models, the shipped playbook."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from textwrap import dedent
from typing import Any

import yaml

from playbook.loader import load_playbook
from warehouse.build import Build, build
from warehouse.landing import Landing
from warehouse.raw import merge
from warehouse.status import SourceStatus, record_status
from warehouse.store import Store

AS_OF = datetime(2026, 4, 15, 7, tzinfo=UTC)
PLAYBOOK = load_playbook()
BASE: dict[str, Any] = {
    "what": "A test model.",
    "grain": ["id"],
    "owner": "tests",
    "columns": {"id": "Its id."},
}


def expectation(name: str, severity: str = "fail", **more: Any) -> dict[str, Any]:
    return {"expectation": name, "severity": severity, "why": "It matters.", "do": "Correct it.", **more}


STAGING = {
    "hubspot_contact": (
        """
        select body ->> '$.id' as id, try_cast(body ->> '$.p.age' as integer) as age,
            try_cast(body ->> '$.p.created' as timestamptz) as created_at
        from raw.hubspot_contacts_current
        """,
        {
            "source": "hubspot",
            "resource": "contacts",
            "required": ["$.id", "$.p.age"],
            "known": ["$.id", "$.p.age", "$.p.created"],
            "casts": [{"column": "age", "path": "$.p.age", "type": "integer"}],
            "expectations": [expectation("expect_column_values_to_be_between", column="age", min_value=0)],
        },
    ),
    "intercom_tag": (
        "select body ->> '$.id' as id from raw.intercom_tags_current",
        {"source": "intercom", "resource": "tags", "required": ["$.id"], "known": ["$.id"]},
    ),
}
CORE = {"person": ("select id, age from staging.hubspot_contact", {})}
KPI = {
    "adults": ("select 'K1' as kpi, count(*) filter (age >= 18) as n from core.person", {"yields": "figure"}),
    "everyone": (
        "select n as total, 'K2' as kpi from (select count(*) as n from core.person)",
        {"yields": "figure"},
    ),
    "value": ("select f.*, r.as_of from kpi.figure as f cross join build.run as r", {}),
}


@dataclass(frozen=True)
class House:
    home: Path
    models: Path

    @property
    def store(self) -> Store:
        return Store(self.home)

    def write(self, layer: str, name: str, sql: str, spec: Mapping[str, Any] | None = None) -> None:
        folder = self.models / layer
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.sql").write_text(dedent(sql).strip() + "\n")
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(BASE | dict(spec or {})))

    def load(self, *records: object, source: str = "hubspot", resource: str = "contacts") -> None:
        with Landing(self.home, clock=lambda: AS_OF).open(source, resource, None, AS_OF) as run:
            run.append(json.dumps({"results": list(records)}).encode(), len(records), None)
            run.complete()
        merge(self.store, run, records="$.results", key="$.id", cursor_at=AS_OF)
        record_status(self.store, SourceStatus(source, "complete", finished_at=AS_OF, good_until=AS_OF))

    def build(self, as_of: datetime = AS_OF) -> Build:
        return build(self.store, self.home, PLAYBOOK, as_of, models=self.models)


def contact(key: str, age: object = 30, **more: object) -> dict[str, object]:
    return {"id": key, "p": {"age": age, "created": "2026-01-31T23:30:00Z", **more}}


def house(tmp_path: Path) -> House:
    found = House(tmp_path / "home", tmp_path / "models")
    for layer, models in (("staging", STAGING), ("core", CORE), ("kpi", KPI)):
        for name, (sql, spec) in models.items():
            found.write(layer, name, sql, spec)
    return found


def rows(build: Build, sql: str) -> Sequence[tuple[Any, ...]]:
    from warehouse.store import opened

    with opened(build.path, name="target", read_only=True) as con:
        return con.execute(sql).fetchall()
