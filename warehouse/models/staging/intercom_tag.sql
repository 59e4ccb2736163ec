-- Intercom tags as they stand now.
-- Grain: tag_id. Owner: support. Reads: raw.intercom_tags_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "name": "VARCHAR"}'
        ) as r
    from raw.intercom_tags_current
)

select
    coalesce(nullif(r.id, ''), key) as tag_id,
    nullif(trim(r.name), '') as name,
    try_cast(r.gone_at as timestamptz) as gone_at,
    received_at
from records
