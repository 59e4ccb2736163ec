"""The accounting exports that a bookkeeper would drop into the inbox, one file per calendar month and system.

Layouts follow what the systems really write: QuickBooks Online's journal report, Stripe's itemised balance
change, a Spanish bank's statement in cp1252, and Norma 43 for the savings account.
"""

import csv
import io
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from itertools import groupby
from pathlib import Path

from sandbox.company import CURRENCY, NAME, add_months, instant, local
from sandbox.events import BankMoved, Event, JournalEntry, StripeMoved

# The bookkeeper exports a month again until its late bills are in, then leaves it alone.
SETTLING = timedelta(days=6)
MAIN_IBAN = "ES1720852066623456789011"
SAVINGS = ("0049", "1500", "2810345678")  # bank, branch, account
# strftime follows the machine's language; QuickBooks does not.
MONTHS = "January February March April May June July August September October November December"
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday"
Rows = Iterable[Sequence[str]]


def write_exports(events: Sequence[Event], clock: datetime, inbox: Path) -> list[Path]:
    """Write every month's exports as they would look at `clock`; return the files that are new or changed.

    `events` as from `simulate` (sorted); those after the clock are ignored. Files appear whole (temporary
    file, then rename), a file whose content would stay the same is not touched, and nothing is ever deleted.
    """
    known = [event for event in events if event.at <= clock]
    entries = [event for event in known if isinstance(event, JournalEntry)]
    if not entries:
        return []
    inbox.mkdir(parents=True, exist_ok=True)
    main = [event for event in known if isinstance(event, BankMoved) and event.account == "main"]
    savings = [event for event in known if isinstance(event, BankMoved) and event.account == "savings"]
    charges = [event for event in known if isinstance(event, StripeMoved)]
    writers: tuple[tuple[str, Callable[[date, date], bytes | None]], ...] = (
        ("quickbooks-journal-{}.csv", lambda first, last: journal_csv(entries, first, last, clock)),
        ("stripe-balance-{}.csv", lambda first, last: stripe_csv(charges, first, last)),
        ("banco-movimientos-{}.csv", lambda first, last: bank_csv(main, first, last)),
        ("norma43-ahorro-{}.n43", lambda first, last: norma43(savings, first, last, local(clock).date())),
    )
    written = []
    month = min(entry.day for entry in entries).replace(day=1)
    while month <= local(clock).date():
        following = add_months(month, 1)
        for pattern, write in writers:
            content = write(month, following)
            path = inbox / pattern.format(f"{month:%Y-%m}")
            if content is not None and _replace(path, content):
                written.append(path)
        month = following
    return written


def _replace(path: Path, content: bytes) -> bool:
    if path.exists() and path.read_bytes() == content:
        return False
    # Hidden until whole, so that a watcher of the folder never sees half a file.
    temporary = path.with_name(f".{path.name}.part")
    with temporary.open("wb") as handle:
        handle.write(content)
        handle.flush()
        os.fsync(handle.fileno())
    temporary.replace(path)
    return True


def _csv(rows: Rows, delimiter: str = ",") -> str:
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return out.getvalue()


# -- QuickBooks Online: Journal, classic layout, company locale with day first -----------------


def journal_csv(entries: Sequence[JournalEntry], first: date, last: date, clock: datetime) -> bytes | None:
    """The journal of the booking dates [first, last): UTF-8 with BOM, CRLF, DD/MM/YYYY; None without entries.

    The period in the third title row settles which number is the month, also where no day is above 12.
    """
    own = sorted(
        (entry for entry in entries if first <= entry.day < last), key=lambda entry: (entry.day, entry.number)
    )
    if not own:
        return None
    end = last - timedelta(days=1)
    names = MONTHS.split()
    period = f"{names[first.month - 1]} {first.day} - {names[end.month - 1]} {end.day}, {end.year}"
    exported = local(min(clock, instant(last, time(9)) + SETTLING))
    offset = exported.strftime("%z")
    stamp = (
        f"{DAYS.split()[exported.weekday()]}, {names[exported.month - 1]} "
        f"{exported:%d, %Y %I:%M} {'AM' if exported.hour < 12 else 'PM'} GMT{offset[:3]}:{offset[3:]}"
    )
    debits = sum((debit for entry in own for _, debit, _ in entry.lines), Decimal(0))
    credits_ = sum((credit for entry in own for _, _, credit in entry.lines), Decimal(0))
    text = _csv([[NAME], ["Journal"], [period], []])
    text += _csv(
        [["Date", "Transaction Type", "Num", "Name", "Memo/Description", "Account", "Debit", "Credit"]]
    )
    for entry in own:
        text += _csv([*_journal_rows(entry), []])
    text += _csv([["TOTAL", "", "", "", "", "", _english(debits), _english(credits_)], [], [stamp]])
    return text.encode("utf-8-sig")


def _journal_rows(entry: JournalEntry) -> Iterator[list[str]]:
    head = [f"{entry.day:%d/%m/%Y}", entry.kind, entry.document]
    for account, debit, credit in entry.lines:
        # QuickBooks repeats the memo on each line but says date, type and number once.
        yield [
            *head,
            entry.name,
            entry.memo,
            account,
            _english(debit, blank=True),
            _english(credit, blank=True),
        ]
        head = ["", "", ""]
    total = sum((debit for _, debit, _ in entry.lines), Decimal(0))
    yield ["", "", "", "", "", "", _english(total), _english(total)]


