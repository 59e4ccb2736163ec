"""Norma 43 (AEB 43), the fixed-width statement of Spanish banks; every trailer is recomputed."""

import re
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from connectors.accounting.dates import clamp
from connectors.accounting.shapes import (
    Format,
    Parsed,
    Record,
    Refused,
    Rejected,
    amount_text,
    give_movement_keys,
)

FIRST_LINE = re.compile(r"11\d{18}\d{12}[012]\d{14}\d{3}")
_CURRENCIES = {
    "978": "EUR",
    "840": "USD",
    "826": "GBP",
    "756": "CHF",
    "392": "JPY",
    "752": "SEK",
    "578": "NOK",
    "208": "DKK",
    "985": "PLN",
    "203": "CZK",
    "348": "HUF",
    "946": "RON",
    "504": "MAD",
    "484": "MXN",
    "986": "BRL",
    "124": "CAD",
    "036": "AUD",
    "156": "CNY",
    "032": "ARS",
    "170": "COP",
    "152": "CLP",
    "604": "PEN",
    "724": "ESP",
    "975": "BGN",
}
_ACCOUNT_LENGTH, _MOVEMENT_LENGTH, _TRAILER_LENGTH = 50, 42, 76


@dataclass(slots=True)
class _Account:
    """One account's part of the file, between its records 11 and 33."""

    number: str
    currency: str | None
    currency_code: str
    opening: Decimal
    line: int
    debits: list[Decimal] = field(default_factory=list)
    credits: list[Decimal] = field(default_factory=list)
    closed: bool = False


def read_norma43(text: str) -> Parsed:
    """The movements of every account in the file; contradicting trailers become warnings.

    Raises Refused when the file ends before an account's trailer (record 33) or inside a record.
    """
    parsed = Parsed()
    account: _Account | None = None
    last: Record | None = None
    records = 0
    ended = False
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        code = line[:2]
        if not line.strip() or line.strip() == "\x1a":
            continue
        if ended and code != "11":
            parsed.warnings.append(f"Line {number}: there is data after the end record 88")
        if code == "88":
            parsed.warnings += _check_end(line, number, records)
            ended = True
            continue
        records += 1
        if code == "11":
            if account is not None and not account.closed:
                raise _no_trailer(account)
            account, last = _account(line, number), None
            if line[32] == "0" and account.opening:
                parsed.warnings.append(f"Line {number}: the opening balance has no sign; taken as credit")
            if account.currency is None:
                parsed.warnings.append(f"Line {number}: currency code {account.currency_code} is not known")
            ended = False
        elif code == "22":
            last = _movement(line, number, account, parsed, is_last=number == len(lines))
        elif code == "23":
            if last is not None:
                last["text"] = " ".join(f"{last['text']} {line[4:42]} {line[42:80]}".split())
        elif code == "33":
            _close(line, number, account, parsed)
            last = None
        elif code not in {"00", "24"}:
            parsed.warnings.append(f"Line {number}: record type '{code}' is not part of Norma 43; left out")
    if account is None:
        raise Refused("The file has no account record (11).")
    if not account.closed:
        raise _no_trailer(account)
    if not ended:
        parsed.warnings.append("The end record (88) is missing: further accounts may have been cut off")
    elif not parsed.rejected and not parsed.warnings:
        parsed.verified += ["trailer", "closing balance", "number of records"]
    give_movement_keys(parsed.movements)
    return parsed


def _no_trailer(account: _Account) -> Refused:
    return Refused(
        f"The account that starts on line {account.line} has no trailer (record 33): the file is "
        "half-written. Download it again."
    )


def _cents(digits: str) -> Decimal | None:
    return Decimal(digits).scaleb(-2) if digits.isdecimal() and digits.isascii() else None


def _day(digits: str) -> date | None:
    if not (len(digits) == 6 and digits.isdecimal()):
        return None
    year = int(digits[:2])
    return clamp(year + (2000 if year < 80 else 1900), int(digits[2:4]), int(digits[4:]))


