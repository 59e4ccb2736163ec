"""Statements and journals written for tests in the formats that banks and Spanish programs write."""

import struct
from datetime import date
from decimal import Decimal

from tests.connectors.accounting.statements import Line

Asiento = tuple[int, date, str, list[tuple[str, Decimal]]]  # number, day, text, accounts with debit - credit


def swift_amount(value: Decimal) -> str:
    return f"{abs(value):.2f}".replace(".", ",")


def swift_mark(value: Decimal) -> str:
    return "D" if value < 0 else "C"


def mt940(accounts: list[tuple[str, list[Line]]], opening: Decimal = Decimal("250.00")) -> bytes:
    """An MT940 file of one statement per account."""
    out: list[str] = []
    for number, (account, lines) in enumerate(accounts, start=1):
        first, last = lines[0][0], lines[-1][0]
        out += [":20:STARTUMS", f":25:{account}", f":28C:{number:05d}/001"]
        out.append(f":60F:{swift_mark(opening)}{first:%y%m%d}EUR{swift_amount(opening)}")
        balance = opening
        for day, text, amount in lines:
            balance += amount
            out.append(f":61:{day:%y%m%d}{day:%m%d}{swift_mark(amount)}{swift_amount(amount)}NTRFNONREF")
            out.append(f":86:{text}")
        out += [f":62F:{swift_mark(balance)}{last:%y%m%d}EUR{swift_amount(balance)}", "-"]
    return "".join(f"{line}\r\n" for line in out).encode()


def camt053(accounts: list[tuple[str, list[Line]]], opening: Decimal = Decimal("250.00")) -> bytes:
    """A CAMT.053 file of one statement per account."""

    def money(value: Decimal) -> str:
        side = "DBIT" if value < 0 else "CRDT"
        return f'<Amt Ccy="EUR">{abs(value):.2f}</Amt><CdtDbtInd>{side}</CdtDbtInd>'

    def text_of(text: str) -> str:
        return text.replace("&", "&amp;").replace("<", "&lt;")

    statements = []
    for account, lines in accounts:
        closing = opening + sum((amount for _, _, amount in lines), Decimal(0))
        balances = "".join(
            f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{money(value)}</Bal>"
            for code, value in (("OPBD", opening), ("CLBD", closing))
        )
        entries = "".join(
            f"<Ntry>{money(amount)}<Sts>BOOK</Sts><BookgDt><Dt>{day}</Dt></BookgDt>"
            f"<AddtlNtryInf>{text_of(text)}</AddtlNtryInf></Ntry>"
            for day, text, amount in lines
        )
        statements.append(f"<Stmt><Acct><Id><IBAN>{account}</IBAN></Id></Acct>{balances}{entries}</Stmt>")
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02"><BkToCstmrStmt>'
        f"{''.join(statements)}</BkToCstmrStmt></Document>\n"
    ).encode()


DIARIO = (
    ("ASIEN", "N", 6, 0),
    ("FECHA", "D", 8, 0),
    ("SUBCTA", "C", 12, 0),
    ("CONTRA", "C", 12, 0),
    ("PTADEBE", "N", 16, 2),
    ("CONCEPTO", "C", 25, 0),
    ("PTAHABER", "N", 16, 2),
    ("DOCUMENTO", "C", 10, 0),
    ("EURODEBE", "N", 16, 2),
    ("EUROHABER", "N", 16, 2),
)


def dbf(fields: tuple[tuple[str, str, int, int], ...], records: list[dict[str, str]]) -> bytes:
    """A dBase III table; a record with the key "*" is marked as deleted."""
    length = 1 + sum(size for _, _, size, _ in fields)
    start = 33 + 32 * len(fields)
    out = struct.pack("<B3BIHH20x", 3, 126, 3, 31, len(records), start, length)
    for name, kind, size, decimals in fields:
        out += name.encode().ljust(11, b"\0") + kind.encode() + bytes(4) + bytes([size, decimals]) + bytes(14)
    out += b"\r"
    for record in records:
        out += b"*" if "*" in record else b" "
        for name, kind, size, _ in fields:
            text = record.get(name, "").encode("cp850")[:size]
            out += text.rjust(size) if kind == "N" else text.ljust(size)
    return out + b"\x1a"


def diario(asientos: list[Asiento]) -> bytes:
    """A DIARIO.DBF with an amount in euros on one side of each line and nothing in pesetas."""
    records = [
        {
            "ASIEN": str(number),
            "FECHA": f"{day:%Y%m%d}",
            "SUBCTA": account,
            "CONCEPTO": text,
            "EURODEBE": f"{max(amount, Decimal(0)):.2f}",
            "EUROHABER": f"{max(-amount, Decimal(0)):.2f}",
        }
        for number, day, text, lines in asientos
        for account, amount in lines
    ]
    return dbf(DIARIO, records)


def xdiario(asientos: list[Asiento]) -> bytes:
    """The same journal as XDIARIO.TXT."""
    out = []
    for number, day, text, lines in asientos:
        for account, amount in lines:
            debit, credit = f"{max(amount, Decimal(0)):.2f}", f"{max(-amount, Decimal(0)):.2f}"
            head = f"{number:>6}{day:%Y%m%d}{account:<12}{'':12}{'0.00':>16}{text:<25.25}{'0.00':>16}"
            out.append(f"{head:<237}2{debit:>16}{credit:>16}{'0.00':>16}F")
    return "".join(f"{line}\r\n" for line in out).encode("cp850")
