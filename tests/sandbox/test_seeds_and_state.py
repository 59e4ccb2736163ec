"""A crowd in one step, the whole state in one call, and worlds that cost next to nothing."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sandbox import seeds
from sandbox.faults import Fault
from sandbox.state import state_of
from sandbox.world import World
from tests.sandbox.test_hubspot_api import CONTACTS, create, listed, where
from tests.sandbox.test_intercom_api import client as won
from tests.sandbox.test_intercom_api import talk
from tests.sandbox.worlds import CLOCK, TOKEN, Bench, Served, plan, told


def sow(world: World, **body: Any) -> int:
    count: int = world.commit(seeds.checked(world, body))[0]
    return count


def test_twenty_five_thousand_contacts_of_one_instant_defeat_a_search_by_time(
    open_world: Callable[..., World],
) -> None:
    world = open_world()
    at = CLOCK - timedelta(days=1)
    assert sow(world, vendor="hubspot", kind="contacts", count=25_000, at=at.isoformat()) == 25_000
    hubspot = Bench(world).hubspot
    stamp = str(int(at.timestamp() * 1000))
    window = where("lastmodifieddate", "BETWEEN", value=stamp, highValue=stamp)
    assert hubspot.post(f"{CONTACTS}/search", json=window).json()["total"] == 25_000
    beyond = {**window, "limit": 200, "after": "9900"}
    assert hubspot.post(f"{CONTACTS}/search", json=beyond).status_code == 400
    # Only the key helps: above the last id seen, inside the same instant.
    seen: list[int] = []
    while True:
        by_key = {"propertyName": "hs_object_id", "operator": "GT", "value": str(seen[-1] if seen else 0)}
        filters = [*window["filterGroups"][0]["filters"], by_key]
        query = {"filterGroups": [{"filters": filters}], "sorts": ["hs_object_id"], "limit": 200}
        rows = hubspot.post(f"{CONTACTS}/search", json=query).json()["results"]
        if not rows:
            break
        seen += [int(row["id"]) for row in rows]
        if len(seen) >= 2_000:
            break
    assert seen == sorted(set(seen))
    after = create(hubspot, email="later@nowhere.example")["id"]
    assert int(after) > max(int(row["id"]) for row in listed(hubspot, "contacts") if row["id"] != after)


def test_conversations_are_made_with_their_parts(open_world: Callable[..., World]) -> None:
    world = open_world()
    sow(world, vendor="intercom", kind="conversations", count=30, parts=7, seconds_apart=60, at=(CLOCK - timedelta(hours=1)).isoformat())  # fmt: skip
    intercom = Bench(world).intercom
    body = {"query": {"field": "updated_at", "operator": ">", "value": "0"}, "pagination": {"per_page": 50}}
    rows = intercom.post("/conversations/search", json=body).json()["conversations"]
    assert len({row["created_at"] for row in rows}) == len(rows) == 30
    parts = [
        part["id"]
        for row in rows
        for part in intercom.get(f"/conversations/{row['id']}").json()["conversation_parts"][
            "conversation_parts"
        ]
    ]
    assert len(set(parts)) == 30 * 7


def test_everything_written_is_there_again_after_a_restart(open_world: Callable[..., World]) -> None:
    events = [*won(1, CLOCK - timedelta(days=2)), *won(2, CLOCK + timedelta(hours=1))]
    world = open_world(events)
    bench = Bench(world)
    hubspot, intercom, mailchimp, mandrill = bench.hubspot, bench.intercom, bench.mailchimp, bench.mandrill
    one, two, three = (create(hubspot, email=f"{name}@nowhere.example")["id"] for name in "abc")
    merge = {"primaryObjectId": one, "objectIdToMerge": two}
    world.faults.add([Fault("merge_makes_new_id")])
    hubspot.post(f"{CONTACTS}/merge", json=merge)
    world.faults.replace([])
    hubspot.post("/crm/v3/objects/contacts/gdpr-delete", json={"objectId": three})
    user, lead = (
        intercom.post("/contacts", json={"email": "same@nowhere.example", "role": role}).json()["id"]
        for role in ("user", "lead")
    )
    intercom.post("/contacts/merge", json={"from": lead, "into": user})
    for state in ("8482", "8484"):
        body = {"ticket_type_id": "81", "contacts": [{"id": user}]}
        ticket = intercom.post("/tickets", json=body).json()["id"]
        intercom.put(f"/tickets/{ticket}", json={"ticket_state_id": state, "is_shared": True})
    intercom.delete(f"/tickets/{ticket}")
    world.advance(CLOCK + timedelta(hours=2))
    member = mailchimp.get("/lists/9f2b6c41d0/members").json()["members"][0]
    step = "/customer-journeys/journeys/1/steps/2/actions/trigger"
    mailchimp.post(step, json={"email_address": member["email_address"]})
    mailchimp.post(f"/lists/9f2b6c41d0/members/{member['id']}/events", json={"name": "seen"})
    mandrill.post("/rejects/add.json", json={"key": TOKEN, "email": "no@nowhere.example"})
    to = [{"email": "no@nowhere.example"}, {"email": "yes@nowhere.example"}]
    mandrill.post("/messages/send.json", json={"key": TOKEN, "message": {"to": to, "subject": "S"}})
    vendors = ("hubspot", "intercom", "mailchimp", "mandrill")
    before = {vendor: state_of(world, vendor) for vendor in vendors}
    assert before["hubspot"]["merged"]["contacts"].keys() == {one, two}
    assert (len(before["intercom"]["tickets"]), len(before["intercom"]["merged"])) == (1, 1)
    assert (len(before["mailchimp"]["triggers"]), len(before["mandrill"]["messages"])) == (1, 2)
    again = open_world(events)
    assert {vendor: state_of(again, vendor) for vendor in vendors} == before


def test_more_ids_than_a_second_holds_are_still_ids_of_one_thing_each(
    open_world: Callable[..., World],
) -> None:
    world = open_world([*won(1, CLOCK - timedelta(days=2))])
    sow(world, vendor="intercom", kind="conversations", count=300, parts=5)
    world.advance(CLOCK + timedelta(seconds=1))
    intercom = Bench(world).intercom
    who = intercom.get("/contacts").json()["data"][0]["id"]
    message = {"from": {"type": "user", "id": who}, "body": "Hello"}
    number = int(intercom.post("/conversations", json=message).json()["conversation_id"])
    state = state_of(world, "intercom")["conversations"]
    assert len(state) == 301
    parts = [
        int(each["id"]) for one in state.values() for each in one["conversation_parts"]["conversation_parts"]
    ]
    assert len({*parts, *map(int, state)}) == 300 * 5 + 301
    assert number == max(*parts, *map(int, state))


def test_a_crowd_is_there_again_after_a_restart(open_world: Callable[..., World]) -> None:
    world = open_world()
    for vendor, kind in (("hubspot", "deals"), ("intercom", "conversations"), ("mailchimp", "members")):
        sow(world, vendor=vendor, kind=kind, count=40, parts=2)
    before = {vendor: state_of(world, vendor) for vendor in ("hubspot", "intercom", "mailchimp")}
    again = open_world()
    assert before == {vendor: state_of(again, vendor) for vendor in before}


@pytest.mark.parametrize(
    "body",
    [
        {"vendor": "hubspot", "kind": "unicorns", "count": 1},
        {"vendor": "nobody", "kind": "contacts", "count": 1},
        {"vendor": "hubspot", "kind": "contacts", "count": "many"},
        {"vendor": "hubspot", "kind": "contacts", "count": 2, "seconds_apart": 60},
        {"vendor": "hubspot", "kind": "contacts", "count": 1, "at": "2026-01-01T00:00:00"},
    ],
)
def test_a_crowd_that_cannot_be_is_refused_with_a_reason(served: Served, body: dict[str, Any]) -> None:
    answer = served.control.post("/seed", json=body)
    assert (answer.status_code, answer.json()["error"].count("\n")) == (400, 0)


def test_the_state_of_hubspot_is_what_its_own_lists_show(fresh: Bench) -> None:
    hubspot = fresh.hubspot
    contacts = listed(hubspot, "contacts")
    hubspot.delete(f"{CONTACTS}/{contacts[0]['id']}")
    merged = {"primaryObjectId": contacts[1]["id"], "objectIdToMerge": contacts[2]["id"]}
    hubspot.post(f"{CONTACTS}/merge", json=merged)
    state = fresh.state("hubspot")
    for kind in ("contacts", "companies", "deals", "tickets", "line_items", "notes"):
        names = [each["name"] for each in hubspot.get(f"/crm/v3/properties/{kind}").json()["results"]]
        shown = {
            row["id"]: row
            for archived in ("false", "true")
            for row in listed(hubspot, kind, archived=archived, properties=",".join(names))
        }
        assert state[kind] == shown
    for one, other in (("contacts", "companies"), ("deals", "line_items"), ("tickets", "companies")):
        ids = [row["id"] for row in listed(hubspot, one)]
        linked: dict[str, Any] = {}
        for place in range(0, len(ids), 1000):
            inputs = {"inputs": [{"id": each} for each in ids[place : place + 1000]]}
            answer = hubspot.post(f"/crm/v4/associations/{one}/{other}/batch/read", json=inputs).json()
            for row in answer["results"]:
                linked[row["from"]["id"]] = {
                    str(each["toObjectId"]): sorted(kind["typeId"] for kind in each["associationTypes"])
                    for each in row["to"]
                }
        assert state["associations"][f"{one}/{other}"] == linked
    assert state["merged"]["contacts"][contacts[2]["id"]] == contacts[1]["id"]


def test_the_state_of_intercom_is_what_its_own_reads_show(fresh: Bench) -> None:
    intercom = fresh.intercom
    query = {"query": {"field": "id", "operator": "!=", "value": ""}, "pagination": {"per_page": 150}}
    rows = intercom.post("/conversations/search", json=query).json()["conversations"]
    assert intercom.delete(f"/conversations/{rows[0]['id']}").status_code == 200
    contact = intercom.get("/contacts").json()["data"][0]["id"]
    intercom.post(f"/contacts/{contact}/archive")
    state = fresh.state("intercom")
    assert rows[0]["id"] not in state["conversations"]
    assert list(state["deleted"]) == [rows[0]["id"]]
    for row in rows[1:40]:
        assert state["conversations"][row["id"]] == intercom.get(f"/conversations/{row['id']}").json()
    assert state["contacts"][contact]["archived"] is True
    tickets = intercom.post("/tickets/search", json=query).json()
    assert tickets["total_count"] == len(state["tickets"]) > 0
    for row in tickets["tickets"]:
        assert state["tickets"][row["id"]] == intercom.get(f"/tickets/{row['id']}").json()


def test_the_state_of_mailchimp_is_what_its_own_reads_show(fresh: Bench) -> None:
    mailchimp, state = fresh.mailchimp, fresh.state("mailchimp")
    shown: dict[str, Any] = {}
    for status in ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived"):
        params = {"count": "1000", "status": status}
        for row in mailchimp.get("/lists/9f2b6c41d0/members", params=params).json()["members"]:
            shown[row["contact_id"]] = row
    assert state["members"] == shown
    reports = mailchimp.get("/reports", params={"count": "1000"}).json()["reports"]
    assert state["reports"] == {row["id"]: row for row in reports}


def test_the_state_is_one_call_of_the_control(served: Served) -> None:
    state = served.control.get("/state", params={"vendor": "hubspot"}).json()
    assert len(state["contacts"]) > 40
    assert served.control.get("/state", params={"vendor": "nobody"}).status_code == 400


def test_a_world_that_need_not_last_does_not_wait_for_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: int) -> None:
        raise OSError("the disk was waited for")

    monkeypatch.setattr("os.fsync", fail)
    events = [*won(1, CLOCK - timedelta(days=21)), *talk("t", "p1")]
    world = World(tmp_path / "home", plan(), told(events), durable=False)
    create(Bench(world).hubspot, email="quick@nowhere.example")
    kept = state_of(world, "hubspot")
    world.close()
    lasting = World(tmp_path / "home", plan(), told(events))
    assert state_of(lasting, "hubspot") == kept
    with pytest.raises(OSError, match="waited for"):
        create(Bench(lasting).hubspot, email="slow@nowhere.example")
    lasting.close()
