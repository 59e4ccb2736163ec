-- K19: clocks of the SLA that were kept.
-- Grain: period, segment. Owner: support. Reads: kpi.span, kpi.sla_clock, playbook.sla.
with segments as (
    select 'all' as segment
    union all
    select level from playbook.sla
),

decisions as (
    select s.grain, s.period, c.level, c.hit
    from kpi.span as s
    inner join kpi.sla_clock as c on c.decided_at >= s.starts_at and c.decided_at < s.ends_at
    where s.part = 0
),

periods as (
    select
        s.grain,
        s.period,
        g.segment,
        count(d.hit) as n,
        count(*) filter (d.hit) as hits
    from kpi.span as s
    cross join segments as g
    left join decisions as d
        on d.grain = s.grain and d.period = s.period and g.segment in ('all', d.level)
    where s.part = 0
    group by s.grain, s.period, g.segment
)

select
    'K19' as kpi,
    grain,
    period,
    segment,
    'share' as unit,
    if(n > 0, hits / n, null) as value,
    hits as numerator,
    n as denominator,
    n,
    'wilson' as interval_kind,
    if(n = 0, 'no decided clocks in period', null) as reason
from periods
