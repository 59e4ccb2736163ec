-- Contacts of Mailchimp's audiences as its newer API (a beta) tells them; those without an e-mail address too.
-- Grain: list_id, contact_id. Owner: marketing. Reads: raw.mailchimp_audience_contacts_current.
with records as (
    select
        key,
        received_at,
        json_extract(body, '$.merge_fields') as merge_fields,
        from_json(
            body,
            '{"gone_at": "VARCHAR", "id": "VARCHAR", "audience_id": "VARCHAR", "status": "VARCHAR",
              "language": "VARCHAR", "created_at": "VARCHAR", "last_updated_at": "VARCHAR",
              "email_channel": {"email": "VARCHAR", "hashed_email": "VARCHAR",
               "marketing_consent": {"status": "VARCHAR"},
               "effective_subscription_status": {"value": "VARCHAR"}}}'
        ) as r
    from raw.mailchimp_audience_contacts_current
)

select
    nullif(r.audience_id, '') as list_id,
    coalesce(nullif(r.id, ''), key) as contact_id,
    nullif(r.email_channel.hashed_email, '') as member_id,
    lower(nullif(trim(r.email_channel.email), '')) as email,
    nullif(r.email_channel.marketing_consent.status, '') as consent,
    nullif(r.email_channel.effective_subscription_status.value, '') as subscription,
    nullif(r.status, '') as status,
    nullif(trim(r.language), '') as language,
    try_cast(r.created_at as timestamptz) as created_at,
    try_cast(r.last_updated_at as timestamptz) as updated_at,
    coalesce(r.status = 'archived', false) or r.gone_at is not null as archived,
    try_cast(r.gone_at as timestamptz) as gone_at,
    merge_fields,
    received_at
from records
