"""What accounting files bring is typed to the last decimal, and leaves the tables when it left the books."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from model_world import World, spec

LINE = {
    "description": "Plan", "quantity": "2", "unit_price": "49.5000", "net": "99.00", "tax": "20.79",
    "account": "700", "service_from": "2026-03-01", "service_to": "2026-03-31",
}  # fmt: skip
RECORDS: dict[str, dict[str, Any]] = {
    "documents": {
        "key": "d1", "format": "facturae", "kind": "invoice", "number": "F-1", "external_id": None,
        "counterparty": " Sol SL ", "tax_id": "b12345678", "email": "Pay@Sol.es", "issued_on": "2026-03-01",
        "due_on": "2026-03-31", "service_from": None, "service_to": None, "currency": "EUR", "net": "99.00",
        "tax": "20.79", "withheld": "14.85", "total": "104.94", "paid": "0.00", "open": "104.94",
        "status": "open", "paid_on": None, "subscription_id": "sub_1", "row": 1, "lines": [LINE], "file": "f",
    },
    "subscriptions": {
        "key": "s1", "format": "stripe_subscriptions", "subscription_id": "sub_1", "customer": "Sol",
        "email": None, "plan": "Growth", "quantity": "3", "interval": "year", "interval_count": 1,
        "amount": "1200.00", "list_amount": "1500.00", "currency": "eur", "status": "active",
        "started_on": "2026-01-15", "ended_on": None, "canceled_on": None, "period_from": "2026-01-15",
        "period_to": "2027-01-15", "row": 2, "file": "f",
    },
    "time_entries": {
        "key": "t1", "format": "toggl", "person": "Ana", "client": "Sol", "project": "Setup", "task": "Calls",
        "date": "2026-03-02", "hours": "1.2500", "billable": True, "row": 3, "file": "f",
    },
    "rates": {
        "key": "r1", "date": "2026-03-02", "currency": "USD", "rate": "1.156789", "row": 4, "file": "f",
    },
}  # fmt: skip
EXPECTED: dict[str, tuple[str, dict[str, Any]]] = {
    "documents": (
        "accounting_document",
        {
            "document_key": "d1", "counterparty": "Sol SL", "tax_id": "B12345678", "email": "pay@sol.es",
            "issued_on": date(2026, 3, 1), "total": Decimal("104.94"), "withheld": Decimal("14.85"),
            "open": Decimal("104.94"), "service_from": None, "subscription_id": "sub_1",
        },
    ),
    "subscriptions": (
        "accounting_subscription",
        {
            "subscription_key": "s1", "interval": "year", "interval_count": 1, "amount": Decimal(1200),
            "list_amount": Decimal(1500), "currency": "EUR", "started_on": date(2026, 1, 15), "ended_on": None,
        },
    ),
    "time_entries": (
        "accounting_time",
        {"time_key": "t1", "worked_on": date(2026, 3, 2), "hours": Decimal("1.25"), "billable": True},
    ),
    "rates": (
        "accounting_rate",
        {"rate_key": "r1", "rated_on": date(2026, 3, 2), "currency": "USD", "rate": Decimal("1.156789")},
    ),
}  # fmt: skip


@pytest.mark.parametrize("resource", RECORDS)
def test_a_record_of_an_accounting_file_is_typed_and_every_field_is_known(
    world: World, resource: str
) -> None:
    model, expected = EXPECTED[resource]
    world.add("accounting", resource, RECORDS[resource])
    (row,) = world.rows(f"staging.{model}")
    assert {name: row[name] for name in expected} == expected
    known = {path.removeprefix("$.") for path in spec(f"staging.{model}")["known"]}
    assert set(RECORDS[resource]) <= known


def test_the_lines_of_a_document_keep_their_order_and_their_periods(world: World) -> None:
    second = LINE | {"description": "Credit", "net": "-9.00", "service_from": None, "service_to": None}
    world.add("accounting", "documents", RECORDS["documents"] | {"lines": [LINE, second]})
    rows = world.rows(
        "staging.accounting_document_line", columns="position, net, service_to", order="position"
    )
    assert rows == [
        {"position": 1, "net": Decimal("99.00"), "service_to": date(2026, 3, 31)},
        {"position": 2, "net": Decimal("-9.00"), "service_to": None},
    ]


MOVEMENT = {"key": "m1", "date": "2026-03-02", "amount": "-1.00"}
ENTRY = {"key": "e1", "date": "2026-03-02", "lines": [{"account": "572", "debit": "0", "credit": "0"}]}


@pytest.mark.parametrize(
    ("model", "resource", "record"),
    [
        *((model, resource, RECORDS[resource]) for resource, (model, _) in EXPECTED.items()),
        ("accounting_document_line", "documents", RECORDS["documents"]),
        ("accounting_movement", "movements", MOVEMENT),
        ("accounting_entry", "entries", ENTRY),
        ("accounting_line", "entries", ENTRY),
    ],
)
def test_what_left_the_books_is_in_no_table(
    world: World, model: str, resource: str, record: dict[str, Any]
) -> None:
    world.add("accounting", resource, record | {"gone_at": "2026-04-01T00:00:00+00:00"}, "gone")
    world.add("accounting", resource, record, "there")
    (row,) = world.rows(f"staging.{model}")
    assert "there" in row.values()
