"""Signatures against published vectors and the vendor's own SDK; what else arrives is refused by its reason."""

import base64
import contextlib
import hashlib
import hmac
import json
import string
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

import pytest
from hubspot.utils.signature import Signature
from hypothesis import given
from hypothesis import strategies as st

from connectors.webhooks import HOOKS, Incoming, Refusal, same_secret

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
HUBSPOT_SECRET = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy"
# Published in the official test suites of HubSpot's SDKs.
HUBSPOT_VECTORS = [
    (1693657560000, "K36dawei4A+QBNolUOqo7s91KQDWQ5MXZ/QufNYuk/Y="),
    (1700000300000, "RnbPH7+UMKVkbV32P8bz450N4M56aPmcru1+D3kSDtw="),
]
INTERCOM_BODY = (
    b'{"type":"notification_event","app_id":"a86dr8yl","data":{"type":"notification_event_data","item":'
    b'{"type":"conversation","id":"523"}},"id":"notif_ccd8a4d0-f965-11e3-a367-c779cae3e1b3",'
    b'"topic":"conversation.user.replied","delivery_attempts":1,"created_at":1392731331}'
)
MAILCHIMP_BODY = (
    b"type=unsubscribe&fired_at=2009-03-26+21%3A40%3A57&data%5Baction%5D=unsub&data%5Breason%5D=manual"
    b"&data%5Bid%5D=8a25ff1d98&data%5Blist_id%5D=a6b5da1054&data%5Bemail%5D=api%2Bunsub%40mailchimp.com"
)
MAILCHIMP_V1 = "b8b314d38e4f937c5c734399c8ed85b3c47695493a2c546f967b3b9551b552ce"


