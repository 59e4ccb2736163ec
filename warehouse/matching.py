"""What bank lines are, found by comparing sets of records: fills meta.match. Same records, same answer.

Each kind of match is looked for in turn among the lines that no kind before it took. A pair counts when each
side is the other's only best candidate; a line with several is nobody's to guess and stands in
meta.match_ambiguous, unless another kind explains it.
"""

import hashlib
from datetime import datetime
from pathlib import Path

import duckdb

from playbook.loader import Playbook
from warehouse import matching_books, matching_documents, matching_texts
from warehouse.matching_pairs import pair_off
from warehouse.store import Store, quoted

_CODE = ("matching", "matching_books", "matching_documents", "matching_pairs", "matching_texts")

# Text as words: lower case without accents or punctuation, a space before, between and after.
_WORDS = (
    "create or replace temp macro words(t) as ' ' || trim(regexp_replace("
    "lower(strip_accents(coalesce(t, ''))), '[^\\p{L}\\p{N}]+', ' ', 'g')) || ' '"
)

# The lines as they are compared. `place` is the account that moved, `provider` who keeps it if no bank does.
_LINES = """
create or replace temp table line as
select
    movement_key,
    coalesce(account, format, '?') as place,
    case
        when format like 'stripe%' or lower(account) like 'stripe%' then 'stripe'
        when format like 'paypal%' or lower(account) like 'paypal%' then 'paypal'
    end as provider,
    regexp_matches(words(account), ' (card|tarjeta|visa|mastercard|amex|american express) ') as is_card,
    coalesce(currency, ?) as currency,
    moved_on,
    amount,
    coalesce(gross, amount) as gross,
    words(text) as words,
    words(category) as category,
    words(bank_id) as bank_id,
    regexp_replace(upper(coalesce(account, '')), '[^A-Z0-9]', '', 'g') as number
from staging.accounting_movement
where moved_on is not null and amount <> 0
"""

_OPEN = """
create or replace temp view free as
select * from line where movement_key not in (select movement_key from matched)
"""

# Both sides of a payout are taken; a deposit of several payouts is told by their sum.
_PAYOUTS = """
create or replace temp table payout as
select * from free
where provider is not null
    and case when amount < 0
        then category = ' transfer ' or regexp_matches(
            words || category, ' (payout|withdrawal|transfer to bank|retirada|abono a cuenta) '
        )
        else regexp_matches(
            words || category, ' (bank deposit to pp account|add funds|topup|anadir fondos) '
        ) end
"""
_PAYOUT_PAIRS = """
select
    p.movement_key as one,
    d.movement_key as other,
    case when length(trim(p.bank_id)) > 5 and contains(d.words, p.bank_id) then 3
        when contains(d.words, p.words) and regexp_matches(p.words, '[0-9]{4}') then 3
        else 2 end as score
from payout as p
inner join free as d
    on d.provider is null and d.currency = p.currency and d.amount = -p.amount
    and d.moved_on between p.moved_on - if(p.amount < 0, 1, 7) and p.moved_on + 7
    and contains(d.words, ' ' || p.provider || ' ')
"""
_PAYOUT_SUMS = """
with sums as (
    select
        d.movement_key as deposit, d.amount as total,
        list(p.movement_key order by p.movement_key) as parts, any_value(p.provider) as provider
    from free as d
    inner join payout as p
        on d.currency = p.currency and d.moved_on between p.moved_on - 1 and p.moved_on + 7
        and contains(d.words, ' ' || p.provider || ' ')
    where d.provider is null and d.amount > 0
        and p.movement_key not in (select movement_key from matched)
    group by all
    having count(*) > 1 and sum(-p.amount) = d.amount
),

parts as (select deposit, total, provider, unnest(parts) as part from sums),
-- A payout that fits two deposits, or the other way round, is left to a person.
clear as (
    select * from parts
    where deposit not in (
        select deposit from parts where part in (select part from parts group by part having count(*) > 1)
    )
)

select c.part as movement_key, 'payout' as kind, c.deposit as other_key, l.amount,
    'Paid out by ' || c.provider || '; with others it is the deposit of ' || c.total as explanation
from clear as c inner join line as l on l.movement_key = c.part
union all
select c.deposit, 'payout', c.part, -l.amount,
    'The deposit of ' || c.total || ' is the sum of several payouts of ' || c.provider
from clear as c inner join line as l on l.movement_key = c.part
"""
# One side of a payout alone is no income either: what was sold stands in the provider's own lines.
_PAYOUT_ALONE = """
select movement_key, 'payout' as kind, cast(null as varchar) as other_key, amount,
    'A payout to a bank account whose statement is not here' as explanation
from payout where movement_key not in (select movement_key from matched)
    and movement_key not in (select one from unclear)
union all
select f.movement_key, 'payout', null, f.amount,
    'A deposit from ' || s.provider || ', whose own lines of these days are here and say what was sold'
from free as f
inner join (
    select provider, currency, min(moved_on) as since, max(moved_on) as until
    from line where provider is not null group by all
) as s on contains(f.words, ' ' || s.provider || ' ') and s.currency = f.currency
where f.provider is null and f.amount > 0 and f.moved_on between s.since and s.until + 7
    and f.movement_key not in (select other from unclear)
"""

