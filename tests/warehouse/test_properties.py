"""Typed columns for an account's own fields: one file of the playbook changes, nothing else."""

import shutil
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from small_house import AS_OF, House

from playbook.loader import SHIPPED, Playbook, PlaybookError, load_playbook
from warehouse.build import build
from warehouse.errors import ModelError

FIELDS = """
- {source: hubspot, resource: contacts, property: seats, column: seats, type: integer}
- {source: hubspot, resource: contacts, property: renewal, column: renews_on, type: date}
- {source: hubspot, resource: contacts, property: Plan Name, column: plan_name, type: text}
- {source: hubspot, resource: contacts, property: fee, column: fee, type: decimal}
"""


@pytest.fixture
def fields(house: House) -> House:
    """The small house, whose contacts keep their own fields."""
    house.write(
        "staging",
        "hubspot_contact",
        """
        select body ->> '$.id' as id, 30 as age, timestamptz '2026-01-31 23:30:00Z' as created_at,
            body -> '$.p' as properties
        from raw.hubspot_contacts_current
        """,
        {
            "source": "hubspot",
            "resource": "contacts",
            "required": ["$.id"],
            "known": ["$.id", "$.p.known"],
            "custom": {"column": "properties", "path": "$.p"},
            "columns": {"id": "Its id.", "properties": "Every field."},
        },
    )
    return house


def playbook(tmp_path: Path, listed: str | None) -> Playbook:
    folder = tmp_path / "playbook"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(SHIPPED, folder, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    if listed is None:
        (folder / "properties.yaml").unlink()
    else:
        (folder / "properties.yaml").write_text(listed)
    return load_playbook(folder)


def made(house: House, found: Playbook, sql: str) -> list[tuple[Any, ...]]:
    build(house.store, house.home, found, AS_OF, models=house.models)
    with house.store.read() as con:
        return con.execute(sql).fetchall()


def person(key: str, **own: object) -> dict[str, object]:
    return {"id": key, "p": own}


COLUMNS = "select id, seats, renews_on, plan_name, fee from staging.hubspot_contact order by id"


def test_a_listed_field_is_a_typed_column_and_the_others_stay_json(fields: House, tmp_path: Path) -> None:
    fields.load(
        person("1", seats="12", renewal="2026-09-01", **{"Plan Name": " Gold "}, fee="99.5", other="kept"),
        person("2", seats=7, renewal="", fee=None),
    )
    found = playbook(tmp_path, FIELDS)
    assert made(fields, found, COLUMNS) == [
        ("1", 12, date(2026, 9, 1), "Gold", Decimal("99.5000")),
        ("2", 7, None, None, None),
    ]
    assert made(
        fields, found, "select properties ->> '$.other' from staging.hubspot_contact where id = '1'"
    ) == [("kept",)]


def test_a_value_that_is_not_of_its_type_is_null_and_named(fields: House, tmp_path: Path) -> None:
    fields.load(person("1", seats="a dozen", renewal="soon", fee=""))
    found = playbook(tmp_path, FIELDS)
    assert made(fields, found, COLUMNS) == [("1", None, None, None, None)]
    assert made(fields, found, "select field, raw_value, reason from quality.rejected order by all") == [
        ("renews_on", "soon", "no date"),
        ("seats", "a dozen", "no integer"),
    ]


def test_a_listed_field_is_no_news_any_more(fields: House, tmp_path: Path) -> None:
    fields.load(person("1", seats="1", other="x"))
    drift = "select field from quality.drift where source = 'hubspot' order by all"
    assert made(fields, playbook(tmp_path, ""), drift) == [("$.p.other",), ("$.p.seats",)]
    assert made(fields, playbook(tmp_path, FIELDS), drift) == [("$.p.other",)]


def test_adding_and_removing_a_field_rebuilds_the_table(fields: House, tmp_path: Path) -> None:
    fields.load(person("1", seats="1"))
    columns = "select count(*) from duckdb_columns() where schema_name = 'staging' and column_name = 'seats'"
    for listed, count in (("", 0), (FIELDS, 1), (None, 0)):
        assert made(fields, playbook(tmp_path, listed), columns) == [(count,)]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            "resource: quotes, property: a, column: a",
            "no staging model keeps the own fields of hubspot.quotes",
        ),
        ("resource: contacts, property: a, column: id", "has a column id already"),
    ],
)
def test_a_field_without_a_place_is_named(fields: House, tmp_path: Path, entry: str, said: str) -> None:
    fields.load(person("1"))
    found = playbook(tmp_path, f"- {{source: hubspot, {entry}, type: text}}")
    with pytest.raises(ModelError, match=f"playbook/properties.yaml: a: .*{said}"):
        build(fields.store, fields.home, found, AS_OF, models=fields.models)


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        (
            "- {source: nobody, resource: x, property: a, column: a, type: text}",
            "there is no source 'nobody'",
        ),
        ("- {source: hubspot, resource: x, property: a, column: a, type: money}", "a.type"),
        ('- {source: hubspot, resource: x, property: "a\'b", column: a, type: text}', "property"),
        ("- {source: hubspot, resource: x, property: a, column: 'a; drop', type: text}", "a.column"),
        (
            "\n".join(
                f"- {{source: hubspot, resource: x, property: {name}, column: a, type: text}}"
                for name in "ab"
            ),
            "'hubspot.x.a' stands twice",
        ),
    ],
)
def test_a_list_that_cannot_be_used_is_named(tmp_path: Path, listed: str, said: str) -> None:
    with pytest.raises(PlaybookError, match=f"properties.yaml: .*{said}"):
        playbook(tmp_path, listed)


def test_every_resource_with_own_fields_takes_a_column() -> None:
    from warehouse.engine import discover

    shipped = [model for model in discover() if model.spec.custom]
    assert len(shipped) > 15
    for model in shipped:
        for resource in model.spec.resource:
            entry = {
                "source": model.spec.source,
                "resource": resource,
                "property": "x",
                "column": "x_",
                "type": "text",
            }
            (typed,) = [
                one for one in discover(properties=[load_property(entry)]) if one.table == model.table
            ]
            assert typed.spec.columns.keys() - model.spec.columns.keys() == {"x_"}
            assert typed.digest != model.digest
            assert model.spec.custom.column in model.spec.columns


def load_property(entry: dict[str, object]) -> Any:
    from playbook.loader import CustomProperty

    return CustomProperty.model_validate(entry)
