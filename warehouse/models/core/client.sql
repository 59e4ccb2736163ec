-- One row per client: a company with at least one subscription, as it stands at the build's as_of.
-- Grain: client_id. Owner: customer success.
-- Reads: core.subscription, core.merged_person, core.merged_company, staging.hubspot_company, hubspot_owner,
-- hubspot_contact, hubspot_contact_company.
with periods as (
    select
        s.client_id,
        min(s.starts_at) as started_at,
        if(bool_or(s.ends_at is null), null, max(s.ends_at)) as last_end_at,
        bool_or(s.starts_at <= r.as_of and (s.ends_at is null or s.ends_at > r.as_of)) as is_active,
        sum(s.monthly_amount) filter (
            s.starts_at <= r.as_of and (s.ends_at is null or s.ends_at > r.as_of)
        ) as mrr,
        -- A price that is missing or in another currency is not a price of 0.
        bool_or(
            s.monthly_amount is null
            and s.starts_at <= r.as_of and (s.ends_at is null or s.ends_at > r.as_of)
        ) as is_unpriced,
        -- The plan now; of a client who left, the last one.
        arg_max(
            s.plan,
            (
                s.starts_at <= r.as_of and (s.ends_at is null or s.ends_at > r.as_of),
                s.starts_at <= r.as_of,
                s.starts_at,
                s.subscription_id
            )
        ) as plan,
        any_value(r.as_of) as as_of
    from core.subscription as s
    cross join build.run as r
    where s.client_id is not null
    group by s.client_id
),

links as (
    select contact_id, company_id from staging.hubspot_contact_company
    union
    select contact_id, company_id from staging.hubspot_contact where company_id is not null
),

-- Whoever belongs to a company that was merged away belongs to the one that stayed.
associations as (
    select distinct l.contact_id, coalesce(m.merged_into, l.company_id) as company_id
    from links as l
    left join core.merged_company as m using (company_id)
),

main_contacts as (
    select
        a.company_id,
        arg_min(c.contact_id, (c.created_at, try_cast(c.contact_id as hugeint), c.contact_id)) as person_id
    from associations as a
    inner join staging.hubspot_contact as c using (contact_id)
    where not c.archived and c.contact_id not in (select person_id from core.merged_person)
    group by a.company_id
),

items as (
    select
        c.company_id,
        l.item,
        try_cast(json_extract_string(c.properties, '$.' || l.property) as timestamptz) as done_at
    from staging.hubspot_company as c
    cross join playbook.checklist as l
    where l.required
),

onboardings as (
    select
        company_id,
        max(done_at) as last_done_at,
        list(item order by item) filter (done_at is null) as missing_items
    from items
    group by company_id
),

formers as (
    select merged_into as company_id, list(company_id order by company_id) as former_ids
    from core.merged_company
    group by merged_into
)

select
    p.client_id,
    p.client_id as company_id,
    c.name,
    c.domain,
    c.industry,
    c.country,
    c.language,
    c.acquisition_source as source,
    c.owner_id,
    o.name as owner_name,
    p.started_at,
    -- An end that is agreed but still ahead is a notice, not an end.
    if(p.last_end_at <= p.as_of, p.last_end_at, null) as ended_at,
    if(p.last_end_at > p.as_of, p.last_end_at, null) as notice_ends_at,
    p.is_active,
    if(p.is_unpriced, null, coalesce(p.mrr, 0)) as mrr,
    p.plan,
    m.person_id as main_person_id,
    if(b.missing_items is null, b.last_done_at, null) as onboarding_completed_at,
    coalesce(b.missing_items, []::varchar[]) as missing_items,
    coalesce(c.archived, false) as archived,
    -- What was done for a client under another id was done for it.
    coalesce(f.former_ids, []::varchar[]) as former_ids
from periods as p
left join staging.hubspot_company as c on c.company_id = p.client_id
left join staging.hubspot_owner as o on o.owner_id = c.owner_id
left join main_contacts as m on m.company_id = p.client_id
left join onboardings as b on b.company_id = p.client_id
left join formers as f on f.company_id = p.client_id
