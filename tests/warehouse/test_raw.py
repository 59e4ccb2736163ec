import json
import random
import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warehouse.errors import NotEnoughMemory, UnreadableLanding, WarehouseError
from warehouse.landing import Landing, LandingRun
from warehouse.raw import Job, Merged, Merger, cursors, merge, unmerged
from warehouse.raw_scan import Shape
from warehouse.raw_tables import bury
from warehouse.store import Store, disk_errors

ROOT = Path(__file__).parents[2]
UNTIL = datetime(2026, 11, 16, 7, tzinfo=UTC)
Record = dict[str, Any]


def land(home: Path, *pages: Sequence[object], body: str = '{{"results": {}}}') -> LandingRun:
    with Landing(home, clock=lambda: UNTIL).open("hubspot", "contacts", None, UNTIL) as run:
        for number, records in enumerate(pages, start=1):
            listed = json.dumps(list(records), separators=(",", ":"))
            run.append(
                body.format(listed).encode(), len(records), str(number) if number < len(pages) else None
            )
        run.complete()
    return run


def merged(home: Path, run: LandingRun, **changes: Any) -> Merged:
    declared: dict[str, Any] = {
        "records": "$.results",
        "key": "$.id",
        "volatile": ("$.updatedAt", "$.p.seen"),
    }
    return merge(Store(home), run, **declared | changes)


def versions(home: Path, columns: str = "key, body") -> list[tuple[Any, ...]]:
    with Store(home).read() as con:
        return con.execute(f"select {columns} from raw.hubspot_contacts order by received_seq").fetchall()


def bodies(home: Path) -> list[Record]:
    return [json.loads(row[0]) for row in versions(home, "body")]


def contact(key: str, stage: str = "lead", **more: object) -> Record:
    return {"id": key, "stage": stage, **more}


def test_a_record_that_changes_and_changes_back_is_three_versions(tmp_path: Path) -> None:
    for stage in ("lead", "customer", "customer", "lead", "lead"):
        merged(tmp_path, land(tmp_path, [contact("1", stage)]))
    assert [record["stage"] for record in bodies(tmp_path)] == ["lead", "customer", "lead"]
    with Store(tmp_path).read() as con:
        current = con.execute("select body ->> '$.stage' from raw.hubspot_contacts_current").fetchall()
    assert current == [("lead",)]


def test_several_versions_within_one_run_are_kept_in_the_order_received(tmp_path: Path) -> None:
    first = land(
        tmp_path,
        [contact("1", "a"), contact("2", "x"), contact("1", "b")],
        [contact("1", "b"), contact("1", "a")],
    )
    assert merged(tmp_path, first) == Merged(seen=5, added=4)
    assert [(key, json.loads(body)["stage"]) for key, body in versions(tmp_path)] == [
        ("1", "a"),
        ("2", "x"),
        ("1", "b"),
        ("1", "a"),
    ]


def test_merging_a_run_again_adds_nothing_and_says_the_same(tmp_path: Path) -> None:
    run = land(tmp_path, [contact("1"), contact("2")])
    assert merged(tmp_path, run) == merged(tmp_path, run) == Merged(seen=2, added=2)
    assert len(versions(tmp_path)) == 2


def test_a_change_in_volatile_fields_alone_is_no_version(tmp_path: Path) -> None:
    merged(tmp_path, land(tmp_path, [contact("1", updatedAt="1", p={"seen": "1", "name": "x"})]))
    same = merged(tmp_path, land(tmp_path, [contact("1", updatedAt="2", p={"seen": "2", "name": "x"})]))
    other = merged(tmp_path, land(tmp_path, [contact("1", updatedAt="2", p={"seen": "2", "name": "y"})]))
    assert (same.added, other.added) == (0, 1)


