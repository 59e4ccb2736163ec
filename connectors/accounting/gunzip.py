"""Gzip data unpacked within limits."""

import zlib

from connectors.accounting.shapes import MIB, Format, Refused

MAX_RATIO = 200  # text packs to a tenth, tables of blanks to a hundredth
RATIO_FROM = MIB  # below this size no ratio harms
_CHUNK = 64 * 1024


def gunzip(data: bytes, limit: int) -> bytes:
    """The content of gzip data, of all its parts where several were put together.

    Raises Refused when it is cut, damaged, or expands beyond `limit` bytes or MAX_RATIO times.
    """
    most = min(limit, max(RATIO_FROM, MAX_RATIO * len(data)))
    out = bytearray()
    rest = data
    try:
        while rest:
            unpacker = zlib.decompressobj(wbits=31)
            while rest and not unpacker.eof:
                out += unpacker.decompress(rest, _CHUNK)
                rest = unpacker.unconsumed_tail
                if len(out) > most:
                    raise Refused(
                        f"The gzip file expands beyond {most // MIB} MiB: it is not opened.", Format.ARCHIVE
                    )
            if not unpacker.eof:
                raise Refused("The gzip file is cut off. Copy it again.", Format.ARCHIVE)
            rest = unpacker.unused_data.lstrip(b"\x00")
    except zlib.error as error:
        raise Refused("The gzip file is damaged. Copy it again.", Format.ARCHIVE) from error
    return bytes(out)
