-- Members of the Mailchimp audience as they stand now.
-- Grain: member_key. Owner: marketing. Reads: raw.mailchimp_members_current.
with records as (
    select
        key,
        received_at,
        json_extract(body, '$.merge_fields') as merge_fields,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "contact_id": "VARCHAR", "unique_email_id": "VARCHAR",
              "email_address": "VARCHAR", "status": "VARCHAR", "list_id": "VARCHAR",
              "language": "VARCHAR", "timestamp_opt": "VARCHAR", "last_changed": "VARCHAR",
              "merge_fields": {"FNAME": "VARCHAR", "LNAME": "VARCHAR", "COMPANY": "VARCHAR"}}'
        ) as r
    from raw.mailchimp_members_current
)

select
    key as member_key,
    coalesce(nullif(r.id, ''), key) as member_id,
    nullif(trim(r.contact_id), '') as contact_id,
    lower(nullif(trim(r.email_address), '')) as email,
    nullif(trim(r.status), '') as status,
    nullif(trim(r.list_id), '') as list_id,
    nullif(trim(r.language), '') as language,
    nullif(trim(r.merge_fields.FNAME), '') as first_name,
    nullif(trim(r.merge_fields.LNAME), '') as last_name,
    nullif(trim(r.merge_fields.COMPANY), '') as company,
    try_cast(r.timestamp_opt as timestamptz) as opted_in_at,
    try_cast(r.last_changed as timestamptz) as updated_at,
    coalesce(r.status = 'archived', false) or r.gone_at is not null as archived,
    try_cast(r.gone_at as timestamptz) as gone_at,
    merge_fields,
    received_at
from records
