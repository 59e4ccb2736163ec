-- E-mails logged in HubSpot as they stand now.
-- Grain: email_id. Owner: sales. Reads: raw.hubspot_emails_current.
with records as (
    select
        key,
        received_at,
        json_extract(body, '$.properties') as properties,
        from_json(
            body,
            '{"gone_at": "VARCHAR", "id": "VARCHAR", "createdAt": "VARCHAR", "updatedAt": "VARCHAR",
              "archived": "VARCHAR", "properties": {
               "hs_email_subject": "VARCHAR", "hs_email_text": "VARCHAR", "hs_email_direction": "VARCHAR",
               "hs_email_status": "VARCHAR", "hs_timestamp": "VARCHAR", "hubspot_owner_id": "VARCHAR",
               "hs_createdate": "VARCHAR", "hs_lastmodifieddate": "VARCHAR"}}'
        ) as r
    from raw.hubspot_emails_current
)

select
    coalesce(nullif(r.id, ''), key) as email_id,
    nullif(trim(r.properties.hs_email_subject), '') as subject,
    nullif(trim(r.properties.hs_email_text), '') as body,
    nullif(trim(r.properties.hs_email_direction), '') as direction,
    nullif(trim(r.properties.hs_email_status), '') as status,
    try_cast(r.properties.hs_timestamp as timestamptz) as happened_at,
    nullif(trim(r.properties.hubspot_owner_id), '') as owner_id,
    coalesce(try_cast(r.properties.hs_createdate as timestamptz), try_cast(r.createdAt as timestamptz)) as created_at,
    try_cast(r.updatedAt as timestamptz) as updated_at,
    coalesce(try_cast(r.archived as boolean), false) or r.gone_at is not null as archived,
    try_cast(r.gone_at as timestamptz) as gone_at,
    properties,
    received_at
from records
