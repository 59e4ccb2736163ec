-- Trial balance: what each account held, took and gave, month by month, in the currency that was booked.
-- Grain: account, currency, month. Owner: finance. Reads: core.ledger_line.
with sums as (
    select account, currency, date_trunc('month', booked_on) as month, sum(debit) as debit, sum(credit) as credit
    from core.ledger_line
    group by all
),

-- Every month up to the last one booked, so that a month's rows are the whole balance.
months as (
    select
        account, currency,
        unnest(generate_series(min(month), (select max(month) from sums), interval 1 month))::date as month
    from sums
    group by account, currency
)

select
    m.account,
    m.currency,
    strftime(m.month, '%Y-%m') as month,
    coalesce(
        sum(s.debit - s.credit) over (
            partition by m.account, m.currency order by m.month rows between unbounded preceding and 1 preceding
        ), 0
    )::decimal(18, 4) as opening,
    coalesce(s.debit, 0)::decimal(18, 4) as debit,
    coalesce(s.credit, 0)::decimal(18, 4) as credit,
    coalesce(
        sum(s.debit - s.credit) over (
            partition by m.account, m.currency order by m.month rows unbounded preceding
        ), 0
    )::decimal(18, 4) as closing
from months as m
left join sums as s on s.account = m.account and s.currency = m.currency and s.month = m.month