# That the amounts are opposite is no proof: a client may pay what a supplier gets on the same day.
_OWN = (
    "traspaso|traspasos|entre cuentas|cuenta ahorro|cuenta corriente|own account|own accounts|"
    "between accounts|internal transfer|account transfer|to savings|from savings|to checking|from checking|"
    "giroconto|umbuchung|"
    "virement interne|transferencia interna|transferencia propia|orden propia"
)
_TRANSFER_PAIRS = """
select
    o.movement_key as one,
    i.movement_key as other,
    -- The other account's number is the best witness.
    case when length(i.number) >= 8 and contains(replace(upper(o.words), ' ', ''), i.number)
            or length(o.number) >= 8 and contains(replace(upper(i.words), ' ', ''), o.number) then 3
        when regexp_matches(o.words, $own) and regexp_matches(i.words, $own) then 2
        else 1 end as score
from free as o
inner join free as i
    on i.currency = o.currency and i.amount = -o.amount and i.place <> o.place
    and i.moved_on between o.moved_on - 3 and o.moved_on + 3
where o.amount < 0 and not (o.is_card or i.is_card)
    and (
        regexp_matches(o.words, $own) or regexp_matches(i.words, $own)
        or length(i.number) >= 8 and contains(replace(upper(o.words), ' ', ''), i.number)
        or length(o.number) >= 8 and contains(replace(upper(i.words), ' ', ''), o.number)
    )
""".replace("$own", quoted(f" ({_OWN}) "))
# As many out as in, between the same two accounts, all alike: which is which changes nothing, so in order.
_TRANSFER_ROWS = """
with pairs as (
    select u.one, u.other, o.place as source, i.place as target, o.currency, i.amount,
        o.moved_on as left_on, i.moved_on as came_on
    from unclear as u
    inner join line as o on o.movement_key = u.one
    inner join line as i on i.movement_key = u.other
),

outs as (
    select distinct one, left_on, source, target, currency, amount from pairs
),

ins as (
    select distinct other, came_on, source, target, currency, amount from pairs
),

ranked_outs as (
    select *, row_number() over w as n, count(*) over (partition by source, target, currency, amount) as many
    from outs window w as (partition by source, target, currency, amount order by left_on, one)
),

ranked_ins as (
    select *, row_number() over w as n, count(*) over (partition by source, target, currency, amount) as many
    from ins window w as (partition by source, target, currency, amount order by came_on, other)
),

found as (
    select o.one, i.other, source, target, currency, amount,
        o.many,
        bool_and(abs(i.came_on - o.left_on) <= 3)
            over (partition by source, target, currency, amount) as near
    from ranked_outs as o
    inner join ranked_ins as i using (source, target, currency, amount, n)
    where o.many = i.many
)

select one, other from found
where near
    -- Neither side may have a candidate in a third account.
    and one in (select one from pairs group by one having count(distinct target) = 1)
    and other in (select other from pairs group by other having count(distinct source) = 1)
qualify count(*) over (partition by source, target, currency, amount) = many
"""

_CARD = "tarjeta|tarjetas|visa|mastercard|amex|american express|card payment|credit card|payment thank you"
_CARD_PAIRS = """
select b.movement_key as one, c.movement_key as other,
    if(regexp_matches(b.words, $card) and regexp_matches(c.words, $card), 2, 1) as score
from free as b
inner join free as c
    on c.is_card and not b.is_card and b.provider is null and c.currency = b.currency and c.amount = -b.amount
    and c.moved_on between b.moved_on - 5 and b.moved_on + 5
where b.amount < 0 and (regexp_matches(b.words, $card) or regexp_matches(c.words, $card))
""".replace("$card", quoted(f" ({_CARD}) "))
# A card whose file holds purchases only is settled by the bank's line over the month before.
_CARD_MONTHS = """
with months as (
    select place, currency, date_trunc('month', moved_on) as month, sum(amount) as spent
    from line where is_card group by all
),

found as (
    select b.movement_key, m.place, m.month, b.amount
    from free as b
    inner join months as m
        on m.currency = b.currency and m.spent = b.amount
        and m.month = date_trunc('month', b.moved_on) - interval 1 month
    where not b.is_card and b.provider is null and b.amount < 0 and regexp_matches(b.words, $card)
    qualify count(*) over (partition by b.movement_key) = 1
        and count(*) over (partition by m.place, m.month) = 1
)

select
    movement_key, 'card_settlement' as kind, place || ':' || strftime(month, '%Y-%m') as other_key, amount,
    'What was bought with ' || place || ' in ' || strftime(month, '%Y-%m') || ' is this amount' as explanation
from found
""".replace("$card", quoted(f" ({_CARD}) "))


