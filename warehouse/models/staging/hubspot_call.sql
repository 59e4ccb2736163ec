-- Calls logged in HubSpot as they stand now.
-- Grain: call_id. Owner: sales. Reads: raw.hubspot_calls_current.
with records as (
    select
        key,
        received_at,
        json_extract(body, '$.properties') as properties,
        from_json(
            body,
            '{"gone_at": "VARCHAR", "id": "VARCHAR", "createdAt": "VARCHAR", "updatedAt": "VARCHAR",
              "archived": "VARCHAR", "properties": {
               "hs_call_title": "VARCHAR", "hs_call_body": "VARCHAR", "hs_call_direction": "VARCHAR",
               "hs_call_disposition": "VARCHAR", "hs_call_status": "VARCHAR",
               "hs_call_duration": "VARCHAR", "hs_timestamp": "VARCHAR", "hubspot_owner_id": "VARCHAR",
               "hs_createdate": "VARCHAR", "hs_lastmodifieddate": "VARCHAR"}}'
        ) as r
    from raw.hubspot_calls_current
)

select
    coalesce(nullif(r.id, ''), key) as call_id,
    nullif(trim(r.properties.hs_call_title), '') as title,
    nullif(trim(r.properties.hs_call_body), '') as body,
    nullif(trim(r.properties.hs_call_direction), '') as direction,
    nullif(trim(r.properties.hs_call_disposition), '') as disposition,
    nullif(trim(r.properties.hs_call_status), '') as status,
    try_cast(r.properties.hs_call_duration as bigint) as duration_ms,
    try_cast(r.properties.hs_timestamp as timestamptz) as happened_at,
    nullif(trim(r.properties.hubspot_owner_id), '') as owner_id,
    coalesce(try_cast(r.properties.hs_createdate as timestamptz), try_cast(r.createdAt as timestamptz)) as created_at,
    try_cast(r.updatedAt as timestamptz) as updated_at,
    coalesce(try_cast(r.archived as boolean), false) or r.gone_at is not null as archived,
    try_cast(r.gone_at as timestamptz) as gone_at,
    properties,
    received_at
from records
