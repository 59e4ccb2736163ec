"""Mailchimp's campaigns, their reports and the activity behind them, and its classic automations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sandbox import mailchimp_answers as show
from sandbox.mailchimp_answers import FOUND_NOTHING, Refused
from sandbox.mailchimp_records import LIST_ID, Automation, Campaign, Member
from sandbox.messages import Answer, Request

if TYPE_CHECKING:
    from sandbox.mailchimp import MailchimpServer

MOST_PER_PAGE = 1_000


def add_routes(server: MailchimpServer) -> None:
    """Register the endpoints."""
    reports = Reports(server)
    add = server.routes.add
    add("GET", "/3.0/campaigns", reports.campaigns)
    add("GET", "/3.0/campaigns/{id}", reports.campaign)
    add("GET", "/3.0/reports", reports.reports)
    add("GET", "/3.0/reports/{id}", reports.report)
    add("GET", "/3.0/reports/{id}/email-activity", reports.email_activity)
    add("GET", "/3.0/reports/{id}/email-activity/{member}", reports.email_activity_of)
    add("GET", "/3.0/reports/{id}/sent-to", reports.sent_to)
    add("GET", "/3.0/reports/{id}/unsubscribed", reports.unsubscribed)
    add("GET", "/3.0/automations", reports.automations)
    add("GET", "/3.0/automations/{id}", reports.automation)
    add("GET", "/3.0/automations/{id}/emails", reports.automation_mails)


def known_campaign(server: MailchimpServer, given: str) -> Campaign:
    """The campaign of that id. Raises Refused."""
    if given not in server.records.campaigns:
        raise Refused(404, *FOUND_NOTHING)
    return server.records.campaigns[given]


def known_automation(server: MailchimpServer, given: str) -> Automation:
    """The automation of that id, once it was started. Raises Refused."""
    for each in show.started(server.world.clock, server.begin):
        if each.id == given:
            return each
    raise Refused(404, *FOUND_NOTHING)


class Reports:
    """The handlers."""

    def __init__(self, server: MailchimpServer) -> None:
        self.server = server

    def _chosen_campaigns(self, request: Request) -> list[Campaign]:
        rows = list(self.server.records.campaigns.values())
        if request.param("status") not in ("", "sent") or request.param("type") not in ("", "regular"):
            return []
        if request.param("list_id") not in ("", LIST_ID):
            return []
        for name in ("since_send_time", "since_create_time"):
            if since := self.server.time(request, name):
                rows = [each for each in rows if each.sent_at > since]
        for name in ("before_send_time", "before_create_time"):
            if before := self.server.time(request, name):
                rows = [each for each in rows if each.sent_at < before]
        if request.param("sort_dir", "DESC").upper() != "ASC":
            rows.reverse()
        return rows

    def campaigns(self, request: Request) -> Answer:
        """A page of campaigns, the last sent first unless asked otherwise."""
        return self.server.page(request, self._chosen_campaigns(request), show.campaign, "campaigns")

    def campaign(self, request: Request, given: str) -> Answer:
        """One campaign."""
        return self.server.shaped(request, show.campaign(known_campaign(self.server, given)))

    def reports(self, request: Request) -> Answer:
        """A page of reports."""
        rows = self._chosen_campaigns(request)
        return self.server.page(request, rows, lambda each: show.report(self.server.records, each), "reports")

    def report(self, request: Request, given: str) -> Answer:
        """One report, as it stands now; it changes for days after the sending."""
        return self.server.shaped(
            request, show.report(self.server.records, known_campaign(self.server, given))
        )

    def email_activity(self, request: Request, given: str) -> Answer:
        """What each recipient did; with `since`, only those who did something after it."""
        one, since = known_campaign(self.server, given), self.server.time(request, "since")
        contacts: Sequence[str] = one.recipients
        if since is not None:
            contacts = [
                each
                for each in contacts
                if any(activity.at > since for activity in one.activity.get(each, ()))
            ]
        count, offset = (
            self.server.number(request, "count", 10, MOST_PER_PAGE),
            self.server.number(request, "offset", 0),
        )
        body = {
            "emails": [
                show.email_activity(self.server.records, one, each, since)
                for each in contacts[offset : offset + count]
            ],
            "campaign_id": one.id,
            "total_items": len(contacts),
            "_links": [show.link("self", f"/reports/{one.id}/email-activity")],
        }
        return self.server.shaped(request, body)

    def email_activity_of(self, request: Request, given: str, who: str) -> Answer:
        """What one recipient did."""
        one, member = known_campaign(self.server, given), self.server.known_member(who)
        if member.contact_id not in one.recipients:
            raise Refused(404, *FOUND_NOTHING)
        since = self.server.time(request, "since")
        return self.server.shaped(
            request, show.email_activity(self.server.records, one, member.contact_id, since)
        )

    def sent_to(self, request: Request, given: str) -> Answer:
        """A page of recipients with what became of their copy."""
        one = known_campaign(self.server, given)

        def row(contact: str) -> dict[str, Any]:
            member = self.server.records.members.get(contact)
            done = {each.action: each for each in one.activity.get(contact, ())}
            opened = [each.at for each in one.activity.get(contact, ()) if each.action == "open"]
            return {
                "email_id": member.id if member else contact,
                "email_address": member.email if member else "",
                "merge_fields": member.merge_fields if member else {},
                "vip": bool(member and member.vip),
                "status": "hard" if "bounce" in done else "sent",
                "open_count": len(opened),
                "last_open": show.stamp(max(opened, default=None)),
                "absplit_group": "",
                "gmt_offset": 0,
                "campaign_id": one.id,
                "list_id": LIST_ID,
                "list_is_active": True,
                "_links": [],
            }

        return self.server.page(request, one.recipients, row, "sent_to")

    def unsubscribed(self, request: Request, given: str) -> Answer:
        """A page of those who left because of it."""
        one = known_campaign(self.server, given)
        rows = [
            each
            for each in self.server.records.members.values()
            if each.campaign == one.id and each.status == "unsubscribed"
        ]

        def row(each: Member) -> dict[str, Any]:
            return {
                "email_id": each.id,
                "email_address": each.email,
                "merge_fields": each.merge_fields,
                "vip": each.vip,
                "timestamp": show.stamp(each.unsubscribed_at),
                "reason": "None given",
                "campaign_id": one.id,
                "list_id": LIST_ID,
                "list_is_active": True,
                "_links": [],
            }

        return self.server.page(request, rows, row, "unsubscribes")

    def _waiting(self, one: Automation) -> int:
        return sum(len(self.server.records.queued.get(number, ())) for number, _, _ in one.mails)

    def automations(self, request: Request) -> Answer:
        """A page of the automations started so far."""
        rows = [
            each
            for each in show.started(self.server.world.clock, self.server.begin)
            if request.param("status") in ("", "sending")
        ]
        return self.server.page(
            request,
            rows,
            lambda each: show.automation(each, self.server.begin, self._waiting(each)),
            "automations",
        )

    def automation(self, request: Request, given: str) -> Answer:
        """One automation."""
        one = known_automation(self.server, given)
        return self.server.shaped(request, show.automation(one, self.server.begin, self._waiting(one)))

    def automation_mails(self, request: Request, given: str) -> Answer:
        """The mails of one automation."""
        rows = show.automation_mails(known_automation(self.server, given), self.server.begin)
        return self.server.page(request, rows, lambda each: each, "emails")
