-- Deals with the company they belong to.
-- Grain: deal_id. Owner: sales. Reads: staging.hubspot_deal, hubspot_deal_company, hubspot_pipeline_stage,
-- hubspot_owner, core.merged_company, core.merged_record.
with links as (
    -- A deal of a company that was merged away is one of the company that stayed.
    select a.deal_id, coalesce(m.merged_into, a.company_id) as company_id, a.is_primary
    from staging.hubspot_deal_company as a
    left join core.merged_company as m using (company_id)
    where a.company_id is not null
),

companies as (
    -- A deal may be tied to several companies; the primary one pays.
    select
        deal_id,
        arg_min(company_id, (not is_primary, try_cast(company_id as hugeint), company_id)) as company_id
    from links
    group by deal_id
)

select
    d.deal_id,
    c.company_id,
    d.name,
    d.kind,
    d.plan,
    d.interval,
    d.amount,
    d.list_amount,
    coalesce(upper(d.currency), r.currency) as currency,
    d.pipeline_id,
    s.pipeline_label as pipeline,
    d.stage,
    s.stage_label,
    coalesce(d.is_closed, s.is_closed, false) as is_closed,
    coalesce(d.is_won, false) as is_won,
    d.owner_id,
    o.name as owner_name,
    d.created_at,
    d.closed_at,
    d.starts_at,
    d.ends_at,
    d.archived or m.record_id is not null as archived,
    m.merged_into
from staging.hubspot_deal as d
cross join build.run as r
left join companies as c using (deal_id)
left join staging.hubspot_pipeline_stage as s
    on s.object = 'deal' and s.pipeline_id = d.pipeline_id and s.stage_id = d.stage
left join staging.hubspot_owner as o on o.owner_id = d.owner_id
left join core.merged_record as m on m.kind = 'deal' and m.record_id = d.deal_id
