"""Mailchimp: pages of audiences, members, campaigns, reports, activity, tags and automations.

Lists are paged by offset over a living set: rows that change move, and others slip through the gap. Members
are therefore read by the time of their last change; the small lists are read whole each time.
"""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

from connectors.errors import FixConfig, UnexpectedData
from connectors.mailchimp_write import MailchimpWrites
from connectors.pages import (
    Access,
    Identity,
    Known,
    Page,
    Probe,
    Resource,
    Source,
    Window,
    cursor_of,
    nothing_known,
    state_of,
)
from connectors.probing import TRIES, probe_all
from connectors.transport import Reply, Transport, identified_in, records_in

PAGE = 1000  # Mailchimp's maximum
STATUSES = ("subscribed", "unsubscribed", "cleaned", "pending", "transactional", "archived")
OVERLAP = timedelta(minutes=5)  # last_changed has whole seconds, and its edge is not documented
TRAILING = timedelta(days=30)  # reports go on changing for weeks after the sending
SETTLING = timedelta(days=3)  # bounces arrive for days and move no counter of opens or clicks


def _resource(name: str, key: str = "$.id", records: str | None = None) -> Resource:
    return Resource("mailchimp", name, records or f"$.{name}", key)


RESOURCES: dict[str, Resource] = {
    resource.name: resource
    for resource in (
        _resource("lists"),
        _resource("members", "$.list_id+$.id"),
        _resource("campaigns"),
        _resource("reports"),
        _resource("email_activity", "$.campaign_id+$.email_id", "$.emails"),
        _resource("tags"),
        _resource("automations"),
    )
}


def data_centre(api_key: str) -> str:
    """The data centre in an API key (`…-us19`). Raises FixConfig when the key has none."""
    found = re.search(r"-([a-z]{2}\d{1,3})$", api_key.strip())
    if found is None:
        raise FixConfig("mailchimp: TENFOLD_MAILCHIMP__API_KEY does not end in a data centre such as -us19.")
    return found[1]


def base_url(api_key: str) -> str:
    """Mailchimp's address for that key."""
    return f"https://{data_centre(api_key)}.api.mailchimp.com/3.0"


def authorization(api_key: str) -> Mapping[str, str]:
    """The header that carries the key."""
    return {"Authorization": "Basic " + base64.b64encode(f"tenfold:{api_key}".encode()).decode()}


@dataclass(frozen=True, slots=True)
class _Report:
    campaign_id: str
    sent_at: datetime | None
    last_activity: datetime | None

    def moved_since(self, instant: datetime) -> bool:
        """Whether its activity may have changed since: something was opened, or it may still bounce."""
        moved = max((at for at in (self.last_activity, self.sent_at) if at), default=None)
        return (moved is not None and moved >= instant) or (
            self.sent_at is not None and self.sent_at >= instant - SETTLING
        )


