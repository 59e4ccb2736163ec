"""Any documents, written as Stripe or FreshBooks export them, come back equal to the cent."""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.accounting import ImportedFile, read_file

CENTS = st.integers(1, 99_999_999).map(lambda cents: Decimal(cents).scaleb(-2))
NAMES = st.sampled_from(["Ana SL", "Clínica Ñandú", 'Bo "B", Inc', "O'Hara; hijos", "TOTAL 24"])
DAYS = st.dates(date(2020, 1, 1), date(2029, 12, 31))


@dataclass(frozen=True, slots=True)
class Line:
    net: Decimal
    tax: Decimal


@dataclass(frozen=True, slots=True)
class Invoice:
    client: str
    day: date
    currency: str
    state: str
    lines: tuple[Line, ...]
    days_served: int

    @property
    def net(self) -> Decimal:
        return sum((line.net for line in self.lines), Decimal(0))

    @property
    def tax(self) -> Decimal:
        return sum((line.tax for line in self.lines), Decimal(0))


INVOICES = st.lists(
    st.builds(
        Invoice,
        client=NAMES,
        day=DAYS,
        currency=st.sampled_from(["EUR", "USD", "GBP"]),
        state=st.sampled_from(["paid", "open", "draft"]),
        lines=st.lists(st.builds(Line, net=CENTS, tax=CENTS), min_size=1, max_size=4).map(tuple),
        days_served=st.integers(1, 400),
    ),
    min_size=1,
    max_size=12,
)
Read = tuple[str, str, str, str, str, str, str, str | None, str | None]


def expected(invoices: list[Invoice], *, served: bool) -> list[Read]:
    return [
        (
            f"{number:06d}",
            invoice.client,
            invoice.day.isoformat(),
            invoice.currency,
            f"{invoice.net:.2f}",
            f"{invoice.tax:.2f}",
            f"{invoice.net + invoice.tax:.2f}",
            invoice.day.isoformat() if served else None,
            (invoice.day + timedelta(days=invoice.days_served - 1)).isoformat() if served else None,
        )
        for number, invoice in enumerate(invoices)
        if invoice.state != "draft"
    ]


def found(read: ImportedFile) -> list[Read]:
    names = (
        "number",
        "counterparty",
        "issued_on",
        "currency",
        "net",
        "tax",
        "total",
        "service_from",
        "service_to",
    )
    return [tuple(document[name] for name in names) for document in read.documents]


def drafts(invoices: list[Invoice]) -> dict[str, Decimal]:
    sums: Counter[str] = Counter()
    for invoice in invoices:
        if invoice.state == "draft":
            sums[invoice.currency] += invoice.net + invoice.tax
    return dict(sums)


def read_rows(rows: list[list[object]]) -> ImportedFile:
    out = io.StringIO(newline="")
    csv.writer(out).writerows(rows)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        path.write_text(out.getvalue(), encoding="utf-8", newline="")
        return read_file(path)


def as_stripe(invoices: list[Invoice]) -> list[list[object]]:
    rows: list[list[object]] = [
        ["id", "Amount Due", "Amount Paid", "Currency", "Customer", "Customer Name", "Date (UTC)", "Number", "Subscription", "Subtotal", "Tax", "Total", "Status", "Minimum Line Item Period Start (UTC)", "Maximum Line Item Period End (UTC)"]
    ]  # fmt: skip
    for number, invoice in enumerate(invoices):
        total = invoice.net + invoice.tax
        end = invoice.day + timedelta(days=invoice.days_served)
        rows.append(
            [f"in_{number}", total, total if invoice.state == "paid" else "0.00", invoice.currency.lower(), f"cus_{number}", invoice.client, f"{invoice.day} 10:00:00", f"{number:06d}", f"sub_{number}", invoice.net, invoice.tax, total, invoice.state, f"{invoice.day} 10:00:00", f"{end} 10:00:00"]
        )  # fmt: skip
    return rows


def as_freshbooks(invoices: list[Invoice]) -> list[list[object]]:
    rows: list[list[object]] = [
        ["Client Name", "Invoice #", "Date Issued", "Invoice Status", "Date Paid", "Item Name", "Item Description", "Rate", "Quantity", "Discount Percentage", "Line Subtotal", "Tax 1 Type", "Tax 1 Amount", "Tax 2 Type", "Tax 2 Amount", "Line Total", "Currency"]
    ]  # fmt: skip
    for number, invoice in enumerate(invoices):
        state = "sent" if invoice.state == "open" else invoice.state
        rows += [
            [invoice.client, f"{number:06d}", invoice.day, state, "", "Plan", "", line.net, "1.00000000", "0.0000", line.net, "IVA", line.tax, "", "0.00", line.net + line.tax, invoice.currency]
            for line in invoice.lines
        ]  # fmt: skip
    return rows


@settings(max_examples=60, deadline=None)
@given(INVOICES)
def test_documents_written_as_stripe_invoices_come_back_to_the_cent(invoices: list[Invoice]) -> None:
    read = read_rows(as_stripe(invoices))
    assert (read.refusal, read.rejected) == (None, [])
    assert found(read) == expected(invoices, served=True)
    assert {c: Decimal(a) for left in read.left for c, a in left.totals.items()} == drafts(invoices)
    assert read.verified == (["stated total"] if read.documents else [])


@settings(max_examples=60, deadline=None)
@given(INVOICES)
def test_documents_written_as_freshbooks_lines_come_back_to_the_cent(invoices: list[Invoice]) -> None:
    read = read_rows(as_freshbooks(invoices))
    assert (read.refusal, read.rejected) == (None, [])
    assert found(read) == expected(invoices, served=False)
    assert [len(d["lines"]) for d in read.documents] == [len(i.lines) for i in invoices if i.state != "draft"]
    assert {c: Decimal(a) for left in read.left for c, a in left.totals.items()} == drafts(invoices)
    assert read.verified == (["line total"] if read.documents else [])


@settings(max_examples=60, deadline=None)
@given(INVOICES, st.data())
def test_a_digit_changed_in_any_amount_of_a_stripe_invoice_is_never_silent(
    invoices: list[Invoice], data: st.DataObject
) -> None:
    rows = [[str(cell) for cell in row] for row in as_stripe(invoices)]
    counting = [i for i, row in enumerate(rows) if row[12] in {"paid", "open"}]
    if not counting:
        return
    row = rows[data.draw(st.sampled_from(counting))]
    place = data.draw(st.sampled_from([9, 10, 11]))  # subtotal, tax, total
    digit = data.draw(st.sampled_from([i for i, c in enumerate(row[place]) if c.isdigit()]))
    other = data.draw(st.sampled_from([c for c in "0123456789" if c != row[place][digit]]))
    row[place] = row[place][:digit] + other + row[place][digit + 1 :]
    read = read_rows([[*cells] for cells in rows])
    assert "stated total" not in read.verified
    assert read.refusal or read.rejected or any("stated total" in warning for warning in read.warnings)
