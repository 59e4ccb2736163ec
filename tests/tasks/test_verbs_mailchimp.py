"""Mailchimp's verbs: nobody subscribed again, journeys once, single mails that an index shows late."""

from pathlib import Path
from typing import Any

import pytest

from sandbox.faults import Fault
from tasks.deliver import resolve
from tasks.routes_mailchimp import Event, JourneyStep, Tags, TemplateMail, Upsert
from tests.sandbox.worlds import TOKEN
from tests.tasks.vendors import LIST, Vendors, only, queue, turn
from warehouse.ledger import Ledger

ANA = "ana@client.example"


@pytest.mark.parametrize("status", ["unsubscribed", "cleaned", "archived", "pending", "transactional"])
def test_nobody_is_ever_subscribed_again(live: Ledger, vendors: Vendors, tmp_path: Path, status: str) -> None:
    vendors.member(ANA, "subscribed" if status == "archived" else status)
    if status == "archived":
        vendors.client["mailchimp"].delete(f"/lists/{LIST}/members/{vendors.held(ANA).id}")
    verb = Upsert(list_id=LIST, email=ANA, status_if_new="subscribed", merge_fields={"FNAME": "Ana"})
    queue(live, vendors, verb)
    assert turn(live, vendors, tmp_path).total("sent") == 1
    held = vendors.held(ANA)
    assert (held.status, held.merge_fields["FNAME"], only(live).provider_ref) == (status, "Ana", status)


def test_an_address_that_was_forgotten_is_left_alone_for_good(
    live: Ledger, vendors: Vendors, tmp_path: Path
) -> None:
    hashed = vendors.member(ANA).id
    vendors.client["mailchimp"].post(f"/lists/{LIST}/members/{hashed}/actions/delete-permanent")
    queue(live, vendors, Upsert(list_id=LIST, email=ANA, status_if_new="subscribed"))
    assert turn(live, vendors, tmp_path).total("suppressed") == 1
    assert (only(live).error, vendors.members(ANA)) == ("forgotten", [])


def test_only_tags_that_differ_are_sent_and_capitals_make_no_other_tag(
    live: Ledger, vendors: Vendors, tmp_path: Path
) -> None:
    vendors.member(ANA)
    queue(live, vendors, Tags(list_id=LIST, email=ANA, tags={"Onboarded": True}))
    queue(live, vendors, Tags(list_id=LIST, email=ANA, tags={"onboarded": True, "lead": False}), "2")
    assert turn(live, vendors, tmp_path).total("sent") == 2
    assert [path.rpartition("/")[2] for _, path in vendors.networks["mailchimp"].writes()] == ["tags"]


def test_an_event_for_somebody_who_is_no_member_fails_by_name(
    live: Ledger, vendors: Vendors, tmp_path: Path
) -> None:
    queue(live, vendors, Event(list_id=LIST, email=ANA, name="first_import", at=vendors.now))
    assert turn(live, vendors, tmp_path).total("failed") == 1
    assert "404" in only(live).error
    assert ANA not in only(live).error


def test_a_contact_enters_a_step_of_a_journey_once_for_all_time(live: Ledger, vendors: Vendors) -> None:
    step = JourneyStep(list_id=LIST, journey_id="12", step_id="3", email=ANA)
    assert queue(live, vendors, step, "monday") == 1
    assert queue(live, vendors, step.model_copy(update={"email": "Ana@Client.example"}), "tuesday") == 0
    assert queue(live, vendors, step.model_copy(update={"step_id": "4"}), "tuesday") == 1
    assert not any("client" in row.business_key for row in live.outbox_rows())


def journey(vendors: Vendors) -> JourneyStep:
    return JourneyStep(list_id=LIST, journey_id="12", step_id="3", email=ANA)


@pytest.mark.parametrize("status", ["unsubscribed", "cleaned", "pending", "transactional"])
def test_nobody_enters_a_journey_who_is_not_subscribed_at_that_moment(
    live: Ledger, vendors: Vendors, tmp_path: Path, status: str
) -> None:
    vendors.member(ANA, status)
    queue(live, vendors, journey(vendors))
    assert turn(live, vendors, tmp_path).total("suppressed") == 1
    assert (only(live).error, vendors.world.mailchimp.triggers) == ("not_subscribed", [])


@pytest.mark.parametrize(("outcome", "times"), [("sent", 1), ("not_sent", 2)])
def test_a_person_settles_a_journey_that_nobody_can_know_about(
    live: Ledger, vendors: Vendors, tmp_path: Path, outcome: str, times: int
) -> None:
    vendors.member(ANA)
    queue(live, vendors, journey(vendors))
    vendors.lose("POST .*/trigger", "timed out, done")
    assert turn(live, vendors, tmp_path).total("unknown") == 1
    vendors.heal()
    resolve(live, only(live).id, outcome, "marta", vendors.now)
    turn(live, vendors, tmp_path)
    assert (only(live).state, len(vendors.world.mailchimp.triggers)) == ("sent", times)


# Single mails


def welcome(**changes: Any) -> TemplateMail:
    return TemplateMail(template="welcome", email=ANA, **changes)


def test_a_mail_that_the_index_shows_late_is_waited_for_and_not_sent_again(
    live: Ledger, vendors: Vendors, tmp_path: Path
) -> None:
    queue(live, vendors, welcome())
    vendors.world.faults.replace([Fault("search_lag_seconds", "mandrill", seconds=10 * 3600)])
    vendors.lose("POST .*/send-template.json", "cut off, done")
    turn(live, vendors, tmp_path)
    vendors.heal()
    states = []
    for _ in range(3):
        states.append(only(live).state)
        vendors.later()
        done = turn(live, vendors, tmp_path)
        assert done.paused == {}
    assert states == ["sending", "sending", "sent"]
    assert only(live).provider_ref in vendors.world.mandrill.messages
    assert len(vendors.world.mandrill.messages) == 1


def test_a_mail_in_doubt_holds_up_no_other(live: Ledger, vendors: Vendors, tmp_path: Path) -> None:
    queue(live, vendors, welcome())
    vendors.lose("POST .*/send-template.json", "timed out, not done")
    turn(live, vendors, tmp_path)
    vendors.heal()
    queue(live, vendors, welcome(subject="Second"), "another")
    turn(live, vendors, tmp_path)
    assert [row.state for row in live.outbox_rows()] == ["sending", "sent"]


@pytest.mark.parametrize("lost", [False, True])
def test_an_address_on_the_deny_list_fails_with_the_reason(
    live: Ledger, vendors: Vendors, tmp_path: Path, lost: bool
) -> None:
    vendors.made("mandrill", "/rejects/add.json", {"key": TOKEN, "email": ANA})
    queue(live, vendors, welcome())
    if lost:
        vendors.lose("POST .*/send-template.json", "timed out, done")
    turn(live, vendors, tmp_path)
    row = only(live)
    reason = "no reason given" if lost else "custom"  # the index does not tell it
    assert (row.state, f"rejected ({reason})" in row.error, ANA in row.error) == ("failed", True, False)


def test_a_key_that_is_not_accepted_pauses_the_channel(
    live: Ledger, vendors: Vendors, tmp_path: Path
) -> None:
    vendors.world.faults.replace([Fault("status", "mandrill", "/api/1.3/messages", status=401)])
    queue(live, vendors, welcome())
    done = turn(live, vendors, tmp_path)
    assert "TENFOLD_MANDRILL__KEY" in done.paused["transactional"]
    assert only(live).state == "queued"
