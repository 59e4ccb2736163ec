"""dBase tables, as ContaPlus writes them: live records as text by field name, without trusting the header."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from connectors.accounting.shapes import Format, Refused

_DELETED = 0x2A
_CODE_PAGE = "cp850"  # whatever byte 29 of the header says: ContaPlus leaves it at 0 or lies
_MEMOS = frozenset("MGP")


@dataclass(frozen=True, slots=True)
class DbfField:
    """One column: its name, its type letter, and where it stands in a record."""

    name: str
    kind: str
    start: int
    length: int
    decimals: int


@dataclass(frozen=True, slots=True)
class DbfRecord:
    """One live record, numbered from 1 with the deleted ones counted."""

    number: int
    values: dict[str, str]


@dataclass(frozen=True, slots=True)
class Dbf:
    """A dBase file after its header."""

    fields: tuple[DbfField, ...]
    data: bytes
    start: int
    length: int
    count: int

    def deleted(self) -> int:
        """How many records are marked as deleted."""
        return sum(self.data[self.start + i * self.length] == _DELETED for i in range(self.count))

    def live(self) -> Iterator[DbfRecord]:
        """The records that are not deleted."""
        for index in range(self.count):
            at = self.start + index * self.length
            raw = self.data[at : at + self.length]
            if raw[0] != _DELETED:
                yield DbfRecord(index + 1, {f.name: _text(raw, f) for f in self.fields})


def _text(raw: bytes, field: DbfField) -> str:
    part = raw[field.start : field.start + field.length]
    if field.kind in _MEMOS:
        return ""
    if field.kind == "I" and field.length == 4:
        return str(int.from_bytes(part, "little", signed=True))
    if field.kind == "Y" and field.length == 8:
        value = int.from_bytes(part, "little", signed=True)
        return f"{'-' if value < 0 else ''}{abs(value) // 10_000}.{abs(value) % 10_000:04d}"
    return part.replace(b"\x00", b" ").decode(_CODE_PAGE).strip()


def field_names(data: bytes) -> tuple[str, ...]:
    """The column names in the first bytes of a dBase file; empty where there are none."""
    return tuple(field.name for field in _fields(data, min(len(data), 32 + 32 * 255)))


def _fields(data: bytes, end: int) -> tuple[DbfField, ...]:
    found: list[DbfField] = []
    place = 1  # the first byte of a record is its deletion mark
    for at in range(32, end - 31, 32):
        if data[at] == 0x0D:
            break
        name = data[at : at + 11].split(b"\x00")[0].decode(_CODE_PAGE).strip().upper()
        kind = chr(data[at + 11])
        length, decimals = data[at + 16], data[at + 17]
        if kind == "C":
            length, decimals = length + 256 * decimals, 0
        found.append(DbfField(name, kind, place, length, decimals))
        place += length
    return tuple(found)


def read_dbf(data: bytes) -> Dbf:
    """The table in these bytes.

    Raises Refused when the header is damaged or the records that it counts are not all there.
    """
    if len(data) < 33:
        raise Refused("The dBase file stops within its header: it is half-written.", Format.DBF)
    count, start, length = struct.unpack_from("<IHH", data, 4)
    fields = _fields(data, min(start, len(data)))
    if not fields or length < 2 or fields[-1].start + fields[-1].length > length:
        raise Refused("The header of the dBase file is damaged. Copy the file again.", Format.DBF)
    there = max(len(data) - start, 0) // length
    if count > there:
        raise Refused(
            f"The dBase file says {count} records and holds {there}: it is half-written. Copy it again while "
            "the program is closed.",
            Format.DBF,
        )
    return Dbf(fields, data, start, length, count)
