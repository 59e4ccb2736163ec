-- K12 (NPS) and K13 (CSAT): what clients say.
-- Grain: kpi, period. Owner: customer success. Reads: kpi.span, core.survey_response, core.conversation, build.run.
with periods as (
    select
        s.grain,
        s.period,
        s.starts_at,
        s.ends_at,
        -- Ninety days of the local calendar, as periods are cut; one of them may have 23 or 25 hours.
        timezone(r.zone, timezone(r.zone, s.ends_at) - interval 90 day) as since
    from kpi.span as s
    cross join build.run as r
    where s.part = 0
),

answers as (
    select
        p.grain,
        p.period,
        case when a.nps >= 9 then 1 when a.nps <= 6 then -1 else 0 end as score
    from periods as p
    inner join core.survey_response as a
        on a.answered_at >= p.since and a.answered_at < p.ends_at
    where a.nps between 0 and 10 and a.client_id is not null
),

promoters as (
    select
        p.grain,
        p.period,
        count(a.score) as n,
        coalesce(sum(a.score), 0) as total,
        stddev_samp(100 * a.score) as spread
    from periods as p
    left join answers as a using (grain, period)
    group by p.grain, p.period
),

grades as (
    select rated_at as given_at, rating as grade
    from core.conversation
    where rating between 1 and 5 and not is_forgotten
    union all
    select answered_at, csat from core.survey_response where csat between 1 and 5
),

ratings as (
    select
        p.grain,
        p.period,
        count(g.grade) as n,
        count(*) filter (g.grade >= 4) as good
    from periods as p
    left join grades as g on g.given_at >= p.starts_at and g.given_at < p.ends_at
    group by p.grain, p.period
)

select
    'K12' as kpi, grain, period, 'all' as segment, 'points' as unit,
    if(n > 0, 100 * total / n, null) as value,
    cast(100 * total as double) as numerator, n as denominator, n, 't' as interval_kind, spread,
    if(n = 0, 'no survey answers in period', null) as reason
from promoters
union all by name
select
    'K13' as kpi, grain, period, 'all' as segment, 'share' as unit,
    if(n > 0, good / n, null) as value,
    good as numerator, n as denominator, n, 'wilson' as interval_kind,
    if(n = 0, 'no ratings in period', null) as reason
from ratings
