"""The way out: straight to this machine, through the company's proxy to everybody else, TLS checked."""

import socket
import ssl
from collections.abc import Callable

import pytest

from connectors.exchange import network
from connectors.transport import Transport
from tests.connectors.connector_doubles import quick, raw_server

ANSWER = b'HTTP/1.1 200 OK\r\nContent-Length: 15\r\n\r\n{"results": []}'


def answering_once() -> tuple[Callable[[socket.socket], None], list[bytes]]:
    lines: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        lines.append(connection.recv(65536).split(b"\r\n")[0])
        connection.sendall(ANSWER)

    return talk, lines


def ask(base_url: str) -> None:
    transport = Transport("vendor", base_url, headers={}, policy=quick(attempts=1, timeout=5.0))
    assert transport.get("/things", {"limit": 1}).data == {"results": []}
    transport.close()


@pytest.fixture
def _no_proxy_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.usefixtures("_no_proxy_yet")
@pytest.mark.parametrize(("name", "scheme"), [("HTTP_PROXY", "http://"), ("all_proxy", "")])
def test_a_vendor_is_reached_through_the_companys_proxy(
    name: str, scheme: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk, lines = answering_once()
    with raw_server(talk) as port:
        monkeypatch.setenv(name, f"{scheme}127.0.0.1:{port}")
        ask("http://vendor.test")
    assert lines == [b"GET http://vendor.test/things?limit=1 HTTP/1.1"]


@pytest.mark.usefixtures("_no_proxy_yet")
@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2"])
def test_this_machine_and_what_needs_no_proxy_are_reached_without(
    host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.2")
    talk, lines = answering_once()
    with raw_server(talk, host) as port:
        ask(f"http://{host}:{port}")
    assert lines == [b"GET /things?limit=1 HTTP/1.1"]


@pytest.mark.parametrize("base_url", ["https://api.test", "http://127.0.0.1:4000"])
def test_no_certificate_is_taken_unchecked(base_url: str) -> None:
    context = network(base_url, 1)._pool._ssl_context
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
