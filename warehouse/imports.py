"""The journal of imported accounting files: which records each brought, and how an import is undone.

What counts of a record is what the last file says of it that was not undone: a version of it, or that it is
not in the books any more. Raw is only added to: a record that leaves gets a tombstone, one that comes back
its version.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

import duckdb

from warehouse.landing import LandingRun
from warehouse.landing_manifest import LandedPage
from warehouse.raw_scan import Shape, batches, scan
from warehouse.raw_tables import GONE, ensure_table
from warehouse.room import give_room, give_room_for
from warehouse.store import Store, counted, quoted

_COLUMNS = (
    "number, sha256, name, format, imported_at, exported_at, undone_at, book, since, until, records, "
    "rejected, verified"
)
# The day of a record, by which it lies in a file's period or not.
_DAY = "try_cast(coalesce(body ->> '$.date', body ->> '$.issued_on') as date)"
# A record in a line, for whoever is told that it goes.
_WHAT = (
    "concat_ws(' ', coalesce(body ->> '$.date', body ->> '$.issued_on'), coalesce(body ->> '$.kind', ''), "
    "coalesce(body ->> '$.amount', body ->> '$.total_debit', body ->> '$.total', body ->> '$.hours'), "
    "body ->> '$.currency', left(coalesce(body ->> '$.text', body ->> '$.name', body ->> '$.number'), 60))"
)


@dataclass(frozen=True, slots=True)
class TakenFile:
    """One imported file. `number` orders the imports; `exported_at` is when the file itself was last written.

    `book`, `since` and `until`: it holds all of that book between these days. Instants are UTC.
    """

    sha256: str
    name: str
    format: str | None
    imported_at: datetime
    exported_at: datetime | None = None
    book: str | None = None
    since: date | None = None
    until: date | None = None
    records: int = 0
    rejected: int = 0
    verified: tuple[str, ...] = ()
    number: int = 0
    undone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Effect:
    """What one file changes: how many records are new, known as they are, changed, and gone.

    Of what is gone (resource, key, the record in a line).
    `doubt` says why records that it lacks are not taken to be deleted.
    """

    new: int = 0
    known: int = 0
    changed: int = 0
    gone: tuple[tuple[str, str, str], ...] = ()
    doubt: str | None = None


def taken_files(store: Store) -> list[TakenFile]:
    """Every file that was ever taken in, in the order of the imports."""
    with store.read() as con:
        rows = con.execute(f"select {_COLUMNS} from meta.accounting_file order by number").fetchall()
    return [
        TakenFile(
            number=row[0],
            sha256=row[1],
            name=row[2],
            format=row[3],
            imported_at=row[4].astimezone(UTC),
            exported_at=row[5].astimezone(UTC) if row[5] else None,
            undone_at=row[6].astimezone(UTC) if row[6] else None,
            book=row[7],
            since=row[8],
            until=row[9],
            records=row[10],
            rejected=row[11],
            verified=tuple(row[12]),
        )
        for row in rows
    ]


def note_files(
    store: Store,
    source: str,
    files: Sequence[TakenFile],
    runs: Mapping[str, LandingRun],
    shape: Shape,
) -> dict[str, Effect]:
    """Write down files whose records are in raw, oldest first; what was deleted in the books leaves.

    `runs` are the landing runs by resource that brought them; a page's cursor begins with its file's sha256.
    A file that is noted again takes the place of what was known of it. All in one transaction.
    """
    with store.write() as con:
        _make_room(con, store.memory, runs)
        _gather(con, files, runs, shape)
        effects: dict[str, Effect] = {}
        number = counted(con, "select coalesce(max(number), 0) from meta.accounting_file")
        for found in files:
            number += 1
            for table in ("file", "brought"):
                con.execute(f"delete from meta.accounting_{table} where sha256 = {quoted(found.sha256)}")
            con.execute(
                f"insert into meta.accounting_file ({_COLUMNS}) values ({number}, {quoted(found.sha256)}, "
                f"{quoted(found.name)}, {_text(found.format)}, {_text(found.imported_at)}::timestamptz, "
                f"{_text(found.exported_at)}::timestamptz, null, {_text(found.book)}, "
                f"{_text(found.since)}::date, {_text(found.until)}::date, {found.records}, {found.rejected}, "
                f"[{', '.join(map(quoted, found.verified))}]::varchar[])"
            )
            con.execute(
                "insert into meta.accounting_brought select sha256, resource, key, hash from gathered "
                f"where sha256 = {quoted(found.sha256)}"
            )
            gone, doubt = _deleted(con, source, found, _own(found))
            con.execute(
                "insert into meta.accounting_brought "
                f"select {quoted(found.sha256)}, resource, key, null from deleted"
            )
            effects[found.sha256] = Effect(gone=gone, doubt=doubt)
        if files:
            listed = ", ".join(quoted(found.sha256) for found in files)
            where = f"hash is null and sha256 in ({listed})"
            _settle(con, source, where, max(found.imported_at for found in files))
        con.execute("drop table gathered")
    return effects


def undo_file(store: Store, source: str, sha256: str, undone_at: datetime) -> int:
    """Take out what only this file brought and give back what it changed; how many records moved.

    Undoing twice changes nothing. The file stays in the journal, as undone.
    """
    where = f"sha256 = {quoted(sha256)}"
    with store.write() as con:
        tables = con.execute(
            f"select distinct resource from meta.accounting_brought where {where}"
        ).fetchall()
        give_room_for(con, store.memory, [(source, resource) for (resource,) in tables])
        con.execute(
            f"update meta.accounting_file set undone_at = {_text(undone_at)}::timestamptz "
            f"where {where} and undone_at is null"
        )
        return _settle(con, source, where, undone_at)


def preview(
    store: Store | None,
    source: str,
    files: Sequence[TakenFile],
    runs: Mapping[str, LandingRun],
    shape: Shape,
) -> dict[str, Effect]:
    """What `note_files` after a merge would change, by sha256, as if the files came one after the other.

    Nothing is stored. Without a store, as in a home that has no warehouse yet.
    """
    if store is None:
        with duckdb.connect(":memory:", config={"memory_limit": "300MB"}) as con:
            con.execute("create schema meta")
            con.execute("create schema raw")
            con.execute(
                "create table meta.accounting_file (number bigint, sha256 varchar, undone_at timestamptz)"
            )
            return _preview(con, source, (), files, runs, shape)
    with store.read() as con:
        known = {
            row[0]
            for row in con.execute(
                f"select table_name from duckdb_tables() where schema_name = 'raw' "
                f"and starts_with(table_name, {quoted(source + '_')})"
            ).fetchall()
        }
        _make_room(con, store.memory, runs)
        return _preview(con, source, known, files, runs, shape)


def _preview(
    con: duckdb.DuckDBPyConnection,
    source: str,
    tables: Iterable[str],
    files: Sequence[TakenFile],
    runs: Mapping[str, LandingRun],
    shape: Shape,
) -> dict[str, Effect]:
    _gather(con, files, runs, shape)
    # The home as it would be after each file: what of it a file before this one changed.
    con.execute("create temp table ahead (resource varchar, key varchar, hash uhugeint)")
    effects: dict[str, Effect] = {}
    for found in files:
        new = known = changed = 0
        gone: tuple[tuple[str, str, str], ...] = ()
        doubt = None
        for resource in runs:
            table = f"{source}_{resource}"
            current = (
                f"select key, hash, (body ->> '$.{GONE}') is not null as is_gone from raw.{table}_current"
                if table in tables
                else "select null::varchar as key, null::uhugeint as hash, false as is_gone limit 0"
            )
            row = con.execute(
                f"""
                with mine as (
                    select key, hash from gathered
                    where sha256 = {quoted(found.sha256)} and resource = {quoted(resource)}
                ), before as (
                    select m.key, coalesce(a.hash, if(c.is_gone or a.key is not null, null, c.hash)) as hash
                    from mine as m
                    left join ({current}) as c on c.key = m.key
                    left join ahead as a on a.key = m.key and a.resource = {quoted(resource)}
                )
                select
                    count(*) filter (b.hash is null),
                    count(*) filter (b.hash = m.hash),
                    count(*) filter (b.hash <> m.hash)
                from mine as m join before as b using (key)
                """
            ).fetchone()
            if row:
                new, known, changed = new + row[0], known + row[1], changed + row[2]
        if tables:
            gone, doubt = _deleted(con, source, found, _own(found))
        else:
            con.execute(
                "create or replace temp table deleted "
                "(resource varchar, key varchar, what varchar, is_there boolean)"
            )
        con.execute(
            "delete from ahead where (resource, key) in (select (resource, key) from gathered "
            f"where sha256 = {quoted(found.sha256)})"
        )
        con.execute(
            "insert into ahead select resource, key, hash from gathered "
            f"where sha256 = {quoted(found.sha256)} union all select resource, key, null from deleted"
        )
        effects[found.sha256] = Effect(new, known, changed, gone, doubt)
    return effects


def _make_room(con: duckdb.DuckDBPyConnection, memory: str, runs: Mapping[str, LandingRun]) -> None:
    pages = [page for run in runs.values() for page in run.pages]
    give_room(
        con,
        memory,
        records=sum(page.count for page in pages),
        size=sum(page.length for page in pages),
        largest_page=max((page.length for page in pages), default=0),
    )


def _text(value: datetime | date | str | None) -> str:
    return "null" if value is None else quoted(value if isinstance(value, str) else value.isoformat())


def _own(found: TakenFile) -> str:
    return f"select resource, key from gathered where sha256 = {quoted(found.sha256)}"


def _gather(
    con: duckdb.DuckDBPyConnection,
    files: Sequence[TakenFile],
    runs: Mapping[str, LandingRun],
    shape: Shape,
) -> None:
    """Make `gathered`: (sha256, resource, key, hash) of all that these files hold, each key once a file."""
    con.execute(
        "create or replace temp table gathered (sha256 varchar, resource varchar, key varchar, hash uhugeint)"
    )
    wanted = {found.sha256 for found in files}
    for resource, run in runs.items():
        for pages in batches(run.pages):
            con.execute(
                f"""
                insert into gathered
                select ({_files_of(pages, wanted)})[page_no], {quoted(resource)}, key, hash
                from ({scan(run, pages, shape, 0)}) where key is not null
                """
            )


def _files_of(pages: Sequence[LandedPage], wanted: set[str]) -> str:
    names = [(page.cursor or "").partition(":")[0] for page in pages]
    return f"[{', '.join(quoted(name) if name in wanted else 'null' for name in names)}]::varchar[]"


def _deleted(
    con: duckdb.DuckDBPyConnection, source: str, found: TakenFile, own: str
) -> tuple[tuple[tuple[str, str, str], ...], str | None]:
    """Make `deleted`: what other files of the same book brought for the file's period, and it lacks.

    Also what is gone already, because the file that said so before may be undone.

    With a reason instead where the file cannot tell: rows of it were rejected, or another was written later.
    """
    con.execute(
        "create or replace temp table deleted (resource varchar, key varchar, what varchar, is_there boolean)"
    )
    if found.book is None or found.since is None or found.until is None:
        return (), None
    others = (
        f"book = {quoted(found.book)} and format is not distinct from {_text(found.format)} "
        f"and undone_at is null and sha256 <> {quoted(found.sha256)}"
    )
    for (resource,) in con.execute(
        "select distinct resource from meta.accounting_brought "
        f"where sha256 in (select sha256 from meta.accounting_file where {others}) order by resource"
    ).fetchall():
        con.execute(
            f"""
            insert into deleted
            select {quoted(resource)}, key, {_WHAT}, (body ->> '$.{GONE}') is null
            from raw.{source}_{resource}_current
            where {_DAY} between {_text(found.since)}::date and {_text(found.until)}::date
                and key in (
                    select key from meta.accounting_brought where resource = {quoted(resource)}
                    and hash is not null
                    and sha256 in (select sha256 from meta.accounting_file where {others})
                )
                and key not in (select key from ({own}) where resource = {quoted(resource)})
            """
        )
    gone = tuple(
        con.execute("select resource, key, what from deleted where is_there order by all").fetchall()
    )
    doubt = None
    if found.rejected:
        doubt = "rows of the file were rejected"
    elif found.exported_at is not None:
        newer = con.execute(
            f"select name from meta.accounting_file where {others} "
            f"and exported_at > {_text(found.exported_at)}::timestamptz "
            f"and since <= {_text(found.until)}::date and until >= {_text(found.since)}::date "
            "order by exported_at desc, name limit 1"
        ).fetchone()
        doubt = f"{newer[0]}, which is in already, was written later" if newer else None
    if doubt is None:
        return gone, None
    con.execute("delete from deleted")
    if not gone:
        return (), None
    return (), f"{len(gone)} records of this book and period are not in the file; they stay, because {doubt}"


def _settle(con: duckdb.DuckDBPyConnection, source: str, touched: str, moment: datetime) -> int:
    """Make the records of the brought rows `touched` what the last file says of them; how many moved."""
    moved = 0
    for (resource,) in con.execute(
        f"select distinct resource from meta.accounting_brought where {touched} order by resource"
    ).fetchall():
        table = ensure_table(con, source, resource)
        con.execute(
            f"""
            create or replace temp table wanted as
            with keys as (
                select distinct key from meta.accounting_brought
                where resource = {quoted(resource)} and {touched}
            ), said as (
                select b.key, b.hash
                from meta.accounting_brought as b
                join meta.accounting_file as f using (sha256)
                where b.resource = {quoted(resource)} and f.undone_at is null
                    and b.key in (select key from keys)
                qualify row_number() over (partition by b.key order by f.number desc) = 1
            )
            select key, said.hash from keys left join said using (key)
            """
        )
        stamp = moment.astimezone(UTC).isoformat()
        con.execute(
            f"""
            create or replace temp table moved as
            with versions as (
                select r.key, w.hash as wanted, r.received_seq, r.received_at, r.mark, r.hash, r.body,
                    r.is_current,
                    (r.body ->> '$.{GONE}') is not null as is_gone
                from {table} as r join wanted as w using (key)
            ), now as (
                select * from versions where is_current
            ), before as (
                -- A version that only lists its fields in another order is not kept apart.
                select key, body, hash from versions where not is_gone
                qualify row_number() over (
                    partition by key order by (hash = wanted) desc, received_seq desc
                ) = 1
            )
            select n.key, n.received_seq as replaced, n.received_at, n.mark,
                if(n.wanted is null, 'gone', 'restored') as run_id,
                if(
                    n.wanted is null,
                    json_merge_patch(n.body, {quoted(f'{{"{GONE}": "{stamp}"}}')}),
                    b.body
                ) as body,
                b.hash
            from now as n join before as b using (key)
            where if(n.wanted is null, not n.is_gone, n.is_gone or (n.hash <> n.wanted and b.hash = n.wanted))
            """
        )
        con.execute(
            f"update {table} set is_current = false where received_seq in (select replaced from moved)"
        )
        con.execute(
            f"""
            insert into {table}
            select key, (select max(received_seq) from {table}) + row_number() over (order by key),
                received_at, run_id, if(run_id = 'gone', md5_number(body), hash), mark, true, body
            from moved
            """
        )
        moved += counted(con, "select count(*) from moved")
    return moved
