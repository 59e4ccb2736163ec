-- What the followed properties of each contact were, and since when (its life cycle stage).
-- Grain: contact_id, property, position. Owner: sales. Reads: raw.hubspot_contact_history_current.
with properties as (
    select
        coalesce(nullif(body ->> '$.id', ''), key) as contact_id,
        received_at,
        try_cast(body ->> '$.gone_at' as timestamptz) as gone_at,
        unnest(json_keys(body, '$.propertiesWithHistory')) as property,
        body
    from raw.hubspot_contact_history_current
),

records as (
    select
        * exclude (body),
        from_json(
            json_extract(body, '$.propertiesWithHistory."' || property || '"'),
            '[{"value": "VARCHAR", "timestamp": "VARCHAR", "sourceType": "VARCHAR", "sourceId": "VARCHAR"}]'
        ) as versions
    from properties
),

versions as (
    select
        * exclude (versions),
        unnest(versions) as v,
        generate_subscripts(versions, 1) as position
    from records
)

select
    contact_id,
    property,
    position,
    nullif(trim(v.value), '') as value,
    try_cast(v.timestamp as timestamptz) as set_at,
    nullif(trim(v.sourceType), '') as source_type,
    nullif(trim(v.sourceId), '') as source_id,
    gone_at,
    received_at
from versions
