"""Raw: every version of every record, merged from landing segments by DuckDB itself.

A row is added when a record differs from its key's latest version, so reading the same again adds nothing
and A, B, A gives three rows. A record whose change time, or whose receipt, is older than what is known is
kept as a version and never becomes the current one: an index that lags tells old news late.
"""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import duckdb

from warehouse.errors import WarehouseError
from warehouse.landing import Landing, LandingRun
from warehouse.landing_manifest import LandedPage
from warehouse.raw_news import CURRENT, find_news, forgive_other_key_order
from warehouse.raw_scan import Shape, batches, count_by_page, hashed, miscounted, no_json, scan
from warehouse.raw_tables import GONE, ensure_table
from warehouse.room import DEFAULT_MEMORY, give_room
from warehouse.store import Store, Transaction, counted, quoted

_LITTLE_BYTES = 16 * 1024 * 1024  # of JSON


@dataclass(frozen=True, slots=True)
class Merged:
    """How many records a run held, how many of them were news, and how many had no key.

    `missing`: of a run that brings everything, the keys that are current in raw and came in no page.
    """

    seen: int
    added: int
    rejected: int = 0
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """One complete run to be merged into `raw.<source>_<into>` (the run's own resource unless told).

    `cursor_at` (UTC), `settled_at` and `parent_seq` are the resource's new watermark. What is `missing` is
    told where it is asked for: of `everything` that is current, or of the keys `wanted`.
    """

    run: LandingRun
    shape: Shape
    into: str | None = None
    cursor_at: datetime | None = None
    settled_at: datetime | None = None
    parent_seq: int | None = None
    everything: bool = False
    wanted: tuple[str, ...] = ()

    @property
    def resource(self) -> str:
        """The resource whose raw table the records go to."""
        return self.into or self.run.resource


def merge(
    store: Store,
    run: LandingRun,
    *,
    records: str,
    key: str,
    volatile: Sequence[str] = (),
    mark: str | None = None,
    cursor_at: datetime | None = None,
) -> Merged:
    """Merge one run; see `merge_all`. Raises as `Merger.merge` does."""
    shape = Shape(records, key, mark, tuple(volatile))
    with store.writing() as transaction:
        return Merger(transaction, store.memory).merge(Job(run, shape, cursor_at=cursor_at))


class Merger:
    """Merges runs over one opening of the warehouse, each in a transaction of its own."""

    def __init__(self, transaction: Transaction, memory: str = DEFAULT_MEMORY) -> None:
        self._transaction = transaction
        self._memory = memory

    def merge(self, job: Job) -> Merged:
        """Bring a complete run into raw; rows, cursor and mark of the run in one transaction.

        Merging a run twice returns the first outcome and adds nothing. A record without its key goes to
        `quality.rejected`. Raises UnreadableLanding when the bytes are no JSON or hold another number of
        records than counted, and WarehouseError when the run is incomplete or older than one already merged.
        Nothing is then changed.
        """
        run = job.run
        if not run.is_complete:
            raise WarehouseError(
                f"Landing run {run.run_id} of {run.source}.{run.resource} is incomplete; "
                "finish reading its window first."
            )
        run.check_whole()
        with self._transaction() as con:
            done = con.execute(
                f"select seen, added, rejected from meta.merged_run where {_same_run(run)}"
            ).fetchone()
            if done is not None:
                return Merged(*done)
            _refuse_an_older_run(con, run)
            table = ensure_table(con, run.source, job.resource)
            largest = max((page.length for page in run.pages), default=0)
            give_room(con, self._memory, records=run.records, size=run.size, largest_page=largest)
            before = counted(con, f"select count(*) from {table}")
            rejected = _extend(con, job, table) if before else _fill(con, job, table)
            added = counted(con, f"select count(*) from {table}") - before
            missing = _missing(con, job, table) if before or job.wanted else ()
            _note(con, job, rejected, added)
        return Merged(seen=run.records, added=added, rejected=rejected, missing=missing)


