"""The one policy: what each bad answer becomes, what is tried again, and what never gets into a text."""

import logging
import socket
import time
from datetime import UTC, datetime

import httpx
import pytest

from connectors.answers import Answer
from connectors.errors import (
    Conflict,
    ConnectorError,
    FixConfig,
    HandOverUnknown,
    NotFound,
    NotPermitted,
    QuotaSpent,
    Refused,
    RetryLater,
    UnexpectedData,
)
from connectors.transport import Transport
from tests.connectors.connector_doubles import answering, quick, raw_server, transport_to

OK = httpx.Response(200, json={"results": []})
PROBLEM = {"type": "about:blank", "title": "Forbidden", "status": 403, "detail": "ana@example.com"}
MAIL = "ana@example.com"

CASES = {
    "a truncated body": (httpx.Response(200, text='{"results": [{"id": "1"'), RetryLater, 6),
    "HTML instead of JSON": (httpx.Response(200, html="<!doctype html><p>Sign in"), UnexpectedData, 1),
    "JSON that is no object": (httpx.Response(200, json=[1, 2]), UnexpectedData, 1),
    "a redirect": (httpx.Response(302, headers={"Location": "https://else.test"}), FixConfig, 1),
    "400": (httpx.Response(400, json={"category": "VALIDATION_ERROR"}), Refused, 1),
    "401": (httpx.Response(401, json={"message": MAIL}), FixConfig, 1),
    "403": (httpx.Response(403, json=PROBLEM), NotPermitted, 1),
    "403 with a web page": (httpx.Response(403, html="<html>"), NotPermitted, 1),
    "404": (httpx.Response(404, json={"message": MAIL}), NotFound, 1),
    "409": (httpx.Response(409, json={"message": "Contact already exists. Existing ID: 377"}), Conflict, 1),
    "414": (httpx.Response(414), Refused, 1),
    "423": (httpx.Response(423), RetryLater, 6),
    "429": (httpx.Response(429, json={"message": MAIL}), RetryLater, 6),
    "477": (httpx.Response(477, headers={"Retry-After": "5"}), RetryLater, 6),
    "500": (httpx.Response(500, html="<html>oops"), RetryLater, 6),
    "503": (httpx.Response(503), RetryLater, 6),
    "524": (httpx.Response(524), RetryLater, 6),
    "a time-out": (httpx.ReadTimeout("slow"), RetryLater, 6),
    "a refused connection": (httpx.ConnectError("nobody"), RetryLater, 6),
    "a cut connection": (httpx.RemoteProtocolError("peer closed"), RetryLater, 6),
    "a name that does not resolve": (
        httpx.ConnectError("[Errno -2] Name or service not known"),
        RetryLater,
        6,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_each_bad_answer_becomes_the_error_that_says_what_to_do(case: str) -> None:
    answer, expected, requests = CASES[case]
    handler, seen = answering(answer)
    with pytest.raises(ConnectorError) as caught:
        transport_to(handler).get("/things/{id}", {"email": MAIL}, parts={"id": MAIL})
    assert type(caught.value) is expected
    assert len(seen) == requests


@pytest.mark.parametrize("case", CASES)
def test_no_error_shows_a_token_an_address_or_a_body(case: str, caplog: pytest.LogCaptureFixture) -> None:
    answer, _, _ = CASES[case]
    handler, _ = answering(answer)
    with caplog.at_level(logging.DEBUG), pytest.raises(ConnectorError) as caught:
        transport_to(handler).get("/things/{id}", {"email": MAIL}, parts={"id": MAIL})
    said = f"{caught.value!r} {caught.value.__cause__!r} {caplog.text}"
    assert "vendor: GET /things/{id}" in str(caught.value)
    for secret in ("pat-SECRET", "ana", "example.com", "Sign in"):
        assert secret not in said


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text='{"cut'),
        httpx.Response(429),
        httpx.Response(502),
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("cut"),
        httpx.ConnectError("nobody"),
    ],
)
def test_what_heals_with_time_is_tried_again_until_it_works(answer: httpx.Response | Exception) -> None:
    handler, seen = answering(answer, answer, OK)
    assert transport_to(handler).get("/things").data == {"results": []}
    assert len(seen) == 3


