"""Mailchimp's words: its records as JSON, the `fields` filter, and its problem+json errors.

A missing date is an empty string. Rates of campaigns and reports are fractions, rates of a list are percents.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from random import Random
from typing import Any
from uuid import UUID

import orjson

from sandbox.company import NAME
from sandbox.mailchimp_records import (
    AUTOMATIONS,
    LIST_ID,
    Activity,
    Automation,
    Campaign,
    MailchimpRecords,
    Member,
)
from sandbox.messages import Answer

PROBLEM = b"application/problem+json; charset=utf-8"
ERRORS = "https://mailchimp.com/developer/marketing/docs/errors/"
FOUND_NOTHING = ("Resource Not Found", "The requested resource could not be found.")
INLINE_TAGS = 50
MOST_ACTIVITY = 1_000
_dice = Random("mailchimp/instance")


class Refused(Exception):
    """A request that Mailchimp answers with an error; carries that answer."""

    def __init__(
        self, status: int, title: str, detail: str, errors: list[dict[str, str]] | None = None
    ) -> None:
        super().__init__(title)
        self.answer = problem(status, title, detail, errors)


def problem(status: int, title: str, detail: str, errors: list[dict[str, str]] | None = None) -> Answer:
    """An error as Mailchimp writes it."""
    body: dict[str, Any] = {
        "type": ERRORS,
        "title": title,
        "status": status,
        "detail": detail,
        "instance": str(UUID(int=_dice.getrandbits(128), version=4)),
    }
    if errors is not None:
        body["errors"] = errors
    return Answer(status, orjson.dumps(body), [], PROBLEM)


def stamp(moment: datetime | None) -> str:
    """A time as Mailchimp writes it; a missing one is an empty string."""
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}+00:00"


def link(rel: str, path: str, method: str = "GET") -> dict[str, str]:
    """One entry of `_links`."""
    return {
        "rel": rel,
        "href": f"https://us19.api.mailchimp.com/3.0{path}",
        "method": method,
        "targetSchema": f"https://us19.api.mailchimp.com/schema/3.0/Definitions{path.rpartition('/')[0]}/Response.json",
    }


# The fields filter: dotted names, as a tree; an empty tree means everything below.
Tree = dict[str, Any]


def tree(names: Sequence[str]) -> Tree:
    """Dotted names as a tree."""
    root: Tree = {}
    for name in names:
        here = root
        for part in name.split("."):
            here = here.setdefault(part, {})
    return root


def keep(value: Any, wanted: Tree) -> Any:
    """What `fields` leaves of the value."""
    if not wanted:
        return value
    if isinstance(value, list):
        return [keep(each, wanted) for each in value]
    if isinstance(value, dict):
        return {name: keep(inner, wanted[name]) for name, inner in value.items() if name in wanted}
    return value


def drop(value: Any, unwanted: Tree) -> Any:
    """What `exclude_fields` leaves of the value."""
    if isinstance(value, list):
        return [drop(each, unwanted) for each in value]
    if isinstance(value, dict):
        return {
            name: drop(inner, unwanted[name]) if unwanted.get(name) else inner
            for name, inner in value.items()
            if unwanted.get(name) != {}
        }
    return value


def member(records: MailchimpRecords, one: Member) -> dict[str, Any]:
    """A member of the audience."""
    path = f"/lists/{LIST_ID}/members/{one.id}"
    tags = list(one.tags)[:INLINE_TAGS]
    body: dict[str, Any] = {
        "id": one.id,
        "email_address": one.email,
        "unique_email_id": one.unique_email_id,
        "contact_id": one.contact_id,
        "full_name": f"{one.merge_fields.get('FNAME', '')} {one.merge_fields.get('LNAME', '')}".strip(),
        "web_id": one.web_id,
        "email_type": "html",
        "status": one.status,
        "consents_to_one_to_one_messaging": True,
        "merge_fields": one.merge_fields,
        "interests": {},
        "stats": {
            "avg_open_rate": len(one.opened) / one.sent if one.sent else 0,
            "avg_click_rate": len(one.clicked) / one.sent if one.sent else 0,
        },
        "ip_signup": "",
        "timestamp_signup": "",
        "ip_opt": "",
        "timestamp_opt": stamp(one.signed_up) if one.status != "pending" else "",
        "member_rating": 2 + (len(one.opened) > 0) + (len(one.clicked) > 0),
        "last_changed": stamp(one.changed),
        "language": one.language,
        "vip": one.vip,
        "email_client": "",
        "location": {
            "latitude": 0,
            "longitude": 0,
            "gmtoff": 0,
            "dstoff": 0,
            "country_code": "",
            "timezone": "",
            "region": "",
        },
        "source": one.source,
        "tags_count": len(one.tags),
        "tags": [{"id": number, "name": records.tags[number]} for number in tags],
        "list_id": LIST_ID,
        "_links": [link("self", path), link("update", path, "PATCH"), link("upsert", path, "PUT")],
    }
    if one.status == "unsubscribed":
        reason = "N/A (Unsubscribed by the contact)" if one.by_contact else "N/A (Unsubscribed by admin)"
        body["unsubscribe_reason"] = reason
    return body


def audience(records: MailchimpRecords, begin: datetime) -> dict[str, Any]:
    """The list with its counts."""
    members = records.members.values()
    count = {
        status: sum(each.status == status for each in members)
        for status in ("subscribed", "unsubscribed", "cleaned")
    }
    campaigns = list(records.campaigns.values())
    sent = sum(len(each.recipients) for each in campaigns)
    opened = sum(_unique(each, "open") for each in campaigns)
    clicked = sum(_unique(each, "click") for each in campaigns)
    gone = [each.unsubscribed_at for each in members if each.unsubscribed_at]
    return {
        "id": LIST_ID,
        "web_id": 903_381,
        "name": NAME,
        "contact": {"company": NAME, "address1": "Calle Mayor 1", "city": "Madrid", "country": "ES"},
        "permission_reminder": "You are a client or asked for our newsletter.",
        "use_archive_bar": True,
        "campaign_defaults": {"from_name": NAME, "from_email": "hola@tenfold.example", "language": "es"},
        "date_created": stamp(begin),
        "list_rating": 3,
        "email_type_option": False,
        "visibility": "prv",
        "double_optin": False,
        "has_welcome": False,
        "marketing_permissions": False,
        "modules": [],
        "stats": {
            "member_count": count["subscribed"],
            "total_contacts": len(members),
            "unsubscribe_count": count["unsubscribed"],
            "cleaned_count": count["cleaned"],
            "campaign_count": len(campaigns),
            "campaign_last_sent": stamp(campaigns[-1].sent_at if campaigns else None),
            "merge_field_count": 3,
            "avg_sub_rate": 0,
            "avg_unsub_rate": 0,
            "target_sub_rate": 0,
            # Percent here, a fraction in reports: as at Mailchimp.
            "open_rate": 100 * opened / sent if sent else 0,
            "click_rate": 100 * clicked / sent if sent else 0,
            "last_sub_date": stamp(max((each.signed_up for each in members), default=None)),
            "last_unsub_date": stamp(max(gone, default=None)),
        },
        "_links": [link("self", f"/lists/{LIST_ID}"), link("members", f"/lists/{LIST_ID}/members")],
    }


def _unique(one: Campaign, action: str) -> int:
    return sum(any(each.action == action for each in done) for done in one.activity.values())


def campaign(one: Campaign) -> dict[str, Any]:
    """A sent campaign."""
    figures = _figures(one)
    return {
        "id": one.id,
        "web_id": one.web_id,
        "type": "regular",
        "create_time": stamp(one.sent_at),
        "archive_url": f"https://mailchi.mp/tenfold/{one.id}",
        "long_archive_url": f"https://mailchi.mp/tenfold/{one.id}",
        "status": "sent",
        "emails_sent": len(one.recipients),
        "send_time": stamp(one.sent_at),
        "content_type": "template",
        "needs_block_refresh": False,
        "resendable": False,
        "recipients": {
            "list_id": LIST_ID,
            "list_is_active": True,
            "list_name": NAME,
            "segment_text": "",
            "recipient_count": len(one.recipients),
        },
        "settings": {
            "subject_line": one.subject,
            "title": one.title,
            "from_name": NAME,
            "reply_to": "hola@tenfold.example",
            "use_conversation": False,
            "to_name": "*|FNAME|*",
            "folder_id": "",
            "authenticate": True,
            "auto_footer": False,
            "inline_css": False,
            "auto_tweet": False,
            "fb_comments": False,
            "timewarp": False,
            "template_id": 13,
            "drag_and_drop": True,
        },
        "tracking": {"opens": True, "html_clicks": True, "text_clicks": False, "goal_tracking": False},
        "report_summary": {
            "opens": figures["opens"]["opens_total"],
            "unique_opens": figures["opens"]["unique_opens"],
            "open_rate": figures["opens"]["open_rate"],
            "clicks": figures["clicks"]["clicks_total"],
            "subscriber_clicks": figures["clicks"]["unique_subscriber_clicks"],
            "click_rate": figures["clicks"]["click_rate"],
        },
        "delivery_status": {"enabled": False},
        "_links": [link("self", f"/campaigns/{one.id}")],
    }


def _figures(one: Campaign) -> dict[str, Any]:
    everything = [each for done in one.activity.values() for each in done]
    opens = [each for each in everything if each.action == "open"]
    clicks = [each for each in everything if each.action == "click"]
    bounced = _unique(one, "bounce")
    delivered = len(one.recipients) - bounced
    unique_opens, clickers = _unique(one, "open"), _unique(one, "click")
    unique_clicks = len(
        {(who, each.url) for who, done in one.activity.items() for each in done if each.action == "click"}
    )
    return {
        "bounces": {"hard_bounces": bounced, "soft_bounces": 0, "syntax_errors": 0},
        "opens": {
            "opens_total": len(opens),
            "unique_opens": unique_opens,
            "open_rate": unique_opens / delivered if delivered else 0,
            "last_open": stamp(max((each.at for each in opens), default=None)),
        },
        "clicks": {
            "clicks_total": len(clicks),
            "unique_clicks": unique_clicks,
            "unique_subscriber_clicks": clickers,
            "click_rate": clickers / delivered if delivered else 0,
            "last_click": stamp(max((each.at for each in clicks), default=None)),
        },
    }


def report(records: MailchimpRecords, one: Campaign) -> dict[str, Any]:
    """What became of a campaign so far."""
    left = sum(each.campaign == one.id and each.status == "unsubscribed" for each in records.members.values())
    return {
        "id": one.id,
        "campaign_title": one.title,
        "type": "regular",
        "list_id": LIST_ID,
        "list_is_active": True,
        "list_name": NAME,
        "subject_line": one.subject,
        "preview_text": "",
        "emails_sent": len(one.recipients),
        "abuse_reports": 0,
        "unsubscribed": left,
        "send_time": stamp(one.sent_at),
        "forwards": {"forwards_count": 0, "forwards_opens": 0},
        **_figures(one),
        "facebook_likes": {"recipient_likes": 0, "unique_likes": 0, "facebook_likes": 0},
        "delivery_status": {"enabled": False},
        "_links": [link("self", f"/reports/{one.id}")],
    }


def email_activity(
    records: MailchimpRecords, one: Campaign, contact: str, since: datetime | None
) -> dict[str, Any]:
    """What one recipient did with a campaign after `since`."""
    who = records.members.get(contact)
    path = f"/reports/{one.id}/email-activity"
    return {
        "campaign_id": one.id,
        "list_id": LIST_ID,
        "list_is_active": True,
        "email_id": who.id if who else contact,
        "email_address": who.email if who else "",
        "activity": [
            _activity(each)
            for each in one.activity.get(contact, ())[: 2 * MOST_ACTIVITY]
            if since is None or each.at > since
        ],
        "_links": [link("parent", path), link("self", f"{path}/{who.id if who else contact}")],
    }


def _activity(each: Activity) -> dict[str, Any]:
    body: dict[str, Any] = {"action": each.action, "timestamp": stamp(each.at)}
    if each.action == "bounce":
        body["type"] = "hard"
    else:
        body["ip"] = "203.0.113.10"
    if each.url:
        body["url"] = each.url
    return body


def automation(one: Automation, begin: datetime, waiting: int) -> dict[str, Any]:
    """A classic automation."""
    started = begin + one.started_after
    return {
        "id": one.id,
        "create_time": stamp(started),
        "start_time": stamp(started),
        "status": "sending",
        "emails_sent": 0,
        "recipients": {"list_id": LIST_ID, "list_is_active": True, "list_name": NAME},
        "settings": {"title": one.title, "from_name": NAME, "reply_to": "hola@tenfold.example"},
        "tracking": {"opens": True, "html_clicks": True},
        "trigger_settings": {"workflow_type": "emailSeries", "workflow_emails_count": len(one.mails)},
        "report_summary": {"opens": 0, "unique_opens": 0, "open_rate": 0, "clicks": 0, "click_rate": 0},
        "queue_count": waiting,
        "_links": [link("self", f"/automations/{one.id}")],
    }


def automation_mails(one: Automation, begin: datetime) -> list[dict[str, Any]]:
    """The mails of a classic automation."""
    return [
        {
            "id": number,
            "web_id": 13_540_001 + place,
            "workflow_id": one.id,
            "position": place + 1,
            "delay": {"amount": days, "type": "day", "direction": "after", "action": "signup"},
            "create_time": stamp(begin + one.started_after),
            "start_time": stamp(begin + one.started_after),
            "status": "sending",
            "emails_sent": 0,
            "settings": {"subject_line": subject, "title": subject, "from_name": NAME},
            "_links": [link("self", f"/automations/{one.id}/emails/{number}")],
        }
        for place, (number, subject, days) in enumerate(one.mails)
    ]


def started(clock: datetime, begin: datetime) -> list[Automation]:
    """The automations that run at `clock`."""
    return [each for each in AUTOMATIONS if begin + each.started_after <= clock]
