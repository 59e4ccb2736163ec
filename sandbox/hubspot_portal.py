"""What a HubSpot portal has beside objects: owners, pipelines, properties, its identity and its usage."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.company import instant, local
from sandbox.hubspot_answers import Refused, invalid, not_found, now_text, problem
from sandbox.hubspot_pipelines import PIPELINES
from sandbox.hubspot_schema import PORTAL_ID, TIME_ZONE
from sandbox.messages import Answer, Request, said

if TYPE_CHECKING:
    from sandbox.hubspot import HubSpotServer


def add_routes(server: HubSpotServer) -> None:
    """Register the endpoints."""
    portal = Portal(server)
    add = server.routes.add
    add("GET", "/crm/{v}/owners", portal.owners)
    add("GET", "/crm/{v}/owners/{id}", portal.owner)
    add("GET", "/crm/{v}/pipelines/{type}", portal.pipelines)
    add("GET", "/crm/{v}/pipelines/{type}/{id}", portal.pipeline)
    add("GET", "/crm/{v}/pipelines/{type}/{id}/stages", portal.stages)
    add("GET", "/crm/{v}/properties/{type}", portal.properties)
    add("GET", "/crm/{v}/properties/{type}/{name}", portal.property)
    add("POST", "/crm/{v}/properties/{type}", portal.create_property)
    add("GET", "/account-info/{v}/details", portal.account)
    add("GET", "/account-info/{v}/api-usage/daily/private-apps", portal.usage)


class Portal:
    """The handlers."""

    def __init__(self, server: HubSpotServer) -> None:
        self.server = server

    def owners(self, request: Request, _version: str) -> Answer:
        """A page of owners."""
        archived = request.param("archived").lower() == "true"
        after = self.server.number(request, "after", 0)
        limit = self.server.number(request, "limit", 100, 500)
        email = request.param("email").lower()
        rows = [
            owner
            for owner in self.server.records.owners(self.server.world.clock)
            if owner["archived"] == archived and int(owner["id"]) >= after and email in ("", owner["email"])
        ]
        body: dict[str, Any] = {"results": rows[:limit]}
        if len(rows) > limit:
            body["paging"] = {"next": {"after": rows[limit]["id"], "link": "?after=" + rows[limit]["id"]}}
        return said(body)

    def owner(self, request: Request, _version: str, given: str) -> Answer:
        """One owner, by id or user id."""
        key = "userIdIncludingInactive" if request.param("idProperty") == "userId" else "id"
        for owner in self.server.records.owners(self.server.world.clock):
            if str(owner[key]) == given:
                return said(owner)
        raise not_found()

    def pipelines(self, _request: Request, _version: str, kind: str) -> Answer:
        """Every pipeline of an object type."""
        return said({"results": PIPELINES.get(self.server.table(kind).kind, [])})

    def pipeline(self, _request: Request, _version: str, kind: str, given: str) -> Answer:
        """One pipeline."""
        for pipeline in PIPELINES.get(self.server.table(kind).kind, []):
            if pipeline["id"] == given:
                return said(pipeline)
        raise not_found()

    def stages(self, _request: Request, _version: str, kind: str, given: str) -> Answer:
        """The stages of one pipeline."""
        for pipeline in PIPELINES.get(self.server.table(kind).kind, []):
            if pipeline["id"] == given:
                return said({"results": pipeline["stages"]})
        raise not_found()

    def properties(self, request: Request, _version: str, kind: str) -> Answer:
        """Every property of an object type; none is ever archived."""
        if request.param("archived").lower() == "true":
            return said({"results": []})
        return said({"results": [each.as_json() for each in self.server.table(kind).definitions.values()]})

    def property(self, _request: Request, _version: str, kind: str, name: str) -> Answer:
        """One property."""
        definition = self.server.table(kind).definitions.get(name)
        if definition is None:
            raise not_found(f'Property "{name}" does not exist')
        return said(definition.as_json())

    def create_property(self, request: Request, _version: str, kind: str) -> Answer:
        """201 with the new property."""
        table, body = self.server.table(kind), request.object()
        name, type_ = str(body.get("name") or ""), str(body.get("type") or "")
        if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise invalid("A property needs a name of lower-case letters, digits and underscores")
        if type_ not in ("string", "number", "datetime", "date", "enumeration", "bool"):
            raise invalid(f"Property type {type_} is not valid")
        if name in table.definitions:
            raise Refused(problem(409, "OBJECT_ALREADY_EXISTS", f"A property named '{name}' already exists."))
        args = {
            "kind": table.kind,
            "name": name,
            "type": type_,
            "options": [str(each.get("value")) for each in body.get("options") or ()],
            "label": str(body.get("label") or ""),
            "unique": bool(body.get("hasUniqueValue")),
        }
        [definition] = self.server.world.commit(("hubspot.property", args))
        return said(definition.as_json(), 201)

    def account(self, _request: Request, _version: str) -> Answer:
        """The portal's identity."""
        return said(
            {
                "portalId": PORTAL_ID + self.server.world.plan.seed,  # another seed is another company
                "accountType": "STANDARD",
                "timeZone": TIME_ZONE,
                "companyCurrency": "EUR",
                "additionalCurrencies": [],
                "utcOffset": "+01:00",
                "utcOffsetMilliseconds": 3_600_000,
                "uiDomain": "app.hubspot.com",
                "dataHostingLocation": "eu1",
            }
        )

    def usage(self, _request: Request, _version: str) -> Answer:
        """How much of today's calls is used up."""
        midnight = instant(local(self.server.world.clock).date() + timedelta(days=1))
        return said(
            {
                "results": [
                    {
                        "name": "private-apps-api-calls-daily",
                        "usageLimit": self.server.daily.limit,
                        "currentUsage": self.server.daily.limit - self.server.daily.remaining,
                        "collectedAt": now_text(),
                        "fetchStatus": "SUCCESS",
                        "resetsAt": f"{midnight:%Y-%m-%dT%H:%M:%SZ}",
                    }
                ]
            }
        )