def cursors(store: Store, source: str) -> dict[str, datetime]:
    """Until when (UTC) each resource of a source is in raw; one that was never read has no entry."""
    with store.read() as con:
        rows = con.execute(
            f"select resource, cursor_at from meta.cursor where source = {quoted(source)}"
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


def _same_run(run: LandingRun) -> str:
    return (
        f"source = {quoted(run.source)} and resource = {quoted(run.resource)} "
        f"and run_id = {quoted(run.run_id)}"
    )


def _refuse_an_older_run(con: duckdb.DuckDBPyConnection, run: LandingRun) -> None:
    newest = con.execute(
        f"select max(run_id) from meta.merged_run where source = {quoted(run.source)} "
        f"and resource = {quoted(run.resource)}"
    ).fetchone()
    if newest and newest[0] and newest[0] > run.run_id:
        raise WarehouseError(
            f"Landing run {run.run_id} of {run.source}.{run.resource} is older than {newest[0]}, "
            "which is merged already; merging it now would bring old versions to the top. Set it aside."
        )


def _note(con: duckdb.DuckDBPyConnection, job: Job, rejected: int, added: int) -> None:
    run = job.run
    received = run.pages[-1].received_at if run.pages else run.window.until
    con.execute(
        "insert into meta.merged_run (source, resource, run_id, seen, added, rejected, merged_at, size) "
        f"values ({quoted(run.source)}, {quoted(run.resource)}, {quoted(run.run_id)}, {run.records}, "
        f"{added}, {rejected}, {_instant(received)}, {run.size})"
    )
    if job.cursor_at is None:
        return
    where = f"source = {quoted(run.source)} and resource = {quoted(run.resource)}"
    known = con.execute(f"select settled_at, swept_at, parent_seq from meta.cursor where {where}").fetchone()
    settled, swept, parent = known or (None, None, None)
    parent = job.parent_seq if job.parent_seq is not None else parent
    con.execute(f"delete from meta.cursor where {where}")
    columns = "source, resource, cursor_at, run_id, settled_at, swept_at, parent_seq"
    con.execute(
        f"insert into meta.cursor ({columns}) values "
        f"({quoted(run.source)}, {quoted(run.resource)}, {_instant(job.cursor_at)}, {quoted(run.run_id)}, "
        f"{_instant(job.settled_at or settled)}, {_instant(swept)}, {'null' if parent is None else parent})"
    )


def _instant(moment: datetime | None) -> str:
    return "null" if moment is None else f"{quoted(moment.isoformat())}::timestamptz"


# Two ways to add


def _fill(con: duckdb.DuckDBPyConnection, job: Job, table: str) -> int:
    """Into an empty table everything goes at once, and what was no news is taken out again."""
    seen = 0
    for pages in batches(job.run.pages):
        source = scan(job.run, pages, job.shape, seen)
        with _readable(job.run):
            # A record without a key would break the table's rule, so it waits under one that nobody has.
            con.execute(
                f"insert into {table} select coalesce(key, ''), seq, received_at, {quoted(job.run.run_id)}, "
                f"hash, mark, true, record from ({source})"
            )
        _audit(con, job, pages, f"select received_seq as seq from {table} where received_seq > {seen}", seen)
        seen += sum(page.count for page in pages)
    rejected = _reject(con, job, f"select body as record, received_seq as seq from {table} where key = ''")
    if rejected:
        con.execute(f"delete from {table} where key = ''")
    if counted(con, f"select count(*) - count(distinct key) from {table}"):
        _settle_repeated_keys(con, job, table)
    if job.wanted:
        con.execute(f"create or replace temp table seen_keys as select key from {table}")
    return rejected


def _settle_repeated_keys(con: duckdb.DuckDBPyConnection, job: Job, table: str) -> None:
    con.execute(
        f"""
        create or replace temp table incoming as
        select key, received_seq as seq, received_at, mark, hash from {table}
        where key in (select key from {table} group by key having count(*) > 1)
        """
    )
    find_news(con)
    volatile = job.shape.volatile
    forgive_other_key_order(
        con,
        f"""
        select news.seq, {hashed("after.body", volatile)} as after,
            {hashed("before.body", volatile)} as before
        from news
        join {table} as after on after.received_seq = news.seq
        join {table} as before on before.received_seq = news.earlier_seq
        where {_may_be_alike(job.shape)}
        """,
    )
    con.execute(
        f"delete from {table} where received_seq in (select seq from incoming) "
        "and received_seq not in (select seq from news)"
    )
    con.execute(
        f"update {table} set is_current = false where received_seq in (select seq from news) "
        f"and received_seq not in ({CURRENT})"
    )
    con.execute("drop table news")
    con.execute("drop table incoming")


def _extend(con: duckdb.DuckDBPyConnection, job: Job, table: str) -> int:
    """To what is there only the news is added: most of what is read again was known."""
    seen = rejected = 0
    top = counted(con, f"select coalesce(max(received_seq), 0) from {table}")
    con.execute("create or replace temp table seen_keys (key varchar)")
    for pages in batches(job.run.pages):
        source = scan(job.run, pages, job.shape, top + seen)
        with _readable(job.run):
            # Of much, records are looked at again only where they are news; of little, that costs more.
            is_little = sum(page.length for page in pages) <= _LITTLE_BYTES
            columns = "*" if is_little else "seq, received_at, key, mark, hash"
            con.execute(f"create or replace temp table incoming as select {columns} from ({source})")
        _audit(con, job, pages, "select seq from incoming", top + seen)
        seen += sum(page.count for page in pages)
        if counted(con, "select count(*) from incoming where key is null"):
            rejected += _reject(con, job, f"select record, seq from ({source}) where key is null")
        if job.everything or job.wanted:
            con.execute("insert into seen_keys select key from incoming")
        _add_news(con, job, table, "from incoming" if is_little else f"from ({source})")
        con.execute("drop table incoming")
    return rejected


def _add_news(con: duckdb.DuckDBPyConnection, job: Job, table: str, source: str) -> None:
    known = (
        f"select key, received_seq as seq, received_at, mark, hash from {table} "
        "where is_current and key in (select key from incoming)"
    )
    find_news(con, known, table)
    if not counted(con, "select count(*) from news"):
        con.execute("drop table news")
        return
    con.execute(
        f"create or replace temp table fresh as select * {source} where seq in (select seq from news)"
    )
    volatile = job.shape.volatile
    forgive_other_key_order(
        con,
        f"""
        select news.seq, {hashed("fresh.record", volatile)} as after,
            {hashed("coalesce(earlier.record, versions.body)", volatile)} as before
        from news
        join fresh on fresh.seq = news.seq
        left join fresh as earlier on earlier.seq = earlier_seq
        left join (
            -- Few of very many: left to itself the join would take every body in hand.
            select received_seq, body from {table} where received_seq in (
                select known_seq from news where {_may_be_alike(job.shape)}
            )
        ) as versions on versions.received_seq = known_seq
        where coalesce(earlier_seq, known_seq) is not null and {_may_be_alike(job.shape)}
        """,
    )
    con.execute(
        f"update {table} set is_current = false "
        "where is_current and key in (select key from news where not is_late)"
    )
    con.execute(
        f"""
        insert into {table}
        select key, seq, received_at, {quoted(job.run.run_id)}, hash, mark, seq in ({CURRENT}), record
        from fresh where seq in (select seq from news)
        """
    )
    con.execute("drop table fresh")
    con.execute("drop table news")


def _may_be_alike(shape: Shape) -> str:
    """Which of the news may say nothing new: not those whose change time, a part of them, moved."""
    return "true" if shape.mark is None or shape.mark in shape.volatile else "news.is_same_mark"


def _missing(con: duckdb.DuckDBPyConnection, job: Job, table: str) -> tuple[str, ...]:
    if job.wanted:
        expected = f"select unnest([{', '.join(map(quoted, job.wanted))}]) as key"
    elif job.everything:
        expected = f"select key from {table} where is_current and (body ->> '$.{GONE}') is null"
    else:
        return ()
    rows = con.execute(
        f"select key from ({expected}) anti join seen_keys using (key) order by key"
    ).fetchall()
    return tuple(row[0] for row in rows)


# What must hold


@contextlib.contextmanager
def _readable(run: LandingRun) -> Iterator[None]:
    """Say UnreadableLanding where DuckDB would quote the offending text, which may be a client's data."""
    try:
        yield
    except (duckdb.InvalidInputException, duckdb.ConversionException, duckdb.IOException) as error:
        said = str(error).lower()
        if "json" not in said and "zstd" not in said:
            raise
        raise no_json(run) from None


def _audit(
    con: duckdb.DuckDBPyConnection, job: Job, pages: Sequence[LandedPage], numbers: str, start: int
) -> None:
    """Raises UnreadableLanding when a page does not hold as many records as were counted.

    A record's number is its page's start plus its place, so a page with one too many takes the number of
    another, and one with too few leaves a gap.
    """
    expected = sum(page.count for page in pages)
    found = con.execute(
        f"select count(*), count(distinct seq), coalesce(max(seq), {start}) from ({numbers})"
    ).fetchone()
    if found == (expected, expected, start + expected):
        return
    held = dict(con.execute(count_by_page(job.run, pages, job.shape)).fetchall())
    for number, page in enumerate(pages, start=1):
        if held.get(number, 0) != page.count:
            raise miscounted(job.run, page.count, held.get(number, 0))
    raise miscounted(job.run, expected, sum(held.values()))


def _reject(con: duckdb.DuckDBPyConnection, job: Job, records: str) -> int:
    run = job.run
    return counted(
        con,
        f"insert into quality.rejected select {quoted(run.source)}, {quoted(job.resource)}, null, "
        f"{quoted(run.run_id)}, null, {quoted(job.shape.key)}, record::varchar, 'the record has no key' "
        f"from ({records}) order by seq",
    )
