"""An edit at a vendor, told by its webhook, is in raw without any scheduled read."""

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from house import SMALL, House, World, running_world

from warehouse.store import Store

PATIENCE_SECONDS = 30


class Vendors:
    """The sandbox's vendors as somebody else edits them."""

    def __init__(self, world: World) -> None:
        said = world.said
        self.control = httpx.Client(base_url=said["control"]["base_url"], timeout=30)
        bearer = {"Authorization": f"Bearer {said['hubspot']['token']}"}
        self.hubspot = httpx.Client(base_url=said["hubspot"]["base_url"], headers=bearer, timeout=30)
        bearer = {"Authorization": f"Bearer {said['intercom']['token']}", "Intercom-Version": "2.16"}
        self.intercom = httpx.Client(base_url=said["intercom"]["base_url"], headers=bearer, timeout=30)
        auth = httpx.BasicAuth("any", said["mailchimp"]["api_key"])
        self.mailchimp = httpx.Client(base_url=said["mailchimp"]["base_url"], auth=auth, timeout=30)

    def register(self, console: str) -> None:
        receiver = {"url": f"{console}/webhooks", "hubspot": True, "intercom": True, "mailchimp": True}
        self.control.post("/webhooks", json=receiver).raise_for_status()

    def told(self) -> dict[str, Any]:
        """Counts by vendor, once nothing waits any more."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            counts = self.control.get("/webhooks").raise_for_status().json()
            counts.pop("url")
            if all(count["waiting"] == 0 for count in counts.values()):
                return dict(counts)
            assert time.monotonic() < deadline, counts
            time.sleep(0.05)


def serving(house: House) -> tuple["subprocess.Popen[str]", str]:
    process = house.start("serve")
    assert process.stdout is not None
    line = process.stdout.readline()
    assert "Serving" in line, process.communicate(timeout=PATIENCE_SECONDS)
    return process, re.search(r"http://[\d.:]+", line).group()


def current(home: Path, table: str) -> dict[str, dict]:
    with Store(home).read() as con:
        return {
            key: json.loads(body)
            for key, body in con.execute(f"select key, body from raw.{table}_current").fetchall()
        }


def events(home: Path, source: str) -> int:
    with Store(home).read() as con:
        return con.execute(f"select count(*) from raw.{source}_events").fetchone()[0]


@pytest.fixture
def house(tmp_path: Path) -> Iterator[tuple[House, World]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with running_world(tmp_path, *SMALL) as world:
        yield House(tmp_path, {"TENFOLD_CONSOLE__PORT": str(port)}), world


def test_an_edit_is_in_raw_soon_after_the_vendor_told_of_it_though_the_receiver_was_killed(
    house: tuple[House, World],
) -> None:
    (home, world), vendors = house, Vendors(house[1])
    place = home.sandbox_home
    home.json("sync", "hubspot", "intercom", "mailchimp")
    before = {
        name: current(place, name)
        for name in (
            "hubspot_contacts",
            "hubspot_companies",
            "intercom_contacts",
            "intercom_conversations",
            "mailchimp_members",
        )
    }
    process, console = serving(home)
    try:
        vendors.register(console)
        world.faults(
            {"kind": "webhook_duplicates", "share": 0.5}, {"kind": "webhook_disorder"},
            # Nothing below may come from an index that lags.
            {"kind": "search_lag_seconds", "seconds": 3600},
        )  # fmt: skip

        company = next(iter(before["hubspot_companies"]))
        renamed = {"properties": {"name": "Renamed & Co"}}
        vendors.hubspot.patch(f"/crm/v3/objects/companies/{company}", json=renamed).raise_for_status()
        gone = next(key for key, row in before["hubspot_contacts"].items() if not row["archived"])
        vendors.hubspot.delete(f"/crm/v3/objects/contacts/{gone}").raise_for_status()
        made = vendors.hubspot.post(
            "/crm/v3/objects/contacts", json={"properties": {"email": "new@person.test"}}
        ).raise_for_status()

        erased = next(
            key for key, row in before["hubspot_contacts"].items() if not row["archived"] and key != gone
        )
        vendors.hubspot.post(
            "/crm/v3/objects/contacts/gdpr-delete", json={"objectId": erased}
        ).raise_for_status()

        conversation = next(iter(before["intercom_conversations"]))
        admin = vendors.intercom.get("/admins").json()["admins"][0]["id"]
        note = {"message_type": "note", "type": "admin", "admin_id": admin, "body": "Looked into it"}
        vendors.intercom.post(f"/conversations/{conversation}/reply", json=note).raise_for_status()

        left = next(iter(before["intercom_contacts"]))
        vendors.intercom.delete(f"/contacts/{left}").raise_for_status()

        member = next(row for row in before["mailchimp_members"].values() if row["status"] == "subscribed")
        vendors.mailchimp.patch(
            f"/lists/{member['list_id']}/members/{member['id']}", json={"merge_fields": {"FNAME": "Zoraida"}}
        ).raise_for_status()

        counts = vendors.told()
        for vendor, count in counts.items():
            assert count["delivered"] == count["announced"] > 0, vendor
            assert count["failed"] == 0, vendor
    finally:
        process.kill()
        process.communicate(timeout=PATIENCE_SECONDS)

    reports = {report["source"]: report for report in home.json("sync", "--events")}
    assert {report["state"] for report in reports.values()} == {"done"}
    assert {source: events(place, source) for source in counts} == {
        source: count["announced"] for source, count in counts.items()
    }
    assert current(place, "hubspot_companies")[company]["properties"]["name"] == "Renamed & Co"
    contacts = current(place, "hubspot_contacts")
    assert contacts[gone]["archived"] is True
    assert "gone_at" in contacts[erased]
    assert "gone_at" in current(place, "intercom_contacts")[left]
    assert contacts[made.json()["id"]]["properties"]["email"] == "new@person.test"
    parts = current(place, "intercom_conversations")[conversation]["conversation_parts"]
    assert "Looked into it" in parts["conversation_parts"][-1]["body"]
    names = [
        row["merge_fields"]["FNAME"]
        for row in current(place, "mailchimp_members").values()
        if row["id"] == member["id"]
    ]
    assert names == ["Zoraida"]
    assert all(report["events"] == 0 for report in home.json("sync", "--events"))
