"""The sandbox as a process: one per home, its log, its clock, its mail, and what it does wrong on purpose."""

import json
import smtplib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.events import ConversationPart
from sandbox.simulation import simulate
from sandbox.world import World
from tests.sandbox.worlds import CLOCK, ROOT, Bench, Served, plan, small_company, start, stop


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "sandbox", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )


def api(served: Served, vendor: str = "hubspot") -> httpx.Client:
    said = served.said[vendor]
    return httpx.Client(
        base_url=said["base_url"],
        headers={"Authorization": f"Bearer {said.get('token') or said['api_key']}"},
        trust_env=False,
    )


def send(served: Served, to: str, subject: str = "Hello", step: str = "") -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "us@tenfold.example", to, subject
    message["Message-ID"] = f"<{abs(hash((to, subject, step)))}@tenfold.example>"
    if step:
        message["X-Tenfold-Step"] = step
    message.set_content("Good morning, señora")
    host, port = served.said["smtp"]["url"].removeprefix("smtp://").split(":")
    with smtplib.SMTP(host, int(port), timeout=10) as smtp:
        smtp.send_message(message)


@pytest.fixture
def healed(served: Served) -> Iterator[Served]:
    """The shared process; whatever faults the test sets are cleared after it."""
    yield served
    served.control.delete("/faults").raise_for_status()


def test_it_says_where_it_listens_and_writes_the_same_into_its_home(served: Served) -> None:
    assert json.loads((served.home / "sandbox.json").read_text()) == served.said
    assert served.said["pid"] == served.process.pid
    assert set(served.said) == {
        "hubspot", "intercom", "mailchimp", "mandrill", "smtp", "notify", "control", "inbox", "clock", "pid",
        "webhooks",
    }  # fmt: skip
    assert any(Path(served.said["inbox"]).iterdir())


def test_a_second_one_on_the_same_home_is_refused_in_one_sentence(served: Served) -> None:
    refused = command("serve", "--home", str(served.home))
    assert refused.returncode == 1
    assert refused.stderr.count("\n") == 1
    assert "already running" in refused.stderr


def test_what_was_written_survives_a_stop_and_another_beginning_is_refused(tmp_path: Path) -> None:
    first = start(tmp_path / "home", "--limits", "off")
    task = api(first).post(
        "/crm/v3/objects/tasks", json={"properties": {"hs_timestamp": "2026-12-01T09:00:00Z"}}
    )
    first.control.post("/notify", json={"title": "Late source"}).raise_for_status()
    email = api(first).get("/crm/v3/objects/contacts").json()["results"][0]["properties"]["email"]
    send(first, email)
    moved = first.control.post("/advance", json={"by": "3d"}).json()["clock"]
    rows = first.control.get("/truth", params={"month": "2026-10"}).json()
    assert stop(first) == 0
    assert not (tmp_path / "home" / "sandbox.json").exists()
    offline = command("truth", "--home", str(tmp_path / "home"), "--month", "2026-10", "--json")
    assert json.loads(offline.stdout) == rows
    other = command("serve", "--home", str(tmp_path / "home"), "--seed", "8")
    assert (other.returncode, "seed 7" in other.stderr) == (1, True)

    second = start(tmp_path / "home", "--limits", "off")
    try:
        assert second.said["clock"] == moved
        again = api(second).get(f"/crm/v3/objects/tasks/{task.json()['id']}?properties=hs_timestamp").json()
        assert again == task.json()
        assert (
            second.control.get("/notifications").json()["notifications"][0]["body"]["title"] == "Late source"
        )
        (mail,) = second.control.get("/mailbox").json()["messages"]
        assert mail["recipients"] == [email]
        assert mail["text"].strip() == "Good morning, señora"
    finally:
        assert stop(second) == 0


def test_everything_shown_is_the_same_after_a_restart(
    open_world: Callable[..., World], tmp_path: Path
) -> None:
    def shown(world: World) -> list[str]:
        bench = Bench(world)
        paths = [
            (bench.hubspot, f"/crm/v3/objects/{kind}?limit=100&associations=companies&archived={archived}")
            for kind in ("contacts", "deals", "tasks", "tickets")
            for archived in ("false", "true")
        ]
        paths += [(bench.intercom, path) for path in ("/contacts", "/conversations?per_page=150", "/tags")]
        paths += [(bench.mailchimp, path) for path in ("/lists", "/reports", "/search-members?query=nowhere")]
        return [client.get(path).text for client, path in paths]

    def open_() -> World:
        return World(tmp_path / "home", plan(), small_company)

    world = open_()
    bench = Bench(world)
    contacts = bench.hubspot.get("/crm/v3/objects/contacts?limit=100").json()["results"]
    bench.hubspot.patch(
        f"/crm/v3/objects/contacts/{contacts[0]['id']}", json={"properties": {"city": "Vigo"}}
    )
    bench.hubspot.delete(f"/crm/v3/objects/contacts/{contacts[1]['id']}")
    world.advance(CLOCK + timedelta(days=2))
    bench.hubspot.post("/crm/v3/objects/contacts", json={"properties": {"email": "n@nowhere.example"}})
    talk = bench.intercom.get("/conversations").json()["conversations"][0]["id"]
    admin = bench.intercom.get("/admins").json()["admins"][0]["id"]
    own = {"type": "admin", "admin_id": admin}
    bench.intercom.post(f"/conversations/{talk}/parts", json={**own, "message_type": "close"})
    bench.intercom.post("/tags", json={"name": "new"})
    path = f"/lists/{bench.mailchimp.get('/lists').json()['lists'][0]['id']}/members"
    bench.mailchimp.post(path, json={"email_address": "n@nowhere.example", "status": "subscribed"})
    world.advance(CLOCK + timedelta(days=4))
    before = shown(world)
    world.close()
    # The last write was cut off by a kill: it was never answered, and must not count.
    with (tmp_path / "home" / "writes.jsonl").open("ab") as log:
        log.write(b'{"at":"2026-03-14T09:00:00Z","ops":[["hubspot.archive"')
    again = open_()
    assert shown(again) == before
    again.advance(CLOCK + timedelta(days=5))
    again.close()
    third = open_()
    assert third.clock == CLOCK + timedelta(days=5)
    third.close()