class Mailchimp:
    """One account."""

    source = "mailchimp"
    resources = RESOURCES
    api_version = "3.0"

    def __init__(self, transport: Transport) -> None:
        self._http = transport

    @property
    def writes(self) -> MailchimpWrites:
        """The same account, to write into."""
        return MailchimpWrites(self._http)

    def identity(self) -> Identity:
        """The account behind the key."""
        said = self._http.get("/").data
        if not said.get("account_id"):
            raise UnexpectedData("mailchimp: the root names no account_id; check the base URL.")
        return Identity(str(said["account_id"]), said.get("account_name"), said.get("account_timezone"))

    def probe(self) -> list[Probe]:
        """One check per kind of data that reading needs."""
        get = partial(self._http.get, tries=TRIES)
        one = {"count": 1}
        return probe_all(
            [
                ("account", partial(get, "/")),
                *(
                    (name, partial(get, f"/{name}", one))
                    for name in ("lists", "campaigns", "reports", "automations")
                ),
            ]
        )

    def read(
        self,
        resource: str,
        window: Window,
        resume: str | None = None,
        *,
        ids: Sequence[str] = (),  # noqa: ARG002 - the seam's; Mailchimp has no association streams
        known: Known = nothing_known,  # noqa: ARG002 - the seam's; whole records come with each page
    ) -> Iterator[Page]:
        """Pages of `resource`, going on after the page whose cursor was `resume`. Raises ConnectorError."""
        state = state_of(resume)
        if resource == "members":
            yield from self._members(window, state)
        elif resource == "email_activity":
            yield from self._activity(window, state)
        elif resource == "tags":
            places = [f"/lists/{{id}}/tag-search|{number}" for number in self._ids("lists")]
            yield from self._in_turn(places, "tags", {}, state)
        elif resource == "reports" and window.since is not None:
            trailing = {"since_send_time": _iso(window.until - TRAILING)}
            yield from self._in_turn(["/reports"], "reports", trailing, state)
        else:
            yield from self._in_turn([f"/{resource}"], resource, {}, state)

    def read_ids(self, resource: str, ids: Sequence[str]) -> Iterator[Page]:
        """No resource is `by_id` yet."""
        raise NotImplementedError

    def close(self) -> None:
        """Close connections and the limiters' files."""
        self._http.close()

    def _in_turn(
        self,
        places: Sequence[str],
        field: str,
        params: Mapping[str, str],
        state: dict[str, Any],
        page: int = PAGE,
    ) -> Iterator[Page]:
        """Each place (`path` or `path|id`) read whole by offset, one after the other."""
        first = int(state.get("place", 0))
        offset = int(state.get("offset", 0))
        for number in range(first, len(places)):
            path, _, audience = places[number].partition("|")
            while True:
                asked: dict[str, str | int | bool] = {
                    **params,
                    "count": page,
                    "offset": offset,
                    "exclude_fields": f"_links,{field}._links",
                }
                reply = self._http.get(path, asked, parts={"id": audience})
                count = len(records_in(reply, field, f"mailchimp {field}"))
                offset += count
                total = _total(reply, field)
                if count and offset < total:
                    yield Page(reply.body, count, cursor_of({"place": number, "offset": offset}))
                    continue
                warning = None
                if offset < total:
                    warning = f"{field}: Mailchimp counts {total} records and gave {offset}"
                offset = 0
                more = number + 1 < len(places)
                yield Page(reply.body, count, cursor_of({"place": number + 1}) if more else None, warning)
                break

    def _members(self, window: Window, state: dict[str, Any]) -> Iterator[Page]:
        """Each audience and status by ascending time of the last change, from the last one seen on."""
        places = [(number, status) for number in self._ids("lists") for status in STATUSES]
        first = int(state.get("place", 0))
        floor_at_start = window.since - OVERLAP if window.since else None
        since = _instant(state.get("since")) or floor_at_start
        offset = int(state.get("offset", 0))
        for number in range(first, len(places)):
            audience, status = places[number]
            while True:
                reply = self._member_page(audience, status, since, offset)
                rows = records_in(reply, "members", "mailchimp members")
                total = _total(reply, "members")
                if rows and offset + len(rows) < total:
                    onward = _onward(rows)
                    if onward is not None and (since is None or onward > since):
                        since, offset = onward, 0
                    else:
                        # A whole page within one second, or out of order: only the offset gets past it.
                        offset += len(rows)
                    going_on = {"place": number, "since": _iso(since) if since else None, "offset": offset}
                    yield Page(reply.body, len(rows), cursor_of(going_on))
                    continue
                warning = None
                if offset + len(rows) < total:
                    got = offset + len(rows)
                    warning = f"members ({status}): Mailchimp counts {total} records and gave {got}"
                since, offset = floor_at_start, 0
                more = number + 1 < len(places)
                yield Page(reply.body, len(rows), cursor_of({"place": number + 1}) if more else None, warning)
                break

    def _member_page(self, audience: str, status: str, since: datetime | None, offset: int) -> Reply:
        params: dict[str, str | int | bool] = {
            "status": status,
            "sort_field": "last_changed",
            "sort_dir": "ASC",
            "count": PAGE,
            "offset": offset,
            "exclude_fields": "_links,members._links",
        }
        if since is not None:
            params["since_last_changed"] = _iso(since)
        return self._http.get("/lists/{id}/members", params, parts={"id": audience})

    def _activity(self, window: Window, state: dict[str, Any]) -> Iterator[Page]:
        """What the recipients of each campaign did; in an increment only of campaigns that moved.

        Asked with `since`, Mailchimp tells only the newer actions of a recipient, and the record that comes
        back would stand for the whole; so a campaign that moved is read whole, and one at rest not at all.
        """
        reports = sorted(self._reports(), key=lambda report: report.campaign_id)
        if window.since is not None:
            edge = window.since - OVERLAP
            reports = [report for report in reports if report.moved_since(edge)]
        done = str(state.get("done", ""))
        todo = [report.campaign_id for report in reports if report.campaign_id > done]
        offset = int(state.get("offset", 0))
        for place, campaign in enumerate(todo):
            start = {"offset": offset if place == 0 else 0}
            pages = self._in_turn([f"/reports/{{id}}/email-activity|{campaign}"], "emails", {}, start)
            for page in pages:
                if page.cursor is not None:
                    within = state_of(page.cursor)["offset"]
                    cursor: str | None = cursor_of({"done": done, "offset": within})
                else:
                    done = campaign
                    cursor = cursor_of({"done": done}) if place + 1 < len(todo) else None
                yield Page(page.body, page.count, cursor, page.warning)

    def _reports(self) -> Iterator[_Report]:
        wanted = "total_items,reports.id,reports.send_time,reports.opens.last_open,reports.clicks.last_click"
        offset = 0
        while True:
            reply = self._http.get("/reports", {"count": PAGE, "offset": offset, "fields": wanted})
            rows = identified_in(reply, "reports", "mailchimp reports")
            for row in rows:
                opened = _instant((row.get("opens") or {}).get("last_open"))
                clicked = _instant((row.get("clicks") or {}).get("last_click"))
                last = max((at for at in (opened, clicked) if at), default=None)
                yield _Report(str(row["id"]), _instant(row.get("send_time")), last)
            offset += len(rows)
            if not rows or offset >= _total(reply, "reports"):
                return

    def _ids(self, what: str) -> list[str]:
        """The ids of all audiences, sorted, so that a resumed read finds the same places."""
        found: list[str] = []
        while True:
            fields = f"total_items,{what}.id"
            reply = self._http.get(f"/{what}", {"count": PAGE, "offset": len(found), "fields": fields})
            rows = identified_in(reply, what, f"mailchimp {what}")
            found += [str(row["id"]) for row in rows]
            if not rows or len(found) >= _total(reply, what):
                return sorted(found)


