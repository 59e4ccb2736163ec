-- HubSpot tasks as they stand now.
-- Grain: task_id. Owner: customer success. Reads: raw.hubspot_tasks_current.
with records as (
    select
        key,
        received_at,
        json_extract(body, '$.properties') as properties,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "createdAt": "VARCHAR", "updatedAt": "VARCHAR", "archived": "VARCHAR",
              "properties": {"hs_task_subject": "VARCHAR", "hs_task_body": "VARCHAR", "hs_task_status": "VARCHAR",
               "hs_task_priority": "VARCHAR", "hs_task_type": "VARCHAR", "hs_timestamp": "VARCHAR",
               "hubspot_owner_id": "VARCHAR", "hs_createdate": "VARCHAR",
               "hs_lastmodifieddate": "VARCHAR"}}'
        ) as r
    from raw.hubspot_tasks_current
)

select
    coalesce(nullif(r.id, ''), key) as task_id,
    nullif(trim(r.properties.hs_task_subject), '') as subject,
    nullif(trim(r.properties.hs_task_body), '') as body,
    nullif(trim(r.properties.hs_task_status), '') as status,
    nullif(trim(r.properties.hs_task_priority), '') as priority,
    nullif(trim(r.properties.hs_task_type), '') as kind,
    try_cast(r.properties.hs_timestamp as timestamptz) as due_at,
    nullif(trim(r.properties.hubspot_owner_id), '') as owner_id,
    coalesce(try_cast(r.properties.hs_createdate as timestamptz), try_cast(r.createdAt as timestamptz)) as created_at,
    try_cast(r.updatedAt as timestamptz) as updated_at,
    coalesce(try_cast(r.archived as boolean), false) or r.gone_at is not null as archived,
    try_cast(r.gone_at as timestamptz) as gone_at,
    properties,
    received_at
from records
