-- Intercom segments as they stand now.
-- Grain: segment_id. Owner: support. Reads: raw.intercom_segments_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"gone_at": "VARCHAR", "id": "VARCHAR", "name": "VARCHAR", "person_type": "VARCHAR",
              "count": "VARCHAR", "created_at": "VARCHAR", "updated_at": "VARCHAR"}'
        ) as r
    from raw.intercom_segments_current
)

select
    coalesce(nullif(r.id, ''), key) as segment_id,
    nullif(trim(r.name), '') as name,
    nullif(r.person_type, '') as person_type,
    -- Empty unless the read asked for it.
    try_cast(r.count as bigint) as members,
    to_timestamp(try_cast(r.created_at as bigint)) as created_at,
    to_timestamp(try_cast(r.updated_at as bigint)) as updated_at,
    try_cast(r.gone_at as timestamptz) as gone_at,
    received_at
from records
