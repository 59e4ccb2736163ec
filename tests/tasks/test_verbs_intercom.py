"""Intercom's verbs: the same words twice, words that may be ours, what somebody undid."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from sandbox.faults import Fault
from tasks.deliver import ATTEMPTS
from tasks.effects import effect
from tasks.routes_intercom import Close, ConversationAttributes, Reply, Tag
from tests.tasks.vendors import ADMIN, OTHER_ADMIN, Died, Fate, Vendors, only, queue, turn
from warehouse.ledger import Ledger

ANA = "ana@client.example"


def test_the_same_words_said_twice_on_purpose_are_said_twice_whatever_is_lost(
    live: Ledger, vendors: Vendors, tmp_path: Path
) -> None:
    verb = Reply(conversation_id=vendors.conversation(), admin_id=ADMIN, body="Thank you!")
    queue(live, vendors, verb, "first")
    turn(live, vendors, tmp_path)
    queue(live, vendors, verb, "second")
    vendors.lose("POST .*/reply", "timed out, not done")
    turn(live, vendors, tmp_path)
    vendors.heal()
    turn(live, vendors, tmp_path)
    parts = [str(part.id) for part in vendors.parts(verb.conversation_id, "comment")]
    assert [row.provider_ref for row in live.outbox_rows()] == parts
    assert len(parts) == 2


def test_an_older_answer_in_the_same_words_is_not_taken_for_ours(
    live: Ledger, vendors: Vendors, tmp_path: Path
) -> None:
    number = vendors.conversation()
    body = {"message_type": "comment", "type": "admin", "admin_id": ADMIN, "body": "Thank you!"}
    vendors.made("intercom", f"/conversations/{number}/reply", body)
    vendors.later()
    queue(live, vendors, Reply(conversation_id=number, admin_id=ADMIN, body="Thank you!"))
    vendors.lose("POST .*/reply", "timed out, not done")
    turn(live, vendors, tmp_path)
    vendors.heal()
    turn(live, vendors, tmp_path)
    assert len(vendors.parts(number, "comment")) == 2


@pytest.mark.parametrize(("who", "state"), [(ADMIN, "unknown"), (OTHER_ADMIN, "sent")])
def test_when_the_colleague_says_something_else_meanwhile_nobody_knows(
    live: Ledger, vendors: Vendors, tmp_path: Path, who: str, state: str
) -> None:
    """It may be our text as Intercom changed it: a client does not get the same answer twice."""
    number = vendors.conversation()
    queue(live, vendors, Reply(conversation_id=number, admin_id=ADMIN, body="It is done."))
    vendors.lose("POST .*/reply", "died before")
    with pytest.raises(Died):
        turn(live, vendors, tmp_path)
    vendors.heal()
    body = {"message_type": "comment", "type": "admin", "admin_id": who, "body": "One moment."}
    vendors.made("intercom", f"/conversations/{number}/reply", body)
    turn(live, vendors, tmp_path)
    assert only(live).state == state
    ours = [part for part in vendors.parts(number, "comment") if part.body == "It is done."]
    assert len(ours) == (state == "sent")


def test_what_somebody_undid_meanwhile_is_not_done_again(
    live: Ledger, vendors: Vendors, tmp_path: Path
) -> None:
    number = vendors.conversation()
    queue(live, vendors, Close(conversation_id=number, admin_id=ADMIN))
    vendors.lose("POST .*/parts", "died after")
    with pytest.raises(Died):
        turn(live, vendors, tmp_path)
    vendors.heal()
    again = {"message_type": "comment", "type": "user", "body": "Still there?"}
    vendors.made("intercom", f"/conversations/{number}/reply", again)
    vendors.later()
    turn(live, vendors, tmp_path)
    assert only(live).state == "sent"
    assert (vendors.talk(number).state, len(vendors.parts(number, "close"))) == ("open", 1)


def test_a_conversation_deleted_before_the_answer_was_known_leaves_it_unknown(
    live: Ledger, vendors: Vendors, tmp_path: Path
) -> None:
    number = vendors.conversation()
    queue(live, vendors, Reply(conversation_id=number, admin_id=ADMIN, body="It is done."))
    vendors.lose("POST .*/reply", "died after")
    with pytest.raises(Died):
        turn(live, vendors, tmp_path)
    vendors.heal()
    vendors.client["intercom"].delete(f"/conversations/{number}")
    done = turn(live, vendors, tmp_path)
    assert (only(live).state, done.paused) == ("unknown", {})


def test_what_never_gets_through_is_given_up_in_the_end(
    live: Ledger, vendors: Vendors, tmp_path: Path
) -> None:
    queue(live, vendors, Reply(conversation_id=vendors.conversation(), admin_id=ADMIN, body="It is done."))
    vendors.lose("POST .*/reply", "timed out, not done")
    for _ in range(ATTEMPTS):
        assert only(live).state == "queued"
        turn(live, vendors, tmp_path)
    assert (only(live).state, only(live).attempts) == ("failed", ATTEMPTS)
    assert "Given up" in only(live).error


def test_an_attribute_that_intercom_refuses_fails_at_once_with_the_reason(
    live: Ledger, vendors: Vendors, tmp_path: Path
) -> None:
    """As where two attributes have one name: no later try would go better."""
    number = vendors.conversation()
    network = vendors.networks["intercom"]

    def refuse(sent: httpx.Request) -> bool:
        if sent.method == "PUT":
            vendors.world.faults.replace([Fault("status", "intercom", status=400)])
        return False

    network.fits = refuse
    queue(live, vendors, ConversationAttributes(conversation_id=number, attributes={"topic": "billing"}))
    done = turn(live, vendors, tmp_path)
    vendors.world.faults.replace([])
    turn(live, vendors, tmp_path)
    row = only(live)
    assert (row.state, row.attempts, done.paused) == ("failed", 1, {})
    assert "PUT /conversations/{id} answered 400" in row.error
    assert network.writes().count(("PUT", f"/conversations/{number}")) == 1


def test_a_row_whose_vendor_is_not_configured_any_more_waits_to_be_asked(
    live: Ledger, vendors: Vendors, tmp_path: Path
) -> None:
    from tasks.deliver import deliver

    number = vendors.conversation()
    queue(live, vendors, Tag(conversation_id=number, admin_id=ADMIN, tag="billing"))
    vendors.lose("POST .*/tags", "died after")
    with pytest.raises(Died):
        turn(live, vendors, tmp_path)
    vendors.heal()
    deliver(live, tmp_path, {}, vendors.now)
    assert only(live).state == "sending"
    turn(live, vendors, tmp_path)
    assert only(live).state == "sent"


@pytest.mark.parametrize(
    ("fate", "state"), [("timed out, done late", "sent"), ("timed out, not done", "skipped_stale")]
)
def test_what_came_late_is_known_as_done_though_it_would_be_too_late_to_do_it(
    live: Ledger, vendors: Vendors, tmp_path: Path, fate: Fate, state: str
) -> None:
    verb = Reply(conversation_id=vendors.conversation(), admin_id=ADMIN, body="It is done.")
    live.enqueue([effect(verb, "1", useful_until=vendors.now + timedelta(hours=1))], vendors.now)
    vendors.lose("POST .*/reply", fate)
    turn(live, vendors, tmp_path)
    vendors.heal()
    vendors.arrive()
    vendors.later()
    turn(live, vendors, tmp_path, lambda *_: "opted_out")
    assert only(live).state == state
    assert len(vendors.parts(verb.conversation_id, "comment")) == (state == "sent")
