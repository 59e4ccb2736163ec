"""ZIP and gzip archives, opened in memory only: nothing is written and no path in them is followed."""

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from connectors.accounting.contaplus import is_contaplus
from connectors.accounting.dbf import field_names
from connectors.accounting.gunzip import MAX_RATIO, RATIO_FROM, gunzip
from connectors.accounting.reading import content_of, read_bytes, refused
from connectors.accounting.recognise import is_archive, is_dbf
from connectors.accounting.shapes import MIB, Format, ImportedFile, ReadOptions, Refused

_DEFAULTS = ReadOptions()
MAX_MEMBERS = 2_000
MAX_DEPTH = 2  # an archive within an archive, and no further
_NOISE = re.compile(r"(?:^|/)(?:__MACOSX/|\.DS_Store$|Thumbs\.db$|desktop\.ini$|\._)", re.IGNORECASE)
_DBF_NAME = re.compile(rb"\.dbf", re.IGNORECASE)
_READABLE = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})


@dataclass(slots=True)
class _Budget:
    """What all members together may still expand to, at every depth."""

    left: int
    members: int = MAX_MEMBERS

    def take(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise Refused("The archive expands beyond the limit: it is not opened.", Format.ARCHIVE)

    def count(self, members: int) -> None:
        self.members -= members
        if self.members < 0:
            raise Refused(
                f"The archive holds more than {MAX_MEMBERS} files: it is not opened.", Format.ARCHIVE
            )


def members(data: bytes, options: ReadOptions = _DEFAULTS) -> Iterator[tuple[str, bytes]]:
    """Name within the archive and bytes of each file in it, archives within it opened too.

    A workbook is no archive and comes as one file. Of a ContaPlus backup only the journals come. Raises
    Refused, before the first file, for a path that leaves the archive, an encrypted member, a bomb by size,
    ratio or number, or damage; while going on, where a member is not what the archive says of it.
    """
    return _members(data, options, _Budget(options.max_expanded_bytes), 1)


def read_archive(path: Path, options: ReadOptions = _DEFAULTS) -> list[ImportedFile]:
    """Each file of the archive as if it stood alone, named archive/member; one refusal where it cannot be.

    Journals of several companies are kept apart by the folders that they stand in.
    """
    data = content_of(path, options)
    if isinstance(data, Refused):
        return [refused(path.name, "", data)]
    try:
        journals = _journals(data, options)
        return [
            read_bytes(f"{path.name}/{name}", content, _named(options, name, journals))
            for name, content in members(data, options)
        ]
    except Refused as refusal:
        refusal.format = refusal.format or Format.ARCHIVE
        return [refused(path.name, "", refusal)]


def _named(options: ReadOptions, name: str, journals: int) -> ReadOptions:
    if journals < 2 or options.account:
        return options
    return replace(options, account=PurePosixPath(name).parent.name or None)


def _journals(data: bytes, options: ReadOptions) -> int:
    if not _DBF_NAME.search(data):
        return 0
    return sum(_is_journal(content) for _, content in members(data, options))


def _is_journal(content: bytes) -> bool:
    return is_dbf(content) and is_contaplus(field_names(content))


def _members(data: bytes, options: ReadOptions, budget: _Budget, depth: int) -> Iterator[tuple[str, bytes]]:
    if data.startswith(b"\x1f\x8b"):
        content = gunzip(data, min(budget.left, options.max_expanded_bytes))
        budget.take(len(content))
        return iter([("content", content)])
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        infos = [
            info for info in archive.infolist() if not info.is_dir() and not _NOISE.search(info.filename)
        ]
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise Refused("The archive is cut off or damaged. Copy it again.", Format.ARCHIVE) from error
    budget.count(len(infos))
    _refuse_what_harms(infos, budget)
    return _opened(archive, _of_contaplus(archive, infos), options, budget, depth)


def _refuse_what_harms(infos: list[zipfile.ZipInfo], budget: _Budget) -> None:
    for info in infos:
        if _leaves(info):
            raise Refused(
                f"The archive holds the path '{info.filename[:60]}', which leads out of it: not opened.",
                Format.ARCHIVE,
            )
    locked = [info.filename for info in infos if info.flag_bits & 0x1]
    if locked:
        names = ", ".join(locked[:5]) + (f" and {len(locked) - 5} more" if len(locked) > 5 else "")
        raise Refused(
            f"These files of the archive are encrypted: {names}. Unpack it with its password first.",
            Format.ARCHIVE,
        )
    if sum(info.file_size for info in infos) > budget.left:
        raise Refused(
            f"The archive would expand to {sum(i.file_size for i in infos) // MIB} MiB, over the limit: "
            "it is not opened.",
            Format.ARCHIVE,
        )
    for info in infos:
        if info.file_size > RATIO_FROM and info.file_size > MAX_RATIO * max(info.compress_size, 1):
            raise Refused(
                f"'{info.filename[:60]}' would expand more than {MAX_RATIO} times: the archive stays shut.",
                Format.ARCHIVE,
            )
        if info.compress_type not in _READABLE:
            raise Refused(
                f"'{info.filename[:60]}' is packed in a way that is not read: unpack the archive and import "
                "the files.",
                Format.ARCHIVE,
            )


def _leaves(info: zipfile.ZipInfo) -> bool:
    name = info.orig_filename.replace("\\", "/")
    return (
        name.startswith("/")
        or ".." in name.split("/")
        or re.match(r"[A-Za-z]:", name) is not None
        or "\x00" in name
        or stat.S_ISLNK(info.external_attr >> 16)
    )


def _of_contaplus(archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """The journals alone, where there is one: the program's other tables are no books."""
    journals = [
        info
        for info in infos
        if info.filename.casefold().endswith(".dbf") and _is_journal(_read(archive, info, 32 + 32 * 255))
    ]
    return journals or infos


def _opened(
    archive: zipfile.ZipFile,
    infos: list[zipfile.ZipInfo],
    options: ReadOptions,
    budget: _Budget,
    depth: int,
) -> Iterator[tuple[str, bytes]]:
    with archive:
        for info in infos:
            content = _read(archive, info, min(budget.left, info.file_size) + 1)
            budget.take(len(content))
            if len(content) != info.file_size:
                raise Refused(
                    f"'{info.filename[:60]}' is not as long as the archive says: it is damaged.",
                    Format.ARCHIVE,
                )
            if not is_archive(content):
                yield info.filename, content
            elif depth >= MAX_DEPTH:
                raise Refused(
                    f"'{info.filename[:60]}' is an archive within an archive within another: unpack it.",
                    Format.ARCHIVE,
                )
            else:
                for name, inner in _members(content, options, budget, depth + 1):
                    yield f"{info.filename}/{name}", inner


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    """At most `limit` bytes of a member, whatever the archive says of its size."""
    try:
        with archive.open(info) as member:
            return member.read(limit)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        ValueError,
        NotImplementedError,
        RuntimeError,
    ) as e:
        raise Refused(
            f"'{info.filename[:60]}' cannot be unpacked: the archive is cut off or damaged. Copy it again.",
            Format.ARCHIVE,
        ) from e
