from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from scipy import stats
from small_house import AS_OF, House, contact, expectation, rows

from playbook.loader import Calendar, load_playbook
from warehouse.engine import discover
from warehouse.errors import ModelError, WarehouseError
from warehouse.playbook_tables import open_periods, periods
from warehouse.status import (
    ResourceStatus,
    SourceStatus,
    record_resources,
    record_status,
    source_statuses,
)

MADRID = ZoneInfo("Europe/Madrid")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def test_a_build_runs_the_models_in_the_order_in_which_they_read_each_other(house: House) -> None:
    house.load(contact("1", 40), contact("2", 12))
    made = house.build()
    assert made.changed
    found = rows(made, "select kpi, n, total, as_of from kpi.value order by kpi")
    assert [row[:3] for row in found] == [("K1", 1, None), ("K2", None, 2)]
    assert found[0][3] == AS_OF
    assert rows(made, "select id, age from core.person order by id") == [("1", 40), ("2", 12)]


def test_a_home_that_never_loaded_anything_builds_empty_tables(house: House) -> None:
    assert rows(house.build(), "select count(*) from core.person") == [(0,)]


def test_the_same_inputs_are_not_built_again(house: House) -> None:
    house.load(contact("1"))
    first = house.build()
    written = first.path.stat().st_mtime_ns
    house.load(contact("1"))  # Read again, nothing new.
    second = house.build()
    assert (second.id, second.changed) == (first.id, False)
    assert second.path.stat().st_mtime_ns == written


def test_anything_that_could_change_a_figure_makes_another_build(house: House) -> None:
    house.load(contact("1"))
    ids = [house.build().id]
    house.load(contact("1", 31))
    ids.append(house.build().id)
    ids.append(house.build(AS_OF + timedelta(hours=1)).id)
    house.write("core", "person", "select id, age + 1 as age from staging.hubspot_contact")
    ids.append(house.build().id)
    record_status(house.store, SourceStatus("intercom", "failed", "HTTP 500"))
    ids.append(house.build().id)
    assert len(set(ids)) == 5


def test_a_lost_required_field_fails_its_source_alone_and_keeps_its_last_good_rows(house: House) -> None:
    house.load(contact("1"), contact("2"))
    house.load({"id": "7"}, source="intercom", resource="tags")
    house.build()
    broken = contact("3")
    del broken["p"]["age"]  # type: ignore[attr-defined]
    house.load(broken)
    house.load({"id": "8"}, source="intercom", resource="tags")
    made = house.build()
    assert rows(made, "select id from core.person order by id") == [("1",), ("2",)]
    with house.store.read() as con:
        assert con.execute("select id from staging.intercom_tag order by id").fetchall() == [("7",), ("8",)]
    status = source_statuses(house.store)
    assert status["intercom"].state == "complete"
    assert status["hubspot"].state == "failed"
    assert status["hubspot"].reason is not None
    assert "hubspot.contacts: 1 of 3 records have no $.p.age" in status["hubspot"].reason
    assert rows(made, "select state from meta.source_status where source = 'hubspot'") == [("failed",)]
    assert house.build().changed is False  # Held back again, to the same end.


def test_a_source_that_was_held_back_is_good_again_once_its_records_are(house: House) -> None:
    house.load(contact("1"))
    house.build()
    house.load(contact("2", -5))
    assert rows(house.build(), "select count(*) from core.person") == [(1,)]
    house.load(contact("2", 5))
    assert rows(house.build(), "select count(*) from core.person") == [(2,)]
    assert source_statuses(house.store)["hubspot"].state == "complete"


