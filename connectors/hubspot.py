"""HubSpot: pages of records out, tasks and properties in. Knows nothing of the warehouse.

A full read walks the list endpoint in id order; an increment asks search, whose three traps shape the code:
it ends at 10,000 results, its order cannot be relied on, and it leaves archived records out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

import orjson

from connectors.errors import UnexpectedData
from connectors.hubspot_paths import (
    ACCOUNT,
    ASSOCIATIONS,
    OBJECTS,
    OWNERS,
    PIPELINES,
    PROPERTIES,
    RESOURCES,
    VERSION,
    modified_property,
)
from connectors.hubspot_write import HubSpotWrites, next_after
from connectors.limiter import Limit, Limiter
from connectors.pages import (
    Access,
    Identity,
    Known,
    Page,
    Probe,
    Source,
    Window,
    cursor_of,
    nothing_known,
    state_of,
)
from connectors.probing import TRIES, probe_all
from connectors.quota import DayQuota
from connectors.shared_files import AccountFiles
from connectors.transport import Params, Reply, Transport, identified_in, records_in

LIST_PAGE = 100  # HubSpot's maximum for lists
SEARCH_PAGE = 200  # and for search
ASSOCIATION_BATCH = 1000
# Search lags behind edits by seconds as a rule and by most of an hour at worst; re-reading costs a few
# requests and adds nothing to raw.
OVERLAP = timedelta(hours=1)
CALLS_PER_DAY = 250_000  # of the smallest plan; HubSpot's headers tell the portal's own
PIPELINE_KINDS = {"deal_pipelines": "deals", "ticket_pipelines": "tickets"}
# What a batch says of an id that has no association or is gone: a fact about the id, no fault.
NOTHING_ASSOCIATED = ("NO_ASSOCIATIONS_FOUND", "OBJECT_NOT_FOUND")


@dataclass(frozen=True, slots=True)
class _Box:
    """A part of a search: change times in closed [start, end] (epoch ms), ids in (above, upto]."""

    start: int
    end: int
    above: int
    upto: int | None

    def filters(self, modified: str) -> list[dict[str, str]]:
        found = [
            {
                "propertyName": modified,
                "operator": "BETWEEN",
                "value": str(self.start),
                "highValue": str(self.end),
            }
        ]
        if self.above:
            found.append({"propertyName": "hs_object_id", "operator": "GT", "value": str(self.above)})
        if self.upto is not None:
            found.append({"propertyName": "hs_object_id", "operator": "LTE", "value": str(self.upto)})
        return found

    def holds(self, ids: Sequence[int]) -> bool:
        return min(ids) > self.above and (self.upto is None or max(ids) <= self.upto)

    def after(self, last: int) -> "_Box":
        return _Box(self.start, self.end, last, self.upto)

    def halves(self, ids: Sequence[int]) -> tuple["_Box", "_Box"]:
        """Two smaller boxes: by time, and inside one instant by the middle of the ids seen in it."""
        if self.start < self.end:
            middle = (self.start + self.end) // 2
            return (
                _Box(self.start, middle, self.above, self.upto),
                _Box(middle + 1, self.end, self.above, self.upto),
            )
        middle = sorted(ids)[(len(ids) - 1) // 2]
        return (
            _Box(self.start, self.end, self.above, middle),
            _Box(self.start, self.end, middle, self.upto),
        )


class HubSpot(HubSpotWrites):
    """One portal. The transport's limiters: "" for everything, "search" for search."""

    source = "hubspot"
    resources = RESOURCES
    api_version = VERSION

    def identity(self) -> Identity:
        """The portal behind the token, with its time zone (in which the daily quota is reset)."""
        said = self._http.get(ACCOUNT).data
        portal, zone = said.get("portalId"), said.get("timeZone")
        if portal is None:
            raise UnexpectedData("hubspot: the account details have no portalId; check the base URL.")
        self._http.quota_zone = zone if isinstance(zone, str) else None
        return Identity(str(portal), None, self._http.quota_zone)

    def probe(self) -> list[Probe]:
        """One check per right that reading needs."""
        checks = [("account details", partial(self._http.get, ACCOUNT, tries=TRIES))]
        checks += [
            (kind, partial(self._http.get, f"{OBJECTS}/{kind}", {"limit": 1}, tries=TRIES))
            for kind in PROPERTIES
        ]
        checks.append(("owners", partial(self._http.get, OWNERS, {"limit": 1}, tries=TRIES)))
        checks += [
            (name.replace("_", " "), partial(self._http.get, f"{PIPELINES}/{kind}", tries=TRIES))
            for name, kind in PIPELINE_KINDS.items()
        ]
        return probe_all(checks)

    def read(
        self,
        resource: str,
        window: Window,
        resume: str | None = None,
        *,
        ids: Sequence[str] = (),
        known: Known = nothing_known,  # noqa: ARG002 - the seam's; whole records come with each page
    ) -> Iterator[Page]:
        """Pages of `resource`, going on after the page whose cursor was `resume`.

        Records come with what HubSpot calls archived in the same stream. Association streams read the
        companies of the records `ids`; an id without any comes with an empty list. Raises ConnectorError.
        """
        state = state_of(resume)
        if resource in PROPERTIES:
            yield from self._objects(resource, window, state)
        elif resource == "owners":
            yield from self._list(OWNERS, {}, state)
        elif resource in PIPELINE_KINDS:
            reply = self._http.get(f"{PIPELINES}/{PIPELINE_KINDS[resource]}")
            yield Page(reply.body, len(records_in(reply, "results", f"hubspot {resource}")), None)
        else:
            parent = RESOURCES[resource].parent
            yield from self._associations(f"{ASSOCIATIONS}/{parent}/companies/batch/read", ids, state)

    def read_ids(self, resource: str, ids: Sequence[str]) -> Iterator[Page]:
        """No resource is `by_id` yet."""
        raise NotImplementedError

    def close(self) -> None:
        """Close connections and the limiters' files."""
        self._http.close()

    def _objects(self, kind: str, window: Window, state: dict[str, Any]) -> Iterator[Page]:
        stage = state.get("stage")
        if window.since is not None and stage in (None, "search"):
            yield from self._search(kind, window.since, window.until, state)
            state = {"stage": "archived"}
        yield from self._list(f"{OBJECTS}/{kind}", {"properties": ",".join(PROPERTIES[kind])}, state, kind)

    def _list(
        self, path: str, params: Params, state: dict[str, Any], counted: str | None = None
    ) -> Iterator[Page]:
        """Live records, then archived ones; the kind `counted` is compared with search's total."""
        stage, after, seen = state.get("stage", "live"), state.get("after"), int(state.get("seen", 0))
        while True:
            asked = {**params, "limit": LIST_PAGE, "archived": "true" if stage == "archived" else "false"}
            reply = self._http.get(path, {**asked, "after": after} if after else asked)
            count = len(identified_in(reply, "results", f"hubspot: {path}"))
            seen += count
            following = next_after(reply.data)
            if following is not None and following == after:
                raise UnexpectedData(f"hubspot: GET {path} gave the same page twice; the read was stopped.")
            after = following
            if after is not None:
                yield Page(reply.body, count, cursor_of({"stage": stage, "after": after, "seen": seen}))
            elif stage == "live":
                warning = self._shortfall(counted, seen) if counted else None
                yield Page(reply.body, count, cursor_of({"stage": "archived"}), warning)
                stage, seen = "archived", 0
            else:
                yield Page(reply.body, count, None)
                return

    def _shortfall(self, kind: str, seen: int) -> str | None:
        """What is missing by HubSpot's own count, which only search tells."""
        total = _total(self._query(kind, [], limit=1), kind)
        if seen >= total:
            return None
        return f"{kind}: HubSpot counts {total} records, its list gave {seen}"

    def _search(self, kind: str, since: datetime, until: datetime, state: dict[str, Any]) -> Iterator[Page]:
        """Everything changed in the window, by ascending id, never by offset.

        Asking for ids above the last one (instead of for an offset) has no 10,000 limit, gets through any
        number of records with one timestamp, and cannot skip a record when another leaves the window
        meanwhile. It needs ascending pages; where HubSpot breaks that order, the box is halved until what is
        left fits in one page, which needs no order at all.
        """
        modified = modified_property(kind)
        window = _Box(_ms(since - OVERLAP), _ms(until), 0, None)
        boxes = [_Box(*box) for box in state.get("boxes", [])] or [window]
        seen = int(state.get("seen", 0))
        while boxes:
            box = boxes.pop()
            reply = self._query(kind, box.filters(modified))
            ids = [_id(row, kind) for row in identified_in(reply, "results", f"hubspot: {kind}")]
            total = _total(reply, kind)
            if total <= len(ids):
                seen += len(ids)
            elif not ids:
                raise UnexpectedData(f"hubspot: search of {kind} counts {total} records and gives none.")
            elif not box.holds(ids):
                raise UnexpectedData(f"hubspot: search of {kind} does not keep to its id filter; stopped.")
            elif all(low < high for low, high in pairwise(ids)):
                seen += len(ids)
                boxes.append(box.after(ids[-1]))
            else:
                boxes += reversed(box.halves(ids))
            warning = None
            if not boxes:
                # Records that changed again meanwhile have left the window, so count what is in it now.
                total = _total(self._query(kind, window.filters(modified), limit=1), kind)
                if seen < total:
                    warning = f"{kind}: HubSpot counts {total} changed records, its search gave {seen}"
            going_on = {"stage": "search", "boxes": [_corners(left) for left in boxes], "seen": seen}
            yield Page(reply.body, len(ids), cursor_of(going_on if boxes else {"stage": "archived"}), warning)

    def _query(self, kind: str, filters: list[dict[str, str]], limit: int = SEARCH_PAGE) -> Reply:
        return self._http.post(
            f"{OBJECTS}/{kind}/search",
            {
                "filterGroups": [{"filters": filters}] if filters else [],
                "sorts": [{"propertyName": "hs_object_id", "direction": "ASCENDING"}],
                "properties": list(PROPERTIES[kind]),
                "limit": limit,
            },
            limit="search",
        )

    def _associations(self, path: str, ids: Sequence[str], state: dict[str, Any]) -> Iterator[Page]:
        done = state.get("done", "")
        todo = sorted(each for each in set(ids) if each > done)
        for start in range(0, len(todo), ASSOCIATION_BATCH):
            batch = todo[start : start + ASSOCIATION_BATCH]
            reply = self._http.post(path, {"inputs": [{"id": each} for each in batch]})
            rows = records_in(reply, "results", f"hubspot: POST {path}")
            _refuse_errors(reply, path)
            if not all((row.get("from") or {}).get("id") and "to" in row for row in rows):
                raise UnexpectedData(
                    f"hubspot: POST {path}: a link has no 'from.id' or no 'to'; the vendor's format changed."
                )
            body = self._completed(path, reply, rows)
            alone = sorted(set(batch) - {str(row["from"]["id"]) for row in rows})
            cursor = cursor_of({"done": batch[-1]}) if start + ASSOCIATION_BATCH < len(todo) else None
            if not alone:
                yield Page(body, len(rows), cursor)
                continue
            # HubSpot leaves out the ids that have none; without a word from us an association that was
            # removed would stay in raw for ever.
            nothing = [{"from": {"id": each}, "to": []} for each in alone]
            yield Page(body, len(rows), cursor_of({"done": done}))
            yield Page(orjson.dumps({"status": "COMPLETE", "results": nothing}), len(nothing), cursor)
            done = batch[-1]

    def _completed(self, path: str, reply: Reply, rows: Sequence[dict[str, Any]]) -> bytes:
        """The body as received, or with the further pages of single ids joined in (one record per id)."""
        longer = False
        for row in rows:
            after = next_after(row)
            while after is not None:
                longer = True
                more = self._http.post(path, {"inputs": [{"id": str(row["from"]["id"]), "after": after}]})
                found = records_in(more, "results", f"hubspot: POST {path}")
                following = next_after(found[0]) if found else None
                if following == after:
                    raise UnexpectedData(
                        f"hubspot: POST {path} gave the same page twice; the read was stopped."
                    )
                row["to"] += [link for part in found for link in part["to"]]
                after = following
            row.pop("paging", None)
        return orjson.dumps(reply.data) if longer else reply.body


