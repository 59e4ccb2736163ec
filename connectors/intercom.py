"""Intercom: one workspace's contacts, companies, conversations, tickets and lists, as pages.

Times in Intercom are UNIX seconds, ids are kept as text. Parts come only with one call per conversation.
"""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from functools import partial

from connectors import intercom_lists as lists
from connectors.errors import UnexpectedData
from connectors.intercom_companies import ScrollLock, companies
from connectors.intercom_conversations import NARROWEST, conversations, width_for
from connectors.intercom_paths import RESOURCES, SINGLE, compares_seconds
from connectors.intercom_write import IntercomWrites
from connectors.limiter import Limit, Limiter
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
from connectors.shared_locks import SharedLock
from connectors.transport import Transport

PAGED = ("contacts", "companies", "conversations", "articles")


class Intercom:
    """One workspace, in the API version that the transport's headers name.

    `width` conversations are fetched at once; the transport needs as many connections. `scroll_lock` is held
    while companies are scrolled, of which a workspace allows one at a time.
    """

    source = "intercom"
    resources = RESOURCES

    def __init__(
        self,
        transport: Transport,
        api_version: str = "",
        *,
        width: int = NARROWEST,
        scroll_lock: ScrollLock = nullcontext,
    ) -> None:
        self._http = transport
        self.api_version = api_version
        self._exact = compares_seconds(api_version)
        self._width = width
        self._scroll_lock = scroll_lock

    @property
    def writes(self) -> IntercomWrites:
        """The same workspace, to write into."""
        return IntercomWrites(self._http)

    def identity(self) -> Identity:
        """The workspace behind the token."""
        app = self._http.get("/me").data.get("app")
        if not isinstance(app, dict) or not app.get("id_code"):
            raise UnexpectedData("intercom: /me names no workspace (app.id_code); check the token's kind.")
        return Identity(str(app["id_code"]), app.get("name"), app.get("timezone"))

    def probe(self) -> list[Probe]:
        """One check per right that reading needs."""
        get = partial(self._http.get, tries=TRIES)
        one = {"per_page": 1}
        # The least that a search takes.
        search = {"query": {"field": "updated_at", "operator": ">", "value": 0}, "pagination": one}
        return probe_all(
            [
                ("workspace", partial(get, "/me")),
                *((name, partial(get, f"/{name}", one)) for name in PAGED),
                ("deleted conversations", partial(get, "/conversations/deleted", one)),
                ("tickets", partial(self._http.call, "POST", "/tickets/search", json=search, tries=TRIES)),
                *((name.replace("_", " "), partial(get, f"/{name}")) for name in lists.WHOLE),
            ]
        )

    def read(
        self,
        resource: str,
        window: Window,
        resume: str | None = None,
        *,
        ids: Sequence[str] = (),  # noqa: ARG002 - the seam's; Intercom has no association streams
        known: Known = nothing_known,
    ) -> Iterator[Page]:
        """Pages of `resource`, going on after the page whose cursor was `resume`. Raises ConnectorError."""
        http, state = self._http, state_of(resume)
        if resource == "contacts":
            return lists.contacts(http, window, state, exact=self._exact)
        if resource == "companies":
            return companies(http, self._scroll_lock)
        if resource == "conversations":
            return conversations(http, window, state, known, exact=self._exact, width=self._width)
        if resource == "tickets":
            return lists.tickets(http, window, state, exact=self._exact)
        if resource == "articles":
            return lists.articles(http, state)
        if resource == "deleted_conversations":
            return lists.deletions(http, window, state, known)
        return lists.whole_list(http, resource)

    def read_ids(self, resource: str, ids: Sequence[str]) -> Iterator[Page]:
        """These records as they are now; one that was deleted, or merged into another, is in no page."""
        path, field = SINGLE[resource]
        return asked(lambda number: self._http.get(path, parts={"id": number}), ids, field, self._width)

    def close(self) -> None:
        """Close connections and the limiters' files."""
        self._http.close()


def connect(access: Access) -> Intercom | None:
    """The workspace that the settings give access to; None without a token."""
    chosen = access.settings.intercom
    if chosen.token is None:
        return None
    url, token = str(chosen.base_url), chosen.token.get_secret_value()
    files = AccountFiles(access.limits, "intercom", url, token)
    width = width_for(chosen.requests_per_10s)
    return Intercom(
        Transport(
            "intercom",
            url,
            headers={
                "Authorization": f"Bearer {token}",
                # Without it the app's default version applies, and shapes change under us.
                "Intercom-Version": chosen.version,
            },
            limiters={"": Limiter(files.path("all"), Limit("intercom", chosen.requests_per_10s, 10.0))},
            connections=width,
            policy=access.policy,
        ),
        chosen.version,
        width=width,
        scroll_lock=partial(SharedLock, files.folder, files.name("scroll")),
    )


SOURCE = Source(
    name="intercom",
    resources=RESOURCES,
    connect=connect,
    configured=lambda settings: settings.intercom.token is not None,
    remedy="set TENFOLD_INTERCOM__TOKEN to the access token of a private app",
)
