"""FreshBooks, Zoho Books, Wave, Invoicely, Akaunting and Holded: documents and entries as their exports say."""

from decimal import Decimal
from pathlib import Path

import pytest
from openpyxl import Workbook

from connectors.accounting import Format, ImportedFile, ReadOptions, read_file

FRESHBOOKS = """Client Name,Invoice #,Date Issued,Date Due,Invoice Status,Date Paid,Item Name,Item Description,Rate,Quantity,Discount Percentage,Line Subtotal,Tax 1 Type,Tax 1 Amount,Tax 2 Type,Tax 2 Amount,Line Total,Currency
Ana SL,0000001,2026-01-28,2026-02-27,paid,2026-02-10,Retainer,January,650.00,1.00000000,0.0000,650.00,IVA,136.50,,0.00,786.50,EUR
Ana SL,0000001,2026-01-28,2026-02-27,paid,2026-02-10,Setup,,98.00,5.00000000,0.0000,490.00,IVA,102.90,,0.00,592.90,EUR
Bo Inc,0000002,2026-01-29,2026-02-28,sent,,Hours,,150.00,4.00000000,0.0000,600.00,,0.00,,0.00,600.00,USD
Cy SL,0000003,2026-01-30,2026-02-28,draft,,Hours,,50.00,1.00000000,0.0000,50.00,,0.00,,0.00,50.00,EUR
"""
ZOHO_HEADER = "Invoice Date,Invoice ID,Invoice Number,Invoice Status,Customer Name,Due Date,Currency Code,Exchange Rate,Item Name,Quantity,Item Price,Item Total,Item Tax Amount,SubTotal,Total,Balance,Shipping Charge,Adjustment,Last Payment Date"
ZOHO = f"""{ZOHO_HEADER}
2026-01-28,2520018000000073144,INV-000001,Sent,Ana SL,2026-02-28,EUR,1.00,Plan,2.00,250.00,500.00,105.00,660.00,848.60,348.60,50.00,0.00,2026-02-01,,,
2026-01-28,2520018000000073144,INV-000001,Sent,Ana SL,2026-02-28,EUR,1.00,Setup,1.00,160.00,160.00,33.60,660.00,848.60,348.60,50.00,0.00,2026-02-01,,,
2026-01-29,2520018000000073145,INV-000002,Void,Bo Inc,2026-02-28,USD,1.10,Plan,1.00,99.00,99.00,0.00,99.00,99.00,0.00,0.00,0.00,,,,
"""
WAVE = """Transaction ID,Transaction Date,Account Name,Transaction Description,Transaction Line Description,Amount (One column), ,Debit Amount (Two Column Approach),Credit Amount (Two Column Approach),Other Accounts for this Transaction,Customer,Vendor,Invoice Number,Bill Number,Notes / Memo,Amount Before Sales Tax,Sales Tax Amount,Sales Tax Name,Transaction Date Added,Transaction Date Last Modified,Account Group,Account Type,Account ID
1131801267438479900,2026-01-28,Sales,Ana - 2,Ana - 2 - Plan,300.00,,,300.00,Accounts Receivable,Ana,,2,,,300.00,,,2026-01-28,2026-01-28,Income,Income,
1131801267438479900,2026-01-28,IVA,Ana - 2,Ana - 2 - Plan,63.00,,,63.00,Accounts Receivable,Ana,,2,,,63.00,,,2026-01-28,2026-01-28,Liability,Sales Tax on Sales and Purchases,
1131801267438479900,2026-01-28,Accounts Receivable,Ana - 2,Ana - 2,363.00,,363.00,,"Sales, IVA",Ana,,2,,,363.00,,,2026-01-28,2026-01-28,Asset,System Receivable Invoice,
1131802355113782011,2026-02-02,Accounts Receivable,Invoice Payment,Invoice Payment,-363.00,,,363.00,Cash on Hand,Ana,,2,,,-363.00,,,2026-02-02,2026-02-02,Asset,System Receivable Invoice,
1131802355113782011,2026-02-02,Cash on Hand,Invoice Payment,Invoice Payment,363.00,,363.00,,Accounts Receivable,,,,,,363.00,,,2026-02-02,2026-02-02,Asset,Cash and Bank,
"""
INVOICELY = """"Date","Due","Details","Client","Status","Total"
"Jan 28 2026","Feb 28 2026","INV-1","Ana SL","Due","1,020.00"
"Jan 29 2026","Feb 28 2026","INV-2","Bo SL","Paid","80.50"
"Jan 30 2026","Feb 28 2026","INV-3","Cy SL","Draft","15.00"
"""
HOLDED_HEADER = "Num factura|Formato de numeración|Fecha dd/mm/yyyy|Fecha de vencimiento dd/mm/yyyy|Descripción|Nombre del contacto|NIF del contacto|Concepto|Descripción del producto|SKU|Precio unidad|Unidades|Descuento %|IVA %|Retención %|Rec. de eq. %|Operación|Forma de pago (ID)|Cantidad cobrada|Fecha de cobro|Cuenta de pago|Moneda|Cambio de moneda"
HOLDED = [
    [
        "F260001",
        "",
        "02/03/2026",
        "01/04/2026",
        "",
        "Ana SL",
        "B1",
        "Asesoría",
        "",
        "",
        1000,
        1,
        0,
        21,
        15,
        0,
        "",
        "",
        1060,
        "05/03/2026",
        "",
        "EUR",
        "",
    ],
    [
        "F260002",
        "",
        "03/03/2026",
        "02/04/2026",
        "",
        "Tienda SL",
        "B2",
        "Género",
        "",
        "",
        19.99,
        3,
        10,
        21,
        0,
        5.2,
        "",
        "",
        20,
        "",
        "",
        "",
        "",
    ],
    [
        "F260002",
        "",
        "03/03/2026",
        "02/04/2026",
        "",
        "Tienda SL",
        "B2",
        "Libro",
        "",
        "",
        10,
        2,
        0,
        4,
        0,
        0.5,
        "",
        "",
        20,
        "",
        "",
        "",
        "",
    ],
]
DEFAULTS = ReadOptions()


