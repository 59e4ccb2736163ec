"""An import can be taken back, a reload shows what the books lost, and a dry run says all of it before."""

import json
import os
import random
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

import tasks.import_files as imports
from connectors.accounting import Format, ReadOptions, readers
from connectors.accounting.recognise import Content
from connectors.accounting.shapes import Covered, Left, Parsed, Rejected
from tasks.import_files import NothingToUndo, import_files, import_inbox, inspect, undo_import
from warehouse.imports import taken_files
from warehouse.landing import Landing
from warehouse.store import Store

AS_OF = datetime(2026, 11, 16, 7, tzinfo=UTC)
LATER = AS_OF + timedelta(days=7)
HEAD = "Fecha;Concepto;Importe;Divisa\n"
RENT, COFFEE, WAGE = (
    "13/03/2026;RENTA;-10,00;EUR\n",
    "14/03/2026;CAFE;-4,50;EUR\n",
    "15/03/2026;PAGA;9,00;EUR\n",
)


class Home:
    """One home; `drop` writes a file, older by a minute each time one is asked for `ago`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inbox = folder / "inbox"
        self.inbox.mkdir(exist_ok=True)
        self.landing = Landing(folder)
        self.store = Store(folder)

    def drop(self, name: str, content: str, hours_ago: float = 1) -> Path:
        path = self.inbox / name
        path.write_text(content)
        os.utime(path, (0, path.stat().st_mtime - 3600 * hours_ago))
        return path

    def run(self, *names: str, as_of: datetime = AS_OF) -> imports.ImportReport:
        paths = [self.inbox / name for name in names]
        if names:
            return import_files(paths, self.landing, self.store, as_of)
        return import_inbox(self.inbox, self.landing, self.store, as_of)

    def undo(self, wanted: str, as_of: datetime = LATER) -> dict:
        return undo_import(self.landing, self.store, as_of, wanted)

    def there(self, resource: str = "movements") -> list[str]:
        with self.store.read() as con:
            found = con.execute(
                f"select body from raw.accounting_{resource}_current where (body ->> '$.gone_at') is null"
            ).fetchall()
        bodies = [json.loads(row[0]) for row in found]
        return sorted(
            f"{body.get('text') or body['memo']} {body.get('amount', '')}".strip() for body in bodies
        )

    def versions(self, resource: str = "movements") -> int:
        with self.store.read() as con:
            return int(con.execute(f"select count(*) from raw.accounting_{resource}").fetchone()[0])


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_what_only_the_undone_file_brought_leaves_and_what_another_has_too_stays(home: Home) -> None:
    home.drop("a.csv", HEAD + RENT + COFFEE, 2)
    home.drop("b.csv", HEAD + COFFEE + WAGE)
    home.run()
    assert home.undo("a.csv")["records"] == 1
    assert home.there() == ["CAFE -4.50", "PAGA 9.00"]
    assert home.undo("b.csv")["records"] == 2
    assert home.there() == []
    assert home.versions() == 6, "three records and a tombstone each: raw forgets nothing"
    assert [each.undone_at for each in taken_files(home.store)] == [LATER, LATER]


def test_two_true_identical_lines_stay_two_until_the_only_file_that_has_both_is_undone(home: Home) -> None:
    home.drop("one.csv", HEAD + COFFEE, 2)
    home.drop("two.csv", HEAD + COFFEE * 2)
    home.run()
    assert home.there() == ["CAFE -4.50"] * 2
    home.undo("two.csv")
    assert home.there() == ["CAFE -4.50"]


def test_an_undone_file_stays_out_of_the_inbox_s_imports_until_a_person_names_it(home: Home) -> None:
    home.drop("a.csv", HEAD + RENT)
    home.run()
    home.undo("a.csv")
    report = home.run()
    assert (report.state, home.there()) == ("complete", [])
    assert "undone on 2026-11-23" in report.files[0]["warnings"][0]
    home.run("a.csv")
    assert home.there() == ["RENTA -10.00"]
    assert [each.undone_at for each in taken_files(home.store)] == [None]
    assert home.run().rows_seen == 0
    home.undo("a.csv")
    assert home.there() == []


def test_undoing_what_is_not_there_or_not_the_only_one_says_what_there_is(home: Home) -> None:
    home.drop("a.csv", HEAD + RENT)
    home.run()
    home.drop("a.csv", HEAD + RENT + WAGE)
    home.run()
    with pytest.raises(NothingToUndo, match="No imported file is called"):
        home.undo("x.csv")
    with pytest.raises(NothingToUndo, match="by its sha256"):
        home.undo("a.csv")
    newest = taken_files(home.store)[-1]
    home.undo(newest.sha256[:8])
    assert home.there() == ["RENTA -10.00"]
    assert home.undo("a.csv")["records"] == 1


# Books that say what they cover: a small reader of our own, under the format of the journal


def book(rows: Iterable[tuple[str, str, str]], since: str, until: str, bad: int = 0) -> str:
    """A journal's file: (day, document, amount) under the period that it says it holds all of."""
    return "\n".join([f"BOOK;{since};{until};{bad}", *(";".join(row) for row in rows)])


