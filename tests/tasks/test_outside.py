"""From the settings of a home to channels that reach somebody: over real sockets, with a sandbox process."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import AnyHttpUrl, SecretStr

from connectors.errors import FixConfig
from sandbox.intercom_records import ADMIN_IDS
from settings import (
    AlertSettings,
    HubSpotSettings,
    MandrillSettings,
    Settings,
    SmtpSettings,
    SourceSettings,
)
from tasks import switches
from tasks.channels import CHANNELS
from tasks.consent import nobody_to_ask
from tasks.context import sandbox_settings
from tasks.deliver import deliver
from tasks.effects import effect
from tasks.outside import outside
from tasks.rooms import Rooms, open_rooms
from tasks.routes_hubspot import Note
from tasks.routes_intercom import Reply
from tasks.routes_mailchimp import TemplateMail
from tests.sandbox.worlds import Served, start, stop
from tests.tasks.follow_up_cases import ALWAYS, START
from warehouse.ledger import Ledger, Switch, open_ledger

ADMIN = str(next(iter(ADMIN_IDS.values())))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    running = start(
        tmp_path_factory.mktemp("world") / "home", "--limits", "off", "--first", "2", "--last", "2"
    )
    yield running
    stop(running)


def plain(home: Path, **sections: Any) -> Settings:
    """Settings of a real home, whatever the environment says."""
    return Settings(_env_file=None, home=home, **sections)  # type: ignore[call-arg]


def everything(home: Path, served: Served) -> Settings:
    said = served.said
    return sandbox_settings(plain(home, alerts=AlertSettings(urls="json://127.0.0.1:1")), said, home)


def test_with_all_credentials_every_channel_has_a_way_out(tmp_path: Path, served: Served) -> None:
    with outside(open_rooms(everything(tmp_path, served))) as (routes, _):
        assert set(routes) == set(CHANNELS)


def test_without_a_crm_only_what_concerns_nobody_may_go_to_a_client(tmp_path: Path, served: Served) -> None:
    smtp = plain(tmp_path, smtp=SmtpSettings(url=served.said["smtp"]["url"]), hubspot=HubSpotSettings())
    # An inbox makes it a home of real data.
    settings = smtp.model_copy(update={"accounting": smtp.accounting.model_copy(update={"inbox": tmp_path})})
    with outside(open_rooms(settings)) as (routes, consent):
        assert set(routes) == {"mail"}
        assert consent is nobody_to_ask
        assert consent({"to": "boss@tenfold.example"}, START) is None
        with pytest.raises(FixConfig, match="TENFOLD_HUBSPOT__TOKEN"):
            consent({"to": "ana@client.example", "person_id": "501"}, START)


def test_credentials_of_a_source_that_is_only_read_hold_up_no_message(tmp_path: Path, served: Served) -> None:
    unusable = {"activecampaign": SourceSettings(token=SecretStr("key"))}  # its address is missing
    settings = plain(tmp_path, smtp=SmtpSettings(url=served.said["smtp"]["url"]), sources=unusable)
    with outside(open_rooms(settings)) as (routes, _):
        assert set(routes) == {"mail"}


def test_a_simulated_company_reads_no_real_source(tmp_path: Path, served: Served) -> None:
    real = {
        "activecampaign": SourceSettings(token=SecretStr("key"), base_url=AnyHttpUrl("https://acme.test"))
    }
    assert sandbox_settings(plain(tmp_path, sources=real), served.said, tmp_path).sources == {}


def test_a_simulated_company_never_sends_through_the_real_account(tmp_path: Path, served: Served) -> None:
    real = plain(tmp_path, mandrill=MandrillSettings(key="md-real"))
    chosen = sandbox_settings(real, served.said, tmp_path).mandrill
    assert chosen.key is not None
    assert chosen.key.get_secret_value() == served.said["mandrill"]["key"]
    assert str(chosen.base_url) == served.said["mandrill"]["base_url"]
    older = {name: value for name, value in served.said.items() if name != "mandrill"}
    assert sandbox_settings(real, older, tmp_path).mandrill.key is None


def test_an_older_home_gets_the_new_channels_in_dry_run_and_keeps_the_others(tmp_path: Path) -> None:
    with open_ledger(tmp_path) as ledger:
        switches.prepare_home(ledger, "real", START, "Europe/Madrid")
        switches.go_live(ledger, "mail", ALWAYS, START)
        with ledger.write() as session:
            for name in set(CHANNELS) - {"mail", "hubspot_task", "notify"}:
                session.delete(session.get_one(Switch, name))
        switches.prepare_home(ledger, "real", START + timedelta(days=1), "Europe/Madrid")
        modes = {name: switch.mode for name, switch in ledger.switches().items()}
        assert modes == {**dict.fromkeys(CHANNELS, "dry_run"), "mail": "live"}
        assert ledger.switches()["mail"].go_live_date == ALWAYS


# The answer is cut off after the vendor did the work


@pytest.fixture
def live_rooms(tmp_path: Path, served: Served) -> Iterator[tuple[Rooms, Ledger, datetime]]:
    rooms = open_rooms(everything(tmp_path, served))
    now = datetime.fromisoformat(served.said["clock"]).astimezone(UTC)
    with rooms.ledger() as ledger:
        switches.prepare_home(ledger, "real", now, "Europe/Madrid")
        for name in CHANNELS:
            switches.go_live(ledger, name, ALWAYS, now)
        yield rooms, ledger, now
    served.control.delete("/faults").raise_for_status()


def test_whatever_is_cut_off_over_the_wire_happens_once(
    served: Served, live_rooms: tuple[Rooms, Ledger, datetime]
) -> None:
    rooms, ledger, now = live_rooms
    said = served.said["intercom"]
    bearer = {"Authorization": f"Bearer {said['token']}", "Intercom-Version": "2.16"}
    with httpx.Client(base_url=said["base_url"], headers=bearer, trust_env=False) as intercom:
        talk = intercom.get("/conversations", params={"per_page": 1}).json()["conversations"][0]["id"]
    with served.control as control:
        people = control.get("/state", params={"vendor": "hubspot"}).json()["contacts"]
        contact = next(number for number, each in people.items() if not each["archived"])
        verbs = [
            Note(person_id=contact, at=now, body="Spoke to her."),
            Reply(conversation_id=talk, admin_id=ADMIN, body="A sentence that nobody else says."),
            TemplateMail(template="welcome", email="once@client.example"),
        ]
        until = now + timedelta(days=2)
        ledger.enqueue([effect(verb, "over the wire", useful_until=until) for verb in verbs], now)
        cut = {"kind": "cut_connection", "done": True, "times": 1}
        faults = [
            {**cut, "vendor": "hubspot", "path": "/crm/objects/2026-09/notes"},
            {**cut, "vendor": "intercom", "path": f"/conversations/{talk}/reply"},
            {**cut, "vendor": "mandrill", "path": "/api/1.3/messages/send-template.json"},
        ]
        control.post("/faults", json={"faults": faults}).raise_for_status()
        with outside(rooms) as (routes, consent):
            done = deliver(ledger, rooms.home.path, routes, now, consent=consent)
            assert done.total("recovered") == 3
            assert deliver(ledger, rooms.home.path, routes, now, consent=consent).counts == {}
        assert control.get("/faults").json() == {"faults": []}  # every cut was met
        notes = control.get("/state", params={"vendor": "hubspot"}).json()["notes"].values()
        parts = control.get("/state", params={"vendor": "intercom"}).json()["conversations"][talk]
        sent = Counter(row["email"] for row in control.get("/transactional").json()["messages"])
    assert sum("Spoke to her." in (each["properties"].get("hs_note_body") or "") for each in notes) == 1
    bodies = [part["body"] or "" for part in parts["conversation_parts"]["conversation_parts"]]
    assert sum("nobody else says" in body for body in bodies) == 1
    assert sent["once@client.example"] == 1
