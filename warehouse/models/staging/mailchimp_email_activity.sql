-- What recipients did with a campaign: one row per action, and one without action for a recipient who did nothing.
-- Grain: campaign_id, email_id, position. Owner: marketing. Reads: raw.mailchimp_email_activity_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"campaign_id": "VARCHAR", "list_id": "VARCHAR", "email_id": "VARCHAR", "email_address": "VARCHAR",
              "action": "VARCHAR", "type": "VARCHAR", "timestamp": "VARCHAR", "url": "VARCHAR",
              "activity": [{"action": "VARCHAR", "type": "VARCHAR", "timestamp": "VARCHAR", "url": "VARCHAR"}]}'
        ) as r
    from raw.mailchimp_email_activity_current
),

-- Some exports give one record per action instead of one per recipient.
recipients as (
    select
        key,
        received_at,
        r,
        if(
            len(r.activity) > 0,
            r.activity,
            [{'action': r.action, 'type': r.type, 'timestamp': r.timestamp, 'url': r.url}]
        ) as actions
    from records
),

actions as (
    select key, received_at, r, unnest(actions) as a, generate_subscripts(actions, 1) as position
    from recipients
)

select
    nullif(r.campaign_id, '') as campaign_id,
    coalesce(nullif(r.email_id, ''), key) as email_id,
    position,
    lower(nullif(trim(r.email_address), '')) as email,
    nullif(r.list_id, '') as list_id,
    nullif(a.action, '') as action,
    nullif(a.type, '') as kind,
    try_cast(a.timestamp as timestamptz) as occurred_at,
    nullif(a.url, '') as url,
    received_at
from actions
