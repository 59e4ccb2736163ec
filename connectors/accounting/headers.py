"""What a bank's column headers mean, in the languages in which banks write them."""

import re
from dataclasses import dataclass

from connectors.accounting.dates import take_apart
from connectors.accounting.numbers import currency_of
from connectors.accounting.numbers import take_apart as take_amount_apart
from connectors.accounting.shapes import plain
from connectors.accounting.tables import Row

# Headers without accents and punctuation. The order within "date" is the order of preference.
_NAMES = {
    "date": """date|fecha|datum|data|fecha operacion|f operacion|fecha oper|f oper|f op|fecha op|fecha de operacion
        |fecha de la operacion|fecha contable|f contable|fecha mov|fecha movimiento|fecha de movimiento|fecha apunte
        |booking date|bookingdate|date booked|posting date|posted date|post date|posted on|transaction date|trans date
        |txn date|date of transaction|trade date|completed date|date completed|process date|processed date
        |entry date|date utc|created date|created date utc|created utc|created|started date|buchungstag|buchungsdatum
        |buchung|belegdatum|transaktionsdatum|datum zauctovani|datum provedeni|datum transakce|datum operace
        |date operation|date de l operation|date d operation|date de operation|date comptable|date transaction
        |date de comptabilisation|data operazione|data contabile|data registrazione|data lancamento|data do lancamento
        |data movimento|data mov|data operacao|data da operacao|bokforingsdag|bokforingsdatum|bokforingsdato|dato
        |bogfoert dato|bogforingsdato|bokfort|kirjauspaiva|kirjauspvm|paivays|pvm|data ksiegowania|data operacji
        |data transakcji|boekdatum|transactiedatum|boekingsdatum|kuupaev|datums|tarih|konyveles datuma|datum knjizenja
        |datum obrade|dag|fecha hora|date time|datetime|timestamp""",
    "value": """value date|valuedate|value|fecha valor|f valor|fecha de valor|fecha val|wertstellung|wertstellungstag
        |valutadatum|wert|valuta datum|date valeur|date de valeur|data valuta|data valor|rentedatum|interest date
        |valutadato|rentedato|valutadag|arvopaiva|data waluty|valdatum|datum valute|settlement date|fecha liquidacion""",
    "amount": """amount|importe|betrag|umsatz|montant|importo|valor|bedrag|belopp|belob|belop|beloeb|kwota|castka
        |zauctovana castka|objem|transaction amount|amount one column|monto|cantidad|cuantia|quantia|summa|maara|summe
        |suma|iznos|tutar|osszeg|transaktionsbetrag|kwota operacji|importe operacion|importe movimiento
        |importe del movimiento|imp|amt|paid in out|betrag in|bedrag in|net|net amount|neto|netto|local amount
        |amount in account currency|billing amount|booked amount|posted amount|vaerdi|bokfort belopp""",
    "debit": """debit|debe|cargo|cargos|gasto|gastos|soll|debit amount|debit amount two column approach|withdrawal
        |withdrawals|withdrawn|money out|paid out|out|outgoing|abgang|ausgang|ausgaben|belastung|debito|debitos|debits
        |addebiti|addebito|dare|uscite|uscita|uitgaven|af|salida|salidas|egreso|egresos|pagos|retiro|retiros|ut|uttag
        |debet|depense|depenses|obciazenia|obciazenie|terhelés|terheles|payments|spent|importe cargo|importe debe
        |debits amount|saidas|saida|ut fra konto|ut av konto""",
    "credit": """credit|haber|abono|abonos|ingreso|ingresos|haben|gutschrift|credit amount
        |credit amount two column approach|deposits|deposit|deposited|money in|paid in|in|incoming|eingang|einnahmen
        |credito|creditos|credits|accrediti|accredito|avere|entrate|entrata|inkomsten|bij|entrada|entradas|deposito
        |depositos|in pa konto|inn pa konto|insattning|kredit|recette|recettes|uznania|uznanie|jovairas|received
        |importe abono|importe haber""",
    "balance": """balance|saldo|running balance|saldo contable|disponible|solde|kontostand|saldo disponible
        |account balance|saldo posterior|balance after|saldo tras operacion|nuevo saldo|saldo final|saldo actual
        |saldo cuenta|saldo po operacji|saldo dopo|bokfort saldo|available balance|saldo despues|zustatek|egyenleg
        |closing balance|saldo nach buchung|bakiye|current balance|ledger balance|saldo resultante""",
    "currency": """currency|currency code|divisa|moneda|wahrung|waehrung|devise|ccy|mena|mena uctu|cur|moeda|munt
        |muntsoort|waluta|valuta|account currency|div|deviza|para birimi|valuut|iso currency|currency iso""",
    "account": """account|cuenta|iban|konto|compte|conto|conta|rekening|account no|account number|account nr
        |account name|numero de cuenta|n de cuenta|num cuenta|numero cuenta|numero de compte|cislo uctu|numero uctu
        |auftragskonto|auftraggeberkonto|kontonummer|source account|iban auftragskonto|iban auftraggeberkonto
        |rekeningnummer|numer konta|numer rachunku|account iban|own account|cuenta de origen|numero conto|eigen rekening
        |ccc|account id|your account|kontonr""",
    "id": """transaction id|transaction reference id|id transakce|fitid|txn id|trans id|transactionid|id transaccion
        |id operacion|id movimiento|transaktionsid|transaktions id|entry reference|acctsvcrref|unique id|bank id
        |transaction identifier|id transazione|identificador|uuid|movement id|id pohybu|id operace""",
    "sign": """d k|d c|c d|dc|cd|debit credit|credit debit|debe haber|d h|soll haben|s h|af bij|cdtdbtind|cr dr
        |dr cr|d or c|sign|signo|debit credit indicator|credit debit indicator|sens|segno|k d|deb cred|type debit credit
        |direction|dc indicator|dr cr indicator|debe o haber|cargo abono|tipo|type|tipo movimiento|tipo de movimiento
        |transaction type|umsatztyp""",
    "status": "status|state|estado|stav|etat|stato|transaction status",
    "gross": "gross|gross amount|bruto|brutto|importe bruto",
    "fee": "fee|fees|fee amount|poplatek|comision|comisiones|gebuhr|frais|commissione",
    "text": """description|concepto|text|texto|details|detalle|detalles|verwendungszweck|buchungstext|libelle|
        |descrizione|causale|historico|memo|name|payee|beneficiary|movimiento|mas datos|observaciones|comentario
        |comentarios|descripcion|omschrijving|counterparty|merchant|narrative|narration|reference|referencia|note|notes
        |notas|bank description|zprava|poznamka|nazev protiuctu|mededelingen|mededeling|naam|naam omschrijving
        |naam tegenpartij|empfanger|auftraggeber|beguenstigter zahlungspflichtiger|beneficiario|particulars|remarks
        |transaction description|nombre|ordenante|proveedor|concepto ampliado|descripcion ampliada|information
        |informacion adicional|lisatiedot|viesti|saaja|opis|opis operacji|tytul|nadawca|odbiorca|titel|beskrivelse
        |tekst|meddelande|mottagare|rubrik|mensaje|subject|zahlungsempfanger|auftraggeber empfanger
        |name zahlungsbeteiligter|umsatzinfo|vorgang verwendungszweck|communication|communications|extra info""",
    "category": "category|categoria|kategorie|subcategoria|categorie|gl code|kategorie transakce|tag|tags|reporting category",
}
_ROLE = {plain(name): role for role, names in _NAMES.items() for name in names.replace("\n", "").split("|") if name.strip()}
_DATE_RANK = {plain(name): rank for rank, name in enumerate(_NAMES["date"].replace("\n", "").split("|"))}
_AMOUNT_RANK = {plain(name): rank for rank, name in enumerate(_NAMES["amount"].replace("\n", "").split("|"))}
_FOREIGN = frozenset(
    "original converted foreign instructed fx refunded exchange puvodni local2 tax iva vat fee commission comision "
    "divisa extranjera counter counterparty protiuctu tegenrekening gegenkonto other to from".split()
)
_BY_WORD = (
    ("amount", frozenset({"amount", "importe", "betrag", "montant", "importo", "bedrag", "belopp", "kwota", "castka"})),
    ("balance", frozenset({"balance", "saldo", "solde", "kontostand"})),
    ("debit", frozenset({"debit", "debito", "debet", "withdrawals", "cargos"})),
    ("credit", frozenset({"credit", "credito", "deposits", "abonos"})),
    ("value", frozenset({"valor", "valuta", "valeur", "wertstellung"})),
    ("date", frozenset({"date", "fecha", "datum", "data", "buchungstag"})),
    ("text", frozenset({"description", "concepto", "descripcion", "libelle", "verwendungszweck"})),
)
_DAY_FIRST_WORDS = frozenset(
    """fecha concepto importe saldo divisa cuenta valor cargo abono descripcion movimiento datum betrag buchungstag
    wertstellung verwendungszweck wahrung umsatz montant libelle solde data importo descrizione causale valuta
    historico lancamento bedrag omschrijving rekening belopp belob dato tekst kwota castka konto""".split()
)
_CURRENCY_IN_HEADER = re.compile(r"[(\[]\s*([^)\]]{1,4})\s*[)\]]|\b([A-Z]{3})\b|([€£])")
_SIGN_MARK = re.compile(r"\(?\s*([+-])\s*\)?\s*$")