def test_the_same_fields_in_another_order_are_no_version_but_another_order_in_an_array_is(
    tmp_path: Path,
) -> None:
    merged(tmp_path, land(tmp_path, [{"id": "1", "a": {"x": 1, "y": 2}, "tags": [1, 2]}]))
    assert merged(tmp_path, land(tmp_path, [{"tags": [1, 2], "a": {"y": 2, "x": 1}, "id": "1"}])).added == 0
    assert merged(tmp_path, land(tmp_path, [{"id": "1", "a": {"x": 1, "y": 2}, "tags": [2, 1]}])).added == 1
    assert merged(tmp_path, land(tmp_path, [{"id": "1", "a": {"x": 2, "y": 1}, "tags": [2, 1]}])).added == 1


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"v": None}, {}),
        ({"v": "1"}, {"v": 1}),
        ({"v": True}, {"v": 1}),
        ({"v": ""}, {"v": None}),
        ({"v": []}, {"v": {}}),
    ],
)
def test_values_that_only_look_alike_are_different_versions(
    tmp_path: Path, before: Record, after: Record
) -> None:
    merged(tmp_path, land(tmp_path, [{"id": "1", **before}]))
    assert merged(tmp_path, land(tmp_path, [{"id": "1", **after}])).added == 1


leaves = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "a", "ñ", '"', "1"])
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=2),
    max_leaves=4,
)
records = st.builds(
    lambda key, value, seen, turn: dict(
        sorted({"id": key, "v": value, "updatedAt": seen}.items(), reverse=turn)
    ),
    st.sampled_from("abc"),
    values,
    st.integers(0, 9),
    st.booleans(),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.lists(records, max_size=4), min_size=1, max_size=3), min_size=1, max_size=4))
def test_raw_holds_just_the_versions_that_a_plain_loop_would_keep(
    tmp_path_factory: pytest.TempPathFactory, runs: list[list[list[Record]]]
) -> None:
    home = tmp_path_factory.mktemp("home")
    kept: list[Record] = []
    latest: dict[str, str] = {}
    for pages in runs:
        outcome = merged(home, land(home, *pages))
        before = len(kept)
        for record in (record for page in pages for record in page):
            content = json.dumps({k: v for k, v in record.items() if k != "updatedAt"}, sort_keys=True)
            if latest.get(record["id"]) != content:
                latest[record["id"]] = content
                kept.append(record)
        assert outcome == Merged(seen=sum(map(len, pages)), added=len(kept) - before)
    assert bodies(home) == kept


marked = st.builds(
    lambda key, value, mark: {"id": key, "v": value, "at": f"2026-01-0{mark}"},
    st.sampled_from("abc"),
    st.integers(0, 2),
    st.integers(1, 4),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.lists(st.lists(marked, max_size=4), min_size=1, max_size=3), min_size=1, max_size=4))
def test_old_news_that_comes_late_is_kept_and_never_counts(
    tmp_path_factory: pytest.TempPathFactory, runs: list[list[list[Record]]]
) -> None:
    home = tmp_path_factory.mktemp("home")
    kept: list[Record] = []
    current: dict[str, Record] = {}
    for pages in runs:
        merged(home, land(home, *pages), volatile=(), mark="$.at")
        for record in (record for page in pages for record in page):
            known = current.get(record["id"])
            if known is not None and record["at"] < known["at"]:
                if record not in kept:
                    kept.append(record)
            elif known != record:
                current[record["id"]] = record
                kept.append(record)
    assert sorted(map(json.dumps, bodies(home))) == sorted(map(json.dumps, kept))
    with Store(home).read() as con:
        rows = con.execute("select key, body from raw.hubspot_contacts_current").fetchall()
    assert {key: json.loads(body) for key, body in rows} == current
    assert len(rows) == len(current)


def test_a_page_received_before_what_is_known_does_not_undo_it(tmp_path: Path) -> None:
    """A run that a kill left behind is merged after single records were read again."""
    early, late = (UNTIL + timedelta(minutes=each) for each in (1, 2))
    with Landing(tmp_path, clock=lambda: early).open("hubspot", "contacts", None, UNTIL) as run:
        run.append(b'{"results": [{"id": "1", "archived": false, "at": "1"}]}', 1, None)
        run.complete()
    with Landing(tmp_path, clock=lambda: late).open("hubspot", "contacts_by_id", None, UNTIL) as single:
        single.append(b'{"results": [{"id": "1", "archived": true, "at": "1"}]}', 1, None)
        single.complete()
    shape = Shape("$.results", "$.id", "$.at")
    with Store(tmp_path).writing() as transaction:
        merger = Merger(transaction)
        assert merger.merge(Job(single, shape, into="contacts")).added == 1
        assert merger.merge(Job(run, shape)).added == 1
    with Store(tmp_path).read() as con:
        rows = con.execute("select body ->> '$.archived' from raw.hubspot_contacts_current").fetchall()
    assert rows == [("true",)]


