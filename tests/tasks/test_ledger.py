"""The operational database: what is written once stays once, and every opening finds it up to date."""

import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine
from sqlmodel import SQLModel

from warehouse.ledger import (
    FILE,
    MIGRATIONS,
    REVISION,
    LedgerError,
    NewDecision,
    NewEffect,
    Outbox,
    open_ledger,
)

NOW = datetime(2026, 3, 2, 10, 30, tzinfo=UTC)
ROOT = Path(__file__).parents[2]


def decision(key: str = "j/s/c1/1", **changes: object) -> NewDecision:
    usual = {
        "key": key,
        "as_of": NOW,
        "rule": "j/s",
        "rule_version": "v1",
        "outcome": "queued",
        "client_id": "c1",
        "effect": NewEffect(key, "mail", {"to": "a@b.test"}, "mark"),
    }
    return NewDecision(**usual | changes)


def test_the_migrations_build_exactly_the_tables_of_the_code(tmp_path: Path) -> None:
    open_ledger(tmp_path).close()
    engine = create_engine(f"sqlite:///{tmp_path / FILE}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []
    engine.dispose()


def test_the_code_knows_the_newest_migration() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_current_head() == REVISION


def test_opening_an_up_to_date_ledger_loads_no_migration_tool(tmp_path: Path) -> None:
    open_ledger(tmp_path).close()
    program = (
        "import sys; from pathlib import Path; from warehouse.ledger import open_ledger;"
        f"open_ledger(Path({str(tmp_path)!r})); print('alembic' in sys.modules, 'duckdb' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "False False\n"


def test_a_ledger_of_a_newer_version_is_not_touched(tmp_path: Path) -> None:
    open_ledger(tmp_path).close()
    with sqlite3.connect(tmp_path / FILE) as con:
        con.execute("update alembic_version set version_num = '9999'")
    with pytest.raises(LedgerError, match="newer Tenfold"):
        open_ledger(tmp_path)


def test_a_broken_file_gets_a_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database, and long enough to be noticed" * 100)
    with pytest.raises(LedgerError, match="cannot be opened"):
        open_ledger(tmp_path)


@pytest.mark.parametrize("url", ["postgresql+nodriver://u:hunter2@h/db", "no url", "oracle+x://u:hunter2@h"])
def test_an_unusable_url_is_refused_without_repeating_its_password(tmp_path: Path, url: str) -> None:
    with pytest.raises(LedgerError, match="TENFOLD_LEDGER__URL") as caught:
        open_ledger(tmp_path, url)
    assert "hunter2" not in str(caught.value)


def test_the_file_keeps_its_promises_through_a_power_cut(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger, ledger.read() as session:
        settings = {
            name: session.connection().exec_driver_sql(f"pragma {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_a_decision_and_its_effect_are_written_once(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        assert ledger.record([decision(), decision(), decision("j/s/c2/1", client_id="c2")]) == 2
        assert ledger.record([decision(outcome="another")]) == 0
        assert [(row.business_key, row.state) for row in ledger.outbox_rows()] == [
            ("j/s/c1/1", "queued"),
            ("j/s/c2/1", "queued"),
        ]
        [(first, effect)] = ledger.why("c1")
        assert (first.outcome, effect.decision_id) == ("queued", first.id)


def test_a_decision_without_its_effect_is_never_left_behind(tmp_path: Path) -> None:
    unstorable = decision("j/s/c2/1", effect=NewEffect("j/s/c2/1", "mail", {"when": NOW}, "mark"))
    with open_ledger(tmp_path) as ledger:
        with pytest.raises(Exception, match="not JSON serializable"):
            ledger.record([decision(), unstorable])
        assert ledger.decided() == {}
        assert ledger.outbox_rows() == []


def test_the_database_itself_refuses_a_second_effect_of_the_same_key(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        ledger.record([decision()])
        with (
            pytest.raises(Exception, match=r"UNIQUE constraint failed: outbox\.business_key"),
            ledger.write() as session,
        ):
            session.add(Outbox(business_key="j/s/c1/1", channel="mail", marker="x", queued_at=NOW))


def test_eight_writers_at_once_lose_and_double_nothing(tmp_path: Path) -> None:
    open_ledger(tmp_path).close()
    written: list[int] = []

    def work() -> None:
        with open_ledger(tmp_path) as ledger:
            written.extend(ledger.record([decision(f"j/s/c{number}/1")]) for number in range(20))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(written), sum(written)) == (160, 20)
    with open_ledger(tmp_path) as ledger:
        assert len(ledger.outbox_rows()) == 20


def test_processes_that_open_a_new_ledger_together_all_succeed(tmp_path: Path) -> None:
    program = f"from pathlib import Path; from warehouse.ledger import open_ledger; open_ledger(Path({str(tmp_path)!r}))"
    started = [subprocess.Popen([sys.executable, "-c", program], cwd=ROOT) for _ in range(3)]
    assert [process.wait(timeout=60) for process in started] == [0, 0, 0]


def test_an_instant_comes_back_as_the_same_instant_in_utc(tmp_path: Path) -> None:
    madrid = NOW.astimezone(timezone(timedelta(hours=1)))
    with open_ledger(tmp_path) as ledger:
        ledger.record([decision(as_of=madrid)])
        [(stored, _)] = ledger.why("c1")
    assert (stored.as_of, stored.as_of.utcoffset()) == (NOW, timedelta(0))


def test_an_instant_without_a_zone_is_refused(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger, pytest.raises(Exception, match="with a time zone only"):
        ledger.record([decision(as_of=NOW.replace(tzinfo=None))])


def test_counts_and_windows_are_half_open(tmp_path: Path) -> None:
    later = NOW + timedelta(days=1)
    skipped = decision("j/s/c2/1", client_id="c2", as_of=later, outcome="skipped_stale", effect=None)
    with open_ledger(tmp_path) as ledger:
        ledger.record([decision(), skipped])
        assert [d.client_id for d, _ in ledger.decisions_between(NOW, later)] == ["c1"]
        assert [
            d.client_id for d, _ in ledger.decisions_between(NOW, later + timedelta(1), "skipped_stale")
        ] == ["c2"]
        assert ledger.decided("j/%") == {
            ("c1", "j/s"): {"queued": NOW},
            ("c2", "j/s"): {"skipped_stale": later},
        }
        assert ledger.outbox_counts() == {("mail", "queued"): 1}
