"""A stand-in for a Mailchimp account, written from the facts: offsets over living sets, edges nobody documents."""

import random
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import orjson

from connectors.mailchimp import Mailchimp
from connectors.mailchimp_events import subscriber_hash
from connectors.pages import Known, Page, Window, nothing_known
from tests.connectors.connector_doubles import NOON, transport_to

FULL = Window(None, NOON)
DAY = timedelta(days=1)
MOST_AT_ONCE = 10


def member(number: int, changed: datetime, status: str = "subscribed", audience: str = "L1") -> dict:
    email = f"member{number}@example.com"
    return {
        "id": subscriber_hash(email),
        "contact_id": f"{number:032x}",
        "email_address": email,
        "list_id": audience,
        "status": status,
        "last_changed": stamp(changed),
    }


def stamp(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat(timespec="seconds")


def report(sent: datetime | None, opened: datetime | None = None) -> dict:
    return {"send_time": stamp(sent), "opens": {"last_open": stamp(opened)}, "clicks": {"last_click": ""}}


class FakeMailchimp:
    """One account with the audiences L1 and, when it has members, others.

    `inclusive` says whether the edges of a span of time belong to it, `disorder` shuffles what is sorted.
    """

    def __init__(
        self,
        members: Sequence[dict] = (),
        campaigns: dict[str, dict] | None = None,
        *,
        recipients: int = 1500,
        inclusive: bool = False,
        disorder: bool = False,
        offers_contacts: bool = False,
    ) -> None:
        self.members = [dict(each) for each in members]
        self.campaigns = dict(campaigns or {})
        self.recipients = recipients
        self.inclusive, self.disorder, self.offers_contacts = inclusive, disorder, offers_contacts
        self.automations = {"a1": ["m1", "m2"], "a2": ["m3"]}
        self.stats: dict[str, int] | None = None  # what the audience says of itself, when not the truth
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.on_request: Callable[[int], object] = lambda _: None
        self.at_once = self.most_at_once = 0
        self._dice = random.Random(7)
        self._lock = threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        with self._lock:
            self.at_once += 1
            self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            return self._answer(request)
        finally:
            with self._lock:
                self.at_once -= 1

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.at_once > MOST_AT_ONCE:
            return problem(429, "Too Many Requests")
        path, params = request.url.path, dict(request.url.params)
        if any(":" in value and " " in value for value in params.values()):
            params = {
                name: value for name, value in params.items() if " " not in value
            }  # ignored, as a bare plus is
        with self._lock:
            self.requests.append((path, params))
        answer = self.on_request(len(self.requests))
        if isinstance(answer, httpx.Response):
            return answer
        if int(params.get("count", 10)) > 1000:
            return problem(400, "Invalid Resource")
        match path.strip("/").split("/"):
            case ["lists"]:
                return self._slice("lists", [self._audience(each) for each in self._audiences()], params)
            case ["lists", audience]:
                return httpx.Response(200, json=self._audience(audience))
            case ["lists", audience, "members"]:
                return self._slice("members", self._members(audience, params), params)
            case ["lists", audience, "members", given]:
                return self._member(audience, given)
            case ["lists", _, "tag-search"]:
                return httpx.Response(200, json={"tags": [{"id": 1, "name": "new"}], "total_items": 1})
            case ["audiences", audience, "contacts", *given]:
                return self._contacts(audience, params, given)
            case ["reports", campaign, "email-activity"]:
                rows = [
                    {"campaign_id": campaign, "email_id": str(each), "activity": []}
                    for each in range(self.recipients)
                ]
                return self._slice("emails", rows, params)
            case ["campaigns" | "reports" as kind]:
                rows = [{"id": key, **each} for key, each in self.campaigns.items()]
                return self._slice(kind, rows, params)
            case ["campaigns" | "reports", given] if given in self.campaigns:
                return httpx.Response(200, json={"id": given, **self.campaigns[given]})
            case ["automations"]:
                return self._slice("automations", [{"id": each} for each in self.automations], params)
            case ["automations", given, "emails"]:
                rows = [{"id": each, "workflow_id": given} for each in self.automations[given]]
                return self._slice("emails", rows, params)
        return problem(404, "Resource Not Found")

    def _audiences(self) -> list[str]:
        return sorted({"L1", *(each["list_id"] for each in self.members)})

    def _audience(self, number: str) -> dict:
        mine = [each["status"] for each in self.members if each["list_id"] == number]
        stats = self.stats or {
            "member_count": mine.count("subscribed"),
            "unsubscribe_count": mine.count("unsubscribed"),
            "cleaned_count": mine.count("cleaned"),
        }
        return {"id": number, "stats": stats}

    def _members(self, audience: str, params: dict[str, str]) -> list[dict]:
        found = [
            each
            for each in self.members
            if each["list_id"] == audience and each["status"] == params["status"]
        ]
        slack = timedelta(seconds=1 if self.inclusive else 0)
        if since := params.get("since_last_changed"):
            edge = stamp(datetime.fromisoformat(since) - slack)
            found = [each for each in found if each["last_changed"] > edge]
        if before := params.get("before_last_changed"):
            edge = stamp(datetime.fromisoformat(before) + slack)
            found = [each for each in found if each["last_changed"] < edge]
        assert (params["sort_field"], params["sort_dir"]) == ("last_changed", "ASC")
        found.sort(key=lambda each: (each["last_changed"], each["contact_id"]))
        if self.disorder:
            self._dice.shuffle(found)
        return found

    def _member(self, audience: str, given: str) -> httpx.Response:
        for each in self.members:
            if each["list_id"] == audience and given in (each["id"], each["contact_id"]):
                return httpx.Response(200, json=each)
        return problem(404, "Resource Not Found")

    def _contacts(self, audience: str, params: dict[str, str], given: list[str]) -> httpx.Response:
        if not self.offers_contacts:
            return problem(404, "Resource Not Found")
        rows = [
            {"audience_id": audience, "id": each["contact_id"], "last_updated_at": each["last_changed"]}
            for each in self.members
            if each["list_id"] == audience
        ]
        rows.sort(key=lambda each: each["id"])  # in the order of joining
        if given:
            found = [each for each in rows if each["id"] == given[0]]
            return httpx.Response(200, json=found[0]) if found else problem(404, "Resource Not Found")
        if since := params.get("updated_since"):
            edge = datetime.fromisoformat(since)
            rows = [each for each in rows if datetime.fromisoformat(each["last_updated_at"]) > edge]
        rest = [each for each in rows if each["id"] > params.get("cursor", "")]
        page = rest[: int(params["count"])]
        said = {"contacts": page, "next_cursor": page[-1]["id"] if page else None}
        return httpx.Response(200, json=said)

    def _slice(self, field: str, rows: list[dict], params: dict[str, str]) -> httpx.Response:
        count, offset = int(params.get("count", 10)), int(params.get("offset", 0))
        return httpx.Response(200, json={field: rows[offset : offset + count], "total_items": len(rows)})

    # Reading it

    def connector(self, **options: Any) -> Mailchimp:
        return Mailchimp(transport_to(self), **options)

    def read(
        self,
        resource: str,
        window: Window = FULL,
        resume: str | None = None,
        known: Known = nothing_known,
    ) -> list[Page]:
        return list(self.connector().read(resource, window, resume, known=known))


def problem(status: int, title: str) -> httpx.Response:
    headers = {"Content-Type": "application/problem+json"}
    return httpx.Response(status, headers=headers, json={"title": title, "status": status})


def values(pages: Sequence[Page], field: str, name: str = "id") -> list[Any]:
    return [each[name] for page in pages for each in orjson.loads(page.body)[field]]


def counts(pages: Sequence[Page]) -> tuple[int | None, int | None]:
    """(total, given) of a read, which stand on its last page alone."""
    assert all((page.total, page.given) == (None, None) for page in pages[:-1])
    assert [page.cursor is None for page in pages] == [False] * (len(pages) - 1) + [True]
    return pages[-1].total, pages[-1].given


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)