def hubspot(
    body: bytes = b"{'example_field':'example_value'}",
    at: int = HUBSPOT_VECTORS[0][0],
    signature: str = HUBSPOT_VECTORS[0][1],
    url: str = "https://www.example.com/webhook_uri",
    method: str = "POST",
) -> Incoming:
    headers = {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": str(at)}
    return Incoming(method, url, headers, body)


def intercom(
    body: bytes = INTERCOM_BODY, signature: str = "sha1=c187e30cd8ead93efbccb85a7d2ca30b8d30b54f"
) -> Incoming:
    return Incoming("POST", "https://x.test/", {"x-hub-signature": signature}, body)


def mailchimp(signature: str, body: bytes = MAILCHIMP_BODY) -> Incoming:
    return Incoming("POST", "https://x.test/", {"x-mailchimp-signature": signature}, body)


def moment(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


SIGNED_AT = moment(HUBSPOT_VECTORS[0][0])


def reason(source: str, incoming: Incoming, *secrets: str, now: datetime = SIGNED_AT) -> str:
    """Why it is refused; "" when it is not."""
    try:
        HOOKS[source].verify(incoming, secrets, now)
    except Refusal as refusal:
        return refusal.reason
    return ""


@pytest.mark.parametrize(("at", "signature"), HUBSPOT_VECTORS)
def test_hubspots_published_vectors_hold(at: int, signature: str) -> None:
    assert reason("hubspot", hubspot(at=at, signature=signature), HUBSPOT_SECRET, now=moment(at)) == ""


@pytest.mark.parametrize(
    "change",
    [
        {"body": b"{'example_field':'example_valuf'}"},
        {"body": b""},
        {"at": HUBSPOT_VECTORS[0][0] + 1},
        {"url": "https://www.example.com/webhook_urj"},
        {"url": "http://www.example.com/webhook_uri"},
        {"method": "PUT"},
        {"signature": HUBSPOT_VECTORS[1][1]},
        {"signature": "ñ"},
    ],
)
def test_a_hubspot_delivery_that_was_changed_anywhere_is_forged(change: dict) -> None:
    assert reason("hubspot", hubspot(**change), HUBSPOT_SECRET) == "forged"


def test_a_foreign_secret_or_none_at_all_opens_no_door() -> None:
    assert reason("hubspot", hubspot(), "another") == "forged"
    assert reason("hubspot", hubspot()) == "forged"
    assert reason("intercom", intercom()) == "forged"
    assert reason("intercom", intercom(), "another") == "forged"


@given(
    body=st.binary(max_size=200),
    query=st.dictionaries(st.text(string.printable, max_size=8), st.text(string.printable, max_size=8)),
    secret=st.text(string.ascii_letters + string.digits + "-", min_size=1, max_size=40),
)
def test_we_agree_with_hubspots_own_sdk(body: bytes, query: dict[str, str], secret: str) -> None:
    url = "https://hooks.example.com/webhooks/hubspot" + (f"?{urlencode(query)}" if query else "")
    for escape, plain in (("%3A", ":"), ("%2F", "/"), ("%3F", "?"), ("%40", "@"), ("%21", "!"), ("%24", "$")):
        url = url.replace(escape, plain)  # the SDK leaves this to its caller, so no escape of the twelve here
    for escape in ("%27", "%28", "%29", "%2A", "%2C", "%3B"):
        url = url.replace(escape, "")
    text = body.decode("latin-1")
    at = "1693657560000"
    signature = Signature.get_signature(secret, text, "v3", http_uri=url, http_method="POST", timestamp=at)
    delivery = hubspot(body=text.encode(), url=url, signature=signature)
    assert reason("hubspot", delivery, secret) == ""


def test_hubspots_twelve_escapes_are_signed_as_plain_characters() -> None:
    plain = ":/?@!$'()*,;"
    escaped = quote(plain, safe="")
    assert len(escaped) == 36
    at = HUBSPOT_VECTORS[0][0]
    signature = Signature.get_signature(
        "s", "[]", "v3", http_uri=f"https://h.test/w?a={plain}%20b", http_method="POST", timestamp=str(at)
    )
    for shape in (escaped, escaped.lower()):
        delivery = hubspot(body=b"[]", url=f"https://h.test/w?a={shape}%20b", signature=signature)
        assert reason("hubspot", delivery, "s") == ""


@pytest.mark.parametrize(
    ("age", "expected"),
    [(300, ""), (300.001, "stale"), (7200, "stale"), (0, ""), (-60, ""), (-60.001, "stale")],
)
def test_a_signed_time_is_good_for_five_minutes(age: float, expected: str) -> None:
    then, v1 = datetime.fromtimestamp(1718000000, UTC), f"t=1718000000,v1={MAILCHIMP_V1}"
    late = timedelta(seconds=age)
    assert reason("hubspot", hubspot(), HUBSPOT_SECRET, now=moment(HUBSPOT_VECTORS[0][0]) + late) == expected
    assert reason("mailchimp", mailchimp(v1), "mc-signing-secret", now=then + late) == expected


def test_a_time_that_is_no_number_is_malformed_only_once_its_signature_holds() -> None:
    for stamp in ("-5", "²", "9" * 40, "1e3"):
        signed = b"POST" + b"https://h.test/" + b"[]" + stamp.encode()
        digest = hmac.new(b"s", signed, hashlib.sha256).digest()
        headers = {
            "x-hubspot-signature-v3": base64.b64encode(digest).decode(),
            "x-hubspot-request-timestamp": stamp,
        }
        assert reason("hubspot", Incoming("POST", "https://h.test/", headers, b"[]"), "s") == "malformed"
        headers["x-hubspot-signature-v3"] = "AAAA"
        assert reason("hubspot", Incoming("POST", "https://h.test/", headers, b"[]"), "s") == "forged"


def test_intercoms_vector_holds_and_any_other_byte_does_not() -> None:
    assert reason("intercom", intercom(), "ic-client-secret") == ""
    assert reason("intercom", intercom(body=INTERCOM_BODY + b" "), "ic-client-secret") == "forged"
    assert reason("intercom", intercom(signature="c187e30cd8ead93efbccb85a7d2ca30b8d30b54f"), "s") == "forged"


def test_an_old_intercom_delivery_is_taken_because_its_age_is_not_signed() -> None:
    years_later = NOW + timedelta(days=900)
    assert reason("intercom", intercom(), "ic-client-secret", now=years_later) == ""


def test_mailchimps_vector_holds_also_while_its_secret_is_being_replaced() -> None:
    then = datetime.fromtimestamp(1718000000, UTC)
    good = f"t=1718000000,v1={MAILCHIMP_V1}"
    both = f"t=1718000000, v1={'0' * 64}, v1={MAILCHIMP_V1}"
    for signature in (good, both):
        assert reason("mailchimp", mailchimp(signature), "mc-signing-secret", now=then) == ""
        assert reason("mailchimp", mailchimp(signature), "older", "mc-signing-secret", now=then) == ""
        assert reason("mailchimp", mailchimp(signature), "older", now=then) == "forged"
    other = mailchimp(good, body=MAILCHIMP_BODY + b"&x=1")
    assert reason("mailchimp", other, "mc-signing-secret", now=then) == "forged"


@pytest.mark.parametrize(
    "signature", ["", "v1=" + MAILCHIMP_V1, "t=1718000000", "t=1,t=2,v1=" + MAILCHIMP_V1, ",,=,"]
)
def test_with_a_signing_secret_an_unsigned_mailchimp_delivery_is_refused(signature: str) -> None:
    assert reason("mailchimp", mailchimp(signature), "mc-signing-secret") == "unsigned"


def test_without_a_signing_secret_an_older_mailchimp_hook_needs_no_signature() -> None:
    assert reason("mailchimp", Incoming("POST", "https://x.test/", {}, MAILCHIMP_BODY)) == ""
    assert same_secret("abc", ["xyz", "abc"])
    assert not same_secret("", [])
    assert not same_secret("", ["abc"])
    assert not same_secret("abcd", ["abc"])


@pytest.mark.parametrize("source", ["hubspot", "intercom"])
def test_a_delivery_without_a_signature_is_unsigned(source: str) -> None:
    assert reason(source, Incoming("POST", "https://x.test/", {}, b"{}"), "s") == "unsigned"


def event(**changes: object) -> dict:
    return {
        "eventId": 1,
        "subscriptionId": 12345,
        "portalId": 62515,
        "occurredAt": 1564113600000,
        "subscriptionType": "contact.creation",
        "attemptNumber": 0,
        "objectId": 123,
        "changeSource": "CRM",
        "changeFlag": "NEW",
        "appId": 54321,
    } | changes


def keys(source: str, body: bytes) -> list[str]:
    return [each.key for each in HOOKS[source].parse(body)]


def test_each_hubspot_event_has_a_key_that_another_attempt_does_not_change() -> None:
    first = keys("hubspot", json.dumps([event(), event(objectId=124)]).encode())
    again = keys("hubspot", json.dumps([event(objectId=124, attemptNumber=3), event()]).encode())
    assert sorted(first) == sorted(again)
    others = [
        event(portalId=1),
        event(subscriptionType="contact.deletion"),
        event(objectId=9),
        event(eventId=2),
        event(occurredAt=1564113600001),
    ]
    assert len(set(first) | set(keys("hubspot", json.dumps(others).encode()))) == 7


def test_a_changed_association_is_told_apart_by_its_two_ends() -> None:
    change = event(subscriptionType="contact.associationChange", fromObjectId=1, toObjectId=2)
    del change["objectId"]
    found = keys("hubspot", json.dumps([change, change | {"toObjectId": 3}]).encode())
    assert len(set(found)) == 2


def test_an_event_passes_through_as_it_came() -> None:
    told = event(propertyValue="ñ\u0000€", propertyName="x")
    (hubspot_event,) = HOOKS["hubspot"].parse(json.dumps([told]).encode())
    assert json.loads(hubspot_event.body) == told
    (intercom_event,) = HOOKS["intercom"].parse(INTERCOM_BODY)
    assert intercom_event.body == INTERCOM_BODY
    assert intercom_event.key == "notif_ccd8a4d0-f965-11e3-a367-c779cae3e1b3"


def test_a_form_becomes_nested_json_with_the_form_beside_it() -> None:
    body = (
        MAILCHIMP_BODY
        + b"&data%5Bmerges%5D%5BFNAME%5D=Zo%C3%AB&data%5Bmerges%5D%5BGROUPS%5D%5B0%5D%5Bid%5D=9"
    )
    (found,) = HOOKS["mailchimp"].parse(body)
    assert json.loads(found.body) == {
        "type": "unsubscribe",
        "fired_at": "2009-03-26 21:40:57",
        "data": {
            "action": "unsub",
            "reason": "manual",
            "id": "8a25ff1d98",
            "list_id": "a6b5da1054",
            "email": "api+unsub@mailchimp.com",
            "merges": {"FNAME": "Zoë", "GROUPS": {"0": {"id": "9"}}},
        },
        "form": body.decode(),
    }
    later = body.replace(b"21%3A40%3A57", b"21%3A40%3A58")
    assert len({found.key, *keys("mailchimp", later)}) == 2
    assert keys("mailchimp", body) == [found.key]


def test_a_ping_of_intercom_is_an_event_too() -> None:
    ping = {"type": "notification_event", "id": None, "topic": "ping", "created_at": 7, "data": {"item": {}}}
    assert keys("intercom", json.dumps(ping).encode()) == ["ping+7"]


def without(name: str) -> dict:
    return {key: value for key, value in event().items() if key != name}


@pytest.mark.parametrize(
    ("source", "body"),
    [
        ("hubspot", b""),
        ("hubspot", b"not json"),
        ("hubspot", b"[" * 100_000),
        ("hubspot", b"{}"),
        ("hubspot", b"[]"),
        ("hubspot", b"[1]"),
        ("hubspot", json.dumps([event()] * 101).encode()),
        *(
            ("hubspot", json.dumps([without(name)]).encode())
            for name in ("portalId", "subscriptionType", "eventId", "occurredAt")
        ),
        ("intercom", b"[]"),
        ("intercom", b'{"type":"error"}'),
        ("intercom", b'{"type":"notification_event","id":"1"}'),
        ("intercom", b'{"type":"notification_event","id":"1","topic":"x","bad":"\\ud800"}'),
        ("mailchimp", b""),
        ("mailchimp", b"type=subscribe"),
        ("mailchimp", b"type=subscribe&fired_at=x&data=1"),
        ("mailchimp", b"type=subscribe&fired_at=x&data%5Bid%5D=1&data%5Bid%5D%5Bx%5D=1"),
        ("mailchimp", b"type=subscribe&fired_at=x&data%5Bid%5D%5Bx%5D=1&data%5Bid%5D=1"),
        ("mailchimp", b"type=subscribe&fired_at=x&data%5Bid%5D=%FF"),
        ("mailchimp", b"type=subscribe&fired_at=x&data%5Bid%5D=\xff"),
        ("mailchimp", b"type=subscribe&fired_at=x&data" + b"%5Ba%5D" * 5000 + b"=1"),
        ("mailchimp", b"type=subscribe&fired_at=x" + b"&data%5Bid%5D=1" * 5000),
    ],
)
def test_what_is_not_of_the_vendors_shape_is_malformed_and_not_quoted(source: str, body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        HOOKS[source].parse(body)
    assert refused.value.reason == "malformed"
    assert len(str(refused.value)) < 80


@given(st.binary(max_size=300) | st.text(max_size=100).map(str.encode))
def test_no_body_breaks_a_parser(body: bytes) -> None:
    for hook in HOOKS.values():
        with contextlib.suppress(Refusal):
            assert all(each.key for each in hook.parse(body))
