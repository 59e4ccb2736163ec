"""Stripe's payments, refunds, invoices and subscriptions, as exported and as dumps of its API."""

from decimal import Decimal
from pathlib import Path

import pytest

from connectors.accounting import Format, ImportedFile, ReadOptions, read_file

PAYMENTS = """id,Created date (UTC),Amount,Amount Refunded,Currency,Captured,Converted Amount,Converted Amount Refunded,Converted Currency,Decline Reason,Description,Fee,Refunded date (UTC),Status,Taxes On Fee,Customer Email,Invoice ID
ch_1,2026-01-31 23:40:00,121.00,0.00,eur,true,121.00,0.00,eur,,Plan Pro,2.00,,Paid,0.42,ana@example.test,in_1
ch_2,2026-02-01 09:00:00,100.00,40.00,usd,true,92.00,36.80,eur,,Plan Pro,3.00,2026-02-05 10:00:00,Paid,0.63,bo@example.test,in_2
ch_3,2026-02-02 09:00:00,50.00,0.00,eur,false,50.00,0.00,eur,insufficient_funds,Plan,0.00,,Failed,0.00,c@example.test,in_3
ch_4,2026-02-03 09:00:00,70.00,0.00,eur,false,70.00,0.00,eur,,Plan,0.00,,requires_payment_method,0.00,d@example.test,in_4
ch_5,2026-02-03 09:00:00,1500,0,jpy,true,1500,0,jpy,,Plan,54,,Paid,0,e@example.test,in_5
"""
INVOICES = """id,Amount Due,Amount Paid,Currency,Customer,Customer Email,Customer Name,Date (UTC),Due Date (UTC),Number,Paid At (UTC),Subscription,Subtotal,Total Discount Amount,Tax,Total,Status,Minimum Line Item Period Start (UTC),Maximum Line Item Period End (UTC)
in_1,121.00,121.00,eur,cus_1,ana@example.test,Ana SL,2026-01-15 10:00:00,,A-0001,2026-01-15 10:05:00,sub_1,100.00,0.00,21.00,121.00,paid,2026-01-15 10:00:00,2026-02-15 10:00:00
in_2,1089.00,500.00,eur,cus_2,bo@example.test,Bo SL,2026-01-20 10:00:00,2026-02-19 10:00:00,A-0002,,sub_2,1000.00,100.00,189.00,1089.00,open,2026-01-20 10:00:00,2027-01-20 10:00:00
in_3,60.50,0.00,eur,cus_3,c@example.test,Cy SL,2026-01-21 10:00:00,,,,sub_3,50.00,0.00,10.50,60.50,draft,2026-01-21 10:00:00,2026-02-21 10:00:00
in_4,30.00,0.00,usd,cus_4,d@example.test,Dee Inc,2026-01-22 10:00:00,,A-0004,,,30.00,0.00,0.00,30.00,void,2026-01-22 10:00:00,2026-01-22 10:00:00
in_5,200.00,0.00,usd,cus_5,e@example.test,Eve Inc,2026-01-23 10:00:00,,A-0005,,,200.00,0.00,0.00,200.00,uncollectible,2026-01-23 10:00:00,2026-01-23 10:00:00
"""
SUBSCRIPTIONS = """id,Customer ID,Customer Description,Customer Email,Plan,Product,Quantity,Currency,Interval,Amount,Status,Created (UTC),Start (UTC),Current Period Start (UTC),Current Period End (UTC),Trial Start (UTC),Trial End (UTC),Coupon,Canceled At (UTC),Ended At (UTC)
sub_1,cus_1,Ana SL,ana@example.test,price_1,Pro,1,eur,month,100.00,active,2026-01-15 10:00,2026-01-15 10:00,2026-02-15 10:00,2026-03-15 10:00,,,,,
sub_2,cus_2,Bo SL,bo@example.test,price_2,Seat,3,eur,year,240.00,past_due,2026-01-20 10:00,2026-01-20 10:00,2026-01-20 10:00,2027-01-20 10:00,,,LAUNCH,,
sub_3,cus_3,Cy SL,c@example.test,price_3,Basic,1,eur,3 months,90.00,canceled,2025-01-01 10:00,2025-01-01 10:00,2025-10-01 10:00,2026-01-01 10:00,,,,2025-12-20 10:00,2026-01-01 10:00
sub_4,cus_4,Dee Inc,d@example.test,price_1,Pro,1,usd,month,110.00,incomplete_expired,2026-01-01 10:00,2026-01-01 10:00,2026-01-01 10:00,2026-02-01 10:00,,,,,
"""
REFUNDS = """id,Amount,Charge ID,Created (UTC),Currency,Reason,Status
re_1,40.00,ch_2,2026-02-05 10:00:00,usd,requested_by_customer,succeeded
re_2,10.00,ch_1,2026-02-06 10:00:00,eur,duplicate,failed
"""
DUMP = """id,_fivetran_synced,amount,amount_refunded,captured,created,currency,customer_id,description,status
ch_1,2026-02-01 00:00:00,12100,2100,TRUE,2026-01-31 23:40:00,eur,cus_1,Plan,succeeded
ch_2,2026-02-01 00:00:00,1500,0,TRUE,2026-01-31 10:00:00,jpy,cus_2,Plan,succeeded
ch_3,2026-02-01 00:00:00,1500,0,TRUE,2026-01-31 10:00:00,kwd,cus_3,Plan,succeeded
ch_4,2026-02-01 00:00:00,9900,0,FALSE,2026-01-31 10:00:00,eur,cus_4,Plan,succeeded
ch_5,2026-02-01 00:00:00,5000,0,FALSE,2026-01-31 10:00:00,eur,cus_5,Plan,failed
"""
DEFAULTS = ReadOptions()


