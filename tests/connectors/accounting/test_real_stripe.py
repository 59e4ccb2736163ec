"""Files of Stripe that others published, against sums worked out without any parsing library."""

import os
from decimal import Decimal
from pathlib import Path

import pytest

from connectors.accounting import ImportedFile, read_file

SHARED = Path(os.environ.get("TENFOLD_SHARED", Path(__file__).parents[3].parent / "shared"))
FOLDER = SHARED / "realdata" / "accounting"
pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the folder of real accounting files is not there"
)


def real(name: str) -> ImportedFile:
    return read_file(FOLDER / name)


def test_stripes_failed_charges_do_not_count_and_their_sum_is_said() -> None:
    (left,) = real("stripe/dbt_stripe__charge_data.csv").left
    assert (left.reason, left.rows, left.totals) == ("failed", 16, {"USD": "66776.96"})


def test_a_stripe_invoice_that_is_paid_and_unpaid_at_once_is_rejected_by_its_name() -> None:
    found = real("stripe/dbt_stripe__invoice_data.csv")
    assert (found.records, found.totals) == (1, {"USD": Decimal("10.00")})
    assert [(item.row, "dgjksg6486" in item.reason) for item in found.rejected] == [(3, True)]
    assert found.verified == ["stated total"]


def test_stripes_refunds_add_up_by_their_reason() -> None:
    sums: dict[str, Decimal] = {}
    for movement in real("stripe/dbt_stripe__refund_data.csv").movements:
        reason = movement["text"].split(" · ")[0]
        sums[reason] = sums.get(reason, Decimal(0)) + Decimal(movement["amount"])
    assert sums == {"duplicate": Decimal("-6750.00"), "requested_by_customer": Decimal("-17164.21")}


def test_what_stripe_settled_stands_apart_from_what_customers_paid() -> None:
    movements = real("stripe/stripe-country-revenue-calculator__payments.csv").movements
    assert {m["settled_currency"] for m in movements} == {"THB"}
    assert all(m["fee"] is None for m in movements)  # a fee in baht is no fee of a payment in euros
    # Converted amounts 284332.30, fees 19725.70 and taxes on fees 1380.65, each column summed outside.
    assert sum(Decimal(m["settled_fee"]) for m in movements) == Decimal("21106.35")
    assert sum(Decimal(m["settled_amount"]) for m in movements) == Decimal("263225.95")