def test_what_a_whole_read_does_not_bring_is_told_and_gets_one_tombstone(tmp_path: Path) -> None:
    merged(tmp_path, land(tmp_path, [contact("1"), contact("2"), contact("3")]))
    shape = Shape("$.results", "$.id")
    with Store(tmp_path).writing() as transaction:
        again = Merger(transaction).merge(Job(land(tmp_path, [contact("2")]), shape, everything=True))
    assert again.missing == ("1", "3")
    for _ in range(2):
        with Store(tmp_path).write() as con:
            bury(con, "hubspot", "contacts", again.missing, UNTIL)
    gone = {record["id"]: record.get("gone_at") for record in bodies(tmp_path)[3:]}
    assert gone == {"1": UNTIL.isoformat(), "3": UNTIL.isoformat()}
    assert bodies(tmp_path)[3]["stage"] == "lead"  # a tombstone still says what was known
    with Store(tmp_path).writing() as transaction:
        merger = Merger(transaction)
        once_more = merger.merge(Job(land(tmp_path, [contact("2")]), shape, everything=True))
        back = merger.merge(Job(land(tmp_path, [contact("1")]), shape, wanted=("1", "2", "9")))
    assert once_more.missing == ()
    assert (back.added, back.missing) == (1, ("2", "9"))
    with Store(tmp_path).read() as con:
        (row,) = con.execute("select body from raw.hubspot_contacts_current where key = '1'").fetchall()
    assert json.loads(row[0]) == contact("1")


def test_a_home_of_the_first_version_is_brought_up_to_date(tmp_path: Path) -> None:
    with Store(tmp_path).write() as con:
        con.execute(
            "create table raw.hubspot_contacts (key varchar not null, received_seq bigint not null, "
            "received_at timestamptz not null, run_id varchar not null, hash varchar not null, "
            "body json not null)"
        )
        con.execute("create view raw.hubspot_contacts_current as select * from raw.hubspot_contacts")
        for number, stage in enumerate("ab", start=1):
            body = json.dumps(contact("1", stage), separators=(",", ":"))
            con.execute(
                "insert into raw.hubspot_contacts values ('1', ?, ?, 'r', md5(?), ?)",
                [number, UNTIL, body, body],
            )
    assert merged(tmp_path, land(tmp_path, [contact("1", "b")])).added == 0
    with Store(tmp_path).read() as con:
        rows = con.execute("select body ->> '$.stage' from raw.hubspot_contacts_current").fetchall()
    assert (rows, len(versions(tmp_path))) == ([("b",)], 2)


