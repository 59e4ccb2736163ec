-- Stages of the deal and ticket pipelines; a pipeline without stages is one row without a stage.
-- Grain: object, pipeline_id, stage_id. Owner: sales.
-- Reads: raw.hubspot_deal_pipelines_current, raw.hubspot_ticket_pipelines_current.
with pipelines as (
    select 'deal' as object, key, received_at, body from raw.hubspot_deal_pipelines_current
    union all
    select 'ticket', key, received_at, body from raw.hubspot_ticket_pipelines_current
),

records as (
    select
        object,
        key,
        received_at,
        from_json(
            body,
            '{"gone_at": "VARCHAR",
              "id": "VARCHAR", "pipelineId": "VARCHAR", "label": "VARCHAR", "archived": "VARCHAR",
              "stages": [{"id": "VARCHAR", "stageId": "VARCHAR", "label": "VARCHAR", "displayOrder": "VARCHAR",
                          "archived": "VARCHAR", "metadata": {"isClosed": "VARCHAR", "probability": "VARCHAR",
                                                              "ticketState": "VARCHAR"}}]}'
        ) as r
    from pipelines
),

stages as (
    select object, key, received_at, r, unnest(if(len(r.stages) > 0, r.stages, [null])) as s
    from records
)

select
    object,
    -- Older answers say pipelineId and stageId.
    coalesce(nullif(r.id, ''), nullif(r.pipelineId, ''), key) as pipeline_id,
    nullif(trim(r.label), '') as pipeline_label,
    coalesce(nullif(s.id, ''), nullif(s.stageId, '')) as stage_id,
    nullif(trim(s.label), '') as stage_label,
    try_cast(s.displayOrder as integer) as position,
    coalesce(try_cast(s.metadata.isClosed as boolean), s.metadata.ticketState = 'CLOSED', false) as is_closed,
    try_cast(s.metadata.probability as double) as probability,
    coalesce(try_cast(r.archived as boolean), false) or coalesce(try_cast(s.archived as boolean), false)
        or r.gone_at is not null as archived,
    try_cast(r.gone_at as timestamptz) as gone_at,
    received_at
from stages
