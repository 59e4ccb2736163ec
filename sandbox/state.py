"""The whole of a vendor's records at once, for a judge who compares: past every limit, page and fault."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import orjson

from sandbox import intercom_answers, mailchimp_answers
from sandbox.hubspot_answers import as_json
from sandbox.hubspot_records import HubSpotRecords
from sandbox.intercom_records import IntercomRecords
from sandbox.intercom_tickets import ticket_json
from sandbox.mailchimp_records import MailchimpRecords
from sandbox.mandrill_records import MandrillRecords

if TYPE_CHECKING:
    from sandbox.world import World


def state_of(world: World, vendor: str) -> dict[str, Any]:
    """Everything that this vendor holds. Raises ValueError for a vendor that there is not."""
    ask: dict[str, Callable[[], dict[str, Any]]] = {
        "hubspot": lambda: hubspot_state(world.hubspot),
        "intercom": lambda: intercom_state(world.intercom),
        "mailchimp": lambda: mailchimp_state(world.mailchimp),
        "mandrill": lambda: mandrill_state(world.mandrill),
    }
    if vendor not in ask:
        raise ValueError(f"'vendor' must be one of {', '.join(ask)}.")
    return ask[vendor]()


def hubspot_state(records: HubSpotRecords) -> dict[str, Any]:
    """{type: {id: as the API shows it, with every property}}, archived records too.

    `associations` is {"contacts/companies": {id: {other id: [type ids]}}}, between living records alone, both
    ways; `merged` is {type: {id that went: id where it is now}}.
    """
    body: dict[str, Any] = {
        kind: {
            str(number): as_json(table.records[number], tuple(table.definitions))
            for number in sorted(table.records)
        }
        for kind, table in records.tables.items()
    }
    associations: dict[str, dict[str, dict[str, list[int]]]] = {}
    for kind, table in records.tables.items():
        for number in table.living:
            for other_kind, others in table.records[number].links.items():
                if others:
                    rows = associations.setdefault(f"{kind}/{other_kind}", {})
                    rows[str(number)] = {str(other): sorted(types) for other, types in others.items()}
    merged: dict[str, dict[str, str]] = {}
    for (kind, gone), kept in records.merged.items():
        found = records.find(kind, kept)
        merged.setdefault(kind, {})[str(gone)] = str(found.id if found is not None else kept)
    return {**body, "associations": associations, "merged": merged}


def intercom_state(records: IntercomRecords) -> dict[str, Any]:
    """Contacts, companies, conversations, tickets, tags by id; conversations with every part, past 500 too.

    A contact has `archived` and all its `notes`; `deleted` is {conversation id: when}; `merged` is {contact
    id that went: contact id that stayed}.
    """
    return {
        "contacts": {
            one.id: {
                **_plain(intercom_answers.contact(records, one)),
                "archived": one.archived,
                "notes": one.notes,
            }
            for one in records.contacts.values()
        },
        "companies": {one.id: _plain(intercom_answers.company(one)) for one in records.companies.values()},
        "conversations": {
            str(one.id): intercom_answers.whole_conversation(records, one, most=len(one.parts) or 1)
            for one in records.conversations.values()
        },
        "tickets": {str(one.id): ticket_json(records, one) for one in records.tickets.values()},
        "tags": dict(records.tags),
        "deleted": {str(number): at for number, at in records.deleted},
        "merged": dict(records.merged),
    }


def mailchimp_state(records: MailchimpRecords) -> dict[str, Any]:
    """Members by contact id with all their tags, campaigns and reports by id, and what was asked for.

    `activity` is {campaign id: {contact id: what was done}}; `triggers` has a row for every start of a step
    of a journey, `queued` one for every address that an automation's mail waits for.
    """
    return {
        "members": {
            one.contact_id: {
                **mailchimp_answers.member(records, one),
                "tags": [{"id": number, "name": records.tags[number]} for number in one.tags],
            }
            for one in records.members.values()
        },
        "forgotten": sorted(records.forgotten),
        "tags": {str(number): name for number, name in records.tags.items()},
        "campaigns": {one.id: mailchimp_answers.campaign(one) for one in records.campaigns.values()},
        "reports": {one.id: mailchimp_answers.report(records, one) for one in records.campaigns.values()},
        "activity": {
            one.id: {
                contact: mailchimp_answers.email_activity(records, one, contact, None)["activity"]
                for contact in one.activity
            }
            for one in records.campaigns.values()
        },
        "events": records.member_events,
        "triggers": [{**asdict(each), "at": mailchimp_answers.stamp(each.at)} for each in records.triggers],
        "queued": {
            mail: [{"email": email, "at": mailchimp_answers.stamp(at)} for email, at in waiting]
            for mail, waiting in records.queued.items()
        },
    }


def mandrill_state(records: MandrillRecords) -> dict[str, Any]:
    """Every message, a row for each recipient, in the order of sending; and the deny list."""
    rows = [{**asdict(each), "at": each.at.isoformat()} for each in records.messages.values()]
    return {"messages": rows, "denied": {email: why for email, (why, _) in records.denied.items()}}


def _plain(shown: orjson.Fragment) -> dict[str, Any]:
    found: dict[str, Any] = orjson.loads(orjson.dumps(shown))
    return found
