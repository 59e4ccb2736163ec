"""Staging and identity: nothing that arrives is lost, and what cannot be read is not invented."""

import os
from pathlib import Path
from typing import Any

import orjson
import pytest
from model_world import RESOURCES, World, models, spec, utc

SHARED = Path(os.environ.get("TENFOLD_SHARED", Path(__file__).parents[4] / "shared"))
REAL = SHARED / "realdata" / "api-records"
STAGED = {
    ("hubspot", "companies"): "hubspot_company",
    ("hubspot", "contacts"): "hubspot_contact",
    ("hubspot", "deals"): "hubspot_deal",
    ("hubspot", "tickets"): "hubspot_ticket",
    ("hubspot", "owners"): "hubspot_owner",
    ("hubspot", "deal_pipelines"): "hubspot_pipeline_stage",
    ("hubspot", "products"): "hubspot_product",
    ("hubspot", "line_items"): "hubspot_line_item",
    ("hubspot", "calls"): "hubspot_call",
    ("intercom", "admins"): "intercom_admin",
    ("intercom", "companies"): "intercom_company",
    ("intercom", "contacts"): "intercom_contact",
    ("intercom", "conversations"): "intercom_conversation",
    ("intercom", "conversation_parts"): "intercom_part",
    ("intercom", "tags"): "intercom_tag",
    ("intercom", "teams"): "intercom_team",
    ("intercom", "tickets"): "intercom_ticket",
    ("intercom", "segments"): "intercom_segment",
    ("mailchimp", "campaigns"): "mailchimp_campaign",
    ("mailchimp", "email_activity"): "mailchimp_email_activity",
    ("mailchimp", "list_members"): "mailchimp_member",
    ("mailchimp", "lists"): "mailchimp_list",
    ("mailchimp", "reports"): "mailchimp_report",
    ("mailchimp", "tags"): "mailchimp_tag",
}


def real_records() -> list[tuple[str, str, dict[str, Any]]]:
    if not REAL.is_dir():
        pytest.skip("the real API records (../shared/realdata/api-records or TENFOLD_SHARED) are absent")
    found = []
    for path in sorted(REAL.rglob("*.jsonl")):
        for line in path.read_bytes().splitlines():
            record = orjson.loads(line)
            found.append((path.parent.name, record["stream"], record["data"]))
    for name in ("contacts", "deals", "tickets", "line_items", "calls"):
        file = f"{'engagements_' if name == 'calls' else ''}{name}.json"
        body = orjson.loads((REAL / "hubspot" / file).read_bytes())
        found += [("hubspot", name, record) for record in body["results"]]
    return [record for record in found if record[:2] in STAGED]


def filled_with_real_records(world: World) -> dict[str, list[dict[str, Any]]]:
    for resources in world.raw.values():
        resources.clear()
    expected: dict[str, list[dict[str, Any]]] = {}
    parts: dict[str, list[dict[str, Any]]] = {}
    for source, stream, record in real_records():
        expected.setdefault(STAGED[source, stream], []).append(record)
        if stream == "conversation_parts":
            parts.setdefault(str(record["conversation_id"]), []).append(record)
        elif stream != "conversations":
            key = record.get("id") or record.get("pipelineId") or record.get("email_id")
            world.add(source, {"list_members": "members"}.get(stream, stream), record, str(key))
    for record in expected["intercom_conversation"]:
        own = parts.get(record["id"], [])
        world.add(
            "intercom",
            "conversations",
            record | {"conversation_parts": {"conversation_parts": own, "total_count": len(own)}},
        )
    return expected


def test_real_records_are_all_in_staging(world: World) -> None:
    expected = filled_with_real_records(world)
    assert len(expected) == len(STAGED)
    for table, records in expected.items():
        rows = world.rows(f"staging.{table}")
        if table == "hubspot_pipeline_stage":
            assert len(rows) == sum(len(record["stages"]) for record in records) == 11
            assert {row["pipeline_id"] for row in rows} == {record["pipelineId"] for record in records}
        else:
            assert len(rows) == len(records), table


