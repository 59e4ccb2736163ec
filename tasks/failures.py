"""Which errors are expected, and the exit code each means: anything else is a bug, with its traceback."""

from connectors.errors import ConnectorError
from playbook.loader import PlaybookError
from settings import SettingsError
from tasks.context import SandboxNotRunning
from warehouse.errors import WarehouseError

FAILED = 1
WRONG_USE = 2
_EXPECTED: tuple[tuple[type[Exception], int], ...] = (
    (SettingsError, WRONG_USE),
    (PlaybookError, WRONG_USE),
    (SandboxNotRunning, FAILED),
    (ConnectorError, FAILED),
    (WarehouseError, FAILED),
)


def expected(error: Exception) -> tuple[str, int] | None:
    """The sentence for the person and the exit code, or None when nobody foresaw this error."""
    for kind, code in _EXPECTED:
        if isinstance(error, kind):
            return str(error), code
    return None
