"""Runs follow-up and delivery in processes that are killed, and reports what their ledgers then say.

`points ADDRESSES FOLDER CHANNEL HALF` kills at the first time that each (every other) line of the product is
reached; `once ADDRESSES HOME PREFIX COUNT` runs once in this process, for tests that kill or race it from outside.
"""

import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Any

from connectors.hubspot_write import HubSpotWrites
from connectors.intercom_write import IntercomWrites
from connectors.mailchimp import authorization
from connectors.mailchimp_write import MailchimpWrites
from connectors.mandrill import Mandrill, explain
from connectors.smtp import SmtpSender
from connectors.transport import Transport
from sandbox.mailchimp_records import LIST_ID
from tasks.deliver import Delivered, deliver
from tasks.effects import effect
from tasks.follow_up import follow_up
from tasks.journey import Client
from tasks.routes import MailRoute
from tasks.routes_hubspot import Task
from tasks.routes_intercom import Reply
from tasks.routes_mailchimp import JourneyStep, TemplateMail
from tasks.verbs import Verb, routes_of
from tests.tasks.follow_up_cases import PLAYBOOK, START, after, client, clients, live_ledger, person
from warehouse.ledger import open_ledger

ROOT = Path(__file__).parents[2]
# Where it is killed. Deciding and queueing are the same for both channels and are done to death once.
WATCHED = {
    "mail": (
        "tasks/follow_up.py",
        "tasks/deliver.py",
        "tasks/routes.py",
        "warehouse/ledger.py",
        "connectors/smtp.py",
    ),
    "hubspot_task": (
        "tasks/deliver.py",
        "tasks/verbs.py",
        "tasks/routes_hubspot.py",
        "connectors/hubspot_write.py",
    ),
    # The sender itself dies above; these die in what they bring of their own.
    "intercom_reply": (
        "tasks/verbs.py",
        "tasks/routes_intercom.py",
        "connectors/intercom_write.py",
        "connectors/intercom_conversation.py",
    ),
    "mailchimp_journey": ("tasks/routes_mailchimp.py", "connectors/mailchimp_write.py"),
    "transactional": ("tasks/routes_mailchimp.py", "connectors/mandrill.py"),
}
Place = tuple[str, int]
Trace = Callable[[FrameType, str, Any], Any]


def run(home: Path, addresses: dict[str, str], who: list[Client], channel: str, day: float) -> Delivered:
    """One whole turn, as a scheduled run does it."""
    as_of = after(day)
    with open_ledger(home) as ledger:
        follow_up(ledger, who, PLAYBOOK, as_of)
        if channel == "mail":
            mail = MailRoute(SmtpSender(addresses["smtp"], timeout=5), PLAYBOOK.company)
            return deliver(ledger, home, {channel: mail}, as_of)
        hubspot = Transport("hubspot", addresses["crm"], headers={"Authorization": "Bearer x"})
        try:
            return deliver(
                ledger, home, routes_of(HubSpotWrites(hubspot), [Task], settle_seconds=0.02), as_of
            )
        finally:
            hubspot.close()


def run_verb(home: Path, world: dict[str, Any], channel: str, number: int) -> Delivered:
    """One whole turn of a channel that speaks a vendor's API, with the one effect of that number."""
    as_of = datetime.fromisoformat(world["clock"])
    email = f"k{number}@kill.example"
    member = {"list_id": LIST_ID, "email": email}
    bearer = {"Authorization": f"Bearer {world['intercom']['token']}"}
    intercom_headers = {**bearer, "Intercom-Version": "2.16"}
    verb: Verb[Any]
    if channel == "intercom_reply":
        verb = Reply(
            conversation_id=world["conversations"][number], admin_id=world["admin"], body="It is done."
        )
        vendor: Any = IntercomWrites(
            Transport("intercom", world["intercom"]["base_url"], headers=intercom_headers)
        )
    elif channel == "mailchimp_journey":
        verb = JourneyStep(journey_id="12", step_id="3", **member)
        vendor = MailchimpWrites(
            Transport(
                "mailchimp",
                world["mailchimp"]["base_url"],
                headers=authorization(world["mailchimp"]["api_key"]),
            )
        )
    else:
        verb = TemplateMail(template="welcome", email=email)
        mandrill = Transport("mandrill", world["mandrill"]["base_url"], headers={}, explain=explain)
        vendor = Mandrill(mandrill, world["mandrill"]["key"])
    with open_ledger(home) as ledger:
        ledger.enqueue([effect(verb, f"kill {number}", useful_until=as_of + timedelta(days=1))], as_of)
        try:
            return deliver(ledger, home, routes_of(vendor, [type(verb)], settle_seconds=0.02), as_of)
        finally:
            vendor._http.close()