def test_an_advance_shows_exactly_what_happened_until_then(fresh: Bench) -> None:
    world = fresh.world
    until = CLOCK + timedelta(days=7)
    events = small_company(until=until)
    coming = [event for event in events if CLOCK < event.at <= until]
    assert coming
    before = sum(len(each.parts) for each in world.intercom.conversations.values())
    world.advance(until)
    assert world.log[-len(coming) :] == coming
    parts = sum(isinstance(event, ConversationPart) for event in coming)
    assert sum(len(each.parts) for each in world.intercom.conversations.values()) == before + parts
    with pytest.raises(ValueError, match="never goes back"):
        world.advance(CLOCK)


def test_the_clock_can_go_beyond_what_was_simulated_at_first(tmp_path: Path) -> None:
    small = replace(plan(), months=1, first=2, last=2)
    world = World(tmp_path / "home", small)
    for days in (100, 130, 260):
        world.advance(CLOCK + timedelta(days=days))
    until = CLOCK + timedelta(days=260)
    arguments = {"seed": 7, "months": 1, "first": 2, "last": 2, "clock": CLOCK}
    assert world.log == simulate(**arguments, until=until)
    world.close()
    again = World(tmp_path / "home", small)
    assert (again.clock, again.log) == (until, world.log)
    again.close()


def test_the_clock_moves_by_command_and_only_forward(tmp_path: Path) -> None:
    absent = command("advance", "--home", str(tmp_path / "home"), "7d")
    assert (absent.returncode, absent.stderr.count("\n")) == (1, 1)
    served = start(tmp_path / "home", "--limits", "off", "--clock", "2026-11-16T07:00:00Z")
    try:
        moved = command("advance", "--home", str(tmp_path / "home"), "7d")
        assert json.loads(moved.stdout)["clock"] == "2026-11-23T07:00:00Z"
        assert served.control.get("/clock").json() == {"clock": "2026-11-23T07:00:00Z"}
        wrong = served.control.post("/advance", json={"by": "soon"})
        assert (wrong.status_code, "7d" in wrong.json()["error"]) == (400, True)
        back = served.control.post("/advance", json={"to": "2026-11-01T00:00:00Z"})
        assert back.status_code == 400
    finally:
        stop(served)


def test_survey_mails_are_answered_by_some_and_the_answers_reach_the_crm(tmp_path: Path) -> None:
    served = start(tmp_path / "home", "--limits", "off")
    try:
        crm = api(served)

        def answers() -> int:
            wanted = {"propertyName": "tenfold_survey_answered_at", "operator": "HAS_PROPERTY"}
            body = {"filterGroups": [{"filters": [wanted]}]}
            total: int = crm.post("/crm/v3/objects/companies/search", json=body).json()["total"]
            return total

        won = {"propertyName": "lifecyclestage", "operator": "EQ", "value": "customer"}
        unasked = {"propertyName": "hs_email_optout", "operator": "EQ", "value": "false"}
        body = {"filterGroups": [{"filters": [won, unasked]}], "limit": 40}
        people = crm.post("/crm/v3/objects/contacts/search", json=body).json()["results"]
        untouched = start(tmp_path / "other", "--limits", "off")
        try:
            for person in people:
                send(served, person["properties"]["email"], step="onboarding.day30-survey")
            for each in (served, untouched):
                each.control.post("/advance", json={"by": "3d"}, timeout=60).raise_for_status()
            wanted = {"propertyName": "tenfold_survey_answered_at", "operator": "HAS_PROPERTY"}
            plain = api(untouched).post(
                "/crm/v3/objects/companies/search", json={"filterGroups": [{"filters": [wanted]}]}
            )
            assert answers() > plain.json()["total"]
        finally:
            stop(untouched)
    finally:
        stop(served)


