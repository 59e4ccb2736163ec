"""The comparison with the peers: what it needs from outside, and what it says when it does not have it."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import duckdb
import pytest

from benchmarks.ingest.figures import figures, table
from benchmarks.ingest.judge import kept
from benchmarks.ingest.roster import FOLDER, PEERS, Peer, fingerprint

ROOT = Path(__file__).parent.parent.parent
LOCKS = sorted({peer.environment for peer in PEERS})
PINNED = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==(\S+)", re.MULTILINE)


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_what_was_asked_with_hashes_and_names_no_host(name: str) -> None:
    lock = (FOLDER / f"{name}.lock").read_text()
    requirements = re.split(r"\n(?=[A-Za-z0-9])", lock)
    assert all("==" in one and "--hash=sha256:" in one for one in requirements if one)
    assert "://" not in lock
    asked = PINNED.findall((FOLDER / f"{name}.in").read_text())
    assert asked
    assert set(asked) <= set(PINNED.findall(lock))


def test_no_peer_is_among_the_products_dependencies() -> None:
    peers = {"dlt", "airbyte", "airbyte-cdk", "singer-sdk", "target-duckdb"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    named = {re.split(r"[\[<>=;~ ]", line, maxsplit=1)[0] for line in declared}
    locked = {name for name, _ in PINNED.findall((ROOT / "requirements.lock").read_text())}
    assert len(locked) > 50
    assert peers & (named | locked) == set()


def benchmark(home: Path, *options: str) -> Any:
    command = [
        sys.executable,
        "-m",
        "benchmarks.ingest",
        "--json",
        "--peers-home",
        str(home),
        "--rounds",
        "1",
    ]
    done = subprocess.run(
        [*command, *options], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_without_their_environments_the_peers_are_named_and_the_rest_is_measured(tmp_path: Path) -> None:
    found = benchmark(tmp_path, "--records", "300", "--pages", "100", "--only", "floor,dlt,pyairbyte,singer")
    assert set(found["not_measured"]) == {"dlt", "pyairbyte", "singer"}
    assert all("--install-peers" in why for why in found["not_measured"].values())
    assert found["floor_100"] > 0
    assert [found[f"{peer}_100"] for peer in ("dlt", "pyairbyte", "singer")] == [None, None, None]
    assert found["ratio_to_best_peer_100"] is None
    assert found["ratio_to_best_peer_1000"] is None


def stand_in(home: Path, peer: Peer, program: str) -> None:
    """An environment whose Python runs `program` in place of the peer's script."""
    python = peer.python(home)
    python.parent.mkdir(parents=True)
    script = python.with_name("program.py")
    script.write_text(program)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{script}" "$@"\n')
    python.chmod(0o755)
    (home / peer.environment / "installed-from").write_text(fingerprint(peer.environment))


def by_name(name: str) -> Peer:
    return next(peer for peer in PEERS if peer.name == name)


COLUMNS = """'a@b.example' as email, 'Ana' as firstname, 'B' as lastname, 'es' as hs_language,
    'lead' as lifecyclestage, 'NEW' as hs_lead_status, 'false' as hs_email_optout, '1' as hubspot_owner_id,
    '2' as associatedcompanyid, '3' as hs_object_id, now() as createdate, now() as properties__lastmodifieddate,
    now() as createdat, now() as updated_at, false as archived"""


def make_table(database: Path, ids: str, columns: str = COLUMNS) -> None:
    with duckdb.connect(str(database)) as con:
        con.execute("create schema hubspot")
        con.execute(f"create table hubspot.contacts as select id::varchar as id, {columns} from ({ids})")