def in_child(work: Callable[[], object]) -> int:
    """The wait status of a child process that did `work`."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the parent must see it
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def trace(channel: str, seen: Callable[[Place], None]) -> Trace:
    watched = {str(ROOT / name) for name in WATCHED[channel]}

    def local(frame: FrameType, event: str, _arg: Any) -> Any:
        if event == "line":
            seen((frame.f_code.co_filename, frame.f_lineno))
        return local

    def enter(frame: FrameType, _event: str, _arg: Any) -> Any:
        return local if frame.f_code.co_filename in watched else None

    return enter


def places_of(channel: str, work: Callable[[], object], note: Path) -> list[Place]:
    """Every line that `work` reaches, in the order of its first time."""
    order: dict[Place, None] = {}

    def record() -> None:
        sys.settrace(trace(channel, order.setdefault))
        work()
        sys.settrace(None)
        note.write_text(json.dumps(list(order)))

    assert in_child(record) == 0
    return [(file, line) for file, line in json.loads(note.read_text())]


def kill_at(place: Place, channel: str, work: Callable[[], object]) -> int:
    def doomed() -> None:
        def check(reached: Place) -> None:
            if reached == place:
                os.kill(os.getpid(), signal.SIGKILL)

        sys.settrace(trace(channel, check))
        work()

    return in_child(doomed)


def rows(home: Path) -> list[dict[str, Any]]:
    """The outbox, read past our own code."""
    with sqlite3.connect(home / "ledger.sqlite") as con:
        con.row_factory = sqlite3.Row
        found = con.execute("select id, state, handover_at, business_key from outbox order by id").fetchall()
        return [dict(row) for row in found]


def points(addresses: dict[str, Any], folder: Path, channel: str, half: int) -> None:
    day = 0.0 if channel == "mail" else 7.5
    kind = {"mail": "welcome", "hubspot_task": "call"}.get(channel, channel)
    template = folder / "template"
    template.mkdir(parents=True)
    live_ledger(template, START, (channel,)).close()

    def work(home: Path, number: int) -> Delivered:
        if channel not in ("mail", "hubspot_task"):
            return run_verb(home, addresses, channel, number)
        who = person(person_id=str(9000 + number), email=f"k{number}@kill.test")
        needy = client(client_id=f"k{number}", person=who, missing_items=("integrations",))
        return run(home, addresses, [needy], channel, day)

    def home_of(number: int) -> Path:
        return Path(shutil.copytree(template, folder / f"home{number}"))

    # What the parent has loaded and compiled, its children need not.
    work(Path(shutil.copytree(template, folder / "warm")), -1)
    first = home_of(0)
    places = places_of(channel, lambda: work(first, 0), folder / "places.json")
    results = []
    for number, place in list(enumerate(places, 1))[half::2]:
        home = home_of(number)
        status = kill_at(place, channel, lambda home=home, number=number: work(home, number))
        after_kill = rows(home)
        again = in_child(lambda home=home, number=number: work(home, number))
        results.append(
            {
                "number": number,
                "file": Path(place[0]).name,
                "code": Path(place[0]).read_text().splitlines()[place[1] - 1].strip(),
                "line": place[1],
                "person": str(9000 + number),
                "address": f"k{number}@kill.test",
                "email": f"k{number}@kill.example",
                "home": str(home),
                "killed": os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL,
                "ended": again,
                "after_kill": [row for row in after_kill if kind in row["business_key"]],
                "at_end": [row for row in rows(home) if kind in row["business_key"]],
            }
        )
    print(json.dumps(results))


def main() -> None:
    command, addresses = sys.argv[1], json.loads(sys.argv[2])
    if command == "points":
        points(addresses, Path(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
    else:
        home, prefix, count = Path(sys.argv[3]), sys.argv[4], int(sys.argv[5])
        who = [
            client(
                client_id=f"{prefix}{each.client_id}",
                person=person(email=f"{prefix}{each.client_id}@many.test"),
            )
            for each in clients(count)
        ]
        print(json.dumps(run(home, addresses, who, "mail", 0.0).total("sent")))


if __name__ == "__main__":
    main()
