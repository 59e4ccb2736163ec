"""Contacts merged away at HubSpot: nobody tells of them but the one that stayed."""

from typing import Any

import pytest
from model_world import World


@pytest.fixture
def merged(world: World) -> World:
    """2 went into 1; 3 into 4 and then 4 into 5; 8, never read by us, into 7."""
    world.client("60", "2026-02-01 10:00")
    world.contact("1", createdate="2026-05-05T10:00:00Z", email="one@x.es", hs_merged_object_ids="2")
    world.contact("2", createdate="2026-05-04T10:00:00Z", email="Two@x.es")
    world.contact("3", createdate="2026-05-06T10:00:00Z", email="three@x.es")
    world.contact("4", createdate="2026-05-07T10:00:00Z", email="four@x.es", hs_merged_object_ids="3")
    world.contact("5", createdate="2026-05-08T10:00:00Z", email="five@x.es", hs_merged_object_ids="4; 9")
    world.contact(
        "7",
        "60",
        createdate="2026-05-09T10:00:00Z",
        email="seven@x.es",
        hs_merged_object_ids="8",
        hs_additional_emails="Eight@x.es;acht@x.es",
    )
    return world


def ends(world: World) -> dict[str, Any]:
    return {row["person_id"]: row["merged_into"] for row in world.rows("core.merged_person")}


def test_leads_leave_out_whoever_was_merged_away(merged: World) -> None:
    assert merged.figure("LEADS", "2026-05")["value"] == 3  # 1, 5 and 7


def test_a_merge_is_followed_to_its_end_even_through_one_we_never_read(merged: World) -> None:
    assert ends(merged) == {"2": "1", "3": "5", "4": "5", "8": "7", "9": "5"}
    assert {
        row["person_id"]: row["merged_into"] for row in merged.rows("core.person", "merged_into is not null")
    } == {"2": "1", "3": "5", "4": "5"}


def test_two_contacts_that_name_each_other_are_no_endless_merge(world: World) -> None:
    world.contact("1", hs_merged_object_ids="2;1")
    world.contact("2", hs_merged_object_ids="1")
    assert ends(world) == {}


def test_a_merge_before_the_vendor_told_of_it_is_known_after_it_did(world: World) -> None:
    world.contact("1", createdate="2026-05-05T10:00:00Z", email="one@x.es")
    world.contact("2", createdate="2026-05-04T10:00:00Z", email="two@x.es")
    assert world.figure("LEADS", "2026-05")["value"] == 2
    later = World()
    later.contact("1", createdate="2026-05-05T10:00:00Z", email="one@x.es", hs_merged_object_ids="2")
    later.contact("2", createdate="2026-05-04T10:00:00Z", email="two@x.es")  # raw keeps its last version
    assert later.figure("LEADS", "2026-05")["value"] == 1


def test_links_of_the_one_who_went_lead_to_the_one_who_stayed(merged: World) -> None:
    for contact, external, email in (
        ("i2", "2", None),
        ("i3", "3", None),
        ("i8", "8", "other@x.es"),
        ("e8", None, "acht@x.es"),
    ):
        merged.add("intercom", "contacts", {"id": contact, "external_id": external, "email": email})
    merged.add("mailchimp", "members", {"id": "m3", "email_address": "three@x.es", "status": "subscribed"})
    merged.add("mailchimp", "members", {"id": "m8", "email_address": "EIGHT@x.es", "status": "subscribed"})
    links = merged.rows("core.identity_link", "kind = 'person'")
    assert {row["source_id"]: (row["entity_id"], row["method"]) for row in links} == {
        "i2": ("1", "external_id"),
        "i3": ("5", "external_id"),
        "i8": ("7", "external_id"),
        "e8": ("7", "email"),
        "m3": ("5", "email"),
        "m8": ("7", "email"),
    }
    explained = {row["source_id"]: row["explanation"] for row in links}
    assert explained["i8"] == "Intercom external_id 8 is a HubSpot contact merged into 7"


def test_a_conversation_of_the_one_who_went_is_of_the_client_of_the_one_who_stayed(merged: World) -> None:
    merged.add(
        "intercom",
        "conversations",
        {
            "id": "c1",
            "state": "open",
            "created_at": 1_780_000_000,
            "contacts": {"contacts": [{"type": "contact", "id": "deleted since", "external_id": "8"}]},
        },
    )
    (found,) = merged.rows("core.conversation", columns="person_id, client_id")
    assert found == {"person_id": "7", "client_id": "60"}


def test_what_one_refused_before_the_merge_is_refused_after_it(merged: World) -> None:
    merged.contact("11", email="eleven@x.es", hs_merged_object_ids="12")
    merged.contact("12", email="twelve@x.es", hs_email_optout="true")
    for number, email in enumerate(("eight@x.es", "three@x.es")):
        merged.add(
            "mailchimp",
            "members",
            {"id": f"m{number}", "email_address": email, "status": "unsubscribed"},
        )
    # 3 and 12 themselves, and those they live on in; 7 by a further address.
    assert sorted(merged.rows("core.person", "opted_out", "person_id")) == ["11", "12", "3", "5", "7"]