def test_waits_grow_twofold_from_one_second_when_the_vendor_names_none() -> None:
    waits: list[float] = []
    handler, _ = answering(httpx.Response(503))
    with pytest.raises(RetryLater):
        transport_to(handler, waits=waits).get("/things")
    assert len(waits) == 5
    for wait, base in zip(waits, (1, 2, 4, 8, 16), strict=True):
        assert base <= wait <= base * 1.1


NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("answer", "wait"),
    [
        (httpx.Response(429, headers={"Retry-After": "7"}), 7),
        (httpx.Response(503, headers={"Retry-After": "Tue, 10 Mar 2026 12:00:09 GMT"}), 9),
        (httpx.Response(429, headers={"X-RateLimit-Reset": str(int(NOW) + 4)}), 4),
        (httpx.Response(429, headers={"X-RateLimit-Reset": str(int(NOW) + 86400)}), 60),
        # The vendor's clock goes 100 s ahead of ours; its own Date says so.
        (
            httpx.Response(
                429,
                headers={"X-RateLimit-Reset": str(int(NOW) + 104), "Date": "Tue, 10 Mar 2026 12:01:40 GMT"},
            ),
            4,
        ),
        (httpx.Response(429, json={"policyName": "TEN_SECONDLY_ROLLING"}), 10),
        (httpx.Response(429, json={"policyName": "SECONDLY"}), 1),
        (httpx.Response(429, json={"message": "You have reached your secondly limit."}), 1),
        (httpx.Response(429, json={"message": "You have reached your ten_secondly_rolling limit."}), 10),
        (httpx.Response(423), 2),
    ],
)
def test_the_wait_is_the_one_the_vendor_asks_for(answer: httpx.Response, wait: float) -> None:
    waits: list[float] = []
    handler, _ = answering(answer, OK)
    transport_to(handler, waits=waits, clock=lambda: NOW).get("/things")
    assert len(waits) == 1
    assert wait <= waits[0] <= wait * 1.1


def test_a_wait_of_hours_is_left_to_the_schedule() -> None:
    handler, seen = answering(httpx.Response(477, headers={"Retry-After": "86400"}))
    with pytest.raises(RetryLater) as caught:
        transport_to(handler).get("/things")
    assert caught.value.retry_after == 86400
    assert len(seen) == 1


def test_a_spent_day_stops_every_request_until_midnight_in_the_accounts_zone() -> None:
    clock = [datetime(2026, 3, 10, 22, 30, tzinfo=UTC).timestamp()]  # 23:30 in Madrid
    handler, seen = answering(httpx.Response(429, json={"policyName": "DAILY"}), OK)
    transport = transport_to(handler, clock=lambda: clock[0])
    transport.quota_zone = "Europe/Madrid"
    with pytest.raises(QuotaSpent) as caught:
        transport.get("/things")
    assert caught.value.retry_after == 30 * 60
    with pytest.raises(QuotaSpent):
        transport.get("/others")
    assert len(seen) == 1
    clock[0] += 30 * 60
    assert transport.get("/others").data == {"results": []}


def test_a_bare_403_is_throttling_where_the_vendor_says_so_and_a_missing_right_where_it_explains() -> None:
    handler, seen = answering(httpx.Response(403), OK)
    transport_to(handler, bare_403_is_throttling=True).get("/lists")
    assert len(seen) == 2
    handler, _ = answering(httpx.Response(403, json=PROBLEM))
    with pytest.raises(NotPermitted):
        transport_to(handler, bare_403_is_throttling=True).get("/lists")


def test_a_missing_scope_is_named() -> None:
    context = {"context": {"requiredGranularScopes": ["crm.objects.deals.read"]}}
    handler, _ = answering(httpx.Response(403, json={"category": "MISSING_SCOPES", "errors": [context]}))
    with pytest.raises(NotPermitted, match=r"MISSING_SCOPES.*crm\.objects\.deals\.read"):
        transport_to(handler).get("/deals")


def test_a_conflict_carries_the_id_that_exists() -> None:
    handler, _ = answering(CASES["409"][0])
    with pytest.raises(Conflict) as caught:
        transport_to(handler).get("/contacts")
    assert caught.value.existing_id == "377"


