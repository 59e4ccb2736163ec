-- The cost to serve of each finished month against the direct costs of the ledger: the two are one, to the cent.
-- Grain: period. Owner: finance. Reads: kpi.cost_to_serve, kpi.service_time, kpi.span_book.
with parts as (
    select
        period,
        sum(amount) filter (component = 'direct') as direct,
        sum(amount) filter (component = 'time' and client_id is not null) as time,
        sum(amount) filter (component = 'time' and client_id is null) as time_of_nobody,
        sum(amount) filter (component = 'unused') as unused,
        sum(amount) filter (component = 'shared') as shared,
        sum(amount) as total
    from kpi.cost_to_serve
    group by period
),

times as (
    select period, min(basis) as basis, sum(minutes) as minutes, sum(minutes) filter (not is_priced) as unpriced_minutes
    from kpi.service_time
    group by period
)

select
    b.period,
    b.direct as ledger,
    cast(coalesce(p.direct, 0) as decimal(18, 4)) as direct,
    cast(coalesce(p.time, 0) as decimal(18, 4)) as time,
    cast(coalesce(p.time_of_nobody, 0) as decimal(18, 4)) as time_of_nobody,
    cast(coalesce(p.unused, 0) as decimal(18, 4)) as unused,
    cast(coalesce(p.shared, 0) as decimal(18, 4)) as shared,
    cast(b.direct - coalesce(p.total, 0) as decimal(18, 4)) as difference,
    t.basis,
    cast(coalesce(t.minutes, 0) as decimal(18, 4)) as minutes,
    cast(coalesce(t.unpriced_minutes, 0) as decimal(18, 4)) as unpriced_minutes
from kpi.span_book as b
left join parts as p using (period)
left join times as t using (period)
where b.grain = 'month' and b.part = 0
