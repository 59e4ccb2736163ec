"""Files dropped into the inbox reach raw once, whatever else lies there and whenever the import was killed."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.accounting import ReadOptions
from sandbox.events import BankMoved, JournalEntry, StripeMoved
from sandbox.exports import write_exports
from sandbox.simulation import simulate
from tasks.import_files import ImportReport, import_files, import_inbox, inspect
from warehouse.landing import Landing
from warehouse.status import SourceStatus, source_statuses
from warehouse.store import Store

AS_OF = datetime(2026, 11, 16, 7, tzinfo=UTC)
LATER = AS_OF + timedelta(days=7)
HEAD = "Fecha;Concepto;Importe;Divisa\n"
MARCH = HEAD + "13/03/2026;RECIBO;-10,00;EUR\n14/03/2026;CAFE;-4,50;EUR\n14/03/2026;CAFE;-4,50;EUR\n"
DEFAULTS = ReadOptions()
LONGER = MARCH + "15/03/2026;NOMINA;2.000,00;EUR\n"


class Home:
    """One home with its inbox, whose files are an hour old unless said otherwise."""

    def __init__(self, folder: Path) -> None:
        self.inbox = folder / "inbox"
        self.inbox.mkdir()
        self.landing = Landing(folder)
        self.store = Store(folder)

    def drop(self, name: str, content: str | bytes) -> Path:
        path = self.inbox / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        os.utime(path, (0, path.stat().st_mtime - 3600))
        return path

    def run(self, as_of: datetime = AS_OF, options: ReadOptions = DEFAULTS) -> ImportReport:
        return import_inbox(self.inbox, self.landing, self.store, as_of, options)

    def movements(self) -> list[tuple[str, Decimal]]:
        return [(row["text"], Decimal(row["amount"])) for row in self.current("movements")]

    def current(self, resource: str) -> list[dict]:
        with self.store.read() as con:
            rows = con.execute(
                f"select body from raw.accounting_{resource}_current order by received_seq"
            ).fetchall()
        return [json.loads(row[0]) for row in rows]

    def versions(self) -> int:
        with self.store.read() as con:
            return int(con.execute("select count(*) from raw.accounting_movements").fetchone()[0])

    def status(self) -> SourceStatus:
        return source_statuses(self.store)["accounting"]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_a_dropped_file_reaches_raw_with_its_original_beside_it(home: Home) -> None:
    path = home.drop("marzo.csv", MARCH)
    report = home.run()
    assert (report.state, report.rows_seen, report.rows_added) == ("complete", 3, 3)
    assert sorted(home.movements()) == [
        ("CAFE", Decimal("-4.50")),
        ("CAFE", Decimal("-4.50")),
        ("RECIBO", Decimal("-10.00")),
    ]
    record = home.current("movements")[0]
    original = home.landing.folder / "accounting" / "files" / record["file"]
    assert original.read_bytes() == path.read_bytes()
    assert record["row"] == 2
    assert home.status() == SourceStatus("accounting", "complete", None, AS_OF, AS_OF)


def test_a_second_run_with_nothing_new_loads_nothing(home: Home) -> None:
    home.drop("marzo.csv", MARCH)
    first, second = home.run(), home.run(LATER)
    assert (second.state, second.rows_seen, second.rows_added) == ("complete", 0, 0)
    assert [each | {"effect": None} for each in second.files] == [
        each | {"effect": None} for each in first.files
    ]
    assert home.status().good_until == LATER


def test_the_same_content_under_another_name_is_nothing_new(home: Home) -> None:
    home.drop("marzo.csv", MARCH)
    home.run()
    home.drop("copy of marzo.csv", MARCH)
    assert home.run().rows_seen == 0


def test_an_overlapping_file_adds_only_what_is_new(home: Home) -> None:
    home.drop("marzo.csv", MARCH)
    home.run()
    home.drop("marzo 2.csv", LONGER)
    assert home.run().rows_added == 1
    assert sum(amount for _, amount in home.movements()) == Decimal("1981.00")
    assert home.versions() == 4


def test_a_shorter_file_that_comes_later_takes_nothing_away(home: Home) -> None:
    home.drop("larga.csv", LONGER)
    home.run()
    home.drop("corta.csv", MARCH)
    assert home.run().rows_added == 0
    assert len(home.movements()) == 4


def test_a_bad_file_is_named_and_stops_no_other(home: Home) -> None:
    home.drop("a-empty.csv", b"")
    home.drop("b-garbled.csv", HEAD + "13/03/2026;X;12..34;EUR\n14/03/2026;Y;-1,00;EUR\n")
    home.drop("c-statement.pdf", b"%PDF-1.7\n")
    home.drop("d-good.csv", MARCH)
    report = home.run()
    assert (report.state, report.rows_added) == ("partial", 4)
    for words in (
        "a-empty.csv: The file is empty",
        "b-garbled.csv: 1 rows rejected",
        "12..34",
        "c-statement.pdf: PDF",
    ):
        assert words in (home.status().reason or "")
    assert "d-good.csv" not in (home.status().reason or "")
    assert home.status().good_until is None


def test_a_refused_file_stays_a_fault_until_it_leaves_the_inbox(home: Home) -> None:
    home.drop("good.csv", MARCH)
    bad = home.drop("bad.csv", b"")
    assert [home.run().state, home.run().state] == ["partial", "partial"]
    bad.unlink()
    assert home.run(LATER).state == "complete"


def test_the_answer_to_a_question_lets_the_file_in(home: Home) -> None:
    path = home.drop("open.csv", "Date,Text,Amount\n02/03/2026,a,-1.50\n")
    assert "--date-order" in (home.run().reason or "")
    answered = import_files([path], home.landing, home.store, AS_OF, ReadOptions(date_order="dmy"))
    assert answered.rows_added == 1
    assert home.run().state == "complete"
    assert home.current("movements")[0]["date"] == "2026-03-02"


def test_another_answer_for_content_already_imported_changes_nothing_and_says_so(home: Home) -> None:
    path = home.drop("open.csv", "Date,Text,Amount\n02/03/2026,a,-1.50\n")
    import_files([path], home.landing, home.store, AS_OF, ReadOptions(date_order="dmy"))
    again = import_files([path], home.landing, home.store, AS_OF, ReadOptions(date_order="mdy"))
    assert again.rows_added == 0
    assert "other answers" in again.files[0]["warnings"][0]
    assert "Undo that import" in again.files[0]["warnings"][0]


def test_every_named_file_gets_its_account_even_when_two_are_alike(home: Home) -> None:
    paths = [home.drop(name, MARCH) for name in ("a.csv", "b.csv")] + [
        home.drop(name, b"") for name in ("c", "d")
    ]
    report = import_files(paths, home.landing, home.store, AS_OF)
    assert [each["file"] for each in report.files] == ["a.csv", "b.csv", "c", "d"]
    assert (report.rows_added, [each["records"] for each in report.files]) == (3, [3, 3, 0, 0])


def test_a_half_written_file_is_refused_and_taken_once_it_is_whole(home: Home) -> None:
    home.drop("marzo.csv", LONGER[:-9])
    first = home.run()
    assert (first.state, first.rows_added) == ("partial", 0)
    home.drop("marzo.csv", LONGER)
    second = home.run()
    assert (second.state, second.rows_added) == ("complete", 4)


def waits(during: Callable[[], object], slept: list[float]) -> Callable[[float], None]:
    """Stands in for the clock's passing: what happens to the folder meanwhile happens at once."""

    def wait(seconds: float) -> None:
        slept.append(seconds)
        during()

    return wait


