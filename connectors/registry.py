"""Sources by name: `connectors/NAME.py` with a SOURCE in it is one, and nothing else need know of it."""

import importlib

from connectors.errors import FixConfig
from connectors.pages import Access, Connector, Source


def source(name: str) -> Source:
    """The source of that name. Raises FixConfig when no module of ours declares it."""
    try:
        module = importlib.import_module(f"connectors.{name}")
    except ModuleNotFoundError as error:
        if error.name != f"connectors.{name}":
            raise
        module = None
    declared = getattr(module, "SOURCE", None)
    if not isinstance(declared, Source):
        raise FixConfig(
            f"playbook/sources.yaml names the source '{name}', but connectors/{name}.py declares no SOURCE."
        )
    return declared


def connect(name: str, access: Access) -> Connector | None:
    """The connector of that source, None without credentials; close it when done. Raises FixConfig."""
    return source(name).connect(access)
