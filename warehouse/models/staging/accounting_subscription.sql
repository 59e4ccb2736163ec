-- Subscriptions as a payment provider exports them.
-- Grain: subscription_key. Owner: finance. Reads: raw.accounting_subscriptions_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"subscription_id": "VARCHAR", "customer": "VARCHAR", "email": "VARCHAR",
              "plan": "VARCHAR", "quantity": "VARCHAR", "interval": "VARCHAR",
              "interval_count": "VARCHAR", "amount": "VARCHAR", "list_amount": "VARCHAR",
              "currency": "VARCHAR", "status": "VARCHAR", "started_on": "VARCHAR",
              "ended_on": "VARCHAR", "canceled_on": "VARCHAR", "period_from": "VARCHAR",
              "period_to": "VARCHAR", "format": "VARCHAR"}'
        ) as r
    from raw.accounting_subscriptions_current
    -- Taken out of the books, or brought by a file whose import was undone.
    where (body ->> '$.gone_at') is null
)

select
    key as subscription_key,
    nullif(trim(r.subscription_id), '') as subscription_id,
    nullif(trim(r.customer), '') as customer,
    lower(nullif(trim(r.email), '')) as email,
    nullif(trim(r.plan), '') as plan,
    try_cast(r.quantity as decimal(18, 4)) as quantity,
    lower(nullif(trim(r."interval"), '')) as "interval",
    try_cast(r.interval_count as integer) as interval_count,
    try_cast(r.amount as decimal(18, 4)) as amount,
    try_cast(r.list_amount as decimal(18, 4)) as list_amount,
    upper(nullif(trim(r.currency), '')) as currency,
    lower(nullif(trim(r.status), '')) as status,
    try_cast(r.started_on as date) as started_on,
    try_cast(r.ended_on as date) as ended_on,
    try_cast(r.canceled_on as date) as canceled_on,
    try_cast(r.period_from as date) as period_from,
    try_cast(r.period_to as date) as period_to,
    nullif(trim(r.format), '') as format,
    received_at
from records
