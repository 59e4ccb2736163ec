-- Mailchimp tags as they stand now.
-- Grain: tag_id. Owner: marketing. Reads: raw.mailchimp_tags_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "name": "VARCHAR", "list_id": "VARCHAR"}'
        ) as r
    from raw.mailchimp_tags_current
)

select
    coalesce(nullif(r.id, ''), key) as tag_id,
    nullif(trim(r.name), '') as name,
    nullif(trim(r.list_id), '') as list_id,
    try_cast(r.gone_at as timestamptz) as gone_at,
    received_at
from records
