"""The European Central Bank's reference rates (eurofxref-hist.csv, eurofxref.csv): units for one euro."""

import csv
import re
from decimal import Decimal

from connectors.accounting.dates import settle, take_apart
from connectors.accounting.shapes import Format, Left, Parsed, ReadOptions, Refused, Rejected

HEADER = re.compile(r"\ufeff?Date,\s*USD,\s*JPY,")
_RATE = re.compile(r"\d{1,12}(?:\.\d{1,10})?", re.ASCII)
_ABSENT = frozenset({"", "N/A"})


def read_ecb_rates(text: str, options: ReadOptions) -> Parsed:
    """One rate per day and currency; days without one (N/A) are left out and counted.

    Raises Refused when the last line is shorter than the header: the file was cut.
    """
    rows = csv.reader(text.splitlines())
    header = [name.strip() for name in next(rows)]
    parsed = Parsed()
    absent = 0
    row: list[str] = []
    if re.fullmatch(r"[\d-]+", text.rsplit("\n", 1)[-1].strip()):
        raise Refused("The last line stops after its date: the file is half-written. Download it again.")
    for number, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        written = take_apart(row[0])
        day = settle(written, "dmy") if written and written.settled else None
        if day is None or len(row) != len(header):
            parsed.rejected.append(
                Rejected(number, f"'{row[0][:20]}' is no date" if day is None else _width(row, header))
            )
            continue
        text_day = day.isoformat()
        for currency, cell in zip(header[1:], row[1:], strict=True):
            rate = cell.strip()
            if not currency or rate in _ABSENT:
                absent += bool(currency)
                continue
            if not _RATE.fullmatch(rate) or not Decimal(rate):
                parsed.rejected.append(
                    Rejected(number, f"the rate '{rate[:20]}' of {currency} cannot be read")
                )
                continue
            if len(parsed.rates) >= options.max_rows:
                raise Refused(f"The file has more than {options.max_rows:,} rates.")
            parsed.rates.append(
                {"key": f"{currency}-{text_day}", "date": text_day, "currency": currency, "rate": rate}
            )
    if row and len(row) < len(header) and not text.endswith("\n"):
        raise Refused(
            "The last line stops short: the file is half-written. Download it again.", Format.ECB_RATES
        )
    if absent:
        parsed.left.append(Left("no rate that day (N/A)", absent))
    return parsed


def _width(row: list[str], header: list[str]) -> str:
    return f"the line has {len(row)} of {len(header)} fields"
