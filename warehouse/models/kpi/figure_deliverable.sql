-- K16, K17, K18: work delivered, with its errors, its rework and its time.
-- Grain: kpi, period. Owner: delivery. Reads: kpi.span, core.deliverable.
with deliveries as (
    select
        s.grain,
        s.period,
        d.errors_reported,
        d.reopened_count,
        epoch_us(d.first_delivered_at) - epoch_us(d.requested_at) as elapsed_us
    from kpi.span as s
    inner join core.deliverable as d
        on d.first_delivered_at >= s.starts_at and d.first_delivered_at < s.ends_at
    where s.part = 0 and not d.archived
),

periods as (
    select
        s.grain,
        s.period,
        count(d.grain) as delivered,
        count(*) filter (d.errors_reported >= 1) as faulty,
        count(*) filter (d.reopened_count >= 1) as reopened,
        -- A delivery of which nobody noted the request has no time.
        count(d.elapsed_us) as timed,
        coalesce(sum(d.elapsed_us), 0) / 3600e6 as hours,
        stddev_samp(d.elapsed_us / 3600e6) as spread,
        count(*) filter (d.elapsed_us < 24 * 3600e6) as within,
        if(count(d.grain) = 0, 'no deliverables in period', null) as reason,
        if(count(d.elapsed_us) = 0, 'no deliverables in period', null) as time_reason
    from kpi.span as s
    left join deliveries as d on d.grain = s.grain and d.period = s.period
    where s.part = 0
    group by s.grain, s.period
)

select
    'K16' as kpi, grain, period, 'all' as segment, 'share' as unit,
    if(delivered > 0, faulty / delivered, null) as value,
    faulty as numerator, delivered as denominator, delivered as n, 'wilson' as interval_kind, reason
from periods
union all by name
select
    'K17' as kpi, grain, period, 'all' as segment, 'share' as unit,
    if(delivered > 0, reopened / delivered, null) as value,
    reopened as numerator, delivered as denominator, delivered as n, 'wilson' as interval_kind, reason
from periods
union all by name
select
    'K18' as kpi, grain, period, 'all' as segment, 'hours' as unit, if(timed > 0, hours / timed, null) as value,
    hours as numerator, timed as denominator, timed as n, 't' as interval_kind, spread, time_reason as reason
from periods
union all by name
select
    'K18.share_24h' as kpi, grain, period, 'all' as segment, 'share' as unit,
    if(timed > 0, within / timed, null) as value,
    within as numerator, timed as denominator, timed as n, 'wilson' as interval_kind, time_reason as reason
from periods