def read(folder: Path, text: str, options: ReadOptions = DEFAULTS) -> ImportedFile:
    path = folder / "x.csv"
    path.write_text(text, encoding="utf-8")
    return read_file(path, options)


def read_sheets(folder: Path, sheets: dict[str, list[list[object]]]) -> ImportedFile:
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(folder / "x.xlsx")
    return read_file(folder / "x.xlsx")


def akaunting(**changes: object) -> dict[str, list[list[object]]]:
    totals = changes.get("totals", 242)
    return {
        "invoices": [
            ["invoice_number", "order_number", "status", "invoiced_at", "due_at", "amount", "currency_code", "currency_rate", "category_name", "contact_name", "contact_email", "contact_tax_number"],
            ["INV-1", "", "partial", "2026-01-28", "2026-02-28", 242, "EUR", 1, "Sales", "Ana SL", "ana@example.test", "B1"],
            ["INV-2", "", "draft", "2026-01-29", "2026-02-28", 50, "EUR", 1, "Sales", "Bo SL", "", ""],
        ],
        "invoice_items": [
            ["invoice_number", "item_name", "quantity", "price", "total", "tax"],
            ["INV-1", "Plan", 1, 150, 150, 31.5],
            ["INV-1", "Setup", 2, 25, 50, 10.5],
            ["INV-2", "Plan", 1, 50, 50, 0],
        ],
        "invoice_totals": [
            ["invoice_number", "code", "name", "amount", "sort_order"],
            ["INV-1", "sub_total", "Subtotal", 200, 1],
            ["INV-1", "tax", "IVA", 42, 2],
            ["INV-1", "total", "Total", totals, 3],
            ["INV-2", "total", "Total", 50, 3],
        ],
        "invoice_transactions": [
            ["invoice_number", "paid_at", "amount", "currency_code", "currency_rate", "account_name"],
            ["INV-1", "2026-02-01", 100, "EUR", 1, "Bank"],
        ],
        "invoice_histories": [["invoice_number", "status", "notify"], ["INV-1", "sent", 1]],
    }  # fmt: skip


def test_freshbooks_lines_become_documents_with_numbers_as_text(tmp_path: Path) -> None:
    found = read(tmp_path, FRESHBOOKS)
    assert (found.format, found.rejected, found.verified) == (Format.FRESHBOOKS, [], ["line total"])
    # 786.50 + 592.90
    assert found.totals == {"EUR": Decimal("1379.40"), "USD": Decimal("600.00")}
    first = found.documents[0]
    assert (first["number"], first["net"], first["tax"], first["open"], first["paid_on"]) == (
        "0000001",
        "1140.00",
        "239.40",
        "0.00",
        "2026-02-10",
    )
    assert [line["description"] for line in first["lines"]] == ["Retainer · January", "Setup"]
    assert [(item.reason, item.totals) for item in found.left] == [("draft", {"EUR": "50.00"})]


