"""Each verb of the outbox when the network fails around it: once out there, or `unknown` where nobody can know.

Counted in the vendors' own records, never in ours.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tasks.channels import CHANNELS
from tasks.routes_hubspot import Contact, Note, Task, Update
from tasks.routes_intercom import (
    Assign,
    Close,
    ContactAttributes,
    ConversationAttributes,
    Open,
    Reply,
    Snooze,
    Tag,
    Untag,
)
from tasks.routes_intercom import Note as TalkNote
from tasks.routes_mailchimp import Event, JourneyStep, Tags, TemplateMail, Upsert, WrittenMail
from tasks.verbs import Verb
from tests.tasks.vendors import ADMIN, DONE, FATES, LIST, TEAM, Died, Fate, Vendors, only, queue, turn
from warehouse.ledger import Ledger

ANA = "ana@client.example"


@dataclass(frozen=True)
class Case:
    """`stage` sets the scene and makes the verb; `done` counts how often it happened out there."""

    name: str
    write: str  # the request that cannot be taken back
    stage: Callable[[Vendors], Verb[Any]]
    done: Callable[[Vendors, Any], int]


def _conversation_with_tag(v: Vendors) -> str:
    number = v.conversation()
    tag = v.made("intercom", "/tags", {"name": "billing"})["id"]
    v.made("intercom", f"/conversations/{number}/tags", {"id": tag, "admin_id": ADMIN})
    return number


def _closed(v: Vendors) -> str:
    number = v.conversation()
    body = {"message_type": "close", "type": "admin", "admin_id": ADMIN}
    v.made("intercom", f"/conversations/{number}/parts", body)
    v.later()
    return number


def _changes(v: Vendors, kind: str, number: str, name: str) -> int:
    """How often a property of a record was written since it was made."""
    return sum(name in older for _, older in v.record(kind, number).history)


def _member(v: Vendors) -> str:
    return v.member(ANA).email


CASES = [
    Case(
        "hubspot_task/task",
        r"POST .*/tasks",
        lambda v: Task(
            person_id=v.hubspot_contact(email=ANA), due=v.now, subject="Call", body="Please call."
        ),
        lambda v, _: len(v.records("tasks")),
    ),
    Case(
        "hubspot/note",
        r"POST .*/notes",
        lambda v: Note(person_id=v.hubspot_contact(email=ANA), at=v.now, body="Spoke to her."),
        lambda v, _: len(v.records("notes")),
    ),
    Case(
        "hubspot/contact",
        r"POST .*/contacts",
        lambda _: Contact(email=ANA, properties={"firstname": "Ana"}),
        lambda v, _: sum(each.properties.get("email") == ANA for each in v.records("contacts")),
    ),
    Case(
        "hubspot/contact",
        r"PATCH .*/contacts/\d+",
        lambda v: Contact(
            email=ANA,
            properties={"firstname": "Ana"},
            person_id=v.hubspot_contact(email=ANA, firstname="Eva"),
        ),
        lambda v, verb: _changes(v, "contacts", verb.person_id, "firstname"),
    ),
    Case(
        "hubspot/update",
        r"PATCH .*/contacts/\d+",
        lambda v: Update(
            kind="contacts", record_id=v.hubspot_contact(email=ANA), properties={"lifecyclestage": "customer"}
        ),
        lambda v, verb: _changes(v, "contacts", verb.record_id, "lifecyclestage"),
    ),
    Case(
        "intercom_reply/reply",
        r"POST .*/reply",
        lambda v: Reply(conversation_id=v.conversation(), admin_id=ADMIN, body="<p>It is 3 &lt; 4.</p>Yours"),
        lambda v, verb: len(v.parts(verb.conversation_id, "comment")),
    ),
    Case(
        "intercom/note",
        r"POST .*/reply",
        lambda v: TalkNote(conversation_id=v.conversation(), admin_id=ADMIN, body="A draft is ready."),
        lambda v, verb: len(v.parts(verb.conversation_id, "note")),
    ),
    Case(
        "intercom/assign",
        r"POST .*/parts",
        lambda v: Assign(conversation_id=v.conversation(), admin_id=ADMIN, to="team", assignee_id=TEAM),
        lambda v, verb: len(v.parts(verb.conversation_id, "assignment")),
    ),
    Case(
        "intercom/close",
        r"POST .*/parts",
        lambda v: Close(conversation_id=v.conversation(), admin_id=ADMIN),
        lambda v, verb: len(v.parts(verb.conversation_id, "close")),
    ),
    Case(
        "intercom/open",
        r"POST .*/parts",
        lambda v: Open(conversation_id=_closed(v), admin_id=ADMIN),
        lambda v, verb: len(v.parts(verb.conversation_id, "open")),
    ),
    Case(
        "intercom/snooze",
        r"POST .*/parts",
        lambda v: Snooze(conversation_id=v.conversation(), admin_id=ADMIN, until=v.now + timedelta(days=3)),
        lambda v, verb: len(v.parts(verb.conversation_id, "snoozed")),
    ),
    Case(
        "intercom/tag",
        r"POST .*/conversations/\d+/tags",
        lambda v: Tag(conversation_id=v.conversation(), admin_id=ADMIN, tag="Billing"),
        lambda v, verb: [v.world.intercom.tags[tag] for tag in v.talk(verb.conversation_id).tags].count(
            "Billing"
        ),
    ),
    Case(
        "intercom/untag",
        r"DELETE .*/tags/\d+",
        lambda v: Untag(conversation_id=_conversation_with_tag(v), admin_id=ADMIN, tag="Billing"),
        lambda v, verb: 1 - len(v.talk(verb.conversation_id).tags),
    ),
    Case(
        "intercom/conversation",
        r"PUT .*/conversations/\d+",
        lambda v: ConversationAttributes(conversation_id=v.conversation(), attributes={"topic": "billing"}),
        lambda v, verb: v.talk(verb.conversation_id).custom == {"topic": "billing"},
    ),
    Case(
        "intercom/contact",
        r"PUT .*/contacts/\w+",
        lambda v: ContactAttributes(
            contact_id=v.intercom_contact(), name="Ana Ruiz", attributes={"seats": 4}
        ),
        lambda v, verb: (
            (one := v.world.intercom.contacts[verb.contact_id]).name == "Ana Ruiz"
            and one.custom == {"seats": 4}
        ),
    ),
    Case(
        "mailchimp/member",
        r"PUT .*/members/\w+",
        lambda _: Upsert(list_id=LIST, email=ANA, status_if_new="pending", merge_fields={"FNAME": "Ana"}),
        lambda v, _: [(each.status, each.merge_fields["FNAME"]) for each in v.members(ANA)].count(
            ("pending", "Ana")
        ),
    ),
    Case(
        "mailchimp/tags",
        r"POST .*/members/\w+/tags",
        lambda v: Tags(list_id=LIST, email=_member(v), tags={"onboarded": True, "lead": False}),
        lambda v, _: [v.world.mailchimp.tags[tag] for tag in v.held(ANA).tags].count("onboarded"),
    ),
    Case(
        "mailchimp/event",
        r"POST .*/members/\w+/events",
        lambda v: Event(list_id=LIST, email=_member(v), name="first_import", at=v.now),
        lambda v, _: len(v.events(ANA)),
    ),
    Case(
        "mailchimp_journey/journey_step",
        r"POST .*/actions/trigger",
        lambda v: JourneyStep(list_id=LIST, journey_id="12", step_id="3", email=_member(v)),
        lambda v, _: len(v.world.mailchimp.triggers),
    ),
    Case(
        "transactional/template",
        r"POST .*/send-template.json",
        lambda _: TemplateMail(template="welcome", email=ANA, variables={"first_name": "Ana"}),
        lambda v, _: sum(each.state == "sent" for each in v.world.mandrill.messages.values()),
    ),
    Case(
        "transactional/message",
        r"POST .*/send.json",
        lambda _: WrittenMail(
            email=ANA, sender="us@tenfold.example", sender_name="Us", subject="Your data", text="Attached."
        ),
        lambda v, _: sum(each.subject == "Your data" for each in v.world.mandrill.messages.values()),
    ),
]
# What nobody can be asked about, or whose silence proves nothing: not even what was not done is done again.
NEVER_AGAIN = ("mailchimp_journey/journey_step", "transactional/template", "transactional/message")


@pytest.mark.parametrize("fate", FATES)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name} {case.write.split()[0]}")
def test_whatever_becomes_of_the_answer_it_happens_once(
    live: Ledger, vendors: Vendors, tmp_path: Path, case: Case, fate: Fate
) -> None:
    verb = case.stage(vendors)
    queue(live, vendors, verb)
    vendors.lose(case.write, fate)
    with suppress(Died):
        turn(live, vendors, tmp_path)
    assert bool(case.done(vendors, verb)) == (fate in DONE)  # the fate was met
    vendors.heal()
    for _ in range(5):  # more than a day
        vendors.arrive()
        vendors.later()
        turn(live, vendors, tmp_path)
    once = fate in DONE or fate == "timed out, done late" or case.name not in NEVER_AGAIN
    known = case.name != "mailchimp_journey/journey_step" and once
    assert case.done(vendors, verb) == once
    assert only(live).state == ("sent" if known else "unknown")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name} {case.write.split()[0]}")
def test_with_a_good_network_it_happens_once_and_what_is_so_already_is_not_written_again(
    live: Ledger, vendors: Vendors, tmp_path: Path, case: Case
) -> None:
    verb = case.stage(vendors)
    queue(live, vendors, verb)
    assert turn(live, vendors, tmp_path).total("sent") == 1
    assert case.done(vendors, verb) == 1
    if verb.nature not in ("repeatable", "compared"):
        return
    before = [network.writes() for network in vendors.networks.values()]
    queue(live, vendors, verb, "another day")
    assert turn(live, vendors, tmp_path).total("sent") == 1
    assert [network.writes() for network in vendors.networks.values()] == before
    assert case.done(vendors, verb) == 1


def test_every_verb_is_among_the_cases() -> None:
    from tasks import routes_hubspot, routes_intercom, routes_mailchimp

    known: list[type[Verb[Any]]] = [*routes_hubspot.VERBS, *routes_intercom.VERBS]
    known += [*routes_mailchimp.VERBS, *routes_mailchimp.MANDRILL_VERBS]
    names = {f"{verb.channel}/{verb.model_fields['do'].default}" for verb in known}
    assert names == {case.name for case in CASES}
    assert {name.partition("/")[0] for name in names} <= set(CHANNELS)
