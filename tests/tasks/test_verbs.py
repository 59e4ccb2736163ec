"""What all verbs of the outbox share: contracts, their table, consent, and an end to trying."""

import re
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.errors import PermanentRefusal
from tasks import routes_hubspot, routes_intercom, routes_mailchimp
from tasks.consent import LiveConsent
from tasks.deliver import ATTEMPTS
from tasks.effects import effect
from tasks.routes_hubspot import Contact, Note, Task, Update
from tasks.routes_intercom import Close, ContactAttributes, Reply, Snooze, Tag
from tasks.routes_mailchimp import Event, JourneyStep, TemplateMail, Upsert
from tasks.verbs import Verb
from tests.sandbox.worlds import CLOCK
from tests.tasks.vendors import ADMIN, LIST, Died, Vendors, only, queue, turn
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


# Consent


def test_what_a_client_sees_is_known_of_each_verb() -> None:
    at = "2026-03-02T10:30:00Z"
    upsert = {"list_id": LIST, "email": ANA}
    assert Reply(conversation_id="1", admin_id="2", body="x").client_sees
    assert JourneyStep(journey_id="1", step_id="2", **upsert).client_sees
    assert TemplateMail(template="t", email=ANA).client_sees
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