def test_a_freshbooks_line_whose_parts_do_not_make_its_total_is_said(tmp_path: Path) -> None:
    found = read(tmp_path, FRESHBOOKS.replace("136.50,,0.00,786.50", "136.50,,0.00,786.60"))
    assert found.verified == []
    assert "row 2 says 786.60" in " ".join(found.warnings)


def test_zoho_totals_count_once_and_its_long_ids_keep_their_last_digit(tmp_path: Path) -> None:
    found = read(tmp_path, ZOHO)
    assert (found.format, found.rejected, found.verified) == (Format.ZOHO, [], ["stated total"])
    (only,) = found.documents
    assert found.totals == {"EUR": Decimal("848.60")}
    assert only["external_id"] == "2520018000000073144"
    # 105.00 + 33.60 of tax; the shipping of 50.00 counts into the net.
    assert (only["tax"], only["net"], only["paid"], only["open"], only["status"]) == (
        "138.60",
        "710.00",
        "500.00",
        "348.60",
        "partial",
    )
    assert [(item.reason, item.totals) for item in found.left] == [("void", {"USD": "99.00"})]


def test_zoho_lines_that_state_different_totals_are_rejected_together(tmp_path: Path) -> None:
    found = read(tmp_path, ZOHO.replace("660.00,848.60", "660.00,849.60", 1))
    assert [item.row for item in found.rejected] == [2, 3]
    assert found.documents == []


def test_a_zoho_total_that_its_parts_do_not_make_is_said(tmp_path: Path) -> None:
    found = read(tmp_path, ZOHO.replace("848.60", "948.60"))
    assert found.verified == []
    assert "INV-000001 says 948.60, its parts give 848.60" in " ".join(found.warnings)


def test_wave_s_lines_become_entries_that_balance(tmp_path: Path) -> None:
    found = read(tmp_path, WAVE, ReadOptions(currency="EUR"))
    assert (found.format, found.rejected) == (Format.WAVE, [])
    assert found.verified == ["debits = credits", "one column = two columns"]
    assert found.totals == {"EUR": Decimal("726.00")}
    assert [(e["kind"], e["date"], e["document"], e["name"], len(e["lines"])) for e in found.entries] == [
        ("Invoice", "2026-01-28", "2", "Ana", 3),
        ("Invoice Payment", "2026-02-02", "2", "Ana", 2),
    ]


def test_a_wave_transaction_that_does_not_balance_is_rejected_whole(tmp_path: Path) -> None:
    found = read(tmp_path, WAVE.replace("63.00,,,63.00", "64.00,,,64.00"))
    assert [item.row for item in found.rejected] == [2, 3, 4]
    assert "does not balance: debits 363.00, credits 364.00" in found.rejected[0].reason
    assert len(found.entries) == 1


def test_invoicely_says_totals_that_nothing_covers(tmp_path: Path) -> None:
    found = read(tmp_path, INVOICELY, ReadOptions(currency="USD"))
    assert (found.format, found.verified) == (Format.INVOICELY, [])
    assert found.totals == {"USD": Decimal("1100.50")}
    assert [(d["issued_on"], d["due_on"], d["status"], d["net"]) for d in found.documents] == [
        ("2026-01-28", "2026-02-28", "open", None),
        ("2026-01-29", "2026-02-28", "paid", None),
    ]
    assert [(item.reason, item.rows) for item in found.left] == [("draft", 1)]


def test_akaunting_s_sheets_are_joined_by_the_number(tmp_path: Path) -> None:
    found = read_sheets(tmp_path, akaunting())
    assert (found.format, found.rejected, found.verified) == (Format.AKAUNTING, [], ["stated total"])
    assert (found.totals, found.warnings) == ({"EUR": Decimal("242.00")}, [])
    (only,) = found.documents
    assert (only["net"], only["tax"], only["paid"], only["open"], only["status"]) == (
        "200.00",
        "42.00",
        "100.00",
        "142.00",
        "partial",
    )
    assert (only["tax_id"], only["email"]) == ("B1", "ana@example.test")
    assert [(line["description"], line["net"]) for line in only["lines"]] == [
        ("Plan", "150.00"),
        ("Setup", "50.00"),
    ]
    assert [(item.reason, item.totals) for item in found.left] == [("draft", {"EUR": "50.00"})]


