-- K11: cost per client, compared with the first month that ended with ten clients or more.
-- Grain: period. Owner: finance. Reads: kpi.span_client, kpi.span_book.
with periods as (
    select
        c.grain,
        c.period,
        c.starts_at,
        c.active_end,
        b.lines,
        -- c = cost / mean of both ends = 2 cost / (start + end), in whole ten-thousandths
        2 * cast((b.direct + b.operating) * 10000 as hugeint) as cost,
        cast(c.active_start + c.active_end as hugeint) as clients
    from kpi.span_client as c
    inner join kpi.span_book as b using (grain, period, part)
    where c.part = 0
),

bases as (
    select starts_at as base_starts_at, cost as base_cost, clients as base_clients
    from periods
    where grain = 'month' and active_end >= 10
    order by starts_at
    limit 1
),

reasons as (
    select
        p.*,
        b.*,
        case
            -- A week's cost beside a month's says nothing.
            when p.grain <> 'month' then 'monthly only'
            -- What came before there was anything to compare with is not compared with the future.
            when b.base_starts_at is null or p.starts_at < b.base_starts_at then 'no base month in period'
            when p.clients = 0 then 'no active clients in period'
            when p.lines = 0 then 'no journal entries in period'
            when b.base_cost <= 0 then 'no costs in the first month'
        end as reason
    from periods as p
    left join bases as b on true
),

fractions as (
    select
        *,
        cost * base_clients - base_cost * clients as change_top,
        clients * base_clients as change_bottom
    from reasons
)

select
    'K11' as kpi,
    grain,
    period,
    'all' as segment,
    'share' as unit,
    if(
        reason is null,
        cast(change_top as double) / (cast(base_cost as double) * cast(clients as double)),
        null
    ) as value,
    if(
        reason is null,
        cast(
            cast(sign(change_top) * ((2 * abs(change_top) + change_bottom) // (2 * change_bottom)) as decimal(18, 0))
            * 0.0001 as decimal(18, 4)
        ),
        null
    ) as money_numerator,
    if(
        reason is null,
        cast(
            cast((2 * base_cost + base_clients) // (2 * base_clients) as decimal(18, 0)) * 0.0001 as decimal(18, 4)
        ),
        null
    ) as money_denominator,
    active_end as n,
    reason
from fractions
