"""Landing pages as rows, read by DuckDB itself: Python never loops over records."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from warehouse.errors import UnreadableLanding, WarehouseError
from warehouse.landing import LandingRun
from warehouse.landing_manifest import LandedPage
from warehouse.store import quoted

BATCH_BYTES = 256 * 1024 * 1024  # uncompressed JSON in one statement
_PATH = re.compile(r"\$((\.[A-Za-z0-9_-]+|\.\"[^\"]+\")|\[\d+\])*")


@dataclass(frozen=True, slots=True)
class Shape:
    """Where a body holds its records, and inside a record its key, its change time and what does not count.

    `records`: path of the array, or `$` when the body is the record; `key`: path, several joined with `+`;
    `mark`: path of the vendor's change time; `volatile`: paths that make no new version.
    """

    records: str
    key: str
    mark: str | None = None
    volatile: tuple[str, ...] = ()


def batches(pages: Sequence[LandedPage]) -> Iterator[tuple[LandedPage, ...]]:
    """Pages of whole segments, as many as make about one bite; none where there is no record."""
    if not any(page.count for page in pages):
        return
    batch: list[LandedPage] = []
    size = 0
    for page in pages:
        if size >= BATCH_BYTES and page.segment != batch[-1].segment:
            yield tuple(batch)
            batch, size = [], 0
        batch.append(page)
        size += page.length
    if batch:
        yield tuple(batch)


def count_by_page(run: LandingRun, pages: Sequence[LandedPage], shape: Shape) -> str:
    """A SELECT of (page_no, records), for saying which page was counted wrongly."""
    return f"select page_no, count(*) from ({scan(run, pages, shape, 0)}) group by page_no"


def scan(run: LandingRun, pages: Sequence[LandedPage], shape: Shape, seen: int) -> str:
    """A SELECT of (page_no, seq, received_at, key, mark, hash, record); seq goes on after `seen`.

    No value is bound: DuckDB would load pandas for that, which takes longer than a small merge.
    """
    files = ", ".join(
        quoted(str(run.folder / name)) for name in dict.fromkeys(page.segment for page in pages)
    )
    records = checked_path(shape.records).removeprefix("$")
    found = (
        f"json_extract(json, {quoted(f'$.body{records}[*]')})"
        if records
        else "[json_extract(json, '$.body')]"
    )
    offsets, received, total = [], [], seen
    for page in pages:
        offsets.append(str(total))
        received.append(quoted(page.received_at.isoformat()))
        total += page.count
    # Bounds DuckDB's read buffers, which are otherwise sized for 16 MB objects.
    largest = max(page.length for page in pages) + 1024
    keys = [checked_path(part) for part in shape.key.split("+")]
    fields = [*keys, *([checked_path(shape.mark)] if shape.mark else [])]
    key = " || '+' || ".join(f"fields[{at}]" for at in range(1, len(keys) + 1))
    # With and without fractions of a second, times sort as text once the Z is gone.
    mark = f"rtrim(fields[{len(fields)}], 'Z')" if shape.mark else "null::varchar"
    return f"""
        with bodies as (
            select (json ->> '$.page')::bigint - {pages[0].number - 1} as page_no, {found} as found
            from read_ndjson_objects([{files}], format = 'newline_delimited', compression = 'auto_detect',
                                     maximum_object_size = {largest})
        ), records as (
            select page_no, unnest(found) as record, generate_subscripts(found, 1) as place from bodies
        ), fields as (
            select page_no, place, record,
                json_extract_string(record, [{", ".join(quoted(field) for field in fields)}]) as fields
            from records
        )
        select
            page_no,
            ([{", ".join(offsets)}])[page_no] + place as seq,
            ([{", ".join(received)}]::timestamptz[])[page_no] as received_at,
            nullif({key}, '') as key,
            {mark} as mark,
            md5_number({hashed("record", shape.volatile)}) as hash,
            record
        from fields
    """


def hashed(record: str, volatile: Sequence[str]) -> str:
    """SQL for `record` without its volatile fields."""
    if not volatile:
        return record
    patch: dict[str, object] = {}
    for path in volatile:
        *parents, leaf = [part.strip('"') for part in checked_path(path).split(".")[1:]]
        level = patch
        for parent in parents:
            deeper = level.setdefault(parent, {})
            if not isinstance(deeper, dict):
                raise WarehouseError(f"The volatile path {path} lies inside another one.")
            level = deeper
        level[leaf] = None
    # A merge patch removes what it sets to null.
    return f"json_merge_patch({record}, {quoted(json.dumps(patch))})"


def checked_path(path: str) -> str:
    """The path, when it is one. Raises WarehouseError."""
    if not _PATH.fullmatch(path):
        raise WarehouseError(
            f"{path!r} is no JSON path of the kind $.a.b; correct the resource's declaration."
        )
    return path


def no_json(run: LandingRun) -> UnreadableLanding:
    """The error for a page that DuckDB cannot read; what it says may hold a client's data."""
    return UnreadableLanding(
        f"Landing run {run.run_id} of {run.source}.{run.resource} holds a page that is no JSON; "
        "set the run aside and read its window again."
    )


def miscounted(run: LandingRun, counted: int, held: int) -> UnreadableLanding:
    """The error for a page that holds another number of records than the connector counted."""
    return UnreadableLanding(
        f"Landing run {run.run_id} of {run.source}.{run.resource}: a page was counted as "
        f"{counted} records but holds {held}; set the run aside and read its window again."
    )