def test_a_file_that_grows_while_it_is_watched_is_left_for_next_time(home: Home) -> None:
    growing = home.drop("growing.csv", MARCH)
    home.drop("done.csv", HEAD + "13/03/2026;X;-1,00;EUR\n")
    now = growing.stat().st_mtime + 0.5
    os.utime(home.inbox / "done.csv", (0, now - 100))
    slept: list[float] = []

    def append() -> None:
        with growing.open("a") as handle:
            handle.write("15/03/2026;NOMINA;2.000,00;EUR\n")

    report = import_inbox(
        home.inbox, home.landing, home.store, AS_OF, clock=lambda: now, wait=waits(append, slept)
    )
    assert slept == [pytest.approx(1.5)]
    assert (report.waiting, report.state, report.rows_added) == (("growing.csv",), "partial", 1)
    assert "growing.csv is still being written" in (report.reason or "")
    os.utime(growing, (0, now - 100))
    assert home.run().rows_added == 4


def test_a_young_file_that_holds_still_is_taken(home: Home) -> None:
    path = home.drop("young.csv", MARCH)
    slept: list[float] = []
    report = import_inbox(
        home.inbox,
        home.landing,
        home.store,
        AS_OF,
        clock=lambda: path.stat().st_mtime,
        wait=waits(lambda: None, slept),
    )
    assert (len(slept), report.rows_added) == (1, 3)