def test_data_and_cursor_move_together_or_not_at_all(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert cursors(store, "hubspot").get("contacts") is None
    merged(tmp_path, land(tmp_path, [contact("1")]), cursor_at=UNTIL)
    assert cursors(store, "hubspot").get("contacts") == UNTIL
    broken = land(tmp_path, [contact("2")], body='{{"results": {}')
    with pytest.raises(UnreadableLanding):
        merged(tmp_path, broken, cursor_at=UNTIL + timedelta(days=1))
    assert cursors(store, "hubspot").get("contacts") == UNTIL
    assert len(versions(tmp_path)) == 1


@pytest.mark.parametrize(
    "body",
    ["<html>502 Bad Gateway ana@clinic.es</html>", '{{"results": [{{"id": "1", "email": "ana@clinic.es"', ""],
)
def test_a_page_that_is_no_json_is_refused_without_repeating_what_it_says(tmp_path: Path, body: str) -> None:
    run = land(tmp_path, [contact("1")], body=body)
    with pytest.raises(UnreadableLanding, match=r"hubspot\.contacts.*set the run aside") as caught:
        merged(tmp_path, run)
    assert "ana@clinic.es" not in "".join(str(error) for error in (caught.value, caught.value.__cause__))
    run.set_aside("no JSON")
    assert merged(tmp_path, land(tmp_path, [contact("1")])).added == 1


def test_a_page_with_fewer_records_than_were_counted_is_refused(tmp_path: Path) -> None:
    with Landing(tmp_path, clock=lambda: UNTIL).open("hubspot", "contacts", None, UNTIL) as run:
        run.append(b'{"results": [{"id": "1"}]}', 1, "1")
        run.append(b'{"results": [{"id": "2"}]}', 2, None)
        run.complete()
    with pytest.raises(UnreadableLanding, match="counted as 2 records but holds 1"):
        merged(tmp_path, run)


def test_a_record_without_its_key_goes_to_quality_and_the_others_go_on(tmp_path: Path) -> None:
    run = land(tmp_path, [contact("1"), {"name": "no id"}, {"id": None}, contact("2")])
    assert merged(tmp_path, run) == Merged(seen=4, added=2, rejected=2)
    with Store(tmp_path).read() as con:
        found = con.execute(
            "select source, resource, run_id, field, raw_value, reason from quality.rejected"
        ).fetchall()
    assert found == [
        ("hubspot", "contacts", run.run_id, "$.id", '{"name":"no id"}', "the record has no key"),
        ("hubspot", "contacts", run.run_id, "$.id", '{"id":null}', "the record has no key"),
    ]


def test_a_body_may_be_the_record_itself_and_a_key_may_have_parts(tmp_path: Path) -> None:
    with Landing(tmp_path, clock=lambda: UNTIL).open("hubspot", "contacts", None, UNTIL) as run:
        for to in (7, 8, 7):
            run.append(json.dumps({"from": {"id": 1}, "to": to}).encode(), 1, "next")
        run.complete()
    assert merged(tmp_path, run, records="$", key="$.from.id+$.to").added == 2
    assert [row[0] for row in versions(tmp_path)] == ["1+7", "1+8"]


def test_a_run_without_pages_moves_the_cursor_and_adds_nothing(tmp_path: Path) -> None:
    with Landing(tmp_path, clock=lambda: UNTIL).open("hubspot", "contacts", None, UNTIL) as run:
        run.complete()
    assert merged(tmp_path, run, cursor_at=UNTIL) == Merged(seen=0, added=0)
    assert cursors(Store(tmp_path), "hubspot").get("contacts") == UNTIL


def test_an_incomplete_run_is_not_merged(tmp_path: Path) -> None:
    with Landing(tmp_path).open("hubspot", "contacts", None, UNTIL) as run:
        run.append(b'{"results": []}', 0, "1")
        with pytest.raises(WarehouseError, match="incomplete"):
            merged(tmp_path, run)


def test_a_run_older_than_what_is_merged_cannot_bring_old_versions_back_to_the_top(tmp_path: Path) -> None:
    older, newer = land(tmp_path, [contact("1", "a")]), land(tmp_path, [contact("1", "b")])
    merged(tmp_path, newer)
    with pytest.raises(WarehouseError, match="older than"):
        merged(tmp_path, older)


@pytest.mark.parametrize("path", ["results", "$.a'; drop table x; --", "$.a b", "$..id"])
def test_a_path_that_is_no_path_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(WarehouseError, match="no JSON path"):
        merged(tmp_path, land(tmp_path, [contact("1")]), key=path)


def test_an_empty_warehouse_is_filled_again_by_replaying_the_landing_files(tmp_path: Path) -> None:
    for stage in "aba":
        merged(tmp_path, land(tmp_path, [contact("1", stage), contact("2")]))
    before = versions(tmp_path, "*")
    (tmp_path / "warehouse.duckdb").unlink()
    for run in unmerged(Store(tmp_path), Landing(tmp_path), "hubspot", "contacts"):
        merged(tmp_path, run)
    assert versions(tmp_path, "*") == before


def test_a_run_larger_than_the_memory_limit_is_merged_all_the_same(tmp_path: Path) -> None:
    pages = [[contact(f"{number}-{at}", text="x" * 900) for at in range(1000)] for number in range(220)]
    store = Store(tmp_path, memory="200MB")
    outcome = merge(store, land(tmp_path, *pages), records="$.results", key="$.id")
    assert outcome == Merged(seen=220_000, added=220_000)
    with store.read() as con:
        assert con.execute(
            "select count(distinct key), sum(length(body ->> '$.text')) from raw.hubspot_contacts"
        ).fetchone() == (
            220_000,
            198_000_000,
        )


MERGER = """
import sys
from pathlib import Path
from datetime import UTC, datetime
from warehouse.landing import Landing
from warehouse.raw import merge, unmerged
from warehouse.store import Store, disk_errors
store = Store(Path(sys.argv[1]))
print("ready", flush=True)
for run in unmerged(store, Landing(store.home), "hubspot", "contacts"):
    merge(store, run, records="$.results", key="$.id", cursor_at=run.window.until)
"""


def test_killed_at_any_point_a_merge_is_done_wholly_or_not_at_all(tmp_path: Path) -> None:
    dice = random.Random(20261120)
    for stage in ("a", "b"):
        land(tmp_path, *([contact(f"{page}-{at}", stage) for at in range(1000)] for page in range(20)))
    patience, kills = 0.01, 0
    while True:
        victim = subprocess.Popen(
            [sys.executable, "-c", MERGER, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert victim.stdout is not None
        victim.stdout.readline()
        try:
            victim.wait(timeout=patience)
        except subprocess.TimeoutExpired:
            victim.kill()
            kills += 1
        victim.communicate()
        with Store(tmp_path).read() as con:
            marks = con.execute("select count(*) from meta.merged_run").fetchone()
            there = con.execute(
                "select count(*) from duckdb_tables() where table_name = 'hubspot_contacts'"
            ).fetchone()
            assert marks is not None
            assert there is not None
            rows = con.execute("select count(*) from raw.hubspot_contacts").fetchone() if there[0] else (0,)
            assert rows == (20_000 * marks[0],)  # Rows and mark together, wherever the kill struck.
        if victim.returncode == 0:
            break
        patience *= dice.uniform(1.3, 1.8)
    assert kills > 2
    assert len(versions(tmp_path)) == 40_000


FULL = MERGER.replace(
    'print("ready", flush=True)',
    "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))",
)


def test_a_disk_that_fills_up_during_a_merge_leaves_raw_as_it_was(tmp_path: Path) -> None:
    land(
        tmp_path,
        *(
            [contact(f"{page}-{at}", f"{hash((page, at)):x}" * 20) for at in range(1000)]
            for page in range(30)
        ),
    )
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert "DiskFull: No space left" in done.stderr
    (run,) = unmerged(Store(tmp_path), Landing(tmp_path), "hubspot", "contacts")
    assert merged(tmp_path, run).added == 30_000


def test_records_as_wide_as_a_long_conversation_find_the_room_they_need(tmp_path: Path) -> None:
    """A vector of 2,048 of them, several times over, is more than ordinary records are given."""
    wide = [[contact(f"{page}-{at}", text="wort " * 6000) for at in range(40)] for page in range(50)]
    assert merged(tmp_path, land(tmp_path, *wide)) == Merged(seen=2000, added=2000)
    with Store(tmp_path).read() as con:
        (total,) = con.execute("select sum(strlen(body)) from raw.hubspot_contacts").fetchall()
    assert total[0] > 2000 * 30_000


def test_too_little_memory_is_said_with_the_setting_that_helps(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.write() as con:
        con.execute("set memory_limit = '20MB'")
        con.execute("set max_temp_directory_size = '0KB'")
        with pytest.raises(duckdb.OutOfMemoryException) as caught:
            con.execute("select list(repeat('x', 900) || i) from range(900000) as t(i)")
    with pytest.raises(NotEnoughMemory, match="TENFOLD_WAREHOUSE__MEMORY"), disk_errors(store.path):
        raise duckdb.OutOfMemoryException("failed to allocate") from caught.value
