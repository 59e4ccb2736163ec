"""HubSpot's verbs: stages that may not step back, contacts made in the same instant, rights that lack."""

from pathlib import Path
from typing import Any

import pytest

from sandbox.faults import Fault
from tasks.routes_hubspot import Contact, Note, Update
from tests.tasks.vendors import Died, Vendors, only, queue, turn
from warehouse.ledger import Ledger

ANA = "ana@client.example"


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
