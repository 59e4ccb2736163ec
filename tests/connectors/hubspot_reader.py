"""HubSpot's connector over a made-up portal, and what its pages hold."""

from collections.abc import Iterable

import httpx
import orjson

from connectors.hubspot import HubSpot
from connectors.pages import Page
from connectors.transport import Transport
from tests.connectors.connector_doubles import FakeHubSpot, Handler, quick


def hubspot(portal: Handler) -> HubSpot:
    return HubSpot(
        Transport(
            "hubspot",
            "https://api.test",
            headers={"Authorization": "Bearer pat"},
            policy=quick(),
            transport=httpx.MockTransport(portal),
        )
    )


def records(pages: Iterable[Page]) -> list[dict]:
    return [each for page in pages for each in orjson.loads(page.body)["results"]]


def ids(pages: Iterable[Page]) -> list[str]:
    return [each["id"] for each in records(pages)]


def links(pages: Iterable[Page]) -> dict[str, list[str]]:
    return {each["from"]["id"]: [str(to["toObjectId"]) for to in each["to"]] for each in records(pages)}


def searches(portal: FakeHubSpot) -> list[dict]:
    return [body for _, path, body in portal.requests if path.endswith("/search")]


def batches(portal: FakeHubSpot) -> list[dict]:
    return [body for _, path, body in portal.requests if path.endswith("/batch/read")]


def defining(handler: Handler) -> Handler:
    """The handler, in a portal that defines every property of ours."""
    portal = FakeHubSpot()

    def handle(request: httpx.Request) -> httpx.Response:
        return portal(request) if request.url.path.startswith("/crm/properties/") else handler(request)

    return handle