def _account(line: str, number: int) -> _Account:
    balance = _cents(line[33:47])
    if len(line) < _ACCOUNT_LENGTH or balance is None or line[32] not in "012":
        raise Refused(f"Line {number}: the account record (11) is damaged. Download the file again.")
    code = line[47:50]
    return _Account(line[2:20], _CURRENCIES.get(code), code, -balance if line[32] == "1" else balance, number)


def _movement(
    line: str, number: int, account: _Account | None, parsed: Parsed, *, is_last: bool
) -> Record | None:
    if account is None or account.closed:
        raise Refused(f"Line {number}: a movement stands outside any account. Download the file again.")
    if len(line) < _MOVEMENT_LENGTH:
        if is_last:
            raise Refused(f"Line {number} stops in the middle of a movement: the file is half-written.")
        parsed.rejected.append(Rejected(number, f"the movement record has {len(line)} of 80 characters"))
        return None
    day, value_day, amount, sign = _day(line[10:16]), _day(line[16:22]), _cents(line[28:42]), line[27]
    if day is None or amount is None or sign not in "12":
        wrong = f"date '{line[10:16]}'" if day is None else f"amount '{line[27:42]}'"
        parsed.rejected.append(Rejected(number, f"the {wrong} of the movement cannot be read"))
        return None
    (account.debits if sign == "1" else account.credits).append(amount)
    references = " ".join(f"{line[52:64]} {line[64:80]}".split())
    record: Record = {
        "key": "",
        "format": Format.NORMA43.value,
        "account": account.number,
        "currency": account.currency,
        "date": day.isoformat(),
        "value_date": value_day.isoformat() if value_day else None,
        "amount": amount_text(-amount if sign == "1" else amount),
        "text": references if references.strip("0 ") else "",
        "balance": None,
        "bank_id": None,
        "category": line[22:24].strip() or None,
        "gross": None,
        "fee": None,
        "row": number,
    }
    parsed.movements.append(record)
    return record


def _close(line: str, number: int, account: _Account | None, parsed: Parsed) -> None:
    if account is None or account.closed:
        raise Refused(f"Line {number}: a trailer (record 33) belongs to no account. Download the file again.")
    if len(line) < _TRAILER_LENGTH:
        raise Refused(f"Line {number}: the trailer (record 33) stops short: the file is half-written.")
    account.closed = True
    debit, credit = sum(account.debits, Decimal(0)), sum(account.credits, Decimal(0))
    final = account.opening + credit - debit
    stated_final = _cents(line[59:73])
    if stated_final is not None and line[58] == "1":
        stated_final = -stated_final
    found: list[tuple[str, object, object]] = [
        ("account", line[2:20], account.number),
        ("number of debits", _whole(line[20:25]), len(account.debits)),
        ("sum of debits", _cents(line[25:39]), debit),
        ("number of credits", _whole(line[39:44]), len(account.credits)),
        ("sum of credits", _cents(line[44:58]), credit),
        ("final balance", stated_final, final),
        ("currency", line[73:76], account.currency_code),
    ]
    for name, stated, counted in found:
        if stated != counted:
            parsed.warnings.append(
                f"Line {number}: the trailer's {name} is {'unreadable' if stated is None else stated}, "
                f"the records give {counted}"
            )
    if line[58] not in "12" and not (line[58] == "0" and not final):
        parsed.warnings.append(f"Line {number}: the trailer's balance sign '{line[58]}' is neither 1 nor 2")


def _whole(digits: str) -> int | None:
    return int(digits) if digits.isdecimal() else None


def _check_end(line: str, number: int, records: int) -> list[str]:
    found = []
    if line[2:20] != "9" * 18:
        found.append(f"Line {number}: the end record (88) is damaged")
    stated = _whole(line[20:26])
    if stated != records:
        found.append(
            f"Line {number}: the end record says {'nothing readable' if stated is None else stated} records, "
            f"the file has {records}"
        )
    return found
