-- Intercom teams as they stand now.
-- Grain: team_id. Owner: support. Reads: raw.intercom_teams_current.
with records as (
    select
        key,
        received_at,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "name": "VARCHAR"}'
        ) as r
    from raw.intercom_teams_current
)

select
    coalesce(nullif(r.id, ''), key) as team_id,
    nullif(trim(r.name), '') as name,
    try_cast(r.gone_at as timestamptz) as gone_at,
    received_at
from records