@dataclass(frozen=True, slots=True)
class Header:
    """One understood column header."""

    name: str
    role: str | None
    currency: str | None
    rank: int
    mark: str | None  # "+" or "-" where the header ends so, as in "Saldo (-)"


def understand(cell: str) -> Header:
    """What one header cell says: its role, a currency in it, and how well it fits the role (0 = best)."""
    raw = cell.strip()
    if raw in {"+/-", "-/+"}:
        return Header(raw, "sign", None, 0, None)
    name = plain(raw)
    sign = _SIGN_MARK.search(raw)
    mark = sign[1] if sign else None
    currency = None
    for match in _CURRENCY_IN_HEADER.finditer(raw):
        currency = currency or currency_of(next(g for g in match.groups() if g))
    if name in _ROLE:
        return Header(raw, _ROLE[name], currency, _rank(name), mark)
    if currency:
        words = [w for w in name.split() if currency_of(w) != currency and w != "in"]
        if (short := " ".join(words)) in _ROLE:
            return Header(raw, _ROLE[short], currency, _rank(short), mark)
    tokens = set(name.split())
    if len(tokens) <= 6 and not tokens & _FOREIGN:
        for role, words_of_role in _BY_WORD:
            if tokens & words_of_role:
                return Header(raw, role, currency, 100 + len(tokens), mark)
    return Header(raw, None, currency, 1000, mark)


