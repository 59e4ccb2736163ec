"""The console as a process and on a real socket: what strangers may do to it, and what a kill may cost."""

import contextlib
import itertools
import json
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import deliveries
import httpx
import pytest
from deliveries import ENVIRONMENT, PATH_SECRET, changed, hubspot, intercom, mailchimp
from house import House

from console import receiver, serve
from console.receiver import LARGEST, Receiver
from warehouse.events import merge_events, not_acted_on
from warehouse.landing import Landing
from warehouse.refusals import refusals
from warehouse.store import Store

PATIENCE_SECONDS = 30


def now() -> datetime:
    return datetime.now(UTC)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def in_raw(home: Path, source: str) -> list[dict]:
    store = Store(home)
    merge_events(store, Landing(home), source, now())
    return [told.event for told in not_acted_on(store, source, 1_000_000)]


@contextlib.contextmanager
def served(home: Path, **env: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """`tenfold serve` in a process of its own, and its address."""
    # Credentials of a vendor make it a real home; nobody is asked with them here.
    given = {**ENVIRONMENT, "TENFOLD_HUBSPOT__TOKEN": "x", "TENFOLD_CONSOLE__PORT": str(free_port()), **env}
    process = House(home, given).start("serve")
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert "Serving" in line, process.communicate(timeout=PATIENCE_SECONDS)
        yield process, re.search(r"http://[\d.:]+", line).group()
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE_SECONDS)


def test_it_serves_until_it_is_stopped_and_says_no_secret(tmp_path: Path) -> None:
    with served(tmp_path) as (process, url):
        with httpx.Client(base_url=url) as client:
            for delivery in (hubspot(changed(1), at=now()), intercom("1"), mailchimp("1", now())):
                answer = client.post(delivery.path, content=delivery.body, headers=delivery.headers)
                assert answer.status_code == 200
                assert "server" not in answer.headers
            assert client.get("/webhooks/mailchimp/guessed").status_code == 403
            assert client.get(f"/webhooks/mailchimp/{PATH_SECRET}").status_code == 200
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0
    assert out.rstrip().endswith("Stopped.")
    assert "mailchimp 1 forged" in err
    for secret in (PATH_SECRET, "guessed"):
        assert secret not in out + err
    assert [len(in_raw(tmp_path, source)) for source in ("hubspot", "intercom", "mailchimp")] == [1, 1, 1]


def test_a_taken_port_and_a_second_receiver_are_one_sentence_each(tmp_path: Path) -> None:
    with served(tmp_path) as (_, url):
        port = url.rpartition(":")[2]
        given = {"TENFOLD_HUBSPOT__TOKEN": "x", "TENFOLD_CONSOLE__PORT": port}
        taken = House(tmp_path / "other", given).tenfold("serve")
        assert (taken.returncode, taken.stdout) == (1, "")
        assert "TENFOLD_CONSOLE__PORT" in taken.stderr
        second = House(tmp_path, given | {"TENFOLD_CONSOLE__PORT": str(free_port())}).tenfold("serve")
        assert second.returncode == 1
        assert "events.lock" in second.stderr
        assert "Traceback" not in taken.stderr + second.stderr


def post_until_it_dies(
    url: str, numbers: Iterator[int], promised: list[int], enough: int, reached: threading.Event
) -> None:
    with contextlib.suppress(httpx.HTTPError), httpx.Client(base_url=url, timeout=10) as client:
        while True:
            number = next(numbers)
            delivery = hubspot(changed(number), at=now())
            answer = client.post(delivery.path, content=delivery.body, headers=delivery.headers)
            assert answer.status_code == 200
            promised.append(number)
            if len(promised) >= enough:
                reached.set()


