"""Raw: every version of every record, merged from landing segments by DuckDB itself.

Python never loops over records here. A row is added when a record differs from its key's latest version, so
reading the same again adds nothing and A, B, A gives three rows.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb
import orjson

from warehouse.errors import UnreadableLanding, WarehouseError
from warehouse.landing import LandedPage, Landing, LandingRun
from warehouse.store import Store, quoted

_BATCH_BYTES = 64 * 1024 * 1024  # uncompressed JSON merged in one bite; more would only cost memory
_PATH = re.compile(r"\$((\.[A-Za-z0-9_-]+|\.\"[^\"]+\")|\[\d+\])*")


@dataclass(frozen=True, slots=True)
class Merged:
    """How many records a run held, how many of them were news, and how many had no key."""

    seen: int
    added: int
    rejected: int = 0


def merge(
    store: Store,
    run: LandingRun,
    *,
    records: str,
    key: str,
    volatile: Sequence[str] = (),
    cursor_at: datetime | None = None,
) -> Merged:
    """Bring a complete run into `raw.<source>_<resource>`; rows, cursor and mark in one transaction.

    `records` is the JSON path of the record array inside a body (`$` = the body is the record), `key` the
    path of the key inside a record (several joined with `+`), `volatile` the paths that make no new version.
    `cursor_at` (UTC) is where the next window starts. Merging a run twice returns the first outcome and adds
    nothing. A record without its key goes to `quality.rejected`.

    Raises UnreadableLanding when the bytes are no JSON or hold another number of records than counted, and
    WarehouseError when the run is incomplete or older than one already merged. Nothing is then changed.
    """
    if not run.is_complete:
        raise WarehouseError(
            f"Landing run {run.run_id} of {run.source}.{run.resource} is incomplete; "
            "finish reading its window first."
        )
    table = f"raw.{run.source}_{run.resource}"
    run.check_whole()
    with store.write() as con:
        done = con.execute(
            "select seen, added, rejected from meta.merged_run "
            "where source = ? and resource = ? and run_id = ?",
            [run.source, run.resource, run.run_id],
        ).fetchone()
        if done is not None:
            return Merged(*done)
        _refuse_an_older_run(con, run)
        ensure_table(con, run.source, run.resource)
        before = _count(con, f"select count(*) from {table}")
        refused_before = _count(con, "select count(*) from quality.rejected")
        seen = 0
        for pages in _batches(run.pages):
            _read(con, run, pages, records=records, key=key, volatile=volatile)
            seen += _audit_counts(con, run, pages)
            _reject(con, run, key)
            _add(con, run, table, volatile)
            con.execute("drop table incoming")
        added = _count(con, f"select count(*) from {table}") - before
        rejected = _count(con, "select count(*) from quality.rejected") - refused_before
        received = run.pages[-1].received_at if run.pages else run.window.until
        con.execute(
            "insert into meta.merged_run values (?, ?, ?, ?, ?, ?, ?)",
            [run.source, run.resource, run.run_id, seen, added, rejected, received],
        )
        if cursor_at is not None:
            con.execute(
                "delete from meta.cursor where source = ? and resource = ?", [run.source, run.resource]
            )
            con.execute(
                "insert into meta.cursor values (?, ?, ?, ?)",
                [run.source, run.resource, cursor_at, run.run_id],
            )
    return Merged(seen=seen, added=added, rejected=rejected)


def cursors(store: Store, source: str) -> dict[str, datetime]:
    """Until when (UTC) each resource of a source is in raw; one that was never read has no entry."""
    with store.read() as con:
        rows = con.execute(
            "select resource, cursor_at from meta.cursor where source = ?", [source]
        ).fetchall()
    return dict(rows)


def unmerged(store: Store, landing: Landing, source: str, resource: str) -> list[LandingRun]:
    """Complete runs that are not in raw yet (a kill came between landing and merge), oldest first."""
    done = merged_runs(store)
    return [run for run in landing.runs(source, resource) if (source, resource, run.run_id) not in done]


def merged_runs(store: Store) -> set[tuple[str, str, str]]:
    """(source, resource, run_id) of every run in raw."""
    with store.read() as con:
        rows = con.execute("select source, resource, run_id from meta.merged_run").fetchall()
    return {(row[0], row[1], row[2]) for row in rows}


def ensure_table(con: duckdb.DuckDBPyConnection, source: str, resource: str) -> None:
    """Create the raw table and its `_current` view when they are not there, so that models always run."""
    table = f"raw.{source}_{resource}"
    con.execute(
        f"create table if not exists {table} (key varchar not null, received_seq bigint not null, "
        "received_at timestamptz not null, run_id varchar not null, hash varchar not null, "
        "body json not null)"
    )
    con.execute(
        f"create view if not exists {table}_current as "
        f"select versions.* from {table} as versions join "
        f"(select key, max(received_seq) as received_seq from {table} group by key) as latest "
        "using (key, received_seq)"
    )


def _refuse_an_older_run(con: duckdb.DuckDBPyConnection, run: LandingRun) -> None:
    newest = con.execute(
        "select max(run_id) from meta.merged_run where source = ? and resource = ?",
        [run.source, run.resource],
    ).fetchone()
    if newest and newest[0] and newest[0] > run.run_id:
        raise WarehouseError(
            f"Landing run {run.run_id} of {run.source}.{run.resource} is older than {newest[0]}, "
            "which is merged already; merging it now would bring old versions to the top. Set it aside."
        )


def _batches(pages: Sequence[LandedPage]) -> Iterator[tuple[LandedPage, ...]]:
    """Pages of whole segments, as many as make about one bite."""
    batch: list[LandedPage] = []
    size = 0
    for page in pages:
        if size >= _BATCH_BYTES and page.segment != batch[-1].segment:
            yield tuple(batch)
            batch, size = [], 0
        batch.append(page)
        size += page.length
    if batch:
        yield tuple(batch)


def _read(
    con: duckdb.DuckDBPyConnection,
    run: LandingRun,
    pages: Sequence[LandedPage],
    *,
    records: str,
    key: str,
    volatile: Sequence[str],
) -> None:
    """Fill `incoming(page_no, place, seq, received_at, key, hash, record)`; seq starts at 1."""
    files = ", ".join(
        quoted(str(run.folder / name)) for name in dict.fromkeys(page.segment for page in pages)
    )
    array = "[json]" if records == "$" else f"json_extract(json, {quoted(_checked(records) + '[*]')})"
    offsets, total = [], 0
    for page in pages:
        offsets.append(total)
        total += page.count
    # Bounds DuckDB's read buffers, which are otherwise sized for 16 MB objects.
    largest = max(page.length for page in pages) + 1024
    try:
        con.execute(
            f"""
            create or replace temp table incoming as
            with bodies as (
                -- Without an order the scan keeps that of the files, and this window with it.
                select row_number() over () as page_no, {array} as found
                from read_ndjson_objects([{files}], format = 'newline_delimited', compression = 'gzip',
                                         maximum_object_size = {largest})
            ), placed as (
                select page_no, unnest(found) as record, generate_subscripts(found, 1) as place from bodies
            )
            select
                page_no, place, $offsets[page_no] + place as seq,
                $received[page_no]::timestamptz as received_at,
                {_key_sql(key)} as key, md5({_hashed_sql("record", volatile)}) as hash, record
            from placed
            """,
            {"offsets": offsets, "received": [page.received_at.isoformat() for page in pages]},
        )
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.IOException) as error:
        if "JSON" not in str(error) and "gzip" not in str(error).lower():
            raise
        # DuckDB quotes the offending text, which may hold a client's data.
        raise UnreadableLanding(
            f"Landing run {run.run_id} of {run.source}.{run.resource} holds a page that is no JSON; "
            "set the run aside and read its window again."
        ) from None


def _key_sql(key: str) -> str:
    parts = [f"(record ->> {quoted(_checked(part))})" for part in key.split("+")]
    return " || '+' || ".join(parts)


def _hashed_sql(record: str, volatile: Sequence[str]) -> str:
    """`record` without its volatile fields."""
    if not volatile:
        return record
    patch: dict[str, object] = {}
    for path in volatile:
        *parents, leaf = [part.strip('"') for part in _checked(path).split(".")[1:]]
        level = patch
        for parent in parents:
            deeper = level.setdefault(parent, {})
            if not isinstance(deeper, dict):
                raise WarehouseError(f"The volatile path {path} lies inside another one.")
            level = deeper
        level[leaf] = None
    # A merge patch removes what it sets to null.
    return f"json_merge_patch({record}, {quoted(json.dumps(patch))})"


def _checked(path: str) -> str:
    if not _PATH.fullmatch(path):
        raise WarehouseError(
            f"{path!r} is no JSON path of the kind $.a.b; correct the resource's declaration."
        )
    return path


def _audit_counts(con: duckdb.DuckDBPyConnection, run: LandingRun, pages: Sequence[LandedPage]) -> int:
    found = dict(con.execute("select page_no, count(*) from incoming group by page_no").fetchall())
    for number, page in enumerate(pages, start=1):
        if found.get(number, 0) != page.count:
            raise UnreadableLanding(
                f"Landing run {run.run_id} of {run.source}.{run.resource}: a page was counted as "
                f"{page.count} records but holds {found.get(number, 0)}; "
                "set the run aside and read its window again."
            )
    return sum(page.count for page in pages)


def _reject(con: duckdb.DuckDBPyConnection, run: LandingRun, key: str) -> None:
    con.execute(
        "insert into quality.rejected "
        "select ?, ?, null, ?, null, ?, record::varchar, 'the record has no key' "
        "from incoming where key is null order by seq",
        [run.source, run.resource, run.run_id, key],
    )


def _add(con: duckdb.DuckDBPyConnection, run: LandingRun, table: str, volatile: Sequence[str]) -> None:
    """Add the records that differ from what came right before them under their key, in raw or in the run."""
    con.execute(
        f"""
        create or replace temp table news as
        with latest as (
            select key, max(received_seq) as seq, arg_max(hash, received_seq) as hash
            from {table} where key in (select key from incoming) group by key
        ), chain as (
            -- What raw knows comes before anything of this run.
            select key, seq, hash, false as is_new from latest
            union all
            select key, seq, hash, true from incoming where key is not null
        ), steps as (
            select key, seq, hash, is_new,
                lag(hash) over following as previous_hash,
                lag(seq) over following as previous_seq,
                lag(is_new) over following as previous_is_new
            from chain window following as (partition by key order by is_new, seq)
        )
        select key, seq,
            case when previous_is_new then previous_seq end as earlier_seq,
            case when not previous_is_new then previous_seq end as known_seq
        from steps
        where is_new and previous_hash is distinct from hash
        """
    )
    _forgive_other_key_order(con, table, volatile)
    con.execute(
        f"""
        insert into {table}
        select key, base.top + seq, received_at, ?, hash, record
        from incoming, (select coalesce(max(received_seq), 0) as top from {table}) as base
        where seq in (select seq from news)
        """,
        [run.run_id],
    )
    con.execute("drop table news")


def _forgive_other_key_order(con: duckdb.DuckDBPyConnection, table: str, volatile: Sequence[str]) -> None:
    """Take from `news` what only lists the same fields in another order, which vendors feel free to do.

    Such a record has the same length and contains its predecessor both ways. DuckDB ignores the order of
    arrays in that test, so the few pairs that hold an array are settled one by one.
    """
    con.execute(
        f"""
        create or replace temp table alike as
        with pairs as (
            select news.seq, {_hashed_sql("incoming.record", volatile)} as after,
                {_hashed_sql("coalesce(earlier.record, versions.body)", volatile)} as before
            from news
            join incoming on incoming.seq = news.seq
            left join incoming as earlier on earlier.seq = earlier_seq
            left join {table} as versions on versions.received_seq = known_seq
            where coalesce(earlier_seq, known_seq) is not null
        )
        select seq, before, after, contains(after, '[') as has_array from pairs
        where strlen(before) = strlen(after) and json_contains(before, after) and json_contains(after, before)
        """
    )
    doubtful = con.execute("select seq, before, after from alike where has_array")
    different: list[int] = []
    while rows := doubtful.fetchmany(1000):
        different += [seq for seq, before, after in rows if _sorted(before) != _sorted(after)]
    con.execute("delete from alike where seq in (select unnest(?::bigint[]))", [different])
    con.execute("delete from news where seq in (select seq from alike)")
    con.execute("drop table alike")


def _sorted(record: str) -> bytes:
    return orjson.dumps(orjson.loads(record), option=orjson.OPT_SORT_KEYS)


def _count(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    return int(row[0]) if row else 0