def match_movements(store: Store, playbook: Playbook, as_of: datetime) -> dict[str, int]:
    """Compare what staging holds and write meta.match and meta.match_ambiguous; matched lines by kind.

    Nothing is done when neither the records nor the playbook's accounts changed since the last time.
    """
    with store.read() as con:
        inputs = _inputs(con, playbook)
        if con.execute("select inputs from meta.match_made").fetchall() == [(inputs,)]:
            return _counts(con)
    with store.write() as con:
        compare(con, playbook)
        _keep(con, as_of)
        con.execute("delete from meta.match_made")
        con.execute("insert into meta.match_made values (?)", [inputs])
        return _counts(con)


def compare(con: duckdb.DuckDBPyConnection, playbook: Playbook) -> None:
    """Fill the temporary tables `matched` and `several` from staging."""
    con.execute(_WORDS)
    con.execute(_LINES, [playbook.company.currency])
    con.execute(
        "create or replace temp table matched "
        "(movement_key varchar, kind varchar, other_key varchar, amount decimal(18, 4), explanation varchar)"
    )
    con.execute(
        "create or replace temp table several (movement_key varchar, kind varchar, candidates bigint)"
    )
    con.execute(_OPEN)
    _payouts(con)
    _transfers(con)
    _cards(con)
    matching_documents.match(con)
    matching_texts.match(con)
    matching_books.match(con, playbook)


def _payouts(con: duckdb.DuckDBPyConnection) -> None:
    con.execute(_PAYOUTS)
    pair_off(con, "payout", _PAYOUT_PAIRS)
    _take_both(con, "payout", "'The payout of ' || a.provider || ' on ' || a.moved_on")
    con.execute(f"insert into matched {_PAYOUT_SUMS}")
    con.execute(f"insert into matched {_PAYOUT_ALONE}")


def _transfers(con: duckdb.DuckDBPyConnection) -> None:
    pair_off(con, "transfer", _TRANSFER_PAIRS)
    con.execute(f"insert into pair select one, other, 1 from ({_TRANSFER_ROWS})")
    _take_both(con, "transfer", "'From ' || a.place || ' to ' || b.place || ', both ours'")


def _cards(con: duckdb.DuckDBPyConnection) -> None:
    pair_off(con, "card_settlement", _CARD_PAIRS)
    _take_both(con, "card_settlement", "'The bank pays the card ' || b.place")
    con.execute(f"insert into matched {_CARD_MONTHS}")


def _take_both(con: duckdb.DuckDBPyConnection, kind: str, explanation: str) -> None:
    """Each side of the pairs is matched to the other; `explanation` is SQL over `a` and `b`."""
    pairs = (
        "pair inner join line as a on a.movement_key = pair.one "
        "inner join line as b on b.movement_key = pair.other"
    )
    con.execute(
        f"insert into matched select a.movement_key, '{kind}', b.movement_key, a.amount, {explanation} "
        f"from {pairs} "
        f"union all select b.movement_key, '{kind}', a.movement_key, b.amount, {explanation} from {pairs}"
    )


def _keep(con: duckdb.DuckDBPyConnection, as_of: datetime) -> None:
    """Take the result over; what was known before keeps the moment at which it was found."""
    con.execute(
        "create or replace temp table found as select n.*, coalesce(o.matched_at, ?) as matched_at "
        "from (select distinct * from matched) as n left join (select distinct * from meta.match) as o "
        "on o.movement_key = n.movement_key and o.kind = n.kind and o.amount = n.amount "
        "and o.other_key is not distinct from n.other_key",
        [as_of],
    )
    con.execute("delete from meta.match")
    con.execute("insert into meta.match select * from found")
    con.execute("delete from meta.match_ambiguous")
    con.execute(
        "insert into meta.match_ambiguous select movement_key, first(kind order by kind), max(candidates), "
        "if(max(candidates) = 1, 'It names a document of another amount: say what it is', "
        "'It could be any of ' || max(candidates) || ' (' || first(kind order by kind) || '): say which'), ? "
        "from several where movement_key in (select movement_key from free) group by movement_key",
        [as_of],
    )


def _counts(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    counted = con.execute(
        "select kind, count(distinct movement_key) from meta.match group by kind "
        "union all select 'ambiguous', count(*) from meta.match_ambiguous having count(*) > 0 order by kind"
    ).fetchall()
    return dict(counted)


def _inputs(con: duckdb.DuckDBPyConnection, playbook: Playbook) -> str:
    total = hashlib.sha256()
    for name in _CODE:
        total.update(Path(__file__).with_name(f"{name}.py").read_bytes())
    made = con.execute(
        "select model, inputs from meta.staging_built where model like 'staging.accounting%' order by model"
    ).fetchall()
    accounts = [account.model_dump_json() for account in playbook.accounts]
    total.update(repr((made, playbook.company.currency, accounts)).encode())
    return total.hexdigest()
