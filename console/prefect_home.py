"""Where Prefect keeps its things, and that it stays quiet: set before Prefect is imported."""

import json
import os
from pathlib import Path

import httpx

SERVER_FILE = "server.json"


def prepare_prefect(home: Path, *, serving: bool = False) -> None:
    """Point Prefect at this home: the server of `tenfold up` when it runs, else one beside this process.

    What is already in the environment stays. The UI gets our INFO lines, the terminal only warnings.
    `serving` is for `tenfold up` itself, whose output is a log file and whose server acts on events.
    """
    folder = home / "prefect"
    folder.mkdir(parents=True, exist_ok=True)
    defaults = {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "DO_NOT_TRACK": "1",
        "GX_ANALYTICS_ENABLED": "false",
        "PREFECT_CLI_PROMPT": "false",
        "PREFECT_LOGGING_LEVEL": "INFO",
        "PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL": "INFO" if serving else "WARNING",
        "PREFECT_LOGGING_EXTRA_LOGGERS": "connectors,tasks,warehouse,reports",
        # Our lines outside a flow, as in `tenfold sync`, have no run to belong to.
        "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
        # Automations act through the worker of `up`; elsewhere they only compete for the database file.
        "PREFECT_SERVER_SERVICES_TRIGGERS_ENABLED": "true" if serving else "false",
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "180",
        # Runs are kept for ever unless asked otherwise.
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    if "PREFECT_API_URL" not in os.environ and (url := running_server(home)):
        os.environ["PREFECT_API_URL"] = url


def running_server(home: Path) -> str | None:
    """The API address of the server that `tenfold up` started for this home, if it is alive."""
    try:
        description = json.loads((home / "prefect" / SERVER_FILE).read_text())
        os.kill(int(description["pid"]), 0)
    except (OSError, ValueError, KeyError):
        return None
    url = str(description["api_url"])
    try:
        httpx.get(f"{url}/health", timeout=5).raise_for_status()
    except httpx.HTTPError:
        return None
    return url
