-- Mailchimp classic automations as they stand now.
-- Grain: automation_id. Owner: marketing. Reads: raw.mailchimp_automations_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "create_time": "VARCHAR", "start_time": "VARCHAR", "status": "VARCHAR",
              "emails_sent": "VARCHAR", "settings": {"title": "VARCHAR"},
              "recipients": {"list_id": "VARCHAR"}}'
        ) as r
    from raw.mailchimp_automations_current
)

select
    coalesce(nullif(r.id, ''), key) as automation_id,
    nullif(trim(r.settings.title), '') as title,
    nullif(trim(r.status), '') as status,
    nullif(trim(r.recipients.list_id), '') as list_id,
    try_cast(r.create_time as timestamptz) as created_at,
    try_cast(r.start_time as timestamptz) as started_at,
    try_cast(r.emails_sent as bigint) as emails_sent,
    try_cast(r.gone_at as timestamptz) as gone_at,
    received_at
from records