def _english(amount: Decimal, *, blank: bool = False) -> str:
    return "" if blank and not amount else f"{amount:,.2f}"


# -- Stripe: balance change from activity, itemised --------------------------------------------


def stripe_csv(charges: Sequence[StripeMoved], first: date, last: date) -> bytes | None:
    """The balance transactions created in the UTC days [first, last): UTF-8 with BOM, CRLF; None without any.

    A payout is named on its transactions once it has happened.
    """
    paid = {event.payout: event.at for event in charges if event.category == "payout"}
    rows = [
        [
            "balance_transaction_id",
            "created_utc",
            "available_on_utc",
            "currency",
            "gross",
            "fee",
            "net",
            "reporting_category",
            "source_id",
            "description",
            "automatic_payout_id",
            "automatic_payout_effective_at",
        ]
    ]
    prefix = {"charge": "ch", "refund": "re"}
    for event in charges:
        created = event.at.astimezone(UTC)
        if not first <= created.date() < last:
            continue
        is_payout = event.category == "payout"
        available = (
            created
            if event.category != "charge"
            else datetime.combine(created.date() + timedelta(days=2), time(), tzinfo=UTC)
        )
        effective = paid.get(event.payout)
        rows.append(
            [
                event.transaction,
                f"{created:%Y-%m-%d %H:%M:%S}",
                f"{available:%Y-%m-%d %H:%M:%S}",
                CURRENCY.lower(),
                f"{event.gross:.2f}",
                f"{event.fee:.2f}",
                f"{event.gross - event.fee:.2f}",
                event.category,
                event.payout if is_payout else f"{prefix[event.category]}_{event.transaction[4:]}",
                event.description,
                event.payout if effective else "",
                f"{effective.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if effective else "",
            ]
        )
    return _csv(rows).encode("utf-8-sig") if len(rows) > 1 else None


# -- Spanish bank, main account ----------------------------------------------------------------


def bank_csv(movements: Sequence[BankMoved], first: date, last: date) -> bytes | None:
    """The main account's lines of the days [first, last): cp1252, `;`, newest first; None without any."""
    own = [event for event in movements if first <= event.day < last]
    if not own:
        return None
    iban = " ".join(MAIN_IBAN[place : place + 4] for place in range(0, 24, 4))
    rows = [
        ["Listado de movimientos", "", "", "", "", ""],
        ["Cuenta", iban, "", "", "", ""],
        ["Titular", NAME.upper(), "", "", "", ""],
        ["", "", "", "", "", ""],
        ["Fecha", "Fecha valor", "Concepto", "Importe", "Divisa", "Saldo"],
    ]
    rows += [
        [
            f"{event.day:%d/%m/%Y}",
            f"{event.value_day:%d/%m/%Y}",
            event.text,
            _spanish(event.amount),
            CURRENCY,
            _spanish(event.balance),
        ]
        for event in reversed(own)
    ]
    total = sum((event.amount for event in own), Decimal(0))
    rows.append(["Total movimientos", "", "", _spanish(total), CURRENCY, ""])
    return _csv(rows, ";").encode("cp1252")


def _spanish(amount: Decimal) -> str:
    return f"{amount:,.2f}".translate(str.maketrans(",.", ".,"))


# -- Norma 43, savings account -----------------------------------------------------------------


def norma43(movements: Sequence[BankMoved], first: date, last: date, today: date) -> bytes | None:
    """The savings account's statement of the days [first, last), up to today: 80-column records in latin-1.

    A month without a movement still has its statement; None before the account's first movement.
    """
    before = [event for event in movements if event.day < first]
    own = [event for event in movements if first <= event.day < last]
    if not before and not own:
        return None
    opening = before[-1].balance if before else Decimal(0)
    closing = own[-1].balance if own else opening
    end = min(last - timedelta(days=1), today)
    account = "".join(SAVINGS)
    lines = [
        f"11{account}{first:%y%m%d}{end:%y%m%d}{_sign(opening)}{_n43(opening)}9783{NAME.upper():<26.26}   ",
    ]
    for day, group in groupby(own, key=lambda event: event.day):
        for number, event in enumerate(group, 1):
            concept = "17" if "INTERESES" in event.text else "04"
            lines.append(
                f"22    {SAVINGS[1]}{day:%y%m%d}{event.value_day:%y%m%d}{concept}000{_sign(event.amount)}"
                f"{_n43(event.amount)}{number:010d}{'0' * 12}{' ' * 16}"
            )
            lines.append(f"2301{event.text:<38.38}{event.text[38:]:<38.38}")
    paid = [event.amount for event in own if event.amount < 0]
    received = [event.amount for event in own if event.amount >= 0]
    lines.append(
        f"33{account}{len(paid):05d}{_n43(sum(paid, Decimal(0)))}{len(received):05d}"
        f"{_n43(sum(received, Decimal(0)))}{_sign(closing)}{_n43(closing)}978    "
    )
    lines.append(f"88{'9' * 18}{len(lines):06d}{' ' * 54}")
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")


def _n43(amount: Decimal) -> str:
    return f"{abs(int(amount * 100)):014d}"


def _sign(amount: Decimal) -> str:
    return "1" if amount < 0 else "2"
