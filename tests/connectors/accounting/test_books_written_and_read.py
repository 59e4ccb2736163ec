"""Any ledger written as a QuickBooks journal, general ledger or IIF comes back equal to the cent.

The writers here know nothing of the readers: they follow the layouts that the programs write.
"""

import csv
import io
import re
from datetime import date
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.accounting import ImportedFile, ReadOptions, read_file

# account -> the side on which it grows, so that a natural sign can be written
ACCOUNTS = {
    "Checking": 1, "Accounts Receivable (A/R)": 1, "Cloud expense": 1, "Office supplies": 1,
    "Sales": -1, "VAT payable": -1, "Accounts Payable (A/P)": -1, "Bank loan": -1,
}  # fmt: skip
Posted = tuple[str, Decimal]  # account, debit less credit
Transaction = tuple[date, str, str, str, list[Posted]]  # day, kind, number, name, lines
AMOUNTS = st.integers(1, 99_999_999).map(lambda cents: Decimal(cents) / 100)


@st.composite
def transactions(draw: st.DrawFn) -> list[Transaction]:
    """Balanced transactions of one quarter, each with a number of its own."""
    found: list[Transaction] = []
    for number in range(draw(st.integers(1, 12))):
        accounts = draw(st.lists(st.sampled_from(sorted(ACCOUNTS)), min_size=2, max_size=4, unique=True))
        amounts = [draw(AMOUNTS) * draw(st.sampled_from([1, -1])) for _ in accounts[1:]]
        lines = list(zip(accounts, [*amounts, -sum(amounts, Decimal(0))], strict=True))
        found.append(
            (
                draw(st.dates(date(2026, 1, 1), date(2026, 3, 31))),
                draw(st.sampled_from(["Invoice", "Bill", "Journal Entry", "Expense"])),
                str(1000 + number),
                draw(st.sampled_from(["Clínica Ñandú", 'Smith, "Jo"', "AWS"])),
                lines,
            )
        )
    return found


def english(amount: Decimal) -> str:
    return f"{amount:,.2f}"