def _id(row: dict[str, Any], kind: str) -> int:
    try:
        return int(row["id"])
    except ValueError:
        raise UnexpectedData(f"hubspot: {kind}: an id is no number; the vendor's format changed.") from None


def _total(reply: Reply, kind: str) -> int:
    total = reply.data.get("total")
    if not isinstance(total, int):
        raise UnexpectedData(f"hubspot: search of {kind} says no 'total'; the vendor's format changed.")
    return total


def _refuse_errors(reply: Reply, path: str) -> None:
    """Batch answers carry errors inside a 200 or a 207; only "there is none" may pass."""
    for error in reply.data.get("errors") or []:
        words = {str(error.get(name, "")).rpartition(".")[2] for name in ("category", "subCategory")}
        if not words & set(NOTHING_ASSOCIATED):
            raise UnexpectedData(
                f"hubspot: POST {path} answered {reply.status} with errors inside; try again."
            )


def _ms(instant: datetime) -> int:
    return int(instant.timestamp() * 1000)


def _corners(box: _Box) -> list[int | None]:
    return [box.start, box.end, box.above, box.upto]


def connect(access: Access) -> HubSpot | None:
    """The portal that the settings give access to; None without a token."""
    chosen = access.settings.hubspot
    if chosen.token is None:
        return None
    url, token = str(chosen.base_url), chosen.token.get_secret_value()
    files = AccountFiles(access.limits, "hubspot", url, token)
    limits = {
        "": Limit("hubspot", chosen.requests_per_10s, 10.0),
        # Search has a limit of its own and is exempt from the general one.
        "search": Limit("hubspot search", chosen.searches_per_second, 1.0),
    }
    return HubSpot(
        Transport(
            "hubspot",
            url,
            headers={"Authorization": f"Bearer {token}"},
            limiters={name: Limiter(files.path(name or "all"), limit) for name, limit in limits.items()},
            # Searches count here too, though their answers have no headers.
            quota=DayQuota(
                "hubspot",
                files.path("day"),
                per_day=chosen.calls_per_day,
                assumed=CALLS_PER_DAY,
                reserve=chosen.reserve_per_day,
            ),
            policy=access.policy,
        )
    )


SOURCE = Source(
    name="hubspot",
    resources=RESOURCES,
    connect=connect,
    configured=lambda settings: settings.hubspot.token is not None,
    remedy="set TENFOLD_HUBSPOT__TOKEN to a service key",
)
