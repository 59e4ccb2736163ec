"""The business verbs as Prefect tasks: each opens the home itself, takes and returns plain values.

No connection, secret or personal datum is a parameter or a result, because Prefect shows both.
"""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE

from playbook.loader import Playbook, load_playbook
from settings import load_settings
from tasks.context import Home, current_time, open_home
from warehouse.landing import Landing
from warehouse.ledger import Ledger, open_ledger
from warehouse.store import Store

progress = logging.getLogger("tasks.progress")

SOURCES = ("hubspot", "intercom", "mailchimp", "accounting")


@dataclass(frozen=True, slots=True)
class Rooms:
    """Everything a step works with, opened for one home."""

    home: Home
    playbook: Playbook
    store: Store
    landing: Landing

    def ledger(self) -> Ledger:
        """The operational database of this home."""
        url = self.home.settings.ledger.url
        return open_ledger(self.home.path, url.get_secret_value() if url else None)


def open_rooms() -> Rooms:
    """The rooms of the home that this process's settings lead to."""
    home = open_home(load_settings())
    return Rooms(
        home=home,
        playbook=load_playbook(home.settings.playbook),
        store=Store(home.path, home.settings.warehouse.key),
        landing=Landing(home.path),
    )
