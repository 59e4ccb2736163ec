-- K23: work done per full-time post, compared with the first whole quarter. Quarterly.
-- Grain: period. Owner: operations. Reads: kpi.span, core.deliverable, core.conversation, core.employee.
with periods as (
    select * from kpi.span where part = 0
),

deliveries as (
    select p.period, count(*) as amount
    from periods as p
    inner join core.deliverable as d
        on d.first_delivered_at >= p.starts_at and d.first_delivered_at < p.ends_at
    where p.grain = 'quarter' and not d.archived
    group by p.period
),

closings as (
    select p.period, count(*) as amount
    from periods as p
    inner join core.conversation as c on c.resolved_at >= p.starts_at and c.resolved_at < p.ends_at
    where p.grain = 'quarter' and not c.excluded
    group by p.period
),

-- Posts are counted at the end of each of the quarter's months.
months as (
    select q.period, m.period as month, coalesce(sum(e.fte), 0) as fte
    from periods as q
    inner join periods as m
        on m.grain = 'month' and m.starts_at >= q.starts_at and m.ends_at <= q.ends_at
    left join core.employee as e
        on e.starts_at <= m.ends_at and (e.ends_at is null or e.ends_at > m.ends_at)
    where q.grain = 'quarter'
    group by all
),

posts as (
    select period, cast(avg(fte) as double) as fte, count(*) as months from months group by period
),

quarters as (
    select
        p.period,
        p.starts_at,
        coalesce(o.months, 0) as months,
        coalesce(d.amount, 0) + coalesce(c.amount, 0) as amount,
        if(o.fte > 0, (coalesce(d.amount, 0) + coalesce(c.amount, 0)) / o.fte, null) as work
    from periods as p
    left join posts as o using (period)
    left join deliveries as d using (period)
    left join closings as c using (period)
    where p.grain = 'quarter'
),

bases as (
    -- A quarter in which the business began half-way is no measure for the others.
    select work as base_work from quarters where months = 3 and work > 0 order by starts_at limit 1
),

reasons as (
    select
        p.grain,
        p.period,
        q.work,
        q.amount,
        b.base_work,
        case
            when p.grain <> 'quarter' then 'quarterly figure'
            when q.months < 3 then 'no whole quarter in period'
            when q.work is null then 'no staff in period'
            when b.base_work is null then 'no work in the first quarter'
        end as reason
    from periods as p
    left join quarters as q on p.grain = 'quarter' and q.period = p.period
    left join bases as b on true
)

select
    'K23' as kpi,
    grain,
    period,
    'all' as segment,
    'share' as unit,
    if(reason is null, work / base_work - 1, null) as value,
    if(reason is null, work, null) as numerator,
    if(reason is null, base_work, null) as denominator,
    if(reason is null, amount, null) as n,
    reason
from reasons
