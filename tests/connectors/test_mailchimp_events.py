"""Which records a Mailchimp webhook is about."""

import pytest

from connectors.mailchimp_events import affected

ANA = "cdb9d6a1dddc375a09cc83e3001598dc"  # `printf ana@example.com | md5sum`
LEO = "ce9581fbf1beefbad43a4233aa65954c"


def form(kind: str, **data: str) -> dict[str, str]:
    sent = {f"data[{name}]": value for name, value in data.items()}
    return {"type": kind, "fired_at": "2026-03-10 12:00:00", **sent}


CASES = [
    (form("subscribe", id="8a25ff1d98", list_id="L1", email="Ana@Example.com"), [("members", f"L1+{ANA}")]),
    (form("unsubscribe", list_id="L1", email="ana@example.com", action="unsub"), [("members", f"L1+{ANA}")]),
    (form("profile", list_id="L1", email=" ana@example.com"), [("members", f"L1+{ANA}")]),
    (form("cleaned", list_id="L1", email="ana@example.com", reason="hard"), [("members", f"L1+{ANA}")]),
    (
        form(
            "upemail",
            list_id="L1",
            new_id="51da8c3259",
            new_email="leo@example.com",
            old_email="ana@example.com",
        ),
        [("members", f"L1+{LEO}"), ("members", f"L1+{ANA}")],
    ),
    (form("campaign", id="c1", list_id="L1", status="sent"), [("campaigns", "c1"), ("reports", "c1")]),
    (
        {"type": "subscribe", "data": {"list_id": "L1", "email": "ana@example.com"}},
        [("members", f"L1+{ANA}")],
    ),
    (
        {"type": ["subscribe"], "data[list_id]": ["L1"], "data[email]": ["ana@example.com"]},
        [("members", f"L1+{ANA}")],
    ),
    (form("subscribe", email="ana@example.com"), []),
    (form("subscribe", list_id="L1"), []),
    (form("campaign", list_id="L1"), []),
    (form("something_new", list_id="L1", email="ana@example.com"), []),
    ({}, []),
]


@pytest.mark.parametrize(("sent", "keys"), CASES)
def test_a_webhook_names_the_records_to_read_again(sent: dict, keys: list) -> None:
    assert affected(sent) == keys
