"""Money as people write it: the decimal mark is decided for a whole column, never for one cell."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from connectors.accounting.shapes import Refused

SYMBOLS = {"€": "EUR", "£": "GBP", "EURO": "EUR", "EUROS": "EUR", "KČ": "CZK", "ZŁ": "PLN", "R$": "BRL"}
_CODES = """
    AED ALL AMD ANG AOA ARS ATS AUD AZN BAM BDT BEF BGN BHD BOB BRL BWP BYN CAD CHF CLP CNH CNY COP CRC
    CUP CYP CZK DEM DKK DOP DZD EEK EGP ESP EUR FIM FJD FRF GBP GEL GHS GRD GTQ HKD HNL HRK HUF IDR IEP
    ILS INR IQD IRR ISK ITL JMD JOD JPY KES KRW KWD KZT LBP LKR LTL LUF LVL MAD MDL MKD MTL MUR MXN MYR
    NGN NIO NLG NOK NPR NZD OMR PAB PEN PHP PKR PLN PTE PYG QAR RON RSD RUB SAR SEK SGD SIT SKK THB TND
    TRY TTD TWD TZS UAH UGX USD UYU UZS VES VND XAF XAU XOF XPF ZAR ZMW
"""
CURRENCIES = frozenset(_CODES.split())
MOST_DIGITS = 14  # before the decimal mark: what the warehouse keeps
_UNTYPED = frozenset({"$", "¥", "KR", "KR.", "FR", "FR.", "SFR", "US$", "C$", "A$", "LEI", "FT", "TL", "S/"})
_SPACES = str.maketrans(
    {
        "\u00a0": " ",
        "\u202f": " ",
        "\u2009": " ",
        "\t": " ",
        "’": " ",
        "'": " ",
        "−": "-",
        "–": "-",
        '"': None,
    }
)
_GROUP_SPACE = re.compile(r"(?<=\d) (?=\d{3}(?!\d))")
_SPACE_IN_NUMBER = re.compile(r"\d \d")
_AMOUNT = re.compile(
    r"(?P<open>\()?(?P<s1>[+-])?(?P<c1>[A-Za-z]{0,3}[$€£¥]|[^\W\d_]{1,5}\.?)?(?P<s2>[+-])?(?P<number>\d[\d.,]*|[.,]\d+)"
    r"(?P<s3>[+-])?(?P<c2>[^\d\s+(),.-][^\d\s+()-]{0,4}?)??(?P<mark>CR|DR|C|D)?(?P<close>\))?",
    re.IGNORECASE,
)
_PLAIN = re.compile(r"-?\d+\.\d\d")


@dataclass(frozen=True, slots=True)
class Written:
    """An amount as written, before its decimal mark is known."""

    sign: int  # -1, +1, or 0 where no sign is written
    body: str  # digits, dots and commas
    currency: str | None


@lru_cache(maxsize=50_000)
def take_apart(text: str) -> Written | None:
    """Sign, digits and currency of one written amount, or None when it is not one.

    Takes (1,00), 1,00-, −1,00, 1 234,56, 1'234.56, -$76.00, 12.00 CR, 5 EUR. Two signs are garbled.
    """
    if _PLAIN.fullmatch(text):  # the common case, for speed
        return Written(-1, text[1:], None) if text[0] == "-" else Written(0, text, None)
    text = text.translate(_SPACES).strip()
    if " " in text:
        text = _GROUP_SPACE.sub("", text)
        if _SPACE_IN_NUMBER.search(text):
            return None
        text = text.replace(" ", "")
    match = _AMOUNT.fullmatch(text)
    if match is None:
        return None
    signs = [s for s in (match["s1"], match["s2"], match["s3"]) if s]
    if (match["open"] is None) != (match["close"] is None):
        return None
    if match["open"]:
        signs.append("-")
    if match["mark"]:
        signs.append("-" if match["mark"].upper().startswith("D") else "+")
    if len(signs) > 1:
        return None
    currency = None
    for symbol in (match["c1"], match["c2"]):
        if symbol is None:
            continue
        upper = symbol.upper()
        if upper in CURRENCIES or upper in SYMBOLS:
            currency = SYMBOLS.get(upper, upper)
        elif upper not in _UNTYPED:
            return None
    sign = 0 if not signs else (-1 if signs[0] == "-" else 1)
    return Written(sign, match["number"], currency)


def decimal_evidence(body: str) -> str | None:
    """The decimal mark that this number proves ("." or ","), "?" when either, None without marks."""
    dots, commas = body.count("."), body.count(",")
    if not dots and not commas:
        return None
    mark, other = (".", ",") if dots else (",", ".")
    if dots + commas > 1:
        if dots and commas:
            other = "." if body.rfind(".") > body.rfind(",") else ","
        return other if read_body(body, other) is not None else None  # a garbled cell proves nothing
    whole, _, fraction = body.partition(mark)
    if len(fraction) != 3 or len(whole) > 3 or whole in {"", "0"} or (len(whole) > 1 and whole[0] == "0"):
        return mark
    return "?"


def decide_mark(columns: Iterable[Iterable[str]], chosen: str | None) -> str:
    """The decimal mark of these columns of digit bodies: a person's choice, else what the numbers prove.

    Raises Refused with the question to ask when 1.234 could be either, or when numbers contradict each other.
    """
    if chosen is not None:
        return chosen
    votes = {".": 0, ",": 0}
    doubt: str | None = None
    for column in columns:
        for body, count in Counter(column).items():
            proof = decimal_evidence(body)
            if proof == "?":
                doubt = doubt or body
            elif proof is not None:
                votes[proof] += count
    if votes["."] and votes[","]:
        low, high = sorted(votes.values())
        if low * 5 > high:
            raise Refused(
                f"The amounts use a decimal point ({votes['.']} times) and a comma ({votes[',']} times); "
                "say which is right with --decimal-mark . or --decimal-mark ,"
            )
    if not any(votes.values()):
        if doubt is not None:
            raise Refused(
                f"'{doubt}' may be a thousand or a fraction, and nothing else in the file decides it; "
                "say which with --decimal-mark . or --decimal-mark ,"
            )
        return "."
    return max(votes, key=lambda mark: votes[mark])


def read_body(body: str, mark: str) -> Decimal | None:
    """The number, its thousands grouped properly or not at all; None where it does not fit this mark."""
    thousands = "," if mark == "." else "."
    whole, _, fraction = body.partition(mark)
    if thousands in whole:
        first, *groups = whole.split(thousands)
        if not 1 <= len(first) <= 3 or len(groups[-1]) != 3 or any(len(g) not in {2, 3} for g in groups):
            return None
        whole = first + "".join(groups)
    if fraction and not fraction.isdecimal():
        return None
    if not whole and not fraction:
        return None
    if len(whole) > MOST_DIGITS or len(fraction) > MOST_DIGITS:
        return None  # an account's number, not an amount
    try:
        return Decimal(f"{whole or '0'}.{fraction}" if fraction else whole)
    except ArithmeticError:
        return None


def read_amount(written: Written, mark: str) -> Decimal | None:
    """The signed number, unsigned ones counted as positive."""
    value = read_body(written.body, mark)
    return value if value is None or written.sign >= 0 else -value


def currency_of(text: str) -> str | None:
    """The currency code of a cell such as EUR, eur, € or Euro, or None."""
    upper = text.strip().upper()
    return upper if upper in CURRENCIES else SYMBOLS.get(upper)