def test_the_resources_of_a_source_that_was_held_back_are_as_old_as_its_tables(house: House) -> None:
    earlier = AS_OF - timedelta(days=1)
    contacts = ResourceStatus("hubspot", "contacts", "complete", None, 1, 1, earlier)
    states = "select state, good_until from meta.resource_status"
    house.load(contact("1"))
    record_status(house.store, SourceStatus("hubspot", "complete", None, earlier, earlier))
    record_resources(house.store, [contacts])
    assert rows(house.build(), states) == [("complete", earlier)]
    house.load(contact("2", -5))
    record_resources(house.store, [replace(contacts, finished_at=AS_OF)])
    assert rows(house.build(), states) == [("failed", earlier)]
    house.load(contact("2", 5))
    assert rows(house.build(), states) == [("complete", AS_OF)]


def test_what_a_resource_lacks_makes_another_build(house: House) -> None:
    house.load(contact("1"))
    ids = [house.build().id]
    for given in (3, 4):
        short = ResourceStatus("hubspot", "contacts", "partial", "short", 5, given, AS_OF)
        record_resources(house.store, [short])
        ids.append(house.build().id)
    assert len(set(ids)) == 3


def test_only_the_rows_of_changed_records_are_made_again_and_a_changed_model_makes_all(house: House) -> None:
    sql = (house.models / "staging/hubspot_contact.sql").read_text()
    spec = {"source": "hubspot", "resource": "contacts", "by": "id"}
    house.write("staging", "hubspot_contact", sql, spec)
    house.load(contact("1", 1), contact("2", 2))
    house.build()
    with house.store.write() as con:  # a mark that the model itself would never make
        con.execute("update staging.hubspot_contact set age = age + 100")
    house.load(contact("1", 1), contact("2", 22), contact("3", 3))
    expected = [("1", 101), ("2", 22), ("3", 3)]
    assert rows(house.build(), "select id, age from core.person order by id") == expected
    house.write("staging", "hubspot_contact", sql + "where true", spec)
    expected[0] = ("1", 1)
    assert rows(house.build(), "select id, age from core.person order by id") == expected


def test_a_corrected_model_lifts_the_verdict_without_a_new_read(house: House) -> None:
    house.load(contact("1", -5))
    assert rows(house.build(), "select count(*) from core.person") == [(0,)]
    assert source_statuses(house.store)["hubspot"].state == "failed"
    sql = (house.models / "staging/hubspot_contact.sql").read_text()
    house.write("staging", "hubspot_contact", sql, {"source": "hubspot", "resource": "contacts"})
    assert rows(house.build(), "select count(*) from core.person") == [(1,)]
    status = source_statuses(house.store)["hubspot"]
    assert (status.state, status.reason, status.good_until) == ("complete", None, AS_OF)


def test_a_failed_check_in_staging_quarantines_the_whole_bad_row(house: House) -> None:
    house.load(contact("1"), contact("2", -5))
    made = house.build()
    found = rows(
        made, "select model, expectation, bad_row ->> '$.id', bad_row ->> '$.age' from quality.quarantine"
    )
    assert found == [("staging.hubspot_contact", "expect_column_values_to_be_between(age, 0..)", "2", "-5")]


def test_a_value_that_cannot_be_read_is_kept_as_it_was_and_an_empty_one_is_absent(house: House) -> None:
    house.load(contact("1", "forty"), contact("2", ""), contact("3", None), contact("4", "41"))
    made = house.build()
    with house.store.read() as con:
        rejected = con.execute("select key, field, raw_value, reason from quality.rejected").fetchall()
    assert rejected == [("1", "age", "forty", "no integer")]
    assert rows(made, "select source, resource, field, records from quality.rejected") == [
        ("hubspot", "contacts", "age", 1)
    ]
    assert rows(made, "select id, age from core.person order by id") == [
        ("1", None),
        ("2", None),
        ("3", None),
        ("4", 41),
    ]