@pytest.mark.parametrize(
    "answer",
    [
        httpx.ReadTimeout("slow"),
        httpx.RemoteProtocolError("cut"),
        httpx.Response(500),
        httpx.Response(504),
        httpx.Response(201, text='{"id": "1'),
    ],
)
def test_a_write_that_may_have_happened_is_never_repeated(answer: httpx.Response | Exception) -> None:
    handler, seen = answering(answer, OK)
    with pytest.raises(HandOverUnknown):
        transport_to(handler).call("POST", "/tasks", json={}, repeatable=False)
    assert len(seen) == 1


@pytest.mark.parametrize("answer", [httpx.Response(429), httpx.Response(423), httpx.ConnectError("nobody")])
def test_a_write_that_certainly_did_not_happen_is_repeated(answer: httpx.Response | Exception) -> None:
    handler, seen = answering(answer, OK)
    transport_to(handler).call("POST", "/tasks", json={}, repeatable=False)
    assert len(seen) == 2


def test_a_vendor_that_says_more_in_the_body_than_in_the_status_is_understood() -> None:
    """A write that answers 500 may have happened, unless the vendor's own words say that it did not."""
    handler, seen = answering(httpx.Response(500, json={"name": "Invalid_Key"}))

    def explain(answer: Answer) -> ConnectorError | None:
        return FixConfig("set the key") if answer.said.get("name") == "Invalid_Key" else None

    with pytest.raises(FixConfig, match="set the key"):
        transport_to(handler, explain=explain).call("POST", "/send", json={}, repeatable=False)
    assert len(seen) == 1
    handler, _ = answering(httpx.Response(500, json={"name": "GeneralError"}))
    with pytest.raises(HandOverUnknown):
        transport_to(handler, explain=explain).call("POST", "/send", json={}, repeatable=False)


def test_values_in_the_path_are_escaped() -> None:
    handler, seen = answering(OK)
    transport_to(handler).get("/things/{id}", parts={"id": "../admin?x=1"})
    assert seen[0].url.raw_path == b"/things/..%2Fadmin%3Fx%3D1"


def test_a_plus_sign_in_a_time_is_escaped() -> None:
    handler, seen = answering(OK)
    transport_to(handler).get("/members", {"since": "2026-03-10T12:00:00+00:00"})
    assert b"%2B00" in seen[0].url.query
    assert b"+" not in seen[0].url.query


@pytest.mark.parametrize("token", ["pat-1\n", "pat-é", "pat\x00"])
def test_a_token_pasted_with_foreign_characters_is_refused_without_being_shown(token: str) -> None:
    with pytest.raises(FixConfig) as caught:
        Transport("vendor", "https://vendor.test", headers={"Authorization": f"Bearer {token}"})
    assert "pat" not in str(caught.value)


def over_sockets(talk: object, **changes: object) -> tuple[type[Exception], float]:
    """What one GET against a raw TCP server ends in, with real httpx underneath."""
    with raw_server(talk) as port:
        started = time.perf_counter()
        transport = Transport(
            "vendor", f"http://127.0.0.1:{port}", headers={}, policy=quick(attempts=2, **changes)
        )
        with pytest.raises(ConnectorError) as caught:
            transport.get("/things")
        transport.close()
        return type(caught.value), time.perf_counter() - started


def test_a_body_shorter_than_its_content_length_is_a_truncated_page() -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n{"results": []}')

    assert over_sockets(talk)[0] is RetryLater


def test_a_connection_closed_without_an_answer_is_cut() -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)

    assert over_sockets(talk)[0] is RetryLater


def test_a_server_that_never_answers_times_out() -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.recv(65536)  # blocks until the client gives up

    kind, seconds = over_sockets(talk, timeout=0.05)
    assert kind is RetryLater
    assert seconds < 5


def test_something_that_speaks_no_http_is_no_answer() -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(b"SSH-2.0-OpenSSH_9.6\r\n")

    assert over_sockets(talk)[0] is RetryLater


def test_a_broken_compression_is_a_truncated_page() -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope")

    assert over_sockets(talk)[0] is RetryLater
