-- HubSpot owners (the people of the team) as they stand now.
-- Grain: owner_id. Owner: sales. Reads: raw.hubspot_owners_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "email": "VARCHAR", "firstName": "VARCHAR", "lastName": "VARCHAR",
              "userId": "VARCHAR", "archived": "VARCHAR"}'
        ) as r
    from raw.hubspot_owners_current
)

select
    coalesce(nullif(r.id, ''), key) as owner_id,
    lower(nullif(trim(r.email), '')) as email,
    nullif(trim(concat_ws(' ', r.firstName, r.lastName)), '') as name,
    nullif(trim(r.userId), '') as user_id,
    coalesce(try_cast(r.archived as boolean), false) or r.gone_at is not null as archived,
    try_cast(r.gone_at as timestamptz) as gone_at,
    received_at
from records