def test_fields_that_no_model_knows_are_reported_and_kept(house: House) -> None:
    house.load(contact("1", colour="red"), contact("2", colour="blue", size=3) | {"score": 1})
    found = rows(house.build(), "select field, records from quality.drift order by field")
    assert found == [("$.p.colour", 2), ("$.p.size", 1), ("$.score", 1)]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("select * from core.nobody", r"core/person.sql reads core\.nobody, which no model makes"),
        ("select * from raw.hubspot_contacts", r"read raw\.hubspot_contacts_current"),
        ("select * from kpi.value", "core may read"),
        ("select 1 as id; select 2 as id", "must be one SELECT"),
        ("drop table staging.hubspot_contact", "must be one SELECT"),
        ("select from where", "core/person.sql"),
        (
            "select no_such_column from staging.hubspot_contact",
            "core/person.sql: Binder Error.*no_such_column",
        ),
        ("select id::integer as id from (select 'ana@clinic.es' as id)", "core/person.sql: Conversion Error"),
    ],
)
def test_a_model_that_cannot_run_is_named(house: House, sql: str, said: str) -> None:
    house.write("core", "person", sql)
    with pytest.raises(ModelError, match=said) as caught:
        house.build()
    assert "ana@clinic.es" not in str(caught.value)
    assert list((house.home / "builds").glob("*.d*")) == []


def test_models_that_read_each_other_in_a_circle_are_named(house: House) -> None:
    house.write("core", "person", "select * from core.account")
    house.write("core", "account", "select * from core.person")
    with pytest.raises(ModelError, match="in a circle"):
        discover(house.models)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ({"expectations": [expectation("x", "loud")]}, r"core/person.yaml: expectations.0.severity"),
        ({"colour": 1}, "core/person.yaml: colour"),
    ],
)
def test_a_yaml_that_cannot_be_used_is_named(house: House, spec: dict[str, object], said: str) -> None:
    house.write("core", "person", "select 1 as id", spec)
    with pytest.raises(ModelError, match=said):
        discover(house.models)


def test_a_model_without_its_yaml_is_named(house: House) -> None:
    (house.models / "core/person.yaml").unlink()
    with pytest.raises(ModelError, match=r"core/person\.yaml is missing"):
        discover(house.models)


def test_the_shipped_models_build_on_an_empty_home(tmp_path: Path) -> None:
    from warehouse.build import build
    from warehouse.store import Store

    made = build(Store(tmp_path), tmp_path, load_playbook(), AS_OF)
    assert rows(made, "select count(*) from core.client") == [(0,)]
    assert rows(made, "select count(*) from kpi.value") == [(0,)]


def test_an_as_of_without_a_zone_is_refused(house: House) -> None:
    with pytest.raises(WarehouseError, match="time zone"):
        house.build(datetime(2026, 4, 15))


def test_periods_begin_with_the_first_event_and_only_ended_ones_are_there(house: House) -> None:
    house.write(
        "staging",
        "hubspot_contact",
        "select body ->> '$.id' as id, 1 as age, try_cast(body ->> '$.p.created' as timestamptz) as created_at "
        "from raw.hubspot_contacts_current",
        {"source": "hubspot", "resource": "contacts"},
    )
    house.load(contact("1"))  # Created 2026-01-31T23:30Z: already February in Madrid.
    found = rows(
        house.build(utc(2026, 4, 1)),
        "select period, starts_at, ends_at from build.period where grain = 'month' order by 1",
    )
    # April begins in Madrid at 22:00Z of 31 March (summer time), so March has ended at midnight UTC.
    assert found == [
        ("2026-02", utc(2026, 1, 31, 23), utc(2026, 2, 28, 23)),
        ("2026-03", utc(2026, 2, 28, 23), utc(2026, 3, 31, 22)),
    ]


