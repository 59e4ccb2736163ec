"""How much memory DuckDB may use, and over how many threads: by the width of records, never by their number.

What a thread takes in hand at once is a vector of 2,048 records and a segment of landing, several times over;
everything beyond waits on disk.
"""

import os
import re
from collections.abc import Iterable

import duckdb

from warehouse.errors import WarehouseError

DEFAULT_MEMORY = "300MB"
_VECTOR = 2048
_COPIES = 12  # of a vector's records while they are taken apart; measured on conversations of 7 and 72 kB
_COPIES_OF_A_PAGE = 20
_BASE = 100 * 1024**2  # for a segment of 2 MiB in small records
_SHARE = 0.7  # of the machine's memory; beyond it, the machine itself would come to a stop


def give_room(
    con: duckdb.DuckDBPyConnection,
    memory: str,
    *,
    records: int = 0,
    size: int = 0,
    largest_page: int = 0,
) -> None:
    """Set limits for statements over `records` of `size` bytes in all; `memory` is for ordinary ones.

    Wide records get one thread, and more than `memory` where one thread needs it.
    """
    total = bytes_of(memory)
    width = size / records if records else 0
    each = _BASE + _COPIES * min(size, round(_VECTOR * width)) + _COPIES_OF_A_PAGE * largest_page
    threads = max(1, min(os.cpu_count() or 1, total // each))
    limit = min(max(total, each), max(total, round(_SHARE * _physical())))
    con.execute(f"set memory_limit = '{limit // 1024**2}MiB'")
    con.execute(f"set threads = {threads}")


def give_room_for(con: duckdb.DuckDBPyConnection, memory: str, tables: Iterable[tuple[str, str]]) -> None:
    """The same for the records of raw tables (source, resource), as wide as what was read of them."""
    named = ", ".join(f"'{source}.{resource}'" for source, resource in tables)
    row = con.execute(
        "select coalesce(sum(seen), 0), coalesce(sum(size), 0) from meta.merged_run where size is not null "
        f"and source || '.' || regexp_replace(resource, '_by_id$', '') in ({named or 'null'})"
    ).fetchone()
    records, size = row or (0, 0)
    give_room(con, memory, records=int(records), size=int(size))


def bytes_of(memory: str) -> int:
    """`300MB` or `2GB` in bytes. Raises WarehouseError."""
    found = re.fullmatch(r"(\d+)([MG])B", memory)
    if found is None:
        raise WarehouseError(f"{memory!r} is no amount of memory; write it as 512MB or 2GB.")
    return int(found[1]) * 1000 ** (2 if found[2] == "M" else 3)


def _physical() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
