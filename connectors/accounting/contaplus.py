"""The journal of ContaPlus and Sage 50 (DIARIO.DBF, XDIARIO.TXT), one entry per asiento."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from connectors.accounting.dbf import DbfRecord, read_dbf
from connectors.accounting.shapes import (
    Format,
    Left,
    Parsed,
    ReadOptions,
    Record,
    Refused,
    Rejected,
    amount_text,
    give_entry_keys,
)

_NEEDED = frozenset({"ASIEN", "FECHA", "SUBCTA"})
_EURO, _PESETA = ("EURODEBE", "EUROHABER"), ("PTADEBE", "PTAHABER")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)", re.ASCII)
# XDIARIO.TXT holds the fields of DIARIO.DBF at fixed places: name, first and last column.
_PLACES = {
    "ASIEN": (0, 6),
    "FECHA": (6, 14),
    "SUBCTA": (14, 26),
    "CONTRA": (26, 38),
    "PTADEBE": (38, 54),
    "CONCEPTO": (54, 79),
    "PTAHABER": (79, 95),
    "FACTURA": (95, 103),
    "DOCUMENTO": (129, 139),
    "EURODEBE": (238, 254),
    "EUROHABER": (254, 270),
}
_TEXT_LINE = re.compile(r"[ \d]{5}\d(?:19|20)\d{6}\d{3,12} *.{0,12}[ \d]{12,16}", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Line:
    row: int
    account: str
    memo: str
    document: str
    debit: Decimal
    credit: Decimal


def is_contaplus(names: Iterable[str]) -> bool:
    """True for the columns of a journal; ContaPlus has many other tables."""
    found = set(names)
    return found >= _NEEDED and (found >= set(_EURO) or found >= set(_PESETA))


def is_contaplus_text(line: str) -> bool:
    """True for a line of XDIARIO.TXT that is long enough to hold the amounts in euros."""
    return (
        len(line.rstrip("\r\n")) >= _PLACES["EUROHABER"][1]
        and bool(_TEXT_LINE.match(line[:66]))
        and all(_NUMBER.fullmatch(line[slice(*_PLACES[name])].strip() or "0") for name in (*_EURO, *_PESETA))
    )


def read_contaplus(data: bytes, options: ReadOptions) -> Parsed:
    """The asientos of a DIARIO.DBF; deleted records are left out and counted.

    Raises Refused as read_dbf does and for a table that is no journal.
    """
    table = read_dbf(data)
    names = {field.name for field in table.fields}
    if not is_contaplus(names):
        raise Refused(
            "This dBase table is no journal of ContaPlus: import its DIARIO.DBF, or the whole ZIP.",
            Format.DBF,
        )
    if table.count > options.max_rows:
        raise Refused(f"The file has more than {options.max_rows:,} rows. Export a shorter period.")
    parsed = _read(table.live(), names, options)
    deleted = table.deleted()
    if deleted:
        parsed.left.append(Left("deleted", deleted))
    return parsed


def read_contaplus_text(text: str, options: ReadOptions) -> Parsed:
    """The asientos of an XDIARIO.TXT."""
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if len(lines) > options.max_rows:
        raise Refused(f"The file has more than {options.max_rows:,} rows. Export a shorter period.")
    end = _PLACES["EUROHABER"][1]
    if any(len(line) < end for _, line in lines[-1:]):
        raise Refused(f"Line {lines[-1][0]} stops within its amounts: the file is half-written.")
    records = (
        DbfRecord(number, {name: line[slice(*place)].strip() for name, place in _PLACES.items()})
        for number, line in lines
    )
    return _read(records, set(_PLACES), options)


def _read(records: Iterable[DbfRecord], names: set[str], options: ReadOptions) -> Parsed:
    parsed = Parsed()
    in_euro = names >= set(_EURO)
    columns = _EURO if in_euro else _PESETA
    asientos: dict[tuple[str, str], list[_Line]] = {}
    broken: dict[tuple[str, str], str] = {}
    pesetas = 0
    for record in records:
        values = record.values
        key = (values["ASIEN"], values["FECHA"])
        amounts = [_amount(values[name]) for name in columns]
        if in_euro and not any(amounts) and any(_amount(values.get(name, "")) for name in _PESETA):
            pesetas += 1
            broken.setdefault(key, f"record {record.number} has an amount in pesetas and none in euros")
        debit, credit = amounts
        if debit is None or credit is None:
            wrong = values[columns[0] if debit is None else columns[1]]
            broken.setdefault(key, f"record {record.number}: the amount '{wrong}' cannot be read")
            debit = credit = Decimal(0)
        if debit < 0 or credit < 0:  # a negative debit is how ContaPlus writes a correction
            debit, credit = (
                max(debit, Decimal(0)) - min(credit, Decimal(0)),
                max(credit, Decimal(0)) - min(debit, Decimal(0)),
            )
        document = values.get("DOCUMENTO") or values.get("FACTURA", "").lstrip("0")
        line = _Line(record.number, values["SUBCTA"], values.get("CONCEPTO", ""), document, debit, credit)
        asientos.setdefault(key, []).append(line)
    ids: list[str | None] = []
    for (number, written), lines in asientos.items():
        entry = _entry(number, written, lines, broken.get((number, written)), "EUR" if in_euro else "ESP")
        if isinstance(entry, str):
            parsed.rejected.append(Rejected(lines[0].row, entry))
            continue
        parsed.entries.append(entry)
        ids.append(f"{options.account}|{number}|{entry['date']}" if options.account else None)
    if pesetas:
        parsed.warnings.append(f"{pesetas} records have no amount in euros; their asientos were left out")
    if not asientos:
        parsed.warnings.append("The journal holds no asientos")
    if parsed.entries and not parsed.rejected:
        parsed.verified.append("debits = credits")
    give_entry_keys(parsed.entries, ids)
    return parsed


def _amount(text: str) -> Decimal | None:
    if not text or not text.strip("*"):
        return Decimal(0) if not text else None  # asterisks: the number did not fit its field
    return Decimal(text) + 0 if _NUMBER.fullmatch(text) else None


def _day(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8])) if len(digits) == 8 else None
    except ValueError:
        return None


def _entry(number: str, written: str, lines: list[_Line], fault: str | None, currency: str) -> Record | str:
    if fault is not None:
        return f"asiento {number}: {fault}"
    day = _day(written)
    if day is None:
        return f"asiento {number}: '{written}' is no date"
    debit = sum((line.debit for line in lines), Decimal(0))
    credit = sum((line.credit for line in lines), Decimal(0))
    if debit != credit:
        return (
            f"asiento {number} does not balance: debits {amount_text(debit)}, credits {amount_text(credit)}"
        )
    return {
        "key": "",
        "date": day.isoformat(),
        "kind": "asiento",
        "document": number,
        "name": "",
        "memo": lines[0].memo,
        "currency": currency,
        "lines": [
            {
                "account": line.account,
                "name": line.document,
                "memo": line.memo,
                "debit": amount_text(line.debit),
                "credit": amount_text(line.credit),
            }
            for line in lines
        ],
        "total_debit": amount_text(debit),
        "row": lines[0].row,
    }
