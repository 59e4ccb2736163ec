"""Which of the records that came in are versions not seen before, and which of them counts now."""

import duckdb
import orjson

from warehouse.store import counted

CURRENT = "select max(seq) from news where not is_late group by key"


def find_news(con: duckdb.DuckDBPyConnection, known: str | None = None, table: str | None = None) -> None:
    """Make `news` of `incoming` and the current rows `known`: what of it is a version not seen before.

    Its columns: key, seq, is_late, is_same_mark (as its predecessor), earlier_seq or known_seq (of that).

    A record is late when its change time is older than one before it, or when it was received before the
    known one and is not newer by its change time. A late record is news only if that version was never seen.
    """
    columns = "key, seq, received_at, mark, hash"
    before = f"select {columns}, false as is_new from ({known}) union all" if known else ""
    con.execute(
        f"""
        create or replace temp table steps as
        with chain as (
            {before}
            select {columns}, true as is_new from incoming where key is not null
        ), judged as (
            select key, seq, hash, mark, is_new,
                is_new and (
                    coalesce(mark < max(mark) over earlier, false)
                    or (
                        coalesce(received_at < max(received_at) filter (where not is_new) over every, false)
                        and not coalesce(mark > max(mark) filter (where not is_new) over every, false)
                    )
                ) as is_late
            from chain
            window every as (partition by key),
                earlier as (
                    partition by key order by is_new, seq
                    rows between unbounded preceding and 1 preceding
                )
        )
        select key, seq, hash, is_new, is_late,
            lag(hash) over following as previous_hash,
            mark is not distinct from lag(mark) over following as is_same_mark,
            lag(seq) over following as previous_seq,
            lag(is_new) over following as previous_is_new
        from judged window following as (partition by key, is_late order by is_new, seq)
        """
    )
    con.execute(
        """
        create or replace temp table news as
        select key, seq, is_late, is_same_mark,
            case when previous_is_new then previous_seq end as earlier_seq,
            case when not previous_is_new then previous_seq end as known_seq
        from steps
        where is_new and not is_late and previous_hash is distinct from hash
        """
    )
    if counted(con, "select count(*) from steps where is_late"):
        versions = f"union all select key, hash from {table}" if table else ""
        con.execute(
            f"""
            insert into news
            select key, min(seq), true, null, null, null
            from steps anti join (select key, hash from steps where not is_late {versions}) as seen
                using (key, hash)
            where is_late group by key, hash
            """
        )
    con.execute("drop table steps")


def forgive_other_key_order(con: duckdb.DuckDBPyConnection, pairs: str) -> None:
    """Take from `news` what only lists the same fields in another order, which vendors feel free to do.

    Such a record has the same length and contains its predecessor both ways. DuckDB ignores the order of
    arrays in that test, so the few pairs that hold an array are settled one by one.
    """
    con.execute(
        f"""
        create or replace temp table alike as
        with as_long as materialized (select * from ({pairs}) where strlen(before) = strlen(after))
        select seq, before, after, contains(after, '[') as has_array from as_long
        where json_contains(before, after) and json_contains(after, before)
        """
    )
    doubtful = con.execute("select seq, before, after from alike where has_array")
    different: list[int] = []
    while rows := doubtful.fetchmany(1000):
        different += [seq for seq, before, after in rows if _sorted(before) != _sorted(after)]
    if different:
        con.execute("delete from alike where seq in (select unnest(?::bigint[]))", [different])
    con.execute("delete from news where seq in (select seq from alike)")
    con.execute("drop table alike")


def _sorted(record: str) -> bytes:
    return orjson.dumps(orjson.loads(record), option=orjson.OPT_SORT_KEYS)
