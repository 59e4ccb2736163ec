"""Everything a step works with, opened for the home that this process's settings lead to."""

from dataclasses import dataclass
from typing import get_args

from playbook.loader import Playbook, Source, load_playbook
from settings import Settings, load_settings
from tasks.context import Home, open_home
from warehouse.landing import Landing
from warehouse.ledger import Ledger, open_ledger
from warehouse.store import Store

SOURCES: tuple[str, ...] = get_args(Source)  # in reading order


@dataclass(frozen=True, slots=True)
class Rooms:
    """One home with its playbook, warehouse file and landing folder."""

    home: Home
    playbook: Playbook
    store: Store
    landing: Landing

    def ledger(self) -> Ledger:
        """The operational database of this home; close it, or use it as a context manager."""
        url = self.home.settings.ledger.url
        return open_ledger(self.home.path, url.get_secret_value() if url else None)


def open_rooms(settings: Settings | None = None) -> Rooms:
    """The rooms of a home. Raises SettingsError, PlaybookError or SandboxNotRunning."""
    home = open_home(settings or load_settings())
    return Rooms(
        home=home,
        playbook=load_playbook(home.settings.playbook),
        store=Store(home.path, home.settings.warehouse.key),
        landing=Landing(home.path),
    )
