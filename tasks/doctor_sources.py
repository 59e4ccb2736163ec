"""Sources that cannot be read as they are set up: a line for each, so that doctor can tell of the rest."""

from collections.abc import Sequence
from pathlib import Path

from connectors import registry
from connectors.errors import FixConfig
from connectors.pages import Connector
from settings import Settings
from tasks.doctor import Health
from tasks.sync import build_connectors


def connect_each(
    settings: Settings, home: Path, sources: Sequence[str]
) -> tuple[dict[str, Connector], list[Health]]:
    """The connectors of those that are configured, and a line for each whose settings cannot be used."""
    made: dict[str, Connector] = {}
    refused = []
    for name in sources:
        try:
            made |= build_connectors(settings, home, only=[name])
        except FixConfig as error:
            refused.append(_unusable(name, str(error), "correct the setting or the file that it names"))
    return made, refused


def strangers(settings: Settings, sources: Sequence[str]) -> list[Health]:
    """A line for each name in TENFOLD_SOURCES__ that nothing reads: a typing error, or a step left out."""
    found = []
    for name in sorted(set(settings.sources) - set(sources)):
        setting = f"TENFOLD_SOURCES__{name.upper()}"
        try:
            registry.source(name)
        except FixConfig:
            found.append(
                _unusable(
                    name,
                    f"{setting} is set, but there is no connectors/{name}.py that declares such a source",
                    f"correct the name in {setting}, or declare the source (docs/add-a-source.md)",
                )
            )
        else:
            found.append(
                _unusable(
                    name,
                    f"{setting} is set, but playbook/sources.yaml does not name it, so it is not read",
                    f"add '{name}' to playbook/sources.yaml, or take the setting away",
                )
            )
    return found


def _unusable(name: str, what: str, remedy: str) -> Health:
    return Health(name, True, None, False, "", what, remedy)
