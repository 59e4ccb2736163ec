-- Work delivered to clients: HubSpot tickets of the pipeline Deliverables.
-- Grain: deliverable_id. Owner: delivery. Reads: staging.hubspot_ticket, hubspot_ticket_company,
-- hubspot_pipeline_stage, hubspot_owner, core.client, core.merged_company, core.merged_record.
with pipelines as (
    select distinct pipeline_id
    from staging.hubspot_pipeline_stage
    where object = 'ticket' and lower(pipeline_label) = 'deliverables'
),

stages as (
    select pipeline_id, stage_id, any_value(stage_label) as stage_label, bool_or(is_closed) as is_closed
    from staging.hubspot_pipeline_stage
    where object = 'ticket'
    group by all
),

links as (
    select a.ticket_id, coalesce(m.merged_into, a.company_id) as company_id, a.is_primary
    from staging.hubspot_ticket_company as a
    left join core.merged_company as m using (company_id)
    where a.company_id is not null
),

companies as (
    select
        ticket_id,
        arg_min(company_id, (not is_primary, try_cast(company_id as hugeint), company_id)) as company_id
    from links
    group by ticket_id
)

select
    t.ticket_id as deliverable_id,
    c.company_id,
    k.client_id,
    t.kind,
    t.subject,
    t.stage,
    s.stage_label,
    coalesce(s.is_closed, false) as is_closed,
    t.owner_id,
    o.name as owner_name,
    t.requested_at,
    t.first_delivered_at,
    t.errors_reported,
    t.reopened_count,
    t.created_at,
    t.closed_at,
    t.archived or m.record_id is not null as archived,
    m.merged_into
from staging.hubspot_ticket as t
inner join pipelines as p using (pipeline_id)
left join stages as s on s.pipeline_id = t.pipeline_id and s.stage_id = t.stage
left join companies as c using (ticket_id)
left join core.client as k on k.client_id = c.company_id
left join staging.hubspot_owner as o on o.owner_id = t.owner_id
left join core.merged_record as m on m.kind = 'ticket' and m.record_id = t.ticket_id
