-- K24: elapsed minutes to the first answer at each support level, the 90th percentile.
-- Grain: period, segment. Owner: support. Reads: kpi.span, kpi.sla_clock, playbook.sla.
with answers as (
    select
        s.grain,
        s.period,
        c.level,
        (epoch_us(c.stopped_at) - epoch_us(c.started_at)) / 60e6 as minutes,
        c.target_minutes
    from kpi.span as s
    inner join kpi.sla_clock as c on c.stopped_at >= s.starts_at and c.stopped_at < s.ends_at
    where s.part = 0 and c.clock = 'first_answer'
),

periods as (
    select
        s.grain,
        s.period,
        l.level as segment,
        count(a.minutes) as n,
        count(*) filter (a.minutes <= a.target_minutes) as within,
        list(a.minutes order by a.minutes) filter (a.minutes is not null) as sorted,
        quantile_cont(a.minutes, 0.9) as value
    from kpi.span as s
    cross join playbook.sla as l
    left join answers as a on a.grain = s.grain and a.period = s.period and a.level = l.level
    where s.part = 0
    group by s.grain, s.period, l.level
),

-- As in figure_resolution: the limits are two of the observations.
ranks as (
    select
        *,
        cast(ceil(n * 0.9 - 1.959963984540054 * sqrt(n * 0.09)) as bigint) as low_rank,
        cast(ceil(n * 0.9 + 1.959963984540054 * sqrt(n * 0.09)) as bigint) as high_rank
    from periods
)

select
    'K24' as kpi,
    grain,
    period,
    segment,
    'minutes' as unit,
    value,
    within as numerator,
    n as denominator,
    n,
    if(n >= 20 and low_rank >= 1 and high_rank <= n, sorted[low_rank], null) as low,
    if(n >= 20 and low_rank >= 1 and high_rank <= n, sorted[high_rank], null) as high,
    if(n = 0, 'no answers in period', null) as reason
from ranks
