"""How soon a delivery is answered while fifty senders deliver at once: `python -m benchmarks.webhooks`.

A receiver as `tenfold serve` starts it, real signatures, every answer after the disk confirmed. Senders are
processes of their own, so that their work is not counted as waiting.
"""

import base64
import hashlib
import hmac
import http.client
import json
import multiprocessing
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
SENDERS, EACH, PROCESSES = 50, 60, 2
SECRET, PUBLIC = "benchmark", "https://hooks.example.com"


def delivery(number: int) -> tuple[bytes, dict[str, str]]:
    event = {
        "eventId": number,
        "portalId": 62515,
        "occurredAt": 1564113600000,
        "subscriptionType": "contact.propertyChange",
        "attemptNumber": 0,
        "objectId": number,
        "propertyName": "lifecyclestage",
        "propertyValue": "customer",
    }
    body, stamp = json.dumps([event]).encode(), str(int(time.time() * 1000))
    signed = b"POST" + f"{PUBLIC}/webhooks/hubspot".encode() + body + stamp.encode()
    signature = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
    return body, {
        "Content-Type": "application/json",
        "X-HubSpot-Signature-v3": signature,
        "X-HubSpot-Request-Timestamp": stamp,
    }


def send(port: int, first: int, took: list[float]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port)
    for number in range(first, first + EACH):
        body, headers = delivery(number)
        started = time.perf_counter()
        connection.request("POST", "/webhooks/hubspot", body, headers)
        answer = connection.getresponse()
        answer.read()
        took.append(time.perf_counter() - started)
        assert answer.status == 200, answer.status
    connection.close()


def senders(port: int, share: range, told: "multiprocessing.SimpleQueue[list[float]]") -> None:
    took: list[float] = []
    threads = [threading.Thread(target=send, args=(port, number * EACH, took)) for number in share]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.put(took)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main() -> None:
    port = free_port()
    with tempfile.TemporaryDirectory() as home:
        env = {
            **os.environ,
            "TENFOLD_HOME": home,
            "TENFOLD_HUBSPOT__TOKEN": "x",
            "TENFOLD_HUBSPOT__WEBHOOK_SECRET": SECRET,
            "TENFOLD_CONSOLE__PUBLIC_URL": PUBLIC,
            "TENFOLD_CONSOLE__PORT": str(port),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "console.cli", "serve"],
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        process.stdout.readline()
        try:
            told: multiprocessing.SimpleQueue[list[float]] = multiprocessing.SimpleQueue()
            started = time.perf_counter()
            parts = [
                multiprocessing.Process(target=senders, args=(port, range(SENDERS)[at::PROCESSES], told))
                for at in range(PROCESSES)
            ]
            for part in parts:
                part.start()
            took = [each for _ in parts for each in told.get()]
            seconds = time.perf_counter() - started
            for part in parts:
                part.join()
        finally:
            process.terminate()
            process.wait()
    steps = statistics.quantiles(took, n=100)
    print(
        f"{len(took)} deliveries by {SENDERS} senders: {len(took) / seconds:.0f} a second; "
        f"p50 {steps[49] * 1000:.0f} ms, p99 {steps[98] * 1000:.0f} ms, longest {max(took) * 1000:.0f} ms"
    )


if __name__ == "__main__":
    main()
