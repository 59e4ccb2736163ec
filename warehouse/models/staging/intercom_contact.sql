-- Intercom contacts as they stand now.
-- Grain: contact_id. Owner: support. Reads: raw.intercom_contacts_current.
with records as (
    select
        key,
        received_at,
        json_extract(body, '$.custom_attributes') as custom_attributes,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "external_id": "VARCHAR", "role": "VARCHAR", "email": "VARCHAR",
              "name": "VARCHAR", "unsubscribed_from_emails": "VARCHAR", "created_at": "VARCHAR",
              "updated_at": "VARCHAR"}'
        ) as r
    from raw.intercom_contacts_current
)

select
    coalesce(nullif(r.id, ''), key) as contact_id,
    nullif(trim(r.external_id), '') as external_id,
    nullif(trim(r.role), '') as role,
    lower(nullif(trim(r.email), '')) as email,
    nullif(trim(r.name), '') as name,
    try_cast(r.unsubscribed_from_emails as boolean) as unsubscribed,
    to_timestamp(try_cast(r.created_at as bigint)) as created_at,
    to_timestamp(try_cast(r.updated_at as bigint)) as updated_at,
    try_cast(r.gone_at as timestamptz) as gone_at,
    custom_attributes,
    received_at
from records
