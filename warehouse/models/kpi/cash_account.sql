-- Money now, by account and currency: what the bank states last, and what the books say.
-- Grain: account, currency, source. Owner: finance. Reads: core.transaction, core.journal_line,
-- playbook.cash_account, build.run.
with today as (
    select cast(timezone(zone, as_of) as date) as day from build.run
),

moves as (
    select
        coalesce(m.account, m.format) as account,
        m.currency,
        m.moved_on,
        m.amount,
        m.balance,
        max(m.moved_on) over (partition by coalesce(m.account, m.format), m.currency) as last_on
    from core.transaction as m
    cross join today as t
    where m.moved_on <= t.day
),

lasts as (
    select * from moves where moved_on = last_on and balance is not null
),

-- The last line of a day is the one from whose balance no other line of that day goes on.
closings as (
    select a.account, a.currency, a.balance
    from lasts as a
    where not exists (
        select 1 from lasts as b
        where b.account = a.account and b.currency = a.currency and b.balance - b.amount = a.balance
            and b.amount <> 0
    )
),

stated as (
    select account, currency, any_value(balance) as balance
    from closings
    group by account, currency
    having count(distinct balance) = 1
),

running as (
    select account, currency, max(moved_on) as as_of, sum(amount) as balance
    from moves
    group by account, currency
),

books as (
    select j.account, j.currency, max(j.booked_on) as as_of, sum(j.debit - j.credit) as balance
    from core.journal_line as j
    inner join playbook.cash_account as c on c.account = j.account
    cross join today as t
    where j.booked_on <= t.day
    group by all
)

select account, currency, 'books' as source, as_of, cast(balance as decimal(18, 4)) as balance from books
union all
select
    r.account,
    r.currency,
    -- Without stated balances, the sum of all lines is the balance only if the first one began at nothing.
    if(s.balance is null, 'running', 'stated'),
    r.as_of,
    cast(coalesce(s.balance, r.balance) as decimal(18, 4))
from running as r
left join stated as s on s.account = r.account and s.currency = r.currency
