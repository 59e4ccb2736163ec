"""One process of several that sync and write at once: it talks to all three vendors as fast as it may."""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from connectors import registry
from connectors.pages import Access
from connectors.transport import Transport
from settings import Settings

THREADS = 4


def transport(name: str, access: Access) -> Transport:
    connector = registry.connect(name, access)
    assert connector is not None
    http: Transport = connector._http
    return http


def main() -> None:
    given = json.loads(sys.argv[1])
    access = Access(Settings(_env_file=None, **given["settings"]), Path(given["folder"]))
    hubspot, intercom, mailchimp = (transport(name, access) for name in ("hubspot", "intercom", "mailchimp"))
    objects = "/crm/objects/2026-09"
    task = {"properties": {"hs_timestamp": "2026-11-16T09:00:00Z", "hs_task_subject": "Call"}}
    search = {"filterGroups": [], "limit": 1}
    ways = {
        "hubspot_reads": partial(hubspot.get, f"{objects}/contacts", {"limit": 1}),
        "hubspot_writes": partial(hubspot.call, "POST", f"{objects}/tasks", json=task, purpose="act"),
        "hubspot_searches": partial(hubspot.post, f"{objects}/contacts/search", search, limit="search"),
        "intercom_reads": partial(intercom.get, "/contacts", {"per_page": 1}),
        "mailchimp_reads": partial(mailchimp.get, "/lists", {"count": 1}),
    }
    print("ready", flush=True)
    sys.stdin.readline()
    with ThreadPoolExecutor(THREADS * len(ways)) as pool:
        for done in [pool.submit(way) for what, way in ways.items() for _ in range(given["calls"][what])]:
            done.result()
    for each in (hubspot, intercom, mailchimp):
        each.close()


if __name__ == "__main__":
    main()