def table(rows: list[list[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode("utf-8-sig")


TITLES = [["Demo SL"], ["Journal"], ["January 1 - March 31, 2026"], []]


def as_journal(ledger: list[Transaction]) -> bytes:
    rows = [*TITLES]
    rows.append(["Date", "Transaction Type", "Num", "Name", "Memo/Description", "Account", "Debit", "Credit"])
    whole = Decimal(0)
    for day, kind, number, name, lines in ledger:
        head = [f"{day:%m/%d/%Y}", kind, number]
        for account, amount in lines:
            debit, credit = (english(amount), "") if amount > 0 else ("", english(-amount))
            rows.append([*head, name, "Work", account, debit, credit])
            head = ["", "", ""]
        debits = sum((a for _, a in lines if a > 0), Decimal(0))
        whole += debits
        rows.extend([["", "", "", "", "", "", english(debits), english(debits)], []])
    rows.extend([["TOTAL", "", "", "", "", "", english(whole), english(whole)], []])
    return table(rows)


def as_ledger(ledger: list[Transaction]) -> bytes:
    rows = [["Demo SL"], ["General Ledger"], ["January 1 - March 31, 2026"], []]
    rows.append(
        ["", "Date", "Transaction Type", "Num", "Name", "Memo/Description", "Split", "Amount", "Balance"]
    )
    for account, side in ACCOUNTS.items():
        rows.append([account])
        balance = Decimal(0)
        for day, kind, number, name, lines in ledger:
            for own, amount in lines:
                if own == account:
                    balance += side * amount
                    row = ["", f"{day:%m/%d/%Y}", kind, number, name, "Work", "-Split-"]
                    rows.append([*row, english(side * amount), english(balance)])
        rows.append([f"Total for {account}", "", "", "", "", "", "", f"${english(balance)}", ""])
    return table(rows)


def as_iif(ledger: list[Transaction]) -> bytes:
    names = ["TRNSTYPE", "DATE", "ACCNT", "NAME", "AMOUNT", "DOCNUM", "MEMO"]
    rows = [["!TRNS", *names], ["!SPL", *names], ["!ENDTRNS"]]
    for day, kind, number, name, lines in ledger:
        for place, (account, amount) in enumerate(lines):
            quoted = '"' + name.replace('"', '""') + '"'
            rows.append(
                [
                    "SPL" if place else "TRNS",
                    kind.upper(),
                    f"{day:%m/%d/%y}",
                    account,
                    quoted,
                    f"{amount:.2f}",
                    number,
                    "Work",
                ]
            )
        rows.append(["ENDTRNS"])
    return "".join("\t".join(row) + "\r\n" for row in rows).encode("cp1252")


def read(content: bytes) -> ImportedFile:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "book"
        path.write_bytes(content)
        # The period alone does not settle 01/02/2026 in a quarter; a person has.
        return read_file(path, ReadOptions(date_order="mdy"))


def written(ledger: list[Transaction]) -> list[tuple[str, str, str, str, list[Posted]]]:
    return sorted(
        (day.isoformat(), kind.upper(), number, name, sorted(line for line in lines if line[1]))
        for day, kind, number, name, lines in ledger
    )


def came_back(found: ImportedFile) -> list[tuple[str, str, str, str, list[Posted]]]:
    return sorted(
        (
            entry["date"],
            entry["kind"].upper(),
            entry["document"],
            entry["name"],
            sorted(
                (line["account"], amount)
                for line in entry["lines"]
                if (amount := Decimal(line["debit"]) - Decimal(line["credit"]))
            ),
        )
        for entry in found.entries
    )


@settings(max_examples=60, deadline=None)
@given(transactions())
def test_a_journal_comes_back_equal_to_the_cent(ledger: list[Transaction]) -> None:
    found = read(as_journal(ledger))
    assert came_back(found) == written(ledger)
    assert (found.rejected, found.warnings) == ([], [])
    assert found.verified == ["debits = credits", "totals of transactions", "stated total"]
    assert found.covered is not None


@settings(max_examples=60, deadline=None)
@given(transactions())
def test_an_iif_file_comes_back_equal_to_the_cent(ledger: list[Transaction]) -> None:
    found = read(as_iif(ledger))
    assert came_back(found) == written(ledger)
    assert (found.rejected, found.warnings) == ([], [])


@settings(max_examples=60, deadline=None)
@given(transactions())
def test_what_is_taken_from_a_general_ledger_is_equal_to_the_cent_and_the_rest_is_named(
    ledger: list[Transaction],
) -> None:
    """Signs that nothing decides are not guessed: such transactions are missing, and said to be."""
    found = read(as_ledger(ledger))
    back = came_back(found)
    assert [transaction for transaction in back if transaction not in written(ledger)] == []
    named = len(found.rejected) + sum(left.rows for left in found.left)
    assert (len(back) == len(ledger)) == (named == 0)
    assert (found.covered is not None) == (len(back) == len(ledger))


@settings(max_examples=40, deadline=None)
@given(transactions(), st.data())
def test_a_changed_digit_in_a_journal_is_never_silent(ledger: list[Transaction], data: st.DataObject) -> None:
    content = as_journal(ledger).decode("utf-8-sig")
    # Every amount is covered: by its transaction's balance, its total row, or the total of all.
    places = [i for found in re.finditer(r"\d[\d,]*\.\d\d", content) for i in range(*found.span())]
    place = data.draw(st.sampled_from([i for i in places if content[i].isdigit()]))
    other = str((int(content[place]) + data.draw(st.integers(1, 9))) % 10)
    found = read((content[:place] + other + content[place + 1 :]).encode("utf-8-sig"))
    assert found.rejected or found.warnings
    assert found.covered is None
