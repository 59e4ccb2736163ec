-- Intercom's types of ticket as they stand now.
-- Grain: type_id. Owner: support. Reads: raw.intercom_ticket_types_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"gone_at": "VARCHAR", "id": "VARCHAR", "name": "VARCHAR", "description": "VARCHAR",
              "category": "VARCHAR", "archived": "VARCHAR", "created_at": "VARCHAR", "updated_at": "VARCHAR"}'
        ) as r
    from raw.intercom_ticket_types_current
)

select
    coalesce(nullif(r.id, ''), key) as type_id,
    nullif(trim(r.name), '') as name,
    nullif(trim(r.description), '') as description,
    lower(nullif(r.category, '')) as category,
    to_timestamp(try_cast(r.created_at as bigint)) as created_at,
    to_timestamp(try_cast(r.updated_at as bigint)) as updated_at,
    coalesce(try_cast(r.archived as boolean), false) or r.gone_at is not null as archived,
    try_cast(r.gone_at as timestamptz) as gone_at,
    received_at
from records