def test_a_receiver_killed_under_load_has_lost_nothing_that_it_promised(tmp_path: Path) -> None:
    numbers, promised = itertools.count(1), []
    for kill in range(1, 4):
        with served(tmp_path) as (process, url):
            reached = threading.Event()
            arguments = (url, numbers, promised, kill * 150, reached)
            threads = [threading.Thread(target=post_until_it_dies, args=arguments) for _ in range(8)]
            for thread in threads:
                thread.start()
            assert reached.wait(PATIENCE_SECONDS)
            process.kill()
            for thread in threads:
                thread.join()
        if kill == 2:
            # No receiver comes back: the events flow completes what this one left.
            assert set(promised) <= {event["objectId"] for event in in_raw(tmp_path, "hubspot")}
    found = [event["objectId"] for event in in_raw(tmp_path, "hubspot")]
    assert set(promised) <= set(found)
    assert len(found) == len(set(found))


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Callable[[], socket.socket]]:
    """Connections to a server in this process."""
    listening = socket.create_server(("127.0.0.1", 0))
    with Receiver(deliveries.settings(tmp_path)) as at_work:
        server = serve._server(at_work)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield lambda: socket.create_connection(listening.getsockname(), timeout=PATIENCE_SECONDS)
        finally:
            server.should_exit = True
            thread.join()
            listening.close()


def counted(home: Path) -> dict[tuple[str, str], int]:
    return {(row.source, row.reason): row.count for row in refusals(home)}


def head(*lines: str, length: int | None = None) -> bytes:
    size = "Transfer-Encoding: chunked" if length is None else f"Content-Length: {length}"
    fixed = ["POST /webhooks/hubspot HTTP/1.1", "Host: x", "Content-Type: application/json", size]
    return "\r\n".join([*fixed, *lines, "", ""]).encode()


def status(connection: socket.socket) -> int:
    """The answer's code; 0 when the connection was cut before it could be read."""
    try:
        return int((connection.recv(4096) or b"x 0").split()[1])
    except ConnectionError:
        return 0


def test_an_endless_body_is_cut_off(
    tmp_path: Path, door: Callable[[], socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    part = b"10000\r\n" + b" " * 65_536 + b"\r\n"
    sent = 0
    with door() as connection:
        connection.sendall(head())
        with contextlib.suppress(ConnectionError):
            while sent < 100 * LARGEST:
                connection.sendall(part)
                sent += len(part)
        # What lay in the system's buffers went out after the cut; a hundredth of what was meant to come.
        assert sent < 20 * LARGEST
    with door() as connection:
        connection.sendall(head(length=LARGEST + 1))
        assert status(connection) == 413  # not a byte of it was waited for


def test_a_body_that_never_comes_is_not_waited_for(
    tmp_path: Path, door: Callable[[], socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receiver, "BODY_SECONDS", 0.05)
    with door() as connection:
        connection.sendall(head(length=10))
        assert status(connection) == 408


def test_a_sender_that_goes_away_leaves_the_door_open(
    tmp_path: Path, door: Callable[[], socket.socket]
) -> None:
    for _ in range(20):
        with door() as connection:
            connection.sendall(head(length=10))
    with door() as connection:
        connection.sendall(b"\x16\x03\x01 this is no HTTP\r\n\r\n")
        assert status(connection) in {0, 400}
    delivery = intercom("1")
    with door() as connection:
        lines = [f"{name}: {value}" for name, value in delivery.headers.items()]
        size = f"Content-Length: {len(delivery.body)}"
        request = "\r\n".join([f"POST {delivery.path} HTTP/1.1", "Host: x", size, *lines, "", ""])
        connection.sendall(request.encode() + delivery.body)
        assert status(connection) == 200


def test_serving_loads_neither_prefect_nor_the_models_libraries() -> None:
    probe = (
        "import sys, console.serve;"
        "print([m for m in ('prefect', 'great_expectations', 'pandas', 'altair') if m in sys.modules])"
    )
    root = Path(__file__).parent.parent.parent
    done = subprocess.run([sys.executable, "-c", probe], cwd=root, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.replace("'", '"')) == []
