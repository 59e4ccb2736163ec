"""A small, fast server of HubSpot-shaped contacts, so that the reader is what is measured."""

import argparse
import asyncio
import json
import re
from typing import Any

AFTER = re.compile(rb"[?&]after=(\d+)")
LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
SEARCH_PAGE = 200
CHANGED_EVERY = 100  # every so many records have changed in the increment
FIRST = 100_000


def contact(number: int) -> dict[str, object]:
    return {
        "id": str(FIRST + number),
        "properties": {
            "email": f"person{number}@clinic{number % 977}.example",
            "firstname": f"Name {number % 5000}",
            "lastname": f"Surname {number % 7001}",
            "hs_language": "es" if number % 3 else "en",
            "lifecyclestage": ("lead", "marketingqualifiedlead", "opportunity", "customer")[number % 4],
            "hs_lead_status": "NEW",
            "createdate": f"2026-{1 + number % 9:02d}-{1 + number % 28:02d}T09:30:00.000Z",
            "lastmodifieddate": f"2026-10-{1 + number % 28:02d}T{number % 24:02d}:15:00.000Z",
            "hs_email_optout": "false",
            "hubspot_owner_id": str(number % 17),
            "associatedcompanyid": str(number % 20_011),
            "hs_object_id": str(FIRST + number),
        },
        "createdAt": f"2026-{1 + number % 9:02d}-{1 + number % 28:02d}T09:30:00.000Z",
        "updatedAt": f"2026-10-{1 + number % 28:02d}T{number % 24:02d}:15:00.000Z",
        "archived": False,
    }


def edited(number: int) -> dict[str, object]:
    record = contact(number)
    changed = "2026-11-16T08:15:00.000Z"
    properties = {**record["properties"], "lastname": "Newname", "lastmodifieddate": changed}  # type: ignore[dict-item]
    return {**record, "properties": properties, "updatedAt": changed}


def answer(body: dict[str, object]) -> bytes:
    content = json.dumps(body, separators=(",", ":")).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


def pages(records: int, size: int) -> list[bytes]:
    found = []
    for start in range(0, records, size):
        end = min(start + size, records)
        body: dict[str, object] = {"results": [contact(number) for number in range(start, end)]}
        if end < records:
            body["paging"] = {"next": {"after": str(end)}}
        found.append(answer(body))
    return found


class Contacts(asyncio.Protocol):
    """The list in pages made beforehand; search for what changed; what a connector asks beside them."""

    def __init__(self, answers: list[bytes], found: dict[int, bytes], records: int, size: int) -> None:
        self.answers, self.found, self.records, self.size, self.waiting = answers, found, records, size, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while b"\r\n\r\n" in self.waiting:
            head, rest = self.waiting.split(b"\r\n\r\n", 1)
            length = LENGTH.search(head)
            expected = int(length[1]) if length else 0
            if len(rest) < expected:
                return
            body, self.waiting = rest[:expected], rest[expected:]
            self.transport.write(self.reply(head.split(b"\r\n", 1)[0], body))  # type: ignore[attr-defined]

    def reply(self, line: bytes, body: bytes) -> bytes:
        if b"/search " in line:
            return self.search(json.loads(body))
        if b"/properties/" in line:
            names = contact(0)["properties"]
            return answer({"results": [{"name": name, "hubspotDefined": True} for name in names]})  # type: ignore[attr-defined]
        if b"archived=true" in line:
            return answer({"results": []})
        after = AFTER.search(line)
        return self.answers[int(after[1]) // self.size if after else 0]

    def search(self, asked: dict[str, Any]) -> bytes:
        filters = [each for group in asked["filterGroups"] for each in group["filters"]]
        if not filters:
            return answer({"total": self.records, "results": []})
        above = max((int(each["value"]) for each in filters if each["operator"] == "GT"), default=0)
        first = max(0, -(-(above + 1 - FIRST) // CHANGED_EVERY)) if above else 0
        return self.found.get(first) or self.found[-1]


def searches(records: int) -> dict[int, bytes]:
    """The pages of the search for what changed, by how many come before; under -1 the empty one."""
    changed = range(0, records, CHANGED_EVERY)
    found = {-1: answer({"total": 0, "results": []})}
    for first in range(0, len(changed), SEARCH_PAGE):
        rows = [edited(number) for number in changed[first : first + SEARCH_PAGE]]
        found[first] = answer({"total": len(changed) - first, "results": rows})
    return found


async def serve(records: int, size: int) -> None:
    answers, found = pages(records, size), searches(records)
    server = await asyncio.get_running_loop().create_server(
        lambda: Contacts(answers, found, records, size), "127.0.0.1", 0
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--page", type=int, required=True)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.records, arguments.page))
