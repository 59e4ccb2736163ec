"""What the verbs of the outbox refuse, leave alone, and cannot know."""

import re
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import PermanentRefusal
from sandbox.faults import Fault
from tasks import routes_hubspot, routes_intercom, routes_mailchimp
from tasks.consent import LiveConsent
from tasks.deliver import ATTEMPTS, resolve
from tasks.effects import effect
from tasks.routes_hubspot import Contact, Note, Task, Update
from tasks.routes_intercom import Close, ContactAttributes, Reply, Snooze, Tag
from tasks.routes_mailchimp import Event, JourneyStep, Tags, Transactional, Upsert
from tasks.verbs import Verb
from tests.sandbox.worlds import CLOCK, TOKEN
from tests.tasks.vendors import ADMIN, LIST, OTHER_ADMIN, Died, Fate, Vendors, only, queue, turn
from warehouse.ledger import Ledger

ANA = "ana@client.example"
ROOT = Path(__file__).parents[2]
VERBS: tuple[type[Verb[Any]], ...] = (
    *routes_hubspot.VERBS,
    *routes_intercom.VERBS,
    *routes_mailchimp.VERBS,
    *routes_mailchimp.MANDRILL_VERBS,
)


# Contracts


def test_a_payload_that_is_not_whole_says_where_and_never_what(vendors: Vendors) -> None:
    route = vendors.routes()["hubspot"]
    payload = {"do": "contact", "email": 17, "properties": {"secret": 5}, "salary": "much"}
    with pytest.raises(PermanentRefusal) as refused:
        route.prepare(payload, "m", vendors.now)
    said = str(refused.value)
    assert "email: string_type" in said
    assert "salary: extra_forbidden" in said
    assert "much" not in said
    with pytest.raises(PermanentRefusal, match="choose one of note, contact, update"):
        route.prepare({"do": "explode"}, "m", vendors.now)


@pytest.mark.parametrize(
    "verb",
    [
        Task(due=CLOCK, subject="Call", body="m", kind="deals"),
        Note(at=CLOCK, body="m"),
        Note(at=CLOCK, body="without", person_id="5"),
        Contact(email=ANA, properties={"email": "eva@client.example"}),
        Snooze(conversation_id="1", admin_id="2", until=CLOCK),
        ContactAttributes(contact_id="1"),
    ],
    ids=["a task of nothing", "a note of nothing", "no marker", "two addresses", "into the past", "nothing"],
)
def test_what_can_never_be_done_fails_before_anything_is_sent(vendors: Vendors, verb: Verb[Any]) -> None:
    with pytest.raises(PermanentRefusal) as refused:
        vendors.routes()[verb.channel].prepare(verb.model_dump(mode="json"), "m", vendors.now)
    assert ANA not in str(refused.value)
    assert all(network.carried == [] for network in vendors.networks.values())


def test_a_task_that_an_older_version_queued_is_still_delivered(
    live: Ledger, vendors: Vendors, tmp_path: Path
) -> None:
    """Rows from before a payload named its verb."""
    contact = vendors.hubspot_contact(email=ANA)
    new = effect(
        Task(person_id=contact, due=vendors.now, subject="Call", body="x"), "1", useful_until=vendors.now
    )
    old = {name: value for name, value in new.payload.items() if name not in ("do", "kind")}
    live.enqueue([type(new)(new.business_key, new.channel, old, new.marker)], vendors.now)
    assert turn(live, vendors, tmp_path).total("sent") == 1
    assert len(vendors.records("tasks")) == 1


def test_every_channel_with_verbs_is_asked_or_not_as_its_verbs_can_be() -> None:
    from tasks.channels import CHANNELS

    by_channel: dict[str, set[bool]] = {}
    for verb in VERBS:
        by_channel.setdefault(verb.channel, set()).add(verb.nature != "once")
    assert {name: {CHANNELS[name].askable} for name in by_channel} == by_channel
    assert set(CHANNELS) - set(by_channel) == {"mail", "notify"}


def test_the_table_of_effects_lists_each_verb_with_its_nature() -> None:
    rows = re.findall(
        r"^\| `(\w+)` \| `(\w+)` \| (\w+) \|", (ROOT / "docs/effects.md").read_text(), re.MULTILINE
    )
    assert sorted(rows) == sorted(
        (verb.channel, verb.model_fields["do"].default, verb.nature) for verb in VERBS
    )


# HubSpot


def test_a_stage_that_would_step_back_fails_and_changes_nothing(
    live: Ledger, vendors: Vendors, tmp_path: Path
) -> None:
    number = vendors.hubspot_contact(email=ANA, lifecyclestage="customer")
    wanted = {"lifecyclestage": "lead", "firstname": "Ana"}
    queue(live, vendors, Update(kind="contacts", record_id=number, properties=wanted))
    assert turn(live, vendors, tmp_path).total("failed") == 1
    assert "step back" in only(live).error
    assert vendors.record("contacts", number).history == []


