"""CAMT.053 bank statements of any version: booked entries, one movement each, balances recomputed."""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from connectors.accounting.shapes import (
    Format,
    Left,
    Parsed,
    Record,
    Refused,
    Rejected,
    amount_text,
    give_movement_keys,
)

_AMOUNT = re.compile(r"[+-]?\d+(?:\.\d*)?|[+-]?\.\d+")
_MAX_DETAILS = 20  # a batch may hold thousands; the text names the first


def read_xml(data: bytes) -> Element:
    """The root of an XML file.

    Raises Refused for entities, a document type or XML that does not end.
    """
    try:
        root: Element = fromstring(data, forbid_dtd=True)
    except DefusedXmlException as error:
        raise Refused("The file declares XML entities or a document type; it is not opened.") from error
    except ParseError as error:
        line, column = error.position
        raise Refused(
            f"The XML breaks off or is damaged at line {line}, column {column}. Download the file again."
        ) from error
    except (LookupError, ValueError) as error:
        raise Refused(
            "The XML names an encoding that it is not written in. Download the file again."
        ) from error
    return root


def local(element: Element) -> str:
    """The element's name without its namespace, whose version nobody should depend on."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def children(element: Element, name: str) -> Iterator[Element]:
    """The element's own children of this name."""
    return (child for child in element if local(child) == name)


def at(element: Element | None, path: str) -> Element | None:
    """The first element at a path of names, or None."""
    for name in path.split("/"):
        if element is None:
            return None
        element = next(children(element, name), None)
    return element


def text_of(element: Element | None, *paths: str) -> str:
    """The stripped text of the first path that has any; empty when none has."""
    for path in paths:
        found = at(element, path)
        if found is not None and found.text and found.text.strip():
            return found.text.strip()
    return ""


def read_camt053(data: bytes) -> Parsed:
    """The booked entries of every statement; pending and informational ones are left out with a warning.

    Rejected rows carry the entry's number in the file. Raises Refused as read_xml does.
    """
    root = read_xml(data)
    parsed = Parsed()
    skipped: Counter[str] = Counter()
    tied: list[set[str]] = []
    number = 0
    statements = [e for e in root.iter() if local(e) == "Stmt"]
    if not statements:
        raise Refused("The CAMT.053 file holds no statement (Stmt).")
    for statement in statements:
        before = len(parsed.movements)
        rejected = len(parsed.rejected)
        for entry in children(statement, "Ntry"):
            number += 1
            status = text_of(entry, "Sts/Cd", "Sts/Prtry", "Sts") or "BOOK"
            if status in {"PDNG", "INFO", "FUTR"}:
                skipped[status] += 1
                continue
            record = _movement(entry, number, statement)
            if isinstance(record, str):
                parsed.rejected.append(Rejected(number, record))
            else:
                parsed.movements.append(record)
        agree: set[str] = set()
        if len(parsed.rejected) == rejected:
            booked = parsed.movements[before:]
            parsed.warnings += _check(statement, booked, agree)
            parsed.warnings += _check_summary(statement, booked, agree, has_pending=bool(skipped))
        tied.append(agree)
    parsed.warnings += [
        f"{count} entries with the status {status} are not booked; left out"
        for status, count in skipped.items()
    ]
    parsed.left += [Left(f"not booked ({status})", count) for status, count in skipped.items()]
    parsed.verified += sorted(set.intersection(*tied))
    give_movement_keys(parsed.movements)
    return parsed


def _money(element: Element | None, indicator: str) -> tuple[Decimal, str] | None:
    """Signed amount and currency of an Amt element."""
    raw = (element.text or "").strip() if element is not None else ""
    if element is None or not _AMOUNT.fullmatch(raw) or indicator not in {"CRDT", "DBIT"}:
        return None
    try:
        value = Decimal(raw)
    except InvalidOperation:
        return None
    return (value if indicator == "CRDT" else -value), element.get("Ccy", "").strip().upper()


def _day(element: Element, *names: str) -> date | None:
    raw = text_of(element, *(f"{name}/{kind}" for name in names for kind in ("Dt", "DtTm")))
    try:
        return date.fromisoformat(raw[:10])
    except ValueError:
        return None


def _account(statement: Element) -> str | None:
    return (
        text_of(statement, "Acct/Id/IBAN", "Acct/Id/Othr/Id", "Acct/Id/PrtryAcct/Id", "Acct/Id/BBAN") or None
    )


