-- What each client pays a month at both ends of each month.
-- Grain: period, client_id. Owner: finance. Reads: kpi.mrr_span, kpi.span.
with months as (
    select period, starts_at, ends_at from kpi.span where grain = 'month' and part = 0
),

boundaries as (
    select boundary_at, row_number() over (order by boundary_at) as number
    from (select starts_at as boundary_at from months union select ends_at from months)
),

-- From which boundary up to which other a piece counts: looked up, because a join by range takes many times as long.
stretches as (
    select s.client_id, s.amount, f.number as first_number, coalesce(l.number - 1, m.number) as last_number
    from kpi.mrr_span as s
    asof inner join boundaries as f on s.starts_at <= f.boundary_at
    asof left join boundaries as l on s.ends_at <= l.boundary_at
    cross join (select max(number) as number from boundaries) as m
    where s.amount <> 0
),

counted as (
    select client_id, amount, unnest(range(first_number, last_number + 1)) as number
    from stretches
    where last_number >= first_number
),

balances as (
    select b.boundary_at, c.client_id, c.mrr
    from (select number, client_id, sum(amount) as mrr from counted group by all having sum(amount) <> 0) as c
    inner join boundaries as b using (number)
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
