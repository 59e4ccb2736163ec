-- K3 with its median and 90th percentile: elapsed hours from the first message to the last close.
-- Grain: kpi, period, segment. Owner: support. Reads: kpi.span, core.conversation, playbook.sla.
with segments as (
    select 'all' as segment
    union all
    select level from playbook.sla
),

conversations as (
    select
        s.grain,
        s.period,
        c.level,
        epoch_us(c.resolved_at) - epoch_us(c.created_at) as elapsed_us
    from kpi.span as s
    inner join core.conversation as c on c.resolved_at >= s.starts_at and c.resolved_at < s.ends_at
    where s.part = 0 and not c.excluded
),

periods as (
    select
        s.grain,
        s.period,
        g.segment,
        count(c.elapsed_us) as n,
        coalesce(sum(c.elapsed_us), 0) / 3600e6 as hours,
        stddev_samp(c.elapsed_us / 3600e6) as spread,
        list(c.elapsed_us / 3600e6 order by c.elapsed_us) filter (c.elapsed_us is not null) as sorted,
        quantile_cont(c.elapsed_us / 3600e6, [0.5, 0.9]) as quantiles,
        if(count(c.elapsed_us) = 0, 'no resolved conversations in period', null) as reason
    from kpi.span as s
    cross join segments as g
    left join conversations as c
        on c.grain = s.grain and c.period = s.period and g.segment in ('all', c.level)
    where s.part = 0
    group by s.grain, s.period, g.segment
),

quantiles as (
    select kpi, share, position from (values ('K3.p50', 0.5, 1), ('K3.p90', 0.9, 2)) as q (kpi, share, position)
),

-- The limits of a quantile are two of the observations themselves: those whose ranks a binomial count stays
-- between in 95 of 100 samples. With few observations there is none far enough out, hence no interval.
ranks as (
    select
        q.kpi,
        p.grain,
        p.period,
        p.n,
        p.sorted,
        p.reason,
        p.quantiles[q.position] as value,
        cast(ceil(p.n * q.share - 1.959963984540054 * sqrt(p.n * q.share * (1 - q.share))) as bigint) as low_rank,
        cast(ceil(p.n * q.share + 1.959963984540054 * sqrt(p.n * q.share * (1 - q.share))) as bigint) as high_rank
    from periods as p
    cross join quantiles as q
    where p.segment = 'all'
)

select
    'K3' as kpi, grain, period, segment, 'hours' as unit, if(n > 0, hours / n, null) as value,
    hours as numerator, n as denominator, n, 't' as interval_kind, spread, reason
from periods
union all by name
select
    kpi, grain, period, 'all' as segment, 'hours' as unit, value, n as denominator, n, reason,
    if(n >= 20 and low_rank >= 1 and high_rank <= n, sorted[low_rank], null) as low,
    if(n >= 20 and low_rank >= 1 and high_rank <= n, sorted[high_rank], null) as high
from ranks
