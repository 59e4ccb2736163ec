import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from small_house import AS_OF, House, contact, expectation

from warehouse.check import check
from warehouse.errors import NotChecked, NothingPublished
from warehouse.publish import publish
from warehouse.published import Published

ROOT = Path(__file__).parents[2]
VALUE = """
select 'K5' as kpi, 'CAC' as name_es, 'Acquisition cost' as name_en, 'month' as grain, '2026-03' as period,
    timestamptz '2026-02-28 23:00:00+00' as starts_at, timestamptz '2026-03-31 22:00:00+00' as ends_at,
    'all' as segment, 'money' as unit, 'EUR' as currency, 199.5::double as value, 399.0::double as numerator,
    2.0::double as denominator, 199.5::decimal(18, 4) as money_value, 399::decimal(18, 4) as money_numerator,
    null::decimal(18, 4) as money_denominator, 2 as n, null::double as low, null::double as high,
    null::double as target_low, 200.0::double as target_high, 'ok' as status, null::varchar as reason
union all by name
select 'K14' as kpi, 'Bajas' as name_es, 'Churn' as name_en, 'month' as grain, '2026-02' as period,
    timestamptz '2026-01-31 23:00:00+00' as starts_at, timestamptz '2026-02-28 23:00:00+00' as ends_at,
    'all' as segment, 0::double as denominator, 'not_evaluated' as status, 'no active clients in period' as reason
"""


def checked(house: House, *ages: int, as_of: datetime = AS_OF) -> str:
    house.load(*(contact(str(number), age) for number, age in enumerate(ages)))
    made = house.build(as_of)
    assert check(made, models=house.models).passed
    return made.id


def people(home: Path) -> int:
    with Published.open(home) as published:
        row = published.con.execute("select count(*) from core.person").fetchone()
    assert row is not None
    return int(row[0])


def test_a_home_without_a_published_build_says_what_to_do(house: House) -> None:
    with pytest.raises(NothingPublished, match="tenfold run"):
        Published.open(house.home)


def test_a_build_that_was_never_checked_is_not_published(house: House) -> None:
    with pytest.raises(NotChecked, match="never checked"):
        publish(house.home, house.build().id)
    with pytest.raises(NotChecked, match="no build nothing"):
        publish(house.home, "nothing")


def test_a_build_that_failed_is_not_published_and_the_last_one_stays(house: House) -> None:
    publish(house.home, checked(house, 30))
    house.write(
        "core",
        "person",
        "select 'x' as id, 1 as age",
        {"expectations": [expectation("no_rows", sql="from this")]},
    )
    failed = house.build()
    assert not check(failed, models=house.models).passed
    with pytest.raises(NotChecked, match="failed its check"):
        publish(house.home, failed.id)
    assert people(house.home) == 1


def test_a_build_that_changed_after_its_check_is_not_published(house: House) -> None:
    build_id = checked(house, 30)
    with duckdb.connect(str(house.home / "builds" / f"{build_id}.duckdb")) as con:
        con.execute("delete from core.person")
    with pytest.raises(NotChecked, match="changed since its check"):
        publish(house.home, build_id)


REBUILDER = """
import sys
from pathlib import Path
from small_house import House
house = House(Path(sys.argv[1]), Path(sys.argv[2]))
for _ in range(5):
    path = house.build().path
    path.unlink()  # The next round builds the same id anew, without a check.
    house.build()
    print(path.stem, flush=True)
"""


