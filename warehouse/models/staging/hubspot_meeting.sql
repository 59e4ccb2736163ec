-- Meetings logged in HubSpot as they stand now.
-- Grain: meeting_id. Owner: sales. Reads: raw.hubspot_meetings_current.
with records as (
    select
        key,
        received_at,
        json_extract(body, '$.properties') as properties,
        from_json(
            body,
            '{"gone_at": "VARCHAR", "id": "VARCHAR", "createdAt": "VARCHAR", "updatedAt": "VARCHAR",
              "archived": "VARCHAR", "properties": {
               "hs_meeting_title": "VARCHAR", "hs_meeting_body": "VARCHAR",
               "hs_internal_meeting_notes": "VARCHAR", "hs_meeting_location": "VARCHAR",
               "hs_meeting_outcome": "VARCHAR", "hs_meeting_start_time": "VARCHAR",
               "hs_meeting_end_time": "VARCHAR", "hs_timestamp": "VARCHAR", "hubspot_owner_id": "VARCHAR",
               "hs_createdate": "VARCHAR", "hs_lastmodifieddate": "VARCHAR"}}'
        ) as r
    from raw.hubspot_meetings_current
)

select
    coalesce(nullif(r.id, ''), key) as meeting_id,
    nullif(trim(r.properties.hs_meeting_title), '') as title,
    nullif(trim(r.properties.hs_meeting_body), '') as body,
    nullif(trim(r.properties.hs_internal_meeting_notes), '') as internal_notes,
    nullif(trim(r.properties.hs_meeting_location), '') as location,
    nullif(trim(r.properties.hs_meeting_outcome), '') as outcome,
    try_cast(r.properties.hs_meeting_start_time as timestamptz) as starts_at,
    try_cast(r.properties.hs_meeting_end_time as timestamptz) as ends_at,
    try_cast(r.properties.hs_timestamp as timestamptz) as happened_at,
    nullif(trim(r.properties.hubspot_owner_id), '') as owner_id,
    coalesce(try_cast(r.properties.hs_createdate as timestamptz), try_cast(r.createdAt as timestamptz)) as created_at,
    try_cast(r.updatedAt as timestamptz) as updated_at,
    coalesce(try_cast(r.archived as boolean), false) or r.gone_at is not null as archived,
    try_cast(r.gone_at as timestamptz) as gone_at,
    properties,
    received_at
from records