def test_a_peer_that_fails_or_loses_a_record_is_named_with_the_reason_and_stops_nothing(
    tmp_path: Path,
) -> None:
    stand_in(tmp_path, by_name("dlt"), "import sys; sys.exit('the wheel came off')")
    stand_in(
        tmp_path,
        by_name("singer"),
        "import duckdb, sys\n"
        "with duckdb.connect(sys.argv[3] + '/contacts.duckdb') as con:\n"
        "    con.execute('create schema hubspot')\n"
        f"    con.execute('''create table hubspot.contacts as select i as id, {COLUMNS}\n"
        "        from range(299) as t (i)''')\n"
        """print('{"seconds": 1.0, "peak_mib": 1.0}')\n""",
    )
    found = benchmark(tmp_path, "--records", "300", "--pages", "100", "--only", "floor,dlt,singer")
    assert found["not_measured"] == {
        "dlt": "at pages of 100: ended with 1: the wheel came off",
        "singer": "at pages of 100: kept 299 of 300 records",
    }
    assert found["floor_100"] > 0


def test_an_environment_made_from_another_lock_is_not_measured(tmp_path: Path) -> None:
    peer = by_name("dlt")
    stand_in(tmp_path, peer, "")
    assert peer.missing(tmp_path) is None
    (tmp_path / peer.environment / "installed-from").write_text("of last year")
    assert "another lock" in str(peer.missing(tmp_path))


def test_a_record_counts_once_and_only_when_it_is_whole(tmp_path: Path) -> None:
    make_table(tmp_path / "whole.duckdb", "select unnest([1, 2, 2, 3]) as id")
    assert kept(tmp_path / "whole.duckdb") == 3
    empty_where_two = COLUMNS.replace("'es' as hs_language", "if(id = 2, null, 'es') as hs_language")
    make_table(tmp_path / "holes.duckdb", "select unnest([1, 2, 3]) as id", empty_where_two)
    assert kept(tmp_path / "holes.duckdb") == 2


@pytest.mark.parametrize(
    ("was", "becomes", "said"),
    [
        ("'es' as hs_language", "'es' as tongue", "no column for.*hs_language"),
        ("now() as createdat,", "'2026-01-01' as createdat,", "no time in.*createdat"),
    ],
    ids=["lost", "left as text"],
)
def test_a_column_that_is_lost_or_left_as_text_is_no_result(
    tmp_path: Path, was: str, becomes: str, said: str
) -> None:
    make_table(tmp_path / "contacts.duckdb", "select 1 as id", COLUMNS.replace(was, becomes))
    with pytest.raises(ValueError, match=said):
        kept(tmp_path / "contacts.duckdb")


SPEEDS = {
    "floor": [70_000.0, 60_000.0, 80_000.0],
    "ours": [50_000.0, 42_000.0, 30_000.0],
    "dlt": [6_000.0, 7_000.0, 8_000.0],
    "pyairbyte": [5_000.0],
    "singer": [7_500.0, 7_600.0, 1_000.0],
    "dlt_arrow": [21_000.0],
}


def test_the_ratios_are_of_medians_and_to_the_fastest_counted_peer() -> None:
    found = figures(SPEEDS, 1000)
    assert found["ratio_to_floor_1000"] == 0.6
    assert found["best_peer_1000"] == "singer"
    assert found["ratio_to_best_peer_1000"] == 5.6
    assert found["ratio_to_dlt_arrow_1000"] == 2.0


def test_the_best_of_some_peers_is_not_called_the_best() -> None:
    found = figures({**SPEEDS, "singer": []}, 1000)
    assert found["singer_1000"] is None
    assert found["ratio_to_best_peer_1000"] is None
    assert found["ratio_to_dlt_1000"] == 6.0


def test_the_table_names_every_reader_and_who_was_not_measured() -> None:
    result = {
        "records": 200_000,
        "pages": [1000],
        "rounds": 3,
        "peer_rounds": 3,
        "peaks_mib": {"ours": 400},
        "not_measured": {"pyairbyte": "not installed"},
        "load_before": 0.3,
        "cores": 2,
        **figures({**SPEEDS, "pyairbyte": []}, 1000),
    }
    shown = table(result)
    assert re.search(r"PyAirbyte, DuckDB cache +-\n", shown)
    assert re.search(r"Singer tap \+ target-duckdb +7,500\n", shown)
    assert "not measured: pyairbyte: not installed" in shown
    assert "busy" not in shown
    assert "busy before this began (load 7.5 on 2 cores)" in table({**result, "load_before": 7.5})
