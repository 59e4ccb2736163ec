"""Bank statements made for tests: the same lines written in the ways that banks write them."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from hypothesis import strategies as st

AMOUNTS = st.integers(-99_999_999, 99_999_999).filter(bool).map(lambda cents: Decimal(cents).scaleb(-2))
TEXTS = st.sampled_from(
    [
        "RECIBO LUZ",
        "TRANSF. DE CLÍNICA ÑANDÚ",
        'Compra "Café", 2 uds',
        "Nómina; marzo",
        "TOTAL ENERGIES 123",
        "O'Hara",
    ]
)
LINES = st.lists(
    st.tuples(st.dates(date(2020, 1, 1), date(2029, 12, 31)), TEXTS, AMOUNTS), min_size=3, max_size=25
).map(
    lambda lines: sorted(
        [*lines, (date(2026, 5, 13), "RECIBO LUZ", Decimal("-0.01"))], key=lambda line: line[0]
    )
)
Line = tuple[date, str, Decimal]


@dataclass(frozen=True, slots=True)
class Dialect:
    """How one bank writes a table."""

    delimiter: str
    encoding: str
    mark: str
    thousands: bool
    order: str  # strftime pattern
    headers: tuple[str, ...]  # date, text, amount or debit and credit, balance
    newest_first: bool = False
    title: bool = False
    total: bool = False

    @property
    def two_columns(self) -> bool:
        return len(self.headers) == 5


SPANISH = Dialect(
    ";", "cp1252", ",", True, "%d/%m/%Y", ("Fecha", "Concepto", "Importe", "Saldo"), True, True, True
)
ENGLISH = Dialect(
    ",", "utf-8-sig", ".", True, "%m/%d/%Y", ("Date", "Description", "Debit", "Credit", "Balance")
)
GERMAN = Dialect(
    ";", "utf-8", ",", False, "%d.%m.%Y", ("Buchungstag", "Verwendungszweck", "Betrag", "Saldo"), True
)
FRENCH = Dialect(
    "\t", "utf-16", ",", False, "%d/%m/%y", ("Date", "Libellé", "Débit", "Crédit", "Solde"), title=True
)
ISO = Dialect(
    "|", "utf-8", ".", False, "%Y-%m-%d", ("Posting Date", "Details", "Amount", "Balance"), total=True
)
DIALECTS = {"spanish": SPANISH, "english": ENGLISH, "german": GERMAN, "french": FRENCH, "iso": ISO}


def money(value: Decimal, dialect: Dialect) -> str:
    text = f"{value:,.2f}" if dialect.thousands else f"{value:.2f}"
    return text.translate(str.maketrans(",.", ".,")) if dialect.mark == "," else text


def quoted(text: str, delimiter: str) -> str:
    return '"' + text.replace('"', '""') + '"' if delimiter in text or '"' in text else text


def statement(lines: list[Line], dialect: Dialect, opening: Decimal = Decimal("1000.00")) -> bytes:
    """The file as the bank writes it: running balance, optional title and total rows."""
    rows: list[list[str]] = []
    balance = opening
    for day, text, amount in lines:
        balance += amount
        cells = [money(amount, dialect)]
        if dialect.two_columns:
            cells = [money(-amount, dialect), ""] if amount < 0 else ["", money(amount, dialect)]
        rows.append([day.strftime(dialect.order), text, *cells, money(balance, dialect)])
    if dialect.newest_first:
        rows.reverse()
    rows.insert(0, list(dialect.headers))
    if dialect.title:
        rows.insert(0, ["Extracto", *[""] * (len(dialect.headers) - 1)])
    if dialect.total:
        total = sum((amount for _, _, amount in lines), Decimal(0))
        rows.append(["Total", "", money(total, dialect), ""])
    made = "".join(dialect.delimiter.join(quoted(c, dialect.delimiter) for c in row) + "\r\n" for row in rows)
    return made.encode(dialect.encoding)


def n43_amount(value: Decimal) -> str:
    return f"{abs(int(value * 100)):014d}"


def norma43(
    accounts: list[tuple[str, list[Line]]], opening: Decimal = Decimal("250.00"), *, trimmed: bool = False
) -> bytes:
    """A Norma 43 file of several accounts (18 digits each), its trailers right."""
    out: list[str] = []
    for number, lines in accounts:
        first, last = lines[0][0], lines[-1][0]
        sign = "2" if opening >= 0 else "1"
        out.append(f"11{number}{first:%y%m%d}{last:%y%m%d}{sign}{n43_amount(opening)}9783{'TITULAR':<26}   ")
        for day, text, amount in lines:
            sign = "1" if amount < 0 else "2"
            out.append(
                f"22    0001{day:%y%m%d}{day:%y%m%d}04007{sign}{n43_amount(amount)}{0:010d}{0:012d}{'':16}"
            )
            out.append(f"2301{text:<38.38}{'':38}")
        debits = [amount for _, _, amount in lines if amount < 0]
        credits_ = [amount for _, _, amount in lines if amount > 0]
        final = opening + sum(debits, Decimal(0)) + sum(credits_, Decimal(0))
        out.append(
            f"33{number}{len(debits):05d}{n43_amount(sum(debits, Decimal(0)))}{len(credits_):05d}"
            f"{n43_amount(sum(credits_, Decimal(0)))}{'1' if final < 0 else '2'}{n43_amount(final)}978    "
        )
    out.append(f"88{'9' * 18}{len(out):06d}{'':54}")
    if trimmed:
        out = [line.rstrip() if not line.startswith("33") else line for line in out]
    return "".join(f"{line}\r\n" for line in out).encode("cp850")
