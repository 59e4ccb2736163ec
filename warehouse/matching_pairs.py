"""Who goes with whom, when each side has candidates on the other: only pairs that nothing disputes."""

import duckdb

# Each is the only one of the highest score that the other has.
_EACH_OTHERS_BEST = """
insert into pair select one, other, score from candidate
qualify score = max(score) over (partition by one) and score = max(score) over (partition by other)
    and count(*) over (partition by one, score) = 1 and count(*) over (partition by other, score) = 1
"""
# It can be nothing else, and nothing else can only be this.
_ONLY_CHOICE = """
insert into pair select one, other, score
from (select *, count(*) over (partition by one) as choices from candidate)
where choices = 1
qualify count(*) over (partition by other) = 1
"""


def pair_off(con: duckdb.DuckDBPyConnection, kind: str, candidates: str, *, settle: bool = False) -> None:
    """Pair the sides of `candidates` (one, other, score) in `pair`; those left with several in `unclear`.

    A pair is made when each is the only one of the highest score that the other has; then the rest is looked
    at again without them, until nothing changes. With `settle`, a side that has one choice only gets it.
    """
    con.execute(f"create or replace temp table candidate as {candidates}")
    con.execute("create or replace temp table pair (one varchar, other varchar, score integer)")
    rounds = (_EACH_OTHERS_BEST, _ONLY_CHOICE) if settle else (_EACH_OTHERS_BEST,)
    while any(_made(con, statement) for statement in rounds):
        con.execute(
            "delete from candidate where one in (select one from pair) or other in (select other from pair)"
        )
    con.execute("create or replace temp table unclear as select one, other from candidate")
    con.execute(
        "insert into several select key, ?, max(n) from ("
        "select one as key, count(*) as n from unclear group by one "
        "union all select other, count(*) from unclear group by other) group by key",
        [kind],
    )


def _made(con: duckdb.DuckDBPyConnection, statement: str) -> bool:
    row = con.execute(statement).fetchone()
    return row is not None and row[0] > 0
