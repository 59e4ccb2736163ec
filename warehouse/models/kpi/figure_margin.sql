-- K8, K9, K10: what is left of each euro of revenue.
-- Grain: kpi, period. Owner: finance. Reads: kpi.span_book, kpi.span_client.
with books as (
    select b.*, c.active_end
    from kpi.span_book as b
    inner join kpi.span_client as c using (grain, period, part)
    where b.part = 0
),

profits as (
    select 'K8' as kpi, grain, period, active_end, revenue, revenue - direct - operating as profit from books
    union all
    select 'K9', grain, period, active_end, revenue, revenue - direct from books
    union all
    select 'K10', grain, period, active_end, revenue, revenue - direct - operating - financial - tax_on_profit
    from books
)

select
    kpi,
    grain,
    period,
    'all' as segment,
    'share' as unit,
    if(revenue <> 0, cast(profit as double) / cast(revenue as double), null) as value,
    cast(profit as decimal(18, 4)) as money_numerator,
    revenue as money_denominator,
    active_end as n,
    if(revenue = 0, 'no revenue in period', null) as reason
from profits
