-- Mailchimp audiences as they stand now.
-- Grain: list_id. Owner: marketing. Reads: raw.mailchimp_lists_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "name": "VARCHAR", "date_created": "VARCHAR",
              "stats": {"member_count": "VARCHAR", "unsubscribe_count": "VARCHAR", "cleaned_count": "VARCHAR"}}'
        ) as r
    from raw.mailchimp_lists_current
)

select
    coalesce(nullif(r.id, ''), key) as list_id,
    nullif(trim(r.name), '') as name,
    try_cast(r.date_created as timestamptz) as created_at,
    try_cast(r.stats.member_count as bigint) as member_count,
    try_cast(r.stats.unsubscribe_count as bigint) as unsubscribe_count,
    try_cast(r.stats.cleaned_count as bigint) as cleaned_count,
    try_cast(r.gone_at as timestamptz) as gone_at,
    received_at
from records
