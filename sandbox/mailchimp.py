"""Mailchimp's server: who may ask, how many at once, and the answers to reads."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import orjson

from sandbox import mailchimp_answers as show
from sandbox import mailchimp_audiences, mailchimp_reports, mailchimp_writes
from sandbox.limits import Limits, Violations
from sandbox.mailchimp_answers import FOUND_NOTHING, Refused, problem
from sandbox.mailchimp_records import (
    LIST_ID,
    STATUSES,
    MailchimpRecords,
    Member,
    subscriber_hash,
)
from sandbox.messages import Answer, BadBody, Request, said
from sandbox.simulation import first_day
from sandbox.wire import Handler, Routes
from sandbox.world import World

MOST_PER_PAGE = 1_000


class MailchimpServer:
    """One account over HTTP."""

    name = "mailchimp"

    def __init__(self, world: World, api_key: str, limits: Limits, violations: Violations) -> None:
        self.world, self.api_key, self.violations = world, api_key, violations
        self.connections = limits.mailchimp_connections
        day = first_day(world.plan.clock, world.plan.months)
        self.begin = datetime(day.year, day.month, day.day, tzinfo=UTC)
        self.routes = Routes()
        add = self.routes.add
        add("GET", "/3.0", self._root)
        add("GET", "/3.0/ping", self._ping)
        add("GET", "/3.0/lists", self._lists)
        add("GET", "/3.0/lists/{list}", self._list)
        members = "/3.0/lists/{list}/members"
        add("GET", members, self._members)
        add("GET", members + "/{member}", self._member)
        add("GET", members + "/{member}/tags", self._member_tags)
        add("GET", members + "/{member}/activity", self._member_activity)
        add("GET", members + "/{member}/activity-feed", self._member_feed)
        add("GET", members + "/{member}/events", self._member_events)
        add("GET", "/3.0/lists/{list}/tag-search", self._tags)
        add("GET", "/3.0/lists/{list}/segments", self._segments)
        add("GET", "/3.0/lists/{list}/merge-fields", self._merge_fields)
        add("GET", "/3.0/search-members", self._search_members)
        mailchimp_audiences.add_routes(self)
        mailchimp_reports.add_routes(self)
        mailchimp_writes.add_routes(self)

    @property
    def records(self) -> MailchimpRecords:
        """The account's content."""
        return self.world.mailchimp

    # The door.

    def turn_away(self, request: Request, connections: int) -> Answer | None:
        """429 above ten requests at once, 401, else None."""
        self.violations.requests[self.name] += 1
        if connections > self.connections:
            self.violations.exceeded[self.name, "connections"] += 1
            return self.refusal(request, 429)
        if not self._knows(request.headers.get("authorization", "")):
            return self.refusal(request, 401)
        return None

    def _knows(self, given: str) -> bool:
        kind, _, secret = given.partition(" ")
        if kind == "Bearer":
            return secret == self.api_key
        try:
            return kind == "Basic" and base64.b64decode(secret).decode().partition(":")[2] == self.api_key
        except (binascii.Error, UnicodeDecodeError):
            return False

    def refusal(self, _request: Request, status: int) -> Answer:
        """Mailchimp's body for this status."""
        words = {
            401: (
                "API Key Invalid",
                "Your API key may be invalid, or you've attempted to access the wrong datacenter.",
            ),
            403: ("Forbidden", "You are not permitted to access this resource."),
            404: FOUND_NOTHING,
            429: ("Too Many Requests", "You have exceeded the limit of 10 simultaneous connections."),
        }
        title, detail = words.get(
            status, ("Internal Server Error", "An unexpected internal error has occurred.")
        )
        return problem(status, title, detail)

    def handle(self, request: Request) -> Answer:
        """The answer."""
        found = self.routes.find(request.method, request.segments)
        try:
            return self._routed(request, found)
        except Refused as refused:
            return refused.answer
        except BadBody:
            return problem(400, "JSON Parse Error", "We encountered an unspecified JSON parsing error.")

    def _routed(self, request: Request, found: tuple[Handler, list[str]] | None) -> Answer:
        if found is None:
            if self.routes.knows(request.segments):
                raise Refused(405, "Method Not Allowed", "The requested method is not allowed.")
            raise Refused(404, *FOUND_NOTHING)
        handler, parts = found
        return handler(request, *parts)

    # Shapes that all lists share.

    def shaped(self, request: Request, body: dict[str, Any]) -> Answer:
        """The body, less what `fields` and `exclude_fields` leave out."""
        if names := request.words("fields"):
            body = show.keep(body, show.tree(names))
        if names := request.words("exclude_fields"):
            body = show.drop(body, show.tree(names))
        return said(body)

    def page(
        self, request: Request, rows: Sequence[Any], show_one: Callable[[Any], Any], name: str
    ) -> Answer:
        """`count` rows from `offset` on, of a set that may change between two calls."""
        count, offset = self.number(request, "count", 10, MOST_PER_PAGE), self.number(request, "offset", 0)
        body: dict[str, Any] = {
            name: [show_one(each) for each in rows[offset : offset + count]],
            "total_items": len(rows),
            "_links": [show.link("self", request.path.removeprefix("/3.0"))],
        }
        return self.shaped(request, body)

    @staticmethod
    def number(request: Request, name: str, default: int, most: int | None = None) -> int:
        """A whole-number parameter. Raises Refused."""
        text = request.param(name)
        if not text:
            return default
        if not text.isdigit() or (most is not None and int(text) > most):
            wrong = {"field": name, "message": f"This value should be a whole number up to {most or 'any'}."}
            raise Refused(400, "Invalid Resource", "The resource submitted could not be validated.", [wrong])
        return int(text)

    @staticmethod
    def time(request: Request, name: str) -> datetime | None:
        """A time parameter. An unescaped plus sign arrives as a space and is then no time. Raises Refused."""
        text = request.param(name)
        if not text:
            return None
        try:
            found = datetime.fromisoformat(text)
        except ValueError:
            wrong = {"field": name, "message": "This value is not a valid datetime."}
            raise Refused(
                400, "Invalid Resource", "The resource submitted could not be validated.", [wrong]
            ) from None
        return found if found.tzinfo else found.replace(tzinfo=UTC)

    def known_list(self, given: str) -> None:
        """Raises Refused for a list that there is not."""
        if given != LIST_ID:
            raise Refused(404, *FOUND_NOTHING)

    def known_member(self, given: str) -> Member:
        """The member by hash, address or contact id. Raises Refused."""
        found = self.records.by_hash.get(given.lower()) or self.records.members.get(given)
        if found is None and "@" in given:
            found = self.records.by_hash.get(subscriber_hash(given))
        if found is None:
            raise Refused(404, *FOUND_NOTHING)
        return found

    # The account and its audience.

    def _root(self, request: Request) -> Answer:
        body = {
            "account_id": sha256(f"account/{self.world.plan.seed}".encode()).hexdigest()[:25],
            "login_id": "7c1f2",
            "account_name": "Tenfold Demo SL",
            "email": "hola@tenfold.example",
            "first_name": "Elena",
            "last_name": "Robles",
            "username": "tenfold",
            "avatar_url": "",
            "role": "owner",
            "member_since": show.stamp(self.begin),
            "pricing_plan_type": "monthly",
            "first_payment": show.stamp(self.begin),
            "account_timezone": "Europe/Madrid",
            "account_industry": "Business and Finance",
            "contact": {"company": "Tenfold Demo SL", "city": "Madrid", "country": "ES"},
            "pro_enabled": False,
            "last_login": show.stamp(self.world.clock),
            "total_subscribers": sum(each.status == "subscribed" for each in self.records.members.values()),
            "_links": [show.link("self", "/")],
        }
        return self.shaped(request, body)

    def _ping(self, _request: Request) -> Answer:
        return said({"health_status": "Everything's Chimpy!"})

    def _lists(self, request: Request) -> Answer:
        rows = [show.audience(self.records, self.begin)]
        return self.page(request, rows, lambda each: each, "lists")

    def _list(self, request: Request, given: str) -> Answer:
        self.known_list(given)
        return self.shaped(request, show.audience(self.records, self.begin))

    def _members(self, request: Request, given: str) -> Answer:
        self.known_list(given)
        rows = self._chosen_members(request)
        count, offset = self.number(request, "count", 10, MOST_PER_PAGE), self.number(request, "offset", 0)
        fields, without = request.words("fields"), request.words("exclude_fields")
        wanted, unwanted = show.tree(fields), show.tree(without)
        inner = wanted.get("members", {})
        page: list[orjson.Fragment] = []
        key = (fields, without)
        for each in rows[offset : offset + count] if not fields or "members" in wanted else ():
            found = each.shown.get(key)
            if found is None:
                body = show.drop(
                    show.keep(show.member(self.records, each), inner), unwanted.get("members") or {}
                )
                found = each.shown[key] = orjson.dumps(body)
            page.append(orjson.Fragment(found))
        answer = {
            "members": page,
            "list_id": LIST_ID,
            "total_items": len(rows),
            "_links": [show.link("self", f"/lists/{LIST_ID}/members")],
        }
        answer = {
            name: value
            for name, value in answer.items()
            if (not fields or name in wanted) and unwanted.get(name) != {}
        }
        return said(answer)

    def _chosen_members(self, request: Request) -> list[Member]:
        status = request.param("status")
        if status and status not in STATUSES:
            wrong = {"field": "status", "message": f"Value must be one of {', '.join(STATUSES)}."}
            raise Refused(400, "Invalid Resource", "The resource submitted could not be validated.", [wrong])
        rows = [
            each
            for each in self.records.members.values()
            if each.status == status or (not status and each.status != "archived")
        ]
        if since := self.time(request, "since_last_changed"):
            rows = [each for each in rows if each.changed > since]
        if before := self.time(request, "before_last_changed"):
            rows = [each for each in rows if each.changed < before]
        if since := self.time(request, "since_timestamp_opt"):
            rows = [each for each in rows if each.signed_up > since]
        if before := self.time(request, "before_timestamp_opt"):
            rows = [each for each in rows if each.signed_up < before]
        if since := self.time(request, "unsubscribed_since"):
            rows = [each for each in rows if each.unsubscribed_at and each.unsubscribed_at > since]
        if email := request.param("email_address"):
            rows = [each for each in rows if each.email.lower() == email.lower()]
        field = request.param("sort_field")
        if field == "last_changed":
            rows.sort(key=lambda each: (each.changed, each.web_id))
        elif field in ("timestamp_opt", "timestamp_signup"):
            rows.sort(key=lambda each: (each.signed_up, each.web_id))
        elif field:
            wrong = {"field": "sort_field", "message": "Value must be one of timestamp_opt, last_changed."}
            raise Refused(400, "Invalid Resource", "The resource submitted could not be validated.", [wrong])
        if request.param("sort_dir").upper() == "DESC":
            rows.reverse()
        return rows

    def _member(self, request: Request, given: str, who: str) -> Answer:
        self.known_list(given)
        return self.shaped(request, show.member(self.records, self.known_member(who)))

    def _member_tags(self, request: Request, given: str, who: str) -> Answer:
        self.known_list(given)
        rows = [
            {"id": number, "name": self.records.tags[number], "date_added": show.stamp(at)}
            for number, at in self.known_member(who).tags.items()
        ]
        return self.page(request, rows, lambda each: each, "tags")

    def _done_by(self, who: Member) -> list[dict[str, Any]]:
        rows = []
        for campaign in self.records.campaigns.values():
            if who.contact_id in campaign.recipients:
                rows.append(("sent", campaign.sent_at, campaign, ""))
            rows += [
                (each.action, each.at, campaign, each.url)
                for each in campaign.activity.get(who.contact_id, ())
            ]
        rows.sort(key=lambda row: row[1], reverse=True)
        return [
            {"action": action, "at": show.stamp(at), "url": url, "campaign": campaign}
            for action, at, campaign, url in rows
        ]

    def _member_activity(self, request: Request, given: str, who: str) -> Answer:
        """The older feed: the last 50 things."""
        self.known_list(given)
        member = self.known_member(who)
        rows = [
            {
                "action": row["action"],
                "timestamp": row["at"],
                "url": row["url"],
                "type": "regular",
                "campaign_id": row["campaign"].id,
                "title": row["campaign"].title,
                "parent_campaign": "",
            }
            for row in self._done_by(member)[:50]
        ]
        body = {
            "activity": rows,
            "email_id": member.id,
            "list_id": LIST_ID,
            "total_items": len(rows),
            "_links": [],
        }
        return self.shaped(request, body)

    def _member_feed(self, request: Request, given: str, who: str) -> Answer:
        self.known_list(given)
        member = self.known_member(who)
        wanted = request.words("activity_filters")
        rows = [
            {
                "activity_type": row["action"],
                "created_at_timestamp": row["at"],
                "campaign_id": row["campaign"].id,
                "campaign_title": row["campaign"].title,
                **({"link_clicked": row["url"]} if row["url"] else {}),
            }
            for row in self._done_by(member)
            if not wanted or row["action"] in wanted
        ]
        count, offset = self.number(request, "count", 10, MOST_PER_PAGE), self.number(request, "offset", 0)
        body = {
            "activity": rows[offset : offset + count],
            "email_id": member.id,
            "list_id": LIST_ID,
            "total_items": len(rows),
            "_links": [],
        }
        return self.shaped(request, body)

    def _member_events(self, request: Request, given: str, who: str) -> Answer:
        self.known_list(given)
        rows = self.records.member_events.get(self.known_member(who).contact_id, [])
        return self.page(request, rows, lambda each: each, "events")

    def _tags(self, request: Request, given: str) -> Answer:
        self.known_list(given)
        name = request.param("name").lower()
        rows = [
            {"id": number, "name": text}
            for number, text in self.records.tags.items()
            if text.lower().startswith(name)
        ]
        return self.shaped(request, {"tags": rows, "total_items": len(rows)})

    def _segments(self, request: Request, given: str) -> Answer:
        """Tags again: Mailchimp keeps them as static segments."""
        self.known_list(given)
        rows = [
            {
                "id": number,
                "name": text,
                "member_count": sum(number in each.tags for each in self.records.members.values()),
                "type": "static",
                "created_at": show.stamp(self.begin),
                "updated_at": show.stamp(self.begin),
                "list_id": LIST_ID,
                "_links": [],
            }
            for number, text in self.records.tags.items()
            if request.param("type") in ("", "static")
        ]
        return self.page(request, rows, lambda each: each, "segments")

    def _merge_fields(self, request: Request, given: str) -> Answer:
        self.known_list(given)
        rows = [
            {
                "merge_id": place,
                "tag": tag,
                "name": name,
                "type": "text",
                "required": False,
                "list_id": LIST_ID,
            }
            for place, (tag, name) in enumerate(
                (("FNAME", "First Name"), ("LNAME", "Last Name"), ("COMPANY", "Company")), 1
            )
        ]
        return self.page(request, rows, lambda each: each, "merge_fields")

    def _search_members(self, request: Request) -> Answer:
        text = request.param("query").lower()
        everyone = self.records.members.values()
        exact = [each for each in everyone if each.email.lower() == text]
        near = [
            each
            for each in everyone
            if text
            and each not in exact
            and text in f"{each.email} {' '.join(each.merge_fields.values())}".lower()
        ]
        body = {
            name: {
                "members": [show.member(self.records, each) for each in rows[:30]],
                "total_items": len(rows),
            }
            for name, rows in (("exact_matches", exact), ("full_search", near))
        }
        return self.shaped(request, {**body, "_links": []})
