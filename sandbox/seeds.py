"""Many plain records at once, for tests that need a crowd: made in one step and written down as one."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.hubspot_schema import ACTIVITIES, TYPE_IDS
from sandbox.intercom_records import Contact, Conversation, Part, hex_id, unix

if TYPE_CHECKING:
    from sandbox.world import World

MOST = 10_000_000


def checked(world: World, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The step that makes the records which a request asks for. Raises ValueError.

    {"vendor", "kind", "count", "at": the first one's instant, "seconds_apart": 0}; for Intercom's
    conversations also "parts".
    """
    vendor, kind = str(body.get("vendor") or ""), str(body.get("kind") or "")
    if kind not in KINDS.get(vendor, ()):
        known = "; ".join(f"{name}: {', '.join(kinds)}" for name, kinds in KINDS.items())
        raise ValueError(
            f"There is no {kind or 'kind'} of {vendor or 'no vendor'} to make; there are {known}."
        )
    numbers = {"count": 0, "parts": 0, "seconds_apart": 0} | {
        name: body[name] for name in ("count", "parts", "seconds_apart") if name in body
    }
    if not all(isinstance(each, int) and 0 <= each <= MOST for each in numbers.values()):
        raise ValueError("'count', 'parts' and 'seconds_apart' must be whole numbers.")
    at = datetime.fromisoformat(str(body["at"])) if "at" in body else world.clock
    if at.tzinfo is None:
        raise ValueError("'at' needs a time zone, as in 2026-11-16T07:00:00Z.")
    last = at + timedelta(seconds=numbers["seconds_apart"] * max(0, numbers["count"] - 1))
    if last > world.clock:
        raise ValueError("The last of them would lie in the future; begin earlier or advance the clock.")
    return f"seed.{vendor}", {"kind": kind, "at": at.isoformat(), **numbers}


def sow(world: World, vendor: str, args: dict[str, Any]) -> int:
    """Make the records of one step; how many."""
    make: Callable[[World, str, int, datetime, dict[str, Any]], None] = {
        "hubspot": _hubspot,
        "intercom": _intercom,
        "mailchimp": _mailchimp,
    }[vendor]
    args = {**args}
    at, apart = datetime.fromisoformat(args["at"]), timedelta(seconds=args["seconds_apart"])
    for place in range(args["count"]):
        make(world, args["kind"], place, at + place * apart, args)
    return int(args["count"])


def _hubspot(world: World, kind: str, _place: int, at: datetime, _args: dict[str, Any]) -> None:
    table = world.hubspot.tables[kind]
    name = f"s{table.version}"
    stamp = f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
    properties = {
        "contacts": {"email": f"{name}@seeded.example", "firstname": name, "lifecyclestage": "lead"},
        "companies": {"name": name, "domain": f"{name}.seeded.example"},
        "deals": {"dealname": name, "amount": "100", "pipeline": "default", "dealstage": "qualifiedtobuy"},
        "tickets": {"subject": name, "hs_pipeline": "0", "hs_pipeline_stage": "1"},
        "products": {"name": name, "price": "100"},
        "line_items": {"name": name, "quantity": "1", "price": "100", "amount": "100"},
        "feedback_submissions": {"hs_submission_name": name, "hs_value": "9"},
        **{each: {"hs_timestamp": stamp} for each in ACTIVITIES},
    }[kind]
    world.hubspot.create(kind, properties, at)


def _intercom(world: World, kind: str, place: int, at: datetime, args: dict[str, Any]) -> None:
    records, moment = world.intercom, unix(at)
    if kind == "contacts" or place == 0:
        name = f"s{records.version}"
        contact = records.add_contact(
            Contact(hex_id("contact", name), name, "user", f"{name}@seeded.example", name, moment, moment),
            moment,
        )
        if kind == "contacts":
            return
        args["contact"] = contact.id
    number = records.next_id(moment)
    one = Conversation(number, args["contact"], "", f"s{number}", moment, moment, waiting_since=moment)
    author = ("user", one.contact)
    one.parts = [
        Part(records.next_id(moment), "comment", author, f"p{step}", moment) for step in range(args["parts"])
    ]
    records.add_conversation(one)


def _mailchimp(world: World, _kind: str, _place: int, at: datetime, _args: dict[str, Any]) -> None:
    name = f"s{world.mailchimp.version}"
    world.mailchimp.add(f"{name}@seeded.example", "subscribed", at, {"FNAME": name}, f"seed/{name}")


KINDS: dict[str, tuple[str, ...]] = {
    "hubspot": tuple(TYPE_IDS),
    "intercom": ("contacts", "conversations"),
    "mailchimp": ("members",),
}