def test_an_unchecked_rebuild_racing_a_publish_is_never_published(house: House) -> None:
    publish(house.home, checked(house, 30))
    house.load(contact("9", 5))  # What the rebuilder builds has two people.
    rebuilder = subprocess.Popen(
        [sys.executable, "-c", REBUILDER, str(house.home), str(house.models)],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{Path(__file__).parent}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert rebuilder.stdout is not None
    refused = 0
    while line := rebuilder.stdout.readline():
        try:
            publish(house.home, line.strip())
        except NotChecked:
            refused += 1
        assert people(house.home) == 1
    rebuilder.communicate()
    assert (rebuilder.returncode, refused) == (0, 5)


def test_after_a_publish_every_new_reader_sees_it_and_an_old_one_keeps_what_it_opened(house: House) -> None:
    publish(house.home, checked(house, 30))
    with Published.open(house.home) as early:
        for size in range(2, 5):
            publish(house.home, checked(house, *range(size)), keep=1)
            assert people(house.home) == size
        # Its file has been removed since; it still reads what it opened.
        assert early.con.execute("select count(*) from core.person").fetchone() == (1,)


READER = """
import sys
from pathlib import Path
from warehouse.published import Published
home = Path(sys.argv[1])
print("reading", flush=True)
seen = 0
while seen < int(sys.argv[2]):
    with Published.open(home) as published:
        now = published.con.execute("select count(*) from core.person").fetchone()[0]
    assert now >= seen, (now, seen)
    seen = now
"""


def test_a_reader_in_another_process_never_goes_back_to_an_older_build(house: House) -> None:
    publish(house.home, checked(house, 30))
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(house.home), "4"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert reader.stdout is not None
    reader.stdout.readline()
    for size in range(2, 5):
        publish(house.home, checked(house, *range(size)), keep=1)
    _, said = reader.communicate(timeout=60)
    assert reader.returncode == 0, said


def test_publishing_the_same_build_again_changes_nothing(house: House) -> None:
    build_id = checked(house, 30)
    assert publish(house.home, build_id) is True
    assert publish(house.home, build_id) is False


def test_the_newest_builds_are_kept_and_the_published_one_always(house: House) -> None:
    first = checked(house, 30)
    later = [checked(house, 30, as_of=AS_OF + timedelta(hours=hour)) for hour in range(1, 4)]
    publish(house.home, first, keep=2)
    left = sorted(path.stem for path in (house.home / "builds").glob("*.duckdb"))
    assert left == sorted([first, *later[-2:]])


def test_readers_cannot_write(house: House) -> None:
    publish(house.home, checked(house, 30))
    with Published.open(house.home) as published, pytest.raises(duckdb.Error, match="read-only"):
        published.con.execute("delete from core.person")


def test_kpi_rows_have_the_shape_that_people_script_against(house: House) -> None:
    house.write("kpi", "value", VALUE)
    publish(house.home, checked(house, 30))
    with Published.open(house.home) as published:
        assert published.as_of == AS_OF
        (row,) = published.kpi_rows("2026-03")
        assert [found["kpi"] for found in published.kpi_rows()] == ["K14", "K5"]
        (spanish,) = published.kpi_rows("2026-02", language="es")
    assert json.loads(json.dumps(row)) == {
        "kpi": "K5",
        "name": "Acquisition cost",
        "period": "2026-03",
        "segment": "all",
        "value": "199.5000",
        "numerator": "399.0000",
        "denominator": 2.0,
        "currency": "EUR",
        "n": 2,
        "low": None,
        "high": None,
        "target_low": None,
        "target_high": 200.0,
        "status": "ok",
        "reason": None,
    }
    assert (spanish["name"], spanish["value"], spanish["reason"]) == (
        "Bajas",
        None,
        "no active clients in period",
    )


FAST = """
import sys, time
started = time.perf_counter()
from pathlib import Path
from warehouse.published import Published
with Published.open(Path(sys.argv[1])) as published:
    published.con.execute("select as_of from build.run").fetchall()
heavy = {"pandas", "great_expectations", "prefect", "sqlglot", "scipy", "yaml"} & set(sys.modules)
print(sorted(heavy), time.perf_counter() - started)
"""


def test_reading_what_is_published_loads_nothing_heavy(house: House) -> None:
    publish(house.home, checked(house, 30))
    done = subprocess.run(
        [sys.executable, "-c", FAST, str(house.home)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith("[] ")


def test_instants_are_utc_to_the_reader(house: House) -> None:
    publish(house.home, checked(house, 30))
    with Published.open(house.home) as published:
        assert published.as_of == datetime(2026, 4, 15, 7, tzinfo=UTC)
        assert published.con.execute("select as_of::varchar from build.run").fetchone() == (
            "2026-04-15 07:00:00+00",
        )
