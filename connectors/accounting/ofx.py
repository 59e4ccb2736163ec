"""OFX, QFX and QBO Web Connect statements, SGML and XML alike, by a forgiving tokenizer."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from connectors.accounting.dates import clamp
from connectors.accounting.numbers import currency_of, decimal_evidence, read_body
from connectors.accounting.numbers import take_apart as take_amount_apart
from connectors.accounting.shapes import (
    Format,
    Parsed,
    ReadOptions,
    Record,
    Refused,
    Rejected,
    amount_text,
    give_movement_keys,
)

_CDATA = re.compile(r"<!\[CDATA\[(.*?)\]\]>", re.DOTALL)
_TOKEN = re.compile(r"<(/?)([A-Za-z][A-Za-z0-9._]*)[^<>]*?(/?)>([^<]*)")
_TRADES = (
    "BUYSTOCK",
    "SELLSTOCK",
    "BUYMF",
    "SELLMF",
    "INCOME",
    "REINVEST",
    "BUYDEBT",
    "SELLDEBT",
    "BUYOTHER",
)
_OWN_ACCOUNTS = frozenset({"BANKACCTFROM", "CCACCTFROM", "INVACCTFROM"})


@dataclass(slots=True)
class _Transaction:
    line: int
    account: str | None
    currency: str | None
    fields: dict[str, str] = field(default_factory=dict)
    inside: list[str] = field(default_factory=list)  # aggregates open within the transaction


def read_ofx(text: str, options: ReadOptions) -> Parsed:
    """The transactions of every account in the file.

    Raises Refused for a file that does not end with </OFX> or that declares entities.
    """
    if re.search(r"<!(?:DOCTYPE|ENTITY)", text, re.IGNORECASE):
        raise Refused("The file declares XML entities, which no bank's OFX needs; it is not opened.")
    if not re.search(r"</OFX\s*>", text, re.IGNORECASE):
        raise Refused("The file does not end with </OFX>: it is half-written. Download it again.")
    text = _CDATA.sub(lambda match: html.escape(match[1], quote=False), text)
    parsed = Parsed()
    trades = 0
    period_ends: list[tuple[int, str]] = []
    transactions: list[_Transaction] = []
    for transaction in _transactions(text, period_ends):
        if isinstance(transaction, str):
            trades += 1
        else:
            transactions.append(transaction)
    for transaction in transactions:
        end = next((day for line, day in reversed(period_ends) if line < transaction.line), None)
        record = _movement(transaction, end, options, parsed)
        if isinstance(record, str):
            parsed.rejected.append(Rejected(transaction.line, record))
        else:
            parsed.movements.append(record)
    if re.search(r"<SEVERITY>\s*ERROR", text, re.IGNORECASE):
        parsed.warnings.append("The bank answered with an error: the statement may be missing or incomplete")
    if trades:
        parsed.warnings.append(f"{trades} trades of securities are not read; only cash movements are")
    repeated = len(parsed.movements) - len({(m["account"], m["bank_id"]) for m in parsed.movements})
    if repeated:
        parsed.warnings.append(f"{repeated} transactions repeat a FITID; all were kept")
    give_movement_keys(parsed.movements)
    return parsed


def _transactions(text: str, period_ends: list[tuple[int, str]]) -> Iterator[_Transaction | str]:
    """Walk the tags: each STMTTRN with the account and currency around it, or the name of a trade."""
    account: str | None = None
    currency: str | None = None
    bank = ""
    owner: str | None = None
    current: _Transaction | None = None
    line, position = 1, 0
    for match in _TOKEN.finditer(text):
        line += text.count("\n", position, match.start())
        position = match.start()
        closing, name = match[1] == "/", match[2].upper()
        value = html.unescape(match[4]).strip()
        if current is not None:
            if name == "STMTTRN" or (closing and name == "BANKTRANLIST"):
                yield current
                current = None
            else:
                _field(current, name, value, closing=closing or bool(match[3]))
                continue
        if name == "STMTTRN" and not closing:
            current = _Transaction(line, account, currency)
        elif name in _OWN_ACCOUNTS:
            owner = None if closing else name
            if not closing:
                account, bank = None, ""
        elif owner and not closing and name in {"BANKID", "BROKERID"}:
            bank = value
        elif owner and not closing and name == "ACCTID":
            account = " ".join(f"{bank} {value}".split()) or None
        elif name == "CURDEF" and not closing:
            currency = currency_of(value)
        elif name == "DTEND" and value:
            period_ends.append((line, value))
        elif name in _TRADES and not closing:
            yield name
    if current is not None:
        yield current


def _field(transaction: _Transaction, name: str, value: str, *, closing: bool) -> None:
    if closing:
        if name in transaction.inside:
            del transaction.inside[transaction.inside.index(name) :]
        return
    if not value and name in {"PAYEE", "CURRENCY", "ORIGCURRENCY", "BANKACCTTO", "CCACCTTO", "IMAGEDATA"}:
        transaction.inside.append(name)
        return
    path = f"{transaction.inside[-1]}.{name}" if transaction.inside else name
    transaction.fields.setdefault(path, value)


def _day(text: str | None) -> date | None:
    if not text or not re.match(r"\d{8}", text):
        return None
    return clamp(int(text[:4]), int(text[4:6]), int(text[6:8]))


def _movement(
    transaction: _Transaction, end: str | None, options: ReadOptions, parsed: Parsed
) -> Record | str:
    fields = transaction.fields
    amount = _amount(fields.get("TRNAMT", ""), options)
    if amount is None:
        return f"the amount '{fields.get('TRNAMT', '')}' cannot be read"
    raw = fields.get("DTPOSTED") or fields.get("DTUSER") or fields.get("DTAVAIL")
    day = _day(raw)
    if day is None:
        day = _day(end)
        if day is None:
            return f"the date '{raw or ''}' cannot be read and the statement gives no other"
        parsed.warnings.append(
            f"Line {transaction.line}: the transaction has no readable date; "
            f"it is booked at the statement's end, {day}"
        )
    elif raw and int(raw[6:8]) != day.day:
        parsed.warnings.append(f"Line {transaction.line}: there is no day {raw[:8]}; taken as {day}")
    value_day = _day(fields.get("DTAVAIL"))
    parts: list[str] = []
    for name in ("NAME", "PAYEE.NAME", "MEMO"):
        part = " ".join(fields.get(name, "").split())
        if part and not any(part in known for known in parts):
            parts = [known for known in parts if known not in part]
            parts.append(part)
    number = fields.get("CHECKNUM", "").strip("0 ")
    if not parts and number:
        parts.append(f"CHECK {number}")
    return {
        "key": "",
        "format": Format.OFX.value,
        "account": transaction.account or options.account,
        # Inside CURRENCY the amount is in that currency; ORIGCURRENCY only says what it once was.
        "currency": currency_of(fields.get("CURRENCY.CURSYM", ""))
        or transaction.currency
        or options.currency,
        "date": day.isoformat(),
        "value_date": value_day.isoformat() if value_day else None,
        "amount": amount_text(amount),
        "text": " · ".join(parts),
        "balance": None,
        "bank_id": fields.get("FITID", "").strip() or None,
        "category": fields.get("TRNTYPE") or None,
        "gross": None,
        "fee": None,
        "row": transaction.line,
    }


def _amount(text: str, options: ReadOptions) -> Decimal | None:
    """By the standard one mark, point or comma, is the decimal mark and no currency sign may stand there."""
    if not text or not re.fullmatch(r"[+-]?[\d.,\s]+", text):
        return None
    written = take_amount_apart(text)
    if written is None:
        return None
    proof = decimal_evidence(written.body)
    if proof == "?":
        proof = options.decimal_mark or ("," if "," in written.body else ".")
    value = read_body(written.body, proof or ".")
    return value if value is None or written.sign >= 0 else -value