def test_mail_is_refused_dropped_or_kept_as_a_fault_says(healed: Served) -> None:
    control = healed.control

    def count(to: str) -> int:
        total: int = control.get("/mailbox", params={"recipient": to}).json()["total"]
        return total

    control.post("/faults", json={"kind": "refuse", "vendor": "smtp", "times": 1})
    with pytest.raises(smtplib.SMTPDataError, match="451"):
        send(healed, "refused@nowhere.example")
    assert count("refused@nowhere.example") == 0
    for kept in (False, True):
        to = f"dropped-{kept}@nowhere.example"
        control.post("/faults", json={"kind": "drop", "vendor": "smtp", "times": 1, "done": kept})
        with pytest.raises((smtplib.SMTPServerDisconnected, ConnectionError)):
            send(healed, to)
        assert count(to) == int(kept)
    send(healed, "fine@nowhere.example")
    assert count("FINE@nowhere.example") == 1


@pytest.mark.parametrize(
    ("fault", "status", "found"),
    [
        ({"kind": "status", "status": 401}, 401, "INVALID_AUTHENTICATION"),
        ({"kind": "status", "status": 403}, 403, "crm.objects.contacts.read"),
        ({"kind": "error_rate_5xx"}, 500, "INTERNAL_ERROR"),
        ({"kind": "rate_429"}, 429, "TEN_SECONDLY_ROLLING"),
        ({"kind": "html_instead_of_json"}, 200, "<!DOCTYPE html>"),
    ],
)
def test_a_fault_hits_its_path_as_often_as_it_says(
    healed: Served, fault: dict[str, Any], status: int, found: str
) -> None:
    path = "/crm/v3/objects/contacts"
    fault |= {"vendor": "hubspot", "path": path, "times": 2}
    healed.control.post("/faults", json=fault).raise_for_status()
    assert api(healed).get("/crm/v3/objects/deals").status_code == 200
    for _ in range(2):
        answer = api(healed).get(path)
        assert (answer.status_code, found in answer.text) == (status, True)
    assert "results" in api(healed).get(path).json()


def test_a_page_can_be_truncated_cut_off_slow_or_without_a_field(healed: Served) -> None:
    path = "/crm/v3/objects/contacts"
    for fault in (
        {"kind": "truncate_page", "times": 1},
        {"kind": "cut_connection", "times": 1},
        {"kind": "lost_field", "field": "email", "times": 1},
        {"kind": "slow", "seconds": 3, "times": 1},
    ):
        healed.control.post("/faults", json={"vendor": "hubspot", "path": path, **fault}).raise_for_status()
    crm = api(healed)
    with pytest.raises(httpx.ReadTimeout):
        crm.get(path, timeout=0.2)
    healed.control.delete("/faults")
    healed.control.post("/faults", json={"kind": "truncate_page", "vendor": "hubspot", "times": 1})
    with pytest.raises(json.JSONDecodeError):
        crm.get(path).json()
    healed.control.post("/faults", json={"kind": "cut_connection", "vendor": "hubspot", "times": 1})
    with pytest.raises(httpx.RemoteProtocolError):
        crm.get(path)
    healed.control.post("/faults", json={"kind": "lost_field", "field": "email", "times": 1})
    assert "email" not in crm.get(path).json()["results"][0]["properties"]
    assert "email" in crm.get(path).json()["results"][0]["properties"]


def test_a_write_can_happen_although_its_answer_is_lost(healed: Served) -> None:
    crm, path = api(healed), "/crm/v3/objects/contacts"
    body = {"properties": {"email": "unknown-outcome@nowhere.example"}}
    healed.control.post("/faults", json={"kind": "status", "status": 500, "done": True, "times": 1})
    assert crm.post(path, json=body).status_code == 500
    assert crm.post(path, json=body).status_code == 409


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "earthquake"},
        {"kind": "slow", "minutes": 3},
        {"kind": "slow", "vendor": "nobody"},
        {"kind": "lost_field"},
        "calamity",
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_a_reason(served: Served, fault: object) -> None:
    answer = served.control.post("/faults", json=fault)
    assert (answer.status_code, answer.json()["error"].count("\n")) == (400, 0)
    assert served.control.get("/faults").json() == {"faults": []}


def test_more_than_ten_connections_to_mailchimp_meet_the_limit(tmp_path: Path) -> None:
    served = start(tmp_path / "home")
    try:
        statuses: list[int] = []
        gate = threading.Barrier(20)
        # Answers that take a second let all twenty meet, however busy the machine is.
        served.control.post("/faults", json={"kind": "slow", "vendor": "mailchimp", "seconds": 1})

        def hammer() -> None:
            with api(served, "mailchimp") as client:
                gate.wait()
                statuses.extend(client.get("/ping").status_code for _ in range(2))

        threads = [threading.Thread(target=hammer) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert set(statuses) == {200, 429}
        counted = served.control.get("/violations").json()["mailchimp"]
        assert counted == {"requests": 40, "connections": statuses.count(429)}
    finally:
        stop(served)
