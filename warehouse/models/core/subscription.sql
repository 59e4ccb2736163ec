-- Won deals with a start: what a client pays, from when to when.
-- Grain: subscription_id. Owner: sales. Reads: core.deal.
with intervals as (
    -- Monthly amount = amount x times / months; a year has 52 weeks, so a week counts 52/12 = 13/3.
    select unnest(['week', 'month', 'quarter', 'year']) as interval,
        unnest([13, 1, 1, 1]) as times,
        unnest([3, 1, 3, 12]) as months
),

deals as (
    -- An archived deal was taken back by whoever keeps the CRM.
    select * from core.deal where is_won and starts_at is not null and not archived
),

amounts as (
    -- In whole ten-thousandths, because DuckDB divides decimals in floating point.
    select
        d.deal_id,
        cast(d.amount * 10000 as hugeint) * i.times as units,
        cast(i.months as hugeint) as months
    from deals as d
    inner join intervals as i on i.interval = d.interval
    cross join build.run as r
    -- No rate, no amount: a foreign price is never taken for a home one.
    where d.currency = r.currency
)

select
    d.deal_id as subscription_id,
    d.company_id as client_id,
    d.company_id,
    d.kind,
    d.plan,
    d.interval,
    d.amount,
    d.list_amount,
    d.currency,
    d.starts_at,
    d.ends_at,
    cast(
        cast(sign(a.units) * ((2 * abs(a.units) + a.months) // (2 * a.months)) as decimal(18, 0)) * 0.0001
        as decimal(18, 4)
    ) as monthly_amount
from deals as d
left join amounts as a using (deal_id)