@pytest.mark.parametrize("name", [".hidden.csv", "marzo.csv.part", "~$marzo.xlsx", "marzo.csv.crdownload"])
def test_files_that_say_they_are_unfinished_are_not_looked_at(home: Home, name: str) -> None:
    home.drop(name, MARCH)
    assert home.run().files == ()


def test_an_inbox_that_is_not_there_is_not_configured(tmp_path: Path) -> None:
    store = Store(tmp_path)
    report = import_inbox(tmp_path / "nowhere", Landing(tmp_path), store, AS_OF)
    assert report.state == source_statuses(store)["accounting"].state == "not_configured"


def test_what_a_person_imports_by_hand_counts_without_an_inbox(home: Home) -> None:
    path = home.drop("marzo.csv", MARCH)
    import_files([path], home.landing, home.store, AS_OF)
    assert home.status() == SourceStatus("accounting", "complete", None, AS_OF, AS_OF)
    shutil.rmtree(home.inbox)
    assert home.run(LATER).state == "not_configured"
    assert home.status().good_until == AS_OF


def test_without_an_inbox_each_import_by_hand_says_until_when_the_data_goes(home: Home) -> None:
    shutil.rmtree(home.inbox)
    assert home.run().state == "not_configured"
    home.inbox.mkdir()
    path = home.drop("marzo.csv", MARCH)
    import_files([path], home.landing, home.store, AS_OF, alone=True)
    assert home.status().good_until == AS_OF
    import_files([path], home.landing, home.store, LATER)
    assert home.status().good_until == AS_OF, "beside an inbox, one file says nothing of the rest"
    import_files([path], home.landing, home.store, LATER, alone=True)
    assert home.status().good_until == LATER


def test_an_import_killed_after_landing_and_before_merging_is_taken_up(home: Home) -> None:
    home.drop("marzo.csv", MARCH)
    home.run()
    # As a kill leaves it: pages landed, no outcome written, nothing in raw.
    for outcome in (home.landing.folder / "accounting" / "files").glob("*.json"):
        outcome.unlink()
    home.store.path.unlink()
    report = home.run()
    assert (report.rows_added, len(home.movements())) == (3, 3)


def test_an_import_killed_in_the_middle_of_landing_is_taken_up_without_its_file(home: Home) -> None:
    path = home.drop("marzo.csv", MARCH)
    home.run()
    folder = home.landing.folder / "accounting"
    (run,) = [each for each in (folder / "movements").iterdir() if each.is_dir()]
    (run / "complete.json").unlink()
    for outcome in (folder / "files").glob("*.json"):
        outcome.unlink()
    home.store.path.unlink()
    path.unlink()
    report = home.run()
    assert (report.rows_added, len(home.movements())) == (3, 3)
    assert home.run().rows_seen == 0


def test_many_records_of_one_file_are_landed_in_several_pages(home: Home) -> None:
    home.drop("big.csv", HEAD + "".join(f"13/03/2026;PAGO {i};-1,00;EUR\n" for i in range(12_000)))
    report = home.run()
    assert (report.rows_added, report.resources[1].pages) == (12_000, 3)


