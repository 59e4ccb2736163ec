-- Intercom admins as they stand now.
-- Grain: admin_id. Owner: support. Reads: raw.intercom_admins_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "name": "VARCHAR", "email": "VARCHAR"}'
        ) as r
    from raw.intercom_admins_current
)

select
    coalesce(nullif(r.id, ''), key) as admin_id,
    nullif(trim(r.name), '') as name,
    lower(nullif(trim(r.email), '')) as email,
    try_cast(r.gone_at as timestamptz) as gone_at,
    received_at
from records
