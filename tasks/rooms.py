"""Everything a step works with, opened for the home that this process's settings lead to."""

from dataclasses import dataclass

from connectors import registry
from playbook.loader import Playbook, load_playbook
from settings import Settings, load_settings
from tasks.context import Home, open_home
from warehouse.landing import Landing
from warehouse.ledger import Ledger, open_ledger
from warehouse.store import Store


@dataclass(frozen=True, slots=True)
class Rooms:
    """One home with its playbook, warehouse file and landing folder."""

    home: Home
    playbook: Playbook
    store: Store
    landing: Landing

    def has_credentials(self, source: str) -> bool:
        """Whether a source can be read at all: its credentials are set, or its folder of files is there."""
        settings = self.home.settings
        if self.playbook.source(source).reads == "files":
            return settings.accounting.inbox is not None or settings.inbox.is_dir()
        return registry.source(source).configured(settings)

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
        store=Store(home.path, home.settings.warehouse.key, memory=home.settings.warehouse.memory),
        landing=Landing(home.path),
    )