def _rank(name: str) -> int:
    return _DATE_RANK.get(name, _AMOUNT_RANK.get(name, 0))


def habit_of(names: list[str]) -> str | None:
    """The date order usual in the language of these headers, or None where they do not tell."""
    words = {word for name in names for word in plain(name).split()}
    return "dmy" if len(words & _DAY_FIRST_WORDS) >= 2 else None


def find_header(rows: list[Row], limit: int = 40) -> int | None:
    """The index of the header row among the first rows, or None when the table starts with data.

    A header names at least two roles, one of them a date or money, and holds no date or amount itself.
    """
    best: tuple[int, int] | None = None
    for index, row in enumerate(rows[:limit]):
        filled = row.filled()
        if len(filled) < 2 or _has_data(row):
            continue
        roles = {understand(text).role for text in filled}
        known = len(roles - {None})
        if known >= 2 and roles & {"date", "value"} and roles & {"amount", "debit", "credit", "balance", "gross"}:
            if best is None or known > best[0]:
                best = (known, index)
    if best is not None:
        return best[1]
    # Words of no language known here above rows that hold dates and amounts.
    for index, (row, below) in enumerate(zip(rows[:limit], rows[1:], strict=False)):
        width = len(row.filled())
        if width >= 3 and not _has_data(row) and _has_data(below) and width >= len(below.filled()) - 1:
            return index
    return None


def _has_data(row: Row) -> bool:
    dates = amounts = 0
    for cell in row.cells:
        if take_apart(cell):
            dates += 1
        elif isinstance(cell, (int, float)) or (isinstance(cell, str) and cell.strip() and take_amount_apart(cell)):
            amounts += 1
    return bool(dates and amounts) or amounts >= 2 or dates >= 2
