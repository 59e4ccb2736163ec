"""The front door of the accounting readers: which format a file has, and all that is in it."""

import hashlib
import stat
from pathlib import Path

from connectors.accounting.readers import NOT_READ, READERS
from connectors.accounting.recognise import Content, recognise
from connectors.accounting.shapes import (
    MIB,
    Format,
    ImportedFile,
    Parsed,
    ReadOptions,
    Refused,
    Rejected,
    totals_of,
)

_DEFAULTS = ReadOptions()
_UNKNOWN = (
    "No accounting format was recognised: no date and amount columns, no known header. Export it as CSV"
)


def sniff(path: Path) -> Format | None:
    """The format told from the file's content, or None when none is recognised.

    Damaged files too give a format where their beginning tells it.

    Raises OSError when the file cannot be read.
    """
    data = content_of(path, _DEFAULTS)
    if isinstance(data, Refused):
        return data.format
    try:
        return recognise(data, _DEFAULTS).format
    except Refused as refusal:
        return refusal.format


def read_file(path: Path, options: ReadOptions = _DEFAULTS) -> ImportedFile:
    """All records of one file, or its refusal as the single rejected item without a row.

    Nothing of a refused file is given back. Raises OSError when the file cannot be read.
    """
    data = content_of(path, options)
    if isinstance(data, Refused):
        return refused(path.name, "", data)
    return read_bytes(path.name, data, options)


def read_bytes(name: str, data: bytes, options: ReadOptions = _DEFAULTS) -> ImportedFile:
    """As `read_file`, of bytes that came in an archive."""
    digest = hashlib.sha256(data).hexdigest()
    fault = _fault_of(data, options)
    if fault is not None:
        return refused(name, digest, fault)
    content: Content | None = None
    try:
        content = recognise(data, options)
        parsed = _parse(content, options)
    except Refused as refusal:
        known = content or Content(data)
        refusal.format = refusal.format or known.format
        refusal.encoding = refusal.encoding or known.encoding
        return refused(name, digest, refusal)
    return ImportedFile(
        file=name,
        sha256=digest,
        format=content.format,
        encoding=content.encoding,
        entries=parsed.entries,
        movements=parsed.movements,
        documents=parsed.documents,
        totals=totals_of(parsed),
        rejected=parsed.rejected,
        warnings=parsed.warnings,
        subscriptions=parsed.subscriptions,
        time_entries=parsed.time_entries,
        rates=parsed.rates,
        left=parsed.left,
        verified=parsed.verified,
        covered=parsed.covered,
    )


def refused(name: str, digest: str, refusal: Refused) -> ImportedFile:
    """A file of which nothing was taken in."""
    rejected = [Rejected(None, str(refusal))]
    return ImportedFile(name, digest, refusal.format, refusal.encoding, [], [], [], {}, rejected, [])


def content_of(path: Path, options: ReadOptions) -> bytes | Refused:
    """The file's bytes; never more than the limit is read, whatever its length says."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        return Refused("This is no regular file.")  # opening a pipe would wait for its writer
    with path.open("rb") as handle:
        # Asked for all at once, Python would make room for the limit, however small the file is.
        pieces, held = [], 0
        while held <= options.max_bytes and (piece := handle.read(MIB)):
            pieces.append(piece)
            held += len(piece)
    data = b"".join(pieces)
    return _fault_of(data, options) or data


def _fault_of(data: bytes, options: ReadOptions) -> Refused | None:
    if not data:
        return Refused("The file is empty. Export it again.")
    if len(data) > options.max_bytes:
        return Refused(f"The file is larger than {options.max_bytes // MIB} MiB. Export a shorter period.")
    if not data.strip(b"\x00 \t\r\n\xef\xbb\xbf"):
        return Refused("The file holds nothing but blanks. Export it again.")
    return None


def _parse(content: Content, options: ReadOptions) -> Parsed:
    format_ = content.format
    if format_ is None:
        raise Refused(_UNKNOWN)
    reader = READERS.get(format_)
    if reader is None:
        raise Refused(NOT_READ.get(format_, _UNKNOWN), format_)
    parsed = reader(content, options)
    table = content.table
    if table is not None and table.other_sheets:
        parsed.warnings.append(
            f"Only the sheet '{table.sheet}' was read; not read: {', '.join(table.other_sheets)}"
        )
    return parsed
