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
        cast(d.list_amount * 10000 as hugeint) * i.times as list_units,
        cast(i.months as hugeint) as months
    from deals as d
    inner join intervals as i on i.interval = d.interval
),

months as (
    select
        deal_id,
        cast(
            cast(sign(units) * ((2 * abs(units) + months) // (2 * months)) as decimal(18, 0)) * 0.0001
            as decimal(18, 4)
        ) as own_amount,
        cast(
            cast(sign(list_units) * ((2 * abs(list_units) + months) // (2 * months)) as decimal(18, 0)) * 0.0001
            as decimal(18, 4)
        ) as own_list_amount
    from amounts
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
    -- No rate, no amount: a foreign price is never taken for a home one.
    if(d.currency = r.currency, m.own_amount, null) as monthly_amount,
    m.own_amount,
    m.own_list_amount
from deals as d
cross join build.run as r
left join months as m using (deal_id)
