"""Mailchimp Transactional's server: sending, looking up what was sent, and the deny list.

The key comes in the body. Errors are 500 even where the request is at fault, as at the vendor.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sandbox.limits import Violations
from sandbox.mandrill_records import MandrillRecords, Sent
from sandbox.messages import Answer, BadBody, Request, is_email, said
from sandbox.wire import Routes
from sandbox.world import World, iso

SEARCHED_DAYS = 7  # how far back a search looks that names no dates
MOST_FOUND = 1_000
MOST_AT_ONCE = 10  # recipients; with more the message is queued


class Refused(Exception):
    """A request that the vendor answers with an error; carries that answer."""

    def __init__(self, name: str, code: int, message: str, status: int = 500) -> None:
        super().__init__(message)
        self.answer = said({"status": "error", "code": code, "name": name, "message": message}, status)


class MandrillServer:
    """One account over HTTP."""

    name = "mandrill"

    def __init__(self, world: World, key: str, violations: Violations) -> None:
        self.world, self.key, self.violations = world, key, violations
        self.routes = Routes()
        add = self.routes.add
        add("POST", "/api/{v}/users/ping", self._ping)
        add("POST", "/api/{v}/users/ping2", self._ping2)
        add("POST", "/api/{v}/users/info", self._info)
        add("POST", "/api/{v}/messages/send", self._send)
        add("POST", "/api/{v}/messages/send-template", self._send_template)
        add("POST", "/api/{v}/messages/search", self._search)
        add("POST", "/api/{v}/messages/info", self._message)
        add("POST", "/api/{v}/rejects/add", self._deny)
        add("POST", "/api/{v}/rejects/list", self._denied)
        add("POST", "/api/{v}/rejects/delete", self._allow)

    @property
    def records(self) -> MandrillRecords:
        """The account's content."""
        return self.world.mandrill

    def turn_away(self, request: Request, _connections: int) -> Answer | None:
        """401 without the right key in the body, else None."""
        self.violations.requests[self.name] += 1
        try:
            given = request.object().get("key")
        except BadBody:
            return None  # what is wrong with it is said later
        return None if given == self.key else self.refusal(request, 401)

    def refusal(self, _request: Request, status: int) -> Answer:
        """The vendor's body for this status."""
        if status == 401:
            return Refused("Invalid_Key", 401, "Invalid API key", 401).answer
        if status == 429:
            return Refused("Too_Many_Requests", 429, "Too many requests", 429).answer
        return Refused("GeneralError", -99, "An unexpected error occurred", status).answer

    def handle(self, request: Request) -> Answer:
        """The answer."""
        *folders, last = request.segments
        found = self.routes.find(request.method, (*folders, last.removesuffix(".json")))
        if found is None:
            return Refused("Unknown_Method", -1, f"Unknown method {request.path}").answer
        handler, parts = found
        try:
            return handler(request, *parts)
        except Refused as refused:
            return refused.answer
        except BadBody:
            return Refused("ValidationError", -2, "The request body is no valid JSON").answer

    # The account.

    def _ping(self, _request: Request, _version: str) -> Answer:
        return said("PONG!")

    def _ping2(self, _request: Request, _version: str) -> Answer:
        return said({"PING": "PONG!"})

    def _info(self, _request: Request, _version: str) -> Answer:
        messages = [*self.records.messages.values()]
        body = {
            "username": "tenfold-demo",
            "created_at": "2025-11-01 08:00:00",
            "public_id": f"tenfold{self.world.plan.seed}",
            "reputation": 80,
            "hourly_quota": 5_000,
            "backlog": 0,
            "stats": {
                "all_time": {
                    "sent": sum(each.state == "sent" for each in messages),
                    "rejects": sum(each.state == "rejected" for each in messages),
                }
            },
        }
        return said(body)

    # Sending.

    def _send(self, request: Request, _version: str) -> Answer:
        """An array with a row for each recipient. Sent twice, it is delivered twice."""
        return self._sent(request.object(), "")

    def _send_template(self, request: Request, _version: str) -> Answer:
        body = request.object()
        template = str(body.get("template_name") or "")
        if not template:
            raise Refused("ValidationError", -2, "You must specify a template_name value")
        if not isinstance(body.get("template_content"), list):
            raise Refused("ValidationError", -2, "You must specify a template_content value")
        return self._sent(body, template)

    def _sent(self, body: dict[str, Any], template: str) -> Answer:
        message = body.get("message")
        to = message.get("to") if isinstance(message, dict) else None
        if not isinstance(message, dict) or not isinstance(to, list) or not to:
            raise Refused(
                "ValidationError", -2, 'Validation error: {"message":{"to":"Please enter an array"}}'
            )
        later = _moment(body.get("send_at"))
        waiting = body.get("async") is True or len(to) > MOST_AT_ONCE
        state = "scheduled" if later and later > self.world.clock else "queued" if waiting else "sent"
        own = {
            str(each.get("rcpt")): each.get("values") or {}
            for each in message.get("recipient_metadata") or ()
        }
        rows = []
        for each in to:
            email = str(each.get("email") or "") if isinstance(each, dict) else ""
            reason = self.records.denied.get(email.lower(), (None, None))[0]
            rows.append(
                {
                    "email": email,
                    "state": "invalid" if not is_email(email) else "rejected" if reason else state,
                    "reject_reason": reason if is_email(email) else None,
                    "sender": str(message.get("from_email") or ""),
                    "subject": str(message.get("subject") or ""),
                    "template": template,
                    "tags": [str(tag) for tag in message.get("tags") or ()],
                    "metadata": {**(message.get("metadata") or {}), **own.get(email, {})},
                    "message": {name: value for name, value in message.items() if name != "to"},
                }
            )
        made: list[Sent] = self.world.commit(("mandrill.send", {"rows": rows}))[0]
        return said(
            [
                {
                    "email": each.email,
                    "status": each.state,
                    "reject_reason": each.reject_reason,
                    "queued_reason": None,
                    "_id": each.id,
                }
                for each in made
            ]
        )

    # Looking up.

    def _search(self, request: Request, _version: str) -> Answer:
        """An array of messages, the last first; the index may lag behind what was sent."""
        body = request.object()
        lag = timedelta(seconds=self.world.faults.setting("search_lag_seconds", self.name))
        newest, oldest = self.world.clock - lag, self.world.clock - timedelta(days=SEARCHED_DAYS)
        if since := _day(body.get("date_from"), "date_from"):
            oldest = datetime.combine(since, time(), tzinfo=UTC)
        if until := _day(body.get("date_to"), "date_to"):
            newest = min(newest, datetime.combine(until, time(), tzinfo=UTC) + timedelta(days=1))
        tags = {str(each) for each in body.get("tags") or ()}
        senders = {str(each).lower() for each in body.get("senders") or ()}
        terms = [] if body.get("query") in (None, "", "*") else str(body["query"]).split()
        limit = 100 if body.get("limit") is None else body["limit"]
        if not isinstance(limit, int) or not 0 < limit <= MOST_FOUND:
            raise Refused("ValidationError", -2, f"limit must be between 1 and {MOST_FOUND}")
        rows = [
            each
            for each in reversed(self.records.messages.values())
            if oldest <= each.at <= newest
            and (not tags or tags & set(each.tags))
            and (not senders or each.sender.lower() in senders)
            and all(_fits(each, term) for term in terms)
        ]
        return said([_shown(each) for each in rows[:limit]])

    def _message(self, request: Request, _version: str) -> Answer:
        """One message by its id, at once."""
        given = str(request.object().get("id") or "")
        found = self.records.messages.get(given)
        if found is None:
            raise Refused("Unknown_Message", 11, f"No message exists with the id '{given}'")
        return said(_shown(found))

    # The deny list.

    def _deny(self, request: Request, _version: str) -> Answer:
        email = self._address(request)
        added = email not in self.records.denied
        self.world.commit(("mandrill.deny", {"email": email, "reason": "custom"}))
        return said({"email": email, "added": added})

    def _denied(self, request: Request, _version: str) -> Answer:
        wanted = str(request.object().get("email") or "").lower()
        rows = [
            {"email": email, "reason": why, "detail": "", "created_at": iso(since), "expired": False}
            for email, (why, since) in self.records.denied.items()
            if wanted in ("", email)
        ]
        return said(rows)

    def _allow(self, request: Request, _version: str) -> Answer:
        email = self._address(request)
        held = email in self.records.denied
        if held:
            self.world.commit(("mandrill.allow", {"email": email}))
        return said({"email": email, "deleted": held})

    @staticmethod
    def _address(request: Request) -> str:
        email = str(request.object().get("email") or "").lower()
        if not is_email(email):
            raise Refused("ValidationError", -2, "You must specify an email value")
        return email


