-- The stretches of time that figures are counted over: every finished period, and the two months before it.
-- Grain: grain, period, part. Owner: data. Reads: build.period, build.run.
with firsts as (
    -- A week or quarter that began before the first month of the business is no whole one.
    select min(starts_at) as starts_at from build.period where grain = 'month'
),

periods as (
    select p.grain, p.period, p.starts_at, p.ends_at, timezone(r.zone, p.starts_at) as local_start, r.zone
    from build.period as p
    cross join build.run as r
    cross join firsts as f
    where p.ends_at <= r.as_of and p.starts_at >= coalesce(f.starts_at, p.starts_at)
)

select grain, period, 0 as part, starts_at, ends_at from periods
union all
-- Months are cut at local midnight, so one month back is counted on the local calendar.
select grain, period, 1, timezone(zone, local_start - interval 1 month), starts_at from periods
union all
select grain, period, 2, timezone(zone, local_start - interval 2 month), timezone(zone, local_start - interval 1 month)
from periods
