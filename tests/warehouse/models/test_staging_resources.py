"""Staging of what was added to the first eleven resources: nothing lost, nothing invented, nothing doubled."""

from collections.abc import Mapping
from typing import Any

import pytest
from model_world import RESOURCES, World, models, seconds, spec, utc
from test_staging import broken, failed_casts

GONE = "2026-06-20T10:00:00Z"
DAY = "2026-05-10T08:00:00Z"


def record(world: World, resource: str, key: str, **properties: Any) -> None:
    """A HubSpot object as the API gives it."""
    world.add(
        "hubspot",
        resource,
        {
            "id": key,
            "createdAt": DAY,
            "updatedAt": "2026-05-11T08:00:00.120Z",
            "archived": False,
            "properties": {"hubspot_owner_id": "12", **properties},
        },
    )


OBJECTS: dict[str, tuple[str, str, Mapping[str, Any], Mapping[str, Any]]] = {
    "line_items": (
        "hubspot_line_item",
        "line_item_id",
        {
            "name": "Growth", "hs_product_id": "77", "quantity": "2", "price": "600.50", "discount": "0.5",
            "amount": "1200", "hs_line_item_currency_code": "eur", "recurringbillingfrequency": "Monthly",
        },
        {
            "name": "Growth", "product_id": "77", "quantity": 2, "amount": 1200, "currency": "EUR",
            "billing_frequency": "monthly",
        },
    ),
    "products": (
        "hubspot_product",
        "product_id",
        {"name": "Growth", "price": "600", "hs_cost_of_goods_sold": "", "hs_sku": "growth-month"},
        {"name": "Growth", "price": 600, "cost": None, "sku": "growth-month"},
    ),
    "notes": (
        "hubspot_note",
        "note_id",
        {"hs_note_body": "<p>Ganado</p>", "hs_timestamp": DAY, "hs_createdate": DAY},
        {"body": "<p>Ganado</p>", "happened_at": utc(DAY), "created_at": utc(DAY)},
    ),
    "emails": (
        "hubspot_email",
        "email_id",
        {"hs_email_subject": "Contrato", "hs_email_direction": "EMAIL", "hs_email_status": "SENT", "hs_timestamp": DAY},
        {"subject": "Contrato", "direction": "EMAIL", "status": "SENT", "happened_at": utc(DAY)},
    ),
    "meetings": (
        "hubspot_meeting",
        "meeting_id",
        {"hs_meeting_title": "Demo", "hs_meeting_outcome": "NO_SHOW", "hs_meeting_start_time": DAY, "hs_timestamp": DAY},
        {"title": "Demo", "outcome": "NO_SHOW", "starts_at": utc(DAY), "ends_at": None},
    ),
    "calls": (
        "hubspot_call",
        "call_id",
        {"hs_call_title": "Needs", "hs_call_duration": "183000", "hs_call_direction": "OUTBOUND", "hs_timestamp": DAY},
        {"title": "Needs", "duration_ms": 183000, "direction": "OUTBOUND"},
    ),
    "feedback_submissions": (
        "hubspot_feedback_submission",
        "feedback_submission_id",
        {
            "hs_survey_type": "NPS", "hs_value": "9.0", "hs_response_group": "PROMOTER", "hs_content": "",
            "hs_submission_timestamp": DAY,
        },
        {"survey_type": "NPS", "value": 9, "response_group": "PROMOTER", "content": None, "answered_at": utc(DAY)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("resource", sorted(OBJECTS))
def test_an_object_of_hubspot_is_typed_and_keeps_every_property(world: World, resource: str) -> None:
    model, key, given, expected = OBJECTS[resource]
    record(world, resource, "5", **given, our_own="x")
    (row,) = world.rows(f"staging.{model}")
    assert row[key] == "5"
    assert {name: row[name] for name in expected} == expected
    assert (row["owner_id"], row["created_at"], row["archived"], row["gone_at"]) == (
        "12",
        utc(DAY),
        False,
        None,
    )
    assert '"our_own":"x"' in row["properties"].replace(" ", "")
    assert broken(world, f"staging.{model}", "fail") == {}
    assert [c for c in spec(f"staging.{model}")["casts"] if failed_casts(world, f"staging.{model}", c)] == []


def read_by(model: str) -> tuple[str, list[str]]:
    """(source, resources) of one staging model."""
    loaded = spec(model)
    return loaded["source"], [loaded["resource"]] if isinstance(loaded["resource"], str) else loaded[
        "resource"
    ]


def staged() -> list[tuple[str, str, list[str]]]:
    """(model, source, resources) of every staging model that tells what is gone."""
    return [
        (model, *read_by(model))
        for model in models()
        if model.startswith("staging.") and "gone_at" in spec(model)["columns"]
    ]


@pytest.mark.parametrize(("model", "source", "resources"), staged())
def test_what_is_gone_stays_with_its_last_body_and_counts_as_archived(
    world: World, model: str, source: str, resources: list[str]
) -> None:
    """Every model of every resource; the body is the least that its rows need."""
    for resource in resources:
        world.raw[source, resource].clear()
        pair = {
            "from": {"id": "1"},
            "to": [{"toObjectId": 2, "associationTypes": [{"typeId": 5, "label": None}]}],
        }
        versions = {"propertiesWithHistory": {"amount": [{"value": "1", "timestamp": DAY}]}}
        body = {"id": "1", "name": "x", "label": "x", "stages": [], "properties": {}, **pair, **versions}
        world.add(source, resource, body | {"gone_at": GONE}, "1")
    rows = world.rows(model)
    assert rows
    for row in rows:
        assert row["gone_at"] == utc(GONE)
        assert row.get("archived") is not False
    for resource in resources:
        assert "$.gone_at" in spec(model)["known"], f"{resource}: what we wrote ourselves is no news"


@pytest.mark.parametrize("model", [m for m in models() if m.startswith("staging.") and "by" in spec(m)])
def test_rows_that_are_made_again_alone_know_the_record_they_came_from(world: World, model: str) -> None:
    loaded = spec(model)
    parts = {
        "conversation_parts": {"conversation_parts": [{"id": "p"}]},
        "ticket_parts": {"ticket_parts": [{"id": "p"}]},
        "lines": [{"account": "572"}],
    }
    for key in ("c1+e1", "c1+e2") if "+" in loaded["by"] else ("7", "8"):
        first, _, second = key.rpartition("+")
        body = {
            "id": second, "workflow_id": first, "audience_id": first, "campaign_id": first, "email_id": second,
            "from": {"id": key}, "to": [{"toObjectId": 2}],
            "propertiesWithHistory": {"amount": [{"value": "1", "timestamp": DAY}]}, **parts,
        }  # fmt: skip
        world.add(loaded["source"], loaded["resource"], body, key)
    keys = {key for key, _ in world.raw[loaded["source"], loaded["resource"]]}
    assert set(world.rows(model, columns=f"{loaded['by']} as raw_key")) == keys


def test_every_resource_that_may_vanish_tells_so() -> None:
    told = {(source, resource) for _, source, resources in staged() for resource in resources}
    remains = {
        ("mailchimp", "email_activity"),
        ("intercom", "deleted_conversations"),
        # What leaves the books leaves their tables at once: nothing may add it up.
        *(("accounting", resource) for resource in RESOURCES["accounting"]),
    }
    modelled = {
        (source, resource)
        for model in models()
        if model.startswith("staging.") and (source := read_by(model)[0])
        for resource in read_by(model)[1]
    }
    assert modelled - told == remains


def test_fields_that_only_the_gone_lack_are_no_lost_fields(world: World) -> None:
    for number in range(6):
        world.contact(str(number), email="x@x.es", lifecyclestage="lead")
    world.raw["hubspot", "contacts"].clear()
    for number in range(6):
        world.add("hubspot", "contacts", {"id": str(number), "properties": {}, "gone_at": GONE})
    assert broken(world, "staging.hubspot_contact", "fail") == {}


# Associations


def associate(
    world: World, stream: str, key: str, *to: tuple[Any, list[dict[str, Any]]], **more: Any
) -> None:
    listed = [{"toObjectId": other, "associationTypes": types} for other, types in to]
    world.add("hubspot", stream, {"from": {"id": key}, "to": listed, **more}, key)


def kind(type_id: int, label: str | None = None, category: str = "HUBSPOT_DEFINED") -> dict[str, Any]:
    return {"category": category, "typeId": type_id, "label": label}


def test_every_association_is_in_one_table_with_its_label_once(world: World) -> None:
    associate(
        world,
        "deal_companies",
        "5",
        (7, [kind(341), kind(5, "Primary")]),
        ("8", [kind(341), kind(341), kind(19, "Pays for", "USER_DEFINED")]),
        (7, [kind(341)]),  # HubSpot lists some ids twice
    )
    associate(world, "deal_line_items", "5", (900, [kind(19)]))
    associate(world, "call_contacts", "5")
    world.add("hubspot", "task_contacts", {"from": {"id": "6"}, "to": [{"id": "101"}]}, "6")
    columns = "from_kind, from_id, to_kind, to_id, type_id, label, is_primary"
    assert [tuple(row.values()) for row in world.rows("staging.hubspot_association", columns=columns)] == [
        ("deal", "5", "company", "7", 5, "Primary", True),
        ("deal", "5", "company", "7", 341, None, False),
        ("deal", "5", "company", "8", 19, "Pays for", False),
        ("deal", "5", "company", "8", 341, None, False),
        ("deal", "5", "line_item", "900", 19, None, False),
        ("task", "6", "contact", "101", None, None, False),
    ]
    assert broken(world, "staging.hubspot_association", "fail") == {}


def test_each_stream_keeps_its_own_kinds(world: World) -> None:
    for stream in spec("staging.hubspot_association")["resource"]:
        associate(world, stream, "1", (2, [kind(1)]))
    pairs = {(row["from_kind"], row["to_kind"]) for row in world.rows("staging.hubspot_association")}
    assert pairs == {
        ("contact", "company"), ("deal", "company"), ("ticket", "company"), ("deal", "contact"),
        ("ticket", "contact"), ("deal", "line_item"), ("task", "contact"), ("note", "contact"),
        ("email", "contact"), ("meeting", "contact"), ("call", "contact"), ("feedback_submission", "contact"),
    }  # fmt: skip


# History and definitions


def test_history_is_one_row_for_each_version_of_each_property(world: World) -> None:
    world.add(
        "hubspot",
        "deal_history",
        {
            "id": "5",
            "properties": {"dealstage": "closedwon", "amount": ""},
            "propertiesWithHistory": {
                "dealstage": [
                    {"value": "closedwon", "timestamp": DAY, "sourceType": "CRM_UI", "sourceId": "userId:1"},
                    {"value": "contractsent", "timestamp": "2026-05-01T08:00:00.5Z", "sourceType": "API"},
                ],
                "amount": [{"value": "", "timestamp": DAY}],
                "closedate": [],
            },
        },
    )
    columns = "deal_id, property, position, value, set_at, source_type"
    assert [tuple(row.values()) for row in world.rows("staging.hubspot_deal_history", columns=columns)] == [
        ("5", "amount", 1, None, utc(DAY), None),
        ("5", "dealstage", 1, "closedwon", utc(DAY), "CRM_UI"),
        ("5", "dealstage", 2, "contractsent", utc("2026-05-01T08:00:00.500Z"), "API"),
    ]


def test_a_time_in_a_history_that_is_none_is_named(world: World) -> None:
    for one in ("deal", "contact"):
        body = {"id": "5", "propertiesWithHistory": {"amount": [{"value": "1", "timestamp": "soon"}]}}
        world.add("hubspot", f"{one}_history", body)
    for one in ("deal", "contact"):
        (cast,) = [c for c in spec(f"staging.hubspot_{one}_history")["casts"] if c["column"] == "set_at"]
        assert failed_casts(world, f"staging.hubspot_{one}_history", cast) == ["soon"]


def test_properties_of_four_objects_may_have_the_same_name(world: World) -> None:
    for one in ("company", "contact", "deal", "ticket"):
        definition = {
            "name": "language", "label": "Language", "type": "enumeration", "fieldType": "select",
            "hubspotDefined": one == "contact", "options": [{"label": "Spanish", "value": "es"}, {"value": "en"}],
        }  # fmt: skip
        world.add("hubspot", f"{one}_properties", definition, "language")
    rows = world.rows("staging.hubspot_property", columns="object, name, is_hubspots, options")
    assert [(row["object"], row["is_hubspots"]) for row in rows] == [
        ("company", False),
        ("contact", True),
        ("deal", False),
        ("ticket", False),
    ]
    assert rows[0]["options"] == ["es", "en"]
    assert broken(world, "staging.hubspot_property", "fail") == {}


# Intercom and Mailchimp


def test_a_ticket_of_intercom_has_its_state_whichever_version_writes_it(world: World) -> None:
    state = {"type": "ticket_state", "id": "12", "category": "in_progress", "internal_label": "With Dev Team"}
    for key, given in (("1", "submitted"), ("2", state), ("3", None)):
        world.add(
            "intercom",
            "tickets",
            {
                "id": key,
                "ticket_id": f"10{key}",
                "category": "Customer",
                "ticket_state": given,
                "ticket_attributes": {"_default_title_": "Broken", "urgency": "high"},
                "contacts": {"contacts": [{"id": "c1", "external_id": "41"}]},
                "admin_assignee_id": 0,
                "team_assignee_id": 11,
                "created_at": seconds("2026-05-01 10:00"),
                "ticket_parts": {
                    "ticket_parts": [
                        {"id": "9", "part_type": "comment", "created_at": seconds("2026-05-01 11:00")}
                    ],
                    "total_count": 1,
                },
            },
        )
    rows = world.rows("staging.intercom_ticket")
    assert [(row["state"], row["state_label"]) for row in rows] == [
        ("submitted", None),
        ("in_progress", "With Dev Team"),
        (None, None),
    ]
    first = rows[0]
    assert (first["subject"], first["category"], first["admin_id"], first["team_id"]) == (
        "Broken", "customer", None, "11",
    )  # fmt: skip
    assert (first["external_id"], first["part_count"], first["created_at"]) == (
        "41",
        1,
        utc("2026-05-01 10:00"),
    )
    assert world.rows("staging.intercom_ticket_part", "ticket_id = '1'", "part_type, created_at") == [
        {"part_type": "comment", "created_at": utc("2026-05-01 11:00")}
    ]


def test_a_contact_of_an_audience_is_told_with_or_without_an_address(world: World) -> None:
    channel = {
        "email": "Ana@X.es", "hashed_email": "abc", "marketing_consent": {"status": "confirmed"},
        "effective_subscription_status": {"value": "subscribed"},
    }  # fmt: skip
    for key, more in (("c1", {"email_channel": channel, "status": "active"}), ("c2", {"status": "archived"})):
        world.add("mailchimp", "audience_contacts", {"id": key, "audience_id": "L1", **more}, f"L1+{key}")
    columns = "contact_id, member_id, email, consent, subscription, archived"
    assert [tuple(r.values()) for r in world.rows("staging.mailchimp_audience_contact", columns=columns)] == [
        ("c1", "abc", "ana@x.es", "confirmed", "subscribed", False),
        ("c2", None, None, None, None, True),
    ]


def test_types_segments_and_automation_mails_are_there(world: World) -> None:
    world.add(
        "intercom", "ticket_types", {"id": "1", "name": "Bug", "category": "Back-office", "archived": True}
    )
    world.add("intercom", "segments", {"id": "s1", "name": "Active", "count": 3, "created_at": 1_394_621_988})
    world.add(
        "mailchimp",
        "automation_emails",
        {
            "id": "e1", "workflow_id": "a1", "position": 2, "status": "sending", "emails_sent": 40, "start_time": "",
            "settings": {"subject_line": "Hola"}, "report_summary": {"unique_opens": 7},
        },
    )  # fmt: skip
    assert world.rows("staging.intercom_ticket_type", columns="name, category, archived") == [
        {"name": "Bug", "category": "back-office", "archived": True}
    ]
    assert world.rows("staging.intercom_segment", columns="members") == [3]
    (mail,) = world.rows("staging.mailchimp_automation_email")
    assert (mail["automation_id"], mail["position"], mail["unique_opens"], mail["started_at"]) == (
        "a1",
        2,
        7,
        None,
    )


@pytest.mark.parametrize(
    ("model", "source", "resource", "field", "column"),
    [
        ("intercom_contact", "intercom", "contacts", "custom_attributes", "custom_attributes"),
        ("intercom_company", "intercom", "companies", "custom_attributes", "custom_attributes"),
        ("intercom_conversation", "intercom", "conversations", "custom_attributes", "custom_attributes"),
        ("mailchimp_member", "mailchimp", "members", "merge_fields", "merge_fields"),
        ("hubspot_task", "hubspot", "tasks", "properties", "properties"),
    ],
)
def test_the_fields_that_an_account_invents_are_reachable(
    world: World, model: str, source: str, resource: str, field: str, column: str
) -> None:
    world.add(source, resource, {"id": "1", field: {"Plan Name": "gold"}}, "1")
    assert world.rows(f"staging.{model}", columns=f"({column} ->> '$.\"Plan Name\"') as plan") == ["gold"]
