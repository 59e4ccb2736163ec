-- Mailchimp campaign reports as they stand now; figures still move for days after sending.
-- Grain: campaign_id. Owner: marketing. Reads: raw.mailchimp_reports_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "campaign_title": "VARCHAR", "list_id": "VARCHAR",
              "subject_line": "VARCHAR", "send_time": "VARCHAR", "emails_sent": "VARCHAR",
              "unsubscribed": "VARCHAR", "abuse_reports": "VARCHAR",
              "bounces": {"hard_bounces": "VARCHAR", "soft_bounces": "VARCHAR", "syntax_errors": "VARCHAR"},
              "opens": {"opens_total": "VARCHAR", "unique_opens": "VARCHAR",
               "proxy_excluded_unique_opens": "VARCHAR"},
              "clicks": {"clicks_total": "VARCHAR", "unique_subscriber_clicks": "VARCHAR"}}'
        ) as r
    from raw.mailchimp_reports_current
)

select
    coalesce(nullif(r.id, ''), key) as campaign_id,
    nullif(trim(r.campaign_title), '') as title,
    nullif(trim(r.list_id), '') as list_id,
    nullif(trim(r.subject_line), '') as subject,
    try_cast(r.send_time as timestamptz) as sent_at,
    try_cast(r.emails_sent as bigint) as emails_sent,
    try_cast(r.bounces.hard_bounces as bigint) as hard_bounces,
    try_cast(r.bounces.soft_bounces as bigint) as soft_bounces,
    try_cast(r.opens.opens_total as bigint) as opens_total,
    try_cast(r.opens.unique_opens as bigint) as unique_opens,
    try_cast(r.opens.proxy_excluded_unique_opens as bigint) as unique_opens_people,
    try_cast(r.clicks.clicks_total as bigint) as clicks_total,
    try_cast(r.clicks.unique_subscriber_clicks as bigint) as unique_clicks,
    try_cast(r.unsubscribed as bigint) as unsubscribed,
    try_cast(r.abuse_reports as bigint) as abuse_reports,
    try_cast(r.gone_at as timestamptz) as gone_at,
    received_at
from records
