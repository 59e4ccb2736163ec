"""Stripe's balance: net amounts under Stripe's own ids, days in the zone of the business."""

from decimal import Decimal
from pathlib import Path

import pytest

from connectors.accounting import Format, ImportedFile, ReadOptions, read_file

ITEMISED = """balance_transaction_id,created_utc,available_on_utc,currency,gross,fee,net,reporting_category,source_id,description
txn_1,2026-01-31 23:40:00,2026-02-03 00:00:00,eur,121.00,2.07,118.93,charge,ch_1,"Plan ""Pro"", enero"
txn_2,2026-02-01 09:00:00,2026-02-04 00:00:00,jpy,1000,32,968,charge,ch_2,Plan Pro
txn_3,2026-02-04 00:00:00,2026-02-04 00:00:00,eur,-118.93,0.00,-118.93,payout,po_1,STRIPE PAYOUT
"""
HISTORY = """id,Type,Source,Amount,Fee,Destination Platform Fee,Net,Currency,Created (UTC),Available On (UTC),Description,Transfer
txn_1,charge,ch_1,121.00,2.07,,118.93,eur,2026-01-31 23:40,2026-02-03 00:00,Plan Pro,po_1
"""
DEFAULTS = ReadOptions()


def read(folder: Path, text: str, options: ReadOptions = DEFAULTS) -> ImportedFile:
    path = folder / "x.csv"
    path.write_text(text, encoding="utf-8")
    return read_file(path, options)


def test_the_itemised_export_gives_net_amounts_per_currency(tmp_path: Path) -> None:
    found = read(tmp_path, ITEMISED)
    assert found.format is Format.STRIPE_BALANCE
    assert found.totals == {"EUR": Decimal("0.00"), "JPY": Decimal(968)}
    first = found.movements[0]
    assert (first["key"], first["gross"], first["fee"], first["amount"]) == (
        "stripe:txn_1",
        "121.00",
        "2.07",
        "118.93",
    )
    assert first["text"] == 'Plan "Pro", enero'


def test_both_exports_of_stripe_give_one_identity(tmp_path: Path) -> None:
    one, other = read(tmp_path, ITEMISED).movements[0], read(tmp_path, HISTORY).movements[0]
    assert (one["key"], one["amount"], one["date"]) == (other["key"], other["amount"], other["date"])


def test_an_instant_is_booked_on_the_business_s_day(tmp_path: Path) -> None:
    assert read(tmp_path, ITEMISED, ReadOptions(zone="Europe/Madrid")).movements[0]["date"] == "2026-02-01"
    local = ITEMISED.replace("created_utc", "created")
    assert read(tmp_path, local, ReadOptions(zone="Europe/Madrid")).movements[0]["date"] == "2026-01-31"


def test_columns_may_stand_in_any_order(tmp_path: Path) -> None:
    rows = [line.split(",", 6) for line in ITEMISED.replace('"Plan ""Pro"", enero"', "x").splitlines()]
    text = "".join(",".join([*row[1:], row[0]]) + "\n" for row in rows)
    assert read(tmp_path, text).totals == {"EUR": Decimal("0.00"), "JPY": Decimal(968)}


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("118.93,charge", "118.94,charge", "is not net"),
        ("eur,121.00", "zzz,121.00", "no currency"),
        ("2026-01-31 23:40:00", "yesterday", "date"),
        ("txn_1", "", "no balance transaction id"),
        ("2.07", "2..07", "fee"),
    ],
)
def test_a_row_that_contradicts_itself_is_rejected_and_the_others_kept(
    tmp_path: Path, old: str, new: str, reason: str
) -> None:
    found = read(tmp_path, ITEMISED.replace(old, new, 1))
    assert found.records == 2
    assert [(item.row, reason in item.reason) for item in found.rejected] == [(2, True)]


def test_a_line_cut_in_the_middle_is_a_half_written_file(tmp_path: Path) -> None:
    found = read(tmp_path, ITEMISED[:-25])
    assert (found.records, "half-written" in (found.refusal or "")) == (0, True)


def test_a_semicolon_export_after_a_european_spreadsheet_is_read(tmp_path: Path) -> None:
    text = (
        ITEMISED.replace('"Plan ""Pro"", enero"', "x")
        .replace(",", ";")
        .replace(".00", ",00")
        .replace(".07", ",07")
        .replace(".93", ",93")
    )
    assert read(tmp_path, text).totals == {"EUR": Decimal("0.00"), "JPY": Decimal(968)}
