"""FacturaE: base, tax and withholding apart, every total recomputed, copies never counted."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.accounting import Format, ImportedFile, ReadOptions
from connectors.accounting.reading import read_bytes

OWN = ReadOptions(account="ESB11111111")
CENTS = st.integers(1, 9_999_999).map(lambda cents: Decimal(cents).scaleb(-2))


def tax(rate: str, base: Decimal, amount: Decimal) -> str:
    return (
        f"<Tax><TaxTypeCode>01</TaxTypeCode><TaxRate>{rate}</TaxRate>"
        f"<TaxableBase><TotalAmount>{base}</TotalAmount></TaxableBase>"
        f"<TaxAmount><TotalAmount>{amount}</TotalAmount></TaxAmount></Tax>"
    )


def invoice(
    lines: list[Decimal],
    number: str = "7",
    class_: str = "OO",
    irpf: bool = False,
    discount: Decimal = Decimal(0),
    stated: Decimal | None = None,
    extra: str = "",
) -> tuple[str, Decimal]:
    """One invoice with 21 % of VAT and, if asked, 15 % withheld; and what it comes to."""
    gross = sum(lines, Decimal(0))
    net = gross - discount
    vat = (net * 21 / 100).quantize(Decimal("0.01"))
    held = (net * 15 / 100).quantize(Decimal("0.01")) if irpf else Decimal("0.00")
    total = net + vat - held
    items = "".join(
        f"<InvoiceLine><ItemDescription>Work</ItemDescription><Quantity>1</Quantity>"
        f"<UnitPriceWithoutTax>{amount}</UnitPriceWithoutTax><TotalCost>{amount}</TotalCost>"
        f"<GrossAmount>{amount}</GrossAmount></InvoiceLine>"
        for amount in lines
    )
    withheld = f"<TaxesWithheld>{tax('15.00', net, held)}</TaxesWithheld>" if irpf else ""
    discounts = (
        f"<GeneralDiscounts><Discount><DiscountAmount>{discount}</DiscountAmount></Discount></GeneralDiscounts>"
        if discount
        else ""
    )
    made = (
        f"<Invoice><InvoiceHeader><InvoiceNumber>{number}</InvoiceNumber><InvoiceClass>{class_}</InvoiceClass>"
        f"{extra}</InvoiceHeader>"
        "<InvoiceIssueData><IssueDate>2026-01-15</IssueDate><InvoiceCurrencyCode>EUR</InvoiceCurrencyCode>"
        "<InvoicingPeriod><StartDate>2026-01-01</StartDate><EndDate>2026-01-31</EndDate></InvoicingPeriod>"
        f"</InvoiceIssueData><TaxesOutputs>{tax('21.00', net, vat)}</TaxesOutputs>{withheld}"
        f"<InvoiceTotals><TotalGrossAmount>{gross}</TotalGrossAmount>{discounts}"
        f"<TotalGrossAmountBeforeTaxes>{net}</TotalGrossAmountBeforeTaxes><TotalTaxOutputs>{vat}</TotalTaxOutputs>"
        f"<TotalTaxesWithheld>{held}</TotalTaxesWithheld><InvoiceTotal>{stated or total}</InvoiceTotal>"
        f"<TotalOutstandingAmount>{total}</TotalOutstandingAmount>"
        f"<TotalExecutableAmount>{total}</TotalExecutableAmount></InvoiceTotals><Items>{items}</Items></Invoice>"
    )
    return made, total


def file_of(*invoices: tuple[str, Decimal], version: str = "3_2_2") -> bytes:
    total = sum((amount for _, amount in invoices), Decimal(0))
    party = "<TaxIdentification><TaxIdentificationNumber>{}</TaxIdentificationNumber></TaxIdentification>{}"
    seller = party.format("B11111111", "<LegalEntity><CorporateName>Ours SL</CorporateName></LegalEntity>")
    buyer = party.format("B22222222", "<LegalEntity><CorporateName>Theirs SL</CorporateName></LegalEntity>")
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><f:Facturae xmlns:f="http://www.facturae.es/v{version}">'
        f"<FileHeader><Batch><InvoicesCount>{len(invoices)}</InvoicesCount><TotalInvoicesAmount><TotalAmount>"
        f"{total}</TotalAmount></TotalInvoicesAmount></Batch></FileHeader>"
        f"<Parties><SellerParty>{seller}</SellerParty><BuyerParty>{buyer}</BuyerParty></Parties>"
        f"<Invoices>{''.join(text for text, _ in invoices)}</Invoices></f:Facturae>"
    ).encode()


def read(data: bytes, options: ReadOptions = OWN) -> ImportedFile:
    return read_bytes("x.xsig", data, options)


@given(
    lines=st.lists(CENTS, min_size=1, max_size=6),
    irpf=st.booleans(),
    version=st.sampled_from(["3_2", "3_2_1"]),
)
@settings(max_examples=60, deadline=None)
def test_an_invoice_is_read_to_the_cent(lines: list[Decimal], irpf: bool, version: str) -> None:
    made = invoice(lines, irpf=irpf)
    found = read(file_of(made, version=version))
    assert (found.format, found.rejected, found.warnings) == (Format.FACTURAE, [], [])
    assert found.verified == ["stated total"]
    (document,) = found.documents
    assert Decimal(document["total"]) == made[1]
    assert Decimal(document["net"]) == sum(lines, Decimal(0))
    assert [Decimal(line["net"]) for line in document["lines"]] == lines


def test_tax_withheld_by_the_buyer_is_no_discount() -> None:
    (document,) = read(file_of(invoice([Decimal("1000.00")], irpf=True))).documents
    figures = {name: document[name] for name in ("net", "tax", "withheld", "total", "open")}
    assert figures == {
        "net": "1000.00",
        "tax": "210.00",
        "withheld": "150.00",
        "total": "1060.00",
        "open": "1060.00",
    }


def test_a_total_before_withholding_is_recomputed_and_said() -> None:
    found = read(file_of(invoice([Decimal("1000.00")], irpf=True, stated=Decimal("1210.00"))))
    assert found.totals == {"EUR": Decimal("1060.00")}
    assert "InvoiceTotal says 1210.00, its parts give 1060.00" in found.warnings[0]
    assert found.verified == []


def test_a_discount_lowers_the_base() -> None:
    (document,) = read(file_of(invoice([Decimal("100.00")], discount=Decimal("10.00")))).documents
    assert (document["net"], document["tax"], document["total"]) == ("90.00", "18.90", "108.90")


@pytest.mark.parametrize("class_", ["CO", "CR", "CC"])
def test_a_copy_is_left_out_and_said(class_: str) -> None:
    original, copy = invoice([Decimal("100.00")]), invoice([Decimal("100.00")], class_=class_)
    found = read(file_of(original, copy))
    assert found.records == 1
    assert [(left.reason, left.rows, left.totals) for left in found.left] == [
        ("copy of an invoice", 1, {"EUR": "121.00"})
    ]


def test_all_invoices_of_a_batch_are_read_with_keys_of_their_own() -> None:
    found = read(file_of(*(invoice([Decimal(n)], number=str(n)) for n in (1, 2, 3))))
    assert found.records == len({document["key"] for document in found.documents}) == 3


def test_the_own_tax_number_tells_invoices_from_bills() -> None:
    data = file_of(invoice([Decimal("100.00")]))
    (issued,) = read(data).documents
    (received,) = read(data, ReadOptions(account="B-22222222")).documents
    assert [(d["kind"], d["counterparty"]) for d in (issued, received)] == [
        ("invoice", "Theirs SL"),
        ("bill", "Ours SL"),
    ]
    assert "--account" in read(data, ReadOptions()).warnings[0]


def test_an_invoice_that_replaces_another_says_so() -> None:
    extra = "<Corrective><InvoiceNumber>6</InvoiceNumber><CorrectionMethod>01</CorrectionMethod></Corrective>"
    found = read(file_of(invoice([Decimal("100.00")], class_="OR", extra=extra)))
    assert "replaces invoice 6" in found.warnings[0]


def test_a_garbled_amount_is_rejected() -> None:
    data = file_of(invoice([Decimal("100.00")])).replace(b"<InvoiceTotal>121.00", b"<InvoiceTotal>12..00")
    found = read(data)
    assert found.records == 0
    assert "12..00" in found.rejected[0].reason


@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_a_changed_digit_of_any_amount_is_said(data: st.DataObject) -> None:
    made = file_of(invoice([Decimal("123.45"), Decimal("67.89")], irpf=True))
    start = made.index(b"<TaxesOutputs>")
    amounts = [
        at for at in range(start, len(made)) if 48 <= made[at] <= 57 and b"Code>" not in made[at - 8 : at]
    ]
    at = data.draw(st.sampled_from(amounts))
    digit = data.draw(st.sampled_from([d for d in b"0123456789" if d != made[at]]))
    found = read(made[:at] + bytes([digit]) + made[at + 1 :])
    assert found.warnings or found.rejected or found.documents == read(made).documents
