"""Who is on the other side of a line, and what people decided about them before.

Cutting too much off a text is the error that matters: `GOOGLE *GSUITE` and `GOOGLE *ADS`, or the tax office's
forms 303 and 111, would become one payee. So what follows a star and the number of a form stay, and where it
is doubtful two payees stay two: then nothing is said, where otherwise something wrong would be.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from playbook.categories import folded
from warehouse.store import quoted

LOOK_BACK = 5  # of a payee's confirmed lines
MUST_AGREE = 3  # of these
LEAST, MOST = Decimal("0.2"), Decimal(5)  # times the median of their amounts
VERSION = "payees 1"

_MONTHS = (
    "enero|ene|jan|january|febrero|feb|february|marzo|mar|march|abril|abr|apr|april|mayo|may|junio|jun|june|"
    "julio|jul|july|agosto|ago|aug|august|septiembre|setiembre|sep|sept|september|octubre|oct|october|"
    "noviembre|nov|november|diciembre|dic|dec|december"
)
# In this order, on a text in lower case without accents (the SQL engine's expressions, all occurrences).
_CUT = (
    (r"[x*]{4,}[ ]*\d{2,6}", " "),  # a card's last digits
    (r"\b\d{4}-\d{2}-\d{2}\b", " "),
    (r"\b\d{1,2}[./-]\d{1,2}([./-]\d{2,4})?\b", " "),
    (r"\b\d{1,2}:\d{2}(:\d{2})?\b", " "),
    (rf"\b({_MONTHS})[ .]*(de |del )?20\d{{2}}\b", " "),
    # After a star: a product's name stays, without the number behind it; a mere reference goes.
    (r"\*[ ]*([a-z]{3,})\d+\b", r"* \1 "),
    (r"\*[ ]*[a-z0-9]*\d[a-z0-9]*", " "),
    # A reference; a form's number has three digits and stays.
    (r"\b[a-z0-9]*\d{4,}[a-z0-9]*\b", " "),
    (r"\b(compra|pago|tarjeta|tarj|recibo|adeudo|transferencia|transf|ref|referencia|num|operacion)\b", " "),
    (r"[^\p{L}\p{N}*]+", " "),
    (r"\*[ ]*", "*"),
)
# What names a party for certain: an IBAN, a SEPA creditor, a Spanish tax number.
_IDENTITIES = (
    r"\b[a-z]{2}\d{2}zzz[a-z0-9]{8,16}\b",
    r"\b[a-z]{2}\d{2}[ ]?\d{4}[ ]?\d{4}[ ]?\d{2,4}[ ]?\d{4,10}\b",
    r"\b([abcdefghjnpqrsuvw]\d{7}[0-9a-j]|\d{8}[a-hj-np-tv-z])\b",
)
# What tells one business with the same party from another: a product's name, a tax form.
_SUB_CODES = (r"\*[ ]*([a-z]{3,})", r"\bmod(?:elo)?[ .:]*(\d{3})\b")


def payee_sql(text: str) -> str:
    """An SQL expression that gives the payee of the folded `text`, NULL where it names nobody."""
    cut = text
    for pattern, instead in _CUT:
        cut = f"regexp_replace({cut}, {quoted(pattern)}, {quoted(instead)}, 'g')"
    cut = f"trim({cut})"
    identity = "coalesce(" + ", ".join(
        f"nullif(regexp_extract({text}, {quoted(pattern)}), '')" for pattern in _IDENTITIES
    )
    sub_code = " || ".join(f"' ' || regexp_extract({text}, {quoted(code)}, 1)" for code in _SUB_CODES)
    return (
        f"coalesce(replace({identity}), ' ', '') || rtrim({sub_code}), "
        rf"case when regexp_matches({cut}, '\p{{L}}{{3}}') then {cut} end)"
    )


def apart_sql(payee: str, apart: Sequence[str]) -> str:
    """An SQL expression: whether nothing may be learnt from this payee."""
    return " or ".join(f"contains({payee}, {quoted(folded(item))})" for item in apart) or "false"


@dataclass(frozen=True, slots=True)
class Confirmed:
    """One line that a person decided; the later `order`, the later it was decided."""

    order: int
    payee: str
    currency: str
    amount: Decimal
    account: str


@dataclass(frozen=True, slots=True)
class Memory:
    """What lines of a payee, in one direction and currency, are taken for; `least` to `most` without sign."""

    payee: str
    currency: str
    inflow: bool
    account: str
    agree: int
    of: int
    least: Decimal
    most: Decimal

    @property
    def is_enough(self) -> bool:
        """Whether it decides; otherwise it is a suggestion."""
        return self.agree >= MUST_AGREE


def remembered(confirmed: Iterable[Confirmed]) -> list[Memory]:
    """What the last five confirmed lines of each payee, direction and currency say most; ties say nothing."""
    groups: dict[tuple[str, str, bool], list[Confirmed]] = defaultdict(list)
    for line in confirmed:
        groups[line.payee, line.currency, line.amount > 0].append(line)
    found = []
    for (payee, currency, inflow), lines in sorted(groups.items()):
        last = sorted(lines, key=lambda line: line.order)[-LOOK_BACK:]
        ranked = Counter(line.account for line in last).most_common(2)
        if len(ranked) == 2 and ranked[0][1] == ranked[1][1]:
            continue
        middle = median(abs(line.amount) for line in last)
        found.append(
            Memory(
                payee,
                currency,
                inflow,
                account=ranked[0][0],
                agree=ranked[0][1],
                of=len(last),
                least=LEAST * middle,
                most=MOST * middle,
            )
        )
    return found
