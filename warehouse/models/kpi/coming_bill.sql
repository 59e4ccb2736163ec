-- What subscriptions that run now will be billed in the next 13 weeks, without tax, if nobody leaves and nobody joins.
-- Grain: subscription_id, bill_on. Owner: finance. Reads: core.subscription, build.run.
with today as (
    select zone, currency, timezone(zone, as_of) as now from build.run
),

running as (
    select s.subscription_id, s.client_id, s.amount, s.interval, timezone(t.zone, s.starts_at) as starts, t.now,
        timezone(t.zone, s.ends_at) as ends
    from core.subscription as s
    cross join today as t
    where s.currency = t.currency and s.amount is not null
        and timezone(t.zone, s.starts_at) <= t.now
        and (s.ends_at is null or timezone(t.zone, s.ends_at) > t.now)
),

-- Counted from the start each time, so that the 31st stays the month's last day and does not wander.
steps as (
    select *, unnest(generate_series(0, 600)) as step from running where interval = 'week'
    union all
    select *, unnest(generate_series(0, 180)) from running where interval = 'month'
    union all
    select *, unnest(generate_series(0, 60)) from running where interval = 'quarter'
    union all
    select *, unnest(generate_series(0, 20)) from running where interval = 'year'
),

dates as (
    select
        *,
        starts + case interval
            when 'week' then to_days(cast(7 * step as integer))
            when 'month' then to_months(cast(step as integer))
            when 'quarter' then to_months(cast(3 * step as integer))
            else to_months(cast(12 * step as integer))
        end as bill_at
    from steps
)

select subscription_id, client_id, interval, cast(bill_at as date) as bill_on, amount
from dates
where bill_at > now and bill_at < now + interval 91 day and (ends is null or bill_at < ends)