def test_inspecting_says_what_the_issue_asks_for_and_stores_nothing(home: Home) -> None:
    good = home.drop("marzo.csv", LONGER)
    bad = home.drop("bad.csv", HEAD + "13/03/2026;X;12..34;EUR\n14/03/2026;Y;-1,00;EUR\n")
    found = inspect([good, bad, home.inbox / "missing.csv"])
    assert found[0] == {
        "file": "marzo.csv",
        "sha256": hashlib.sha256(LONGER.encode()).hexdigest(),
        "format": "bank_csv",
        "encoding": "utf-8",
        "records": 4,
        "kinds": {"movements": 4},
        "totals": {"EUR": "1981.00"},
        "covered": None,
        "verified": [],
        "left": [],
        "rejected": [],
        "questions": [],
        "warnings": [],
        "profile": None,
        "effect": {"new": 4, "known": 0, "changed": 0, "disappearing": 0, "gone": []},
    }
    assert found[1]["rejected"] == [{"row": 2, "reason": "the amount '12..34' cannot be read"}]
    assert (found[2]["records"], found[2]["rejected"][0]["row"]) == (0, None)
    json.dumps(found)
    assert not home.store.path.exists()


def test_a_folder_stands_for_its_files(home: Home) -> None:
    home.drop("a.csv", MARCH)
    home.drop("b.csv", LONGER)
    assert [each["file"] for each in inspect([home.inbox])] == ["a.csv", "b.csv"]


@pytest.fixture(scope="module")
def events() -> list:
    return simulate(months=4, first=4, last=8, clock=AS_OF)


def test_the_sandbox_s_exports_arrive_to_the_cent_month_after_month(home: Home, events: list) -> None:
    """The simulated bookkeeper exports each month again while bills come in; the books must stay the events'."""
    for clock in (AS_OF - timedelta(days=40), AS_OF - timedelta(days=9), AS_OF):
        write_exports(events, clock, home.inbox)
        for path in home.inbox.iterdir():
            os.utime(path, (0, path.stat().st_mtime - 3600))
        report = home.run(clock, ReadOptions(zone="Europe/Madrid"))
        assert (report.state, report.reason) == ("complete", None)
        assert [each["warnings"] for each in report.files if each["warnings"]] == []
        known = [event for event in events if event.at <= clock]
        books = [event for event in known if isinstance(event, JournalEntry)]
        entries = home.current("entries")
        assert sorted(
            (entry["date"], entry["kind"], Decimal(entry["total_debit"])) for entry in entries
        ) == sorted(
            (event.day.isoformat(), event.kind, sum(debit for _, debit, _ in event.lines)) for event in books
        )
        booked: dict[str, Decimal] = {}
        for entry in entries:
            for line in entry["lines"]:
                side = Decimal(line["debit"]) - Decimal(line["credit"])
                booked[line["account"]] = booked.get(line["account"], Decimal(0)) + side
        expected: dict[str, Decimal] = {}
        for event in books:
            for account, debit, credit in event.lines:
                expected[account] = expected.get(account, Decimal(0)) + debit - credit
        assert booked == expected
        cash: dict[str, list[tuple[date, Decimal]]] = {"bank_csv": [], "norma43": [], "stripe_balance": []}
        for movement in home.current("movements"):
            cash[movement["format"]].append(
                (date.fromisoformat(movement["date"]), Decimal(movement["amount"]))
            )
        moved = [event for event in known if isinstance(event, BankMoved)]
        for account, format_ in (("main", "bank_csv"), ("savings", "norma43")):
            assert sorted(cash[format_]) == sorted((e.day, e.amount) for e in moved if e.account == account)
        stripe = [event for event in known if isinstance(event, StripeMoved)]
        assert sorted(amount for _, amount in cash["stripe_balance"]) == sorted(
            e.gross - e.fee for e in stripe
        )


def test_two_imports_of_one_home_at_the_same_time_wait_for_each_other(home: Home) -> None:
    from concurrent.futures import ThreadPoolExecutor

    for number in range(6):
        home.drop(f"{number}.csv", HEAD + f"13/03/2026;PAGO {number};-1,00;EUR\n")
    with ThreadPoolExecutor(2) as pool:
        reports = [future.result() for future in [pool.submit(home.run) for _ in range(2)]]
    assert sorted(report.rows_added for report in reports) == [0, 6]


def test_the_landing_of_a_home_can_fill_an_empty_warehouse_again(home: Home, tmp_path: Path) -> None:
    home.drop("marzo.csv", MARCH)
    home.run()
    home.drop("larga.csv", LONGER)
    home.run()
    copy = tmp_path / "copy"
    shutil.copytree(home.landing.folder, copy / "landing")
    again = Store(copy)
    report = import_inbox(home.inbox, Landing(copy), again, AS_OF)
    assert report.rows_added == 4