@pytest.mark.parametrize("died_at", [0, 1, 2], ids=["never", "the clearing", "the setting"])
def test_a_stage_that_may_step_back_gets_there_also_when_we_die_in_between(
    live: Ledger, vendors: Vendors, tmp_path: Path, died_at: int
) -> None:
    number = vendors.hubspot_contact(email=ANA, lifecyclestage="customer")
    verb = Update(
        kind="contacts", record_id=number, properties={"lifecyclestage": "lead"}, may_step_back=True
    )
    queue(live, vendors, verb)
    if died_at:
        network, patches = vendors.networks["hubspot"], iter(range(1, 9))
        network.fits = lambda sent: sent.method == "PATCH" and next(patches) == died_at
        network.fate = "died after"
        with pytest.raises(Died):
            turn(live, vendors, tmp_path)
        vendors.heal()
    turn(live, vendors, tmp_path)
    assert vendors.record("contacts", number).properties["lifecyclestage"] == "lead"
    assert only(live).state == "sent"


def test_a_contact_made_in_the_same_instant_by_another_is_not_made_twice(
    live: Ledger, vendors: Vendors, tmp_path: Path
) -> None:
    network = vendors.networks["hubspot"]

    def meanwhile(sent: Any) -> bool:
        if sent.method == "POST" and sent.url.path.endswith("/contacts"):
            network.fits = lambda _: False
            vendors.hubspot_contact(email=ANA, firstname="Eva")
        return False

    network.fits = meanwhile
    queue(live, vendors, Contact(email=ANA, properties={"firstname": "Ana"}))
    assert turn(live, vendors, tmp_path).total("sent") == 1
    [contact] = vendors.records("contacts")
    assert contact.properties["firstname"] == "Ana"
    assert only(live).provider_ref == str(contact.id)


def test_a_verb_that_is_not_permitted_pauses_alone(live: Ledger, vendors: Vendors, tmp_path: Path) -> None:
    number = vendors.hubspot_contact(email=ANA)
    for day in ("1", "2"):
        queue(live, vendors, Note(person_id=number, at=vendors.now, body="x"), day)
    queue(live, vendors, Update(kind="contacts", record_id=number, properties={"city": "Jaca"}))
    vendors.world.faults.replace([Fault("status", "hubspot", "/crm/objects/2026-09/notes", status=403)])
    done = turn(live, vendors, tmp_path)
    assert list(done.paused) == ["hubspot/note"]
    assert "not permitted" in done.paused["hubspot/note"]
    assert [row.state for row in live.outbox_rows()] == ["queued", "queued", "sent"]
    vendors.world.faults.replace([])
    assert turn(live, vendors, tmp_path).total("sent") == 2


# Intercom


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


# Mailchimp


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


# Transactional mail


def welcome(**changes: Any) -> Transactional:
    return Transactional(template="welcome", email=ANA, **changes)


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


# Consent


def test_what_a_client_sees_is_known_of_each_verb() -> None:
    at = "2026-03-02T10:30:00Z"
    upsert = {"list_id": LIST, "email": ANA}
    assert Reply(conversation_id="1", admin_id="2", body="x").client_sees
    assert JourneyStep(journey_id="1", step_id="2", **upsert).client_sees
    assert Transactional(template="t", email=ANA).client_sees
    assert Upsert(status_if_new="subscribed", **upsert).client_sees
    assert Upsert(status_if_new="pending", **upsert).client_sees
    assert not Upsert(status_if_new="transactional", **upsert).client_sees
    assert not Event(name="ab", at=at, **upsert).client_sees
    assert not Note(person_id="1", at=at, body="x").client_sees
    assert not Close(conversation_id="1", admin_id="2").client_sees


@pytest.mark.parametrize(
    ("optout", "ids", "states"),
    [
        ("true", True, ["suppressed", "sent"]),
        ("true", False, ["sent", "sent"]),
        ("false", True, ["sent", "sent"]),
    ],
)
def test_consent_is_asked_of_the_crm_just_before_a_client_would_see_it(
    live: Ledger, vendors: Vendors, tmp_path: Path, optout: str, ids: bool, states: list[str]
) -> None:
    number = vendors.conversation()
    named = {"person_id": vendors.hubspot_contact(email=ANA, hs_email_optout=optout)} if ids else {}
    queue(live, vendors, Reply(conversation_id=number, admin_id=ADMIN, body="It is done.", **named))
    queue(live, vendors, Tag(conversation_id=number, admin_id=ADMIN, tag="billing", **named))
    turn(live, vendors, tmp_path, LiveConsent(vendors.hubspot))
    assert [row.state for row in live.outbox_rows()] == states
    assert live.outbox_rows()[0].error == ("opted_out" if states[0] == "suppressed" else None)


def test_a_sender_that_dies_again_and_again_does_not_go_on_for_ever(
    live: Ledger, vendors: Vendors, tmp_path: Path
) -> None:
    queue(live, vendors, Tag(conversation_id=vendors.conversation(), admin_id=ADMIN, tag="billing"))
    vendors.lose("POST .*/tags", "died before")
    for _ in range(ATTEMPTS + 1):
        with suppress(Died):
            turn(live, vendors, tmp_path)
    assert only(live).state == "failed"


def test_an_effect_that_waited_too_long_in_a_dry_run_does_not_come_out_late(
    live: Ledger, vendors: Vendors, tmp_path: Path
) -> None:
    number = vendors.hubspot_contact(email=ANA)
    verb = Update(kind="contacts", record_id=number, properties={"city": "Jaca"})
    live.enqueue([effect(verb, "1", useful_until=vendors.now + timedelta(hours=1))], vendors.now)
    vendors.later()
    assert turn(live, vendors, tmp_path).total("skipped_stale") == 1
    assert vendors.record("contacts", number).history == []
