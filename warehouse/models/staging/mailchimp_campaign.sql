-- Mailchimp campaigns as they stand now.
-- Grain: campaign_id. Owner: marketing. Reads: raw.mailchimp_campaigns_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "type": "VARCHAR", "status": "VARCHAR", "create_time": "VARCHAR",
              "send_time": "VARCHAR", "emails_sent": "VARCHAR",
              "recipients": {"list_id": "VARCHAR", "recipient_count": "VARCHAR"},
              "settings": {"subject_line": "VARCHAR", "title": "VARCHAR"}}'
        ) as r
    from raw.mailchimp_campaigns_current
)

select
    coalesce(nullif(r.id, ''), key) as campaign_id,
    nullif(trim(r.type), '') as kind,
    nullif(trim(r.status), '') as status,
    nullif(trim(r.settings.title), '') as title,
    nullif(trim(r.settings.subject_line), '') as subject,
    nullif(trim(r.recipients.list_id), '') as list_id,
    try_cast(r.create_time as timestamptz) as created_at,
    try_cast(r.send_time as timestamptz) as sent_at,
    try_cast(r.emails_sent as bigint) as emails_sent,
    try_cast(r.gone_at as timestamptz) as gone_at,
    received_at
from records
