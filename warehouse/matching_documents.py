"""Bank lines against invoices and bills: by number in the text, or by who is named."""

import duckdb

from warehouse.matching_pairs import pair_off

# What was asked for, with the sign that paying it has on our account.
_DOCUMENTS = """
create or replace temp table document as
select
    document_key,
    coalesce(currency, (select max(currency) from line)) as currency,
    if(kind in ('bill', 'bill_credit'), -total, total) as due,
    number,
    replace(words(number), ' ', '') as code,
    regexp_replace(
        words(counterparty),
        ' (s l|s a|sl|slu|sa|sau|s l u|ltd|limited|inc|llc|gmbh|bv|b v|sas|sarl|srl|corp|co|plc|'
        || 'sociedad limitada) $',
        ' '
    ) as name,
    issued_on
from staging.accounting_document
where total is not null and total <> 0
"""
# Every run of words of a line, written without spaces, that may be a document's number.
_GRAMS = """
create or replace temp table gram as
with split as (
    select movement_key, string_split(trim(words), ' ') as w from free
),

starts as (
    select movement_key, w, unnest(range(1, len(w) + 1)) as n from split
),

runs as (
    select movement_key, w, n, unnest(range(0, {most})) as more from starts
)

select distinct movement_key, array_to_string(w[n:n + more], '') as code
from runs
where n + more <= len(w) and (more = 0 or regexp_matches(array_to_string(w[n:n + more], ''), '[0-9]'))
"""
# Short numbers turn up in dates and card numbers: alone they name nothing.
_NAMED = """
create or replace temp table named as
select g.movement_key, d.document_key, length(d.code) >= 5 as strong
from (select * from document where regexp_matches(code, '[0-9]') and length(code) >= 3) as d
inner join gram as g on g.code = d.code
inner join line as l on l.movement_key = g.movement_key and l.currency = d.currency
    and sign(l.amount) = sign(d.due)
"""
_SAYS_NAME = """
create or replace temp table told as
select distinct l.movement_key, d.name
from (
    select distinct name, string_split(trim(name), ' ')[1] as first from document where length(name) >= 6
) as d
inner join gram as g on g.code = d.first
inner join line as l on l.movement_key = g.movement_key and contains(l.words, d.name)
"""
_STRONG = """
update named set strong = true
from document as d, told as t
where d.document_key = named.document_key and t.movement_key = named.movement_key and t.name = d.name
"""

_EXACT = """
select f.movement_key as one, d.document_key as other,
    max(if(n.document_key is not null, 3, 0) + if(t.name is not null, 1, 0)) as score
from free as f
inner join document as d on d.currency = f.currency and (d.due = f.amount or d.due = f.gross)
left join named as n on n.movement_key = f.movement_key and n.document_key = d.document_key
left join told as t on t.movement_key = f.movement_key and t.name = d.name
where n.document_key is not null
    -- A line that gives a number means that document, whoever else asks for the same amount.
    or t.name is not null and d.issued_on between f.moved_on - 370 and f.moved_on
        and f.movement_key not in (select movement_key from named where strong)
group by all
"""
_OPEN_DOCUMENTS = """
create or replace temp view asked as
select * from document where document_key not in (select other_key from matched where kind = 'document')
"""
# Several documents in one payment: those that it names, or all that its payer had open.
_MANY_NAMED = """
create or replace temp table many as
with sums as (
    select f.movement_key, f.amount, list(d.document_key order by d.document_key) as parts
    from free as f
    inner join named as n using (movement_key)
    inner join asked as d using (document_key)
    group by f.movement_key, f.amount, f.gross
    having count(*) > 1 and sum(d.due) in (f.amount, f.gross)
)

select movement_key, unnest(parts) as document_key from sums
"""
_MANY_OPEN = """
create or replace temp table many as
with sums as (
    select f.movement_key, t.name, list(d.document_key order by d.document_key) as parts
    from free as f
    inner join told as t using (movement_key)
    inner join asked as d
        on d.name = t.name and d.currency = f.currency and sign(d.due) = sign(f.amount)
        and d.issued_on between f.moved_on - 370 and f.moved_on
    where f.movement_key not in (select movement_key from named)
    group by f.movement_key, f.amount, f.gross, t.name
    having count(*) > 1 and sum(d.due) in (f.amount, f.gross)
)

select movement_key, unnest(parts) as document_key from sums
"""
_TAKE_MANY = """
insert into matched
with twice as (
    select movement_key from many
    where document_key in (select document_key from many group by document_key having count(*) > 1)
)

select m.movement_key, 'document', m.document_key, d.due,
    'One payment for ' || count(*) over (partition by m.movement_key) || ' documents, this one '
    || coalesce(d.number, 'without a number')
from many as m inner join document as d using (document_key)
where m.movement_key not in (select movement_key from twice)
"""
# Payments that name one document and stay below it, as far as all of them together do.
_PARTS = """
insert into matched
with parts as (
    select n.movement_key, n.document_key, f.gross as amount, d.due, d.number
    from free as f
    inner join named as n using (movement_key)
    inner join asked as d using (document_key)
    where abs(f.gross) < abs(d.due)
    qualify count(*) over (partition by n.movement_key) = 1
        and bool_and(n.strong) over (partition by n.movement_key)
)

select movement_key, 'document', document_key, amount,
    'Part of ' || number || '; ' || (due - sum(amount) over (partition by document_key))
    || ' of it is still open'
from parts
where movement_key not in (
    select n.movement_key from named as n group by n.movement_key having count(distinct n.document_key) > 1
)
qualify abs(sum(amount) over (partition by document_key)) <= abs(due)
"""
_OTHERWISE = """
insert into several
select movement_key, 'document', count(distinct document_key) from named
where strong and movement_key in (select movement_key from free) group by movement_key
"""


def match(con: duckdb.DuckDBPyConnection) -> None:
    """Add payments of invoices and bills to `matched`, from `free`; nothing where there are no documents."""
    there = con.execute(
        "select 1 from duckdb_tables() where schema_name = 'staging' and table_name = 'accounting_document'"
    ).fetchone()
    if there is None:
        return
    con.execute(_DOCUMENTS)
    most = con.execute("select max(len(string_split(trim(words(number)), ' '))) from document").fetchone()
    if not most or not most[0]:
        return
    con.execute(_GRAMS.format(most=min(most[0], 6)))
    for statement in (_NAMED, _SAYS_NAME, _STRONG):
        con.execute(statement)
    pair_off(con, "document", _EXACT, settle=True)
    con.execute(
        "insert into matched select p.one, 'document', p.other, d.due, "
        "if(p.score >= 3, 'The text gives its number ' || d.number, "
        "'The text names who ' || if(d.due > 0, 'owed', 'was owed') || ' it') "
        "|| ', and the amount is the same' "
        "|| if(f.amount <> d.due, ' before the fee of ' || (f.gross - f.amount), '') "
        "from pair as p inner join document as d on d.document_key = p.other "
        "inner join line as f on f.movement_key = p.one"
    )
    con.execute(_OPEN_DOCUMENTS)
    for statement in (_MANY_NAMED, _TAKE_MANY, _MANY_OPEN, _TAKE_MANY, _PARTS, _OTHERWISE):
        con.execute(statement)