def read(folder: Path, text: str, options: ReadOptions = DEFAULTS) -> ImportedFile:
    path = folder / "x.csv"
    path.write_text(text, encoding="utf-8")
    return read_file(path, options)


def left_of(found: ImportedFile) -> list[tuple[str, int, dict[str, str]]]:
    return [(item.reason, item.rows, item.totals) for item in found.left]


def test_payments_count_what_was_paid_and_refunded_by_currency(tmp_path: Path) -> None:
    found = read(tmp_path, PAYMENTS)
    assert (found.format, found.rejected) == (Format.STRIPE_PAYMENTS, [])
    # USD 100.00 paid less 40.00 refunded.
    assert found.totals == {"EUR": Decimal("121.00"), "JPY": Decimal(1500), "USD": Decimal("60.00")}
    assert [(m["bank_id"], m["amount"], m["date"]) for m in found.movements] == [
        ("ch_1", "121.00", "2026-01-31"),
        ("ch_2", "100.00", "2026-02-01"),
        ("ch_2:refund", "-40.00", "2026-02-05"),
        ("ch_5", "1500.00", "2026-02-03"),
    ]


def test_payments_that_failed_or_were_never_made_are_left_with_their_sums(tmp_path: Path) -> None:
    assert left_of(read(tmp_path, PAYMENTS)) == [
        ("failed", 1, {"EUR": "50.00"}),
        ("requires payment method", 1, {"EUR": "70.00"}),
    ]


def test_a_fee_stands_beside_a_payment_of_its_own_currency_only(tmp_path: Path) -> None:
    same, other = read(tmp_path, PAYMENTS).movements[:2]
    assert (same["fee"], same["settled_amount"]) == ("2.42", "118.58")
    assert (other["fee"], other["settled_currency"], other["settled_amount"]) == (None, "EUR", "88.37")


