"""Webhooks as they leave: each vendor's shape and signature, again until the receiver says yes."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

import pytest
from hubspot.utils.signature import Signature

from sandbox.webhook_signatures import hubspot_signature, intercom_signature, mailchimp_signature
from tests.sandbox.test_process import api
from tests.sandbox.worlds import Served, start, stop

HUBSPOT_BODY = b"{'example_field':'example_value'}"
INTERCOM_BODY = (
    b'{"type":"notification_event","app_id":"a86dr8yl","data":{"type":"notification_event_data",'
    b'"item":{"type":"conversation","id":"523"}},"id":"notif_ccd8a4d0-f965-11e3-a367-c779cae3e1b3",'
    b'"topic":"conversation.user.replied","delivery_attempts":1,"created_at":1392731331}'
)
MAILCHIMP_BODY = (
    b"type=unsubscribe&fired_at=2009-03-26+21%3A40%3A57&data%5Baction%5D=unsub&data%5Breason%5D=manual"
    b"&data%5Bid%5D=8a25ff1d98&data%5Blist_id%5D=a6b5da1054&data%5Bemail%5D=api%2Bunsub%40mailchimp.com"
)


@pytest.mark.parametrize(
    ("stamp", "signature"),
    [
        ("1693657560000", "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
        ("1700000300000", "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw="),
    ],
)
def test_hubspot_s_published_vectors_are_met(stamp: str, signature: str) -> None:
    secret, address = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy", "https://www.example.com/webhook_uri"
    assert hubspot_signature(secret, "POST", address, HUBSPOT_BODY, stamp) == signature


def test_hubspot_signs_an_address_with_some_escapes_undone() -> None:
    plain = hubspot_signature("s", "POST", "https://x.example/a:b?c=@d(1)%20%7E", b"", "1")
    assert hubspot_signature("s", "POST", "https://x.example/a%3Ab%3fc=%40d%281%29%20%7E", b"", "1") == plain


def test_intercom_s_and_mailchimp_s_vectors_are_met() -> None:
    assert (
        intercom_signature("ic-client-secret", INTERCOM_BODY)
        == "sha1=c187e30cd8ead93efbccb85a7d2ca30b8d30b54f"
    )
    assert mailchimp_signature("mc-signing-secret", MAILCHIMP_BODY, 1_718_000_000) == (
        "t=1718000000,v1=b8b314d38e4f937c5c734399c8ed85b3c47695493a2c546f967b3b9551b552ce"
    )


@dataclass
class Receiver:
    """A server that keeps what it gets, and refuses as long as it is told to."""

    got: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    refusals: int = 0

    def __post_init__(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.answer()

            def do_GET(self) -> None:
                self.answer()

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                receiver.got.append(
                    (self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
                )
                refuse = receiver.refusals > 0
                receiver.refusals -= refuse
                self.send_response(503 if refuse else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hooks"
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()

    def bodies(self, place: str) -> list[bytes]:
        return [
            body
            for method, path, _, body in self.got
            if method == "POST" and path.startswith(f"/hooks/{place}")
        ]

    def events(self) -> list[dict[str, Any]]:
        """HubSpot's, in the order of arrival."""
        return [event for body in self.bodies("hubspot") for event in json.loads(body)]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    running = start(tmp_path_factory.mktemp("announcing") / "home", "--limits", "off")
    yield running
    stop(running)


@pytest.fixture
def announcing(world: Served, receiver: Receiver) -> Iterator[Served]:
    """The sandbox, announcing everything to the receiver."""
    body = {"url": receiver.url, "hubspot": True, "intercom": True, "mailchimp": True}
    world.control.post("/webhooks", json=body).raise_for_status()
    yield world
    world.control.delete("/webhooks")
    world.control.delete("/faults")


def settled(served: Served) -> dict[str, Any]:
    """What was delivered, once nothing waits any more."""
    told: dict[str, Any] = served.control.get("/webhooks", params={"wait": "30"}, timeout=40).json()
    assert all(told[vendor]["waiting"] == 0 for vendor in told if vendor != "url"), told
    return told


def contact(served: Served, email: str) -> str:
    body = {"properties": {"email": email, "firstname": "Ada"}}
    number: str = api(served).post("/crm/v3/objects/contacts", json=body).json()["id"]
    return number


