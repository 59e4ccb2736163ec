"""Companies, deals and tickets merged away at HubSpot, and joins that neither lose nor double a row."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_world import World


@pytest.fixture
def merged(world: World) -> World:
    """Company 2 went into 1; 3 into 4 and then 4, with 5, into the new id 900; 7, never read by us, into 6."""
    world.company("1", name="One", hs_merged_object_ids="2", tenfold_acquisition_source="referral")
    world.company("2", name="Two")
    world.company("3", name="Three")
    world.company("4", name="Four", hs_merged_object_ids="3")
    world.company("5", name="Five")
    world.company("900", name="Nine hundred", hs_merged_object_ids="4;5;3")
    world.company("6", name="Six", hs_merged_object_ids="7")
    return world


def ends(world: World, table: str = "core.merged_company", key: str = "company_id") -> dict[str, str]:
    return {row[key]: row["merged_into"] for row in world.rows(table)}


def test_companies_are_followed_to_the_one_that_stays_under_old_and_new_ids(merged: World) -> None:
    assert ends(merged) == {"2": "1", "3": "900", "4": "900", "5": "900", "7": "6"}


def test_a_client_is_one_whatever_its_company_was_called(merged: World) -> None:
    merged.deal("11", "1", "2026-02-01 10:00", amount="100")
    merged.deal("12", "2", "2026-03-01 10:00", amount="50")
    merged.deal("13", "3", "2026-02-01 10:00", amount="30")
    merged.deal("14", "5", "2026-04-01 10:00", amount="20")
    merged.deal("15", "7", "2026-04-01 10:00", amount="10")
    clients = {row["client_id"]: row for row in merged.rows("core.client")}
    assert {key: (row["name"], row["mrr"], row["former_ids"]) for key, row in clients.items()} == {
        "1": ("One", 150, ["2"]),
        "900": ("Nine hundred", 50, ["3", "4", "5"]),
        "6": ("Six", 10, ["7"]),
    }
    assert merged.figure("ACTIVE_CLIENTS", "2026-05")["value"] == 3
    assert merged.figure("NEW_CLIENTS", "2026-02")["value"] == 2
    assert merged.figure("K15", "2026-02")["numerator"] == 1, "the source of the company that stayed"


def test_people_tickets_and_conversations_follow_their_company(merged: World) -> None:
    merged.deal("11", "900", "2026-02-01 10:00")
    merged.contact("41", "3")
    merged.contact("42", associatedcompanyid="5")
    merged.ticket("71", "4")
    merged.add("intercom", "contacts", {"id": "i1", "external_id": "41"})
    merged.conversation("c1", "2026-05-01 10:00", contact="i1")
    assert merged.rows("core.person", columns="client_id") == ["900", "900"]
    assert merged.rows("core.deliverable", columns="client_id") == ["900"]
    assert merged.rows("core.conversation", columns="client_id") == ["900"]
    assert merged.rows("core.client", columns="main_person_id") == ["41"]


def test_links_of_a_company_that_went_lead_to_the_one_that_stayed(merged: World) -> None:
    for number, company in enumerate(("2", "3", "7", "6", "404")):
        merged.add("intercom", "companies", {"id": f"i{number}", "company_id": company})
    for name in ("Three", "Nine hundred", "Nobody"):
        merged.entry(
            "2026-05-10", ("430 Accounts receivable", "10", ""), ("700 Service revenue", "", "10"), name=name
        )
    links = merged.rows("core.identity_link", "kind = 'company'")
    assert {row["source_id"]: (row["entity_id"], row["method"]) for row in links} == {
        "i0": ("1", "external_id"),
        "i1": ("900", "external_id"),
        "i2": ("6", "external_id"),
        "i3": ("6", "external_id"),
        "i4": (None, "none"),
        "Three": ("900", "name"),
        "Nine hundred": ("900", "name"),
        "Nobody": (None, "none"),
    }
    explained = {row["source_id"]: row["explanation"] for row in links}
    assert explained["i1"] == "Intercom company_id 3 is a HubSpot company merged into 900"


def test_a_copy_of_the_same_name_that_was_merged_away_makes_nobody_ambiguous(world: World) -> None:
    world.company("1", name="Same SL", hs_merged_object_ids="2")
    world.company("2", name="same sl")
    world.company("3", name="Other")
    world.company("4", name="other")
    for name in ("Same SL", "Other"):
        world.entry(
            "2026-05-10", ("430 Accounts receivable", "10", ""), ("700 Service revenue", "", "10"), name=name
        )
    links = {
        row["source_id"]: row["entity_id"]
        for row in world.rows("core.identity_link", "source = 'accounting'")
    }
    assert links == {"Same SL": "1", "Other": None}


def test_an_answer_that_the_merge_carried_over_counts_once(world: World) -> None:
    answer = {
        "tenfold_survey_csat": "5",
        "tenfold_survey_nps": "10",
        "tenfold_survey_answered_at": "2026-05-10T10:00:00Z",
    }
    world.company("1", **answer)
    world.company("900", hs_merged_object_ids="1;2", **answer)
    world.deal("11", "900", "2026-02-01 10:00")
    assert world.figure("K13", "2026-05")["n"] == 1
    assert world.figure("K12", "2026-05")["n"] == 1


def test_deals_and_tickets_that_were_merged_away_are_not_counted_twice(world: World) -> None:
    world.company("1")
    world.deal("11", "1", "2026-02-01 10:00", amount="100")
    world.deal("12", "1", "2026-02-01 10:00", amount="100")
    world.deal("950", "1", "2026-02-01 10:00", amount="100", hs_merged_object_ids="11;12")
    delivered = {
        "tenfold_first_delivered_at": "2026-05-10T09:00:00Z",
        "tenfold_requested_at": "2026-05-10T08:00:00Z",
    }
    world.ticket("71", "1", **delivered)
    world.ticket("72", "1", hs_merged_object_ids="71", **delivered)
    assert world.figure("MRR", "2026-05")["money_value"] == 100
    assert world.figure("K18", "2026-05")["n"] == 1
    assert {row["deal_id"]: row["merged_into"] for row in world.rows("core.deal")} == {
        "11": "950",
        "12": "950",
        "950": None,
    }


# No join adds or loses a row


def crowded() -> World:
    """Everything that makes joins multiply: merges, several companies a record, one address for many, copies."""
    world = World()
    for company in ("1", "2", "3", "4", "900", "901"):
        ids = {"1": "2", "900": "3;4", "901": "900;1"}.get(company)
        world.company(company, name="Same SL", tenfold_survey_csat="4", tenfold_survey_answered_at="2026-05-10T10:00:00Z",
                      **({"hs_merged_object_ids": ids} if ids else {}))  # fmt: skip
    for number in range(1, 9):
        to = [str(1 + number % 4), "901", "900"]
        world.contact(
            str(100 + number),
            email="one@x.es",
            hs_additional_emails="two@x.es;one@x.es",
            associatedcompanyid=to[0],
            **({"hs_merged_object_ids": f"{99 + number};{98 + number}"} if number % 2 else {}),
        )
        world.deal(
            str(200 + number),
            None,
            "2026-02-01 10:00",
            **({"hs_merged_object_ids": "201"} if number > 5 else {}),
        )
        world.ticket(str(300 + number), "2", **({"hs_merged_object_ids": "301;302"} if number > 6 else {}))
        twice = [
            {"toObjectId": c, "associationTypes": [{"typeId": 1, "label": "Primary"}]} for c in [*to, *to]
        ]
        world.add(
            "hubspot",
            "contact_companies",
            {"from": {"id": str(100 + number)}, "to": twice},
            str(100 + number),
        )
        world.add(
            "hubspot", "deal_companies", {"from": {"id": str(200 + number)}, "to": twice}, str(200 + number)
        )
        world.add(
            "intercom",
            "contacts",
            {"id": f"i{number}", "external_id": str(100 + number), "email": "one@x.es"},
        )
        world.add("intercom", "companies", {"id": f"j{number}", "company_id": to[0]})
        world.add(
            "mailchimp", "members", {"id": f"m{number}", "email_address": "two@x.es", "status": "subscribed"}
        )
        world.conversation(
            f"c{number}", "2026-05-01 10:00", contact=f"i{number}",
            parts=[("2026-05-01 10:01", "assignment", "bot", "L2"), ("2026-05-01 10:02", "assignment", "bot", "L2")],
        )  # fmt: skip
        world.add("intercom", "deleted_conversations", {"id": f"c{number}", "deleted_at": 1_780_000_000})
        world.entry(
            "2026-05-10",
            ("430 Accounts receivable", "10", ""),
            ("700 Service revenue", "", "10"),
            name="Same SL",
        )
    for pipeline in ("9", "10"):
        stages = [{"id": "91", "label": "Open"}, {"id": "91", "label": "Open too"}]
        world.add(
            "hubspot",
            "ticket_pipelines",
            {"id": pipeline, "label": "Deliverables", "stages": stages},
            f"x{pipeline}",
        )
    return world


@pytest.mark.parametrize(
    ("table", "base", "key"),
    [
        ("core.person", "select contact_id from staging.hubspot_contact", "person_id"),
        ("core.deal", "select deal_id from staging.hubspot_deal", "deal_id"),
        (
            "core.subscription",
            "select deal_id from core.deal where is_won and starts_at is not null and not archived",
            "subscription_id",
        ),
        (
            "core.deliverable",
            "select ticket_id from staging.hubspot_ticket where pipeline_id = '9'",
            "deliverable_id",
        ),
        ("core.conversation", "select conversation_id from staging.intercom_conversation", "conversation_id"),
        ("core.conversation_part", "select part_id from staging.intercom_part", "part_id"),
        (
            "core.client",
            "select distinct client_id from core.subscription where client_id is not null",
            "client_id",
        ),
        (
            "core.identity_link",
            (
                "select 'intercom' || 'person' || contact_id from staging.intercom_contact "
                "union all select 'intercom' || 'company' || intercom_company_id from staging.intercom_company "
                "union all select 'mailchimp' || 'person' || member_key from staging.mailchimp_member "
                "union all select distinct 'accounting' || 'company' || name from staging.accounting_entry"
            ),
            "source || kind || source_id",
        ),
        (
            "core.survey_response",
            (
                "select company_id from staging.hubspot_company where company_id not in "
                "(select company_id from core.merged_company)"
            ),
            "company_id",
        ),
    ],
)
def test_no_join_adds_or_loses_a_row(crowd: World, table: str, base: str, key: str) -> None:
    for needed in [*{word for word in base.replace(")", " ").split() if "." in word}, table]:
        crowd.build(needed)
    expected = sorted(row[0] for row in crowd.con.execute(base).fetchall())
    found = sorted(row[0] for row in crowd.con.execute(f"select {key} from {table}").fetchall())
    assert expected
    assert found == expected


@pytest.fixture(scope="module", name="crowd")
def _crowd() -> World:
    return crowded()


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.lists(st.integers(0, 11), min_size=1, max_size=3, unique=True), st.booleans()),
        max_size=8,
    )
)
def test_any_order_of_merges_ends_in_the_record_that_is_still_there(
    merges: Sequence[tuple[list[int], bool]],
) -> None:
    """Twelve companies are merged in twos and threes, into one of them or into a new id."""
    alive = {str(number): {str(number)} for number in range(12)}  # id -> the first ids that live on in it
    told: dict[str, set[str]] = {}
    for step, (chosen, new_id) in enumerate(merges):
        into = [key for number in chosen for key in alive if str(number) in alive[key]]
        into = list(dict.fromkeys(into))
        if len(into) < 2:
            continue
        kept = f"9{step:02d}" if new_id else into[0]
        gone = [key for key in into if key != kept]
        told.setdefault(kept, set()).update(gone)
        alive[kept] = set().union(*(alive.pop(key) for key in into))
    world = World()
    for key in {*map(str, range(12)), *told}:
        world.company(key, **({"hs_merged_object_ids": ";".join(sorted(told[key]))} if key in told else {}))
    expected = {first: kept for kept, firsts in alive.items() for first in firsts if first != kept}
    found: dict[str, Any] = ends(world)
    assert {key: found.get(key) for key in expected} == expected
    assert found.keys() - expected.keys() <= told.keys(), "else only new ids that were merged again"
    assert set(found.values()) <= alive.keys()