def test_payments_saved_again_by_a_european_spreadsheet_are_the_same(tmp_path: Path) -> None:
    plain = read(tmp_path, PAYMENTS)
    header, *rows = PAYMENTS.splitlines()
    changed = [
        row.replace(".00", ";00").replace(".42", ";42").replace(".63", ";63").replace(".80", ";80")
        for row in rows
    ]
    text = "\n".join(
        [
            header.replace(",", ";"),
            *(r.replace(";", "\0").replace(",", ";").replace("\0", ",") for r in changed),
        ]
    )
    found = read(tmp_path, text.replace("true", "TRUE").replace("@example,", "@example.") + "\n")
    assert (found.format, found.totals) == (plain.format, plain.totals)
    assert [m["key"] for m in found.movements] == [m["key"] for m in plain.movements]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("ch_2,", "ch_1,", "already in row 2"),
        (",Paid,0.63", ",Odd,0.63", "'Odd' is not known"),
        ("100.00,40.00,usd", "100.00,400.00,usd", "were refunded of a payment of 100.00"),
        ("100.00,40.00,usd", "100.00,40.00,zzz", "no currency"),
        ("2026-02-01 09:00:00", "someday", "is no date"),
        ("in_2\n", "in_2,more\n", "18 fields and the header 17"),
    ],
)
def test_a_payment_that_contradicts_itself_is_rejected_by_its_row(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    found = read(tmp_path, PAYMENTS.replace(old, new, 1))
    assert [(item.row, reason in item.reason) for item in found.rejected] == [(3, True)]
    assert found.totals == {"EUR": Decimal("121.00"), "JPY": Decimal(1500)}


def test_refunds_are_money_out_and_failed_ones_are_left(tmp_path: Path) -> None:
    found = read(tmp_path, REFUNDS)
    assert (found.format, found.totals) == (Format.STRIPE_REFUNDS, {"USD": Decimal("-40.00")})
    assert left_of(found) == [("failed", 1, {"EUR": "-10.00"})]


def test_invoices_that_count_are_those_that_were_issued_for_good(tmp_path: Path) -> None:
    found = read(tmp_path, INVOICES)
    assert (found.format, found.rejected, found.verified) == (Format.STRIPE_INVOICES, [], ["stated total"])
    assert found.totals == {"EUR": Decimal("1210.00"), "USD": Decimal("200.00")}
    assert left_of(found) == [("draft", 1, {"EUR": "60.50"}), ("void", 1, {"USD": "30.00"})]
    assert [(d["status"], d["net"], d["tax"], d["paid"], d["open"]) for d in found.documents] == [
        ("paid", "100.00", "21.00", "121.00", "0.00"),
        ("partial", "900.00", "189.00", "500.00", "589.00"),
        ("uncollectible", "200.00", "0.00", "0.00", "200.00"),
    ]


def test_an_invoice_serves_the_days_before_the_next_period_begins(tmp_path: Path) -> None:
    month, year, once = read(tmp_path, INVOICES).documents
    assert (month["service_from"], month["service_to"]) == ("2026-01-15", "2026-02-14")
    assert (year["service_from"], year["service_to"]) == ("2026-01-20", "2027-01-19")
    assert (once["service_from"], once["service_to"]) == (None, None)
    assert [d["subscription_id"] for d in (month, year, once)] == ["sub_1", "sub_2", None]


@pytest.mark.parametrize("place", [17, 18], ids=["the first day", "the last day"])
def test_without_the_columns_of_the_service_period_nothing_is_guessed(tmp_path: Path, place: int) -> None:
    rows = [line.split(",") for line in INVOICES.splitlines()]
    text = "".join(",".join(cell for i, cell in enumerate(row) if i != place) + "\n" for row in rows)
    found = read(tmp_path, text)
    assert {(d["service_from"], d["service_to"]) for d in found.documents} == {(None, None)}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("100.00,0.00,21.00,121.00", p)
        for p in ("100.00,0.00,21.00,122.00", "100.00,0.00,22.00,121.00", "101.00,0.00,21.00,121.00")
    ],
)
def test_an_invoice_whose_parts_do_not_make_its_total_is_said(tmp_path: Path, old: str, new: str) -> None:
    found = read(tmp_path, INVOICES.replace(old, new))
    assert found.verified == []
    assert "A-0001 (row 2)" in " ".join(found.warnings)


def test_an_invoice_paid_outside_stripe_is_said(tmp_path: Path) -> None:
    found = read(tmp_path, INVOICES.replace("in_1,121.00,121.00", "in_1,121.00,0.00"))
    assert "not through Stripe (A-0001)" in " ".join(found.warnings)
    assert (found.documents[0]["status"], found.documents[0]["open"]) == ("paid", "0.00")