def test_no_value_of_a_real_record_is_rejected_or_swapped(world: World) -> None:
    expected = filled_with_real_records(world)
    rejected = [
        (model, cast["column"])
        for model in models()
        if model.startswith("staging.")
        for cast in spec(model).get("casts", [])
        if failed_casts(world, model, cast)
    ]
    assert rejected == []
    deals = {row["deal_id"]: row for row in world.rows("staging.hubspot_deal")}
    for record in expected["hubspot_deal"]:
        given = record["properties"]
        row = deals[record["id"]]
        assert row["amount"] == given.get("amount")  # 6 is a number there, and stays 6
        assert row["created_at"] == utc(record["createdAt"])
        assert row["is_won"] is given.get("hs_is_closed_won")
    contacts = {row["contact_id"]: row for row in world.rows("staging.hubspot_contact")}
    assert contacts["151"]["company_id"] == "5000526215"
    assert contacts["312929580"]["email"] is None
    (member,) = world.rows("staging.mailchimp_member")
    assert (member["status"], member["last_name"], member["opted_in_at"]) == (
        "unsubscribed",
        None,
        utc("2022-12-27T08:34:39Z"),
    )
    assert [row["action"] for row in world.rows("staging.mailchimp_email_activity")] == ["open"]
    assert {row["part_type"] for row in world.rows("staging.intercom_part")} == {"comment"}


def test_the_whole_chain_runs_on_real_records(world: World) -> None:
    filled_with_real_records(world)
    assert world.rows("kpi.value", "value is not null and status = 'not_evaluated'") == []
    for model in models():
        assert broken(world, model, "fail") == {}, model


def failed_casts(world: World, model: str, cast: dict[str, str]) -> list[str]:
    """Raw values of a cast's path that are there and cannot be read."""
    loaded = spec(model)
    resources = loaded["resource"] if isinstance(loaded["resource"], list) else [loaded["resource"]]
    world.build(model)
    found = []
    for resource in resources:
        value = f"json_extract_string(body, '{cast['path']}')"
        value = f"unnest({value})" if "[*]" in cast["path"] else value
        found += world.con.execute(
            f"select given from (select {value} as given from raw.{loaded['source']}_{resource}_current) "
            f"where trim(given) <> '' and try_cast(given as {cast['type']}) is null"
        ).fetchall()
    return [row[0] for row in found]


def broken(world: World, model: str, severity: str) -> dict[str, list[Any]]:
    """Rows that break a model's own `no_rows`, unique and not-null expectations."""
    world.build(model)
    world.build("kpi.value")
    world.build("kpi.span_client")
    world.con.execute(f"create or replace temp view this as select * from {model}")
    found = {}
    for rule in spec(model)["expectations"]:
        if rule["severity"] != severity:
            continue
        columns = ", ".join(rule.get("column_list", [rule.get("column", "")]))
        match rule["expectation"]:
            case "no_rows":
                sql = rule["sql"]
            case "expect_column_values_to_not_be_null":
                sql = f"select * from this where {columns} is null and ({rule.get('where', 'true')})"
            case "expect_column_values_to_be_unique" | "expect_compound_columns_to_be_unique":
                sql = f"select {columns} from this group by {columns} having count(*) > 1"
            case _:
                continue
        if rows := world.con.execute(sql).fetchall():
            found[f"{rule['expectation']}({columns})"] = rows
    return found


def test_empty_is_null_and_never_zero(world: World) -> None:
    world.company("1", tenfold_survey_nps="", tenfold_survey_csat=" ", industry="")
    world.deal("2", "1", "2026-01-01 10:00", amount="")
    world.ticket("3", "1", tenfold_errors_reported="", tenfold_requested_at="")
    (company,) = world.rows("staging.hubspot_company")
    assert (company["survey_nps"], company["survey_csat"], company["industry"]) == (None, None, None)
    assert world.rows("staging.hubspot_deal", columns="amount") == [None]
    assert world.rows("core.deliverable", columns="errors_reported, requested_at") == [
        {"errors_reported": None, "requested_at": None}
    ]


def test_a_value_that_is_no_number_is_named_and_not_guessed(world: World) -> None:
    world.deal("2", None, "2026-01-01 10:00", amount="1.200,50 €")
    assert world.rows("staging.hubspot_deal", columns="amount") == [None]
    (cast,) = [cast for cast in spec("staging.hubspot_deal")["casts"] if cast["column"] == "amount"]
    assert failed_casts(world, "staging.hubspot_deal", cast) == ["1.200,50 €"]