def test_periods_are_cut_at_local_midnight_in_summer_and_winter() -> None:
    found = list(periods(utc(2025, 12, 30), utc(2026, 4, 1), MADRID))
    months = {p.period: (p.starts_at, p.ends_at) for p in found if p.grain == "month"}
    assert list(months) == ["2025-12", "2026-01", "2026-02", "2026-03"]
    assert months["2026-03"] == (utc(2026, 2, 28, 23), utc(2026, 3, 31, 22))
    weeks = [p for p in found if p.grain == "week"]
    assert (weeks[0].period, weeks[0].starts_at, weeks[0].month_start_at) == (
        "2026-W01",  # The ISO week that holds 30 December belongs to the next year.
        utc(2025, 12, 28, 23),
        utc(2025, 11, 30, 23),
    )
    changing = next(p for p in weeks if p.period == "2026-W13")  # Clocks go forward on Sunday 29 March.
    assert changing.ends_at - changing.starts_at == timedelta(days=7, hours=-1)
    assert [(p.period, p.starts_at) for p in found if p.grain == "quarter"] == [
        ("2025-Q4", utc(2025, 9, 30, 22)),
        ("2026-Q1", utc(2025, 12, 31, 23)),
    ]
    assert all(earlier.ends_at == later.starts_at for earlier, later in pairwise(weeks))


def test_open_hours_follow_the_clock_on_the_wall_and_skip_weekends_and_holidays() -> None:
    office = load_playbook().sla.calendars["office"]
    found = list(open_periods(office, utc(2026, 3, 26, 12), utc(2026, 4, 6, 12)))
    assert [(start, end) for start, end, _ in found] == [
        (utc(2026, 3, 26, 8), utc(2026, 3, 26, 17)),
        (utc(2026, 3, 27, 8), utc(2026, 3, 27, 17)),
        *((utc(2026, 3, day, 7), utc(2026, 3, day, 16)) for day in (30, 31)),
        (utc(2026, 4, 1, 7), utc(2026, 4, 1, 16)),
        (utc(2026, 4, 2, 7), utc(2026, 4, 2, 16)),  # 3 April 2026 is Good Friday.
        (utc(2026, 4, 6, 7), utc(2026, 4, 6, 16)),
    ]
    assert [before for _, _, before in found] == [540.0 * number for number in range(7)]


def test_a_calendar_that_is_always_open_is_one_period() -> None:
    always = Calendar(zone="Europe/Madrid", always=True)
    assert list(open_periods(always, utc(2026, 3, 28, 12), utc(2026, 3, 30, 12))) == [
        (utc(2026, 3, 27, 23), utc(2026, 3, 30, 22), 0.0)
    ]


def test_hours_until_midnight_touch_those_of_the_next_day() -> None:
    night = Calendar(
        zone="Europe/Madrid",
        periods={"mon": (("20:00", "24:00"),), "tue": (("00:00", "02:00"),)},
        holidays=(date(2026, 1, 12),),
    )
    assert list(open_periods(night, utc(2026, 1, 5), utc(2026, 1, 13, 12))) == [
        (utc(2026, 1, 5, 19), utc(2026, 1, 6, 1), 0.0),
        (utc(2026, 1, 12, 23), utc(2026, 1, 13, 1), 360.0),
    ]


def test_the_playbook_stands_in_the_build_as_it_was(house: House) -> None:
    made = house.build()
    playbook = load_playbook()
    assert rows(made, "select count(*), sum(fte) from playbook.team") == [
        (len(playbook.team), sum(member.fte for member in playbook.team))
    ]
    assert rows(made, "select starts_at, ends_at, monthly_cost from playbook.team where id = 'ts1'") == [
        (utc(2025, 10, 31, 23), utc(2026, 6, 30, 22), 3000)
    ]
    assert rows(made, "select count(*) from playbook.account where acquisition") == [(2,)]
    assert rows(made, "select zone, currency from build.run") == [("Europe/Madrid", "EUR")]


@pytest.mark.parametrize("degrees", [1, 7, 30, 1000])
def test_t_is_students(house: House, degrees: int) -> None:
    ((found,),) = rows(house.build(), f"select t from build.t975 where df = {degrees}")
    assert found == pytest.approx(stats.t.ppf(0.975, degrees), rel=1e-12)