def test_subscriptions_carry_the_amount_of_an_interval_for_all_seats(tmp_path: Path) -> None:
    found = read(tmp_path, SUBSCRIPTIONS)
    assert (found.format, found.rejected) == (Format.STRIPE_SUBSCRIPTIONS, [])
    assert [
        (s["subscription_id"], s["interval"], s["interval_count"], s["amount"], s["status"])
        for s in found.subscriptions
    ] == [
        ("sub_1", "month", 1, "100.00", "active"),
        ("sub_2", "year", 1, "720.00", "past_due"),  # 3 seats of 240.00
        ("sub_3", "month", 3, "90.00", "canceled"),
    ]
    assert left_of(found) == [("incomplete expired", 1, {})]
    said = " ".join(found.warnings)
    assert "1 subscriptions have a quantity" in said
    assert "1 subscriptions have a coupon" in said


def test_a_subscription_has_its_days(tmp_path: Path) -> None:
    first, _, third = read(tmp_path, SUBSCRIPTIONS).subscriptions
    assert (first["started_on"], first["period_from"], first["period_to"]) == (
        "2026-01-15",
        "2026-02-15",
        "2026-03-14",
    )
    assert (third["canceled_on"], third["ended_on"]) == ("2025-12-20", "2026-01-01")


def test_an_interval_of_thirty_days_is_no_month(tmp_path: Path) -> None:
    found = read(tmp_path, SUBSCRIPTIONS.replace(",month,", ",30 days,", 1))
    assert [(item.row, "30 days" in item.reason) for item in found.rejected] == [(2, True)]


def test_a_dump_of_the_api_counts_in_smallest_units_of_each_currency(tmp_path: Path) -> None:
    found = read(tmp_path, DUMP)
    assert (found.format, found.rejected) == (Format.API_TABLE, [])
    # 121.00 less 21.00 refunded; a yen has no smaller unit; a dinar has a thousand.
    assert found.totals == {"EUR": Decimal("100.00"), "JPY": Decimal(1500), "KWD": Decimal("1.500")}
    assert left_of(found) == [("not captured", 1, {"EUR": "99.00"}), ("failed", 1, {"EUR": "50.00"})]


def test_one_charge_is_one_movement_in_whatever_file_it_comes(tmp_path: Path) -> None:
    dumped, exported = read(tmp_path, DUMP).movements[0], read(tmp_path, PAYMENTS).movements[0]
    assert (dumped["key"], dumped["amount"], dumped["date"]) == (
        exported["key"],
        exported["amount"],
        exported["date"],
    )


def test_a_ragged_row_of_a_dump_is_rejected_for_its_columns_are_shifted(tmp_path: Path) -> None:
    found = read(tmp_path, DUMP.replace("1500,0,TRUE", "1500,TRUE", 1))
    assert [(item.row, item.reason) for item in found.rejected] == [
        (3, "the row has 9 fields and the header 10")
    ]
    assert found.totals == {"EUR": Decimal("100.00"), "KWD": Decimal("1.500")}


def test_moments_are_booked_on_the_business_s_day(tmp_path: Path) -> None:
    in_madrid = ReadOptions(zone="Europe/Madrid")
    assert read(tmp_path, PAYMENTS, in_madrid).movements[0]["date"] == "2026-02-01"
    assert read(tmp_path, DUMP, in_madrid).movements[0]["date"] == "2026-02-01"


def test_a_list_of_disputes_is_not_taken_for_refunds(tmp_path: Path) -> None:
    found = read(tmp_path, REFUNDS.replace("re_", "du_"))
    assert (found.records, [item.row for item in found.rejected]) == (0, [2])


@pytest.mark.parametrize("number", ["9" * 400, "100000000000000.00", "1e9", "NaN"])
def test_what_is_no_amount_of_money_rejects_its_row_and_no_other(tmp_path: Path, number: str) -> None:
    found = read(tmp_path, PAYMENTS.replace("100.00,40.00,usd", f"{number},40.00,usd"))
    assert [item.row for item in found.rejected] == [3]
    assert found.totals == {"EUR": Decimal("121.00"), "JPY": Decimal(1500)}
