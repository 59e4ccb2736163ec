-- HubSpot tickets as they stand now; those of the pipeline Deliverables are deliverables.
-- Grain: ticket_id. Owner: delivery. Reads: raw.hubspot_tickets_current.
with records as (
    select
        key,
        received_at,
        run_id,
        list_filter(
            ['hs_pipeline', 'hs_pipeline_stage', 'tenfold_requested_at', 'tenfold_first_delivered_at'],
            lambda x: json_extract(body, '$.properties.' || x) is null
        ) as absent,
        json_extract(body, '$.properties') as properties,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "createdAt": "VARCHAR", "updatedAt": "VARCHAR", "archived": "VARCHAR",
              "properties": {"subject": "VARCHAR", "hs_pipeline": "VARCHAR", "hs_pipeline_stage": "VARCHAR",
               "createdate": "VARCHAR", "hs_lastmodifieddate": "VARCHAR", "closed_date": "VARCHAR",
               "hubspot_owner_id": "VARCHAR", "hs_merged_object_ids": "VARCHAR",
               "tenfold_deliverable_type": "VARCHAR",
               "tenfold_requested_at": "VARCHAR", "tenfold_first_delivered_at": "VARCHAR",
               "tenfold_errors_reported": "VARCHAR", "tenfold_reopened_count": "VARCHAR"}}'
        ) as r
    from raw.hubspot_tickets_current
)

select
    coalesce(nullif(r.id, ''), key) as ticket_id,
    nullif(trim(r.properties.subject), '') as subject,
    nullif(trim(r.properties.hs_pipeline), '') as pipeline_id,
    nullif(trim(r.properties.hs_pipeline_stage), '') as stage,
    coalesce(try_cast(r.properties.createdate as timestamptz), try_cast(r.createdAt as timestamptz)) as created_at,
    try_cast(r.properties.closed_date as timestamptz) as closed_at,
    nullif(trim(r.properties.hubspot_owner_id), '') as owner_id,
    nullif(trim(r.properties.tenfold_deliverable_type), '') as kind,
    try_cast(r.properties.tenfold_requested_at as timestamptz) as requested_at,
    try_cast(r.properties.tenfold_first_delivered_at as timestamptz) as first_delivered_at,
    try_cast(r.properties.tenfold_errors_reported as bigint) as errors_reported,
    try_cast(r.properties.tenfold_reopened_count as bigint) as reopened_count,
    list_filter(
        list_transform(string_split(coalesce(r.properties.hs_merged_object_ids, ''), ';'), lambda x: trim(x)),
        lambda x: x <> ''
    ) as merged_ids,
    try_cast(r.updatedAt as timestamptz) as updated_at,
    coalesce(try_cast(r.archived as boolean), false) or r.gone_at is not null as archived,
    try_cast(r.gone_at as timestamptz) as gone_at,
    properties,
    run_id,
    absent,
    received_at
from records
