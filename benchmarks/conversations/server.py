"""A workspace of conversations that answers late and counts its calls as Intercom does."""

import argparse
import asyncio
import json
import re
import time

PAGE = 150
WINDOW = 10
NEWEST = 1_770_000_000
SINGLE = re.compile(rb"GET /conversations/(\d+)")
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


def part(number: int) -> dict:
    return {
        "type": "conversation_part",
        "id": str(number),
        "part_type": "comment",
        "body": "<p>Thanks, that is clear now. Could you also look at the second invoice?</p>",
        "created_at": NEWEST - 9000 + number,
        "author": {"type": "admin" if number % 2 else "user", "id": str(number % 7)},
    }


def summary(number: int) -> dict:
    return {
        "type": "conversation",
        "id": str(number),
        "created_at": NEWEST - 20_000,
        "updated_at": NEWEST - number,
        "state": "closed",
        "source": {"type": "conversation", "subject": "Question", "body": "<p>Good morning</p>"},
        "contacts": {"contacts": [{"type": "contact", "id": f"c{number % 997}"}]},
        "statistics": {"count_conversation_parts": 12},
    }


class Workspace:
    """What all connections share: the size, the delay, and the calls of each window of ten seconds."""

    def __init__(self, size: int, delay: float, limit: int) -> None:
        self.size, self.delay, self.limit = size, delay, limit
        parts = {"conversation_parts": [part(each) for each in range(12)], "total_count": 12}
        self.parts = json.dumps(parts).encode()
        self.calls = self.refused = self.window = self.in_window = 0

    def answer(self, head: bytes, body: bytes) -> bytes:
        if head.startswith(b"GET /counts"):
            return said(json.dumps({"calls": self.calls, "refused": self.refused}).encode())
        now = int(time.time() // WINDOW)
        if now != self.window:
            self.window, self.in_window = now, 0
        self.calls += 1
        self.in_window += 1
        if self.in_window > self.limit:
            self.refused += 1
            reset = b"X-RateLimit-Reset: %d\r\n" % ((now + 1) * WINDOW)
            return said(b'{"type":"error.list","errors":[{"code":"rate_limit_exceeded"}]}', 429, reset)
        if found := SINGLE.match(head):
            whole = json.dumps(summary(int(found[1]))).encode()
            return said(whole[:-1] + b', "conversation_parts": ' + self.parts + b"}")
        start = int(json.loads(body)["pagination"].get("starting_after") or 0)
        end = min(start + PAGE, self.size)
        page: dict = {
            "conversations": [summary(each) for each in range(start, end)],
            "total_count": self.size,
        }
        page["pages"] = {"next": {"starting_after": str(end)}} if end < self.size else {}
        return said(json.dumps(page).encode())


def said(body: bytes, status: int = 200, more: bytes = b"") -> bytes:
    head = b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % (status, len(body))
    return head + more + b"\r\n" + body


class Connection(asyncio.Protocol):
    def __init__(self, workspace: Workspace) -> None:
        self.workspace, self.waiting = workspace, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while b"\r\n\r\n" in self.waiting:
            head, _, rest = self.waiting.partition(b"\r\n\r\n")
            length = LENGTH.search(head)
            needed = int(length[1]) if length else 0
            if len(rest) < needed:
                return
            body, self.waiting = rest[:needed], rest[needed:]
            answer = self.workspace.answer(head, body)
            asyncio.get_running_loop().call_later(self.workspace.delay, self._send, answer)

    def _send(self, answer: bytes) -> None:
        self.transport.write(answer)  # type: ignore[attr-defined]


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=int, required=True)
    parser.add_argument("--delay", type=float, required=True)
    parser.add_argument("--limit", type=int, required=True)
    options = parser.parse_args()
    workspace = Workspace(options.size, options.delay, options.limit)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(workspace), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
