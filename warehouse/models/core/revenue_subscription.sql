-- Recurring revenue as a billing system has it: its subscriptions, each from when to when at how much a month.
-- Grain: source_id. Owner: finance.
-- Reads: staging.accounting_subscription, core.identity_link, playbook.revenue, build.run.
--
-- What is still on trial was never revenue. A paused one counts until the end of the period that it is paid for.
with intervals as (
    -- Monthly amount = amount x times / months; a year has 52 weeks, so a week counts 52/12 = 13/3.
    select
        unnest(['week', 'month', 'year']) as interval,
        unnest([13, 1, 1]) as times,
        unnest([3, 1, 12]) as months
),

subscriptions as (
    select
        s.*,
        coalesce(s.customer, s.email) as payer,
        -- A file that leaves the start out still says which period was billed.
        coalesce(s.started_on, s.period_from) as first_on,
        s.ended_on is not null or s.canceled_on is not null or s.status = 'canceled' as is_cancelled,
        p.churn_date,
        p.overdue_days,
        cast(timezone(r.zone, r.as_of) as date) as today,
        r.zone,
        r.currency as home_currency
    from staging.accounting_subscription as s
    cross join playbook.revenue as p
    cross join build.run as r
    where s.status is distinct from 'trialing'
),

ends as (
    select
        *,
        case
            when not is_cancelled then null
            when churn_date = 'notice' then coalesce(canceled_on, ended_on, period_to, first_on)
            when churn_date = 'billing'
                then coalesce(ended_on, if(status = 'canceled', canceled_on, null), period_to, canceled_on, first_on)
            -- What was paid for is served to its end.
            else coalesce(
                greatest(coalesce(ended_on, if(status = 'canceled', canceled_on, null)), period_to),
                canceled_on,
                first_on
            )
        end as cancelled_on,
        case
            when status = 'unpaid' then coalesce(period_from + coalesce(overdue_days, 0), first_on)
            when status = 'past_due' and period_from + overdue_days <= today then period_from + overdue_days
        end as unpaid_on,
        if(status = 'paused', coalesce(period_to, first_on), null) as paused_on
    from subscriptions
),

lasts as (
    -- The first of them that comes; none of them: it goes on.
    select *, least(cancelled_on, unpaid_on, paused_on) as last_on from ends
),

amounts as (
    select
        l.subscription_key,
        -- In whole ten-thousandths, because DuckDB divides decimals in floating point.
        cast(l.amount * 10000 as hugeint) * i.times as units,
        cast(coalesce(l.list_amount, l.amount) * 10000 as hugeint) * i.times as list_units,
        cast(i.months * coalesce(l.interval_count, 1) as hugeint) as months
    from lasts as l
    inner join intervals as i on i.interval = l.interval
    where coalesce(l.interval_count, 1) > 0
)

select
    -- Whoever pays and is nobody's client in the CRM pays all the same.
    coalesce(k.entity_id, 'accounting:' || lower(l.payer)) as client_id,
    l.subscription_key as source_id,
    timezone(l.zone, cast(l.first_on as timestamp)) as starts_at,
    timezone(l.zone, cast(greatest(l.last_on, if(l.last_on is null, null, l.first_on)) as timestamp)) as ends_at,
    cast(
        cast(sign(a.units) * ((2 * abs(a.units) + a.months) // (2 * a.months)) as decimal(18, 0)) * 0.0001
        as decimal(18, 4)
    ) as monthly_amount,
    cast(
        cast(sign(a.list_units) * ((2 * abs(a.list_units) + a.months) // (2 * a.months)) as decimal(18, 0)) * 0.0001
        as decimal(18, 4)
    ) as list_monthly_amount,
    coalesce(l.currency, l.home_currency) as currency
from lasts as l
left join amounts as a using (subscription_key)
left join core.identity_link as k on k.source = 'accounting' and k.kind = 'company' and k.source_id = l.payer