def test_a_field_that_a_whole_run_lost_is_a_failure_and_an_empty_one_is_not(world: World) -> None:
    for number in range(6):
        world.contact(str(number), email=None, lifecyclestage="lead")
    assert broken(world, "staging.hubspot_contact", "fail") == {}
    lost = World()
    for number in range(6):
        lost.contact(str(number), lifecyclestage="lead")
    assert broken(lost, "staging.hubspot_contact", "fail") == {"no_rows()": [("run", "email", 6)]}


def test_associations_may_carry_numbers_or_texts_and_the_primary_company_pays(world: World) -> None:
    world.add(
        "hubspot",
        "deal_companies",
        {
            "from": {"id": "5"},
            "to": [
                {"toObjectId": 7, "associationTypes": [{"typeId": 341, "label": None}]},
                {
                    "toObjectId": "30",
                    "associationTypes": [{"typeId": 341, "label": None}, {"typeId": 5, "label": "Primary"}],
                },
            ],
        },
        "5",
    )
    world.add("hubspot", "deal_companies", {"from": {"id": "6"}, "to": []}, "6")
    world.deal("5", None, "2026-01-01 10:00")
    assert world.rows("staging.hubspot_deal_company", columns="deal_id, company_id, is_primary") == [
        {"deal_id": "5", "company_id": "30", "is_primary": True},
        {"deal_id": "5", "company_id": "7", "is_primary": False},
    ]
    assert world.rows("core.subscription", columns="client_id") == ["30"]


def test_archived_and_merged_records_stay_flagged(world: World) -> None:
    world.contact("1", archived=True, email="a@b.es")
    world.contact("2", email="a@b.es", hs_merged_object_ids="1")
    assert world.rows("core.person", columns="person_id, archived, merged_into") == [
        {"person_id": "1", "archived": True, "merged_into": "2"},
        {"person_id": "2", "archived": False, "merged_into": None},
    ]


def test_people_are_linked_by_our_ids_then_by_an_email_that_one_person_has(world: World) -> None:
    world.contact("1", email="One@x.es")
    world.contact("2", email="two@x.es")
    world.contact("3", email="shared@x.es")
    world.contact("4", email="shared@x.es")
    world.contact("6", email="six@x.es", hs_merged_object_ids="5")
    world.contact("5", email="five@x.es")
    world.contact("7", email="two@x.es", archived=True)
    world.contact("8", email="old@x.es", archived=True)
    for contact, external, email in (
        ("i1", "1", "other@x.es"),
        ("i2", "999", "TWO@x.es"),
        ("i3", None, "shared@x.es"),
        ("i4", "", "nobody@x.es"),
        ("i5", "5", None),
    ):
        world.add("intercom", "contacts", {"id": contact, "external_id": external, "email": email})
    world.add("mailchimp", "members", {"id": "m1", "email_address": "ONE@x.es", "status": "unsubscribed"})
    world.add("mailchimp", "members", {"id": "m2", "email_address": "old@x.es", "status": "archived"})
    links = {
        row["source_id"]: (row["entity_id"], row["method"])
        for row in world.rows("core.identity_link", "kind = 'person'")
    }
    assert links == {
        "i1": ("1", "external_id"),
        "i2": ("2", "email"),
        "i3": (None, "ambiguous"),
        "i4": (None, "none"),
        "i5": ("6", "external_id"),
        "m1": ("1", "email"),
        "m2": ("8", "email"),  # nobody living has it, one archived contact had
    }
    assert all(row["explanation"] for row in world.rows("core.identity_link"))
    assert world.rows("core.person", "opted_out", "person_id") == [
        "1"
    ]  # unsubscribed in Mailchimp counts everywhere


def test_customers_of_the_journal_are_companies_of_the_same_name(world: World) -> None:
    world.client("1", "2026-01-10 10:00", name="Clínica Sol")
    world.entry(
        "2026-05-10",
        ("430 Accounts receivable", "121", ""),
        ("700 Service revenue", "", "100"),
        ("477 VAT output", "", "21"),
        name="clínica sol ",
    )
    world.entry(
        "2026-05-10",
        ("430 Accounts receivable", "10", ""),
        ("700 Service revenue", "", "10"),
        name="Somebody else",
    )
    assert world.rows("core.invoice", columns="client_id, net, tax, total") == [
        {"client_id": "1", "net": 100, "tax": 21, "total": 121},
        {"client_id": None, "net": 10, "tax": 0, "total": 10},
    ]