def test_hubspot_announces_creation_change_association_deletion_and_erasure(
    announcing: Served, receiver: Receiver
) -> None:
    crm = api(announcing)
    one = contact(announcing, "hook@nowhere.example")
    crm.patch(f"/crm/v3/objects/contacts/{one}", json={"properties": {"firstname": "Ada", "city": "Vigo"}})
    company = crm.post("/crm/v3/objects/companies", json={"properties": {"name": "X"}}).json()["id"]
    crm.put(f"/crm/v4/objects/contacts/{one}/associations/default/companies/{company}")
    crm.delete(f"/crm/v3/objects/contacts/{one}")
    two = contact(announcing, "hook2@nowhere.example")
    crm.post("/crm/v3/objects/contacts/gdpr-delete", json={"objectId": two})
    crm.post("/crm/v3/objects/notes", json={"properties": {"hs_timestamp": "2026-11-16T07:00:00Z"}})
    told = settled(announcing)["hubspot"]
    events = receiver.events()
    assert [
        (each["subscriptionType"], each.get("objectId", each.get("fromObjectId"))) for each in events
    ] == [
        ("contact.creation", int(one)),
        ("contact.propertyChange", int(one)),  # the other property had that value already
        ("company.creation", int(company)),
        ("contact.associationChange", int(one)),
        ("company.associationChange", int(company)),
        ("contact.deletion", int(one)),
        ("contact.creation", int(two)),
        ("contact.deletion", int(two)),
        ("contact.privacyDeletion", int(two)),
    ]
    assert (events[1]["propertyName"], events[1]["propertyValue"]) == ("city", "Vigo")
    assert events[3]["associationType"] == "CONTACT_TO_COMPANY"
    assert (events[3]["toObjectId"], events[3]["isPrimaryAssociation"]) == (int(company), True)
    portal = crm.get("/account-info/v3/details").json()["portalId"]
    clock = announcing.control.get("/clock").json()["clock"]
    for event in events:
        assert event["portalId"] == portal
        assert (event["attemptNumber"], event["changeSource"]) == (0, "INTEGRATION")
        assert time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(event["occurredAt"] / 1000)) == clock
    assert (told["delivered"], told["failed"]) == (9, 0)


@pytest.mark.parametrize("anew", [False, True])
def test_a_merge_is_announced_with_all_three_ids(announcing: Served, receiver: Receiver, anew: bool) -> None:
    if anew:
        announcing.control.post("/faults", json={"kind": "merge_makes_new_id"}).raise_for_status()
    one, two = (contact(announcing, f"m{place}{anew}@nowhere.example") for place in (1, 2))
    body = {"primaryObjectId": one, "objectIdToMerge": two}
    stays = api(announcing).post("/crm/v3/objects/contacts/merge", json=body).json()["id"]
    settled(announcing)
    (event,) = [each for each in receiver.events() if each["subscriptionType"] == "contact.merge"]
    assert (event["primaryObjectId"], event["mergedObjectIds"], event["newObjectId"]) == (
        int(one),
        [int(two)],
        int(stays),
    )
    assert (stays != one) is anew


def test_hubspot_s_own_client_accepts_the_signature(announcing: Served, receiver: Receiver) -> None:
    contact(announcing, "signed@nowhere.example")
    settled(announcing)
    (_, path, headers, body) = receiver.got[-1]
    secret = announcing.said["webhooks"]["hubspot_secret"]
    arguments = {
        "client_secret": secret,
        "request_body": body.decode(),
        "http_uri": receiver.url.removesuffix("/hooks") + path,
        "http_method": "POST",
        "signature_version": "v3",
    }
    stamp = headers["x-hubspot-request-timestamp"]
    assert Signature.is_valid(signature=headers["x-hubspot-signature-v3"], timestamp=stamp, **arguments)
    arguments["request_body"] += " "
    assert not Signature.is_valid(signature=headers["x-hubspot-signature-v3"], timestamp=stamp, **arguments)


def test_events_leave_by_the_hundred_and_seeds_are_silent(announcing: Served, receiver: Receiver) -> None:
    inputs = [{"properties": {"name": f"Firm {number}"}} for number in range(100)]
    receiver.refusals = 1  # the first request fails, and the rest gathers behind it
    for _ in range(3):
        api(announcing).post("/crm/v3/objects/companies/batch/create", json={"inputs": inputs})
    announcing.control.post("/seed", json={"vendor": "hubspot", "kind": "companies", "count": 50})
    told = settled(announcing)["hubspot"]
    sizes = [len(json.loads(body)) for body in receiver.bodies("hubspot")]
    assert max(sizes) == 100
    assert (told["announced"], told["delivered"]) == (300, 300)