def read_book(content: Content, options: ReadOptions) -> Parsed:
    first, *lines = content.data.decode().splitlines()
    _, since, until, bad = first.split(";")
    parsed = Parsed(covered=Covered("Sol SL", date.fromisoformat(since), date.fromisoformat(until)))
    parsed.rejected += [Rejected(9, "the amount cannot be read")] * int(bad)
    parsed.left.append(Left("draft", 2, {"EUR": "3.00"}))
    parsed.verified.append("debits = credits")
    for row, line in enumerate(lines, 2):
        day, document, amount = line.split(";")
        sides = [("572", amount, "0.00"), ("700", "0.00", amount)]
        parsed.entries.append(
            {
                "key": document, "date": day, "kind": "Invoice", "document": document, "name": None,
                "memo": f"{document} {amount}", "currency": "EUR", "total_debit": amount, "row": row,
                "lines": [
                    {"account": a, "name": None, "memo": None, "debit": d, "credit": c} for a, d, c in sides
                ],
            }
        )  # fmt: skip
    return parsed


@pytest.fixture
def books(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    known = dict(readers.READERS) | {Format.QUICKBOOKS_IIF: read_book}
    monkeypatch.setattr("connectors.accounting.reading.READERS", known)

    def recognised(data: bytes, options: ReadOptions) -> Content:
        return Content(data, Format.QUICKBOOKS_IIF)

    monkeypatch.setattr("connectors.accounting.reading.recognise", recognised)
    return home


MARCH = [("2026-03-01", "F1", "10.00"), ("2026-03-20", "F2", "20.00"), ("2026-04-02", "F3", "30.00")]


def test_a_row_deleted_in_the_books_disappears_when_the_period_is_reloaded_and_undoing_brings_it_back(
    books: Home,
) -> None:
    books.drop("q1.iif", book(MARCH, "2026-03-01", "2026-04-30"), 3)
    books.run("q1.iif")
    books.drop("march.iif", book([MARCH[1]], "2026-03-01", "2026-03-31"), 2)
    dry = inspect([books.inbox / "march.iif"], home=books.folder, store=books.store)
    report = books.run("march.iif")
    assert books.there("entries") == ["F2 20.00", "F3 30.00"], "April is not of the period that was reloaded"
    assert dry[0]["effect"]["disappearing"] == report.files[0]["effect"]["disappearing"] == 1
    assert "2026-03-01" in dry[0]["effect"]["gone"][0]
    with books.store.read() as con:
        assert con.execute(
            "select body ->> '$.memo' from raw.accounting_entries where (body ->> '$.gone_at') is not null"
        ).fetchall() == [("F1 10.00",)]
    books.undo("march.iif")
    assert books.there("entries") == ["F1 10.00", "F2 20.00", "F3 30.00"]


@pytest.mark.parametrize(("hours_ago", "bad", "why"), [(5, 0, "written later"), (1, 1, "rejected")])
def test_a_file_that_cannot_tell_what_was_deleted_takes_nothing_away_and_says_so(
    books: Home, hours_ago: float, bad: int, why: str
) -> None:
    books.drop("q1.iif", book(MARCH, "2026-03-01", "2026-04-30"), 3)
    books.run("q1.iif")
    books.drop("other.iif", book(MARCH[:1], "2026-03-01", "2026-04-30", bad), hours_ago)
    report = books.run("other.iif")
    assert len(books.there("entries")) == 3
    assert why in " ".join(report.files[0]["warnings"])


def test_a_corrected_entry_comes_back_as_it_was_when_the_correction_is_undone(books: Home) -> None:
    books.drop("old.iif", book(MARCH, "2026-03-01", "2026-04-30"), 3)
    books.run("old.iif")
    books.drop("new.iif", book([("2026-03-01", "F1", "11.00"), *MARCH[1:]], "2026-03-01", "2026-04-30"), 2)
    dry = inspect([books.inbox / "new.iif"], home=books.folder, store=books.store)
    effect = {name: dry[0]["effect"][name] for name in ("new", "known", "changed", "disappearing")}
    assert effect == {"new": 0, "known": 2, "changed": 1, "disappearing": 0}
    assert (dry[0]["verified"], dry[0]["left"][0]["reason"]) == (["debits = credits"], "draft")
    books.run("new.iif")
    assert books.there("entries")[0] == "F1 11.00"
    books.undo("new.iif")
    assert books.there("entries")[0] == "F1 10.00"


def replayed(files: list[tuple[list[tuple[str, str, str]], str, str]]) -> list[str]:
    """Independent of the warehouse: what the books hold after these files in this order."""
    held: dict[str, tuple[str, str]] = {}
    for rows, since, until in files:
        held = {doc: kept for doc, kept in held.items() if not since <= kept[0] <= until}
        held |= {doc: (day, amount) for day, doc, amount in rows}
    return sorted(f"{doc} {amount}" for doc, (_, amount) in held.items())


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_imports_and_undoings_gives_what_the_remaining_files_say(books: Home, seed: int) -> None:
    chance = random.Random(seed)
    files: dict[str, tuple[list[tuple[str, str, str]], str, str]] = {}
    order: list[str] = []
    for number in range(7):
        since, until = sorted(chance.sample([f"2026-03-{day:02}" for day in range(1, 29)], 2))
        rows = [
            (day, f"F{chance.randrange(12)}-{day[-2:]}", f"{chance.randrange(1, 3)}.00")
            for day in {
                f"2026-03-{chance.randrange(int(since[-2:]), int(until[-2:]) + 1):02}" for _ in range(5)
            }
        ]
        name = f"{number}.iif"
        books.drop(name, book(rows, since, until), 10 - number)
        files[name] = (rows, since, until)
        books.run(name)
        order.append(name)
        if number % 2:
            gone = chance.choice(order)
            books.undo(gone)
            order.remove(gone)
        assert books.there("entries") == replayed([files[each] for each in order])


class Killed(BaseException):
    """The process ends here."""


def dies(name: str, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> Callable[[], None]:
    owner, _, attribute = name.rpartition(".")
    target = getattr(imports, owner) if owner else imports
    true = getattr(target, attribute)

    def die(*args: object, **kwargs: object) -> object:
        if after:
            true(*args, **kwargs)
        raise Killed

    monkeypatch.setattr(target, attribute, die)
    return lambda: monkeypatch.setattr(target, attribute, true)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", ["Kept.begin", "merge", "note_files", "Kept.finish"])
def test_an_import_killed_at_any_step_is_taken_up_even_when_its_file_is_gone(
    books: Home, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    books.drop("q1.iif", book(MARCH, "2026-03-01", "2026-04-30"), 3)
    books.run("q1.iif")
    path = books.drop("new.iif", book(MARCH[1:], "2026-03-01", "2026-04-30"), 2)
    heal = dies(step, monkeypatch, after=after)
    with pytest.raises(Killed):
        books.run("new.iif")
    heal()
    if step != "Kept.begin" or after:
        path.unlink()
        books.run("q1.iif")
    else:
        books.run("q1.iif", "new.iif")
    assert books.there("entries") == ["F2 20.00", "F3 30.00"]
    assert [each.name for each in taken_files(books.store)] == ["q1.iif", "new.iif"]
    before = books.versions("entries")
    assert (books.run("q1.iif").rows_seen, books.versions("entries")) == (0, before)


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("step", ["Kept.undo", "undo_file", "Kept.forget"])
def test_an_undoing_killed_at_any_step_is_finished_or_never_began(
    books: Home, monkeypatch: pytest.MonkeyPatch, step: str, after: bool
) -> None:
    books.drop("q1.iif", book(MARCH, "2026-03-01", "2026-04-30"), 3)
    books.drop("new.iif", book(MARCH[1:], "2026-03-01", "2026-04-30"), 2)
    books.run("q1.iif", "new.iif")
    heal = dies(step, monkeypatch, after=after)
    with pytest.raises(Killed):
        books.undo("new.iif")
    heal()
    books.run()  # the inbox still holds both
    began = step != "Kept.undo" or after
    assert len(books.there("entries")) == (3 if began else 2)
    if not began:
        books.undo("new.iif")
    books.run()
    assert len(books.there("entries")) == 3


def test_a_warehouse_that_was_lost_knows_again_what_was_imported_and_what_was_undone(books: Home) -> None:
    books.drop("a.iif", book(MARCH, "2026-03-01", "2026-04-30"), 3)
    books.drop("b.iif", book(MARCH[1:], "2026-03-01", "2026-04-30"), 2)
    books.drop("c.iif", book([("2026-05-01", "F9", "9.00")], "2026-05-01", "2026-05-31"), 1)
    books.run()
    books.undo("c.iif")
    books.store.path.unlink()
    books.run()
    assert books.there("entries") == ["F2 20.00", "F3 30.00"]
    books.undo("b.iif")
    assert books.there("entries") == ["F1 10.00", "F2 20.00", "F3 30.00"]
    assert [each.name for each in taken_files(books.store) if each.undone_at is None] == ["a.iif"]


def test_a_dry_run_counts_a_second_file_after_the_first_and_stores_nothing(home: Home) -> None:
    home.drop("a.csv", HEAD + RENT, 3)
    home.run("a.csv")
    one = home.drop("b.csv", HEAD + RENT + COFFEE, 2)
    two = home.drop("c.csv", HEAD + COFFEE * 2 + WAGE, 1)
    before = home.versions()
    found = inspect([one, two, home.inbox / "a.csv"], home=home.folder, store=home.store)
    counts = [(each["effect"]["new"], each["effect"]["known"]) for each in found]
    assert counts == [(1, 1), (2, 1), (0, 1)]
    assert home.versions() == before
    assert sum(home.run("b.csv", "c.csv").rows_added for _ in range(2)) == 3
    assert sum(Decimal(text.split()[-1]) for text in home.there()) == Decimal("-10.00")
