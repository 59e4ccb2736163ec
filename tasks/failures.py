"""Which errors are expected, and the exit code each means: anything else is a bug, with its traceback."""

import errno
import logging

from connectors.errors import ConnectorError
from playbook.loader import PlaybookError
from reports.errors import ReportError
from settings import SettingsError
from tasks.context import SandboxError
from warehouse.errors import WarehouseError

FAILED = 1
WRONG_USE = 2


class SourceFailed(Exception):
    """One source could not be read; Prefect shows its step as failed, the run goes on."""


_EXPECTED: tuple[tuple[type[Exception], int], ...] = (
    (SettingsError, WRONG_USE),
    (PlaybookError, WRONG_USE),
    (SandboxError, FAILED),
    (ConnectorError, FAILED),
    (WarehouseError, FAILED),
    (ReportError, FAILED),
    (SourceFailed, FAILED),
)
_RIGHTS = "Give this user the right to write there, or set TENFOLD_HOME to another folder."
_SYSTEM = {
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EROFS: _RIGHTS,
    errno.ENOTDIR: "A file stands where a folder must be; set TENFOLD_HOME to a folder.",
    errno.EEXIST: "A file stands where a folder must be; set TENFOLD_HOME to a folder.",
    errno.ENOSPC: "Free some space and run the same command again; nothing committed is lost.",
    errno.EDQUOT: "Free some space and run the same command again; nothing committed is lost.",
    errno.EFBIG: "Files may not grow that large here; raise the limit and run the same command again.",
    errno.EIO: "The disk does not answer as it should; check it, then run the same command again.",
}


class WithoutTraceback(logging.Filter):
    """Takes the traceback from records about errors that were foreseen: their sentence says all."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record through."""
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, Exception) and expected(error) is not None:
            record.exc_info = record.exc_text = None
        return True


def expected(error: Exception) -> tuple[str, int] | None:
    """The sentence for the person and the exit code, or None when nobody foresaw this error."""
    for kind, code in _EXPECTED:
        if isinstance(error, kind):
            return str(error), code
    if isinstance(error, OSError) and error.errno in _SYSTEM:
        # Whatever file it was, the remedy is outside of the program; a traceback would hide it.
        where = f"{error.filename}: " if error.filename else ""
        return f"{where}{error.strerror}. {_SYSTEM[error.errno]}", FAILED
    return None