def test_an_entry_whose_sides_differ_fails(world: World) -> None:
    world.entry("2026-05-10", ("430 Accounts receivable", "121", ""), ("700 Service revenue", "", "100"))
    assert list(broken(world, "staging.accounting_line", "fail")) == ["no_rows()"]


def test_campaigns_and_what_people_did_with_them(world: World) -> None:
    world.contact("1", email="a@x.es")
    world.add("mailchimp", "members", {"id": "m1", "email_address": "A@x.es", "status": "subscribed"})
    world.add(
        "mailchimp",
        "campaigns",
        {"id": "k", "status": "sent", "settings": {"title": "May"}, "emails_sent": 3},
    )
    world.add(
        "mailchimp",
        "reports",
        {
            "id": "k",
            "emails_sent": 3,
            "bounces": {"hard_bounces": 1},
            "opens": {"unique_opens": 2, "proxy_excluded_unique_opens": 1},
        },
    )
    world.add(
        "mailchimp",
        "email_activity",
        {
            "campaign_id": "k",
            "email_id": "m1",
            "activity": [
                {"action": "open", "timestamp": "2026-05-01T10:00:00+00:00"},
                {"action": "click", "timestamp": "2026-05-01T10:01:00+00:00", "url": "https://x.es"},
            ],
        },
    )
    world.add("mailchimp", "email_activity", {"campaign_id": "k", "email_id": "m2", "activity": []})
    assert world.rows(
        "core.campaign", columns="title, recipients, delivered, unique_opens, unique_opens_people"
    ) == [{"title": "May", "recipients": 3, "delivered": 2, "unique_opens": 2, "unique_opens_people": 1}]
    assert [(row["person_id"], row["action"]) for row in world.rows("core.email_event")] == [
        ("1", "open"),
        ("1", "click"),
    ]


@pytest.mark.parametrize("model", models())
def test_the_yaml_names_every_column_once_and_says_who_answers_for_it(world: World, model: str) -> None:
    world.build(model)
    columns = [row[0] for row in world.con.execute(f"describe {model}").fetchall()]
    loaded = spec(model)
    assert list(loaded["columns"]) == columns
    assert set(loaded["grain"]) <= set(columns)
    assert loaded["owner"]
    assert loaded["what"]
    for rule in loaded["expectations"]:
        assert {"expectation", "severity", "why", "do"} <= set(rule)
        assert ({rule["column"]} if "column" in rule else set()) <= set(columns)
    if model.startswith("staging."):
        resources = loaded["resource"] if isinstance(loaded["resource"], list) else [loaded["resource"]]
        assert set(resources) <= set(RESOURCES[loaded["source"]])
        assert {cast["column"] for cast in loaded.get("casts", [])} <= set(columns)


def test_every_model_keeps_its_own_promises_on_an_ordinary_month(world: World) -> None:
    world.kpis |= {
        kpi: ("share", "higher", None, None, [])
        for kpi in (
            "K2.share_48h",
            "K3.p50",
            "K3.p90",
            "K18.share_24h",
            "K4",
            "K17",
            "K22",
            "K23",
            "NEW_CLIENTS",
            "ACTIVE_CLIENTS",
            "LEADS",
        )
    }
    world.client("1", "2026-02-10 10:00", "2026-05-10 10:00", industry="legal", name="Somebody")
    world.contact("5", "1", email="a@b.es", lifecyclestage="customer")
    world.add("intercom", "contacts", {"id": "c1", "external_id": "5"})
    world.conversation(
        "1",
        "2026-05-11 09:00",
        [("2026-05-11 09:02", "comment", "admin"), ("2026-05-11 10:00", "close", "admin")],
        state="closed",
        rating=(5, "2026-05-11 11:00"),
    )
    world.ticket(
        "70",
        "1",
        tenfold_requested_at="2026-05-05T10:00:00Z",
        tenfold_first_delivered_at="2026-05-05T11:00:00Z",
    )
    world.revenue("2026-05-10", "100.00")
    for model in models():
        assert broken(world, model, "fail") == {}, model
        assert broken(world, model, "warn") == {}, model
