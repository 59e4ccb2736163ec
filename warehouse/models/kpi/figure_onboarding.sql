-- K2 and K2.share_48h: how long new clients take to be up and running.
-- Grain: kpi, period. Owner: customer success. Reads: kpi.span, core.client.
with onboardings as (
    select
        s.grain,
        s.period,
        epoch_us(c.onboarding_completed_at) - epoch_us(c.started_at) as elapsed_us
    from kpi.span as s
    inner join core.client as c
        on c.onboarding_completed_at >= s.starts_at and c.onboarding_completed_at < s.ends_at
    where s.part = 0
),

periods as (
    select
        s.grain,
        s.period,
        count(o.elapsed_us) as n,
        coalesce(sum(o.elapsed_us), 0) / 3600e6 as hours,
        stddev_samp(o.elapsed_us / 3600e6) as spread,
        count(*) filter (o.elapsed_us < 48 * 3600e6) as within,
        if(count(o.elapsed_us) = 0, 'no completed onboardings in period', null) as reason
    from kpi.span as s
    left join onboardings as o using (grain, period)
    where s.part = 0
    group by s.grain, s.period
)

select
    'K2' as kpi, grain, period, 'all' as segment, 'hours' as unit, if(n > 0, hours / n, null) as value,
    hours as numerator, n as denominator, n, 't' as interval_kind, spread, reason
from periods
union all by name
select
    'K2.share_48h' as kpi, grain, period, 'all' as segment, 'share' as unit, if(n > 0, within / n, null) as value,
    within as numerator, n as denominator, n, 'wilson' as interval_kind, reason
from periods