def test_akaunting_totals_that_disagree_with_the_document_are_said(tmp_path: Path) -> None:
    found = read_sheets(tmp_path, akaunting(totals=243))
    assert found.verified == []
    assert "INV-1 says 242.00 and its sheet of totals 243.00" in " ".join(found.warnings)


def test_holded_s_rates_give_iva_irpf_and_surcharge_to_the_cent(tmp_path: Path) -> None:
    found = read_sheets(tmp_path, {"Facturas": [HOLDED_HEADER.split("|"), *HOLDED]})
    assert (found.format, found.rejected) == (Format.HOLDED, [])
    services, goods = found.documents
    # 1000.00 + 210.00 - 150.00
    assert (services["net"], services["tax"], services["withheld"], services["total"]) == (
        "1000.00",
        "210.00",
        "150.00",
        "1060.00",
    )
    assert (services["issued_on"], services["status"], services["paid_on"]) == (
        "2026-03-02",
        "paid",
        "2026-03-05",
    )
    # 3 x 19.99 less 10 % = 53.97, IVA 11.33, surcharge 2.81; 20.00, IVA 0.80, surcharge 0.10.
    assert (goods["net"], goods["tax"], goods["total"], goods["open"]) == ("73.97", "15.04", "89.01", "69.01")
    assert goods["status"] == "partial"
    assert found.verified == []


def test_holded_as_text_with_spanish_numbers_is_the_same(tmp_path: Path) -> None:
    def cell(value: object) -> str:
        return str(value).replace(".", ",")

    text = "\n".join(
        ["|".join([]), HOLDED_HEADER.replace("|", ";"), *(";".join(map(cell, row)) for row in HOLDED), ""]
    )
    found = read(tmp_path, text.lstrip("\n"))
    assert found.totals == {"EUR": Decimal("1149.01")}


def test_holded_cells_formatted_as_per_cent_are_the_same_rates(tmp_path: Path) -> None:
    rows = [
        [v / 100 if i in {12, 13, 14, 15} and isinstance(v, (int, float)) else v for i, v in enumerate(row)]
        for row in HOLDED
    ]
    found = read_sheets(tmp_path, {"Facturas": [HOLDED_HEADER.split("|"), *rows]})
    assert found.totals == {"EUR": Decimal("1149.01")}


def test_holded_purchases_are_bills_on_their_accounts(tmp_path: Path) -> None:
    header = [*HOLDED_HEADER.split("|"), "Nombre cuenta de gasto", "Num. Cuenta de gasto"]
    rows = [[*HOLDED[0], "Servicios", "62300000"]]
    (bill,) = read_sheets(tmp_path, {"Compras": [header, *rows]}).documents
    assert (bill["kind"], bill["lines"][0]["account"]) == ("bill", "62300000")


def test_a_negative_document_is_a_credit_note(tmp_path: Path) -> None:
    row = list(HOLDED[0])
    row[11], row[18] = -1, ""
    (note,) = read_sheets(tmp_path, {"Facturas": [HOLDED_HEADER.split("|"), row]}).documents
    assert (note["kind"], note["total"]) == ("credit_note", "-1060.00")


@pytest.mark.parametrize(
    ("text", "old", "new", "row"),
    [
        (
            FRESHBOOKS,
            "Bo Inc,0000002,2026-01-29,2026-02-28,sent",
            "Bo Inc,0000002,2026-01-29,2026-02-28,odd",
            4,
        ),
        (FRESHBOOKS, "0.00,600.00,USD", "0.00,600..00,USD", 4),
        (INVOICELY, '"Jan 29 2026"', '"some day"', 3),
        (WAVE, "2026-02-02,Cash on Hand", "2026-02-32,Cash on Hand", 6),
        (ZOHO, "Sent", "Odd", 2),
    ],
)
def test_a_row_that_cannot_be_read_is_rejected_by_its_place(
    tmp_path: Path, text: str, old: str, new: str, row: int
) -> None:
    found = read(tmp_path, text.replace(old, new))
    assert row in [item.row for item in found.rejected]
