"""What differs between a record and what is wanted of it; and which stages HubSpot would not take."""

import pytest

from connectors.hubspot_difference import STAGES, difference, steps_back


@pytest.mark.parametrize(
    ("current", "wanted", "different"),
    [
        ("Ana", "Ana", False),
        ("Ana", "ana", True),
        (None, "", False),
        ("", "", False),
        ("Ana", "", True),
        (None, "Ana", True),
        # One instant in several spellings is the same; a day is no instant.
        ("2026-03-02T10:30:00Z", "2026-03-02T11:30:00+01:00", False),
        ("2026-03-02T10:30:00.000Z", "1772447400000", False),
        ("2026-03-02T10:30:00Z", "2026-03-02T10:30:01Z", True),
        ("2026-03-02T10:30:00", "2026-03-02T10:30:00Z", True),
        ("1772447400000", "1772447400001", True),
        # Numbers stay texts: a telephone or a version may look like one.
        ("1.10", "1.1", True),
        ("08001", "8001", True),
        ("Terminal 4", "Terminal 5", True),
    ],
)
def test_only_what_means_something_else_differs(current: str | None, wanted: str, different: bool) -> None:
    assert difference({"field": current}, {"field": wanted}) == ({"field": wanted} if different else {})


def test_an_address_is_the_same_in_capitals() -> None:
    assert difference({"email": "ana@client.example"}, {"email": "Ana@Client.example"}) == {}


def test_a_property_that_the_record_never_had_differs_unless_it_is_to_be_empty() -> None:
    assert difference({}, {"a": "1", "b": ""}) == {"a": "1"}


def test_a_stage_steps_back_only_where_its_order_is_known() -> None:
    assert [steps_back("customer", stage) for stage in STAGES] == [True] * 5 + [False] * 3
    assert not steps_back("customer", "our_own_stage")
    assert not steps_back("our_own_stage", "lead")
    assert not steps_back(None, "lead")
    assert not steps_back("customer", "")