def _movement(entry: Element, number: int, statement: Element) -> Record | str:
    raw, indicator = text_of(entry, "Amt"), text_of(entry, "CdtDbtInd")
    money = _money(at(entry, "Amt"), indicator)
    if money is None:
        wrong = f"amount '{raw}'" if indicator in {"CRDT", "DBIT"} else f"credit/debit mark '{indicator}'"
        return f"the {wrong} cannot be read"
    amount, currency = money
    value_day = _day(entry, "ValDt")
    day = _day(entry, "BookgDt") or value_day or _day(statement, "FrToDt") or _closing_day(statement)
    if day is None:
        return "the entry has no booking date"
    details = [d for block in children(entry, "NtryDtls") for d in children(block, "TxDtls")]
    reference = text_of(entry, "AcctSvcrRef")
    if not reference and len(details) == 1:
        reference = text_of(details[0], "Refs/AcctSvcrRef")
    category = text_of(entry, "BkTxCd/Domn/Fmly/SubFmlyCd", "BkTxCd/Prtry/Cd", "BkTxCd/Domn/Cd")
    return {
        "key": "",
        "format": Format.CAMT053.value,
        "account": _account(statement),
        "currency": currency or text_of(statement, "Acct/Ccy") or None,
        "date": day.isoformat(),
        "value_date": value_day.isoformat() if value_day else None,
        "amount": amount_text(amount),
        "text": _description(entry, details, amount),
        "balance": None,
        "bank_id": None if reference in {"", "NOTPROVIDED", "NONREF"} else reference,
        "category": category or None,
        "gross": None,
        "fee": None,
        "row": number,
    }


def _closing_day(statement: Element) -> date | None:
    for balance in children(statement, "Bal"):
        if text_of(balance, "Tp/CdOrPrtry/Cd") in {"CLBD", "CLAV"}:
            return _day(balance, "Dt")
    return None


def _description(entry: Element, details: list[Element], amount: Decimal) -> str:
    parts: list[str] = []

    def add(text: str) -> None:
        text = " ".join(text.split())
        if text and text not in parts and text != "NOTPROVIDED":
            parts.append(text)

    other = "Dbtr" if amount > 0 else "Cdtr"
    for detail in details[:_MAX_DETAILS]:
        # Version 08 puts the party's name one level deeper.
        for side in (other, "Cdtr" if other == "Dbtr" else "Dbtr"):
            name = text_of(detail, f"RltdPties/{side}/Nm", f"RltdPties/{side}/Pty/Nm")
            if name:
                add(name)
                break
        remittance = at(detail, "RmtInf")
        if remittance is not None:
            for line in children(remittance, "Ustrd"):
                add(line.text or "")
            for structured in children(remittance, "Strd"):
                add(text_of(structured, "CdtrRefInf/Ref"))
        add(text_of(detail, "AddtlTxInf"))
        add(text_of(detail, "Refs/EndToEndId"))
    if len(details) > _MAX_DETAILS:
        add(f"and {len(details) - _MAX_DETAILS} more")
    add(text_of(entry, "AddtlNtryInf"))
    return " · ".join(parts)


def _check(statement: Element, movements: list[Record], agree: set[str]) -> list[str]:
    """Opening balance plus entries against the closing balance, where both are in the entries' currency."""
    found: dict[str, tuple[Decimal, str]] = {}
    for balance in children(statement, "Bal"):
        code = text_of(balance, "Tp/CdOrPrtry/Cd")
        money = _money(at(balance, "Amt"), text_of(balance, "CdtDbtInd"))
        if money and (code != "PRCD" or "OPBD" not in found):
            found["OPBD" if code == "PRCD" else code] = money
    if "OPBD" not in found or "CLBD" not in found:
        return []
    (opening, currency), (closing, other) = found["OPBD"], found["CLBD"]
    if currency != other or {m["currency"] for m in movements} - {currency}:
        return ["The statement's balances and entries are in several currencies; they were not compared"]
    total = sum((Decimal(m["amount"]) for m in movements), Decimal(0))
    if opening + total == closing:
        agree.add("closing balance")
        return []
    figures = f"Opening {amount_text(opening)} and entries {amount_text(total)} {currency}"
    return [f"{figures} do not give the closing balance {amount_text(closing)}"]


def _check_summary(
    statement: Element, movements: list[Record], agree: set[str], *, has_pending: bool
) -> list[str]:
    """The number and sum of entries that the statement itself gives, where every entry is booked."""
    summary = at(statement, "TxsSummry")
    if summary is None or has_pending:
        return []
    amounts = [Decimal(m["amount"]) for m in movements]
    sides = (
        ("TtlNtries", amounts),
        ("TtlCdtNtries", [a for a in amounts if a > 0]),
        ("TtlDbtNtries", [-a for a in amounts if a < 0]),
    )
    found = []
    stated = False
    for name, side in sides:
        count, total = text_of(summary, f"{name}/NbOfNtries"), text_of(summary, f"{name}/Sum")
        stated = stated or bool(count or total)
        if count and count != str(len(side)):
            found.append(f"The statement says {count} entries ({name}), it has {len(side)}")
        counted = sum(map(abs, side), Decimal(0))
        if total and (not _AMOUNT.fullmatch(total) or Decimal(total) != counted):
            found.append(f"The statement's {name} says {total[:30]}, its entries give {amount_text(counted)}")
    if stated and not found:
        agree.add("summary of entries")
    return found
