-- What each client pays a month at both ends of each month.
-- Grain: period, client_id. Owner: finance. Reads: kpi.mrr_span, kpi.span.
with months as (
    select period, starts_at, ends_at from kpi.span where grain = 'month' and part = 0
),

boundaries as (
    select starts_at as boundary_at from months
    union
    select ends_at from months
),

balances as (
    select b.boundary_at, s.client_id, sum(s.amount) as mrr
    from kpi.mrr_span as s
    inner join boundaries as b on b.boundary_at >= s.starts_at and (s.ends_at is null or b.boundary_at < s.ends_at)
    where s.amount <> 0
    group by all
    having sum(s.amount) <> 0
),

ends as (
    select m.period, b.client_id, b.mrr as mrr_start, 0 as mrr_end
    from balances as b
    inner join months as m on m.starts_at = b.boundary_at
    union all
    select m.period, b.client_id, 0, b.mrr
    from balances as b
    inner join months as m on m.ends_at = b.boundary_at
)

select
    period,
    client_id,
    cast(sum(mrr_start) as decimal(18, 4)) as mrr_start,
    cast(sum(mrr_end) as decimal(18, 4)) as mrr_end
from ends
group by period, client_id
