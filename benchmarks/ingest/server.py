"""A small, fast server of HubSpot-shaped contacts, so that the reader is what is measured."""

import argparse
import asyncio
import json
import re

AFTER = re.compile(rb"[?&]after=(\d+)")


def contact(number: int) -> dict[str, object]:
    return {
        "id": str(100_000 + number),
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
            "hs_object_id": str(100_000 + number),
        },
        "createdAt": f"2026-{1 + number % 9:02d}-{1 + number % 28:02d}T09:30:00.000Z",
        "updatedAt": f"2026-10-{1 + number % 28:02d}T{number % 24:02d}:15:00.000Z",
        "archived": False,
    }


def pages(records: int, size: int) -> list[bytes]:
    found = []
    for start in range(0, records, size):
        end = min(start + size, records)
        body: dict[str, object] = {"results": [contact(number) for number in range(start, end)]}
        if end < records:
            body["paging"] = {"next": {"after": str(end)}}
        content = json.dumps(body, separators=(",", ":")).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
        found.append(head.encode() + content)
    return found


class Contacts(asyncio.Protocol):
    def __init__(self, answers: list[bytes], size: int) -> None:
        self.answers, self.size, self.waiting = answers, size, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.waiting += data
        while b"\r\n\r\n" in self.waiting:
            request, self.waiting = self.waiting.split(b"\r\n\r\n", 1)
            after = AFTER.search(request.split(b"\r\n", 1)[0])
            self.transport.write(self.answers[int(after[1]) // self.size if after else 0])  # type: ignore[attr-defined]


async def serve(records: int, size: int) -> None:
    answers = pages(records, size)
    server = await asyncio.get_running_loop().create_server(lambda: Contacts(answers, size), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--records", type=int, required=True)
    parser.add_argument("--page", type=int, required=True)
    arguments = parser.parse_args()
    asyncio.run(serve(arguments.records, arguments.page))