def _onward(rows: Sequence[dict[str, Any]]) -> datetime | None:
    """From when to read on after these members; None when their order says nothing about that."""
    times = [at for at in (_instant(row.get("last_changed")) for row in rows) if at is not None]
    if not times or any(later < earlier for earlier, later in pairwise(times)):
        return None
    # One second back, because the edge of since_last_changed is not documented.
    return times[-1] - timedelta(seconds=1)


def _total(reply: Reply, field: str) -> int:
    total = reply.data.get("total_items")
    if not isinstance(total, int):
        raise UnexpectedData(
            f"mailchimp {field}: the answer has no 'total_items'; the vendor's format changed."
        )
    return total


def _instant(text: object) -> datetime | None:
    """An instant in UTC; Mailchimp writes "" for never."""
    if not isinstance(text, str) or not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UnexpectedData("mailchimp: a time is not ISO 8601; the vendor's format changed.") from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def _iso(instant: datetime) -> str:
    # httpx escapes the plus sign; left bare it would reach Mailchimp as a space, and the filter be ignored.
    return instant.astimezone(UTC).isoformat(timespec="seconds")


def connect(access: Access) -> Mailchimp | None:
    """The account that the settings give access to; None without a key. Raises FixConfig for a wrong one."""
    chosen = access.settings.mailchimp
    if chosen.api_key is None:
        return None
    key = chosen.api_key.get_secret_value()
    return Mailchimp(
        Transport(
            "mailchimp",
            str(chosen.base_url) if chosen.base_url else base_url(key),
            headers=authorization(key),
            # Mailchimp limits simultaneous connections, not requests; the pool is the semaphore.
            connections=chosen.connections,
            bare_403_is_throttling=True,
            policy=access.policy,
        )
    )


SOURCE = Source(
    name="mailchimp",
    resources=RESOURCES,
    connect=connect,
    configured=lambda settings: settings.mailchimp.api_key is not None,
    remedy="set TENFOLD_MAILCHIMP__API_KEY",
)
