"""PayPal's activity download, in English, Spanish or German: what moved PayPal's balance."""

from collections import Counter
from decimal import Decimal

from connectors.accounting.bank_checks import balance_breaks
from connectors.accounting.program_table import LeftOut, Sheet, Unusable, open_sheet
from connectors.accounting.provider_movements import joined, provider_movement
from connectors.accounting.shapes import (
    Format,
    Parsed,
    ReadOptions,
    Record,
    Rejected,
    give_movement_keys,
    plain,
)
from connectors.accounting.tables import Row, Table

COLUMNS = {
    "date": ("date", "fecha", "datum"),
    "name": ("name", "nombre"),
    "type": ("type", "description", "tipo", "descripcion", "typ", "beschreibung"),
    "status": ("status", "estado"),
    "currency": ("currency", "divisa", "moneda", "wahrung"),
    "gross": ("gross", "bruto", "brutto"),
    "fee": ("fee", "tarifa", "comision", "gebuhr"),
    "net": ("net", "neto", "netto"),
    "id": ("transaction id", "id de transaccion", "transaktionscode"),
    "reference": (
        "reference txn id",
        "id de referencia de trans",
        "id de transaccion de referencia",
        "zugehoriger transaktionscode",
    ),
    "balance": ("balance", "saldo", "guthaben"),
    "impact": ("balance impact", "impacto en el saldo", "auswirkung auf guthaben"),
    "title": ("item title", "subject", "nombre del articulo", "artikelbezeichnung"),
    "invoice": ("invoice number", "invoice id", "numero de factura", "rechnungsnummer"),
}
_NEEDED = ("date", "currency", "gross", "fee", "net", "id")
_MONEY = ("gross", "fee", "net", "balance")
_COUNT_WORDS = """
    completed | completado | completada | abgeschlossen | refunded | partially refunded | reversed | cleared
    | paid | reembolsado | parcialmente reembolsado | ruckzahlung | teilweise zuruckgezahlt
"""
_LEFT_WORDS = """
    pending | pendiente | ausstehend | denied | denegado | abgelehnt | canceled | cancelled | cancelado
    | storniert | expired | caducado | abgelaufen | removed | voided | failed | fallido | unclaimed | held
    | on hold | placed | uncleared | returned | active | blocked | processing | created | unpaid | draft
    | declined
"""
_COUNT = frozenset(" ".join(word.split()) for word in _COUNT_WORDS.split("|"))
_LEFT = frozenset(" ".join(word.split()) for word in _LEFT_WORDS.split("|"))
_HOLDS = ("authorization", "autorizacion", "autorisierung", "account hold", "general hold")
_MIRRORS = (
    "bank deposit to pp account",
    "general card deposit",
    "general credit card deposit",
    "credit card deposit",
)
_MEMO = frozenset(["memo", "nota"])


def read_paypal(table: Table, options: ReadOptions) -> Parsed:
    """One movement per completed transaction, its amount net of the fee; the rest is left with its reason.

    A payment funded from a bank or card brings a second row that puts the same money into PayPal first: it is
    the mirror of the bank's own line and is left, so that the money is not counted twice.
    """
    sheet = open_sheet(table, COLUMNS, _NEEDED, options, money=_MONEY, days=("date",), what="PayPal activity")
    parsed, left = Parsed(), LeftOut()
    moved: list[tuple[Row, Record]] = []
    # PayPal's rows may lack the last field that its header has.
    for row in sheet.whole_rows(parsed, short_by=1):
        try:
            reason = _why_left(sheet, row)
            if reason:
                left.add(reason, sheet.code(row), sheet.amount(row, "gross"))
            else:
                moved.append((row, _movement(sheet, row)))
        except Unusable as reason_:
            parsed.rejected.append(Rejected(row.number, str(reason_)))
    _check_balance(sheet, parsed, [record for _, record in moved])
    opposite = Counter((r["currency"], r["date"], Decimal(r["gross"])) for _, r in moved)
    for row, record in moved:
        is_mirror = plain(sheet.text(row, "type")) in _MIRRORS and (
            sheet.text(row, "reference")
            or opposite[record["currency"], record["date"], -Decimal(record["gross"])]
        )
        if is_mirror:
            left.add("mirror of a bank or card line", record["currency"], Decimal(record["gross"]))
        else:
            parsed.movements.append(record)
    parsed.left = left.result()
    give_movement_keys(parsed.movements, use_balance=False)
    if not sheet.rows:
        parsed.warnings.append("The file holds no movements")
    return parsed


def _why_left(sheet: Sheet, row: Row) -> str | None:
    kind = plain(sheet.text(row, "type"))
    if plain(sheet.text(row, "impact")) in _MEMO:
        return "memo: the balance did not move"
    if kind == "shopping cart item":
        return "item of a payment that has its own row"
    status = plain(sheet.text(row, "status"))
    if status in _LEFT:
        return status
    if kind == "order" or any(word in kind for word in _HOLDS):
        return "hold or authorization"
    if sheet.has("status") and status not in _COUNT:
        raise Unusable(f"the status '{sheet.text(row, 'status')}' is not known")
    return None


def _movement(sheet: Sheet, row: Row) -> Record:
    gross, net = sheet.needed(row, "gross"), sheet.needed(row, "net")
    fee = sheet.amount(row, "fee") or Decimal(0)
    if gross + fee != net:
        raise Unusable(f"gross {gross} and fee {fee} do not make net {net}")
    identity = sheet.text(row, "id")
    if not identity:
        raise Unusable("the row has no transaction id")
    return provider_movement(
        Format.PAYPAL,
        "paypal",
        day=sheet.needed_day(row, "date"),
        amount=net,
        currency=sheet.code(row),
        row=row.number,
        text=joined(*(sheet.text(row, role) for role in ("name", "type", "title", "invoice"))),
        bank_id=identity,
        category=sheet.text(row, "type") or None,
        gross=gross,
        fee=-fee if fee else Decimal(0),
        balance=sheet.amount(row, "balance"),
    )


def _check_balance(sheet: Sheet, parsed: Parsed, records: list[Record]) -> None:
    """Each currency has a balance of its own; where all of them follow, the file is whole."""
    stated = [record for record in records if record["balance"] is not None]
    if not sheet.has("balance") or len(stated) < 2:
        return
    breaks = balance_breaks([{**record, "account": record["currency"]} for record in stated])
    parsed.warnings += breaks
    per_currency = Counter(record["currency"] for record in stated)
    if not breaks and max(per_currency.values()) > 1:
        parsed.verified.append("running balance")