def test_intercom_announces_each_part_with_the_newest_alone(announcing: Served, receiver: Receiver) -> None:
    inbox = api(announcing, "intercom")
    inbox.headers["Intercom-Version"] = "2.16"
    who = inbox.post("/contacts", json={"email": "hook@nowhere.example", "role": "user"}).json()["id"]
    message = {"from": {"type": "user", "id": who}, "body": "Hello"}
    talk = inbox.post("/conversations", json=message).json()["conversation_id"]
    own = {"type": "admin", "admin_id": inbox.get("/admins").json()["admins"][0]["id"]}
    inbox.post(f"/conversations/{talk}/reply", json={**own, "message_type": "comment", "body": "Hi"})
    inbox.post(f"/conversations/{talk}/parts", json={**own, "message_type": "close"})
    inbox.put(f"/contacts/{who}", json={"name": "Ada"})
    inbox.delete(f"/conversations/{talk}")
    told = settled(announcing)["intercom"]
    notes = [json.loads(body) for body in receiver.bodies("intercom")]
    assert [each["topic"] for each in notes] == [
        "contact.user.created",
        "conversation.user.created",
        "conversation.admin.replied",
        "conversation.admin.closed",
        "contact.user.updated",
        "conversation.deleted",
    ]
    assert len({each["id"] for each in notes}) == 6
    assert {each["type"] for each in notes} == {"notification_event"}
    assert {each["app_id"] for each in notes} == {inbox.get("/me").json()["app"]["id_code"]}
    closed = notes[3]["data"]["item"]
    assert (closed["id"], closed["state"]) == (talk, "closed")
    assert [each["part_type"] for each in closed["conversation_parts"]["conversation_parts"]] == ["close"]
    assert notes[4]["data"]["item"]["name"] == "Ada"
    assert told["delivered"] == 6
    secret = announcing.said["webhooks"]["intercom_secret"].encode()
    for _, path, headers, body in receiver.got:
        if path == "/hooks/intercom":
            assert headers["x-hub-signature"] == "sha1=" + hmac.new(secret, body, hashlib.sha1).hexdigest()


def test_mailchimp_asks_first_and_then_posts_signed_forms(announcing: Served, receiver: Receiver) -> None:
    list_ = api(announcing, "mailchimp")
    audience = list_.get("/lists").json()["lists"][0]["id"]
    member = list_.post(
        f"/lists/{audience}/members", json={"email_address": "hook@nowhere.example", "status": "subscribed"}
    ).json()
    path = f"/lists/{audience}/members/{member['contact_id']}"
    list_.patch(path, json={"merge_fields": {"FNAME": "Ada"}})
    list_.patch(path, json={"email_address": "moved@nowhere.example"})
    list_.patch(path, json={"status": "unsubscribed"})
    list_.delete(path)
    settled(announcing)
    secrets = announcing.said["webhooks"]
    place = f"/hooks/mailchimp/{secrets['mailchimp_url_secret']}"
    assert [(method, path) for method, path, _, _ in receiver.got] == [("GET", place)] + [("POST", place)] * 5
    forms = [{k: v[0] for k, v in parse_qs(body.decode()).items()} for body in receiver.bodies("mailchimp")]
    assert [form["type"] for form in forms] == [
        "subscribe",
        "profile",
        "upemail",
        "unsubscribe",
        "unsubscribe",
    ]
    assert forms[1]["data[merges][FNAME]"] == "Ada"
    assert (forms[2]["data[old_email]"], forms[2]["data[new_email]"]) == (
        "hook@nowhere.example",
        "moved@nowhere.example",
    )
    assert [form["data[action]"] for form in forms[3:]] == ["unsub", "delete"]
    assert {form["data[list_id]"] for form in forms} == {audience}
    assert forms[0]["data[id]"] == forms[2]["data[new_id]"] == member["unique_email_id"]
    time.strptime(forms[0]["fired_at"], "%Y-%m-%d %H:%M:%S")
    for _, _, headers, body in receiver.got[1:]:
        stamp, given = (part.split("=", 1)[1] for part in headers["x-mailchimp-signature"].split(","))
        signed = f"{stamp}.".encode() + body
        assert given == hmac.new(secrets["mailchimp_secret"].encode(), signed, hashlib.sha256).hexdigest()


