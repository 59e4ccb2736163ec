"""A mail server and a CRM as a process of their own, which keep their own record of what they accepted.

Started as `python outside.py RECORD`; prints one JSON line with its addresses and runs until its standard
input closes. How it treats a message is asked by the receiver's name: `later`, `never`, `cut` (the answer is
lost after the message was taken), `slow`; a task is created after the delay named in its subject (`slow`).
"""

import asyncio
import json
import re
import sys
import threading
import time
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

SLOW_SECONDS = 0.3


class Record:
    """One line for each effect that really happened out there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()

    def add(self, **fact: Any) -> None:
        with self._lock, self._path.open("a") as file:
            file.write(json.dumps(fact) + "\n")


class FreePort(Controller):
    """aiosmtpd's controller on any free port, which it cannot do by itself."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


class Mailbox:
    def __init__(self, record: Record) -> None:
        self._record = record

    async def handle_RCPT(self, _server, _session, envelope, address, _options):  # noqa: N802
        if address.startswith("later"):
            return "451 4.7.1 greylisted"
        if address.startswith("never"):
            return "550 5.1.1 nobody of that name"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, _session, envelope):  # noqa: N802
        message = message_from_bytes(envelope.content)
        fact = {"to": envelope.rcpt_tos[0], "id": message["Message-ID"], "step": message["X-Tenfold-Step"]}
        self._record.add(kind="mail", **fact)
        if envelope.rcpt_tos[0].startswith("cut"):
            server.transport.abort()
            await asyncio.sleep(1)
        if envelope.rcpt_tos[0].startswith("slow"):
            await asyncio.sleep(SLOW_SECONDS)
        return "250 2.0.0 queued"


class Crm(BaseHTTPRequestHandler):
    """The four calls of HubSpot that a task needs."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    record: Record
    tasks: dict[str, dict[str, Any]]

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path.endswith("/tasks/batch/read"):
            rows = [
                {"id": each["id"], "properties": self.tasks[each["id"]]["properties"]}
                for each in body["inputs"]
            ]
            self._answer(200, {"results": rows})
            return
        if "slow" in body["properties"]["hs_task_subject"]:
            time.sleep(SLOW_SECONDS)
        contact = body["associations"][0]["to"]["id"]
        task_id = str(len(self.tasks) + 1)
        self.tasks[task_id] = {"contact": contact, "properties": body["properties"]}
        self.record.add(kind="task", contact=contact, id=task_id)
        self._answer(201, {"id": task_id})

    def do_GET(self) -> None:
        found = re.search(r"/contacts/([^/]+)/associations/tasks", self.path)
        if found is None:
            self._answer(404, {"status": "error", "message": "not here"})
            return
        mine = [{"toObjectId": int(i)} for i, task in list(self.tasks.items()) if task["contact"] == found[1]]
        self._answer(200, {"results": mine})

    def _answer(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        try:
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except OSError:
            self.close_connection = True  # whoever asked was killed


def main() -> None:
    record = Record(Path(sys.argv[1]))
    controller = FreePort(Mailbox(record), hostname="127.0.0.1", port=0)
    controller.start()
    handler = type("Handler", (Crm,), {"record": record, "tasks": {}})
    crm = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=crm.serve_forever, daemon=True).start()
    addresses = {"smtp": f"smtp://127.0.0.1:{controller.port}", "crm": f"http://127.0.0.1:{crm.server_port}"}
    print(json.dumps(addresses), flush=True)
    sys.stdin.read()
    crm.shutdown()
    controller.stop()


if __name__ == "__main__":
    main()
