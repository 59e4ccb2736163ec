-- Mails of Mailchimp's classic automations as they stand now.
-- Grain: automation_id, email_id. Owner: marketing. Reads: raw.mailchimp_automation_emails_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"gone_at": "VARCHAR", "id": "VARCHAR", "workflow_id": "VARCHAR", "position": "VARCHAR",
              "create_time": "VARCHAR", "start_time": "VARCHAR", "send_time": "VARCHAR", "status": "VARCHAR",
              "emails_sent": "VARCHAR", "settings": {"subject_line": "VARCHAR", "title": "VARCHAR"},
              "recipients": {"list_id": "VARCHAR"},
              "report_summary": {"unique_opens": "VARCHAR", "subscriber_clicks": "VARCHAR"}}'
        ) as r
    from raw.mailchimp_automation_emails_current
)

select
    coalesce(nullif(r.id, ''), key) as email_id,
    nullif(r.workflow_id, '') as automation_id,
    try_cast(r.position as integer) as position,
    nullif(trim(r.settings.title), '') as title,
    nullif(trim(r.settings.subject_line), '') as subject,
    nullif(trim(r.status), '') as status,
    nullif(trim(r.recipients.list_id), '') as list_id,
    try_cast(r.create_time as timestamptz) as created_at,
    try_cast(r.start_time as timestamptz) as started_at,
    try_cast(r.send_time as timestamptz) as sent_at,
    try_cast(r.emails_sent as bigint) as emails_sent,
    try_cast(r.report_summary.unique_opens as bigint) as unique_opens,
    try_cast(r.report_summary.subscriber_clicks as bigint) as unique_clicks,
    try_cast(r.gone_at as timestamptz) as gone_at,
    received_at
from records
