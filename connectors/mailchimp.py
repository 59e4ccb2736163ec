"""Mailchimp: one account's audiences, members, campaigns, reports, activity, tags and automations, as pages.

Lists are paged by offset over a living set: rows that change move, and others slip through the gap. Members
are therefore read by the time of their last change; the small lists are read whole each time.
"""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

from connectors.errors import FixConfig, UnexpectedData
from connectors.limiter import Limit, Limiter
from connectors.mailchimp_activity import TRAILING, email_activity
from connectors.mailchimp_contacts import audience_contacts, check_offered
from connectors.mailchimp_lists import everything, in_turn
from connectors.mailchimp_members import members
from connectors.mailchimp_paths import RESOURCES, SINGLE, Place, iso
from connectors.mailchimp_write import MailchimpWrites
from connectors.one_by_one import asked
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
from connectors.shared_files import AccountFiles
from connectors.shared_locks import Slots
from connectors.transport import Reply, Transport

REQUESTS_PER_10S = 1_000_000  # no limit: more than ten connections can ask


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


class Mailchimp:
    """One account. `width` records are asked for at once where they come one by one."""

    source = "mailchimp"
    resources = RESOURCES
    api_version = "3.0"

    def __init__(self, transport: Transport, *, width: int = 1) -> None:
        self._http = transport
        self._width = width

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
        """One check per kind of data that reading needs; a beta that is not offered is no lack."""
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
        http, state = self._http, state_of(resume)
        if resource == "members":
            yield from members(http, window, state)
        elif resource == "email_activity":
            yield from email_activity(http, window, state)
        elif resource == "audience_contacts":
            yield from audience_contacts(http, self._ids("lists"), window, state)
        else:
            yield from in_turn(http, self._places(resource, window), state)

    def _places(self, resource: str, window: Window) -> list[Place]:
        if resource == "tags":
            return [Place("/lists/{id}/tag-search", "tags", number) for number in self._ids("lists")]
        if resource == "automation_emails":
            return [Place("/automations/{id}/emails", "emails", each) for each in self._ids("automations")]
        if resource == "reports" and window.since is not None:
            since = {"since_send_time": iso(window.until - TRAILING)}
            return [Place("/reports", "reports", params=since)]
        return [Place(f"/{resource}", resource)]

    def _ids(self, what: str) -> list[str]:
        return [str(row["id"]) for row in everything(self._http, f"/{what}", what)]

    def read_ids(self, resource: str, ids: Sequence[str]) -> Iterator[Page]:
        """These records as they are now; one that was deleted for good is in no page.

        A member is found by the id of the contact or by the hash of the address. Raises NotPermitted for
        contacts when their beta was withdrawn.
        """

        def ask(key: str) -> Reply:
            first, _, second = key.partition("+")
            parts = {"a": first, "b": second}
            return self._http.get(SINGLE[resource], {"exclude_fields": "_links"}, parts=parts)

        if resource == "audience_contacts":
            for audience in {key.partition("+")[0] for key in ids}:
                check_offered(self._http, audience)
        field = RESOURCES[resource].records.removeprefix("$.")
        return asked(ask, ids, field, self._width)

    def close(self) -> None:
        """Close connections and the limiters' files."""
        self._http.close()


def connect(access: Access) -> Mailchimp | None:
    """The account that the settings give access to; None without a key. Raises FixConfig for a wrong one."""
    chosen = access.settings.mailchimp
    if chosen.api_key is None:
        return None
    key = chosen.api_key.get_secret_value()
    url = str(chosen.base_url) if chosen.base_url else base_url(key)
    files = AccountFiles(access.limits, "mailchimp", url, key)
    return Mailchimp(
        Transport(
            "mailchimp",
            url,
            headers=authorization(key),
            # Mailchimp limits simultaneous connections, not requests; this one is for the pauses it asks for.
            limiters={"": Limiter(files.path("all"), Limit("mailchimp", REQUESTS_PER_10S, 10.0))},
            slots=Slots(files.folder, files.name("connection"), chosen.connections),
            connections=chosen.connections,
            bare_403_is_throttling=True,
            policy=access.policy,
        ),
        width=chosen.connections,
    )


SOURCE = Source(
    name="mailchimp",
    resources=RESOURCES,
    connect=connect,
    configured=lambda settings: settings.mailchimp.api_key is not None,
    remedy="set TENFOLD_MAILCHIMP__API_KEY",
)
