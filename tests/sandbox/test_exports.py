"""The accounting exports, read back with nothing but the standard library and held against the events."""

import csv
import io
from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.accounting import Format, read_file, sniff
from sandbox.events import BankMoved, Event, JournalEntry, StripeMoved
from sandbox.exports import write_exports
from sandbox.simulation import DEFAULT_CLOCK, simulate

BOM = b"\xef\xbb\xbf"


@pytest.fixture(scope="module")
def events() -> list[Event]:
    return simulate(seed=11, months=4, first=5, last=15)


@pytest.fixture(scope="module")
def inbox(events: list[Event], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home") / "inbox"
    write_exports(events, DEFAULT_CLOCK, folder)
    return folder


def files(inbox: Path, start: str) -> list[Path]:
    return sorted(path for path in inbox.iterdir() if path.name.startswith(start))


def known(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if event.at <= DEFAULT_CLOCK]


def spanish(text: str) -> Decimal:
    assert text.count(",") == 1
    return Decimal(text.replace(".", "").replace(",", "."))


def english(text: str) -> Decimal:
    return Decimal(text.replace(",", "") or "0")


def test_there_is_one_file_per_month_and_system(inbox: Path) -> None:
    months = ["2026-07", "2026-08", "2026-09", "2026-10", "2026-11"]
    assert [path.name for path in files(inbox, "quickbooks")] == [
        f"quickbooks-journal-{month}.csv" for month in months
    ]
    assert [path.name for path in files(inbox, "banco")] == [
        f"banco-movimientos-{month}.csv" for month in months
    ]
    assert [path.name for path in files(inbox, "norma43")] == [
        f"norma43-ahorro-{month}.n43" for month in months
    ]
    assert [path.name for path in files(inbox, "stripe")] == [
        f"stripe-balance-{month}.csv" for month in months
    ]
    assert len(list(inbox.iterdir())) == 20


def test_the_journal_holds_every_entry_once_in_the_layout_of_quickbooks(
    inbox: Path, events: list[Event]
) -> None:
    found = []
    for path in files(inbox, "quickbooks"):
        raw = path.read_bytes()
        assert raw.startswith(BOM)
        assert raw.count(b"\n") == raw.count(b"\r\n")
        rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig"), newline="")))
        assert rows[:2] == [["Tenfold Demo SL"], ["Journal"]]
        assert rows[3] == []
        header = ["Date", "Transaction Type", "Num", "Name", "Memo/Description", "Account", "Debit", "Credit"]
        assert rows[4] == header
        block: list[list[str]] = []
        debits = Decimal(0)
        for row in rows[5:]:
            if row and row[0] == "TOTAL":
                assert english(row[6]) == english(row[7]) == debits
                break
            if row:
                block.append(row)
                continue
            *lines, total = block
            assert total[:6] == [""] * 6
            assert english(total[6]) == english(total[7]) == sum(english(line[6]) for line in lines)
            assert all(line[:3] == ["", "", ""] for line in lines[1:])
            debits += english(total[6])
            found.append(
                (
                    datetime.strptime(lines[0][0], "%d/%m/%Y").date(),  # noqa: DTZ007 (a booking date)
                    lines[0][1],
                    lines[0][2],
                    lines[0][3],
                    tuple((line[5], english(line[6]), english(line[7])) for line in lines),
                )
            )
            block = []
    expected = [
        (event.day, event.kind, event.document, event.name, event.lines)
        for event in known(events)
        if isinstance(event, JournalEntry)
    ]
    assert sorted(found) == sorted(expected)


def test_the_stated_period_settles_which_number_is_the_month(tmp_path: Path, events: list[Event]) -> None:
    write_exports(events, datetime(2026, 12, 4, 12, tzinfo=UTC), tmp_path)
    path = tmp_path / "quickbooks-journal-2026-12.csv"
    assert path.read_text("utf-8-sig").splitlines()[2] == '"December 1 - December 31, 2026"'
    dates = {entry["date"] for entry in read_file(path).entries}
    assert dates <= {"2026-12-01", "2026-12-02", "2026-12-03", "2026-12-04"}
    assert dates


def test_stripe_rows_are_the_balance_transactions_of_the_utc_month(inbox: Path, events: list[Event]) -> None:
    rows = []
    for path in files(inbox, "stripe"):
        assert path.read_bytes().startswith(BOM)
        own = list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))
        assert {row["created_utc"][:7] for row in own} == {path.stem[-7:]}
        rows += own
    expected = [event for event in known(events) if isinstance(event, StripeMoved)]
    assert [row["balance_transaction_id"] for row in rows] == [event.transaction for event in expected]
    assert [Decimal(row["gross"]) for row in rows] == [event.gross for event in expected]
    assert all(Decimal(row["gross"]) - Decimal(row["fee"]) == Decimal(row["net"]) for row in rows)
    assert {row["currency"] for row in rows} == {"eur"}
    payouts = {
        row["source_id"]: -Decimal(row["net"]) for row in rows if row["reporting_category"] == "payout"
    }
    assert payouts
    for payout, amount in payouts.items():
        own = [row for row in rows if row["automatic_payout_id"] == payout and row["source_id"] != payout]
        assert sum(Decimal(row["net"]) for row in own) == amount


