-- K1, K14, K15, K20, NEW_CLIENTS, ACTIVE_CLIENTS, LEADS: how many clients, and how they come and go.
-- Grain: kpi, period. Owner: operations. Reads: kpi.span_client, core.employee, core.person.
with periods as (
    select * from kpi.span_client where part = 0
),

teams as (
    select p.grain, p.period, sum(e.fte) as fte
    from periods as p
    inner join core.employee as e
        on e.starts_at <= p.ends_at and (e.ends_at is null or e.ends_at > p.ends_at)
    group by all
),

leads as (
    select p.grain, p.period, count(*) as leads
    from periods as p
    inner join core.person as c on c.created_at >= p.starts_at and c.created_at < p.ends_at
    where c.merged_into is null
    group by all
),

figures as (
    select
        'K1' as kpi, grain, period, 'ratio' as unit,
        cast(active_end as double) as numerator, cast(t.fte as double) as denominator,
        active_end as n, null as interval_kind,
        if(coalesce(t.fte, 0) = 0, 'no staff in period', null) as reason
    from periods
    left join teams as t using (grain, period)
    union all
    select
        'K14', grain, period, 'share', churned, active_start, active_start, 'wilson',
        if(active_start = 0, 'no active clients in period', null)
    from periods
    union all
    select
        'K15', grain, period, 'share', new_referred, new_clients, new_clients, 'wilson',
        if(new_clients = 0, 'no new clients in period', null)
    from periods
    union all
    select
        'K20', grain, period, 'share', active_end - active_start, active_start, active_start, null,
        if(active_start = 0, 'no active clients in period', null)
    from periods
),

counts as (
    select 'NEW_CLIENTS' as kpi, grain, period, new_clients as amount from periods
    union all
    select 'ACTIVE_CLIENTS', grain, period, active_end from periods
    union all
    select 'LEADS', grain, period, coalesce(l.leads, 0)
    from periods
    left join leads as l using (grain, period)
)

select
    kpi, grain, period, 'all' as segment, unit,
    if(reason is null, numerator / denominator, null) as value,
    numerator, denominator, n, interval_kind, reason
from figures
union all by name
select kpi, grain, period, 'all' as segment, 'count' as unit, cast(amount as double) as value,
    cast(amount as double) as numerator, amount as n
from counts
