"""HubSpot: pages of records out, tasks and properties in. Knows nothing of the warehouse.

A full read walks the list endpoint in id order; an increment asks search, whose three traps shape it: search
ends at 10,000 results, its order cannot be relied on, and it leaves archived records out.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from connectors import hubspot_lists
from connectors.errors import UnexpectedData
from connectors.hubspot_batches import read_history, read_objects_by_id
from connectors.hubspot_links import read_links
from connectors.hubspot_paths import (
    ACCOUNT,
    ASSOCIATIONS,
    DEFINITIONS,
    LINKS,
    OBJECT_TYPES,
    OBJECTS,
    OWNERS,
    RESOURCES,
    VERSION,
    WHOLE_LISTS,
)
from connectors.hubspot_properties import asked_of
from connectors.hubspot_search import changed
from connectors.hubspot_write import HubSpotWrites
from connectors.limiter import Limit, Limiter
from connectors.pages import (
    Access,
    Identity,
    Known,
    Page,
    Probe,
    Source,
    Window,
    nothing_known,
    state_of,
)
from connectors.probing import TRIES, probe_all
from connectors.quota import DayQuota
from connectors.shared_files import AccountFiles
from connectors.transport import Transport, records_in

CALLS_PER_DAY = 250_000  # of the smallest plan; HubSpot's headers tell the portal's own


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
        """One check per right that reading needs, each as cheap as HubSpot has it."""
        get = partial(self._http.get, tries=TRIES)
        nobody = {"inputs": [{"id": "1"}]}
        links = f"{ASSOCIATIONS}/contacts/companies/batch/read"
        return probe_all(
            [
                ("account details", partial(get, ACCOUNT)),
                *((kind, partial(get, f"{OBJECTS}/{kind}", {"limit": 1})) for kind in OBJECT_TYPES),
                ("owners", partial(get, OWNERS, {"limit": 1})),
                *(
                    (name.replace("_", " "), partial(get, path))
                    for name, path in WHOLE_LISTS.items()
                    if not path.startswith(DEFINITIONS)
                ),
                *(
                    # One property tells the right as well as all of them, which can be a megabyte.
                    (name.replace("_", " "), partial(get, f"{path}/hs_object_id"))
                    for name, path in WHOLE_LISTS.items()
                    if path.startswith(DEFINITIONS)
                ),
                ("associations", partial(self._http.call, "POST", links, json=nobody, tries=TRIES)),
            ]
        )

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

        Records come with what HubSpot calls archived in the same stream. Association and history streams
        read what belongs to the records `ids`. Raises ConnectorError.
        """
        state = state_of(resume)
        if resource in OBJECT_TYPES:
            yield from self._objects(resource, window, state)
        elif resource == "owners":
            yield from hubspot_lists.owners(self._http, state)
        elif resource in WHOLE_LISTS:
            reply = self._http.get(WHOLE_LISTS[resource])
            yield Page(reply.body, len(records_in(reply, "results", f"hubspot: {resource}")), None)
        else:
            yield from self._belonging(resource, ids, state)

    def read_ids(self, resource: str, ids: Sequence[str]) -> Iterator[Page]:
        """These records as they are now, archived ones too; of an association or history stream, what
        belongs to these ids.

        One that is in no page was deleted for good or merged away. Raises ConnectorError.
        """
        if resource in OBJECT_TYPES:
            yield from read_objects_by_id(self._http, resource, ids)
        else:
            yield from self._belonging(resource, ids, {})

    def close(self) -> None:
        """Close connections and the limiters' files."""
        self._http.close()

    def _objects(self, kind: str, window: Window, state: dict[str, Any]) -> Iterator[Page]:
        asked = asked_of(self._http, kind)
        if state.get("stage") != "archived":
            if window.since is None:
                state = yield from hubspot_lists.live(self._http, kind, asked, state)
            else:
                state = yield from changed(self._http, kind, asked, window.since, window.until, state)
        yield from hubspot_lists.archived(self._http, kind, asked, window, state)

    def _belonging(self, resource: str, ids: Sequence[str], state: dict[str, Any]) -> Iterator[Page]:
        if resource in LINKS:
            return read_links(self._http, resource, ids, state)
        return read_history(self._http, resource, ids, state)


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
