"""What an event of HubSpot's webhooks makes us read again."""

from typing import Any

import pytest

from connectors.hubspot_events import affected
from connectors.hubspot_paths import RESOURCES

Pairs = list[tuple[str, str]]


def event(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "eventId": 1,
        "subscriptionId": 12345,
        "portalId": 62515,
        "occurredAt": 1564113600000,
        "subscriptionType": kind,
        "attemptNumber": 0,
        "objectId": 123,
        "changeSource": "CRM",
        "appId": 54321,
        **more,
    }


def link(kind: str, one: int, other: int, **more: Any) -> dict[str, Any]:
    said = event(kind, fromObjectId=one, toObjectId=other, associationRemoved=False, **more)
    del said["objectId"]
    return said


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (event("contact.propertyChange", propertyName="firstname"), [("contacts", "123")]),
        (event("company.deletion"), [("companies", "123")]),
        (event("contact.privacyDeletion"), [("contacts", "123")]),
        (event("ticket.propertyChange", propertyName="subject"), [("tickets", "123")]),
        (event("line_item.propertyChange", propertyName="price"), [("line_items", "123")]),
        (event("product.creation"), [("products", "123")]),
        (event("object.propertyChange", objectTypeId="0-48", propertyName="x"), [("calls", "123")]),
        (event("object.deletion", objectTypeId="0-47"), [("meetings", "123")]),
        (
            event("object.propertyChange", objectTypeId="0-19", propertyName="x"),
            [("feedback_submissions", "123")],
        ),
    ],
)
def test_a_change_concerns_the_record(said: dict[str, Any], expected: Pairs) -> None:
    assert affected(said) == expected


def test_a_change_of_a_property_with_history_concerns_its_history_too() -> None:
    said = event("deal.propertyChange", propertyName="dealstage")
    assert affected(said) == [("deals", "123"), ("deal_history", "123")]
    said = event("object.propertyChange", objectTypeId="0-1", propertyName="lifecyclestage")
    assert affected(said) == [("contacts", "123"), ("contact_history", "123")]


@pytest.mark.parametrize("said", [event("deal.creation"), event("object.restore", objectTypeId="0-3")])
def test_what_belongs_to_a_new_or_restored_record_is_read_with_it(said: dict[str, Any]) -> None:
    names = {"deals", "deal_companies", "deal_contacts", "deal_line_items", "deal_history"}
    assert affected(said)[0] == ("deals", "123")
    assert set(affected(said)) == {(name, "123") for name in names}


def test_a_merge_concerns_those_that_went_and_the_one_that_stays_which_may_be_new() -> None:
    said = event("contact.merge", primaryObjectId=11, mergedObjectIds=[12, 13], newObjectId=99)
    said["objectId"] = 99
    assert {number for name, number in affected(said) if name == "contacts"} == {"11", "12", "13", "99"}
    assert ("contact_companies", "99") in affected(said)
    assert len(affected(said)) == len(set(affected(said)))


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (link("deal.associationChange", 7, 8, associationType="DEAL_TO_COMPANY"), [("deal_companies", "7")]),
        (
            link("company.associationChange", 8, 7, associationType="COMPANY_TO_DEAL"),
            [("deal_companies", "7")],
        ),
        (
            link("line_item.associationChange", 5, 7, associationType="LINE_ITEM_TO_DEAL"),
            [("deal_line_items", "7")],
        ),
        (
            link("contact.associationChange", 3, 8, associationType="CONTACT_TO_COMPANY"),
            [("contact_companies", "3"), ("contacts", "3")],
        ),
        (
            link("object.associationChange", 8, 3, fromObjectTypeId="0-2", toObjectTypeId="0-1"),
            [("contact_companies", "3"), ("contacts", "3")],
        ),
        (
            link("object.associationChange", 6, 3, fromObjectTypeId="0-47", toObjectTypeId="0-1"),
            [("meeting_contacts", "6")],
        ),
        (
            link("object.associationChange", 3, 6, associationType="CONTACT_TO_MEETING_EVENT"),
            [("meeting_contacts", "6")],
        ),
        (link("deal.associationChange", 7, 9, associationType="DEAL_TO_TICKET"), []),
    ],
)
def test_an_association_concerns_its_stream_by_the_parents_key(said: dict[str, Any], expected: Pairs) -> None:
    assert affected(said) == expected


@pytest.mark.parametrize(
    "said",
    [
        {},
        event("conversation.creation"),
        event("object.creation", objectTypeId="2-3465404"),
        event("object.creation"),
        event("contact.creation", objectId=None),
        event("contact.creation", objectId="1/../2"),
        event("contact.merge", objectId=None, mergedObjectIds="12"),
        event("contact.associationChange", associationType=None),
        {"subscriptionType": 7, "objectId": 1},
    ],
)
def test_what_we_do_not_read_or_cannot_be_an_id_concerns_nothing(said: dict[str, Any]) -> None:
    assert affected(said) == []


def test_every_name_it_gives_is_a_resource() -> None:
    kinds = (
        "contact",
        "company",
        "deal",
        "ticket",
        "product",
        "line_item",
        "note",
        "task",
        "call",
        "meeting",
    )
    named = {name for kind in kinds for name, _ in affected(event(f"{kind}.creation"))}
    assert named <= RESOURCES.keys()
    assert {"deal_history", "meeting_contacts"} <= named
