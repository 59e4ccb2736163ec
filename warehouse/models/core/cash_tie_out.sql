-- What each bank account must hold by its lines, against the balances that the bank states.
-- Grain: account, currency, month. Owner: finance. Reads: staging.accounting_movement.
with lines as (
    select
        coalesce(m.account, m.format, '?') as account, coalesce(m.currency, r.currency) as currency,
        m.moved_on, m.amount, m.balance
    from staging.accounting_movement as m
    cross join build.run as r
    where m.moved_on is not null and m.amount is not null
),

-- Lines of a day come in any order: its last balance is the one that no line starts from, its first one the
-- one that no line ends at.
steps as (
    select account, currency, moved_on, balance as held, 1 as side from lines where balance is not null
    union all
    select account, currency, moved_on, balance - amount, -1 from lines where balance is not null
),

ends as (
    select account, currency, moved_on, held, sum(side) as side from steps group by all having sum(side) <> 0
),

chained as (
    select
        account, currency, moved_on,
        any_value(held) filter (side = -1) as started, any_value(held) filter (side = 1) as ended
    from ends
    group by account, currency, moved_on
    having count(*) = 2 and min(side) = -1 and max(side) = 1
),

-- A day with a line whose balance is not stated proves nothing.
stated_days as (
    select c.* from chained as c
    where not exists (
        select 1 from lines as l
        where l.account = c.account and l.currency = c.currency and l.moved_on = c.moved_on and l.balance is null
    )
),

days as (
    select
        account, currency, moved_on, sum(amount) as moved,
        sum(sum(amount)) over (partition by account, currency order by moved_on) as so_far
    from lines
    group by account, currency, moved_on
),

-- What was there before the first line that we have.
firsts as (
    select s.account, s.currency, arg_min(s.started - (d.so_far - d.moved), s.moved_on) as opening
    from stated_days as s
    inner join days as d using (account, currency, moved_on)
    group by s.account, s.currency
),

months as (
    select
        d.account, d.currency, strftime(d.moved_on, '%Y-%m') as month,
        sum(d.moved) as movements,
        max_by(d.so_far, d.moved_on) as so_far,
        max(s.moved_on) as stated_on,
        max_by(s.ended, s.moved_on) filter (s.moved_on is not null) as stated,
        max_by(d.so_far, s.moved_on) filter (s.moved_on is not null) as so_far_then
    from days as d
    left join stated_days as s using (account, currency, moved_on)
    group by all
)

select
    m.account,
    m.currency,
    m.month,
    cast(f.opening + m.so_far - m.movements as decimal(18, 4)) as opening,
    cast(m.movements as decimal(18, 4)) as movements,
    cast(f.opening + m.so_far as decimal(18, 4)) as closing,
    cast(m.stated as decimal(18, 4)) as stated,
    m.stated_on,
    cast(m.stated - (f.opening + m.so_far_then) as decimal(18, 4)) as difference
from months as m
left join firsts as f using (account, currency)
