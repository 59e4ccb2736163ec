"""Bank lines against the book's own lines of the same bank account, where a journal has them."""

import duckdb

from playbook.loader import Playbook
from warehouse.matching_pairs import pair_off

# What each entry does to each account of the book that holds money.
_BOOKED = """
create or replace temp table booked as
select
    l.entry_key || ' ' || l.account as key,
    l.entry_key, l.account, l.booked_on, coalesce(e.currency, ?) as currency,
    sum(l.debit - l.credit) as amount,
    words(string_agg(coalesce(l.name, '') || ' ' || coalesce(l.memo, ''), ' ' order by l.position)) as words,
    words(any_value(l.name)) as name,
    words(any_value(e.document)) as document
from staging.accounting_line as l
inner join staging.accounting_entry as e using (entry_key)
left join (select unnest(?::varchar[]) as name, unnest(?::varchar[]) as pgc) as p on p.name = l.account
where p.pgc like '57%' or p.pgc is null and regexp_matches(
    words(l.account),
    '^ 57[0-9]*|bank|banco|cash|caja|checking|savings|cuenta corriente|credit card|tarjeta|'
    || 'stripe|paypal|clearing'
)
group by all
having sum(l.debit - l.credit) <> 0
"""
# The account of the book that goes with a place is the one that repeats its movements; it must do so often.
_PLACES = """
create or replace temp table kept_as as
with hits as (
    select l.place, b.account, count(distinct l.movement_key) as hits
    from line as l
    inner join booked as b
        on b.currency = l.currency and b.amount = l.amount
        and b.booked_on between l.moved_on - 5 and l.moved_on + 5
    group by all
)

select place, account from hits
qualify hits = max(hits) over (partition by place)
    and count(*) over (partition by place, hits) = 1
    and hits >= 0.5 * sum(hits) over (partition by place)
"""
_PAIRS = """
select f.movement_key as one, b.key as other,
    5 - abs(f.moved_on - b.booked_on)
    + if(length(b.document) > 4 and contains(f.words, b.document), 20, 0)
    + if(length(b.name) > 5 and contains(f.words, b.name), 10, 0)
    + if(length(f.words) > 5 and contains(b.words, f.words), 10, 0) as score
from free as f
inner join kept_as as k on k.place = f.place
inner join booked as b
    on b.account = k.account and b.currency = f.currency and b.amount = f.amount
    and b.booked_on between f.moved_on - 5 and f.moved_on + 5
"""
# Lines that nothing tells apart against as many entries: any order is right.
_ALIKE = """
with sides as (
    select u.one, list(u.other order by u.other) as others, count(distinct b.words) as kinds
    from unclear as u
    inner join booked as b on b.key = u.other
    group by u.one
),

ranked as (
    select s.one, s.others, row_number() over (partition by s.others order by s.one) as n,
        count(*) over (partition by s.others) as many,
        -- Either side may be told apart, not both: then somebody has to say which is which.
        s.kinds as entries, count(*) over (partition by s.others, l.words) as same
    from sides as s inner join line as l on l.movement_key = s.one
),

zipped as (
    select one, others[n] as other from ranked
    where many = len(others) and (entries = 1 or same = many)
)

select one, other from zipped qualify count(*) over (partition by other) = 1
"""


def match(con: duckdb.DuckDBPyConnection, playbook: Playbook) -> None:
    """Add the lines that the book has too to `matched`, from `free`."""
    con.execute(
        _BOOKED,
        [
            playbook.company.currency,
            [account.name for account in playbook.accounts],
            [getattr(account, "pgc", None) for account in playbook.accounts],
        ],
    )
    con.execute(_PLACES)
    pair_off(con, "entry", _PAIRS)
    con.execute(f"insert into pair select one, other, 0 from ({_ALIKE})")
    con.execute(
        "insert into matched select p.one, 'entry', b.entry_key, f.amount, "
        "'Booked on ' || b.account || ' on ' || b.booked_on "
        "|| coalesce(' as ' || nullif(trim(b.words), ''), '') "
        "from pair as p inner join line as f on f.movement_key = p.one "
        "inner join booked as b on b.key = p.other"
    )