def test_what_stripe_has_not_paid_out_yet_names_no_payout(tmp_path: Path, events: list[Event]) -> None:
    friday = datetime(2026, 11, 13, 12, tzinfo=UTC)
    write_exports(events, friday, tmp_path)
    text = (tmp_path / "stripe-balance-2026-11.csv").read_text("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    waiting = [row for row in rows if not row["automatic_payout_id"]]
    assert waiting
    # The last payout, on Monday 9 November, took what came in up to Friday the 6th.
    assert min(row["created_utc"] for row in waiting) >= "2026-11-07"
    assert not any(row["automatic_payout_effective_at"] for row in waiting)


def test_the_bank_statement_is_spanish_newest_first_with_a_running_balance(
    inbox: Path, events: list[Event]
) -> None:
    amounts: list[Decimal] = []
    balance = Decimal(0)
    for path in files(inbox, "banco"):
        rows = list(csv.reader(io.StringIO(path.read_bytes().decode("cp1252"), newline=""), delimiter=";"))
        assert rows[0][0] == "Listado de movimientos"
        assert rows[1][0] == "Cuenta"
        header = next(index for index, row in enumerate(rows) if row[0] == "Fecha")
        assert rows[header] == ["Fecha", "Fecha valor", "Concepto", "Importe", "Divisa", "Saldo"]
        *lines, total = rows[header + 1 :]
        assert total[0] == "Total movimientos"
        assert spanish(total[3]) == sum(spanish(line[3]) for line in lines)
        for line in reversed(lines):
            amounts.append(spanish(line[3]))
            balance += spanish(line[3])
            assert spanish(line[5]) == balance
            assert line[0][3:] == f"{path.stem[-2:]}/{path.stem[-7:-3]}"
    assert amounts == [
        event.amount for event in known(events) if isinstance(event, BankMoved) and event.account == "main"
    ]


def test_norma_43_records_are_80_columns_and_their_trailers_are_right(
    inbox: Path, events: list[Event]
) -> None:
    amounts: list[Decimal] = []
    opening = Decimal(0)
    for path in files(inbox, "norma43"):
        lines = path.read_bytes().decode("latin-1").split("\r\n")
        assert lines.pop() == ""
        assert {len(line) for line in lines} == {80}
        assert [line[:2] for line in lines if line[:2] not in ("22", "23")] == ["11", "33", "88"]
        head, trailer, end = lines[0], lines[-2], lines[-1]
        moved = []
        for line in lines:
            if line.startswith("22"):
                assert line[10:14] == path.stem[-5:-3] + path.stem[-2:]
                moved.append(Decimal(line[28:42]) / 100 * (1 if line[27] == "2" else -1))
        assert Decimal(head[33:47]) / 100 == opening
        out = [amount for amount in moved if amount < 0]
        into = [amount for amount in moved if amount > 0]
        assert int(trailer[20:25]) == len(out)
        assert Decimal(trailer[25:39]) / 100 == -sum(out)
        assert int(trailer[39:44]) == len(into)
        assert Decimal(trailer[44:58]) / 100 == sum(into)
        opening += sum(moved)
        assert trailer[58] == "2"
        assert Decimal(trailer[59:73]) / 100 == opening
        assert int(end[20:26]) == len(lines) - 1
        amounts += moved
    assert amounts == [
        event.amount for event in known(events) if isinstance(event, BankMoved) and event.account == "savings"
    ]


def test_our_readers_take_every_file_without_a_rejection_and_with_unique_records(
    inbox: Path, events: list[Event]
) -> None:
    formats = {"quickbooks": Format.QUICKBOOKS_JOURNAL, "norma43": Format.NORMA43}
    keys: list[str] = []
    counts = {"entries": 0, "movements": 0}
    for path in sorted(inbox.iterdir()):
        expected = formats.get(path.name.split("-")[0])
        assert expected is None or sniff(path) == expected
        read = read_file(path)
        assert not read.rejected
        assert not read.warnings
        keys += [record["key"] for record in (*read.entries, *read.movements)]
        counts["entries"] += len(read.entries)
        counts["movements"] += len(read.movements)
    assert len(set(keys)) == len(keys)
    assert counts["entries"] == sum(isinstance(event, JournalEntry) for event in known(events))
    assert counts["movements"] == sum(isinstance(event, BankMoved | StripeMoved) for event in known(events))


def test_writing_again_touches_nothing(inbox: Path, events: list[Event]) -> None:
    before = {path.name: path.stat().st_mtime_ns for path in inbox.iterdir()}
    assert write_exports(events, DEFAULT_CLOCK, inbox) == []
    assert {path.name: path.stat().st_mtime_ns for path in inbox.iterdir()} == before


def test_as_time_goes_on_the_current_month_grows_and_old_months_stay(
    tmp_path: Path, events: list[Event]
) -> None:
    write_exports(events, DEFAULT_CLOCK, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    changed = {path.name for path in write_exports(events, DEFAULT_CLOCK + timedelta(days=7), tmp_path)}
    assert "quickbooks-journal-2026-11.csv" in changed
    assert all("2026-11" in name for name in changed)
    rows = (tmp_path / "banco-movimientos-2026-11.csv").read_bytes().split(b"\r\n")
    old = before["banco-movimientos-2026-11.csv"].split(b"\r\n")
    assert rows[-len(old[5:-2]) - 2 : -2] == old[5:-2]
    assert len(rows) > len(old)


def test_a_bill_entered_late_still_reaches_its_own_month(tmp_path: Path, events: list[Event]) -> None:
    write_exports(events, datetime(2026, 11, 1, 9, tzinfo=UTC), tmp_path)
    path = tmp_path / "quickbooks-journal-2026-10.csv"
    early = {entry["key"] for entry in read_file(path).entries}
    write_exports(events, DEFAULT_CLOCK, tmp_path)
    late = {entry["key"]: entry for entry in read_file(path).entries}
    assert early < late.keys()
    added = [entry for key, entry in late.items() if key not in early]
    assert {entry["date"] for entry in added} == {date(2026, 10, 31).isoformat()}


def test_no_half_written_file_is_left_behind(inbox: Path) -> None:
    assert not [path for path in inbox.iterdir() if path.name.startswith(".") or path.suffix == ".part"]


def test_before_the_first_entry_nothing_is_written(tmp_path: Path, events: list[Event]) -> None:
    assert write_exports(events, datetime(2026, 6, 1, tzinfo=UTC), tmp_path / "inbox") == []
    assert not (tmp_path / "inbox").exists()