def test_unsigned_webhooks_of_mailchimp_have_the_secret_of_the_address_alone(
    world: Served, receiver: Receiver
) -> None:
    world.control.post("/webhooks", json={"url": receiver.url, "mailchimp": True, "mailchimp_signed": False})
    list_ = api(world, "mailchimp")
    audience = list_.get("/lists").json()["lists"][0]["id"]
    body = {"email_address": "unsigned@nowhere.example", "status": "subscribed"}
    list_.post(f"/lists/{audience}/members", json=body)
    settled(world)
    assert "x-mailchimp-signature" not in receiver.got[-1][2]
    assert receiver.got[-1][1].endswith(world.said["webhooks"]["mailchimp_url_secret"])
    world.control.delete("/webhooks")


def test_a_refused_delivery_comes_again_and_says_so(announcing: Served, receiver: Receiver) -> None:
    receiver.refusals = 2
    one = contact(announcing, "again@nowhere.example")
    told = settled(announcing)["hubspot"]
    attempts = [(event["objectId"], event["attemptNumber"]) for event in receiver.events()]
    assert attempts == [(int(one), number) for number in range(3)]
    assert (told["requests"], told["refused"], told["delivered"], told["failed"]) == (3, 2, 1, 0)


def test_a_receiver_that_is_not_there_keeps_nobody_waiting(world: Served) -> None:
    world.control.post("/webhooks", json={"url": "http://127.0.0.1:9/hooks", "hubspot": True})
    contact(world, "nobody-listens@nowhere.example")
    told = world.control.get("/webhooks").json()["hubspot"]
    assert (told["announced"], told["waiting"], told["delivered"]) == (1, 1, 0)
    world.control.delete("/webhooks")


def test_deliveries_come_twice_and_out_of_order_when_faults_say_so(
    announcing: Served, receiver: Receiver
) -> None:
    announcing.control.post(
        "/faults", json={"faults": [{"kind": "webhook_duplicates"}, {"kind": "webhook_disorder"}]}
    )
    receiver.refusals = 1
    inbox = api(announcing, "intercom")
    for number in range(30):
        inbox.post("/contacts", json={"email": f"d{number}@nowhere.example", "role": "user"})
    told = settled(announcing)["intercom"]
    names = [json.loads(body)["data"]["item"]["email"] for body in receiver.bodies("intercom")][1:]
    wanted = [f"d{number}@nowhere.example" for number in range(30)]
    assert sorted(names) == sorted(wanted * 2)
    assert list(dict.fromkeys(names)) != wanted
    assert told["delivered"] == 30


def test_what_happens_in_the_company_is_announced_too(announcing: Served, receiver: Receiver) -> None:
    announcing.control.post("/advance", json={"by": "1d"}, timeout=60).raise_for_status()
    told = settled(announcing)
    assert {each["changeSource"] for each in receiver.events()} == {"CRM_UI"}
    assert {"contact", "company", "deal", "ticket"} <= {
        each["subscriptionType"].split(".")[0] for each in receiver.events()
    }
    assert told["hubspot"]["delivered"] == len(receiver.events()) > 10
    assert {"conversation.user.created", "conversation.admin.replied"} <= {
        json.loads(body)["topic"] for body in receiver.bodies("intercom")
    }


@pytest.mark.parametrize("body", [{}, {"url": "nowhere", "hubspot": True}, {"url": "http://127.0.0.1:9"}])
def test_a_receiver_that_makes_no_sense_is_refused_with_a_reason(world: Served, body: dict[str, Any]) -> None:
    answer = world.control.post("/webhooks", json=body)
    assert (answer.status_code, answer.json()["error"].count("\n")) == (400, 0)
    assert world.control.get("/webhooks").json() == {"url": ""}


def test_secrets_are_the_seed_s_own(world: Served, served: Served) -> None:
    secrets = world.said["webhooks"]
    assert len(set(secrets.values())) == 4
    assert not set(secrets.values()) & {world.said["hubspot"]["token"], world.said["intercom"]["token"]}
    assert served.said["webhooks"] == secrets  # another home, the same seed
