-- What one unit of a foreign currency is worth at home in each month: the last rate of the European Central Bank
-- before the month begins, so that a month closes at the rate at which the next one opens.
-- Grain: starts_at, currency. Owner: finance. Reads: kpi.span, core.revenue_span, staging.accounting_rate, build.run.
with boundaries as (
    select starts_at from kpi.span where grain = 'month' and part = 0
    union
    select ends_at from kpi.span where grain = 'month' and part = 0
),

currencies as (
    select distinct s.currency
    from core.revenue_span as s
    cross join build.run as r
    where s.currency <> r.currency
),

days as (
    select b.starts_at, cast(timezone(r.zone, b.starts_at) as date) as day, c.currency, r.currency as home_currency
    from boundaries as b
    cross join currencies as c
    cross join build.run as r
),

rates as (
    select rated_on, currency, any_value(rate) as rate
    from staging.accounting_rate
    where rate > 0
    group by rated_on, currency
    -- Two rates of one day are none: nobody can say which holds.
    having count(distinct rate) = 1
)

select
    d.starts_at,
    d.currency,
    f.rated_on,
    if(d.currency = 'EUR', 1, if(f.rated_on >= d.day - 10, f.rate, null)) as foreign_per_euro,
    if(d.home_currency = 'EUR', 1, if(h.rated_on >= d.day - 10, h.rate, null)) as home_per_euro
from days as d
asof left join rates as f on f.currency = d.currency and d.day > f.rated_on
asof left join rates as h on h.currency = d.home_currency and d.day > h.rated_on