def _fits(one: Sent, term: str) -> bool:
    """True when the message has this word, or this value in the field before the colon."""
    name, colon, value = term.partition(":")
    wanted = (value if colon else term).lower()
    if colon and name.startswith("u_"):
        return str(one.metadata.get(name.removeprefix("u_"), "")).lower() == wanted
    fields = {
        "email": [one.email],
        "full_email": [one.email],
        "sender": [one.sender],
        "subject": one.subject.split(),
        "tags": one.tags,
        "state": [one.state],
        "template": [one.template],
    }
    if colon and name in fields:
        return any(wanted in each.lower() for each in fields[name])
    everywhere = [
        one.email,
        one.sender,
        one.subject,
        *one.tags,
        *(str(each) for each in one.metadata.values()),
    ]
    return any(term.lower() in each.lower() for each in everywhere)


def _shown(one: Sent) -> dict[str, Any]:
    return {
        "ts": int(one.at.timestamp()),
        "_id": one.id,
        "sender": one.sender,
        "template": one.template or None,
        "subject": one.subject,
        "email": one.email,
        "tags": one.tags,
        "opens": 0,
        "opens_detail": [],
        "clicks": 0,
        "clicks_detail": [],
        "state": one.state,
        "metadata": one.metadata,
        "smtp_events": [],
        "resends": [],
    }


def _day(given: object, name: str) -> date | None:
    if not given:
        return None
    try:
        return date.fromisoformat(str(given)[:10])
    except ValueError:
        raise Refused("ValidationError", -2, f"{name} must be a date such as 2026-11-16") from None


def _moment(given: object) -> datetime | None:
    if not given:
        return None
    try:
        return datetime.fromisoformat(str(given)).replace(tzinfo=UTC)
    except ValueError:
        raise Refused("ValidationError", -2, "send_at must be a UTC timestamp") from None
